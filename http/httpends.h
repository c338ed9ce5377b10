/* SPDX-License-Identifier: ISC */
/* httpends.h - the two ends of an HTTP connection. Runs in: engine */
#ifndef HTTP_HTTPENDS_H
#define HTTP_HTTPENDS_H

#include <stdint.h>
#include "base/addr.h"

struct httpends {
	struct addr peer, local;
	uint16_t local_port;	/* host order */
	/* the interface of @local. Without it, a link-local address means
	 * nothing: each link has its own. 0: not known, in tests */
	int ifindex;
	struct addr url_addr;	/* that of ifsock_for_urls() */
	struct addr share;	/* by what the client is counted
				 * (base/addrshare.h) */
};

#endif
