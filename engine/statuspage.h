/* SPDX-License-Identifier: ISC */
/*
 * statuspage.h - the page that a browser of the LAN shows: what the router is,
 * the ports that are open, and why others were refused.
 *
 * It is read-only. It is written while it is sent, so its length has no bound
 * and it needs no memory.
 * Runs in: engine
 */
#ifndef ENGINE_STATUSPAGE_H
#define ENGINE_STATUSPAGE_H

#include "map/recent.h"
#include "httpd.h"
#include "ipc/ctlmsg.h"
#include "map/map.h"

#define STATUSPAGE_PATH "/"

/* Set by the owner; all borrowed, for as long as the server lives. */
struct statuspage {
	const char *name;		/* friendly-name */
	const struct map *map;
	const struct recent *recent;
	bool all;			/* show the ports of other hosts */
	/* as for the operator */
	void (*status)(void *arg, struct ctl_status *ret);
	void *arg;
};

/**
 * statuspage_reply - make the reply to a GET.
 * @ret: refers to @ret_source, which httpd_reply() copies
 */
void statuspage_reply(const struct statuspage *, const struct httpd_req *,
		      uint64_t now_ms, struct httpsource *ret_source,
		      struct httpd_reply *ret);

/** statuspage_misnamed - as httpd_routes.misnamed: lead to the page. @w: for the
 * body */
void statuspage_misnamed(const struct statuspage *, const struct httpends *,
			 struct wr *w, struct httpd_reply *ret);

#endif
