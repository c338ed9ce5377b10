/* SPDX-License-Identifier: ISC */
/*
 * test_nft.c - what nft is told, and what is made of what it lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/wr.h"
#include "natfw/backend.h"
#include "natfw/nfnl.h"
#include "natfw/table.h"
#include "tests/unit/faketool.h"

/* The registry in natfw.c names them; nothing here asks it. */
const struct natfw_backend natfw_iptables = { 0 },
	natfw_iptables_legacy = { 0 }, natfw_iptables_nft = { 0 },
	natfw_netlink = { 0 }, natfw_memory = { 0 };

/* ---- a kernel in the place of nfnl.c ------------------------------- */

#define SOCK 4711	/* no descriptor: close() fails and that is all */

static struct {
	int open_rc;		/* what nfnl_open() gives */
	int rc;			/* what nfnl_commit() gives; 1: by dice */
	int fd;			/* what it got */
	unsigned commits, taken;
	uint32_t seq;		/* of the last batch */
	char in[IN_MAX];	/* that batch, as nft would be told */
	size_t in_n;
} kernel;

/* Without it, everything goes through the tool. */
static int no_kernel(void **state)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.open_rc = kernel.rc = -EPROTONOSUPPORT;
	return 0;
}

static int with_kernel(void **state)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.open_rc = SOCK;
	return 0;
}

#define kernel_test(f) \
	cmocka_unit_test_setup_teardown(f, with_kernel, no_kernel)

static void add_part(struct nfnl_value *v, uint32_t part)
{
	assert_true(v->n + sizeof(part) <= sizeof(v->bytes));
	memcpy(v->bytes + v->n, &part, sizeof(part));
	v->n += sizeof(part);
}

void nfnl_ip(struct nfnl_value *v, uint32_t ip)
{
	add_part(v, ip);
}

void nfnl_proto(struct nfnl_value *v, uint8_t proto)
{
	add_part(v, proto);
}

void nfnl_port(struct nfnl_value *v, uint16_t port)
{
	add_part(v, port);
}

/* All begin with an address but "proto . port". */
static void put_value(struct wr *w, const struct nfnl_value *v, bool ip)
{
	uint32_t part;
	size_t at;

	for (at = 0; at < v->n; at += sizeof(part)) {
		memcpy(&part, v->bytes + at, sizeof(part));
		if (at)
			wr_z(w, " . ");
		if (at == 0 && ip)
			wr_ipv4(w, part);
		else
			wr_u64(w, part);
	}
}

int nfnl_open(void)
{
	kernel.seq = 0;
	return kernel.open_rc;
}

void nfnl_begin(struct nfnl_batch *b, void *room, size_t cap, uint32_t seq)
{
	b->m.seq = seq + 1;
	assert_int_not_equal(seq, kernel.seq);
	kernel.seq = seq;
	kernel.in_n = 0;
	kernel.in[0] = '\0';
}

void nfnl_elem(struct nfnl_batch *b, enum nfnl_verb verb,
	       const struct nfnl_set *set, const struct nfnl_value *key,
	       const struct nfnl_value *data)
{
	struct wr w = wr_init(kernel.in + kernel.in_n, IN_MAX - kernel.in_n);
	bool map = strcmp(set->name, "upnpd_accept") != 0;

	assert_int_equal(data != NULL, verb == NFNL_ADD && map);
	wr_fmt(&w, "%s element %s %s %s { ",
	       verb == NFNL_ADD ? "add" : "delete", set->family, set->table,
	       set->name);
	put_value(&w, key, strcmp(set->name, "forward_to") != 0);
	if (data) {
		wr_z(&w, " : ");
		put_value(&w, data, true);
	}
	wr_z(&w, " }\n");
	wr_cstr(&w);
	assert_false(w.over);
	kernel.in_n += w.len;
}

int nfnl_commit(struct nfnl_batch *b, int fd)
{
	int rc = kernel.rc > 0 ? -(int)dice(2) : kernel.rc;

	kernel.fd = fd;
	kernel.commits++;
	kernel.taken += rc == 0;
	return rc;
}

/* ---- sync ---------------------------------------------------------- */

