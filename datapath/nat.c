/* SPDX-License-Identifier: BSD-3-Clause */
/* Bursts: find sessions, rewrite packets. And the life of a NAT. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <rte_rcu_qsbr.h>

#include "nat_impl.h"
#include "offload.h"
#include "port.h"
#include "rcu.h"

/* What has no key of its own: taken one by one. */
#define NO_KEY (IP_IS_IPV6 | IP_FRAG_LATER | IP_ICMP_ERROR | IP_NO_L4)
/* And what there is more to do for than to find the session. */
#define NOT_PLAIN (NO_KEY | IP_FRAG_FIRST)

/* The fields of transport headers that change, by enum ip_l4. */
static const struct {
	uint8_t checksum;
	uint8_t port[2]; /* by enum nat_dir */
} l4_fields[IP_L4_KINDS] = {
	[IP_L4_TCP] = { 16, { 0, 2 } },
	[IP_L4_UDP] = { 6, { 0, 2 } },
	[IP_L4_ICMP] = { 2, { 4, 4 } },
};

/* The flow that a packet begins. */
static struct nat_flow
flow_of(const struct ip_meta *meta, enum nat_dir dir)
{
	const struct nat_key key = nat_meta_key(meta, dir);

	return (struct nat_flow){
		.proto = meta->proto,
		.kind = meta->kind,
		.remote = key.remote,
		.ip = nat_end_ip(key.local),
		.port = nat_end_port(key.local),
	};
}

static void
found_out(struct ip_meta *meta, uint32_t ref)
{
	meta->session = ref;
	meta->nat = IP_NAT_OUT;
}

static void
found_in(const struct nat *nat, struct ip_meta *meta, uint32_t ref)
{
	meta->session = ref;
	meta->nat = IP_NAT_IN;
	meta->route_dst = nat_end_ip(nat->sessions[ref].end[0]);
}

static void
missed(const struct nat_step *step, struct ip_meta *meta)
{
	meta->nat = IP_NAT_MISS;
	meta->session = 0;
	step->worker->stats.misses++;
}

/* To an external address, and not of a known session: by a rule, or by a mapping. */
static __rte_noinline void
classify_new_in(const struct nat_step *step, struct ip_meta *meta)
{
	const struct nat_ext_rule *ext = nat_rules_ext(step->rules, meta->dst);
	const struct nat_flow flow = flow_of(meta, NAT_DIR_IN);
	uint8_t drop = IP_KEEP;
	uint32_t ref;

	ref = ext != NULL ? nat_begin_in(step, ext, &flow, 0, &drop) : 0;
	meta->drop = drop;
	if (ref != 0)
		found_in(step->nat, meta, ref);
	else if (drop == IP_KEEP && ext != NULL)
		missed(step, meta);
}

/* A packet of a session whose remote end is an external address of ours. */
static void
hairpin(const struct nat_step *step, struct ip_meta *meta, uint32_t ref)
{
	struct nat *nat = step->nat;
	const struct nat_session *session = &nat->sessions[ref];
	const struct nat_key key = nat_hairpin_key(session);
	const struct nat_ext_rule *ext = nat_rules_ext(step->rules, meta->dst);
	const struct nat_flow flow = {
		.proto = meta->proto,
		.kind = meta->kind,
		.remote = key.remote,
		.ip = nat_end_ip(key.local),
		.port = nat_end_port(key.local),
	};
	uint32_t partner = nat_find(nat, &key);
	uint8_t drop = IP_KEEP;

	if (partner == 0 && ext != NULL)
		partner = nat_begin_in(step, ext, &flow, NAT_HAIRPIN, &drop);
	meta->drop = drop;
	if (partner == 0) {
		missed(step, meta);
		return;
	}
	meta->session = ref;
	meta->session2 = partner;
	meta->nat = IP_NAT_HAIRPIN;
	meta->route_dst = nat_end_ip(nat->sessions[partner].end[0]);
}

/*
 * From inside to an external address: to another guest (or oneself), who shall see the external
 * source if there is a rule for it. Nothing is begun for what leads nowhere.
 */
