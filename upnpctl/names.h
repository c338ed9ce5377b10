/* SPDX-License-Identifier: ISC */
/*
 * names.h - the names of hosts, as /etc/hosts and the DHCP servers of a router
 * write them into files: dnsmasq, odhcpd, busybox's udhcpd. No DNS.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_NAMES_H
#define UPNPCTL_NAMES_H

#include <stddef.h>
#include <stdint.h>
#include "base/addr.h"
#include "base/str.h"

#define NAMES_NAME_MAX 63	/* RFC 1035 2.3.4: of a label */

struct names {
	struct names_host {
		struct addr addr;
		char name[NAMES_NAME_MAX + 1];
	} *v;
	size_t n, cap;
};

/** names_read - read the files that are there. Of several names of an address
 * the first one counts; /etc/hosts is read first. @ret: names_free() */
void names_read(struct names *ret);

/** names_of - the name of a host, or NULL. */
const char *names_of(const struct names *, struct addr);

/** names_free - free the memory and set it to { 0 }. */
void names_free(struct names *);

/*
 * Parsers of one file, which add what they find. What is not valid is left out:
 * a client chooses its name, so a name has only letters, digits, "-", "_" and
 * ".".
 */

/** names_add_hosts - hosts(5): "192.168.88.10 laptop.lan laptop". Of several
 * names the first one without a dot counts. odhcpd writes this format. */
void names_add_hosts(struct names *, struct str text);

/** names_add_leases - dnsmasq's leases: "1700000000 00:11:22:33:44:55
 * 192.168.88.10 laptop *". */
void names_add_leases(struct names *, struct str text);

/** names_add_udhcpd - the leases of busybox's udhcpd, which are binary: eight
 * bytes, then 36 for each lease, with the address from byte 4 and the name from
 * byte 14.
 * Source: busybox, networking/udhcp/dhcpd.h, struct dyn_lease */
void names_add_udhcpd(struct names *, struct str data);

#endif
