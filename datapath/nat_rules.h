/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT rules, compiled: what workers ask when a packet belongs to no session.
 *
 * Source rules lie sorted: those of a guest together, found by the guest's number, the others
 * behind; within each the longest prefixes first. Every external address has an entry in a small
 * hash table, with its destination rules sorted by protocol and port.
 *
 * Thread-safety: immutable once compiled; published and retired by RCU (nat_rules_set()).
 */
#ifndef DATAPATH_NAT_RULES_H
#define DATAPATH_NAT_RULES_H

#include "nat.h"
#include "nat_port.h"
#include "rcu.h"

struct nat_pool_entry {
	uint32_t ip;   /* network order */
	uint16_t slot; /* struct nat_exts; if the rule's mapping is endpoint-independent */
};

struct nat_snat_rule {
	uint32_t inside, mask; /* network order */
	uint16_t guest;
	uint16_t out;
	uint16_t port_low, port_high; /* host order */
	uint8_t inside_len;
	uint8_t mapping;   /* enum nat_mapping */
	uint8_t filtering; /* enum nat_filtering */
	uint16_t n_pool;
	uint32_t pool; /* index of its first in nat_rules.pool */
	uint32_t order;
};

struct nat_dnat_rule {
	uint32_t ext, inside; /* network order */
	uint16_t low, high;   /* host order */
	uint16_t inside_low;  /* host order */
	uint16_t guest;
	uint8_t proto; /* 0: all */
	uint32_t order;
};

/* An external address. */
struct nat_ext_rule {
	uint32_t ip;       /* network order */
	uint32_t first, n; /* its nat_rules.dnats */
	int slot;          /* struct nat_exts, -1: no endpoint-independent mapping uses it */
};

struct nat_rules {
	struct rcu_item retired; /* control */
	uint32_t n_snats, n_dnats, n_exts;
	struct nat_snat_rule *snats;
	struct nat_dnat_rule *dnats;
	struct nat_ext_rule *exts;
	struct nat_pool_entry *pool;
	uint32_t *hash; /* index in exts + 1; 0: empty */
	uint32_t hash_mask;
	uint32_t guest_first[NAT_GUESTS + 1]; /* in snats; the others begin at the last */
};

/**
 * nat_rules_compile() - check rules and put them in order. Control.
 * @exts: slots are opened for the addresses of endpoint-independent mappings.
 * Return: 0 or -errno as nat_rules_set().
 */
int nat_rules_compile(struct nat_exts *exts, const struct nat_snat *snats, uint32_t n_snats,
		      const struct nat_dnat *dnats, uint32_t n_dnats, struct nat_rules **ret_rules,
		      uint32_t *ret_bad);

/** nat_rules_free() - free compiled rules. NULL is legal. */
void nat_rules_free(void *rules);

/** nat_rules_ext() - an external address, or NULL. */
const struct nat_ext_rule *nat_rules_ext(const struct nat_rules *rules, uint32_t ip);

/**
 * nat_rules_snat() - the source rule for a packet, or NULL.
 * @out: interface that it leaves by; NAT_OUT_ANY: not known.
 */
const struct nat_snat_rule *nat_rules_snat(const struct nat_rules *rules, uint16_t guest,
					   uint32_t src, uint16_t out);

/** nat_rules_dnat() - the destination rule for a port (host order) of an address, or NULL. */
const struct nat_dnat_rule *nat_rules_dnat(const struct nat_rules *rules,
					   const struct nat_ext_rule *ext, uint8_t proto,
					   uint16_t port);

#endif /* DATAPATH_NAT_RULES_H */
