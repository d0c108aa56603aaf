/* SPDX-License-Identifier: BSD-3-Clause */
/* vif ports in a real switch: guests on the fake hypervisor that talk to each other. */
#include "vif_bed.h"

#include <jansson.h>

#include "rpc_methods.h"
#include "rpc_methods_priv.h"
#include "trace.h"
#include "vlans.h"

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1, .split = true, .n_queues = 2 },
	{ .domid = 2, .no_csum_ipv4 = true, .no_csum_ipv6 = true },
	{ .domid = 3, .no_sg = true },
};

static void
test_guests_talk(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[1514], got[1514];

	start_guests(bed);
	/* broadcast to the other two; what was learnt makes the answer private */
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
	for (int i = 1; i < GUESTS; i++) {
		assert_int_equal(recv_frame(bed, i, got, sizeof(got)), 60);
		assert_memory_equal(got, frame, 60);
	}
	assert_int_equal(recv_frame(bed, 0, got, sizeof(got)), 0);
	send_frame(bed, 1, frame, make_frame(frame, 0, 1, 1514));
	assert_int_equal(recv_frame(bed, 0, got, sizeof(got)), 1514);
	assert_memory_equal(got, frame, 1514);
	assert_int_equal(recv_frame(bed, 2, got, sizeof(got)), 0);
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_null(bed->guests[i]->broken);
}

static uint64_t
drops_of(const struct port_stats *stats)
{
	uint64_t sum = 0;

	for (unsigned int r = 0; r < DROP_REASONS; r++)
		sum += stats->drops[r];
	return sum;
}

/* In = out + drops, with a guest that takes nothing, one that misbehaves and packets too big. */
static void
test_balance(void **state)
{
	struct bed *bed = *state;
	struct port_stats sum = { 0 }, stats;
	struct switch_port *port;
	uint8_t frame[9000];
	uint64_t drops = 0;

	start_guests(bed);
	port = switch_port_find(bed->sw, "vif3.0");
	for (unsigned int i = 0; i < GUESTS; i++) {
		struct error err;
		char name[SWITCH_NAME_SIZE];

		snprintf(name, sizeof(name), "vif%u.0", configs[i].domid);
		assert_int_equal(switch_port_set(bed->sw, name, PORT_SET_MTU, NULL,
						 &(struct port_config){ .mtu = 8986 }, &err),
				 0);
	}
	for (unsigned int round = 0; round < 300; round++) {
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
		send_frame(bed, 1, frame, make_frame(frame, -1, 1, round % 2 ? 9000 : 60));
		if (round % 10 == 0) {
			struct netif_tx_request bad = { .id = 255, .size = 13 };

			fake_frontend_raw(bed->guests[2], 0, &bad);
			fake_frontend_push(bed->guests[2], 0);
		}
		run_once(bed);
		for (unsigned int i = 0; i < GUESTS; i++)
			fake_frontend_reap(bed->guests[i], 0);
	}
	run(bed);
	LIST_FOREACH(port, &bed->sw->ports, list) {
		switch_port_stats(bed->sw, port, &stats);
		sum.rx_packets += stats.rx_packets;
		sum.tx_packets += stats.tx_packets;
		sum.copies += stats.copies;
		sum.merged += stats.merged;
		sum.punted += stats.punted;
		drops += drops_of(&stats);
	}
	assert_int_equal(sum.rx_packets, 630);
	assert_int_equal(sum.rx_packets + sum.copies,
			 sum.tx_packets + sum.merged + sum.punted + drops);
	port = switch_port_find(bed->sw, "vif3.0");
	switch_port_stats(bed->sw, port, &stats);
	assert_int_equal(stats.drops[DROP_BAD_REQUEST], 30);
	assert_true(stats.drops[DROP_MTU_EXCEEDED] > 0);
	assert_true(stats.drops[DROP_TX_FULL] > 0);
	assert_int_equal(stats.tx_bytes, 60 * stats.tx_packets);
}

