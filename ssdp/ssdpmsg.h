/* SPDX-License-Identifier: ISC */
/*
 * ssdpmsg.h - the messages of discovery: what is asked, what is answered. Pure.
 *
 * Runs in: engine
 */
#ifndef SSDP_SSDPMSG_H
#define SSDP_SSDPMSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/str.h"
#include "base/wr.h"

#define SSDP_TARGETS_MAX 32	/* two roots with 11 each, and room */

/* One thing that can be searched for. */
struct ssdp_target {
	const char *nt;		/* "upnp:rootdevice", "uuid:..." or
				 * "urn:schemas-upnp-org:device:X:" to which the
				 * version is added */
	unsigned version;	/* of a urn; 0: nt is whole */
	const char *udn;	/* "uuid:..." */
	const char *path;	/* of the description, "/igd1.xml" */
};

struct ssdp_config {
	const struct ssdp_target *target;	/* borrowed */
	size_t target_n;
	const char *server;	/* SERVER field, borrowed */
	uint32_t boot_id;	/* grows with each start */
	/* a greater one, which no later start takes again */
	uint32_t (*next_boot_id)(void *arg);
	void *arg;
	uint32_t config_id;
	unsigned notify_s;	/* notify-interval; max-age is twice that, at
				 * least SSDP_MAX_AGE_MIN_S */
	uint32_t (*rnd)(void);
	int64_t (*wall_s)(void);	/* for DATE */
};

struct ssdp_search {
	char st[256];		/* as asked, NUL-terminated */
	bool all;		/* ssdp:all */
	unsigned mx;		/* 0: none given */
};

/**
 * ssdpmsg_parse_search - is this datagram an M-SEARCH we may answer?
 *
 * MAN must be "ssdp:discover"; ST must be there. A missing MX is taken
 * (many clients), one above 5 is 5, one that is no number spoils the search.
 *
 * Return: false: be silent
 */
bool ssdpmsg_parse_search(struct str datagram, struct ssdp_search *ret);

/**
 * ssdpmsg_match - does target @t answer to @st? ret_st gets the ST of the
 * answer: as asked, or the target's own for ssdp:all. A urn of a lower version
 * matches, unless another root device in the config has just that version:
 * then that one alone answers. Where both have it (Layer3Forwarding:1), the
 * first one does: who looks for version 1 is not to be led to version 2.
 */
bool ssdpmsg_match(const struct ssdp_config *, size_t target,
		const struct ssdp_search *, struct wr *ret_st);

/** ssdpmsg_write_answer - the 200 OK to one target; @st as ssdpmsg_match()
 * gave. */
void ssdpmsg_write_answer(struct wr *, const struct ssdp_config *,
			  size_t target, struct str st, uint32_t local_ip,
			  uint16_t http_port);

/** ssdpmsg_write_update - NOTIFY update of one target: BOOTID is to become
 * @next_boot_id. UDA 1.1 1.2.4 */
void ssdpmsg_write_update(struct wr *, const struct ssdp_config *,
			  size_t target, uint32_t next_boot_id,
			  uint32_t local_ip, uint16_t http_port);

/** ssdpmsg_write_notify - NOTIFY alive or byebye of one target. */
void ssdpmsg_write_notify(struct wr *, const struct ssdp_config *,
			  size_t target, bool alive, uint32_t local_ip,
			  uint16_t http_port);

#endif
