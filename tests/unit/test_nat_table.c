/* SPDX-License-Identifier: BSD-3-Clause */
/* NAT: sessions in numbers - they end, ports come back, caps hold, tables fill, workers race. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_rcu_qsbr.h>

#include "fake_port.h"
#include "nat_bed.h"
#include "nat_impl.h"
#include "rcu.h"

#define SESSIONS 20000u

static struct nat_bed bed;

static int
setup(void **state)
{
	nat_bed_setup(&bed, SESSIONS, 2);
	nat_bed_snat(&bed, NAT_MAP_ADDRESS_PORT_DEPENDENT, NAT_FILTER_ADDRESS_PORT, 0, 0);
	return 0;
}

static int
teardown(void **state)
{
	nat_bed_teardown(&bed);
	return 0;
}

/* A UDP packet from inside. Return: drop reason; the external port. */
static uint8_t
send_out(uint32_t src, uint16_t sport, uint32_t dst, uint16_t *ret_port)
{
	struct packet pkt;
	uint8_t drop;

	packet_l4(&pkt, IPPROTO_UDP, src, sport, dst, 53, 0);
	drop = nat_bed_run(&bed, &pkt, NAT_INSIDE);
	*ret_port = packet_sport(&pkt);
	if (drop == IP_KEEP)
		assert_true(pkt.meta.nat == IP_NAT_OUT && packet_src(&pkt) == EXT &&
			    packet_ok(&pkt));
	return drop;
}

static bool
comes_in(uint32_t src, uint16_t ext_port, uint32_t dst, uint16_t dport)
{
	struct packet pkt;

	packet_l4(&pkt, IPPROTO_UDP, src, 53, EXT, ext_port, 0);
	nat_bed_run(&bed, &pkt, NAT_OUTSIDE);
	if (pkt.meta.nat != IP_NAT_IN)
		return false;
	assert_int_equal(packet_dst(&pkt), dst);
	assert_int_equal(packet_dport(&pkt), dport);
	return true;
}

/* Age until all slots are back. */
static void
age_all(uint32_t seconds)
{
	bed.now += seconds;
	for (int i = 0; i < 200 && nat_count(bed.nat) > 0; i++)
		nat_age(bed.nat, bed.now);
}

static void
test_expiry(void **state)
{
	uint16_t port, again;

	assert_int_equal(send_out(GUEST_A, 5000, REMOTE, &port), IP_KEEP);
	age_all(119);
	assert_int_equal(nat_count(bed.nat), 1);
	age_all(1); /* one way: two minutes */
	assert_int_equal(nat_count(bed.nat), 0);
	assert_false(comes_in(REMOTE, port, GUEST_A, 5000));
	assert_int_equal(send_out(GUEST_A, 5000, REMOTE, &port), IP_KEEP);
	assert_true(comes_in(REMOTE, port, GUEST_A, 5000));
	age_all(120);
	assert_int_equal(nat_count(bed.nat), 1);
	assert_int_equal(send_out(GUEST_A, 5000, REMOTE, &again), IP_KEEP);
	assert_int_equal(port, again);
	age_all(299); /* both ways: five */
	assert_int_equal(nat_count(bed.nat), 1);
	age_all(1);
	assert_int_equal(nat_count(bed.nat), 0);
}

/* A grace period that is not over keeps the slot. */
static void
test_grace(void **state)
{
	uint16_t port;

	rte_rcu_qsbr_thread_register(bed.qsbr, 0);
	rte_rcu_qsbr_thread_online(bed.qsbr, 0);
	assert_int_equal(send_out(GUEST_A, 5000, REMOTE, &port), IP_KEEP);
	age_all(1000);
	assert_int_equal(nat_count(bed.nat), 1);
	assert_false(comes_in(REMOTE, port, GUEST_A, 5000));
	rte_rcu_qsbr_quiescent(bed.qsbr, 0);
	age_all(0);
	assert_int_equal(nat_count(bed.nat), 0);
	rte_rcu_qsbr_thread_offline(bed.qsbr, 0);
	rte_rcu_qsbr_thread_unregister(bed.qsbr, 0);
}

