/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz target: hostile frames and virtio_net_hdrs through the header parser, the checksums, the
 * segmentation, the merging of segments, VLAN tags, and what a bond reads of a frame.
 *
 * The input: a virtio_net_hdr, one byte of choices, one byte of the first segment's length, then
 * the frame. Its segments are heap blocks of their exact size, so that ASan sees the first byte
 * beyond.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "gro.h"
#include "l4.h"
#include "lag.h"
#include "offload.h"
#include "vlan.h"
#include "vnet_hdr.h"
#include "worker.h"

#define POOL_SIZE 2047
#define SEGMENTS_MAX 1024
#define HEADER_LEN 18 /* bytes of a buffer that may be read, whatever the frame's length */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	struct virtio_net_hdr hdr;
	uint8_t choice;
	uint8_t first; /* bytes of the first segment, times 8; 0: all */
};
static_assert(sizeof(struct input) == sizeof(struct virtio_net_hdr) + 2, "no holes");

static struct rte_mempool *pool;

static void
must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz_frame: %s\n", what);
	abort();
}

static void
start(void)
{
	static char args[][24] = {
		"fuzz",           "--no-huge", "--no-shconf",       "--no-pci",
		"--no-telemetry", "-m64",      "--log-level=error", "--iova-mode=va"
	};
	static char *argv[RTE_DIM(args) + 1];

	for (size_t i = 0; i < RTE_DIM(args); i++)
		argv[i] = args[i];
	must(rte_eal_init(RTE_DIM(args), argv) >= 0, "no EAL");
	pool = rte_pktmbuf_pool_create("fuzz", POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
				       SOCKET_ID_ANY);
	must(pool != NULL, "no pool");
}

/* An mbuf on a heap block of exactly @len bytes. */
static void
wrap(struct rte_mbuf *m, const uint8_t *data, size_t len)
{
	memset(m, 0, sizeof(*m));
	m->buf_addr = malloc(len > 0 ? len : 1);
	must(m->buf_addr != NULL, "no memory");
	memcpy(m->buf_addr, data, len);
	m->buf_len = len;
	m->data_len = len;
	m->pkt_len = len;
	m->nb_segs = 1;
	rte_mbuf_refcnt_set(m, 1);
}

/* Cut it; the pieces must be sound, and nothing may be lost. */
static void
cut(const struct rte_mbuf *pkt, bool blank)
{
	static struct rte_mbuf *segments[SEGMENTS_MAX];
	const uint32_t max = offload_frame_len(pkt);
	int n = offload_segment(pkt, pool, blank, segments, SEGMENTS_MAX);

	for (int i = 0; i < n; i++) {
		rte_mbuf_sanity_check(segments[i], 1);
		must(segments[i]->pkt_len <= max, "segment too long");
		must(!(segments[i]->ol_flags & OFFLOAD_SEG_MASK), "segment is a super-packet");
		if (blank)
			must(offload_complete(segments[i]) == 0, "segment is not sound");
		must(segments[i]->ol_flags == RTE_MBUF_F_RX_L4_CKSUM_GOOD, "flags of a segment");
		rte_pktmbuf_free(segments[i]);
	}
	must(rte_mempool_avail_count(pool) == POOL_SIZE, "leak");
}

static void
handle(struct rte_mbuf *pkt, const struct input *in)
{
	struct virtio_net_hdr hdr;
	struct l4 l4;
	int ret;

	ret = l4_parse(pkt, &l4);
	must(ret != 0 || l4.l2_len + l4.l3_len + l4.l4_len <= (int)pkt->pkt_len, "parsed too far");
	switch (in->choice & 3) {
	case 0:
		ret = offload_describe(pkt);
		break;
	case 1:
		ret = offload_describe_gso(pkt, in->hdr.gso_size, in->choice & 4);
		break;
	case 2:
		ret = offload_describe_udp_gso(pkt, in->hdr.gso_size);
		break;
	default:
		ret = vnet_hdr_read(pkt, &in->hdr, in->choice & 4);
		break;
	}
	must(ret == 0 || (pkt->ol_flags & OFFLOAD_BLANK_MASK) == 0, "refused, but marked");
	if (!(pkt->ol_flags & RTE_MBUF_F_TX_UDP_SEG)) /* of which no header can tell */
		vnet_hdr_write(pkt, &hdr);
	if (pkt->ol_flags & OFFLOAD_SEG_MASK)
		cut(pkt, in->choice & 8);
	else if (pkt->ol_flags & OFFLOAD_BLANK_MASK)
		must(offload_complete(pkt) == 0, "described, but not complete");
	offload_complete_at(pkt, in->hdr.csum_start, in->hdr.csum_offset);
}

/* By which member of a bond it leaves, and whether it is one that comes back. */
static void
spread(const struct rte_mbuf *pkt)
{
	static struct lag lag = { .seed = { 1, 2 }, .echo.until = UINT32_MAX };
	static const struct port port = { .echo = &lag.echo };
	static struct worker *worker;

	if (worker == NULL)
		worker = calloc(1, sizeof(*worker));
	must(worker != NULL, "no memory");
	if (pkt->data_len < HEADER_LEN)
		return;
	for (enum lag_hash hash = LAG_HASH_L2; hash <= LAG_HASH_SOURCE; hash++)
		must(lag_bucket(&lag, hash, pkt) < LAG_BUCKETS, "no such bucket");
	lag_echoes(worker, &port, pkt, true);
	lag_echoes(worker, &port, pkt, false);
}

/* A packet of one or two mbufs, the first of @len bytes. */
static void
wrap_packet(struct rte_mbuf pkt[2], const uint8_t *data, size_t size, size_t len)
{
	wrap(&pkt[0], data, len);
	wrap(&pkt[1], data + len, size - len);
	if (size > len) {
		pkt[0].next = &pkt[1];
		pkt[0].nb_segs = 2;
		pkt[0].pkt_len = size;
	}
}

