/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests are announced, and unplugged: what goes out by the uplink of a real switch, and what is in
 * xenstore, when guests on the fake hypervisor come and go.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>
#include <rte_icmp.h>
#include <rte_ip.h>
#include <rte_mempool.h>
#include <rte_rcu_qsbr.h>

#include "announce.h"
#include "error.h"
#include "fake_frontend.h"
#include "fake_port.h"
#include "port_vif.h"
#include "switch.h"
#include "vif.h"

#define TRIES 50000 /* of a condition, up to 100 us each */
#define UPLINK 4000 /* port ids, out of the switch's way */
#define ACCESS 4001
#define MANY 48
#define TIMES 3

struct bed {
	struct fake_hypervisor *fake;
	struct event_base *base;
	struct vswitch *sw;
	struct fake_switch view;  /* of the bridge, for fake ports */
	struct fake_port *uplink; /* a trunk */
	struct fake_port *access; /* VLAN 8 */
	struct switch_port owner; /* of both, in the switch's eyes */
	struct fake_frontend *guests[MANY];
	unsigned int n_guests;
};

#define MAC_1 0x00, 0x16, 0x3e, 0, 1, 0 /* of guest 1, by fake_toolstack_attach() */

static const uint8_t mac_1[6] = { MAC_1 };

static void
start_switch(struct bed *bed, bool announce)
{
	struct bridge_config config = { .ageing = 300,
					.fdb_limit = FDB_LIMIT_DEFAULT,
					.announce = announce };
	struct error err = { 0 };

	bed->view.pool = rte_mempool_lookup("mbufs");
	bed->base = event_base_new();
	bed->view.dp = datapath_create();
	bed->view.worker = worker_create(bed->view.dp, 0, bed->view.pool);
	bed->sw = switch_create(bed->base, bed->view.dp, bed->view.pool, &err);
	assert_non_null(bed->sw);
	assert_int_equal(port_vif_init(bed->sw, fake_hypervisor_get(bed->fake), &err), 0);
	rte_rcu_qsbr_thread_online(bed->view.dp->qsbr, 0);
	assert_int_equal(switch_bridge_add(bed->sw, "xenbr0", &config, &err), 0);
	bed->view.rcu = bed->sw->rcu;
	bed->view.bridge = switch_bridge_find(bed->sw, "xenbr0")->dp;
	bed->uplink = fake_port_add(&bed->view, UPLINK, 0);
	bed->access = fake_port_add(&bed->view, ACCESS, 8);
	bed->owner.bridge = switch_bridge_find(bed->sw, "xenbr0");
	bed->sw->owners[UPLINK] = bed->sw->owners[ACCESS] = &bed->owner;
}

static void
stop_switch(struct bed *bed)
{
	bed->sw->owners[UPLINK] = bed->sw->owners[ACCESS] = NULL;
	fake_port_del(&bed->view, bed->uplink);
	fake_port_del(&bed->view, bed->access);
	rte_rcu_qsbr_thread_offline(bed->view.dp->qsbr, 0);
	port_vif_fini(bed->sw);
	switch_destroy(bed->sw);
	worker_destroy(bed->view.worker);
	datapath_destroy(bed->view.dp);
	event_base_free(bed->base);
}

static int
setup_bed(void **state, bool announce)
{
	struct bed *bed = calloc(1, sizeof(*bed));

	bed->fake = fake_hypervisor_create();
	start_switch(bed, announce);
	*state = bed;
	return 0;
}

static int
setup(void **state)
{
	return setup_bed(state, true);
}

static int
setup_quiet(void **state)
{
	return setup_bed(state, false);
}

