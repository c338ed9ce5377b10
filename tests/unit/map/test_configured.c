/* SPDX-License-Identifier: ISC */
/* test_configured.c - a configured mapping replaces mappings of the lease file
 * that are in its way, and clients' losses are reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <netinet/in.h>
#include "map/configured.h"

#define ANN addr_ip4(0xc0a8580a)
#define BOB addr_ip4(0xc0a8580b)

static struct map map;
static struct portmap *pm;
static unsigned gone, refused;
static struct refused last_refused;

static void op_gone(void *arg, const struct nat_rule *r)
{
	gone++;
}

static void op_refused(void *arg, const struct refused *r)
{
	refused++;
	last_refused = *r;
}

static const struct map_ops ops = { .gone = op_gone, .refused = op_refused };

static int set_up(void **state)
{
	gone = refused = 0;
	pm = portmap_new(4, 3);
	map = (struct map){ .max_lease_s = PM_LEASE_MAX_S, .ops = &ops };
	map_init(&map, pm);
	return 0;
}

static int tear_down(void **state)
{
	portmap_free(pm);
	return 0;
}

static struct pm_req request(struct addr client, uint16_t port,
			     enum origin origin)
{
	return (struct pm_req){
		.rule = { .kind = NAT_PORTMAP, .proto = IPPROTO_TCP,
			  .ext_port = port, .int_port = port,
			  .client = client, .remote = addr_any() },
		.enabled = true, .origin = (uint8_t)origin,
		.requester = origin == ORIGIN_OPERATOR ? (struct addr){ 0 } :
			     client,
		.desc = "lease file",
	};
}

/* Restore a mapping, as from the lease file. */
static void restore(struct addr client, uint16_t port, enum origin origin)
{
	struct pm_req q = request(client, port, origin);

	assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
}

static enum refusal configure(struct addr client, uint16_t port)
{
	struct pm_req q = request(client, port, ORIGIN_OPERATOR);

	q.configured = true;
	strcpy(q.desc, "configured");
	return configured_restore(&map, &q);
}

static const struct pm_entry *on_port(uint16_t port)
{
	struct pm_req q = request(ANN, port, ORIGIN_OPERATOR);

	return portmap_entry(pm, portmap_find(pm, &q.rule));
}

static void test_mapping_is_added_without_an_op(void **state)
{
	const struct pm_entry *e;
	char desc[PM_DESC_MAX + 1] = "";
	struct nat_op op;
	struct nat_op_id id;

	assert_int_equal(configure(ANN, 80), REFUSAL_NONE);
	e = on_port(80);
	assert_non_null(e);
	assert_true(e->configured);
	assert_int_equal(e->origin, ORIGIN_OPERATOR);
	assert_int_equal(e->expires_ms, 0);
	portmap_desc(pm, e, desc);
	assert_string_equal(desc, "configured");
	assert_false(portmap_next_op(pm, &op, &id));
	assert_int_equal(gone + refused, 0);
}

static void test_client_loses_a_configured_port(void **state)
{
	restore(BOB, 80, ORIGIN_UPNP);
	restore(BOB, 81, ORIGIN_UPNP);
	assert_int_equal(configure(ANN, 80), REFUSAL_NONE);
	assert_true(addr_equal(on_port(80)->rule.client, ANN));
	assert_true(addr_equal(on_port(81)->rule.client, BOB));
	assert_int_equal(gone, 1);
	assert_int_equal(refused, 1);
	assert_int_equal(last_refused.why, REFUSAL_OPERATOR);
	assert_int_equal(last_refused.origin, ORIGIN_UPNP);
}

/* Also those that are for one remote host each. */
static void test_all_mappings_of_another_client_are_removed(void **state)
{
	struct pm_req q = request(BOB, 80, ORIGIN_UPNP);

	for (uint32_t i = 1; i <= 2; i++) {
		q.rule.remote = addr_ip4(0x01020300 + i);
		assert_int_equal(portmap_restore(pm, &q, 0), PM_DONE);
	}
	assert_int_equal(configure(ANN, 80), REFUSAL_NONE);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(refused, 2);
}

/* The client loses nothing. */
static void test_the_same_mapping_of_the_client_is_not_reported(void **state)
{
	restore(ANN, 80, ORIGIN_UPNP);
	assert_int_equal(configure(ANN, 80), REFUSAL_NONE);
	assert_int_equal(on_port(80)->origin, ORIGIN_OPERATOR);
	assert_int_equal(portmap_count(pm), 1);
	assert_int_equal(refused, 0);
	assert_int_equal(gone, 1);	/* from the lease file */
}

