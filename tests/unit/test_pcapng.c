/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of capture files: as libpcap reads them, in no more room than there is, and read again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap.h>

#include "pcapng.h"

#define FILE_SIZE 8192
#define TIME (UINT64_C(1795275845) * 1000000000 + 678901234)

static const uint8_t mac[6] = { 0x02, 0, 0, 0, 0, 1 };
static const uint8_t frame[64] = { 1, 2, 3 };

static const struct pcapng_interface interface = {
	.name = "vif3.0",
	.description = "guest web1 (domid 3), bridge xenbr0",
	.filter = "tcp port 80",
	.mac = mac,
	.length = 131072,
};

static struct pcapng_packet
packet_of(uint32_t data_len)
{
	return (struct pcapng_packet){
		.interface = 0,
		.time = TIME,
		.len = sizeof(frame),
		.data_len = data_len,
		.data = frame,
		.direction = PCAPNG_OUT,
		.comment = "drop: tx_full",
		.lost = 7,
	};
}

static const struct pcapng_statistics statistics = {
	.interface = 0,
	.time = TIME + 1,
	.begun = TIME - 1,
	.seen = 10,
	.matched = 9,
	.missed = 2,
	.delivered = 7,
	.comment = "of all interfaces",
};

/* One block of each kind, by number. */
static size_t
block_write(unsigned int kind, uint8_t *to, size_t room)
{
	struct pcapng_packet packet = packet_of(61);

	switch (kind) {
	case 0:
		return pcapng_section(to, room, "Linux 6.1", "vswitch");
	case 1:
		return pcapng_interface(to, room, &interface);
	case 2:
		return pcapng_packet(to, room, &packet);
	default:
		return pcapng_statistics(to, room, &statistics);
	}
}

/* The room is exactly as much, or less: then nothing is written, and nothing behind it touched. */
static void
test_room(void **state)
{
	uint8_t whole[1024];

	for (unsigned int kind = 0; kind < 4; kind++) {
		const size_t len = block_write(kind, whole, sizeof(whole));

		assert_true(len > 0 && len % 4 == 0);
		assert_int_equal(pcapng_block_len(whole, len), len);
		for (size_t room = 0; room <= len; room++) {
			uint8_t *exact = malloc(room);

			assert_int_equal(block_write(kind, exact, room), room == len ? len : 0);
			if (room == len)
				assert_memory_equal(exact, whole, len);
			free(exact);
		}
	}
}

/* Data of all lengths, by libpcap. */
static void
test_libpcap(void **state)
{
	uint8_t *file = malloc(FILE_SIZE);
	char error[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *head;
	const uint8_t *data;
	size_t len = 0;
	pcap_t *pcap;

	len += block_write(0, file, FILE_SIZE);
	len += block_write(1, file + len, FILE_SIZE - len);
	for (uint32_t n = 1; n <= 16; n++) {
		const struct pcapng_packet packet = packet_of(n);

		len += pcapng_packet(file + len, FILE_SIZE - len, &packet);
	}
	len += block_write(3, file + len, FILE_SIZE - len);
	pcap = pcap_fopen_offline_with_tstamp_precision(fmemopen(file, len, "r"),
							PCAP_TSTAMP_PRECISION_NANO, error);
	if (pcap == NULL)
		fail_msg("%s", error);
	assert_int_equal(pcap_datalink(pcap), DLT_EN10MB);
	for (uint32_t n = 1; n <= 16; n++) {
		assert_int_equal(pcap_next_ex(pcap, &head, &data), 1);
		assert_int_equal(head->caplen, n);
		assert_int_equal(head->len, sizeof(frame));
		assert_memory_equal(data, frame, n);
		assert_int_equal((uint64_t)head->ts.tv_sec * 1000000000 + head->ts.tv_usec, TIME);
	}
	assert_int_equal(pcap_next_ex(pcap, &head, &data), PCAP_ERROR_BREAK);
	pcap_close(pcap);
	free(file);
}

static void
assert_option(const void *block, size_t fixed, uint16_t code, const void *value, size_t value_len)
{
	size_t len = 0;
	const void *got = pcapng_option(block, fixed, code, &len);

	assert_non_null(got);
	assert_int_equal(len, value_len);
	assert_memory_equal(got, value, len);
}

static void
test_options(void **state)
{
	const uint64_t lost = 7, missed = 2;
	const uint32_t flags = PCAPNG_OUT;
	uint8_t block[1024];
	size_t len;

	block_write(1, block, sizeof(block));
	assert_option(block, 16, PCAPNG_IF_NAME, interface.name, strlen(interface.name));
	assert_option(block, 16, PCAPNG_IF_MAC, mac, sizeof(mac));
	assert_option(block, 16, PCAPNG_IF_TSRESOL, "\x09", 1);
	assert_option(block, 16, PCAPNG_IF_FILTER, "\0tcp port 80", 12);
	assert_null(pcapng_option(block, 16, PCAPNG_OPT_COMMENT, &len));
	block_write(2, block, sizeof(block));
	assert_option(block, sizeof(struct pcapng_packet_head) + 61, PCAPNG_EPB_FLAGS, &flags,
		      sizeof(flags));
	assert_option(block, sizeof(struct pcapng_packet_head) + 61, PCAPNG_EPB_DROPCOUNT, &lost,
		      sizeof(lost));
	assert_option(block, sizeof(struct pcapng_packet_head) + 61, PCAPNG_OPT_COMMENT,
		      "drop: tx_full", 13);
	block_write(3, block, sizeof(block));
	assert_option(block, 20, PCAPNG_ISB_OSDROP, &missed, sizeof(missed));
}

/* What is no block, or not a whole one yet. */
static void
test_bad_blocks(void **state)
{
	uint8_t block[1024];
	const size_t len = block_write(1, block, sizeof(block));
	uint32_t bad[] = { 0, 4, 8, 13, UINT32_MAX, UINT32_MAX - 3 };

	for (size_t n = 0; n < len; n++)
		assert_int_equal(pcapng_block_len(block, n), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t copy[1024];

		memcpy(copy, block, len);
		memcpy(copy + 4, &bad[i], sizeof(bad[i]));
		assert_true(pcapng_block_len(copy, len) == SIZE_MAX);
		memcpy(copy, block, len);
		memcpy(copy + len - 4, &bad[i], sizeof(bad[i]));
		assert_true(pcapng_block_len(copy, len) == SIZE_MAX);
	}
}

/* Options that reach behind the end of their block are not looked at; on an exact-size heap copy.
 */
static void
test_bad_options(void **state)
{
	uint8_t block[1024];
	size_t value_len;

	for (unsigned int round = 0; round < 10000; round++) {
		const size_t len = block_write(1 + random() % 3, block, sizeof(block));
		uint8_t *copy = malloc(len);

		memcpy(copy, block, len);
		for (unsigned int n = random() % 8; n > 0; n--)
			copy[8 + random() % (len - 12)] = random();
		for (uint16_t code = 0; code < 12; code++) {
			const size_t fixed = random() % (len + 100);
			const uint8_t *value = pcapng_option(copy, fixed, code, &value_len);

			assert_true(value == NULL || value + value_len <= copy + len);
		}
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),        cmocka_unit_test(test_libpcap),
		cmocka_unit_test(test_options),     cmocka_unit_test(test_bad_blocks),
		cmocka_unit_test(test_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
