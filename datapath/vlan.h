/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VLAN: which VLAN a frame belongs to at a port, and the tag it wears when it leaves.
 *
 * What a port does with tags is said by its struct vlan_settings (IEEE 802.1Q-2018 clause 6.9):
 *  - access: untagged frames belong to one VLAN, and those of the VLAN leave untagged;
 *  - trunk: a frame's tag says its VLAN; untagged ones belong to the native VLAN, to VLAN 0, or are
 *    refused;
 *  - tunnel: whatever comes belongs to one VLAN, whole, with the tags that it has.
 * VLAN 0 is what has no VLAN: untagged frames of ports without settings, which take all tags.
 * A tag with VID 0 carries a priority only (clause 6.9.1): the frame is untagged. It is kept in
 * VLAN 0, filled in where the frame gets a tag, and gone where the frame leaves a VLAN untagged.
 * Only tags with the port's TPID count; others are payload. So that payload is never taken for a
 * tag, a frame that would show such a tag on a trunk leaves with its VLAN's tag in front of it.
 *
 * Ports with equal settings share one object, so that to compare pointers is to compare settings:
 * between such ports nearly all frames leave as they came. What else is to be known of a frame is
 * in its *tag word*: the VID and, in the bits that VIDs do not need, VLAN_TAGGED and VLAN_ODD.
 *
 * Thread-safety: plain functions on packets that the caller owns. Settings are immutable once a
 * port has them.
 */
#ifndef DATAPATH_VLAN_H
#define DATAPATH_VLAN_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "port.h"

#define VLAN_TPID_BE RTE_BE16(0x8100)         /* C-tag */
#define VLAN_TPID_SERVICE_BE RTE_BE16(0x88a8) /* S-tag */
#define VLAN_TPID_NONE 0xffff                 /* reserved as an Ethertype: no tag counts */
#define VLAN_OFFSET 12                        /* of a tag in a frame */
#define VLAN_TAG_LEN 4
#define VLAN_VID_MASK 0x0fff
#define VLAN_VID_MAX 4094
#define VLAN_WORDS 64 /* of 64 bits each: a set of VIDs */

/* Tag words: the VID of the VLAN, and */
#define VLAN_TAGGED 0x8000 /* the frame has a tag of ours: with that VID, or with VID 0 */
#define VLAN_ODD 0x4000    /* a port with the settings of the one it came in by changes it */
#define VLAN_TAGGED_LEN(tag) ((tag) >> 13 & VLAN_TAG_LEN) /* bytes of the tag that is ours */
#define VLAN_NONE 0xffff /* vlan_ingress(): the port refuses the frame */

/**
 * struct vlan_settings - what a port does with tags.
 * @allowed: set of the VLANs whose frames enter and leave, 0 .. VLAN_VID_MAX.
 * @untagged: VLAN of untagged frames, and whose frames leave untagged; VLAN_NONE: none.
 * @tpid: of the tags that count, big endian; or VLAN_TPID_NONE.
 * @tagged: tags with a VID may come in.
 */
struct vlan_settings {
	uint64_t allowed[VLAN_WORDS];
	uint16_t untagged;
	uint16_t tpid;
	bool tagged;
};

/* Of ports without settings: untagged frames belong to VLAN 0, all tags pass. */
extern const struct vlan_settings vlan_default;

/**
 * vlan_set_access() - settings of an access port.
 * @vid: 1 .. VLAN_VID_MAX.
 */
void vlan_set_access(struct vlan_settings *vlan, uint16_t vid);

/** vlan_set_tunnel() - settings of a tunnel port; @vid as for vlan_set_access(). */
void vlan_set_tunnel(struct vlan_settings *vlan, uint16_t vid);

/**
 * vlan_set_trunk() - settings of a trunk.
 * @allowed: set of VLANs; with VLAN 0 in it, and without a native VLAN, untagged frames pass.
 * @native: 1 .. VLAN_VID_MAX, allowed by that; 0: none.
 * @tpid: big endian.
 */
