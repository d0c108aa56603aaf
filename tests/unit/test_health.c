/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checks of what is not to be had in a system test: guests of Xen, files of the host, threads
 * without time.
 */
#include "vif_bed.h"

#include <sys/stat.h>

#include "bond.h"
#include "drop_detail.h"
#include "health_priv.h"

#define FRAME_LEN 100
#define SYS "sys" /* in the test's own folder */

/* The first two have the same MAC: it is made of the lower byte of this number. */
static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 257 },
	{ .domid = 3, .n_buffers = 4 },
};

static json_t *
look(struct bed *bed)
{
	json_t *json = health_look(bed->sw);

	assert_non_null(json);
	return json;
}

/* How often a check tells of an object, by these words. Takes @json over. */
static unsigned int
count_in(json_t *json, const char *check, const char *severity, const char *object,
	 const char *words)
{
	const json_t *row;
	unsigned int n = 0;
	size_t i;

	json_array_foreach(json_object_get(json, "findings"), i, row)
		n += strcmp(json_string_value(json_object_get(row, "check")), check) == 0 &&
		     strcmp(json_string_value(json_object_get(row, "severity")), severity) == 0 &&
		     strcmp(json_string_value(json_object_get(row, "object")), object) == 0 &&
		     strstr(json_string_value(json_object_get(row, "text")), words) != NULL &&
		     json_string_length(json_object_get(row, "remedy")) > 0;
	json_decref(json);
	return n;
}

static int
setup_health(void **state)
{
	int ret = setup(state);
	struct bed *bed = *state;

	start_guests(bed);
	health_ask(bed->sw);
	return ret;
}

/* Of every guest with the MAC of another, by its configuration. */
static void
test_configured_macs(void **state)
{
	struct bed *bed = *state;
	struct port_config config = { .kind = PORT_KIND_VIF };
	struct error err;
	unsigned int n;

	n = count_in(look(bed), "duplicate-mac", "error", "vif1.0", "has the MAC of port vif257.0");
	n += count_in(look(bed), "duplicate-mac", "error", "vif257.0",
		      "has the MAC of port vif1.0");
	assert_int_equal(n, 1);
	/* in other VLANs they do not meet */
	config.vlan.vid = 7;
	assert_int_equal(switch_port_set(bed->sw, "vif257.0", PORT_SET_VLAN, NULL, &config, &err),
			 0);
	n = count_in(look(bed), "duplicate-mac", "error", "vif1.0", "MAC");
	n += count_in(look(bed), "duplicate-mac", "error", "vif257.0", "MAC");
	assert_int_equal(n, 0);
	assert_int_equal(count_in(look(bed), "vlan", "warning", "vif257.0", "VLAN 7"), 1);
}

/* And of guests that say they have it. */
static void
test_moving_mac(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[FRAME_LEN];
	unsigned int n;

	make_frame(frame, -1, 0, sizeof(frame));
	for (unsigned int i = 0; i < 8; i++) {
		send_frame(bed, i % 2 == 0 ? 0 : 2, frame, sizeof(frame));
		run(bed);
	}
	n = count_in(look(bed), "duplicate-mac", "error", "vif1.0",
		     "sends from MAC 02:00:00:00:00:01, as vif3.0 does");
	n += count_in(look(bed), "duplicate-mac", "error", "vif3.0",
		      "sends from MAC 02:00:00:00:00:01, as vif1.0 does");
	assert_int_equal(n, 1);
	assert_int_equal(count_in(look(bed), "flapping", "warning", "vif3.0", "station"), 0);
}

/* A guest's MAC, sent by another one. */
static void
test_stolen_mac(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[FRAME_LEN];

	make_frame(frame, -1, 0, sizeof(frame));
	memcpy(frame + 6, (const uint8_t[]){ 0x00, 0x16, 0x3e, 0x00, 0x03, 0x00 }, 6);
	send_frame(bed, 0, frame, sizeof(frame));
	run(bed);
	assert_int_equal(count_in(look(bed), "duplicate-mac", "error", "vif3.0",
				  "its MAC 00:16:3e:00:03:00 sends from port vif1.0, too"),
			 1);
	send_frame(bed, 2, frame, sizeof(frame));
	run(bed);
	assert_int_equal(count_in(look(bed), "duplicate-mac", "error", "vif3.0", "its MAC"), 0);
}

