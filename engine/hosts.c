/* SPDX-License-Identifier: ISC */
/*
 * hosts.c - which addresses are one host's, by the kernel's neighbour table.
 *
 * Owns: the addresses that the kernel resolves for us, and a netlink socket
 * while there are any. The table changes often, so nobody listens otherwise.
 * Never does: keep what the table showed. It is asked for each request.
 * Runs in: engine
 */
#include <unistd.h>
#include "engine/hosts.h"
#include "sys/neigh.h"

static struct hosts_ask *find_ask(struct hosts *h, int ifindex, struct addr a)
{
	for (struct hosts_ask *k = h->ask; k < h->ask + MAP_ASKING_MAX; k++)
		if (k->ifindex == ifindex && addr_equal(k->addr, a))
			return k;
	return NULL;
}

static void stop_listening(struct hosts *h)
{
	if (h->netlink.fd < 0)
		return;
	loop_fd_del(h->loop, &h->netlink);
	close(h->netlink.fd);
	h->netlink.fd = -1;
}

/* Set the timer for the first ask that is due. */
static void set_timer(struct hosts *h)
{
	uint64_t now = loop_now_ms(h->loop), first = UINT64_MAX;

	for (size_t i = 0; i < MAP_ASKING_MAX; i++)
		if (h->ask[i].ifindex && h->ask[i].due_ms < first)
			first = h->ask[i].due_ms;
	if (first == UINT64_MAX) {
		loop_timer_del(h->loop, &h->due);
		stop_listening(h);
	} else {
		loop_timer_set(h->loop, &h->due, first > now ? first - now : 0);
	}
}

/* changed() calls hosts_same() for each request that waits. An ask that is over
 * stays for that, because without it, the address would be asked for again. */
static void tell(struct hosts *h)
{
	uint64_t now = loop_now_ms(h->loop);

	h->changed(h->arg);
	for (size_t i = 0; i < MAP_ASKING_MAX; i++)
		if (h->ask[i].due_ms <= now)
			h->ask[i] = (struct hosts_ask){ 0 };
	set_timer(h);
}

static void on_due(struct loop_timer *t)
{
	tell(LOOP_OWNER(t, struct hosts, due));
}

static void on_netlink(struct loop_fd *w, short revents)
{
	neigh_drain(w->fd);
	tell(LOOP_OWNER(w, struct hosts, netlink));
}

/* Listen first, so that no change is missed. Without the socket, the answer
 * comes when the time is over. */
static void listen_to_changes(struct hosts *h)
{
	int fd;

	if (h->netlink.fd >= 0)
		return;
	fd = neigh_open();
	if (fd < 0)
		return;
	loop_fd_init(&h->netlink, fd, on_netlink);
	if (!loop_fd_add(h->loop, &h->netlink, POLLIN))
		return;
	close(fd);
	h->netlink.fd = -1;
}

static size_t asks_for(const struct hosts *h, struct addr link)
{
	size_t n = 0;

	for (size_t i = 0; i < MAP_ASKING_MAX; i++)
		n += h->ask[i].ifindex && addr_equal(h->ask[i].by, link);
	return n;
}

/* @by: the link-layer address of the host that asks */
static enum map_same resolve(struct hosts *h, int ifindex, struct addr by,
			     struct addr a)
{
	struct hosts_ask *k = find_ask(h, ifindex, a);

	if (k)
		return loop_now_ms(h->loop) < k->due_ms ? MAP_ASKED :
							  MAP_OTHER;
	k = find_ask(h, 0, (struct addr){ 0 });
	if (!k || asks_for(h, by) >= HOSTS_ASKS_PER_HOST)
		return MAP_OTHER;
	*k = (struct hosts_ask){
		ifindex, a, by, loop_now_ms(h->loop) + HOSTS_RESOLVE_MS,
	};
	listen_to_changes(h);
	neigh_probe(ifindex, a);
	set_timer(h);
	return MAP_ASKED;
}

/* The address is resolved. Other requests may wait for it, and the kernel's
 * message may not have been read yet: the next turn tells them. */
static void end_ask(struct hosts *h, int ifindex, struct addr a)
{
	struct hosts_ask *k = find_ask(h, ifindex, a);

	if (!k)
		return;
	k->due_ms = loop_now_ms(h->loop);
	set_timer(h);
}

enum map_same hosts_same(struct hosts *h, int ifindex, struct addr requester,
			 struct addr other)
{
	struct addr a, b;

	if (!hosts_link(ifindex, requester, &a))
		return MAP_OTHER;
	if (!hosts_link(ifindex, other, &b))
		return resolve(h, ifindex, a, other);
	end_ask(h, ifindex, other);
	return addr_equal(a, b) ? MAP_SAME : MAP_OTHER;
}

/* Somebody on another interface may choose the same link-layer address, and
 * must not use up this host's share. */
static void put_ifindex(struct addr *link, int ifindex)
{
	const uint32_t n = (uint32_t)ifindex;

	for (unsigned i = 0; i < sizeof(n); i++)
		link->byte[sizeof(link->byte) - 1 - i] ^= (uint8_t)(n >> 8 * i);
}

bool hosts_link(int ifindex, struct addr a, struct addr *ret)
{
	if (!ifindex || neigh_find(ifindex, a, ret))
		return false;
	put_ifindex(ret, ifindex);
	return true;
}

void hosts_init(struct hosts *h, struct loop *loop)
{
	h->loop = loop;
	h->netlink.fd = -1;
	h->due.cb = on_due;
	for (size_t i = 0; i < MAP_ASKING_MAX; i++)
		h->ask[i] = (struct hosts_ask){ 0 };
}