static const char nft_own_text[] =
	"add table ip upnpd\n"
	"delete table ip upnpd\n"
	"add table ip upnpd\n"
	"add map ip upnpd forward_to { type inet_proto . inet_service"
	" : ipv4_addr . inet_service; }\n"
	"add map ip upnpd forward_from { type ipv4_addr . inet_proto"
	" . inet_service : ipv4_addr . inet_service; }\n"
	"add map ip upnpd leave_as { type ipv4_addr . inet_proto"
	" . inet_service : ipv4_addr . inet_service; }\n"
	"add chain ip upnpd prerouting"
	" { type nat hook prerouting priority -105; }\n"
	"add chain ip upnpd postrouting"
	" { type nat hook postrouting priority 95; }\n"
	"add rule ip upnpd prerouting iifname \"wan0\" ip daddr 203.0.113.7"
	" dnat ip addr . port to ip saddr . meta l4proto . th dport"
	" map @forward_from\n"
	"add rule ip upnpd prerouting iifname \"wan0\""
	" ip daddr 203.0.113.7 dnat ip addr . port to meta l4proto . th dport"
	" map @forward_to\n"
	"add rule ip upnpd postrouting oifname \"wan0\" snat ip addr . port"
	" to ip saddr . meta l4proto . th sport map @leave_as\n";

static const char nft_elements_text[] =
	"add element ip upnpd forward_to {\n"
	"6 . 80 : 192.168.88.2 . 8080,\n"
	"6 . 81 : 192.168.88.2 . 8080,\n"
	"}\n"
	"add element ip upnpd forward_from {\n"
	"198.51.100.9 . 17 . 53 : 192.168.88.3 . 5353,\n"
	"}\n"
	"add element ip upnpd leave_as {\n"
	"192.168.88.3 . 17 . 5353 : 203.0.113.7 . 53,\n"
	"192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81,\n"
	"}\n";

static void test_sync_text(void **state)
{
	char want[sizeof(nft_own_text) + sizeof(nft_elements_text)];
	struct natfw fw;
	size_t cap;

	snprintf(want, sizeof(want), "%s%s", nft_own_text, nft_elements_text);
	begin(&fw, &natfw_nft, NULL);
	for (cap = 1; cap < 300; cap += 7) {
		tool.cap = cap;
		fill_table(&fw);
		assert_string_equal(tool.in, want);
	}
	assert_string_equal(tool.cmd, "nft -f -");
	natfw_done(&fw);
}

static const struct answer nft_foreign[] = {
	{ "nft -nn -a list chains", NFT_CHAINS, 0 },
	{ "nft -nn -a list chain inet fw4 forward",
	  "table inet fw4 {\n\tchain forward { # handle 1\n"
	  "\t\ttype filter hook forward priority 0; policy drop;\n"
	  "\t\tct status 0x20 ip daddr @upnpd_accept accept"
	  " comment \"upnpd\" # handle 5\n"
	  "\t\tct status 0x20 ip saddr @upnpd_accept accept"
	  " comment \"upnpd\" # handle 18446744073709551615\n"
	  "\t\tct status 0x20 ip saddr @upnpd_accept accept"
	  " comment \"upnpd\" # handle 18446744073709551616\n"
	  "\t\tiifname \"lan\" accept comment \"upnpd\" # handle 7\n"
	  "\t\ttcp dport 7 accept # handle 8\n\t\t9\n"
	  "@upnpd_accept accept comment \"upnpd\" # handle \n\t}\n}\n", 0 },
	{ NULL }
};

