/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ring requests of a hostile guest: the input is a list of commands, each a byte and its operands,
 * of a guest that puts anything into its rings, at any index, between the backend's bursts.
 *
 * Beyond what the sanitizers see it checks that packets are in canonical form, that the backend
 * never answers more than it was asked, and that nothing is left behind.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "fake_ctrl.h"
#include "fake_host.h"
#include "vif_steer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define COMMANDS_MAX 400
#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

enum command {
	RAW_REQUEST,
	RAW_ENTRY,
	PUSH,
	SET_TX_PROD,
	SET_RX_PROD,
	SET_RX_REQUEST,
	SET_EVENT,
	RX_BURST,
	TX_BURST,
	ARM,
	SEND,
	UNGRANT,
	RESTART,
	SETTLE,
	CTRL_PUT,
	CTRL_PUSH,
	SET_CTRL_PROD,
	COMMANDS,
};

struct input {
	const uint8_t *data;
	size_t left;
};

struct run {
	struct fake_host *host;
	struct fake_frontend_config config;
	struct fake_frontend *frontend;
	struct fake_queue *ring; /* the guest's queue 0 */
	uint32_t refs[4];        /* good grants for raw requests */
	uint32_t answered;       /* responses that the guest has seen */
};

static struct rte_mempool *pool;

