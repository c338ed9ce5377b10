/* SPDX-License-Identifier: ISC */
/* soaplist.c - a response whose only out argument is a list.
 * Runs in: engine */
#include "base/wr.h"
#include "igd/wanip2.h"
#include "soap/soaplist.h"

void soaplist_response_tag(struct wr *w, const struct igd_service *svc,
			   const struct igd_action *act, unsigned version)
{
	wr_fmt(w, "<u:%sResponse xmlns:u=\"" SOAPLIST_SERVICE_URN "%s:%u\">",
	       act->name, svc->name, version);
}

static const char *list_name(const struct soaplist *at)
{
	return at->act->arg[at->act->arg_n - 1].name;
}

static void put_list_head(struct wr *w, const struct soaplist *at)
{
	wr_z(w, SOAPLIST_ENVELOPE_OPEN);
	soaplist_response_tag(w, at->svc, at->act, at->version);
	wr_fmt(w, "<%s>" WANIP2_LIST_OPEN, list_name(at));
}

static void put_list_tail(struct wr *w, const struct soaplist *at)
{
	wr_fmt(w, WANIP2_LIST_CLOSE "</%s></u:%sResponse>"
	       SOAPLIST_ENVELOPE_CLOSE, list_name(at), at->act->name);
}

size_t soaplist_ends_length(const struct soaplist *at)
{
	char buf[HTTPSOURCE_ROOM / 2];
	struct wr ends = wr_init(buf, sizeof(buf));

	put_list_head(&ends, at);
	put_list_tail(&ends, at);
	return ends.len;
}

void soaplist_write(const struct igd *igd, struct soaplist *at, size_t left,
		    struct wr *w)
{
	const size_t start = w->len;
	char buf[HTTPSOURCE_ROOM / 4];
	struct wr tail = wr_init(buf, sizeof(buf));

	put_list_tail(&tail, at);
	if (!at->begun)
		put_list_head(w, at);
	at->begun = true;
	left -= w->len - start;
	if (left > tail.len) {
		const size_t before = w->len;
		bool more = wanip2_list_write(igd, &at->list,
					      left - tail.len, w);

		left -= w->len - before;
		for (; !more && left > tail.len && w->len < w->cap; left--)
			wr_ch(w, ' ');
	}
	if (left == tail.len && tail.len <= w->cap - w->len)
		wr_str(w, wr_done(&tail));
}
