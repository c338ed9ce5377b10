/* SPDX-License-Identifier: ISC */
/*
 * nldump.h - the kernel's side of requests to list nf_tables. The test defines
 * __wrap_nfnl_dump(), which passes all messages of a listing; here the same
 * listing is the answer to a request in parts, and has one part. Include it
 * once, and link with --wrap of nfnl_dump, nfnl_ask, nfnl_next and
 * watch_open_all.
 */
#ifndef TESTS_UNIT_NLDUMP_H
#define TESTS_UNIT_NLDUMP_H

#include <endian.h>
#include <errno.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include "natfw/nfnl.h"

static struct {
	uint16_t generation;	/* of the rules; 0: the kernel sends none */
	int watch;		/* notices come from it; 0: there are none */
} nldump;

int __wrap_nfnl_dump(int fd, uint32_t seq, const struct nfnl_query *,
		     nl_fn fn, void *arg);
int __wrap_nfnl_ask(int fd, uint32_t seq, const struct nfnl_query *);
int __wrap_nfnl_next(int fd, uint32_t seq, const struct nfnl_query *, nl_fn fn,
		     void *arg, bool *ret_interrupted);
int __wrap_watch_open_all(void);

/* The message is as of the present generation. */
static inline void nldump_deliver(struct nlmsghdr *h, nl_fn fn, void *arg)
{
	struct nfgenmsg *about = (void *)(h + 1);

	about->res_id = htobe16(nldump.generation);
	fn(arg, h);
}

/* The kernel ends this answer with no message: the reader must stop. */
static inline int nldump_send_generation(const struct nfnl_query *q, nl_fn fn,
					 void *arg)
{
	struct {
		struct nlmsghdr h;
		struct nfgenmsg about;
	} m = {
		.h = {
			.nlmsg_len = NLMSG_LENGTH(sizeof(m.about)),
			.nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 |
				      NFT_MSG_NEWGEN,
		},
	};

	if (!nldump.generation)
		return 0;
	nldump_deliver(&m.h, fn, arg);
	return *q->stop ? -ECANCELED : -EAGAIN;
}

int __wrap_nfnl_ask(int fd, uint32_t seq, const struct nfnl_query *q)
{
	return 0;
}

int __wrap_nfnl_next(int fd, uint32_t seq, const struct nfnl_query *q, nl_fn fn,
		     void *arg, bool *ret_interrupted)
{
	if (q->type == NFT_MSG_GETGEN)
		return nldump_send_generation(q, fn, arg);
	return __wrap_nfnl_dump(fd, seq, q, fn, arg);
}

int __wrap_watch_open_all(void)
{
	return nldump.watch ? dup(nldump.watch) : -EPERM;
}

#endif
