/* SPDX-License-Identifier: ISC */
/*
 * test_neigh.c - which entries of the neighbour table count. Messages are made
 * by hand; the last tests use tables of the real kernel, in a namespace for
 * each test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <linux/neighbour.h>
#include "sys/neigh.h"
#include "sys/netlink.h"
#include "tests/unit/addrtest.h"
#include "tests/unit/nltest.h"

#define IFINDEX 7

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };

static struct msg entry(struct addr a, uint16_t state)
{
	const struct ndmsg n = {
		.ndm_family = a.family == ADDR_IP6 ? AF_INET6 : AF_INET,
		.ndm_ifindex = IFINDEX, .ndm_state = state,
	};
	struct msg m = msg_new(RTM_NEWNEIGH, &n, sizeof(n));

	msg_attr(&m, NDA_DST, a.byte, addr_bits(a) / 8);
	msg_attr(&m, NDA_LLADDR, mac, sizeof(mac));
	return m;
}

static void assert_mac(struct addr link, const char *want)
{
	assert_int_equal(link.family, ADDR_LINK);
	assert_string_equal(addr_text(link).text, want);
}

static bool counts(const struct msg *m, struct addr a)
{
	struct addr link;

	if (!neigh_parse(cut(m, m->len), IFINDEX, a, &link))
		return false;
	assert_mac(link, "02:00:00:00:00:09");
	return true;
}

static void test_states_that_count(void **state)
{
	static const struct {
		uint16_t state;
		bool counts;
	} row[] = {
		{ NUD_REACHABLE, true }, { NUD_STALE, true },
		{ NUD_DELAY, true }, { NUD_PROBE, true },
		{ NUD_PERMANENT, true }, { NUD_NONE, false },
		{ NUD_INCOMPLETE, false }, { NUD_FAILED, false },
		{ NUD_NOARP, false },
	};
	static const char *const text[] = { "192.168.88.9", "2001:db8::9",
					    "fe80::9" };

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		for (size_t k = 0; k < 3; k++) {
			struct addr a = addr_of_text(text[k]);
			struct msg m = entry(a, row[i].state);

			assert_int_equal(counts(&m, a), row[i].counts);
		}
}

static void test_other_entries_do_not_count(void **state)
{
	struct addr a = addr_of_text("2001:db8::9"), link;
	struct msg m = entry(a, NUD_STALE);
	struct ndmsg *n = (struct ndmsg *)(m.bytes + NLMSG_HDRLEN);

	assert_true(counts(&m, a));
	assert_false(counts(&m, addr_of_text("2001:db8::a")));
	assert_false(counts(&m, addr_of_text("192.168.88.9")));
	assert_false(neigh_parse(cut(&m, m.len), IFINDEX + 1, a, &link));
	assert_false(neigh_parse(cut(&m, m.len), IFINDEX, addr_any(), &link));
	assert_false(neigh_parse(cut(&m, m.len), IFINDEX, (struct addr){ 0 },
				 &link));
	m.h.nlmsg_type = RTM_DELNEIGH;
	assert_false(counts(&m, a));
	m.h.nlmsg_type = RTM_NEWNEIGH;
	n->ndm_family = AF_BRIDGE;	/* a bridge's table of ports */
	assert_false(counts(&m, a));
}

/* On a point-to-point link, all hosts have the same one: none. */
static void test_an_entry_without_a_link_layer_address(void **state)
{
	const struct addr a = addr_of_text("192.168.88.9");
	const struct ndmsg n = { .ndm_family = AF_INET,
				 .ndm_ifindex = IFINDEX,
				 .ndm_state = NUD_REACHABLE };
	static const uint8_t zero[ADDR_LINK_MAX + 1];
	struct addr link;

	for (size_t len = 0; len <= sizeof(zero); len++) {
		struct msg m = msg_new(RTM_NEWNEIGH, &n, sizeof(n));

		msg_attr(&m, NDA_DST, a.byte, 4);
		msg_attr(&m, NDA_LLADDR, zero, len);
		assert_false(neigh_parse(cut(&m, m.len), IFINDEX, a, &link));
	}
}

