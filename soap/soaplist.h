/* SPDX-License-Identifier: ISC */
/*
 * soaplist.h - a response whose only out argument is a list. It is written in
 * pieces, because it is longer than a buffer. Runs in: engine
 */
#ifndef SOAP_SOAPLIST_H
#define SOAP_SOAPLIST_H

#include "http/httpsource.h"
#include "igd/igd.h"

#define SOAPLIST_SERVICE_URN "urn:schemas-upnp-org:service:"

/* Of every reply. */
#define SOAPLIST_ENVELOPE_OPEN \
	"<?xml version=\"1.0\"?>\r\n<s:Envelope " \
	"xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" " \
	"s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\">" \
	"<s:Body>"
#define SOAPLIST_ENVELOPE_CLOSE "</s:Body></s:Envelope>\r\n"

/* How much of the response is written. */
struct soaplist {
	const struct igd_service *svc;
	const struct igd_action *act;
	struct igd_list list;
	bool begun;		/* what comes before the list is written */
	uint8_t version;	/* of the service, as requested */
};

_Static_assert(sizeof(struct soaplist) <= HTTPSOURCE_AT_MAX,
	       "the connection has room for it");

/** soaplist_response_tag - write the start tag of a response. Its prefix is
 * always "u:", because node-nat-upnp searches for ":...Response". @version: of
 * the service, as requested */
void soaplist_response_tag(struct wr *, const struct igd_service *,
			   const struct igd_action *, unsigned version);

/** soaplist_ends_length - the length of what comes before and after the list.
 */
size_t soaplist_ends_length(const struct soaplist *);

/** soaplist_write - as httpsource.write: the head, the entries, blanks in place
 * of what has been deleted since the length was told, the tail. */
void soaplist_write(const struct igd *, struct soaplist *, size_t left,
		    struct wr *);

#endif