/* A guest without feature-sg takes 1500 bytes, whatever is set, and an operator can see that. */
static void
test_no_sg_mtu(void **state)
{
	struct bed *bed = *state;
	struct port_config settings = { .mtu = 9000 };
	struct switch_port *port;
	struct port_stats stats;
	uint8_t frame[3000];
	struct error err;

	start_guests(bed);
	port = switch_port_find(bed->sw, "vif3.0");
	for (unsigned int i = 0; i < GUESTS; i++) {
		char name[SWITCH_NAME_SIZE];

		snprintf(name, sizeof(name), "vif%u.0", configs[i].domid);
		assert_int_equal(
			switch_port_set(bed->sw, name, PORT_SET_MTU, NULL, &settings, &err), 0);
	}
	assert_int_equal(port->dp->mtu, 1500);
	assert_string_equal(port->reason, "mtu 9000 is set, but the guest takes 1500 at most");
	assert_int_equal(switch_port_find(bed->sw, "vif2.0")->dp->mtu, 9000);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 3000));
	run(bed);
	switch_port_stats(bed->sw, port, &stats);
	assert_int_equal(stats.drops[DROP_MTU_EXCEEDED], 1);
	assert_int_equal(fake_frontend_recv(bed->guests[2], 0, frame, sizeof(frame), NULL), 0);
	/* gone: what was set holds for the next one */
	fake_toolstack_force(bed->fake, &configs[2]);
	for (int try = 0; try < TRIES && port->dp->up; try++)
		wait_once(bed);
	assert_int_equal(port->dp->mtu, 9000);
	assert_string_equal(port->reason, "guest is not connected");
}

/* Buffers that cannot be written to: counted as what they are, and in no other way. */
static void
test_tx_error(void **state)
{
	struct bed *bed = *state;
	struct port_stats before, stats;
	struct switch_port *port;
	uint8_t frame[60];

	start_guests(bed);
	port = switch_port_find(bed->sw, "vif2.0");
	switch_port_stats(bed->sw, port, &before);
	for (unsigned int i = 0; i < NETIF_RING_SLOTS; i++)
		bed->guests[1]->queues[0].rx->ring[i].req.gref = UINT32_MAX;
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
	run(bed);
	switch_port_stats(bed->sw, port, &stats);
	assert_int_equal(stats.drops[DROP_TX_ERROR], 1);
	assert_int_equal(stats.tx_packets, before.tx_packets);
	assert_int_equal(stats.tx_bytes, before.tx_bytes);
}

/* Does explain() say that a frame of the first guest's is dropped at a port, for this? */
static bool
is_explained(struct bed *bed, const uint8_t *frame, uint32_t len, const char *name,
	     enum drop_reason reason)
{
	struct explainer *explainer = explainer_create(bed->sw->dp, pool);
	const struct port *port = switch_port_find(bed->sw, name)->dp;
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool);
	const struct trace *trace;
	bool found = false;

	memcpy(rte_pktmbuf_append(pkt, len), frame, len);
	trace = explain(explainer, switch_port_find(bed->sw, "vif1.0")->dp, pkt);
	for (uint16_t i = 0; i < trace->n_steps; i++)
		found |= trace->steps[i].kind == TRACE_DROP && trace->steps[i].port == port->id &&
			 trace->steps[i].arg[0] == reason;
	explainer_destroy(explainer);
	return found;
}

/* What a guest's own filter keeps from it is counted as that, on its port. */
static void
test_multicast_filter(void **state)
{
	static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 7 };
	struct bed *bed = *state;
	struct port_stats before, stats;
	struct switch_port *port;
	uint8_t frame[60], got[60];

	start_guests(bed);
	port = switch_port_find(bed->sw, "vif2.0");
	switch_port_stats(bed->sw, port, &before);
	fake_frontend_write(bed->guests[1], "request-multicast-control", "1");
	run(bed);
	make_frame(frame, -1, 0, 60);
	memcpy(frame, group, sizeof(group));
	assert_true(is_explained(bed, frame, 60, "vif2.0", DROP_MULTICAST));
	assert_false(is_explained(bed, frame, 60, "vif3.0", DROP_MULTICAST));
	send_frame(bed, 0, frame, 60);
	assert_int_equal(recv_frame(bed, 2, got, sizeof(got)), 60);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	switch_port_stats(bed->sw, port, &stats);
	assert_int_equal(stats.drops[DROP_MULTICAST], 1);
	assert_int_equal(stats.tx_packets, before.tx_packets);
	assert_int_equal(stats.tx_bytes, before.tx_bytes);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 60);
}

