/* SPDX-License-Identifier: BSD-3-Clause */
/* How sessions end: in the control thread, which gives their slots back after a grace period. */
#include <errno.h>

#include <rte_rcu_qsbr.h>

#include "nat_impl.h"

#define AGE_PARTS 50    /* calls of nat_age() that look at all sessions */
#define END_SCAN 65536u /* sessions that one call of nat_end() looks at */
#define PREFETCH_AHEAD 8

/* TCP: note SYN, FIN and RST, or that a reset was none. */
static void
track_event(struct nat_session *session, uint8_t tcp_flags, enum nat_dir dir)
{
	uint8_t state = __atomic_load_n(&session->state, __ATOMIC_RELAXED);
	const bool closed = (state & NAT_RST) != 0 || (state & NAT_FIN_BOTH) == NAT_FIN_BOTH;

	if (tcp_flags & TCP_RST) {
		__atomic_fetch_or(&session->state, NAT_RST, __ATOMIC_RELAXED);
		return;
	}
	if (tcp_flags & TCP_SYN) {
		/* the same ports once more: a new connection */
		if (closed && (tcp_flags & TCP_ACK) == 0)
			__atomic_store_n(&session->state, NAT_SYN_OUT << dir, __ATOMIC_RELAXED);
		else
			__atomic_fetch_or(&session->state, NAT_SYN_OUT << dir, __ATOMIC_RELAXED);
		return;
	}
	/* RFC 7857 2.2: what goes on after a reset was not reset; but for what was under way */
	if ((state & NAT_RST) != 0 && (tcp_flags & TCP_FIN) == 0)
		__atomic_fetch_and(&session->state, ~NAT_RST, __ATOMIC_RELAXED);
	__atomic_fetch_or(&session->state,
			  NAT_SEEN_OUT << dir | (tcp_flags & TCP_FIN ? NAT_FIN_OUT << dir : 0),
			  __ATOMIC_RELAXED);
}

void
nat_track_new(struct nat_session *session, uint8_t tcp_flags, enum nat_dir dir, uint32_t now)
{
	const uint8_t state = __atomic_load_n(&session->state, __ATOMIC_RELAXED);

	if ((tcp_flags & TCP_EVENTS) != 0 || (state & NAT_RST) != 0)
		track_event(session, tcp_flags, dir);
	else if ((state & 1u << dir) == 0)
		__atomic_fetch_or(&session->state, 1u << dir, __ATOMIC_RELAXED);
	/* at most one write a second keeps the cache line shared between workers */
	if (__atomic_load_n(&session->seen, __ATOMIC_RELAXED) != now)
		__atomic_store_n(&session->seen, now, __ATOMIC_RELAXED);
}

uint32_t
nat_timeout_of(const struct nat *nat, const struct nat_session *session)
{
	const uint8_t state = __atomic_load_n(&session->state, __ATOMIC_RELAXED);
	const bool both = (state & NAT_SEEN_BOTH) == NAT_SEEN_BOTH;

	switch (nat_end_proto(session->end[0])) {
	case IPPROTO_TCP:
		if (both && (state & NAT_RST) == 0 && (state & NAT_FIN_BOTH) != NAT_FIN_BOTH)
			return nat->timeouts.tcp_established;
		return nat->timeouts.tcp_transitory;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return both ? nat->timeouts.udp : nat->timeouts.udp_new;
	case IPPROTO_ICMP:
		return nat->timeouts.icmp;
	default:
		return nat->timeouts.other;
	}
}

static void
spare_ended(struct nat *nat, uint32_t spare)
{
	if (spare == 0)
		return;
	nat->index.buckets[spare].limbo = nat->ended.spares;
	nat->ended.spares = spare;
}

static void
key_remove(struct nat *nat, const struct nat_key *key, uint32_t ref)
{
	spare_ended(nat, nat_index_remove(&nat->index, nat_index_hash(&nat->index, key), ref));
}

/* Nothing leads to it any more but what workers hold. */
static void
slot_ended(struct nat *nat, uint32_t ref)
{
	struct nat_session *session = &nat->sessions[ref];

	nat_guest_give(nat, session->guest);
	session->created = nat->ended.sessions;
	nat->ended.sessions = ref;
}

