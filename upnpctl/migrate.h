/* SPDX-License-Identifier: ISC */
/* migrate.h - the operator's mappings that only the lease file has.
 * Runs in: upnpctl */
#ifndef UPNPCTL_MIGRATE_H
#define UPNPCTL_MIGRATE_H

#include "upnpctl/mappings.h"

/** migrate_left - how many of the operator's permanent mappings are not in the
 * configuration: "mappings migrate" moves them. */
size_t migrate_left(const struct mappings *);

#endif
