/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Explain against what a worker then does with the same packet: the same frames by the same ports,
 * the same drops and punts; and nothing has changed in between.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ring.h>

#include "fake_port.h"
#include "fdb.h"
#include "lag.h"
#include "nat_impl.h"
#include "packet.h"
#include "punt.h"
#include "router_bed.h"
#include "subport.h"
#include "trace.h"

#define IDS 16 /* ports of a case: 0 .. */
#define FDB_MAX 256
#define ROUNDS 5000

static struct router_bed bed;
static struct fake_switch *sw = &bed.sw;
static uint64_t state = 88172645463325252;

static uint32_t
random_below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % n;
}

/* --- what packets could change --- */

struct snapshot {
	struct port_stats stats[IDS];
	uint32_t fdb_n;
	uint64_t fdb_keys[FDB_MAX];
	struct fdb_entry fdb[FDB_MAX];
	uint32_t events, punts;
	uint32_t nat_sessions, nat_free;
	struct nat_stats nat;
	struct nat_guest_info guest;
	uint32_t used[HOP_FREE];
	struct lag_counters lag_bytes;
	uint32_t lag_settled[LAG_BUCKETS];
	struct lag_echo lag_echo;
};

static void
snapshot_take(struct snapshot *snapshot, const struct lag *lag)
{
	const struct nat *nat = bed.router != NULL ? bed.router->nat : NULL;
	const struct fdb_entry *entry;
	uint32_t cursor = 0;
	uint64_t key;

	memset(snapshot, 0, sizeof(*snapshot));
	memcpy(snapshot->stats, sw->worker->stats, sizeof(snapshot->stats));
	while ((entry = fdb_next(sw->bridge->fdb, &cursor, &key)) != NULL) {
		assert_true(snapshot->fdb_n < FDB_MAX);
		snapshot->fdb_keys[snapshot->fdb_n] = key;
		snapshot->fdb[snapshot->fdb_n++] = *entry;
	}
	snapshot->events = rte_ring_count(sw->worker->events);
	snapshot->punts = rte_ring_count(sw->worker->punts);
	for (unsigned int i = 0; bed.router != NULL && i < HOP_FREE; i++)
		snapshot->used[i] = bed.router->next_hops[i].used;
	if (nat != NULL) {
		snapshot->nat_sessions = nat_count(nat);
		snapshot->nat_free = nat->n_free;
		nat_stats_get(nat, &snapshot->nat);
		nat_guest_info(nat, 1, &snapshot->guest);
	}
	if (lag != NULL) {
		snapshot->lag_bytes = *lag->counters[0];
		memcpy(snapshot->lag_settled, lag->settled, sizeof(lag->settled));
		snapshot->lag_echo = lag->echo;
	}
}

/* --- what becomes of a packet --- */

struct outcome {
	unsigned int n_sent[IDS], punts;
	unsigned int drops[IDS][DROP_REASONS];
	const struct trace_frame *frames[IDS]; /* of the first packet that is sent by a port */
	bool guess;                            /* NAT would choose a port by chance */
};

static struct outcome
told(const struct trace *trace)
{
	struct outcome outcome = { .punts = 0 };

	assert_int_equal(trace->n_lost, 0);
	for (uint16_t i = 0; i < trace->n_steps; i++) {
		const struct trace_step *step = &trace->steps[i];

		if (step->kind == TRACE_OUT && step->arg[2] == 0) {
			assert_true(step->frame < trace->n_frames);
			if (outcome.n_sent[step->port] == 0)
				outcome.frames[step->port] = &trace->frames[step->frame];
			outcome.n_sent[step->port] += step->arg[0];
		} else if (step->kind == TRACE_DROP) {
			outcome.drops[step->port][step->arg[0]] += step->arg[1];
		} else if (step->kind == TRACE_PUNT) {
			outcome.punts++;
		} else if (step->kind == TRACE_NAT && (step->arg[3] & TRACE_NAT_DRY) &&
			   nat_end_port(step->arg[0]) != nat_end_port(step->arg[1])) {
			outcome.guess = true;
		}
	}
	return outcome;
}

