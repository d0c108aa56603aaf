/* SPDX-License-Identifier: BSD-3-Clause */
/* Signs: which ones are derived, and that every packet that a program matches has one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap.h>

/* pcap.h has them, too */
#undef BPF_MOD
#undef BPF_XOR
#include "fake_port.h"
#include "filter_sign.h"

#define FRAME_MAX 24
#define OPS_MAX 24
#define PROGRAMS 5000

static struct fake_switch the_switch;

/* What is derived of what operators type: the place, as libpcap's programs have it, and a number.
 */
static const struct {
	const char *expression;
	uint32_t n;
	struct filter_sign signs[FILTER_SIGNS_MAX]; /* in the machine's order */
} known[] = {
	{ "udp port 7 and host 192.0.2.1",
	  2,
	  { { 26, UINT32_MAX, 0xc0000201 }, { 30, UINT32_MAX, 0xc0000201 } } },
	{ "host 192.0.2.1",
	  4,
	  { { 26, UINT32_MAX, 0xc0000201 },
	    { 30, UINT32_MAX, 0xc0000201 },
	    { 28, UINT32_MAX, 0xc0000201 },
	    { 38, UINT32_MAX, 0xc0000201 } } },
	{ "ip src net 192.0.2.0/24", 1, { { 26, 0xffffff00, 0xc0000200 } } },
	{ "arp", 1, { { 10, 0xffff, 0x0806 } } },
	{ "icmp", 1, { { 20, 0xff, 1 } } },
	{ "icmp or arp", 2, { { 20, 0xff, 1 }, { 10, 0xffff, 0x0806 } } },
	{ "vlan 10", 1, { { 12, 0xfff, 10 } } },
	{ "ether dst 02:00:00:00:00:01", 1, { { 2, UINT32_MAX, 1 } } },
	{ "ether[0] = 1", 1, { { 0, 0xff000000, 0x01000000 } } },
	{ "tcp port 80", 3, { { 52, 0xffff, 80 }, { 54, 0xffff, 80 }, { 20, 0xff, 6 } } },
	/* of these there are none, or too many */
	{ "greater 1000", 0, {} },
	{ "not arp", 0, {} },
	{ "ether multicast", 0, {} },
	{ "port 80", 0, {} },
	{ "ether[300] = 1", 0, {} },
};

static void
test_known(void **state)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);

	for (unsigned int i = 0; i < RTE_DIM(known); i++) {
		struct bpf_program program;
		struct filter_signs signs;

		assert_int_equal(
			pcap_compile(pcap, &program, known[i].expression, 1, PCAP_NETMASK_UNKNOWN),
			0);
		filter_signs_find((const void *)program.bf_insns, program.bf_len, &signs);
		if (signs.n != known[i].n)
			fail_msg("%s: %u signs", known[i].expression, signs.n);
		for (uint32_t s = 0; s < signs.n; s++) {
			const struct filter_sign *sign = &signs.signs[s];

			if (sign->offset != known[i].signs[s].offset ||
			    rte_be_to_cpu_32(sign->mask) != known[i].signs[s].mask ||
			    rte_be_to_cpu_32(sign->value) != known[i].signs[s].value)
				fail_msg("%s: sign %u: [%u] & %08x = %08x", known[i].expression, s,
					 sign->offset, rte_be_to_cpu_32(sign->mask),
					 rte_be_to_cpu_32(sign->value));
			assert_true(signs.end >= sign->offset + FILTER_SIGN_SIZE);
		}
		pcap_freecode(&program);
	}
	pcap_close(pcap);
}

/* --- random programs --- */

static uint16_t
one_of(const uint16_t *codes, unsigned int n)
{
	return codes[random() % n];
}

/*
 * Mostly what signs are made of; the numbers are few, so that they are found in packets often. The
 * last instruction says no, which jumps lead to as they do in what libpcap makes, and that before
 * it yes.
 */
