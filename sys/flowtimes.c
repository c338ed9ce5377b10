/* SPDX-License-Identifier: ISC */
/* flowtimes.c - after how many seconds without packets the kernel forgets a
 * flow. Runs in: any */
#include <fcntl.h>
#include <netinet/in.h>
#include "base/str.h"
#include "base/wr.h"
#include "sys/fileio.h"
#include "sys/flowtimes.h"

/* Defaults: net/netfilter/nf_conntrack_proto_*.c of Linux 6.1. */
static const struct {
	uint8_t proto;
	const char *name;	/* "nf_conntrack_..." */
	uint32_t dflt_s;
} times[FLOWTIMES_MAX] = {
	{ IPPROTO_TCP, "tcp_timeout_established", 432000 },
	{ IPPROTO_UDP, "udp_timeout_stream", 120 },
	{ IPPROTO_UDPLITE, "udplite_timeout_stream", 180 },
	{ IPPROTO_SCTP, "sctp_timeout_established", 210 },
	{ IPPROTO_DCCP, "dccp_timeout_open", 43200 },
};

void flowtimes_read(struct flowtimes *ret)
{
	char path[80], text[32];
	struct str s;

	for (int i = 0; i < FLOWTIMES_MAX; i++) {
		struct wr w = wr_init(path, sizeof(path));

		wr_fmt(&w, "/proc/sys/net/netfilter/nf_conntrack_%s",
		       times[i].name);
		ret->s[i] = times[i].dflt_s;
		if (!fileio_read(AT_FDCWD, wr_cstr(&w), 0, text, sizeof(text),
				 &s))
			str_u32(str_trim(s), 1, UINT32_MAX, &ret->s[i]);
	}
}

uint32_t flowtimes_of(const struct flowtimes *t, uint8_t proto)
{
	for (int i = 0; i < FLOWTIMES_MAX; i++)
		if (times[i].proto == proto)
			return t->s[i];
	return 0;
}