/* A guest that gives no buffers any more; and gives some. */
static void
test_stalled_guest(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[FRAME_LEN];
	char detail[DROP_DETAIL_SIZE];

	make_frame(frame, -1, 0, sizeof(frame));
	for (unsigned int i = 0; i < 10; i++) {
		send_frame(bed, 0, frame, sizeof(frame));
		run(bed);
	}
	/* some were taken: what a guest that is too slow does */
	assert_int_equal(count_in(look(bed), "ring", "warning", "vif3.0",
				  "found no room for 6 packets in the last 1 s, and took 4"),
			 1);
	health_destroy(bed->sw->health);
	bed->sw->health = NULL;
	health_ask(bed->sw);
	send_frame(bed, 0, frame, sizeof(frame));
	run(bed);
	assert_int_equal(count_in(look(bed), "ring", "error", "vif3.0",
				  "has stalled: it has given no buffers in the last 1 s, and 1 "
				  "packets"),
			 1);
	assert_true(drop_detail(switch_port_find(bed->sw, "vif3.0"), DROP_TX_FULL, 0, detail));
	assert_non_null(strstr(detail, "the guest of port vif3.0, domain 3"));
	while (fake_frontend_recv(bed->guests[2], 0, frame, sizeof(frame), NULL) > 0)
		;
	health_destroy(bed->sw->health);
	bed->sw->health = NULL;
	health_ask(bed->sw);
	run(bed);
	assert_int_equal(count_in(look(bed), "ring", "error", "vif3.0", "stalled"), 0);
	assert_false(drop_detail(switch_port_find(bed->sw, "vif3.0"), DROP_TX_FULL, 0, detail));
}

/* A worker that does not come to take what a guest sends. */
static void
test_waiting_guest(void **state)
{
	struct bed *bed = *state;
	uint8_t frame[FRAME_LEN];

	make_frame(frame, -1, 0, sizeof(frame));
	for (unsigned int i = 0; i < 130; i++)
		send_frame(bed, 0, frame, sizeof(frame));
	assert_int_equal(count_in(look(bed), "ring", "error", "vif1.0",
				  "50 % of its ring are packets of its guest, and none was taken"),
			 1);
	run(bed);
	assert_int_equal(count_in(look(bed), "ring", "error", "vif1.0", "of its ring"), 0);
}

/* A guest with more addresses than it may have. */
static void
test_port_limits(void **state)
{
	struct port_config config = { .kind = PORT_KIND_VIF, .fdb_limit = 10 };
	struct bed *bed = *state;
	uint8_t frame[FRAME_LEN];
	struct error err;

	assert_int_equal(
		switch_port_set(bed->sw, "vif1.0", PORT_SET_FDB_LIMIT, NULL, &config, &err), 0);
	make_frame(frame, -1, 0, sizeof(frame));
	for (unsigned int i = 0; i < 9; i++) {
		frame[11] = (uint8_t)(100 + i);
		send_frame(bed, 0, frame, sizeof(frame));
		run(bed);
	}
	assert_int_equal(count_in(look(bed), "table", "warning", "vif1.0", "9 of 10 addresses"), 1);
	config.fdb_limit = 100;
	assert_int_equal(
		switch_port_set(bed->sw, "vif1.0", PORT_SET_FDB_LIMIT, NULL, &config, &err), 0);
	assert_int_equal(count_in(look(bed), "table", "warning", "vif1.0", "addresses"), 0);
}

/* A guest that is not connected is no fault, and tells what to look at. */
static void
test_guest_leaves(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(count_in(look(bed), "guest", "note", "vif3.0", "not connected"), 0);
	fake_frontend_destroy(bed->guests[2]);
	bed->guests[2] = NULL;
	fake_toolstack_force(bed->fake, &configs[2]);
	for (int try = 0; try < TRIES && switch_port_find(bed->sw, "vif3.0")->dp->up; try++)
		wait_once(bed);
	assert_int_equal(count_in(look(bed), "guest", "note", "vif3.0", "not connected"), 1);
}

static void
make_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* A round of one check, as it is asked for. */
static struct health_round
round_of(struct bed *bed, const char *name)
{
	struct health_round round = { .sw = bed->sw, .findings = json_array() };

	for (size_t i = 0; i < n_health_checks; i++)
		if (strcmp(health_checks[i].name, name) == 0)
			round.check = &health_checks[i];
	assert_non_null(round.check);
	return round;
}

static unsigned int
count_of(struct health_round *round, const char *severity, const char *object, const char *words)
{
	return count_in(json_pack("{s:o}", "findings", round->findings), round->check->name,
			severity, object, words);
}

