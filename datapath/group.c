/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ether.h>

#include "group.h"
#include "rcu.h"
#include "vlan.h"

#define TABLE_SIZE_MIN 16
#define IPV4_HEADER_LEN 20
#define IPV6_HEADER_LEN 40
#define ICMPV6_MLD_QUERY 130
#define ICMPV6_MLD_DONE 132
#define ICMPV6_MLD2_REPORT 143
#define ICMPV6_MRD_FIRST 151 /* RFC 4286 */
#define ICMPV6_MRD_LAST 153

/* 01:00:5e:0..7f, RFC 1112 6.4, and 33:33, RFC 2464 7, as read in a little-endian word */
#define MAC_IPV4 UINT64_C(0x5e0001)
#define MAC_IPV4_MASK UINT64_C(0x80ffffff)
#define MAC_IPV6 UINT64_C(0x3333)
#define MAC_IPV6_MASK UINT64_C(0xffff)

static const struct flood_list *
group_find(const struct bridge *bridge, const struct fdb_table *table, uint64_t key, uint64_t hash)
{
	const struct fdb_entry *entry = fdb_lookup(table, key, hash);
	const struct group_table *groups;
	const struct group_list *list;
	uint32_t dest;

	if (entry == NULL)
		return NULL;
	dest = __atomic_load_n(&entry->dest, __ATOMIC_RELAXED);
	groups = __atomic_load_n(&bridge->groups, __ATOMIC_ACQUIRE);
	/* the table may be older than the index, and the place given to another group */
	if (!(dest & FDB_DEST_GROUP) || groups == NULL || (dest & FDB_DEST_PORT) >= groups->size)
		return NULL;
	list = __atomic_load_n(&groups->lists[dest & FDB_DEST_PORT], __ATOMIC_ACQUIRE);
	return list != NULL && list->key == key ? &list->list : NULL;
}

/* @other: where it goes if nobody is a member; 0: to all. */
static enum group_verdict
group_choose(const struct bridge *bridge, const struct fdb_table *table, uint64_t key,
	     uint64_t hash, uint64_t other, const struct flood_list **ret_list)
{
	*ret_list = group_find(bridge, table, key, hash);
	if (*ret_list == NULL && other != 0) {
		key = fdb_key(other, key >> FDB_VID_SHIFT & VLAN_VID_MASK);
		*ret_list = group_find(bridge, table, key, fdb_hash(table, key));
	}
	return *ret_list != NULL ? GROUP_LIST : GROUP_FLOOD;
}

static enum group_verdict
group_judge_ipv4(const struct bridge *bridge, const struct fdb_table *table, const uint8_t *ip,
		 uint32_t len, uint64_t key, uint64_t hash, const struct flood_list **ret_list)
{
	uint32_t dst;

	if (len < IPV4_HEADER_LEN)
		return GROUP_FLOOD;
	memcpy(&dst, ip + 16, sizeof(dst));
	dst = rte_be_to_cpu_32(dst);
	if (ip[9] == IPPROTO_IGMP || (ip[9] == IPPROTO_PIM && dst == 0xe000000d))
		return GROUP_PUNT;
	if (dst >> 8 == 0xe00000)
		return GROUP_FLOOD;
	/* a unicast address behind a group's MAC: a cluster, whose nodes may have joined it */
	return group_choose(bridge, table, key, hash, dst >> 28 == 0xe ? GROUP_OTHER_IPV4 : 0,
			    ret_list);
}

/* MLD and MRD messages have a hop-by-hop header with a router alert (RFC 3810 5, RFC 4286 3). */
static bool
group_is_mld(const uint8_t *ip, uint32_t len)
{
	uint32_t icmp;
	uint8_t type;

	if (len < IPV6_HEADER_LEN + 2 || ip[6] != IPPROTO_HOPOPTS ||
	    ip[IPV6_HEADER_LEN] != IPPROTO_ICMPV6)
		return false;
	icmp = IPV6_HEADER_LEN + (ip[IPV6_HEADER_LEN + 1] + 1) * 8;
	if (len <= icmp)
		return false;
	type = ip[icmp];
	return (type >= ICMPV6_MLD_QUERY && type <= ICMPV6_MLD_DONE) ||
	       type == ICMPV6_MLD2_REPORT || (type >= ICMPV6_MRD_FIRST && type <= ICMPV6_MRD_LAST);
}

static enum group_verdict
group_judge_ipv6(const struct bridge *bridge, const struct fdb_table *table, const uint8_t *ip,
		 uint32_t len, uint64_t key, uint64_t hash, const struct flood_list **ret_list)
{
	static const uint8_t all_pim[16] = { 0xff, 0x02, [15] = 0x0d };
	const uint8_t *dst = ip + 24;

	if (len < IPV6_HEADER_LEN)
		return GROUP_FLOOD;
	if (group_is_mld(ip, len) || (ip[6] == IPPROTO_PIM && memcmp(dst, all_pim, 16) == 0))
		return GROUP_PUNT;
	if (dst[0] == 0xff && (dst[1] & 0x0f) <= 2)
		return GROUP_FLOOD;
	return group_choose(bridge, table, key, hash, dst[0] == 0xff ? GROUP_OTHER_IPV6 : 0,
			    ret_list);
}