static void
op_random(struct bpf_insn *op, unsigned int left)
{
	static const uint16_t loads[] = { BPF_LD | BPF_W | BPF_ABS, BPF_LD | BPF_H | BPF_ABS,
					  BPF_LD | BPF_B | BPF_ABS, BPF_LD | BPF_B | BPF_IND,
					  BPF_LD | BPF_IMM };
	static const uint16_t others[] = { BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_OR | BPF_K,
					   BPF_MISC | BPF_TAX,        BPF_MISC | BPF_TXA,
					   BPF_ALU | BPF_RSH | BPF_K, BPF_LDX | BPF_IMM };
	static const uint16_t jumps[] = { BPF_JMP | BPF_JEQ | BPF_K,  BPF_JMP | BPF_JEQ | BPF_K,
					  BPF_JMP | BPF_JEQ | BPF_K,  BPF_JMP | BPF_JEQ | BPF_X,
					  BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JA };
	static const uint32_t numbers[] = { 0, 1, 0x100, 0x101, 0x1000000, 0x10000, 0x1010101 };

	*op = (struct bpf_insn){ .code = BPF_RET | BPF_K, .k = left };
	if (left < 2)
		return;
	switch (random() % 8) {
	case 0 ... 2:
		op->code = one_of(loads, random() % 4 == 0 ? RTE_DIM(loads) : 3);
		op->k = random() % (FRAME_MAX - 4);
		break;
	case 3 ... 5:
		op->code = one_of(jumps, RTE_DIM(jumps));
		op->k = numbers[random() % RTE_DIM(numbers)];
		op->jt = random() % RTE_MIN(left, 6u);
		op->jf = random() & 1 ? left - 1 : random() % RTE_MIN(left, 6u);
		if (op->code == (BPF_JMP | BPF_JA))
			op->k = random() % RTE_MIN(left, 6u);
		break;
	default:
		op->code = one_of(others, RTE_DIM(others));
		op->k = op->code == (BPF_ALU | BPF_RSH | BPF_K) ? 8 : random() & 0x10101ff;
	}
}

/* Some are short, or in pieces. */
static struct rte_mbuf *
packet_random(uint8_t frame[FRAME_MAX])
{
	const uint32_t len = random() % 4 == 0 ? 1 + random() % FRAME_MAX : FRAME_MAX;
	const uint32_t first = random() % 4 == 0 ? random() % len : len;
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(the_switch.pool), *tail;

	assert_non_null(pkt);
	for (uint32_t i = 0; i < len; i++)
		frame[i] = random() & 1;
	memcpy(rte_pktmbuf_append(pkt, first), frame, first);
	if (first == len)
		return pkt;
	tail = rte_pktmbuf_alloc(the_switch.pool);
	assert_non_null(tail);
	memcpy(rte_pktmbuf_append(tail, len - first), frame + first, len - first);
	assert_int_equal(rte_pktmbuf_chain(pkt, tail), 0);
	return pkt;
}

/*
 * Of a packet that is alone, and as one of four, the others of which have no sign.
 * @quiet: a packet without; or NULL: there was none so far.
 */
static bool
is_seen(const struct filter_signs *signs, struct rte_mbuf *pkt, struct rte_mbuf *quiet)
{
	const bool seen = filter_signs_seen(signs, &pkt, 1);
	struct rte_mbuf *pkts[4] = { quiet, quiet, quiet, quiet };

	if (quiet != NULL) {
		pkts[random() % 4] = pkt;
		assert_int_equal(filter_signs_seen(signs, pkts, 4), seen);
	}
	return seen;
}

static void
test_programs(void **state)
{
	unsigned int n_programs = 0, n_packets = 0, n_matched = 0, n_seen = 0;

	for (unsigned int round = 0; round < PROGRAMS; round++) {
		const unsigned int n_ops = 4 + random() % (OPS_MAX - 4);
		uint8_t frames[PORT_BURST_MAX][FRAME_MAX];
		struct rte_mbuf *pkts[PORT_BURST_MAX], *quiet = NULL;
		const uint16_t n = 1 + random() % PORT_BURST_MAX;
		struct bpf_insn ops[OPS_MAX];
		struct filter_signs signs;
		bool any = false;

		for (unsigned int i = 0; i < n_ops; i++)
			op_random(&ops[i], n_ops - 1 - i);
		filter_signs_find((const void *)ops, n_ops, &signs);
		if (signs.n == 0)
			continue;
		for (uint16_t i = 0; i < n; i++) {
			uint32_t len;
			bool matches, seen;

			pkts[i] = packet_random(frames[i]);
			len = pkts[i]->pkt_len;
			matches = bpf_filter(ops, frames[i], len, len) != 0;
			seen = is_seen(&signs, pkts[i], quiet);
			if (matches && !seen)
				fail_msg("program %u: packet %u has no sign", round, i);
			if (!seen)
				quiet = pkts[i];
			any |= seen;
			n_matched += matches;
			n_seen += seen;
		}
		assert_int_equal(filter_signs_seen(&signs, pkts, n), any);
		for (uint16_t i = 0; i < n; i++)
			rte_pktmbuf_free(pkts[i]);
		n_packets += n;
		n_programs++;
	}
	/* much of which was put to the test */
	assert_true(n_programs > 500);
	assert_true(n_matched > 1000);
	assert_true(n_seen < n_packets * 3 / 4);
}

static int
setup(void **state)
{
	return fake_switch_setup(&the_switch);
}

static int
teardown(void **state)
{
	fake_switch_teardown(&the_switch);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_programs),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, setup, teardown);
}
