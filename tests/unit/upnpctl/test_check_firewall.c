/* SPDX-License-Identifier: ISC */
/*
 * test_check_firewall.c - the checks of the firewall report what the rules of a
 * listing do to packets of the LAN and to packets to mapped ports.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <cmocka.h>
#include "natfw/ruleset_ipt.h"
#include "tests/unit/addrtest.h"
#include "upnpctl/check.h"

/* ---- findings are kept instead of printed --------------------------- */

#define FOUND_MAX 32

static struct {
	enum check_level level;
	char text[1024];
} found[FOUND_MAX];

void __wrap_check_report(struct check *, enum check_level, const char *fmt,
			 ...) __attribute__((format(printf, 3, 4)));
void __wrap_check_report_ok(struct check *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

__attribute__((format(printf, 3, 0)))
static void keep(struct check *c, enum check_level level, const char *fmt,
		 va_list ap)
{
	struct wr w = wr_init(found[c->reported].text,
			      sizeof(found[c->reported].text));

	assert_true(c->reported < FOUND_MAX);
	wr_vfmt(&w, fmt, ap);
	wr_cstr(&w);
	assert_false(w.over);
	found[c->reported++].level = level;
}

void __wrap_check_report(struct check *c, enum check_level level,
			 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	keep(c, level, fmt, ap);
	va_end(ap);
}

void __wrap_check_report_ok(struct check *c, const char *fmt, ...)
{
	va_list ap;

	if (c->reported)
		return;
	va_start(ap, fmt);
	keep(c, CHECK_OK, fmt, ap);
	va_end(ap);
}

/* ---- the router ----------------------------------------------------- */

static struct check c;

static const struct netif_addr lan = {
	.ifindex = 3, .ifname = "lan0",
};

/* A router with the networks of lan0 and of one behind it, and these rules of
 * iptables. */
static void make_router(const char *listing)
{
	struct ruleset_ipt ipt = {
		.kind = RULESET_IPT_LEGACY, .family = NFPROTO_IPV4,
	};
	struct str rest = str_z(listing), line;

	memset(&c, 0, sizeof(c));
	c.rules = ruleset_new();
	assert_non_null(c.rules);
	ipt.rules = c.rules;
	while (str_cut(&rest, '\n', &line))
		ruleset_ipt_line(&ipt, line);
	ruleset_sort(c.rules);
	assert_string_equal(c.rules->why, "");
	strcpy(c.fw.ext_if, "wan0");
	c.fw.ext_index = 2;
	c.fw.ext = addr_of_text("192.0.2.1");
	c.externals.state.ext_n = 1;
	c.externals.state.ext[0] = (struct ifstate_ext){
		.name = "wan0", .ifindex = 2, .addr = c.fw.ext, .up = true,
		.running = true,
	};
	c.fw.net[0] = c.fw.net[1] = lan;
	c.fw.net[0].net = (struct addr_net){ addr_of_text("192.168.88.1"), 24 };
	c.fw.net[1].net = (struct addr_net){ addr_of_text("172.31.0.0"), 16 };
	c.fw.net[1].routed = 1;
	c.fw.net_n = 2;
	c.conf.upnp = true;
	c.conf.nat_pmp = c.conf.pcp = false;
	c.conf.http_port = c.http_port = 2828;
	place_find(c.rules, &c.fw, &c.places);
}

static void run(void (*check)(struct check *))
{
	c.reported = 0;
	check(&c);
}

static void done(void)
{
	ruleset_free(c.rules);
	c.rules = NULL;
}

static void assert_found(size_t i, enum check_level level, const char *part)
{
	assert_true(i < c.reported);
	if (!strstr(found[i].text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, found[i].text);
	assert_int_equal(found[i].level, level);
}

/* Exactly one finding of @check. */
static void assert_one(void (*check)(struct check *), const char *listing,
		       enum check_level level, const char *part)
{
	make_router(listing);
	run(check);
	assert_int_equal(c.reported, 1);
	assert_found(0, level, part);
	done();
}

/* ---- input ---------------------------------------------------------- */

#define FILTER(input, forward, output) "*filter\n:INPUT " input " [0:0]\n" \
	":FORWARD " forward " [0:0]\n:OUTPUT " output " [0:0]\n"
#define ESTABLISHED(chain) "-A " chain " -m conntrack --ctstate " \
	"RELATED,ESTABLISHED -j ACCEPT\n"

static void test_input_that_accepts(void **state)
{
	assert_one(check_input, FILTER("ACCEPT", "DROP", "ACCEPT"), CHECK_OK,
		   "lets in UDP port 1900 and TCP port 2828");
	assert_one(check_input, FILTER("DROP", "DROP", "ACCEPT")
		   "-A INPUT -i lan0 -j ACCEPT\n", CHECK_OK, "lets in");
	assert_one(check_input, FILTER("ACCEPT", "ACCEPT", "ACCEPT")
		   "-A INPUT -i wan0 -j DROP\n-A INPUT -p tcp --dport 22 -j "
		   "DROP\n-A INPUT -s 192.168.88.10 -j DROP\n", CHECK_OK,
		   "lets in");
	/* no rules at all */
	assert_one(check_input, "", CHECK_OK, "lets in");
}

static void test_input_that_drops(void **state)
{
	assert_one(check_input, FILTER("DROP", "ACCEPT", "ACCEPT")
		   ESTABLISHED("INPUT"), CHECK_PROBLEM,
		   "UDP port 1900 (searches) and TCP port 2828 (requests) from "
		   "lan0: dropped by iptables INPUT of filter, policy; "
		   "programs there do not find or reach upnpd\niptables");
	/* as ufw does */
	assert_one(check_input, FILTER("DROP", "ACCEPT", "ACCEPT")
		   "-A INPUT -d 239.255.255.250 -p udp --dport 1900 -j ACCEPT"
		   "\n-A INPUT -j REJECT\n", CHECK_PROBLEM,
		   "TCP port 2828 (requests) from lan0: dropped by iptables "
		   "INPUT of filter, rule 2; programs");
	assert_one(check_input, "*raw\n:PREROUTING ACCEPT [0:0]\n"
		   "-A PREROUTING -i lan+ -p udp -j DROP\n", CHECK_PROBLEM,
		   "UDP port 1900 (searches) from lan0: dropped by iptables "
		   "PREROUTING of raw, rule 1;");
}

static void test_input_that_drops_some(void **state)
{
	assert_one(check_input, FILTER("DROP", "ACCEPT", "ACCEPT")
		   "-A INPUT -p udp -j ACCEPT\n"
		   "-A INPUT -s 192.168.88.0/28 -j ACCEPT\n", CHECK_WARNING,
		   "TCP port 2828 (requests) from lan0: dropped by iptables "
		   "INPUT of filter, policy, except under a condition;");
	/* clients behind another router send requests, not searches */
	assert_one(check_input, FILTER("DROP", "ACCEPT", "ACCEPT")
		   "-A INPUT -s 192.168.88.0/24 -j ACCEPT\n", CHECK_PROBLEM,
		   "TCP port 2828 (requests) from lan0: dropped");
}

static void test_output_that_drops(void **state)
{
	assert_one(check_input, FILTER("ACCEPT", "ACCEPT", "DROP"),
		   CHECK_PROBLEM, "UDP from port 1900 (announcements), TCP "
		   "from port 2828 (answers) and TCP (events) to lan0: dropped "
		   "by iptables OUTPUT of filter, policy; programs there get "
		   "no answer or no events\niptables");
	assert_one(check_input, FILTER("ACCEPT", "ACCEPT", "DROP")
		   ESTABLISHED("OUTPUT") "-A OUTPUT -p udp -j ACCEPT\n",
		   CHECK_WARNING, "TCP (events) to lan0: dropped");
}

/* The protocols that are on decide which packets must pass. */
static void test_input_of_nat_pmp_and_pcp(void **state)
{
	make_router(FILTER("DROP", "ACCEPT", "ACCEPT"));
	c.conf.nat_pmp = c.conf.pcp = true;
	run(check_input);
	assert_found(0, CHECK_PROBLEM, "UDP port 1900 (searches), TCP port "
		     "2828 (requests) and UDP port 5351 (NAT-PMP and PCP) "
		     "from lan0: dropped by iptables INPUT of filter, policy");
	assert_found(0, CHECK_PROBLEM, "--dport 5351 -j ACCEPT");
	c.conf.upnp = c.conf.pcp = false;
	run(check_input);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_PROBLEM, "UDP port 5351 (NAT-PMP) from lan0: ");
	c.conf.nat_pmp = false;
	run(check_input);
	assert_found(0, CHECK_OK, "nothing needs to be let in");
	done();
	make_router(FILTER("DROP", "ACCEPT", "ACCEPT")
		    "-A INPUT -i lan0 -p udp --dport 5351 -j ACCEPT\n");
	c.conf.upnp = false;
	c.conf.pcp = true;
	run(check_input);
	assert_found(0, CHECK_OK, "lets in UDP port 5351 from");
	done();
	make_router(FILTER("ACCEPT", "ACCEPT", "DROP"));
	c.conf.upnp = false;
	c.conf.pcp = true;
	run(check_input);
	assert_found(0, CHECK_PROBLEM, "UDP from port 5351 (PCP) to lan0: ");
	done();
	/* answers are no new flows */
	make_router(FILTER("ACCEPT", "ACCEPT", "DROP") ESTABLISHED("OUTPUT"));
	c.conf.upnp = false;
	c.conf.pcp = true;
	run(check_input);
	assert_found(0, CHECK_OK, "lets in");
	done();
}

static void test_input_with_any_port(void **state)
{
	make_router(FILTER("DROP", "ACCEPT", "ACCEPT")
		    "-A INPUT -p udp -j ACCEPT\n");
	c.conf.http_port = c.http_port = 0;
	run(check_input);
	assert_found(0, CHECK_PROBLEM, "TCP (requests) from lan0: dropped");
	assert_found(0, CHECK_PROBLEM, "\nupnpctl set http-port=2828; "
		     "iptables");
	assert_found(0, CHECK_PROBLEM, "--dport 2828 ");
	done();
	make_router("");
	c.conf.http_port = c.http_port = 0;
	run(check_input);
	assert_found(0, CHECK_OK, "every TCP port");
	done();
}

static void test_rules_that_were_not_read(void **state)
{
	void (*const checks[])(struct check *) = {
		check_firewall_masquerade, check_forward, check_taken,
		check_input,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		make_router("");
		ruleset_free(c.rules);
		c.rules = NULL;
		strcpy(c.remedy, "Do something");
		strcpy(c.unread, "the tool failed");
		run(checks[i]);
		assert_int_equal(c.reported, 1);
		assert_found(0, CHECK_WARNING, "but not all rules could be "
			     "read: the tool failed\nDo something");
	}
}

/* 14 chains, of which each jumps to the next one three times: nobody can follow
 * that. */
static void test_rules_without_end(void **state)
{
	char text[4096];
	struct wr w = wr_init(text, sizeof(text));

	wr_z(&w, FILTER("ACCEPT", "ACCEPT", "ACCEPT"));
	for (int i = 0; i < 14; i++)
		wr_fmt(&w, ":c%d - [0:0]\n", i);
	for (int i = 0; i < 13 * 3; i++)
		wr_fmt(&w, "-A c%d -j c%d\n", i / 3, i / 3 + 1);
	wr_z(&w, "-A INPUT -j c0\n-A FORWARD -j c0\n");
	make_router(wr_cstr(&w));
	run(check_input);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_WARNING, "iptables INPUT of filter has too many "
		     "rules or jumps");
	run(check_forward);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_WARNING, "iptables FORWARD of filter has too "
		     "many rules or jumps");
	done();
}