static void test_foreign_text(void **state)
{
	struct natfw fw;

	begin(&fw, &natfw_nft, nft_foreign);
	fill_table(&fw);
	assert_non_null(strstr(tool.in,
		"delete rule inet fw4 forward handle 5\n"
		"delete rule inet fw4 forward handle 18446744073709551615\n"
		"add set inet fw4 upnpd_accept { type ipv4_addr . inet_proto"
		" . inet_service; counter; }\n"
		"flush set inet fw4 upnpd_accept\n"
		"add set ip filter upnpd_accept { type ipv4_addr . inet_proto"
		" . inet_service; counter; }\n"
		"flush set ip filter upnpd_accept\n"
		"add table ip upnpd\n"));
	assert_null(strstr(tool.in, "handle 7"));
	assert_null(strstr(tool.in, "handle 8"));
	assert_non_null(strstr(tool.in,
		"insert rule inet fw4 forward ct status dnat"
		" ip saddr . meta l4proto . th sport @upnpd_accept accept"
		" comment \"upnpd\"\n"
		"insert rule inet fw4 forward ct status dnat"
		" ip daddr . meta l4proto . th dport @upnpd_accept accept"
		" comment \"upnpd\"\n"
		"add element inet fw4 upnpd_accept {\n"
		"192.168.88.3 . 17 . 5353,\n192.168.88.2 . 6 . 8080,\n}\n"
		"insert rule ip filter late ct status"));
	/* configured: the rest is cleaned, not used */
	snprintf(fw.env.nft_table, sizeof(fw.env.nft_table), "ip filter");
	snprintf(fw.env.nft_chain, sizeof(fw.env.nft_chain), "late");
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_non_null(strstr(tool.in, "handle 5\n"));
	assert_non_null(strstr(tool.in, "delete set inet fw4 upnpd_accept"));
	assert_non_null(strstr(tool.in, "flush set ip filter upnpd_accept"));
	assert_null(strstr(tool.in, "insert rule inet"));
	snprintf(fw.env.nft_chain, sizeof(fw.env.nft_chain), "gone");
	assert_int_equal(natfw_move(&fw, &fw.env), -EIO);
	assert_string_equal(fw.why, "nft: there is no chain gone in ip filter");
	natfw_done(&fw);
}

static size_t times(const char *text, const char *in)
{
	size_t n = 0;

	while ((in = strstr(in, text))) {
		in++;
		n++;
	}
	return n;
}

/* Chains of one table share the set there. */
static void test_two_in_a_table(void **state)
{
#define HOOK "type filter hook forward priority 0;\n"
#define OURS "ct status 0x20 @upnpd_accept accept comment \"upnpd\" # handle "
	static const struct answer two[] = {
		{ "nft -nn -a list chain ip t b",
		  "table ip t {\nchain b {\n" OURS "4\n", 0 },
		{ "nft -nn -a list chains", "table ip t {\nchain a {\n" HOOK
		  "}\nchain b {\n" HOOK "}\n}\n", 0 },
		{ NULL }
	};
	struct natfw fw;

	begin(&fw, &natfw_nft, two);
	fill_table(&fw);
	assert_int_equal(times("add set", tool.in), 1);
	assert_int_equal(times("flush set", tool.in), 1);
	assert_int_equal(times("delete set", tool.in), 0);
	assert_int_equal(times("delete rule ip t b handle 4\n", tool.in), 1);
	assert_int_equal(times("add element ip t upnpd_accept", tool.in), 1);
	assert_int_equal(times("insert rule ip t a ", tool.in), 2);
	assert_int_equal(times("insert rule ip t b ", tool.in), 2);
	one(&fw, set(tcp(90, HOST(9), 9)));
	assert_int_equal(times("add element ip t upnpd_accept", tool.in), 1);
	natfw_close(&fw);
	assert_int_equal(times("delete set", tool.in), 1);
	natfw_done(&fw);
}

static void test_close_text(void **state)
{
	struct natfw fw;

	begin(&fw, &natfw_nft, nft_foreign);
	fill_table(&fw);
	natfw_close(&fw);
	assert_null(strstr(tool.in, "insert"));
	assert_null(strstr(tool.in, "flush"));
	assert_non_null(strstr(tool.in, "handle 5\n"));
	assert_non_null(strstr(tool.in, "delete set inet fw4 upnpd_accept"));
	assert_non_null(strstr(tool.in, "delete set ip filter upnpd_accept"));
	natfw_done(&fw);
}

static void test_environment(void **state)
{
	struct natfw fw;

	begin(&fw, &natfw_nft, NULL);
	fw.env.hairpin = fw.env.masquerade = true;
	fill_table(&fw);
	assert_non_null(strstr(tool.in, "iifname { \"wan0\", \"lan0\","
			       " \"lan1\" } ip daddr"));
	assert_non_null(strstr(tool.in, "oifname \"lan1\" ip saddr 10.0.0.0/8"
			       " ip daddr 10.0.0.0/8 ct status dnat ct original"
			       " ip daddr 203.0.113.7 masquerade\n"
			       "add rule ip upnpd postrouting oifname \"wan0\""
			       " ip saddr 10.0.0.0/8 masquerade\n"));
	fw.env.ext_ip = 0;
	assert_int_equal(natfw_move(&fw, &fw.env), 0);
	assert_null(strstr(tool.in, "dnat"));
	assert_null(strstr(tool.in, "element"));
	assert_non_null(strstr(tool.in, "/8 masquerade\n"));
	natfw_done(&fw);
}

