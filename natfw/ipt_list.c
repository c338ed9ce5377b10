/* SPDX-License-Identifier: ISC */
/*
 * ipt_list.c - reads a listing in one pass, line by line. It keeps only counts
 * and sums.
 * Runs in: any
 */
#include <string.h>
#include "base/hash.h"
#include "base/wr.h"
#include "natfw/ipt_list.h"
#include "natfw/ipt_rule.h"

const struct ipt_list_hook ipt_list_hooks[IPT_HOOKS] = {
	[IPT_HOOK_FORWARD] = { "filter", "FORWARD", IPT_ACCEPT_CHAIN },
	[IPT_HOOK_PRE] = { "nat", "PREROUTING", IPT_DNAT_CHAIN },
	[IPT_HOOK_POST] = { "nat", "POSTROUTING", IPT_SNAT_CHAIN },
};

/* Leave out the parts that versions of the tool print in different ways:
 * "-m tcp", "/32". */
static uint64_t hash_rule(struct str rule)
{
	uint64_t h = HASH_BEGIN;
	struct str word;

	while (str_word(&rule, &word)) {
		if (str_eq(word, STR("-m"))) {
			str_word(&rule, &word);
			continue;
		}
		if (word.n > 3 && !memcmp(word.p + word.n - 3, "/32", 3))
			word.n -= 3;
		h = backend_hash_words(h, word);
	}
	return h;
}

static bool is_hook(const struct ipt_list *scan,
		    const struct ipt_list_hook *hook, struct str line)
{
	char buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	wr_fmt(&w, "-A %s -j %s", hook->from, hook->to);
	return !strcmp(scan->table, hook->table) && str_eq(line, wr_done(&w));
}

/* ":UPNPD-tcp-39936 - [0:0]" */
static void note_leaf(struct ipt_list *scan, struct str line)
{
	struct str name;
	unsigned leaf;

	if (!str_word(&line, &name))
		return;
	name = str_skip(name, 1);
	for (int chain = 0; chain < IPT_CHAINS; chain++)
		if (!strcmp(scan->table, ipt_rule_specs[chain].table) &&
		    ipt_leaf_read(name, chain, &leaf))
			ipt_leaf_add(&scan->leaves, chain, leaf);
}

void ipt_list_line(void *arg, struct str line)
{
	struct ipt_list *scan = arg;
	struct str rest = str_skip(line, 3), name;
	bool rule = str_starts(line, STR("-A "));

	if (str_starts(line, STR(":")))
		note_leaf(scan, line);
	if (rule && str_word(&rest, &name) && ipt_leaf_is_ours(name)) {
		backend_count(&scan->tally, hash_rule(line));
		return;
	}
	for (int i = 0; i < IPT_HOOKS; i++) {
		if (is_hook(scan, &ipt_list_hooks[i], line)) {
			scan->hooked[i]++;
			return;
		}
	}
	scan->others |= rule || str_starts(line, STR(":FORWARD DROP"));
}

int ipt_list_table(struct natfw *fw, const char *save, const char *table,
		   struct ipt_list *scan)
{
	const char *const argv[] = { save, "-t", table, NULL };
	struct backend_run run = {
		.argv = argv, .line = ipt_list_line, .arg = scan,
		.rules = fw ? fw->mappings.rule_n : 0,
	};

	scan->table = table;
	return backend_run(fw, &run);
}

int ipt_list_all(struct natfw *fw, const char *save, struct ipt_list *ret)
{
	int rc;

	memset(ret, 0, sizeof(*ret));
	rc = ipt_list_table(fw, save, "filter", ret);
	return rc ? rc : ipt_list_table(fw, save, "nat", ret);
}

bool ipt_list_hooked_once(const struct ipt_list *scan)
{
	for (int i = 0; i < IPT_HOOKS; i++)
		if (scan->hooked[i] != 1)
			return false;
	return true;
}
