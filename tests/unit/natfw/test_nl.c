/* SPDX-License-Identifier: ISC */
/*
 * test_nl.c - the backend netlink sends rules byte for byte as nft does, reads
 * dumps, and reports why the kernel refuses a change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include "sys/proc.h"
#include "natfw/nl_list.h"
#include "natfw/nl_put.h"
#include "natfw/nl_rule.h"
#include "natfw/place.h"
#include "natfw/table.h"
#include "tests/unit/nldump.h"
#include "tests/unit/nltest.h"

#define NFT(what) (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_##what)
#define EXT	IP(203, 0, 113, 1)
#define CLIENT	IP(192, 168, 88, 10)

bool proc_exists(const char *name)
{
	return false;
}

int proc_run(struct proc *p)
{
	fail();
	return -ENOENT;
}

/* ---- a kernel ---------------------------------------------------------- */

int __wrap_nfnl_open(void);
int __wrap_nfnl_commit(struct nfnl_batch *, int fd);
int __wrap_nfnl_get(int fd, uint32_t seq, const struct nfnl_set *,
		    const struct nfnl_value *key, nl_fn fn, void *arg);

static struct {
	int open_rc, dump_rc;
	int rc[4];		/* of the batches, in order */
	int refuse;		/* the type of message that fails */
	const char *expr;	/* and in it, this expression */
	struct msg msg[8];	/* the messages of a dump */
	size_t msg_n;
	unsigned batches, dumps, opened;
	bool counting;		/* the last batch had a counter in it */
	bool twice;		/* the first try of a dump is interrupted */
} kernel;

static int reset(void **state)
{
	memset(&kernel, 0, sizeof(kernel));
	return make_room(state);
}

int __wrap_nfnl_open(void)
{
	kernel.opened++;
	return kernel.open_rc ? kernel.open_rc :
	       open("/dev/null", O_RDWR | O_CLOEXEC);
}

static bool contains(const struct nlmsghdr *h, const char *name, size_t *at)
{
	const char *p = memmem(h, h->nlmsg_len, name, strlen(name) + 1);

	if (p)	/* the list's element begins two headers before its name */
		*at = (size_t)(p - (const char *)h) - 8;
	return p;
}

int __wrap_nfnl_commit(struct nfnl_batch *b, int fd)
{
	struct nl_span s = { b->m.p, b->m.len };
	const struct nlmsghdr *h;
	size_t at = 0;

	assert_int_equal(b->m.err, 0);
	kernel.counting = false;
	while ((h = netlink_next_msg(&s))) {
		if (h->nlmsg_type == NFT(NEWSET))
			kernel.counting |= contains(h, "counter", &at);
		if (!b->fault && kernel.refuse == h->nlmsg_type &&
		    (!kernel.expr || contains(h, kernel.expr, &at))) {
			b->fault = h->nlmsg_seq;
			b->fault_at = kernel.expr ? (uint32_t)at : 0;
		}
	}
	return kernel.rc[kernel.batches++ % 4];
}

/* Every dump gets all messages: the reader must select its own. */
int __wrap_nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *q,
		     nl_fn fn, void *arg)
{
	size_t i;

	assert_true(fd >= 0);
	for (i = 0; i < kernel.msg_n && !kernel.dump_rc; i++)
		fn(arg, &kernel.msg[i].h);
	return kernel.twice && !kernel.dumps++ ? -EINTR : kernel.dump_rc;
}

int __wrap_nfnl_get(int fd, uint32_t seq, const struct nfnl_set *set,
		    const struct nfnl_value *key, nl_fn fn, void *arg)
{
	return __wrap_nfnl_dump(fd, seq, NULL, fn, arg);
}

/* ---- the messages of a dump -------------------------------------------- */

static struct msg *add_msg(uint16_t type, uint8_t family, const char *table)
{
	const struct nfgenmsg about = { .nfgen_family = family };
	struct msg *m = &kernel.msg[kernel.msg_n++];

