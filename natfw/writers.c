/* SPDX-License-Identifier: ISC */
/*
 * writers.c - runs the backends in use, and opens those that are needed.
 *
 * Never does: use a tool's syntax; change the tables.
 * Runs in: any
 */
#include <errno.h>
#include <string.h>
#include <time.h>
#include "base/mem.h"
#include "natfw/backend.h"
#include "natfw/ipt_tool.h"
#include "natfw/place.h"
#include "natfw/ruleset.h"
#include "natfw/writers.h"
#include "sys/netlink.h"

#define READ_PAUSE_NS	20000000	/* before the next try */

static const struct natfw_backend *const backends[RULESET_KINDS] = {
	[RULESET_NATIVE] = &natfw_netlink,
	[RULESET_IPT_NFT] = &natfw_iptables_nft,
	[RULESET_IPT_LEGACY] = &natfw_iptables_legacy,
};

/* Can accepts be written into chains of that kind? Netlink, unless it was left
 * out of the build, needs no tool, and whether the kernel can translate does not
 * matter. */
static bool has_writer(const struct natfw *fw, enum ruleset_kind kind, bool ip6)
{
	if (kind == RULESET_NATIVE)
		return backends[kind]->open;
	return ip6 ? ipt_tool_of(kind, true) != NULL :
		     backends[kind]->usable(&fw->env);
}

/* The backend for accepts of that kind, or NULL. */
static const struct natfw_backend *find_backend(const struct natfw *fw,
						enum ruleset_kind kind)
{
	return has_writer(fw, kind, false) || has_writer(fw, kind, true) ?
	       backends[kind] : NULL;
}

/* Writer number @i in the order of use: the one that translates is the last,
 * so that a port is open before it is translated. */
static struct natfw_writer *writer_at(struct natfw *fw, unsigned i)
{
	return &fw->writer[(fw->translator + 1 + i) % RULESET_KINDS];
}

const struct natfw_backend *writers_translator(const struct natfw *fw)
{
	return fw->writer[fw->translator].be;
}

/* ---- the model ----------------------------------------------------- */

static enum ruleset_kind kind_at(const struct natfw *fw, size_t place)
{
	return ruleset_table_of(fw->rules, fw->places->at[place].chain)->kind;
}

static struct ipt_print read_legacy(const struct natfw *fw)
{
	if (!fw->legacy_buf)
		return (struct ipt_print){ .known = true, .own_known = true };
	return ipt_print_all(backend_has_ip6(&fw->env), fw->legacy_buf,
			     NATFW_LEGACY_MAX);
}

bool writers_have_legacy(const struct natfw *fw)
{
	return fw->legacy.any || !fw->legacy.known ||
	       fw->writer[RULESET_IPT_LEGACY].be;
}

bool writers_changed(struct natfw *fw, struct ipt_print *ret)
{
	struct ipt_print now = read_legacy(fw);

	if (ret)
		*ret = now;
	if (!ipt_print_same(&now, &fw->legacy))
		return true;
	fw->legacy = now;	/* with our own rules */
	return false;
}

static void use_places(struct natfw *fw, const struct places *new)
{
	memcpy(fw->places, new, sizeof(*new));
	fw->places_no++;
	for (unsigned k = 0; k < RULESET_KINDS; k++)
		fw->writer[k].accepts = false;
	for (size_t p = 0; p < fw->places->n; p++)
		fw->writer[kind_at(fw, p)].accepts = true;
}

static bool uses_tool(const struct natfw *fw)
{
	for (unsigned k = 0; k < RULESET_KINDS; k++)
		if (fw->writer[k].be && k != RULESET_NATIVE)
			return true;
	return false;
}

/* Return: 1 there is more to read, 0, -errno */
static int read_rules(struct natfw *fw)
{
	const struct timespec pause = { .tv_nsec = READ_PAUSE_NS };
	const bool whole = !fw->places_no || uses_tool(fw);
	int rc, tries = whole ? NL_TRIES : 1;

	while ((rc = ruleset_read_some(&fw->reading, fw->next_rules,
				       whole ? UINT64_MAX : NATFW_READ_US)) ==
	       -EINTR && --tries)
		nanosleep(&pause, NULL);
	return rc;
}

static void put_why_unread(struct natfw *fw, int rc)
{
	struct wr w = wr_init_cut(fw->why, sizeof(fw->why));

	wr_fmt(&w, "reading the rules: %s", rc == -EINTR ?
	       "they changed during each try" : strerror(-rc));
	if (rc == -EPERM)
		wr_z(&w, "; CAP_NET_ADMIN is needed");
	wr_cstr(&w);
}

/* Is a table missing that may have our rules? By such a model the writer would
 * remove its accepts. */
