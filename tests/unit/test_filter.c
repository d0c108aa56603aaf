/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters: what libpcap makes of expressions, and random programs, against libpcap's interpreter.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pcap.h>

/* pcap.h has them, too */
#undef BPF_MOD
#undef BPF_XOR
#include "fake_port.h"
#include "filter.h"

#define FRAME_MAX 200
#define ROUNDS 100

static_assert(sizeof(struct sock_filter) == sizeof(struct bpf_insn), "one and the same");

static struct fake_switch the_switch;
static struct filter_burst burst;

static const char *const expressions[] = {
	"arp",
	"ip",
	"ip6",
	"host 10.0.0.1",
	"net 10.0.0.0/24 and not host 10.0.0.3",
	"tcp port 80",
	"udp",
	"port 53 or port 80 or port 443",
	"portrange 50-90",
	"ether host 02:00:00:00:00:01",
	"ether broadcast",
	"ether multicast",
	"vlan",
	"vlan 10",
	"vlan 10 and host 10.0.0.1",
	"vlan 10 and vlan 20 and udp",
	"vlan or udp port 53",
	"less 80",
	"greater 100",
	"len > 70 and ip",
	"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
	"ip[6:2] & 0x1fff != 0",
	"icmp[icmptype] == icmp-echo",
	"tcp[((tcp[12] & 0xf0) >> 2):4] = 0x47455420",
	"ip6 protochain 58",
	"ip proto 47",
	"ether[0] & 1 = 0 and ip[16] >= 224",
	"ip[2:2] - (ip[0] & 0xf) * 4 > 20",
	"len / 3 % 5 = 2 or (len ^ 5) & 8 != 0",
	"(ip host 10.0.0.1 and tcp) or (ip6 and udp) or (arp and len < 100) or vlan 20",
};

/* --- packets --- */

static uint8_t *
bytes_put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

/* A frame that has what the expressions ask for, often. Return: its length. */
static uint32_t
frame_make(uint8_t frame[FRAME_MAX])
{
	static const uint8_t protocols[] = { 1, 6, 6, 17, 17, 47, 58 };
	static const uint16_t ports[] = { 53, 80, 443, 1000 };
	uint8_t *at = frame + 12;
	uint16_t port;

	for (unsigned int i = 0; i < FRAME_MAX; i++)
		frame[i] = random();
	if (random() & 1)
		memcpy(frame, "\x02\0\0\0\0\x01", 6);
	for (int tags = random() % 4; tags > 1; tags--)
		at = bytes_put(at, random() & 1 ? "\x81\0\0\x0a" : "\x81\0\0\x14", 4);
	switch (random() % 4) {
	case 0:
		at = bytes_put(at, "\x08\x06", 2);
		break;
	case 1:
		at = bytes_put(at, "\x86\xdd\x60", 3);
		at[5] = protocols[random() % sizeof(protocols)];
		at += 39;
		break;
	default:
		at = bytes_put(at, "\x08\0\x45", 3);
		memset(at + 5, random() % 3 == 0, 2);
		at[8] = protocols[random() % sizeof(protocols)];
		memcpy(at + 11, "\x0a\0\0", 3);
		at[14] = random() % 4;
		at += 19;
	}
	port = ports[random() % RTE_DIM(ports)];
	at[2 * (random() & 1)] = port >> 8;
	at[1] = at[3] = port & 0xff;
	return random() % 4 == 0 ? 1 + random() % FRAME_MAX : (uint32_t)(at - frame) + 20;
}

/* The same bytes, in one segment or in more. */
static struct rte_mbuf *
packet_make(const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(the_switch.pool), *tail;
	const uint32_t first = random() % 4 == 0 ? random() % len : len;

	assert_non_null(pkt);
	memcpy(rte_pktmbuf_append(pkt, first), frame, first);
	if (first == len)
		return pkt;
	tail = rte_pktmbuf_alloc(the_switch.pool);
	assert_non_null(tail);
	memcpy(rte_pktmbuf_append(tail, len - first), frame + first, len - first);
	assert_int_equal(rte_pktmbuf_chain(pkt, tail), 0);
	return pkt;
}