/* ---- nft: batches against a model of the kernel -------------------- */

#define MODEL_MAX 512

static struct {
	char key[MODEL_MAX][96], value[MODEL_MAX][64];
	size_t n;
} model;

static size_t model_find(struct str key)
{
	size_t i;

	for (i = 0; i < model.n; i++)
		if (str_eq(str_z(model.key[i]), key))
			break;
	return i;
}

/* "add element ip upnpd leave_as { k : v }". As in the kernel: a key that is
 * there can not be added, one that is not can not be deleted. */
static void model_line(struct str line)
{
	struct str cmd, rest = line, key, value = { NULL, 0 };
	bool add = str_starts(line, STR("add element "));
	size_t i;

	assert_true(add || str_starts(line, STR("delete element ")));
	rest = str_skip(line, sizeof("add element ") - 1 + (add ? 0 : 3));
	assert_true(str_cut(&rest, '{', &cmd));
	assert_true(str_cut(&rest, '}', &value));
	assert_true(str_cut(&value, ':', &key));
	key = str_trim(key);
	/* the map is a part of the key: both are slices of one line */
	key = (struct str){ cmd.p, (size_t)(key.p + key.n - cmd.p) };
	i = model_find(key);
	if (add) {
		assert_int_equal(i, model.n);
		assert_true(model.n < MODEL_MAX);
		assert_true(str_copy(model.key[i], 96, key));
		assert_true(str_copy(model.value[i], 64, str_trim(value)));
		model.n++;
	} else {
		assert_true(i < model.n);
		assert_int_equal(value.n, 0);
		model.n--;
		memmove(model.key[i], model.key[model.n], 96);
		memmove(model.value[i], model.value[model.n], 64);
	}
}

static void model_run(const char *in)
{
	struct str rest = str_z(in), line;

	while (str_cut(&rest, '\n', &line))
		model_line(line);
}

static void model_has(const char *key, const char *value)
{
	size_t i = model_find(str_z(key));

	if (i == model.n)
		fail_msg("not there: %s", key);
	if (value)
		assert_string_equal(model.value[i], value);
}

/* Return: how many elements there should be */
static size_t model_check(const struct natfw *fw)
{
	char key[96], value[64];
	size_t i, j, sockets = 0;

	for (i = 0; i < fw->rule_n; i++) {
		const struct nat_rule *r = &fw->rule[i];
		bool first = true;

		for (j = 0; j < i; j++)
			first &= !table_same_socket(&fw->rule[j], r);
		sockets += first;
		snprintf(value, sizeof(value), "%s . %u",
			 backend_ip(r->client.ip).z, r->int_port);
		snprintf(key, sizeof(key), r->remote.ip ?
			 "ip upnpd forward_from { %s . %u . %u" :
			 "ip upnpd forward_to { %.0s%u . %u",
			 backend_ip(r->remote.ip).z, r->proto, r->ext_port);
		model_has(key, value);
		snprintf(key, sizeof(key), "inet fw4 upnpd_accept { %s . %u"
			 " . %u", backend_ip(r->client.ip).z, r->proto,
			 r->int_port);
		model_has(key, NULL);
		snprintf(key, sizeof(key), "ip upnpd leave_as { %s . %u . %u",
			 backend_ip(r->client.ip).z, r->proto, r->int_port);
		snprintf(value, sizeof(value), "203.0.113.7 . %u",
			 table_leader(fw, r)->ext_port);
		model_has(key, value);
	}
	return fw->rule_n + 2 * sockets;
}

static struct nat_op any_op(void)
{
	struct nat_rule r = rule(dice(2) ? IPPROTO_TCP : IPPROTO_UDP,
				 dice(4) ? 0 : PEER, (uint16_t)(1 + dice(9)),
				 HOST(2 + dice(2)), (uint16_t)(1 + dice(2)));

	return dice(3) ? set(r) : del(r);
}

