/* SPDX-License-Identifier: ISC */
/*
 * extchoice.h - which external interface is the active one, whose address
 * mappings have. It changes at once, but one that flaps does not take the
 * mappings along each time: a change to another one that works as well waits
 * after EXTERNAL_MOVES changes. A change away from one that fails never waits.
 * Pure.
 * Runs in: engine
 */
#ifndef ENGINE_EXTCHOICE_H
#define ENGINE_EXTCHOICE_H

#include "conf/ifstate.h"

/* All zero: none has been active yet. */
struct extchoice {
	char name[IF_NAMESIZE];	/* the active one; public, read-only */
	unsigned moves;		/* changes, less one in EXTERNAL_MOVE_MS */
	uint64_t at_ms;		/* when @moves was lowered last */
	bool waits;		/* a change is put off; public, read-only */
};

/**
 * extchoice_make - choose the active external interface now.
 * @r:    as ifstate_read() has set it; @active is set
 * @stay: keep the one that is active: a control point has taken its link down
 *
 * Return: when to call again although nothing has changed; UINT64_MAX: never
 */
uint64_t extchoice_make(struct extchoice *, struct ifstate *r,
			enum conf_selection by, bool stay, uint64_t now_ms);

#endif