static int
teardown(void **state)
{
	struct bed *bed = *state;
	struct rte_mempool *pool = bed->view.pool;

	stop_switch(bed);
	for (unsigned int i = 0; i < bed->n_guests; i++)
		fake_frontend_destroy(bed->guests[i]);
	fake_hypervisor_destroy(bed->fake);
	free(bed);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

static void
run_once(struct bed *bed)
{
	for (unsigned int i = 0; i < bed->n_guests; i++)
		if (bed->guests[i] != NULL)
			fake_frontend_step(bed->guests[i]);
	event_base_loop(bed->base, EVLOOP_NONBLOCK);
	bed->view.worker->event_fn(bed->view.worker, bed->view.worker->event_arg);
	worker_turn(bed->view.worker);
	rcu_poll(bed->sw->rcu);
}

static void
run(struct bed *bed)
{
	for (unsigned int i = 0; i < 50; i++)
		run_once(bed);
}

#define wait_until(bed, condition)                                      \
	do {                                                            \
		for (int try = 0; try < TRIES && !(condition); try++) { \
			run_once(bed);                                  \
			usleep(100);                                    \
		}                                                       \
		assert_true(condition);                                 \
	} while (0)

static struct switch_port *
port_of(struct bed *bed, uint16_t domid)
{
	char name[SWITCH_NAME_SIZE];

	snprintf(name, sizeof(name), "vif%u.0", domid);
	return switch_port_find(bed->sw, name);
}

static char *
store_path(char path[80], const char *end, uint16_t domid, const char *key)
{
	if (strcmp(end, "backend") == 0)
		snprintf(path, 80, "/local/domain/0/backend/vif/%u/0/%s", domid, key);
	else
		snprintf(path, 80, "/local/domain/%u/device/vif/0/%s", domid, key);
	return path;
}

/* The key has this value; NULL: it is not there. */
static void
assert_key(struct bed *bed, const char *end, uint16_t domid, const char *key, const char *value)
{
	const struct hypervisor *hv = fake_hypervisor_get(bed->fake);
	char path[80], *text = hv->ops->read(hv->ctx, 0, store_path(path, end, domid, key));

	if (value == NULL)
		assert_null(text);
	else
		assert_non_null(text);
	if (text != NULL)
		assert_string_equal(text, value);
	free(text);
}

static void
set_key(struct bed *bed, const char *end, uint16_t domid, const char *key, const char *value)
{
	const struct hypervisor *hv = fake_hypervisor_get(bed->fake);
	char path[80];

	assert_int_equal(hv->ops->write(hv->ctx, 0, store_path(path, end, domid, key), value), 0);
}

/* The toolstack makes a device, and its script puts it on the bridge. @ip: or NULL. */
static struct fake_frontend *
attach(struct bed *bed, uint16_t domid, uint16_t vid, const char *ip)
{
	struct fake_frontend_config config = { .domid = domid };
	struct port_config port = { .kind = PORT_KIND_VIF, .vlan.vid = vid, .n_queues = 1 };
	struct fake_frontend *guest;
	struct error err = { 0 };

	assert_int_equal(fake_toolstack_attach(bed->fake, &config), 0);
	if (ip != NULL)
		set_key(bed, "backend", domid, "ip", ip);
	guest = bed->guests[bed->n_guests++] = fake_frontend_create(bed->fake, &config);
	wait_until(bed, fake_backend_state(bed->fake, &config) == XenbusStateInitWait);
	snprintf(port.name, sizeof(port.name), "vif%u.0", domid);
	assert_int_equal(switch_port_add(bed->sw, "xenbr0", &port, &err), 0);
	fake_toolstack_hotplug(bed->fake, &config, "connected");
	return guest;
}

static void
set(struct bed *bed, uint16_t domid, unsigned int fields, struct port_config config)
{
	struct error err = { 0 };

	assert_int_equal(switch_port_set(bed->sw, port_of(bed, domid)->config.name, fields,
					 "xenbr0", &config, &err),
			 0);
}

/* Take all that has gone out of a port; count the RARPs of guest 1 with this tag (0: none). */
static unsigned int
take_rarps(struct fake_port *port, uint16_t vid)
{
	static const uint8_t tail[] = { 0x80,  0x35, 0, 1, 8, 0,     6, 4, 0, 3,
					MAC_1, 0,    0, 0, 0, MAC_1, 0, 0, 0, 0 };
	const uint8_t tag[] = { 0x81, 0, vid >> 8, vid & 0xff };
	unsigned int n = 0, tag_len = vid != 0 ? 4 : 0;
	struct rte_mbuf *pkt;

	while ((pkt = fake_take(port)) != NULL) {
		const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

		if (memcmp(frame, "\xff\xff\xff\xff\xff\xff", 6) == 0 &&
		    memcmp(frame + 6, mac_1, 6) == 0 && memcmp(frame + 12, tag, tag_len) == 0 &&
		    memcmp(frame + 12 + tag_len, tail, sizeof(tail)) == 0 &&
		    pkt->pkt_len == 60 + tag_len)
			n++;
		rte_pktmbuf_free(pkt);
	}
	return n;
}

static void
assert_balance(struct bed *bed)
{
	fake_assert_balance(&bed->view);
}

/* Three times by the uplink with the guest's VLAN, to no other VLAN, and not to itself. */
static void
test_rarp_on_vlan(void **state)
{
	struct bed *bed = *state;
	struct switch_fdb_row rows[4];
	struct fake_frontend *guest;
	struct port_stats stats;
	unsigned int n = 0;
	uint32_t cursor = 0;
	uint8_t frame[100];
	struct error err;

	guest = attach(bed, 1, 7, NULL);
	wait_until(bed, (n += take_rarps(bed->uplink, 7)) >= TIMES);
	assert_int_equal(n, TIMES);
	assert_int_equal(take_rarps(bed->access, 0), 0);
	assert_int_equal(fake_frontend_recv(guest, 0, frame, sizeof(frame), NULL), 0);
	/* and learnt, as if the guest had sent it; but it has not */
	run(bed);
	assert_int_equal(switch_fdb_read(bed->sw, "xenbr0", &cursor, rows, 4, &err), 1);
	assert_memory_equal(&rows[0].mac, mac_1, 6);
	assert_int_equal(rows[0].vid, 7);
	assert_string_equal(rows[0].port, "vif1.0");
	switch_port_stats(bed->sw, port_of(bed, 1), &stats);
	assert_int_equal(stats.rx_packets, 0);
	assert_int_equal(stats.copies, TIMES);
	assert_balance(bed);
}

/* Ports of the guest's VLAN get it without a tag. */
static void
test_rarp_untagged(void **state)
{
	struct bed *bed = *state;

	attach(bed, 1, 8, NULL);
	wait_until(bed, bed->uplink->n_out >= TIMES);
	assert_int_equal(take_rarps(bed->uplink, 8), TIMES);
	assert_int_equal(take_rarps(bed->access, 0), TIMES);
	assert_balance(bed);
}

/* Each address the toolstack knows, as Linux would announce it. */
static void
test_addresses(void **state)
{
	static const uint8_t arp[] = {
		0xff, 0xff,  0xff, 0xff, 0xff, 0xff, MAC_1, 8, 6, 0, 1, 8, 0,  6, 4, 0,
		1,    MAC_1, 10,   0,    0,    5,    0,     0, 0, 0, 0, 0, 10, 0, 0, 5,
	};
	static const uint8_t na[] = {
		0x33, 0x33, 0, 0, 0, 1,    MAC_1, 0x86, 0xdd, 0x60, 0, 0,     0, 0, 32, 58,
		255,  0xfd, 0, 0, 0, 0,    0,     0,    0,    0,    0, 0,     0, 0, 0,  0,
		5,    0xff, 2, 0, 0, 0,    0,     0,    0,    0,    0, 0,     0, 0, 0,  0,
		1,    136,  0, 0, 0, 0x20, 0,     0,    0,    0xfd, 0, 0,     0, 0, 0,  0,
		0,    0,    0, 0, 0, 0,    0,     0,    5,    2,    1, MAC_1,
	};
	struct bed *bed = *state;
	struct rte_mbuf *pkt;
	unsigned int n_arp = 0, n_na = 0, n = 0;

	attach(bed, 1, 0, "10.0.0.5/24 fd00::5 nonsense 10.0.0.0/24");
	wait_until(bed, bed->uplink->n_out >= 3 * TIMES);
	while ((pkt = fake_take(bed->uplink)) != NULL) {
		uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *);
		uint16_t *checksum = (uint16_t *)(frame + 56), sum;

		n++;
		n_arp += pkt->pkt_len == 60 && memcmp(frame, arp, sizeof(arp)) == 0;
		if (frame[12] == 0x86) {
			assert_int_equal(pkt->pkt_len, sizeof(na));
			sum = *checksum;
			*checksum = 0;
			assert_memory_equal(frame, na, sizeof(na));
			assert_int_equal(sum,
					 rte_ipv6_udptcp_cksum((struct rte_ipv6_hdr *)(frame + 14),
							       frame + 54));
			n_na++;
		}
		rte_pktmbuf_free(pkt);
	}
	assert_int_equal(n_arp, TIMES);
	assert_int_equal(n_na, TIMES);
	assert_int_equal(n, 3 * TIMES);
	assert_balance(bed);
}