static uint8_t
take8(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

static uint16_t
take16(struct input *input)
{
	uint16_t low = take8(input);

	return (uint16_t)(low | take8(input) << 8);
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
	if (rte_eal_init(RTE_DIM(text), args) < 0)
		exit(EXIT_FAILURE);
	/* small buffers: chains are common */
	pool = rte_pktmbuf_pool_create("mbufs", 1023, 0, 0, RTE_PKTMBUF_HEADROOM + 512,
				       SOCKET_ID_ANY);
	if (pool == NULL)
		exit(EXIT_FAILURE);
}

static struct vif_queue *
run_queue(struct run *run)
{
	struct vif *vif = fake_host_vif(run->host, &run->config);

	return vif != NULL ? vif_queue(vif, 0, false) : NULL;
}

/* A grant: mostly a good one. */
static uint32_t
take_ref(struct run *run, struct input *input)
{
	uint8_t which = take8(input);

	return which < 200 ? run->refs[which % 4] : take16(input) * 65537u;
}

static void
put_request(struct run *run, struct input *input)
{
	struct netif_tx_request request = { .gref = take_ref(run, input) };

	request.flags = take8(input);
	request.id = take8(input);
	request.offset = take16(input);
	request.size = take16(input);
	fake_frontend_raw(run->frontend, 0, &request);
}

static void
put_entry(struct run *run, struct input *input)
{
	uint8_t entry[12];

	for (unsigned int i = 0; i < sizeof(entry); i++)
		entry[i] = i < 4 ? take8(input) : (uint8_t)(i * 17);
	fake_frontend_raw(run->frontend, 0, entry);
}

static void
rx_burst(struct run *run, struct input *input)
{
	struct vif_queue *queue = run_queue(run);
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	struct vif_lost lost = { 0 };
	uint32_t before = run->ring->tx->rsp_prod, n_slots;
	uint16_t n, max = take8(input) % (VIF_BURST_MAX + 1);

	if (queue == NULL)
		return;
	n_slots = run->ring->tx->req_prod - before;
	n = vif_rx_burst(run->host->threads[0], queue, pool, pkts, max, &lost);
	REQUIRE(n <= max);
	REQUIRE(run->ring->tx->rsp_prod - before <= n_slots);
	for (uint16_t i = 0; i < n; i++) {
		const char *reason;

		REQUIRE(rte_mbuf_check(pkts[i], 1, &reason) == 0);
		REQUIRE(pkts[i]->pkt_len >= 14 && pkts[i]->pkt_len <= 65535);
		REQUIRE(pkts[i]->data_len >= RTE_MIN(pkts[i]->pkt_len, 256u));
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

static void
tx_burst(struct run *run, struct input *input)
{
	struct vif_queue *queue = run_queue(run);
	uint16_t n = take8(input) % 8, taken = 0;
	struct rte_mbuf *pkts[8];
	struct vif_lost lost = { 0 };
	uint32_t before = run->ring->rx->rsp_prod, n_slots;

	for (uint16_t i = 0; i < n; i++) {
		uint32_t len = 14u + take16(input);
		struct rte_mbuf *seg;

		pkts[i] = rte_pktmbuf_alloc(pool);
		for (seg = pkts[i]; seg != NULL && len > 0;) {
			uint16_t part = (uint16_t)RTE_MIN(len, 512u);

			seg->data_len = part;
			pkts[i]->pkt_len += part;
			len -= part;
			if (len == 0)
				break;
			seg->next = rte_pktmbuf_alloc(pool);
			seg = seg->next;
			pkts[i]->nb_segs += seg != NULL;
		}
		if (pkts[i] == NULL)
			n = i;
	}
	n_slots = run->ring->rx->req_prod - before;
	if (queue != NULL)
		taken = vif_send(run->host->threads[0], queue->rings, pkts, n, &lost);
	REQUIRE(taken <= n);
	REQUIRE(run->ring->rx->rsp_prod - before <= n_slots);
	rte_pktmbuf_free_bulk(&pkts[taken], n - taken);
}

static void
send_frame(struct run *run, struct input *input)
{
	static uint8_t data[65535];
	struct fake_frame frame = {
		.data = data,
		.len = 14u + take16(input) % 20000,
		.slot_len = (uint16_t)(take8(input) * 16 + 14),
		.flags = take8(input) & (NETTXF_csum_blank | NETTXF_data_validated),
	};

	/* the guest's own bookkeeping knows nothing of raw requests: give it room */
	memset(run->ring->tx_busy, 0, sizeof(run->ring->tx_busy));
	for (unsigned int i = 0; i < 64; i++)
		data[i] = take8(input);
	run->ring->tx_cons = run->ring->tx_prod;
	fake_frontend_send(run->frontend, 0, &frame);
}

/* A request on the control ring, and what its page says. */
static void
put_ctrl(struct run *run, struct input *input)
{
	struct fake_ctrl *ctrl = &run->frontend->ctrl;
	uint16_t type = take8(input) % 12, a = take8(input), b = take8(input), c = take8(input);

	if (ctrl->ring == NULL)
		return;
	for (unsigned int i = 0; i < 8; i++)
		((uint8_t *)ctrl->page)[i * 8] = take8(input);
	/* mostly what makes sense where the page's grant belongs */
	if (type == XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING ||
	    type == XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING)
		fake_ctrl_put(run->frontend, type, a & 3, b < 200 ? ctrl->page_ref : b, c);
	else
		fake_ctrl_put(run->frontend, type, a < 200 ? ctrl->page_ref : a, b, c);
	if (type == XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM && b < 128)
		ctrl->ring->ring[(ctrl->prod - 1) % FAKE_CTRL_SLOTS].req.data[0] = b & 1;
}

static void
restart(struct run *run)
{
	fake_host_stop(run->host);
	fake_host_start(run->host);
	fake_host_settle(run->host, NULL, 0);
}

static void
execute(struct run *run, struct input *input)
{
	struct netif_rx_request *buffer;

	switch ((enum command)(take8(input) % COMMANDS)) {
	case RAW_REQUEST:
		put_request(run, input);
		break;
	case RAW_ENTRY:
		put_entry(run, input);
		break;
	case PUSH:
		fake_frontend_push(run->frontend, 0);
		break;
	case SET_TX_PROD:
		run->ring->tx->req_prod += (uint32_t)(int16_t)take16(input);
		break;
	case SET_RX_PROD:
		run->ring->rx->req_prod += (uint32_t)(int16_t)take16(input);
		break;
	case SET_RX_REQUEST:
		buffer = &run->ring->rx->ring[take8(input)].req;
		buffer->gref = take_ref(run, input);
		buffer->id = take16(input);
		break;
	case SET_EVENT:
		run->ring->tx->rsp_event = take16(input);
		run->ring->rx->rsp_event = take16(input);
		break;
	case RX_BURST:
		rx_burst(run, input);
		break;
	case TX_BURST:
		tx_burst(run, input);
		break;
	case ARM:
		if (run_queue(run) != NULL)
			vif_rx_arm(run_queue(run));
		break;
	case SEND:
		send_frame(run, input);
		break;
	case UNGRANT:
		fake_ungrant(run->host->fake, run->config.domid, run->refs[take8(input) % 4]);
		break;
	case RESTART:
		restart(run);
		break;
	case SETTLE:
		fake_host_settle(run->host, NULL, 0);
		break;
	case CTRL_PUT:
		put_ctrl(run, input);
		break;
	case CTRL_PUSH:
		if (run->frontend->ctrl.ring != NULL)
			fake_ctrl_push(run->frontend);
		netback_process(run->host->netback);
		break;
	case SET_CTRL_PROD:
		if (run->frontend->ctrl.ring != NULL)
			run->frontend->ctrl.ring->req_prod += (uint32_t)(int8_t)take8(input);
		break;
	case COMMANDS:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { .data = data, .left = size };
	struct run run = { .config = { .domid = 1 } };
	struct fake_counts counts;
	uint8_t flags = take8(&input);

	if (pool == NULL)
		start_eal();
	run.host = fake_host_create(1, 1);
	run.config.split = flags & 1;
	run.config.no_sg = flags & 2;
	run.config.ctrl = flags & 4;
	run.config.mcast = flags & 8;
	run.frontend = fake_host_connect(run.host, &run.config);
	REQUIRE(run.frontend != NULL);
	run.ring = &run.frontend->queues[0];
	for (unsigned int i = 0; i < 4; i++)
		fake_grant(run.host->fake, run.config.domid, &run.refs[i]);

	for (unsigned int i = 0; i < COMMANDS_MAX && input.left > 0; i++)
		execute(&run, &input);

	fake_toolstack_remove(run.host->fake, &run.config);
	fake_host_settle(run.host, NULL, 0);
	counts = fake_hypervisor_counts(run.host->fake);
	REQUIRE(counts.maps == 0 && counts.bound == 0 && counts.watches == 2);
	REQUIRE(rte_mempool_in_use_count(pool) == 0);
	fake_frontend_destroy(run.frontend);
	fake_host_destroy(run.host);
	return 0;
}
