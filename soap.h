/* SPDX-License-Identifier: ISC */
/*
 * soap.h - from a POST to an action of the gateway, and back.
 *
 * Reads the envelope (xmltiny), finds service and action and checks the
 * arguments (igd/model), runs the action (igd/), writes the reply or the
 * fault (UDA 1.1 3.2).
 * Runs in: engine
 */
#ifndef SOAP_H
#define SOAP_H

#include "base/loop.h"
#include "base/str.h"
#include "http/httpsource.h"
#include "igd/igd.h"

/* A reply for the HTTP server. */
struct soap_reply {
	int status;		/* 200, 500, or 4xx/5xx with an empty body */
	struct str body;	/* valid until soap is called again */
	/* instead of body: the reply has a list; NULL: it has none. Valid until
	 * soap is called again */
	const struct httpsource *source;
};

struct soap;

/**
 * soap_new - create it, with SOAP_PENDING_MAX slots for replies that wait.
 * @igd: borrowed, outlives it
 * @answer: called with a later reply; @token is that of soap_post()
 *
 * Return: owned by the caller (soap_free()), NULL without memory
 */
struct soap *soap_new(struct loop *, struct igd *igd,
		      void (*answer)(void *arg, uint32_t token,
				     const struct soap_reply *),
		      void *arg);

/** soap_free - free it; NULL is allowed. */
void soap_free(struct soap *);

struct soap_post {
	const struct igd_service *svc;	/* from the URL */
	unsigned n;			/* root version, from the URL */
	struct str soap_action;		/* the header's value, "" without it */
	struct str content_type;
	struct str body;
	struct addr client, local;
	int ifindex;			/* the interface of @local; 0: not
					 * known */
	uint32_t token;			/* identifies the HTTP request */
	uint64_t now_ms;
};

/**
 * soap_post - handle one request.
 * @ret: set when the reply is ready
 *
 * The whole body must be well-formed before an action runs; otherwise, and
 * without SOAPAction, the status is 400. SOAPAction may be quoted. It must name
 * the service of the URL (case-insensitively), in the same or a lower version,
 * and the action of the body. The reply has the request's namespace. At the URL
 * of WANIPConnection:2, actions of WANIPv6FirewallControl run as well, under
 * either name.
 *
 * Arguments may come in any order, and unknown ones are ignored. A missing or
 * repeated one is error 402. A content type other than text/xml,
 * application/xml and application/soap+xml, with or without parameters, is
 * HTTP 415. If the reply must wait and no slot is free, it is HTTP 503.
 *
 * Return: true: *@ret holds the reply; false: answer() will be called
 */
bool soap_post(struct soap *, const struct soap_post *,
	       struct soap_reply *ret);

/** soap_cancel - the client of @token has disconnected: drop its reply. */
void soap_cancel(struct soap *, uint32_t token);

#endif
