/* SPDX-License-Identifier: ISC */
/* wanip2.h - the actions of WANIPConnection:2 that version 1 lacks.
 * Runs in: engine */
#ifndef IGD_WANIP2_H
#define IGD_WANIP2_H

#include "igd/igd.h"

igd_action_fn wanip2_add_any, wanip2_delete_range, wanip2_get_list;

/* GetListOfPortMappings: the value begins and ends with these. As CDATA,
 * because libminiupnpc does not decode the text of this argument, so it would
 * find no list if the text were escaped like others. No "]]>" can occur inside:
 * a '>' in a text is written as an entity. */
#define WANIP2_LIST_OPEN \
	"<![CDATA[<?xml version=\"1.0\"?>" \
	"<p:PortMappingList " \
	"xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">"
#define WANIP2_LIST_CLOSE "</p:PortMappingList>]]>"

/* The longest entry, in bytes: each byte of a description as an entity of 6. */
#define WANIP2_ENTRY_MAX 2560

/**
 * wanip2_list_measure - add up the length in bytes of the next entries, at most
 * 1,024, and move on. The caller keeps the position from which the list is
 * written.
 *
 * Return: false: there are no more entries
 */
bool wanip2_list_measure(const struct igd *, struct igd_list *,
			 size_t *ret_length);

/**
 * wanip2_list_write - write the next entries, whole ones, as many as fit.
 * @max: bytes that remain of the length that was told. An entry that does not
 *       fit there is left out: it has grown meanwhile
 *
 * Return: false: there are no more entries
 */
bool wanip2_list_write(const struct igd *, struct igd_list *, size_t max,
		       struct wr *);

#endif