static __rte_noinline void
classify_new_hairpin(const struct nat_step *step, struct ip_meta *meta,
		     const struct nat_ext_rule *ext)
{
	const struct nat_flow out = flow_of(meta, NAT_DIR_OUT), in = flow_of(meta, NAT_DIR_IN);
	uint8_t drop = IP_KEEP;
	uint32_t ref;

	if (!nat_wants_in(step, ext, &in)) {
		missed(step, meta);
		return;
	}
	ref = nat_begin_out(step, &out, NAT_OUT_ANY, NAT_HAIRPIN, &drop);
	meta->drop = drop;
	if (drop != IP_KEEP)
		return;
	if (ref != 0)
		hairpin(step, meta, ref);
	else
		classify_new_in(step, meta);
}

/* Later fragments, ICMP errors, cut-off headers. */
static __rte_noinline void
classify_keyless(const struct nat_step *step, struct ip_meta *meta, enum nat_side side)
{
	struct nat *nat = step->nat;
	const enum nat_dir dir = side == NAT_INSIDE ? NAT_DIR_OUT : NAT_DIR_IN;
	struct nat_key key;

	if (meta->flags & IP_IS_IPV6)
		return;
	if (meta->flags & IP_FRAG_LATER) {
		if (nat_frag_find(nat->frags, nat->sessions, meta, step->now))
			return;
	} else if ((meta->flags & IP_ICMP_ERROR) && nat_icmp_classify(nat, meta, dir)) {
		const struct nat_session *session = &nat->sessions[meta->session];

		if (dir == NAT_DIR_IN) {
			found_in(nat, meta, meta->session);
			return;
		}
		if (!(session->flags & NAT_HAIRPIN)) {
			found_out(meta, meta->session);
			return;
		}
		key = nat_hairpin_key(session);
		meta->session2 = nat_find(nat, &key);
		if (meta->session2 != 0) {
			meta->nat = IP_NAT_HAIRPIN;
			meta->route_dst = nat_end_ip(nat->sessions[meta->session2].end[0]);
			return;
		}
	}
	if (nat_rules_ext(step->rules, meta->dst) != NULL)
		missed(step, meta);
}

/* From inside, without a session. Most of it is to be told by nat_translate(). */
static __rte_noinline void
classify_new_out(const struct nat_step *step, struct ip_meta *meta)
{
	const struct nat_ext_rule *ext = nat_rules_ext(step->rules, meta->dst);

	const struct nat_flow flow = flow_of(meta, NAT_DIR_OUT);

	if (ext != NULL)
		classify_new_hairpin(step, meta, ext);
	else
		nat_begin_hint(step, &flow);
}

static inline void
classify_found(const struct nat_step *step, struct ip_meta *meta, enum nat_side side, uint32_t ref)
{
	const struct nat_session *session = &step->nat->sessions[ref];

	if (side == NAT_OUTSIDE)
		found_in(step->nat, meta, ref);
	else if (likely(!(session->flags & NAT_HAIRPIN)))
		found_out(meta, ref);
	else
		hairpin(step, meta, ref);
}

/* The guess was wrong, or there was none; or the packet is not plain. */
static __rte_noinline void
classify_slow(const struct nat_step *step, struct ip_meta *meta, enum nat_side side,
	      const struct nat_key *key, uint64_t hash)
{
	uint32_t ref;

	if (meta->drop != IP_KEEP)
		return;
	if (meta->flags & NO_KEY) {
		classify_keyless(step, meta, side);
		return;
	}
	ref = nat_index_find_sure(&step->nat->index, key, hash);
	if (ref != 0) {
		classify_found(step, meta, side, ref);
	} else if (meta->proto == IPPROTO_ICMP && meta->kind == IP_L4_NONE) {
		/* RFC 5508 REQ-11: no session begins with neither a query nor an error */
		if (nat_rules_ext(step->rules, meta->dst) != NULL)
			missed(step, meta);
	} else if (side == NAT_OUTSIDE) {
		classify_new_in(step, meta);
	} else {
		classify_new_out(step, meta);
	}
	if ((meta->flags & IP_FRAG_FIRST) && meta->session != 0 && !step->dry)
		nat_frag_note(step->nat->frags, step->nat->sessions, meta,
			      step->nat->sessions[meta->session].guest, step->now);
}

/*
 * Three rounds over the burst, so that the memory that a packet needs is on its way while the
 * others are looked at: the bucket, then the session.
 */
