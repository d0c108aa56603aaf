/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT, within: what nat*.c share. The interface for others is nat.h.
 *
 *	nat.c         life, rules; bursts: find sessions, rewrite packets
 *	nat_begin.c   sessions begin (workers)
 *	nat_end.c     sessions end, slots come back (control)
 *	nat_icmp.c    packets quoted in ICMP errors
 *	nat_guest.c   caps
 *	nat_show.c    walks and counters (control)
 *	nat_session.h, nat_index.h, nat_port.h, nat_rules.h, nat_frag.h: the tables
 *
 * Locks, always in this order, and held for well under a microsecond: the lock of an inside
 * endpoint (one of NAT_LOCKS by hash), then that of an index bucket or of a free list. All sessions
 * and mappings of an inside endpoint begin and end under its lock.
 *
 * A session's slot goes round: free list -> a worker's own few -> in use -> ended, in the control
 * thread's limbo until every worker has passed a quiescent state -> free list.
 */
#ifndef DATAPATH_NAT_IMPL_H
#define DATAPATH_NAT_IMPL_H

#include <rte_common.h>
#include <rte_spinlock.h>

#include "nat.h"
#include "nat_frag.h"
#include "nat_index.h"
#include "nat_port.h"
#include "nat_rules.h"
#include "nat_session.h"

#define NAT_LOCKS 4096
#define NAT_SLOTS_CACHED 64 /* free slots that a worker has for itself */
#define NAT_LIMBO_BATCHES 64
#define NAT_KEYS_MAX 4 /* index entries that one session makes */
#define NAT_MEMO_SIZE 64

/* Destinations for which a worker has just found no port: not to look again for a while. */
struct nat_memo {
	uint64_t local; /* external address and protocol */
	uint64_t remote;
	uint32_t when; /* seconds */
};

struct nat_worker {
	uint64_t random;  /* xorshift state, never 0 */
	uint32_t n_slots; /* worker: rw, control: ro */
	uint32_t slots[NAT_SLOTS_CACHED];
	struct nat_memo memo[NAT_MEMO_SIZE];
	struct nat_stats stats;
} __rte_cache_aligned;

struct nat_guest {
	uint32_t sessions;     /* atomic */
	uint32_t max_sessions; /* 0: no cap; control: rw, worker: ro */
	uint32_t per_second;   /* control only */
	uint64_t interval; /* TSC ticks between new sessions; 0: no cap; control: rw, worker: ro */
	uint64_t burst;    /* TSC ticks that it may be ahead */
	uint64_t next;     /* TSC at which the next would be due; atomic */
	uint64_t refused_sessions; /* atomic */
	uint64_t refused_rate;
} __rte_cache_aligned;

/* Ended together: to be given back once the grace period is over. Lists, by session.created and
 * bucket.limbo; 0: end. Control. */
struct nat_limbo {
	uint64_t token;
	uint32_t sessions;
	uint32_t spares;
};

struct nat {
	struct nat_index index;
	struct nat_session *sessions; /* by number */
	uint32_t max_sessions;
	uint16_t n_workers;
	struct nat_worker *workers;
	struct nat_guest *guests;
	struct nat_frags *frags;
	struct nat_rules *rules;      /* control: rw (release), worker: ro (acquire) */
	struct nat_timeouts timeouts; /* control: rw, worker: ro (relaxed) */
	/* control only */
	struct rcu *rcu;
	struct rte_rcu_qsbr *qsbr;
	struct nat_exts *exts; /* slots: control; their ports: workers too */
	uint32_t age_next;
	struct nat_limbo limbo[NAT_LIMBO_BATCHES]; /* a ring of batches */
	uint32_t limbo_first, limbo_n;
	struct nat_limbo ended; /* not yet in a batch */
	/* written by workers: away from what all read */
	rte_spinlock_t slots_lock __rte_cache_aligned;
	uint32_t n_free;
	uint32_t fresh; /* slots that have ever been used, and 1; control: ro (relaxed) */
	uint32_t *free; /* the first n_free */
	rte_spinlock_t locks[NAT_LOCKS] __rte_cache_aligned;
};

static inline const struct nat_rules *
nat_rules(const struct nat *nat)
{
	return __atomic_load_n(&nat->rules, __ATOMIC_ACQUIRE);
}

/* The lock of an inside endpoint. */
static inline rte_spinlock_t *
nat_lock_of(struct nat *nat, uint64_t inside)
{
	struct nat_key key = { .local = nat_as(NAT_KEY_MAPPING, inside) };

	return &nat->locks[nat_index_hash(&nat->index, &key) % NAT_LOCKS];
}

/* What a worker's step needs to know beside the packet. */
struct nat_step {
	struct nat *nat;
	const struct nat_rules *rules;
	struct nat_worker *worker;
	uint32_t now;
	uint16_t guest;
	bool dry; /* nothing begins, and sessions are copies: nat_dry */
};

/* Sessions beyond the table's, of packets that are not really there (trace.h): nobody finds them.
 */
