/* SPDX-License-Identifier: ISC */
/*
 * floor.c - a server that parses nothing: the highest rate that any server
 * reaches, and the memory of two processes that do nothing.
 *
 * It makes upnpd's system calls for a request: by TCP ppoll accept4 recvfrom
 * sendmsg close, by UDP ppoll recvmsg sendmsg with the source address. Any
 * request gets a reply of REPLY-BYTES, any datagram one of 12 bytes (NAT-PMP's
 * external address). As in upnpd, one process waits and its child serves, and
 * ppoll() gets as many descriptors.
 *
 * With MAP the child hands each request to the other process, and replies when
 * that one has added an element to this map of nf_tables, in a transaction
 * with acknowledgement: the highest rate of changes if the process that reads
 * the network must not make them.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#define CONNS_MAX	512
#define REPLY_MAX	2048
#define UDP_REPLY	12
#define OTHERS		5	/* descriptors of upnpd that are not ready */

enum { TCP, UDP, FIRST = UDP + 1 + OTHERS };

/* From FIRST on: connections, the first n of them. */
static struct pollfd place[FIRST + CONNS_MAX];
static size_t conns;
static char reply[REPLY_MAX], request[8192];
static size_t reply_len;
static struct sockaddr_in at = { .sin_family = AF_INET };
static int other = -1;		/* the socket to the other process */

static void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- the process that makes changes -------------------------------------- */

#define ASKED		60	/* bytes of upnpd's records */
#define ANSWERED	72
#define NEST(t)		((t) | NLA_F_NESTED)
#define TYPE(t)		(NFNL_SUBSYS_NFTABLES << 8 | (t))
#define SPAN(t, from)	((uint16_t)(sizeof(t) - offsetof(t, from)))

struct element {
	struct nlattr table;
	char table_name[4];
	struct nlattr map;
	char map_name[4];
	struct nlattr all, one, key, key_value;
	uint32_t key_words[2];
	struct nlattr data, data_value;
	uint32_t data_words[2];
};

struct transaction {
	struct nlmsghdr begin;
	struct nfgenmsg begin_of;
	struct nlmsghdr change;
	struct nfgenmsg change_of;
	struct element element;
	struct nlmsghdr end;
	struct nfgenmsg end_of;
};

static struct transaction transaction(const char *map)
{
	const uint32_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
	const struct nfgenmsg tables = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	struct transaction t = {
		.begin = { head, NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, 1, 0 },
		.begin_of = tables,
		.change = { head + sizeof(struct element),
			    TYPE(NFT_MSG_NEWSETELEM),
			    NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 2, 0 },
		.change_of = { .nfgen_family = AF_INET },
		.element = {
			.table = { NLA_HDRLEN + 4, NFTA_SET_ELEM_LIST_TABLE },
			.map = { NLA_HDRLEN + 4, NFTA_SET_ELEM_LIST_SET },
			.all = { SPAN(struct element, all),
				 NEST(NFTA_SET_ELEM_LIST_ELEMENTS) },
			.one = { SPAN(struct element, one),
				 NEST(NFTA_LIST_ELEM) },
			.key = { 2 * NLA_HDRLEN + 8, NEST(NFTA_SET_ELEM_KEY) },
			.key_value = { NLA_HDRLEN + 8, NFTA_DATA_VALUE },
			.data = { 2 * NLA_HDRLEN + 8, NEST(NFTA_SET_ELEM_DATA) },
			.data_value = { NLA_HDRLEN + 8, NFTA_DATA_VALUE },
		},
		.end = { head, NFNL_MSG_BATCH_END, NLM_F_REQUEST, 3, 0 },
		.end_of = tables,
	};

	snprintf(t.element.table_name, 4, "%s", map);
	snprintf(t.element.map_name, 4, "%s", map);
	return t;
}

static void __attribute__((noreturn)) make_changes(const char *map)
{
	const struct timespec wait = { .tv_sec = 60 };
	struct transaction t = transaction(map);
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
		char more[256];
	} answer;

	place[0].fd = other;
	for (;;) {
		if (ppoll(place, FIRST, &wait, NULL) < 0 ||
		    recv(other, request, sizeof(request), 0) <= 0)
			exit(1);
		t.element.key_words[0] = htonl(++t.change.nlmsg_seq);
		if (send(fd, &t, sizeof(t), 0) < 0 ||
		    recv(fd, &answer, sizeof(answer), 0) < 0 ||
		    answer.error.error)
			die("nf_tables");
		send(other, request, ANSWERED, MSG_NOSIGNAL);
	}
}

