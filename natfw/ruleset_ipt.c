/* SPDX-License-Identifier: ISC */
/* ruleset_ipt.c - lines, chains and targets. Runs in: any */
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>
#include "base/limits.h"
#include "natfw/ipt_leaf.h"
#include "natfw/iptopt.h"
#include "natfw/ruleset_ipt.h"
#include "sys/proc_why.h"

#define CUT_MAX	4096	/* proc.h cuts a longer line */
/* For 60000 rules of upnpd, which are listed with the others. */
#define RUN_MS		(PROC_LIST_DEADLINE_MS + 60000 / 4)
/* Beside a target's verdict: */
#define UNSURE		0x80	/* it may do something else */
#define LOGS		0x40	/* it leaves the packet as it is */

/* ---- targets ------------------------------------------------------- */

static const struct target {
	char name[16];
	uint8_t verdict;
} targets[] = {
	{ "ACCEPT", RULESET_ACCEPT }, { "DROP", RULESET_DROP },
	{ "REJECT", RULESET_DROP }, { "RETURN", RULESET_RETURN },
	{ "QUEUE", RULESET_QUEUE }, { "NFQUEUE", RULESET_QUEUE },
	{ "DNAT", RULESET_DNAT }, { "REDIRECT", RULESET_DNAT },
	{ "SNAT", RULESET_SNAT }, { "MASQUERADE", RULESET_SNAT },
	{ "NETMAP", RULESET_DNAT },
	/* OpenWrt: translates back only what it has translated before */
	{ "FULLCONENAT", RULESET_DNAT | UNSURE },
	{ "AUDIT", RULESET_CONTINUE | LOGS }, { "CHECKSUM", RULESET_CONTINUE },
	{ "CLASSIFY", RULESET_CONTINUE }, { "CONNMARK", RULESET_CONTINUE },
	{ "CONNSECMARK", RULESET_CONTINUE }, { "CT", RULESET_CONTINUE },
	{ "DSCP", RULESET_CONTINUE }, { "ECN", RULESET_CONTINUE },
	{ "FLOWOFFLOAD", RULESET_CONTINUE }, { "HL", RULESET_CONTINUE },
	{ "HMARK", RULESET_CONTINUE }, { "IDLETIMER", RULESET_CONTINUE },
	{ "LED", RULESET_CONTINUE }, { "LOG", RULESET_CONTINUE | LOGS },
	{ "MARK", RULESET_CONTINUE }, { "NFLOG", RULESET_CONTINUE | LOGS },
	{ "NOTRACK", RULESET_CONTINUE }, { "RATEEST", RULESET_CONTINUE },
	{ "SECMARK", RULESET_CONTINUE }, { "SET", RULESET_CONTINUE },
	{ "TCPMSS", RULESET_CONTINUE },
	{ "TCPOPTSTRIP", RULESET_CONTINUE }, { "TEE", RULESET_CONTINUE },
	{ "TOS", RULESET_CONTINUE }, { "TRACE", RULESET_CONTINUE | LOGS },
	{ "TTL", RULESET_CONTINUE }, { "ULOG", RULESET_CONTINUE | LOGS },
};

static const struct target *find_target(struct str name)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (str_eq(name, str_z(targets[i].name)))
			return &targets[i];
	return NULL;
}

/* NETMAP translates the source behind the routing decision. */
static uint8_t verdict_of(const struct ruleset_chain *here, uint8_t verdict)
{
	bool source = here->hook == NF_INET_POST_ROUTING ||
		      here->hook == NF_INET_LOCAL_IN;

	return source && verdict == RULESET_DNAT ? RULESET_SNAT : verdict;
}

/* @ours: a chain or rule of upnpd was read */
static void note_left(const struct ruleset_ipt *ipt, bool ours)
{
	struct ruleset *rs = ipt->rules;

	(ipt->family == NFPROTO_IPV6 ? rs->leftover6 : rs->leftover)
		[ipt->kind] |= ours;
}

/* Set the verdict of a rule. A target that is neither known nor a chain may do
 * anything. */
static void set_target(const struct ruleset_ipt *ipt, struct iptopt *opt,
		       struct ruleset_rule *r)
{
	struct ruleset *rs = ipt->rules;
	const struct target *t = opt->go ? NULL : find_target(opt->target);

	r->ours = ipt_leaf_is_ours(opt->target);
	note_left(ipt, r->ours);
	if (t) {
		r->verdict = verdict_of(&rs->chain[r->chain],
					t->verdict & ~(UNSURE | LOGS));
		r->log = t->verdict & LOGS;
		if (t->verdict & UNSURE)
			iptopt_unknown(opt);
		return;
	}
	if (!opt->target.n) {	/* it counts; an unknown match may do more */
		r->log = !opt->unknown;
		return;
	}
	r->target = ruleset_find_chain(rs, ipt->table, opt->target);
	r->verdict = opt->go ? RULESET_GOTO : RULESET_JUMP;
	if (r->target == RULESET_NONE) {
		r->verdict = RULESET_QUEUE;
		iptopt_unknown(opt);
	}
}

