/* SPDX-License-Identifier: ISC */
/* natpmp.h - NAT-PMP's requests to map and to unmap (RFC 6886 3.3, 3.4).
 * Runs in: engine */
#ifndef PMP_NATPMP_H
#define PMP_NATPMP_H

#include "pmp/pmpask.h"

/**
 * natpmp_start - ask the mapping core for what a request says.
 *
 * Return: true: a->answer is complete; false: a->done() will be called, unless
 * the request is cancelled (map_cancel())
 */
bool natpmp_start(struct pmpask *a);

#endif
