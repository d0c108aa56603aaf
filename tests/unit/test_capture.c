/* SPDX-License-Identifier: BSD-3-Clause */
/* What workers record for captures: points, filters, lengths, what is missed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture.h"
#include "fake_port.h"

#define MAC_A "02:00:00:00:00:01"
#define MAC_B "02:00:00:00:00:02"
#define BROADCAST "ff:ff:ff:ff:ff:ff"

struct fixture {
	struct fake_switch sw;
	struct fake_port *a, *b;
	struct capture_set *set;
	struct capture_ring *ring;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	fake_switch_setup(&f->sw);
	f->a = fake_port_add(&f->sw, 1, 0);
	f->b = fake_port_add(&f->sw, 2, 0);
	f->set = calloc(1, sizeof(*f->set));
	f->ring = f->set->rings[0] = capture_ring_create(CAPTURE_RING_MIN);
	assert_non_null(f->ring);
	f->sw.dp->captures = f->set;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	f->sw.dp->captures = NULL;
	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		if (f->set->captures[i] != NULL) {
			free(f->set->captures[i]->filter);
			free(f->set->captures[i]);
		}
	capture_ring_destroy(f->ring);
	free(f->set);
	fake_assert_balance(&f->sw);
	fake_switch_teardown(&f->sw);
	free(f);
	return 0;
}

/* A capture of everything, at no point yet. */
static struct capture *
capture_add(struct fixture *f, unsigned int slot, uint32_t length)
{
	struct capture *capture =
		aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(sizeof(*capture), 64));

	assert_non_null(capture);
	memset(capture, 0, sizeof(*capture));
	capture->length = length;
	f->set->captures[slot] = capture;
	return capture;
}

static void
look(struct fixture *f, unsigned int slot, enum capture_point point, const struct fake_port *port)
{
	f->set->wanted[point][port->port.id] |= 1u << slot;
}

static struct filter *
filter_type(uint16_t type)
{
	const struct sock_filter ops[] = {
		{ .code = BPF_LD | BPF_H | BPF_ABS, .k = 12 },
		{ .code = BPF_JMP | BPF_JEQ | BPF_K, .jf = 1, .k = type },
		{ .code = BPF_RET | BPF_K, .k = 65535 },
		{ .code = BPF_RET | BPF_K, .k = 0 },
	};

	return filter_create(ops, RTE_DIM(ops));
}

static void
send(struct fixture *f, struct fake_port *port, const char *dst, const char *src, uint16_t vid,
     uint32_t len)
{
	fake_send(&f->sw, port, fake_frame(&f->sw, dst, src, vid, len));
}

/* The next record must be this one; it is given back. Return: its data, good until the next turn.
 */
static const uint8_t *
expect(struct fixture *f, uint32_t captures, enum capture_point point, const struct fake_port *port,
       uint32_t len, uint32_t data_len)
{
	const struct capture_record *record = capture_ring_peek(f->ring);

	assert_non_null(record);
	assert_int_equal(record->captures, captures);
	assert_int_equal(record->point, point);
	assert_int_equal(record->port, port->port.id);
	assert_int_equal(record->generation, port->port.generation);
	assert_int_equal(record->len, len);
	assert_int_equal(record->data_len, data_len);
	assert_true(record->tsc != 0);
	capture_ring_next(f->ring);
	return record->data;
}

static void
assert_counts(const struct capture *capture, uint64_t seen, uint64_t matched, uint64_t missed)
{
	struct capture_count sum;

	capture_count(capture, &sum);
	assert_int_equal(sum.seen, seen);
	assert_int_equal(sum.matched, matched);
	assert_int_equal(sum.missed, missed);
}

/* In and out, bit for bit. */
static void
test_in_and_out(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *frame = fake_frame(&f->sw, BROADCAST, MAC_A, 0, 200);
	const struct capture *capture = capture_add(f, 3, CAPTURE_LENGTH_MAX);
	uint8_t copy[200];

	memcpy(copy, rte_pktmbuf_mtod(frame, void *), sizeof(copy));
	look(f, 3, CAPTURE_RX, f->a);
	look(f, 3, CAPTURE_TX, f->b);
	fake_send(&f->sw, f->a, frame);
	fake_run(&f->sw);
	assert_memory_equal(expect(f, 1 << 3, CAPTURE_RX, f->a, 200, 200), copy, 200);
	assert_memory_equal(expect(f, 1 << 3, CAPTURE_TX, f->b, 200, 200), copy, 200);
	assert_null(capture_ring_peek(f->ring));
	assert_counts(capture, 2, 2, 0);

	/* the other way round nobody looks */
	send(f, f->b, BROADCAST, MAC_B, 0, 200);
	fake_run(&f->sw);
	assert_null(capture_ring_peek(f->ring));
}

static void
test_segments(void **state)
{
	struct fixture *f = *state;
	struct rte_mbuf *frame = fake_frame(&f->sw, BROADCAST, MAC_A, 0, 256), *tail;
	uint8_t *bytes;

	capture_add(f, 0, CAPTURE_LENGTH_MAX);
	look(f, 0, CAPTURE_RX, f->a);
	tail = rte_pktmbuf_alloc(f->sw.pool);
	bytes = (uint8_t *)rte_pktmbuf_append(tail, 300);
	memset(bytes, 0xab, 300);
	assert_int_equal(rte_pktmbuf_chain(frame, tail), 0);
	fake_send(&f->sw, f->a, frame);
	worker_turn(f->sw.worker);
	assert_memory_equal(expect(f, 1, CAPTURE_RX, f->a, 556, 556) + 256, bytes, 300);
	fake_run(&f->sw);
}

