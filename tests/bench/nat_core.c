/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Micro benchmark of NAT alone: nat_core [--json] [--huge]
 *
 * One thread; bursts of 64 UDP packets in buffers that stay in the cache, of flows picked in an
 * order that no cache foresees. Each burst is written, parsed, classified, translated; what writing
 * and parsing alone cost is measured beside it and subtracted. Minimum and median of the rounds, in
 * TSC cycles per packet, for packets from inside and for the answers; new sessions and ended ones
 * per second; bytes per session, computed and as the kernel counts them.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "nat.h"
#include "rcu.h"

#define BURST 64
#define ROUNDS 7
#define PACKETS (1u << 21) /* of a round */
#define L3 14
#define FRAME 60
#define INSIDE 0x0a000000u /* 10.0.0.0 */
#define REMOTE 0xc6330000u /* 198.51.0.0 */
#define EXT 0xc0000201u    /* 192.0.2.1 */

struct bench {
	struct nat *nat;
	struct rcu *rcu;
	struct rte_rcu_qsbr *qsbr;
	uint32_t n_flows;
	uint32_t *order;     /* of flows */
	uint16_t *ext_ports; /* by flow, network order */
	bool json;
	bool first;
	struct rte_mbuf mbufs[BURST];
	struct ip_meta metas[BURST];
	uint8_t frames[BURST][128];
};

static void
die(const char *what)
{
	fprintf(stderr, "nat_core: %s\n", what);
	exit(1);
}

static uint32_t
flow_inside(uint32_t flow)
{
	return htonl(INSIDE + flow / 1000);
}

static uint16_t
flow_port(uint32_t flow)
{
	return htons(2000 + flow % 1000);
}

/* A thousand guests talk to each remote end. */
static uint32_t
flow_remote(uint32_t flow)
{
	return htonl(REMOTE + flow / 4096);
}

static void
write_packet(struct bench *bench, uint32_t i, uint32_t flow, enum nat_side side)
{
	uint8_t *ip = bench->frames[i] + L3;
	uint64_t sum = 0;

	if (side == NAT_INSIDE) {
		put32(ip + 12, flow_inside(flow));
		put32(ip + 16, flow_remote(flow));
		put16(ip + 20, flow_port(flow));
		put16(ip + 22, htons(53));
	} else {
		put32(ip + 12, flow_remote(flow));
		put32(ip + 16, htonl(EXT));
		put16(ip + 20, htons(53));
		put16(ip + 22, bench->ext_ports[flow]);
	}
	put16(ip + 10, 0);
	for (unsigned int k = 0; k < 20; k += 4)
		sum += get32(ip + k);
	put16(ip + 10, ~csum_fold(sum));
	put16(ip + 26, 0xabcd);
}

static void
prepare(struct bench *bench)
{
	for (uint32_t i = 0; i < BURST; i++) {
		uint8_t *ip = bench->frames[i] + L3;

		ip[0] = 0x45;
		put16(ip + 2, htons(FRAME - L3));
		ip[8] = 64;
		ip[9] = IPPROTO_UDP;
		put16(ip + 24, htons(FRAME - L3 - 20));
		bench->mbufs[i].buf_addr = bench->frames[i];
		bench->mbufs[i].data_len = FRAME;
		bench->mbufs[i].pkt_len = FRAME;
	}
}

/* One burst, from flow number @at of the order; @nat: translate it. */
static void
burst(struct bench *bench, uint32_t at, enum nat_side side, bool nat, uint32_t now)
{
	for (uint32_t i = 0; i < BURST; i++) {
		uint32_t flow = bench->order[(at + i) % bench->n_flows];

		write_packet(bench, i, flow, side);
		ip_parse(&bench->metas[i], &bench->mbufs[i], L3);
	}
	if (!nat)
		return;
	nat_classify(bench->nat, 0, now, side, 0, bench->metas, BURST);
	if (side == NAT_INSIDE)
		for (uint32_t i = 0; i < BURST; i++)
			bench->metas[i].flags |= IP_SNAT;
	nat_translate(bench->nat, 0, now, side, 0, bench->metas, BURST);
}