static void
test_full(void **state)
{
	struct nat_stats stats;
	uint32_t refused = 0;
	uint16_t port;

	for (int round = 0; round < 3; round++) {
		refused = 0;
		for (uint32_t i = 0; i < SESSIONS + 100; i++) {
			uint8_t drop = send_out(GUEST_A + i / 1000, 2000 + i % 1000, REMOTE, &port);

			assert_true(drop == IP_KEEP || drop == DROP_NAT_FULL);
			refused += drop == DROP_NAT_FULL;
		}
		assert_int_equal(refused, 100);
		/* those that are there go on */
		for (uint32_t i = 0; i < SESSIONS; i++)
			assert_int_equal(
				send_out(GUEST_A + i / 1000, 2000 + i % 1000, REMOTE, &port),
				IP_KEEP);
		age_all(1000);
		assert_int_equal(nat_count(bed.nat), 0);
	}
	nat_stats_get(bed.nat, &stats);
	assert_int_equal(stats.refused_full, 300);
	assert_int_equal(stats.created, 3 * SESSIONS);
	assert_int_equal(stats.out, 6 * SESSIONS);
}

/* The same with mappings, which have more entries in the index. */
static void
test_full_mappings(void **state)
{
	uint16_t ports[1000], port;

	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS, 0, 0);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < SESSIONS; i++) {
			assert_int_equal(
				send_out(GUEST_A + i % 1000, 5000, REMOTE + i / 1000, &port),
				IP_KEEP);
			if (i < 1000)
				ports[i] = port;
			assert_int_equal(port, ports[i % 1000]);
		}
		/* addresses that are known come in by any port; without room for it, they do not */
		assert_int_equal(send_out(GUEST_A, 5000, IP(1, 1, 1, 1), &port), DROP_NAT_FULL);
		age_all(1000);
		assert_int_equal(nat_count(bed.nat), 0);
	}
}

/* A mapping lives as long as any of its sessions, the first or not. */
static void
test_mapping_outlives_anchor(void **state)
{
	uint16_t port, again;

	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS, 0, 0);
	assert_int_equal(send_out(GUEST_B, 5000, REMOTE, &port), IP_KEEP);
	assert_int_equal(send_out(GUEST_A, 5000, REMOTE, &port), IP_KEEP);
	bed.now += 100;
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(send_out(GUEST_A, 5000, REMOTE + 1 + i, &again), IP_KEEP);
		assert_int_equal(again, port);
	}
	age_all(50);
	assert_int_equal(nat_count(bed.nat), 4); /* three, and the shell that anchors them */
	assert_false(comes_in(REMOTE, port, GUEST_A, 5000)); /* its session is over */
	assert_true(comes_in(REMOTE + 1, port, GUEST_A, 5000));
	assert_int_equal(send_out(GUEST_A, 5000, REMOTE, &again), IP_KEEP);
	assert_int_equal(again, port);
	age_all(1000);
	assert_int_equal(nat_count(bed.nat), 0);
	/* the port is free again */
	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS, port, port);
	assert_int_equal(send_out(GUEST_B, 1, REMOTE, &again), IP_KEEP);
	assert_int_equal(again, port);
}

static void
test_ports(void **state)
{
	bool used[65536] = { false };
	uint16_t port;

	for (int mapping = 0; mapping < 2; mapping++) {
		/* a range across words of the bitmap */
		nat_bed_snat(&bed, mapping, NAT_FILTER_ADDRESS_PORT, 2040, 2139);
		memset(used, 0, sizeof(used));
		for (uint32_t i = 0; i < 100; i++) {
			uint8_t drop = send_out(GUEST_A + i, 2100, REMOTE, &port);

			/* chance may fail to find the last ones of port-dependent mapping */
			if (drop != IP_KEEP && mapping == NAT_MAP_ADDRESS_PORT_DEPENDENT && i > 80)
				continue;
			assert_int_equal(drop, IP_KEEP);
			assert_in_range(port, 2040, 2139);
			assert_false(used[port]);
			used[port] = true;
		}
		bed.now++; /* what was not found is looked for again */
		if (mapping == NAT_MAP_ENDPOINT_INDEPENDENT)
			assert_int_equal(send_out(GUEST_B + 200, 2100, REMOTE, &port),
					 DROP_NAT_PORTS);
		age_all(1000);
		assert_int_equal(send_out(GUEST_B + 200, 2100, REMOTE, &port), IP_KEEP);
		assert_int_equal(port, 2100);
		age_all(1000);
	}
}

