/* SPDX-License-Identifier: BSD-3-Clause */
/* How sessions begin: in a worker, under the lock of the inside endpoint. */
#include "nat_impl.h"

#define PORT_TRIES 64  /* external ports tried for a remote endpoint (port-dependent mapping) */
#define CLAIM_TRIES 16 /* ports claimed for a mapping, of which a DNAT rule has use, say */
#define SLOTS_REFILL 32

/* A session in the making: nobody sees it yet. */
struct making {
	const struct nat_step *step;
	const struct nat_flow *flow;
	struct nat_session *session;
	uint32_t ref;
	enum nat_dry dry; /* 0: it is real */
};

static uint32_t
random_next(struct nat_worker *worker)
{
	uint64_t x = worker->random;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	worker->random = x;
	return x >> 32;
}

/* More free slots for the worker: such that were in use, else fresh ones. */
static void
slots_refill(struct nat *nat, struct nat_worker *worker)
{
	uint32_t n = worker->n_slots;

	rte_spinlock_lock(&nat->slots_lock);
	while (n < SLOTS_REFILL && nat->n_free > 0)
		worker->slots[n++] = nat->free[--nat->n_free];
	while (n < SLOTS_REFILL && nat->fresh <= nat->max_sessions) {
		worker->slots[n++] = nat->fresh;
		__atomic_store_n(&nat->fresh, nat->fresh + 1, __ATOMIC_RELAXED);
	}
	rte_spinlock_unlock(&nat->slots_lock);
	__atomic_store_n(&worker->n_slots, n, __ATOMIC_RELAXED);
}

static uint32_t
slot_take(struct nat *nat, struct nat_worker *worker)
{
	uint32_t ref;

	if (worker->n_slots == 0)
		slots_refill(nat, worker);
	if (worker->n_slots == 0)
		return 0;
	ref = worker->slots[worker->n_slots - 1];
	__atomic_store_n(&worker->n_slots, worker->n_slots - 1, __ATOMIC_RELAXED);
	if (worker->n_slots > 0)
		__builtin_prefetch(&nat->sessions[worker->slots[worker->n_slots - 1]], 1);
	return ref;
}

static void
slot_return(struct nat_worker *worker, uint32_t ref)
{
	worker->slots[worker->n_slots] = ref;
	__atomic_store_n(&worker->n_slots, worker->n_slots + 1, __ATOMIC_RELAXED);
}

/* What making_start() would say of a session, which is one of enum nat_dry. */
static bool
making_pretend(struct making *making, uint16_t guest, uint8_t *ret_drop)
{
	const struct nat *nat = making->step->nat;
	const bool room = nat_index_has_room(&nat->index, NAT_KEYS_MAX, nat->n_workers) &&
			  (nat->n_free > 0 || nat_fresh(nat) <= nat->max_sessions);
	const uint8_t drop = nat_guest_may(nat, guest);

	making->ref = nat->max_sessions + making->dry;
	if (drop == IP_KEEP && room)
		return true;
	*ret_drop = drop != IP_KEEP ? drop : DROP_NAT_FULL;
	return false;
}

/* Take a slot and count it. On false nothing is taken, or counted but in the statistics. */
static bool
making_take(struct making *making, uint16_t guest, uint8_t *ret_drop)
{
	const struct nat_step *step = making->step;
	struct nat *nat = step->nat;
	const uint8_t drop = nat_guest_take(nat, guest);

	if (drop != IP_KEEP) {
		step->worker->stats.refused_sessions += drop == DROP_NAT_SESSIONS;
		step->worker->stats.refused_rate += drop == DROP_NAT_RATE;
		*ret_drop = drop;
		return false;
	}
	making->ref = nat_index_has_room(&nat->index, NAT_KEYS_MAX, nat->n_workers) ?
			      slot_take(nat, step->worker) :
			      0;
	if (making->ref == 0) {
		nat_guest_give(nat, guest);
		step->worker->stats.refused_full++;
		*ret_drop = DROP_NAT_FULL;
		return false;
	}
	return true;
}

