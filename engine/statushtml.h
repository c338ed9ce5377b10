/* SPDX-License-Identifier: ISC */
/*
 * statushtml.h - the pieces of the status page: HTML and its style. Pure.
 *
 * Everything that comes from the network or the configuration is written as
 * text. Each piece is shorter than HTTPSOURCE_ROOM.
 * Runs in: engine
 */
#ifndef ENGINE_STATUSHTML_H
#define ENGINE_STATUSHTML_H

#include "map/recent.h"
#include "ipc/ctlmsg.h"
#include "map/map.h"

#define STATUSHTML_TYPE "text/html; charset=utf-8"

/* The fields of each reply. The hash is that of the style, so that nothing but
 * this style applies and no script runs, even if a text were not escaped. */
#define STATUSHTML_FIELDS \
	"Content-Security-Policy: default-src 'none'; style-src 'sha256-" \
	STATUSHTML_STYLE_HASH "'; base-uri 'none'; form-action 'none'; " \
	"frame-ancestors 'none'\r\n" \
	"X-Content-Type-Options: nosniff\r\n" \
	"Referrer-Policy: no-referrer\r\n" \
	"Cross-Origin-Resource-Policy: same-origin\r\n" \
	"Cache-Control: no-store\r\n"
#define STATUSHTML_STYLE_HASH \
	"DVnK0mXU9mcYUHCmuQcBldcHTaxhFhsCV9XlooFOQXQ="

/* What a mapping's row depends on beside the mapping. */
struct statushtml_row {
	const struct map *map;
	const struct portmap *pm;	/* the mapping's table */
	const struct pm_entry *e;
	struct addr viewer;		/* from which the page is looked at */
	uint64_t now_ms;
	bool others;			/* it is in the table of the others */
};

/** statushtml_text - write a text: escaped, control characters as blanks, bytes
 * that are not UTF-8 as U+FFFD. */
void statushtml_text(struct wr *, struct str);

/** statushtml_open - write the head of the document. @name: of the router */
void statushtml_open(struct wr *, struct str name);

/** statushtml_header - write the heading of the page, and what it is. */
void statushtml_header(struct wr *, struct str name);

/** statushtml_summary - write what the router is and its external address. */
void statushtml_summary(struct wr *, const struct ctl_status *,
			struct addr viewer);

/** statushtml_table - write the heading of a list and open its table. */
void statushtml_table(struct wr *, bool others);

/** statushtml_none - write the heading of a list that is empty. */
void statushtml_none(struct wr *, bool others);

/** statushtml_mapping - write a row of that table. */
void statushtml_mapping(struct wr *, const struct statushtml_row *);

/** statushtml_end_table - close a table. */
void statushtml_end_table(struct wr *);

/** statushtml_refusals - write the heading of the refusals and open their
 * table. */
void statushtml_refusals(struct wr *);

/** statushtml_refused - write a row of that table. */
void statushtml_refused(struct wr *, const struct recent_refusal *,
			uint64_t now_ms);

/** statushtml_close - write the end of the document. */
void statushtml_close(struct wr *);

/** statushtml_elsewhere - write a document that leads to the page at @addr and
 * @port. */
void statushtml_elsewhere(struct wr *, struct str name, struct addr,
			  uint16_t port);

#endif
