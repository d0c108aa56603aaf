/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest_bed.h"

#include <string.h>

#include <event2/event.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "error.h"
#include "fake_host.h"
#include "fdb.h"
#include "log.h"
#include "port_vif.h"
#include "store.h"
#include "test_pool.h"
#include "vif.h"

#define BRIDGE "xenbr0"
#define CONTROL_ROUNDS 50 /* in which guests that behave must get connected */
#define QUIET_TURNS 200   /* in which all that guests have in their rings must be dealt with */
#define MBUFS 2047
#define BUF_SIZE (RTE_PKTMBUF_HEADROOM + 1024)

static struct rte_mempool *pool;
static struct rte_mbuf *mbufs[MBUFS]; /* all there are, by their data's address */
static uint64_t guests_usec = 1000000;

static uint64_t
guests_clock(void)
{
	return guests_usec;
}

void
guest_bed_seconds(uint32_t n)
{
	guests_usec += (uint64_t)n * 1000000;
}

static int
compare_mbufs(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)(*(struct rte_mbuf *const *)a)->buf_addr;
	uintptr_t y = (uintptr_t)(*(struct rte_mbuf *const *)b)->buf_addr;

	return x < y ? -1 : x > y;
}

static void
add_mbuf(struct rte_mempool *mp, void *arg, void *obj, unsigned int i)
{
	mbufs[i] = obj;
}

/* Does the backend's side of a copy lie in the data of one mbuf, if in an mbuf at all? */
static void
check_copy(void *arg, const struct grant_copy *piece)
{
	const struct rte_mbuf *last = mbufs[MBUFS - 1];
	const uint8_t *at = piece->local;
	unsigned int low = 0, high = MBUFS;

	/* what lies before the first of them is no mbuf's either */
	if (piece->is_foreign || at < (uint8_t *)mbufs[0]->buf_addr ||
	    at >= (uint8_t *)last->buf_addr + last->buf_len)
		return;
	while (high - low > 1) {
		unsigned int middle = (low + high) / 2;

		if ((uint8_t *)mbufs[middle]->buf_addr <= at)
			low = middle;
		else
			high = middle;
	}
	REQUIRE(at >= (uint8_t *)mbufs[low]->buf_addr);
	REQUIRE(at + piece->len <= (uint8_t *)mbufs[low]->buf_addr + mbufs[low]->buf_len);
}

static void
start_eal(void)
{
	static char text[][24] = {
		"fuzz",           "--no-huge",         "--no-shconf", "--no-pci",
		"--no-telemetry", "--log-level=error", "-m",          "64",
		"--lcores=0",
	};
	char *args[RTE_DIM(text) + 1] = { NULL };

	for (unsigned int i = 0; i < RTE_DIM(text); i++)
		args[i] = text[i];
	log_open(LOG_TO_STDERR_ERRORS);
	if (rte_eal_init(RTE_DIM(text), args) < 0)
		exit(EXIT_FAILURE);
	/* small buffers: chains are common; few: they run out. Or pages, of which there are as few
	 */
	pool = getenv("VSWITCH_TEST_POOL") != NULL ?
		       test_pool_create("mbufs", MBUFS) :
		       rte_pktmbuf_pool_create("mbufs", MBUFS, 0, 0, BUF_SIZE, SOCKET_ID_ANY);
	if (pool == NULL)
		exit(EXIT_FAILURE);
	rte_mempool_obj_iter(pool, add_mbuf, NULL);
	qsort(mbufs, MBUFS, sizeof(mbufs[0]), compare_mbufs);
}

static void
start_switch(struct guest_bed *bed)
{
	struct bridge_config config = { .ageing = 300, .fdb_limit = FDB_LIMIT_DEFAULT };
	struct error err;

	bed->base = event_base_new();
	bed->dp = datapath_create();
	for (uint16_t i = 0; i < BED_WORKERS; i++)
		bed->workers[i] = worker_create(bed->dp, i, pool);
	bed->sw = switch_create(bed->base, bed->dp, pool, &err);
	REQUIRE(bed->sw != NULL);
	REQUIRE(port_vif_init(bed->sw, fake_hypervisor_get(bed->fake), &err) == 0);
	REQUIRE(switch_bridge_add(bed->sw, BRIDGE, &config, &err) == 0);
	port_vif_bridge_added(bed->sw, BRIDGE);
	for (uint16_t i = 0; i < BED_WORKERS; i++) {
		rte_rcu_qsbr_thread_online(bed->dp->qsbr, i);
		((struct vif_thread *)bed->workers[i]->hypervisor)->clock = guests_clock;
	}
}