static bool
making_start(struct making *making, uint64_t inside, uint16_t guest, uint8_t *ret_drop)
{
	const struct nat_step *step = making->step;
	struct nat *nat = step->nat;
	struct nat_session *session;
	uint16_t generation;

	if (!(making->dry ? making_pretend(making, guest, ret_drop) :
			    making_take(making, guest, ret_drop)))
		return false;
	session = &nat->sessions[making->ref];
	generation = session->generation + 1;
	*session = (struct nat_session){
		.end[0] = inside,
		.remote = making->flow->remote,
		.seen = step->now,
		.created = step->now,
		.guest = guest,
		.generation = generation,
	};
	making->session = session;
	return true;
}

/* No external port: undo. */
static void
making_cancel(const struct making *making, uint8_t *ret_drop)
{
	if (!making->dry) {
		nat_guest_give(making->step->nat, making->session->guest);
		slot_return(making->step->worker, making->ref);
	}
	making->step->worker->stats.refused_ports++;
	*ret_drop = DROP_NAT_PORTS;
}

/* Visible from outside already; now from inside too, and for whoever ends sessions. */
static uint32_t
making_finish(const struct making *making, uint8_t flags)
{
	struct nat *nat = making->step->nat;
	const struct nat_key key = { making->session->end[0], making->session->remote };

	making->session->flags |= flags;
	if (making->dry)
		return making->ref;
	nat_index_insert(&nat->index, nat_index_hash(&nat->index, &key), making->ref);
	making->step->worker->stats.created++;
	__atomic_fetch_or(&making->session->flags, NAT_LIVE, __ATOMIC_RELEASE);
	return making->ref;
}

/* Give it an external end, if that is free for this remote end. @port: network order. */
static bool
try_external(const struct making *making, uint32_t ip, uint16_t port)
{
	struct nat *nat = making->step->nat;
	struct nat_session *session = making->session;
	const struct nat_flow *flow = making->flow;
	const uint64_t inside = session->end[0];
	uint64_t delta = csum_delta32(0, nat_end_ip(inside), ip);
	struct nat_key key;

	session->end[1] = nat_end_word(NAT_KEY_EXTERNAL, flow->proto, ip, port);
	session->delta_ip = csum_fold(delta);
	if (flow->kind == IP_L4_ICMP)
		delta = 0; /* its checksum covers no addresses */
	session->delta_l4 = csum_fold(csum_delta16(delta, nat_end_port(inside), port));
	key = (struct nat_key){ session->end[1], session->remote };
	if (making->dry)
		return nat_find(nat, &key) == 0;
	return nat_index_insert_new(&nat->index, &key, nat_index_hash(&nat->index, &key),
				    making->ref);
}

/* Is a port of an external address spoken for by a destination rule? @port: host order. */
static bool
port_forwarded(const struct nat_step *step, uint32_t ip, uint8_t proto, uint16_t port)
{
	const struct nat_ext_rule *ext = nat_rules_ext(step->rules, ip);
	const struct nat_dnat_rule *dnat;

	if (ext == NULL || ext->n == 0)
		return false;
	dnat = nat_rules_dnat(step->rules, ext, proto, port);
	return dnat != NULL && dnat->proto != 0;
}

static struct nat_memo *
memo_of(const struct making *making, const struct nat_key *key)
{
	uint64_t hash = nat_index_hash(&making->step->nat->index, key);

	return &making->step->worker->memo[hash % NAT_MEMO_SIZE];
}

