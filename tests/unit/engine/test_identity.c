/* SPDX-License-Identifier: ISC */
/*
 * test_identity.c - the identity of the gateway follows the configuration, the
 * stored UUID and the kernel's version. The state directory and the kernel's
 * version are fakes in this file; the documents are real.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/utsname.h>
#include <cmocka.h>
#include "base/limits.h"
#include "engine/identity.h"
#include "engine/state.h"

static int uuid_err, uname_err;
static const char *release;
static const char *configured;	/* the UUID that state_uuid() was called with */

int state_uuid(int dir_fd, const char *uuid, uint8_t ret[16])
{
	assert_int_equal(dir_fd, 5);
	configured = uuid;
	for (uint8_t i = 0; i < 16; i++)
		ret[i] = i;
	return uuid_err;
}

int __wrap_uname(struct utsname *u);
int __wrap_uname(struct utsname *u)
{
	memset(u, 'x', sizeof(*u));
	if (uname_err)
		return -1;
	strcpy(u->release, release);
	return 0;
}

static struct conf conf;
static struct identity id;

static int set_up(void **state)
{
	uuid_err = uname_err = 0;
	release = "6.1.0-18-amd64";
	memset(&id, 0xff, sizeof(id));
	conf_defaults(&conf);
	return 0;
}

static const char *server_of(const char *kernel)
{
	release = kernel;
	assert_int_equal(identity_read(&id, &conf, 5), 0);
	return id.server;
}

/* The exact version would help an attacker more than a client. */
static void test_only_two_numbers_of_the_kernel_version(void **state)
{
	assert_string_equal(server_of("6.1.0-18-amd64"),
			    "Linux/6.1 UPnP/1.1 upnpd/" UPNPD_VERSION);
	assert_string_equal(server_of("5.15"),
			    "Linux/5.15 UPnP/1.1 upnpd/" UPNPD_VERSION);
	assert_string_equal(server_of("4"),
			    "Linux/4.0 UPnP/1.1 upnpd/" UPNPD_VERSION);
}

static void test_without_a_version_it_is_zero(void **state)
{
	uname_err = 1;
	assert_string_equal(server_of(""),
			    "Linux/0.0 UPnP/1.1 upnpd/" UPNPD_VERSION);
}

static void test_the_texts_are_those_of_the_configuration(void **state)
{
	strcpy(conf.friendly_name, "friendly");
	strcpy(conf.manufacturer, "maker");
	strcpy(conf.manufacturer_url, "http://maker");
	strcpy(conf.model_name, "model");
	strcpy(conf.model_number, "7");
	strcpy(conf.serial_number, "12345");
	strcpy(conf.presentation_url, "http://here");
	strcpy(conf.uuid, "a-uuid");
	assert_int_equal(identity_read(&id, &conf, 5), 0);
	assert_string_equal(id.desc.friendly_name, "friendly");
	assert_string_equal(id.desc.manufacturer, "maker");
	assert_string_equal(id.desc.manufacturer_url, "http://maker");
	assert_string_equal(id.desc.model_name, "model");
	assert_string_equal(id.desc.model_number, "7");
	assert_string_equal(id.desc.serial_number, "12345");
	assert_string_equal(id.desc.presentation_url, "http://here");
	assert_ptr_equal(configured, conf.uuid);
}

/* UDA 1.1 1.1.4: each device has a UDN of its own. */
static void test_each_device_has_its_own_udn(void **state)
{
	const char *udn[2 * IGD_DEVICES];
	size_t n = 0;

	assert_int_equal(identity_read(&id, &conf, 5), 0);
	for (unsigned v = 1; v <= 2; v++)
		for (size_t d = 0; d < IGD_DEVICES; d++)
			udn[n++] = id.desc.udn[v][d];
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(strncmp(udn[i], "uuid:", 5), 0);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(udn[i], udn[k]);
	}
}

static uint32_t config_id(void)
{
	assert_int_equal(identity_read(&id, &conf, 5), 0);
	return id.desc.config_id;
}

/* UDA 1.1 1.2.2: CONFIGID changes when a description does. */
static void test_configid_follows_the_documents(void **state)
{
	uint32_t first = config_id();

	assert_int_equal(config_id(), first);
	strcpy(conf.friendly_name, "another name");
	assert_int_not_equal(config_id(), first);
	first = config_id();
	conf.igd_version = CONF_IGD1;
	assert_int_not_equal(config_id(), first);
}

/* The engine logs the error and continues. */
static void test_a_uuid_that_cannot_be_stored_is_used(void **state)
{
	uuid_err = -ENOSPC;
	assert_int_equal(identity_read(&id, &conf, 5), -ENOSPC);
	assert_int_equal(strncmp(id.desc.udn[1][0], "uuid:", 5), 0);
	assert_string_equal(id.server,
			    "Linux/6.1 UPnP/1.1 upnpd/" UPNPD_VERSION);
}

#define TEST(t) cmocka_unit_test_setup(t, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_only_two_numbers_of_the_kernel_version),
		TEST(test_without_a_version_it_is_zero),
		TEST(test_the_texts_are_those_of_the_configuration),
		TEST(test_each_device_has_its_own_udn),
		TEST(test_configid_follows_the_documents),
		TEST(test_a_uuid_that_cannot_be_stored_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
