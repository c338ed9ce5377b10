/* SPDX-License-Identifier: ISC */
/*
 * backend.h - what the backends share: looking into the table, running a tool
 * with input made piece by piece, comparing what it lists.
 *
 * Inline, so that natfw.c knows the backends and they do not know natfw.c.
 */
#ifndef NATFW_BACKEND_H
#define NATFW_BACKEND_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/proc.h"
#include "base/str.h"
#include "natfw.h"

/* ---- the table ----------------------------------------------------- */

static inline uint32_t natfw_slot(const struct natfw *fw, enum natfw_by by,
				  const struct nat_rule *r)
{
	uint64_t ip = by == NATFW_BY_KEY ? r->remote.ip : r->client.ip;
	uint64_t port = by == NATFW_BY_KEY ? r->ext_port : r->int_port;
	uint64_t h = (ip << 32 | port << 8 | r->proto) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 32) & (fw->index[by].slots - 1);
}

/** natfw_chain - the first rule that may match @like, or NULL. */
static inline const struct nat_rule *
natfw_chain(const struct natfw *fw, enum natfw_by by,
	    const struct nat_rule *like)
{
	uint32_t at = fw->index[by].head[natfw_slot(fw, by, like)];

	return at ? &fw->rule[at - 1] : NULL;
}

/** natfw_chain_next - the one after @r, a rule of the table, or NULL. */
static inline const struct nat_rule *
natfw_chain_next(const struct natfw *fw, enum natfw_by by,
		 const struct nat_rule *r)
{
	uint32_t at = fw->index[by].next[r - fw->rule];

	return at ? &fw->rule[at - 1] : NULL;
}

/** natfw_at_key - the rule of the table with the key of @key, or NULL. */
static inline const struct nat_rule *
natfw_at_key(const struct natfw *fw, const struct nat_rule *key)
{
	const struct nat_rule *r = natfw_chain(fw, NATFW_BY_KEY, key);

	while (r && !nat_rule_same_key(r, key))
		r = natfw_chain_next(fw, NATFW_BY_KEY, r);
	return r;
}

/** natfw_same_socket - do they lead to the same socket of a client? */
static inline bool natfw_same_socket(const struct nat_rule *a,
				     const struct nat_rule *b)
{
	return a->client.ip == b->client.ip && a->proto == b->proto &&
	       a->int_port == b->int_port;
}

/* ---- running a tool ------------------------------------------------ */

/* The longest piece of input: what stands before the rules, with two lines
 * for each of CONF_IFACES_MAX networks. */
#define BACKEND_PIECE_MAX 8192

/* One run of a tool. A table of 60000 rules makes megabytes of input, so it is
 * made as the tool reads it. */
struct backend_run {
	const char *const *argv;
	/* write the next whole lines; false: there are no more */
	bool (*piece)(void *arg, struct wr *);
	void (*line)(void *arg, struct str line);	/* of its output */
	void *arg;
	size_t rules;		/* how many it has to deal with */
	char buf[BACKEND_PIECE_MAX];	/* private from here on */
	size_t len, off;
	bool spoilt;
};

static inline bool backend_refill(struct backend_run *run)
{
	struct wr w = wr_init(run->buf, sizeof(run->buf));

	run->off = run->len = 0;
	while (!w.len && !w.over && !run->spoilt)
		if (!run->piece(run->arg, &w))
			break;
	/* Input with a hole in it would be another transaction than the one
	 * meant: make the tool refuse it as a whole. */
	if (w.over) {
		run->spoilt = true;
		w = wr_init(run->buf, sizeof(run->buf));
		wr_z(&w, "does not fit\n");
	}
	run->len = w.len;
	return run->len;
}

static inline size_t backend_fill(void *arg, char *buf, size_t cap)
{
	struct backend_run *run = arg;
	size_t done = 0, n;

	while (done < cap) {
		if (run->off == run->len && !backend_refill(run))
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

static inline void backend_line(void *arg, struct str line)
{
	struct backend_run *run = arg;

	run->line(run->arg, line);
}

static inline void backend_say(struct natfw *fw, const char *tool, int rc,
			       const char *said)
{
	if (*said)
		snprintf(fw->why, sizeof(fw->why), "%s: %.200s", tool, said);
	else if (rc < 0)
		snprintf(fw->why, sizeof(fw->why), "%s: %s", tool,
			 strerror(-rc));
	else
		snprintf(fw->why, sizeof(fw->why), "%s: exit status %d", tool,
			 rc);
}

/**
 * backend_run - run the tool to its end.
 * @fw: gets what the tool said when it failed; may be NULL
 *
 * The deadline is for a tool that hangs; one that is at work on a big table
 * gets a millisecond more for every four rules (measured: nft adds 60000
 * elements in under a second on a PC).
 *
 * Return: 0, -EIO the tool refused, -ETIMEDOUT, -ENOENT or other -errno
 */
static inline int backend_run(struct natfw *fw, struct backend_run *run)
{
	struct proc proc = {
		.argv = run->argv,
		.fill = run->piece ? backend_fill : NULL,
		.line = run->line ? backend_line : NULL,
		.arg = run,
		.deadline_ms = PROC_DEADLINE_MS + (int)(run->rules / 4),
	};
	int rc;

	rc = proc_run(&proc);
	if (rc && fw)
		backend_say(fw, run->argv[0], rc, proc.err);
	return rc > 0 ? -EIO : rc;
}

/* ---- comparing ----------------------------------------------------- */

/* The order in which a tool lists is its own business: a listing is the sum
 * of the hashes of what is in it, and how many there were. */
struct backend_tally {
	uint64_t sum;
	size_t n;
};

#define BACKEND_HASH 0xcbf29ce484222325u	/* FNV-1a, 64 bits */

static inline uint64_t backend_hash(uint64_t h, struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;	/* ends the word */
}

/** backend_hash_words - hash text word by word; how wide the space between is
 * does not count, and a protocol may stand by its name or by its number. */
static inline uint64_t backend_hash_words(uint64_t h, struct str text)
{
	struct str word;

	while (str_word(&text, &word)) {
		if (str_eq(word, STR("tcp")))
			word = STR("6");
		else if (str_eq(word, STR("udp")))
			word = STR("17");
		h = backend_hash(h, word);
	}
	return h;
}

static inline void backend_count(struct backend_tally *t, uint64_t h)
{
	/* a sum of raw FNV values is too regular: stir (MurmurHash3) */
	h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
	t->sum += h ^ h >> 33;
	t->n++;
}

static inline bool backend_same(struct backend_tally a, struct backend_tally b)
{
	return a.sum == b.sum && a.n == b.n;
}

/* ---- addresses for printf ------------------------------------------ */

struct backend_text {
	char z[sizeof("255.255.255.255/32")];
};

/** backend_ip - "192.0.2.1", for as long as the expression it stands in. */
static inline struct backend_text backend_ip(uint32_t ip)
{
	struct backend_text ret;
	struct wr w = wr_init(ret.z, sizeof(ret.z));

	wr_ipv4(&w, ip);
	wr_cstr(&w);
	return ret;
}

/** backend_net - "192.168.88.0/24", likewise. */
static inline struct backend_text backend_net(const struct natfw_net *net)
{
	struct backend_text ret;
	struct wr w = wr_init(ret.z, sizeof(ret.z));

	wr_ipv4(&w, net->ip & net->mask);
	wr_fmt(&w, "/%d", __builtin_popcount(net->mask));
	wr_cstr(&w);
	return ret;
}

#endif
