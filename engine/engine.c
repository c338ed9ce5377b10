/* SPDX-License-Identifier: ISC */
/*
 * engine.c - the unprivileged process: connects the services to the loop.
 *
 * Owns: every byte from and to the network, the mapping table, the lease file.
 * Never does: change the firewall or a link; it asks the monitor
 * (brokerclient.h).
 * Invariant: a control point gets a success only after the monitor has reported
 * that the kernel holds the rule.
 * Runs in: engine
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "igd/count.h"
#include "igd/link.h"
#include "igd/peer.h"
#include "sys/jail.h"
#include "base/log.h"
#include "base/loop.h"
#include "sys/netif.h"
#include "sys/rnd.h"
#include "conf/confmapping.h"
#include "map/configured.h"
#include "engine/absent.h"
#include "engine/configlog.h"
#include "engine/ctlserver.h"
#include "engine/engine.h"
#include "engine/hosts.h"
#include "engine/ifwatch.h"
#include "engine/leases.h"
#include "engine/record.h"
#include "engine/brokerclient.h"
#include "engine/services.h"
#include "engine/uplink.h"

struct engine {
	struct conf conf;
	struct loop *loop;
	int dir_fd;
	struct leases_clock clock;	/* boot_id is constant */

	struct brokerclient brokerclient;	/* to the monitor */
	struct ifwatch ifwatch;

	struct portmap *pm;
	struct hosts hosts;
	struct absent absent;
	struct flowtimes flowtimes;	/* constant */
	struct leases lease_file;
	struct leases *leases;		/* NULL: there is no lease file */
	struct loop_timer tick, lease_tick;

	struct services services;
	struct uplink uplink;
	struct ctlserver *ctl;		/* NULL: there is no control socket */
	struct record record;
	struct map map;
	struct igd igd;
};

static int64_t wall_s(void)
{
	return time(NULL);
}

static const struct leases_clock *clock_now(void *arg)
{
	struct engine *e = arg;

	e->clock.mono_ms = loop_now_ms(e->loop);
	e->clock.wall_s = wall_s();
	return &e->clock;
}

/* ---- the monitor's answers ----------------------------------------------- */

static void schedule_tick(struct engine *e)
{
	uint64_t now = loop_now_ms(e->loop), next = map_tick(&e->map, now);

	if (next == UINT64_MAX)
		loop_timer_del(e->loop, &e->tick);
	else
		loop_timer_set(e->loop, &e->tick, next > now ? next - now : 0);
}

static void on_tick(struct loop_timer *t)
{
	schedule_tick(LOOP_OWNER(t, struct engine, tick));
}

static void on_mapping_done(void *arg, struct nat_op_id id, enum nat_err err)
{
	struct engine *e = arg;

	map_answer(&e->map, id, err, loop_now_ms(e->loop));
	schedule_tick(e);
}

/* GetFirewallStatus of WANIPv6FirewallControl */
static void set_ip6(struct engine *e, uint16_t ip6)
{
	if (ip6 == e->igd.wan.firewall6)
		return;
	e->igd.wan.firewall6 = ip6;
	services_mark_dirty(&e->services);
}

static void on_answer(void *arg, const struct broker_rep *rep)
{
	struct engine *e = arg;
	enum nat_err err = (enum nat_err)rep->err;

	switch (rep->verb) {
	case BROKER_SYNC_END:
		set_ip6(e, rep->ip6);
		ifwatch_synced(&e->ifwatch, err == NAT_OK);
		map_ask_again(&e->map);
		return;
	case BROKER_LINK_UP:
	case BROKER_LINK_DOWN:
		/* netlink reports the change as well, but perhaps after the
		 * control point has asked for the opposite */
		ifwatch_refresh(&e->ifwatch);
		link_done(&e->igd, err);
		e->record.kept->link_off = e->igd.link_off;
		services_mark_dirty(&e->services);
		return;
	case BROKER_PACKETS:
		count_done(&e->igd, err, rep->packets);
		return;
	case BROKER_FLOW:
		services_flow(&e->services, &rep->rule);
		return;
	case BROKER_VERIFY:
		ctlserver_verified(e->ctl, err == NAT_OK, rep->repaired);
		return;
	}
}