static void
test_caps(void **state)
{
	struct nat_guest_info info;
	uint32_t begun = 0;
	uint16_t port;

	nat_guest_set(bed.nat, 7, 50, 0);
	bed.guest = 7;
	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(send_out(GUEST_A, 2000 + i, REMOTE, &port),
				 i < 50 ? IP_KEEP : DROP_NAT_SESSIONS);
	/* another one is not concerned */
	bed.guest = 8;
	assert_int_equal(send_out(GUEST_B, 2000, REMOTE, &port), IP_KEEP);
	nat_guest_info(bed.nat, 7, &info);
	assert_int_equal(info.sessions, 50);
	assert_int_equal(info.refused_sessions, 10);
	age_all(1000);
	nat_guest_info(bed.nat, 7, &info);
	assert_int_equal(info.sessions, 0);
	/* one a second, and what is due at once: one */
	nat_guest_set(bed.nat, 8, 0, 1);
	for (uint32_t i = 0; i < 10; i++)
		begun += send_out(GUEST_B, 3000 + i, REMOTE, &port) == IP_KEEP;
	assert_in_range(begun, 1, 9);
	nat_guest_info(bed.nat, 8, &info);
	assert_int_equal(info.refused_rate, 10 - begun);
	assert_int_equal(info.sessions, begun);
}

static uint32_t
count_matching(const struct nat_filter *filter)
{
	struct nat_session_info info;
	uint32_t cursor = 0, n = 0;

	while (nat_session_next(bed.nat, &cursor, filter, bed.now, &info) == 1)
		n++;
	return n;
}

static void
test_filter_and_end(void **state)
{
	struct nat_filter filter = { 0 };
	uint32_t cursor = 0, ended = 0;
	uint16_t port;

	for (uint32_t i = 0; i < 100; i++) {
		bed.guest = i % 4;
		assert_int_equal(send_out(GUEST_A + i, 2000, REMOTE + i % 2, &port), IP_KEEP);
	}
	assert_int_equal(count_matching(&filter), 100);
	filter.guest = 1;
	assert_int_equal(count_matching(&filter), 25);
	filter = (struct nat_filter){ .remote = htonl(REMOTE), .remote_len = 32 };
	assert_int_equal(count_matching(&filter), 50);
	filter = (struct nat_filter){ .inside = htonl(IP(10, 0, 0, 0)), .inside_len = 28 };
	assert_int_equal(count_matching(&filter), 15);
	filter = (struct nat_filter){ .proto = IPPROTO_TCP };
	assert_int_equal(count_matching(&filter), 0);
	filter = (struct nat_filter){ .port = htons(53), .ext = htonl(EXT) };
	assert_int_equal(count_matching(&filter), 100);
	filter = (struct nat_filter){ .remote = htonl(REMOTE), .remote_len = 32 };
	assert_int_equal(nat_end(bed.nat, &cursor, &filter, &ended), 0);
	assert_int_equal(ended, 50);
	nat_age(bed.nat, bed.now);
	assert_int_equal(nat_count(bed.nat), 50);
	assert_int_equal(count_matching(&filter), 0);
	/* by external addresses that no rule has */
	filter = (struct nat_filter){ .orphans = true };
	assert_int_equal(count_matching(&filter), 0);
	assert_int_equal(nat_rules_set(bed.nat, NULL, 0, NULL, 0, &ended), 0);
	assert_int_equal(count_matching(&filter), 50);
	cursor = ended = 0;
	assert_int_equal(nat_end(bed.nat, &cursor, &filter, &ended), 0);
	assert_int_equal(ended, 50);
}

static void
test_memory(void **state)
{
	double per_session;
	size_t total;

	nat_memory(bed.nat, &per_session, &total);
	assert_true(per_session <= 128);
}

/*
 * Two workers, each with flows of its own and with those of the other, both ways; the control
 * thread ends sessions, changes the rules, walks. No packet may be translated wrongly.
 */
#define RACE_ROUNDS 1000 /* bursts of a worker, at least */
#define RACE_ENDS 50     /* times that sessions are ended meanwhile, at least */
#define RACE_BURST 32

