/* SPDX-License-Identifier: ISC */
/* pcp.h - PCP's MAP and PEER (RFC 6887 11, 12, 13, 15). Runs in: engine */
#ifndef PMP_PCP_H
#define PMP_PCP_H

#include "pmp/pmpask.h"

/**
 * pcp_start - ask the mapping core for what a MAP or PEER request says.
 *
 * For PEER, the flow that the client may have already decides about the port, so
 * a->ask_flow() may be called first.
 *
 * Return: true: a->answer is complete; false: a->done() will be called, unless
 * the request is cancelled (map_cancel())
 */
bool pcp_start(struct pmpask *a);

/** pcp_flow - continue after a->ask_flow(). @ext_port: of the flow; 0: there is
 * none. Return: as pcp_start() */
bool pcp_flow(struct pmpask *a, uint16_t ext_port);

/** pcp_error_s - the lifetime of an error that does not depend on a mapping, in
 * seconds (RFC 6887 7.4). */
uint32_t pcp_error_s(uint8_t result);

#endif