	*m = msg_new(type, &about, sizeof(about));
	msg_attr(m, 1, table, strlen(table) + 1);
	return m;
}

static void add_own_chain(void)
{
	struct msg *m = add_msg(NFT(NEWCHAIN), NFPROTO_IPV4, "upnpd");

	msg_attr(m, NFTA_CHAIN_NAME, "prerouting", 11);
	msg_attr(m, NFTA_CHAIN_TYPE, "nat", 4);
}

/* The head of an attribute, in host order. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define HEAD(len, nested, type) 0, (len), (nested) ? 128 : 0, (type)
#else
#define HEAD(len, nested, type) (len), 0, (type), (nested) ? 128 : 0
#endif

/* An element of the set count. */
static void add_element(void)
{
	static const uint8_t list[] = {
		HEAD(24 + 44, true, NFTA_LIST_ELEM),
		HEAD(20, true, NFTA_SET_ELEM_KEY),
		HEAD(16, false, NFTA_DATA_VALUE),
		192, 168, 88, 10, 6, 0, 0, 0, 0x1f, 0x40, 0, 0,
		HEAD(44, true, NFTA_SET_ELEM_EXPR),
		HEAD(12, false, NFTA_EXPR_NAME),
		'c', 'o', 'u', 'n', 't', 'e', 'r', 0,
		HEAD(28, true, NFTA_EXPR_DATA),
		HEAD(12, false, NFTA_COUNTER_BYTES), 1, 2, 3, 4, 5, 6, 7, 8,
		HEAD(12, false, NFTA_COUNTER_PACKETS), 0, 0, 0, 0, 0, 0, 0, 9,
	};
	struct msg *m = add_msg(NFT(NEWSETELEM), NFPROTO_IPV4, "upnpd");

	msg_attr(m, NFTA_SET_ELEM_LIST_SET, "count", 6);
	msg_attr(m, NFTA_SET_ELEM_LIST_ELEMENTS, list, sizeof(list));
}

static void on_count(void *arg, const struct nl_list_count *c)
{
	assert_int_equal(c->client, CLIENT);
	assert_int_equal(c->port, 8000);
	assert_int_equal(c->proto, IPPROTO_TCP);
	++*(unsigned *)arg;
}

static void on_exact_count(void *arg, const struct nl_list_count *c)
{
	on_count(arg, c);
	assert_int_equal(c->packets, 9);
	assert_int_equal(c->bytes, 0x0102030405060708);
}

static void test_counters_are_read_from_our_set(void **state)
{
	struct nl_list_sock sock = { 0 };
	unsigned n = 0;

	kernel.dump_rc = -ENOENT;
	assert_int_equal(nl_list_counts(&sock, on_exact_count, &n), -ENOENT);
	kernel.dump_rc = 0;
	add_element();
	assert_int_equal(nl_list_counts(&sock, on_exact_count, &n), 0);
	assert_int_equal(n, 1);
}

static void test_elements_are_hashed_as_listed(void **state)
{
	const struct nfnl_set set = { "ip", "upnpd", "count" };
	struct nfnl_value key = { .n = 0 }, none = { .n = 0 };
	struct nl_list_scan scan = { 0 };
	struct backend_tally want = { 0 };
	struct nl_list_sock sock = { 0 };

	nfnl_ip(&key, CLIENT);
	nfnl_proto(&key, IPPROTO_TCP);
	nfnl_port(&key, 8000);
	add_element();
	assert_int_equal(nl_list_elements(&sock, &scan, &set), 0);
	backend_count(&want, nl_list_hash(&set, &key, &none));
	assert_true(backend_same(scan.elements, want));
	nfnl_port(&none, 1);
	assert_true(nl_list_hash(&set, &key, &none) !=
		    nl_list_hash(&set, &key, &key));
}

/* The kernel's message is cut at every byte, before an unreadable page: a
 * complete message in its header, but cut in its attributes. */
