/* SPDX-License-Identifier: ISC */
/*
 * writers.h - the backends in use: one translates, and there may be one more
 * for each kind of forward chain that needs an accept.
 *
 * A writer is opened when its kind first has a place, and stays until the
 * close, so that it removes its accepts when they are no longer needed.
 * Runs in: any
 */
#ifndef NATFW_WRITERS_H
#define NATFW_WRITERS_H

#include "natfw.h"

/** writers_open - open the backend that translates. 0 or -errno: fw->why has
 * the reason, and the writer stays in use. */
int writers_open(struct natfw *, const struct natfw_backend *);

/** writers_close - remove everything of ours, and use none any more. */
void writers_close(struct natfw *);

/** writers_translator - the backend that translates; NULL: none is open. */
const struct natfw_backend *writers_translator(const struct natfw *);

/**
 * writers_look - read the administrator's rules again, and find the places.
 *
 * Reads for NATFW_READ_US, and the next call goes on from there. The first
 * reading, and those for a writer that is a tool, are not ended early: the tool
 * takes longer anyway, and counts the rules of its chains.
 * Return: 0; -EINPROGRESS there is more to read, -EINTR the rules changed
 * meanwhile: the former rules and places stay, and fw->rules_stale is set;
 * other -errno: they could not be read, or not those of a tool that a writer
 * uses; fw->dirty is set, so that the next change reads them first
 */
int writers_look(struct natfw *);

/** writers_have_legacy - did legacy iptables have a table when it was read
 * last, or is its writer in use? If not, nothing of ours can be missing
 * there. */
bool writers_have_legacy(const struct natfw *);

/** writers_changed - has somebody changed the tables of legacy iptables since
 * the last writers_sync() or writers_verify(), or can they not be read? Reads
 * them from the kernel; runs no tool. @ret: how they are now; may be NULL */
bool writers_changed(struct natfw *, struct ipt_print *ret);

/** writers_read - the same for a comparison: note the fingerprint of legacy
 * iptables as of before. */
int writers_read(struct natfw *);

/** writers_left - has an earlier run left something, of any kind? By the rules
 * that were read last. */
bool writers_left(const struct natfw *);

/** writers_placed - do our accepts stand where the rules that were read last
 * need them? */
bool writers_placed(const struct natfw *);

/** writers_missing - is there a place of that family that no writer can write
 * into? @why: gets the reason, may be NULL */
bool writers_missing(const struct natfw *, uint8_t family, struct wr *why);

/** writers_apply - have each writer carry out these ops; those that only accept
 * come first. Return: 0, or -errno of the first that failed; the others may
 * have changed something */
int writers_apply(struct natfw *, const struct nat_op *, size_t n);

/**
 * writers_sync - read the rules, unless fw->rules_fresh, open the writers that
 * are needed, and sync each. One that fails does not prevent the others. If the
 * rules cannot be read at once, those that were read before do.
 * Return: 0, or -errno of one that failed
 */
int writers_sync(struct natfw *, const struct nat_rule *, size_t n);

/** writers_verify - compare, by the rules that were read last. 0 equal, 1
 * different, -errno one could not compare, and no other is different: then
 * fw->unsure is set, or fw->dirty. */
int writers_verify(struct natfw *, const struct nat_rule *, size_t n);

/** writers_own - compare our own rules in nf_tables, by the administrator's
 * rules that were read last. Return: as writers_verify() */
int writers_own(struct natfw *, const struct nat_rule *, size_t n);

/** writers_packets - read the counter of a pinhole in the table, from the first
 * writer that has one. Return: as natfw_packets() */
int writers_packets(struct natfw *, const struct nat_rule *, uint64_t *ret);

/** writers_sweep - read the rules, and remove what an earlier run left in kinds
 * that have no writer in use. */
void writers_sweep(struct natfw *);

#endif
