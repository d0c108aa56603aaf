/* SPDX-License-Identifier: BSD-3-Clause */
/* What a guest may send. Time is what the test says it is. */
#include <errno.h>
#include <stdio.h>

#include "netback_bed.h"

#include "rate.h"
#include "vif_rate.h"

#define MSEC 1000

static uint64_t fake_now;

static uint64_t
fake_clock(void)
{
	return fake_now;
}

static int
setup_rate(void **state)
{
	struct bed *bed;
	int ret = setup(state);

	bed = *state;
	fake_now = 1000 * MSEC;
	bed->host->threads[0]->clock = fake_clock;
	return ret;
}

/* The toolstack writes the backend's rate; NULL removes it. */
static void
set_rate(struct bed *bed, const char *text)
{
	struct fake_store *store = fake_hypervisor_store(bed->host->fake);
	char path[STORE_PATH_SIZE];

	snprintf(path, sizeof(path), "%s/rate", bed->frontend->backend);
	if (text != NULL)
		assert_int_equal(fake_store_write(store, 0, path, text), 0);
	else
		assert_int_equal(fake_store_rm(store, 0, path), 0);
	fake_host_settle(bed->host, &bed->frontend, 1);
	fake_host_retire(bed->host);
}

/* Keep the ring full and take what comes until there is no more credit. Return: bytes. */
static uint64_t
take_all(struct bed *bed, uint32_t len)
{
	static uint8_t data[1514];
	struct fake_frame frame = { .data = data, .len = len };
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	uint64_t bytes = 0;
	uint16_t n;

	do {
		fake_frontend_reap(bed->frontend, 0);
		while (fake_frontend_send(bed->frontend, 0, &frame) > 0)
			;
		n = receive(bed, pkts, VIF_BURST_MAX);
		for (uint16_t i = 0; i < n; i++)
			bytes += pkts[i]->pkt_len;
		rte_pktmbuf_free_bulk(pkts, n);
	} while (n > 0 && bytes < 100000000);
	assert_null(bed->frontend->broken);
	return bytes;
}

static const struct vif_queue *
queue(const struct bed *bed)
{
	return &bed->vif->rings->queues[0];
}

static void
test_text(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
		uint32_t usec;
		const char *again;
	} good[] = {
		{ "100Mb/s", 625000, 50000, "100Mb/s" },
		{ "20MB/s@20ms", 400000, 20000, "160Mb/s@20ms" },
		{ "10Gb/s@1ms", 1250000, 1000, "10Gb/s@1ms" },
		{ "8000b/s@1s", 1000, 1000000, "8Kb/s@1s" },
		{ "1KB/s@2", 2000, 2000000, "8Kb/s@2s" },
		{ "999B/s@100000us", 99, 100000, "990B/s@100ms" },
		{ "1000000B/s@7us", 7, 7, "8Mb/s@7us" },
	};
	static const struct {
		const char *text;
		int ret;
	} bad[] = {
		{ "", -EINVAL },
		{ "100", -EINVAL },
		{ "Mb/s", -EINVAL },
		{ "100Mb", -EINVAL },
		{ "100Tb/s", -EINVAL },
		{ "-1Mb/s", -EINVAL },
		{ "100Mb/s@", -EINVAL },
		{ "100Mb/s@ms", -EINVAL },
		{ "100Mb/s@1h", -EINVAL },
		{ "100Mb/s ", -EINVAL },
		{ "0Mb/s", -ERANGE },
		{ "100Mb/s@0ms", -ERANGE },
		{ "7b/s", -ERANGE },
		{ "19B/s", -ERANGE },
		{ "100Mb/s@5000s", -ERANGE },
		{ "99999999999999999999b/s", -ERANGE },
		{ "99999999999Gb/s", -ERANGE },
	};
	char text[RATE_TEXT_SIZE];
	struct rate rate;

	for (size_t i = 0; i < RTE_DIM(good); i++) {
		assert_int_equal(rate_parse(good[i].text, &rate), 0);
		assert_int_equal(rate.bytes, good[i].bytes);
		assert_int_equal(rate.usec, good[i].usec);
		assert_string_equal(rate_format(&rate, text), good[i].again);
	}
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(rate_parse(bad[i].text, &rate), bad[i].ret);
	rate = (struct rate){ 0 };
	assert_string_equal(rate_format(&rate, text), "none");
}