static void test_cut_messages_are_read_only_to_their_end(void **state)
{
	const struct nfnl_set set = { "ip", "upnpd", "count" };
	struct nl_list_scan scan;
	struct nl_list_sock sock = { 0 };
	struct msg whole;
	size_t i, len;
	unsigned n;

	add_own_chain();
	add_element();
	for (i = 0; i < 2; i++) {
		whole = kernel.msg[i];
		for (len = NLMSG_HDRLEN; len < whole.len; len++) {
			memset(&kernel.msg[i], 0xff, sizeof(whole));
			memcpy(&kernel.msg[i], &whole, len);
			kernel.msg[i].h.nlmsg_len = (uint32_t)len;
			scan = (struct nl_list_scan){ 0 };
			nl_list_own(&sock, &nl_map_own, &scan);
			nl_list_elements(&sock, &scan, &set);
			n = 0;
			nl_list_counts(&sock, on_count, &n);
		}
		kernel.msg[i] = whole;
	}
	scan = (struct nl_list_scan){ 0 };
	nl_list_own(&sock, &nl_map_own, &scan);
	assert_int_equal(scan.own.n, 1);
}

/* ---- rules as nft sends them ------------------------------------------- */

/* By nft 1.0.6 --debug=mnl, without the number of a set that has a name:
 *   insert rule inet fw4 forward ct status dnat ip daddr . meta l4proto .
 *     th dport @upnpd_accept accept comment "upnpd"
 *   add rule inet fw4 forward iifname "lan0" ct status dnat meta l4proto tcp
 *     ip saddr . meta l4proto . th sport @upnpd_accept accept comment "upnpd"
 *   add rule ip upnpd postrouting oifname "lan0" ip saddr 192.168.88.0/24
 *     ip daddr 192.168.88.0/24 ct status dnat
 *     ct original ip daddr 203.0.113.1 masquerade
 */
static const char nft_accept[] =
	"08000100667734000c000200666f727761726400d00104802000018007000100"
	"637400001400028008000200000000020800010000000001440001800c000100"
	"6269747769736500340002800800010000000001080002000000000108000300"
	"000000040c00048008000100200000000c00058008000100000000002c000180"
	"08000100636d700020000280080001000000000108000200000000010c000380"
	"080001000000000024000180090001006d657461000000001400028008000200"
	"0000000f08000100000000012c00018008000100636d70002000028008000100"
	"0000000108000200000000000c0003800500010002000000340001800c000100"
	"7061796c6f616400240002800800010000000001080002000000000108000300"
	"00000010080004000000000424000180090001006d6574610000000014000280"
	"08000200000000100800010000000009340001800c0001007061796c6f616400"
	"24000280080001000000000a0800020000000002080003000000000208000400"
	"00000002300001800b0001006c6f6f6b75700000200002800800020000000001"
	"1100010075706e70645f61636365707400000000300001800e000100696d6d65"
	"64696174650000001c0002800800010000000000100002800c00028008000100"
	"000000010c000700000675706e706400";
static const char nft_accept_from[] =
	"08000100667734000c000200666f7277617264007c0204802400018009000100"
	"6d65746100000000140002800800020000000006080001000000000138000180"
	"08000100636d70002c0002800800010000000001080002000000000018000380"
	"140001006c616e30000000000000000000000000200001800700010063740000"
	"1400028008000200000000020800010000000001440001800c00010062697477"
	"6973650034000280080001000000000108000200000000010800030000000004"
	"0c00048008000100200000000c00058008000100000000002c00018008000100"
	"636d700020000280080001000000000108000200000000010c00038008000100"
	"0000000024000180090001006d65746100000000140002800800020000000010"
	"08000100000000012c00018008000100636d7000200002800800010000000001"
	"08000200000000000c000380050001000600000024000180090001006d657461"
	"0000000014000280080002000000000f08000100000000012c00018008000100"
	"636d700020000280080001000000000108000200000000000c00038005000100"
	"02000000340001800c0001007061796c6f616400240002800800010000000001"
	"0800020000000001080003000000000c08000400000000042400018009000100"
	"6d65746100000000140002800800020000000010080001000000000934000180"
	"0c0001007061796c6f61640024000280080001000000000a0800020000000002"
	"08000300000000000800040000000002300001800b0001006c6f6f6b75700000"
	"2000028008000200000000011100010075706e70645f61636365707400000000"
	"300001800e000100696d6d6564696174650000001c0002800800010000000000"
	"100002800c00028008000100000000010c000700000675706e706400";
