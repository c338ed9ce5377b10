/* SPDX-License-Identifier: ISC */
/* l3f.h - the actions of Layer3Forwarding:1. Runs in: engine */
#ifndef IGD_L3F_H
#define IGD_L3F_H

#include "base/wr.h"
#include "igd/igd.h"

igd_action_fn l3f_set_default, l3f_get_default;

/* Where the service's variables come from: igd_service.reader. */
extern const struct igd_reader l3f_reader[];

/** l3f_put_wan_device - write "uuid:...:WANConnectionDevice:1" of root @n. */
void l3f_put_wan_device(const struct igd *, unsigned n, struct wr *);
#define IGD_WAN_SERVICE_ID "urn:upnp-org:serviceId:WANIPConn1"

#endif