static bool lacks_ours(struct natfw *fw, const struct ruleset *rs)
{
	for (unsigned k = 0; k < RULESET_KINDS; k++)
		if (rs->unread[k] && fw->writer[k].be)
			return true;
	return false;
}

int writers_look(struct natfw *fw)
{
	struct ruleset *read = fw->next_rules;
	struct places places;
	bool lacks;
	int rc;

	if (!fw->rules)
		return 0;
	rc = read_rules(fw);
	lacks = !rc && lacks_ours(fw, read);
	rc = lacks ? -EIO : rc;
	fw->rules_stale = rc != 0;
	if (!rc) {
		fw->next_rules = fw->rules;
		fw->rules = read;
		ruleset_clear(fw->next_rules);
		place_find(fw->rules, &fw->env, &places);
		use_places(fw, &places);
		return 0;
	}
	if (rc > 0)
		return -EINPROGRESS;
	if (lacks)
		str_copy(fw->why, sizeof(fw->why), str_z(read->why));
	else if (rc != -EINTR || !fw->places_no)
		put_why_unread(fw, rc);
	/* without its place, a writer would leave out an accept */
	fw->dirty |= rc != -EINTR;
	return rc;
}

/* The fingerprint comes first, so that a change beside the comparison is
 * noticed. */
int writers_read(struct natfw *fw)
{
	const struct ipt_print now = read_legacy(fw);
	int rc = writers_look(fw);

	if (!rc)
		fw->legacy = now;
	return rc;
}

/* There was no time to read the rules. The environment may have changed. */
static void use_old_rules(struct natfw *fw)
{
	struct places places;

	fw->legacy = read_legacy(fw);
	place_find(fw->rules, &fw->env, &places);
	if (memcmp(&places, fw->places, sizeof(places)))
		use_places(fw, &places);
}

bool writers_left(const struct natfw *fw)
{
	for (unsigned k = 0; fw->rules && k < RULESET_KINDS; k++)
		if (fw->rules->leftover[k] || fw->rules->leftover6[k])
			return true;
	return false;
}

bool writers_placed(const struct natfw *fw)
{
	for (unsigned k = 0; fw->rules && k < RULESET_KINDS; k++) {
		const struct natfw_writer *w = &fw->writer[k];

		if (!w->be && w->accepts && find_backend(fw, k))
			return false;
		if (w->be && w->be->placed && !w->be->placed(fw, w))
			return false;
	}
	return true;
}

static void put_missing(const struct natfw *fw, size_t place, struct wr *why)
{
	const struct place *at = &fw->places->at[place];

	enum ruleset_kind kind = kind_at(fw, place);

	ruleset_chain_name(fw->rules, at->chain, why);
	if (kind == RULESET_NATIVE)
		wr_z(why, " drops it, and upnpd was built without netlink");
	else if (!ipt_tool_built())
		wr_z(why, " drops it, and upnpd was built without iptables");
	else
		wr_fmt(why, " drops it, and %s%s-restore is not installed",
		       at->family == ADDR_IP6 ? "ip6tables-" : "iptables-",
		       kind == RULESET_IPT_NFT ? "nft" : "legacy");
}

/* Nobody knows what a table drops that cannot be read. */
static bool unread(const struct natfw *fw, uint8_t family, struct wr *why)
{
	if (family != ADDR_IP6 || !fw->rules || !fw->rules->unknown6)
		return false;
	if (why)
		wr_z(why, "ip6tables-legacy has tables, and cannot list them:"
		     " is ip6tables-legacy-save installed?");
	return true;
}

bool writers_missing(const struct natfw *fw, uint8_t family, struct wr *why)
{
	for (size_t p = 0; fw->rules && p < fw->places->n; p++) {
		enum ruleset_kind kind = kind_at(fw, p);

		if (fw->places->at[p].family != family ||
		    (family == ADDR_IP4 && fw->writer[kind].be) ||
		    has_writer(fw, kind, family == ADDR_IP6))
			continue;
		if (why)
			put_missing(fw, p, why);
		return true;
	}
	return unread(fw, family, why);
}

/* ---- open and close ------------------------------------------------ */

static int open_writer(struct natfw *fw, enum ruleset_kind kind,
		       const struct natfw_backend *be, bool translates)
{
	struct natfw_writer *w = &fw->writer[kind];

	w->be = be;
	w->translates = translates;
	return be->open(fw, w);
}

int writers_open(struct natfw *fw, const struct natfw_backend *be)
{
	fw->translator = be->kind;
	return open_writer(fw, fw->translator, be, true);
}