static inline __attribute__((always_inline)) void
classify_side(const struct nat_step *step, enum nat_side side, struct ip_meta *metas, uint16_t n)
{
	const struct nat_index *index = &step->nat->index;
	const enum nat_dir dir = side == NAT_INSIDE ? NAT_DIR_OUT : NAT_DIR_IN;
	const uint32_t mask = IP_STATE(NOT_PLAIN, UINT8_MAX, 0);
	const struct nat_bucket *buckets[PORT_BURST_MAX];
	const uint64_t extent = nat_index_extent(index);
	struct nat_key keys[PORT_BURST_MAX];
	uint64_t hashes[PORT_BURST_MAX];
	uint32_t refs[PORT_BURST_MAX];

	for (uint16_t i = 0; i < n; i++) {
		keys[i] = nat_meta_key(&metas[i], dir);
		hashes[i] = nat_index_hash(index, &keys[i]);
		buckets[i] = nat_index_bucket_of(index, extent, hashes[i]);
		rte_prefetch0(buckets[i]);
	}
	for (uint16_t i = 0; i < n; i++) {
		refs[i] = nat_index_guess(buckets[i], hashes[i]);
		rte_prefetch0(&index->sessions[refs[i]]);
	}
	for (uint16_t i = 0; i < n; i++) {
		const struct nat_session *session = &index->sessions[refs[i]];

		if (likely((session->end[dir] == keys[i].local) &
			   (session->remote == keys[i].remote) &
			   ((ip_state(&metas[i]) & mask) == IP_STATE(0, IP_KEEP, 0))))
			classify_found(step, &metas[i], side, refs[i]);
		else
			classify_slow(step, &metas[i], side, &keys[i], hashes[i]);
	}
}

static inline struct nat_step
step_begin(struct nat *nat, uint16_t worker, uint32_t now, uint16_t guest)
{
	return (struct nat_step){
		.nat = nat,
		.rules = nat_rules(nat),
		.worker = &nat->workers[RTE_MIN(worker, nat->n_workers)],
		.now = now,
		.guest = guest,
		.dry = worker >= nat->n_workers,
	};
}

/* What is not really there keeps no session alive. */
static __rte_noinline void
sessions_copy(struct nat *nat, struct ip_meta *metas, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		metas[i].session = nat_dry_copy(nat, metas[i].session, NAT_DRY_COPY);
		metas[i].session2 = nat_dry_copy(nat, metas[i].session2, NAT_DRY_COPY2);
	}
}

void
nat_classify(struct nat *nat, uint16_t worker, uint32_t now, enum nat_side side, uint16_t guest,
	     struct ip_meta *metas, uint16_t n)
{
	const struct nat_step step = step_begin(nat, worker, now, guest);

	if (side == NAT_INSIDE)
		classify_side(&step, NAT_INSIDE, metas, n);
	else
		classify_side(&step, NAT_OUTSIDE, metas, n);
	if (unlikely(step.dry))
		sessions_copy(nat, metas, n);
}

/* The transport header: the port of one end, and what follows for the checksum. */
static inline void
rewrite_l4(struct ip_meta *meta, uint8_t *l4, uint16_t port, uint16_t delta_ip, uint16_t delta_l4,
	   enum nat_dir dir)
{
	uint8_t *field = l4 + l4_fields[meta->kind].checksum;
	uint16_t sum = get16(field);

	put16(l4 + l4_fields[meta->kind].port[dir], port);
	if (unlikely((meta->pkt->ol_flags & OFFLOAD_BLANK_MASK) != 0)) {
		/* blank: the sum of the pseudo header, which has no ports */
		put16(field, csum_apply_sum(sum, delta_ip));
		return;
	}
	if (meta->kind == IP_L4_UDP) {
		if (sum == 0)
			return; /* RFC 768: none */
		sum = csum_apply(sum, delta_l4);
		put16(field, sum != 0 ? sum : 0xffff);
		return;
	}
	put16(field, csum_apply(sum, delta_l4));
}

/* Give a packet the other one of the session's own ends. */
static void
rewrite(struct ip_meta *meta, const struct nat_session *session, enum nat_dir dir)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(meta->pkt, uint8_t *, meta->l3);
	const uint64_t to = session->end[1 - dir];
	const uint16_t flip = dir == NAT_DIR_OUT ? 0 : 0xffff;
	const uint16_t delta_ip = session->delta_ip ^ flip;

	if (meta->flags & IP_ICMP_ERROR) {
		nat_icmp_rewrite(meta, session, dir);
		return;
	}
	put32(ip + (dir == NAT_DIR_OUT ? 12 : 16), nat_end_ip(to));
	put16(ip + 10, csum_apply(get16(ip + 10), delta_ip));
	if (meta->kind != IP_L4_NONE)
		rewrite_l4(meta, rte_pktmbuf_mtod_offset(meta->pkt, uint8_t *, meta->l4),
			   nat_end_port(to), delta_ip, session->delta_l4 ^ flip, dir);
}