static void
compare_sent(const struct outcome *said, struct fake_port *fake)
{
	const struct trace_frame *frame = said->frames[fake->port.id];
	struct rte_mbuf *pkt;

	assert_int_equal(fake->n_out, said->n_sent[fake->port.id]);
	if (fake->n_out > 0 && !said->guess) {
		assert_true(fake->out[0]->data_len >= frame->len);
		assert_memory_equal(rte_pktmbuf_mtod(fake->out[0], void *), frame->data,
				    frame->len);
	}
	while ((pkt = fake_take(fake)) != NULL)
		rte_pktmbuf_free(pkt);
}

/* Explain a packet, then send it. @ports: by id, those with a device. */
static void
check(struct fake_port *const *ports, const struct lag *lag, struct fake_port *in,
      struct rte_mbuf *pkt)
{
	static struct snapshot before, after;
	struct explainer *explainer = explainer_create(sw->dp, sw->pool);
	struct rte_mbuf *copy = packet_copy(pkt, sw->pool);
	const struct trace *trace;
	struct outcome said;
	struct punt punted;
	unsigned int punts = 0;

	assert_non_null(explainer);
	assert_non_null(copy);
	explainer->worker->now = sw->worker->now;
	snapshot_take(&before, lag);
	trace = explain(explainer, &in->port, copy);
	snapshot_take(&after, lag);
	assert_memory_equal(&before, &after, sizeof(before));
	said = told(trace);
	fake_send(sw, in, pkt);
	fake_run(sw);
	for (unsigned int id = 0; id < IDS; id++) {
		if (ports[id] != NULL)
			compare_sent(&said, ports[id]);
		for (unsigned int r = 0; r < DROP_REASONS; r++)
			assert_int_equal(sw->worker->stats[id].drops[r] - before.stats[id].drops[r],
					 said.drops[id][r]);
	}
	while (punts_take(sw->worker, &punted, 1) == 1) {
		rte_pktmbuf_free(punted.pkt);
		punts++;
	}
	assert_int_equal(punts, said.punts);
	explainer_destroy(explainer);
	/* budgets are a worker's own: they are not to end */
	memset(sw->worker->punt_budget, 0, sizeof(sw->worker->punt_budget));
	if (random_below(4) == 0)
		sw->worker->now++;
}

/* --- bridge --- */

static const char *const macs[] = {
	"02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:04",
	"02:00:00:00:00:05", "ff:ff:ff:ff:ff:ff", "01:00:5e:01:02:03", "01:80:c2:00:00:00",
	"00:00:00:00:00:00", "02:00:00:00:00:66",
};

static struct rte_mbuf *
random_frame(void)
{
	static const uint16_t vids[] = { 0, 0, 0, 10, 20, 30 };
	static const uint32_t lens[] = { 60, 100, 1514, 1515, 1518, 1519 };
	/* sources are those of stations, but for a few */
	const uint32_t src = random_below(20) == 0 ? random_below(RTE_DIM(macs)) : random_below(5);

	return fake_frame(sw, macs[random_below(RTE_DIM(macs))], macs[src],
			  vids[random_below(RTE_DIM(vids))], lens[random_below(RTE_DIM(lens))]);
}

static void
test_bridge(void **unused)
{
	static struct vlan_settings trunk, native;
	const uint64_t allowed[VLAN_WORDS] = { 1u << 10 | 1u << 20 };
	struct fake_port *ports[IDS] = { NULL };

	fake_switch_setup(sw);
	vlan_set_trunk(&trunk, allowed, 0, VLAN_TPID_BE);
	vlan_set_trunk(&native, allowed, 10, VLAN_TPID_BE);
	for (uint16_t id = 1; id <= 8; id++)
		ports[id] = fake_port_add(sw, id, id <= 3 ? 10 : id == 4 ? 20 : 0);
	ports[5]->port.vlan = &trunk;
	ports[6]->port.vlan = &native;
	ports[2]->port.isolated = ports[3]->port.isolated = 1;
	ports[7]->port.no_flood = PORT_FLOOD_UNKNOWN;
	ports[8]->port.punts = PORT_PUNT_LINK_LOCAL;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		struct fake_port *changed = ports[1 + random_below(8)];

		check(ports, NULL, ports[1 + random_below(8)], random_frame());
		if (random_below(20) == 0)
			port_state_set(&changed->port, random_below(3) > 0, random_below(3));
		if (random_below(20) == 0)
			port_state_set(&changed->port, true, PORT_FORWARDING);
	}
	fake_assert_balance(sw);
	fake_switch_teardown(sw);
}