struct racer {
	pthread_t thread;
	uint16_t id;
	uint32_t wrong, refused, strict;
	bool done;
};

/* Odd while the control thread may be ending sessions. */
static uint32_t race_epoch;
static bool race_stop;

static void
race_burst(struct racer *racer, uint32_t round, struct packet *pkts, struct ip_meta *metas)
{
	const uint32_t now = __atomic_load_n(&bed.now, __ATOMIC_RELAXED);
	const uint32_t epoch = __atomic_load_n(&race_epoch, __ATOMIC_ACQUIRE);
	uint32_t flows[RACE_BURST];
	bool strict;

	for (uint32_t i = 0; i < RACE_BURST; i++) {
		flows[i] = (round * 7 + i * (racer->id + 1)) % 3000;
		packet_l4(&pkts[i], IPPROTO_UDP, GUEST_A + flows[i] % 50, 2000 + flows[i] / 50,
			  REMOTE + flows[i] % 3, 53, 0);
		ip_parse(&metas[i], &pkts[i].mbuf, PACKET_L3);
	}
	nat_classify(bed.nat, racer->id, now, NAT_INSIDE, 0, metas, RACE_BURST);
	for (uint32_t i = 0; i < RACE_BURST; i++)
		metas[i].flags |= IP_SNAT;
	nat_translate(bed.nat, racer->id, now, NAT_INSIDE, 0, metas, RACE_BURST);
	for (uint32_t i = 0; i < RACE_BURST; i++) {
		uint32_t remote = REMOTE + flows[i] % 3;
		uint16_t port = packet_sport(&pkts[i]);

		racer->refused += metas[i].drop != IP_KEEP;
		if (metas[i].drop == IP_KEEP &&
		    (packet_src(&pkts[i]) != EXT || !packet_ok(&pkts[i])))
			racer->wrong++;
		/* the answer */
		packet_l4(&pkts[i], IPPROTO_UDP, remote, 53, EXT, port, 0);
		ip_parse(&metas[i], &pkts[i].mbuf, PACKET_L3);
	}
	nat_classify(bed.nat, racer->id, now, NAT_OUTSIDE, 0, metas, RACE_BURST);
	nat_translate(bed.nat, racer->id, now, NAT_OUTSIDE, 0, metas, RACE_BURST);
	/* unless sessions were ended meanwhile, each answer finds its way */
	strict = epoch % 2 == 0 && epoch == __atomic_load_n(&race_epoch, __ATOMIC_ACQUIRE);
	racer->strict += strict;
	for (uint32_t i = 0; i < RACE_BURST; i++) {
		bool right = metas[i].nat == IP_NAT_IN && packet_ok(&pkts[i]) &&
			     packet_dst(&pkts[i]) == GUEST_A + flows[i] % 50 &&
			     packet_dport(&pkts[i]) == 2000 + flows[i] / 50;

		if ((strict && !right) || !packet_ok(&pkts[i]))
			racer->wrong++;
	}
}

