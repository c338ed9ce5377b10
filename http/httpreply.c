/* SPDX-License-Identifier: ISC */
/*
 * httpreply.c - write the head of an HTTP reply as UPnP clients expect it.
 * Runs in: engine
 */
#include "base/date.h"
#include "base/wr.h"
#include "http/httpreply.h"
#include "http/httpsource.h"

/* RFC 9110 15 */
static const struct {
	uint16_t status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 400, "Bad Request" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 411, "Length Required" },
	{ 412, "Precondition Failed" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 501, "Not Implemented" },
	{ 503, "Service Unavailable" },
	{ 505, "HTTP Version Not Supported" },
};

static void field(struct wr *w, const char *name, const char *value)
{
	wr_fmt(w, "%s: %s\r\n", name, value);
}

void httpreply_write(struct wr *w, const struct httpreply *r)
{
	const char *reason = "Other";

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == r->status)
			reason = reasons[i].reason;
	wr_fmt(w, "HTTP/1.1 %d %s\r\n", r->status, reason);
	if (r->content_type)
		field(w, "Content-Type", r->content_type);
	if (r->length != HTTPSOURCE_OPEN)
		wr_fmt(w, "Content-Length: %zu\r\n", r->length);
	else if (r->chunked)
		field(w, "Transfer-Encoding", "chunked");
	wr_z(w, "DATE: ");
	date_http(w, r->date_s);
	wr_z(w, "\r\n");
	field(w, "SERVER", r->server);
	wr_z(w, "EXT:\r\n");
	if (r->connection)
		field(w, "Connection", r->connection);
	wr_str(w, r->extra);
	wr_z(w, "\r\n");
}