static void on_notice(void *arg, const struct broker_rep *rep)
{
	struct engine *e = arg;

	if (rep->verb == BROKER_TAKEN) {
		map_overruled(&e->map, &rep->rule);
		return;
	}
	set_ip6(e, rep->ip6);
	map_ask_again(&e->map);
}

static void on_lost(void *arg)
{
	struct engine *e = arg;

	loop_stop(e->loop);
}

/* ---- operations for the gateway and the mapping core ------------------- */

static bool op_counters(void *arg, struct igd_counters *ret)
{
	struct engine *e = arg;
	const struct ifstate_ext *x = ifstate_external(&e->ifwatch.ifstate);
	struct netif_counters c;

	if (!x->ifindex || netif_counters(x->ifindex, &c))
		return false;
	*ret = (struct igd_counters){ c.tx_bytes, c.rx_bytes, c.tx_packets,
				      c.rx_packets };
	return true;
}

static bool op_link(void *arg, bool up)
{
	struct engine *e = arg;

	brokerclient_link(&e->brokerclient, up);
	services_mark_dirty(&e->services);
	return true;
}

static bool op_packets(void *arg, const struct nat_rule *rule)
{
	struct engine *e = arg;

	brokerclient_packets(&e->brokerclient, rule);
	return true;
}

static uint32_t op_outbound_s(void *arg, uint8_t proto)
{
	return flowtimes_of(&((struct engine *)arg)->flowtimes, proto);
}

static void op_wake(void *arg)
{
	struct engine *e = arg;

	brokerclient_pump(&e->brokerclient);
}

/* Ignore errors: mappings work without the lease file, and leases.c reports a
 * fault once. */
static void lease_fault(int err)
{
	if (err)
		log_err("lease file: %s; mappings will not survive a restart",
			strerror(-err));
}

/* Let the lease file do what is due, now and later. */
static void lease_tick(struct engine *e)
{
	uint64_t now = loop_now_ms(e->loop), due;

	lease_fault(leases_tick(e->leases, clock_now(e)));
	due = leases_due_ms(e->leases);
	if (due == UINT64_MAX)
		loop_timer_del(e->loop, &e->lease_tick);
	else
		loop_timer_set(e->loop, &e->lease_tick,
			       due > now ? due - now : 0);
}

static void on_lease_tick(struct loop_timer *t)
{
	lease_tick(LOOP_OWNER(t, struct engine, lease_tick));
}

static void lease_result(struct engine *e, int err)
{
	lease_fault(err);
	lease_tick(e);
}

static void op_stored(void *arg, const struct pm_entry *m)
{
	struct engine *e = arg;

	/* a mapping of the configuration may replace one in the lease file */
	lease_result(e, m->configured ?
		     leases_del(e->leases, &m->rule) :
		     leases_set(e->leases, m, clock_now(e)));
	ctlserver_stored(e->ctl, m);
	uplink_refresh(&e->uplink, &m->rule);
	/* a change without an op has no answer, which would set the timer */
	loop_timer_set(e->loop, &e->tick, 0);
	e->record.kept->update_id = e->map.update_id;
	services_stored(&e->services, m);
}

static void op_gone(void *arg, const struct nat_rule *rule)
{
	struct engine *e = arg;

	e->record.kept->update_id = e->map.update_id;
	lease_result(e, leases_del(e->leases, rule));
	ctlserver_gone(e->ctl, rule);
	uplink_refresh(&e->uplink, rule);
	services_mark_dirty(&e->services);
}

