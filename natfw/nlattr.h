/* SPDX-License-Identifier: ISC */
/*
 * nlattr.h - reading netlink attributes that are nested in one another, as
 * nf_tables has them. Pure; the counterpart of nlmsg.h, which writes them.
 *
 * What is returned lies inside the message. The type of an attribute is
 * compared without the flag that marks a nest: kernels before 5.x do not set
 * it.
 */
#ifndef NATFW_NLATTR_H
#define NATFW_NLATTR_H

#include <stdbool.h>
#include <stdint.h>
#include "sys/netlink.h"
#include "base/str.h"

/** nlattr_bytes - the payload of one attribute. */
struct str nlattr_bytes(const struct rtattr *a);

/** nlattr_span - bytes as attributes, to go through them. */
struct nl_span nlattr_span(struct str bytes);

/** nlattr_get - the payload of the first attribute of @type; { NULL, 0 } if
 * there is none. */
struct str nlattr_get(struct nl_span s, unsigned type);

/** nlattr_name - the same for a text: without the NUL at its end. */
struct str nlattr_name(struct nl_span s, unsigned type);

/** nlattr_nest - the attributes in the first attribute of @type; none if there
 * is none. */
struct nl_span nlattr_nest(struct nl_span s, unsigned type);

/** nlattr_u32 - a number of four bytes, which nf_tables sends in network
 * order. Return: false, and @ret is unchanged: there is none of that size */
bool nlattr_u32(struct nl_span s, unsigned type, uint32_t *ret);

/** nlattr_u64 - the same for a number of eight bytes. */
bool nlattr_u64(struct nl_span s, unsigned type, uint64_t *ret);

#endif