/* --- comparing --- */

static void
compare_burst(const struct filter *filter, const struct bpf_insn *program, const char *what)
{
	uint8_t frames[PORT_BURST_MAX][FRAME_MAX];
	struct rte_mbuf *pkts[PORT_BURST_MAX];
	/* few, too: what is left out is left out as a whole burst (filter_sign.h) */
	const uint16_t most = random() & 1 ? PORT_BURST_MAX : 4;
	const uint16_t n = random() % 4 == 0 ? most : 1 + random() % most;
	uint64_t matched;

	for (uint16_t i = 0; i < n; i++)
		pkts[i] = packet_make(frames[i], frame_make(frames[i]));
	filter_load(&burst, pkts, n);
	matched = filter_run(filter, &burst);
	for (uint16_t i = 0; i < n; i++) {
		const uint32_t len = pkts[i]->pkt_len;
		const bool expected = bpf_filter(program, frames[i], len, len) != 0;

		if ((matched >> i & 1) != expected)
			fail_msg("%s: packet %u of %u should%s match", what, i, n,
				 expected ? "" : " not");
		rte_pktmbuf_free(pkts[i]);
	}
	if (n < PORT_BURST_MAX)
		assert_int_equal(matched >> n, 0);
	for (unsigned int i = 0; i < FILTER_OPS_MAX; i++)
		assert_int_equal(burst.at[i], 0);
}

static struct filter *
filter_of(const struct bpf_program *program)
{
	return filter_create((const struct sock_filter *)(const void *)program->bf_insns,
			     program->bf_len);
}

static void
test_expressions(void **state)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);

	for (unsigned int i = 0; i < RTE_DIM(expressions); i++)
		for (int optimised = 0; optimised < 2; optimised++) {
			struct bpf_program program;
			struct filter *filter;

			/* its optimiser does not know loops: protochain has one */
			if (pcap_compile(pcap, &program, expressions[i], optimised,
					 PCAP_NETMASK_UNKNOWN) != 0)
				fail_msg("%s: %s", expressions[i], pcap_geterr(pcap));
			filter = filter_of(&program);
			if (strstr(expressions[i], "protochain") != NULL) {
				assert_null(filter);
				assert_int_equal(errno, EINVAL);
				pcap_freecode(&program);
				continue;
			}
			assert_non_null(filter);
			for (unsigned int round = 0; round < ROUNDS; round++)
				compare_burst(filter, program.bf_insns, expressions[i]);
			free(filter);
			pcap_freecode(&program);
		}
	pcap_close(pcap);
}

/* Some of them at once, in all ways. Return: the end of the text. */
static char *
expression_random(char *at, char *end, unsigned int depth)
{
	static const char *const words[] = { " and ", " or " };

	at += snprintf(at, end - at, "%s(", random() % 4 == 0 ? "not " : "");
	if (depth == 0) {
		at += snprintf(at, end - at, "%s", expressions[random() % RTE_DIM(expressions)]);
	} else {
		at = expression_random(at, end, random() % depth);
		at += snprintf(at, end - at, "%s", words[random() & 1]);
		at = expression_random(at, end, random() % depth);
	}
	return at + snprintf(at, end - at, ")");
}

static void
test_combined(void **state)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 262144);
	unsigned int n_compiled = 0;

	for (unsigned int round = 0; round < 20 * ROUNDS; round++) {
		struct bpf_program program;
		struct filter *filter;
		char text[1024];

		expression_random(text, text + sizeof(text), 1 + random() % 3);
		/* it refuses those that match nothing */
		if (pcap_compile(pcap, &program, text, random() & 1, PCAP_NETMASK_UNKNOWN) != 0)
			continue;
		filter = filter_of(&program);
		for (unsigned int i = 0; i < 4 && filter != NULL; i++)
			compare_burst(filter, program.bf_insns, text);
		n_compiled += filter != NULL;
		free(filter);
		pcap_freecode(&program);
	}
	assert_true(n_compiled > 10 * ROUNDS);
	pcap_close(pcap);
}

/* --- random programs --- */

