/* SPDX-License-Identifier: BSD-3-Clause */
#include "offload.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_ip.h>
#include <rte_hash_crc.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "csum.h"
#include "l4.h"
#include "packet.h"
#include "unaligned.h"

#define L3_LEN_MAX 511 /* rte_mbuf.l3_len has nine bits */
#define SCTP_CSUM_OFFSET 8
#define RX_CSUM_MASK RTE_MBUF_F_RX_L4_CKSUM_MASK
#define MARK_MASK (OFFLOAD_BLANK_MASK | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6)

/* Sum of the pseudo header (RFC 9293 3.1, RFC 8200 8.1), not complemented, as it is left in blank
 * checksum fields. */
static uint16_t
pseudo_sum(const uint8_t *ip, const struct l4 *l4, uint16_t len)
{
	struct csum csum = { 0 };

	if (l4->is_ipv6)
		csum_add(&csum, ip + offsetof(struct rte_ipv6_hdr, src_addr), 32);
	else
		csum_add(&csum, ip + offsetof(struct rte_ipv4_hdr, src_addr), 8);
	csum_word(&csum, rte_cpu_to_be_16(l4->proto));
	csum_word(&csum, rte_cpu_to_be_16(len));
	return csum_fold(csum.sum);
}

static void
ipv4_checksum(uint8_t *ip, uint16_t len)
{
	uint8_t *field = ip + offsetof(struct rte_ipv4_hdr, hdr_checksum);
	struct csum csum = { 0 };

	put16(field, 0);
	csum_add(&csum, ip, len);
	put16(field, ~csum_fold(csum.sum));
}

/*
 * Find the TCP or UDP header, whole and in the first segment. @l4: l4_len becomes what the checksum
 * covers (a UDP datagram may be shorter than its IP packet). @ret_header: its length.
 */
static int
find_transport(const struct rte_mbuf *pkt, struct l4 *l4, uint16_t *ret_header)
{
	const uint8_t *header;
	uint16_t len, start;
	int ret;

	ret = l4_parse(pkt, l4);
	if (ret != 0)
		return ret;
	if ((l4->proto != IPPROTO_TCP && l4->proto != IPPROTO_UDP) || l4->l3_len > L3_LEN_MAX)
		return -EPROTONOSUPPORT;
	start = l4->l2_len + l4->l3_len;
	header = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, start);
	len = l4->proto == IPPROTO_TCP ? sizeof(struct rte_tcp_hdr) : sizeof(struct rte_udp_hdr);
	if (l4->l4_len < len)
		return -EBADMSG;
	if (start + len > pkt->data_len)
		return -EPROTONOSUPPORT;
	if (l4->proto == IPPROTO_TCP) {
		len = (header[offsetof(struct rte_tcp_hdr, data_off)] >> 4) * 4;
		if (len < sizeof(struct rte_tcp_hdr) || len > l4->l4_len)
			return -EBADMSG;
		if (start + len > pkt->data_len)
			return -EPROTONOSUPPORT;
	} else {
		uint16_t dgram =
			rte_be_to_cpu_16(get16(header + offsetof(struct rte_udp_hdr, dgram_len)));

		if (dgram < len || dgram > l4->l4_len)
			return -EBADMSG;
		l4->l4_len = dgram;
	}
	*ret_header = len;
	return 0;
}

static uint16_t
checksum_offset(uint8_t proto)
{
	return proto == IPPROTO_TCP ? offsetof(struct rte_tcp_hdr, cksum) :
				      offsetof(struct rte_udp_hdr, dgram_cksum);
}

/* The flags of a blank packet of this kind. */
static uint64_t
blank_flags(const struct l4 *l4)
{
	return (l4->is_ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4) |
	       (l4->proto == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM);
}

static void
set_blank(struct rte_mbuf *pkt, const struct l4 *l4, uint16_t header)
{
	pkt->ol_flags = (pkt->ol_flags & ~RX_CSUM_MASK) | blank_flags(l4);
	pkt->tx_offload = 0;
	pkt->l2_len = l4->l2_len;
	pkt->l3_len = l4->l3_len;
	pkt->l4_len = header;
}

