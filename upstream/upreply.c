/* SPDX-License-Identifier: ISC */
/* upreply.c - the body of the upstream's answer by HTTP. Runs in: engine */
#include "http/httpbody.h"
#include "http/httpmsg.h"
#include "upstream/upreply.h"

static int decode(char *body, size_t n, struct str *ret)
{
	struct httpbody b;

	httpbody_chunked(&b);
	if (httpbody_feed(&b, body, &n) != 1)
		return -1;
	*ret = (struct str){ body, b.n };
	return 1;
}

int upreply_body(char *buf, size_t n, bool eof, unsigned *ret_status,
		 struct str *ret_body)
{
	const int more = eof ? -1 : 0;
	struct httpmsg m;
	ssize_t head = httpmsg_parse(buf, n, &m);
	uint32_t length;
	struct str v;

	if (head <= 0)
		return head ? -1 : more;
	if (!m.status)
		return -1;
	*ret_status = m.status;
	if (httpmsg_has_token(&m, STR("Transfer-Encoding"), STR("chunked")))
		return eof ? decode(buf + head, n - (size_t)head, ret_body) :
			     0;
	length = (uint32_t)(n - (size_t)head);
	if (httpmsg_get(&m, STR("Content-Length"), &v)) {
		if (str_u32(v, 0, UPSTREAM_REPLY_MAX, &length))
			return -1;
		if (length > n - (size_t)head)
			return more;
	} else if (!eof) {
		return 0;
	}
	*ret_body = (struct str){ buf + head, length };
	return 1;
}
