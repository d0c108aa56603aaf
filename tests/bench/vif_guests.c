/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fake guests on the real switch, in one process, for tests/bench/run: prints one JSON object.
 *
 *   vif_guests forward SIZE SECONDS WORKER-CORE GUEST-CORE
 *	Two guests send each other frames of SIZE bytes (with the FCS that is not there) for so many
 *	seconds. The guests' side goes to the rings themselves: it is the switch that is measured.
 *   vif_guests attach N WORKER-CORE GUEST-CORE
 *	N guests are attached one after the other, as xl does, and then left alone. The heap is what
 *	grew, less what the fakes alone take before a guest connects: no less than the switch's.
 */
#include <errno.h>
#include <malloc.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <event2/event.h>
#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "eal.h"
#include "error.h"
#include "fake_frontend.h"
#include "object.h"
#include "port_vif.h"
#include "switch.h"

#define WAIT_SEC 60
#define GUESTS_MAX 1000
#define FCS_LEN 4
#define WINDOW 128         /* frames of a guest that the switch has not answered: half a ring */
#define WARM_UP 0.3        /* seconds */
#define INTERVAL 0.01      /* seconds that are looked at by themselves */
#define PACKETS_MIN 10000  /* in them, or the turn under way counts for too much */
#define CONTROL_EVERY 2048 /* rounds of the guests between two of the control thread */
#define ALONE 16           /* guests without a switch, to see what the fakes take */

struct bench {
	struct event_base *base;
	struct datapath *dp;
	struct vswitch *sw;
	struct fake_hypervisor *fake;
	int n_guests;
	struct fake_frontend *guests[GUESTS_MAX];
	double cpu; /* seconds that the control thread has run */
};

static void __attribute__((format(printf, 1, 2), noreturn)) die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static double
seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static double
heap_bytes(void)
{
	const struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
}

static void
control_turn(struct bench *b)
{
	b->cpu -= seconds(CLOCK_THREAD_CPUTIME_ID);
	event_base_loop(b->base, EVLOOP_NONBLOCK);
	b->cpu += seconds(CLOCK_THREAD_CPUTIME_ID);
}

static void
start(struct bench *b, const char *worker_core, int guest_core)
{
	struct bridge_config bridge = { .ageing = 300, .fdb_limit = 65536 };
	struct object settings;
	struct rte_mempool *pool;
	struct error err = { 0 };
	struct eal_plan plan;
	cpu_set_t core;

	object_init(&settings, &vswitchd_schema);
	if (object_set(&settings, VERB_CONFIG, "cores", worker_core, &err) < 0 ||
	    eal_start(&settings, false, &plan, &pool, &err) < 0)
		die("%s", err.msg);
	CPU_ZERO(&core);
	CPU_SET(guest_core, &core);
	if (sched_setaffinity(0, sizeof(core), &core) < 0)
		die("core %d: %s", guest_core, strerror(errno));
	b->base = event_base_new();
	b->dp = datapath_create();
	if (worker_create(b->dp, 0, pool) == NULL)
		die("no worker");
	b->sw = switch_create(b->base, b->dp, pool, &err);
	b->fake = fake_hypervisor_create();
	if (b->sw == NULL || port_vif_init(b->sw, fake_hypervisor_get(b->fake), &err) < 0 ||
	    switch_bridge_add(b->sw, "br0", &bridge, &err) < 0)
		die("%s", err.msg);
	rte_eal_remote_launch(worker_run, b->dp->workers[0], rte_get_next_lcore(-1, 1, 0));
}

static void
stop(struct bench *b)
{
	worker_stop(b->dp->workers[0]);
	rte_eal_mp_wait_lcore();
	b->sw->stopping = true;
	port_vif_fini(b->sw);
	switch_destroy(b->sw);
	for (int i = 0; i < b->n_guests; i++)
		fake_frontend_destroy(b->guests[i]);
	fake_hypervisor_destroy(b->fake);
	worker_destroy(b->dp->workers[0]);
	datapath_destroy(b->dp);
	event_base_free(b->base);
	eal_stop();
}

static struct switch_port *
guest_port(struct bench *b, int i)
{
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%d.0", i + 1);
	return switch_port_find(b->sw, name);
}