/* Several look at one packet: one record, as long as the longest of them wants it. */
static void
test_several(void **state)
{
	struct fixture *f = *state;
	struct capture *all = capture_add(f, 0, 64), *arp = capture_add(f, 1, 100),
		       *ip = capture_add(f, 31, 300);

	arp->filter = filter_type(0x0806);
	ip->filter = filter_type(0x0800);
	for (unsigned int slot = 0; slot < CAPTURES_MAX; slot++)
		if (f->set->captures[slot] != NULL)
			look(f, slot, CAPTURE_RX, f->a);
	send(f, f->a, BROADCAST, MAC_A, 0, 500);
	send(f, f->a, BROADCAST, MAC_A, 7, 90);
	fake_run(&f->sw);
	expect(f, 1u << 31 | 1, CAPTURE_RX, f->a, 500, 300);
	expect(f, 1, CAPTURE_RX, f->a, 90, 64);
	assert_null(capture_ring_peek(f->ring));
	assert_counts(all, 2, 2, 0);
	assert_counts(arp, 2, 0, 0);
	assert_counts(ip, 2, 1, 0);
}

static void
test_dropped(void **state)
{
	struct fixture *f = *state;

	capture_add(f, 0, CAPTURE_LENGTH_MAX);
	look(f, 0, CAPTURE_DROP, f->a);
	look(f, 0, CAPTURE_DROP, f->b);
	look(f, 0, CAPTURE_TX, f->b);
	send(f, f->a, "01:80:c2:00:00:00", MAC_A, 0, 60);
	fake_run(&f->sw);
	assert_int_equal(capture_ring_peek(f->ring)->reason, DROP_RESERVED_MAC);
	expect(f, 1, CAPTURE_DROP, f->a, 60, 60);

	/* what the port does not take has not been sent */
	f->b->room = 2;
	for (uint32_t len = 100; len < 105; len++)
		send(f, f->a, BROADCAST, MAC_A, 0, len);
	fake_run(&f->sw);
	expect(f, 1, CAPTURE_TX, f->b, 100, 100);
	expect(f, 1, CAPTURE_TX, f->b, 101, 101);
	for (uint32_t len = 102; len < 105; len++) {
		assert_int_equal(capture_ring_peek(f->ring)->reason, DROP_TX_FULL);
		expect(f, 1, CAPTURE_DROP, f->b, len, len);
	}
	assert_null(capture_ring_peek(f->ring));
	assert_counts(f->set->captures[0], 1 + 5 + 3, 1 + 2 + 3, 0);
}

/* A port that loses the first packet that it takes, and does not take the last one. */
static uint16_t
lossy_tx(struct worker *worker, struct port *port, uint16_t queue, struct rte_mbuf **pkts,
	 uint16_t n)
{
	assert_true(n >= 2);
	port_drop_seen(worker, port, pkts[0], DROP_TX_ERROR);
	port_tx_lost(worker, port, DROP_TX_ERROR, 1, pkts[0]->pkt_len);
	for (uint16_t i = 0; i < n - 1; i++)
		rte_pktmbuf_free(pkts[i]);
	return n - 1;
}

/* What is dropped while something is being sent has not been sent, and spoils nothing. */
static void
test_dropped_by_port(void **state)
{
	struct fixture *f = *state;
	struct port_type lossy = *f->b->port.type;
	const struct capture *capture = capture_add(f, 0, CAPTURE_LENGTH_MAX);

	lossy.tx_burst = lossy_tx;
	f->b->port.type = &lossy;
	look(f, 0, CAPTURE_DROP, f->b);
	look(f, 0, CAPTURE_TX, f->b);
	for (uint32_t len = 100; len < 104; len++)
		send(f, f->a, BROADCAST, MAC_A, 0, len);
	fake_run(&f->sw);
	for (uint32_t len = 101; len < 103; len++)
		expect(f, 1, CAPTURE_TX, f->b, len, len);
	assert_int_equal(capture_ring_peek(f->ring)->reason, DROP_TX_ERROR);
	expect(f, 1, CAPTURE_DROP, f->b, 100, 100);
	assert_int_equal(capture_ring_peek(f->ring)->reason, DROP_TX_FULL);
	expect(f, 1, CAPTURE_DROP, f->b, 103, 103);
	assert_null(capture_ring_peek(f->ring));
	assert_counts(capture, 4 + 2, 2 + 2, 0);
}

/* Nobody reads: what there is no room for is counted, and the rest is whole. */
static void
test_full(void **state)
{
	struct fixture *f = *state;
	const struct capture *capture = capture_add(f, 0, CAPTURE_LENGTH_MAX);
	const struct capture_record *record;
	uint64_t sent = 0, got = 0;
	struct capture_count sum;

	look(f, 0, CAPTURE_RX, f->a);
	for (unsigned int round = 0; round < 20; round++) {
		for (unsigned int i = 0; i < 1500; i++, sent++) {
			send(f, f->a, BROADCAST, MAC_A, 0, 60 + sent % 1400);
			fake_run(&f->sw);
			rte_pktmbuf_free(fake_take(f->b));
		}
		/* whole, all of them */
		while ((record = capture_ring_peek(f->ring)) != NULL) {
			assert_in_range(record->len, 60, 1459);
			assert_int_equal(record->len, record->data_len);
			for (uint32_t i = 18; i < record->len; i++)
				assert_int_equal(record->data[i], i & 0xff);
			capture_ring_next(f->ring);
			got++;
		}
		capture_count(capture, &sum);
		assert_true(sum.missed > 0);
		assert_int_equal(sum.matched, sent);
		assert_int_equal(sum.matched - sum.missed, got);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_and_out, setup, teardown),
		cmocka_unit_test_setup_teardown(test_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_by_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