/* ---- forward -------------------------------------------------------- */

static void assert_standing(const char *listing, enum check_level level,
			    const char *part)
{
	make_router(listing);
	c.serving = true;
	c.daemon = 1;
	run(check_forward);
	assert_int_equal(c.reported, 1);
	assert_found(0, level, part);
	done();
}

#define BAN "-A FORWARD -s 198.51.100.0/24 -j DROP\n"
#define OURS "-A FORWARD -j UPNPD\n"
#define LAN "-A FORWARD -i lan0 -j ACCEPT\n"

static void test_accepts_of_the_daemon(void **state)
{
	const char *const head = FILTER("ACCEPT", "DROP", "ACCEPT")
		":UPNPD - [0:0]\n" ESTABLISHED("FORWARD");
	char text[1024];
	static const struct {
		const char *rules;
		enum check_level level;
		const char *part;
	} v[] = {
		{ BAN LAN OURS, CHECK_OK, "no rule drops packets to open "
		  "ports: upnpd's accept rule is in iptables FORWARD of "
		  "filter" },
		{ BAN LAN OURS "-A FORWARD -j REJECT\n", CHECK_OK, "no rule" },
		{ BAN LAN, CHECK_PROBLEM, "which lacks upnpd's accept rule" },
		{ OURS BAN LAN, CHECK_WARNING, "bans between them" },
		{ BAN "-A FORWARD -j REJECT\n" OURS, CHECK_PROBLEM,
		  "rule 3, which comes before upnpd's accept rule\n" },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct wr w = wr_init(text, sizeof(text));

		wr_fmt(&w, "%s%s", head, v[i].rules);
		assert_standing(wr_cstr(&w), v[i].level, v[i].part);
	}
}

