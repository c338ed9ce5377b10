/* SPDX-License-Identifier: ISC */
/*
 * state.h - the small things kept in the state directory: who we are, and how
 * often we were started.
 *
 * Runs in: engine
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include <stdint.h>

/**
 * state_uuid - the base of our UUIDs: made once, by chance, and kept.
 * @dir_fd: the state directory
 * @configured: the operator's, as text; "" for our own
 * @ret: 16 bytes, a version 4 UUID (RFC 9562 5.4)
 *
 * Return: 0; -errno when it could not be kept (@ret is set all the same, and
 * another one comes at the next start)
 */
int state_uuid(int dir_fd, const char *configured, uint8_t ret[16]);

/**
 * state_boot_id - a BOOTID.UPNP.ORG above all that went before, by the wall
 * clock or, where that went backwards, by one. 31 bits (UDA 1.1 1.2.2).
 */
uint32_t state_boot_id(int dir_fd, int64_t wall_s);

#endif