/* What the hotplug script asks for. */
static void
port_add(struct bench *b, int i)
{
	struct port_config config = { .kind = PORT_KIND_VIF, .n_queues = 1, .sw = b->sw };
	struct error err = { 0 };

	b->cpu -= seconds(CLOCK_THREAD_CPUTIME_ID);
	snprintf(config.name, sizeof(config.name), "vif%d.0", i + 1);
	if (switch_port_add(b->sw, "br0", &config, &err) < 0)
		die("%s", err.msg);
	b->cpu += seconds(CLOCK_THREAD_CPUTIME_ID);
}

/* One guest from the toolstack's first entry to frames that pass. */
static void
guest_attach(struct bench *b, int i)
{
	struct fake_frontend_config config = { .domid = i + 1, .split = true };
	const double end = seconds(CLOCK_MONOTONIC) + WAIT_SEC;

	if (fake_toolstack_attach(b->fake, &config) < 0)
		die("guest %d: cannot be made", i);
	while (guest_port(b, i) == NULL && seconds(CLOCK_MONOTONIC) < end)
		control_turn(b);
	if (guest_port(b, i) == NULL)
		die("guest %d: no vif", i);
	port_add(b, i);
	fake_toolstack_hotplug(b->fake, &config, "connected");
	b->guests[i] = fake_frontend_create(b->fake, &config);
	b->n_guests++;
	while (!guest_port(b, i)->dp->up) {
		if (seconds(CLOCK_MONOTONIC) > end)
			die("guest %d: is not connected", i);
		fake_frontend_step(b->guests[i]);
		control_turn(b);
	}
}

/* --- forward --- */

/* Let a guest make all its pages, with the frame in each that it will send from then on. */
static void
guest_prepare(struct bench *b, int i, uint16_t len)
{
	struct fake_frontend *guest = b->guests[i];
	uint8_t data[2048] = { 0x02, 0, 0, 0, 0, 2 - i, 0x02, 0, 0, 0, 0, 1 + i, 0x88, 0xb5 };
	struct fake_frame frame = { .data = data, .len = len };

	fake_frontend_post(guest, 0, NETIF_RING_SLOTS);
	for (int sent = 0; sent < NETIF_RING_SLOTS;) {
		if (fake_frontend_send(guest, 0, &frame) > 0)
			sent++;
		fake_frontend_reap(guest, 0);
		control_turn(b);
	}
	while (guest->queues[0].tx_cons != guest->queues[0].tx_prod)
		fake_frontend_reap(guest, 0);
}

/* Take what came, and give the same buffers again. */
static void
guest_receive(struct fake_frontend *guest)
{
	struct fake_queue *queue = &guest->queues[0];
	const uint32_t end = ring_load(&queue->rx->rsp_prod), first = queue->rx_prod;

	if (queue->rx_cons == end)
		return;
	for (; queue->rx_cons != end; queue->rx_cons++, queue->rx_prod++) {
		const uint16_t id = queue->rx->ring[queue->rx_cons & NETIF_RING_MASK].rsp.id;

		queue->rx->ring[queue->rx_prod & NETIF_RING_MASK].req =
			(struct netif_rx_request){ .id = id, .gref = queue->rx_grefs[id] };
	}
	if (ring_publish(&queue->rx->req_prod, &queue->rx->req_event, first, queue->rx_prod))
		fake_channel_notify(guest->fake, guest->config.domid, queue->rx_port);
}

/* Send as much as the window lets. */
static void
guest_send(struct fake_frontend *guest, uint16_t len)
{
	struct fake_queue *queue = &guest->queues[0];
	const uint32_t first = queue->tx_prod;

	queue->tx_cons = ring_load(&queue->tx->rsp_prod);
	while (queue->tx_prod - queue->tx_cons < WINDOW) {
		const uint16_t id = queue->tx_prod & NETIF_RING_MASK;

		queue->tx->ring[id].req = (struct netif_tx_request){
			.gref = queue->tx_grefs[id],
			.id = id,
			.size = len,
		};
		queue->tx_prod++;
	}
	if (queue->tx_prod != first &&
	    ring_publish(&queue->tx->req_prod, &queue->tx->req_event, first, queue->tx_prod))
		fake_channel_notify(guest->fake, guest->config.domid, queue->tx_port);
}

static void
exchange(struct bench *b, uint16_t len, double duration)
{
	const double end = seconds(CLOCK_MONOTONIC) + duration;

	do {
		for (int round = 0; round < CONTROL_EVERY; round++) {
			for (int i = 0; i < 2; i++)
				guest_receive(b->guests[i]);
			for (int i = 0; i < 2; i++)
				guest_send(b->guests[i], len);
		}
		control_turn(b);
	} while (seconds(CLOCK_MONOTONIC) < end);
}