/* An anchor that nobody leans on any more, and whose own session has ended, is free. */
static void
anchor_drop(struct nat *nat, uint32_t ref)
{
	const struct nat_session *anchor = &nat->sessions[ref];

	if (anchor->map_refs == 0 && anchor->peer_refs == 0 &&
	    (anchor->remote & NAT_REMOTE_SHELL) != 0)
		slot_ended(nat, ref);
}

static void
peer_leave(struct nat *nat, const struct nat_session *session)
{
	const struct nat_key key = { nat_as(NAT_KEY_PEER, session->end[1]),
				     nat_end_ip(session->remote) };

	if (--nat->sessions[session->peer].peer_refs == 0)
		key_remove(nat, &key, session->peer);
}

static void
map_leave(struct nat *nat, const struct nat_session *session)
{
	const struct nat_key key = nat_mapping_key(session->end[0], nat_end_ip(session->end[1]));
	const uint8_t proto = nat_end_proto(session->end[0]);
	const enum ip_l4 kind = proto == IPPROTO_TCP  ? IP_L4_TCP :
				proto == IPPROTO_ICMP ? IP_L4_ICMP :
							IP_L4_UDP;

	if (--nat->sessions[session->map].map_refs > 0)
		return;
	key_remove(nat, &key, session->map);
	nat_port_release(nat_ports_of(nat->exts, session->ext, kind),
			 rte_be_to_cpu_16(nat_end_port(session->end[1])));
}

/* With the lock of the inside end. */
static void
end_locked(struct nat *nat, uint32_t ref)
{
	struct nat_session *session = &nat->sessions[ref];
	const struct nat_key in = { session->end[0], session->remote };
	const struct nat_key ext = { session->end[1], session->remote };
	const uint32_t map = session->map, peer = session->peer;

	__atomic_store_n(&session->flags, session->flags & ~NAT_LIVE, __ATOMIC_RELEASE);
	key_remove(nat, &in, ref);
	key_remove(nat, &ext, ref);
	if (peer != 0)
		peer_leave(nat, session);
	if (map != 0)
		map_leave(nat, session);
	__atomic_store_n(&session->remote, session->remote | NAT_REMOTE_SHELL, __ATOMIC_RELEASE);
	anchor_drop(nat, ref);
	if (peer != 0 && peer != ref && peer != map)
		anchor_drop(nat, peer);
	if (map != 0 && map != ref)
		anchor_drop(nat, map);
}

static bool
is_live(const struct nat_session *session)
{
	return (__atomic_load_n(&session->flags, __ATOMIC_ACQUIRE) & NAT_LIVE) != 0;
}

/* A worker's clock may be a moment ahead of @now: such an age is negative, not huge. */
static bool
is_old(const struct nat *nat, const struct nat_session *session, uint32_t now)
{
	int32_t age = now - __atomic_load_n(&session->seen, __ATOMIC_RELAXED);

	return is_live(session) && age > 0 && (uint32_t)age >= nat_timeout_of(nat, session);
}

/* Close the batch of what has ended: it is free after the next grace period. */
static void
limbo_close(struct nat *nat)
{
	uint32_t i = (nat->limbo_first + nat->limbo_n) % NAT_LIMBO_BATCHES;

	if ((nat->ended.sessions == 0 && nat->ended.spares == 0) ||
	    nat->limbo_n == NAT_LIMBO_BATCHES)
		return;
	nat->ended.token = rte_rcu_qsbr_start(nat->qsbr);
	nat->limbo[i] = nat->ended;
	nat->limbo_n++;
	nat->ended = (struct nat_limbo){ 0 };
}

static void
limbo_free(struct nat *nat, struct nat_limbo *batch)
{
	uint32_t next;

	rte_spinlock_lock(&nat->slots_lock);
	for (uint32_t ref = batch->sessions; ref != 0; ref = next) {
		next = nat->sessions[ref].created;
		nat->free[nat->n_free++] = ref;
	}
	rte_spinlock_unlock(&nat->slots_lock);
	for (uint32_t spare = batch->spares; spare != 0; spare = next) {
		next = nat->index.buckets[spare].limbo;
		nat_index_spare_free(&nat->index, spare);
	}
}