static int
compare(const void *a, const void *b)
{
	const double one = *(const double *)a, *two = b;

	return one < *two ? -1 : one > *two;
}

static void
row(struct bench *bench, const char *name, const char *unit, double min, double median)
{
	if (bench->json)
		printf("%s{\"case\": \"%s\", \"program\": \"nat_core\", \"%s\": %.1f, "
		       "\"%s_median\": %.1f}",
		       bench->first ? "[" : ",\n", name, unit, min, unit, median);
	else
		printf("%-28s %12.1f %12.1f  %s\n", name, min, median, unit);
	bench->first = false;
}

static double
measure_round(struct bench *bench, enum nat_side side, bool nat)
{
	uint64_t start = rte_rdtsc();

	for (uint32_t at = 0; at < PACKETS; at += BURST)
		burst(bench, at, side, nat, 1000);
	return (double)(rte_rdtsc() - start) / PACKETS;
}

static void
measure(struct bench *bench, const char *name, enum nat_side side)
{
	double with[ROUNDS], without[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		without[i] = measure_round(bench, side, false);
		with[i] = measure_round(bench, side, true);
	}
	qsort(with, ROUNDS, sizeof(with[0]), compare);
	qsort(without, ROUNDS, sizeof(without[0]), compare);
	row(bench, name, "cycles_per_packet", with[0] - without[0],
	    with[ROUNDS / 2] - without[ROUNDS / 2]);
}

/* The first @n flows in an order of no order. */
static void
shuffle(struct bench *bench, uint32_t n, uint32_t stride)
{
	uint64_t x = 88172645463325252u;

	bench->n_flows = n;
	for (uint32_t i = 0; i < n; i++)
		bench->order[i] = i * stride;
	for (uint32_t i = n - 1; i > 0; i--) {
		uint32_t k, t;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		k = x % (i + 1);
		t = bench->order[i];
		bench->order[i] = bench->order[k];
		bench->order[k] = t;
	}
}

/* Begin the flows of the order; note their ports. Return: seconds of the beginning alone. */
static double
begin(struct bench *bench)
{
	uint64_t ticks = 0, start;

	for (uint32_t at = 0; at < bench->n_flows; at += BURST) {
		start = rte_rdtsc();
		burst(bench, at, NAT_INSIDE, true, 1000);
		ticks += rte_rdtsc() - start;
		for (uint32_t i = 0; i < BURST; i++) {
			if (bench->metas[i].drop != IP_KEEP)
				die("a session was refused");
			bench->ext_ports[bench->order[(at + i) % bench->n_flows]] =
				get16(bench->frames[i] + L3 + 20);
		}
	}
	return (double)ticks / rte_get_tsc_hz();
}

static double
end_all(struct bench *bench)
{
	const struct nat_filter all = { 0 };
	uint32_t cursor = 0, ended = 0;
	uint64_t start = rte_rdtsc();

	while (nat_end(bench->nat, &cursor, &all, &ended) == -EAGAIN)
		continue;
	while (nat_count(bench->nat) > 0)
		nat_age(bench->nat, 1000);
	return (double)(rte_rdtsc() - start) / rte_get_tsc_hz();
}

static void
set_rules(struct bench *bench, enum nat_mapping mapping)
{
	uint32_t ext[32], bad;
	struct nat_snat snat = { .inside = htonl(INSIDE),
				 .inside_len = 8,
				 .guest = NAT_GUEST_ANY,
				 .out = NAT_OUT_ANY,
				 .ext = ext,
				 .n_ext = 1,
				 .port_low = NAT_PORT_LOW,
				 .port_high = NAT_PORT_HIGH,
				 .mapping = mapping };

	for (uint32_t i = 0; i < 32; i++)
		ext[i] = htonl(EXT + i);
	if (mapping == NAT_MAP_ENDPOINT_INDEPENDENT)
		snat.n_ext = 32;
	if (nat_rules_set(bench->nat, &snat, 1, NULL, 0, &bad) < 0)
		die("rules refused");
}

