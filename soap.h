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

#include "base/str.h"
#include "igd/igd.h"

/* A reply as soap hands it to the HTTP server. */
struct soap_reply {
	int status;		/* 200, 500, or 4xx/5xx with an empty body */
	struct str body;	/* valid until soap is called again */
};

struct soap;

/**
 * soap_new - make it, with SOAP_PENDING_MAX places for replies that wait.
 * @igd: borrowed, outlives it
 * @answer: called for a reply that came later; @token as given to soap_post()
 *
 * Return: owned by the caller (soap_free()), NULL without memory
 */
struct soap *soap_new(struct igd *igd,
		      void (*answer)(void *arg, uint32_t token,
				     const struct soap_reply *),
		      void *arg);

/** soap_free - NULL is fine. */
void soap_free(struct soap *);

struct soap_post {
	const struct igd_service *svc;	/* from the URL */
	unsigned n;			/* root version, from the URL */
	struct str soap_action;		/* header's value, "" when none */
	struct str content_type;
	struct str body;
	struct addr client, local;
	uint32_t token;			/* names the HTTP request */
	uint64_t now_ms;
};

/**
 * soap_post - handle one request.
 * @ret: set when the reply is ready
 *
 * The body must be well-formed to its end before anything is run. SOAPAction
 * may have quotes or not; the type in it must be the service of the URL, of
 * its version or a lower one, compared without case; the action of the body
 * must be the one of the header. The reply's namespace is the request's.
 * Argument order is free, an unknown one is passed over, one missing is 402,
 * one that is there twice is 402. 415 when the content type is not XML
 * (text/xml, application/xml, application/soap+xml, with or without
 * parameters). A body that is not well-formed is HTTP 400, and so is a request
 * without SOAPAction; one too many that would have to wait is HTTP 503.
 *
 * Return: true: *@ret holds the reply; false: answer() will be called
 */
bool soap_post(struct soap *, const struct soap_post *,
	       struct soap_reply *ret);

/** soap_cancel - the client of @token has gone. */
void soap_cancel(struct soap *, uint32_t token);

#endif
