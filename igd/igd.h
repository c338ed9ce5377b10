/* SPDX-License-Identifier: ISC */
/*
 * igd.h - what the UPnP services of the gateway share, and what they ask of
 * their owner.
 *
 * Everything below igd/ is pure: no descriptor, no clock. The engine sets what
 * it knows (struct igd_wan), passes the time, and does what struct igd_ops
 * asks. Mappings are the mapping core's (map/map.h); igd/ parses requests for
 * them and translates the answers.
 * Runs in: engine
 */
#ifndef IGD_IGD_H
#define IGD_IGD_H

#include "base/limits.h"
#include "base/str.h"
#include "base/wr.h"
#include "igd/model.h"
#include "map/map.h"

/* The external side as it is now. */
struct igd_wan {
	bool link_up;		/* IFF_UP and a carrier */
	bool admin_up;		/* IFF_UP */
	uint64_t since_ms;	/* when map->ext was set, for Uptime */
	uint64_t up_bps, down_bps;	/* 0 unknown */
};

struct igd_counters {
	uint64_t tx_bytes, rx_bytes, tx_packets, rx_packets;
};

/* One control point that waits. Embedded in the owner's (soap.c's) record of
 * the pending reply; done is set before the action runs. */
struct igd_wait {
	/* the answer: 0 or an enum upnp_err. @ext_port: what was mapped */
	void (*done)(struct igd_wait *, int err, uint16_t ext_port);
	struct map_wait map;	/* private from here on */
	struct igd *igd;
	uint8_t call;		/* enum upnp_call, for its error codes */
	uint8_t version;	/* of the service, for its error codes */
	int fail;		/* link.c: the code of a failure */
};

/* None of these may call back into igd_...(): answers come later. */
struct igd_ops {
	/* read the counters of the external interface; false: it has none */
	bool (*counters)(void *arg, struct igd_counters *ret);
	/* take the external link up or down; answered by link_done() */
	bool (*link)(void *arg, bool up);
};

struct igd {
	/* settings, by the owner before igd_init() */
	bool show_dummy;
	bool allow_link;	/* allow-disable-external-interface */
	bool list_all;		/* list-scope = all */
	const struct igd_ops *ops;
	void *ops_arg;
	const char *wan_uuid[3];	/* [n]: UDN "uuid:..." of root n's
					 * WANConnectionDevice; [0] unused */

	/* state that the owner keeps current */
	struct igd_wan wan;

	struct map *map;	/* as passed to igd_init(); to be read */

	/* private: link.c */
	bool link_busy, link_to_up;
	struct igd_wait *link_waits;	/* NULL: nobody */
};

/* One argument as it came in. */
struct igd_in {
	struct str s;		/* decoded text, as sent; the list's spelling
				 * where the variable has an allowedValueList */
	uint32_t u;		/* IGD_UI2, IGD_UI4, IGD_BOOL (0 or 1) */
};

struct igd_call;

/* One argument as it goes out: u by default, s where s.p is set. Where put is
 * set it writes the value itself, as XML and at once, and no more than fits. */
struct igd_out {
	struct str s;
	uint32_t u;
	void (*put)(const struct igd *, const struct igd_call *, struct wr *);
};

/* One action under way. Arguments are in the order of the model, in and out
 * counted apart. */
struct igd_call {
	const struct igd_service *svc;
	const struct igd_action *act;
	unsigned n;		/* root version */
	unsigned version;	/* of the service under that root */
	struct addr client;	/* the requester */
	struct addr local;	/* the router's address it asked */
	uint64_t now_ms;
	struct igd_in in[SOAP_ARGS_MAX];
	struct igd_out out[SOAP_ARGS_MAX];
	char text[128];		/* room for out strings the action writes:
				 * Layer3Forwarding's has 100 bytes */
	char desc[PM_DESC_MAX + 1];	/* and for a mapping's description */
	struct igd_wait *wait;	/* for an action that waits; else NULL */
};

/** igd_init - start with nobody waiting; allocates nothing. @map stays the
 * caller's. */
void igd_init(struct igd *, struct map *map);

/** igd_cancel - the control point has gone: forget @w, if it waits. The change
 * it asked for still happens. */
void igd_cancel(struct igd *, struct igd_wait *w);

/** igd_refused - report that @client did not get what it asked for. Not for
 * mappings, whose refusals the core reports. */
void igd_refused(struct igd *, enum refusal why, struct addr client);

/**
 * igd_read - write the current value of a variable of @svc, for events and
 * QueryStateVariable.
 * @n: root version
 *
 * Return: 0, 404 for one without a value of its own, or the action's error
 */
int igd_read(struct igd *, const struct igd_service *svc, unsigned n,
	     const struct igd_var *var, uint64_t now_ms, struct wr *);

#endif