/* Many at once: all of them, and nothing is lost between the threads. */
static void
test_many(void **state)
{
	struct bed *bed = *state;

	for (uint16_t domid = 1; domid <= MANY; domid++)
		attach(bed, domid, domid, "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 fd00::1 fd00::2");
	wait_until(bed, bed->uplink->n_out >= MANY * 7 * TIMES);
	run(bed);
	assert_int_equal(bed->uplink->n_out, MANY * 7 * TIMES);
	assert_int_equal(take_rarps(bed->uplink, 1), TIMES);
	assert_balance(bed);
}

/* More than waits between the threads at once: the rest comes soon after. */
static void
test_ring_full(void **state)
{
	struct bed *bed = *state;
	struct announce *all[64] = { NULL };
	struct rte_mbuf *pkt;

	attach(bed, 1, 0, NULL);
	wait_until(bed, port_of(bed, 1)->dp->up);
	run(bed);
	while ((pkt = fake_take(bed->uplink)) != NULL)
		rte_pktmbuf_free(pkt);
	for (unsigned int i = 0; i < RTE_DIM(all); i++) {
		all[i] = announce_create(bed->sw, port_of(bed, 1)->dp);
		announce_start(all[i], mac_1,
			       "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 "
			       "10.0.0.8 10.0.0.9 10.0.0.10 10.0.0.11 10.0.0.12 10.0.0.13 "
			       "10.0.0.14 10.0.0.15 10.0.0.16 10.0.0.17");
	}
	assert_int_equal(rte_mempool_in_use_count(bed->view.pool) >= 1023, 1);
	wait_until(bed, bed->uplink->n_out >= RTE_DIM(all) * (1 + ANNOUNCE_ADDRESSES_MAX) * TIMES);
	for (unsigned int i = 0; i < RTE_DIM(all); i++)
		announce_destroy(all[i]);
	assert_balance(bed);
}