struct sample {
	uint64_t rx_packets, tx_packets;
	uint64_t cycles, turns; /* of the worker, with packets */
};

static void
sample(struct bench *b, struct sample *ret_sample)
{
	const struct worker *worker = b->dp->workers[0];
	struct port_stats stats;

	*ret_sample = (struct sample){ 0 };
	for (int i = 0; i < 2; i++) {
		switch_port_stats(b->sw, guest_port(b, i), &stats);
		ret_sample->rx_packets += stats.rx_packets;
		ret_sample->tx_packets += stats.tx_packets;
	}
	ret_sample->cycles = __atomic_load_n(&worker->busy_cycles, __ATOMIC_RELAXED);
	ret_sample->turns = __atomic_load_n(&worker->busy_turns, __ATOMIC_RELAXED);
}

static void
forward(struct bench *b, uint16_t size, double duration)
{
	struct sample first, last, next;
	double begin, least = 0, cost;

	for (int i = 0; i < 2; i++)
		guest_attach(b, i);
	for (int i = 0; i < 2; i++)
		guest_prepare(b, i, size - FCS_LEN);
	exchange(b, size - FCS_LEN, WARM_UP);
	sample(b, &first);
	begin = seconds(CLOCK_MONOTONIC);
	for (last = first; seconds(CLOCK_MONOTONIC) - begin < duration; last = next) {
		exchange(b, size - FCS_LEN, INTERVAL);
		sample(b, &next);
		if (next.rx_packets - last.rx_packets < PACKETS_MIN)
			continue;
		cost = (double)(next.cycles - last.cycles) / (next.rx_packets - last.rx_packets);
		if (least == 0 || cost < least)
			least = cost;
	}
	printf("{\"seconds\": %.6f, \"rx_packets\": %" PRIu64 ", \"tx_packets\": %" PRIu64
	       ", \"busy_cycles\": %" PRIu64 ", \"busy_turns\": %" PRIu64
	       ", \"least_cycles_per_packet\": %.2f}\n",
	       seconds(CLOCK_MONOTONIC) - begin, last.rx_packets - first.rx_packets,
	       last.tx_packets - first.tx_packets, last.cycles - first.cycles,
	       last.turns - first.turns, least);
}

/* --- attach --- */

/* Heap of a guest that nobody attaches. */
static double
guest_bytes(void)
{
	struct fake_hypervisor *fake = fake_hypervisor_create();
	struct fake_frontend *guests[ALONE];
	double bytes = heap_bytes();

	for (int i = 0; i < ALONE; i++) {
		struct fake_frontend_config config = { .domid = i + 1, .split = true };

		fake_toolstack_attach(fake, &config);
		guests[i] = fake_frontend_create(fake, &config);
	}
	bytes = heap_bytes() - bytes;
	for (int i = 0; i < ALONE; i++)
		fake_frontend_destroy(guests[i]);
	fake_hypervisor_destroy(fake);
	return bytes / ALONE;
}

static void
attach(struct bench *b, int n)
{
	struct rlimit files = { .rlim_cur = 16384, .rlim_max = 16384 };
	double begin, wall, bytes;

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		die("open files: %s", strerror(errno));
	b->cpu = 0;
	bytes = heap_bytes();
	begin = seconds(CLOCK_MONOTONIC);
	for (int i = 0; i < n; i++)
		guest_attach(b, i);
	wall = seconds(CLOCK_MONOTONIC) - begin;
	bytes = (heap_bytes() - bytes) / n;
	bytes -= guest_bytes();
	printf("{\"attach_seconds\": %.3f, \"attach_cpu_ms_per_vif\": %.3f, "
	       "\"heap_bytes_per_vif\": %.0f}\n",
	       wall, b->cpu * 1000 / n, bytes);
}

int
main(int argc, char **argv)
{
	static struct bench bench;
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "forward") == 0 && argc == 6) {
		start(&bench, argv[4], atoi(argv[5]));
		forward(&bench, atoi(argv[2]), atof(argv[3]));
	} else if (strcmp(what, "attach") == 0 && argc == 5 && atoi(argv[2]) <= GUESTS_MAX) {
		start(&bench, argv[3], atoi(argv[4]));
		attach(&bench, atoi(argv[2]));
	} else {
		die("usage: vif_guests forward SIZE SECONDS WORKER-CORE GUEST-CORE\n"
		    "       vif_guests attach N WORKER-CORE GUEST-CORE");
	}
	stop(&bench);
	return EXIT_SUCCESS;
}
