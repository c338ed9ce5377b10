/* SPDX-License-Identifier: ISC */
/*
 * options.h - set and print options of the configuration: KEY=VALUE, !KEY.
 * Runs in: upnpctl
 */
#ifndef UPNPCTL_OPTIONS_H
#define UPNPCTL_OPTIONS_H

#include "upnpctl/cmd.h"
#include "conf/confedit.h"
#include "conf/confopt.h"

/** options_split - split "key=value". Return: false: there is no "=" in it */
bool options_split(struct str arg, struct str *ret_key, struct str *ret_value);

/** options_find - find the option that a name, or the beginning of one, means.
 * @of_iface: of an interface, or a global one
 * Return: exit status; errors are reported on stderr */
int options_find(bool of_iface, struct str name, const struct confopt **ret);

/**
 * options_set - set or reset the option that an argument names.
 * @iface: the interface of the option; NULL: a global option
 * @arg: "key=value"; "!key" and, for texts, addresses and networks, "key="
 *       reset the option to its default. A list of networks replaces all of
 *       them
 *
 * Accepts true and false for yes and no, as RouterOS does.
 *
 * Return: exit status; errors are reported on stderr
 */
int options_set(struct confedit *, const char *iface, struct str arg);

/** options_comment - write the text of a verb "comment": that of "comment=", or
 * the words after the first one, which are removed from the command. (A shell's
 * argument with white space is several words.)
 * Return: exit status; errors are reported on stderr */
int options_comment(struct cmd *, struct wr *);

/** options_json - write the option's value in @base as JSON: null if none is
 * set, networks as an array. */
void options_json(const struct confopt *, const void *base);

#endif
