/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signs: what a packet that a filter matches has, seen at a glance.
 *
 * Most captures wait for packets that are rare, and all others should cost next to nothing. So when
 * a filter is made, a few numbers at fixed places are derived from its program, one of which every
 * packet has that it matches: of "host 192.0.2.1 and udp port 7" that the source or the
 * destination is 192.0.2.1. Workers look for them in all packets of a burst at once, and carry out
 * the program if one has one. There are programs without signs, such as of "greater 1000".
 *
 * Thread-safety: they are constant.
 */
#ifndef DATAPATH_FILTER_SIGN_H
#define DATAPATH_FILTER_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/filter.h>
#include <rte_mbuf.h>

#define FILTER_SIGNS_MAX 4
#define FILTER_SIGN_SIZE 4U /* bytes */

/* A number in four bytes of a packet, in the packet's order. */
struct filter_sign {
	uint32_t offset;
	uint32_t mask;
	uint32_t value;
};

struct filter_signs {
	uint16_t n;                                 /* 0: none are known, every packet may match */
	uint16_t end;                               /* bytes of a packet that are looked at */
	struct filter_sign signs[FILTER_SIGNS_MAX]; /* behind n: the last one again */
};

/**
 * filter_signs_find() - derive signs from a program. Control thread.
 * @ops, @n: that ends, and whose jumps lead forward.
 * @ret_signs: none, if it has none, or there is no memory to find them.
 */
void filter_signs_find(const struct sock_filter *ops, size_t n, struct filter_signs *ret_signs);

/**
 * filter_signs_seen() - look for signs in a burst. Worker.
 * @signs: at least one.
 * @n: 1 .. PORT_BURST_MAX.
 * Return: has any packet one, or too little in its first segment to tell? False: none matches.
 */
bool filter_signs_seen(const struct filter_signs *signs, struct rte_mbuf *const *pkts, uint16_t n);

#endif /* DATAPATH_FILTER_SIGN_H */