static void op_refused(void *arg, const struct refused *r)
{
	struct engine *e = arg;
	const struct peer p = { &e->igd, r->ifindex, r->client };

	record_refused(&e->record, r, peer_share(&p));
}

static void op_changed(void *arg, const struct map_change *c)
{
	record_changed(&((struct engine *)arg)->record, c);
}

static uint32_t op_rnd(void *arg)
{
	return rnd_u32();
}

static enum map_same op_same_host(void *arg, int ifindex,
				  struct addr requester, struct addr client)
{
	struct engine *e = arg;

	return hosts_same(&e->hosts, ifindex, requester, client);
}

static bool op_host(void *arg, int ifindex, struct addr requester,
		    struct addr *ret_link)
{
	return hosts_link(ifindex, requester, ret_link);
}

static enum map_upstream op_upstream(void *arg, const struct pm_entry *m,
				     uint16_t *ret_port)
{
	return uplink_ask(&((struct engine *)arg)->uplink, m, ret_port);
}

static void on_uplink_changed(void *arg)
{
	ifwatch_refresh(&((struct engine *)arg)->ifwatch);
}

static void on_hosts_changed(void *arg)
{
	struct engine *e = arg;

	map_hosts_changed(&e->map, loop_now_ms(e->loop));
	schedule_tick(e);
}

static void on_absent(void *arg)
{
	schedule_tick(arg);
}

static const struct igd_ops igd_ops = {
	.counters = op_counters, .link = op_link,
	.packets = op_packets, .outbound_s = op_outbound_s,
};

static const struct map_ops map_ops = {
	.wake = op_wake, .stored = op_stored, .gone = op_gone,
	.refused = op_refused, .rnd = op_rnd, .changed = op_changed,
	.same_host = op_same_host, .host = op_host,
	.upstream = op_upstream,
};

/* ---- requests of the operator -------------------------------------------- */

static enum ctl_no_address why_no_address(const struct engine *e)
{
	const struct ifstate_ext *x = ifstate_external(&e->ifwatch.ifstate);

	if (!x->ifindex)
		return CTL_NO_INTERFACE;
	if (!x->up)
		return CTL_INTERFACE_DOWN;
	if (x->is_private && e->conf.refuse_private &&
	    !uplink_answers(&e->uplink))
		return CTL_ADDRESS_PRIVATE;
	if (!x->running)
		return CTL_NO_CARRIER;
	return addr_is_set(x->addr) ? CTL_ADDRESS_OK : CTL_NO_ADDRESS;
}

static void op_status(void *arg, struct ctl_status *ret)
{
	struct engine *e = arg;

	ret->ext = e->map.ext;
	ret->no_address = why_no_address(e);
	ret->ext_private = ifstate_external(&e->ifwatch.ifstate)->is_private;
	str_copy(ret->ext_if, sizeof(ret->ext_if),
		 str_z(ifstate_external(&e->ifwatch.ifstate)->name));
	record_status(&e->record, ret);
	services_status(&e->services, ret);
	uplink_status(&e->uplink, ret);
}

static void op_verify(void *arg)
{
	struct engine *e = arg;

	brokerclient_verify(&e->brokerclient);
}

/* ---- start --------------------------------------------------------------- */

static void lease_report(const struct leases_met *met)
{
	if (met->dropped)
		log_warn("lease file: %u lines are invalid and were ignored",
			 met->dropped);
	if (met->aside)
		log_warn("lease file: another version of upnpd wrote it; it is "
			 "now " LEASES_ASIDE " in state-dir, and not read");
	if (met->restored)
		log_warn("lease file: it is not complete, as after a power "
			 "failure; an earlier one is used");
	if (met->cut)
		log_warn("lease file: %u mappings lose fields that another "
			 "version of upnpd wrote", met->cut);
	if (met->old_err)
		log_err("lease file of an older upnpd: %s; \"leases\" in "
			"state-dir is not read", strerror(-met->old_err));
}

