/* SPDX-License-Identifier: ISC */
/*
 * similar.h - find the name that a word may mean: it begins with the word, or
 * was mistyped as the word. Pure. Runs in: upnpctl
 */
#ifndef UPNPCTL_SIMILAR_H
#define UPNPCTL_SIMILAR_H

#include "base/wr.h"

struct similar {
	struct str word;	/* set it, and nothing else, before the first
				 * similar_add() */
	struct str name;	/* the one that equals the word, or the last one
				 * that begins with it */
	unsigned n;		/* how many names begin with the word; 1 if one
				 * is the whole word */
	bool exact;		/* the name is the whole word */
	struct str nearest;	/* the name that differs least; empty: all
				 * differ much */
	unsigned distance;	/* private */
};

/**
 * similar_add - compare the word with one more name.
 * @name: borrowed
 *
 * Return: true if it is the best name so far: it equals the word, or begins
 * with it
 */
bool similar_add(struct similar *, struct str name);

/** similar_ask - write "; did you mean enabled?" if a name is near. Return:
 * true if it was written */
bool similar_ask(const struct similar *, struct wr *);

/** similar_has - does @s contain @part? Upper and lower case of ASCII are the
 * same. */
bool similar_has(struct str s, struct str part);

#endif
