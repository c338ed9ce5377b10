/* SPDX-License-Identifier: ISC */
/*
 * genasend.h - deliver one message: connect, send, read the answer's head, all
 * without ever waiting.
 *
 * Runs in: engine
 */
#ifndef GENA_GENASEND_H
#define GENA_GENASEND_H

#include "base/loop.h"
#include "base/str.h"
#include "base/wr.h"

enum genasend_end {
	GENASEND_OK,		/* 2xx */
	GENASEND_FAILED,	/* no connection, rubbish, another status */
	GENASEND_UNKNOWN,	/* 412: it knows no such subscription */
};

struct genasend {
	/* set by the owner; done() may start the next delivery */
	struct loop *loop;
	void (*done)(struct genasend *, enum genasend_end);
	uint64_t sent_ms;	/* when a message had left; 0: none has */
	/* private */
	struct loop_fd io;
	bool active, connected, sent;
	uint64_t connect_by_ms, answer_by_ms;
	char *buf;		/* the message, later the answer */
	size_t cap, n, off;
};

/**
 * genasend_connect - a TCP connection from @local_ip to a subscriber, being
 * made.
 *
 * Return: a non-blocking descriptor, or -errno
 */
int genasend_connect(uint32_t local_ip, uint32_t ip, uint16_t port);

/**
 * genasend_start - deliver the message in @msg over @fd.
 * @fd: connected or about to be; belongs to this from now on
 * @msg: all that is written is sent; its buffer, with all its room, is used
 *       for the answer and must live until done() or genasend_stop()
 * @answer_by_ms: when the owner's patience ends; the connection has to stand
 *       GENA_CONNECT_MS from now
 *
 * done() is called later, never from here. Return: 0 or -errno (@fd is closed)
 */
int genasend_start(struct genasend *, int fd, const struct wr *msg,
		   uint64_t answer_by_ms);

/** genasend_due_ms - when to give it up, by genasend_stop(); active only. */
uint64_t genasend_due_ms(const struct genasend *);

/** genasend_stop - end it without done(). Not active: does nothing. */
void genasend_stop(struct genasend *);

#endif
