/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 fragmentation (RFC 791, RFC 1812 4.2.2.7): a packet cut into pieces that fit an MTU.
 *
 * librte_ip_frag was not used: it makes indirect mbufs, which buffers that are pages cannot be, or
 * wants packets of one segment.
 *
 * Thread-safety: a plain function on a packet that the caller owns. Worker.
 */
#ifndef DATAPATH_IP_FRAG_H
#define DATAPATH_IP_FRAG_H

#include <stdint.h>

#include <rte_mbuf.h>

#define IP_FRAG_MAX 1366 /* of 48 bytes: a packet of 65535 on a link with the smallest MTU, 68 */

/**
 * ip_frag() - cut a packet.
 * @pkt: frame with a complete IPv4 packet, which may be a fragment itself; not changed, not freed.
 * @l3: offset of the IPv4 header.
 * @mtu: bytes of an IP packet, at least 68.
 * @ret_pieces: IP_FRAG_MAX of them; the first has the options, the others those that are to be
 *	copied.
 * Return: how many, or -ENOBUFS, -EBADMSG; then nothing is left allocated.
 */
int ip_frag(const struct rte_mbuf *pkt, uint16_t l3, uint32_t mtu, struct rte_mempool *pool,
	    struct rte_mbuf **ret_pieces);

#endif /* DATAPATH_IP_FRAG_H */
