/* SPDX-License-Identifier: ISC */
/* wancic.h - the actions of WANCommonInterfaceConfig:1. Runs in: engine */
#ifndef IGD_WANCIC_H
#define IGD_WANCIC_H

#include "igd/model.h"

igd_action_fn wancic_get_link_properties, wancic_get_bytes_sent,
	wancic_get_bytes_received, wancic_get_packets_sent,
	wancic_get_packets_received, wancic_set_enabled, wancic_get_enabled,
	wancic_get_max_connections, wancic_get_connection;

/* Where the service's variables come from: igd_service.reader. */
extern const struct igd_reader wancic_reader[];

#endif