static const char nft_hairpin[] =
	"0a00010075706e706400000010000200706f7374726f7574696e670018020480"
	"24000180090001006d6574610000000014000280080002000000000708000100"
	"000000013800018008000100636d70002c000280080001000000000108000200"
	"0000000018000380140001006c616e3000000000000000000000000034000180"
	"0c0001007061796c6f6164002400028008000100000000010800020000000001"
	"080003000000000c08000400000000032c00018008000100636d700020000280"
	"080001000000000108000200000000000c00038007000100c0a8580034000180"
	"0c0001007061796c6f6164002400028008000100000000010800020000000001"
	"080003000000001008000400000000032c00018008000100636d700020000280"
	"080001000000000108000200000000000c00038007000100c0a8580020000180"
	"0700010063740000140002800800020000000002080001000000000144000180"
	"0c00010062697477697365003400028008000100000000010800020000000001"
	"08000300000000040c00048008000100200000000c0005800800010000000000"
	"2c00018008000100636d70002000028008000100000000010800020000000001"
	"0c00038008000100000000002800018007000100637400001c00028008000200"
	"00000014080001000000000105000300000000002c00018008000100636d7000"
	"20000280080001000000000108000200000000000c00038008000100cb007101"
	"14000180090001006d6173710000000004000280";

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void assert_attrs(const struct nlmsghdr *h, const char *hex)
{
	struct nl_span s = netlink_attrs(h, sizeof(struct nfgenmsg));
	size_t i;

	assert_int_equal(s.n, strlen(hex) / 2);
	for (i = 0; i < s.n; i++)
		assert_int_equal((uint8_t)s.p[i], nibble(hex[2 * i]) << 4 |
						  nibble(hex[2 * i + 1]));
}

static const struct nlmsghdr *nth_rule(const struct nfnl_batch *b, unsigned n)
{
	struct nl_span s = { b->m.p, b->m.len };
	const struct nlmsghdr *h;

	while ((h = netlink_next_msg(&s)))
		if (h->nlmsg_type == NFT(NEWRULE) && !n--)
			return h;
	fail();
	return NULL;
}

static const struct nl_map *const mapped = &nl_map_table[NL_MAP_ACCEPT];

/* The bytes of nft are little-endian. */
static void test_rules_are_the_bytes_that_nft_sends(void **state)
{
	static const struct nl_table fw4 = { "inet", "fw4" };
	const struct place both = { .to = true, .from = true }, from = {
		.from = true, .ifname = "lan0", .proto = IPPROTO_TCP,
	};
	const struct natfw_env env = {
		.ext_if = "wan0", .ext = addr_ip4(EXT), .hairpin = true,
		.net_n = 1,
		.net = { { 0, "lan0", { { ADDR_IP4, { 192, 168, 88, 1 } },
					24 } } },
	};
	static uint32_t words[4096];
	const struct nlmsghdr *h;
	struct nfnl_batch b;

	if (htole32(1) != 1)
		skip();
	nfnl_begin(&b, words, sizeof(words), 1);
	nl_rule_put_accept(&b, &env, &(struct nl_rule_spot){
		&fw4, "forward", NL_PUT_APPEND, &both }, mapped);
	nl_rule_put_accept(&b, &env, &(struct nl_rule_spot){
		&fw4, "forward", NL_PUT_APPEND, &from }, mapped);
	nl_rule_put_table(&b, &nl_map_own, &env, true);
	assert_int_equal(b.m.err, 0);
	h = nth_rule(&b, 0);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE |
					 NLM_F_APPEND);
	assert_attrs(h, nft_accept);
	assert_attrs(nth_rule(&b, 2), nft_accept_from);
	h = nth_rule(&b, 6);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE |
					 NLM_F_APPEND);
	assert_attrs(h, nft_hairpin);
}

