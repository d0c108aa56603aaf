/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filter: which packets of a burst a program of the classic BPF matches (McCanne and Jacobson,
 * "The BSD Packet Filter", 1993), as libpcap makes it of what an operator types.
 *
 * An instruction is carried out for all packets of the burst before the next one: jumps lead
 * forward only, so that each instruction has a set of packets that come to it, and one walk through
 * the program is enough. What an interpreter pays per instruction it so pays per burst, which makes
 * it two to three times as fast as one that goes packet by packet. And unlike machine code made on
 * the way it needs no memory that is writable and executable, which the daemon's unit forbids.
 * It is not even begun for a burst without a sign of a packet that is wanted (filter_sign.h).
 *
 * A program sees a packet as tcpdump does: from the Ethernet header on, with the tags in the frame.
 * Of a packet whose data is elsewhere (PORT_PENDING) it sees the first segment, which has all
 * headers.
 *
 * Thread-safety: a filter is immutable; a struct filter_burst is one worker's own.
 */
#ifndef DATAPATH_FILTER_H
#define DATAPATH_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>

#include "port.h"

#define FILTER_OPS_MAX 4096
#define FILTER_WORDS 16 /* of scratch memory: BPF_MEMWORDS */

struct filter;

/* A burst that is being looked at. Zeroed at first. */
struct filter_burst {
	struct rte_mbuf *const *pkts;
	uint16_t n;
	bool is_found;     /* are the next two known? */
	uint32_t shortest; /* bytes in the first segment of each packet, at least */
	const uint8_t *data[PORT_BURST_MAX];
	/* the program's registers */
	uint32_t a[PORT_BURST_MAX] __rte_aligned(16);
	uint32_t x[PORT_BURST_MAX] __rte_aligned(16);
	uint32_t words[FILTER_WORDS][PORT_BURST_MAX];
	uint64_t
		at[FILTER_OPS_MAX]; /* packets that have come to an instruction: all 0 in between */
};

/**
 * filter_create() - a filter of a program. Control thread.
 * @ops: the program; @n: 1 .. FILTER_OPS_MAX.
 * Return: it, or NULL with errno EINVAL (no program that ends) or ENOMEM. Freed with free().
 */
struct filter *filter_create(const struct sock_filter *ops, size_t n);

/**
 * filter_load() - get ready to look at a burst. Worker.
 * @pkts: there, and as they are, until the last filter_run(); @n: 1 .. PORT_BURST_MAX.
 */
void filter_load(struct filter_burst *burst, struct rte_mbuf *const *pkts, uint16_t n);

/**
 * filter_run() - look at the burst that was loaded. Worker.
 * Return: a bit for each packet that the filter matches.
 */
uint64_t filter_run(const struct filter *filter, struct filter_burst *burst);

#endif /* DATAPATH_FILTER_H */
