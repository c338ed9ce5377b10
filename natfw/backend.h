/* SPDX-License-Identifier: ISC */
/*
 * backend.h - what the backends that run a tool share: giving it input made
 * piece by piece, comparing what it lists, addresses in its language.
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

/* The longest piece of input: what stands before the rules, with two lines
 * for each of CONF_IFACES_MAX networks. */
#define BACKEND_PIECE_MAX 8192

/**
 * struct backend_run - one run of a tool.
 *
 * A table of 60000 rules makes megabytes of input, so it is made as the tool
 * reads it.
 */
struct backend_run {
	const char *const *argv;	/* as struct proc's */
	/* write the next whole lines, at most BACKEND_PIECE_MAX bytes, or
	 * nothing yet; false: there are no more, and none the next time it
	 * is asked either. NULL: no input */
	bool (*piece)(void *arg, struct wr *);
	/* a line of its output, valid during the call; NULL: thrown away */
	void (*line)(void *arg, struct str line);
	void *arg;
	size_t rules;		/* how many it has to deal with */
	int busy;		/* the exit status that says: not now, but maybe
				 * in a moment. 0: it has none */
	char buf[BACKEND_PIECE_MAX];	/* private from here on */
	size_t len, off;
	bool spoilt;
};

/**
 * backend_run - run the tool to its end.
 * @fw: gets what the tool said when it failed; may be NULL
 * @run: the caller's, its private part zero; for one run
 *
 * The deadline (PROC_DEADLINE_MS, PROC_LIST_DEADLINE_MS) is for a tool that
 * hangs; one that is at work on a big table gets a millisecond more for every
 * four rules (measured: nft adds 60000 elements in under a second on a PC). A
 * piece that does not fit spoils the input so that the tool refuses all of it.
 *
 * Return: 0, -EIO the tool refused, -EAGAIN it is busy, -ETIMEDOUT, -ENOENT or
 * other -errno
 */
int backend_run(struct natfw *fw, struct backend_run *run);

/**
 * backend_wait - a moment, before what gave -EAGAIN is tried again.
 * @end_ms: 0 before the first time; then the caller's to keep
 *
 * Part of a run may have been done: the next try has to begin with a look.
 * Return: false when it has been tried for NATFW_BUSY_MS
 */
bool backend_wait(uint64_t *end_ms);

/* ---- comparing ----------------------------------------------------- */

/* The order in which a tool lists is its own business: a listing is the sum
 * of the hashes of what is in it, and how many there were. */
struct backend_tally {
	uint64_t sum;
	size_t n;
};

/** backend_hash - continue the hash @h (base/hash.h) over one word and a byte
 * 0xff, which ends it. */
uint64_t backend_hash(uint64_t h, struct str word);

/** backend_hash_words - the same over text, word by word. How wide the space
 * between words is does not count, and a protocol may stand by its name or by
 * its number. */
uint64_t backend_hash_words(uint64_t h, struct str text);

/** backend_count - one more thing is in the listing, with that hash. */
void backend_count(struct backend_tally *t, uint64_t h);

/** backend_same - was the same in both, in whatever order? */
bool backend_same(struct backend_tally a, struct backend_tally b);

/* ---- addresses for printf ------------------------------------------ */

struct backend_text {
	char z[sizeof("255.255.255.255/32")];
};

/** backend_ip - "192.0.2.1". Its .z lives as long as the expression it stands
 * in. */
struct backend_text backend_ip(uint32_t ip);

/** backend_net - "192.168.88.0/24", likewise. */
struct backend_text backend_net(const struct netif_addr *net);

#endif
