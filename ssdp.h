/* SPDX-License-Identifier: ISC */
/*
 * ssdp.h - discovery: NOTIFY and answers to M-SEARCH (UDA 1.1 section 1).
 *
 * Two sockets' worth of UDP: one bound to the group, which hears multicast
 * beside other programs on this machine, and one bound to each internal
 * address, which hears unicast searches and sends everything.
 */
#ifndef SSDP_H
#define SSDP_H

#include <net/if.h>
#include "base/loop.h"
#include "base/str.h"

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
	uint32_t config_id;
	unsigned notify_s;	/* notify-interval; max-age is twice that, at
				 * least SSDP_MAX_AGE_MIN_S */
	uint32_t (*rnd)(void);
	int64_t (*wall_s)(void);	/* for DATE */
};

struct ssdp_iface {
	char name[IF_NAMESIZE];
	int ifindex;
	uint32_t ip, mask;	/* host order */
};

struct ssdp;

/** ssdp_new - make it; silent until ssdp_ifaces(). Config is copied.
 * Return: owned by the caller (ssdp_free()), NULL without memory */
struct ssdp *ssdp_new(struct ev_loop *, const struct ssdp_config *);

/** ssdp_free - close everything without a word. NULL is fine. */
void ssdp_free(struct ssdp *);

/**
 * ssdp_ifaces - serve exactly these interfaces from now on.
 * @http_port: for LOCATION
 *
 * An interface that is new or has another address or index joins the group
 * again and is told of every target, twice; one that is gone gets byebye where
 * it still can be sent. Sockets are made by the process as it is: no privilege
 * is needed.
 *
 * Call it again when an interface that failed may be ready.
 *
 * Return: 0, or -errno of the first that failed (the others are served)
 */
int ssdp_ifaces(struct ssdp *, const struct ssdp_iface *, size_t n,
		uint16_t http_port);

/** ssdp_byebye - say byebye for every target on every interface, now, and
 * serve none of them from then on. */
void ssdp_byebye(struct ssdp *);

/* ---- the pure half: messages in and out ---------------------------- */

struct ssdp_search {
	char st[256];		/* as asked, NUL-terminated */
	bool all;		/* ssdp:all */
	unsigned mx;		/* 0: none given */
};

/**
 * ssdp_parse_search - is this datagram an M-SEARCH we may answer?
 *
 * MAN must be "ssdp:discover"; ST must be there. A missing MX is taken
 * (many clients), one above 5 is 5, one that is no number spoils the search.
 *
 * Return: false: be silent
 */
bool ssdp_parse_search(struct str datagram, struct ssdp_search *ret);

/**
 * ssdp_match - does target @t answer to @st? ret_st gets the ST of the answer:
 * as asked, or the target's own for ssdp:all. A urn of a lower version
 * matches, unless another root device in the config has just that version:
 * then that one alone answers. Where both have it (Layer3Forwarding:1), the
 * first one does: who looks for version 1 is not to be led to version 2.
 */
bool ssdp_match(const struct ssdp_config *, size_t target,
		const struct ssdp_search *, struct wr *ret_st);

/** ssdp_write_answer - the 200 OK to one target; @st as ssdp_match() gave. */
void ssdp_write_answer(struct wr *, const struct ssdp_config *, size_t target,
		       struct str st, uint32_t local_ip, uint16_t http_port);

/** ssdp_write_notify - NOTIFY alive or byebye of one target. */
void ssdp_write_notify(struct wr *, const struct ssdp_config *, size_t target,
		       bool alive, uint32_t local_ip, uint16_t http_port);

#endif
