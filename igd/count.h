/* SPDX-License-Identifier: ISC */
/* count.h - requests that wait for the number of packets that a pinhole has let
 * in.
 * Runs in: engine */
#ifndef IGD_COUNT_H
#define IGD_COUNT_H

#include "igd/igd.h"

/**
 * count_ask - ask for the packets of w->counted, after those that wait already.
 * @w: its done() gets the number modulo 2^32; or, if w->working is set, 1, or 709
 *     if there was none
 *
 * Return: IGD_WAIT, or 501: nobody can be asked
 */
int count_ask(struct igd *, struct igd_wait *w);

/**
 * count_done - the answer to igd_ops.packets.
 * @packets: that the pinhole let in; read only if @err is NAT_OK
 *
 * Answers the request that waits for it, and asks for the next one.
 */
void count_done(struct igd *, enum nat_err err, uint64_t packets);

/** count_cancel - drop @w, if it waits for a count. Return: did it? */
bool count_cancel(struct igd *, const struct igd_wait *w);

#endif
