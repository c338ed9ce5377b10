/* SPDX-License-Identifier: ISC */
/*
 * upxml.h - what a UPnP control point sends to the upstream gateway, and how it
 * reads the answers: search, description, SOAP.
 *
 * Pure. An address in an answer counts only if it is the gateway's. Of its
 * texts, only a port and a path are kept; the path is sent back to the gateway,
 * and to nobody else.
 * Source: UDA 1.1, WANIPConnection:1 and :2
 * Runs in: engine
 */
#ifndef UPSTREAM_UPXML_H
#define UPSTREAM_UPXML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/limits.h"
#include "base/str.h"
#include "base/wr.h"

/* A URL at the gateway. */
struct upxml_url {
	uint16_t port;		/* 0: there is no URL */
	char path[UPSTREAM_PATH_MAX];	/* visible ASCII, begins with "/" */
};

/* The services that map ports. WANIPConnection:2 can choose another port. */
enum upxml_service {
	UPXML_NO_SERVICE, UPXML_WANIP2, UPXML_WANIP1, UPXML_WANPPP1,
};

/* What the search and the description have found. */
struct upxml_gateway {
	struct upxml_url url;	/* of the description, then of the control */
	uint8_t service;	/* enum upxml_service */
	uint32_t boot_id;	/* BOOTID.UPNP.ORG; 0: none */
};

enum upxml_action {
	UPXML_ADDRESS,		/* GetExternalIPAddress */
	UPXML_ADD,		/* AddPortMapping */
	UPXML_ADD_ANY,		/* AddAnyPortMapping; WANIPConnection:2 only */
	UPXML_DELETE,		/* DeletePortMapping */
};

/* A mapping. For UPXML_ADDRESS nothing is read. */
struct upxml_ask {
	uint8_t proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t port;		/* ours: NewInternalPort */
	uint16_t ext_port;
	uint32_t lease_s;	/* 0: without an end */
	struct addr client;	/* our address */
};

/* An answer to an action. */
struct upxml_reply {
	uint16_t error;		/* of UPnP; 0: success */
	uint16_t ext_port;	/* NewReservedPort; 0: none */
	struct addr ext;	/* NewExternalIPAddress; ADDR_NONE: none */
};

/** upxml_search - write the search for a gateway, to @gateway itself. */
void upxml_search(struct addr gateway, struct wr *);

/**
 * upxml_found - read an answer to the search.
 * @ret: url and boot_id are set, only when true is returned
 *
 * Return: false: it is not an answer, or its LOCATION is not at @gateway
 */
bool upxml_found(struct str datagram, struct addr gateway,
		 struct upxml_gateway *ret);

/** upxml_get - write the HTTP request for the description at @url. */
void upxml_get(struct addr gateway, const struct upxml_url *url, struct wr *);

/**
 * upxml_described - read the description.
 * @doc: the body of the answer
 * @ret: in: url is that of the description; out: url and service are those of
 *       its best service, only when true is returned
 *
 * Return: false: it is not well-formed, or has no such service at @gateway
 */
bool upxml_described(struct str doc, struct addr gateway,
		     struct upxml_gateway *ret);

/** upxml_call - write the HTTP request for an action. */
void upxml_call(struct addr gateway, const struct upxml_gateway *,
		enum upxml_action, const struct upxml_ask *, struct wr *);

/**
 * upxml_answer - read the answer to an action.
 * @status: of HTTP
 * @ret: set only when true is returned
 *
 * Return: false: it is neither an answer nor a fault of SOAP
 */
bool upxml_answer(unsigned status, struct str body, struct upxml_reply *ret);

#endif
