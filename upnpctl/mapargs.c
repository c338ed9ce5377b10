/* SPDX-License-Identifier: ISC */
/*
 * mapargs.c - the options of a mapping in the arguments of a command.
 * Runs in: upnpctl
 */
#include "base/wr.h"
#include "conf/confmapping.h"
#include "upnpctl/mapargs.h"
#include "upnpctl/maptext.h"
#include "upnpctl/options.h"

enum { PROTOCOL, EXT_PORT, TO, REMOTE, LEASE, DISABLED, COMMENT, OPTIONS };

static const struct {
	const char *key, *accepts;
	bool needed;
} options[OPTIONS] = {
	[PROTOCOL] = { "protocol", "tcp or udp; to an IPv6 address also dccp, "
		       "sctp or udplite", true },
	[EXT_PORT] = { "external-port", "a port, 1 to 65535; not needed to an "
		       "IPv6 address" },
	[TO] = { "to", "a host of the LAN and a port, such as "
		 "192.168.88.10:80 or [2001:db8::5]:8080", true },
	[REMOTE] = { "remote-host", "the address of one host, which a port may "
		     "follow, such as 203.0.113.5:3478, or nothing for all" },
	[LEASE] = { "lease", "seconds or a time such as 1d2h, 1w at most; 0 "
		    "for ever" },
	[DISABLED] = { "disabled", "yes or no" },
	[COMMENT] = { "comment", "up to 256 bytes of UTF-8 without control "
		      "characters" },
};

_Static_assert(PM_DESC_MAX == 256 && PM_LEASE_MAX_S == 604800,
	       "the texts above name these values");

/* Is it an address that a host has, whatever the interface? */
static bool is_host(struct addr a)
{
	return addr_is_host(a) && !addr_is_link_local(a);
}

/* Parse the value of options[@i]. */
static bool parse_value(struct ctl_req *r, size_t i, struct str v)
{
	bool yes, parsed;

	switch (i) {
	case PROTOCOL:
		return maptext_read_proto(v, &r->rule.proto);
	case EXT_PORT:
		return maptext_read_port(v, &r->rule.ext_port);
	case TO:
		return maptext_read_to(v, &r->rule.client,
				       &r->rule.int_port) &&
		       is_host(r->rule.client);
	case REMOTE:
		r->rule.remote = addr_any();
		r->rule.remote_port = 0;
		return v.n == 0 ||
		       (confmapping_read_remote(v, &r->rule.remote,
						&r->rule.remote_port) &&
			is_host(r->rule.remote));
	case LEASE:
		return maptext_read_time(v, &r->lease_s) == 0;
	case DISABLED:
		yes = false;
		parsed = maptext_read_bool(v, &yes);
		r->disabled = yes;
		return parsed;
	}
	return maptext_read_desc(v, r->desc);
}

/* Parse "key=value" or "!key". */
static int read_option(struct ctl_req *req, struct str arg, unsigned *seen)
{
	const bool unset = str_starts(arg, STR("!"));
	struct str key = str_skip(arg, unset), value = STR("");
	size_t i = 0;
	bool is_set = options_split(key, &key, &value);

	while (i < OPTIONS && !str_eq(key, str_z(options[i].key)))
		i++;
	if (i == OPTIONS || is_set == unset)
		return cmd_fail(CMD_USAGE, "a mapping has protocol=, "
				"external-port=, to=, remote-host=, lease=, "
				"disabled=, comment=, not \"%.*s\"",
				STR_F(arg));
	*seen |= 1u << i;
	if (unset && i == DISABLED)
		value = STR("no");
	if (parse_value(req, i, value))
		return CMD_OK;
	return cmd_fail(CMD_USAGE, "%s is \"%.*s\"; it takes %s",
			options[i].key, STR_F(value), options[i].accepts);
}

/* To an IPv6 address it is a pinhole, which has one port. */
static int complete_rule(struct nat_rule *r)
{
	bool pinhole = r->client.family == ADDR_IP6;

	if (!pinhole && !r->ext_port)
		return cmd_fail(CMD_USAGE, "external-port is missing; it takes "
				"%s", options[EXT_PORT].accepts);
	if (pinhole && r->ext_port && r->ext_port != r->int_port)
		return cmd_fail(CMD_USAGE, "external-port is %u, and the port "
				"of to= is %u; IPv6 translates no port: leave "
				"external-port out", (unsigned)r->ext_port,
				(unsigned)r->int_port);
	if (addr_is_set(r->remote) && r->remote.family != r->client.family)
		return cmd_fail(CMD_USAGE, "remote-host is not of the same "
				"family as to=; write an %s address",
				pinhole ? "IPv6" : "IPv4");
	r->kind = pinhole ? NAT_PINHOLE : NAT_PORTMAP;
	if (pinhole)
		r->ext_port = 0;
	if (nat_rule_has_proto(r->kind, r->proto))
		return CMD_OK;
	return cmd_fail(CMD_USAGE, "protocol %s is for IPv6 only; it takes tcp "
			"or udp", nat_rule_proto(r->proto));
}

/* Parse the options among the arguments. */
static int read_options(const struct cmd *c, struct ctl_req *req,
			unsigned *ret_seen)
{
	int status = CMD_OK;

	*ret_seen = 0;
	for (size_t i = 0; i < c->n && status == CMD_OK; i++)
		if (c->kind[i] != CMD_ITEMS)
			status = read_option(req, c->arg[i], ret_seen);
	return status;
}

int mapargs_add(const struct cmd *c, struct ctl_req *req)
{
	unsigned seen;
	int status;

	*req = (struct ctl_req){
		.verb = CTL_ADD,
		.rule = { .kind = NAT_PORTMAP, .remote = addr_any() },
	};
	status = read_options(c, req, &seen);
	if (status != CMD_OK)
		return status;
	for (size_t i = 0; i < OPTIONS; i++)
		if (options[i].needed && !(seen & 1u << i))
			return cmd_fail(CMD_USAGE, "%s is missing; it takes %s",
					options[i].key, options[i].accepts);
	return complete_rule(&req->rule);
}

int mapargs_set(const struct cmd *c, struct ctl_req *req)
{
	const uint8_t family = req->rule.client.family;
	unsigned seen;
	int status = read_options(c, req, &seen);

	if (status != CMD_OK)
		return status;
	if (seen & 1u << LEASE)
		return cmd_fail(CMD_USAGE, "lease cannot be changed; remove the "
				"mapping, and add it again");
	if (req->rule.client.family != family && !(seen & 1u << EXT_PORT))
		req->rule.ext_port = 0;
	return complete_rule(&req->rule);
}