/* Everything that offload_describe() does to a packet whose transport header is found. */
static void
mark_blank(struct rte_mbuf *pkt, const struct l4 *l4, uint16_t header)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, uint8_t *, l4->l2_len);

	if (!l4->is_routed)
		put16(ip + l4->l3_len + checksum_offset(l4->proto), pseudo_sum(ip, l4, l4->l4_len));
	set_blank(pkt, l4, header);
}

/* offload_describe(), and say what was found. */
static int
describe(struct rte_mbuf *pkt, struct l4 *l4, uint16_t *ret_header)
{
	int ret;

	ret = find_transport(pkt, l4, ret_header);
	if (l4->l3_len > 0 && !l4->is_ipv6)
		ipv4_checksum(rte_pktmbuf_mtod_offset(pkt, uint8_t *, l4->l2_len), l4->l3_len);
	if (ret == 0)
		mark_blank(pkt, l4, *ret_header);
	return ret;
}

int
offload_describe(struct rte_mbuf *pkt)
{
	uint16_t header;
	struct l4 l4;

	return describe(pkt, &l4, &header);
}

static int
describe_gso(struct rte_mbuf *pkt, uint8_t proto, uint16_t size, uint64_t seg_flag)
{
	uint16_t header;
	uint32_t payload;
	struct l4 l4;
	int ret;

	ret = describe(pkt, &l4, &header);
	if (ret != 0)
		return ret;
	payload = l4.l4_len - header;
	if (l4.proto != proto ||
	    (proto == IPPROTO_UDP && payload > (uint32_t)size * OFFLOAD_UDP_SEGMENTS_MAX)) {
		pkt->ol_flags &= ~MARK_MASK;
		return -EBADMSG;
	}
	if (payload > size) {
		pkt->ol_flags |= seg_flag;
		pkt->tso_segsz = size;
	}
	return 0;
}

int
offload_describe_gso(struct rte_mbuf *pkt, uint16_t mss, bool is_ipv6)
{
	int ret;

	if (mss < OFFLOAD_MSS_MIN)
		return -EBADMSG;
	ret = describe_gso(pkt, IPPROTO_TCP, mss, RTE_MBUF_F_TX_TCP_SEG);
	if (ret == 0 && is_ipv6 != !!(pkt->ol_flags & RTE_MBUF_F_TX_IPV6)) {
		pkt->ol_flags &= ~MARK_MASK;
		return -EBADMSG;
	}
	return ret;
}

void
offload_mark_gso(struct rte_mbuf *pkt, const struct l4 *l4, uint16_t header, uint16_t mss)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, uint8_t *, l4->l2_len);
	const uint16_t ip_len = l4->l3_len + l4->l4_len;

	if (l4->is_ipv6) {
		put16(ip + offsetof(struct rte_ipv6_hdr, payload_len),
		      rte_cpu_to_be_16(ip_len - sizeof(struct rte_ipv6_hdr)));
	} else {
		put16(ip + offsetof(struct rte_ipv4_hdr, total_length), rte_cpu_to_be_16(ip_len));
		ipv4_checksum(ip, l4->l3_len);
	}
	mark_blank(pkt, l4, header);
	pkt->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
	pkt->tso_segsz = mss;
}

int
offload_describe_udp_gso(struct rte_mbuf *pkt, uint16_t size)
{
	return size == 0 ? -EBADMSG : describe_gso(pkt, IPPROTO_UDP, size, RTE_MBUF_F_TX_UDP_SEG);
}

