/* SPDX-License-Identifier: BSD-3-Clause */
#include "vnet_hdr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include <rte_tcp.h>
#include <rte_udp.h>

#include "l4.h"
#include "offload.h"

#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5 /* Linux 6.2 */
#endif

#define TCP_CSUM_OFFSET offsetof(struct rte_tcp_hdr, cksum)
#define UDP_CSUM_OFFSET offsetof(struct rte_udp_hdr, dgram_cksum)

/* Is the blank checksum the one of the packet's own TCP or UDP header (not of a packet in it)? */
static bool
is_outer_checksum(const struct rte_mbuf *pkt, uint32_t start, uint16_t offset)
{
	struct l4 l4;

	if (l4_parse(pkt, &l4) != 0 || (uint32_t)l4.l2_len + l4.l3_len != start)
		return false;
	return (l4.proto == IPPROTO_TCP && offset == TCP_CSUM_OFFSET) ||
	       (l4.proto == IPPROTO_UDP && offset == UDP_CSUM_OFFSET);
}

static int
read_checksum(struct rte_mbuf *pkt, const struct virtio_net_hdr *hdr, uint16_t shift)
{
	const uint32_t start = (uint32_t)hdr->csum_start + shift;

	if (is_outer_checksum(pkt, start, hdr->csum_offset))
		return offload_describe(pkt) == 0 ? 0 : -EBADMSG;
	if (start > UINT16_MAX)
		return -EBADMSG;
	return offload_complete_at(pkt, start, hdr->csum_offset);
}

static int
read_gso(struct rte_mbuf *pkt, const struct virtio_net_hdr *hdr, uint16_t shift)
{
	const uint8_t type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	int ret;

	/* In a tunnel the inner packet is meant, and nobody here could cut it. */
	if ((hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) &&
	    !is_outer_checksum(pkt, (uint32_t)hdr->csum_start + shift, hdr->csum_offset))
		return -EBADMSG;
	if (type == VIRTIO_NET_HDR_GSO_TCPV4 || type == VIRTIO_NET_HDR_GSO_TCPV6)
		ret = offload_describe_gso(pkt, hdr->gso_size, type == VIRTIO_NET_HDR_GSO_TCPV6);
	else if (type == VIRTIO_NET_HDR_GSO_UDP_L4)
		ret = offload_describe_udp_gso(pkt, hdr->gso_size);
	else
		ret = -EBADMSG; /* UDP fragmentation (UFO) and what is not known yet */
	return ret == 0 ? 0 : -EBADMSG;
}

int
vnet_hdr_read(struct rte_mbuf *pkt, const struct virtio_net_hdr *hdr, uint16_t shift)
{
	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return read_gso(pkt, hdr, shift);
	if (hdr->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		return read_checksum(pkt, hdr, shift);
	if (hdr->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		pkt->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return 0;
}

static void
write_gso(const struct rte_mbuf *pkt, struct virtio_net_hdr *hdr)
{
	const struct rte_tcp_hdr *tcp =
		rte_pktmbuf_mtod_offset(pkt, const struct rte_tcp_hdr *, hdr->csum_start);

	hdr->gso_type = pkt->ol_flags & RTE_MBUF_F_TX_IPV6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
							     VIRTIO_NET_HDR_GSO_TCPV4;
	if (tcp->tcp_flags & RTE_TCP_CWR_FLAG) /* only the first segment is to carry it */
		hdr->gso_type |= VIRTIO_NET_HDR_GSO_ECN;
	hdr->gso_size = pkt->tso_segsz;
	hdr->hdr_len = hdr->csum_start + pkt->l4_len;
}

void
vnet_hdr_write(const struct rte_mbuf *pkt, struct virtio_net_hdr *ret_hdr)
{
	const uint64_t l4 = pkt->ol_flags & RTE_MBUF_F_TX_L4_MASK;

	*ret_hdr = (struct virtio_net_hdr){ 0 };
	if (l4 == 0)
		return;
	ret_hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	ret_hdr->csum_start = pkt->l2_len + pkt->l3_len;
	ret_hdr->csum_offset = l4 == RTE_MBUF_F_TX_UDP_CKSUM ? UDP_CSUM_OFFSET : TCP_CSUM_OFFSET;
	if (pkt->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
		write_gso(pkt, ret_hdr);
}
