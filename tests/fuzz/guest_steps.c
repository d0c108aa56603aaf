/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest_steps.h"

#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include "fake_ctrl.h"
#include "guest_bed.h"

#define VALUE_SIZE 64

static const char *const keys[] = {
	"multi-queue-num-queues",
	"tx-ring-ref",
	"rx-ring-ref",
	"event-channel",
	"event-channel-tx",
	"event-channel-rx",
	"ctrl-ring-ref",
	"event-channel-ctrl",
	"queue-0/tx-ring-ref",
	"queue-0/rx-ring-ref",
	"queue-0/event-channel",
	"queue-0/event-channel-tx",
	"queue-0/event-channel-rx",
	"queue-1/tx-ring-ref",
	"queue-1/rx-ring-ref",
	"queue-1/event-channel",
	"queue-1/event-channel-tx",
	"queue-1/event-channel-rx",
	"request-rx-copy",
	"feature-rx-notify",
	"feature-sg",
	"feature-gso-tcpv4",
	"feature-gso-tcpv6",
	"feature-gso-tcpv4-prefix",
	"feature-no-csum-offload",
	"feature-ipv6-csum-offload",
	"request-multicast-control",
	"xdp-headroom",
	"state",
	"state/below",
	"vifname",
	"disconnect",
	"mac",
	"handle",
	"backend",
	"mtu",
};

static const char *const values[] = {
	"",
	"0",
	"1",
	"2",
	"3",
	"8",
	"9",
	"65",
	"-1",
	" 1",
	"1 ",
	"0x1",
	"4294967295",
	"4294967296",
	"1x",
	"1.",
	"16",
	"000000001",
	"2147483648",
	"18446744073709551617",
	"00:16:3e:00:00:64",
	"/local/domain/0/backend/vif/100/0",
};

uint8_t
take8(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->data++;
}

uint16_t
take16(struct input *input)
{
	uint16_t low = take8(input);

	return (uint16_t)(low | take8(input) << 8);
}

uint32_t
take32(struct input *input)
{
	uint32_t low = take16(input);

	return low | (uint32_t)take16(input) << 16;
}

/* A queue that the guest has made, or NULL. */
static struct fake_queue *
take_queue(struct guest *guest, struct input *input, uint16_t *ret_i)
{
	*ret_i = take8(input) % NETBACK_QUEUES_MAX;
	*ret_i = *ret_i < guest->frontend->n_queues ? *ret_i : 0;
	return guest->frontend->n_queues > 0 ? &guest->frontend->queues[*ret_i] : NULL;
}

/* A grant: mostly a good one. */
static uint32_t
take_ref(struct guest *guest, struct input *input)
{
	uint8_t which = take8(input);

	if (which < 160)
		return guest->refs[which % GUEST_REFS];
	if (which < 200)
		return guest->refs[which % GUEST_REFS] + 1;
	if (which < 210)
		return guest->frontend->queues[which % NETBACK_QUEUES_MAX].tx_ref;
	if (which < 220)
		return guest->frontend->queues[which % NETBACK_QUEUES_MAX].rx_ref;
	if (which < 230)
		return which % 2 ? guest->frontend->ctrl.ref : guest->frontend->ctrl.page_ref;
	return which < 240 ? which - 230u : take32(input);
}

static void
tx_request(struct guest *guest, struct input *input, uint16_t i)
{
	struct netif_tx_request request = { .gref = take_ref(guest, input) };
	uint8_t how = take8(input);

	request.flags = how & 15;
	request.id = take8(input);
	request.offset = how & 16 ? take16(input) : take8(input);
	request.size = how & 32 ? take16(input) : 60;
	fake_frontend_raw(guest->frontend, i, &request);
}

static void
tx_entry(struct guest *guest, struct input *input, uint16_t i)
{
	uint8_t entry[12];

	entry[0] = take8(input) % 8;
	for (unsigned int at = 1; at < sizeof(entry); at++)
		entry[at] = at < 8 ? take8(input) : (uint8_t)(at * 17);
	fake_frontend_raw(guest->frontend, i, entry);
}

