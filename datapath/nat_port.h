/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT external addresses, and whose their ports are.
 *
 * Only endpoint-independent mappings own ports: a bitmap to find a free one in, and for each port
 * the session that anchors its mapping, so that a mapping is found from outside by one load. (With
 * address-and-port-dependent mapping it is enough that the session's external key is new.) There is
 * one set of ports each for TCP, UDP and ICMP ids; their memory is touched as ports are used.
 *
 * An address stays in its slot while rules use it or mappings are left on it.
 *
 * Thread-safety: workers claim ports by one atomic operation; the holder of the inside endpoint's
 * lock sets the owner. The control thread releases ports, and opens and closes slots.
 */
#ifndef DATAPATH_NAT_PORT_H
#define DATAPATH_NAT_PORT_H

#include "nat.h"

#define NAT_PORT_SETS 3 /* by enum ip_l4, less IP_L4_TCP */

struct nat_ports {
	uint64_t used[65536 / 64]; /* bits; worker: rw (atomic) */
	uint32_t owner[65536];     /* anchors' session numbers; 0: none; release, acquire */
	uint32_t n_used;           /* atomic */
};

struct nat_ext {
	uint32_t ip; /* network order; 0: the slot is free */
	bool in_rules;
	uint64_t token; /* grace period since no rule uses it */
	struct nat_ports *ports[NAT_PORT_SETS];
};

struct nat_exts {
	struct nat_ext slots[NAT_EXT_MAX];
};

/* What a port may be. */
struct nat_port_range {
	uint16_t low, high; /* host order */
	bool parity;        /* odd or even as `wanted` */
	uint16_t wanted;    /* the inside port */
};

/** nat_ports_of() - the set that a kind of transport header uses. Not for IP_L4_NONE. */
static inline struct nat_ports *
nat_ports_of(struct nat_exts *exts, uint16_t slot, uint8_t kind)
{
	return exts->slots[slot].ports[kind - IP_L4_TCP];
}

/** nat_port_is_free() - is a port (host order) nobody's just now? Any thread. */
static inline bool
nat_port_is_free(const struct nat_ports *ports, uint16_t port)
{
	return !(__atomic_load_n(&ports->used[port / 64], __ATOMIC_RELAXED) >> port % 64 & 1);
}

/** nat_port_claim() - take one port (host order), if it is free. Worker. */
bool nat_port_claim(struct nat_ports *ports, uint16_t port);

/**
 * nat_port_search() - take the first free port at or after @start, round the range. Worker.
 * Return: the port (host order), or 0: none is free.
 */
uint16_t nat_port_search(struct nat_ports *ports, const struct nat_port_range *range,
			 uint16_t start);

/** nat_port_release() - give a port back. Worker (its own claim) or control. */
void nat_port_release(struct nat_ports *ports, uint16_t port);

/**
 * nat_ext_open() - the slot of an address, a new one if need be. Control.
 * Return: 0 .. NAT_EXT_MAX - 1, -ENOSPC or -ENOMEM.
 */
int nat_ext_open(struct nat_exts *exts, uint32_t ip);

/** nat_ext_find() - the slot of an address, or -1. Control. */
int nat_ext_find(const struct nat_exts *exts, uint32_t ip);

/** nat_ext_close() - free a slot and its ports, once nobody can use them. Control. */
void nat_ext_close(struct nat_ext *ext);

/** nat_ext_used() - ports of an address that are owned. Control. */
uint32_t nat_ext_used(const struct nat_ext *ext);

#endif /* DATAPATH_NAT_PORT_H */