/* The event channels cannot be read: all queues are looked at, and the log says so. */
static void
test_events_lost(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[60], got[60];

	start_guests(bed);
	run(bed);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
	fake_fail(bed->fake, FAKE_OP_EVENTS, 1, EFBIG);
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 60);
	assert_int_equal(((struct vif_thread *)bed->worker->hypervisor)->lost_events, 1);
	/* and events come again */
	for (unsigned int i = 0; i < 3; i++) {
		run(bed);
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
		assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 60);
	}
	assert_int_equal(((struct vif_thread *)bed->worker->hypervisor)->lost_events, 1);
}

static void
test_caps(void **state)
{
	struct bed *bed = *state;

	start_guests(bed);
	assert_int_equal(switch_port_find(bed->sw, "vif1.0")->dp->caps,
			 PORT_CAP_CSUM_IPV4 | PORT_CAP_CSUM_IPV6 | PORT_CAP_TSO_IPV4 |
				 PORT_CAP_TSO_IPV6);
	assert_int_equal(switch_port_find(bed->sw, "vif2.0")->dp->caps, 0);
}

/* A guest that forwards what it gets wants it complete, whatever its driver says. */
static void
test_checksum_full(void **state)
{
	struct bed *bed = *state;
	struct port_config config = { .checksum_full = true };
	struct switch_port *port;
	struct error err;
	uint32_t caps;

	start_guests(bed);
	port = switch_port_find(bed->sw, "vif1.0");
	caps = port->dp->caps;
	assert_int_equal(switch_port_set(bed->sw, "vif1.0", PORT_SET_CHECKSUM, NULL, &config, &err),
			 0);
	assert_int_equal(port->dp->caps & PORT_CAPS_OFFLOAD, 0);
	/* it says so again when it connects anew */
	switch_port_caps(bed->sw, port->dp, caps);
	assert_int_equal(port->dp->caps & PORT_CAPS_OFFLOAD, 0);
	config.checksum_full = false;
	assert_int_equal(switch_port_set(bed->sw, "vif1.0", PORT_SET_MTU, NULL, &config, &err), 0);
	assert_int_equal(port->dp->caps & PORT_CAPS_OFFLOAD, 0);
	assert_int_equal(switch_port_set(bed->sw, "vif1.0", PORT_SET_CHECKSUM, NULL, &config, &err),
			 0);
	assert_int_equal(port->dp->caps, caps);
}

/* Xenstore refuses the rate: nothing else of the request is done either. */
static void
test_all_or_nothing(void **state)
{
	struct bed *bed = *state;
	struct port_config config = {
		.name = "vif2.0",
		.kind = PORT_KIND_VIF,
		.mtu = 4000,
		.has_rate = true,
		.rate = { .bytes = 1000, .usec = 1000 },
	};
	struct switch_port *port;
	struct error err;

	start_guests(bed);
	port = switch_port_find(bed->sw, "vif2.0");
	fake_fail(bed->fake, FAKE_OP_TRANSACTION, 1, EIO);
	assert_int_equal(switch_port_set(bed->sw, "vif2.0", PORT_SET_MTU | PORT_SET_RATE, NULL,
					 &config, &err),
			 -EIO);
	assert_int_equal(port->dp->mtu, 1500);
	assert_int_equal(switch_port_del(bed->sw, "vif2.0", &err), 0);
	fake_fail(bed->fake, FAKE_OP_TRANSACTION, 1, EIO);
	assert_int_equal(switch_port_add(bed->sw, "xenbr0", &config, &err), -EIO);
	assert_int_equal(port->dp->mtu, 1500);
	assert_null(port->bridge);
	assert_int_equal(switch_port_add(bed->sw, "xenbr0", &config, &err), 0);
	assert_int_equal(port->dp->mtu, 4000);
}