/* Port-dependent mapping: any port that this remote end does not know yet. */
static bool
choose_port(const struct making *making, const struct nat_snat_rule *rule, uint32_t ip)
{
	const struct nat_flow *flow = making->flow;
	const uint32_t size = rule->port_high - rule->port_low + 1u;
	const struct nat_key key = { nat_end_word(NAT_KEY_EXTERNAL, flow->proto, ip, 0),
				     flow->remote };
	struct nat_memo *memo = memo_of(making, &key);
	uint16_t port = rte_be_to_cpu_16(flow->port);

	if (flow->kind == IP_L4_NONE)
		return try_external(making, ip, 0);
	if (port >= rule->port_low && port <= rule->port_high &&
	    !port_forwarded(making->step, ip, flow->proto, port) &&
	    try_external(making, ip, flow->port))
		return true;
	if (memo->local == key.local && memo->remote == key.remote &&
	    memo->when == making->step->now)
		return false;
	for (int i = 0; i < PORT_TRIES; i++) {
		port = rule->port_low +
		       (uint64_t)random_next(making->step->worker) * size / (UINT64_C(1) << 32);
		/* the same parity, while there are tries enough to find one without */
		if (flow->kind == IP_L4_UDP && i < PORT_TRIES / 2 && port > rule->port_low)
			port -= (port ^ rte_be_to_cpu_16(flow->port)) & 1;
		if (!port_forwarded(making->step, ip, flow->proto, port) &&
		    try_external(making, ip, rte_cpu_to_be_16(port)))
			return true;
	}
	*memo = (struct nat_memo){ key.local, key.remote, making->step->now };
	return false;
}

/* A claimed port becomes the mapping's, if nothing speaks against it. */
static bool
try_claimed(const struct making *making, struct nat_ports *ports, uint32_t ip, uint16_t port)
{
	if (!port_forwarded(making->step, ip, making->flow->proto, port) &&
	    try_external(making, ip, rte_cpu_to_be_16(port)))
		return true;
	nat_port_release(ports, port);
	return false;
}

/* Endpoint-independent mapping: a port that is nobody's. Return: host order; 0: none. */
static uint16_t
claim_port(const struct making *making, const struct nat_snat_rule *rule, struct nat_ports *ports,
	   uint32_t ip)
{
	const uint32_t size = rule->port_high - rule->port_low + 1u;
	struct nat_port_range range = {
		.low = rule->port_low,
		.high = rule->port_high,
		.wanted = rte_be_to_cpu_16(making->flow->port),
		.parity = making->flow->kind == IP_L4_UDP,
	};
	uint16_t port = range.wanted;

	if (port >= range.low && port <= range.high && nat_port_claim(ports, port) &&
	    try_claimed(making, ports, ip, port))
		return port;
	for (int i = 0; i < CLAIM_TRIES; i++) {
		uint16_t start = range.low + (uint64_t)random_next(making->step->worker) * size /
						     (UINT64_C(1) << 32);

		port = nat_port_search(ports, &range, start);
		if (port == 0 && range.parity) {
			range.parity = false;
			continue;
		}
		if (port == 0)
			return 0;
		if (try_claimed(making, ports, ip, port))
			return port;
	}
	return 0;
}

/* One that claim_port() might claim: the flow's own one, or the first of the others. */
static uint16_t
pretend_port(const struct making *making, const struct nat_snat_rule *rule,
	     const struct nat_ports *ports, uint32_t ip)
{
	const uint16_t own = rte_be_to_cpu_16(making->flow->port);
	const bool keeps = own >= rule->port_low && own <= rule->port_high;

	for (uint32_t i = keeps ? 0 : 1; i <= rule->port_high - rule->port_low + 1u; i++) {
		const uint16_t port = i == 0 ? own : rule->port_low + i - 1;

		if (nat_port_is_free(ports, port) &&
		    !port_forwarded(making->step, ip, making->flow->proto, port) &&
		    try_external(making, ip, rte_cpu_to_be_16(port)))
			return port;
	}
	return 0;
}

