/* SPDX-License-Identifier: ISC */
/*
 * backend.h - shared by the backends that run a tool: input that is made piece
 * by piece, the comparison of listings, addresses as text.
 * Runs in: any
 */
#ifndef NATFW_BACKEND_H
#define NATFW_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw.h"

/* ---- running a tool ------------------------------------------------ */

/* The longest piece of input: a line of hairpin, 147 bytes at most, for each of
 * NATFW_NETS_MAX networks. */
#define BACKEND_PIECE_MAX 12288

/**
 * struct backend_run - one run of a tool.
 *
 * The input for 60000 rules takes megabytes, so it is made while the tool reads
 * it.
 */
struct backend_run {
	const char *const *argv;	/* as in struct proc */
	/* write the next whole lines, at most BACKEND_PIECE_MAX bytes, or
	 * nothing yet; false: there are no more, and every later call returns
	 * false as well. NULL: no input */
	bool (*piece)(void *arg, struct wr *);
	/* a line of its output, valid during the call; NULL: ignore output */
	void (*line)(void *arg, struct str line);
	void *arg;
	size_t rules;		/* number of rules that it handles */
	int busy;		/* its exit status for "busy, try again soon";
				 * 0: it has none */
	char buf[BACKEND_PIECE_MAX];	/* private from here on */
	size_t len, off;
	bool spoilt;
};

/**
 * backend_run - run the tool to its end.
 * @fw: its why gets the tool's message after a failure; may be NULL
 * @run: the caller's, its private part zero; for one run
 *
 * The deadline (PROC_DEADLINE_MS, PROC_LIST_DEADLINE_MS) ends a tool that
 * hangs. A big table takes longer, so every four rules add a millisecond
 * (measured: nft adds 60000 elements in under a second on a PC). A piece that
 * does not fit spoils the input, so that the tool refuses all of it.
 * Return: 0, -EIO the tool refused, -EAGAIN it is busy, -ETIMEDOUT, -ENOENT or
 * other -errno
 */
int backend_run(struct natfw *fw, struct backend_run *run);

/**
 * backend_wait - sleep for NATFW_BUSY_STEP_MS before a retry after -EAGAIN.
 * @end_ms: 0 before the first time; then the caller keeps it
 *
 * The failed run may have changed something, so the retry must list first.
 * Return: false after NATFW_BUSY_MS: give up
 */
bool backend_wait(uint64_t *end_ms);

/* ---- comparing ----------------------------------------------------- */

/* A tool lists in an order of its own, so a listing is compared by the sum of
 * its items' hashes and their number. */
struct backend_tally {
	uint64_t sum;
	size_t n;
};

/** backend_hash - continue the hash @h (base/hash.h) over one word and a byte
 * 0xff, which ends it. */
uint64_t backend_hash(uint64_t h, struct str word);

/** backend_count - add an item with that hash to the tally. */
void backend_count(struct backend_tally *t, uint64_t h);

/** backend_same - have both the same items, in any order? */
bool backend_same(struct backend_tally a, struct backend_tally b);

/* ---- addresses for printf ------------------------------------------ */

struct backend_text {
	char z[sizeof("255.255.255.255/32")];
};

/** backend_ext_if - the name of the external interface for ADDR_IP4 or ADDR_IP6;
 * borrowed from @env */
const char *backend_ext_if(const struct natfw_env *env, uint8_t family);

/** backend_ext_index - its index; 0: not known */
uint32_t backend_ext_index(const struct natfw_env *env, uint8_t family);

/** backend_net - "192.168.88.0/24". Its .z lives until the end of the full
 * expression. */
struct backend_text backend_net(const struct netif_addr *net);

/** backend_has_ip6 - can there be pinholes: is IPv6 on, and has an internal
 * network an IPv6 prefix? */
bool backend_has_ip6(const struct natfw_env *);

/**
 * backend_hairpin - must connections from internal network @from to a mapped
 * client in @to, indices in env->net, be masqueraded?
 *
 * Otherwise the client's answer would bypass this router: it shares a network
 * with its peer, or the other router on their link connects them.
 */
bool backend_hairpin(const struct natfw_env *env, size_t from, size_t to);

#endif