/* Headers that make sense, mostly, up to TCP or UDP. */
static void
put_headers(struct input *input, uint8_t *frame, uint32_t len, uint8_t kind)
{
	static const uint8_t macs[][6] = {
		{ 2, 0x9b, 0x47, 0x11, 0xe5, 0 },
		{ 2, 0x9b, 0x47, 0x11, 0xe5, 1 },
		{ 2, 0, 0, 0, 0, 0x66 },
		{ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 1, 0, 0x5e, 0, 0, 1 },
		{ 0x33, 0x33, 0, 0, 0, 1 },
		{ 0, 0, 0, 0, 0, 0 },
		{ 1, 0x80, 0xc2, 0, 0, 0 },
	};
	uint8_t addresses = take8(input), *ip = frame + 14;

	memcpy(frame, macs[addresses & 7], 6);
	memcpy(frame + 6, macs[addresses & 128 ? addresses >> 3 & 7 : 2], 6);
	frame[12] = 0x08;
	if (kind & 1) {
		memcpy(frame + 12, (const uint8_t[]){ 0x81, 0, 0, 5, 8, 0 }, 6);
		ip += 4;
	}
	if (kind & 2) {
		memcpy(ip - 2, (const uint8_t[]){ 0x86, 0xdd, 0x60, 0, 0, 0 }, 6);
		ip[4] = (uint8_t)((len - 54) >> 8);
		ip[5] = (uint8_t)(len - 54);
		ip[6] = kind & 4 ? 17 : 6;
		ip += 40;
	} else {
		ip[0] = 0x45;
		ip[2] = (uint8_t)((len - 14) >> 8);
		ip[3] = (uint8_t)(len - 14);
		ip[9] = kind & 4 ? 17 : 6;
		ip += 20;
	}
	ip[12] = 0x50;
	for (uint8_t n = kind >> 5; n > 0; n--)
		frame[take8(input) % 80] = take8(input);
}

static struct netif_extra_info
take_extra(struct input *input)
{
	struct netif_extra_info extra = { .type = take8(input) % 6 };

	extra.u.gso.size = take16(input) % 9000;
	extra.u.gso.type = take8(input) % 4;
	if (extra.type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ||
	    extra.type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL)
		memcpy(extra.u.mcast.addr, (const uint8_t[]){ 1, 0, 0x5e, 0, 0, take8(input) }, 6);
	return extra;
}

/* A super-packet, as those that behave have them. */
static struct netif_extra_info
good_extra(struct input *input, uint8_t kind)
{
	return (struct netif_extra_info){
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.u.gso = {
			.size = (uint16_t)(500 + take8(input) * 16),
			.type = kind & 2 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4,
		},
	};
}

/* A frame that is mostly in order. @behave: in slots and extras that are. */
void
guest_send(struct fake_frontend *frontend, uint16_t i, struct input *input, bool behave)
{
	static uint8_t data[65535 + 80];
	uint8_t kind = take8(input), how = take8(input);
	struct fake_frame frame = { .data = data, .flags = how & 3 };
	struct netif_extra_info extra;

	frame.len = how & 4 ? 14u + take16(input) % 65522u : 60u + how;
	frame.slot_len = how & 8 && !behave ? (uint16_t)(14 + take8(input) * 16) : 0;
	if (frame.slot_len != 0)
		frame.offset = (uint16_t)(take16(input) % (4097u - frame.slot_len));
	memset(data, how, 96);
	put_headers(input, data, frame.len, kind);
	if (how & 16) {
		extra = behave ? good_extra(input, kind) : take_extra(input);
		frame.extra = &extra;
	}
	for (uint8_t n = 0; n <= (how >> 5) * 2; n++)
		if (fake_frontend_send(frontend, i, &frame) < 0)
			return;
}

static void
tx_frame(struct guest *guest, struct input *input, uint16_t i)
{
	struct fake_queue *queue = &guest->frontend->queues[i];

	/* the guest's own bookkeeping knows nothing of raw requests: give it room */
	memset(queue->tx_busy, 0, sizeof(queue->tx_busy));
	queue->tx_cons = queue->tx_prod;
	guest_send(guest->frontend, i, input, false);
}

static void
ring_word(struct guest *guest, struct input *input, struct fake_queue *queue)
{
	uint8_t which = take8(input);
	uint16_t at = take16(input) % (HYPERVISOR_PAGE_SIZE / 4);
	uint32_t *ring = which % 4 == 0 ? (void *)queue->tx :
			 which % 4 == 1 ? (void *)queue->rx :
					  (void *)guest->frontend->ctrl.ring;

	/* of the header, half of the time */
	if (which & 64)
		at %= 4;
	if (ring != NULL)
		ring[at] = which & 128 ? take32(input) : ring[at] + (uint32_t)(int8_t)take8(input);
}