/* ---- rules --------------------------------------------------------- */

/* Fill the rule, which has no conditions yet, and add one behind it for each
 * other way. */
static void fill_rule(const struct ruleset_ipt *ipt, struct iptopt *opt,
		      uint32_t rule)
{
	struct ruleset_rule *r = &ipt->rules->rule[rule], *other;
	unsigned way = 0;

	set_target(ipt, opt, r);
	iptopt_put(opt, way);
	while (++way < iptopt_ways(opt)) {
		rule = ruleset_add_rule_after(ipt->rules, rule);
		if (rule == RULESET_NONE)
			return;
		other = &ipt->rules->rule[rule];
		other->verdict = r->verdict;
		other->target = r->target;
		other->ours = r->ours;
		other->log = r->log;
		iptopt_put(opt, way);
	}
}

/* The rule of the dump in the place of this line; RULESET_NONE if there is
 * none, or there was no room for it. A rule that is two in the model has one
 * number. */
static uint32_t next_rule(struct ruleset_ipt *ipt)
{
	const struct ruleset_rule *rule = ipt->rules->rule;
	uint32_t here = ipt->next, next = here;

	ipt->number++;
	if (here == RULESET_NONE || rule[here].number != ipt->number)
		return RULESET_NONE;
	while (next != RULESET_NONE && rule[next].number == rule[here].number)
		next = rule[next].next;
	ipt->next = next;
	return here;
}

static void add_rule(struct ruleset_ipt *ipt, struct str line, bool whole)
{
	struct iptopt opt = { .rules = ipt->rules, .table = ipt->table };
	struct ruleset *rs = ipt->rules;
	uint32_t rule;

	if (ipt->replace) {
		ipt->missing--;
		rule = next_rule(ipt);
		if (rule == RULESET_NONE || !rs->rule[rule].xt)
			return;
		ruleset_redo_rule(rs, rule);
		iptopt_read(&opt, line);
	} else {
		iptopt_read(&opt, line);
		rule = ipt_leaf_is_ours(opt.target) ?
		       ruleset_add_own_rule(rs, ipt->chain) :
		       ruleset_add_rule(rs, ipt->chain);
		if (rule == RULESET_NONE)
			return;
	}
	if (!whole) {
		iptopt_unknown(&opt);
		opt.target = STR("(cut)");
	}
	fill_rule(ipt, &opt, rule);
}

/* ---- chains -------------------------------------------------------- */

/* Is it a chain of upnpd? Its thousands of rules follow each other. */
static bool is_ours(struct ruleset_ipt *ipt, struct str name)
{
	if (!str_starts(name, STR(IPT_ACCEPT_CHAIN)))
		return false;
	if (str_eq(name, str_z(ipt->name)))
		return true;
	if (!ipt_leaf_is_ours(name))
		return false;
	str_copy(ipt->name, sizeof(ipt->name), name);
	return true;
}

/* Where the kernel hooks the chain, unless the dump has shown it. */
static void hook_chain(const char *table, struct ruleset_chain *c)
{
	static const struct {
		char table[12], chain[12];
		int hook, priority;
	} hooks[] = {
		{ "raw", "PREROUTING", NF_INET_PRE_ROUTING, -300 },
		{ "raw", "OUTPUT", NF_INET_LOCAL_OUT, -300 },
		{ "mangle", "PREROUTING", NF_INET_PRE_ROUTING, -150 },
		{ "mangle", "INPUT", NF_INET_LOCAL_IN, -150 },
		{ "mangle", "FORWARD", NF_INET_FORWARD, -150 },
		{ "mangle", "OUTPUT", NF_INET_LOCAL_OUT, -150 },
		{ "mangle", "POSTROUTING", NF_INET_POST_ROUTING, -150 },
		{ "nat", "PREROUTING", NF_INET_PRE_ROUTING, -100 },
		{ "nat", "INPUT", NF_INET_LOCAL_IN, 100 },
		{ "nat", "OUTPUT", NF_INET_LOCAL_OUT, -100 },
		{ "nat", "POSTROUTING", NF_INET_POST_ROUTING, 100 },
		{ "filter", "INPUT", NF_INET_LOCAL_IN, 0 },
		{ "filter", "FORWARD", NF_INET_FORWARD, 0 },
		{ "filter", "OUTPUT", NF_INET_LOCAL_OUT, 0 },
		{ "security", "INPUT", NF_INET_LOCAL_IN, 50 },
		{ "security", "FORWARD", NF_INET_FORWARD, 50 },
		{ "security", "OUTPUT", NF_INET_LOCAL_OUT, 50 },
	};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++) {
		if (strcmp(table, hooks[i].table) ||
		    strcmp(c->name, hooks[i].chain))
			continue;
		c->hook = hooks[i].hook;
		c->priority = hooks[i].priority;
		c->nat = !strcmp(table, "nat");
	}
}

/* ":FORWARD DROP [0:0]". Of upnpd's chains those that others could jump to are
 * in the model. */