/* The daemon goes and comes back: vifs find their bridges again, frontends notice nothing. */
static void
test_restart(void **state)
{
	struct bed *bed = *state;
	struct port_config settings = {
		.vlan.vid = 7, .mtu = 2000, .fdb_limit = 5, .checksum_full = true
	};
	struct switch_port *port;
	uint8_t frame[60], got[60];
	struct error err;

	start_guests(bed);
	for (unsigned int i = 0; i < GUESTS; i++) {
		char name[SWITCH_NAME_SIZE];

		snprintf(name, sizeof(name), "vif%u.0", configs[i].domid);
		assert_int_equal(switch_port_set(bed->sw, name,
						 PORT_SET_VLAN | PORT_SET_MTU | PORT_SET_FDB_LIMIT |
							 PORT_SET_CHECKSUM,
						 NULL, &settings, &err),
				 0);
	}
	/* a trunk, whose untagged frames are of the same VLAN */
	settings.vlan = (struct vlan_config){ .trunk = true, .native = 7 };
	vlans_parse("20-30,40", settings.vlan.allowed);
	settings.isolated = true;
	settings.hairpin = true;
	settings.no_flood = PORT_FLOOD_MULTICAST;
	assert_int_equal(switch_port_set(bed->sw, "vif2.0",
					 PORT_SET_VLAN | PORT_SET_ISOLATED | PORT_SET_FLOOD |
						 PORT_SET_HAIRPIN,
					 NULL, &settings, &err),
			 0);
	assert_int_equal(switch_port_del(bed->sw, "vif3.0", &err), 0);
	stop_switch(bed);
	/* sent while nobody is there */
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
	start_switch(bed);
	add_bridge(bed, "xenbr0");
	/* that one is lost, and answered; the next passes */
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 0);
	fake_frontend_reap(bed->guests[0], 0);
	assert_int_equal(bed->guests[0]->queues[0].tx_error, 1);
	send_frame(bed, 0, frame, make_frame(frame, -1, 0, 60));
	assert_int_equal(recv_frame(bed, 1, got, sizeof(got)), 60);
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_int_equal(bed->guests[i]->state, XenbusStateConnected);
	port = switch_port_find(bed->sw, "vif1.0");
	assert_string_equal(port->bridge->name, "xenbr0");
	assert_int_equal(port->config.vlan.vid, 7);
	assert_int_equal(port->dp->vlan->untagged, 7);
	assert_int_equal(port->dp->mtu, 2000);
	assert_int_equal(port->config.fdb_limit, 5);
	assert_true(port->config.checksum_full);
	assert_int_equal(port->dp->caps & PORT_CAPS_OFFLOAD, 0);
	port = switch_port_find(bed->sw, "vif2.0");
	assert_true(port->config.vlan.trunk);
	assert_memory_equal(port->config.vlan.allowed, settings.vlan.allowed,
			    sizeof(settings.vlan.allowed));
	assert_int_equal(port->config.vlan.native, 7);
	assert_int_equal(port->config.vlan.vid, 0);
	assert_true(port->config.isolated);
	assert_true(port->config.hairpin && port->dp->hairpin);
	assert_int_equal(port->config.no_flood, PORT_FLOOD_MULTICAST);
	assert_int_equal(port->dp->isolated, 1);
	assert_true(vlan_member(port->dp, 40));
	assert_false(vlan_member(port->dp, 41));
	/* the one that the operator took away stays away */
	assert_null(switch_port_find(bed->sw, "vif3.0")->bridge);
}

