/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every kind of VLAN port, each kind of frame, both ways: what leaves by which port. A frame is
 * written as its tags, outermost first: "-" none, "10" a C-tag, "s10" an S-tag, "0p5" a priority
 * tag, "10p3" a tag with a priority.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ether.h>

#include "fake_port.h"

#define TEXT_SIZE 48
#define A "02:00:00:00:00:01"
#define B "02:00:00:00:00:02"
#define BROADCAST "ff:ff:ff:ff:ff:ff"

/* The kinds of ports; of each there are two, which have the same settings. */
enum mode {
	PLAIN,   /* no settings */
	ACCESS,  /* vid 10 */
	TRUNK,   /* trunk 10,20 */
	ZERO,    /* trunk 0,10 */
	NATIVE,  /* trunk 20 native 10 */
	TUNNEL,  /* tunnel 10 */
	SERVICE, /* trunk 10,20 tpid 0x88a8 */
	SNATIVE, /* trunk 20 native 10 tpid 0x88a8 */
	MODES
};
#define PORTS (2 * MODES)

static const char *const mode_names[MODES] = {
	"plain", "access", "trunk", "zero", "native", "tunnel", "service", "snative",
};

struct fixture {
	struct fake_switch sw;
	struct fake_port *ports[PORTS];
};

static uint64_t
vids(unsigned int vid)
{
	return UINT64_C(1) << vid;
}

static struct vlan_settings settings[MODES];

static void
settings_make(void)
{
	uint64_t list[VLAN_WORDS] = { vids(10) | vids(20) };
	uint64_t zero[VLAN_WORDS] = { vids(0) | vids(10) };
	uint64_t twenty[VLAN_WORDS] = { vids(20) };

	settings[PLAIN] = vlan_default;
	vlan_set_access(&settings[ACCESS], 10);
	vlan_set_trunk(&settings[TRUNK], list, 0, VLAN_TPID_BE);
	vlan_set_trunk(&settings[ZERO], zero, 0, VLAN_TPID_BE);
	vlan_set_trunk(&settings[NATIVE], twenty, 10, VLAN_TPID_BE);
	vlan_set_tunnel(&settings[TUNNEL], 10);
	vlan_set_trunk(&settings[SERVICE], list, 0, VLAN_TPID_SERVICE_BE);
	vlan_set_trunk(&settings[SNATIVE], twenty, 10, VLAN_TPID_SERVICE_BE);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	fake_switch_setup(&f->sw);
	settings_make();
	for (unsigned int i = 0; i < PORTS; i++) {
		f->ports[i] = fake_port_add(&f->sw, i, 0);
		f->ports[i]->port.vlan = &settings[i % MODES];
	}
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fake_assert_balance(&f->sw);
	fake_switch_teardown(&f->sw);
	free(f);
	return 0;
}

/* A frame with the tags that the text says, 60 bytes of payload. */
static struct rte_mbuf *
frame_make(struct fake_switch *sw, const char *dst, const char *tags)
{
	struct rte_mbuf *pkt = fake_frame(sw, dst, A, 0, 74);
	const char *tag = tags + strlen(tags);

	/* from the innermost */
	while (strcmp(tags, "-") != 0 && tag > tags) {
		unsigned int vid = 0, priority = 0;
		bool service;

		while (tag > tags && tag[-1] != ' ')
			tag--;
		service = *tag == 's';
		sscanf(tag + service, "%up%u", &vid, &priority);
		assert_int_equal(vlan_push(pkt, service ? VLAN_TPID_SERVICE_BE : VLAN_TPID_BE,
					   priority << 13 | vid),
				 0);
		while (tag > tags && tag[-1] == ' ')
			tag--;
	}
	return pkt;
}

/* The same backwards; what is behind the tags must be as frame_make() made it. */
static void
frame_text(const struct rte_mbuf *pkt, char text[TEXT_SIZE])
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);
	uint32_t at = 12;
	int len = 0;

	for (;;) {
		const unsigned int type = frame[at] << 8 | frame[at + 1];
		const unsigned int tci = frame[at + 2] << 8 | frame[at + 3];

		if (type != 0x8100 && type != 0x88a8)
			break;
		len += snprintf(text + len, TEXT_SIZE - len, "%s%s%u", len > 0 ? " " : "",
				type == 0x88a8 ? "s" : "", tci & 0xfff);
		if (tci >> 13 != 0)
			len += snprintf(text + len, TEXT_SIZE - len, "p%u", tci >> 13);
		at += 4;
	}
	if (len == 0)
		strcpy(text, "-");
	assert_int_equal(frame[at] << 8 | frame[at + 1], 0x0800);
	assert_int_equal(pkt->pkt_len, at + 62);
	for (uint32_t i = 2; i < 62; i++)
		assert_int_equal(frame[at + i], 12 + i);
}

