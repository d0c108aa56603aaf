/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Offload: what a sender left for later - checksums, segmentation - described or done in software.
 *
 * See port.h for the canonical form of a checksum-blank packet and of a super-packet. rte_gso of
 * DPDK 22.11 knows no TCP over IPv6 and completes no checksum, so segmentation is done here, with
 * the copy of the payload and its checksum in one pass over the packet.
 *
 * Beside TCP there is one more super-packet: a row of UDP datagrams (the kernel's UDP_SEGMENT,
 * which its interfaces hand over unasked), marked RTE_MBUF_F_TX_UDP_SEG with the datagrams' payload
 * in tso_segsz. No port's caps take it, so offload_wanted() is always true and offload_segment()
 * cuts it.
 *
 * Thread-safety: plain functions on packets that the caller owns. Any worker.
 */
#ifndef DATAPATH_OFFLOAD_H
#define DATAPATH_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "l4.h"
#include "port.h"

#define OFFLOAD_SEG_MASK (RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_UDP_SEG) /* super-packets */
#define OFFLOAD_BLANK_MASK (RTE_MBUF_F_TX_L4_MASK | OFFLOAD_SEG_MASK)
/* bytes; smaller segments are refused: a 64 KiB packet would become 1000s */
#define OFFLOAD_MSS_MIN 64
#define OFFLOAD_UDP_SEGMENTS_MAX 128 /* datagrams in a super-packet; Linux: UDP_MAX_SEGMENTS */
#define OFFLOAD_SEGMENTS_MAX 1024    /* no super-packet of an IP packet's size has more segments */

/**
 * offload_describe() - mark a packet as checksum-blank by what its headers say.
 * @pkt: frame with contiguous headers, writable; ol_flags without offload bits. Gets ol_flags,
 *	l2_len, l3_len, and the sum of the pseudo header in the checksum field (which stays as it
 *	is if an IPv6 routing header hides the final destination).
 *
 * Finds TCP or UDP through up to two VLAN tags and IPv6 extension headers. IPv4 header checksums
 * are made right as well, whatever the packet carries, since some guests leave them blank.
 * Return: 0, or -EPROTONOSUPPORT (not TCP or UDP, a fragment: nothing is marked), or -EBADMSG
 * (headers that contradict the packet's length).
 */
int offload_describe(struct rte_mbuf *pkt);

/**
 * offload_describe_gso() - mark a packet as a super-packet to be cut into segments.
 * @pkt: as for offload_describe(), TCP.
 * @mss: payload bytes per segment, OFFLOAD_MSS_MIN .. 65535.
 * @is_ipv6: what the sender said it is; must match the headers.
 * Return: 0, -EPROTONOSUPPORT or -EBADMSG, with nothing marked. A packet whose payload fits one
 * segment is marked as checksum-blank only.
 */
int offload_describe_gso(struct rte_mbuf *pkt, uint16_t mss, bool is_ipv6);

/**
 * offload_describe_udp_gso() - mark a packet as a row of UDP datagrams to be cut apart.
 * @size: payload bytes per datagram, 1 .. 65535; up to OFFLOAD_UDP_SEGMENTS_MAX datagrams.
 * Return: as offload_describe_gso().
 */
int offload_describe_udp_gso(struct rte_mbuf *pkt, uint16_t size);

/**
 * offload_mark_gso() - mark a packet as a TCP super-packet, its headers being known: cannot fail.
 * @l4: of a TCP packet, as l4_parse() fills it; l4_len as it is now: the IP length is set by it.
 * @header: bytes of the TCP header.
 */
void offload_mark_gso(struct rte_mbuf *pkt, const struct l4 *l4, uint16_t header, uint16_t mss);

/**
 * offload_verify() - is a TCP packet's checksum right? It becomes "checksum verified" if so.
 * @l4: as l4_parse() fills it; no routing header.
 */
bool offload_verify(struct rte_mbuf *pkt, const struct l4 *l4);

/**
 * offload_complete() - compute the L4 checksum of a checksum-blank packet and clear the mark.
 * @pkt: writable where the checksum lies (refcnt 1 of the first segment); no super-packet.
 *	Becomes "checksum verified".
 * Return: 0, or -EBADMSG.
 */
int offload_complete(struct rte_mbuf *pkt);

/**
 * offload_complete_at() - sum from @csum_start to the end of the packet into the 16 bits at
 * @csum_start + @csum_offset (virtio's NEEDS_CSUM for what offload_describe() does not know).
 * For SCTP (@csum_offset 8), that is the CRC32c of RFC 4960 appendix B, as Linux has it.
 * Return: 0, or -EBADMSG.
 */
int offload_complete_at(struct rte_mbuf *pkt, uint16_t csum_start, uint16_t csum_offset);

/**
 * offload_segment() - cut a super-packet into ordinary, complete packets.
 * @pkt: the super-packet (TCP or UDP); not changed and not freed. May be shared.
 * @pool: where the segments come from.
 * @blank: leave checksums blank (marked) rather than complete: the taker can do them.
 * @ret_segments, @max: the segments, each of up to headers + MSS bytes.
 * Return: how many (> 0), or -ENOBUFS, -EBADMSG, -E2BIG; then nothing is left allocated.
 */
int offload_segment(const struct rte_mbuf *pkt, struct rte_mempool *pool, bool blank,
		    struct rte_mbuf **ret_segments, uint16_t max);

/**
 * offload_wanted() - does a packet need work before a port with @caps may have it?
 * @caps: enum port_caps.
 */
static inline bool
offload_wanted(const struct rte_mbuf *pkt, uint32_t caps)
{
	const uint64_t flags = pkt->ol_flags;
	const bool is_ipv4 = flags & RTE_MBUF_F_TX_IPV4;

	if (likely((flags & OFFLOAD_BLANK_MASK) == 0))
		return false;
	if (flags & RTE_MBUF_F_TX_UDP_SEG)
		return true;
	if (flags & RTE_MBUF_F_TX_TCP_SEG)
		return (caps & (is_ipv4 ? PORT_CAP_TSO_IPV4 : PORT_CAP_TSO_IPV6)) == 0;
	return (caps & (is_ipv4 ? PORT_CAP_CSUM_IPV4 : PORT_CAP_CSUM_IPV6)) == 0;
}

/**
 * offload_frame_len() - the longest frame that a packet becomes on a wire: its own length, or that
 * of a super-packet's first segment. What an MTU is compared with.
 */
static inline uint32_t
offload_frame_len(const struct rte_mbuf *pkt)
{
	if (likely((pkt->ol_flags & OFFLOAD_SEG_MASK) == 0))
		return pkt->pkt_len;
	return (uint32_t)pkt->l2_len + pkt->l3_len + pkt->l4_len + pkt->tso_segsz;
}

#endif /* DATAPATH_OFFLOAD_H */
