/* SPDX-License-Identifier: ISC */
/*
 * ruleset_dump.h - reads all of nf_tables from the kernel into the model, part
 * by part, as of one moment.
 *
 * The dumps of a large firewall take long, and other programs change their
 * rules meanwhile. So a transaction as such does not void a reading, but a
 * change of what had been read does: the kernel's notices say what each
 * transaction changed. A table that is made meanwhile is left out, and the
 * model is as of the moment before, so from then on every change voids it.
 * Runs in: any
 */
#ifndef NATFW_RULESET_DUMP_H
#define NATFW_RULESET_DUMP_H

#include "natfw/ruleset_nl.h"

/* A reading in progress. Zeroed: there is none. */
struct ruleset_dump {
	struct ruleset_nl nl;	/* nl.rules: NULL if there is no reading */
	/* private */
	int fd, watch_fd;	/* -errno: there is none */
	uint32_t seq;
	uint8_t phase;		/* tables, chains, sets, rules, elements */
	uint32_t at, chain;	/* table or set; which of its chains */
	bool asked;		/* a dump was requested and is not complete */
	bool interrupted;	/* there was a transaction during this dump */
	bool touched;		/* what was read has changed, or may have */
	bool changed;		/* the transaction that the notices are about
				 * changed something that was not read yet */
	bool left_out;		/* a table was made after the tables were
				 * read */
	uint16_t noticed;	/* the last generation that a notice named */
	bool any;		/* there was one */
};

/** ruleset_dump_begin - begin to read. @rs: empty. Return: 0 or -errno as
 * ruleset_dump_step(); ruleset_dump_end() is needed in any case */
int ruleset_dump_begin(struct ruleset_dump *, struct ruleset *rs);

/**
 * ruleset_dump_step - read one part: at most 32 KiB of rules.
 *
 * Return: 1 there is more to read; 0 all was read; -EINTR what was read before
 * has changed; -EPROTONOSUPPORT or -EINVAL the kernel has no nf_tables, and so
 * no such rules; -EPERM; otherwise as nfnl_next()
 */
int ruleset_dump_step(struct ruleset_dump *);

/** ruleset_dump_check - is the model still as of one moment? Return: 0, or
 * -errno as ruleset_dump_step() */
int ruleset_dump_check(struct ruleset_dump *);

/** ruleset_dump_end - close the sockets: there is no reading in progress.
 * Harmless if there was none. */
void ruleset_dump_end(struct ruleset_dump *);

/** ruleset_dump_notice - handle one message of a notice. Pure, for the test.
 * @arg: a struct ruleset_dump */
void ruleset_dump_notice(void *arg, const struct nlmsghdr *h);

#endif