/* Each batch reaches the model once, by the one way or by the other. */
static void batches_by_dice(int rc)
{
	static const struct answer chains[] = {
		{ "nft -nn -a list chains", "table inet fw4 {\nchain f {\n"
		  "type filter hook forward priority 0;\n}\n}\n", 0 },
		{ NULL }
	};
	struct natfw_env env = env_of(EXT);
	struct nat_op op[8];
	enum nat_err err[8];
	struct natfw fw;
	unsigned turn, taken;
	size_t i, n;

	kernel.rc = rc;
	begin(&fw, &natfw_nft, chains);
	assert_int_equal(natfw_open(&fw, &natfw_nft, &env), 0);
	assert_int_equal(natfw_sync(&fw, NULL, 0), 0);
	memset(&model, 0, sizeof(model));
	for (turn = 0; turn < 3000; turn++) {
		n = 1 + dice(COUNT(op));
		for (i = 0; i < n; i++)
			op[i] = any_op();
		tool.in[0] = kernel.in[0] = '\0';
		taken = kernel.taken;
		natfw_batch(&fw, op, n, err);
		for (i = 0; i < n; i++)
			assert_int_equal(err[i], NAT_OK);
		if (kernel.taken == taken)
			assert_string_equal(tool.in, kernel.in);
		else
			assert_string_equal(tool.in, "");
		model_run(kernel.in);
		assert_int_equal(model_check(&fw), model.n);
	}
	assert_true(fw.rule_n > 8);
	natfw_done(&fw);
}

static void test_batches_to_tool(void **state)
{
	batches_by_dice(-ENOENT);
	assert_true(kernel.commits > 1000);
	assert_int_equal(kernel.taken, 0);
	assert_int_equal(kernel.fd, -EPROTONOSUPPORT);
}

static void test_batches_to_kernel(void **state)
{
	batches_by_dice(0);
	assert_true(kernel.commits > 1000);
	assert_int_equal(kernel.taken, kernel.commits);
	assert_int_equal(kernel.fd, SOCK);
}

static void test_batches_to_both(void **state)
{
	batches_by_dice(1);
	assert_in_range(kernel.taken, 1000, kernel.commits - 1000);
}

/* The one set last leads; when it goes, the one before it. */
static void test_shared_socket(void **state)
{
	struct natfw fw;

	begin(&fw, &natfw_nft, NULL);
	one(&fw, set(tcp(80, HOST(2), 8080)));
	one(&fw, set(tcp(81, HOST(2), 8080)));
	assert_string_equal(tool.in,
		"add element ip upnpd forward_to"
		" { 6 . 81 : 192.168.88.2 . 8080 }\n"
		"delete element ip upnpd leave_as { 192.168.88.2 . 6 . 8080 }\n"
		"add element ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81 }\n");
	one(&fw, set(tcp(82, HOST(2), 9)));
	one(&fw, del(tcp(81, 0, 0)));
	assert_string_equal(tool.in,
		"delete element ip upnpd forward_to { 6 . 81 }\n"
		"delete element ip upnpd leave_as { 192.168.88.2 . 6 . 8080 }\n"
		"add element ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 : 203.0.113.7 . 80 }\n");
	one(&fw, del(tcp(80, 0, 0)));
	assert_string_equal(tool.in,
		"delete element ip upnpd forward_to { 6 . 80 }\n"
		"delete element ip upnpd leave_as"
		" { 192.168.88.2 . 6 . 8080 }\n");
	natfw_done(&fw);
}

/* While nothing else is asked, the tool need not be there. */
static void test_no_tool(void **state)
{
	static const struct answer gone[] = {
		{ "nft", NULL, -ENOENT }, { NULL }
	};
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	begin(&fw, &natfw_nft, NULL);
	assert_int_equal(natfw_open(&fw, &natfw_nft, &env), 0);
	fill_table(&fw);
	tool_reset(gone);
	assert_int_equal(one(&fw, set(tcp(90, HOST(9), 9))), NAT_OK);
	assert_int_equal(one(&fw, del(tcp(80, 0, 0))), NAT_OK);
	assert_int_equal(tool.runs, 0);
	/* nor is it asked again when the kernel's table is gone */
	kernel.rc = -ENOENT;
	assert_int_equal(one(&fw, set(tcp(91, HOST(9), 9))), NAT_EFAIL);
	assert_int_equal(tool.runs, 1);
	assert_string_equal(fw.why, "nft: No such file or directory");
	assert_null(natfw_lookup(&fw, &(struct nat_rule){
		.kind = NAT_PORTMAP, .proto = IPPROTO_TCP, .ext_port = 91 }));
	assert_true(fw.dirty);
	natfw_close(&fw);
	natfw_done(&fw);
}

/* ---- nft: verify --------------------------------------------------- */

