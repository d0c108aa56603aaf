/* SPDX-License-Identifier: BSD-3-Clause */
/* Spanning trees of whole networks; times are simulated. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rstp_net.h"

#define RAPID 100 /* ms: a few proposals and agreements */

static int
setup(void **state)
{
	*state = net_create();
	return 0;
}

static int
teardown(void **state)
{
	net_destroy(*state);
	return 0;
}

static void
expect(const struct net_port *port, enum rstp_role role, enum rstp_state state)
{
	struct rstp_port_status status = net_status(port);

	assert_int_equal(status.role, role);
	assert_int_equal(status.state, state);
	assert_int_equal(port->state, state);
}

static unsigned int
count(const struct net *net, enum rstp_state state)
{
	unsigned int n = 0;

	for (unsigned int b = 0; b < net->n_bridges; b++)
		for (unsigned int p = 0; p < net->bridges[b].n_ports; p++)
			n += net->bridges[b].ports[p].state == state;
	return n;
}

static void
set_port(struct net_port *port, void (*change)(struct rstp_port_config *))
{
	struct rstp_port_config config = net_status(port).config;

	change(&config);
	rstp_port_set(port->port, &config, port->net->now);
}

static void
make_edge(struct rstp_port_config *config)
{
	config->edge = true;
}

static void
make_restricted(struct rstp_port_config *config)
{
	config->restricted = true;
}

static void
make_plain(struct rstp_port_config *config)
{
	config->auto_edge = false;
}

static void
make_dear(struct rstp_port_config *config)
{
	config->cost = 200000;
}

