/* SPDX-License-Identifier: ISC */
/*
 * ipt_text.h - writes the input of iptables-restore, piece by piece.
 *
 * The input is one list of steps or two, of one table each. A step writes a
 * fixed text, then lines that depend only on the environment, then lines for
 * each rule, for each op of a batch, for each leaf of one chain, for each
 * internal network, for each jump to our chains, or for each rule that is not
 * wanted any more.
 * Runs in: monitor
 */
#ifndef NATFW_IPT_TEXT_H
#define NATFW_IPT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include "base/str.h"
#include "base/wr.h"
#include "natfw.h"
#include "natfw/ipt_jump.h"
#include "natfw/ipt_leaf.h"
#include "natfw/ipt_list.h"

enum ipt_of { IPT_OF_NONE, IPT_OF_RULES, IPT_OF_OPS, IPT_OF_LEAVES,
	      IPT_OF_NETS, IPT_OF_OLD_JUMPS, IPT_OF_JUMPS, IPT_OF_STALE };

struct ipt_text {
	const struct natfw *fw;
	const struct ipt_list *found;	/* existing jumps and leaves */
	const struct ipt_jumps *jumps;	/* to be made in table filter */
	struct ipt_leaves leaves;	/* to be made, or to have rules */
	struct ipt_leaves left;		/* a batch deletes their last rule */
	const struct ipt_text_step *part[IPT_TABLES];	/* the lists */
	size_t part_n;
	size_t part_i;				/* lists that were begun */
	const struct ipt_text_step *step;	/* the one being written */
	const struct nat_rule *rule;
	const bool *stands;		/* rules that were found, and stay as
					 * they are; NULL: none */
	bool redo;			/* all leaves */
	const struct nat_op *op;	/* instead of rule */
	size_t n;			/* rules or ops */
	size_t i;			/* of the step; 0 is its head */
	int entries;	/* out: how many more entries (ipt_print.h) a batch
			 * makes, negative if fewer */
};

/* An all-zero step ends its list. */
struct ipt_text_step {
	const char *text;
	void (*head)(const struct ipt_text *, struct wr *);
	enum ipt_of of;
	enum ipt_chain chain;		/* of OLD_JUMPS: in its table */
	/* which rules, or ops by their rules; NULL: all of them. A batch needs
	 * the ops of DNAT without a remote port first: see put_op() */
	bool (*wants)(const struct nat_rule *);
	/* of LEAVES and NETS: a leaf, or an index in the env's list */
	void (*leaf)(const struct ipt_text *, struct wr *, unsigned leaf);
};

/** ipt_text_add - add a list of steps, at most one for each table. */
void ipt_text_add(struct ipt_text *, const struct ipt_text_step *);

/** ipt_text_piece - write the next lines, for struct backend_run. @text: a
 * struct ipt_text */
bool ipt_text_piece(void *text, struct wr *w);

/* Each writes the lines for a leaf, or nothing if its condition is false. */

/** ipt_text_declare_leaf - make the chain, or empty it, if it was found or is
 * to have rules. */
void ipt_text_declare_leaf(const struct ipt_text *, struct wr *, unsigned leaf);

/** ipt_text_change_leaf - make the chain, if it is not found and is to have
 * rules; or empty it, if it is to have none or has to be written again. */
void ipt_text_change_leaf(const struct ipt_text *, struct wr *, unsigned leaf);

/** ipt_text_jump_to_leaf - a jump at the end of its chain, if it is to have
 * rules. */
void ipt_text_jump_to_leaf(const struct ipt_text *, struct wr *, unsigned leaf);

/** ipt_text_drop_leaf - delete it, if it was found and is to have no rules. It
 * must be empty, and nothing may jump to it. */
void ipt_text_drop_leaf(const struct ipt_text *, struct wr *, unsigned leaf);

/** ipt_text_make_leaf - make a leaf that does not exist, and insert its jump
 * among the rules of a chain in use. */
void ipt_text_make_leaf(const struct ipt_text *, struct wr *, unsigned leaf);

/** ipt_text_unmake_leaf - delete it and its jump, if the batch deletes its last
 * rule. */
void ipt_text_unmake_leaf(const struct ipt_text *, struct wr *, unsigned leaf);

#endif
