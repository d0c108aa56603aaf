/* SPDX-License-Identifier: BSD-3-Clause */
/* Guests' vifs in route and NAT mode: what is kept over a restart, what is refused, what is left.
 */
#define VIF_BED_MEMORY "256" /* a FIB is large */
#include "vif_bed.h"

#include "guest.h"
#include "routing_priv.h"

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

static void
start_router(struct bed *bed)
{
	struct error err;

	bed->sw->routing = routing_create(bed->sw, 1024, &err);
	assert_non_null(bed->sw->routing);
}

static int
setup_router(void **state)
{
	int ret = setup(state);

	start_router(*state);
	return ret;
}

static void
restart(struct bed *bed)
{
	stop_switch(bed);
	start_switch(bed);
	start_router(bed);
	add_bridge(bed, "xenbr0");
}

static void
wait_connected(struct bed *bed)
{
	for (int try = 0; try < TRIES && !all_connected(bed); try++)
		wait_once(bed);
	assert_true(all_connected(bed));
}

static struct port_config
guest_port(const char *name, enum port_mode_word mode, const char *ips, const char *gateways)
{
	struct port_config config = {
		.kind = PORT_KIND_VIF,
		.n_queues = 1,
		.guest.mode = (uint8_t)mode,
	};

	snprintf(config.name, sizeof(config.name), "%s", name);
	guest_config_set_ips(&config.guest, ips);
	guest_config_set_gateways(&config.guest, gateways);
	return config;
}

/* What a script does for a vif that was on the bridge. */
static void
route(struct bed *bed, const struct port_config *config)
{
	struct error err;

	assert_int_equal(switch_port_del(bed->sw, config->name, &err), 0);
	assert_int_equal(switch_port_add(bed->sw, NULL, config, &err), 0);
}

/* The port that packets to an address leave by; NULL: none. */
static const char *
way_to(struct bed *bed, const char *text)
{
	struct route_info info;
	struct ip_addr addr;

	assert_int_equal(ip_addr_parse(text, &addr), 0);
	return route_match(bed->sw->routing, &addr, &info) ? info.ports[0] : NULL;
}

static unsigned int
routes(struct bed *bed)
{
	return route_count(bed->sw->routing, AF_INET) + route_count(bed->sw->routing, AF_INET6);
}

static void
test_restart(void **state)
{
	struct bed *bed = *state;
	struct port_config first = guest_port("vif1.0", PORT_MODE_ROUTE,
					      "10.0.0.2,10.0.1.5/24,10.1.0.0/24,fd00::2,10.0.1.5",
					      "10.0.0.1,fd00::1,10.0.0.1");
	struct port_config second = guest_port("vif2.0", PORT_MODE_NAT, "10.0.2.1", "none");
	struct guest_config kept;
	struct switch_port *port;
	struct switch_rif *rif;
	struct error err;
	char text[VALUE_TEXT_SIZE];

	start_guests(bed);
	first.mtu = 2000;
	route(bed, &first);
	route(bed, &second);
	/* the last word counts */
	kept = second.guest;
	guest_config_set_ips(&second.guest, "10.0.2.1,10.0.2.2");
	assert_int_equal(switch_port_set(bed->sw, "vif2.0", PORT_SET_GUEST, NULL, &second, &err),
			 0);
	assert_int_not_equal(memcmp(&kept, &second.guest, sizeof(kept)), 0);
	restart(bed);
	wait_connected(bed);

	port = switch_port_find(bed->sw, "vif1.0");
	assert_null(port->bridge);
	assert_int_equal(port->config.guest.mode, PORT_MODE_ROUTE);
	assert_int_equal(port->dp->mtu, 2000);
	assert_string_equal(guest_ips_text(&port->config.guest, text),
			    "10.0.0.2,10.0.1.5,10.1.0.0/24,fd00::2");
	assert_string_equal(guest_gateways_text(&port->config.guest, text), "10.0.0.1,fd00::1");
	rif = rif_find(bed->sw->routing, port);
	assert_int_equal(rif->proxy, PROXY_ALL);
	assert_true(rif->check_sources);
	assert_int_equal(rif->n_sources, 4);
	assert_int_equal(rif->n_addrs, 2);
	assert_true(rif->keeps_source);
	assert_int_equal(rif->dp->guest, port->dp->id + 1);
	assert_ptr_equal(port->dp->rif, rif->dp);
	assert_string_equal(way_to(bed, "10.0.0.2"), "vif1.0");
	assert_string_equal(way_to(bed, "10.1.0.77"), "vif1.0");
	assert_string_equal(way_to(bed, "fd00::2"), "vif1.0");
	assert_string_equal(way_to(bed, "10.0.2.2"), "vif2.0");
	assert_null(way_to(bed, "10.0.1.6"));
	assert_string_equal(switch_port_find(bed->sw, "vif3.0")->bridge->name, "xenbr0");
}