void vlan_set_trunk(struct vlan_settings *vlan, const uint64_t allowed[VLAN_WORDS], uint16_t native,
		    uint16_t tpid);

/** vlan_allowed() - is a VLAN one of the port's? @tag: a tag word, not VLAN_NONE. */
static inline bool
vlan_allowed(const struct vlan_settings *vlan, uint16_t tag)
{
	return vlan->allowed[(tag & VLAN_VID_MASK) / 64] >> (tag % 64) & 1;
}

/** vlan_ingress_tagged() - vlan_ingress() of a frame that has the port's TPID. */
static inline uint16_t
vlan_ingress_tagged(const struct vlan_settings *vlan, const uint8_t *frame, uint32_t len)
{
	uint16_t tag;

	if (vlan->tpid == VLAN_TPID_NONE)
		return vlan->untagged;
	if (len < 18)
		return VLAN_NONE;
	tag = (uint16_t)(frame[14] << 8 | frame[15]) & VLAN_VID_MASK;
	if (tag == 0) {
		if (vlan->untagged == VLAN_NONE)
			return VLAN_NONE;
		return vlan->untagged | VLAN_TAGGED | (vlan->untagged != 0 ? VLAN_ODD : 0);
	}
	if (!vlan->tagged || !vlan_allowed(vlan, tag))
		return VLAN_NONE;
	return tag | VLAN_TAGGED | (tag == vlan->untagged ? VLAN_ODD : 0);
}

/**
 * vlan_ingress() - the VLAN of a frame.
 * @vlan: settings of the port it came in by.
 * @frame: at least @len contiguous bytes of it, @len >= 14.
 * @type: its Ethertype as in the frame (big endian).
 * Return: its tag word, or VLAN_NONE.
 */
static inline uint16_t
vlan_ingress(const struct vlan_settings *vlan, const uint8_t *frame, uint32_t len, uint16_t type)
{
	if (likely(type != vlan->tpid))
		return vlan->untagged;
	return vlan_ingress_tagged(vlan, frame, len);
}

/** vlan_of() - a port's settings, valid until the next quiescent state. Worker or control. */
static inline const struct vlan_settings *
vlan_of(const struct port *port)
{
	return __atomic_load_n(&port->vlan, __ATOMIC_ACQUIRE);
}

/**
 * vlan_member() - may a frame of a VLAN leave by @out? @tag: a tag word or a VID.
 */
static inline bool
vlan_member(const struct port *out, uint16_t tag)
{
	return vlan_allowed(vlan_of(out), tag);
}

/* What is to be done to a frame's tag. */
enum vlan_change {
	VLAN_KEEP,
	VLAN_PUSH,
	VLAN_POP,
	VLAN_RETAG, /* VID and TPID; its priority stays */
};

/* vlan_type_at() - the two bytes of a frame at an offset, as they are; 0: it is shorter. */
static inline uint16_t
vlan_type_at(const struct rte_mbuf *pkt, uint32_t offset)
{
	uint16_t type;

	if (unlikely(pkt->data_len < offset + 2))
		return 0;
	memcpy(&type, rte_pktmbuf_mtod_offset(pkt, const uint8_t *, offset), sizeof(type));
	return type;
}

/**
 * vlan_egress_change() - what a frame needs to leave by a port with @out, whose VLAN it is of.
 */
