/* SPDX-License-Identifier: ISC */
/*
 * memory.c - a backend that changes nothing in the kernel: the rules are only
 * in the tables of struct natfw. For tests, and to try the daemon without root.
 * Runs in: monitor
 */
#include "natfw.h"

static bool memory_usable(const struct natfw_env *env)
{
	return true;
}

static int memory_open(struct natfw *fw, struct natfw_writer *w)
{
	return 0;
}

static int memory_apply(struct natfw *fw, struct natfw_writer *w,
			const struct nat_op *op, size_t n)
{
	return 0;
}

static int memory_rules(struct natfw *fw, struct natfw_writer *w,
			const struct nat_rule *rule, size_t n)
{
	return 0;
}

/* It lets nothing in. */
static int memory_packets(struct natfw *fw, struct natfw_writer *w,
			  const struct nat_rule *rule, uint64_t *ret)
{
	*ret = 0;
	return 0;
}

static void memory_close(struct natfw *fw, struct natfw_writer *w)
{
}

const struct natfw_backend natfw_memory = {
	.name = "memory",
	.usable = memory_usable,
	.open = memory_open,
	.apply = memory_apply,
	.sync = memory_rules,
	.verify = memory_rules,
	.close = memory_close,
	.packets = memory_packets,
	.pinholes = true,
	.offline = true,
};