/* Later fragments and errors keep no session alive that nobody else does (RFC 5508 REQ-6). */
static inline void
track(const struct nat_step *step, const struct ip_meta *meta, struct nat_session *session,
      enum nat_dir dir)
{
	if (likely(!(meta->flags & (IP_FRAG_LATER | IP_ICMP_ERROR))))
		nat_track(session, meta->tcp_flags, dir, step->now);
}

static void
translate_out(const struct nat_step *step, struct ip_meta *meta, uint32_t ref)
{
	struct nat_session *session = &step->nat->sessions[ref];

	rewrite(meta, session, NAT_DIR_OUT);
	track(step, meta, session, NAT_DIR_OUT);
}

static void
translate_in(const struct nat_step *step, struct ip_meta *meta, uint32_t ref)
{
	struct nat_session *session = &step->nat->sessions[ref];

	rewrite(meta, session, NAT_DIR_IN);
	track(step, meta, session, NAT_DIR_IN);
}

/*
 * Is it of one session, and TCP or UDP behind an IPv4 header without options, no fragment, its
 * checksum not blank?
 */
static inline bool
is_plain(const struct ip_meta *meta, enum ip_nat nat)
{
	const uint32_t mask = IP_STATE(~(IP_SNAT | IP_CUT), UINT8_MAX, UINT8_MAX);

	return ((ip_state(meta) & mask) == IP_STATE(0, IP_KEEP, nat)) &
	       ((meta->kind == IP_L4_TCP) | (meta->kind == IP_L4_UDP)) &
	       ((meta->pkt->ol_flags & OFFLOAD_BLANK_MASK) == 0);
}

/* translate_out() and translate_in() for a plain packet. */
static inline __attribute__((always_inline)) void
translate_plain(const struct nat_step *step, const struct ip_meta *meta, enum nat_dir dir)
{
	struct nat_session *session = &step->nat->sessions[meta->session];
	uint8_t *ip = rte_pktmbuf_mtod_offset(meta->pkt, uint8_t *, meta->l3);
	uint8_t *l4 = ip + IPV4_HEADER_LEN;
	const bool udp = meta->kind == IP_L4_UDP;
	uint8_t *field = l4 + (udp ? 6 : 16);
	const uint64_t to = session->end[1 - dir];
	const uint16_t flip = dir == NAT_DIR_OUT ? 0 : 0xffff;
	uint16_t sum = get16(field);

	put32(ip + (dir == NAT_DIR_OUT ? 12 : 16), nat_end_ip(to));
	put16(ip + 10, csum_apply(get16(ip + 10), session->delta_ip ^ flip));
	put16(l4 + (dir == NAT_DIR_OUT ? 0 : 2), nat_end_port(to));
	if (!udp || sum != 0) { /* RFC 768: none */
		sum = csum_apply(sum, session->delta_l4 ^ flip);
		put16(field, udp && sum == 0 ? 0xffff : sum);
	}
	nat_track(session, meta->tcp_flags, dir, step->now);
}

/* From inside to outside, and no session yet. */
static __rte_noinline void
translate_new(const struct nat_step *step, struct ip_meta *meta)
{
	struct nat *nat = step->nat;
	const struct nat_flow flow = flow_of(meta, NAT_DIR_OUT);
	uint8_t drop = IP_KEEP;
	uint32_t ref;

	/* the first fragment may have begun the session just now */
	if ((meta->flags & IP_FRAG_LATER) &&
	    nat_frag_find(nat->frags, nat->sessions, meta, step->now)) {
		if (step->dry)
			meta->session = nat_dry_copy(nat, meta->session, NAT_DRY_COPY);
		translate_out(step, meta, meta->session);
		step->worker->stats.out++;
		step->worker->stats.fragments++;
		return;
	}
	if (nat_rules_snat(step->rules, step->guest, meta->src, meta->out) == NULL &&
	    (meta->flags & NO_KEY))
		return;
	if (meta->flags & NO_KEY) {
		meta->drop = meta->flags & IP_FRAG_LATER ? DROP_NAT_FRAGMENT :
			     meta->flags & IP_ICMP_ERROR ? DROP_NAT_NO_SESSION :
							   DROP_NAT_BAD;
		return;
	}
	if (meta->proto == IPPROTO_ICMP && meta->kind == IP_L4_NONE) {
		if (nat_rules_snat(step->rules, step->guest, meta->src, meta->out) != NULL)
			meta->drop = DROP_NAT_BAD; /* RFC 5508 REQ-11: neither query nor error */
		return;
	}
	ref = nat_begin_out(step, &flow, meta->out, 0, &drop);
	meta->drop = drop;
	if (ref == 0)
		return;
	if (step->dry)
		ref = nat_dry_copy(nat, ref, NAT_DRY_COPY);
	found_out(meta, ref);
	if ((meta->flags & IP_FRAG_FIRST) && !step->dry)
		nat_frag_note(nat->frags, nat->sessions, meta, step->guest, step->now);
	translate_out(step, meta, ref);
	step->worker->stats.out++;
}