/* A guest that goes, even with announcements on their way, is not heard of any more. */
static void
test_gone(void **state)
{
	struct fake_frontend_config config = { .domid = 1 };
	struct bed *bed = *state;
	struct switch_port *port;

	attach(bed, 1, 7, "10.0.0.5");
	port = port_of(bed, 1);
	for (int try = 0; try < TRIES && !port->dp->up; try++) {
		fake_frontend_step(bed->guests[0]);
		event_base_loop(bed->base, EVLOOP_NONBLOCK);
		usleep(100);
	}
	assert_true(port->dp->up);
	/* two packets wait for the worker, who has not had a turn since */
	assert_true(rte_mempool_in_use_count(bed->view.pool) >= 2);
	fake_toolstack_remove(bed->fake, &config);
	event_base_loop(bed->base, EVLOOP_NONBLOCK);
	assert_null(port_of(bed, 1));
	wait_until(bed, bed->sw->owners[0] == NULL);
	run(bed);
	assert_int_equal(bed->uplink->n_out, 0);
	assert_int_equal(rte_mempool_in_use_count(bed->view.pool), 0);
	assert_balance(bed);
}

/* Guest-driven reconnection, a restart of the switch, another VLAN: told each time. */
static void
test_again(void **state)
{
	struct bed *bed = *state;
	struct fake_frontend *guest = attach(bed, 1, 7, NULL);
	unsigned int n = 0;

	wait_until(bed, (n += take_rarps(bed->uplink, 7)) >= TIMES);
	fake_frontend_reset(guest);
	n = 0;
	wait_until(bed, (n += take_rarps(bed->uplink, 7)) >= TIMES);
	set(bed, 1, PORT_SET_VLAN, (struct port_config){ .vlan.vid = 9 });
	n = 0;
	wait_until(bed, (n += take_rarps(bed->uplink, 9)) >= TIMES);
	/* other settings are no news */
	set(bed, 1, PORT_SET_FDB_LIMIT, (struct port_config){ .fdb_limit = 9 });
	run(bed);
	assert_int_equal(bed->uplink->n_out, 0);
	stop_switch(bed);
	start_switch(bed, true);
	n = 0;
	wait_until(bed, (n += take_rarps(bed->uplink, 9)) >= TIMES);
	assert_int_equal(guest->state, XenbusStateConnected);
	assert_balance(bed);
}

static void
test_quiet_bridge(void **state)
{
	struct bed *bed = *state;

	attach(bed, 1, 7, "10.0.0.5");
	wait_until(bed, port_of(bed, 1)->dp->up);
	run(bed);
	assert_int_equal(bed->uplink->n_out, 0);
	assert_int_equal(event_base_get_num_events(bed->base, EVENT_BASE_COUNT_ACTIVE), 0);
}

