/* SPDX-License-Identifier: ISC */
/*
 * backend.c - runs a tool, and compares its listing with what it should be.
 *
 * Never does: use a tool's syntax; read the table.
 * Runs in: any
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/limits.h"
#include "base/wr.h"
#include "sys/proc_why.h"
#include "natfw/backend.h"

/* ---- running a tool ------------------------------------------------ */

/* Fill the buffer with the next pieces. Return: false at the end */
static bool refill(struct backend_run *run)
{
	struct wr w = wr_init(run->buf, sizeof(run->buf));

	run->off = run->len = 0;
	while (!w.len && !w.over && !run->spoilt)
		if (!run->piece(run->arg, &w))
			break;
	/* Input with a gap would be a different transaction, so make the tool
	 * refuse all of it. */
	if (w.over) {
		run->spoilt = true;
		w = wr_init(run->buf, sizeof(run->buf));
		wr_z(&w, "does not fit\n");
	}
	run->len = w.len;
	return run->len;
}

static size_t read_input(void *arg, char *buf, size_t cap)
{
	struct backend_run *run = arg;
	size_t done = 0, n;

	while (done < cap) {
		if (run->off == run->len && !refill(run))
			break;
		n = run->len - run->off;
		if (n > cap - done)
			n = cap - done;
		memcpy(buf + done, run->buf + run->off, n);
		run->off += n;
		done += n;
	}
	return done;
}

static void on_line(void *arg, struct str line)
{
	struct backend_run *run = arg;

	run->line(run->arg, line);
}

int backend_run(struct natfw *fw, struct backend_run *run)
{
	int deadline_ms = run->line ? PROC_LIST_DEADLINE_MS : PROC_DEADLINE_MS;
	struct proc proc = {
		.argv = run->argv,
		.fill = run->piece ? read_input : NULL,
		.line = run->line ? on_line : NULL, .arg = run,
		.deadline_ms = deadline_ms + (int)(run->rules / 4),
	};
	int rc = proc_run(&proc);

	if (rc && fw) {
		struct wr w = wr_init_cut(fw->why, sizeof(fw->why));

		wr_fmt(&w, "%s: ", run->argv[0]);
		proc_why(&proc, rc, &w);
		wr_cstr(&w);
	}
	if (rc > 0)
		return rc == run->busy ? -EAGAIN : -EIO;
	return rc;
}

bool backend_wait(uint64_t *end_ms)
{
	uint64_t now = clock_mono_ms();

	if (!*end_ms)
		*end_ms = now + NATFW_BUSY_MS;
	if (now >= *end_ms)
		return false;
	poll(NULL, 0, NATFW_BUSY_STEP_MS);
	return true;
}

/* ---- comparing ----------------------------------------------------- */

uint64_t backend_hash(uint64_t h, struct str word)
{
	return hash_add(hash_add(h, word.p, word.n), "\xff", 1);
}

void backend_count(struct backend_tally *t, uint64_t h)
{
	/* a sum of raw FNV values is too regular: mix the bits (MurmurHash3) */
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	t->sum += h ^ h >> 33;
	t->n++;
}

bool backend_same(struct backend_tally a, struct backend_tally b)
{
	return a.sum == b.sum && a.n == b.n;
}

/* ---- addresses for printf ------------------------------------------ */

const char *backend_ext_if(const struct natfw_env *env, uint8_t family)
{
	return family == ADDR_IP6 && *env->ext6_if ? env->ext6_if :
						     env->ext_if;
}

uint32_t backend_ext_index(const struct natfw_env *env, uint8_t family)
{
	return family == ADDR_IP6 && *env->ext6_if ? env->ext6_index :
						     env->ext_index;
}

struct backend_text backend_net(const struct netif_addr *net)
{
	struct backend_text ret = { "" };
	struct wr w = wr_init(ret.z, sizeof(ret.z));

	addr_net_write(&w, &net->net);
	wr_cstr(&w);
	return ret;
}

bool backend_has_ip6(const struct natfw_env *env)
{
	for (size_t i = 0; i < env->net_n; i++)
		if (env->net[i].net.addr.family == ADDR_IP6)
			return env->ipv6;
	return false;
}

bool backend_hairpin(const struct natfw_env *env, size_t from, size_t to)
{
	const struct netif_addr *a = &env->net[from], *b = &env->net[to];

	if (!env->hairpin || !addr_is_set(env->ext) ||
	    a->net.addr.family != ADDR_IP4 || b->net.addr.family != ADDR_IP4)
		return false;
	return from == to || ((a->routed || b->routed) &&
			      !strncmp(a->ifname, b->ifname, IF_NAMESIZE));
}