/* What is not plain, or not of one session that exists. */
static __rte_noinline void
translate_other(const struct nat_step *step, struct ip_meta *meta, enum nat_side side)
{
	struct nat_stats *stats = &step->worker->stats;

	switch ((enum ip_nat)meta->nat) {
	case IP_NAT_OUT:
		translate_out(step, meta, meta->session);
		stats->out++;
		break;
	case IP_NAT_IN:
		translate_in(step, meta, meta->session);
		stats->in++;
		break;
	case IP_NAT_HAIRPIN:
		translate_out(step, meta, meta->session);
		translate_in(step, meta, meta->session2);
		stats->hairpin++;
		break;
	case IP_NAT_NONE:
		if (side == NAT_INSIDE && (meta->flags & (IP_SNAT | IP_IS_IPV6)) == IP_SNAT)
			translate_new(step, meta);
		return;
	case IP_NAT_MISS:
		return;
	}
	stats->fragments += (meta->flags & IP_FRAG_LATER) != 0;
	stats->errors += (meta->flags & IP_ICMP_ERROR) != 0;
}

/* A burst most of whose packets are of known sessions and go one way. */
static inline __attribute__((always_inline)) void
translate_side(const struct nat_step *step, enum nat_side side, struct ip_meta *metas, uint16_t n)
{
	const enum nat_dir dir = side == NAT_INSIDE ? NAT_DIR_OUT : NAT_DIR_IN;
	const enum ip_nat nat = side == NAT_INSIDE ? IP_NAT_OUT : IP_NAT_IN;
	uint16_t done = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct ip_meta *meta = &metas[i];

		if (likely(is_plain(meta, nat))) {
			translate_plain(step, meta, dir);
			done++;
		} else if (meta->drop == IP_KEEP) {
			translate_other(step, meta, side);
		}
	}
	if (side == NAT_INSIDE)
		step->worker->stats.out += done;
	else
		step->worker->stats.in += done;
}

void
nat_translate(struct nat *nat, uint16_t worker, uint32_t now, enum nat_side side, uint16_t guest,
	      struct ip_meta *metas, uint16_t n)
{
	const struct nat_step step = step_begin(nat, worker, now, guest);

	if (side == NAT_INSIDE)
		translate_side(&step, NAT_INSIDE, metas, n);
	else
		translate_side(&step, NAT_OUTSIDE, metas, n);
}

static bool
tables_create(struct nat *nat, const struct nat_config *config)
{
	const uint32_t max = config->max_sessions;
	const size_t n_workers = config->n_workers + 1u; /* the last one is dry */

	nat->sessions = nat_memory_map(((size_t)max + NAT_DRY_SLOTS) * sizeof(nat->sessions[0]),
				       config->huge);
	nat->free = nat_memory_map(((size_t)max + 1) * sizeof(nat->free[0]), false);
	nat->guests = nat_memory_map(NAT_GUESTS * sizeof(nat->guests[0]), false);
	nat->frags = nat_memory_map(sizeof(*nat->frags), false);
	nat->exts = calloc(1, sizeof(*nat->exts));
	nat->workers = aligned_alloc(RTE_CACHE_LINE_SIZE, n_workers * sizeof(nat->workers[0]));
	if (nat->sessions == NULL || nat->free == NULL || nat->guests == NULL ||
	    nat->frags == NULL || nat->exts == NULL || nat->workers == NULL)
		return false;
	memset(nat->workers, 0, n_workers * sizeof(nat->workers[0]));
	nat->sessions[0].remote = NAT_REMOTE_SHELL;
	nat->fresh = 1;
	return nat_index_create(&nat->index, max, config->huge, nat->sessions) == 0;
}

