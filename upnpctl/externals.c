/* SPDX-License-Identifier: ISC */
/*
 * externals.c - which external interface is active: what the daemon says, or
 * else the same choice.
 *
 * Owns: nothing between two calls.
 * Never does: change an interface.
 * Runs in: upnpctl
 */
#include <string.h>
#include "base/wr.h"
#include "upnpctl/externals.h"
#include "upnpctl/live.h"
#include "upnpctl/reload.h"

static const struct {
	char word[16], text[36];
} whys[EXTERNALS_WHYS] = {
	[EXTERNALS_ACTIVE] = { "active", "active" },
	[EXTERNALS_MISSING] = { "no-interface", "there is no such interface" },
	[EXTERNALS_DOWN] = { "interface-down", "the interface is down" },
	[EXTERNALS_NO_CARRIER] = { "no-carrier", "the interface has no "
				   "carrier" },
	[EXTERNALS_NO_ADDRESS] = { "no-address", "the interface has no "
				   "address" },
	[EXTERNALS_PINHOLES] = { "pinholes", "only pinholes use it" },
	[EXTERNALS_SPARE] = { "spare" },
	[EXTERNALS_SOON] = { "soon", "it becomes active soon" },
};

/* Ask the daemon. Return: the name of its active interface; "": not known */
static void ask(const struct cmd_env *env, char ret[IF_NAMESIZE])
{
	struct ctl_status status;
	struct live l;

	live_refresh(&l, env);
	if (!l.alive || l.monitor.state != STATUS_SERVING ||
	    !reload_same_file(&l.monitor, env->file) ||
	    live_engine(&l, &status))
		return;
	str_copy(ret, IF_NAMESIZE, str_z(status.ext_if));
}

int externals_read(const struct cmd_env *env, const struct conf *conf,
		   struct externals *ret)
{
	char name[IF_NAMESIZE] = "";
	int err;

	memset(ret, 0, sizeof(*ret));
	ask(env, name);
	err = ifstate_read(conf, &ret->state);
	if (err)
		return err;
	ret->by = (enum conf_selection)conf->external_selection;
	ret->state.active = ifstate_select(&ret->state, ret->by, 0);
	for (size_t i = 0; i < ret->state.ext_n; i++) {
		if (!*name || strcmp(ret->state.ext[i].name, name))
			continue;
		ret->state.active = i;
		ret->served = true;
	}
	return 0;
}

enum externals_why externals_why(const struct externals *x, size_t i)
{
	const struct ifstate_ext *e = &x->state.ext[i];

	if (!e->ifindex)
		return EXTERNALS_MISSING;
	if (!e->up)
		return EXTERNALS_DOWN;
	if (!e->running)
		return EXTERNALS_NO_CARRIER;
	if (i == x->state.active && ifstate_is_usable(e))
		return EXTERNALS_ACTIVE;
	if (e->ifindex == x->state.internet6_out)
		return EXTERNALS_PINHOLES;
	if (!ifstate_is_usable(e))
		return EXTERNALS_NO_ADDRESS;
	return ifstate_select(&x->state, x->by, x->state.active) == i ?
	       EXTERNALS_SOON : EXTERNALS_SPARE;
}

bool externals_uses(const struct externals *x, const char *name)
{
	for (size_t i = 0; i < x->state.ext_n; i++) {
		const enum externals_why why = externals_why(x, i);

		if (!strcmp(x->state.ext[i].name, name))
			return why == EXTERNALS_ACTIVE ||
			       why == EXTERNALS_PINHOLES;
	}
	return false;
}

const char *externals_word(enum externals_why why)
{
	return whys[why].word;
}

void externals_put(const struct externals *x, size_t i, struct wr *w)
{
	const enum externals_why why = externals_why(x, i);
	const char *active = ifstate_external(&x->state)->name;

	if (why != EXTERNALS_SPARE)
		wr_z(w, whys[why].text);
	else if (x->by == CONF_SELECT_PRIORITY)
		wr_fmt(w, "%s comes before it", active);
	else
		wr_z(w, "the default route does not use it");
}

bool externals_works(const struct externals *x)
{
	return x->state.ext_n &&
	       externals_why(x, x->state.active) == EXTERNALS_ACTIVE;
}