enum group_verdict
group_judge(const struct bridge *bridge, const struct fdb_table *table, const struct rte_mbuf *pkt,
	    uint16_t tag, uint64_t key, uint64_t hash, const struct flood_list **ret_list)
{
	/* a tag inside of the VLAN is payload: nobody here asks the stations behind it */
	const uint32_t l2 =
		RTE_ETHER_HDR_LEN + ((tag & VLAN_TAGGED) ? sizeof(struct rte_vlan_hdr) : 0);
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	const uint32_t len = pkt->data_len;
	uint16_t type;

	if (len < l2)
		return GROUP_FLOOD;
	memcpy(&type, frame + l2 - sizeof(type), sizeof(type));
	if ((key & MAC_IPV4_MASK) == MAC_IPV4 && type == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return group_judge_ipv4(bridge, table, frame + l2, len - l2, key, hash, ret_list);
	if ((key & MAC_IPV6_MASK) == MAC_IPV6 && type == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return group_judge_ipv6(bridge, table, frame + l2, len - l2, key, hash, ret_list);
	return GROUP_FLOOD;
}

void
group_table_free(struct group_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 0; i < table->size; i++)
		free(table->lists[i]);
	free(table);
}

/* The index of a group's list, or -ENOENT. */
static int
group_index(const struct bridge *bridge, uint64_t key)
{
	const struct fdb_entry *entry =
		fdb_lookup(bridge->table, key, fdb_hash(bridge->table, key));

	return entry != NULL ? (int)(entry->dest & FDB_DEST_PORT) : -ENOENT;
}

/* A table of twice the size, with the lists of the old one. */
static int
group_table_grow(struct bridge *bridge, struct rcu *rcu)
{
	struct group_table *old = bridge->groups, *new;
	uint32_t size = old != NULL ? old->size * 2 : TABLE_SIZE_MIN;

	if (size > FDB_DEST_PORT + 1)
		return -ENOSPC;
	new = calloc(1, sizeof(*new) + size * sizeof(new->lists[0]));
	if (new == NULL)
		return -ENOMEM;
	new->size = size;
	if (old != NULL)
		memcpy(new->lists, old->lists, old->size * sizeof(old->lists[0]));
	__atomic_store_n(&bridge->groups, new, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_retire(rcu, &old->retired, free, old);
	return 0;
}

/* A place that no group has. */
static int
group_index_new(struct bridge *bridge, struct rcu *rcu)
{
	const struct group_table *table;
	int ret;

	if (bridge->groups == NULL || bridge->n_groups == bridge->groups->size) {
		ret = group_table_grow(bridge, rcu);
		if (ret < 0)
			return ret;
	}
	table = bridge->groups;
	while (table->lists[bridge->next_group % table->size] != NULL)
		bridge->next_group++;
	return bridge->next_group++ % table->size;
}

int
group_set(struct bridge *bridge, struct rcu *rcu, uint64_t key, const uint16_t *ports, uint32_t n)
{
	struct group_list *list = malloc(sizeof(*list) + n * sizeof(ports[0])), *old;
	int index = group_index(bridge, key), ret;

	if (list == NULL)
		return -ENOMEM;
	list->key = key;
	list->list.n = n;
	memcpy(list->list.ports, ports, n * sizeof(ports[0]));
	if (index >= 0) {
		old = bridge->groups->lists[index];
		__atomic_store_n(&bridge->groups->lists[index], list, __ATOMIC_RELEASE);
		rcu_retire(rcu, &old->list.retired, free, old);
		return 0;
	}
	index = group_index_new(bridge, rcu);
	if (index < 0) {
		free(list);
		return index;
	}
	__atomic_store_n(&bridge->groups->lists[index], list, __ATOMIC_RELEASE);
	ret = fdb_set(bridge->fdb, key, index | FDB_DEST_STATIC | FDB_DEST_GROUP, 0, 0);
	if (ret < 0) {
		__atomic_store_n(&bridge->groups->lists[index], NULL, __ATOMIC_RELEASE);
		rcu_retire(rcu, &list->list.retired, free, list);
		return ret;
	}
	bridge->n_groups++;
	return 0;
}

void
group_unset(struct bridge *bridge, struct rcu *rcu, uint64_t key)
{
	int index = group_index(bridge, key);
	struct group_list *list;

	if (index < 0)
		return;
	fdb_remove(bridge->fdb, key);
	list = bridge->groups->lists[index];
	__atomic_store_n(&bridge->groups->lists[index], NULL, __ATOMIC_RELEASE);
	rcu_retire(rcu, &list->list.retired, free, list);
	bridge->n_groups--;
}
