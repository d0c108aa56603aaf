/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors (RFC 5508 section 4): the packet that one quotes names the session. */
#include <netinet/ip_icmp.h>

#include "nat_impl.h"

#define ICMP_HEADER_LEN 8
#define QUOTED_L4_LEN 8 /* what every router quotes of the transport header */

struct quote {
	uint8_t *ip; /* in the packet */
	uint8_t *l4;
	uint32_t l4_len; /* bytes of it that are there */
	uint8_t proto;
	uint8_t kind; /* enum ip_l4 */
	uint32_t src, dst;
	uint16_t sport, dport; /* an ICMP id is both */
};

static bool
is_query(uint8_t type)
{
	return type == ICMP_ECHO || type == ICMP_ECHOREPLY ||
	       (type >= ICMP_TIMESTAMP && type <= ICMP_ADDRESSREPLY);
}

/* Ports of the quoted transport header. */
static bool
quote_ports(struct quote *quote)
{
	switch (quote->proto) {
	case IPPROTO_TCP:
		quote->kind = IP_L4_TCP;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		quote->kind = IP_L4_UDP;
		break;
	case IPPROTO_ICMP:
		quote->kind = IP_L4_ICMP;
		break;
	default:
		quote->kind = IP_L4_NONE;
		return true;
	}
	if (quote->l4_len < QUOTED_L4_LEN)
		return false;
	quote->sport = get16(quote->l4);
	quote->dport = get16(quote->l4 + 2);
	if (quote->kind == IP_L4_ICMP) {
		quote->sport = get16(quote->l4 + 4);
		quote->dport = quote->sport;
		return is_query(quote->l4[0]);
	}
	return true;
}

/* Find the quoted packet. Return: false if there is none that could be translated. */
static bool
quote_parse(const struct ip_meta *meta, struct quote *ret_quote)
{
	uint8_t *frame = rte_pktmbuf_mtod(meta->pkt, uint8_t *);
	const uint32_t end = RTE_MIN((uint32_t)meta->l4 + meta->l4_len, meta->pkt->data_len);
	const uint32_t at = meta->l4 + ICMP_HEADER_LEN;
	uint32_t header;

	if (at + IPV4_HEADER_LEN > end)
		return false;
	ret_quote->ip = frame + at;
	header = (ret_quote->ip[0] & 0x0f) * 4u;
	if (ret_quote->ip[0] >> 4 != 4 || header < IPV4_HEADER_LEN || at + header > end ||
	    (get16(ret_quote->ip + 6) & IPV4_OFFSET_BE) != 0)
		return false;
	ret_quote->l4 = ret_quote->ip + header;
	ret_quote->l4_len = end - at - header;
	ret_quote->proto = ret_quote->ip[9];
	ret_quote->src = get32(ret_quote->ip + 12);
	ret_quote->dst = get32(ret_quote->ip + 16);
	ret_quote->sport = 0;
	ret_quote->dport = 0;
	return quote_ports(ret_quote);
}

bool
nat_icmp_classify(const struct nat *nat, struct ip_meta *meta, enum nat_dir dir)
{
	const bool out = dir == NAT_DIR_OUT;
	struct nat_key key;
	struct quote quote;
	uint16_t port;

	/* the error goes to who sent what it quotes */
	if (!quote_parse(meta, &quote) || quote.src != meta->dst)
		return false;
	port = out ? quote.sport : quote.dport;
	key.local = nat_end_word((enum nat_key_kind)dir, quote.proto, out ? quote.dst : quote.src,
				 out ? quote.dport : quote.sport);
	key.remote = (out ? quote.src : quote.dst) | (uint64_t)(quote.kind == IP_L4_ICMP ? 0 : port)
							     << 32;
	meta->session = nat_find(nat, &key);
	return meta->session != 0;
}

/* Change a word that the ICMP checksum covers. */
static uint64_t
put16_noted(uint8_t *at, uint16_t word, uint64_t delta)
{
	delta = csum_delta16(delta, get16(at), word);
	put16(at, word);
	return delta;
}

/* The quoted transport header's checksum, as far as it is quoted. */
static uint64_t
quote_l4_checksum(const struct quote *quote, uint16_t delta_l4, uint64_t delta)
{
	static const uint8_t offsets[IP_L4_KINDS] = {
		[IP_L4_TCP] = 16,
		[IP_L4_UDP] = 6,
		[IP_L4_ICMP] = 2,
	};
	uint8_t *field = quote->l4 + offsets[quote->kind];
	uint16_t sum;

	if (offsets[quote->kind] + 2u > quote->l4_len)
		return delta;
	sum = get16(field);
	if (quote->kind == IP_L4_UDP && sum == 0)
		return delta;
	sum = csum_apply(sum, delta_l4);
	if (quote->kind == IP_L4_UDP && sum == 0)
		sum = 0xffff;
	return put16_noted(field, sum, delta);
}

void
nat_icmp_rewrite(struct ip_meta *meta, const struct nat_session *session, enum nat_dir dir)
{
	static const uint8_t address[2] = { [NAT_DIR_OUT] = 16, [NAT_DIR_IN] = 12 };
	static const uint8_t ports[2] = { [NAT_DIR_OUT] = 2, [NAT_DIR_IN] = 0 };
	uint8_t *ip = rte_pktmbuf_mtod_offset(meta->pkt, uint8_t *, meta->l3);
	uint8_t *icmp = rte_pktmbuf_mtod_offset(meta->pkt, uint8_t *, meta->l4);
	const uint64_t to = session->end[1 - dir];
	const uint16_t delta_l4 = dir == NAT_DIR_OUT ? session->delta_l4 : ~session->delta_l4;
	uint8_t *field = ip + (dir == NAT_DIR_OUT ? 12 : 16);
	struct quote quote;
	uint64_t delta = 0;
	uint16_t sum;

	/* the header itself: its source may be any router on the inside */
	sum = csum_fold(csum_delta32(0, get32(field), nat_end_ip(to)));
	put16(ip + 10, csum_apply(get16(ip + 10), sum));
	put32(field, nat_end_ip(to));
	if (!quote_parse(meta, &quote))
		return;
	field = quote.ip + address[dir];
	sum = csum_fold(csum_delta32(0, get32(field), nat_end_ip(to)));
	delta = csum_delta32(delta, get32(field), nat_end_ip(to));
	put32(field, nat_end_ip(to));
	delta = put16_noted(quote.ip + 10, csum_apply(get16(quote.ip + 10), sum), delta);
	if (quote.kind != IP_L4_NONE) {
		field = quote.l4 + (quote.kind == IP_L4_ICMP ? 4 : ports[dir]);
		delta = put16_noted(field, nat_end_port(to), delta);
		delta = quote_l4_checksum(&quote, delta_l4, delta);
	}
	put16(icmp + 2, csum_apply(get16(icmp + 2), csum_fold(delta)));
}