static void *
race(void *arg)
{
	static struct packet pkts[2][RACE_BURST];
	static struct ip_meta metas[2][RACE_BURST];
	struct racer *racer = arg;

	rte_rcu_qsbr_thread_register(bed.qsbr, racer->id);
	rte_rcu_qsbr_thread_online(bed.qsbr, racer->id);
	for (uint32_t round = 0;
	     round < RACE_ROUNDS || !__atomic_load_n(&race_stop, __ATOMIC_ACQUIRE); round++) {
		race_burst(racer, round, pkts[racer->id], metas[racer->id]);
		rte_rcu_qsbr_quiescent(bed.qsbr, racer->id);
	}
	rte_rcu_qsbr_thread_offline(bed.qsbr, racer->id);
	__atomic_store_n(&racer->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
race_with(enum nat_mapping mapping, enum nat_filtering filtering)
{
	struct racer racers[2] = { { .id = 0 }, { .id = 1 } };
	const struct nat_filter all = { 0 };
	uint32_t cursor, ended = 0, rounds = 0;

	nat_bed_snat(&bed, mapping, filtering, 0, 0);
	__atomic_store_n(&race_stop, false, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
	while (!__atomic_load_n(&racers[0].done, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&racers[1].done, __ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(&race_epoch, 1, __ATOMIC_SEQ_CST);
		__atomic_store_n(&bed.now, bed.now + 7, __ATOMIC_RELAXED);
		nat_age(bed.nat, bed.now);
		if (rounds % 3 == 0) {
			cursor = 0;
			while (nat_end(bed.nat, &cursor, &all, &ended) == -EAGAIN)
				continue;
		}
		__atomic_fetch_add(&race_epoch, 1, __ATOMIC_SEQ_CST);
		count_matching(&all);
		sched_yield();
		if (++rounds == RACE_ENDS)
			__atomic_store_n(&race_stop, true, __ATOMIC_RELEASE);
		nat_bed_snat(&bed, mapping, filtering, 0, 0);
		rcu_poll(bed.rcu);
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(racers[i].thread, NULL);
		rte_rcu_qsbr_thread_unregister(bed.qsbr, i);
		assert_int_equal(racers[i].wrong, 0);
		assert_int_equal(racers[i].refused, 0);
		assert_true(racers[i].strict > 0);
	}
	assert_true(ended > 0);
	age_all(10000);
	assert_int_equal(nat_count(bed.nat), 0);
}

static void
test_race(void **state)
{
	race_with(NAT_MAP_ADDRESS_PORT_DEPENDENT, NAT_FILTER_ADDRESS_PORT);
	race_with(NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS_PORT);
	race_with(NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS);
	race_with(NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_NONE);
}

/*
 * Two workers begin sessions while the index grows under them: by each of its keys, each is found
 * at once, and later on, and none is left when they have ended.
 */
#define GROW_SESSIONS 65536 /* in the table */
#define GROW_FLOWS 15000    /* of each worker */

struct grower {
	pthread_t thread;
	uint16_t id;
	uint32_t n_flows;
	uint32_t wrong;
};

static bool
there_and_back(uint16_t worker, uint32_t flow)
{
	const uint32_t guest = GUEST_A + flow % 100, remote = REMOTE + flow % 7;
	const uint16_t port = 2000 + flow / 100;
	struct packet pkt;

	packet_l4(&pkt, IPPROTO_UDP, guest, port, remote, 53, 0);
	nat_bed_parse(&pkt);
	nat_classify(bed.nat, worker, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
	pkt.meta.flags |= IP_SNAT;
	nat_translate(bed.nat, worker, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
	if (pkt.meta.drop != IP_KEEP || packet_src(&pkt) != EXT || !packet_ok(&pkt))
		return false;
	/* from another port of the remote: by the peer, and the owner of the external port */
	packet_l4(&pkt, IPPROTO_UDP, remote, flow % 2 ? 53 : 54, EXT, packet_sport(&pkt), 0);
	nat_bed_parse(&pkt);
	nat_classify(bed.nat, worker, bed.now, NAT_OUTSIDE, 0, &pkt.meta, 1);
	nat_translate(bed.nat, worker, bed.now, NAT_OUTSIDE, 0, &pkt.meta, 1);
	return pkt.meta.nat == IP_NAT_IN && packet_ok(&pkt) && packet_dst(&pkt) == guest &&
	       packet_dport(&pkt) == port;
}

static void *
grow(void *arg)
{
	struct grower *grower = arg;
	const uint32_t first = grower->id * grower->n_flows;

	rte_rcu_qsbr_thread_register(bed.qsbr, grower->id);
	rte_rcu_qsbr_thread_online(bed.qsbr, grower->id);
	for (uint32_t i = 0; i < grower->n_flows; i++) {
		grower->wrong += !there_and_back(grower->id, first + i);
		grower->wrong += !there_and_back(grower->id, first + i / 2);
		rte_rcu_qsbr_quiescent(bed.qsbr, grower->id);
	}
	rte_rcu_qsbr_thread_offline(bed.qsbr, grower->id);
	return NULL;
}

static void
test_growth(void **state)
{
	struct grower growers[2] = { { .id = 0, .n_flows = GROW_FLOWS },
				     { .id = 1, .n_flows = GROW_FLOWS } };
	struct nat_stats stats;

	nat_bed_teardown(&bed);
	nat_bed_setup(&bed, GROW_SESSIONS, 2);
	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS, 0, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&growers[i].thread, NULL, grow, &growers[i]), 0);
	for (int i = 0; i < 2; i++) {
		pthread_join(growers[i].thread, NULL);
		rte_rcu_qsbr_thread_unregister(bed.qsbr, i);
		assert_int_equal(growers[i].wrong, 0);
	}
	for (uint32_t flow = 0; flow < 2 * GROW_FLOWS; flow++)
		assert_true(there_and_back(0, flow));
	nat_stats_get(bed.nat, &stats);
	assert_int_equal(stats.created, 3 * GROW_FLOWS); /* every other flow has two */
	age_all(10000);
	assert_int_equal(nat_count(bed.nat), 0);
	for (uint32_t flow = 0; flow < 2 * GROW_FLOWS; flow += 100)
		assert_true(there_and_back(0, flow));
	nat_stats_get(bed.nat, &stats);
	assert_int_equal(stats.created, 3 * GROW_FLOWS + 2 * GROW_FLOWS / 100 * 2);
}

/*
 * A worker that has lost its CPU while it makes the index grow: the other one is not refused for
 * it, however long that takes. The CPU comes back when the other one waits, or is through.
 */
static void
test_growth_held_up(void **state)
{
	struct grower grower = { .id = 0, .n_flows = GROW_SESSIONS / 2 };
	struct nat_stats stats;
	uint64_t before;

	nat_bed_teardown(&bed);
	nat_bed_setup(&bed, GROW_SESSIONS, 2);
	nat_bed_snat(&bed, NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS, 0, 0);
	rte_spinlock_lock(&bed.nat->index.split_lock);
	assert_int_equal(pthread_create(&grower.thread, NULL, grow, &grower), 0);
	nat_stats_get(bed.nat, &stats);
	do {
		before = stats.created;
		usleep(100000);
		nat_stats_get(bed.nat, &stats);
	} while (stats.created == 0 || stats.created != before);
	rte_spinlock_unlock(&bed.nat->index.split_lock);
	pthread_join(grower.thread, NULL);
	rte_rcu_qsbr_thread_unregister(bed.qsbr, 0);
	assert_int_equal(grower.wrong, 0);
	age_all(10000);
	assert_int_equal(nat_count(bed.nat), 0);
}

/*
 * The same while sessions end all the time: rows are split, refilled and emptied at once. Flows
 * with REMOTE stay, and are looked for from outside, where nothing can begin anew; those with the
 * next address end as soon as the control thread sees them.
 */
#define KEPT_FLOWS 12000 /* of each worker */

struct keeper {
	pthread_t thread;
	uint16_t id;
	uint16_t *ports;  /* external, of the flows that stay; both workers' */
	uint32_t n_begun; /* of this worker's; the other one reads it */
	const uint32_t *n_others;
	uint32_t lost, refused;
	bool done;
};

static uint32_t
kept_guest(uint32_t flow)
{
	return GUEST_A + flow % 100;
}

static uint16_t
kept_port(uint32_t flow)
{
	return 2000 + flow / 100;
}

/* Return: the external port, or 0. */
static uint16_t
keep_begin(uint16_t worker, uint32_t flow, uint32_t remote)
{
	struct packet pkt;

	packet_l4(&pkt, IPPROTO_UDP, kept_guest(flow), kept_port(flow), remote, 53, 0);
	nat_bed_parse(&pkt);
	nat_classify(bed.nat, worker, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
	pkt.meta.flags |= IP_SNAT;
	nat_translate(bed.nat, worker, bed.now, NAT_INSIDE, 0, &pkt.meta, 1);
	return pkt.meta.drop == IP_KEEP ? packet_sport(&pkt) : 0;
}

static bool
is_kept(uint16_t worker, uint32_t flow, uint16_t port)
{
	struct packet pkt;

	packet_l4(&pkt, IPPROTO_UDP, REMOTE, 53, EXT, port, 0);
	nat_bed_parse(&pkt);
	nat_classify(bed.nat, worker, bed.now, NAT_OUTSIDE, 0, &pkt.meta, 1);
	nat_translate(bed.nat, worker, bed.now, NAT_OUTSIDE, 0, &pkt.meta, 1);
	return pkt.meta.nat == IP_NAT_IN && packet_ok(&pkt) &&
	       packet_dst(&pkt) == kept_guest(flow) && packet_dport(&pkt) == kept_port(flow);
}

static void *
keep(void *arg)
{
	struct keeper *keeper = arg;
	const uint32_t first = keeper->id * KEPT_FLOWS, other = (1 - keeper->id) * KEPT_FLOWS;
	uint16_t *ports = keeper->ports;

	rte_rcu_qsbr_thread_register(bed.qsbr, keeper->id);
	rte_rcu_qsbr_thread_online(bed.qsbr, keeper->id);
	for (uint32_t i = 0; i < KEPT_FLOWS; i++) {
		const uint32_t n_others = __atomic_load_n(keeper->n_others, __ATOMIC_ACQUIRE);
		const uint32_t old = first + i / 3;

		ports[first + i] = keep_begin(keeper->id, first + i, REMOTE);
		keeper->refused += ports[first + i] == 0;
		keeper->refused += keep_begin(keeper->id, first + i, REMOTE + 1) == 0;
		__atomic_store_n(&keeper->n_begun, i + 1, __ATOMIC_RELEASE);
		keeper->lost += !is_kept(keeper->id, first + i, ports[first + i]);
		keeper->lost += !is_kept(keeper->id, old, ports[old]);
		if (n_others > 0)
			keeper->lost += !is_kept(keeper->id, other + n_others - 1,
						 ports[other + n_others - 1]);
		rte_rcu_qsbr_quiescent(bed.qsbr, keeper->id);
	}
	rte_rcu_qsbr_thread_offline(bed.qsbr, keeper->id);
	__atomic_store_n(&keeper->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void
keep_with(enum nat_mapping mapping, enum nat_filtering filtering)
{
	const struct nat_filter gone = { .remote = htonl(REMOTE + 1), .remote_len = 32 };
	static uint16_t ports[2 * KEPT_FLOWS];
	struct keeper keepers[2] = { { .id = 0, .ports = ports }, { .id = 1, .ports = ports } };
	uint32_t ended = 0, cursor;

	nat_bed_teardown(&bed);
	nat_bed_setup(&bed, GROW_SESSIONS, 2);
	nat_bed_snat(&bed, mapping, filtering, 0, 0);
	keepers[0].n_others = &keepers[1].n_begun;
	keepers[1].n_others = &keepers[0].n_begun;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&keepers[i].thread, NULL, keep, &keepers[i]), 0);
	while (!__atomic_load_n(&keepers[0].done, __ATOMIC_ACQUIRE) ||
	       !__atomic_load_n(&keepers[1].done, __ATOMIC_ACQUIRE)) {
		cursor = 0;
		while (nat_end(bed.nat, &cursor, &gone, &ended) == -EAGAIN)
			continue;
		nat_age(bed.nat, bed.now);
		sched_yield();
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(keepers[i].thread, NULL);
		rte_rcu_qsbr_thread_unregister(bed.qsbr, i);
		assert_int_equal(keepers[i].lost, 0);
		assert_int_equal(keepers[i].refused, 0);
	}
	cursor = 0;
	while (nat_end(bed.nat, &cursor, &gone, &ended) == -EAGAIN)
		continue;
	assert_int_equal(ended, 2 * KEPT_FLOWS);
	for (uint32_t flow = 0; flow < 2 * KEPT_FLOWS; flow++)
		assert_true(is_kept(0, flow, ports[flow]));
	age_all(0);
	assert_int_equal(nat_count(bed.nat), 2 * KEPT_FLOWS);
	age_all(10000);
	assert_int_equal(nat_count(bed.nat), 0);
}

static void
test_growth_and_ends(void **state)
{
	keep_with(NAT_MAP_ADDRESS_PORT_DEPENDENT, NAT_FILTER_ADDRESS_PORT);
	keep_with(NAT_MAP_ENDPOINT_INDEPENDENT, NAT_FILTER_ADDRESS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_grace, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_mappings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mapping_outlives_anchor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filter_and_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_race, setup, teardown),
		cmocka_unit_test_setup_teardown(test_growth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_growth_held_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_growth_and_ends, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