/* Sum @len bytes from @start on, over all segments; the caller knows that they are there. */
static uint16_t
sum_packet(const struct rte_mbuf *pkt, uint32_t start, uint32_t len)
{
	const struct rte_mbuf *m = pkt;
	struct csum csum = { 0 };
	uint32_t piece;

	for (; start >= m->data_len && m->next != NULL; m = m->next)
		start -= m->data_len;
	for (; len > 0 && m != NULL; m = m->next, start = 0) {
		piece = RTE_MIN(len, m->data_len - start);
		csum_add(&csum, rte_pktmbuf_mtod_offset(m, const uint8_t *, start), piece);
		len -= piece;
	}
	return csum_fold(csum.sum);
}

bool
offload_verify(struct rte_mbuf *pkt, const struct l4 *l4)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, l4->l2_len);
	struct csum csum = { 0 };

	if (pkt->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_GOOD)
		return true;
	csum_word(&csum, pseudo_sum(ip, l4, l4->l4_len));
	csum_word(&csum, sum_packet(pkt, l4->l2_len + l4->l3_len, l4->l4_len));
	if (csum_fold(csum.sum) != 0xffff)
		return false;
	pkt->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return true;
}

int
offload_complete(struct rte_mbuf *pkt)
{
	uint16_t header, sum;
	struct l4 l4;
	uint8_t *field;

	if (find_transport(pkt, &l4, &header) != 0)
		return -EBADMSG;
	sum = ~sum_packet(pkt, l4.l2_len + l4.l3_len, l4.l4_len);
	if (sum == 0 && l4.proto == IPPROTO_UDP)
		sum = 0xffff; /* 0 says "no checksum" */
	field = rte_pktmbuf_mtod_offset(pkt, uint8_t *,
					l4.l2_len + l4.l3_len + checksum_offset(l4.proto));
	put16(field, sum);
	pkt->ol_flags = (pkt->ol_flags & ~(MARK_MASK | RX_CSUM_MASK)) | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return 0;
}

/* As rte_hash_crc(), which reads words where they lie, and ours lie unaligned. */
static uint32_t
crc32c(const uint8_t *data, uint32_t len, uint32_t crc)
{
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		crc = rte_hash_crc_8byte(word, crc);
	}
	for (; len > 0; len--)
		crc = rte_hash_crc_1byte(*data++, crc);
	return crc;
}

/* RFC 4960 appendix B; the checksum field counts as zero. */
static void
complete_sctp(struct rte_mbuf *pkt, uint32_t start)
{
	uint8_t *field = rte_pktmbuf_mtod_offset(pkt, uint8_t *, start + SCTP_CSUM_OFFSET);
	const struct rte_mbuf *m;
	uint32_t crc = UINT32_MAX;

	memset(field, 0, sizeof(crc));
	for (m = pkt; m != NULL; m = m->next, start = 0)
		crc = crc32c(rte_pktmbuf_mtod_offset(m, const uint8_t *, start),
			     m->data_len - start, crc);
	crc = rte_cpu_to_le_32(~crc);
	memcpy(field, &crc, sizeof(crc));
}

int
offload_complete_at(struct rte_mbuf *pkt, uint16_t csum_start, uint16_t csum_offset)
{
	uint32_t at = (uint32_t)csum_start + csum_offset;
	struct l4 l4;
	uint16_t sum;

	if (at + sizeof(sum) > pkt->data_len)
		return -EBADMSG;
	if (csum_offset == SCTP_CSUM_OFFSET && l4_parse(pkt, &l4) == 0 &&
	    l4.proto == IPPROTO_SCTP && l4.l2_len + l4.l3_len == csum_start &&
	    at + sizeof(uint32_t) <= pkt->data_len) {
		complete_sctp(pkt, csum_start);
		return 0;
	}
	sum = ~sum_packet(pkt, csum_start, pkt->pkt_len - csum_start);
	/* 0xffff means the same as 0, except for UDP, where 0 would mean "no checksum". */
	put16(rte_pktmbuf_mtod_offset(pkt, uint8_t *, at), sum == 0 ? 0xffff : sum);
	return 0;
}

/* A place in a chain, from which payload is read once from begin to end. */
struct cursor {
	const struct rte_mbuf *m;
	uint32_t offset;
};