/* Without the daemon nothing is missing yet. */
static void test_accepts_to_come(void **state)
{
	assert_one(check_forward, FILTER("ACCEPT", "DROP", "ACCEPT"), CHECK_OK,
		   "once upnpd runs: upnpd's accept rule will be in iptables "
		   "FORWARD of filter");
}

static void test_table_of_another_process(void **state)
{
	make_router(FILTER("ACCEPT", "DROP", "ACCEPT"));
	c.rules->table[0].kind = RULESET_NATIVE;
	c.rules->table[0].owner = (uint32_t)getpid();
	place_find(c.rules, &c.fw, &c.places);
	run(check_forward);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_PROBLEM, "only its owner, test_check_fire "
		     "(process ");
	assert_found(0, CHECK_PROBLEM, "make the table filter without the flag "
		     "owner");
	c.rules->table[0].name = "firewalld";
	run(check_forward);
	assert_found(0, CHECK_PROBLEM, "\nSet NftablesTableOwner=no in "
		     "/etc/firewalld/firewalld.conf");
	done();
}

static void test_chains_beyond_the_cap(void **state)
{
	char text[8192];
	struct wr w = wr_init(text, sizeof(text));

	/* each interface has rules of its own */
	wr_z(&w, FILTER("ACCEPT", "ACCEPT", "ACCEPT"));
	for (int i = 0; i <= PLACES_MAX; i++)
		wr_fmt(&w, ":c%d - [0:0]\n-A FORWARD -j c%d\n", i, i);
	make_router(wr_cstr(&w));
	c.places.n = PLACES_MAX;
	c.places.lost4.chain = 1;
	run(check_forward);
	assert_found(0, CHECK_PROBLEM, "more than 64 places in the forward "
		     "chains");
	done();
}

