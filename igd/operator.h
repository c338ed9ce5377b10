/* SPDX-License-Identifier: ISC */
/*
 * operator.h - mappings that the operator makes.
 *
 * Runs in: engine
 */
#ifndef IGD_OPERATOR_H
#define IGD_OPERATOR_H

#include "igd/igd.h"

/**
 * operator_add - the operator's wish for a mapping.
 * @w: done and req are set, requester_ip is 0
 *
 * Policy and caps hold for him too, but for secure mode. Clients can neither
 * change nor delete what he made. To delete: wait_start() as IGD_WAIT_DELETE.
 *
 * Return: as wait_start(); w->refusal and w->line say why not
 */
int operator_add(struct igd *, struct igd_wait *w, uint64_t now_ms);

#endif
