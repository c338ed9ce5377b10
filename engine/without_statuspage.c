/* SPDX-License-Identifier: ISC */
/*
 * without_statuspage.c - takes the place of the status page in a build without
 * it (tools/parts.mk). The configuration cannot turn it on, so no function here
 * is called.
 * Runs in: engine
 */
#include "engine/statuspage.h"

void statuspage_reply(const struct statuspage *page, const struct httpd_req *req,
		      uint64_t now_ms, struct httpsource *ret_source,
		      struct httpd_reply *ret)
{
}

void statuspage_misnamed(const struct statuspage *page,
			 const struct httpends *ends, struct wr *w,
			 struct httpd_reply *ret)
{
}
