/* SPDX-License-Identifier: ISC */
/* test_record.c - what an engine records, and what it leaves to the next one. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/mem.h"
#include "engine/record.h"
#include "tests/unit/logged.h"

#define CLIENT	0xc0a8580au	/* 192.168.88.10 */

static uint64_t clock_ms;
static struct conf conf;
static struct map map;
static struct engine_kept kept;
static struct record record;

static uint64_t fake_clock(void)
{
	return clock_ms;
}

static void begin(struct engine_kept *from)
{
	loop_step(record.loop, 0);
	record = (struct record){
		.conf = &conf, .map = &map, .loop = record.loop,
	};
	assert_int_equal(record_open(&record, from), 0);
}

static void wait_ms(uint64_t ms)
{
	clock_ms += ms;
	for (int i = 0; i < 3; i++)
		loop_step(record.loop, 0);
}

static int setup(void **state)
{
	clock_ms = 1000000;
	memset(&kept, 0, sizeof(kept));
	conf_defaults(&conf);
	map = (struct map){ .pm = portmap_new(16, 16) };
	record.loop = loop_new(2, fake_clock);
	logged_open();
	begin(&kept);
	return map.pm && record.loop ? 0 : -1;
}

static int teardown(void **state)
{
	logged_close();
	loop_free(record.loop);
	portmap_free(map.pm);
	return 0;
}

static void refuse(void)
{
	const struct refused r = {
		.why = REFUSAL_CONFLICT, .origin = ORIGIN_UPNP,
		.client = addr_ip4(CLIENT),
	};

	record_refused(&record, &r, r.client);
}

static struct pm_snapshot mapping(uint16_t port)
{
	return (struct pm_snapshot){ .entry = {
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .client = addr_ip4(CLIENT), .remote = addr_any(),
			  .ext_port = port, .int_port = port },
		.requester = addr_ip4(CLIENT), .origin = ORIGIN_UPNP,
		.state = PM_ACTIVE, .enabled = true,
	} };
}

static void delete(uint16_t port)
{
	const struct pm_snapshot was = mapping(port);
	const struct pm_req by = {
		.origin = ORIGIN_UPNP, .requester = addr_ip4(CLIENT),
	};

	record_changed(&record, &(struct map_change){ .was = &was, .by = &by });
}

static void make(uint16_t port)
{
	const struct pm_snapshot now = mapping(port);

	record_changed(&record, &(struct map_change){ .now = &now.entry });
}

static struct ctl_status status(void)
{
	struct ctl_status s = { 0 };

	record_status(&record, &s);
	return s;
}

/* After a reload, and after a crash, which closes nothing. */
static void the_next_engine_continues(void **state)
{
	for (int crash = 0; crash < 2; crash++) {
		refuse();
		wait_ms(5000);
		if (!crash)
			record_close(&record);
		begin(&kept);
		assert_int_equal(record.reloaded, !crash);
		assert_int_equal(status().refused[REFUSAL_CONFLICT], crash + 1);
		assert_int_equal(status().up_s, 5 * (crash + 1));
	}
}

static void an_engine_after_a_pause_begins_anew(void **state)
{
	refuse();
	wait_ms(5000);
	record_close(&record);
	wait_ms(ENGINE_KEPT_GAP_MS + 1);
	begin(&kept);
	assert_false(record.reloaded);
	assert_int_equal(status().refused[REFUSAL_CONFLICT], 0);
	assert_int_equal(status().up_s, 0);
}

static void it_works_without_shared_memory(void **state)
{
	begin(NULL);
	refuse();
	assert_int_equal(status().refused[REFUSAL_CONFLICT], 1);
	record_close(&record);
	/* The engine keeps it until it ends. */
	mem_free(record.kept, 1, sizeof(*record.kept));
}

/* The count of folded mappings is due a minute later. */
static void a_deletion_has_its_line_in_time(void **state)
{
	delete(4000);
	make(4000);
	wait_ms(MAPLOG_HOLD_MS + 1000);
	delete(4001);
	assert_int_equal(logged_count("mapping deleted"), 0);
	wait_ms(MAPLOG_HOLD_MS);
	assert_int_equal(logged_count("mapping deleted"), 1);
	wait_ms(MAPLOG_WINDOW_MS);
	assert_int_equal(logged_count("1 were deleted and made again"), 1);
}

static void lines_that_are_held_back_are_written_at_the_end(void **state)
{
	delete(4000);
	record_close(&record);
	assert_int_equal(logged_count("mapping deleted"), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_next_engine_continues),
		T(an_engine_after_a_pause_begins_anew),
		T(it_works_without_shared_memory),
		T(a_deletion_has_its_line_in_time),
		T(lines_that_are_held_back_are_written_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
