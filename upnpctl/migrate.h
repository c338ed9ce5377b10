/* SPDX-License-Identifier: ISC */
/* migrate.h - the operator's mappings that are only in the lease file.
 * Runs in: upnpctl */
#ifndef UPNPCTL_MIGRATE_H
#define UPNPCTL_MIGRATE_H

#include "upnpctl/mappings.h"

/** migrate_left - count the operator's permanent mappings that are not in the
 * configuration. "mappings migrate" moves them there. */
size_t migrate_left(const struct mappings *);

#endif
