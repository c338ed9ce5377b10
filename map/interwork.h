/* SPDX-License-Identifier: ISC */
/*
 * interwork.h - what a request of one protocol does to a mapping of the same
 * client that another protocol, or another nonce, has made.
 *
 * Source: RFC 6970 for UPnP over PCP; RFC 6887 11.3 for nonces;
 * docs/protocol.md, "Between protocols".
 * Runs in: engine
 */
#ifndef MAP_INTERWORK_H
#define MAP_INTERWORK_H

#include "map/map.h"

enum interwork {
	INTERWORK_NEW,		/* no mapping has the request's key: make one */
	INTERWORK_FULL,		/* overwrite it as requested; the lease may get
				 * shorter */
	INTERWORK_EXTEND,	/* it stays as it is, enabled, and its lease
				 * does not get shorter */
	INTERWORK_OPERATORS,	/* a client asks for a mapping of the
				 * operator, which stays as it is */
	INTERWORK_CONFLICT,	/* its port leads to another internal port, and
				 * stays so */
	INTERWORK_NONCE,	/* the request has another nonce */
};

/**
 * interwork_add - what does the request @q do?
 * @ret_slot: the committed mapping with the key of @q, or PM_NONE
 *
 * Mappings of other clients are the table's concern (portmap_add()).
 */
enum interwork interwork_add(const struct map *, const struct pm_req *q,
			     uint16_t *ret_slot);

/** interwork_same_nonce - may the requester of @q be the one that made the PCP
 * mapping @e? */
bool interwork_same_nonce(const struct pm_entry *e, const struct pm_req *q);

/** interwork_keeps - does @e stay although its client asks over UPnP to delete
 * it? A PCP mapping does, because the request has no nonce (RFC 6970). */
bool interwork_keeps(const struct pm_entry *e, const struct pm_req *by);

/**
 * interwork_stays - does the mapping @e, which the requester did not make,
 * prevent the success of its deletion?
 *
 * For PCP every one does (RFC 6887 15.1). NAT-PMP knows nothing of what UPnP or
 * PEER made, and its deletion of what is not there succeeds.
 * Return: why, or REFUSAL_NONE
 */
enum refusal interwork_stays(const struct pm_entry *e,
			     const struct pm_req *q);

#endif