static void begin_chain(struct ruleset_ipt *ipt, struct str line)
{
	struct ruleset *rs = ipt->rules;
	struct str name, policy = STR("");
	uint32_t known = rs->chain_n, at;
	struct ruleset_chain *c;
	bool ours;

	if (!str_word(&line, &name))
		return;
	str_word(&line, &policy);
	ours = is_ours(ipt, name);
	note_left(ipt, ours);
	if (ours && !str_eq(name, STR(IPT_ACCEPT_CHAIN)) &&
	    !str_eq(name, STR(IPT_SNAT_CHAIN)))
		return;
	at = ruleset_add_chain(rs, ipt->table, name);
	if (at == RULESET_NONE)
		return;
	c = &rs->chain[at];
	c->ours |= ours;
	if (ipt->replace && !c->ours)
		ipt->missing += c->counted;
	if (at < known)		/* from the dump */
		return;
	c->drop = str_eq(policy, STR("DROP"));
	hook_chain(rs->table[ipt->table].name, c);
}

/* "-A CHAIN ..." */
static void begin_rule(struct ruleset_ipt *ipt, struct str line, bool whole)
{
	struct ruleset *rs = ipt->rules;
	struct str name;

	if (!str_word(&line, &name))
		return;
	if (is_ours(ipt, name)) {
		note_left(ipt, true);
		return;
	}
	if (ipt->chain == RULESET_NONE ||
	    !str_eq(name, str_z(rs->chain[ipt->chain].name))) {
		ipt->number = 0;
		ipt->chain = ruleset_find_chain(rs, ipt->table, name);
		ipt->next = ipt->chain == RULESET_NONE ? RULESET_NONE :
			    rs->chain[ipt->chain].first;
	}
	if (ipt->chain == RULESET_NONE)
		ipt->changed = true;
	else
		add_rule(ipt, line, whole);
}

/* ---- lines --------------------------------------------------------- */

/* Has the table rules in the model? */
static bool has_rules(const struct ruleset *rs, uint32_t table)
{
	for (uint32_t i = 0; i < rs->chain_n; i++)
		if (rs->chain[i].table == table && rs->chain[i].counted)
			return true;
	return false;
}

/* "*filter" */
static void begin_table(struct ruleset_ipt *ipt, struct str name)
{
	ipt->table = ruleset_add_table(ipt->rules, ipt->kind, ipt->family,
				       name);
	ipt->inside = ipt->table != RULESET_NONE;
	ipt->chain = ipt->next = RULESET_NONE;
	ipt->missing = 0;
	ipt->replace = has_rules(ipt->rules, ipt->table);
	ipt->rules->listed[ipt->kind] = true;
	*ipt->name = '\0';
}

/* "COMMIT" */
static void end_table(struct ruleset_ipt *ipt)
{
	ipt->changed |= ipt->replace && ipt->missing;
	ipt->inside = false;
}

/* "# Table `filter' is incompatible, use 'nft' tool." It prints a table that
 * only "contains incompatible base-chains", without these. */
static bool is_refusal(struct str line)
{
	struct str word;

	return str_starts(line, STR("# Table ")) && str_word(&line, &word) &&
	       str_word(&line, &word) && str_word(&line, &word) &&
	       str_word(&line, &word) && str_eq(word, STR("is"));
}

void ruleset_ipt_line(void *arg, struct str line)
{
	struct ruleset_ipt *ipt = arg;
	bool whole = line.n < CUT_MAX;

	line = str_trim(line);
	if (str_starts(line, STR("*")))
		begin_table(ipt, str_skip(line, 1));
	else if (is_refusal(line))
		ipt->refused = true;
	else if (!ipt->inside)
		return;
	else if (str_starts(line, STR(":")))
		begin_chain(ipt, str_skip(line, 1));
	else if (str_starts(line, STR("-A ")))
		begin_rule(ipt, str_skip(line, 3), whole);
	else if (str_eq(line, STR("COMMIT")))
		end_table(ipt);
}

static int tool_error(struct ruleset *rs, const struct proc *proc, int rc)
{
	const char *const *argv = proc->argv;
	char text[sizeof(proc->err)];
	struct wr why = wr_init_cut(text, sizeof(text));

	proc_why(proc, rc, &why);
	ruleset_incomplete(rs, "", "%s -t %s: %s", argv[0], argv[2],
			   wr_cstr(&why));
	return rc < 0 ? rc : -EIO;
}

int ruleset_ipt_read(struct ruleset *rs, enum ruleset_kind kind, uint8_t family,
		     const char *tool, const char *table)
{
	const char *const argv[] = { tool, "-t", table, NULL };
	struct ruleset_ipt ipt = {
		.rules = rs, .kind = kind, .family = family,
	};
	struct proc proc = {
		.argv = argv, .line = ruleset_ipt_line, .arg = &ipt,
		.deadline_ms = RUN_MS,
	};
	int rc = proc_run(&proc);

	if (rc)
		return tool_error(rs, &proc, rc);
	if (ipt.refused)
		return -EOPNOTSUPP;
	/* if the model is full, it has fewer rules than the list */
	return (ipt.changed || ipt.inside) && !*rs->why ? -EINTR : 0;
}