static void test_configured_chain(void **state)
{
	make_router(FILTER("ACCEPT", "DROP", "ACCEPT"));
	c.rules->table[0].kind = RULESET_NATIVE;
	strcpy(c.fw.nft_table, "ip filter");
	strcpy(c.fw.nft_chain, "absent");
	place_find(c.rules, &c.fw, &c.places);
	run(check_forward);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_PROBLEM, "there is no chain absent in the nft "
		     "table ip filter");
	strcpy(c.fw.nft_chain, "INPUT");	/* not what drops */
	place_find(c.rules, &c.fw, &c.places);
	run(check_forward);
	assert_found(0, CHECK_PROBLEM, "dropped by ip filter FORWARD, policy, "
		     "and upnpd's accept rule is not before it, but in the "
		     "chain INPUT of ip filter\n");
	strcpy(c.fw.nft_chain, "FORWARD");
	place_find(c.rules, &c.fw, &c.places);
	run(check_forward);
	assert_found(0, CHECK_OK, "no rule drops");
	done();
}

#define NAT "*nat\n:PREROUTING ACCEPT [0:0]\n"
#define DNAT " -j DNAT --to-destination 192.168.88.10"

static void test_every_port(void **state)
{
	make_router(NAT "-A PREROUTING -i wan0" DNAT "\n");
	run(check_forward);
	assert_int_equal(c.reported, 2);
	assert_found(0, CHECK_PROBLEM, "every TCP port is forwarded by "
		     "iptables PREROUTING of nat, rule 1:");
	assert_found(1, CHECK_PROBLEM, "every UDP port is forwarded");
	done();
	assert_one(check_forward, NAT "-A PREROUTING -p tcp -m mark --mark 5"
		   DNAT "\n", CHECK_PROBLEM, "every TCP port is perhaps "
		   "forwarded by iptables PREROUTING of nat, rule 1, under");
	assert_one(check_forward, NAT "-A PREROUTING -p tcp --dport 8022" DNAT
		   ":22\n-A PREROUTING -p udp --dport 1024:40000" DNAT "\n",
		   CHECK_OK, "no rule");
	/* two rules of their own that meet */
	assert_one(check_forward, NAT "-A PREROUTING -p tcp --dport 1024:30000"
		   DNAT "\n-A PREROUTING -p tcp --dport 30001:65535" DNAT "\n",
		   CHECK_OK, "no rule");
	assert_one(check_forward, "*raw\n:PREROUTING ACCEPT [0:0]\n"
		   "-A PREROUTING -i wan0 -p udp -j DROP\n", CHECK_PROBLEM,
		   "every UDP packet to open ports on lan0 is dropped");
}

