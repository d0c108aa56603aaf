/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLAN: which VLAN a frame belongs to at a port, and the tag it wears when it leaves.
 *
 * A port is either an access port (vid 1..4094: its frames are untagged and belong to that VLAN) or
 * a trunk (vid 0: tagged frames belong to their tag's VLAN, untagged ones to VLAN 0).
 * Tags are IEEE 802.1Q C-tags (TPID 0x8100); a tag with VID 0 carries a priority only (clause
 * 6.9.1).
 *
 * Thread-safety: plain functions on packets that the caller owns.
 */
#ifndef DATAPATH_VLAN_H
#define DATAPATH_VLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "port.h"

#define VLAN_TPID_BE RTE_BE16(0x8100)
#define VLAN_VID_MASK 0x0fff
#define VLAN_NONE 0xffff /* vlan_ingress(): the port refuses the frame */

/**
 * vlan_ingress() - the VLAN of a frame.
 * @in: the port it came in by.
 * @frame: at least @len contiguous bytes of it, @len >= 14.
 * @type: its Ethertype as in the frame (big endian).
 * Return: 0 .. 4094, or VLAN_NONE.
 */
static inline uint16_t
vlan_ingress(const struct port *in, const uint8_t *frame, uint32_t len, uint16_t type)
{
	uint16_t vid;

	if (likely(type != VLAN_TPID_BE))
		return in->vid;
	if (len < 18)
		return VLAN_NONE;
	vid = (uint16_t)(frame[14] << 8 | frame[15]) & VLAN_VID_MASK;
	if (vid == 0)
		return in->vid;
	if (in->vid != 0 || vid == VLAN_VID_MASK)
		return VLAN_NONE;
	return vid;
}

/**
 * vlan_member() - may a frame of VLAN @vid leave by @out?
 */
static inline bool
vlan_member(const struct port *out, uint16_t vid)
{
	return out->vid == 0 || out->vid == vid;
}

/**
 * vlan_egress() - give a frame the tag it needs on @out, or take it off.
 * @pkt: writable (not shared) if vlan_egress_changes().
 * Return: 0, or -ENOBUFS (no headroom).
 */
int vlan_egress(const struct port *out, struct rte_mbuf *pkt, uint16_t vid);

/** vlan_egress_changes() - would vlan_egress() write to the frame? */
bool vlan_egress_changes(const struct port *out, const struct rte_mbuf *pkt, uint16_t vid);

/** vlan_tags_len() - bytes of VLAN tags (0x8100, 0x88a8) that the frame starts with: 0, 4 or 8. */
uint32_t vlan_tags_len(const struct rte_mbuf *pkt);

#endif /* DATAPATH_VLAN_H */