/* An IPv4 broadcast frame of guest 1 that is no announcement. */
static void
guest_sends(struct bed *bed)
{
	uint8_t data[60] = { [0] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, MAC_1, 8, 0 };
	struct fake_frame frame = { .data = data, .len = sizeof(data) };

	assert_true(fake_frontend_send(bed->guests[0], 0, &frame) > 0);
	run(bed);
	fake_frontend_reap(bed->guests[0], 0);
}

/* Unplugged: nothing passes either way, the guest can see it, and it stays so over a restart. */
static void
test_carrier(void **state)
{
	struct bed *bed = *state;
	struct port_config off = { .carrier_off = true }, on = { 0 };
	struct fake_frontend *guest;
	struct port_stats stats;
	struct error err;
	uint8_t frame[100];

	guest = attach(bed, 1, 0, NULL);
	wait_until(bed, port_of(bed, 1)->dp->up);
	run(bed);
	assert_key(bed, "backend", 1, "carrier", NULL);
	assert_key(bed, "frontend", 1, "disconnect", NULL);
	assert_int_equal(switch_fdb_add(bed->sw, "xenbr0", &(struct rte_ether_addr){ { MAC_1 } }, 0,
					"vif1.0", &err),
			 0);
	set(bed, 1, PORT_SET_CARRIER, off);
	assert_key(bed, "backend", 1, "carrier", "0");
	assert_key(bed, "frontend", 1, "disconnect", "1");
	assert_string_equal(port_of(bed, 1)->reason, "carrier off (set)");
	assert_false(port_of(bed, 1)->dp->up);

	guest_sends(bed);
	fake_send(&bed->view, bed->uplink,
		  fake_frame(&bed->view, "00:16:3e:00:01:00", "02:00:00:00:00:99", 0, 60));
	run(bed);
	switch_port_stats(bed->sw, port_of(bed, 1), &stats);
	assert_int_equal(stats.rx_packets, 1);
	assert_int_equal(stats.drops[DROP_PORT_DOWN], 2); /* in and out */
	assert_int_equal(bed->uplink->n_out, 0);
	assert_int_equal(fake_frontend_recv(guest, 0, frame, sizeof(frame), NULL), 0);
	assert_balance(bed);

	stop_switch(bed);
	start_switch(bed, false);
	wait_until(bed, port_of(bed, 1) != NULL && port_of(bed, 1)->bridge != NULL &&
				port_of(bed, 1)->link);
	assert_false(port_of(bed, 1)->dp->up);
	assert_string_equal(port_of(bed, 1)->reason, "carrier off (set)");
	guest_sends(bed);
	assert_int_equal(bed->uplink->n_out, 0);

	set(bed, 1, PORT_SET_CARRIER, on);
	assert_true(port_of(bed, 1)->dp->up);
	assert_string_equal(port_of(bed, 1)->reason, "");
	assert_key(bed, "backend", 1, "carrier", "1");
	assert_key(bed, "frontend", 1, "disconnect", "0");
	assert_key(bed, "backend", 1, "vswitch/carrier", NULL);
	assert_int_equal(guest->state, XenbusStateConnected);
	guest_sends(bed);
	assert_int_equal(bed->uplink->n_out, 1);
	assert_balance(bed);
}

/* Plugged in again is a reason to be announced; unplugged is none. */
static void
test_carrier_announces(void **state)
{
	struct bed *bed = *state;
	struct port_config off = { .carrier_off = true }, on = { 0 };
	unsigned int n = 0;

	attach(bed, 1, 7, NULL);
	wait_until(bed, port_of(bed, 1)->dp->up);
	set(bed, 1, PORT_SET_CARRIER, off);
	run(bed);
	take_rarps(bed->uplink, 7);
	run(bed);
	assert_int_equal(bed->uplink->n_out, 0);
	set(bed, 1, PORT_SET_CARRIER, on);
	wait_until(bed, (n += take_rarps(bed->uplink, 7)) >= TIMES);
	assert_balance(bed);
}

