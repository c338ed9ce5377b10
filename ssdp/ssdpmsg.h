/* SPDX-License-Identifier: ISC */
/*
 * ssdpmsg.h - the messages of discovery: parse searches, write answers and
 * announcements. Pure. Runs in: engine
 */
#ifndef SSDP_SSDPMSG_H
#define SSDP_SSDPMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/str.h"
#include "base/wr.h"

#define SSDP_TARGETS_MAX 32	/* two roots with 11 each, and some spare */

/* A device, type or service that can be searched for. */
struct ssdp_target {
	const char *nt;		/* "upnp:rootdevice", "uuid:..." or
				 * "urn:schemas-upnp-org:device:X:" to which the
				 * version is added */
	unsigned version;	/* of a urn; 0: nt is complete */
	const char *udn;	/* "uuid:..." */
	const char *path;	/* of the description, "/igd1.xml" */
};

struct ssdp_config {
	const struct ssdp_target *target;	/* borrowed */
	size_t target_n;
	const char *server;	/* SERVER field, borrowed */
	uint32_t boot_id;	/* grows with each start */
	/* returns a greater BOOTID, which no later start uses again */
	uint32_t (*next_boot_id)(void *arg);
	/* a unicast search was dropped, because its sender is in none of the
	 * served networks; may be NULL */
	void (*outside)(void *arg, struct addr peer);
	/* by what a client's answers are limited, addr_share(); NULL: without
	 * its link-layer address */
	struct addr (*share)(void *arg, int ifindex, struct addr peer);
	void *arg;
	uint32_t config_id;
	unsigned notify_s;	/* notify-interval; max-age is twice that, at
				 * least SSDP_MAX_AGE_MIN_S */
	uint32_t (*rnd)(void);
	int64_t (*wall_s)(void);	/* for DATE */
};

struct ssdp_search {
	char st[256];		/* as received, NUL-terminated */
	bool all;		/* ssdp:all */
	unsigned mx;		/* 0: none given */
	bool newest;		/* the caller's: it came over IPv6, see
				 * ssdpmsg_match() */
};

/* What a NOTIFY says besides its target. */
struct ssdp_notify {
	const char *host;	/* the HOST field: the group that it is sent
				 * to, an IPv6 one in brackets */
	struct addr url_addr;	/* LOCATION has this address, */
	uint16_t http_port;	/* and this port */
};

/**
 * ssdpmsg_parse_search - parse a datagram that may be an M-SEARCH.
 *
 * MAN must be "ssdp:discover", with or without its quotes, and ST must be
 * present. The empty line at the end may be missing. MX may be missing (many
 * clients); more than 5 counts as 5; one that is not a number is an error.
 *
 * Return: false: not a valid search; send no answer
 */
bool ssdpmsg_parse_search(struct str datagram, struct ssdp_search *ret);

/**
 * ssdpmsg_match - does the target answer the search?
 * @target: index in the config
 * @ret_st: the ST of the answer: as received, or the target's own for ssdp:all
 *
 * A urn of a lower version matches, unless another root device has exactly that
 * version: then only that root answers. If both have it (Layer3Forwarding:1),
 * the first one answers, so that a search for version 1 does not lead to the
 * root of version 2.
 *
 * A search over IPv6 (@newest) is answered by the root of the highest version
 * alone, because only that one has pinholes: miniupnpc, by which most programs
 * open them, searches for version 1 and reads the description that it gets.
 */
bool ssdpmsg_match(const struct ssdp_config *, size_t target,
		const struct ssdp_search *, struct wr *ret_st);

/** ssdpmsg_write_answer - write the 200 OK for one target; @st: as
 * ssdpmsg_match() returned it; @url_addr, @http_port: for LOCATION. */
void ssdpmsg_write_answer(struct wr *, const struct ssdp_config *,
			  size_t target, struct str st, struct addr url_addr,
			  uint16_t http_port);

/** ssdpmsg_write_update - write the NOTIFY ssdp:update of one target: BOOTID
 * will be @next_boot_id (UDA 1.1 1.2.4). */
void ssdpmsg_write_update(struct wr *, const struct ssdp_config *,
			  size_t target, uint32_t next_boot_id,
			  const struct ssdp_notify *);

/** ssdpmsg_write_notify - write the NOTIFY ssdp:alive or ssdp:byebye of one
 * target. */
void ssdpmsg_write_notify(struct wr *, const struct ssdp_config *,
			  size_t target, bool alive,
			  const struct ssdp_notify *);

#endif
