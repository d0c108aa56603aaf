/* SPDX-License-Identifier: BSD-3-Clause */
#include "ip_frag.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <rte_byteorder.h>

#include "csum.h"
#include "packet.h"
#include "unaligned.h"

#define HEADERS_MAX 128 /* Ethernet, tags, IPv4 with options */
#define IPV4_HEADER_LEN 20
#define IPV4_LEN_MAX 65535u
#define FLAG_MORE 0x2000
#define OFFSET_MASK 0x1fff
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_COPY 0x80

/* Options that are for the first piece alone become no-ops, so that all headers have one length. */
static void
blank_options(uint8_t *options, uint32_t len)
{
	uint32_t size;

	for (uint32_t i = 0; i < len && options[i] != OPTION_END; i += size) {
		size = options[i] == OPTION_NOP || i + 1 == len ? 1 : options[i + 1];
		if (size == 0 || i + size > len)
			size = len - i;
		if (!(options[i] & OPTION_COPY))
			memset(&options[i], OPTION_NOP, size);
	}
}

/* Copy @len bytes of a packet behind what is in @to, into as many buffers as it takes. */
static int
copy_data(const struct rte_mbuf *pkt, uint32_t from, uint32_t len, struct rte_mbuf *to,
	  struct rte_mempool *pool)
{
	struct rte_mbuf *last = to;

	while (from >= pkt->data_len) {
		from -= pkt->data_len;
		pkt = pkt->next;
	}
	while (len > 0) {
		uint32_t part = RTE_MIN(len, pkt->data_len - from);

		part = RTE_MIN(part, (uint32_t)rte_pktmbuf_tailroom(last));
		if (part == 0) {
			last->next = packet_tail(pool);
			if (last->next == NULL)
				return -ENOBUFS;
			last = last->next;
			to->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_mtod_offset(last, void *, last->data_len),
		       rte_pktmbuf_mtod_offset(pkt, void *, from), part);
		last->data_len += part;
		to->pkt_len += part;
		len -= part;
		from += part;
		if (from == pkt->data_len) {
			pkt = pkt->next;
			from = 0;
		}
	}
	return 0;
}

/* The header of a piece: of the original's, but for length, offset and checksum. */
static void
put_header(struct rte_mbuf *piece, uint16_t l3, uint32_t ip_len, uint16_t offset)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(piece, uint8_t *, l3);
	struct csum csum = { 0 };

	put16(ip + 2, rte_cpu_to_be_16((uint16_t)(piece->pkt_len - l3)));
	put16(ip + 6, rte_cpu_to_be_16(offset));
	put16(ip + 10, 0);
	csum_add(&csum, ip, ip_len);
	put16(ip + 10, (uint16_t)~csum_fold(csum.sum));
}

int
ip_frag(const struct rte_mbuf *pkt, uint16_t l3, uint32_t mtu, struct rte_mempool *pool,
	struct rte_mbuf **ret_pieces)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(pkt, const uint8_t *, l3);
	uint32_t ip_len = (ip[0] & 0xf) * 4, headers = l3 + ip_len, at = headers, end;
	uint16_t field = rte_be_to_cpu_16(get16(ip + 6)), offset = field & OFFSET_MASK;
	uint8_t header[HEADERS_MAX];
	uint32_t most;
	int n = 0;

	end = l3 + rte_be_to_cpu_16(get16(ip + 2));
	if (ip_len < IPV4_HEADER_LEN || headers > sizeof(header) || headers > pkt->data_len ||
	    end > pkt->pkt_len || end <= headers || mtu < ip_len + 8)
		return -EBADMSG;
	/* a fragment beyond the longest packet: its pieces' offsets would not fit */
	if (offset * 8u + (end - headers) > IPV4_LEN_MAX - ip_len)
		return -EBADMSG;
	memcpy(header, rte_pktmbuf_mtod(pkt, void *), headers);
	most = (mtu - ip_len) & ~UINT32_C(7);
	while (at < end) {
		uint32_t len = RTE_MIN(most, end - at);
		bool more = at + len < end || (field & FLAG_MORE);
		struct rte_mbuf *piece = n < IP_FRAG_MAX ? rte_pktmbuf_alloc(pool) : NULL;

		if (piece == NULL)
			goto err;
		ret_pieces[n++] = piece;
		memcpy(rte_pktmbuf_mtod(piece, void *), header, headers);
		piece->data_len = (uint16_t)headers;
		piece->pkt_len = headers;
		if (copy_data(pkt, at, len, piece, pool) < 0)
			goto err;
		put_header(piece, l3, ip_len, offset | (more ? FLAG_MORE : 0));
		at += len;
		offset += len / 8;
		if (n == 1)
			blank_options(header + l3 + IPV4_HEADER_LEN, ip_len - IPV4_HEADER_LEN);
	}
	return n;

err:
	rte_pktmbuf_free_bulk(ret_pieces, n);
	return -ENOBUFS;
}