static void
ring_index(struct guest *guest, struct input *input, struct fake_queue *queue)
{
	uint8_t which = take8(input);
	uint32_t jump = which & 128 ? take32(input) : (uint32_t)(int8_t)take8(input);

	if (which % 3 == 0)
		queue->tx->req_prod += jump;
	else if (which % 3 == 1)
		queue->rx->req_prod += jump;
	else if (guest->frontend->ctrl.ring != NULL)
		guest->frontend->ctrl.ring->req_prod += jump;
}

static void
rx_request(struct guest *guest, struct input *input, struct fake_queue *queue)
{
	struct netif_rx_request *request = &queue->rx->ring[take8(input)].req;

	request->gref = take_ref(guest, input);
	request->id = take16(input);
}

static void
rx_take(struct guest *guest, uint16_t i)
{
	static uint8_t frame[1 << 16];

	for (unsigned int n = 0; n < NETIF_RING_SLOTS; n++)
		if (fake_frontend_recv(guest->frontend, i, frame, sizeof(frame), NULL) <= 0)
			return;
}

static void
flood_events(struct guest *guest, struct input *input, struct fake_queue *queue)
{
	const uint32_t ports[] = { queue->tx_port, queue->rx_port, guest->frontend->ctrl.port };
	uint8_t n = take8(input);

	for (uint8_t k = 0; k <= n % 64; k++)
		fake_channel_notify(guest->fake, guest->config.domid, ports[n % 3]);
}

/* A control message as a driver would send it. */
static void
ctrl_good(struct guest *guest, struct input *input, uint16_t type)
{
	uint32_t page = guest->frontend->ctrl.page_ref;
	uint8_t x = take8(input), y = take8(input);

	switch (type) {
	case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
		fake_ctrl_put(guest->frontend, type, page, x % 48, 0);
		break;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		fake_ctrl_put(guest->frontend, type, page, x % 136, y % 136);
		break;
	case XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING:
	case XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING:
		fake_ctrl_put(guest->frontend, type, x % 3, page, guest->n_listed);
		break;
	default:
		fake_ctrl_put(guest->frontend, type, x % 16, 0, 0);
		break;
	}
}

static void
ctrl_request(struct guest *guest, struct input *input)
{
	uint8_t what = take8(input), how;
	uint16_t type = what % 12;
	uint32_t a, b, c;

	if (guest->frontend->ctrl.ring == NULL)
		return;
	if (what < 180) {
		ctrl_good(guest, input, type);
		return;
	}
	how = take8(input);
	a = how & 1 ? take_ref(guest, input) : how & 2 ? take8(input) : how >> 6;
	b = how & 4 ? take_ref(guest, input) : how & 8 ? take32(input) : how >> 3;
	c = how & 16 ? take32(input) : how & 32 ? take8(input) : 0;
	fake_ctrl_put(guest->frontend, type, a, b, c);
}

/* What control requests refer to: pages, or words that are a table or a key. */
static void
ctrl_list(struct guest *guest, struct input *input)
{
	struct xen_netif_gref *list = guest->frontend->ctrl.page;
	uint8_t how = take8(input), n = take8(input) % 32;

	if (list == NULL)
		return;
	if (how < 64 && guest->frontend->n_queues > 0) {
		guest->n_listed = fake_ctrl_list(guest->frontend, how % guest->frontend->n_queues);
		return;
	}
	guest->n_listed = n + 1u;
	for (unsigned int i = 0; i <= n; i++) {
		list[i].ref = how & 1 ? take_ref(guest, input) :
			      how & 2 ? i % 3 :
					guest->refs[i % GUEST_REFS];
		list[i].flags = how & 4 ? take8(input) % 4 : 0;
	}
}

static void
page_bytes(struct guest *guest, struct input *input)
{
	uint8_t *page = guest->pages[take8(input) % GUEST_REFS];
	uint16_t at = take16(input) % HYPERVISOR_PAGE_SIZE;

	for (unsigned int i = 0; i < 4; i++)
		page[(at + i) % HYPERVISOR_PAGE_SIZE] = take8(input);
}