static bool
seeds_draw(struct nat *nat)
{
	if (getrandom(&nat->frags->seed, sizeof(nat->frags->seed), 0) != sizeof(nat->frags->seed))
		return false;
	for (uint16_t i = 0; i <= nat->n_workers; i++) {
		if (getrandom(&nat->workers[i].random, sizeof(nat->workers[i].random), 0) !=
		    sizeof(nat->workers[i].random))
			return false;
		nat->workers[i].random |= 1;
	}
	return true;
}

struct nat *
nat_create(const struct nat_config *config)
{
	struct nat *nat;
	uint32_t bad;

	if (config->max_sessions < NAT_SESSIONS_MIN || config->max_sessions > NAT_SESSIONS_MAX ||
	    config->n_workers == 0) {
		errno = EINVAL;
		return NULL;
	}
	nat = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*nat));
	if (nat == NULL)
		return NULL;
	memset(nat, 0, sizeof(*nat));
	nat->max_sessions = config->max_sessions;
	nat->n_workers = config->n_workers;
	nat->rcu = config->rcu;
	nat->qsbr = config->qsbr;
	nat->timeouts = (struct nat_timeouts)NAT_TIMEOUTS_DEFAULT;
	rte_spinlock_init(&nat->slots_lock);
	if (!tables_create(nat, config) || !seeds_draw(nat) ||
	    nat_rules_set(nat, NULL, 0, NULL, 0, &bad) < 0) {
		nat_destroy(nat);
		errno = ENOMEM;
		return NULL;
	}
	return nat;
}

void
nat_destroy(struct nat *nat)
{
	if (nat == NULL)
		return;
	nat_rules_free(nat->rules);
	for (unsigned int i = 0; nat->exts != NULL && i < NAT_EXT_MAX; i++)
		nat_ext_close(&nat->exts->slots[i]);
	nat_index_destroy(&nat->index);
	nat_memory_unmap(nat->sessions,
			 ((size_t)nat->max_sessions + NAT_DRY_SLOTS) * sizeof(nat->sessions[0]));
	nat_memory_unmap(nat->free, ((size_t)nat->max_sessions + 1) * sizeof(nat->free[0]));
	nat_memory_unmap(nat->guests, NAT_GUESTS * sizeof(nat->guests[0]));
	nat_memory_unmap(nat->frags, sizeof(*nat->frags));
	free(nat->exts);
	free(nat->workers);
	free(nat);
}

/* Slots whose address no rule has any more, and no mapping, are free when no worker can be at it.
 */
static void
exts_clean(struct nat *nat, const struct nat_rules *rules)
{
	for (unsigned int i = 0; i < NAT_EXT_MAX; i++) {
		struct nat_ext *ext = &nat->exts->slots[i];
		const struct nat_ext_rule *rule;

		if (ext->ip == 0)
			continue;
		rule = nat_rules_ext(rules, ext->ip);
		if (rule != NULL && rule->slot == (int)i) {
			ext->in_rules = true;
		} else if (ext->in_rules) {
			ext->in_rules = false;
			ext->token = rte_rcu_qsbr_start(nat->qsbr);
		} else if (nat_ext_used(ext) == 0 &&
			   rte_rcu_qsbr_check(nat->qsbr, ext->token, false) == 1) {
			nat_ext_close(ext);
		}
	}
}

int
nat_rules_set(struct nat *nat, const struct nat_snat *snats, uint32_t n_snats,
	      const struct nat_dnat *dnats, uint32_t n_dnats, uint32_t *ret_bad)
{
	struct nat_rules *old = nat->rules, *new;
	int ret;

	ret = nat_rules_compile(nat->exts, snats, n_snats, dnats, n_dnats, &new, ret_bad);
	if (ret < 0)
		return ret;
	__atomic_store_n(&nat->rules, new, __ATOMIC_RELEASE);
	exts_clean(nat, new);
	if (old != NULL)
		rcu_retire(nat->rcu, &old->retired, nat_rules_free, old);
	return 0;
}

bool
nat_is_external(const struct nat *nat, uint32_t ip)
{
	return nat_rules_ext(nat_rules(nat), ip) != NULL;
}

void
nat_timeouts_set(struct nat *nat, const struct nat_timeouts *timeouts)
{
	nat->timeouts = *timeouts;
}