/* Taken off by its script, a vif stays off; back on a bridge, it comes back there. */
static void
test_restart_after(void **state)
{
	struct bed *bed = *state;
	struct port_config config = guest_port("vif1.0", PORT_MODE_ROUTE, "10.0.0.2", "10.0.0.1");
	struct port_config bridged = guest_port("vif2.0", PORT_MODE_BRIDGE, "none", "none");
	struct switch_port *port;
	struct error err;

	start_guests(bed);
	route(bed, &config);
	assert_int_equal(switch_port_add(bed->sw, NULL, &config, &err), -EEXIST);
	assert_int_equal(switch_port_del(bed->sw, "vif1.0", &err), 0);
	assert_int_equal(switch_port_del(bed->sw, "vif1.0", &err), -ENOENT);
	snprintf(config.name, sizeof(config.name), "vif2.0");
	route(bed, &config);
	assert_int_equal(switch_port_set(bed->sw, "vif2.0", PORT_SET_GUEST | PORT_SET_BRIDGE,
					 "xenbr0", &bridged, &err),
			 0);
	snprintf(config.name, sizeof(config.name), "vif3.0");
	route(bed, &config);
	assert_int_equal(switch_port_set(bed->sw, "vif3.0", PORT_SET_GUEST, NULL, &bridged, &err),
			 0);
	assert_int_equal(routes(bed), 0);
	restart(bed);
	wait_connected(bed);
	port = switch_port_find(bed->sw, "vif1.0");
	assert_true(port->bridge == NULL && !guest_is(port) && port->dp->rif == NULL);
	port = switch_port_find(bed->sw, "vif2.0");
	assert_true(port->bridge != NULL && !guest_is(port));
	port = switch_port_find(bed->sw, "vif3.0");
	assert_true(port->bridge == NULL && !guest_is(port));
	assert_int_equal(routes(bed), 0);
}

/* What is noted cannot be any more: the vif is there, but not routed; the others are. */
static void
test_restart_in_vain(void **state)
{
	struct bed *bed = *state;
	struct port_config first = guest_port("vif1.0", PORT_MODE_ROUTE, "10.0.0.2", "none");
	struct port_config second = guest_port("vif2.0", PORT_MODE_ROUTE, "10.0.0.3", "none");
	const struct addr_place place = { .bridge = "xenbr0" };
	struct switch_port *port;
	struct ip_prefix prefix;
	struct error err;

	start_guests(bed);
	route(bed, &first);
	route(bed, &second);
	restart(bed);
	assert_int_equal(ip_prefix_parse("10.0.0.2/24", &prefix), 0);
	assert_int_equal(addr_add(bed->sw->routing, &prefix, &place, &err), 0);
	wait_connected(bed);
	port = switch_port_find(bed->sw, "vif1.0");
	assert_true(!guest_is(port) && port->bridge == NULL && port->dp->rif == NULL);
	assert_true(guest_is(switch_port_find(bed->sw, "vif2.0")));
	assert_string_equal(way_to(bed, "10.0.0.3"), "vif2.0");
}

/* Xenstore refuses the rate: nothing of the mode is there either. */
static void
test_all_or_nothing(void **state)
{
	struct bed *bed = *state;
	struct port_config config = guest_port("vif1.0", PORT_MODE_ROUTE, "10.0.0.2", "10.0.0.1");
	struct switch_port *port;
	struct error err;

	start_guests(bed);
	port = switch_port_find(bed->sw, "vif1.0");
	config.has_rate = true;
	config.rate = (struct rate){ .bytes = 1000, .usec = 1000 };
	fake_fail(bed->fake, FAKE_OP_TRANSACTION, 1, EIO);
	assert_int_equal(switch_port_set(bed->sw, "vif1.0",
					 PORT_SET_GUEST | PORT_SET_BRIDGE | PORT_SET_RATE, NULL,
					 &config, &err),
			 -EIO);
	assert_string_equal(port->bridge->name, "xenbr0");
	assert_true(!guest_is(port) && port->guest == NULL && port->dp->rif == NULL);
	assert_int_equal(routes(bed), 0);
	assert_int_equal(switch_port_set(bed->sw, "vif1.0", PORT_SET_GUEST | PORT_SET_BRIDGE, NULL,
					 &config, &err),
			 0);
	assert_true(guest_is(port) && port->bridge == NULL);

	/* another change, which fails: all as it was */
	guest_config_set_ips(&config.guest, "10.0.0.3");
	guest_config_set_gateways(&config.guest, "10.0.0.4");
	fake_fail(bed->fake, FAKE_OP_TRANSACTION, 1, EIO);
	assert_int_equal(switch_port_set(bed->sw, "vif1.0", PORT_SET_GUEST | PORT_SET_RATE, NULL,
					 &config, &err),
			 -EIO);
	assert_string_equal(way_to(bed, "10.0.0.2"), "vif1.0");
	assert_null(way_to(bed, "10.0.0.3"));
	assert_int_equal(rif_find(bed->sw->routing, port)->n_addrs, 1);
	assert_int_equal(rif_find(bed->sw->routing, port)->sources[0].addr.bytes[3], 2);
}

/* The guest goes, with all that was made for it, and its address is free. */
static void
test_vif_goes(void **state)
{
	struct bed *bed = *state;
	struct port_config config = guest_port("vif1.0", PORT_MODE_ROUTE, "10.0.0.2", "10.0.0.1");
	struct error err;

	start_guests(bed);
	route(bed, &config);
	snprintf(config.name, sizeof(config.name), "vif2.0");
	assert_int_equal(switch_port_del(bed->sw, "vif2.0", &err), 0);
	assert_int_equal(switch_port_add(bed->sw, NULL, &config, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "port vif1.0 has it"));
	switch_remove_vif(bed->sw, "vif1.0");
	assert_int_equal(routes(bed), 0);
	assert_int_equal(switch_port_add(bed->sw, NULL, &config, &err), 0);
	assert_string_equal(way_to(bed, "10.0.0.2"), "vif2.0");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_restart, setup_router, teardown),
		cmocka_unit_test_setup_teardown(test_restart_after, setup_router, teardown),
		cmocka_unit_test_setup_teardown(test_restart_in_vain, setup_router, teardown),
		cmocka_unit_test_setup_teardown(test_all_or_nothing, setup_router, teardown),
		cmocka_unit_test_setup_teardown(test_vif_goes, setup_router, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