/* What the segments of one super-packet have in common. */
struct cut {
	const struct rte_mbuf *pkt;
	struct l4 l4;
	struct cursor cursor;
	uint16_t l4_start;   /* = l2_len + l3_len */
	uint16_t header_len; /* of all headers */
	uint16_t mss;
	uint16_t pseudo; /* of the super-packet, with its length */
	uint16_t n;
	bool blank;
	struct rte_mempool *pool;
};

static int
cut_prepare(struct cut *cut)
{
	const struct rte_mbuf *pkt = cut->pkt;
	uint16_t header;
	uint32_t payload;
	const uint8_t *frame = rte_pktmbuf_mtod(pkt, const uint8_t *);

	if (find_transport(pkt, &cut->l4, &header) != 0 || pkt->tso_segsz == 0)
		return -EBADMSG;
	if (cut->l4.proto != (pkt->ol_flags & RTE_MBUF_F_TX_UDP_SEG ? IPPROTO_UDP : IPPROTO_TCP))
		return -EBADMSG;
	cut->mss = pkt->tso_segsz;
	cut->l4_start = cut->l4.l2_len + cut->l4.l3_len;
	cut->header_len = cut->l4_start + header;
	cut->pseudo = get16(frame + cut->l4_start + checksum_offset(cut->l4.proto));
	payload = cut->l4.l4_len - header;
	cut->n = RTE_MAX(1u, (payload + cut->mss - 1) / cut->mss);
	cut->cursor = (struct cursor){ .m = pkt, .offset = cut->header_len };
	return 0;
}

/* Copy @len bytes of payload to the end of @seg, more buffers behind it as needed, and sum them. */
static int
copy_payload(struct cut *cut, struct rte_mbuf *seg, uint32_t len, struct csum *csum)
{
	struct cursor *from = &cut->cursor;
	struct rte_mbuf *to = seg;
	uint32_t piece;

	while (len > 0) {
		while (from->offset == from->m->data_len) {
			from->m = from->m->next;
			from->offset = 0;
		}
		if (rte_pktmbuf_tailroom(to) == 0) {
			to->next = packet_tail(cut->pool);
			if (to->next == NULL)
				return -ENOBUFS;
			to = to->next;
			seg->nb_segs++;
		}
		piece = RTE_MIN(len, from->m->data_len - from->offset);
		piece = RTE_MIN(piece, rte_pktmbuf_tailroom(to));
		csum_copy(csum, rte_pktmbuf_mtod_offset(to, uint8_t *, to->data_len),
			  rte_pktmbuf_mtod_offset(from->m, const uint8_t *, from->offset), piece);
		to->data_len += piece;
		seg->pkt_len += piece;
		from->offset += piece;
		len -= piece;
	}
	return 0;
}

/* IP and transport headers of segment @i with @payload bytes, but for the transport checksum. */
static void
write_headers(const struct cut *cut, uint8_t *frame, uint16_t i, uint16_t payload)
{
	uint8_t *ip = frame + cut->l4.l2_len, *l4 = frame + cut->l4_start;
	const uint16_t ip_len = cut->header_len - cut->l4.l2_len + payload;
	const uint16_t l4_len = cut->header_len - cut->l4_start + payload;

	if (cut->l4.is_ipv6) {
		put16(ip + offsetof(struct rte_ipv6_hdr, payload_len),
		      rte_cpu_to_be_16(ip_len - sizeof(struct rte_ipv6_hdr)));
	} else {
		uint8_t *id = ip + offsetof(struct rte_ipv4_hdr, packet_id);

		put16(ip + offsetof(struct rte_ipv4_hdr, total_length), rte_cpu_to_be_16(ip_len));
		put16(id, rte_cpu_to_be_16(rte_be_to_cpu_16(get16(id)) + i));
		ipv4_checksum(ip, cut->l4.l3_len);
	}
	if (cut->l4.proto == IPPROTO_TCP) {
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)l4;
		uint32_t seq = rte_be_to_cpu_32(tcp->sent_seq) + (uint32_t)i * cut->mss;

		tcp->sent_seq = rte_cpu_to_be_32(seq);
		if (i > 0) /* RFC 3168 6.1.2: the window was reduced once */
			tcp->tcp_flags &= ~RTE_TCP_CWR_FLAG;
		if (i + 1 < cut->n)
			tcp->tcp_flags &= ~(RTE_TCP_FIN_FLAG | RTE_TCP_PSH_FLAG);
	} else {
		put16(l4 + offsetof(struct rte_udp_hdr, dgram_len), rte_cpu_to_be_16(l4_len));
	}
}