static void
op_random(struct bpf_insn *op, unsigned int left)
{
	static const uint16_t codes[] = {
		BPF_LD | BPF_W | BPF_ABS,
		BPF_LD | BPF_H | BPF_ABS,
		BPF_LD | BPF_B | BPF_ABS,
		BPF_LD | BPF_W | BPF_IND,
		BPF_LD | BPF_H | BPF_IND,
		BPF_LD | BPF_B | BPF_IND,
		BPF_LD | BPF_W | BPF_LEN,
		BPF_LD | BPF_IMM,
		BPF_LDX | BPF_IMM,
		BPF_LDX | BPF_B | BPF_MSH,
		BPF_LD | BPF_MEM,
		BPF_LDX | BPF_MEM,
		BPF_ST,
		BPF_STX,
		BPF_MISC | BPF_TAX,
		BPF_MISC | BPF_TXA,
		BPF_ALU | BPF_ADD | BPF_K,
		BPF_ALU | BPF_SUB | BPF_X,
		BPF_ALU | BPF_MUL | BPF_K,
		BPF_ALU | BPF_OR | BPF_X,
		BPF_ALU | BPF_AND | BPF_K,
		BPF_ALU | BPF_LSH | BPF_K,
		BPF_ALU | BPF_RSH | BPF_K,
		BPF_ALU | BPF_DIV | BPF_K,
		BPF_ALU | BPF_DIV | BPF_X,
		BPF_ALU | BPF_NEG,
		BPF_JMP | BPF_JEQ | BPF_X,
		BPF_JMP | BPF_JEQ | BPF_K,
		BPF_JMP | BPF_JGT | BPF_K,
		BPF_JMP | BPF_JGE | BPF_X,
		BPF_JMP | BPF_JSET | BPF_K,
		BPF_JMP | BPF_JA,
		BPF_RET | BPF_A,
	};

	*op = (struct bpf_insn){ .code = codes[random() % RTE_DIM(codes)] };
	op->k = random() % 3 == 0 ? random() % 40 : random() % 16;
	if (left == 0) {
		op->code = random() & 1 ? BPF_RET | BPF_K : BPF_RET | BPF_A;
		return;
	}
	if (BPF_CLASS(op->code) == BPF_JMP) {
		op->jt = random() % left;
		op->jf = random() % left;
		op->k = op->code == (BPF_JMP | BPF_JA) ? random() % left : op->k;
	} else if (BPF_CLASS(op->code) == BPF_ALU) {
		op->k = 1 + random() % 31;
	} else if (BPF_MODE(op->code) == BPF_MEM || op->code == BPF_ST || op->code == BPF_STX) {
		op->k %= BPF_MEMWORDS;
	}
}

static void
test_programs(void **state)
{
	/* nothing is read that has not been set: as libpcap's programs do, and so as not to depend
	 * on what was there before */
	enum { START = BPF_MEMWORDS + 2 };
	struct bpf_insn ops[START + 40];

	for (unsigned int round = 0; round < 20 * ROUNDS; round++) {
		const unsigned int n = START + 1 + random() % 40;
		struct filter *filter;

		ops[0] = (struct bpf_insn){ .code = BPF_LD | BPF_B | BPF_ABS, .k = random() % 20 };
		ops[1] = (struct bpf_insn){ .code = BPF_MISC | BPF_TAX };
		for (unsigned int i = 0; i < BPF_MEMWORDS; i++)
			ops[2 + i] = (struct bpf_insn){ .code = BPF_ST, .k = i };
		for (unsigned int i = START; i < n; i++)
			op_random(&ops[i], n - 1 - i);
		filter = filter_create((const struct sock_filter *)(const void *)ops, n);
		assert_non_null(filter);
		compare_burst(filter, ops, "random");
		free(filter);
	}
}