static void test_a_cut_message_is_not_read_beyond_its_end(void **state)
{
	struct addr a = addr_of_text("2001:db8::9"), link;
	struct msg m = entry(a, NUD_STALE);

	for (size_t len = NLMSG_HDRLEN; len < m.len; len++)
		neigh_parse(cut(&m, len), IFINDEX, a, &link);
}

/* ---- the real kernel ------------------------------------------------- */

static int link_up(void)
{
	ip("link set lo up");
	ip("link add v0 type veth peer name v1");
	ip("link set v0 up");
	ip("link set v1 up");
	ip("addr add 10.9.0.1/24 dev v0");
	ip("addr add 2001:db8:9::1/64 dev v0 nodad");
	return (int)if_nametoindex("v0");
}

static void test_the_kernels_entries(void **state)
{
	static const char *const text[] = { "10.9.0.2", "2001:db8:9::2",
					    "fe80::2" };
	struct addr link;
	char line[128];
	int v0;

	NEED_ROOT();
	v0 = link_up();
	for (size_t i = 0; i < 3; i++) {
		struct addr a = addr_of_text(text[i]);

		assert_int_equal(neigh_find(v0, a, &link), -ENOENT);
		assert_int_equal(neigh_seen(v0, a), NEIGH_UNKNOWN);
		snprintf(line, sizeof(line), "neigh add %s lladdr "
			 "02:00:00:00:00:02 dev v0 nud stale", text[i]);
		ip(line);
		assert_int_equal(neigh_find(v0, a, &link), 0);
		assert_mac(link, "02:00:00:00:00:02");
		assert_int_equal(neigh_seen(v0, a), NEIGH_THERE);
		assert_int_equal(neigh_find((int)if_nametoindex("v1"), a,
					    &link), -ENOENT);
		snprintf(line, sizeof(line), "neigh change %s dev v0 nud "
			 "failed", text[i]);
		ip(line);
		assert_int_equal(neigh_find(v0, a, &link), -ENOENT);
		assert_int_equal(neigh_seen(v0, a), NEIGH_SILENT);
		snprintf(line, sizeof(line), "neigh change %s lladdr "
			 "02:00:00:00:00:02 dev v0 nud noarp", text[i]);
		ip(line);
		assert_int_equal(neigh_seen(v0, a), NEIGH_UNKNOWN);
	}
	assert_int_equal(neigh_find(v0, addr_any(), &link), -EINVAL);
	assert_int_equal(neigh_seen(v0, addr_any()), NEIGH_UNKNOWN);
}

/* The kernel has begun to resolve the address. Nobody answers. */
static void test_a_probe_makes_an_entry(void **state)
{
	static const char *const text[] = { "10.9.0.7", "2001:db8:9::7",
					    "fe80::7" };
	struct addr link;
	struct pollfd p;
	int v0;

	NEED_ROOT();
	v0 = link_up();
	for (size_t i = 0; i < 3; i++) {
		struct addr a = addr_of_text(text[i]);

		p = (struct pollfd){ neigh_open(), POLLIN, 0 };
		assert_true(p.fd >= 0);
		assert_int_equal(poll(&p, 1, 0), 0);
		neigh_probe(v0, a);
		assert_int_equal(neigh_find(v0, a, &link), -ENOENT);
		/* the kernel reports it when it gives up */
		assert_int_equal(poll(&p, 1, 10000), 1);
		neigh_drain(p.fd);
		assert_int_equal(poll(&p, 1, 0), 0);
		close(p.fd);
	}
	neigh_probe(v0, addr_any());
	neigh_probe(0, addr_of_text("fe80::7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_states_that_count),
		cmocka_unit_test(test_other_entries_do_not_count),
		cmocka_unit_test(test_an_entry_without_a_link_layer_address),
		cmocka_unit_test(
			test_a_cut_message_is_not_read_beyond_its_end),
		netns_test(test_the_kernels_entries),
		netns_test(test_a_probe_makes_an_entry),
	};

	return cmocka_run_group_tests(tests, make_room, NULL);
}