/* A station behind a port: at once if that is known, after 3 s if not, after 22 s if forbidden. */
static void
test_edge(void **state)
{
	struct net *net = *state;
	struct net_bridge *bridge = net_bridge(net, true, 32768);
	struct net_port *unknown = net_port(bridge, net_lan(net));
	struct net_port *plain, *edge;
	int lan = net_lan(net);

	net->lans[lan].up = false;
	edge = net_port(bridge, lan);
	set_port(edge, make_edge);
	plain = net_port(bridge, net_lan(net));
	set_port(plain, make_plain);
	net_lan_set(net, lan, true);
	expect(edge, RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	expect(unknown, RSTP_ROLE_DESIGNATED, RSTP_DISCARDING);
	net_run(net, 2990);
	expect(unknown, RSTP_ROLE_DESIGNATED, RSTP_DISCARDING);
	net_run(net, 20);
	expect(unknown, RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	assert_true(net_status(unknown).edge);
	net_run(net, 18000);
	expect(plain, RSTP_ROLE_DESIGNATED, RSTP_LEARNING);
	net_run(net, 2000);
	expect(plain, RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	assert_int_equal(edge->n_flushes, 0);
	net_lan_set(net, lan, false);
	expect(edge, RSTP_ROLE_DISABLED, RSTP_DISCARDING);
}

static void
test_two_bridges(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 32768), *b = net_bridge(net, true, 32768);
	struct rstp_status status;

	net_link(a, b);
	net_link(a, b);
	net_run(net, RAPID);
	expect(&a->ports[0], RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	expect(&a->ports[1], RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	expect(&b->ports[0], RSTP_ROLE_ROOT, RSTP_FORWARDING);
	expect(&b->ports[1], RSTP_ROLE_ALTERNATE, RSTP_DISCARDING);
	rstp_status(b->rstp, net->now, &status);
	assert_int_equal(status.root, UINT64_C(0x8000020000000001));
	assert_int_equal(status.id, UINT64_C(0x8000020000000002));
	assert_int_equal(status.root_cost, 20000);
	assert_ptr_equal(status.root_port, b->ports[0].port);
	assert_int_equal(status.times.message_age, BPDU_SECOND);
	/* the link that is lost is replaced at once */
	net_lan_set(net, a->ports[0].lan, false);
	net_run(net, RAPID);
	expect(&b->ports[1], RSTP_ROLE_ROOT, RSTP_FORWARDING);
	assert_true(net_is_tree(net));
	assert_int_equal(net->n_loops, 0);
}

/* Three in a ring, each link cut in turn and mended. */
static void
test_ring(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 32768), *b = net_bridge(net, true, 32768);
	struct net_bridge *c = net_bridge(net, true, 4096);

	net_link(a, b);
	net_link(b, c);
	net_link(c, a);
	assert_in_range(net_settle(net), 0, 4000);
	assert_true(net_is_tree(net));
	assert_int_equal(count(net, RSTP_DISCARDING), 1);
	expect(&c->ports[0], RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	for (int lan = 0; lan < 3; lan++) {
		net_lan_set(net, lan, false);
		net_run(net, RAPID);
		assert_true(net_is_tree(net));
		net_lan_set(net, lan, true);
		net_run(net, RAPID);
		assert_true(net_is_tree(net));
		net_run(net, 10000);
		assert_true(net_is_tree(net));
		assert_int_equal(count(net, RSTP_DISCARDING), 1);
	}
	assert_int_equal(net->n_loops, 0);
}

/* The root goes; the two that stay do not believe for long what they tell each other of it. */
static void
test_root_dies(void **state)
{
	struct net *net = *state;
	struct net_bridge *root = net_bridge(net, true, 0), *b = net_bridge(net, true, 32768);
	struct net_bridge *c = net_bridge(net, true, 32768);
	struct rstp_status status;
	int one = net_link(root, b), two = net_link(root, c);

	net_link(b, c);
	net_settle(net);
	net_lan_set(net, one, false);
	net_lan_set(net, two, false);
	net_run(net, 1000);
	rstp_status(c->rstp, net->now, &status);
	assert_int_equal(status.root, UINT64_C(0x8000020000000002));
	expect(&c->ports[1], RSTP_ROLE_ROOT, RSTP_FORWARDING);
	/* a root whose messages stop, with the link there: three hellos */
	net_lan_set(net, one, true);
	net_lan_set(net, two, true);
	net_settle(net);
	expect(&b->ports[0], RSTP_ROLE_ROOT, RSTP_FORWARDING);
	b->ports[0].deaf = c->ports[0].deaf = true;
	net_run(net, 7000);
	rstp_status(b->rstp, net->now, &status);
	assert_int_equal(status.root, UINT64_C(0x8000020000000002));
}

/* What is sent out comes back: by another port, on a LAN of several, by the port itself. */
static void
test_self_loops(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 32768);
	int loop = net_lan(net), echo = net_lan(net);

	net_port(a, loop);
	net_port(a, loop);
	net_port(a, loop);
	net->lans[echo].echo = true;
	net_port(a, echo);
	/* the first port has spoken before the others were there: its next hello */
	for (int i = 0; i < 40; i++) {
		net_run(net, 1000);
		assert_int_equal(a->ports[3].state, RSTP_DISCARDING);
		assert_false(net_has_loop(net));
		if (i < 2)
			continue;
		expect(&a->ports[1], RSTP_ROLE_BACKUP, RSTP_DISCARDING);
		expect(&a->ports[2], RSTP_ROLE_BACKUP, RSTP_DISCARDING);
	}
	expect(&a->ports[0], RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	net->lans[echo].echo = false;
	net_settle(net);
	expect(&a->ports[3], RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	assert_int_equal(net->n_loops, 0);
}

/* One of them speaks STP: its neighbours do too, on that port; a change reaches the root. */
static void
test_stp_neighbour(void **state)
{
	struct net *net = *state;
	struct net_bridge *old = net_bridge(net, false, 4096), *b = net_bridge(net, true, 32768);
	struct net_bridge *c = net_bridge(net, true, 32768);
	struct net_port *leaf, *far_leaf;
	uint64_t taken;
	int lan;

	net_link(old, b);
	net_link(b, c);
	net_link(c, old);
	far_leaf = net_port(c, net_lan(net));
	set_port(far_leaf, make_plain);
	taken = net_settle(net);
	assert_in_range(taken, 30000, 51000);
	assert_true(net_is_tree(net));
	assert_int_equal(net->n_loops, 0);
	assert_false(net_status(&b->ports[0]).sends_rstp);
	assert_true(net_status(&b->ports[1]).sends_rstp);
	assert_int_equal(net_status(&old->ports[0]).rx[BPDU_RST],
			 net_status(&b->ports[0]).tx[BPDU_RST]);
	/* a new leaf at b, that is no edge: told by TCN, acknowledged, spread by the root */
	net_run(net, 40000);
	old->n_fast_ages = 0;
	far_leaf->n_flushes = 0;
	lan = net_lan(net);
	leaf = net_port(b, lan);
	set_port(leaf, make_plain);
	net_run(net, 45000);
	expect(leaf, RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	assert_int_equal(net_status(&b->ports[0]).tx[BPDU_TCN],
			 net_status(&old->ports[0]).rx[BPDU_TCN]);
	assert_true(net_status(&b->ports[0]).tx[BPDU_TCN] > 0);
	assert_true(old->n_fast_ages > 0);
	assert_true(far_leaf->n_flushes > 0);
	/* it hears RSTP of an old one that was renewed */
	net_run(net, 40000);
	rstp_set(old->rstp,
		 &(struct rstp_config){ .rstp = true,
					.priority = 4096,
					.mac = { 2, 0, 0, 0, 0, 1 },
					.hello = 2,
					.max_age = 20,
					.forward_delay = 15 },
		 net->now);
	net_settle(net);
	assert_true(net_status(&b->ports[0]).sends_rstp);
	assert_true(net_is_tree(net));
}

/* All of them speak STP: slow, and without a loop at any time. */
static void
test_stp_only(void **state)
{
	struct net *net = *state;
	struct net_bridge *bridges[4];

	for (int i = 0; i < 4; i++)
		bridges[i] = net_bridge(net, false, 32768);
	for (int i = 0; i < 4; i++)
		net_link(bridges[i], bridges[(i + 1) % 4]);
	net_link(bridges[0], bridges[2]);
	net_settle(net);
	assert_true(net_is_tree(net));
	net_lan_set(net, 0, false);
	assert_in_range(net_settle(net), 15000, 70000);
	assert_true(net_is_tree(net));
	net_lan_set(net, 0, true);
	net_settle(net);
	assert_true(net_is_tree(net));
	assert_int_equal(net->n_loops, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(net_status(&bridges[i]->ports[0]).tx[BPDU_RST], 0);
}

/* Who is not trusted may call himself the best root: only his own port is blocked. */
static void
test_restricted(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 32768), *b = net_bridge(net, true, 32768);
	struct net_bridge *guest = net_bridge(net, true, 0);
	struct rstp_status status;

	net_link(a, b);
	net_settle(net);
	net_link(b, guest);
	set_port(&b->ports[1], make_restricted);
	a->ports[0].n_flushes = 0;
	net_settle(net);
	rstp_status(b->rstp, net->now, &status);
	assert_int_equal(status.root, UINT64_C(0x8000020000000001));
	expect(&b->ports[1], RSTP_ROLE_ALTERNATE, RSTP_DISCARDING);
	expect(&b->ports[0], RSTP_ROLE_ROOT, RSTP_FORWARDING);
	assert_int_equal(a->ports[0].n_flushes, 0);
}

/* He does not hear us and forwards: we do not. */
static void
test_dispute(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 4096), *b = net_bridge(net, true, 32768);
	struct net_bridge *c = net_bridge(net, true, 32768);

	net_link(a, b);
	net_link(b, c);
	net_link(c, a);
	net_settle(net);
	/* c no longer hears b, by whom it had an alternate way or is designated */
	for (unsigned int p = 0; p < 2; p++) {
		if (c->ports[p].state != RSTP_DISCARDING)
			continue;
		c->ports[p].deaf = true;
		net_run(net, 20000);
		assert_false(net_has_loop(net));
		assert_true(net_status(&b->ports[1]).n_disputes > 0);
		return;
	}
	fail_msg("%s", "c has no port that blocks");
}

/* The cost moves the root port, in no time and without a loop. */
static void
test_cost(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 4096), *b = net_bridge(net, true, 32768);

	net_link(a, b);
	net_link(a, b);
	net_settle(net);
	set_port(&b->ports[0], make_dear);
	net_run(net, RAPID);
	expect(&b->ports[0], RSTP_ROLE_ALTERNATE, RSTP_DISCARDING);
	expect(&b->ports[1], RSTP_ROLE_ROOT, RSTP_FORWARDING);
	assert_int_equal(net->n_loops, 0);
}

/* A bridge whose address changes does not take its own old words for another's. */
static void
test_new_address(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 4096);
	struct rstp_config config = { .rstp = true,
				      .priority = 8192,
				      .mac = { 2, 9 },
				      .hello = 2,
				      .max_age = 20,
				      .forward_delay = 15 };
	struct rstp_status status;
	int lan = net_lan(net);

	net_port(a, lan);
	net_port(a, lan);
	net_settle(net);
	rstp_set(a->rstp, &config, net->now);
	rstp_status(a->rstp, net->now, &status);
	assert_int_equal(status.root, status.id);
	net_run(net, RAPID);
	expect(&a->ports[0], RSTP_ROLE_DESIGNATED, RSTP_FORWARDING);
	expect(&a->ports[1], RSTP_ROLE_BACKUP, RSTP_DISCARDING);
}

/* However much there is to say: TxHoldCount messages in a second and port. */
static void
test_hold_count(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 4096), *b = net_bridge(net, true, 32768);
	struct rstp_config config = { .rstp = true,
				      .mac = { 2, 0, 0, 0, 0, 1 },
				      .hello = 2,
				      .max_age = 20,
				      .forward_delay = 15 };
	unsigned int sent;

	net_link(a, b);
	net_settle(net);
	sent = a->ports[0].n_sent;
	for (unsigned int i = 0; i < 100; i++) {
		unsigned int before = a->ports[0].n_sent;

		for (unsigned int j = 0; j < 10; j++) {
			config.priority = (i + j) % 15 * 4096;
			rstp_set(a->rstp, &config, net->now);
			net_run(net, 100);
		}
		/* a bucket of 6 that gains one in a second */
		assert_in_range(a->ports[0].n_sent - before, 0, i == 0 ? 7 : 2);
	}
	assert_in_range(a->ports[0].n_sent - sent, 50, 108);
	net_settle(net);
	assert_true(net_is_tree(net));
}

/* Many networks at random: links come and go, and what remains is always a tree in the end. */
static void
test_random(void **state)
{
	uint64_t longest = 0, n_loops = 0;

	(void)state;
	for (unsigned int seed = 1; seed <= 40; seed++) {
		struct net *net = net_create();
		unsigned int n = 3 + seed % 7;

		srandom(seed);
		for (unsigned int i = 0; i < n; i++)
			net_bridge(net, seed % 4 != 0 || i % 2 == 0, random() % 16 * 4096);
		for (unsigned int i = 0; i < n + 4; i++) {
			struct net_bridge *a = &net->bridges[i < n ? i : random() % n];
			struct net_bridge *b = &net->bridges[random() % n];

			if (a->n_ports < NET_PORTS_MAX - 1 && b->n_ports < NET_PORTS_MAX - 1)
				net_link(a, b);
		}
		for (unsigned int step = 0; step < 12; step++) {
			int lan = random() % net->n_lans;

			net_lan_set(net, lan, !net->lans[lan].up);
			net_run(net, random() % 3000);
		}
		{
			uint64_t taken = net_settle(net);

			longest = seed % 4 != 0 && taken > longest ? taken : longest;
		}
		if (!net_is_tree(net))
			fail_msg("seed %u: no tree", seed);
		n_loops += net->n_loops;
		net_destroy(net);
	}
	print_message(
		"# longest %llu ms to settle after the last of the random changes (RSTP), %llu "
		"times a loop in passing\n",
		(unsigned long long)longest, (unsigned long long)n_loops);
}

/* Ports are added and removed while all runs. */
static void
test_ports_come_and_go(void **state)
{
	struct net *net = *state;
	struct net_bridge *a = net_bridge(net, true, 4096), *b = net_bridge(net, true, 32768);

	net_link(a, b);
	net_link(a, b);
	net_settle(net);
	rstp_port_remove(b->ports[0].port, net->now);
	b->ports[0].lan = -1;
	net->lans[0].up = false;
	net_run(net, RAPID);
	expect(&b->ports[1], RSTP_ROLE_ROOT, RSTP_FORWARDING);
	assert_int_equal(rstp_port_number(b->ports[1].port), 2);
	assert_ptr_equal(rstp_port_user(b->ports[1].port), &b->ports[1]);
	rstp_port_remove(b->ports[1].port, net->now);
	assert_true(rstp_next(b->rstp) == RSTP_NEVER);
	rstp_destroy(NULL);
	rstp_port_remove(NULL, net->now);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_edge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_two_bridges, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ring, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_self_loops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stp_neighbour, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stp_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_restricted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dispute, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cost, setup, teardown),
		cmocka_unit_test_setup_teardown(test_new_address, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hold_count, setup, teardown),
		cmocka_unit_test(test_random),
		cmocka_unit_test_setup_teardown(test_ports_come_and_go, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
