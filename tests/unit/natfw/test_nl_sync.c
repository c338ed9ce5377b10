/* SPDX-License-Identifier: ISC */
/*
 * test_nl_sync.c - after a sync and after each batch the kernel has exactly the
 * elements of the table, also in other people's tables; our accepts stand where
 * they belong; and verify finds every change. The kernel is a model that stores
 * what it is sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/wr.h"
#include "sys/proc.h"
#include "natfw/backend.h"
#include "natfw/nl_rule.h"
#include "natfw/place.h"
#include "natfw/table.h"
#include "natfw/writers.h"
#include "tests/unit/natfwtest.h"
#include "tests/unit/nlmodel.h"
#include "tests/unit/rulemsg.h"

/* No chain here is one of iptables. */
static bool unusable(const struct natfw_env *env)
{
	return false;
}

const struct natfw_backend natfw_iptables_legacy = { .usable = unusable },
	natfw_iptables_nft = { .usable = unusable }, natfw_memory = { 0 };

/* The backend needs no tool. */
bool proc_exists(const char *name)
{
	return false;
}

int proc_run(struct proc *p)
{
	fail();
	return -ENOENT;
}

#define SET "inet fw4 upnpd_accept"
#define CHAIN "inet fw4 forward"

static int reset(void **state)
{
	memset(&model, 0, sizeof(model));
	return 0;
}

/* Open, with three mappings, two of which lead to one socket. */
static void begin(struct natfw *fw)
{
	const struct nat_rule r[] = {
		tcp(80, HOST(2), 8080),
		rule(IPPROTO_UDP, PEER, 53, HOST(3), 5353),
		tcp(81, HOST(2), 8080),
	};
	struct natfw_env env = env_of(EXT);

	memset(fw, 0, sizeof(*fw));
	assert_int_equal(natfw_init(fw, 256, 0), 0);
	assert_int_equal(natfw_open(fw, &natfw_netlink, &env), 0);
	assert_int_equal(natfw_sync(fw, r, COUNT(r)), 0);
}

/* Netlink as it is called by natfw.c, which has read the rules just before. */
static int verify_now(struct natfw *fw)
{
	struct natfw_writer *w = &fw->writer[RULESET_NATIVE];

	int rc = writers_look(fw);

	if (rc)
		return rc;
	return w->be->verify(fw, w, fw->mappings.rule, fw->mappings.rule_n);
}

static void end(struct natfw *fw)
{
	natfw_close(fw);
	natfw_done(fw);
}

/* The first rule of the chain. */
static struct object *rule_in(const char *chain)
{
	struct object *o = model_object(NFT(NEWRULE), chain);

	assert_non_null(o);
	return o;
}

/* ---- sync ---------------------------------------------------------------- */

#define ELEMENTS \
	"add ip upnpd forward_to { 6 . 80 : 192.168.88.2 . 8080 }\n" \
	"add ip upnpd forward_to { 6 . 81 : 192.168.88.2 . 8080 }\n" \
	"add ip upnpd leave_as" \
	" { 192.168.88.3 . 17 . 5353 : 203.0.113.7 . 53 }\n" \
	"add ip upnpd leave_as" \
	" { 192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81 }\n" \
	"add ip upnpd count { 192.168.88.3 . 17 . 5353 }\n" \
	"add ip upnpd count { 192.168.88.2 . 6 . 8080 }\n" \
	"add ip upnpd forward_from" \
	" { 198.51.100.9 . 17 . 53 : 192.168.88.3 . 5353 }\n"

static void test_sync_adds_the_elements_of_each_rule(void **state)
{
	struct natfw fw;

	begin(&fw);
	assert_string_equal(model.log, ELEMENTS);
	assert_int_equal(model_rules("ip upnpd prerouting", "forward_from"), 1);
	assert_int_equal(model_rules("ip upnpd prerouting", "forward_to"), 1);
	assert_int_equal(model_rules("ip upnpd postrouting", "leave_as"), 1);
	assert_int_equal(model_rules("ip upnpd forward", "ct"), 2);
	assert_int_equal(model_rules("ip upnpd forward", "count"), 2);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
	assert_int_equal(model.object_n, 0);
	assert_int_equal(model.element_n, 0);
}