/* Xenstore's text: digits, a comma, digits, and nothing else. */
static void
test_store_text(void **state)
{
	static const char *const bad[] = {
		"",    "625000", "625000,",  ",50000",   "625000,50000 ",
		"a,b", "0,5000", "625000,0", "-1,50000", "1,4294967296"
	};
	char text[RATE_TEXT_SIZE];
	struct rate rate;

	assert_int_equal(rate_read("625000,50000", &rate), 0);
	assert_int_equal(rate.bytes, 625000);
	assert_int_equal(rate.usec, 50000);
	assert_string_equal(rate_write(&rate, text), "625000,50000");
	for (size_t i = 0; i < RTE_DIM(bad); i++)
		assert_int_equal(rate_read(bad[i], &rate), -EINVAL);
	/* more than can be told in bytes per second */
	assert_int_equal(rate_read("10000000000000000000,1", &rate), 0);
	assert_string_equal(rate_format(&rate, text), "8000000000Gb/s@1us");
}

/* The bucket alone: full at first, credit at the beginning of intervals, never more than it holds.
 */
static void
test_bucket(void **state)
{
	struct vif_rate *bucket = vif_rate_create(&(struct rate){ .bytes = 1000, .usec = 100 });
	uint64_t now = 5000;

	for (int i = 0; i < 2; i++)
		assert_int_equal(vif_rate_take(bucket, 65536, now), 0);
	assert_int_equal(vif_rate_take(bucket, 1, now), 100);
	assert_int_equal(vif_rate_take(bucket, 1, now + 99), 1);
	/* one that read the clock before the first did */
	assert_int_equal(vif_rate_take(bucket, 1, now - 10), 100);
	now += 130;
	assert_int_equal(vif_rate_take(bucket, 600, now), 0);
	assert_int_equal(vif_rate_take(bucket, 600, now), 70);
	assert_int_equal(vif_rate_take(bucket, 400, now), 0);
	now += UINT64_C(365) * 86400 * 1000000;
	assert_int_equal(vif_rate_take(bucket, 65536, now), 0);
	assert_int_equal(vif_rate_take(bucket, 65536, now), 0);
	assert_true(vif_rate_take(bucket, 1, now) > 0);
	free(bucket);

	/* the largest, left alone for a year: not less than the smallest */
	bucket = vif_rate_create(&(struct rate){ .bytes = UINT64_MAX, .usec = 1 });
	assert_int_equal(vif_rate_take(bucket, 65536, 1), 0);
	assert_int_equal(vif_rate_take(bucket, 65536, now), 0);
	free(bucket);
}

/* The wait is until there is enough: not one usec more, nor a look at each interval before. */
static void
test_wait(void **state)
{
	static const struct rate rates[] = {
		{ .bytes = 1, .usec = 1 },          { .bytes = 7, .usec = 3 },
		{ .bytes = 1514, .usec = 50 },      { .bytes = 1513, .usec = 50 },
		{ .bytes = 1, .usec = UINT32_MAX }, { .bytes = UINT64_MAX, .usec = UINT32_MAX },
	};

	for (size_t i = 0; i < RTE_DIM(rates); i++) {
		struct vif_rate *bucket = vif_rate_create(&rates[i]);
		uint64_t now = 5000, wait, n = 0;

		while ((wait = vif_rate_take(bucket, 65535, now)) == 0 && n++ < 100)
			;
		while (wait != 0 && n++ < 110) {
			assert_int_equal(vif_rate_take(bucket, 65535, now + wait - 1), 1);
			now += wait;
			assert_int_equal(vif_rate_take(bucket, 65535, now), 0);
			wait = vif_rate_take(bucket, 65535, now);
		}
		free(bucket);
	}
}