static int start_map(struct engine *e)
{
	struct map *m = &e->map;
	struct leases_met met;
	int err;

	e->pm = portmap_new(e->conf.max_mappings, e->conf.max_per_client);
	if (!e->pm)
		return -ENOMEM;
	m->max_lease_s = e->conf.max_lease;
	m->adds_per_s = e->conf.max_per_client > ADDS_PER_S_MIN ?
			e->conf.max_per_client : ADDS_PER_S_MIN;
	m->strict_nonce = e->conf.pcp_strict_nonce;
	m->ops = &map_ops;
	m->ops_arg = e;
	if (e->conf.ipv6 && e->conf.max_pinholes) {
		m->pinholes = portmap_new(e->conf.max_pinholes,
					  e->conf.max_per_client);
		if (!m->pinholes)
			return -ENOMEM;
	}
	map_init(m, e->pm);
	m->update_id = e->record.kept->update_id;
	e->hosts.changed = on_hosts_changed;
	e->hosts.arg = e;
	hosts_init(&e->hosts, e->loop);
	e->leases = leases_open(&e->lease_file, e->dir_fd,
				(struct portmap *const[NAT_KINDS]){
					[NAT_PORTMAP] = e->pm,
					[NAT_PINHOLE] = m->pinholes,
				}, clock_now(e), &met, &err);
	lease_fault(err);
	lease_report(&met);
	e->services.leases_whole = e->leases && met.whole;
	e->absent = (struct absent){
		.timeout_s = e->conf.absent_timeout, .map = m,
		.kept = e->record.kept, .gone = on_absent, .arg = e,
	};
	return absent_open(&e->absent, e->loop);
}

/* Enter the mappings of the configuration into the table, before the first
 * sync. */
static void restore_configured(struct engine *e)
{
	const struct conf *c = &e->conf;
	struct refused r = { .origin = ORIGIN_OPERATOR };

	for (size_t i = 0; i < c->mapping_n; i++) {
		const struct conf_mapping *m = &c->mapping[i];
		struct pm_req req = {
			.rule = confmapping_rule(m), .enabled = !m->disabled,
			.origin = ORIGIN_OPERATOR, .configured = true,
		};

		str_copy(req.desc, sizeof(req.desc),
			 str_z(confmapping_text(c, m)));
		r.why = configured_restore(&e->map, &req);
		r.rule = req.rule;
		r.line = m->line;
		if (r.why != REFUSAL_NONE)
			op_refused(e, &r);
	}
	if (e->record.reloaded)
		configlog_report(&e->map, c, e->record.kept);
}

static int start_services(struct engine *e)
{
	struct igd *g = &e->igd;

	g->show_dummy = e->conf.show_dummy_rule;
	g->allow_link = e->conf.allow_disable_external;
	g->list_all = e->conf.list_scope == CONF_LIST_ALL;
	g->ops = &igd_ops;
	g->ops_arg = e;
	igd_init(g, &e->map);
	e->services.loop = e->loop;
	e->services.conf = &e->conf;
	e->services.igd = g;
	e->services.brokerclient = &e->brokerclient;
	e->services.dir_fd = e->dir_fd;
	e->services.clock_now = clock_now;
	e->services.clock_arg = e;
	e->services.recent = &e->record.kept->recent;
	e->services.status = op_status;
	return services_open(&e->services);
}

/* The monitor sent it before this process was forked. */
static int read_conf(struct engine *e, int fd)
{
	ssize_t n = recv(fd, &e->conf, sizeof(e->conf), MSG_TRUNC);

	if (n < 0)
		return -errno;
	if (n < (ssize_t)offsetof(struct conf, mapping))
		return -EBADMSG;
	return (size_t)n == conf_size(&e->conf) ? 0 : -EBADMSG;
}