static void
test_illegal(void **state)
{
	static const struct sock_filter programs[][2] = {
		{ { .code = BPF_LD | BPF_IMM }, { .code = BPF_LD | BPF_IMM } },
		{ { .code = BPF_JMP | BPF_JA, .k = 1 }, { .code = BPF_RET } },
		{ { .code = BPF_JMP | BPF_JA, .k = UINT32_MAX }, { .code = BPF_RET } },
		{ { .code = BPF_JMP | BPF_JEQ, .jt = 1 }, { .code = BPF_RET } },
		{ { .code = BPF_JMP | BPF_JEQ, .jf = 1 }, { .code = BPF_RET } },
		{ { .code = BPF_ST, .k = FILTER_WORDS }, { .code = BPF_RET } },
		{ { .code = BPF_LDX | BPF_MEM, .k = FILTER_WORDS }, { .code = BPF_RET } },
		{ { .code = BPF_JMP | BPF_JSET | BPF_X, .jt = 255 }, { .code = BPF_RET } },
		{ { .code = BPF_STX, .k = UINT32_MAX }, { .code = BPF_RET } },
		{ { .code = BPF_ALU | BPF_DIV }, { .code = BPF_RET } },
		{ { .code = BPF_ALU | BPF_MOD }, { .code = BPF_RET } },
		{ { .code = BPF_LD | BPF_W | BPF_MSH }, { .code = BPF_RET } },
		{ { .code = 0xffff }, { .code = BPF_RET } },
	};

	for (unsigned int i = 0; i < RTE_DIM(programs); i++) {
		errno = 0;
		assert_null(filter_create(programs[i], 2));
		assert_int_equal(errno, EINVAL);
	}
	assert_null(filter_create(programs[0], 0));
}

/* As long as it may be; one instruction more is too many. */
static void
test_longest(void **state)
{
	struct sock_filter *ops = calloc(FILTER_OPS_MAX + 1, sizeof(*ops));
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(the_switch.pool);
	struct filter *filter;

	for (unsigned int i = 0; i < FILTER_OPS_MAX; i++)
		ops[i] = (struct sock_filter){ .code = BPF_ALU | BPF_ADD, .k = 1 };
	ops[FILTER_OPS_MAX].code = BPF_RET | BPF_A;
	assert_null(filter_create(ops, FILTER_OPS_MAX + 1));
	filter = filter_create(ops + 1, FILTER_OPS_MAX);
	assert_non_null(filter);
	assert_non_null(rte_pktmbuf_append(pkt, 60));
	filter_load(&burst, &pkt, 1);
	assert_int_equal(filter_run(filter, &burst), 1);
	free(filter);
	free(ops);
	rte_pktmbuf_free(pkt);
}

/* Places that are nowhere: the packet does not match, and nothing is read. */
static void
test_far_away(void **state)
{
	static const struct sock_filter programs[][3] = {
		{ { .code = BPF_LD | BPF_W | BPF_ABS, .k = UINT32_MAX } },
		{ { .code = BPF_LD | BPF_B | BPF_ABS, .k = 60 } },
		{ { .code = BPF_LD | BPF_W | BPF_ABS, .k = 57 } },
		{ { .code = BPF_LDX | BPF_B | BPF_MSH, .k = UINT32_MAX } },
		{ { .code = BPF_LDX | BPF_IMM, .k = UINT32_MAX },
		  { .code = BPF_LD | BPF_H | BPF_IND, .k = UINT32_MAX } },
	};
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(the_switch.pool);

	assert_non_null(rte_pktmbuf_append(pkt, 60));
	for (unsigned int i = 0; i < RTE_DIM(programs); i++) {
		struct sock_filter ops[3];
		struct filter *filter;

		memcpy(ops, programs[i], sizeof(ops));
		if (ops[1].code == 0)
			ops[1] = (struct sock_filter){ .code = BPF_RET, .k = 1 };
		ops[2] = (struct sock_filter){ .code = BPF_RET, .k = 1 };
		filter = filter_create(ops, 3);
		assert_non_null(filter);
		filter_load(&burst, &pkt, 1);
		assert_int_equal(filter_run(filter, &burst), 0);
		free(filter);
	}
	rte_pktmbuf_free(pkt);
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
		cmocka_unit_test(test_expressions), cmocka_unit_test(test_combined),
		cmocka_unit_test(test_programs),    cmocka_unit_test(test_illegal),
		cmocka_unit_test(test_longest),     cmocka_unit_test(test_far_away),
	};

	fake_eal_start();
	return cmocka_run_group_tests(tests, setup, teardown);
}