/* Write the transport checksum: the sum of the pseudo header only, or all of it. */
static void
write_checksum(const struct cut *cut, struct rte_mbuf *seg, uint16_t payload, struct csum *csum)
{
	uint8_t *l4 = rte_pktmbuf_mtod_offset(seg, uint8_t *, cut->l4_start);
	uint8_t *field = l4 + checksum_offset(cut->l4.proto);
	const uint16_t header = cut->header_len - cut->l4_start;
	struct csum pseudo = { .sum = cut->pseudo };
	uint16_t sum;

	/* The length changes, the rest stays; so it is right behind a routing header, too. */
	csum_word(&pseudo, (uint16_t)~rte_cpu_to_be_16(cut->l4.l4_len));
	csum_word(&pseudo, rte_cpu_to_be_16(header + payload));
	sum = csum_fold(pseudo.sum);
	put16(field, sum);
	if (cut->blank) {
		set_blank(seg, &cut->l4, header);
		return;
	}
	/* The payload's sum starts at an even place, as headers have an even length. */
	csum_add(csum, l4, header);
	sum = ~csum_fold(csum->sum);
	if (sum == 0 && cut->l4.proto == IPPROTO_UDP)
		sum = 0xffff;
	put16(field, sum);
	seg->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
}

static int
cut_segment(struct cut *cut, struct rte_mbuf *seg, uint16_t i)
{
	const uint32_t all = cut->l4_start + cut->l4.l4_len - cut->header_len;
	const uint32_t payload = RTE_MIN(all - (uint32_t)i * cut->mss, cut->mss);
	struct csum csum = { 0 };
	int ret;

	memcpy(rte_pktmbuf_mtod(seg, void *), rte_pktmbuf_mtod(cut->pkt, const void *),
	       cut->header_len);
	seg->data_len = cut->header_len;
	seg->pkt_len = cut->header_len;
	seg->port = cut->pkt->port;
	ret = copy_payload(cut, seg, payload, &csum);
	if (ret != 0)
		return ret;
	csum.odd = false;
	write_headers(cut, rte_pktmbuf_mtod(seg, uint8_t *), i, payload);
	write_checksum(cut, seg, payload, &csum);
	return 0;
}

int
offload_segment(const struct rte_mbuf *pkt, struct rte_mempool *pool, bool blank,
		struct rte_mbuf **ret_segments, uint16_t max)
{
	struct cut cut = { .pkt = pkt, .blank = blank, .pool = pool };
	uint16_t i;
	int ret;

	ret = cut_prepare(&cut);
	if (ret != 0)
		return ret;
	if (cut.n > max)
		return -E2BIG;
	if (rte_pktmbuf_alloc_bulk(pool, ret_segments, cut.n) != 0)
		return -ENOBUFS;
	if (cut.header_len > rte_pktmbuf_tailroom(ret_segments[0])) {
		rte_pktmbuf_free_bulk(ret_segments, cut.n);
		return -EBADMSG;
	}
	for (i = 0; i < cut.n; i++) {
		ret = cut_segment(&cut, ret_segments[i], i);
		if (ret != 0) {
			rte_pktmbuf_free_bulk(ret_segments, cut.n);
			return ret;
		}
	}
	return cut.n;
}
