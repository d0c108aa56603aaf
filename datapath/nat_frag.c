/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat_frag.h"

static uint16_t
id_of(const struct ip_meta *meta)
{
	return get16(rte_pktmbuf_mtod_offset(meta->pkt, const uint8_t *, meta->l3 + 4));
}

static struct nat_frag_set *
set_of(struct nat_frags *frags, const struct ip_meta *meta, uint16_t id)
{
	uint64_t word = (uint64_t)meta->src << 32 | meta->dst;
	__uint128_t product = (__uint128_t)(word ^ frags->seed) *
			      ((uint64_t)id << 32 | meta->proto | UINT64_C(0x9e37000000000100));

	return &frags->sets[((uint64_t)product ^ (uint64_t)(product >> 64)) % NAT_FRAG_SETS];
}

static bool
is_over(const struct nat_frag *frag, uint32_t now)
{
	return frag->nat == IP_NAT_NONE || (int32_t)(now - frag->when) > NAT_FRAG_SECONDS;
}

static bool
is_same(const struct nat_frag *frag, const struct ip_meta *meta, uint16_t id)
{
	return frag->src == meta->src && frag->dst == meta->dst && frag->id == id &&
	       frag->proto == meta->proto;
}

/* The place that a note takes. */
static struct nat_frag *
victim_of(struct nat_frag_set *set, const struct ip_meta *meta, uint16_t id, uint16_t guest,
	  uint32_t now)
{
	struct nat_frag *over = NULL, *own = NULL, *oldest = &set->ways[0];

	for (unsigned int i = 0; i < NAT_FRAG_WAYS; i++) {
		struct nat_frag *frag = &set->ways[i];

		if (is_same(frag, meta, id))
			return frag;
		if (is_over(frag, now))
			over = frag;
		else if (frag->guest == guest)
			own = frag;
		if ((int32_t)(frag->when - oldest->when) < 0)
			oldest = frag;
	}
	return over != NULL ? over : own != NULL ? own : oldest;
}

void
nat_frag_note(struct nat_frags *frags, const struct nat_session *sessions,
	      const struct ip_meta *meta, uint16_t guest, uint32_t now)
{
	uint16_t id = id_of(meta);
	struct nat_frag_set *set = set_of(frags, meta, id);

	rte_spinlock_lock(&set->lock);
	*victim_of(set, meta, id, guest, now) = (struct nat_frag){
		.src = meta->src,
		.dst = meta->dst,
		.id = id,
		.proto = meta->proto,
		.nat = meta->nat,
		.guest = guest,
		.generation = sessions[meta->session].generation,
		.session = meta->session,
		.session2 = meta->session2,
		.route_dst = meta->route_dst,
		.when = now,
	};
	rte_spinlock_unlock(&set->lock);
}

static bool
is_live(const struct nat_session *session)
{
	return (__atomic_load_n(&session->flags, __ATOMIC_ACQUIRE) & NAT_LIVE) != 0;
}

/* Is it still the session that was noted? The other one of a hairpin gives the destination only. */
static bool
is_current(const struct nat_frag *frag, const struct nat_session *sessions)
{
	const struct nat_session *session = &sessions[frag->session];
	const struct nat_session *other = &sessions[frag->session2];

	if (!is_live(session) || session->generation != frag->generation)
		return false;
	return frag->session2 == 0 ||
	       (is_live(other) && nat_end_ip(other->end[0]) == frag->route_dst);
}

bool
nat_frag_find(struct nat_frags *frags, const struct nat_session *sessions, struct ip_meta *meta,
	      uint32_t now)
{
	uint16_t id = id_of(meta);
	struct nat_frag_set *set = set_of(frags, meta, id);
	bool found = false;

	rte_spinlock_lock(&set->lock);
	for (unsigned int i = 0; i < NAT_FRAG_WAYS && !found; i++) {
		const struct nat_frag *frag = &set->ways[i];

		if (is_over(frag, now) || !is_same(frag, meta, id) || !is_current(frag, sessions))
			continue;
		meta->nat = frag->nat;
		meta->session = frag->session;
		meta->session2 = frag->session2;
		meta->route_dst = frag->route_dst;
		found = true;
	}
	rte_spinlock_unlock(&set->lock);
	return found;
}
