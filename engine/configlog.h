/* SPDX-License-Identifier: ISC */
/*
 * configlog.h - the changes of the operator's mappings that a reload of the
 * file made, for the log of mappings (maplog.h). An engine that ends as
 * requested notes which of them were in force; its successor compares them with
 * those that it has. So what upnpctl has added or removed while the engine ran,
 * which has its line already, is no difference. After a crash nothing is noted,
 * and nothing reported.
 * Runs in: engine
 */
#ifndef ENGINE_CONFIGLOG_H
#define ENGINE_CONFIGLOG_H

#include "conf/conf.h"
#include "ipc/engine_kept.h"
#include "map/map.h"

/** configlog_note - note which mappings and pinholes of the operator's
 * configuration the tables have. */
void configlog_note(const struct map *, struct engine_kept *);

/**
 * configlog_report - report the differences to ops->changed of the map.
 * @c: the file as it is now; a mapping that it has, and the table has not, was
 *     refused, which is reported already
 * @kept: as configlog_note() left it; it is not trusted
 *
 * The comments are not noted, so a changed one is not reported, and a deleted
 * mapping is reported without. Call it after configured_restore().
 */
void configlog_report(const struct map *, const struct conf *c,
		      const struct engine_kept *kept);

#endif
