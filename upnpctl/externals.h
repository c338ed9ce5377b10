/* SPDX-License-Identifier: ISC */
/*
 * externals.h - the enabled external interfaces of a configuration: which one is
 * active, and why the others are not. Runs in: upnpctl
 */
#ifndef UPNPCTL_EXTERNALS_H
#define UPNPCTL_EXTERNALS_H

#include "conf/ifstate.h"
#include "upnpctl/cmd.h"

struct externals {
	struct ifstate state;	/* state.active: its ext[] */
	bool served;		/* a daemon with this configuration runs, and
				 * has said which one is active */
	enum conf_selection by;
};

/* Why an external interface is not the active one. */
enum externals_why {
	EXTERNALS_ACTIVE,
	EXTERNALS_MISSING, EXTERNALS_DOWN, EXTERNALS_NO_CARRIER,
	EXTERNALS_NO_ADDRESS,
	EXTERNALS_PINHOLES,	/* only pinholes use it: it has the IPv6
				 * default route */
	EXTERNALS_SPARE,	/* it could be: another one was chosen */
	EXTERNALS_SOON,		/* it will be, because this configuration
				 * chooses it now */
	EXTERNALS_WHYS,
};

/**
 * externals_read - read the interfaces, and ask the daemon which one is active.
 *
 * Without an answer the choice is made as the daemon would make it.
 *
 * Return: 0, or -errno: the kernel did not answer, and @ret is all zeros
 */
int externals_read(const struct cmd_env *, const struct conf *,
		   struct externals *ret);

/** externals_why - why is ext[@i] not the active one; or why does the active one
 * not work? */
enum externals_why externals_why(const struct externals *, size_t i);

/** externals_uses - do mappings or pinholes use the interface of that name? */
bool externals_uses(const struct externals *, const char *name);

/** externals_word - that as a word, for JSON: "no-carrier". */
const char *externals_word(enum externals_why);

/** externals_put - write that as text: "it has no carrier". */
void externals_put(const struct externals *, size_t i, struct wr *);

/** externals_works - can mappings use the active one? */
bool externals_works(const struct externals *);

#endif
