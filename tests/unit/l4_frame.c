/* SPDX-License-Identifier: BSD-3-Clause */
#include "l4_frame.h"

#include <string.h>

static uint32_t
put(uint8_t *p, uint32_t at, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		p[at + i] = value >> (8 * (bytes - 1 - i));
	return at + bytes;
}

/* RFC 1071, as it is written there. */
static uint32_t
sum16(const uint8_t *p, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void
put_ipv4(struct l4_frame *f, uint32_t l4_len)
{
	uint32_t header = 20 + f->ip_options, at = f->l3;

	at = put(f->bytes, at, 0x40 | header / 4, 1);
	at = put(f->bytes, at, 0x10, 1);
	at = put(f->bytes, at, header + l4_len, 2);
	at = put(f->bytes, at, 0xfff0, 2); /* id: wraps within a few segments */
	at = put(f->bytes, at, 0x4000, 2);
	at = put(f->bytes, at, 64, 1);
	at = put(f->bytes, at, f->udp ? 17 : 6, 1);
	at = put(f->bytes, at, 0, 2);
	at = put(f->bytes, at, 0x0a0000ff, 4);
	at = put(f->bytes, at, 0xc0a8fffe, 4);
	memset(f->bytes + at, 1, f->ip_options);
	put(f->bytes, f->l3 + 10, 0xffff & ~sum16(f->bytes + f->l3, header, 0), 2);
	f->l4 = f->l3 + header;
}

static void
put_ipv6(struct l4_frame *f, uint32_t l4_len)
{
	const uint8_t proto = f->udp ? 17 : 6;
	uint32_t at = f->l3;

	at = put(f->bytes, at, 0x60012345, 4);
	at = put(f->bytes, at, f->ip_options + l4_len, 2);
	at = put(f->bytes, at, f->ip_options > 0 ? 60 : proto, 1);
	at = put(f->bytes, at, 64, 1);
	for (int i = 0; i < 32; i++)
		at = put(f->bytes, at, 0xfd + 7 * i, 1);
	if (f->ip_options > 0) {
		at = put(f->bytes, at, proto, 1);
		at = put(f->bytes, at, f->ip_options / 8 - 1, 1);
		memset(f->bytes + at, 0, f->ip_options - 2);
		at += f->ip_options - 2;
	}
	f->l4 = at;
}

static void
put_transport(struct l4_frame *f)
{
	uint32_t at = f->l4;

	at = put(f->bytes, at, 40000, 2);
	at = put(f->bytes, at, 443, 2);
	if (f->udp) {
		at = put(f->bytes, at, 8 + f->payload, 2);
		at = put(f->bytes, at, 0xdead, 2);
	} else {
		at = put(f->bytes, at, 0xfffff000, 4); /* sequence: wraps */
		at = put(f->bytes, at, 0x01020304, 4);
		at = put(f->bytes, at, (20 + f->tcp_options) / 4 << 4, 1);
		at = put(f->bytes, at, f->tcp_flags, 1);
		at = put(f->bytes, at, 0x7210, 2);
		at = put(f->bytes, at, 0xdead, 2);
		at = put(f->bytes, at, 0, 2);
		memset(f->bytes + at, 1, f->tcp_options);
		at += f->tcp_options;
	}
	f->data = at;
}

void
l4_frame_build(struct l4_frame *f)
{
	const uint32_t l4_len = (f->udp ? 8 : 20 + f->tcp_options) + f->payload;
	uint32_t at = 0, random = 12345;

	at = put(f->bytes, at, 0x02000000, 4);
	at = put(f->bytes, at, 0x0001, 2);
	at = put(f->bytes, at, 0x02000000, 4);
	at = put(f->bytes, at, 0x0002, 2);
	for (int i = f->tags; i > 0; i--) {
		at = put(f->bytes, at, i == 2 ? 0x88a8 : 0x8100, 2);
		at = put(f->bytes, at, 0x2064 + i, 2);
	}
	f->l3 = put(f->bytes, at, f->ipv6 ? 0x86dd : 0x0800, 2);
	if (f->ipv6)
		put_ipv6(f, l4_len);
	else
		put_ipv4(f, l4_len);
	put_transport(f);
	for (uint32_t i = 0; i < f->payload; i++) {
		random = random * 1103515245 + 12345;
		f->bytes[f->data + i] = random >> 16;
	}
	f->len = f->data + f->payload;
	memset(f->bytes + f->len, 0x55, f->padding);
	f->len += f->padding;
}

struct rte_mbuf *
l4_frame_mbuf(const struct l4_frame *f, struct rte_mempool *pool, uint32_t first, uint32_t piece)
{
	struct rte_mbuf *head = NULL, *last = NULL, *m;
	uint32_t at = 0, len;

	while (at < f->len) {
		m = rte_pktmbuf_alloc(pool);
		if (m == NULL)
			return NULL;
		len = head == NULL ? first : piece;
		len = RTE_MIN(RTE_MIN(len, f->len - at), rte_pktmbuf_tailroom(m));
		memcpy(rte_pktmbuf_append(m, len), f->bytes + at, len);
		at += len;
		if (head == NULL) {
			head = m;
		} else {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += len;
		}
		last = m;
	}
	return head;
}

void
l4_frame_read(struct l4_frame *f, const struct rte_mbuf *pkt, const struct l4_frame *like)
{
	*f = *like;
	f->len = 0;
	for (; pkt != NULL; pkt = pkt->next) {
		memcpy(f->bytes + f->len, rte_pktmbuf_mtod(pkt, const void *), pkt->data_len);
		f->len += pkt->data_len;
	}
}

uint32_t
l4_frame_be(const struct l4_frame *f, uint32_t offset, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | f->bytes[offset + i];
	return value;
}

static uint32_t
l4_len(const struct l4_frame *f)
{
	if (f->udp)
		return l4_frame_be(f, f->l4 + 4, 2);
	return f->ipv6 ? f->l3 + 40 + l4_frame_be(f, f->l3 + 4, 2) - f->l4 :
			 f->l3 + l4_frame_be(f, f->l3 + 2, 2) - f->l4;
}

uint16_t
l4_frame_pseudo(const struct l4_frame *f)
{
	uint8_t rest[4];

	put(rest, 0, f->udp ? 17 : 6, 2);
	put(rest, 2, l4_len(f), 2);
	return sum16(f->bytes + f->l3 + (f->ipv6 ? 8 : 12), f->ipv6 ? 32 : 8, sum16(rest, 4, 0));
}

uint16_t
l4_frame_field(const struct l4_frame *f)
{
	return l4_frame_be(f, f->l4 + (f->udp ? 6 : 16), 2);
}

uint16_t
l4_frame_checksum(const struct l4_frame *f)
{
	const uint32_t field = f->l4 + (f->udp ? 6 : 16);
	uint16_t sum;

	sum = l4_frame_pseudo(f);
	sum = sum16(f->bytes + f->l4, field - f->l4, sum);
	sum = ~sum16(f->bytes + field + 2, f->l4 + l4_len(f) - field - 2, sum);
	return sum == 0 && f->udp ? 0xffff : sum;
}

void
l4_frame_put(struct l4_frame *f, uint32_t offset, uint32_t value, int bytes)
{
	put(f->bytes, offset, value, bytes);
}

void
l4_frame_seal(struct l4_frame *f)
{
	if (!f->ipv6) {
		put(f->bytes, f->l3 + 10, 0, 2);
		put(f->bytes, f->l3 + 10, 0xffff & ~sum16(f->bytes + f->l3, f->l4 - f->l3, 0), 2);
	}
	put(f->bytes, f->l4 + (f->udp ? 6 : 16), l4_frame_checksum(f), 2);
}

bool
l4_frame_ipv4_ok(const struct l4_frame *f)
{
	return f->ipv6 || sum16(f->bytes + f->l3, f->l4 - f->l3, 0) == 0xffff;
}
