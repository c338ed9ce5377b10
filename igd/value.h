/* SPDX-License-Identifier: ISC */
/* value.h - check the text of a state variable's value; UTF-8 and XML text.
 * Runs in: any */
#ifndef IGD_VALUE_H
#define IGD_VALUE_H

#include "base/wr.h"
#include "igd/igd.h"

/** value_ranged - does @var have a range at @version of its service? */
bool value_ranged(const struct igd_var *var, unsigned version);

/**
 * value_check - is the text of @in a value of @var?
 * @version: of the service; some variables have a range at version 2 only
 * @in: s holds the text as received. Sets u for a number or boolean, and s to
 *      the list's spelling if there is an allowedValueList (compared
 *      case-insensitively)
 *
 * Return: 0, 600 (not a value of its type), 601 (a number out of range, or a
 * string that is not in the list: UDA 1.1 table 3-3), 605 (too long)
 */
int value_check(const struct igd_var *var, unsigned version, struct igd_in *in);

/**
 * value_put_text - write text for XML in ASCII. Other characters become numeric
 * references, because Open.NAT reads Content-Length as a number of characters.
 * Each byte that is not UTF-8 becomes U+FFFD.
 */
void value_put_text(struct wr *, struct str);

#endif