static void
test_unlimited(void **state)
{
	struct bed *bed = *state;

	assert_true(take_all(bed, 1514) >= 100000000);
	assert_int_equal(queue(bed)->tx.wait_usec, 0);
}

/* Ten intervals of credit come in ten intervals of time, and nothing in between. */
static void
test_limited(void **state)
{
	struct bed *bed = *state;
	uint64_t bytes = 0, wait;

	set_rate(bed, "100000,50000");
	assert_in_range(take_all(bed, 1514), VIF_RATE_BURST - 1514, VIF_RATE_BURST);
	for (int i = 0; i < 10; i++) {
		wait = queue(bed)->tx.wait_usec;
		assert_in_range(wait, 1, 50 * MSEC);
		fake_now += wait - 1;
		assert_int_equal(take_all(bed, 1514), 0);
		assert_int_equal(queue(bed)->tx.wait_usec, 1);
		fake_now += 1;
		bytes += take_all(bed, 1514);
	}
	assert_in_range(bytes, 10 * 100000 - 1514, 10 * 100000 + 1514);
	/* what is not used up is lost but for what the bucket holds */
	fake_now += 10 * 50 * MSEC;
	assert_in_range(take_all(bed, 1514), VIF_RATE_BURST - 1514, VIF_RATE_BURST);
}

/* A bad packet costs as much as a good one, and the ring's order stays. */
static void
test_bad_packets(void **state)
{
	struct bed *bed = *state;
	struct rte_mbuf *pkts[VIF_BURST_MAX];

	set_rate(bed, "1000,50000");
	for (int i = 0; i < 40; i++) {
		/* a first fragment that is shorter than a header */
		raw(bed, 0, 0, NETTXF_more_data, 1, 4096);
		raw(bed, 0, 0, 0, 2, 4086);
	}
	fake_frontend_push(bed->frontend, 0);
	assert_int_equal(receive(bed, pkts, VIF_BURST_MAX), 0);
	assert_int_equal(bed->lost.bad_request, VIF_RATE_BURST / 4096);
	assert_true(queue(bed)->tx.wait_usec > 0);
	assert_null(vif_rings_broken(bed->vif->rings));
}

/* A change takes hold at once, whether there is credit or not. */
static void
test_change(void **state)
{
	struct bed *bed = *state;
	struct vif_info info;

	set_rate(bed, "1000,1000000");
	assert_in_range(take_all(bed, 1514), VIF_RATE_BURST - 1514, VIF_RATE_BURST);
	assert_int_equal(bed->host->n_rate_changed, 1);
	vif_info(bed->vif, &info);
	assert_int_equal(info.rate.bytes, 1000);
	assert_int_equal(info.rate.usec, 1000000);
	/* the same again is no change: no new credit */
	set_rate(bed, "1000,1000000");
	assert_int_equal(take_all(bed, 1514), 0);
	assert_int_equal(bed->host->n_rate_changed, 1);
	set_rate(bed, "500000,50000");
	assert_in_range(take_all(bed, 1514), 500000 - 1514, 500000);
	assert_int_equal(bed->host->n_rate_changed, 2);
	set_rate(bed, NULL);
	assert_true(take_all(bed, 1514) >= 100000000);
	assert_int_equal(queue(bed)->tx.wait_usec, 0);
	vif_info(bed->vif, &info);
	assert_int_equal(info.rate.bytes, 0);
}

