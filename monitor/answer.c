/* SPDX-License-Identifier: ISC */
/* answer.c - the monitor's answers to the engine. Runs in: monitor */
#include <errno.h>
#include <sys/socket.h>
#include "monitor/answer.h"

static int send_rep(int fd, const struct broker_rep *rep)
{
	if (send(fd, rep, sizeof(*rep), MSG_NOSIGNAL) == sizeof(*rep))
		return 0;
	return errno == EPIPE || errno == ECONNRESET ? -EPIPE : -EXFULL;
}

int answer_send(int fd, const struct broker_req *req, enum nat_err err,
		bool repaired)
{
	const struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = req->verb,
		.err = (int32_t)err, .id = req->id, .repaired = repaired,
	};

	return send_rep(fd, &rep);
}

int answer_synced(int fd, const struct broker_req *req, enum nat_err err,
		  enum nat_ip6 ip6)
{
	const struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = req->verb,
		.err = (int32_t)err, .ip6 = (uint16_t)ip6,
	};

	return send_rep(fd, &rep);
}

int answer_packets(int fd, const struct broker_req *req, struct natfw *fw)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = req->verb,
	};
	int err = -ENOENT;

	/* the engine is not trusted: a key is compared as a whole */
	if (nat_rule_sane(&req->rule))
		err = natfw_packets(fw, &req->rule, &rep.packets);
	if (err) {
		rep.err = err == -EOPNOTSUPP ? NAT_EKIND : NAT_EFAIL;
		rep.packets = 0;
	}
	return send_rep(fd, &rep);
}

int answer_flow(int fd, const struct broker_req *req, enum nat_err err,
		const struct flows *f)
{
	struct broker_rep rep = {
		.version = BROKER_VERSION, .verb = req->verb,
		.err = (int32_t)err, .rule = req->rule,
	};
	int rc;

	rep.rule.ext_port = 0;
	if (err == NAT_OK) {
		rc = flows_port(f, &req->rule, &rep.rule.ext_port);
		if (rc && rc != -ENOENT)
			rep.err = NAT_EFAIL;
	}
	return send_rep(fd, &rep);
}
