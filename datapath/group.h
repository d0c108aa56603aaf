/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Multicast groups of a bridge with snooping: which ports a group's packets go to.
 *
 * The control thread learns who is a member (vswitch/snoop.h) and enters a list of ports for each
 * group's MAC and VLAN; the entry lives in the bridge's FDB table, so that one lookup decides. Two
 * more entries per VLAN, under MACs that no group has, say where groups without members go: to the
 * routers. They exist while somebody asks the VLAN's hosts for their groups; without them all is
 * flooded, as by a bridge that does not snoop. So whatever is not there, is flooded.
 *
 * By RFC 4541, link-local groups (224.0.0.x, ff02::/16 and below) are flooded whatever the table
 * says, and so is what is not IP. Several IP groups share a MAC, so this goes by the IP address.
 * IGMP, MLD and what tells of routers is for the control thread, which forwards it itself.
 *
 * Thread-safety: group_judge() is for workers, the rest for the control thread. Lists are
 * immutable; each says which key it is for, so that a place can be given to another group at once.
 */
#ifndef DATAPATH_GROUP_H
#define DATAPATH_GROUP_H

#include "bridge.h"

/* Where groups without members go; as MACs in fdb_key(): 01:00:00:00:00:04 and :06 */
#define GROUP_OTHER_IPV4 UINT64_C(0x040000000001)
#define GROUP_OTHER_IPV6 UINT64_C(0x060000000001)

struct group_list {
	uint64_t key;
	struct flood_list list;
};

/* Lists by the index in an FDB entry. */
struct group_table {
	struct rcu_item retired;
	uint32_t size;
	struct group_list *lists[]; /* control: rw (release), worker: ro; NULL: free */
};

enum group_verdict {
	GROUP_FLOOD, /* to all */
	GROUP_LIST,  /* to the ports of the list */
	GROUP_PUNT,  /* to the control thread */
};

/**
 * group_judge() - what becomes of a packet to a group address, on a bridge with snooping. Worker.
 * @table: the bridge's FDB.
 * @tag: its tag word (vlan.h).
 * @key, @hash: of its destination MAC and VLAN.
 * @ret_list: for GROUP_LIST: the ports; valid until the next quiescent state.
 */
enum group_verdict group_judge(const struct bridge *bridge, const struct fdb_table *table,
			       const struct rte_mbuf *pkt, uint16_t tag, uint64_t key,
			       uint64_t hash, const struct flood_list **ret_list);

/**
 * group_set() - enter where a group's packets go, or change it.
 * @key: fdb_key() of its MAC, or of GROUP_OTHER_IPV4 or _IPV6.
 * @ports: ids, @n of them.
 * Return: 0, -ENOSPC (65536 are there already: an index has to fit an FDB entry), -ENOMEM; then all
 * is as before.
 */
int group_set(struct bridge *bridge, struct rcu *rcu, uint64_t key, const uint16_t *ports,
	      uint32_t n);

/** group_unset() - forget a group. No error if it is not there. */
void group_unset(struct bridge *bridge, struct rcu *rcu, uint64_t key);

/** group_table_free() - for bridge_destroy(). NULL is legal. */
void group_table_free(struct group_table *table);

#endif /* DATAPATH_GROUP_H */
