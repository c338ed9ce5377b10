/* SPDX-License-Identifier: ISC */
/*
 * conntrack_ask.c - finds the external port of a tracked flow.
 *
 * The kernel finds an entry by either of its tuples. That of the packets from
 * the client to the remote host is the first one if the client began the flow,
 * and the second one if the flow came in through a mapping.
 * Runs in: monitor
 */
#include <errno.h>
#include <netinet/in.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include "sys/conntrack.h"
#include "sys/ctmsg.h"

struct asking {
	const struct conntrack_port *about;
	uint16_t port;		/* 0: not found */
};

static void on_entry(void *arg, const struct nlmsghdr *h)
{
	struct asking *to = arg;
	const struct conntrack_port *p = to->about;
	struct conntrack_flow f;

	if (!conntrack_read(h, &f) || f.proto != p->proto)
		return;
	if (f.src == p->client && f.src_port == p->int_port) {
		if (f.reply_dst == p->ext_ip)
			to->port = f.reply_dst_port;
	} else if (f.reply_src == p->client && f.reply_port == p->int_port) {
		if (f.dst == p->ext_ip)
			to->port = f.dst_port;
	}
}

int conntrack_ask(const struct conntrack_port *p, uint16_t *ret)
{
	struct asking to = { .about = p };
	const struct {
		struct nlmsghdr head;
		struct nfgenmsg about;
		struct ctmsg_tuple tuple;
	} req = {
		.head = { sizeof(req), NFNL_SUBSYS_CTNETLINK << 8 |
			  IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_ACK, 0, 0 },
		.about.nfgen_family = AF_INET,
		.tuple = ctmsg_tuple_of(CTA_TUPLE_ORIG, p->client, p->remote,
					 p->proto, p->int_port,
					 p->remote_port),
	};
	int rc = netlink_ask(NETLINK_NETFILTER, &req.head, on_entry, &to);

	if (rc)
		return rc;
	if (!to.port)
		return -ENOENT;
	*ret = to.port;
	return 0;
}
