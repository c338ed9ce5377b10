/* SPDX-License-Identifier: ISC */
/*
 * range.h - DeletePortMappingRange: many operations, one answer.
 *
 * Runs in: engine
 */
#ifndef IGD_RANGE_H
#define IGD_RANGE_H

#include "igd/igd.h"

/**
 * range_start - delete the mappings of an IGD_WAIT_RANGE: one op each, one
 * answer when all are done. One such deletion at a time: the next one waits.
 *
 * Return: 0, IGD_WAIT, 730 (none is there that the requester sees), 606 (only
 * others', with NewManage, and secure mode forbids that)
 * Source: WANIPConnection:2 2.5, DeletePortMappingRange
 */
int range_start(struct igd *, struct igd_wait *w);

/**
 * range_done - the op on @slot was answered: was it one of its?
 *
 * Return: who asked, when it was the last one and he still waits; he is off
 * the queue, and range_failed holds his result. Else NULL.
 */
struct igd_wait *range_done(struct igd *, uint16_t slot,
				enum nat_err err);

#endif