/* ---- mappings ------------------------------------------------------- */

static void add_mapping(uint8_t proto, uint16_t port)
{
	c.conf.mapping[c.conf.mapping_n++] = (struct conf_mapping){
		.client = addr_of_text("192.168.88.10"), .remote = addr_any(),
		.ext_port = port, .int_port = 80, .proto = proto,
	};
}

static void test_ports_of_the_administrator(void **state)
{
	make_router(NAT "-A PREROUTING -i wan0 -p tcp --dport 40022" DNAT
		    ":22\n-A PREROUTING -p udp -m mark --mark 5" DNAT "\n"
		    "COMMIT\n" FILTER("ACCEPT", "DROP", "ACCEPT")
		    "-A FORWARD -p tcp --dport 81 -j DROP\n");
	add_mapping(IPPROTO_TCP, 40021);
	run(check_taken);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_OK, "no mapping is overruled");
	add_mapping(IPPROTO_TCP, 40022);
	add_mapping(IPPROTO_UDP, 40023);
	add_mapping(IPPROTO_TCP, 40024);
	c.conf.mapping[3].int_port = 81;
	run(check_taken);
	assert_int_equal(c.reported, 3);
	assert_found(0, CHECK_PROBLEM, "tcp 40022 to 192.168.88.10:80 is "
		     "overruled: that port is forwarded by iptables "
		     "PREROUTING of nat, rule 1\n");
	assert_found(1, CHECK_PROBLEM, "udp 40023 to 192.168.88.10:80 is "
		     "overruled: ");
	assert_found(1, CHECK_PROBLEM, "is perhaps forwarded");
	assert_found(2, CHECK_PROBLEM, "tcp 40024 to 192.168.88.10:81 is "
		     "blocked: ");
	c.conf.mapping[1].disabled = true;
	run(check_taken);
	assert_int_equal(c.reported, 2);
	done();
}

static void test_port_of_a_program(void **state)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	make_router("");
	add_mapping(IPPROTO_TCP, ntohs(sa.sin_port));
	run(check_taken);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_PROBLEM, "is overruled: test_check_fire (process "
		     );
	close(fd);
	run(check_taken);
	assert_found(0, CHECK_OK, "no mapping");
	done();
}

/* A resolver may have the port for a moment, so a UDP socket counts only if the
 * daemon has found it. */
static void test_udp_port_of_a_program(void **state)
{
	static struct ctl_mapping one;
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	make_router("");
	one = (struct ctl_mapping){
		.rule = { .client = addr_of_text("192.168.88.10"),
			  .remote = addr_any(),
			  .ext_port = ntohs(sa.sin_port), .int_port = 80,
			  .kind = NAT_PORTMAP, .proto = IPPROTO_UDP },
		.enabled = 1,
	};
	c.daemon = 1;
	c.have_all = true;
	c.all = (struct mappings){ &one, 1, 1 };
	run(check_taken);
	assert_found(0, CHECK_OK, "no mapping");
	one.overruled = 1;
	run(check_taken);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_PROBLEM, "is overruled: test_check_fire (process "
		     );
	close(fd);
	done();
}

/* The daemon's flag counts, also if its reason has gone meanwhile. */
static void test_flag_of_the_daemon(void **state)
{
	static struct ctl_mapping all[12];

	make_router("");
	c.daemon = 1;
	run(check_taken);
	assert_int_equal(c.reported, 0);	/* the table was not read */
	for (size_t i = 0; i < 12; i++)
		all[i] = (struct ctl_mapping){
			.rule = { .client = addr_of_text("192.168.88.10"),
				  .remote = addr_of_text("203.0.113.7"),
				  .ext_port = (uint16_t)(40001 + i),
				  .int_port = 80, .kind = NAT_PORTMAP,
				  .proto = IPPROTO_UDP },
			.enabled = 1, .overruled = i > 0,
		};
	c.have_all = true;
	c.all = (struct mappings){ all, 12, 12 };
	run(check_taken);
	assert_int_equal(c.reported, 9);
	assert_found(0, CHECK_PROBLEM, "udp 40002 to 192.168.88.10:80 from "
		     "203.0.113.7 is overruled: a rule or a program");
	assert_found(8, CHECK_PROBLEM, "3 more mappings are overruled");
	done();
}

