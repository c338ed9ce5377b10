/* SPDX-License-Identifier: ISC */
/* wanip2.h - the actions of WANIPConnection:2 that version 1 lacks.
 * Runs in: engine */
#ifndef IGD_WANIP2_H
#define IGD_WANIP2_H

#include "igd/model.h"

igd_action_fn wanip2_add_any, wanip2_delete_range, wanip2_get_list;

#endif
