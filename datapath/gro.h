/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GRO: merge consecutive TCP segments that came from a wire into super-packets, for ports that take
 * those: a guest then has one packet to handle where it had up to 45.
 *
 * The segments of one batch are looked at, in the order in which they are to be sent, with up to
 * GRO_FLOWS flows open at a time. A segment is appended to the packet before it of its flow by the
 * rules of Linux (tcp_gro_receive()): the next in sequence; equal Ethernet header, tags, addresses,
 * ports, ToS, TTL, ACK, window, flags and options; equal payload sizes but for a shorter last one;
 * PSH or FIN on the last one only; IPv4 with DF or with consecutive ids, no IP options, extension
 * headers or fragments. What cannot be appended closes its flow, so that a flow's packets are never
 * sent in another order. The payloads stay in their mbufs, which are chained.
 *
 * A merged packet gets its checksum anew from whoever takes it, so nothing is merged whose checksum
 * was not right: what the device did not verify is summed here, once a merge is at hand. The result
 * is a canonical super-packet (port.h) with the segments' own size as MSS, and can be cut into
 * what came in.
 *
 * Thread-safety: plain functions on packets that the caller owns. Any worker.
 */
#ifndef DATAPATH_GRO_H
#define DATAPATH_GRO_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "port.h"

#define GRO_FLOWS 8       /* open at a time */
#define GRO_MBUFS_MAX 128 /* in a merged packet: all ports' tx_burst takes so many */

/**
 * gro_wanted() - may packets to a port be merged? Packets to a wire are not: they would be cut
 * again at once.
 */
static inline bool
gro_wanted(const struct port *out)
{
	return (out->caps & (PORT_CAP_TSO_IPV4 | PORT_CAP_TSO_IPV6)) != 0 && !out->wire;
}

/**
 * gro_merge() - merge what can be merged in a batch.
 * @caps: enum port_caps of the port that the batch goes to.
 * @pkts: canonical form, ready to be sent; merged packets take the place of their first segment.
 * @n: 1 .. PORT_BURST_MAX.
 * @bytes: sum of the packets' lengths; becomes that of those left.
 *
 * Shared packets (refcnt > 1) are left as they are.
 * Return: how many packets are left in @pkts.
 */
uint16_t gro_merge(uint32_t caps, struct rte_mbuf **pkts, uint16_t n, uint64_t *bytes);

#endif /* DATAPATH_GRO_H */