/* The bridge is not there after the restart: said so, and put right when it comes. */
static void
test_restart_without_bridge(void **state)
{
	struct bed *bed = *state;
	struct switch_port *port;

	start_guests(bed);
	stop_switch(bed);
	start_switch(bed);
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	port = switch_port_find(bed->sw, "vif1.0");
	assert_null(port->bridge);
	assert_string_equal(port->reason, "its bridge xenbr0 does not exist");
	add_bridge(bed, "xenbr1");
	assert_null(port->bridge);
	add_bridge(bed, "xenbr0");
	assert_string_equal(port->bridge->name, "xenbr0");
	assert_string_equal(port->reason, "");
	assert_true(port->dp->up);
}

static void
test_errors(void **state)
{
	struct bed *bed = *state;

	attach(bed, "vif1.0", "xenbr0", -ENOENT);
	fake_toolstack_attach(bed->fake, &configs[0]);
	run(bed);
	attach(bed, "vif1.0", "xenbr9", -ENOENT);
	assert_null(switch_port_find(bed->sw, "vif1.0")->bridge);
	attach(bed, "vif1.0", "xenbr0", 0);
	attach(bed, "vif1.0", "xenbr0", -EEXIST);
	assert_string_equal(switch_port_find(bed->sw, "vif1.0")->reason, "guest is not connected");
}

/* Devices come and go: nothing is left, ports included; the same name at once again. */
static void
test_cycles(void **state)
{
	struct bed *bed = *state;
	struct fake_counts counts;

	for (unsigned int round = 0; round < 200; round++) {
		start_guests(bed);
		for (unsigned int i = 0; i < GUESTS; i++) {
			fake_toolstack_force(bed->fake, &configs[i]);
			if (round % 2 == 0)
				run_once(bed);
			fake_toolstack_remove(bed->fake, &configs[i]);
			fake_frontend_destroy(bed->guests[i]);
			bed->guests[i] = NULL;
		}
	}
	run(bed);
	counts = fake_hypervisor_counts(bed->fake);
	assert_int_equal(counts.maps + counts.bound, 0);
	assert_int_equal(counts.watches, 2);
	assert_true(LIST_EMPTY(&bed->sw->ports));
}

/* With a worker of its own thread, asleep between packets. */
static void
test_threaded(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[1514], got[1514];

	start_guests(bed);
	for (int round = 0; round < 50; round++) {
		int len = 60 + round, got_len;

		/* let the worker find its queues empty: it sleeps then until an event channel fires
		 */
		for (int try = 0; try < TRIES && round % 10 == 0 &&
				  __atomic_load_n(&bed->worker->n_active, __ATOMIC_RELAXED) != 0;
		     try++)
			run_once(bed);
		make_frame(frame, (round + 1) % 3, round % 3, (uint32_t)len);
		send_frame(bed, round % 3, frame, (uint32_t)len);
		/* floods from before the bridge knew all guests come first */
		do {
			got_len = recv_frame(bed, (round + 1) % 3, got, sizeof(got));
			assert_true(got_len > 0);
		} while (got_len != len);
		assert_memory_equal(got, frame, (size_t)len);
	}
	assert_true(__atomic_load_n(&bed->worker->sleeps, __ATOMIC_RELAXED) > 0);
	for (unsigned int i = 0; i < GUESTS; i++)
		assert_null(bed->guests[i]->broken);
}

/* Devices come and go beside traffic of others, which loses nothing. */
static void
test_threaded_churn(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[100], got[100];

	start_guests(bed);
	for (int round = 0; round < 60; round++) {
		struct fake_frontend *guest = bed->guests[2];
		int got_len;

		for (int try = 0;
		     try < TRIES && round % 3 == 0 &&
		     (guest->n_queues == 0 ||
		      fake_backend_state(bed->fake, &configs[2]) != XenbusStateConnected);
		     try++)
			run_once(bed);
		if (round % 6 == 0) {
			fake_frontend_reset(guest);
		} else if (round % 6 == 3) {
			struct netif_tx_request bad = { .offset = 4095, .size = 100 };

			fake_frontend_raw(guest, 0, &bad);
			fake_frontend_push(guest, 0);
		}
		if (round % 3 == 2) {
			fake_toolstack_remove(bed->fake, &configs[2]);
			fake_frontend_destroy(guest);
			fake_toolstack_attach(bed->fake, &configs[2]);
			fake_toolstack_hotplug(bed->fake, &configs[2], "connected");
			bed->guests[2] = fake_frontend_create(bed->fake, &configs[2]);
		}
		make_frame(frame, 1, 0, 60);
		frame[20] = (uint8_t)round;
		send_frame(bed, 0, frame, 60);
		got_len = recv_frame(bed, 1, got, sizeof(got));
		assert_int_equal(got_len, 60);
		assert_memory_equal(got, frame, 60);
		fake_frontend_reap(bed->guests[0], 0);
	}
	assert_null(bed->guests[0]->broken);
	assert_null(bed->guests[1]->broken);
}