static void
limbo_poll(struct nat *nat)
{
	while (nat->limbo_n > 0) {
		struct nat_limbo *batch = &nat->limbo[nat->limbo_first];

		if (rte_rcu_qsbr_check(nat->qsbr, batch->token, false) != 1)
			break;
		limbo_free(nat, batch);
		nat->limbo_first = (nat->limbo_first + 1) % NAT_LIMBO_BATCHES;
		nat->limbo_n--;
	}
}

bool
nat_age(struct nat *nat, uint32_t now)
{
	const uint32_t fresh = nat_fresh(nat);
	uint32_t n = RTE_MIN(RTE_MAX(fresh / AGE_PARTS, NAT_AGE_SCAN), fresh - 1), ended = 0;

	for (; n > 0 && ended < NAT_AGE_END; n--) {
		uint32_t ref = nat->age_next >= fresh ? 1 : nat->age_next;
		struct nat_session *session = &nat->sessions[ref];
		rte_spinlock_t *lock;

		nat->age_next = ref + 1;
		rte_prefetch0(&nat->sessions[RTE_MIN(ref + PREFETCH_AHEAD, fresh - 1)]);
		if (likely(!is_old(nat, session, now)))
			continue;
		lock = nat_lock_of(nat, session->end[0]);
		rte_spinlock_lock(lock);
		if (is_old(nat, session, now)) {
			end_locked(nat, ref);
			ended++;
		}
		rte_spinlock_unlock(lock);
	}
	limbo_close(nat);
	limbo_poll(nat);
	return ended == NAT_AGE_END;
}

static bool
prefix_matches(uint32_t ip, uint32_t prefix, uint8_t len)
{
	return len == 0 || (rte_be_to_cpu_32(ip ^ prefix) >> (32 - len)) == 0;
}

bool
nat_filter_matches(const struct nat *nat, const struct nat_filter *filter,
		   const struct nat_session *session)
{
	const uint64_t inside = session->end[0], ext = session->end[1];

	return is_live(session) && (filter->proto == 0 || filter->proto == nat_end_proto(inside)) &&
	       (filter->guest == NAT_GUEST_NONE || filter->guest == session->guest) &&
	       prefix_matches(nat_end_ip(inside), filter->inside, filter->inside_len) &&
	       prefix_matches(nat_end_ip(session->remote), filter->remote, filter->remote_len) &&
	       (filter->ext == 0 || filter->ext == nat_end_ip(ext)) &&
	       (filter->port == 0 || filter->port == nat_end_port(inside) ||
		filter->port == nat_end_port(ext) ||
		filter->port == nat_end_port(session->remote)) &&
	       (!filter->orphans || !nat_is_external(nat, nat_end_ip(ext)));
}

int
nat_end(struct nat *nat, uint32_t *cursor, const struct nat_filter *filter, uint32_t *ret_ended)
{
	const uint32_t fresh = nat_fresh(nat);
	uint32_t n = 0, ended = 0;

	for (; *cursor + 1 < fresh && n < END_SCAN && ended < NAT_AGE_END; n++) {
		uint32_t ref = ++*cursor;
		struct nat_session *session = &nat->sessions[ref];
		rte_spinlock_t *lock;

		rte_prefetch0(&nat->sessions[RTE_MIN(ref + PREFETCH_AHEAD, fresh - 1)]);
		if (!nat_filter_matches(nat, filter, session))
			continue;
		/* ends of a live session do not change, and only this thread ends it */
		lock = nat_lock_of(nat, session->end[0]);
		rte_spinlock_lock(lock);
		end_locked(nat, ref);
		rte_spinlock_unlock(lock);
		ended++;
	}
	*ret_ended += ended;
	limbo_close(nat);
	limbo_poll(nat);
	return *cursor + 1 < fresh ? -EAGAIN : 0;
}

uint32_t
nat_count(const struct nat *nat)
{
	uint32_t n = nat_fresh(nat) - 1 - __atomic_load_n(&nat->n_free, __ATOMIC_RELAXED);

	for (uint16_t i = 0; i < nat->n_workers; i++)
		n -= __atomic_load_n(&nat->workers[i].n_slots, __ATOMIC_RELAXED);
	return n;
}