/* What there is no room for is counted. */
static void
test_flood_beyond_bounds(void **unused)
{
	struct explainer *explainer;
	const struct trace *trace;

	fake_switch_setup(sw);
	for (uint16_t id = 0; id < 400; id++)
		fake_port_add(sw, id, 0);
	explainer = explainer_create(sw->dp, sw->pool);
	trace = explain(explainer, datapath_port(sw->dp, 0),
			fake_frame(sw, macs[5], macs[0], 0, 60));
	assert_int_equal(trace->n_steps, TRACE_STEPS_MAX);
	assert_int_equal(trace->n_frames, TRACE_FRAMES_MAX);
	/* in, VLAN, source, learn, flood, and 399 ports */
	assert_int_equal(trace->n_lost, 5 + 399 - TRACE_STEPS_MAX);
	explainer_destroy(explainer);
	fake_switch_teardown(sw);
}

/* --- bond and VLAN ports --- */

static const struct port_type lag_type = {
	.name = "bond",
	.hands_on = true,
	.rx_burst = lag_rx_burst,
	.tx_burst = lag_tx_burst,
};
static const struct port_type subport_type = {
	.name = "vlan",
	.hands_on = true,
	.rx_burst = lag_rx_burst,
	.tx_burst = subport_tx_burst,
};

static void
lag_shuffle(struct lag *lag)
{
	struct lag_table *table = lag->table;

	table->by_bucket = random_below(2);
	table->only = random_below(3) == 0 ? random_below(2) : LAG_NONE;
	table->collecting = random_below(4);
	table->groups = random_below(2);
	table->hash = table->by_bucket ? LAG_HASH_SOURCE : random_below(2);
	for (uint32_t b = 0; b < LAG_BUCKETS; b++) {
		table->slots[b] = random_below(8) == 0 ? LAG_NONE : random_below(2);
		table->before[b] = random_below(4) == 0 ? random_below(2) : LAG_NONE;
		table->moved[b] += random_below(2);
	}
	lag->echo.until = sw->worker->now + random_below(3);
}

static void
test_bond(void **unused)
{
	struct fake_port *ports[IDS] = { NULL }, *bond, *vlan;
	struct lag_member *members[2];
	struct subport_table table;
	struct subport *subport;
	struct lag *lag;

	fake_switch_setup(sw);
	for (uint16_t id = 1; id <= 4; id++)
		ports[id] = fake_port_add(sw, id, 0);
	bond = fake_port_add(sw, 10, 0);
	vlan = fake_port_add(sw, 11, 0);
	lag = lag_create(&bond->port, 1);
	assert_non_null(lag);
	bond->port.type = &lag_type;
	bond->port.priv = lag;
	bond->port.echo = &lag->echo;
	for (uint8_t i = 0; i < 2; i++) {
		ports[1 + i]->port.bridge = NULL;
		members[i] = lag_member_create(lag, i);
		ports[1 + i]->port.demux = &members[i]->demux;
		lag->table->ports[i] = 1 + i;
	}
	subport = calloc(1, sizeof(*subport));
	subport->parent = &ports[4]->port;
	subport->vid = 20;
	vlan->port.type = &subport_type;
	vlan->port.priv = subport;
	vlan->port.passed = subport->passed;
	subport_table_init(&table);
	subport_table_set(&table, 20, 11);
	ports[4]->port.demux = &table.demux;
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (i % 16 == 0)
			lag_shuffle(lag);
		check(ports, lag, ports[1 + random_below(4)], random_frame());
	}
	fake_assert_balance(sw);
	bond->port.priv = bond;
	vlan->port.priv = vlan;
	fake_switch_teardown(sw);
	free(subport);
	lag_destroy(lag);
	free(members[0]);
	free(members[1]);
}

/* --- router and NAT --- */

