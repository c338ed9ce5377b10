/* SPDX-License-Identifier: ISC */
/*
 * check.h - what the checks of "upnpctl check" share: what was looked up once,
 * and how a check says what it found.
 */
#ifndef UPNPCTL_CHECK_H
#define UPNPCTL_CHECK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "sys/netif.h"
#include "upnpctl/check_rules.h"
#include "upnpctl/cmd.h"
#include "conf/conf.h"

enum check_level { CHECK_OK, CHECK_WARNING, CHECK_PROBLEM };

/* Whose rules: those of nf_tables are read from the kernel, those of the
 * iptables command by its own tool. */
enum check_source {
	CHECK_NFT, CHECK_LEGACY, CHECK_XTNFT, CHECK_PLAIN, CHECK_SOURCES,
};

struct check {
	const struct cmd_env *env;
	const char *name;		/* of the check that runs */
	unsigned said;			/* findings of it so far */
	enum check_level worst;

	/* What was looked up. */
	bool have_conf;
	struct conf conf;		/* its defaults where it is wrong */
	const struct conf_iface *ext;	/* NULL: none */
	bool have_net;
	struct netif_table net;		/* link[i] is conf.iface[i]'s */
	struct check_rules_flow flow;	/* external side, inner networks */
	pid_t daemon;			/* its monitor; 0: none runs */
	char backend_run[32];		/* the one it uses; "" */
	int search[CONF_IFACES_MAX];	/* check_lan.c's sockets, or -1 */
	int64_t search_ms;		/* monotonic, when it went out */

	/* The rules that stand. */
	const char *backend;		/* that upnpd uses or would; NULL */
	int listed[CHECK_SOURCES];	/* 0: its rules are known, -ENOENT no
					 * such tool, or the kernel has no
					 * nf_tables; other -errno */
	char unseen[256];		/* why not all rules are known; "" */
	const char *remedy;		/* what to do then */
	struct check_rules rules[CHECK_SOURCES];
};

/**
 * check_report - one finding.
 * @fmt: as wr_fmt()'s; what was found and why it matters, for a warning or
 *       problem '\n' and what to do. Control characters become '?'.
 */
void check_report(struct check *, enum check_level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** check_report_ok - "ok", unless the check that runs has found something. */
void check_report_ok(struct check *, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** check_report_iface - the enabled interface of the configuration that has
 * this index now, or NULL. */
const struct conf_iface *check_report_iface(const struct check *, int ifindex);

/* The checks; check.c's table says what each needs. */
void check_conf_file(struct check *), check_conf_clock(struct check *),
	check_conf_state_dir(struct check *), check_conf_access(struct check *);
								/* _conf */
void check_daemon(struct check *);				/* _daemon */
void check_net_interfaces(struct check *), check_net_roles(struct check *),
	check_net_networks(struct check *), check_net_external(struct check *),
	check_net_forwarding(struct check *),
	check_net_multicast(struct check *);
/* _net */
void check_ports(struct check *);				/* _ports */
void check_firewall_backend(struct check *),
	check_firewall_kernel(struct check *),
	check_firewall_others(struct check *),
	check_firewall_masquerade(struct check *),
	check_firewall_forward(struct check *); /* _firewall */
void check_lan_gateways(struct check *);	/* _lan */

/** check_lan_search - ask the LAN for gateways now; check_lan_gateways() reads
 * the answers later. */
void check_lan_search(struct check *);

/* ---- pure parts, for the tests ------------------------------------------ */

/** check_conf_open - does some line let some client of the network in? */
bool check_conf_open(const struct policy_rule *, size_t n, uint32_t ip,
		uint32_t mask);

/* What kind of address the external one is. */
struct check_kind {
	uint32_t ip, mask;
	enum check_level level;
	const char *what;
};

/** check_net_kind_of - NULL: one that the Internet reaches. */
const struct check_kind *check_net_kind_of(uint32_t ip);

/**
 * check_lan_answer - an answer to the search: who is it?
 * @ret_server: printable, cut; "" where it does not say
 *
 * Return: false: it is no answer of an InternetGatewayDevice
 */
bool check_lan_answer(struct str datagram, char *ret_server, size_t cap);

/* ---- /proc and /sys ------------------------------------------------------ */

/** check_report_read - the first line of a small file, trimmed; false: it can
 * not be read. The path is as wr_fmt() makes it. */
bool check_report_read(char *buf, size_t cap, struct str *ret, const char *fmt,
		       ...) __attribute__((format(printf, 4, 5)));

/** check_report_number - the same where it is a number; -1 where it is none or
 * can not be read. */
int64_t check_report_number(const char *fmt, ...)
	__attribute__((format(printf, 1, 2)));

#endif