/* What leaves by a port: the frame's tags, or "" for nothing. */
static void
out_text(struct fake_port *port, char text[TEXT_SIZE])
{
	struct rte_mbuf *pkt = fake_take(port);

	text[0] = '\0';
	if (pkt == NULL)
		return;
	frame_text(pkt, text);
	rte_pktmbuf_free(pkt);
	assert_null(fake_take(port));
}

/*
 * The VLAN in which a frame is taken (-1: refused), and the tags with which it leaves by the other
 * ports of each kind ("": it does not).
 */
struct row {
	enum mode in;
	const char *tags;
	int vid;
	const char *out[MODES];
};

static const struct row rows[] = {
#include "vlan_rows.h"
};

static uint64_t
key_of(const char *mac, unsigned int vid)
{
	struct rte_ether_addr addr;
	uint64_t word = 0;

	rte_ether_unformat_addr(mac, &addr);
	memcpy(&word, &addr, sizeof(addr));
	return fdb_key(word, vid);
}

static void
check(const struct row *row, unsigned int out, const char *got, const char *how)
{
	const char *want = out == row->in ? "" : row->out[out % MODES];

	if (strcmp(got, want) != 0)
		fail_msg("%s -> %s, [%s] %s: [%s], not [%s]", mode_names[row->in],
			 mode_names[out % MODES], row->tags, how, got, want);
}

/* One frame to all: ports that change it do so for themselves alone. */
static void
test_flood(void **state)
{
	struct fixture *f = *state;
	char text[TEXT_SIZE];

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct row *row = &rows[i];
		uint64_t refused = fake_drops(&f->sw, f->ports[row->in], DROP_VLAN_MISMATCH);

		fake_send(&f->sw, f->ports[row->in], frame_make(&f->sw, BROADCAST, row->tags));
		fake_run(&f->sw);
		for (unsigned int out = 0; out < PORTS; out++) {
			out_text(f->ports[out], text);
			check(row, out, text, "flooded");
		}
		assert_int_equal(fake_drops(&f->sw, f->ports[row->in], DROP_VLAN_MISMATCH),
				 refused + (row->vid < 0));
	}
}

/* To one station, behind each port in turn. */
static void
test_forward(void **state)
{
	struct fixture *f = *state;
	struct fdb *fdb = f->sw.bridge->fdb;
	char text[TEXT_SIZE];

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		const struct row *row = &rows[i];
		uint64_t key = key_of(A, row->vid < 0 ? 0 : row->vid);

		for (unsigned int out = 0; out < PORTS && row->vid >= 0; out++) {
			if (out == row->in)
				continue;
			fdb_set(fdb, key_of(B, row->vid), out | FDB_DEST_STATIC, 0, 0);
			fake_send(&f->sw, f->ports[row->in], frame_make(&f->sw, B, row->tags));
			fake_run(&f->sw);
			for (unsigned int other = 0; other < PORTS; other++) {
				out_text(f->ports[other], text);
				if (other == out)
					check(row, out, text, "forwarded");
				else
					assert_string_equal(text, "");
			}
		}
		/* the source was learnt in that VLAN, or not at all */
		assert_int_equal(fdb_lookup(f->sw.bridge->table, key,
					    fdb_hash(f->sw.bridge->table, key)) != NULL,
				 row->vid >= 0);
		fdb_flush(fdb, FDB_DEST_NONE, true);
		/* the next report is not to wait for a second to pass */
		memset(f->sw.worker->learn, 0, sizeof(f->sw.worker->learn));
	}
}

/* Every mode is in the table as the way in, with every kind of frame. */
static void
test_table_is_whole(void **state)
{
	static const char *const kinds[] = {
		"-", "0p5", "10p3", "20", "30", "4095", "10 20", "0p5 20", "20 10", "s10", "s10 20",
	};

	assert_int_equal(RTE_DIM(rows), MODES * RTE_DIM(kinds));
	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		assert_int_equal(rows[i].in, i / RTE_DIM(kinds));
		assert_string_equal(rows[i].tags, kinds[i % RTE_DIM(kinds)]);
	}
}

