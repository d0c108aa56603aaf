/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "vlan.h"

#define ETHER_ADDRS_LEN 12
#define TAG_LEN 4

static uint16_t
vlan_type_at(const struct rte_mbuf *pkt, uint32_t offset)
{
	uint16_t type;

	if (pkt->data_len < offset + 2)
		return 0;
	memcpy(&type, rte_pktmbuf_mtod_offset(pkt, const uint8_t *, offset), sizeof(type));
	return type;
}

static bool
vlan_tagged(const struct rte_mbuf *pkt)
{
	return vlan_type_at(pkt, ETHER_ADDRS_LEN) == VLAN_TPID_BE &&
	       pkt->data_len >= ETHER_ADDRS_LEN + TAG_LEN + 2;
}

static uint16_t
vlan_tci(const struct rte_mbuf *pkt)
{
	return rte_be_to_cpu_16(vlan_type_at(pkt, ETHER_ADDRS_LEN + 2));
}

bool
vlan_egress_changes(const struct port *out, const struct rte_mbuf *pkt, uint16_t vid)
{
	bool tagged = vlan_tagged(pkt);

	if (out->vid != 0)
		return tagged && (vlan_tci(pkt) & VLAN_VID_MASK) != 0;
	return vid != 0 && (!tagged || (vlan_tci(pkt) & VLAN_VID_MASK) != vid);
}

/* Offsets noted in the mbuf count from the start of the frame. */
static void
vlan_l2_len_add(struct rte_mbuf *pkt, int n)
{
	if (pkt->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG))
		pkt->l2_len += n;
}

static int
vlan_push(struct rte_mbuf *pkt, uint16_t vid)
{
	uint8_t *old = rte_pktmbuf_mtod(pkt, uint8_t *);
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(pkt, TAG_LEN);

	if (frame == NULL)
		return -ENOBUFS;
	memmove(frame, old, ETHER_ADDRS_LEN);
	frame[12] = 0x81;
	frame[13] = 0x00;
	frame[14] = vid >> 8;
	frame[15] = vid & 0xff;
	vlan_l2_len_add(pkt, TAG_LEN);
	return 0;
}

static void
vlan_pop(struct rte_mbuf *pkt)
{
	uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *);

	memmove(frame + TAG_LEN, frame, ETHER_ADDRS_LEN);
	rte_pktmbuf_adj(pkt, TAG_LEN);
	vlan_l2_len_add(pkt, -TAG_LEN);
}

int
vlan_egress(const struct port *out, struct rte_mbuf *pkt, uint16_t vid)
{
	uint8_t *tci;

	if (!vlan_egress_changes(out, pkt, vid))
		return 0;
	if (out->vid != 0) {
		vlan_pop(pkt);
		return 0;
	}
	if (!vlan_tagged(pkt))
		return vlan_push(pkt, vid);
	/* a priority tag: keep the priority, fill in the VLAN */
	tci = rte_pktmbuf_mtod_offset(pkt, uint8_t *, ETHER_ADDRS_LEN + 2);
	tci[0] = (tci[0] & 0xf0) | vid >> 8;
	tci[1] = vid & 0xff;
	return 0;
}

uint32_t
vlan_tags_len(const struct rte_mbuf *pkt)
{
	uint32_t len = 0;

	while (len < 2 * TAG_LEN) {
		uint16_t type = vlan_type_at(pkt, ETHER_ADDRS_LEN + len);

		if (type != VLAN_TPID_BE && type != RTE_BE16(0x88a8))
			break;
		len += TAG_LEN;
	}
	return len;
}