static struct rte_mbuf *
random_packet(uint8_t in)
{
	static struct l4_frame frame;
	static const uint32_t dsts[] = { 0x0a020009, 0x0a020009, 0x0a020009, 0x0a020009,
					 0x0a020009, 0x0a020009, 0x0a010009, 0x0a020001,
					 0x0a030009, 0x0a090909, 0x0a000001, 0x7f000001 };

	memset(&frame, 0, offsetof(struct l4_frame, l3));
	frame.udp = random_below(2);
	frame.ipv6 = random_below(8) == 0;
	frame.ip_options = random_below(10) == 0 ? 8 : 0;
	frame.payload = random_below(10) == 0 ? 1700 : random_below(100);
	frame.tcp_flags = random_below(2) ? 0x02 : 0x10;
	router_bed_frame(&frame, in, 1 + random_below(3));
	if (!frame.ipv6) {
		l4_frame_put(&frame, frame.l3 + 16, dsts[random_below(RTE_DIM(dsts))], 4);
		l4_frame_put(&frame, frame.l3 + 15, 9 + random_below(2), 1);
		l4_frame_put(&frame, frame.l3 + 6, random_below(2) ? 0x4000 : 0, 2);
	}
	l4_frame_put(&frame, frame.l4, 4000 + random_below(2000), 2);
	l4_frame_put(&frame, frame.l4 + 2, random_below(2) ? 8080 : 4000 + random_below(2000), 2);
	if (random_below(12) == 0)
		frame.bytes[frame.l3 + (frame.ipv6 ? 7 : 8)] = 1;
	l4_frame_seal(&frame);
	if (random_below(30) == 0)
		frame.bytes[frame.l3 + 10] ^= 1;
	if (random_below(30) == 0)
		frame.bytes[12] ^= 2;
	if (random_below(30) == 0)
		frame.bytes[0] ^= 3;
	return l4_frame_mbuf(&frame, sw->pool, 512, 512);
}

static void
nat_setup(enum nat_mapping mapping)
{
	const uint32_t ext = rte_cpu_to_be_32(0x0a020001);
	const struct nat_snat snat = {
		.inside_len = 0,
		.guest = NAT_GUEST_ANY,
		.out = 2,
		.ext = &ext,
		.n_ext = 1,
		.port_low = NAT_PORT_LOW,
		.port_high = NAT_PORT_HIGH,
		.mapping = mapping,
		.filtering = mapping == NAT_MAP_ENDPOINT_INDEPENDENT ? NAT_FILTER_ADDRESS :
								       NAT_FILTER_ADDRESS_PORT,
	};
	const struct nat_dnat dnat = {
		.proto = IPPROTO_TCP,
		.ext = ext,
		.ext_low = 8080,
		.ext_high = 8080,
		.inside = rte_cpu_to_be_32(0x0a010009),
		.inside_low = 80,
	};
	const struct nat_config config = {
		.max_sessions = NAT_SESSIONS_MIN,
		.n_workers = 1,
		.rcu = sw->rcu,
		.qsbr = sw->dp->qsbr,
	};
	uint32_t bad;

	bed.router->nat = nat_create(&config);
	assert_non_null(bed.router->nat);
	assert_int_equal(nat_rules_set(bed.router->nat, &snat, 1, &dnat, 1, &bad), 0);
	bed.rifs[1]->side = bed.rifs[3]->side = NAT_INSIDE;
	bed.rifs[3]->guest = 1;
	nat_guest_set(bed.router->nat, 1, 300, 0);
}

static void
route_rounds(void)
{
	struct fake_port *ports[IDS] = { NULL };

	for (unsigned int id = 1; id <= ROUTER_PORTS; id++)
		ports[id] = bed.ports[id];
	for (unsigned int i = 0; i < ROUNDS; i++) {
		const uint8_t in = (uint8_t)(1 + random_below(ROUTER_PORTS));

		if (random_below(50) == 0)
			next_hop_set_mac(&bed.router->next_hops[HOP_STATION], NULL);
		if (random_below(50) == 0)
			next_hop_set_mac(&bed.router->next_hops[HOP_STATION],
					 (const uint8_t[]){ 2, 0x0b, 0, 0, 0, 1 });
		check(ports, NULL, bed.ports[in], random_packet(in));
	}
}

static void
test_router(void **unused)
{
	router_bed_setup(&bed);
	route_rounds();
	router_bed_teardown(&bed);
	memset(&bed, 0, sizeof(bed));
}

static void
test_nat(void **unused)
{
	for (unsigned int mapping = 0; mapping < 2; mapping++) {
		router_bed_setup(&bed);
		nat_setup(mapping);
		route_rounds();
		assert_true(nat_count(bed.router->nat) > 900); /* nearly what there may be */
		nat_destroy(bed.router->nat);
		bed.router->nat = NULL;
		router_bed_teardown(&bed);
		memset(&bed, 0, sizeof(bed));
	}
}