#define OWN_CHAINS \
	"\tchain prerouting { # handle 4\n\t\ttype nat hook prerouting" \
	" priority dstnat - 5; policy accept;\n\t\ta # handle 6\n" \
	"\t\tb { 1, 2 } # handle 7\n\t}\n\n\tchain postrouting {\n" \
	"\t\ttype nat hook postrouting priority 95;\n\t\tc\n\t}\n}\n"
#define MAP_TO "table ip upnpd {\n\tmap forward_to {\n\t\ttype x : y\n"
#define MAP_FROM "\t}\n\n\tmap forward_from {\n\t\telements = {" \
	" 198.51.100.9 . udp . 53 : 192.168.88.3 . 5353 }\n"
#define MAP_AS "\t}\n\n\tmap leave_as {\n" \
	"\t\telements = { 192.168.88.3 . 17 . 5353 : 203.0.113.7 . 53,\n" \
	"\t\t\t     192.168.88.2 . 6 . 8080 : 203.0.113.7 . 81 }\n\t}\n"
#define TO_80 "tcp . 80 : 192.168.88.2 . 8080"
#define TO_81 "6 . 81 : 192.168.88.2 . 8080"

static int nft_verify_table(struct natfw *fw, const char *table)
{
	const struct answer listed[] = {
		{ "nft -nn -a list table ip upnpd", table, 0 }, { NULL }
	};
	int rc;

	tool.answer = listed;
	rc = natfw_nft.verify(fw, fw->rule, fw->rule_n);
	tool.answer = NULL;
	return rc;
}

static void test_verify_elements(void **state)
{
	static const struct {
		const char *table;
		int rc;
	} t[] = {
		{ MAP_TO "\t\telements = { " TO_80 ",\n\t\t\t" TO_81 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 0 },
		/* any order, any layout */
		{ MAP_TO "\t\telements = { " TO_81 ", " TO_80 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 0 },
		{ MAP_TO "\t\telements = {\n" TO_81 ",\n" TO_80 ",\n}\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 0 },
		/* one is missing, strange, twice, in the wrong map */
		{ MAP_TO "\t\telements = { " TO_81 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO "\t\telements = { " TO_81 ", 6 . 80 :"
		  " 192.168.88.2 . 8081 }\n" MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO "\t\telements = { " TO_81 ", " TO_80 ", " TO_80 " }\n"
		  MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO MAP_FROM "\t}\n\tmap forward_from {\n"
		  "\t\telements = { " TO_81 ", " TO_80 " }\n"
		  MAP_AS OWN_CHAINS, 1 },
		{ MAP_TO MAP_FROM MAP_AS OWN_CHAINS, 1 },
		{ "", 1 },
		{ NULL, 1 },
	};
	struct natfw fw;
	size_t i;

	begin(&fw, &natfw_nft, NULL);
	fill_table(&fw);
	for (i = 0; i < COUNT(t); i++)
		if (nft_verify_table(&fw, t[i].table) != t[i].rc)
			fail_msg("table %zu", i);
	natfw_done(&fw);
}

static void test_verify_chains(void **state)
{
#define ELEMENTS MAP_TO "\t\telements = { " TO_81 ", " TO_80 " }\n" \
		MAP_FROM MAP_AS
	static const char right[] = ELEMENTS OWN_CHAINS;
	static const char changed[] = ELEMENTS
		"\tchain prerouting {\n\t\thook\n\t\ta\n\t\tX\n\t}\n"
		"\tchain postrouting {\n\t\thook\n\t\tc\n\t}\n}\n";
	static const char fewer[] = ELEMENTS
		"\tchain prerouting {\n\t\thook\n\t\ta\n\t}\n"
		"\tchain postrouting {\n\t\thook\n\t\tc\n\t}\n}\n";
	struct natfw fw;

	begin(&fw, &natfw_nft, NULL);
	fill_table(&fw);
	/* the number of rules is known without having seen them */
	assert_int_equal(nft_verify_table(&fw, fewer), 1);
	assert_int_equal(nft_verify_table(&fw, right), 0);
	assert_int_equal(nft_verify_table(&fw, changed), 1);
	assert_int_equal(nft_verify_table(&fw, right), 0);
	/* after a sync they may look otherwise */
	fill_table(&fw);
	assert_int_equal(nft_verify_table(&fw, changed), 0);
	/* two networks, a rule each */
	fw.env.masquerade = true;
	fill_table(&fw);
	assert_int_equal(nft_verify_table(&fw, right), 1);
	natfw_done(&fw);
}

#define FW4 "table inet fw4 {\nchain f {\n" \
	"type filter hook forward priority 0;\n"
#define SOCKETS "table inet fw4 {\nset upnpd_accept {\n" \
	"elements = { 192.168.88.2 . tcp . 8080, 192.168.88.3 . 17 . 5353 }\n"

static int nft_verify_foreign(struct natfw *fw, const char *chains,
			      const char *chain, const char *sockets, int rc)
{
	const struct answer listed[] = {
		{ "nft -nn -a list chains", chains, 0 },
		{ "nft -nn -a list table ip upnpd", ELEMENTS OWN_CHAINS, 0 },
		{ "nft -nn -a list chain inet fw4 f", chain, 0 },
		{ "nft -nn -a list set inet fw4 upnpd_accept", sockets, rc },
		{ NULL }
	};
	int got;

	tool.answer = listed;
	got = natfw_nft.verify(fw, fw->rule, fw->rule_n);
	tool.answer = NULL;
	return got;
}

static void test_verify_foreign(void **state)
{
	static const struct answer chains[] = {
		{ "nft -nn -a list chains", FW4, 0 }, { NULL }
	};
	static const char two[] = FW4 OURS "1\n" OURS "2\n";
	struct natfw fw;

	begin(&fw, &natfw_nft, chains);
	fill_table(&fw);
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, SOCKETS, 0), 0);
	assert_int_equal(nft_verify_foreign(&fw, FW4, FW4, SOCKETS, 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, FW4 OURS "1\n", SOCKETS,
					    0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, FW4 OURS "1\n" OURS
					    "2\n" OURS "3\n", SOCKETS, 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, "", 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, NULL, 1), 1);
	assert_int_equal(nft_verify_foreign(&fw, "", two, SOCKETS, 0), 1);
	assert_int_equal(nft_verify_foreign(&fw, FW4 "chain g {\n"
		"type filter hook forward priority 0;\n", two, SOCKETS, 0), 1);
	/* the tool itself: not a drift */
	assert_int_equal(nft_verify_foreign(&fw, FW4, two, NULL, -ETIMEDOUT),
			 -ETIMEDOUT);
	natfw_done(&fw);
}

