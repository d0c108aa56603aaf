/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT's control side: the rules that an operator names, and the life of the table of sessions
 * (datapath/nat.h).
 *
 * A *rule* names ports, bridges and guests by name, and addresses by the port that has them. What
 * that comes to now - its *state* - is seen anew whenever addresses, routed interfaces or routes
 * change: soon, in one go for all changes of a turn of the event loop (routes: of 50 ms). A rule
 * that comes to nothing is inactive, with a reason, until it does again. Workers get all active
 * rules at once, and only if there is a change. The order of rules is that of their making.
 *
 * Sessions go on when rules change. They end where they would go wrong: those by an external
 * address that no rule has any more, and those of a port that is gone. Both happen after a grace
 * period, since workers may begin some until then.
 *
 * Which side of NAT a routed interface is on follows from the rules: what a rule names as its way
 * out is outside, all others are inside as soon as there is a rule. Guests in route mode are inside
 * too, for destination NAT, but source NAT leaves them alone.
 *
 * A routed port's sessions are counted, and have caps: the *guest* of nat.h is the port's id + 1.
 * Default caps are for guests' ports (vif, vhost) alone.
 *
 * The table is there from the first rule until the last one is gone and the sessions have ended.
 * Sessions age by a timer that runs while there are some.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_NAT_CONTROL_H
#define VSWITCH_NAT_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "nat.h"
#include "nat_text.h"
#include "prefix.h"
#include "switch.h"

struct nat_control;
struct switch_rif;

#define NAT_RULES_MAX 16384
#define NAT_REASON_SIZE 96

enum nat_rule_kind { NAT_RULE_MASQUERADE, NAT_RULE_SNAT, NAT_RULE_DNAT };
extern const char *const nat_rule_kind_names[];

/* What an operator says. */
struct nat_rule_config {
	char name[SWITCH_NAME_SIZE];
	enum nat_rule_kind kind;
	char out[SWITCH_NAME_SIZE];   /* port or bridge; empty: that of the first masquerade */
	char guest[SWITCH_NAME_SIZE]; /* source NAT: port; empty: all */
	unsigned int n_from;          /* source NAT; 0: all */
	struct ip_prefix from[NAT_NETS_MAX];
	unsigned int n_pool; /* SNAT */
	struct in_addr pool[NAT_POOL_MAX];
	uint16_t port_low, port_high; /* source NAT */
	uint8_t mapping;              /* enum nat_mapping_word */
	uint8_t filtering;            /* enum nat_filtering_word */
	struct nat_dnat_text dnat;    /* DNAT */
};

/* What it comes to. */
struct nat_rule_state {
	char reason[NAT_REASON_SIZE]; /* why it is not active; empty: it is */
	char out[SWITCH_NAME_SIZE];   /* name of the port; empty: none */
	uint16_t out_port;            /* its id, or NAT_OUT_ANY */
	uint16_t guest;               /* source NAT: whose; DNAT: whose sessions they are */
	uint32_t ext;                 /* MASQUERADE, DNAT: network order; 0: not known */
	uint8_t mapping;              /* enum nat_mapping */
	uint8_t filtering;            /* enum nat_filtering */
};

struct nat_rule {
	TAILQ_ENTRY(nat_rule) list;
	struct nat_rule_config config;
	struct nat_rule_state state;
};
TAILQ_HEAD(nat_rule_list, nat_rule);

/* What is set of the table. */
struct nat_table_config {
	uint32_t max_sessions;
	enum nat_mapping mapping; /* of rules that do not say */
	enum nat_filtering filtering;
	struct nat_timeouts timeouts;
	uint32_t guest_sessions; /* caps of guests whose ports do not say; 0: none */
	uint32_t guest_rate;
};

/**
 * nat_control_create() - without rules or table, for sw->nat; after sw->routing.
 * Return: it, or NULL with @err filled.
 */
struct nat_control *nat_control_create(struct vswitch *sw, struct error *err);

/** nat_control_destroy() - before sw->routing; ports may be there still. NULL is legal. */
void nat_control_destroy(struct nat_control *control);

/* --- rules --- */

/**
 * nat_rule_add() - add a rule as the last one.
 * Return: 0, -EEXIST (the name; a forwarding overlaps another), -ENOENT (no such port), -EINVAL,
 * -ENOSPC, -ENOMEM; then nothing has changed.
 */
int nat_rule_add(struct nat_control *control, const struct nat_rule_config *config,
		 struct error *err);

/** nat_rule_set() - change a rule of the same name and kind. Return: as nat_rule_add(). */
int nat_rule_set(struct nat_control *control, const struct nat_rule_config *config,
		 struct error *err);

/** nat_rule_del() - remove a rule. Return: 0 or -ENOENT. */
int nat_rule_del(struct nat_control *control, const char *name, struct error *err);

/** nat_rule_find() - a rule by name, or NULL. */
struct nat_rule *nat_rule_find(struct nat_control *control, const char *name);

/** nat_rules_all() - the rules, in order, with their states as of now. */
const struct nat_rule_list *nat_rules_all(struct nat_control *control);

/* --- table and sessions --- */

/** nat_table_get() - what is set. */
const struct nat_table_config *nat_table_get(const struct nat_control *control);

/**
 * nat_table_set() - change it.
 * Return: 0, -EINVAL (they do not agree), -EBUSY (max_sessions, while there is a table), -ENOMEM.
 */
int nat_table_set(struct nat_control *control, const struct nat_table_config *config,
		  struct error *err);

/** nat_table() - the table, or NULL: there is none now. */
struct nat *nat_table(const struct nat_control *control);

/** nat_control_now() - seconds, for nat.h. */
uint32_t nat_control_now(void);

/**
 * nat_flush() - end the sessions that a filter matches; piece by piece, beginning now.
 * Return: 0 or -ENOMEM.
 */
int nat_flush(struct nat_control *control, const struct nat_filter *filter, struct error *err);

/** nat_flushing() - are sessions still to be ended by nat_flush()? */
bool nat_flushing(const struct nat_control *control);

/* --- what others tell it, or ask; all are legal without NAT --- */

/** nat_control_changed() - interfaces, addresses or caps of ports have changed. */
void nat_control_changed(struct vswitch *sw);

/** nat_control_routes_changed() - a route has; of many that do, some times a second are enough. */
void nat_control_routes_changed(struct vswitch *sw);

/** nat_control_port_removed() - a port is going: so do the sessions of what is behind it. */
void nat_control_port_removed(struct switch_port *port);

/** nat_control_side() - the side of NAT that a routed interface is on (enum nat_side). */
uint8_t nat_control_side(const struct switch_rif *rif);

/**
 * nat_control_answers() - does NAT want packets to this address by this interface, so that ARP is
 * to be answered there? True for external addresses of its network.
 */
bool nat_control_answers(const struct switch_rif *rif, const struct ip_addr *addr);

/** nat_control_announce() - tell an interface's link of the external addresses there. */
void nat_control_announce(struct switch_rif *rif);

/** nat_control_tick() - once a second. */
void nat_control_tick(struct vswitch *sw);

#endif /* VSWITCH_NAT_CONTROL_H */
