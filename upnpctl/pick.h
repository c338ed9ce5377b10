/* SPDX-License-Identifier: ISC */
/*
 * pick.h - which interfaces are meant: by number, by name, by what they are.
 * Pure, but for the word on stderr.
 */
#ifndef UPNPCTL_PICK_H
#define UPNPCTL_PICK_H

#include "upnpctl/cmd.h"
#include "conf/conf.h"

/**
 * pick_items - those that "0", "0,2-3,ether1", "[find type=internal]" name.
 * @conf: its interfaces; their places are their numbers
 * @ret_mask: gets a bit each, beside those it has
 *
 * Return: exit status, told on stderr
 */
int pick_items(const struct conf *, struct str items, uint32_t *ret_mask);

/**
 * pick_where - is interface @i of @conf one of which all @n terms are true?
 * @term: "type=internal", "interface!=ether1", "disabled", "!disabled", "and"
 * @ret: set only on success
 *
 * Return: exit status, told on stderr
 */
int pick_where(const struct conf_iface *, const struct str *term, size_t n,
	       bool *ret);

/** pick_invalid - there is no such interface now. */
bool pick_invalid(const struct conf_iface *);

#endif
