/* SPDX-License-Identifier: ISC */
/*
 * args.h - the arguments of a command: checked against what its verb takes,
 * and written in full. Runs in: upnpctl
 */
#ifndef UPNPCTL_ARGS_H
#define UPNPCTL_ARGS_H

#include "base/wr.h"
#include "upnpctl/cmd.h"

/**
 * args_read - check and complete the words after a verb.
 * @c: its env, verb and menu are set; receives the arguments
 * @word: borrowed by @c
 *
 * Return: CMD_OK; CMD_USAGE, reported on stderr: a word that the verb does not
 * take, or that is the beginning of several names
 */
int args_read(struct cmd *c, const struct str *word, size_t n);

/** args_at - set the @i-th argument that a verb takes. Return: false after the
 * last one */
bool args_at(const struct cmd_verb *, size_t i, struct cmd_arg *ret);

/** args_takes - has the verb an argument of this kind? @ret: the first one; or
 * NULL */
bool args_takes(const struct cmd_verb *, enum cmd_kind, struct cmd_arg *ret);

/** args_find_key - find the key that @name is, or the only one that begins with
 * it. Return: false: there is none, or there are several */
bool args_find_key(const struct cmd_verb *, struct str name,
		   struct cmd_arg *ret);

/* Room for a value of args_value(). */
#define ARGS_VALUE_MAX 64

/** args_value - write the @i-th word that a value of a key can be. Return:
 * false after the last one; at once if its values are not words */
bool args_value(const struct cmd_arg *, size_t i, struct wr *ret);

/** args_put_usage - write what a verb takes: "[detail] [where ...]". */
void args_put_usage(struct wr *, const struct cmd_verb *);

/** args_put_help - write one line about an argument; of an option without a
 * text: "yes or no; default no". */
void args_put_help(struct wr *, const struct cmd_arg *);

#endif
