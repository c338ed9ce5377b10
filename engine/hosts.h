/* SPDX-License-Identifier: ISC */
/*
 * hosts.h - which addresses are one host's, by the kernel's neighbour table.
 *
 * Two addresses are one host's if the table shows the same link-layer address
 * for both on the same interface. Hosts behind another router, or behind a
 * Wi-Fi repeater that hides its clients, share a link-layer address: they are
 * one host here. SECURITY.md states what that means.
 * Runs in: engine
 */
#ifndef ENGINE_HOSTS_H
#define ENGINE_HOSTS_H

#include "base/limits.h"
#include "base/loop.h"
#include "map/map.h"

/* An address that the kernel resolves. */
struct hosts_ask {
	int ifindex;		/* 0: a free place */
	struct addr addr, by;	/* by: the link-layer address of who asked */
	uint64_t due_ms;	/* until then; afterwards it is not known */
};

struct hosts {
	/* set by the owner before hosts_init(); @changed: hosts_same() may
	 * return something else now */
	void (*changed)(void *arg);
	void *arg;

	struct loop *loop;	/* private from here on */
	struct loop_fd netlink;	/* while the kernel is asked; fd -1: closed */
	struct loop_timer due;
	struct hosts_ask ask[MAP_ASKING_MAX];
};

/** hosts_init - start; opens nothing. */
void hosts_init(struct hosts *, struct loop *);

/**
 * hosts_same - are both addresses one host's, on that interface?
 *
 * If the table has no entry for @other that counts (neigh_find()), the kernel is
 * asked to resolve it. For HOSTS_RESOLVE_MS at most, the answer is MAP_ASKED;
 * not for more than HOSTS_ASKS_PER_HOST addresses at a time.
 * @requester has just sent something, so it is in the table.
 */
enum map_same hosts_same(struct hosts *, int ifindex, struct addr requester,
			 struct addr other);

/** hosts_link - the link-layer address of a host that has just sent something,
 * as a key: it is another one on each interface. Return: false: it is not in
 * the table */
bool hosts_link(int ifindex, struct addr a, struct addr *ret);

#endif