/* A frontend's directory that has gone is not brought back. */
static void
test_carrier_without_frontend(void **state)
{
	struct fake_frontend_config config = { .domid = 1 };
	struct port_config off = { .carrier_off = true };
	struct bed *bed = *state;

	attach(bed, 1, 0, NULL);
	wait_until(bed, port_of(bed, 1)->dp->up);
	fake_frontend_destroy(bed->guests[0]);
	bed->guests[0] = NULL;
	fake_toolstack_force(bed->fake, &config);
	wait_until(bed, !port_of(bed, 1)->dp->up);
	set(bed, 1, PORT_SET_CARRIER, off);
	assert_key(bed, "backend", 1, "carrier", "0");
	assert_key(bed, "frontend", 1, "disconnect", NULL);
	assert_key(bed, "frontend", 1, "state", NULL);
}

/* The guest is told its MTU; what the toolstack told it stays as long as nothing is set. */
static void
test_mtu(void **state)
{
	struct bed *bed = *state;

	attach(bed, 1, 0, NULL);
	wait_until(bed, port_of(bed, 1)->dp->up);
	set_key(bed, "frontend", 1, "mtu", "1400");
	set(bed, 1, PORT_SET_VLAN, (struct port_config){ .vlan.vid = 5 });
	assert_key(bed, "frontend", 1, "mtu", "1400");
	set(bed, 1, PORT_SET_MTU, (struct port_config){ .mtu = 9000 });
	assert_key(bed, "frontend", 1, "mtu", "9000");
	set(bed, 1, PORT_SET_MTU, (struct port_config){ .mtu = 0 });
	assert_key(bed, "frontend", 1, "mtu", "1500");
}

/* What the toolstack's free text may be. */
static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		unsigned int n;
		const char *bad;
	} cases[] = {
		{ "", 0, NULL },
		{ " \t ", 0, NULL },
		{ "10.0.0.1", 1, NULL },
		{ " 10.0.0.1/24,fd00::1/64\n10.0.0.2 ", 3, NULL },
		{ "10.0.0.0/24 fd00::/64 0.0.0.0/0 ::/0", 0, NULL },
		{ "10.0.0.0/31 10.0.0.1/32 fd00::/127 fd00::1/128", 4, NULL },
		{ "127.0.0.1 224.0.0.1 255.255.255.255 0.0.0.1 :: ::1 ff02::1", 0, NULL },
		{ "fe80::216:3eff:fe01:203/64 febf::1 fec0::1", 1, NULL },
		{ "10.0.0.1/33 10.0.0.2", 1, "10.0.0.1/33 10.0.0.2" },
		{ "10.0.0.1/ 10.0.0.2/-1 10.0.0.3/ 10.0.0.4/8x", 0,
		  "10.0.0.1/ 10.0.0.2/-1 10.0.0.3/ 10.0.0.4/8x" },
		{ "10.0.0.1 dhcp fd00::2", 2, "dhcp fd00::2" },
		{ "1 2 3 4 5 6", 0, "1 2 3 4 5 6" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  0,
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "a" },
		{ "1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 1.0.0.6 1.0.0.7 1.0.0.8 1.0.0.9 "
		  "1.0.0.10 "
		  "1.0.0.11 1.0.0.12 1.0.0.13 1.0.0.14 1.0.0.15 1.0.0.16 1.0.0.17",
		  16, NULL },
	};
	struct announce_address addresses[ANNOUNCE_ADDRESSES_MAX];
	const char *bad;

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(announce_addresses(cases[i].text, addresses, &bad), cases[i].n);
		if (cases[i].bad == NULL)
			assert_null(bad);
		else
			assert_string_equal(bad, cases[i].bad);
	}
	announce_addresses("10.1.2.3/8 fd00::7", addresses, &bad);
	assert_int_equal(addresses[0].family, AF_INET);
	assert_memory_equal(addresses[0].bytes, "\x0a\1\2\3", 4);
	assert_int_equal(addresses[1].family, AF_INET6);
	assert_int_equal(addresses[1].bytes[15], 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test_setup_teardown(test_rarp_on_vlan, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rarp_untagged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addresses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quiet_bridge, setup_quiet, teardown),
		cmocka_unit_test_setup_teardown(test_carrier, setup_quiet, teardown),
		cmocka_unit_test_setup_teardown(test_carrier_announces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carrier_without_frontend, setup_quiet,
						teardown),
		cmocka_unit_test_setup_teardown(test_mtu, setup_quiet, teardown),
	};

	fake_eal_start();
	if (rte_pktmbuf_pool_create("mbufs", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				    SOCKET_ID_ANY) == NULL)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
