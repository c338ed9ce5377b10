/* SPDX-License-Identifier: ISC */
/*
 * genatopic.h - what can be subscribed to: each service of each root that has
 * evented variables, with a version of each variable. A version grows when a
 * refresh finds that the value has changed.
 * Runs in: engine
 */
#ifndef GENA_GENATOPIC_H
#define GENA_GENATOPIC_H

#include <stddef.h>
#include <stdint.h>
#include "base/limits.h"
#include "base/wr.h"
#include "igd/igd.h"

/* A service under one root. */
struct genatopic {
	const struct igd_service *svc;
	unsigned n;
	size_t subs;		/* subscriptions, counted by the owner */
	size_t var_n;
	const struct igd_var *var[GENA_VARS_MAX];
	uint64_t hash[GENA_VARS_MAX];	/* of the value */
	uint32_t version[GENA_VARS_MAX];	/* from 1 on */
};

struct genatopics {
	struct igd *igd;
	size_t n;
	struct genatopic at[GENA_TOPICS_MAX];
};

/** genatopic_init - list all topics of both roots. @igd: borrowed */
void genatopic_init(struct genatopics *, struct igd *igd);

/** genatopic_find - the topic of @svc under root @n, or NULL. */
struct genatopic *genatopic_find(struct genatopics *,
				  const struct igd_service *svc, unsigned n);

/** genatopic_refresh - read the variables of topics with subscriptions, and
 * count up the versions of those that have changed. */
void genatopic_refresh(struct genatopics *, uint64_t now_ms);

/** genatopic_write - write the body of a message: the variables whose version
 * is not that in @confirmed[GENA_VARS_MAX]. */
void genatopic_write(const struct genatopics *, const struct genatopic *,
		     const uint32_t *confirmed, uint64_t now_ms, struct wr *);

#endif