/* Address-dependent filtering: note that the remote address is known to the mapping. */
static void
peer_join(const struct making *making)
{
	struct nat *nat = making->step->nat;
	const struct nat_key key = { nat_as(NAT_KEY_PEER, making->session->end[1]),
				     nat_end_ip(making->flow->remote) };
	const uint64_t hash = nat_index_hash(&nat->index, &key);
	uint32_t peer = nat_index_find_sure(&nat->index, &key, hash);

	making->session->peer = peer != 0 ? peer : making->ref;
	nat->sessions[making->session->peer].peer_refs++;
	if (peer == 0)
		nat_index_insert(&nat->index, hash, making->ref);
}

/* Become one more session of a mapping. */
static void
map_join(const struct making *making, uint32_t anchor, uint8_t filtering)
{
	struct nat *nat = making->step->nat;

	if (making->dry)
		return;
	making->session->map = anchor;
	making->session->ext = nat->sessions[anchor].ext;
	making->session->flags = filtering << NAT_FILTER_SHIFT;
	nat->sessions[anchor].map_refs++;
	if (filtering == NAT_FILTER_ADDRESS)
		peer_join(making);
}

static bool
map_external(const struct making *making, const struct nat_snat_rule *rule,
	     const struct nat_pool_entry *pool)
{
	struct nat *nat = making->step->nat;
	const struct nat_key key = nat_mapping_key(making->session->end[0], pool->ip);
	const uint64_t hash = nat_index_hash(&nat->index, &key);
	const uint32_t anchor = nat_index_find_sure(&nat->index, &key, hash);
	struct nat_ports *ports;
	uint16_t port;

	if (anchor != 0) {
		const struct nat_session *first = &nat->sessions[anchor];

		if (!try_external(making, nat_end_ip(first->end[1]), nat_end_port(first->end[1])))
			return false;
		map_join(making, anchor, first->flags >> NAT_FILTER_SHIFT);
		return true;
	}
	ports = nat_ports_of(nat->exts, pool->slot, making->flow->kind);
	port = making->dry ? pretend_port(making, rule, ports, pool->ip) :
			     claim_port(making, rule, ports, pool->ip);
	if (port == 0)
		return false;
	if (making->dry)
		return true;
	making->session->ext = pool->slot;
	nat_index_insert(&nat->index, hash, making->ref);
	map_join(making, making->ref, rule->filtering);
	__atomic_store_n(&ports->owner[port], making->ref, __ATOMIC_RELEASE);
	return true;
}

/* A session that is there already, perhaps made before the remote end was known to be our own. */
static uint32_t
found_again(const struct nat_step *step, uint32_t ref, uint8_t flags)
{
	if (flags != 0 && !step->dry)
		__atomic_fetch_or(&step->nat->sessions[ref].flags, flags, __ATOMIC_RELAXED);
	return ref;
}

/* An inside address has always the same external one. */
static const struct nat_pool_entry *
pool_of(const struct nat_rules *rules, const struct nat_snat_rule *rule, uint32_t ip)
{
	const uint32_t mix = rte_be_to_cpu_32(ip) * 0x9e3779b1u;

	return &rules->pool[rule->pool + (uint32_t)((uint64_t)mix * rule->n_pool >> 32)];
}

void
nat_begin_hint(const struct nat_step *step, const struct nat_flow *flow)
{
	const struct nat_index *index = &step->nat->index;
	const struct nat_snat_rule *rule =
		nat_rules_snat(step->rules, step->guest, flow->ip, NAT_OUT_ANY);
	const struct nat_pool_entry *pool;
	const struct nat_ports *ports;
	const uint16_t port = rte_be_to_cpu_16(flow->port);
	struct nat_key key;

	if (rule == NULL)
		return;
	/* most get the port that they have inside */
	pool = pool_of(step->rules, rule, flow->ip);
	key = (struct nat_key){ nat_end_word(NAT_KEY_EXTERNAL, flow->proto, pool->ip, flow->port),
				flow->remote };
	rte_prefetch0(nat_index_bucket(index, nat_index_hash(index, &key)));
	if (rule->mapping != NAT_MAP_ENDPOINT_INDEPENDENT || flow->kind == IP_L4_NONE)
		return;
	key = nat_mapping_key(nat_end_word(NAT_KEY_INSIDE, flow->proto, flow->ip, flow->port),
			      pool->ip);
	rte_prefetch0(nat_index_bucket(index, nat_index_hash(index, &key)));
	ports = nat_ports_of(step->nat->exts, pool->slot, flow->kind);
	rte_prefetch0(&ports->used[port / 64]);
	rte_prefetch0(&ports->owner[port]);
}