/* --- live --- */

static bool
is_same(const struct trace *one, const struct trace *other)
{
	assert_true(one != NULL && other != NULL && one->n_steps > 1);
	return one->tsc == other->tsc && one->n_steps == other->n_steps &&
	       one->n_frames == other->n_frames &&
	       memcmp(one->steps, other->steps, one->n_steps * sizeof(one->steps[0])) == 0 &&
	       memcmp(one->frames, other->frames, one->n_frames * sizeof(one->frames[0])) == 0;
}

/* Of a burst, some are traced; all arrive, in order. */
static void
test_live(void **unused)
{
	const struct sock_filter ops[] = {
		/* bytes 14 and 15 are a tag: VLAN 7 */
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 14),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 7, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 65535),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct fake_port *a, *b;
	const struct trace *trace;
	struct trace_job *job, *all;
	struct trace_set set = { .jobs = { NULL } };
	struct rte_mbuf *pkt;
	unsigned int n = 0;

	fake_switch_setup(sw);
	a = fake_port_add(sw, 1, 0);
	b = fake_port_add(sw, 2, 0);
	job = trace_job_create(filter_create(ops, RTE_DIM(ops)), 1);
	assert_non_null(job);
	set.jobs[1] = job;
	sw->dp->traced = &set;
	for (uint16_t i = 0; i < 200; i++) {
		pkt = fake_frame(sw, macs[5], macs[0], 5 + i % 3, 64);
		rte_pktmbuf_mtod(pkt, uint8_t *)[60] = (uint8_t)i;
		fake_send(sw, a, pkt);
	}
	fake_run(sw);
	assert_null(sw->worker->trace);
	assert_int_equal(b->n_out, 200);
	for (uint16_t i = 0; i < 200; i++) {
		pkt = fake_take(b);
		assert_int_equal(rte_pktmbuf_mtod(pkt, uint8_t *)[60], (uint8_t)i);
		rte_pktmbuf_free(pkt);
	}
	assert_int_equal(job->rings[0]->seen, 66);
	assert_int_equal(job->rings[0]->missed, 66 - TRACE_RING);
	for (; (trace = trace_ring_peek(job->rings[0])) != NULL; n++) {
		assert_int_equal(trace->steps[0].kind, TRACE_IN);
		assert_int_equal(trace->frames[0].data[60], 2 + 3 * n);
		assert_int_equal(trace->steps[trace->n_steps - 1].kind, TRACE_OUT);
		trace_ring_next(job->rings[0]);
	}
	assert_int_equal(n, TRACE_RING);
	/* two see one packet, and each those that it wants */
	all = trace_job_create(NULL, 1);
	assert_non_null(all);
	set.jobs[3] = all;
	for (uint16_t vid = 6; vid < 8; vid++)
		fake_send(sw, a, fake_frame(sw, macs[5], macs[0], vid, 64));
	fake_run(sw);
	assert_int_equal(all->rings[0]->seen, 2);
	assert_int_equal(job->rings[0]->seen, 67);
	trace_ring_next(all->rings[0]);
	assert_true(is_same(trace_ring_peek(all->rings[0]), trace_ring_peek(job->rings[0])));
	trace_ring_next(job->rings[0]);
	set.jobs[3] = NULL;
	trace_job_destroy(all);
	while ((pkt = fake_take(b)) != NULL)
		rte_pktmbuf_free(pkt);
	/* what a port does not take */
	b->room = 0;
	fake_send(sw, a, fake_frame(sw, macs[5], macs[0], 7, 64));
	fake_run(sw);
	trace = trace_ring_peek(job->rings[0]);
	assert_non_null(trace);
	assert_int_equal(trace->steps[trace->n_steps - 2].kind, TRACE_OUT);
	assert_int_equal(trace->steps[trace->n_steps - 1].kind, TRACE_DROP);
	assert_int_equal(trace->steps[trace->n_steps - 1].arg[0], DROP_TX_FULL);
	fake_assert_balance(sw);
	sw->dp->traced = NULL;
	trace_job_destroy(job);
	fake_switch_teardown(sw);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bridge), cmocka_unit_test(test_flood_beyond_bounds),
		cmocka_unit_test(test_bond),   cmocka_unit_test(test_router),
		cmocka_unit_test(test_nat),    cmocka_unit_test(test_live),
	};

	fake_eal_start_memory("320");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
