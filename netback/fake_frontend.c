/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_frontend.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "fake_ctrl.h"
#include "store.h"

#define RX_SLOTS_MAX 18 /* of a packet, that Linux takes */

static void
fake_printf(struct fake_hypervisor *fake, uint32_t transaction, const char *dir, const char *key,
	    const char *fmt, ...)
{
	char path[STORE_PATH_SIZE], value[STORE_PATH_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%.120s/%.120s", dir, key);
	fake_store_write(fake_hypervisor_store(fake), transaction, path, value);
}

static void
backend_dir(struct fake_hypervisor *fake, const struct fake_frontend_config *config,
	    char ret_dir[64])
{
	snprintf(ret_dir, 64, "/local/domain/%u/backend/vif/%u/%u",
		 fake_store_self(fake_hypervisor_store(fake)), config->domid, config->devid);
}

static void
frontend_dir(const struct fake_frontend_config *config, char ret_dir[64])
{
	snprintf(ret_dir, 64, "/local/domain/%u/device/vif/%u", config->domid, config->devid);
}

int
fake_toolstack_attach(struct fake_hypervisor *fake, const struct fake_frontend_config *config)
{
	struct fake_store *store = fake_hypervisor_store(fake);
	char be[64], fe[64];
	uint32_t t;
	int ret;

	backend_dir(fake, config, be);
	frontend_dir(config, fe);
	do {
		fake_store_transaction_start(store, &t);
		fake_printf(fake, t, fe, "backend", "%s", be);
		fake_printf(fake, t, fe, "backend-id", "%u", fake_store_self(store));
		fake_printf(fake, t, fe, "state", "1");
		fake_printf(fake, t, fe, "handle", "%u", config->devid);
		fake_printf(fake, t, fe, "mac", "00:16:3e:00:%02x:%02x", config->domid & 0xff,
			    config->devid & 0xff);
		fake_printf(fake, t, be, "frontend", "%s", fe);
		fake_printf(fake, t, be, "frontend-id", "%u", config->domid);
		fake_printf(fake, t, be, "online", "1");
		fake_printf(fake, t, be, "state", "1");
		fake_printf(fake, t, be, "mac", "00:16:3e:00:%02x:%02x", config->domid & 0xff,
			    config->devid & 0xff);
		fake_printf(fake, t, be, "bridge", "xenbr0");
		fake_printf(fake, t, be, "handle", "%u", config->devid);
		fake_printf(fake, t, be, "type", "vif");
		if (!config->no_hotplug) {
			fake_printf(fake, t, be, "script", "/etc/xen/scripts/vif-bridge");
			fake_printf(fake, t, be, "hotplug-status", "%s", "");
		}
		ret = fake_store_transaction_end(store, t, false);
	} while (ret == -EAGAIN);
	return ret;
}

void
fake_toolstack_hotplug(struct fake_hypervisor *fake, const struct fake_frontend_config *config,
		       const char *status)
{
	char be[64];

	backend_dir(fake, config, be);
	fake_printf(fake, 0, be, "hotplug-status", "%s", status);
}

/* Not by the backend's own calls, which can be made to fail. Return: whether there is a number. */
static bool
backend_read(struct fake_hypervisor *fake, const char *dir, const char *key, uint32_t *ret_value)
{
	char path[STORE_PATH_SIZE], *text;
	bool found;

	snprintf(path, sizeof(path), "%.120s/%.120s", dir, key);
	text = fake_store_read(fake_hypervisor_store(fake), 0, path);
	found = text != NULL && parse_u32(text, ret_value) == 0;
	free(text);
	return found;
}

enum xenbus_state
fake_backend_state(struct fake_hypervisor *fake, const struct fake_frontend_config *config)
{
	uint32_t state;
	char be[64];

	backend_dir(fake, config, be);
	if (!backend_read(fake, be, "state", &state))
		return XenbusStateUnknown;
	return (enum xenbus_state)state;
}

static void
toolstack_close(struct fake_hypervisor *fake, const struct fake_frontend_config *config, bool force)
{
	struct fake_store *store = fake_hypervisor_store(fake);
	char be[64], fe[64];
	uint32_t t;

	backend_dir(fake, config, be);
	frontend_dir(config, fe);
	do {
		fake_store_transaction_start(store, &t);
		fake_printf(fake, t, be, "online", "0");
		if (fake_backend_state(fake, config) != XenbusStateClosed)
			fake_printf(fake, t, be, "state", "5");
		if (force)
			fake_store_rm(store, t, fe);
	} while (fake_store_transaction_end(store, t, false) == -EAGAIN);
}

void
fake_toolstack_detach(struct fake_hypervisor *fake, const struct fake_frontend_config *config)
{
	toolstack_close(fake, config, false);
}

void
fake_toolstack_force(struct fake_hypervisor *fake, const struct fake_frontend_config *config)
{
	toolstack_close(fake, config, true);
}

void
fake_toolstack_remove(struct fake_hypervisor *fake, const struct fake_frontend_config *config)
{
	struct fake_store *store = fake_hypervisor_store(fake);
	char be[64], fe[64];

	backend_dir(fake, config, be);
	frontend_dir(config, fe);
	fake_store_rm(store, 0, fe);
	fake_store_rm(store, 0, be);
}

struct fake_frontend *
fake_frontend_create(struct fake_hypervisor *fake, const struct fake_frontend_config *config)
{
	struct fake_frontend *frontend = calloc(1, sizeof(*frontend));

	if (frontend == NULL)
		return NULL;
	frontend->fake = fake;
	frontend->config = *config;
	if (frontend->config.n_queues == 0)
		frontend->config.n_queues = 1;
	frontend->state = XenbusStateInitialising;
	frontend_dir(config, frontend->frontend);
	backend_dir(fake, config, frontend->backend);
	/* two rings and two pages per slot for each queue; fails if the domain is there already */
	fake_domain_create(fake, config->domid,
			   NETBACK_QUEUES_MAX * (2 + 2 * NETIF_RING_SLOTS) * 2);
	return frontend;
}

void
fake_frontend_write(struct fake_frontend *frontend, const char *key, const char *value)
{
	char path[STORE_PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%.120s", frontend->frontend, key);
	if (value != NULL)
		fake_store_write(fake_hypervisor_store(frontend->fake), 0, path, value);
	else
		fake_store_rm(fake_hypervisor_store(frontend->fake), 0, path);
}

static void
frontend_set_state(struct fake_frontend *frontend, enum xenbus_state state)
{
	frontend->state = state;
	fake_printf(frontend->fake, 0, frontend->frontend, "state", "%u", (unsigned int)state);
}

/* A buffer of the given slot: id, page and grant are the slot's for ever. */
static void
post_slot(struct fake_frontend *frontend, struct fake_queue *queue)
{
	uint32_t slot = queue->rx_prod & NETIF_RING_MASK;
	struct netif_rx_request *request = &queue->rx->ring[slot].req;

	if (queue->rx_pages[slot] == NULL)
		queue->rx_pages[slot] =
			fake_grant(frontend->fake, frontend->config.domid, &queue->rx_grefs[slot]);
	request->id = (uint16_t)slot;
	request->gref = queue->rx_grefs[slot];
	queue->rx_prod++;
}

static void
publish_rx(struct fake_frontend *frontend, struct fake_queue *queue)
{
	uint32_t old = queue->rx->req_prod;

	if (ring_publish(&queue->rx->req_prod, &queue->rx->req_event, old, queue->rx_prod))
		fake_channel_notify(frontend->fake, frontend->config.domid, queue->rx_port);
}

void
fake_frontend_post(struct fake_frontend *frontend, uint16_t i, uint32_t n)
{
	struct fake_queue *queue = &frontend->queues[i];

	while (n-- > 0 && queue->rx_prod - queue->rx_cons < NETIF_RING_SLOTS)
		post_slot(frontend, queue);
	publish_rx(frontend, queue);
}

static void
queue_create(struct fake_frontend *frontend, struct fake_queue *queue, bool split)
{
	struct fake_hypervisor *fake = frontend->fake;
	uint16_t domid = frontend->config.domid;

	memset(queue, 0, sizeof(*queue));
	queue->tx = fake_grant(fake, domid, &queue->tx_ref);
	queue->rx = fake_grant(fake, domid, &queue->rx_ref);
	queue->tx->req_event = queue->tx->rsp_event = 1;
	queue->rx->req_event = queue->rx->rsp_event = 1;
	queue->tx_port = fake_channel_alloc(fake, domid);
	queue->rx_port = split ? fake_channel_alloc(fake, domid) : queue->tx_port;
}

static void
queue_free(struct fake_frontend *frontend, struct fake_queue *queue)
{
	struct fake_hypervisor *fake = frontend->fake;
	uint16_t domid = frontend->config.domid;

	if (queue->tx == NULL)
		return;
	for (unsigned int i = 0; i < NETIF_RING_SLOTS; i++) {
		if (queue->tx_pages[i] != NULL)
			fake_ungrant(fake, domid, queue->tx_grefs[i]);
		if (queue->rx_pages[i] != NULL)
			fake_ungrant(fake, domid, queue->rx_grefs[i]);
	}
	fake_ungrant(fake, domid, queue->tx_ref);
	fake_ungrant(fake, domid, queue->rx_ref);
	fake_channel_free(fake, domid, queue->tx_port);
	if (queue->rx_port != queue->tx_port)
		fake_channel_free(fake, domid, queue->rx_port);
	memset(queue, 0, sizeof(*queue));
}

static void
frontend_disconnect(struct fake_frontend *frontend)
{
	for (unsigned int i = 0; i < NETBACK_QUEUES_MAX; i++)
		queue_free(frontend, &frontend->queues[i]);
	fake_ctrl_free(frontend);
	frontend->n_queues = 0;
}

void
fake_frontend_destroy(struct fake_frontend *frontend)
{
	if (frontend == NULL)
		return;
	frontend_disconnect(frontend);
	free(frontend);
}

static uint32_t
backend_feature(struct fake_frontend *frontend, const char *key, uint32_t absent)
{
	uint32_t value;

	if (!backend_read(frontend->fake, frontend->backend, key, &value))
		return absent;
	return value;
}

static void
publish_queue(struct fake_frontend *frontend, const struct fake_queue *queue, const char *dir)
{
	struct fake_hypervisor *fake = frontend->fake;

	fake_printf(fake, 0, dir, "tx-ring-ref", "%u", queue->tx_ref);
	fake_printf(fake, 0, dir, "rx-ring-ref", "%u", queue->rx_ref);
	if (queue->tx_port != queue->rx_port) {
		fake_printf(fake, 0, dir, "event-channel-tx", "%u", queue->tx_port);
		fake_printf(fake, 0, dir, "event-channel-rx", "%u", queue->rx_port);
	} else {
		fake_printf(fake, 0, dir, "event-channel", "%u", queue->tx_port);
	}
}

/* Talk to the backend: rings, keys, state 4. */
static void
frontend_connect(struct fake_frontend *frontend)
{
	const struct fake_frontend_config *config = &frontend->config;
	uint32_t offered = backend_feature(frontend, "multi-queue-max-queues", 0);
	bool split = config->split && backend_feature(frontend, "feature-split-event-channels", 0);

	if (backend_feature(frontend, "feature-rx-copy", 0) == 0)
		return;
	frontend->n_queues = RTE_MIN(config->n_queues, (uint16_t)RTE_MAX(offered, 1u));
	if (offered > 0)
		fake_printf(frontend->fake, 0, frontend->frontend, "multi-queue-num-queues", "%u",
			    frontend->n_queues);
	for (uint16_t i = 0; i < frontend->n_queues; i++) {
		char dir[96];

		snprintf(dir, sizeof(dir), "%s", frontend->frontend);
		if (frontend->n_queues > 1)
			snprintf(dir, sizeof(dir), "%s/queue-%u", frontend->frontend, i);
		queue_create(frontend, &frontend->queues[i], split);
		publish_queue(frontend, &frontend->queues[i], dir);
	}
	fake_frontend_write(frontend, "request-rx-copy", "1");
	fake_frontend_write(frontend, "feature-rx-notify", "1");
	fake_frontend_write(frontend, "feature-sg", config->no_sg ? NULL : "1");
	fake_frontend_write(frontend, "feature-no-csum-offload", config->no_csum_ipv4 ? "1" : NULL);
	fake_frontend_write(frontend, "feature-ipv6-csum-offload",
			    config->no_csum_ipv6 ? NULL : "1");
	fake_frontend_write(frontend, "feature-gso-tcpv4", config->no_gso ? NULL : "1");
	fake_frontend_write(frontend, "feature-gso-tcpv6", config->no_gso ? NULL : "1");
	fake_frontend_write(frontend, "request-multicast-control", config->mcast ? "1" : NULL);
	if (config->ctrl && backend_feature(frontend, "feature-ctrl-ring", 0))
		fake_ctrl_create(frontend);
	for (uint16_t i = 0; i < frontend->n_queues; i++)
		fake_frontend_post(frontend, i,
				   config->n_buffers != 0 ? config->n_buffers : NETIF_RING_SLOTS);
	frontend_set_state(frontend, XenbusStateConnected);
}

void
fake_frontend_reset(struct fake_frontend *frontend)
{
	frontend->reset = true;
	frontend_set_state(frontend, XenbusStateClosing);
}

enum xenbus_state
fake_frontend_step(struct fake_frontend *frontend)
{
	enum xenbus_state backend = fake_backend_state(frontend->fake, &frontend->config);

	switch (backend) {
	case XenbusStateInitWait:
		if (frontend->state == XenbusStateInitialising)
			frontend_connect(frontend);
		break;
	case XenbusStateClosing:
		if (frontend->state != XenbusStateClosed)
			frontend_set_state(frontend, XenbusStateClosed);
		break;
	case XenbusStateClosed:
		frontend_disconnect(frontend);
		if (frontend->reset) {
			frontend->reset = false;
			frontend_set_state(frontend, XenbusStateInitialising);
		} else if (frontend->state == XenbusStateConnected) {
			frontend_set_state(frontend, XenbusStateClosed);
		}
		break;
	default:
		break;
	}
	return frontend->state;
}

static uint32_t
tx_room(const struct fake_queue *queue)
{
	return NETIF_RING_SLOTS - (queue->tx_prod - queue->tx_cons);
}

/* An id that is not in flight, with its page. */
static uint16_t
tx_take_id(struct fake_frontend *frontend, struct fake_queue *queue)
{
	uint16_t id;

	do {
		id = queue->tx_next_id;
		queue->tx_next_id = (uint16_t)((id + 1) & NETIF_RING_MASK);
	} while (queue->tx_busy[id]);
	queue->tx_busy[id] = true;
	if (queue->tx_pages[id] == NULL)
		queue->tx_pages[id] =
			fake_grant(frontend->fake, frontend->config.domid, &queue->tx_grefs[id]);
	return id;
}

static void
tx_put(struct fake_queue *queue, const void *request, bool is_extra)
{
	uint32_t slot = queue->tx_prod & NETIF_RING_MASK;

	memcpy(&queue->tx->ring[slot], request, sizeof(queue->tx->ring[slot]));
	queue->tx_extra[slot] = is_extra;
	queue->tx_prod++;
}

void
fake_frontend_raw(struct fake_frontend *frontend, uint16_t i, const void *request)
{
	tx_put(&frontend->queues[i], request, false);
}

void
fake_frontend_push(struct fake_frontend *frontend, uint16_t i)
{
	struct fake_queue *queue = &frontend->queues[i];
	uint32_t old = queue->tx->req_prod;

	if (ring_publish(&queue->tx->req_prod, &queue->tx->req_event, old, queue->tx_prod))
		fake_channel_notify(frontend->fake, frontend->config.domid, queue->tx_port);
}

int
fake_frontend_send(struct fake_frontend *frontend, uint16_t i, const struct fake_frame *frame)
{
	struct fake_queue *queue = &frontend->queues[i];
	uint32_t slot_len =
		frame->slot_len != 0 ? frame->slot_len : HYPERVISOR_PAGE_SIZE - frame->offset;
	uint32_t n = (frame->len + slot_len - 1) / slot_len + (frame->extra != NULL);
	const uint8_t *data = frame->data;

	if (tx_room(queue) < n)
		return -ENOBUFS;
	for (uint32_t done = 0, part; done < frame->len; done += part) {
		uint16_t id = tx_take_id(frontend, queue);
		struct netif_tx_request request = {
			.gref = queue->tx_grefs[id],
			.offset = frame->offset,
			.id = id,
		};

		part = frame->len - done < slot_len ? frame->len - done : slot_len;
		memcpy(queue->tx_pages[id] + frame->offset, data + done, part);
		request.size = (uint16_t)(done == 0 ? frame->len : part);
		request.flags = done == 0 ? frame->flags : 0;
		if (done + part < frame->len)
			request.flags |= NETTXF_more_data;
		if (done == 0 && frame->extra != NULL)
			request.flags |= NETTXF_extra_info;
		tx_put(queue, &request, false);
		if (done == 0 && frame->extra != NULL) {
			uint8_t entry[12] = { 0 };

			memcpy(entry, frame->extra, sizeof(*frame->extra));
			tx_put(queue, entry, true);
		}
	}
	fake_frontend_push(frontend, i);
	return (int)n;
}

uint32_t
fake_frontend_reap(struct fake_frontend *frontend, uint16_t i)
{
	struct fake_queue *queue = &frontend->queues[i];
	uint32_t prod = ring_load(&queue->tx->rsp_prod), n = prod - queue->tx_cons;

	if (n > queue->tx_prod - queue->tx_cons) {
		frontend->broken = "more responses than requests";
		return 0;
	}
	for (; queue->tx_cons != prod; queue->tx_cons++) {
		uint32_t slot = queue->tx_cons & NETIF_RING_MASK;
		struct netif_tx_response response = queue->tx->ring[slot].rsp;

		if (queue->tx_extra[slot] != (response.status == NETIF_RSP_NULL))
			frontend->broken = "NULL response where none belongs, or missing";
		queue->tx_null += response.status == NETIF_RSP_NULL;
		queue->tx_okay += response.status == NETIF_RSP_OKAY;
		queue->tx_error += response.status < 0;
		if (queue->tx_extra[slot])
			continue;
		if (response.id >= NETIF_RING_SLOTS || !queue->tx_busy[response.id])
			frontend->broken = "response to an id that is not in flight";
		else
			queue->tx_busy[response.id] = false;
	}
	queue->tx->rsp_event = queue->tx_cons + 1;
	return n;
}

/* Return: whether the guest has asked for it, here. */
static bool
recv_extra(const struct fake_frontend *frontend, const struct netif_extra_info *extra,
	   struct fake_packet *packet)
{
	if (packet->has_hash)
		return false;
	if (extra->type == XEN_NETIF_EXTRA_TYPE_HASH) {
		packet->has_hash = true;
		packet->hash_type = extra->u.hash.type;
		memcpy(&packet->hash, extra->u.hash.value, sizeof(packet->hash));
		return frontend->ctrl.hash_asked &&
		       extra->u.hash.algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
	}
	packet->mss = extra->u.gso.size;
	packet->gso = extra->u.gso.type;
	return extra->type == XEN_NETIF_EXTRA_TYPE_GSO && extra->u.gso.size != 0 &&
	       extra->u.gso.pad == 0 && extra->u.gso.features == 0;
}

/* The extra_info slots behind a packet's first one. Return: how many. */
static uint32_t
recv_extras(struct fake_frontend *frontend, struct fake_queue *queue, uint32_t prod,
	    struct fake_packet *packet)
{
	struct netif_extra_info extra;
	uint32_t n = 0;

	do {
		if (queue->rx_cons == prod) {
			frontend->broken = "extra info announced but missing";
			return n;
		}
		memcpy(&extra, &queue->rx->ring[queue->rx_cons & NETIF_RING_MASK], sizeof(extra));
		queue->rx_cons++;
		n++;
		if (!recv_extra(frontend, &extra, packet))
			frontend->broken = "extra info that nobody asked for";
	} while (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	/* Windows' driver asserts both */
	if (packet->mss != 0 && (packet->flags & (NETRXF_csum_blank | NETRXF_data_validated)) !=
					(NETRXF_csum_blank | NETRXF_data_validated))
		frontend->broken = "super-packet that is not checksum-blank";
	return n;
}

int
fake_frontend_recv(struct fake_frontend *frontend, uint16_t i, void *buf, size_t size,
		   struct fake_packet *ret_packet)
{
	struct fake_queue *queue = &frontend->queues[i];
	uint32_t prod = ring_load(&queue->rx->rsp_prod), n_slots = 0, n_extras = 0;
	struct fake_packet packet = { 0 };
	struct netif_rx_response response;
	bool is_bad = false;
	size_t len = 0;

	if (prod == queue->rx_cons)
		return 0;
	if (prod - queue->rx_cons > queue->rx_prod - queue->rx_cons) {
		frontend->broken = "more packets than buffers";
		return -EIO;
	}
	do {
		uint32_t slot = queue->rx_cons & NETIF_RING_MASK;

		if (queue->rx_cons == prod || n_slots++ == RX_SLOTS_MAX) {
			frontend->broken = "packet ends in the middle, or never";
			return -EIO;
		}
		response = queue->rx->ring[slot].rsp;
		if (response.id != slot)
			frontend->broken = "buffer's id is not its slot's";
		if (response.status < 0 || response.offset + response.status > 4096) {
			is_bad = true;
		} else if (len + (size_t)response.status <= size) {
			memcpy((uint8_t *)buf + len, queue->rx_pages[slot] + response.offset,
			       (size_t)response.status);
			len += (size_t)response.status;
		}
		queue->rx_cons++;
		if (n_slots > 1)
			continue;
		packet.flags = response.flags;
		if (response.flags & NETRXF_extra_info)
			n_extras = recv_extras(frontend, queue, prod, &packet);
	} while (response.flags & NETRXF_more_data);
	queue->rx->rsp_event = queue->rx_cons + 1;
	fake_frontend_post(frontend, i, n_slots + n_extras);
	if (ret_packet != NULL)
		*ret_packet = packet;
	queue->rx_error += is_bad;
	return is_bad ? -EIO : (int)len;
}