static void test_open(void **state)
{
	static const struct answer none[] = {
		{ "nft -nn -a list table", NULL, 1 }, { NULL }
	}, gone[] = { { "nft", NULL, -ENOENT }, { NULL } };
	struct natfw_env env = env_of(EXT);
	struct natfw fw;

	begin(&fw, &natfw_nft, none);
	assert_int_equal(natfw_open(&fw, &natfw_nft, &env), 0);
	assert_false(fw.dirty);
	assert_string_equal(tool.in, nft_own_text);
	/* what a killed monitor left works on until the first sync */
	tool.in_n = 0;
	tool.answer = NULL;
	assert_int_equal(natfw_open(&fw, &natfw_nft, &env), 0);
	assert_true(fw.dirty);
	assert_int_equal(tool.in_n, 0);
	tool.answer = gone;
	assert_int_equal(natfw_open(&fw, &natfw_nft, &env), -ENOENT);
	assert_string_equal(fw.why, "nft: No such file or directory");
	natfw_done(&fw);
}

static void test_governs(void **state)
{
	static const struct answer chains[] = {
		{ "nft -nn -a list chains", NFT_CHAINS, 0 }, { NULL }
	}, fails[] = { { "nft", NULL, 1 }, { NULL } };

	tool.answer = chains;
	assert_true(natfw_nft.governs());
	tool.answer = fails;
	assert_false(natfw_nft.governs());
	tool.answer = NULL;
	assert_false(natfw_nft.governs());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sync_text),
		cmocka_unit_test(test_foreign_text),
		cmocka_unit_test(test_two_in_a_table),
		cmocka_unit_test(test_close_text),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_batches_to_tool),
		kernel_test(test_batches_to_kernel),
		kernel_test(test_batches_to_both),
		kernel_test(test_no_tool),
		cmocka_unit_test(test_shared_socket),
		cmocka_unit_test(test_verify_elements),
		cmocka_unit_test(test_verify_chains),
		cmocka_unit_test(test_verify_foreign),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_governs),
	};

	no_kernel(NULL);
	return cmocka_run_group_tests(tests, tool_setup, NULL);
}
