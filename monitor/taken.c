/* SPDX-License-Identifier: ISC */
/* taken.c - the ports that the router serves and the administrator forwards.
 * Runs in: monitor */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "base/wr.h"
#include "monitor/taken.h"

/* Sockets that share a port (SO_REUSEPORT): one for each processor is usual. */
#define HOLDERS_MAX 16

void taken_turn(struct taken *t)
{
	memset(&t->tcp, 0, sizeof(t->tcp));
	memset(&t->udp, 0, sizeof(t->udp));
}

/* Without an external address, only wildcard sockets count. */
static struct addr external(const struct taken *t)
{
	return addr_is_set(t->fw->env.ext) ? t->fw->env.ext : addr_ip4(0);
}

/* ---- the router's sockets ------------------------------------------------ */

/* Return: the socket's entry; NULL if there is no room for it */
static struct taken_socket *note_socket(struct taken *t, uint16_t port,
					uint64_t inode, uint64_t now_ms)
{
	struct taken_socket *s = t->socket;

	for (; s < t->socket + t->socket_n; s++)
		if (s->port == port && s->inode == inode)
			return s;
	if (t->socket_n == TAKEN_SOCKETS_MAX)
		return NULL;
	t->socket_n++;
	*s = (struct taken_socket){ inode, now_ms, port, true };
	return s;
}

static bool udp_stays(struct taken *t, uint16_t port, uint64_t now_ms)
{
	struct ports_holder h[HOLDERS_MAX];
	int n = ports_holders(IPPROTO_UDP, external(t), port, h, HOLDERS_MAX);
	struct taken_socket *s;
	bool stays = false;

	for (int i = 0; i < n; i++) {
		s = note_socket(t, port, h[i].inode, now_ms);
		if (!s)
			break;
		s->seen = true;
		stays |= now_ms - s->since_ms >= TAKEN_UDP_MS;
	}
	return stays;
}

/* Most turns have one mapping: then ask for one port, which is faster than to
 * read them all. Return: 1, 0, -errno */
static int is_served(struct taken *t, const struct nat_rule *rule)
{
	const bool tcp = rule->proto == IPPROTO_TCP;
	const uint8_t proto = tcp ? IPPROTO_TCP : IPPROTO_UDP;
	bool *asked = tcp ? &t->tcp.asked : &t->udp.asked;
	bool *was_read = tcp ? &t->tcp.read : &t->udp.read;
	const struct natfw_env *env = &t->fw->env;
	int ret;

	if (!*asked && !env->ext_master) {
		*asked = true;
		ret = ports_served(proto, external(t), (int)env->ext_index,
				   rule->ext_port);
		if (ret >= 0)
			return ret;
	}
	if (!*was_read) {
		ret = ports_listening(proto, external(t), &t->ports);
		if (ret)
			return ret;
		*was_read = true;
	}
	return ports_set(tcp ? t->ports.tcp : t->ports.udp, rule->ext_port);
}

/* ---- either -------------------------------------------------------------- */

enum nat_err taken_check(struct taken *t, const struct nat_rule *rule,
			 bool in_force, uint64_t now_ms, struct wr *why)
{
	int served;

	/* the port of another host */
	if (rule->kind == NAT_PINHOLE)
		return natfw_check(t->fw, rule, now_ms, why);
	served = is_served(t, rule);
	if (served < 0 && !in_force) {
		wr_z(why, strerror(-served));
		return NAT_EFAIL;
	}
	if (served > 0 && (!in_force || rule->proto == IPPROTO_TCP ||
			   udp_stays(t, rule->ext_port, now_ms)))
		return NAT_ECONFLICT;
	return natfw_check(t->fw, rule, now_ms, why);
}

/* ---- looks --------------------------------------------------------------- */

void taken_look_begin(struct taken *t)
{
	taken_turn(t);
	for (size_t i = 0; i < t->socket_n; i++)
		t->socket[i].seen = false;
}

void taken_look_end(struct taken *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->socket_n; i++)
		if (t->socket[i].seen)
			t->socket[n++] = t->socket[i];
	t->socket_n = n;
}

uint64_t taken_next_ms(const struct taken *t, uint64_t now_ms)
{
	uint64_t next_ms = UINT64_MAX, at_ms;

	for (size_t i = 0; i < t->socket_n; i++) {
		at_ms = t->socket[i].since_ms + TAKEN_UDP_MS;
		if (at_ms > now_ms && at_ms < next_ms)
			next_ms = at_ms;
	}
	return next_ms;
}