static int shut_jail(struct engine *e)
{
	int filter, err;

	/* not by open(): musl's makes a system call that the filter lacks */
	e->dir_fd = openat(AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->dir_fd < 0)
		return -errno;
	err = jail_shut(&filter);
	if (!err && filter)
		log_warn("no system call filter: %s; the other parts of the "
			 "jail are in force", filter == -ENOSYS ?
			 "the kernel has none" : "built without");
	return err;
}

static int start_uplink(struct engine *e)
{
	e->uplink.loop = e->loop;
	e->uplink.conf = &e->conf;
	e->uplink.map = &e->map;
	e->uplink.dir_fd = e->dir_fd;
	e->uplink.changed = on_uplink_changed;
	e->uplink.arg = e;
	return uplink_open(&e->uplink);
}

static int start(struct engine *e, const struct engine_start *s)
{
	struct ctlserver_ops ops = { op_status, op_verify, e, NULL };
	int err = shut_jail(e);

	if (err) {
		log_err("engine cannot close its jail: %s", strerror(-err));
		return err;
	}
	e->loop = loop_new(ENGINE_FDS_MAX, NULL);
	if (!e->loop)
		return -ENOMEM;
	e->record.conf = &e->conf;
	e->record.map = &e->map;
	e->record.loop = e->loop;
	err = record_open(&e->record, s->kept);
	if (err)
		return err;
	e->ifwatch.kept = e->record.kept;
	ops.recent = &e->record.kept->recent;
	err = start_map(e);
	if (!err)
		err = start_services(e);
	if (!err)
		err = start_uplink(e);
	if (!err && s->ctl_fd >= 0) {
		e->ctl = ctlserver_new(e->loop, s->ctl_fd, s->owner, &e->map,
				       &ops);
		err = e->ctl ? 0 : -ENOMEM;
	}
	e->brokerclient.table[NAT_PORTMAP] = (struct brokerclient_table){
		e->pm, on_mapping_done,
	};
	e->brokerclient.table[NAT_PINHOLE] = (struct brokerclient_table){
		e->map.pinholes, on_mapping_done,
	};
	e->tick.cb = on_tick;
	e->lease_tick.cb = on_lease_tick;
	e->ifwatch.conf = &e->conf;
	e->ifwatch.loop = e->loop;
	e->ifwatch.igd = &e->igd;
	e->ifwatch.brokerclient = &e->brokerclient;
	e->ifwatch.services = &e->services;
	e->ifwatch.uplink = &e->uplink;
	if (!err)
		err = ifwatch_open(&e->ifwatch);
	if (!err)
		err = brokerclient_open(&e->brokerclient, e->loop, s->chan_fd);
	return err;
}

int engine_run(const struct engine_start *s)
{
	static struct engine e;
	int err = read_conf(&e, s->chan_fd);

	memcpy(e.clock.boot_id, s->boot_id, sizeof(e.clock.boot_id));
	e.flowtimes = s->flowtimes;
	e.brokerclient = (struct brokerclient){
		.answer = on_answer, .notice = on_notice, .lost = on_lost,
		.arg = &e};
	signal(SIGPIPE, SIG_IGN);	/* -EPIPE, if the monitor has ended */
	signal(SIGXFSZ, SIG_IGN);	/* -EFBIG, at a file size limit */
	log_open(LOG_TO_PIPE, "upnpd", s->log_fd,
		 err ? LOG_INFO : (int)e.conf.log_level);
	if (!err)
		err = start(&e, s);
	if (!err) {
		restore_configured(&e);
		/* opens the sockets, and sends the table to the monitor */
		ifwatch_refresh(&e.ifwatch);
		schedule_tick(&e);
		lease_tick(&e);
		err = loop_run(e.loop);
		services_byebye(&e.services);
		configlog_note(&e.map, e.record.kept);
	}
	if (err)
		log_err("engine: %s", strerror(-err));
	record_close(&e.record);
	if (e.leases)
		lease_fault(leases_save(e.leases, clock_now(&e)));
	leases_close(e.leases);
	log_flush();
	return err ? 1 : 0;
}
