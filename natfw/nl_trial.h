/* SPDX-License-Identifier: ISC */
/* nl_trial.h - can the kernel translate by nf_tables here? Runs in: any */
#ifndef NATFW_NL_TRIAL_H
#define NATFW_NL_TRIAL_H

#include "natfw.h"

/**
 * nl_trial_passes - make and delete a table like ours, in one transaction.
 * @env: its hairpin and masquerade count
 *
 * Leaves nothing, but the kernel may load the modules of nf_tables that our
 * table needs. False also where it would work but not translate: beside nat
 * tables of legacy iptables in a kernel before 4.18.
 */
bool nl_trial_passes(const struct natfw_env *env);

#endif
