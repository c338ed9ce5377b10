/* SPDX-License-Identifier: ISC */
/* test_configlog.c - a reload reports which of the operator's mappings it has
 * added, changed or removed, and no others. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "conf/confmapping.h"
#include "engine/configlog.h"
#include "map/configured.h"
#include "tests/unit/addrtest.h"

static struct map map;
static struct portmap *pm;
static struct conf conf;
static struct engine_kept kept;
static unsigned added, changed, deleted;
static struct nat_rule last;
static struct pm_entry before;	/* of the last change */

static void op_gone(void *arg, const struct nat_rule *r)
{
}

static void op_changed(void *arg, const struct map_change *c)
{
	last = c->now ? c->now->rule : c->was->entry.rule;
	if (!c->now) {
		deleted++;
		assert_int_equal(c->by->origin, ORIGIN_OPERATOR);
		assert_int_equal(c->why, REFUSAL_NONE);
	} else if (!c->was) {
		added++;
	} else {
		changed++;
		before = c->was->entry;
	}
}

static const struct map_ops ops = { .gone = op_gone, .changed = op_changed };

static void open_map(void)
{
	pm = portmap_new(8, 8);
	map = (struct map){ .max_lease_s = PM_LEASE_MAX_S, .ops = &ops };
	map_init(&map, pm);
	added = changed = deleted = 0;
}

static int setup(void **state)
{
	memset(&conf, 0, sizeof(conf));
	memset(&kept, 0, sizeof(kept));
	open_map();
	return 0;
}

static int teardown(void **state)
{
	portmap_free(pm);
	return 0;
}

static struct conf_mapping *line(uint16_t port)
{
	struct conf_mapping *m = &conf.mapping[conf.mapping_n++];

	*m = (struct conf_mapping){
		.client = addr_of_text("192.168.88.10"), .remote = addr_any(),
		.ext_port = port, .int_port = 80, .proto = IPPROTO_TCP,
	};
	return m;
}

/* Put a mapping into the table, as a start does or, while the engine runs,
 * upnpctl. */
static void enter(const struct conf_mapping *m)
{
	const struct pm_req req = {
		.rule = confmapping_rule(m), .enabled = !m->disabled,
		.origin = ORIGIN_OPERATOR, .configured = true,
	};

	assert_int_equal(configured_restore(&map, &req), REFUSAL_NONE);
}

/* The engine ends, and another one begins with the lines as they are now. */
static void reload(void)
{
	configlog_note(&map, &kept);
	portmap_free(pm);
	open_map();
	for (size_t i = 0; i < conf.mapping_n; i++)
		enter(&conf.mapping[i]);
	configlog_report(&map, &conf, &kept);
}

static void assert_reported(unsigned a, unsigned c, unsigned d)
{
	assert_int_equal(added, a);
	assert_int_equal(changed, c);
	assert_int_equal(deleted, d);
}

static void a_line_is_added_changed_and_removed(void **state)
{
	struct conf_mapping *m = line(40000);

	reload();
	assert_reported(1, 0, 0);
	assert_int_equal(last.ext_port, 40000);
	reload();
	assert_reported(0, 0, 0);
	m->disabled = true;
	reload();
	assert_reported(0, 1, 0);
	assert_true(before.enabled);
	m->int_port = 81;
	line(40001);
	reload();
	assert_reported(1, 1, 0);
	assert_false(before.enabled);
	assert_int_equal(before.rule.int_port, 80);
	assert_int_equal(before.origin, ORIGIN_OPERATOR);
	conf.mapping_n = 1;
	reload();
	assert_reported(0, 0, 1);
	assert_int_equal(last.ext_port, 40001);
}

/* upnpctl changes the table and the file. */
static void what_was_logged_is_not_reported(void **state)
{
	reload();
	enter(line(40000));
	reload();
	assert_reported(0, 0, 0);
}

static void a_line_that_is_refused_is_not_deleted(void **state)
{
	line(40000);
	reload();
	configlog_note(&map, &kept);
	portmap_free(pm);
	open_map();
	configlog_report(&map, &conf, &kept);
	assert_reported(0, 0, 0);
}

/* A hostile engine before this one may have written anything. */
static void notes_are_checked(void **state)
{
	memset(&kept, 0xff, sizeof(kept));
	configlog_report(&map, &conf, &kept);
	assert_reported(0, 0, 0);
	kept.configured_n = CONF_MAPPINGS_MAX;
	configlog_report(&map, &conf, &kept);
	assert_reported(0, 0, 0);
}

int main(void)
{
#define T(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_line_is_added_changed_and_removed),
		T(what_was_logged_is_not_reported),
		T(a_line_that_is_refused_is_not_deleted),
		T(notes_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
