/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * L4: where the transport header of a frame lies, and how far the IP packet reaches.
 *
 * Walks Ethernet, up to two VLAN tags (TPID 0x8100 or 0x88a8), IPv4 with options or IPv6 with
 * extension headers. Every length is checked against the packet and against its first segment
 * before anything behind it is read, so that hostile frames are safe.
 *
 * Thread-safety: plain functions on packets that the caller owns. Any thread.
 */
#ifndef DATAPATH_L4_H
#define DATAPATH_L4_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#define L4_IPV6_HEADERS_MAX 8 /* extension headers that are walked; real packets have 0 to 3 */

struct l4 {
	uint16_t l2_len; /* bytes of Ethernet header and tags */
	uint16_t l3_len; /* bytes of IPv4 header with options, or IPv6 with extension headers */
	uint16_t l4_len; /* bytes from the transport header to the end of the IP packet */
	uint8_t proto;   /* IP protocol of the transport header */
	bool is_ipv6;
	bool is_routed; /* IPv6 routing header with segments left: the checksum is for another
			   destination than the header's (RFC 8200 8.1) */
};

/**
 * l4_parse() - find the transport header.
 * @pkt: frame; only its first segment is read.
 * @ret_l4: filled when 0 is returned; else l2_len and l3_len are still right for an IPv4 packet
 *	whose header is whole (a fragment, say), and l3_len is 0 otherwise.
 *
 * The transport header itself is not looked at and may be cut short: see l4_len.
 * Return: 0; -EPROTONOSUPPORT (not IP, a fragment, no transport header, or headers longer than the
 * first segment); -EBADMSG (headers that contradict the packet's length or each other).
 */
int l4_parse(const struct rte_mbuf *pkt, struct l4 *ret_l4);

#endif /* DATAPATH_L4_H */