static void
new_sessions(struct bench *bench, const char *name, const char *end_name)
{
	double rates[ROUNDS], ends[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		rates[i] = -1e-3 * bench->n_flows / begin(bench);
		ends[i] = -1e-3 * bench->n_flows / end_all(bench);
	}
	qsort(rates, ROUNDS, sizeof(rates[0]), compare);
	qsort(ends, ROUNDS, sizeof(ends[0]), compare);
	row(bench, name, "thousand_per_second", -rates[0], -rates[ROUNDS / 2]);
	row(bench, end_name, "thousand_per_second", -ends[0], -ends[ROUNDS / 2]);
}

static void
start(struct bench *bench, bool huge)
{
	static char args[][24] = {
		"nat_core",       "--no-huge", "--no-shconf", "--no-pci",
		"--no-telemetry", "-m64",      "-l0",         "--log-level=error"
	};
	static char *argv[RTE_DIM(args) + 1];
	struct nat_config config = { .max_sessions = NAT_SESSIONS_DEFAULT,
				     .n_workers = 1,
				     .huge = huge };

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	if (rte_eal_init(RTE_DIM(args), argv) < 0)
		die("no EAL");
	bench->qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(1));
	rte_rcu_qsbr_init(bench->qsbr, 1);
	bench->rcu = rcu_create(bench->qsbr);
	config.rcu = bench->rcu;
	config.qsbr = bench->qsbr;
	bench->nat = nat_create(&config);
	bench->order = calloc(NAT_SESSIONS_DEFAULT, sizeof(bench->order[0]));
	bench->ext_ports = calloc(NAT_SESSIONS_DEFAULT, sizeof(bench->ext_ports[0]));
	if (bench->nat == NULL || bench->order == NULL || bench->ext_ports == NULL)
		die("no memory");
	prepare(bench);
}

static double
resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long size = 0, pages = 0;

	if (file == NULL || fscanf(file, "%lu %lu", &size, &pages) != 2)
		die("no /proc/self/statm");
	fclose(file);
	return (double)pages * sysconf(_SC_PAGESIZE);
}

int
main(int argc, char **argv)
{
	static struct bench bench = { .first = true };
	bool huge = false;
	double before, bytes;
	size_t total;

	for (int i = 1; i < argc; i++) {
		bench.json |= strcmp(argv[i], "--json") == 0;
		huge |= strcmp(argv[i], "--huge") == 0;
	}
	start(&bench, huge);
	if (!bench.json)
		printf("%-28s %12s %12s\n", "", "best", "median");
	before = resident();
	set_rules(&bench, NAT_MAP_ADDRESS_PORT_DEPENDENT);
	for (uint32_t n = 1024; n <= 8192; n *= 8) {
		shuffle(&bench, n, 1);
		begin(&bench);
		measure(&bench, n == 1024 ? "out-1k" : "out-8k", NAT_INSIDE);
		measure(&bench, n == 1024 ? "in-1k" : "in-8k", NAT_OUTSIDE);
		end_all(&bench);
	}
	shuffle(&bench, NAT_SESSIONS_DEFAULT, 1);
	begin(&bench);
	bytes = resident() - before;
	measure(&bench, "out-1m", NAT_INSIDE);
	measure(&bench, "in-1m", NAT_OUTSIDE);
	shuffle(&bench, 8192, NAT_SESSIONS_DEFAULT / 8192);
	measure(&bench, "out-8k-of-1m", NAT_INSIDE);
	measure(&bench, "in-8k-of-1m", NAT_OUTSIDE);
	end_all(&bench);
	shuffle(&bench, NAT_SESSIONS_DEFAULT, 1);
	new_sessions(&bench, "new-1m", "end-1m");
	row(&bench, "bytes-per-session-resident", "bytes", bytes / NAT_SESSIONS_DEFAULT,
	    bytes / NAT_SESSIONS_DEFAULT);
	set_rules(&bench, NAT_MAP_ENDPOINT_INDEPENDENT);
	new_sessions(&bench, "new-1m-mappings", "end-1m-mappings");
	nat_memory(bench.nat, &bytes, &total);
	row(&bench, "bytes-per-session", "bytes", bytes, bytes);
	if (bench.json)
		puts("]");
	nat_destroy(bench.nat);
	rcu_destroy(bench.rcu);
	return 0;
}
