/* SPDX-License-Identifier: ISC */
/* test_maplog.c - the log of mappings: each change has its line, renewals and
 * churn have none, and a burst has an end. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "engine/maplog.h"
#include "tests/unit/logged.h"

#define ANN	0xc0a8580au	/* 192.168.88.10 */
#define BOB	0xc0a8580bu
#define HOUR_MS	3600000

static struct maplog l;
static uint64_t now_ms;
static struct pm_snapshot was;
static struct pm_entry now;
static const char *desc;

static int setup(void **state)
{
	memset(&l, 0, sizeof(l));
	l.is_on = true;
	now_ms = 10 * HOUR_MS;
	desc = "game";
	now = (struct pm_entry){
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .client = addr_ip4(ANN), .remote = addr_any(),
			  .ext_port = 40000, .int_port = 8000 },
		.requester = addr_ip4(ANN), .origin = ORIGIN_UPNP,
		.state = PM_ACTIVE, .enabled = true,
		.expires_ms = now_ms + HOUR_MS,
	};
	logged_open();
	return 0;
}

static int teardown(void **state)
{
	logged_close();
	return 0;
}

static void remember(void)
{
	was.entry = now;
	strcpy(was.desc, desc);
}

static void made(void)
{
	maplog_change(&l, &(struct map_change){ .now = &now }, desc, now_ms);
}

static void changed(void)
{
	maplog_change(&l, &(struct map_change){ .was = &was, .now = &now },
		      desc, now_ms);
}

static void deleted_by(enum origin origin, struct addr who)
{
	const struct pm_req by = { .origin = origin, .requester = who };

	remember();
	maplog_change(&l, &(struct map_change){ .was = &was, .by = &by }, NULL,
		      now_ms);
}

static void assert_logged(unsigned n, const char *line)
{
	if (logged_count(line) != n)
		fail_msg("%u times, not %u:\n%s\n%s", logged_count(line), n,
			 line, logged.text);
}

#define GAME "protocol=tcp external-port=40000 to=192.168.88.10:8000"

static void a_new_mapping_has_all_facts(void **state)
{
	made();
	assert_logged(1, "<6>mapping added: " GAME " by=192.168.88.10 "
		      "origin=upnp description=\"game\" lease=3600s\n");
	now.rule.remote = addr_ip4(0xcb007105);
	now.rule.remote_port = 3478;
	now.origin = ORIGIN_OPERATOR;
	now.requester = (struct addr){ 0 };
	now.expires_ms = 0;
	now.enabled = false;
	desc = "";
	made();
	assert_logged(1, "<6>mapping added: " GAME
		      " remote-host=203.0.113.5:3478 by=operator "
		      "origin=operator disabled description=\"\" "
		      "lease=never\n");
}

static void a_pinhole_has_all_facts(void **state)
{
	const struct addr host = { ADDR_IP6, { 0x20, 1, 0xd, 0xb8, [15] = 5 } };

	now.rule = (struct nat_rule){
		.kind = NAT_PINHOLE, .proto = IPPROTO_UDP, .client = host,
		.remote = addr_any(), .remote_port = 53,
	};
	now.requester = host;
	now.origin = ORIGIN_PCP;
	made();
	assert_logged(1, "<6>pinhole added: protocol=udp to=[2001:db8::5]:* "
		      "remote-host=*:53 by=2001:db8::5 origin=pcp ");
}

/* Only the time changes. */
static void a_renewal_has_no_line(void **state)
{
	remember();
	now.expires_ms += HOUR_MS;
	changed();
	assert_logged(0, "mapping");
}

static void a_change_names_both_sides(void **state)
{
	remember();
	now.rule.client = addr_ip4(BOB);
	now.expires_ms = 0;
	changed();
	assert_logged(1, "<6>mapping changed: protocol=tcp external-port=40000 "
		      "to=192.168.88.11:8000 by=192.168.88.10 origin=upnp "
		      "description=\"game\" lease=never; before: "
		      "to=192.168.88.10:8000 lease=3600s\n");
	remember();
	desc = "other";
	changed();
	assert_logged(1, "; before: description=\"game\"\n");
}

static void states_have_their_reasons(void **state)
{
	remember();
	now.overruled = true;
	changed();
	assert_logged(1, "mapping overruled: " GAME);
	assert_logged(1, "; the router serves its port, or a rule of the "
		      "administrator forwards it\n");
	remember();
	now.overruled = false;
	changed();
	assert_logged(1, "mapping resumed: " GAME);
	remember();
	now.suspended_ms = now_ms + HOUR_MS;
	changed();
	assert_logged(1, "; its client is in no internal network\n");
	remember();
	now.suspended_ms = 0;
	changed();
	assert_logged(2, "mapping resumed: " GAME);
}

static void an_end_names_who_or_why(void **state)
{
	deleted_by(ORIGIN_OPERATOR, (struct addr){ 0 });
	maplog_flush(&l, now_ms);
	assert_logged(1, "<6>mapping deleted: " GAME " by=192.168.88.10 "
		      "origin=upnp description=\"game\" deleted-by=operator\n");
	deleted_by(ORIGIN_UPNP, addr_ip4(BOB));
	maplog_flush(&l, now_ms);
	assert_logged(1, " deleted-by=192.168.88.11\n");
	now.state = PM_EXPIRING;
	remember();
	maplog_change(&l, &(struct map_change){ .was = &was }, NULL, now_ms);
	assert_logged(1, "<6>mapping expired: " GAME);
	maplog_change(&l, &(struct map_change){
		.was = &was, .why = REFUSAL_RULE, .line = 12 }, NULL, now_ms);
	assert_logged(1, "<6>mapping removed: " GAME);
	assert_logged(1, "; the configuration does not allow it (line 12)\n");
	was.entry.absent_s = 604800;
	maplog_change(&l, &(struct map_change){ .was = &was }, NULL, now_ms);
	assert_logged(1, "<6>mapping removed: " GAME " by=192.168.88.10 "
		      "origin=upnp description=\"game\"; its client was absent "
		      "for 604800 s\n");
}

