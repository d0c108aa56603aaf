/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_rcu_qsbr.h>

#include "nat_bed.h"
#include "rcu.h"

#define L4 (PACKET_L3 + 20)
#define PAYLOAD 20

static void
put(uint8_t *at, uint32_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		at[i] = value >> 8 * (bytes - 1 - i);
}

static uint32_t
get(const uint8_t *at, int bytes)
{
	uint32_t value = 0;

	for (int i = 0; i < bytes; i++)
		value = value << 8 | at[i];
	return value;
}

/* RFC 1071 as it stands there: 16 bits at a time. */
static uint32_t
sum_of(const uint8_t *at, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += get(at + i, 2);
	if (len % 2 != 0)
		sum += at[len - 1] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static uint32_t
pseudo_of(const uint8_t *ip)
{
	uint32_t sum = sum_of(ip + 12, 8, 0);

	return sum_of(ip + 12, 0, sum + ip[9] + get(ip + 2, 2) - 20);
}

static uint32_t
checksum_offset(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 16 : proto == IPPROTO_ICMP ? 2 : 6;
}

/* The transport checksum that an IP packet of @len bytes should have. */
static uint16_t
transport_sum(const uint8_t *ip)
{
	const uint32_t field = 20 + checksum_offset(ip[9]), len = get(ip + 2, 2);
	uint32_t sum = ip[9] == IPPROTO_ICMP ? 0 : pseudo_of(ip);

	sum = sum_of(ip + 20, field - 20, sum);
	sum = ~sum_of(ip + field + 2, len - field - 2, sum) & 0xffff;
	return ip[9] == IPPROTO_UDP && sum == 0 ? 0xffff : sum;
}

void
packet_seal(struct packet *pkt)
{
	uint8_t *ip = pkt->bytes + PACKET_L3;

	put(ip + 10, 0, 2);
	put(ip + 10, ~sum_of(ip, 20, 0) & 0xffff, 2);
	if ((get(ip + 6, 2) & 0x3fff) == 0 && get(ip + 2, 2) >= 22 + checksum_offset(ip[9]))
		put(ip + 20 + checksum_offset(ip[9]), transport_sum(ip), 2);
}

void
packet_blank(struct packet *pkt)
{
	uint8_t *ip = pkt->bytes + PACKET_L3;

	pkt->mbuf.ol_flags = RTE_MBUF_F_TX_IPV4 | (ip[9] == IPPROTO_TCP ? RTE_MBUF_F_TX_TCP_CKSUM :
									  RTE_MBUF_F_TX_UDP_CKSUM);
	put(ip + 20 + checksum_offset(ip[9]), pseudo_of(ip), 2);
}

bool
packet_ok(const struct packet *pkt)
{
	const uint8_t *ip = pkt->bytes + PACKET_L3;
	const uint16_t field = get(ip + 20 + checksum_offset(ip[9]), 2);

	if (sum_of(ip, 20, 0) != 0xffff)
		return false;
	if (get(ip + 6, 2) & 0x3fff)
		return true;
	if (pkt->mbuf.ol_flags & RTE_MBUF_F_TX_L4_MASK)
		return field == pseudo_of(ip);
	return (ip[9] == IPPROTO_UDP && field == 0) || field == transport_sum(ip);
}

static void
wrap(struct packet *pkt, uint32_t len)
{
	memset(&pkt->mbuf, 0, sizeof(pkt->mbuf));
	pkt->len = len;
	pkt->mbuf.buf_addr = pkt->bytes;
	pkt->mbuf.buf_len = PACKET_MAX;
	pkt->mbuf.data_len = len;
	pkt->mbuf.pkt_len = len;
	pkt->mbuf.nb_segs = 1;
	rte_mbuf_refcnt_set(&pkt->mbuf, 1);
}

/* Ethernet and IP, with @len bytes behind. */
static uint8_t *
start(struct packet *pkt, uint8_t proto, uint32_t src, uint32_t dst, uint32_t len)
{
	uint8_t *ip = pkt->bytes + PACKET_L3;

	memset(pkt->bytes, 0, L4 + len);
	put(pkt->bytes + 12, 0x0800, 2);
	ip[0] = 0x45;
	put(ip + 2, 20 + len, 2);
	put(ip + 4, 0x1234, 2);
	ip[8] = 64;
	ip[9] = proto;
	put(ip + 12, src, 4);
	put(ip + 16, dst, 4);
	wrap(pkt, L4 + len);
	return ip + 20;
}

void
packet_l4(struct packet *pkt, uint8_t proto, uint32_t src, uint16_t sport, uint32_t dst,
	  uint16_t dport, uint8_t tcp_flags)
{
	const uint32_t header = proto == IPPROTO_TCP ? 20 : 8;
	uint8_t *l4 = start(pkt, proto, src, dst, header + PAYLOAD);

	put(l4, sport, 2);
	put(l4 + 2, dport, 2);
	if (proto == IPPROTO_TCP) {
		l4[12] = 0x50;
		l4[13] = tcp_flags;
	} else {
		put(l4 + 4, header + PAYLOAD, 2);
	}
	memset(l4 + header, 'x', PAYLOAD);
	packet_seal(pkt);
}

void
packet_echo(struct packet *pkt, uint32_t src, uint32_t dst, uint16_t id, bool reply)
{
	uint8_t *l4 = start(pkt, IPPROTO_ICMP, src, dst, 8 + PAYLOAD);

	l4[0] = reply ? 0 : 8;
	put(l4 + 4, id, 2);
	put(l4 + 6, 1, 2);
	packet_seal(pkt);
}

void
packet_error(struct packet *pkt, uint8_t type, uint32_t src, const struct packet *quoted,
	     uint32_t quote)
{
	uint8_t *l4 = start(pkt, IPPROTO_ICMP, src, packet_src(quoted), 8 + quote);

	l4[0] = type;
	l4[1] = 3;
	memcpy(l4 + 8, quoted->bytes + PACKET_L3, quote);
	packet_seal(pkt);
}

void
packet_fragment(struct packet *pkt, uint32_t src, uint16_t sport, uint32_t dst, uint16_t dport,
		uint16_t id, bool first)
{
	uint8_t *ip = pkt->bytes + PACKET_L3;

	packet_l4(pkt, IPPROTO_UDP, src, sport, dst, dport, 0);
	put(ip + 4, id, 2);
	put(ip + 6, first ? 0x2000 : 0x0004, 2);
	packet_seal(pkt);
}

uint32_t
packet_src(const struct packet *pkt)
{
	return get(pkt->bytes + PACKET_L3 + 12, 4);
}

uint32_t
packet_dst(const struct packet *pkt)
{
	return get(pkt->bytes + PACKET_L3 + 16, 4);
}

uint16_t
packet_sport(const struct packet *pkt)
{
	return get(pkt->bytes + L4 + (pkt->bytes[PACKET_L3 + 9] == IPPROTO_ICMP ? 4 : 0), 2);
}

uint16_t
packet_dport(const struct packet *pkt)
{
	return get(pkt->bytes + L4 + (pkt->bytes[PACKET_L3 + 9] == IPPROTO_ICMP ? 4 : 2), 2);
}

void
nat_bed_setup(struct nat_bed *bed, uint32_t sessions, uint16_t workers)
{
	struct nat_config config = { .max_sessions = sessions, .n_workers = workers };

	*bed = (struct nat_bed){ .now = 1000 };
	bed->qsbr = aligned_alloc(64, rte_rcu_qsbr_get_memsize(8));
	rte_rcu_qsbr_init(bed->qsbr, 8);
	bed->rcu = rcu_create(bed->qsbr);
	config.rcu = bed->rcu;
	config.qsbr = bed->qsbr;
	bed->nat = nat_create(&config);
	assert_non_null(bed->nat);
}

void
nat_bed_teardown(struct nat_bed *bed)
{
	nat_destroy(bed->nat);
	rcu_destroy(bed->rcu);
	free(bed->qsbr);
}

void
nat_bed_snat(struct nat_bed *bed, enum nat_mapping mapping, enum nat_filtering filtering,
	     uint16_t low, uint16_t high)
{
	const uint32_t ext = htonl(EXT);
	const struct nat_snat snat = {
		.inside = htonl(IP(10, 0, 0, 0)),
		.inside_len = 8,
		.guest = NAT_GUEST_ANY,
		.out = NAT_OUT_ANY,
		.ext = &ext,
		.n_ext = 1,
		.port_low = low != 0 ? low : NAT_PORT_LOW,
		.port_high = high != 0 ? high : NAT_PORT_HIGH,
		.mapping = mapping,
		.filtering = filtering,
	};
	uint32_t bad;

	assert_int_equal(nat_rules_set(bed->nat, &snat, 1, NULL, 0, &bad), 0);
}

void
nat_bed_parse(struct packet *pkt)
{
	ip_parse(&pkt->meta, &pkt->mbuf, PACKET_L3);
}

uint8_t
nat_bed_run(struct nat_bed *bed, struct packet *pkt, enum nat_side side)
{
	struct ip_meta *meta = &pkt->meta;

	nat_bed_parse(pkt);
	nat_classify(bed->nat, 0, bed->now, side, bed->guest, meta, 1);
	if (side == NAT_INSIDE && ntohl(meta->route_dst) >> 24 != 10)
		meta->flags |= IP_SNAT;
	nat_translate(bed->nat, 0, bed->now, side, bed->guest, meta, 1);
	return meta->drop;
}