static void
test_host(void **state)
{
	struct bed *bed = *state;
	struct health_round round;
	char folder[] = "/tmp/health-XXXXXX";

	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(system("mkdir -p sys/bus/xen-backend/drivers "
				"sys/bus/pci/drivers/vfio-pci/0000:01:00.0 "
				"sys/bus/pci/drivers/vfio-pci/0000:02:00.0"),
			 0);
	make_file(SYS "/bus/pci/drivers/vfio-pci/0000:01:00.0/class", "0x020000\n");
	make_file(SYS "/bus/pci/drivers/vfio-pci/0000:02:00.0/class", "0x030000\n");

	round = round_of(bed, "xen-netback");
	health_xen_netback_at(&round, SYS);
	assert_int_equal(json_array_size(round.findings), 0);
	assert_int_equal(mkdir(SYS "/bus/xen-backend/drivers/vif", 0700), 0);
	health_xen_netback_at(&round, SYS);
	assert_int_equal(count_of(&round, "error", "xen-netback", "is loaded"), 1);

	round = round_of(bed, "hugepages");
	health_hugepages_at(&round, SYS, true);
	assert_int_equal(json_array_size(round.findings), 0);
	health_hugepages_at(&round, SYS, false);
	assert_int_equal(json_array_size(round.findings), 1);
	assert_int_equal(count_of(&round, "warning", "0000:01:00.0", "bound to vfio-pci"), 1);
	assert_int_equal(system("rm -r sys"), 0);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void
test_worker(void **state)
{
	struct bed *bed = *state;
	struct health_reading *readings = calloc(2, sizeof(*readings));
	struct health_round round = round_of(bed, "worker");

	round.before = &readings[0];
	round.now = &readings[1];
	readings[1].tsc = 1000;
	readings[1].busy[0] = 940;
	health_worker(&round);
	assert_int_equal(json_array_size(round.findings), 0);
	readings[1].busy[0] = 980;
	health_worker(&round);
	assert_int_equal(count_of(&round, "warning", "worker 0", "busy for 98 %"), 1);
	free(readings);
}

static void
test_buffers(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[4096];
	unsigned int n = 0;

	assert_int_equal(count_in(look(bed), "buffers", "error", "mbufs", "left"), 0);
	while ((pkts[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	assert_int_equal(count_in(look(bed), "buffers", "error", "mbufs", "0 of 4095 packet"), 1);
	rte_pktmbuf_free_bulk(pkts, n);
	assert_int_equal(count_in(look(bed), "buffers", "error", "mbufs", "left"), 0);
}

/* The tick that is late. */
static void
test_control(void **state)
{
	struct bed *bed = *state;
	const uint64_t now = switch_usec();

	bed->sw->beat = (struct switch_beat){
		.late_at = now - 5000000, .late_usec = 700000, .worst_usec = 1500000, .n_late = 3
	};
	assert_int_equal(count_in(look(bed), "control", "warning", "control thread",
				  "was held up for 0.7 s, 5 s ago; 3 times since the start, 1.5 s"),
			 1);
	bed->sw->beat.late_at = now - 3600000000u;
	assert_int_equal(count_in(look(bed), "control", "warning", "control thread", "held"), 0);
}

static unsigned int
bond_count(struct bed *bed, const char *severity, const char *words)
{
	struct health_round round = round_of(bed, "bond");

	health_bond(&round);
	return count_of(&round, severity, "bond0", words);
}

/* LACP needs a while before it is a fault that nobody has answered. */
static void
test_young_bond(void **state)
{
	struct bed *bed = *state;
	struct switch_port ports[2] = { { .config = { .name = "p1" } },
					{ .config = { .name = "p2" } } };
	struct bond_member members[2];
	struct bond bond = { .name = "bond0", .config = { .mode = BOND_LACP } };
	const uint64_t now = switch_usec() / 1000, long_ago = now - 60000;

	for (unsigned int i = 0; i < 2; i++) {
		members[i] = (struct bond_member){ .bond = &bond,
						   .port = &ports[i],
						   .carrier = true,
						   .linked = true,
						   .usable = true,
						   .since = now };
		bond.members[i] = &members[i];
	}
	LIST_INSERT_HEAD(&bed->sw->bonds, &bond, list);
	assert_int_equal(bond_count(bed, "note", "partner yet"), 1);
	members[0].since = long_ago;
	assert_int_equal(bond_count(bed, "warning",
				    "0 of 2 members carry packets; p1: no agreement with its LACP "
				    "partner; p2: no agreement with its LACP partner yet"),
			 1);
	members[1].since = long_ago;
	assert_int_equal(bond_count(bed, "error", "0 of 2 members"), 1);
	members[0].distributing = true;
	members[1].since = now;
	assert_int_equal(bond_count(bed, "note", "1 of 2 members"), 1);
	LIST_REMOVE(&bond, list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_configured_macs, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_moving_mac, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_stolen_mac, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_stalled_guest, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_waiting_guest, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_port_limits, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_guest_leaves, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_host, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_worker, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_buffers, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_control, setup_health, teardown),
		cmocka_unit_test_setup_teardown(test_young_bond, setup_health, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
