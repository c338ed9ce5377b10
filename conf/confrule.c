/* SPDX-License-Identifier: ISC */
/*
 * confrule.c - allow and deny lines of the configuration: parse, write.
 * Runs in: any
 */
#include "conf/confrule.h"
#include "conf/confline.h"

bool confrule_read_ports(struct str s, uint16_t *ret_lo, uint16_t *ret_hi)
{
	struct str rest = s, head;
	uint32_t lo, hi;

	if (!str_cut(&rest, '-', &head) || str_u32(head, 0, 65535, &lo))
		return false;
	hi = lo;
	if (head.n < s.n && str_u32(rest, lo, 65535, &hi))
		return false;
	*ret_lo = (uint16_t)lo;
	*ret_hi = (uint16_t)hi;
	return true;
}

static int read_ports(struct str s, uint16_t *ret_lo, uint16_t *ret_hi,
		      struct wr *why)
{
	if (confrule_read_ports(s, ret_lo, ret_hi))
		return 0;
	return confline_fail(why, "\"%.*s\" is not a port or range; example: "
			     "1024-65535", STR_F(s));
}

int confrule_read_net(struct str s, struct addr_net *ret, struct wr *why)
{
	struct addr_net net;

	if (!addr_net_parse(s, &net))
		return confline_fail(why, "\"%.*s\" is not a network; example: "
				     "192.168.88.0/24 or 2001:db8::/64",
				     STR_F(s));
	if (!addr_equal(net.addr, addr_net_first(&net)))
		return confline_fail(why, "\"%.*s\" has bits beyond its prefix; "
				     "write the network's own address",
				     STR_F(s));
	*ret = net;
	return 0;
}

int confrule_parse(struct str word, struct str args, struct confrule *ret,
		   struct wr *why)
{
	struct confrule r = { .is.allow = str_eq(word, STR("allow")) };
	struct str ext, net, inner;
	int err;

	if (!str_word(&args, &ext) || !str_word(&args, &net) ||
	    !str_word(&args, &inner))
		return confline_fail(why, "a rule has three parts; example: "
				     "%.*s 1024-65535 192.168.88.0/24 "
				     "1024-65535", STR_F(word));
	err = read_ports(ext, &r.is.ext_lo, &r.is.ext_hi, why);
	if (!err)
		err = confrule_read_net(net, &r.is.net, why);
	if (!err)
		err = read_ports(inner, &r.is.int_lo, &r.is.int_hi, why);
	if (!err)
		err = conftail_parse(args, "a rule may end with", &r.disabled,
				     &r.comment, why);
	if (!err)
		*ret = r;
	return err;
}

void confrule_put_ports(struct wr *w, uint16_t lo, uint16_t hi)
{
	wr_u64(w, lo);
	if (lo != hi)
		wr_fmt(w, "-%u", (unsigned)hi);
}

void confrule_put(struct wr *w, const struct confrule *r)
{
	wr_z(w, r->is.allow ? "allow " : "deny ");
	confrule_put_ports(w, r->is.ext_lo, r->is.ext_hi);
	wr_ch(w, ' ');
	addr_net_write(w, &r->is.net);
	wr_ch(w, ' ');
	confrule_put_ports(w, r->is.int_lo, r->is.int_hi);
	conftail_put(w, r->disabled, r->comment.text);
}
