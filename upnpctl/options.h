/* SPDX-License-Identifier: ISC */
/*
 * options.h - options as the menus take them: KEY=VALUE, !KEY.
 */
#ifndef UPNPCTL_OPTIONS_H
#define UPNPCTL_OPTIONS_H

#include "upnpctl/cmd.h"
#include "conf/confedit.h"
#include "conf/confopt.h"

/** options_split - "key=value". Return: false when there is no = in it */
bool options_split(struct str arg, struct str *ret_key, struct str *ret_value);

/**
 * options_set - set the option that an argument names.
 * @iface: whose; NULL: settings for the whole
 * @arg: "key=value"; "!key" and, for texts and addresses, "key=" go back to
 *       the default
 *
 * true and false are yes and no, as RouterOS has them.
 * Return: exit status, told on stderr
 */
int options_set(struct confedit *, const char *iface, struct str arg);

/** options_json - the value in @base as JSON, null where none is set. */
void options_json(const struct confopt *, const void *base);

#endif
