/* SPDX-License-Identifier: ISC */
/* pmtest.h - a request for a mapping, for the tests that make many. */
#ifndef TESTS_UNIT_PMTEST_H
#define TESTS_UNIT_PMTEST_H

#include <netinet/in.h>
#include <string.h>
#include "map/portmap.h"

/* TCP, to port 80 of the requester. */
static inline struct pm_req req(uint32_t client_ip, uint16_t ext_port)
{
	struct pm_req q;

	memset(&q, 0, sizeof(q));
	q.rule.kind = NAT_PORTMAP;
	q.rule.proto = IPPROTO_TCP;
	q.rule.client = addr_ip4(client_ip);
	q.rule.remote = addr_any();
	q.rule.ext_port = ext_port;
	q.rule.int_port = 80;
	q.enabled = true;
	q.origin = ORIGIN_UPNP;
	q.requester = addr_ip4(client_ip);
	return q;
}

#endif