static uint32_t
begin_by_rule(struct making *making, uint64_t inside, const struct nat_snat_rule *rule,
	      uint8_t flags, uint8_t *ret_drop)
{
	const struct nat_step *step = making->step;
	const struct nat_pool_entry *pool = pool_of(step->rules, rule, making->flow->ip);
	bool done;

	if (!making_start(making, inside, step->guest, ret_drop))
		return 0;
	if (rule->mapping == NAT_MAP_ENDPOINT_INDEPENDENT && making->flow->kind != IP_L4_NONE)
		done = map_external(making, rule, pool);
	else
		done = choose_port(making, rule, pool->ip);
	if (done)
		return making_finish(making, flags);
	making_cancel(making, ret_drop);
	return 0;
}

uint32_t
nat_begin_out(const struct nat_step *step, const struct nat_flow *flow, uint16_t out, uint8_t flags,
	      uint8_t *ret_drop)
{
	const uint64_t inside = nat_end_word(NAT_KEY_INSIDE, flow->proto, flow->ip, flow->port);
	const struct nat_key key = { inside, flow->remote };
	rte_spinlock_t *lock = nat_lock_of(step->nat, inside);
	struct making making = { .step = step, .flow = flow, .dry = step->dry ? NAT_DRY_OUT : 0 };
	const struct nat_snat_rule *rule;
	uint32_t ref;

	rte_spinlock_lock(lock);
	ref = nat_find(step->nat, &key); /* another worker may have been faster */
	if (ref != 0) {
		found_again(step, ref, flags);
	} else {
		rule = nat_rules_snat(step->rules, step->guest, flow->ip, out);
		if (rule != NULL)
			ref = begin_by_rule(&making, inside, rule, flags, ret_drop);
	}
	rte_spinlock_unlock(lock);
	return ref;
}

/* The anchor of the mapping that owns an external port, or 0. */
static uint32_t
owner_of(const struct nat_step *step, const struct nat_ext_rule *ext, const struct nat_flow *flow)
{
	const struct nat_ports *ports;

	if (ext->slot < 0 || (flow->kind != IP_L4_TCP && flow->kind != IP_L4_UDP))
		return 0;
	ports = nat_ports_of(step->nat->exts, ext->slot, flow->kind);
	return __atomic_load_n(&ports->owner[rte_be_to_cpu_16(flow->port)], __ATOMIC_ACQUIRE);
}

bool
nat_wants_in(const struct nat_step *step, const struct nat_ext_rule *ext,
	     const struct nat_flow *flow)
{
	return nat_rules_dnat(step->rules, ext, flow->proto, rte_be_to_cpu_16(flow->port)) !=
		       NULL ||
	       owner_of(step, ext, flow) != 0;
}

