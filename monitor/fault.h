/* SPDX-License-Identifier: ISC */
/* fault.h - logs why mappings or pinholes cannot work, once for each cause.
 * Runs in: monitor */
#ifndef MONITOR_FAULT_H
#define MONITOR_FAULT_H

#include "monitor/broker.h"

/** fault_note - log that mappings or pinholes cannot work by the rules that were
 * read last, or that they can again. Call it after each reading. */
void fault_note(struct broker *);

/** fault_ip6 - what pinholes can do, by the last fault_note() and reading. */
enum nat_ip6 fault_ip6(const struct broker *);

#endif
