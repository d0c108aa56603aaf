/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of NAT's control side (nat_control.c: the table's life, nat_rule.c: rules and
 * their states, nat_ruleset.c: what workers get) share with each other alone.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_NAT_CONTROL_PRIV_H
#define VSWITCH_NAT_CONTROL_PRIV_H

#include "error.h"
#include "nat_control.h"
#include "routing_priv.h"

/* All active rules, as nat_rules_set() wants them. */
struct nat_ruleset {
	struct nat_snat *snats;
	struct nat_dnat *dnats;
	struct nat_rule **snat_rules, **dnat_rules; /* whose they are; NULL: of none */
	uint32_t *addrs;                            /* of pools */
	uint32_t n_snats, n_dnats, n_addrs;
	uint32_t *exts; /* external addresses, each once, ascending */
	uint32_t n_exts;
};

/* Sessions to be ended, a piece at a time. */
struct nat_job {
	LIST_ENTRY(nat_job) list;
	struct nat_control *control;
	struct nat_filter filter;
	struct rcu_item grace;
	bool waits;    /* for the grace period */
	bool is_flush; /* somebody waits for its end */
	uint32_t cursor;
	uint32_t ended; /* by this pass */
	unsigned int passes;
};

struct nat_control {
	struct vswitch *sw;
	struct nat_table_config config;
	struct nat *nat; /* NULL: no table */
	struct nat_rule_list rules;
	unsigned int n_rules;
	struct nat_ruleset set; /* what workers have */
	struct event *renew;    /* what has changed is looked at soon */
	struct event *work;     /* ageing, jobs */
	LIST_HEAD(, nat_job) jobs;
};

/* --- nat_rule.c --- */

/** nat_rule_denotes() - does a rule's name of a way out mean this interface? */
bool nat_rule_denotes(const char *name, const struct switch_rif *rif);

/** nat_rule_out() - the name of a rule's way out, or "". */
const char *nat_rule_out(const struct nat_control *control, const struct nat_rule_config *config);

/** nat_rule_resolve() - see what a rule comes to now. */
void nat_rule_resolve(const struct nat_control *control, const struct nat_rule_config *config,
		      struct nat_rule_state *ret_state);

/** nat_rule_agrees() - does it go together with what the table says of all rules? 0 or -errno. */
int nat_rule_agrees(const struct nat_control *control, const struct nat_rule_config *config,
		    struct error *err);

/* --- nat_ruleset.c --- */

/** nat_ruleset_build() - of all rules whose state is active. Return: 0 or -ENOMEM. */
int nat_ruleset_build(const struct nat_control *control, struct nat_ruleset *ret_set);

/** nat_ruleset_free() - free what is in it. */
void nat_ruleset_free(struct nat_ruleset *set);

/** nat_ruleset_equal() - would workers see no difference? */
bool nat_ruleset_equal(const struct nat_ruleset *a, const struct nat_ruleset *b);

/** nat_ruleset_has() - is it an external address? @ip: network order. */
bool nat_ruleset_has(const struct nat_ruleset *set, uint32_t ip);

/* --- nat_control.c --- */

/**
 * nat_control_renew() - have workers' rules, sides and caps be what the operator's rules come to.
 * @must: NULL; or a rule that must not be in the way of others: -EEXIST and the like, and @err
 *	filled, if it is; then nothing has changed but states.
 */
int nat_control_renew(struct nat_control *control, struct nat_rule *must, struct error *err);

#endif /* VSWITCH_NAT_CONTROL_PRIV_H */