/* Before another rule: without the flag, and with its handle. */
static void test_accept_is_inserted_before_a_handle(void **state)
{
	static const struct nl_table fw4 = { "inet", "fw4" };
	const struct natfw_env env = { .ext_if = "wan0" };
	const struct place to = { .to = true };
	const uint64_t handle = htobe64(0x1122334455);
	static uint32_t words[1024];
	const struct nlmsghdr *h;
	struct nfnl_batch b;
	size_t at;

	nfnl_begin(&b, words, sizeof(words), 1);
	nl_rule_put_accept(&b, &env, &(struct nl_rule_spot){
		&fw4, "forward", 0x1122334455, &to }, mapped);
	h = nth_rule(&b, 0);
	assert_int_equal(h->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE);
	at = NLMSG_LENGTH(sizeof(struct nfgenmsg)) + 8 + 12;
	assert_memory_equal((const char *)h + at + 4, &handle, sizeof(handle));
	assert_int_equal(((const struct nlattr *)((const char *)h + at))
			 ->nla_type, NFTA_RULE_POSITION);
}

/* Hairpin has a rule for each pair of networks, and all of them are in one
 * batch. */
static void test_rules_of_most_networks_fit_into_a_batch(void **state)
{
	static uint32_t words[(4 << 20) / 4];	/* nl.c: ROOM_REST */
	static struct natfw_env env = {
		.ext_if = "wan0", .hairpin = true, .masquerade = true,
	};
	struct nfnl_batch b;

	env.ext = addr_ip4(EXT);
	for (size_t i = 0; i < NATFW_NETS_MAX; i++)
		env.net[env.net_n++] = (struct netif_addr){ 3, "lan0",
			{ addr_ip4(0x0a000000u + (uint32_t)i * 512), 23 },
			.routed = i >= NATFW_NETS_MAX - CONF_NETWORKS_ALL,
		};
	nfnl_begin(&b, words, sizeof(words), 1);
	nl_rule_put_table(&b, &nl_map_own, &env, true);
	assert_int_equal(b.m.err, 0);
}

/* ---- refusals ---------------------------------------------------------- */

static struct natfw fw;
static const struct natfw_env env = {
	.ext_if = "wan0", .ext = { ADDR_IP4, { 203, 0, 113, 1 } },
	.masquerade = true, .net_n = 1,
	.net = { { 0, "lan0", { { ADDR_IP4, { 192, 168, 88, 1 } }, 24 } } },
};

/* Rules of nobody, and no places. */
static struct places places = {
	.lost4.chain = RULESET_NONE, .lost6.chain = RULESET_NONE,
};
static struct natfw_writer writer;

static int open_fw(void)
{
	memset(&fw, 0, sizeof(fw));
	assert_int_equal(table_init(&fw, 8, 0), 0);
	fw.env = env;
	fw.rules = ruleset_new();
	fw.places = &places;
	writer = (struct natfw_writer){
		.be = &natfw_netlink, .translates = true,
	};
	return natfw_netlink.open(&fw, &writer);
}

static int sync_fw(void)
{
	return natfw_netlink.sync(&fw, &writer, NULL, 0);
}

static void close_fw(void)
{
	kernel.dump_rc = -EPERM;	/* our table is removed all the same */
	natfw_netlink.close(&fw, &writer);
	assert_null(writer.own);
	ruleset_free(fw.rules);
	table_done(&fw);
}

