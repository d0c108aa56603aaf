/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_net_hdr: how the kernel's sockets and taps say "checksum blank" and "super-packet", to and
 * from the canonical form of an mbuf (datapath/port.h).
 *
 * Layout and meaning: linux/virtio_net.h, VIRTIO 1.1 section 5.1.6; in the host's byte order, as
 * PACKET_VNET_HDR and IFF_VNET_HDR have it.
 *
 * Thread-safety: plain functions on packets that the caller owns. Any worker.
 */
#ifndef VSWITCH_VNET_HDR_H
#define VSWITCH_VNET_HDR_H

#include <stdint.h>

#include <linux/virtio_net.h>

#include <rte_mbuf.h>

/**
 * vnet_hdr_read() - bring a received packet into canonical form.
 * @pkt: the whole frame, with its tags, no offload flags set; writable.
 * @hdr: what came with it; not trusted.
 * @shift: bytes that were put into the frame in front of csum_start since (a VLAN tag).
 *
 * A checksum that the canonical form cannot describe (of an inner packet, of SCTP) is computed.
 * Return: 0, or -EBADMSG: the packet cannot be passed on right.
 */
int vnet_hdr_read(struct rte_mbuf *pkt, const struct virtio_net_hdr *hdr, uint16_t shift);

/**
 * vnet_hdr_write() - describe a packet in canonical form.
 * @pkt: the packet; not changed.
 * @ret_hdr: all fields are set.
 */
void vnet_hdr_write(const struct rte_mbuf *pkt, struct virtio_net_hdr *ret_hdr);

#endif /* VSWITCH_VNET_HDR_H */
