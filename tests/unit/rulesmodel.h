/* SPDX-License-Identifier: ISC */
/*
 * rulesmodel.h - a model of the firewall's rules, shared by the tests of its
 * readers. Include it after cmocka.h.
 */
#ifndef TESTS_UNIT_RULESMODEL_H
#define TESTS_UNIT_RULESMODEL_H

#include <string.h>
#include "natfw/ruleset.h"

static struct ruleset *rs;

static inline int new_model(void **state)
{
	rs = ruleset_new();
	return rs ? 0 : -1;
}

static inline int free_model(void **state)
{
	ruleset_free(rs);
	return 0;
}

#endif
