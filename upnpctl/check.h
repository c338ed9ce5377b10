/* SPDX-License-Identifier: ISC */
/*
 * check.h - shared by the checks of "upnpctl check": state that is read once,
 * and the functions that report findings. Runs in: upnpctl
 */
#ifndef UPNPCTL_CHECK_H
#define UPNPCTL_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "conf/conf.h"
#include "ipc/ctlmsg.h"
#include "natfw.h"
#include "natfw/place.h"
#include "natfw/ruleset.h"
#include "natfw/walk.h"
#include "sys/netif.h"
#include "upnpctl/cmd.h"
#include "upnpctl/externals.h"
#include "upnpctl/mappings.h"

/* A danger to the network is a warning as well. The exit status is that of the
 * worst finding. */
enum check_level { CHECK_OK, CHECK_WARNING, CHECK_PROBLEM, CHECK_LEVELS };

struct check {
	const struct cmd_env *env;
	const char *name;		/* of the check that runs */
	unsigned reported;		/* its findings so far */
	enum check_level worst;
	unsigned count[CHECK_LEVELS];	/* findings of all checks */

	/* State that was read once. */
	bool have_conf;
	struct conf conf;		/* the defaults if it has errors */
	const struct conf_iface *ext;	/* the active external one; NULL: none */
	struct externals externals;	/* all of them */
	bool have_net;
	struct netif_table net;		/* link[i] is conf.iface[i]'s */
	struct natfw_env fw;		/* external side, internal networks of
					 * IPv4, as the monitor reads them */
	struct natfw_env fw6;		/* the same with the internal prefixes
					 * of IPv6; none with ipv6 = no */
	pid_t daemon;			/* pid of the monitor; 0: none runs */
	bool serving;			/* it serves with this configuration */
	char backend_run[32];		/* backend of the daemon; "" */
	struct ctl_status status;	/* of the engine; all zero: not known */
	uint16_t http_port;		/* where it listens, or else would
					 * listen; 0: not known yet */
	struct mappings all;		/* of the engine, if have_all */
	bool have_all;
	/* check_lan.c's sockets, or -1. */
	int search[CONF_IFACES_MAX];	/* the search is sent from it */
	int seen[CONF_IFACES_MAX];	/* receives before the firewall */
	int64_t search_ms;		/* monotonic, when it was sent */

	/* The firewall. */
	const char *backend;		/* the one that upnpd uses or would use
					 * to translate; NULL: not known */
	struct ruleset *rules;		/* NULL: they could not be read */
	char unread[256];		/* why some were not read; "" */
	char remedy[100];		/* what to do in that case */
	struct places places;		/* where upnpd's accepts belong */
	struct places places6;		/* those of pinholes */
};

/**
 * check_report - print one finding.
 * @fmt: as for wr_fmt(): what was found and why it matters; for a warning or
 *       problem followed by '\n' and what to do. Control characters become
 *       '?'.
 */
void check_report(struct check *, enum check_level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** check_report_ok - print an "ok" finding, unless the running check has
 * reported a finding already. */
void check_report_ok(struct check *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** check_report_counts - print the last line: how many findings there are of
 * each level. */
void check_report_counts(const struct check *);

/** check_report_iface - the enabled interface of the configuration that has
 * this index now, or NULL. */
const struct conf_iface *check_report_iface(const struct check *, int ifindex);

/** check_report_prefixes - does an internal network have an IPv6 prefix that
 * can be reached from the Internet: neither unique local nor link-local? */
bool check_report_prefixes(const struct check *);

/** check_report_only_ip6 - do the internal networks have IPv6, and none IPv4?
 * Then no mapping is possible or needed. */
bool check_report_only_ip6(const struct check *);

/* The checks; the table in check.c lists the needs of each. */
void check_conf_file(struct check *), check_conf_clock(struct check *),
	check_conf_state_dir(struct check *), check_conf_access(struct check *),
	check_conf_dangers(struct check *);
/* _conf */
void check_daemon(struct check *);				/* _daemon */
void check_externals(struct check *);				/* _externals */
void check_mappings(struct check *);				/* _mappings */
void check_net_interfaces(struct check *), check_net_roles(struct check *),
	check_net_networks(struct check *), check_net_external(struct check *),
	check_net_forwarding(struct check *),
	check_net_multicast(struct check *);
/* _net */
void check_ipv6(struct check *);		/* _ipv6 */
void check_ports(struct check *);				/* _ports */
void check_firewall_backend(struct check *),
	check_firewall_kernel(struct check *),
	check_firewall_others(struct check *),
	check_firewall_masquerade(struct check *);
/* _firewall */
void check_forward(struct check *), check_forward_pinholes(struct check *);
/* _forward */
void check_taken(struct check *);		/* _taken */
void check_input(struct check *);		/* _input */
void check_lan_gateways(struct check *);	/* _lan */

/** check_lan_search - send an M-SEARCH for gateways to the LAN;
 * check_lan_gateways() reads the answers later. */
void check_lan_search(struct check *);

/** check_firewall_name - the name of that kind of rules for the operator. */
const char *check_firewall_name(enum ruleset_kind kind);

/** check_firewall_unread - warn that @result may be wrong, if some rules were
 * not read. */
void check_firewall_unread(struct check *c, const char *result);

/**
 * check_ports_put - write the ports that upnpd serves or would serve: "UDP port
 * 1900, TCP port 2828 and UDP port 5351".
 * @any: the words for the port of HTTP if that is any; NULL: it is left out
 *
 * Return: their number
 */
size_t check_ports_put(const struct check *, const char *any, struct wr *);

/** check_report_process - write the name of a process: "sshd (process 5)".
 * @pid: 0: a program that this user may not see */
void check_report_process(struct wr *, uint32_t pid);

/* ---- pure parts, for the tests ------------------------------------------ */

/** check_conf_open - may any client of the network open any port? */
bool check_conf_open(const struct policy_rule *, size_t n,
		     const struct addr_net *net);

/* A range of addresses that cannot be reached from the Internet. */
struct check_kind {
	uint32_t ip;
	uint8_t bits;
	enum check_level level;
	const char *what;
};

/** check_net_kind_of - the range that @a is in. NULL: a public address. */
const struct check_kind *check_net_kind_of(struct addr a);

/**
 * check_lan_answer - parse an answer to the search.
 * @ret_server: the SERVER field, printable, cut to @cap; "" without one
 *
 * Return: false: not an answer of an InternetGatewayDevice
 */
bool check_lan_answer(struct str datagram, char *ret_server, size_t cap);

/**
 * check_lan_packet - find the UDP datagram in an IPv4 packet that is no later
 * fragment.
 * @ret_datagram: without the UDP header; a part of @packet
 *
 * Return: false: it is too short
 */
bool check_lan_packet(struct str packet, struct addr *ret_from,
		      struct str *ret_datagram);

/* ---- /proc and /sys ------------------------------------------------------ */

/** check_report_read - read the first line of a small file. The path is
 * formatted by wr_fmt(). Return: false: the file cannot be read */
bool check_report_read(char *buf, size_t cap, struct str *ret, const char *fmt,
		       ...) __attribute__((format(printf, 4, 5)));

/** check_report_number - read a small file that holds one number. Return: -1:
 * it cannot be read or is not a number */
int64_t check_report_number(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#endif
