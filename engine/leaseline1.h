/* SPDX-License-Identifier: ISC */
/*
 * leaseline1.h - reads the lines of the lease file, version 1, which older
 * upnpds wrote.
 * Runs in: engine
 */
#ifndef ENGINE_LEASELINE1_H
#define ENGINE_LEASELINE1_H

#include "engine/leaseline.h"

/** leaseline1_get - as leaseline_get(). */
bool leaseline1_get(struct str fields, struct leaseline *ret);

/** leaseline1_get_key - as leaseline_get_key(). */
bool leaseline1_get_key(struct str fields, struct nat_rule *ret);

#endif