static void a_deletion_waits_for_its_line(void **state)
{
	deleted_by(ORIGIN_UPNP, addr_ip4(ANN));
	assert_int_equal(maplog_tick(&l, now_ms), now_ms + MAPLOG_HOLD_MS);
	assert_logged(0, "deleted");
	now_ms += MAPLOG_HOLD_MS;
	assert_int_equal(maplog_tick(&l, now_ms), UINT64_MAX);
	assert_logged(1, "mapping deleted");
}

static void the_same_mapping_again_has_no_lines(void **state)
{
	for (int i = 0; i < 5; i++) {
		deleted_by(ORIGIN_UPNP, addr_ip4(ANN));
		now_ms += MAPLOG_HOLD_MS / 2;
		made();
		maplog_tick(&l, now_ms);
	}
	assert_logged(0, "mapping ");
	now_ms += MAPLOG_WINDOW_MS;
	assert_int_equal(maplog_tick(&l, now_ms), UINT64_MAX);
	assert_logged(1, "<6>mappings: 5 were deleted and made again as they "
		      "were\n");
}

/* Both lines, in the order of the changes. */
static void another_mapping_on_the_port_has_its_lines(void **state)
{
	const char *deleted, *added;

	deleted_by(ORIGIN_UPNP, addr_ip4(ANN));
	now.rule.client = now.requester = addr_ip4(BOB);
	made();
	assert_logged(1, "mapping deleted: " GAME);
	assert_logged(1, "mapping added: ");
	deleted = strstr(logged.text, "deleted");
	added = strstr(logged.text, "added");
	assert_true(deleted < added);
}

static void more_deletions_than_places(void **state)
{
	for (uint16_t i = 0; i < MAPLOG_HELD_MAX + 3; i++) {
		now.rule.ext_port = (uint16_t)(1000 + i);
		deleted_by(ORIGIN_UPNP, addr_ip4(ANN));
		now_ms++;
	}
	assert_logged(3, "mapping deleted");
	assert_logged(1, "external-port=1000 ");
	maplog_flush(&l, now_ms);
	assert_logged(MAPLOG_HELD_MAX + 3, "mapping deleted");
}

static void a_burst_is_counted(void **state)
{
	for (uint16_t i = 0; i < MAPLOG_LINES + 25; i++) {
		now.rule.ext_port = (uint16_t)(1000 + i);
		made();
	}
	assert_logged(MAPLOG_LINES, "mapping added");
	assert_int_equal(maplog_tick(&l, now_ms), now_ms + MAPLOG_WINDOW_MS);
	now_ms += MAPLOG_WINDOW_MS - 1;
	maplog_tick(&l, now_ms++);
	assert_logged(0, "mappings: ");
	assert_int_equal(maplog_tick(&l, now_ms), UINT64_MAX);
	assert_logged(1, "<6>mappings: 25 more changes within 60 s had no "
		      "line; see: upnpctl monitor\n");
	made();
	assert_logged(MAPLOG_LINES + 1, "mapping added");
}

/* A client's text is data: it ends neither its quotes nor the line. */
static void a_description_cannot_forge(void **state)
{
	char text[PM_DESC_MAX + 1];

	desc = "x\" by=192.168.88.99 \\";
	made();
	assert_logged(1, "description=\"x\\\" by=192.168.88.99 \\\\\" lease");
	memset(text, 'a', PM_DESC_MAX);
	text[PM_DESC_MAX] = '\0';
	desc = text;
	made();
	assert_logged(1, "aaaa...\" lease=3600s\n");
}

/* @n bytes, then a character of three bytes */
static void made_with_desc(size_t n)
{
	char text[PM_DESC_MAX + 1];

	memset(text, 'a', n);
	strcpy(text + n, "\xe4\xb8\xad");
	desc = text;
	made();
}

/* The log has '?' for each byte of a character that is not ASCII. */
static void a_description_is_cut_between_characters(void **state)
{
	made_with_desc(MAPLOG_DESC_MAX - 3);
	assert_logged(1, "aa???\" lease");
	made_with_desc(MAPLOG_DESC_MAX - 2);
	assert_logged(1, "aa...\" lease");
	made_with_desc(MAPLOG_DESC_MAX - 1);
	assert_logged(2, "aa...\" lease");
}

static void it_can_be_off(void **state)
{
	l.is_on = false;
	made();
	deleted_by(ORIGIN_UPNP, addr_ip4(ANN));
	maplog_flush(&l, now_ms);
	assert_logged(0, "mapping");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_new_mapping_has_all_facts),
		T(a_pinhole_has_all_facts),
		T(a_renewal_has_no_line),
		T(a_change_names_both_sides),
		T(states_have_their_reasons),
		T(an_end_names_who_or_why),
		T(a_deletion_waits_for_its_line),
		T(the_same_mapping_again_has_no_lines),
		T(another_mapping_on_the_port_has_its_lines),
		T(more_deletions_than_places),
		T(a_burst_is_counted),
		T(a_description_cannot_forge),
		T(a_description_is_cut_between_characters),
		T(it_can_be_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