static uint64_t fake_now = 1000000;

static uint64_t
fake_clock(void)
{
	return fake_now;
}

/* A request as vsctl makes it, about vif1.0. Return: its result. */
static json_t *
request(struct bed *bed, const char *method, const char *key, const char *value)
{
	json_t *params = json_pack("{s:s, s:s*}", "name", "vif1.0", key, value), *result = NULL;
	struct error err = { 0 };
	size_t i = 0;

	while (strcmp(rpc_methods[i].name, method) != 0)
		i++;
	if (rpc_methods[i].fn(bed->sw, params, &result, &err) < 0)
		fail_msg("%s: %s", method, err.msg);
	json_decref(params);
	return result;
}

/* Both ways of looking at it say the same. */
static void
assert_rate(struct bed *bed, const char *expected)
{
	static const char *const methods[] = { "port.show", "vif.show" };

	for (int i = 0; i < 2; i++) {
		json_t *rows = request(bed, methods[i], "bridge", NULL);

		assert_string_equal(
			json_string_value(json_object_get(json_array_get(rows, 0), "rate")),
			expected);
		json_decref(rows);
	}
}

static char *
read_rate(struct bed *bed)
{
	return fake_store_read(fake_hypervisor_store(bed->fake), 0, "backend/vif/1/0/rate");
}

/* Offer frames for many turns. Return: how many have been received by the switch. */
static uint64_t
offer(struct bed *bed, const struct port *port)
{
	const struct port_stats *stats = &bed->worker->stats[port->id];
	const uint64_t before = stats->rx_packets;
	uint8_t frame[1514];
	struct fake_frame f = { .data = frame, .len = make_frame(frame, 1, 0, sizeof(frame)) };

	for (int i = 0; i < 50; i++) {
		while (fake_frontend_send(bed->guests[0], 0, &f) > 0)
			;
		run_once(bed);
		fake_frontend_reap(bed->guests[0], 0);
	}
	return stats->rx_packets - before;
}

/* A guest without credit costs nothing until it has some, and no longer than until it is let go. */
static void
test_rate(void **state)
{
	struct bed *bed = *state;
	struct port *port;
	uint64_t next;
	char *text;

	start_guests(bed);
	((struct vif_thread *)bed->worker->hypervisor)->clock = fake_clock;
	port = switch_port_find(bed->sw, "vif1.0")->dp;
	assert_rate(bed, "none");
	request(bed, "port.set", "rate", "8Mb/s@100ms");
	text = read_rate(bed);
	assert_string_equal(text, "100000,100000");
	free(text);
	assert_rate(bed, "8Mb/s@100ms");
	/* what the bucket holds, and no more, however often it is looked at */
	assert_int_equal(offer(bed, port), VIF_RATE_BURST / 1514);
	assert_int_equal(offer(bed, port), 0);
	assert_false(port->rxq[0].active);
	next = bed->worker->sleepers.next;
	assert_true(next < UINT64_MAX);
	fake_now += 100000;
	worker_queues_wake(bed->worker, next);
	assert_true(port->rxq[0].active);
	assert_in_range(offer(bed, port), 100000 / 1514, 100000 / 1514 + 1);
	assert_false(port->rxq[0].active);
	/* its time is not waited for if there is news */
	request(bed, "port.set", "rate", "none");
	assert_null(read_rate(bed));
	assert_true(offer(bed, port) > 1000);
	assert_int_equal(fake_store_write(fake_hypervisor_store(bed->fake), 0,
					  "backend/vif/1/0/rate", "100,1000000"),
			 0);
	assert_true(offer(bed, port) < 1000);
	assert_int_equal(offer(bed, port), 0);
	assert_rate(bed, "100B/s@1s");
	assert_false(port->rxq[0].active);
	assert_null(bed->guests[0]->broken);
}

