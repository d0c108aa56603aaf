/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow hashes of packets for a guest: which of its queues they go to, and what it is told of them.
 *
 * A guest may configure hashing through its control ring (vif_ctrl.h; "Control messages" in
 * xen/io/netif.h): the Toeplitz hash that Windows' receive side scaling wants, with a key, a choice
 * of headers and a table from hash to queue. Each change makes a new, constant struct vif_hash,
 * which workers find by a pointer and which is freed after a grace period. The key is expanded into
 * a table by position and value of each half byte, so that hashing is a lookup for each of them.
 *
 * For guests that have not asked, a cheap hash of addresses and ports spreads flows over queues.
 *
 * Of what is not IP, or a kind of header that the guest has not chosen, the hash is 0 and has no
 * type, as with the kernel's netback. Ports count for TCP (Toeplitz), and for TCP and UDP (the own
 * hash), unless the packet is a fragment: so all fragments of a packet go the same way.
 *
 * Thread-safety: functions on packets: any worker. A struct vif_hash never changes.
 */
#ifndef NETBACK_VIF_HASH_H
#define NETBACK_VIF_HASH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <xen/xen.h>
#include <xen/io/netif.h>

#include "rcu.h"

#define VIF_HASH_KEY_MAX 40      /* bytes; what the kernel's netback takes */
#define VIF_HASH_MAPPING_MAX 128 /* entries; the same */
#define VIF_HASH_TYPES                                                       \
	(XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | \
	 XEN_NETIF_CTRL_HASH_TYPE_IPV6 | XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)
#define VIF_HASH_TYPE_NONE UINT8_MAX

#define VIF_FLOW_IPV4_LEN 8 /* bytes of both addresses */
#define VIF_FLOW_IPV6_LEN 32
#define VIF_FLOW_PORTS_LEN 4

/* What the guest has set, in the order in which it sets it. Control thread. */
struct vif_hash_config {
	uint32_t algorithm; /* XEN_NETIF_CTRL_HASH_ALGORITHM_* */
	uint32_t types;     /* XEN_NETIF_CTRL_HASH_TYPE_*, or'ed */
	uint8_t key[VIF_HASH_KEY_MAX];
	uint32_t mapping_size; /* 0: queues by modulo */
	uint32_t mapping[VIF_HASH_MAPPING_MAX];
};

/* The same, ready for use. Constant. */
struct vif_hash {
	uint32_t types;
	uint32_t mapping_size;
	uint8_t mapping[VIF_HASH_MAPPING_MAX];
	uint32_t table[(VIF_FLOW_IPV6_LEN + VIF_FLOW_PORTS_LEN) * 2][16];
	struct rcu_item retired; /* control */
};

struct vif_hash_value {
	uint32_t value;
	uint8_t type; /* _XEN_NETIF_CTRL_HASH_TYPE_*, or VIF_HASH_TYPE_NONE */
};

/* What a packet's headers say of its flow. */
struct vif_flow {
	uint8_t tuple[40] __rte_aligned(8); /* addresses, then ports, as in the packet; then 0 */
	uint8_t n_addresses;                /* bytes; 0: not IP */
	uint8_t proto;                      /* whose ports they are: TCP, UDP; 0: no ports */
};

/**
 * vif_hash_create() - make a configuration ready for use. Control thread.
 * Return: it, to be freed by free(); NULL: no memory.
 */
struct vif_hash *vif_hash_create(const struct vif_hash_config *config);

/** vif_flow_parse() - look at a packet's headers; tags are passed over. */
void vif_flow_parse(const struct rte_mbuf *pkt, struct vif_flow *ret_flow);

/** vif_hash_toeplitz() - of the first @n bytes, at most 36. */
uint32_t vif_hash_toeplitz(const struct vif_hash *hash, const uint8_t *bytes, uint32_t n);

/** vif_hash_packet() - the hash that the guest has asked for. */
struct vif_hash_value vif_hash_packet(const struct vif_hash *hash, const struct rte_mbuf *pkt);

/** vif_hash_queue() - which of @n_queues the guest wants it on. */
uint16_t vif_hash_queue(const struct vif_hash *hash, uint32_t value, uint16_t n_queues);

/** vif_hash_own() - which of @n_queues a packet goes to if the guest does not care. */
uint16_t vif_hash_own(const struct rte_mbuf *pkt, uint16_t n_queues);

/**
 * vif_hash_is_told() - is the guest told this hash?
 *
 * Not those below 65536, one in 65536: in the ring to the guest the value lies where a buffer's
 * grant was, and a backend that takes over takes such numbers for one (vif_queue.h).
 */
static inline bool
vif_hash_is_told(const struct vif_hash_value *value)
{
	return value->type != VIF_HASH_TYPE_NONE && value->value > UINT16_MAX;
}

#endif /* NETBACK_VIF_HASH_H */