static void
stop_switch(struct guest_bed *bed)
{
	for (uint16_t i = 0; i < BED_WORKERS; i++)
		rte_rcu_qsbr_thread_offline(bed->dp->qsbr, i);
	port_vif_fini(bed->sw);
	switch_destroy(bed->sw);
	for (uint16_t i = 0; i < BED_WORKERS; i++)
		worker_destroy(bed->workers[i]);
	datapath_destroy(bed->dp);
	event_base_free(bed->base);
}

static struct switch_port *
bed_port(struct guest_bed *bed, const struct fake_frontend_config *config)
{
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%hu.%hu", config->domid, (uint16_t)config->devid);
	return switch_port_find(bed->sw, name);
}

static void
good_mac(unsigned int i, uint8_t mac[6])
{
	memcpy(mac, (const uint8_t[]){ 2, 0x9b, 0x47, 0x11, 0xe5, (uint8_t)i }, 6);
}

/* Nobody can take their addresses from them. */
static void
pin_good(struct guest_bed *bed)
{
	for (unsigned int i = 0; i < BED_GOOD; i++) {
		const struct switch_port *port = bed_port(bed, &bed->good[i]->config);
		struct rte_ether_addr mac;
		struct error err;

		good_mac(i, mac.addr_bytes);
		REQUIRE(switch_fdb_add(bed->sw, BRIDGE, &mac, 0, port->config.name, &err) == 0);
	}
}

static bool
good_connected(struct guest_bed *bed)
{
	for (unsigned int i = 0; i < BED_GOOD; i++) {
		const struct switch_port *port = bed_port(bed, &bed->good[i]->config);

		if (port == NULL || !port->dp->up || port->bridge == NULL)
			return false;
	}
	return true;
}

static void
connect_good(struct guest_bed *bed)
{
	for (int round = 0; round < CONTROL_ROUNDS && !good_connected(bed); round++) {
		for (unsigned int i = 0; i < BED_GOOD; i++)
			fake_frontend_step(bed->good[i]);
		guest_bed_control(bed);
		guest_bed_work(bed);
	}
	REQUIRE(good_connected(bed));
	pin_good(bed);
}

void
guest_bed_create(struct guest_bed *bed)
{
	if (pool == NULL)
		start_eal();
	memset(bed, 0, sizeof(*bed));
	bed->fake = fake_hypervisor_create();
	fake_on_copy(bed->fake, check_copy, NULL);
	start_switch(bed);
	for (uint16_t i = 0; i < BED_GOOD; i++) {
		struct fake_frontend_config config = {
			.domid = BED_GOOD_DOMID + i, .split = i == 0, .n_queues = 1, .n_buffers = 64
		};

		REQUIRE(fake_toolstack_attach(bed->fake, &config) == 0);
		bed->good[i] = fake_frontend_create(bed->fake, &config);
		REQUIRE(fake_secret(bed->fake, config.domid) != NULL);
		guest_bed_control(bed);
		guest_bed_add(bed, &config);
		fake_toolstack_hotplug(bed->fake, &config, "connected");
	}
	connect_good(bed);
}

/* Is there anything below a path of the backend's? */
static bool
store_has(struct guest_bed *bed, const char *path)
{
	char **names = fake_store_directory(fake_hypervisor_store(bed->fake), 0, path);
	bool has = names != NULL && names[0] != NULL;

	free(names);
	return has;
}

void
guest_bed_destroy(struct guest_bed *bed)
{
	struct fake_counts counts;

	for (unsigned int i = 0; i < BED_GOOD; i++) {
		fake_toolstack_force(bed->fake, &bed->good[i]->config);
		guest_bed_quiet(bed);
		fake_toolstack_remove(bed->fake, &bed->good[i]->config);
	}
	guest_bed_retry(bed);
	guest_bed_quiet(bed);
	counts = fake_hypervisor_counts(bed->fake);
	REQUIRE(counts.maps == 0 && counts.bound == 0);
	/* for new devices and for dead domains; one thread for control rings */
	REQUIRE(counts.watches == 2 && counts.threads == BED_WORKERS + 1);
	REQUIRE(LIST_EMPTY(&bed->sw->ports));
	stop_switch(bed);
	counts = fake_hypervisor_counts(bed->fake);
	REQUIRE(counts.watches == 0 && counts.threads == 0);
	REQUIRE(rte_mempool_in_use_count(pool) == 0);
	REQUIRE(!store_has(bed, "error/backend/vif"));
	for (unsigned int i = 0; i < BED_GOOD; i++)
		fake_frontend_destroy(bed->good[i]);
	REQUIRE(fake_intact(bed->fake));
	fake_hypervisor_destroy(bed->fake);
}

void
guest_bed_restart(struct guest_bed *bed)
{
	guest_bed_quiet(bed);
	stop_switch(bed);
	start_switch(bed);
	connect_good(bed);
}