static void test_operators_mapping_of_the_lease_file_is_replaced(void **state)
{
	restore(ANN, 80, ORIGIN_OPERATOR);
	restore(ANN, 81, ORIGIN_OPERATOR);
	assert_int_equal(configure(ANN, 80), REFUSAL_NONE);
	assert_int_equal(configure(BOB, 81), REFUSAL_NONE);
	assert_true(on_port(80)->configured && on_port(81)->configured);
	assert_int_equal(portmap_count(pm), 2);
	assert_int_equal(refused, 0);	/* only clients' losses are reported */
}

static void test_full_table_loses_its_newest_mapping(void **state)
{
	for (uint16_t port = 1; port <= 3; port++)
		restore(ANN, port, ORIGIN_UPNP);
	restore(BOB, 4, ORIGIN_UPNP);
	assert_int_equal(configure(BOB, 80), REFUSAL_NONE);
	assert_null(on_port(4));
	assert_non_null(on_port(3));
	assert_int_equal(last_refused.why, REFUSAL_FULL);
	assert_int_equal(refused, 1);
}

static void test_full_client_loses_its_newest_mapping(void **state)
{
	for (uint16_t port = 1; port <= 3; port++)
		restore(ANN, port, ORIGIN_UPNP);
	assert_int_equal(configure(ANN, 80), REFUSAL_NONE);
	assert_null(on_port(3));
	assert_non_null(on_port(2));
	assert_int_equal(last_refused.why, REFUSAL_CLIENT_FULL);
}

static void test_configured_mappings_above_the_limit_are_refused(void **state)
{
	assert_int_equal(configure(ANN, 1), REFUSAL_NONE);
	assert_int_equal(configure(ANN, 2), REFUSAL_NONE);
	assert_int_equal(configure(ANN, 3), REFUSAL_NONE);
	assert_int_equal(configure(ANN, 4), REFUSAL_CLIENT_FULL);
	assert_int_equal(configure(BOB, 4), REFUSAL_NONE);
	assert_int_equal(configure(BOB, 5), REFUSAL_FULL);
	assert_int_equal(portmap_count(pm), 4);
	assert_int_equal(gone + refused, 0);
}

static struct pm_req pinhole(uint16_t port)
{
	struct pm_req q = { .enabled = true, .configured = true,
			    .origin = ORIGIN_OPERATOR };

	q.rule = (struct nat_rule){ .kind = NAT_PINHOLE, .proto = IPPROTO_TCP,
				    .int_port = port };
	assert_true(addr_parse(str_z("2001:db8::5"), &q.rule.client));
	return q;
}

/* Return: the unique id of the pinhole, after a restart with it and others */
static uint16_t id_after(uint16_t last_id, uint16_t taken)
{
	struct pm_req q = pinhole(8080), other = pinhole(8081);
	uint16_t id;

	map.pinholes = portmap_new(4, 4);
	portmap_seed_ids(map.pinholes, last_id);
	other.unique_id = taken;
	if (taken)
		assert_int_equal(portmap_restore(map.pinholes, &other, 0),
				 PM_DONE);
	last_id = portmap_last_id(map.pinholes);
	assert_int_equal(configured_restore(&map, &q), REFUSAL_NONE);
	id = portmap_entry(map.pinholes, portmap_find(map.pinholes, &q.rule))
		->unique_id;
	if (!taken)
		assert_int_equal(portmap_last_id(map.pinholes), last_id);
	portmap_free(map.pinholes);
	map.pinholes = NULL;
	return id;
}

static void test_a_pinhole_keeps_its_id(void **state)
{
	uint16_t id = id_after(7, 0);

	assert_int_not_equal(id, 0);
	assert_int_equal(id_after(9000, 0), id);
	assert_int_equal(id_after(9000, 17), id);
	/* another one has it */
	assert_int_not_equal(id_after(9000, id), id);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_mapping_is_added_without_an_op),
		T(test_client_loses_a_configured_port),
		T(test_all_mappings_of_another_client_are_removed),
		T(test_the_same_mapping_of_the_client_is_not_reported),
		T(test_operators_mapping_of_the_lease_file_is_replaced),
		T(test_full_table_loses_its_newest_mapping),
		T(test_full_client_loses_its_newest_mapping),
		T(test_configured_mappings_above_the_limit_are_refused),
		T(test_a_pinhole_keeps_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