/* With the lock of the inside end: the session of an external end that leads there. */
static uint32_t
begin_to(struct making *making, uint64_t inside, uint16_t guest, uint32_t anchor, uint8_t flags,
	 uint8_t *ret_drop)
{
	const struct nat_step *step = making->step;
	const struct nat_flow *flow = making->flow;
	struct nat *nat = step->nat;
	const struct nat_key in = { inside, flow->remote };
	const struct nat_key ext = {
		nat_end_word(NAT_KEY_EXTERNAL, flow->proto, flow->ip, flow->port), flow->remote
	};
	uint32_t ref = nat_find(nat, &ext);

	if (ref != 0)
		return found_again(step, ref, flags);
	if (nat_find(nat, &in) != 0) {
		/* the same two ends by another external one: answers would be ambiguous */
		step->worker->stats.refused_ports++;
		*ret_drop = DROP_NAT_PORTS;
		return 0;
	}
	if (!making_start(making, inside, guest, ret_drop))
		return 0;
	if (!try_external(making, flow->ip, flow->port)) {
		making_cancel(making, ret_drop);
		return 0;
	}
	if (anchor != 0)
		map_join(making, anchor, nat->sessions[anchor].flags >> NAT_FILTER_SHIFT);
	return making_finish(making, flags);
}

/* Does a mapping let a remote end in that it has no session with? With the lock. */
static bool
filter_passes(const struct nat *nat, const struct nat_session *anchor, const struct nat_flow *flow)
{
	const struct nat_key key = { nat_as(NAT_KEY_PEER, anchor->end[1]),
				     nat_end_ip(flow->remote) };

	switch ((enum nat_filtering)(anchor->flags >> NAT_FILTER_SHIFT)) {
	case NAT_FILTER_NONE:
		return true;
	case NAT_FILTER_ADDRESS:
		return nat_find(nat, &key) != 0;
	case NAT_FILTER_ADDRESS_PORT:
		break;
	}
	return false;
}

static uint32_t
begin_by_mapping(struct making *making, const struct nat_ext_rule *ext, uint8_t flags,
		 uint8_t *ret_drop)
{
	const struct nat_step *step = making->step;
	const uint32_t anchor = owner_of(step, ext, making->flow);
	const struct nat_session *first = &step->nat->sessions[anchor];
	const uint64_t inside = __atomic_load_n(&first->end[0], __ATOMIC_RELAXED);
	rte_spinlock_t *lock;
	uint32_t ref = 0;

	if (anchor == 0)
		return 0;
	lock = nat_lock_of(step->nat, inside);
	rte_spinlock_lock(lock);
	/* is it the same mapping still, and of this protocol? (UDP-Lite shares UDP's ports) */
	if (owner_of(step, ext, making->flow) == anchor && first->end[0] == inside &&
	    nat_end_proto(inside) == making->flow->proto &&
	    filter_passes(step->nat, first, making->flow))
		ref = begin_to(making, inside, first->guest, anchor, flags, ret_drop);
	rte_spinlock_unlock(lock);
	return ref;
}

uint32_t
nat_begin_in(const struct nat_step *step, const struct nat_ext_rule *ext,
	     const struct nat_flow *flow, uint8_t flags, uint8_t *ret_drop)
{
	const uint16_t port = rte_be_to_cpu_16(flow->port);
	const struct nat_dnat_rule *dnat = nat_rules_dnat(step->rules, ext, flow->proto, port);
	struct making making = { .step = step, .flow = flow, .dry = step->dry ? NAT_DRY_IN : 0 };
	uint16_t inside_port = flow->port;
	rte_spinlock_t *lock;
	uint64_t inside;
	uint32_t ref;

	if (dnat == NULL || dnat->proto == 0) {
		/* a mapping is more than a rule that takes all that is left */
		ref = begin_by_mapping(&making, ext, flags, ret_drop);
		if (ref != 0 || dnat == NULL)
			return ref;
	}
	if (dnat->low != 0)
		inside_port = rte_cpu_to_be_16(dnat->inside_low + (port - dnat->low));
	inside = nat_end_word(NAT_KEY_INSIDE, flow->proto, dnat->inside, inside_port);
	lock = nat_lock_of(step->nat, inside);
	rte_spinlock_lock(lock);
	ref = begin_to(&making, inside, dnat->guest, 0, flags, ret_drop);
	rte_spinlock_unlock(lock);
	return ref;
}