/* The same packet three times, as segments that follow each other; their checksums count as right.
 */
static void
merge(const uint8_t *data, size_t size, size_t len)
{
	struct rte_mbuf mbufs[3][2], *pkts[3];
	uint64_t bytes = 3 * size, sum = 0;
	uint16_t left;

	for (uint32_t i = 0; i < 3; i++) {
		struct rte_mbuf *pkt = mbufs[i];
		struct l4 l4;
		uint8_t *tcp;

		wrap_packet(pkt, data, size, len);
		pkt->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		pkts[i] = pkt;
		if (l4_parse(pkt, &l4) != 0 || l4.l2_len + l4.l3_len + 20 > pkt->data_len)
			continue;
		tcp = rte_pktmbuf_mtod_offset(pkt, uint8_t *, l4.l2_len + l4.l3_len);
		tcp[5] += i * (l4.l4_len - tcp[12] / 16 * 4) >> 16;
		tcp[6] += i * (l4.l4_len - tcp[12] / 16 * 4) >> 8;
		tcp[7] += i * (l4.l4_len - tcp[12] / 16 * 4);
	}
	left = gro_merge(UINT32_MAX, pkts, 3, &bytes);
	must(left >= 1 && left <= 3, "packets appear or vanish");
	for (uint16_t i = 0; i < left; i++) {
		sum += pkts[i]->pkt_len;
		must(pkts[i]->pkt_len <= UINT16_MAX ||
			     pkts[i]->ol_flags == RTE_MBUF_F_RX_L4_CKSUM_GOOD,
		     "merged too much");
		if (pkts[i]->ol_flags & OFFLOAD_SEG_MASK)
			cut(pkts[i], false);
	}
	must(sum == bytes, "bytes miscounted");
	for (uint32_t i = 0; i < 6; i++)
		free(mbufs[i / 2][i % 2].buf_addr);
}

#define SETTINGS 6

static void
settings_make(struct vlan_settings settings[SETTINGS])
{
	const uint64_t some[VLAN_WORDS] = { UINT64_C(1) << 10 | UINT64_C(1) << 20 };

	settings[0] = vlan_default;
	vlan_set_access(&settings[1], 10);
	vlan_set_tunnel(&settings[2], 10);
	vlan_set_trunk(&settings[3], some, 0, VLAN_TPID_BE);
	vlan_set_trunk(&settings[4], some, 10, VLAN_TPID_BE);
	vlan_set_trunk(&settings[5], some, 20, VLAN_TPID_SERVICE_BE);
}

/* What leaves by a trunk belongs to the same VLAN at its far end, whatever the frame shows. */
static void
leave(const struct vlan_settings *out, const uint8_t *data, size_t len, uint16_t tag)
{
	static const int grows[] = {
		[VLAN_KEEP] = 0, [VLAN_PUSH] = 4, [VLAN_POP] = -4, [VLAN_RETAG] = 0
	};
	enum vlan_change change;
	uint16_t type, again;
	struct rte_mbuf pkt;
	uint8_t *frame;

	wrap(&pkt, data, len);
	pkt.buf_addr = realloc(pkt.buf_addr, len + 4);
	must(pkt.buf_addr != NULL, "no memory");
	memmove((uint8_t *)pkt.buf_addr + 4, pkt.buf_addr, len);
	pkt.buf_len += 4;
	pkt.data_off = 4;
	change = vlan_egress_change(out, &pkt, tag);
	must(vlan_egress(out, &pkt, tag, change) == 0, "no headroom");
	must(pkt.pkt_len == len + grows[change], "length of the frame");
	frame = rte_pktmbuf_mtod(&pkt, uint8_t *);
	must(memcmp(frame, data, 12) == 0, "addresses");
	memcpy(&type, frame + 12, sizeof(type));
	again = vlan_ingress(out, frame, pkt.data_len, type);
	must(!out->tagged || (again != VLAN_NONE && ((again ^ tag) & VLAN_VID_MASK) == 0),
	     "another VLAN's");
	free(pkt.buf_addr);
}

static void
tags(const uint8_t *data, size_t len)
{
	struct vlan_settings settings[SETTINGS];
	struct rte_mbuf pkt;
	uint16_t type, tag;

	settings_make(settings);
	wrap(&pkt, data, len);
	memcpy(&type, data + 12, sizeof(type));
	for (uint32_t in = 0; in < SETTINGS; in++) {
		tag = vlan_ingress(&settings[in], pkt.buf_addr, len, type);
		for (uint32_t out = 0; tag != VLAN_NONE && out < SETTINGS; out++)
			if (vlan_allowed(&settings[out], tag))
				leave(&settings[out], data, len, tag);
	}
	free(pkt.buf_addr);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rte_mbuf pkt[2];
	struct input in;
	size_t len;

	if (pool == NULL)
		start();
	if (size < sizeof(in) || size > 70000)
		return 0;
	memcpy(&in, data, sizeof(in));
	data += sizeof(in);
	size -= sizeof(in);
	len = in.first == 0 ? size : RTE_MIN(size, in.first * 8u);
	if (len > UINT16_MAX)
		return 0;
	if (len >= 14 && len <= RTE_PKTMBUF_HEADROOM)
		tags(data, len);
	if (in.choice & 16) {
		merge(data, size, len);
		return 0;
	}
	wrap_packet(pkt, data, size, len);
	spread(pkt);
	handle(pkt, &in);
	free(pkt[0].buf_addr);
	free(pkt[1].buf_addr);
	return 0;
}
