/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs of filters as a client may send them, over packets of any length: whatever is accepted
 * ends, reads nothing but the packets, and says what libpcap's interpreter says.
 *
 * Input: how many packets (1 byte, 1 .. 8), the length of each (1 byte), their bytes, and
 * instructions as they are in memory.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pcap.h>

/* pcap.h has them, too */
#undef BPF_MOD
#undef BPF_XOR
#include "filter.h"

#define PACKETS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static uint8_t
take_byte(struct input *input)
{
	if (input->size == 0)
		return 0;
	input->size--;
	return *input->data++;
}

/* Its data are on the heap, exactly as many: where sanitizers see who reads behind them. */
static void
packet_make(struct input *input, struct rte_mbuf *pkt, uint16_t len)
{
	uint8_t *bytes = malloc(len > 0 ? len : 1);

	for (uint16_t i = 0; i < len; i++)
		bytes[i] = take_byte(input);
	memset(pkt, 0, sizeof(*pkt));
	pkt->buf_addr = bytes;
	pkt->buf_len = len;
	pkt->data_len = len;
	pkt->pkt_len = len;
	pkt->nb_segs = 1;
}

/* Scratch memory that was not set, or a shift by 32 or more: libpcap's interpreter does whatever.
 */
static bool
is_undefined(const struct sock_filter *op)
{
	const uint16_t class = BPF_CLASS(op->code);

	if (class == BPF_LD || class == BPF_LDX)
		return BPF_MODE(op->code) == BPF_MEM;
	return class == BPF_ALU && op->k >= 32 && BPF_SRC(op->code) == BPF_K &&
	       (BPF_OP(op->code) == BPF_LSH || BPF_OP(op->code) == BPF_RSH);
}

/* Can libpcap be asked what is right? */
static bool
can_compare(const struct sock_filter *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_undefined(&ops[i]))
			return false;
	return bpf_validate((const struct bpf_insn *)(const void *)ops, (int)n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct filter_burst burst;
	struct input input = { .data = data, .size = size };
	struct rte_mbuf mbufs[PACKETS_MAX], *pkts[PACKETS_MAX];
	const uint16_t n_pkts = 1 + take_byte(&input) % PACKETS_MAX;
	uint8_t lens[PACKETS_MAX];
	struct sock_filter *ops;
	struct filter *filter;
	uint64_t matched = 0;
	size_t n;

	for (uint16_t i = 0; i < n_pkts; i++)
		lens[i] = take_byte(&input);
	for (uint16_t i = 0; i < n_pkts; i++) {
		packet_make(&input, &mbufs[i], lens[i]);
		pkts[i] = &mbufs[i];
	}
	n = input.size / sizeof(*ops);
	ops = malloc(n > 0 ? n * sizeof(*ops) : 1);
	memcpy(ops, input.data, n * sizeof(*ops));
	filter = filter_create(ops, n);
	if (filter != NULL) {
		memset(&burst, 0, sizeof(burst));
		filter_load(&burst, pkts, n_pkts);
		matched = filter_run(filter, &burst);
	}
	for (uint16_t i = 0; i < n_pkts; i++) {
		const struct bpf_insn *program = (const void *)ops;

		if (filter != NULL && can_compare(ops, n) &&
		    (bpf_filter(program, mbufs[i].buf_addr, lens[i], lens[i]) != 0) !=
			    (bool)(matched >> i & 1))
			abort();
		free(mbufs[i].buf_addr);
	}
	if (matched >> n_pkts != 0)
		abort();
	free(filter);
	free(ops);
	return 0;
}