static void refused(int type, const char *expr, int err, int want,
		    const char *doing, const char *rest)
{
	char why[160];

	reset(NULL);
	kernel.refuse = type;
	kernel.expr = expr;
	kernel.rc[0] = kernel.rc[1] = err;
	assert_int_equal(open_fw(), 0);
	assert_int_equal(sync_fw(), want);
	snprintf(why, sizeof(why), "netlink: %s: %s%s", doing, strerror(-err),
		 rest);
	assert_string_equal(fw.why, why);
	close_fw();
}

static void test_refusal_names_the_missing_module(void **state)
{
	refused(NFT(NEWRULE), "nat", -ENOENT, -EIO, "making a rule",
		"; is the kernel without nft_nat?");
	refused(NFT(NEWRULE), "masq", -EOPNOTSUPP, -EOPNOTSUPP,
		"making a rule", "; is the kernel without nft_masq?");
	refused(NFT(NEWCHAIN), NULL, -ENOENT, -EIO, "making a chain",
		"; is the kernel without nft_chain_nat?");
	refused(NFT(NEWTABLE), NULL, -EPERM, -EPERM, "making the table",
		"; CAP_NET_ADMIN is needed");
	refused(NFT(DELSET), NULL, -EBUSY, -EBUSY, "a transaction", "");
}

/* On a kernel without nft_counter the set has no counter, and all works. */
static void test_kernel_without_counters_works(void **state)
{
	assert_int_equal(open_fw(), 0);
	assert_int_equal(kernel.batches, 0);
	assert_int_equal(sync_fw(), 0);
	assert_true(kernel.counting);
	assert_int_equal(kernel.batches, 1);
	kernel.batches = 0;
	kernel.rc[0] = -ENOENT;
	assert_int_equal(sync_fw(), 0);
	assert_false(kernel.counting);
	assert_int_equal(kernel.batches, 2);
	close_fw();
}

/* A failed listing leaves nothing in the socket for the next one. */
static void test_failed_listing_leaves_nothing_in_the_socket(void **state)
{
	unsigned opened;

	assert_int_equal(open_fw(), 0);
	assert_int_equal(sync_fw(), 0);
	kernel.dump_rc = -ETIMEDOUT;
	assert_int_equal(natfw_netlink.verify(&fw, &writer, NULL, 0),
			 -ETIMEDOUT);
	assert_memory_equal(fw.why, "netlink: listing: ", 18);
	assert_string_equal(fw.why + 18, strerror(ETIMEDOUT));
	kernel.dump_rc = -ENOENT;	/* somebody deleted it */
	opened = kernel.opened;
	assert_int_equal(natfw_netlink.verify(&fw, &writer, NULL, 0), 1);
	assert_int_equal(kernel.opened, opened + 1);
	close_fw();
	kernel.open_rc = -EPROTONOSUPPORT;
	assert_int_equal(open_fw(), -EPROTONOSUPPORT);
	assert_non_null(strstr(fw.why, "is the kernel without nfnetlink?"));
	close_fw();
}

/* One transaction, which leaves nothing. */
static void test_usable_if_the_kernel_takes_such_a_table(void **state)
{
	assert_true(natfw_netlink.usable(&env));
	assert_int_equal(kernel.batches, 1);
	kernel.rc[1] = -EOPNOTSUPP;
	assert_false(natfw_netlink.usable(&env));
	kernel.open_rc = -EPROTONOSUPPORT;
	assert_false(natfw_netlink.usable(&env));
}

#define T(f) cmocka_unit_test_setup(f, reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_counters_are_read_from_our_set),
		T(test_elements_are_hashed_as_listed),
		T(test_cut_messages_are_read_only_to_their_end),
		T(test_rules_are_the_bytes_that_nft_sends),
		T(test_accept_is_inserted_before_a_handle),
		T(test_rules_of_most_networks_fit_into_a_batch),
		T(test_refusal_names_the_missing_module),
		T(test_kernel_without_counters_works),
		T(test_failed_listing_leaves_nothing_in_the_socket),
		T(test_usable_if_the_kernel_takes_such_a_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
