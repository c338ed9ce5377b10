/* SPDX-License-Identifier: ISC */
/*
 * rogue.c - a compromised engine that talks to the real broker, with the real
 * policy, backend and kernel. test_jail.py and test_pinholes.py send the
 * requests.
 *
 * usage: rogue CONFIGURATION; as root. It reads lines:
 *
 *   set|del|rule PROTO EXT-PORT CLIENT INT-PORT REMOTE-OR-0.0.0.0
 *   set6|del6|rule6|packets PROTO CLIENT INT-PORT REMOTE-PORT REMOTE-OR-*
 *   look|end|up|down|VERB-NUMBER|short
 *
 * and writes the monitor's answer to each: an enum nat_err, "-" for a request
 * without an answer, "hung up" if the monitor closed the socket, "silent" if no
 * answer came in time. "packets" writes what the pinhole let in as well. A
 * child in the engine's jail, with its system call
 * filter, sends the requests.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/wr.h"
#include "sys/caps.h"
#include "sys/jail.h"
#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"
#include "monitor/broker.h"
#include "engine/brokerclient.h"

#define PATIENCE_S 20

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(3);
}

static bool get_port(struct str *line, uint16_t *ret)
{
	struct str f;
	uint32_t v;

	if (!str_cut(line, ' ', &f) || str_u32(f, 0, 65535, &v))
		return false;
	*ret = (uint16_t)v;
	return true;
}

static bool get_rule(struct str line, struct nat_rule *r)
{
	uint32_t client, remote;
	struct str f;

	r->kind = NAT_PORTMAP;
	if (!str_cut(&line, ' ', &f))
		return false;
	r->proto = str_eq(f, STR("udp")) ? IPPROTO_UDP : IPPROTO_TCP;
	if (!get_port(&line, &r->ext_port) || !str_cut(&line, ' ', &f) ||
	    !str_ipv4(f, &client) || !get_port(&line, &r->int_port) ||
	    !str_ipv4(line, &remote))
		return false;
	r->client = addr_ip4(client);
	r->remote = remote ? addr_ip4(remote) : addr_any();
	return true;
}

/* The number of a protocol; TCP if the name is not known. */
static uint8_t proto_of(struct str name)
{
	static const uint8_t protos[] = {
		IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP, IPPROTO_DCCP,
	};

	for (size_t i = 0; i < sizeof(protos); i++)
		if (str_eq(name, str_z(nat_rule_proto(protos[i]))))
			return protos[i];
	return IPPROTO_TCP;
}

static bool get_pinhole(struct str line, struct nat_rule *r)
{
	struct str f;

	r->kind = NAT_PINHOLE;
	if (!str_cut(&line, ' ', &f))
		return false;
	r->proto = proto_of(f);
	r->remote = addr_any();
	return str_cut(&line, ' ', &f) && addr_parse(f, &r->client) &&
	       get_port(&line, &r->int_port) &&
	       get_port(&line, &r->remote_port) &&
	       (str_eq(line, STR("*")) || addr_parse(line, &r->remote));
}

/* The five-tuple of a flow, from the client. */
static bool get_flow(struct str line, struct nat_rule *r)
{
	struct str f;

	r->kind = NAT_PORTMAP;
	if (!str_cut(&line, ' ', &f))
		return false;
	r->proto = proto_of(f);
	return str_cut(&line, ' ', &f) && addr_parse(f, &r->client) &&
	       get_port(&line, &r->int_port) && str_cut(&line, ' ', &f) &&
	       addr_parse(f, &r->remote) && get_port(&line, &r->remote_port);
}

static const struct {
	const char *name;
	uint32_t verb;
	bool (*rule)(struct str line, struct nat_rule *);
	bool answered;
} words[] = {
	{ "set", BROKER_SET, get_rule, true },
	{ "del", BROKER_DEL, get_rule, true },
	{ "rule", BROKER_SYNC_RULE, get_rule, false },
	{ "set6", BROKER_SET, get_pinhole, true },
	{ "del6", BROKER_DEL, get_pinhole, true },
	{ "rule6", BROKER_SYNC_RULE, get_pinhole, false },
	{ "packets", BROKER_PACKETS, get_pinhole, true },
	{ "flow", BROKER_FLOW, get_flow, true },
	{ "end", BROKER_SYNC_END, NULL, true },
	{ "look", BROKER_REFRESH, NULL, true },
	{ "up", BROKER_LINK_UP, NULL, true },
	{ "down", BROKER_LINK_DOWN, NULL, true },
};

