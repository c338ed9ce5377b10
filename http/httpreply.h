/* SPDX-License-Identifier: ISC */
/*
 * httpreply.h - write the head of an HTTP reply as UPnP clients expect it
 * (docs/protocol.md, "Clients"). Pure. Runs in: engine
 */
#ifndef HTTP_HTTPREPLY_H
#define HTTP_HTTPREPLY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/str.h"
#include "base/wr.h"

struct httpreply {
	int status;
	const char *content_type;	/* NULL: none */
	size_t length;			/* of the body; HTTPSOURCE_OPEN: not
					 * known */
	bool chunked;			/* if it is not known: in chunks */
	int64_t date_s;			/* Unix time */
	const char *server;
	const char *connection;		/* "close"; NULL: no such field */
	struct str extra;		/* more lines, each with CRLF */
};

/**
 * httpreply_write - write the status line and the fields, with the empty line.
 *
 * No field name occurs twice (Open.NAT throws), every line has a colon (weupnp
 * needs it); EXT, DATE and SERVER are spelled as in UDA 1.1 3.2.2.
 */
void httpreply_write(struct wr *, const struct httpreply *);

#endif