/* The row of top.show of a guest. */
static json_t *
top_row(struct bed *bed, const char *name)
{
	json_t *params = json_object(), *result = NULL, *row, *found = NULL;
	struct error err;
	size_t i = 0;

	assert_int_equal(rpc_top_show(bed->sw, params, &result, &err), 0);
	json_array_foreach(json_object_get(result, "ports"), i, row)
		if (strcmp(json_string_value(json_object_get(row, "port")), name) == 0)
			found = json_incref(row);
	assert_non_null(found);
	json_decref(result);
	json_decref(params);
	return found;
}

static json_int_t
top_number(struct bed *bed, const char *name, const char *key)
{
	json_t *row = top_row(bed, name);
	json_int_t number = json_integer_value(json_object_get(row, key));

	json_decref(row);
	return number;
}

/* What "vsctl top" is told of guests: their names, how full the rings are, who works for them. */
static void
test_top(void **state)
{
	struct bed *bed = *state;
	const json_t *work;
	uint8_t frame[60];
	json_t *row;

	assert_int_equal(fake_store_write(fake_hypervisor_store(bed->fake), 0,
					  "/local/domain/1/name", "web\n\xfc"),
			 0);
	start_guests(bed);
	run(bed);
	row = top_row(bed, "vif1.0");
	assert_string_equal(json_string_value(json_object_get(row, "guest")), "web??");
	assert_int_equal(json_integer_value(json_object_get(row, "domid")), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "queues")), 1);
	json_decref(row);
	row = top_row(bed, "vif2.0");
	assert_null(json_object_get(row, "guest"));
	json_decref(row);

	assert_int_equal(top_number(bed, "vif1.0", "ring_rx_percent"), 0);
	assert_in_range(top_number(bed, "vif2.0", "ring_tx_percent"), 0, 5);
	for (int i = 0; i < 128; i++)
		send_frame(bed, 0, frame, make_frame(frame, -1, 0, sizeof(frame)));
	assert_int_equal(top_number(bed, "vif1.0", "ring_rx_percent"), 50);
	bed->worker->event_fn(bed->worker, bed->worker->event_arg);
	while (worker_turn(bed->worker) > 0)
		;
	/* the guests have not looked yet, and have posted no new buffers */
	assert_int_equal(top_number(bed, "vif1.0", "ring_rx_percent"), 0);
	assert_in_range(top_number(bed, "vif2.0", "ring_tx_percent"), 50, 55);
	row = top_row(bed, "vif1.0");
	work = json_array_get(json_object_get(row, "workers"), 0);
	assert_int_equal(json_integer_value(json_object_get(work, "queues")), 1);
	assert_int_equal(json_integer_value(json_object_get(work, "rx_packets")), 128);
	assert_true(json_integer_value(json_object_get(work, "cycles")) > 0);
	json_decref(row);
	row = top_row(bed, "vif2.0");
	work = json_array_get(json_object_get(row, "workers"), 0);
	assert_int_equal(json_integer_value(json_object_get(work, "cycles")), 0);
	json_decref(row);
	while (recv_frame(bed, 1, frame, sizeof(frame)) > 0)
		;
	while (recv_frame(bed, 2, frame, sizeof(frame)) > 0)
		;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_guests_talk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_balance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_sg_mtu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tx_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_multicast_filter, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_caps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_checksum_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_top, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restart_without_bridge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cycles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threaded, setup_threaded, teardown),
		cmocka_unit_test_setup_teardown(test_threaded_churn, setup_threaded, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