/* A tag that is cut off: refused by those that would have read it. */
static void
test_short(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkt;

	for (unsigned int in = 0; in < MODES; in++) {
		const bool reads = settings[in].tpid == VLAN_TPID_BE;

		/* by a trunk of S-tags without a native VLAN it is refused as untagged */
		pkt = frame_make(&f->sw, BROADCAST, "10");
		rte_pktmbuf_trim(pkt, pkt->pkt_len - 16);
		fake_send(&f->sw, f->ports[in], pkt);
		fake_run(&f->sw);
		assert_int_equal(fake_drops(&f->sw, f->ports[in], DROP_VLAN_MISMATCH),
				 reads || in == SERVICE);
		for (unsigned int out = 0; out < PORTS; out++)
			while ((pkt = fake_take(f->ports[out])) != NULL)
				rte_pktmbuf_free(pkt);
	}
}

/* Isolated ports reach those that are not, and nobody else. */
static void
test_isolated(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *pkt;
	char text[TEXT_SIZE];

	for (unsigned int i = 0; i < PORTS; i++)
		f->ports[i]->port.isolated = i != ACCESS && i != TRUNK;
	fake_send(&f->sw, f->ports[NATIVE], frame_make(&f->sw, BROADCAST, "-"));
	fake_run(&f->sw);
	for (unsigned int i = 0; i < PORTS; i++) {
		out_text(f->ports[i], text);
		assert_string_equal(text, i == ACCESS ? "-" : i == TRUNK ? "10" : "");
	}
	/* back, and to a port of its own settings */
	fake_send(&f->sw, f->ports[TRUNK], frame_make(&f->sw, A, "10"));
	fake_run(&f->sw);
	out_text(f->ports[NATIVE], text);
	assert_string_equal(text, "-");
	for (unsigned int in = MODES; in < PORTS; in++) {
		pkt = frame_make(&f->sw, A, "-");
		fdb_set(f->sw.bridge->fdb, key_of(A, 10), NATIVE, 0, 0);
		fake_send(&f->sw, f->ports[in], pkt);
		fake_run(&f->sw);
		out_text(f->ports[NATIVE], text);
		assert_string_equal(text, "");
	}
	assert_int_equal(fake_drops(&f->sw, f->ports[MODES + NATIVE], DROP_ISOLATED), 1);
	assert_int_equal(fake_drops(&f->sw, f->ports[MODES + TUNNEL], DROP_ISOLATED), 1);
}

/* What is not known, groups and broadcasts: each has its switch, on the way out alone. */
static void
test_floods(void **state)
{
	static const struct {
		const char *dst;
		enum port_floods kind;
	} frames[] = {
		{ B, PORT_FLOOD_UNKNOWN },
		{ "01:00:5e:00:00:05", PORT_FLOOD_MULTICAST },
		{ "33:33:00:00:00:01", PORT_FLOOD_MULTICAST },
		{ BROADCAST, PORT_FLOOD_BROADCAST },
	};
	struct fixture *f = *state;
	char text[TEXT_SIZE];

	for (unsigned int off = 0; off < 8; off++) {
		f->ports[ACCESS]->port.no_flood = off;
		for (size_t i = 0; i < RTE_DIM(frames); i++) {
			fake_send(&f->sw, f->ports[MODES + ACCESS],
				  frame_make(&f->sw, frames[i].dst, "-"));
			fake_send(&f->sw, f->ports[ACCESS], frame_make(&f->sw, frames[i].dst, "-"));
			fake_run(&f->sw);
			assert_int_equal(f->ports[ACCESS]->n_out, !(off & frames[i].kind));
			/* its own frames go everywhere */
			assert_int_equal(f->ports[MODES + ACCESS]->n_out, 1);
			for (unsigned int out = 0; out < PORTS; out++) {
				struct rte_mbuf *pkt;

				while ((pkt = fake_take(f->ports[out])) != NULL)
					rte_pktmbuf_free(pkt);
			}
		}
	}
	/* what is known is no flood */
	f->ports[ACCESS]->port.no_flood = 7;
	fdb_set(f->sw.bridge->fdb, key_of(B, 10), ACCESS, 0, 0);
	fake_send(&f->sw, f->ports[TRUNK], frame_make(&f->sw, B, "10"));
	fake_run(&f->sw);
	out_text(f->ports[ACCESS], text);
	assert_string_equal(text, "-");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_whole),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forward, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short, setup, teardown),
		cmocka_unit_test_setup_teardown(test_isolated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_floods, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
