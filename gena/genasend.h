/* SPDX-License-Identifier: ISC */
/*
 * genasend.h - deliver one message without blocking: connect, send, read the
 * head of the answer. Runs in: engine
 */
#ifndef GENA_GENASEND_H
#define GENA_GENASEND_H

#include "base/addr.h"
#include "base/loop.h"
#include "base/str.h"
#include "base/wr.h"

enum genasend_end {
	GENASEND_OK,		/* 2xx */
	GENASEND_FAILED,	/* no connection, no valid answer, or another
				 * status */
	GENASEND_UNKNOWN,	/* 412: the subscriber does not know the SID */
};

struct genasend {
	/* set by the owner; done() may start the next delivery */
	struct loop *loop;
	void (*done)(struct genasend *, enum genasend_end);
	uint64_t sent_ms;	/* time of the last message sent; 0: none */
	/* private */
	struct loop_fd io;
	bool active, connected, sent;
	uint64_t connect_by_ms, answer_by_ms;
	char *buf;		/* the message, later the answer */
	size_t cap, n, off;
};

/** genasend_connect - start a TCP connection from @local to a subscriber.
 * @local: ADDR_NONE: from the address that the kernel chooses
 * @ifindex: the interface of @local, for link-local addresses
 * Return: a non-blocking descriptor, or -errno */
int genasend_connect(struct addr local, struct addr peer, uint16_t port,
		     int ifindex);

/**
 * genasend_start - deliver the message in @msg over @fd.
 * @fd: connected or connecting; owned by @s from now on
 * @msg: the text to send. Its whole buffer is used for the answer later, and
 *       must live until done() or genasend_stop()
 * @answer_by_ms: deadline of the answer; the deadline of the connection is
 *       GENA_CONNECT_MS from now
 *
 * done() is called later, never from here.
 *
 * Return: 0 or -errno (@fd is closed)
 */
int genasend_start(struct genasend *, int fd, const struct wr *msg,
		   uint64_t answer_by_ms);

/** genasend_due_ms - when the owner must call genasend_stop(); only while
 * active. */
uint64_t genasend_due_ms(const struct genasend *);

/** genasend_stop - end the delivery without done(); does nothing if not
 * active. */
void genasend_stop(struct genasend *);

#endif