/* As with the kernel's netback, what makes no sense limits nothing, and the operator is told. */
static void
test_malformed(void **state)
{
	struct bed *bed = *state;

	set_rate(bed, "1000,1000000");
	set_rate(bed, "100Mb/s");
	assert_string_equal(bed->host->message,
			    "vif1.0: the backend's rate \"100Mb/s\" makes no sense: unlimited");
	assert_true(take_all(bed, 1514) >= 100000000);
}

/* Our own setting is written where the toolstack's is, and takes hold at once. */
static void
test_write(void **state)
{
	struct bed *bed = *state;
	struct fake_store *store = fake_hypervisor_store(bed->host->fake);
	struct rate rate = { .bytes = 250000, .usec = 20000 };
	char path[STORE_PATH_SIZE], *text;

	snprintf(path, sizeof(path), "%s/rate", bed->frontend->backend);
	assert_int_equal(vif_rate_write(bed->vif, &rate), 0);
	assert_int_equal(bed->vif->rate->rate.bytes, 250000);
	text = fake_store_read(store, 0, path);
	assert_string_equal(text, "250000,20000");
	free(text);
	assert_in_range(take_all(bed, 1514), 250000 - 1514, 250000);
	/* the event that comes of it brings no new credit */
	fake_host_settle(bed->host, &bed->frontend, 1);
	assert_int_equal(take_all(bed, 1514), 0);
	rate.bytes = 0;
	assert_int_equal(vif_rate_write(bed->vif, &rate), 0);
	assert_null(fake_store_read(store, 0, path));
	assert_null(bed->vif->rate);
	fake_host_retire(bed->host);
}

/* All queues share a bucket, and a connection made anew gets no new one. */
static void
test_shared(void **state)
{
	static const struct fake_frontend_config config = { .domid = 2, .n_queues = 2 };
	static uint8_t data[60000];
	struct fake_frame frame = { .data = data, .len = sizeof(data) };
	struct bed *bed = *state;
	struct fake_frontend *frontend;
	struct rte_mbuf *pkts[VIF_BURST_MAX];
	struct vif_lost lost = { 0 };
	char path[STORE_PATH_SIZE];
	struct vif *vif;

	frontend = fake_host_connect(bed->host, &config);
	assert_non_null(frontend);
	vif = fake_host_vif(bed->host, &config);
	snprintf(path, sizeof(path), "%s/rate", frontend->backend);
	fake_store_write(fake_hypervisor_store(bed->host->fake), 0, path, "1000,1000000");
	fake_host_settle(bed->host, &frontend, 1);
	for (uint16_t i = 0; i < 3; i++) {
		assert_true(fake_frontend_send(frontend, i & 1, &frame) > 0);
		assert_int_equal(vif_rx_burst(bed->host->threads[0], vif_queue(vif, i & 1, false),
					      pool, pkts, VIF_BURST_MAX, &lost),
				 i < 2 ? 1 : 0);
		if (i < 2)
			rte_pktmbuf_free(pkts[0]);
	}
	fake_frontend_reset(frontend);
	for (int i = 0; i < 4; i++) {
		fake_host_settle(bed->host, &frontend, 1);
		fake_host_retire(bed->host);
	}
	assert_non_null(vif->rings);
	assert_true(fake_frontend_send(frontend, 0, &frame) > 0);
	assert_int_equal(vif_rx_burst(bed->host->threads[0], vif_queue(vif, 0, false), pool, pkts,
				      VIF_BURST_MAX, &lost),
			 0);
	fake_frontend_destroy(frontend);
}

#define RATE_TEST(name) cmocka_unit_test_setup_teardown(name, setup_rate, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),   cmocka_unit_test(test_store_text),
		cmocka_unit_test(test_bucket), cmocka_unit_test(test_wait),
		RATE_TEST(test_unlimited),     RATE_TEST(test_limited),
		RATE_TEST(test_bad_packets),   RATE_TEST(test_change),
		RATE_TEST(test_malformed),     RATE_TEST(test_write),
		RATE_TEST(test_shared),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
