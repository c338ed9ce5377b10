/* SPDX-License-Identifier: ISC */
/*
 * edittest.h - the text that a test of confedit changes. Included after
 * cmocka.h.
 */
#ifndef TESTS_UNIT_CONF_EDITTEST_H
#define TESTS_UNIT_CONF_EDITTEST_H

#include <string.h>
#include "conf/confedit.h"
#include "conf/confmapping.h"

static struct confedit edit;

static void load(const char *text)
{
	edit.len = strlen(text);
	memcpy(edit.text, text, edit.len);
}

static void expect_text(const char *text)
{
	edit.text[edit.len] = '\0';
	assert_string_equal(edit.text, text);
}

static struct conf_mapping mapping(const char *line)
{
	struct conftail_comment unused;
	char text[256];
	struct wr why = wr_init_cut(text, sizeof(text));
	struct conf_mapping m;

	assert_int_equal(confmapping_parse(str_z(line), &m, &unused, &why), 0);
	return m;
}

#endif
