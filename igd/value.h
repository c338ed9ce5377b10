/* SPDX-License-Identifier: ISC */
/*
 * value.h - is a text a value of a state variable, and is it text at all?
 *
 * Runs in: engine
 */
#ifndef IGD_VALUE_H
#define IGD_VALUE_H

#include "base/wr.h"
#include "igd/igd.h"

/** value_ranged - has @var a range at @version of its service? */
bool value_ranged(const struct igd_var *var, unsigned version);

/**
 * value_check - is the text of @in a value of @var?
 * @version: of the service; some have a range at version 2 only
 * @in: s as it came; set: u of a number or boolean, s to the list's spelling
 *      where there is an allowedValueList (any case is taken)
 *
 * Return: 0, 600 (no such value), 601 (a number out of range), 605 (too long)
 */
int value_check(const struct igd_var *var, unsigned version, struct igd_in *in);

/**
 * value_put_text - write text for XML in ASCII: what is not as a numeric
 * reference, since Open.NAT takes Content-Length for a number of characters.
 * What is no UTF-8 becomes U+FFFD, a byte at a time.
 */
void value_put_text(struct wr *, struct str);

#endif
