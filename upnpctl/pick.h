/* SPDX-License-Identifier: ISC */
/*
 * pick.h - select interfaces by number, name or property. Pure, apart from
 * error messages on stderr. Runs in: upnpctl
 */
#ifndef UPNPCTL_PICK_H
#define UPNPCTL_PICK_H

#include "upnpctl/cmd.h"
#include "conf/conf.h"

/**
 * pick_items - select the interfaces that "0", "0,2-3,ether1" or
 * "[find type=internal]" names.
 * @conf: the index of an interface is its number
 * @ret_mask: a bit for each selected interface is added
 *
 * Return: exit status; errors are reported on stderr
 */
int pick_items(const struct conf *, struct str items, uint32_t *ret_mask);

/**
 * pick_where - are all @n terms true for the interface?
 * @term: "type=internal", "interface!=ether1", "disabled", "!disabled", "and"
 * @ret: set only on success
 *
 * Return: exit status; errors are reported on stderr
 */
int pick_where(const struct conf_iface *, const struct str *term, size_t n,
	       bool *ret);

/** pick_invalid - does the system lack an interface of that name now? */
bool pick_invalid(const struct conf_iface *);

#endif