/* ---- masquerade ----------------------------------------------------- */

static void test_masquerade(void **state)
{
	static struct conf_iface ext = { .name = "wan0" };

	make_router(NAT ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o wan0 -j "
		    "MASQUERADE\n");
	c.ext = &ext;
	run(check_firewall_masquerade);
	assert_found(0, CHECK_OK, "are translated");
	done();
	make_router(NAT ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -s "
		    "192.168.88.0/24 -o wan0 -j MASQUERADE\n-A POSTROUTING -m "
		    "mark --mark 1 -j MASQUERADE\n");
	c.ext = &ext;
	run(check_firewall_masquerade);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_WARNING, "a rule translates 172.31.0.0/16 (lan0) "
		     "on its way out by wan0 only under a condition");
	done();
	make_router(NAT ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -p tcp -o "
		    "wan0 -j MASQUERADE\n");
	c.ext = &ext;
	run(check_firewall_masquerade);
	assert_int_equal(c.reported, 2);
	assert_found(0, CHECK_WARNING, "only under a condition");
	done();
	make_router("");
	c.ext = &ext;
	run(check_firewall_masquerade);
	assert_int_equal(c.reported, 2);
	assert_found(1, CHECK_PROBLEM, "nothing translates 172.31.0.0/16");
	done();
}

/* Mappings may move to the other one. */
static void add_external(void)
{
	static struct conf_iface ext = { .name = "wan0" };

	c.ext = &ext;
	c.externals.state.ext_n = 2;
	c.externals.state.ext[1] = (struct ifstate_ext){
		.name = "wan1", .ifindex = 7, .up = true, .running = true,
		.addr = addr_of_text("198.51.100.1"),
	};
}

static void test_second_external_interface(void **state)
{
	make_router(NAT ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o wan0 -j "
		    "MASQUERADE\n");
	add_external();
	run(check_firewall_masquerade);
	assert_int_equal(c.reported, 2);
	assert_found(0, CHECK_PROBLEM, "nothing translates 192.168.88.0/24 "
		     "(lan0) on its way out by wan1");
	/* without an address, no packet leaves by it */
	c.externals.state.ext[1].addr = (struct addr){ .family = ADDR_NONE };
	run(check_firewall_masquerade);
	assert_int_equal(c.reported, 1);
	assert_found(0, CHECK_OK, "are translated");
	done();
	make_router("*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i wan1 -j "
		    "DROP\n");
	add_external();
	run(check_forward);
	assert_int_equal(c.reported, 2);	/* TCP and UDP */
	assert_found(0, CHECK_PROBLEM, "packet to open ports at wan1 on lan0 "
		     "is dropped");
	done();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input_that_accepts),
		cmocka_unit_test(test_input_that_drops),
		cmocka_unit_test(test_input_that_drops_some),
		cmocka_unit_test(test_output_that_drops),
		cmocka_unit_test(test_input_of_nat_pmp_and_pcp),
		cmocka_unit_test(test_input_with_any_port),
		cmocka_unit_test(test_rules_that_were_not_read),
		cmocka_unit_test(test_rules_without_end),
		cmocka_unit_test(test_accepts_of_the_daemon),
		cmocka_unit_test(test_accepts_to_come),
		cmocka_unit_test(test_table_of_another_process),
		cmocka_unit_test(test_chains_beyond_the_cap),
		cmocka_unit_test(test_configured_chain),
		cmocka_unit_test(test_every_port),
		cmocka_unit_test(test_ports_of_the_administrator),
		cmocka_unit_test(test_port_of_a_program),
		cmocka_unit_test(test_udp_port_of_a_program),
		cmocka_unit_test(test_flag_of_the_daemon),
		cmocka_unit_test(test_masquerade),
		cmocka_unit_test(test_second_external_interface),
	};

	/* an emulator has a name of its own */
	prctl(PR_SET_NAME, "test_check_fire");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