/* Any value of a key: one that makes sense, one that nearly does, or anything. */
static void
store_key(struct guest *guest, struct input *input)
{
	const char *key = keys[take8(input) % RTE_DIM(keys)];
	uint8_t which = take8(input), len;
	char value[VALUE_SIZE];

	if (which < 100) {
		fake_frontend_write(guest->frontend, key, values[which % RTE_DIM(values)]);
	} else if (which < 120) {
		snprintf(value, sizeof(value), "%u", take_ref(guest, input));
		fake_frontend_write(guest->frontend, key, value);
	} else if (which < 140) {
		snprintf(value, sizeof(value), "%u", take8(input) % FAKE_CHANNELS);
		fake_frontend_write(guest->frontend, key, value);
	} else if (which < 200) {
		len = take8(input) % VALUE_SIZE;
		for (uint8_t i = 0; i < len; i++)
			value[i] = (char)take8(input);
		value[len] = '\0';
		fake_frontend_write(guest->frontend, key, value);
	} else if (which < 254) {
		fake_frontend_write(guest->frontend, key, NULL);
	} else {
		fake_store_rm(fake_hypervisor_store(guest->fake), 0, guest->frontend->frontend);
	}
}

static void
store_state(struct guest *guest, struct input *input)
{
	uint8_t state = take8(input);
	char text[2] = { (char)('0' + state % 10), '\0' };

	fake_frontend_write(guest->frontend, "state", text);
	/* its driver knows, or does not */
	if (state & 128)
		guest->frontend->state = (enum xenbus_state)(state % 10);
}

static void
grant(struct guest *guest, struct input *input)
{
	uint8_t how = take8(input), i = take8(input) % GUEST_REFS;
	uint16_t domid = guest->config.domid;
	uint32_t ref;
	void *page;

	if (how % 3 == 0) {
		fake_ungrant(guest->fake, domid, take_ref(guest, input));
	} else if (how % 3 == 1) {
		fake_grant_readonly(guest->fake, domid, take_ref(guest, input));
	} else if (guest->n_grants++ < GUEST_GRANTS) {
		page = fake_grant(guest->fake, domid, &ref);
		REQUIRE(page != NULL);
		guest->pages[i] = page;
		guest->refs[i] = ref;
	}
}

static void
channel(struct guest *guest, struct input *input)
{
	uint8_t port = take8(input) % FAKE_CHANNELS;

	if (port != 0)
		fake_channel_free(guest->fake, guest->config.domid, port);
}

/* A step on the rings of a queue. Return: false if it was none. */
static bool
ring_step(struct guest *guest, enum guest_step step, struct input *input)
{
	struct fake_queue *queue;
	uint16_t i;

	if (step > EVENTS)
		return false;
	queue = take_queue(guest, input, &i);
	if (queue == NULL)
		return true;
	guest->n_ring_steps++;
	if (step == TX_REQUEST)
		tx_request(guest, input, i);
	else if (step == TX_ENTRY)
		tx_entry(guest, input, i);
	else if (step == TX_FRAME)
		tx_frame(guest, input, i);
	else if (step == TX_PUSH)
		fake_frontend_push(guest->frontend, i);
	else if (step == TX_REAP)
		fake_frontend_reap(guest->frontend, i);
	else if (step == RX_REQUEST)
		rx_request(guest, input, queue);
	else if (step == RX_POST)
		fake_frontend_post(guest->frontend, i, take8(input));
	else if (step == RX_TAKE)
		rx_take(guest, i);
	else if (step == RING_WORD)
		ring_word(guest, input, queue);
	else if (step == RING_INDEX)
		ring_index(guest, input, queue);
	else
		flood_events(guest, input, queue);
	return true;
}

void
guest_step(struct guest *guest, enum guest_step step, struct input *input)
{
	struct xen_netif_ctrl_response response;

	guest->n_steps++;
	if (ring_step(guest, step, input))
		return;
	guest->n_ring_steps += step < STORE_KEY && guest->frontend->ctrl.ring != NULL;
	if (step == CTRL_REQUEST)
		ctrl_request(guest, input);
	else if (step == CTRL_LIST)
		ctrl_list(guest, input);
	else if (step == CTRL_PUSH && guest->frontend->ctrl.ring != NULL)
		fake_ctrl_push(guest->frontend);
	else if (step == CTRL_TAKE && guest->frontend->ctrl.ring != NULL)
		fake_ctrl_take(guest->frontend, &response);
	else if (step == PAGE_BYTES)
		page_bytes(guest, input);
	else if (step == STORE_KEY)
		store_key(guest, input);
	else if (step == STORE_STATE)
		store_state(guest, input);
	else if (step == GRANT)
		grant(guest, input);
	else if (step == CHANNEL)
		channel(guest, input);
}