static inline enum vlan_change
vlan_egress_change(const struct vlan_settings *out, const struct rte_mbuf *pkt, uint16_t tag)
{
	const uint16_t vid = tag & VLAN_VID_MASK;
	const uint16_t type = vlan_type_at(pkt, VLAN_OFFSET);
	uint16_t tci;

	if (!(tag & VLAN_TAGGED)) {
		if (vid != out->untagged)
			return VLAN_PUSH;
		/* payload that a trunk's far end would take for a tag */
		return out->tagged && type == out->tpid ? VLAN_PUSH : VLAN_KEEP;
	}
	/* the same of what is behind the tag */
	if (vid == out->untagged && vid != 0 &&
	    !(out->tagged && vlan_type_at(pkt, VLAN_OFFSET + VLAN_TAG_LEN) == out->tpid))
		return VLAN_POP;
	tci = rte_be_to_cpu_16(vlan_type_at(pkt, VLAN_OFFSET + 2));
	return (tci & VLAN_VID_MASK) != vid || type != out->tpid ? VLAN_RETAG : VLAN_KEEP;
}

/* Offsets noted in the mbuf count from the start of the frame. */
static inline void
vlan_l2_len_add(struct rte_mbuf *pkt, int n)
{
	if (unlikely(pkt->ol_flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)))
		pkt->l2_len += n;
}

/* The two addresses of a frame to another place, which may overlap. */
static inline void
vlan_move_addrs(uint8_t *to, const uint8_t *from)
{
	uint64_t head;
	uint32_t tail;

	memcpy(&head, from, sizeof(head));
	memcpy(&tail, from + sizeof(head), sizeof(tail));
	memcpy(to, &head, sizeof(head));
	memcpy(to + sizeof(head), &tail, sizeof(tail));
}

/**
 * vlan_push() - put a tag in front of what a frame has.
 * @pkt: writable. @tpid: big endian.
 * Return: 0, or -ENOBUFS (no headroom).
 */
static inline int
vlan_push(struct rte_mbuf *pkt, uint16_t tpid, uint16_t vid)
{
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(pkt, VLAN_TAG_LEN);
	const uint16_t tci = rte_cpu_to_be_16(vid);

	if (unlikely(frame == NULL))
		return -ENOBUFS;
	vlan_move_addrs(frame, frame + VLAN_TAG_LEN);
	memcpy(frame + VLAN_OFFSET, &tpid, sizeof(tpid));
	memcpy(frame + VLAN_OFFSET + 2, &tci, sizeof(tci));
	vlan_l2_len_add(pkt, VLAN_TAG_LEN);
	return 0;
}

/** vlan_pop() - take a frame's first tag off, which it has. @pkt: writable. */
static inline void
vlan_pop(struct rte_mbuf *pkt)
{
	uint8_t *frame = rte_pktmbuf_mtod(pkt, uint8_t *);

	vlan_move_addrs(frame + VLAN_TAG_LEN, frame);
	rte_pktmbuf_adj(pkt, VLAN_TAG_LEN);
	vlan_l2_len_add(pkt, -VLAN_TAG_LEN);
}

/**
 * vlan_egress() - do what vlan_egress_change() says.
 * @pkt: writable (not shared) unless @change is VLAN_KEEP.
 * Return: 0, or -ENOBUFS (no headroom).
 */
static inline int
vlan_egress(const struct vlan_settings *out, struct rte_mbuf *pkt, uint16_t tag,
	    enum vlan_change change)
{
	const uint16_t vid = tag & VLAN_VID_MASK;
	uint8_t *at;

	switch (change) {
	case VLAN_PUSH:
		return vlan_push(pkt, out->tpid, vid);
	case VLAN_POP:
		vlan_pop(pkt);
		break;
	case VLAN_RETAG:
		at = rte_pktmbuf_mtod_offset(pkt, uint8_t *, VLAN_OFFSET);
		memcpy(at, &out->tpid, sizeof(out->tpid));
		at[2] = (at[2] & 0xf0) | vid >> 8;
		at[3] = vid & 0xff;
		break;
	case VLAN_KEEP:
		break;
	}
	return 0;
}

/** vlan_tags_len() - bytes of VLAN tags (0x8100, 0x88a8) that the frame starts with: 0, 4 or 8. */
uint32_t vlan_tags_len(const struct rte_mbuf *pkt);

#endif /* DATAPATH_VLAN_H */
