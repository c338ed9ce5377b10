/* SPDX-License-Identifier: ISC */
/*
 * nlattr.h - reads nested netlink attributes, as nf_tables sends them. Pure;
 * the counterpart of nlmsg.h, which writes them.
 *
 * Results are slices of the message. The type of an attribute is compared
 * without the flag NLA_F_NESTED, because kernels before 5.x do not set it.
 * Runs in: any
 */
#ifndef NATFW_NLATTR_H
#define NATFW_NLATTR_H

#include <stdbool.h>
#include <stdint.h>
#include "sys/netlink.h"
#include "base/str.h"

/** nlattr_bytes - the payload of one attribute. */
struct str nlattr_bytes(const struct rtattr *a);

/** nlattr_span - treat bytes as a list of attributes. */
struct nl_span nlattr_span(struct str bytes);

/** nlattr_get - the payload of the first attribute of @type; { NULL, 0 } if
 * there is none. */
struct str nlattr_get(struct nl_span s, unsigned type);

/** nlattr_name - the same for a string, without the NUL at its end. */
struct str nlattr_name(struct nl_span s, unsigned type);

/** nlattr_nest - the attributes in the first attribute of @type; empty if there
 * is none. */
struct nl_span nlattr_nest(struct nl_span s, unsigned type);

/** nlattr_u32 - read a number of four bytes, which nf_tables sends in network
 * order. Return: false if there is none of that size; @ret is then unchanged */
bool nlattr_u32(struct nl_span s, unsigned type, uint32_t *ret);

/** nlattr_u64 - the same for a number of eight bytes. */
bool nlattr_u64(struct nl_span s, unsigned type, uint64_t *ret);

#endif