/* Two networks: a rule each. Without an external address nothing is mapped. */
static void test_sync_follows_the_environment(void **state)
{
	struct natfw fw;

	begin(&fw);
	fw.env.hairpin = fw.env.masquerade = true;
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_int_equal(model_rules("ip upnpd prerouting", "forward_to"), 3);
	assert_int_equal(model_rules("ip upnpd prerouting", "lan1"), 1);
	assert_int_equal(model_rules("ip upnpd postrouting", "masq"), 4);
	assert_int_equal(model_rules("ip upnpd postrouting", "lan1"), 1);
	assert_int_equal(natfw_verify(&fw), 0);
	fw.env.ext = (struct addr){ 0 };
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_int_equal(model_rules("ip upnpd prerouting", "nat"), 0);
	assert_int_equal(model_rules("ip upnpd postrouting", "masq"), 2);
	assert_int_equal(model.element_n, 0);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* A killed monitor's table keeps working until the first sync. */
static void test_open_keeps_the_table_of_a_killed_monitor(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw, second;

	begin(&fw);
	assert_false(fw.dirty);
	memset(&second, 0, sizeof(second));
	assert_int_equal(natfw_init(&second, 256, 0), 0);
	model.commits = 0;
	assert_int_equal(natfw_open(&second, &natfw_netlink, &env), 0);
	assert_true(second.dirty);
	assert_int_equal(model.commits, 0);
	assert_int_equal(natfw_sync(&second, fw.mappings.rule,
				    fw.mappings.rule_n), 0);
	assert_string_equal(model.log, ELEMENTS);
	end(&second);
	natfw_done(&fw);
}

/* Each call returns an error, and close does nothing. */
static void test_without_memory_each_call_fails(void **state)
{
	struct natfw_writer none = { .be = &natfw_netlink, .translates = true };
	struct natfw fw;

	begin(&fw);
	model.commits = 0;
	assert_int_equal(natfw_netlink.sync(&fw, &none, NULL, 0), -ENOMEM);
	assert_memory_equal(fw.why, "netlink: room for a batch: ", 27);
	assert_string_equal(fw.why + 27, strerror(ENOMEM));
	assert_int_equal(natfw_netlink.verify(&fw, &none, NULL, 0), -ENOMEM);
	assert_int_equal(natfw_netlink.apply(&fw, &none, NULL, 0), -ENOMEM);
	natfw_netlink.close(&fw, &none);
	assert_int_equal(model.commits, 0);
	end(&fw);
	assert_int_equal(model.object_n, 0);
}

/* ---- batches ------------------------------------------------------------- */

static void model_has(const char *text)
{
	char is[128];
	size_t i;

	for (i = 0; i < model.element_n; i++) {
		struct wr w = wr_init(is, sizeof(is));

		put_element(&w, &model.element[i]);
		if (!strcmp(wr_cstr(&w), text))
			return;
	}
	fail_msg("missing: %s", text);
}

/* The element that forwards to the rule's client. */
static void forward_text(const struct nat_rule *r, char *text, size_t cap)
{
	struct wr w = wr_init(text, cap);

	if (!addr_is_set(r->remote))
		wr_z(&w, "ip upnpd forward_to { ");
	else
		wr_fmt(&w, "ip upnpd forward_from%s { %s . ",
		       r->remote_port ? "_port" : "",
		       addr_text(r->remote).text);
	wr_fmt(&w, "%u . %u", r->proto, r->ext_port);
	if (r->remote_port)
		wr_fmt(&w, " . %u", r->remote_port);
	wr_fmt(&w, " : %s . %u }\n", addr_text(r->client).text, r->int_port);
	wr_cstr(&w);
}

/* Return: how many elements there should be */
static size_t model_check(const struct natfw *fw)
{
	char text[128];
	size_t i, j, sockets = 0;

	for (i = 0; i < fw->mappings.rule_n; i++) {
		const struct nat_rule *r = &fw->mappings.rule[i];
		bool first = true;

		for (j = 0; j < i; j++)
			first &= !table_same_socket(&fw->mappings.rule[j], r);
		sockets += first;
		forward_text(r, text, sizeof(text));
		model_has(text);
		snprintf(text, sizeof(text), SET " { %s . %u . %u }\n",
			 addr_text(r->client).text, r->proto, r->int_port);
		model_has(text);
		snprintf(text, sizeof(text), "ip upnpd leave_as { %s . %u . %u"
			 " : 203.0.113.7 . %u }\n", addr_text(r->client).text,
			 r->proto, r->int_port, table_leader(fw, r)->ext_port);
		model_has(text);
		snprintf(text, sizeof(text), "ip upnpd count { %s . %u . %u }"
			 "\n", addr_text(r->client).text, r->proto,
			 r->int_port);
		model_has(text);
	}
	return fw->mappings.rule_n + 3 * sockets;
}

static struct nat_op any_op(void)
{
	struct nat_rule r = rule(dice(2) ? IPPROTO_TCP : IPPROTO_UDP,
				 dice(4) ? 0 : PEER, (uint16_t)(1 + dice(9)),
				 HOST(2 + dice(2)), (uint16_t)(1 + dice(2)));

	if (addr_is_set(r.remote) && dice(2))
		r.remote_port = (uint16_t)(1 + dice(2));
	return dice(3) ? set(r) : del(r);
}

/* Each batch adds what is missing and deletes what exists: the model refuses
 * anything else. */
static void test_random_batches_match_the_table(void **state)
{
	struct nat_op op[8];
	enum nat_err err[8];
	struct natfw fw;
	unsigned turn;
	size_t i, n;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	begin(&fw);
	for (turn = 0; turn < 3000; turn++) {
		n = 1 + dice(COUNT(op));
		for (i = 0; i < n; i++)
			op[i] = any_op();
		natfw_batch(&fw, op, n, err);
		for (i = 0; i < n; i++)
			assert_int_equal(err[i], NAT_OK);
		assert_int_equal(model_check(&fw), model.element_n);
	}
	assert_true(fw.mappings.rule_n > 8);
	assert_true(model.commits > 1000);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* The names of the maps that the rules of prerouting look up, in order. */
static void assert_lookups(const char *want)
{
	char text[128];
	struct wr w = wr_init(text, sizeof(text));

	for (size_t i = 0; i < model.object_n; i++) {
		const struct nlmsghdr *h = &model.object[i].h;

		if (h->nlmsg_type != NFT(NEWRULE) ||
		    strcmp(path_of(h).z, "ip upnpd prerouting"))
			continue;
		wr_z(&w, mentions(h, "forward_from_port") ? "port " :
			 mentions(h, "forward_from") ? "host " : "any ");
	}
	wr_cstr(&w);
	assert_string_equal(text, want);
}

/* A map of mappings for one remote host and its rule are made when the first
 * one needs them. What matches more closely decides first, whatever comes
 * first. */
static void test_maps_of_remote_hosts_are_made_when_needed(void **state)
{
	const struct nat_rule web = rule(IPPROTO_UDP, PEER, 53, HOST(3), 5353);
	struct natfw fw;

	begin(&fw);
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	assert_lookups("any ");
	assert_null(model_object(NFT(NEWSET), "ip upnpd forward_from"));
	assert_int_equal(one(&fw, set(from_port(web, 5060))), NAT_OK);
	assert_lookups("port any ");
	assert_null(model_object(NFT(NEWSET), "ip upnpd forward_from"));
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(one(&fw, set(web)), NAT_OK);
	assert_lookups("port host any ");
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(natfw_sync(&fw, &web, 1), 0);
	assert_lookups("host any ");
	assert_int_equal(one(&fw, set(from_port(web, 5060))), NAT_OK);
	assert_lookups("port host any ");
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

static void test_map_of_remote_ports_is_made_when_needed(void **state)
{
	const struct nat_rule web = rule(IPPROTO_UDP, PEER, 53, HOST(3), 5353);
	struct natfw fw;

	begin(&fw);
	assert_null(model_object(NFT(NEWSET), "ip upnpd forward_from_port"));
	assert_int_equal(one(&fw, set(from_port(web, 5060))), NAT_OK);
	assert_string_equal(model.log,
		"add ip upnpd forward_from_port"
		" { 198.51.100.9 . 17 . 53 . 5060 : 192.168.88.3 . 5353 }\n");
	assert_true(mentions(&rule_in("ip upnpd prerouting")->h,
			     "forward_from_port"));
	assert_int_equal(model_rules("ip upnpd prerouting", "forward_from"), 1);
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(one(&fw, set(from_port(web, 5061))), NAT_OK);
	assert_int_equal(one(&fw, del(from_port(web, 5060))), NAT_OK);
	assert_string_equal(model.log, "delete ip upnpd forward_from_port"
			    " { 198.51.100.9 . 17 . 53 . 5060 }\n");
	assert_int_equal(model_rules("ip upnpd prerouting",
				     "forward_from_port"), 1);
	assert_int_equal(natfw_verify(&fw), 0);
	model_drop(rule_in("ip upnpd prerouting"));
	assert_int_equal(natfw_verify(&fw), 1);
	assert_true(mentions(&rule_in("ip upnpd prerouting")->h,
			     "forward_from_port"));
	assert_int_equal(natfw_verify(&fw), 0);
	assert_int_equal(natfw_sync(&fw, &web, 1), 0);
	assert_null(model_object(NFT(NEWSET), "ip upnpd forward_from_port"));
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
	assert_int_equal(model.object_n, 0);
	assert_int_equal(model.element_n, 0);
}

/* The client's own traffic leaves with the port of the only mapping, though
 * that is for one remote port: RFC 6887 12, PEER. */
static void test_mapping_of_a_remote_port_leads_its_socket(void **state)
{
	const struct nat_rule peer =
		from_port(rule(IPPROTO_UDP, PEER, 40000, HOST(3), 5060), 3478);
	struct natfw fw;

	begin(&fw);
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	one(&fw, set(peer));
	model_has("ip upnpd leave_as { 192.168.88.3 . 17 . 5060 :"
		  " 203.0.113.7 . 40000 }\n");
	one(&fw, set(rule(IPPROTO_UDP, 0, 40001, HOST(3), 5060)));
	model_has("ip upnpd leave_as { 192.168.88.3 . 17 . 5060 :"
		  " 203.0.113.7 . 40001 }\n");
	one(&fw, del(rule(IPPROTO_UDP, 0, 40001, 0, 0)));
	model_has("ip upnpd leave_as { 192.168.88.3 . 17 . 5060 :"
		  " 203.0.113.7 . 40000 }\n");
	one(&fw, del(peer));
	assert_int_equal(model.element_n, 0);
	end(&fw);
}

/* The rule set last leads; after its deletion, the one before it. */
static void test_rules_of_one_socket_share_its_elements(void **state)
{
	struct natfw fw;

	begin(&fw);
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	one(&fw, set(tcp(80, HOST(2), 8080)));
	one(&fw, set(tcp(81, HOST(2), 8080)));
	assert_string_equal(model.log,
		"add ip upnpd forward_to { 6 . 81 : 192.168.88.2 . 8080 }\n"
		"delete ip upnpd leave_as { 192.168.88.2 . 6 . 8080 }\n"
		"add ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81 }\n");
	one(&fw, set(tcp(82, HOST(2), 9)));
	one(&fw, del(tcp(81, 0, 0)));
	assert_string_equal(model.log,
		"delete ip upnpd forward_to { 6 . 81 }\n"
		"delete ip upnpd leave_as { 192.168.88.2 . 6 . 8080 }\n"
		"add ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 : 203.0.113.7 . 80 }\n");
	one(&fw, del(tcp(80, 0, 0)));
	assert_string_equal(model.log,
		"delete ip upnpd forward_to { 6 . 80 }\n"
		"delete ip upnpd leave_as { 192.168.88.2 . 6 . 8080 }\n"
		"delete ip upnpd count { 192.168.88.2 . 6 . 8080 }\n");
	end(&fw);
}

/* A batch that the kernel refuses changes nothing, and a sync follows. */
static void test_refused_batch_changes_nothing(void **state)
{
	struct nat_rule r = tcp(91, HOST(9), 9);
	struct natfw fw;

	begin(&fw);
	model.commits = 0;
	model.commit_rc = -ENOSPC;
	assert_int_equal(one(&fw, set(r)), NAT_EFAIL);
	assert_int_equal(model.commits, 2);
	assert_memory_equal(fw.why, "netlink: ", 9);
	assert_null(natfw_lookup(&fw, &r));
	assert_true(fw.dirty);
	model.commit_rc = 0;
	assert_int_equal(one(&fw, set(r)), NAT_OK);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* ---- foreign chains ------------------------------------------------------ */

/* The rules of a chain: "ban 2 drop" for one that drops a single source, two of
 * ours, and one that drops everything. */
static const char *chain_is(const char *chain)
{
	static char text[128];
	struct wr w = wr_init(text, sizeof(text));
	unsigned ours = 0;

	for (size_t i = 0; i < model.object_n; i++) {
		const struct nlmsghdr *h = &model.object[i].h;

		if (h->nlmsg_type != NFT(NEWRULE) ||
		    strcmp(path_of(h).z, chain))
			continue;
		if (mentions(h, "upnpd_accept")) {
			ours++;
			continue;
		}
		if (ours)
			wr_fmt(&w, "%u ", ours);
		ours = 0;
		wr_z(&w, mentions(h, "payload") ? "ban " : "drop ");
	}
	if (ours)
		wr_u64(&w, ours);
	return wr_cstr(&w);
}

/* Somebody appends a rule that drops. @ban: only one source */
static void add_drop(uint8_t family, const char *table, const char *chain,
		     bool ban)
{
	const uint8_t source[4] = { 198, 51, 100, 66 };
	struct nlmsghdr *h;

	begin_rule(family, table, chain);
	if (ban) {
		put_meta(NFT_META_NFPROTO, NFT_REG_1);
		put_cmp(NFT_CMP_EQ, NFT_REG_1, &(uint8_t){ NFPROTO_IPV4 }, 1);
		put_payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NFT_REG_1);
		put_cmp(NFT_CMP_EQ, NFT_REG_1, source, sizeof(source));
	}
	put_verdict(NF_DROP, NULL);
	end_message();
	h = (struct nlmsghdr *)rm.room;
	h->nlmsg_flags |= NLM_F_APPEND;
	assert_int_equal(model_rule(h), 0);
}

/* What an older version left: a set with counters, and two rules at the head of
 * the chain. And a rule that only looks like ours. */
static void leave_rules(const struct nl_table *t, const char *chain)
{
	const struct place both = { .to = true, .from = true };
	const struct natfw_env env = env_of(EXT);
	static uint32_t words[1024];
	struct nfnl_batch b;
	struct nlmsg *m;
	uint64_t head = 0;

	for (size_t i = model.object_n; i-- > 0;)
		if (model.object[i].h.nlmsg_type == NFT(NEWRULE))
			memcpy(&head, attr(attrs(&model.object[i].h),
					   NFTA_RULE_HANDLE, false).p, 8);
	nfnl_begin(&b, words, sizeof(words), 1);
	nl_rule_put_set(&b, t, &nl_map_table[NL_MAP_ACCEPT], false);
	nl_rule_put_accept(&b, &env, &(struct nl_rule_spot){
		t, chain, be64toh(head), &both },
		&nl_map_table[NL_MAP_ACCEPT]);
	m = nfnl_open_msg(&b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
			  t->family);
	nlmsg_name(m, NFTA_RULE_TABLE, t->name);
	nlmsg_name(m, NFTA_RULE_CHAIN, chain);
	nlmsg_put(m, NFTA_RULE_USERDATA, "\0\6upnpd", 8);
	nfnl_close_msg(&b);
	assert_int_equal(__wrap_nfnl_commit(&b, 0), 0);
}

static const struct nl_table fw4 = { "inet", "fw4" };

static void test_accepts_of_an_older_version_are_moved(void **state)
{
	struct natfw fw;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	add_drop(NFPROTO_INET, "fw4", "forward", true);
	leave_rules(&fw4, "forward");
	assert_string_equal(chain_is(CHAIN), "2 ban drop ");
	begin(&fw);
	assert_string_equal(chain_is(CHAIN), "ban 2 drop ");
	assert_int_equal(model_count(SET), 2);
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
	assert_string_equal(chain_is(CHAIN), "ban drop ");
}

static void test_accept_stands_directly_before_the_drop(void **state)
{
	struct natfw fw;

	model_chain("inet", "fw4", "forward", 0, NF_ACCEPT);
	add_drop(NFPROTO_INET, "fw4", "forward", true);
	add_drop(NFPROTO_INET, "fw4", "forward", false);
	add_drop(NFPROTO_INET, "fw4", "forward", false);
	begin(&fw);
	assert_string_equal(chain_is(CHAIN), "ban 2 drop drop ");
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* A chain that drops nothing needs no accept; two that drop need one each. */
static void test_each_chain_that_drops_gets_the_accept(void **state)
{
	struct natfw fw;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	model_chain("inet", "open", "forward", 0, NF_ACCEPT);
	model_chain("ip", "nftables", "late", 10, NF_DROP);
	model_chain("inet", "fw4", "jumped", NO_HOOK, 0);
	begin(&fw);
	assert_string_equal(chain_is(CHAIN), "2");
	assert_string_equal(chain_is("inet open forward"), "");
	assert_string_equal(chain_is("ip nftables late"), "2");
	assert_int_equal(model_count(SET), 2);
	assert_int_equal(model_count("ip nftables upnpd_accept"), 2);
	/* configured: the other chains are cleaned, not used */
	snprintf(fw.env.nft_table, sizeof(fw.env.nft_table), "ip nftables");
	snprintf(fw.env.nft_chain, sizeof(fw.env.nft_chain), "late");
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_string_equal(chain_is(CHAIN), "");
	assert_null(model_object(NFT(NEWSET), SET));
	assert_string_equal(chain_is("ip nftables late"), "2");
	assert_int_equal(natfw_verify(&fw), 0);
	snprintf(fw.env.nft_chain, sizeof(fw.env.nft_chain), "gone");
	assert_int_equal(natfw_move(&fw, &fw.env), -EIO);
	assert_non_null(strstr(fw.why, "there is no chain gone in"));
	assert_string_equal(fw.why, natfw_lost(&fw, ADDR_IP4));
	end(&fw);
}

/* Chains of one table share the set there. */
static void test_two_chains_of_a_table_share_the_set(void **state)
{
	struct natfw fw;

	model_chain("ip", "t", "a", 0, NF_DROP);
	model_chain("ip", "t", "b", 5, NF_DROP);
	begin(&fw);
	assert_int_equal(model_count("ip t upnpd_accept"), 2);
	assert_string_equal(chain_is("ip t a"), "2");
	assert_string_equal(chain_is("ip t b"), "2");
	assert_int_equal(natfw_verify(&fw), 0);
	one(&fw, set(tcp(90, HOST(9), 9)));
	assert_int_equal(model_count("ip t upnpd_accept"), 3);
	end(&fw);
}

/* As many tables as there may be places, and a rule in each of them. */
static void test_many_tables_get_the_accept(void **state)
{
	enum { N = 12 };
	char name[16], set_name[32];
	struct natfw fw;

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		model_chain("ip", name, "f", i, NF_DROP);
	}
	begin(&fw);
	one(&fw, set(tcp(90, HOST(9), 9)));
	for (int i = 0; i < N; i++) {
		snprintf(set_name, sizeof(set_name), "ip t%d upnpd_accept", i);
		assert_int_equal(model_count(set_name), 3);
	}
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* ---- other people's changes ---------------------------------------------- */

/* The kernel refuses one table; the others are right, and the error names it.
 */
static void test_table_of_another_process_does_not_stop_the_rest(void **state)
{
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	model_chain("ip", "owned", "forward", 5, NF_DROP);
	model.owned = "ip owned";	/* since the rules were read */
	memset(&fw, 0, sizeof(fw));
	assert_int_equal(natfw_init(&fw, 256, 0), 0);
	assert_int_equal(natfw_open(&fw, &natfw_netlink, &env), -EPERM);
	assert_string_equal(chain_is(CHAIN), "2");
	assert_non_null(model_object(NFT(NEWCHAIN), "ip upnpd prerouting"));
	assert_non_null(strstr(fw.why, " in table ip owned: "));
	assert_non_null(strstr(fw.why, "another process owns this table"));
	assert_null(strstr(fw.why, "CAP_NET_ADMIN"));
	assert_int_equal(one(&fw, set(tcp(90, HOST(9), 9))), NAT_EFAIL);
	model.owned = NULL;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_string_equal(chain_is("ip owned forward"), "2");
	end(&fw);
}

static void drop_first_drop(void)
{
	for (size_t i = 0; i < model.object_n; i++) {
		struct object *o = &model.object[i];

		if (o->h.nlmsg_type == NFT(NEWRULE) &&
		    !strcmp(path_of(&o->h).z, CHAIN) &&
		    !mentions(&o->h, "upnpd_accept")) {
			model_drop(o);
			return;
		}
	}
	fail();
}

/* The rule before which we insert goes between the reading and the change. */
static void test_rule_that_goes_meanwhile_is_read_again(void **state)
{
	struct natfw fw;

	model_chain("inet", "fw4", "forward", 0, NF_ACCEPT);
	add_drop(NFPROTO_INET, "fw4", "forward", false);
	add_drop(NFPROTO_INET, "fw4", "forward", false);
	begin(&fw);
	assert_string_equal(chain_is(CHAIN), "2 drop drop ");
	model.before_commit = drop_first_drop;
	fw.dirty = true;
	assert_int_equal(natfw_verify(&fw), 1);
	assert_string_equal(chain_is(CHAIN), "2 drop ");
	assert_int_equal(natfw_verify(&fw), 0);
	end(&fw);
}

/* Where iptables translates, netlink only accepts. */
static void test_writer_that_only_accepts_makes_no_table(void **state)
{
	struct natfw_writer w = { .be = &natfw_netlink, .accepts = true };
	struct natfw fw;
	struct nat_op op = set(tcp(90, HOST(9), 9));

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	begin(&fw);
	assert_int_equal(natfw_netlink.open(&fw, &w), 0);
	writers_look(&fw);
	assert_int_equal(natfw_netlink.sync(&fw, &w, fw.mappings.rule,
					    fw.mappings.rule_n), 0);
	assert_null(model_object(NFT(NEWTABLE), "ip upnpd"));
	assert_string_equal(chain_is(CHAIN), "2");
	assert_int_equal(model_count(SET), 2);
	writers_look(&fw);
	assert_int_equal(natfw_netlink.verify(&fw, &w, fw.mappings.rule,
					      fw.mappings.rule_n), 0);
	assert_int_equal(natfw_netlink.apply(&fw, &w, &op, 1), 0);
	assert_string_equal(model.log, "add " SET
			    " { 192.168.88.9 . 6 . 9 }\n");
	natfw_netlink.close(&fw, &w);
	assert_string_equal(chain_is(CHAIN), "");
	end(&fw);
}

/* Every reading is interrupted: our rules are those of the last complete
 * reading. */
static void test_close_beside_a_busy_firewall_removes_all(void **state)
{
	struct natfw fw;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	begin(&fw);
	assert_int_equal(natfw_verify(&fw), 0);
	assert_string_equal(chain_is(CHAIN), "2");
	model.dump_rc = -EINTR;
	end(&fw);
	assert_string_equal(chain_is(CHAIN), "");
	assert_null(model_object(NFT(NEWSET), SET));
	assert_null(model_object(NFT(NEWTABLE), "ip upnpd"));
}

static void test_leftovers_are_swept(void **state)
{
	struct natfw fw;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	begin(&fw);
	natfw_sweep_all();
	assert_string_equal(chain_is(CHAIN), "");
	assert_int_equal(model.element_n, 0);
	assert_null(model_object(NFT(NEWSET), SET));
	assert_null(model_object(NFT(NEWTABLE), "ip upnpd"));
	model.commits = 0;
	natfw_sweep_all();
	assert_int_equal(model.commits, 0);
	end(&fw);
}

/* ---- verify -------------------------------------------------------------- */

static struct element *element(const char *set)
{
	size_t i;

	for (i = 0; i < model.element_n; i++)
		if (!strcmp(model.element[i].set, set))
			return &model.element[i];
	fail_msg("no element in %s", set);
	return NULL;
}

static void drop_element(const char *set)
{
	*element(set) = model.element[--model.element_n];
}

static void nothing(void)
{
}

static void other_order(void)
{
	struct element e = model.element[0];

	model.element[0] = model.element[1];
	model.element[1] = e;
}

static void no_forward(void)
{
	drop_element("ip upnpd forward_to");
}

static void no_leave(void)
{
	drop_element("ip upnpd leave_as");
}

static void no_accept(void)
{
	drop_element(SET);
}

static void no_elements(void)
{
	model.element_n = 0;
}

static void one_more(void)
{
	model.element[model.element_n++] = *element("ip upnpd forward_to");
}

static void other_data(void)
{
	element("ip upnpd forward_to")->data.bytes[3] ^= 1;
}

static void other_map(void)
{
	memcpy(element("ip upnpd leave_as")->set, "ip upnpd forward_from", 22);
}

static void no_rule(void)
{
	model_drop(rule_in("ip upnpd prerouting"));
}

static void other_rule(void)
{
	struct object *o = rule_in("ip upnpd postrouting");
	char *p = memmem(o, o->h.nlmsg_len, "wan0", 5);

	assert_non_null(p);
	p[3] = '1';
}

static void no_chain(void)
{
	model_drop(model_object(NFT(NEWCHAIN), "ip upnpd prerouting"));
}

static void one_chain_more(void)
{
	model_chain("ip", "upnpd", "x", NO_HOOK, 0);
}

static void no_map(void)
{
	model_drop(model_object(NFT(NEWSET), "ip upnpd forward_to"));
}

static void no_set(void)
{
	model_drop(model_object(NFT(NEWSET), SET));
}

static void no_accept_rule(void)
{
	model_drop(rule_in(CHAIN));
}

static void three_accept_rules(void)
{
	model_rule(&rule_in(CHAIN)->h);
}

static void ban_behind(void)
{
	add_drop(NFPROTO_INET, "fw4", "forward", true);
}

static void drop_behind(void)
{
	add_drop(NFPROTO_INET, "fw4", "forward", false);
}

static void chain_opened(void)
{
	struct object *o = model_object(NFT(NEWCHAIN), CHAIN);
	const uint32_t accept = htobe32(NF_ACCEPT);
	struct str policy = attr(attrs(&o->h), NFTA_CHAIN_POLICY, false);

	memcpy(o->bytes + (policy.p - o->bytes), &accept, sizeof(accept));
}

static void no_counts(void)
{
	drop_element("ip upnpd count");
}

static void place_missing(void)
{
	model_drop(rule_in(CHAIN));
	model_drop(rule_in(CHAIN));
	model_drop(model_object(NFT(NEWCHAIN), CHAIN));
}

static void new_place(void)
{
	model_chain("inet", "fw4", "late", 10, NF_DROP);
}

static void lost_answer(void)
{
	model.dump_rc = -ETIMEDOUT;
}

static const struct {
	const char *what;
	void (*change)(void);
	int rc;
} changes[] = {
	{ "nothing", nothing, 0 },
	{ "other order", other_order, 0 },
	{ "no forward", no_forward, 1 },
	{ "no leave", no_leave, 1 },
	{ "no accept", no_accept, 1 },
	{ "no elements", no_elements, 1 },
	{ "one more", one_more, 1 },
	{ "other data", other_data, 1 },
	{ "other map", other_map, 1 },
	{ "no rule", no_rule, 1 },
	{ "other rule", other_rule, 1 },
	{ "no chain", no_chain, 1 },
	{ "one chain more", one_chain_more, 1 },
	{ "no map", no_map, 1 },
	{ "no set", no_set, 1 },
	{ "no accept rule", no_accept_rule, 1 },
	{ "three accept rules", three_accept_rules, 1 },
	{ "a ban behind the accept", ban_behind, 1 },
	/* it is still before the first drop */
	{ "a drop behind the accept", drop_behind, 0 },
	{ "accept not needed", chain_opened, 1 },
	{ "no counts", no_counts, 1 },
	{ "place gone", place_missing, 1 },
	{ "new place", new_place, 1 },
	{ "lost answer", lost_answer, -ETIMEDOUT },	/* not a drift */
};

static void test_verify_finds_every_change(void **state)
{
	static struct model whole;
	struct natfw fw;
	size_t i;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	begin(&fw);
	whole = model;
	for (i = 0; i < COUNT(changes); i++) {
		int rc;

		changes[i].change();
		rc = verify_now(&fw);
		if (rc != changes[i].rc)
			fail_msg("%s: %d", changes[i].what, rc);
		model = whole;
	}
	end(&fw);
}

/* Rules may differ after each sync, because their handles change. */
static void test_verify_agrees_after_each_sync(void **state)
{
	struct natfw fw;
	unsigned i;

	model_chain("inet", "fw4", "forward", 0, NF_DROP);
	begin(&fw);
	for (i = 0; i < 3; i++) {
		fw.env.masquerade = i == 1;
		assert_int_equal(natfw_move(&fw, &fw.env), 0);
		assert_int_equal(natfw_verify(&fw), 0);
	}
	end(&fw);
}

#define T(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_sync_adds_the_elements_of_each_rule),
		T(test_sync_follows_the_environment),
		T(test_open_keeps_the_table_of_a_killed_monitor),
		T(test_without_memory_each_call_fails),
		T(test_random_batches_match_the_table),
		T(test_maps_of_remote_hosts_are_made_when_needed),
		T(test_map_of_remote_ports_is_made_when_needed),
		T(test_mapping_of_a_remote_port_leads_its_socket),
		T(test_rules_of_one_socket_share_its_elements),
		T(test_refused_batch_changes_nothing),
		T(test_two_chains_of_a_table_share_the_set),
		T(test_accepts_of_an_older_version_are_moved),
		T(test_accept_stands_directly_before_the_drop),
		T(test_each_chain_that_drops_gets_the_accept),
		T(test_many_tables_get_the_accept),
		T(test_table_of_another_process_does_not_stop_the_rest),
		T(test_rule_that_goes_meanwhile_is_read_again),
		T(test_writer_that_only_accepts_makes_no_table),
		T(test_close_beside_a_busy_firewall_removes_all),
		T(test_leftovers_are_swept),
		T(test_verify_finds_every_change),
		T(test_verify_agrees_after_each_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