enum nat_dry {
	NAT_DRY_OUT = 1, /* that would begin */
	NAT_DRY_IN,
	NAT_DRY_COPY, /* of those that exist */
	NAT_DRY_COPY2,
	NAT_DRY_SLOTS
};

/** nat_dry_copy() - a copy of a session; it itself if it is one of enum nat_dry. Return: its
 * number.
 */
static inline uint32_t
nat_dry_copy(struct nat *nat, uint32_t ref, enum nat_dry to)
{
	if (ref == 0 || ref > nat->max_sessions)
		return ref;
	nat->sessions[nat->max_sessions + to] = nat->sessions[ref];
	return nat->max_sessions + to;
}

/* A flow that may begin, from either side. */
struct nat_flow {
	uint8_t proto;
	uint8_t kind;    /* enum ip_l4 */
	uint64_t remote; /* as in struct nat_key */
	uint32_t ip;     /* SNAT: inside end; else external end */
	uint16_t port;
};

/**
 * nat_begin_out() - the session of a packet from inside that has none: one that another worker has
 * just made, or a new one by a source rule.
 * @out: interface that it leaves by, or NAT_OUT_ANY.
 * @flags: enum nat_session_flags to set.
 * @ret_drop: why not, if a rule matched: a reason; else untouched.
 * Return: its number, or 0. Worker.
 */
uint32_t nat_begin_out(const struct nat_step *step, const struct nat_flow *flow, uint16_t out,
		       uint8_t flags, uint8_t *ret_drop);

/**
 * nat_begin_hint() - have the memory fetched that nat_begin_out() is going to need, if it comes to
 * that. Worker.
 */
void nat_begin_hint(const struct nat_step *step, const struct nat_flow *flow);

/**
 * nat_begin_in() - the same for a packet to an external endpoint: by a destination rule, or by a
 * mapping that lets others in.
 */
uint32_t nat_begin_in(const struct nat_step *step, const struct nat_ext_rule *ext,
		      const struct nat_flow *flow, uint8_t flags, uint8_t *ret_drop);

/** nat_wants_in() - could nat_begin_in() lead anywhere? */
bool nat_wants_in(const struct nat_step *step, const struct nat_ext_rule *ext,
		  const struct nat_flow *flow);

/**
 * nat_guest_take() - count a new session of a guest.
 * Return: IP_KEEP, or why not. Worker.
 */
uint8_t nat_guest_take(struct nat *nat, uint16_t guest);

/** nat_guest_may() - what nat_guest_take() would say; nothing is counted. */
uint8_t nat_guest_may(const struct nat *nat, uint16_t guest);

/** nat_guest_give() - a session of a guest has ended, or did not come about. Any. */
void nat_guest_give(struct nat *nat, uint16_t guest);

/**
 * nat_icmp_classify() - the session of the packet that an ICMP error quotes; fills @meta.
 * @dir: the way that the error goes.
 * Return: false if it quotes none, or is not sound. Worker.
 */
bool nat_icmp_classify(const struct nat *nat, struct ip_meta *meta, enum nat_dir dir);

/** nat_icmp_rewrite() - translate a quoted packet: the end that the error's way is for. Worker. */
void nat_icmp_rewrite(struct ip_meta *meta, const struct nat_session *session, enum nat_dir dir);

/** nat_hairpin_key() - the external key of the other session of a hairpin. */
static inline struct nat_key
nat_hairpin_key(const struct nat_session *session)
{
	const bool icmp = nat_end_proto(session->end[1]) == IPPROTO_ICMP;
	const uint16_t external_port = nat_end_port(session->end[1]);

	/* what is remote to one is external to the other; an ICMP id is the same to both */
	return (struct nat_key){
		.local = nat_end_word(NAT_KEY_EXTERNAL, nat_end_proto(session->end[1]),
				      nat_end_ip(session->remote),
				      icmp ? external_port : nat_end_port(session->remote)),
		.remote = nat_end_ip(session->end[1]) | (uint64_t)(icmp ? 0 : external_port) << 32,
	};
}

/** nat_find() - the session that a key asks for, or 0. A miss is certain. */
static inline uint32_t
nat_find(const struct nat *nat, const struct nat_key *key)
{
	return nat_index_find_sure(&nat->index, key, nat_index_hash(&nat->index, key));
}

/** nat_filter_matches() - is it live, and one of those asked for? Control. */
bool nat_filter_matches(const struct nat *nat, const struct nat_filter *filter,
			const struct nat_session *session);

/** nat_timeout_of() - seconds of silence after which a session ends. */
uint32_t nat_timeout_of(const struct nat *nat, const struct nat_session *session);

/** nat_fresh() - session numbers in use are below this. Control. */
static inline uint32_t
nat_fresh(const struct nat *nat)
{
	return __atomic_load_n(&nat->fresh, __ATOMIC_RELAXED);
}

#endif /* DATAPATH_NAT_IMPL_H */
