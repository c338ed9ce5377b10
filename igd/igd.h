/* SPDX-License-Identifier: ISC */
/*
 * igd.h - the state and the functions that the gateway's UPnP services share,
 * and the operations that they need from their owner.
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
	bool ip6;		/* hosts have global IPv6 addresses */
	uint64_t since_ms;	/* for Uptime: when map->ext was set, or the
				 * connection began without one */
	uint16_t firewall6;	/* enum nat_ip6 */
	uint64_t up_bps, down_bps;	/* 0 unknown */
};

struct igd_counters {
	uint64_t tx_bytes, rx_bytes, tx_packets, rx_packets;
};

/* A control point that waits for its answer. Embedded in the owner's (soap.c's)
 * record of the pending reply; done is set before the action runs. */
struct igd_wait {
	/* @err: 0 or an enum upnp_err. @value: of the action's out argument:
	 * the port that was mapped, a pinhole's UniqueID, a count */
	void (*done)(struct igd_wait *, int err, uint32_t value);
	struct map_wait map;	/* private from here on */
	struct igd *igd;
	uint8_t call;		/* enum upnp_call, for its error codes */
	uint8_t version;	/* of the service, for its error codes */
	int fail;		/* link.c: the error code if the change fails */
	struct igd_wait *count_next;	/* count.c: the next that waits */
	struct nat_rule counted;	/* whose packets */
	bool working;		/* is one enough? */
};

/** igd_wait_of - the record that embeds @map. Source: struct map_wait.done */
static inline struct igd_wait *igd_wait_of(struct map_wait *map)
{
	return (struct igd_wait *)((char *)map -
				   offsetof(struct igd_wait, map));
}

/* None of these may call back into igd_...(): answers come later. */
struct igd_ops {
	/* read the counters of the external interface; false: it has none */
	bool (*counters)(void *arg, struct igd_counters *ret);
	/* take the external link up or down; answered by link_done() */
	bool (*link)(void *arg, bool up);
	/* ask how many packets this pinhole has let in; answered by
	 * count_done(). Called again only after the answer */
	bool (*packets)(void *arg, const struct nat_rule *);
	/* the seconds after which an idle flow of this IPPROTO_ ends; 0: not
	 * known. NULL: never known */
	uint32_t (*outbound_s)(void *arg, uint8_t proto);
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

	uint64_t dummy_from_ms;	/* the dummy mapping is hidden before, because
				 * a client deleted it */

	/* private: link.c */
	bool link_busy, link_to_up;
	bool link_off;		/* a control point has taken it down */
	bool internet_off;	/* EnabledForInternet is 0 */
	bool link_sets_internet;	/* the change in progress sets it */
	struct igd_wait *link_waits;	/* NULL: nobody */

	/* private: count.c */
	struct igd_wait *count_waits;	/* in order; the first was asked for */
	bool count_busy;		/* an answer is to come */
	bool count_lost;		/* nobody waits for that answer */
};

/* One in argument. */
struct igd_in {
	struct str s;		/* decoded text, as sent; if the variable has an
				 * allowedValueList, in the list's spelling */
	uint32_t u;		/* IGD_UI2, IGD_UI4, IGD_BOOL (0 or 1) */
};

/* One out argument: u by default, s if s.p is set. If list is set, the value is
 * igd_call.list, which may be too long for a buffer. */
struct igd_out {
	struct str s;
	uint32_t u;
	bool list;
};

/* A list of mappings that is written in pieces (wanip2.h), and how far it is.
 * Its times are those of its first piece. */
struct igd_list {
	uint64_t now_ms;
	uint64_t last_seq;	/* later mappings are left out */
	struct addr client;	/* whose mappings; ADDR_ANY: everybody's */
	uint32_t left;		/* mappings that may be listed */
	uint32_t port;		/* pm_entry.told_port: the order of the list */
	uint16_t end;		/* the last port */
	uint16_t slot;		/* on that port; PM_NONE before the first */
	uint16_t gen;		/* of its entry */
	uint8_t proto;
};

/* One call of an action. in[] and out[] are in the order of the model; each is
 * numbered from 0. */
struct igd_call {
	const struct igd_service *svc;
	const struct igd_action *act;
	unsigned n;		/* root version */
	unsigned version;	/* of the service under that root */
	struct addr client;	/* the requester */
	struct addr local;	/* the router's address that it used */
	int ifindex;		/* the interface of @local; 0: not known */
	uint64_t now_ms;
	struct igd_in in[SOAP_ARGS_MAX];
	struct igd_out out[SOAP_ARGS_MAX];
	struct igd_list list;	/* value of the argument that is a list */
	char text[128];		/* buffer for out strings; the longest, of
				 * Layer3Forwarding, has 100 bytes */
	char desc[PM_DESC_MAX + 1];	/* buffer for a mapping's description */
	struct igd_wait *wait;	/* NULL if the action never waits */
};

/** igd_init - start without waiting requests; allocates nothing. @map stays the
 * caller's. */
void igd_init(struct igd *, struct map *map);

/** igd_cancel - drop @w, if it waits, because its control point has
 * disconnected. The change that it requested still happens. */
void igd_cancel(struct igd *, struct igd_wait *w);

/** igd_refused - report that a request of @client was refused. Not for requests
 * for mappings: the mapping core reports those. */
void igd_refused(struct igd *, enum refusal why, struct addr client);

/**
 * igd_read - write the current value of a variable of @svc, for events and
 * QueryStateVariable.
 * @n: root version
 *
 * Return: 0, 404 if the variable has no value of its own, or the action's error
 */
int igd_read(struct igd *, const struct igd_service *svc, unsigned n,
	     const struct igd_var *var, uint64_t now_ms, struct wr *);

#endif
