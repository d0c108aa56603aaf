/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP and UDP frames of many shapes for tests, built and checked byte by byte, with nothing of the
 * code under test.
 *
 * Thread-safety: one thread.
 */
#ifndef TESTS_L4_FRAME_H
#define TESTS_L4_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define L4_FRAME_MAX 66000 /* bytes */

struct l4_frame {
	/* in */
	int tags; /* VLAN tags, 0 .. 2; the outer is 0x88a8 if there are two */
	bool ipv6;
	bool udp;
	int ip_options;  /* bytes: IPv4 options (of 4), IPv6 destination options (of 8) */
	int tcp_options; /* bytes, of 4 */
	uint8_t tcp_flags;
	uint32_t payload; /* bytes */
	uint32_t padding; /* bytes behind the IP packet */
	/* out */
	uint32_t l3, l4, data, len; /* offsets of the headers and of the payload; all of it */
	uint8_t bytes[L4_FRAME_MAX];
};

/* l4_frame_build() - write bytes: all right, but for a transport checksum of 0xdead. */
void l4_frame_build(struct l4_frame *frame);

/* l4_frame_mbuf() - as a chain of mbufs with @first bytes in the first one, @piece in the others.
 */
struct rte_mbuf *l4_frame_mbuf(const struct l4_frame *frame, struct rte_mempool *pool,
			       uint32_t first, uint32_t piece);

/* l4_frame_read() - a packet's bytes, with the offsets of @like. */
void l4_frame_read(struct l4_frame *frame, const struct rte_mbuf *pkt, const struct l4_frame *like);

/* The transport checksum that the frame should have; the one it has; the sum that a blank one has.
 */
uint16_t l4_frame_checksum(const struct l4_frame *frame);
uint16_t l4_frame_field(const struct l4_frame *frame);
uint16_t l4_frame_pseudo(const struct l4_frame *frame);

/* l4_frame_seal() - write the checksums that the frame should have, after a change. */
void l4_frame_seal(struct l4_frame *frame);

/* l4_frame_ipv4_ok() - is the IPv4 header's checksum right? True for IPv6. */
bool l4_frame_ipv4_ok(const struct l4_frame *frame);

/* A big-endian number in the frame. */
uint32_t l4_frame_be(const struct l4_frame *frame, uint32_t offset, int bytes);
void l4_frame_put(struct l4_frame *frame, uint32_t offset, uint32_t value, int bytes);

#endif /* TESTS_L4_FRAME_H */