/* Open what has a place and is not in use. Return: 0 or -errno */
static int open_needed(struct natfw *fw)
{
	const struct natfw_backend *be;
	int rc = 0, one;

	for (unsigned k = 0; k < RULESET_KINDS; k++) {
		if (fw->writer[k].be || !fw->writer[k].accepts)
			continue;
		be = find_backend(fw, k);
		one = be ? open_writer(fw, k, be, false) : 0;
		rc = one ? one : rc;
	}
	return rc;
}

void writers_close(struct natfw *fw)
{
	for (unsigned i = RULESET_KINDS; i-- > 0;) {
		struct natfw_writer *w = writer_at(fw, i);

		if (w->be)
			w->be->close(fw, w);
		*w = (struct natfw_writer){ 0 };
	}
}

/* ---- changes ------------------------------------------------------- */

int writers_apply(struct natfw *fw, const struct nat_op *op, size_t n)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < RULESET_KINDS; i++) {
		struct natfw_writer *w = writer_at(fw, i);

		if (w->be)
			rc = w->be->apply(fw, w, op, n);
	}
	return rc;
}

/* A configured chain that does not exist: the accepts belong nowhere else, so
 * no mapping works. */
static int check_configured(struct natfw *fw)
{
	const struct place_loss *lost = fw->places ? &fw->places->lost4 : NULL;

	if (lost && !*lost->why)
		lost = &fw->places->lost6;
	if (!lost || !*lost->why || lost->chain != RULESET_NONE)
		return 0;
	str_copy(fw->why, sizeof(fw->why), str_z(lost->why));
	return -EIO;
}

static int sync_once(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	int rc = fw->rules_fresh ? 0 : writers_read(fw), one;

	fw->unsure = false;
	fw->rules_old = (rc == -EINPROGRESS || rc == -EINTR) && fw->places_no;
	if (rc && !fw->rules_old)
		return rc;
	if (fw->rules_old)
		use_old_rules(fw);
	fw->rules_fresh = false;
	rc = open_needed(fw);
	for (unsigned i = 0; rc != -ESTALE && i < RULESET_KINDS; i++) {
		struct natfw_writer *w = writer_at(fw, i);

		one = w->be ? w->be->sync(fw, w, rule, n) : 0;
		rc = one ? one : rc;
	}
	return rc ? rc : check_configured(fw);
}

int writers_sync(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	int rc, tries = NL_TRIES;

	/* A writer of legacy iptables has changed its tables. Compare once
	 * more, because others may have changed them beside it. */
	do {
		rc = sync_once(fw, rule, n);
	} while ((rc == -ESTALE || (!rc && fw->legacy.known &&
				    writers_changed(fw, NULL))) && --tries);
	if (rc == -ESTALE)
		str_copy(fw->why, sizeof(fw->why),
			 STR("the rules changed during each try"));
	return rc;
}

/* If one cannot be compared, it is not known what somebody else has changed.
 * @kinds: how many of the kinds, which legacy iptables is the last of */
static int compare(struct natfw *fw, unsigned kinds,
		   const struct nat_rule *rule, size_t n)
{
	int rc = 0, one;

	for (unsigned k = 0; k < kinds; k++) {
		struct natfw_writer *w = &fw->writer[k];

		if (w->be)
			one = w->be->verify(fw, w, rule, n);
		else
			one = w->accepts && find_backend(fw, k);
		/* no success for a client until the tool works again */
		fw->dirty |= one < 0 && k == RULESET_IPT_LEGACY;
		if (one > 0)
			return one;
		rc = one ? one : rc;
	}
	fw->unsure = rc != 0;
	return rc;
}

int writers_verify(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	return compare(fw, RULESET_KINDS, rule, n);
}

int writers_own(struct natfw *fw, const struct nat_rule *rule, size_t n)
{
	return compare(fw, RULESET_IPT_LEGACY, rule, n);
}

/* ---- counters ------------------------------------------------------ */

int writers_packets(struct natfw *fw, const struct nat_rule *rule,
		    uint64_t *ret)
{
	int rc = -EOPNOTSUPP;

	/* the one that translates first */
	for (unsigned i = RULESET_KINDS; rc == -EOPNOTSUPP && i-- > 0;) {
		struct natfw_writer *w = writer_at(fw, i);

		if (w->be && w->be->packets)
			rc = w->be->packets(fw, w, rule, ret);
	}
	return rc;
}

/* ---- what an earlier run left -------------------------------------- */

void writers_sweep(struct natfw *fw)
{
	const struct natfw_backend *be;

	if (!fw->rules)
		return;
	writers_look(fw);
	for (unsigned k = 0; k < RULESET_KINDS; k++) {
		if (fw->writer[k].be ||
		    !(fw->rules->leftover[k] || fw->rules->leftover6[k]))
			continue;
		be = find_backend(fw, k);
		if (be && be->sweep)
			be->sweep(fw);
	}
}