static void ask_for_change(void)
{
	struct pollfd p = { other, POLLIN, 0 };

	if (other < 0)
		return;
	if (send(other, request, ASKED, MSG_NOSIGNAL) != ASKED ||
	    poll(&p, 1, -1) != 1 || recv(other, request, ANSWERED, 0) <= 0)
		die("the other process");
}

/* ---- the process that serves --------------------------------------------- */

/* Return: true when the connection is closed */
static bool serve(int fd)
{
	struct iovec iov = { reply, reply_len };
	const struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recv(fd, request, sizeof(request), 0);

	if (n < 0)
		return false;
	if (n > 0) {
		ask_for_change();
		sendmsg(fd, &msg, MSG_NOSIGNAL);
	}
	close(fd);
	return true;
}

static bool take(void)
{
	int fd = accept4(place[TCP].fd, NULL, NULL,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0 && !serve(fd))
		place[FIRST + conns++] = (struct pollfd){ fd, POLLIN, 0 };
	return fd >= 0;
}

static void answer(int fd)
{
	const struct in_pktinfo info = { .ipi_spec_dst = at.sin_addr };
	_Alignas(struct cmsghdr) char control[64];
	struct sockaddr_storage peer;
	struct iovec iov = { request, sizeof(request) };
	struct msghdr m = {
		.msg_name = &peer, .msg_namelen = sizeof(peer),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;

	if (recvmsg(fd, &m, 0) < 0)
		return;
	ask_for_change();
	memset(request, 0, UDP_REPLY);
	request[1] = (char)128;
	iov.iov_len = UDP_REPLY;
	m.msg_controllen = CMSG_SPACE(sizeof(info));
	c = CMSG_FIRSTHDR(&m);
	*c = (struct cmsghdr){ CMSG_LEN(sizeof(info)), IPPROTO_IP,
			       IP_PKTINFO };
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	sendmsg(fd, &m, 0);
}

static void go_round(void)
{
	const struct timespec wait = { .tv_sec = 60 };

	if (ppoll(place, FIRST + conns, &wait, NULL) < 0)
		die("ppoll");
	if (place[UDP].revents)
		answer(place[UDP].fd);
	for (size_t i = conns; i-- > 0;)
		if (place[FIRST + i].revents && serve(place[FIRST + i].fd))
			place[FIRST + i] = place[FIRST + --conns];
	if (place[TCP].revents)
		while (conns < CONNS_MAX && take())
			;
}

static int open_at(int type, const char *port)
{
	const int on = 1;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) ||
	    (type == SOCK_STREAM && listen(fd, 1024)))
		die("bind");
	return fd;
}

/* A reply of @len bytes, head and body. */
static void write_reply(size_t len)
{
	int head = snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\n"
			    "Connection: close\r\nContent-Length: %06zu\r\n"
			    "\r\n", len);

	snprintf(reply, sizeof(reply), "HTTP/1.1 200 OK\r\nConnection: close"
		 "\r\nContent-Length: %06zu\r\n\r\n", len - (size_t)head);
	memset(reply + head, ' ', len - (size_t)head);
	reply_len = len;
}

int main(int argc, char **argv)
{
	pid_t child;
	int pair[2];

	if (argc < 5 || argc > 6 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 ||
	    atoi(argv[4]) < 100 || atoi(argv[4]) > REPLY_MAX) {
		fprintf(stderr, "usage: floor ADDR TCP-PORT UDP-PORT "
			"REPLY-BYTES [MAP]\n");
		return 2;
	}
	write_reply((size_t)atoi(argv[4]));
	for (size_t i = 0; i < FIRST; i++)
		place[i] = (struct pollfd){ socket(AF_INET, SOCK_DGRAM, 0),
					    POLLIN, 0 };
	place[TCP].fd = open_at(SOCK_STREAM, argv[2]);
	place[UDP].fd = open_at(SOCK_DGRAM, argv[3]);
	if (argc == 6 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		die("socketpair");
	child = fork();
	if (child < 0)
		die("fork");
	if (argc == 6)
		other = pair[child == 0];
	if (child) {
		if (argc == 6)
			make_changes(argv[5]);
		waitpid(child, NULL, 0);
		return 1;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	for (;;)
		go_round();
}
