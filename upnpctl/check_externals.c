/* SPDX-License-Identifier: ISC */
/*
 * check_externals.c - check that one of several external interfaces is active,
 * and that the others could be. Runs in: upnpctl
 */
#include "base/wr.h"
#include "upnpctl/check.h"

static const char *reason(const struct externals *x)
{
	if (x->by == CONF_SELECT_PRIORITY)
		return "as the first one that works";
	if (x->state.ext[x->state.active].ifindex == x->state.internet_out)
		return "as the default route uses it";
	return "as the default route uses none that works";
}

/* One that is missing or down was reported by check_net_interfaces(). */
static void check_spare(struct check *c, size_t i)
{
	const struct externals *x = &c->externals;
	const char *name = x->state.ext[i].name;
	const enum externals_why why = externals_why(x, i);

	if (why == EXTERNALS_NO_ADDRESS)
		check_report(c, CHECK_WARNING, "%s has no address: mappings "
			     "cannot move to it\n"
			     "Check that its DHCP client or PPP runs", name);
	else if (why == EXTERNALS_SOON)
		check_report(c, CHECK_WARNING, "%s would be the active "
			     "external interface, but the active one has "
			     "changed so often that upnpd waits\n"
			     "The log of upnpd has the changes; find out why "
			     "the links or routes change", name);
}

void check_externals(struct check *c)
{
	const struct externals *x = &c->externals;
	const char *name = ifstate_external(&x->state)->name;
	char text[96];
	struct wr w = wr_init_cut(text, sizeof(text));

	if (x->state.ext_n < 2)
		return;
	if (!externals_works(x) && !check_report_only_ip6(c))
		check_report(c, CHECK_PROBLEM, "none of the external "
			     "interfaces works: no port can be opened\n"
			     "Check their links and addresses; upnpctl status "
			     "names the fault of each");
	for (size_t i = 0; i < x->state.ext_n; i++) {
		if (i == x->state.active)
			continue;
		check_spare(c, i);
		if (ifstate_is_usable(&x->state.ext[i]))
			wr_fmt(&w, "%s%s", w.len ? ", " : "",
			       x->state.ext[i].name);
	}
	if (w.len)
		check_report_ok(c, "%s is the active external interface, %s; "
				"mappings can move to %s", name, reason(x),
				wr_cstr(&w));
	check_report_ok(c, "%s is the active external interface", name);
}