void
guest_bed_add(struct guest_bed *bed, const struct fake_frontend_config *config)
{
	struct port_config port = { .kind = PORT_KIND_VIF, .n_queues = 1, .mtu = 9000 };
	struct error err;

	snprintf(port.name, sizeof(port.name), "vif%hu.%hu", config->domid,
		 (uint16_t)config->devid);
	/* again: refused */
	switch_port_add(bed->sw, BRIDGE, &port, &err);
}

void
guest_bed_control(struct guest_bed *bed)
{
	event_base_loop(bed->base, EVLOOP_NONBLOCK);
	rcu_poll(bed->sw->rcu);
}

void
guest_bed_retry(struct guest_bed *bed)
{
	fake_host_pass_for(bed->sw->netback, FAKE_HOST_ANYTHING);
	guest_bed_seconds(1);
	for (uint16_t i = 0; i < BED_WORKERS; i++)
		worker_queues_wake(bed->workers[i], UINT64_MAX);
	guest_bed_control(bed);
}

unsigned int
guest_bed_work(struct guest_bed *bed)
{
	unsigned int n = 0;

	for (uint16_t i = 0; i < BED_WORKERS; i++) {
		bed->workers[i]->event_fn(bed->workers[i], bed->workers[i]->event_arg);
		n += worker_turn(bed->workers[i]);
	}
	return n;
}

/* A guest that behaves takes what it gets. Return: packets of which it could make sense. */
static unsigned int
good_take(struct guest_bed *bed, unsigned int i, const uint8_t *expected, uint32_t len)
{
	static uint8_t frame[1 << 17];
	unsigned int n_expected = 0;
	int ret;

	while ((ret = fake_frontend_recv(bed->good[i], 0, frame, sizeof(frame), NULL)) != 0)
		n_expected +=
			expected != NULL && ret == (int)len && memcmp(frame, expected, len) == 0;
	fake_frontend_reap(bed->good[i], 0);
	REQUIRE(bed->good[i]->broken == NULL);
	return n_expected;
}

static bool
bed_rests(const struct guest_bed *bed)
{
	for (uint16_t i = 0; i < BED_WORKERS; i++)
		if (bed->workers[i]->n_active != 0)
			return false;
	return true;
}

void
guest_bed_quiet(struct guest_bed *bed)
{
	int turn;

	for (turn = 0; turn < QUIET_TURNS; turn++) {
		unsigned int n;

		guest_bed_control(bed);
		n = guest_bed_work(bed);
		for (unsigned int i = 0; i < BED_GOOD; i++)
			if (bed->good[i] != NULL && bed->good[i]->n_queues > 0)
				good_take(bed, i, NULL, 0);
		if (n == 0 && bed_rests(bed))
			break;
	}
	REQUIRE(turn < QUIET_TURNS);
	REQUIRE(rte_mempool_in_use_count(pool) == 0);
}

/* A frame to the other one that behaves. Different each time. */
static uint32_t
good_frame(const struct guest_bed *bed, unsigned int i, unsigned int k, uint8_t *frame)
{
	uint32_t len = 60 + (bed->n_checks * 97 + k * 1201 + i * 13) % 5000;

	good_mac((i + 1) % BED_GOOD, frame);
	good_mac(i, frame + 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
	for (uint32_t at = 14; at < len; at++)
		frame[at] = (uint8_t)(bed->n_checks * 31 + k * 7 + i + at * 3 + (at >> 8));
	return len;
}

static void
check_direction(struct guest_bed *bed, unsigned int from)
{
	static uint8_t frames[BED_PACKETS][8192];
	uint64_t n_errors = bed->good[from]->queues[0].tx_error;
	uint32_t lens[BED_PACKETS];

	for (unsigned int k = 0; k < BED_PACKETS; k++) {
		struct fake_frame frame = { .data = frames[k] };

		frame.len = lens[k] = good_frame(bed, from, k, frames[k]);
		REQUIRE(fake_frontend_send(bed->good[from], 0, &frame) > 0);
		guest_bed_work(bed);
		REQUIRE(good_take(bed, (from + 1) % BED_GOOD, frames[k], lens[k]) == 1);
		bed->n_delivered++;
	}
	good_take(bed, from, NULL, 0);
	REQUIRE(bed->good[from]->queues[0].tx_error == n_errors);
	REQUIRE(bed->good[from]->state == XenbusStateConnected);
	REQUIRE(fake_backend_state(bed->fake, &bed->good[from]->config) == XenbusStateConnected);
}

void
guest_bed_check(struct guest_bed *bed)
{
	bed->n_checks++;
	for (unsigned int i = 0; i < BED_GOOD; i++)
		check_direction(bed, i);
}