static void tell_answer(int fd, uint32_t verb)
{
	struct broker_rep rep;
	char text[32];
	struct wr w = wr_init(text, sizeof(text));

	ssize_t n = recv(fd, &rep, sizeof(rep), 0);

	if (n != sizeof(rep)) {
		say(n < 0 && errno == EAGAIN ? "silent\n" : "hung up\n");
		_exit(0);
	}
	wr_fmt(&w, "%d", rep.err);
	if (verb == BROKER_PACKETS) {
		wr_ch(&w, ' ');
		wr_u64(&w, rep.packets);
	}
	if (verb == BROKER_FLOW)
		wr_fmt(&w, " %u", rep.rule.ext_port);
	wr_ch(&w, '\n');
	say(wr_cstr(&w));
}

/* Besides the words of the table, a number sends an unknown verb, and "short"
 * a record that is too short. */
static void ask(int fd, struct str line)
{
	struct broker_req req = { .version = BROKER_VERSION };
	size_t len = sizeof(req), i;
	bool answered = true;
	struct str word;

	str_cut(&line, ' ', &word);
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!str_eq(word, str_z(words[i].name)))
			continue;
		req.verb = words[i].verb;
		answered = words[i].answered;
		if (words[i].rule && !words[i].rule(line, &req.rule))
			_exit(4);
	}
	if (str_eq(word, STR("short"))) {
		req.verb = BROKER_REFRESH; /* valid except for its length */
		len--;
	} else if (!req.verb && str_u32(word, 0, UINT32_MAX, &req.verb))
		_exit(4);
	if (send(fd, &req, len, MSG_NOSIGNAL) < 0)
		say("hung up\n");
	else if (answered)
		tell_answer(fd, req.verb);
	else
		say("-\n");
}

static int engine(const struct conf *c, int fd, uid_t uid, gid_t gid)
{
	const struct jail j = { c->state_dir, uid, gid, 64 };
	struct str rest = { NULL, 0 }, line;
	static char buf[1024];
	int filter;
	ssize_t n;

	if (jail_enter(&j) || jail_shut(&filter))
		return 5;
	/* one line at a time: the test waits for its answer */
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		rest = (struct str){ buf, (size_t)n };
		if (str_cut(&rest, '\n', &line))
			ask(fd, line);
	}
	return 0;
}

/* Serve as the monitor does, until the engine hangs up or sends an invalid
 * record. */
static int monitor(struct broker *g, int fd)
{
	struct pollfd pfd = { fd, POLLIN };
	int err = 0;

	while (!err && (poll(&pfd, 1, -1) >= 0 || errno == EINTR))
		err = broker_serve(g, fd);
	return err;
}

int main(int argc, char **argv)
{
	const struct timeval patience = { PATIENCE_S, 0 };
	static struct broker broker;
	static struct conf conf;
	struct conf_error why;
	int chan[2];
	uid_t uid;
	gid_t gid;

	log_open(LOG_TO_STDERR, "rogue", -1, LOG_INFO);
	if (argc != 2 || conf_read(argv[1], &conf, &why) ||
	    jail_user(conf.user, &uid, &gid) < 0 ||
	    jail_dir(conf.state_dir, uid, gid) || broker_open(&broker, &conf) ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET, 0, chan))
		return 2;
	if (fork() == 0) {
		close(chan[1]);
		setsockopt(chan[0], SOL_SOCKET, SO_RCVTIMEO, &patience,
			   sizeof(patience));
		_exit(engine(&conf, chan[0], uid, gid));
	}
	close(chan[0]);
	if (caps_cut())
		return 2;
	fcntl(chan[1], F_SETFL, O_NONBLOCK);
	monitor(&broker, chan[1]);
	close(chan[1]);
	broker_close(&broker);
	return wait(NULL) < 0;
}
