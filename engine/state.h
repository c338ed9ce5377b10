/* SPDX-License-Identifier: ISC */
/*
 * state.h - the UUID and the BOOTID, which are kept in the state directory.
 * Runs in: engine
 */
#ifndef ENGINE_STATE_H
#define ENGINE_STATE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * state_uuid - the base of the gateway's UUIDs: random, generated once and
 * stored.
 * @dir_fd: the state directory
 * @configured: the UUID of the configuration as text; "" without one
 * @ret: 16 bytes, a version 4 UUID (RFC 9562 5.4)
 *
 * Return: 0; -errno if it could not be stored (@ret is set, but the next start
 * has another UUID)
 */
int state_uuid(int dir_fd, const char *configured, uint8_t ret[16]);

/**
 * state_boot_id - a BOOTID.UPNP.ORG greater than all earlier ones: the wall
 * clock, or the last value plus one if the clock went backwards. 31 bits (UDA
 * 1.1 1.2.2).
 * @durable: wait until the disk has it
 * @ret_last: the values up to this one are reserved as well, and may be used
 *            without writing
 */
uint32_t state_boot_id(int dir_fd, int64_t wall_s, bool durable,
		       uint32_t *ret_last);

/**
 * state_nonce - the Mapping Nonce for a NAT in front of the router: random,
 * generated once and stored.
 * @ret: 12 bytes, always set
 *
 * Return: 0; -errno if it could not be stored
 */
int state_nonce(int dir_fd, uint8_t ret[12]);

#endif
