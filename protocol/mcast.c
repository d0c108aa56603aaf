/* SPDX-License-Identifier: BSD-3-Clause */
#include "mcast.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define ETHER_HEADER_LEN 14
#define TAG_LEN 4
#define TAGS_MAX 2
#define TYPE_IPV4 0x0800
#define TYPE_IPV6 0x86dd
#define TYPE_VLAN 0x8100
#define TYPE_QINQ 0x88a8

#define IPV4_HEADER_LEN 20
#define IPV6_HEADER_LEN 40
#define HOP_BY_HOP_LEN 8 /* of our own: a router alert and padding */
#define ICMPV6_HEADER_LEN 4

/* IGMP types: RFC 3376 4, RFC 4286 3, RFC 1075 */
#define IGMP_QUERY 0x11
#define IGMP_V1_REPORT 0x12
#define IGMP_DVMRP 0x13
#define IGMP_V2_REPORT 0x16
#define IGMP_LEAVE 0x17
#define IGMP_V3_REPORT 0x22
#define IGMP_MRD_ADVERTISEMENT 0x30
#define DVMRP_PROBE 1

/* ICMPv6 types: RFC 3810 5, RFC 4286 3 */
#define MLD_QUERY 130
#define MLD_REPORT 131
#define MLD_DONE 132
#define MLD2_REPORT 143
#define MLD_MRD_ADVERTISEMENT 151

#define IGMP_LEN 8 /* of IGMPv1 and v2 messages, and of a report's header */
#define IGMP3_QUERY_LEN 12
#define IGMP3_RECORD_LEN 8
#define MLD_LEN 24 /* with the ICMPv6 header, as all here */
#define MLD2_QUERY_LEN 28
#define MLD2_REPORT_LEN 8
#define MLD2_RECORD_LEN 20

#define PIM_HEADER_LEN 4
#define PIM_HELLO 0x20 /* version 2, type 0 */

#define SUPPRESS_FLAG 0x08
#define ROBUSTNESS_MASK 0x07
#define V1_RESPONSE 10000 /* of a query that does not say it: RFC 2236 4 */

static const uint8_t ipv4_all_hosts[4] = { 224, 0, 0, 1 };
static const struct mcast_addr ipv6_all_nodes = { { 0xff, 0x02, [15] = 1 } };

/* The IP packet that a message is in. */
struct packet {
	const uint8_t *ip;
	const uint8_t *payload; /* after IP headers */
	uint32_t len;           /* of the payload */
	uint8_t proto;
};

static uint16_t
get16(const uint8_t *bytes)
{
	return bytes[0] << 8 | bytes[1];
}

static void
put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = value >> 8;
	bytes[1] = value & 0xff;
}

/* The Internet checksum's sum, not folded. */
static uint32_t
sum16(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (; len > 1; len -= 2, bytes += 2)
		sum += get16(bytes);
	return len > 0 ? sum + (bytes[0] << 8) : sum;
}

static uint16_t
sum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

/* RFC 8200 8.1 */
static uint32_t
sum_pseudo(const uint8_t *ip, uint32_t len)
{
	return sum16(ip + 8, 32, len + IPPROTO_ICMPV6);
}

bool
mcast_addr_is_zero(const struct mcast_addr *addr)
{
	static const struct mcast_addr zero;

	return memcmp(addr, &zero, sizeof(zero)) == 0;
}

static bool
is_multicast(enum mcast_family family, const struct mcast_addr *addr)
{
	return family == MCAST_IPV4 ? addr->bytes[0] >> 4 == 0xe : addr->bytes[0] == 0xff;
}

bool
mcast_is_local(enum mcast_family family, const struct mcast_addr *group)
{
	if (family == MCAST_IPV4)
		return group->bytes[0] == 224 && group->bytes[1] == 0 && group->bytes[2] == 0;
	return (group->bytes[1] & 0x0f) <= 2;
}

void
mcast_mac(enum mcast_family family, const struct mcast_addr *group, uint8_t ret_mac[MCAST_MAC_LEN])
{
	static const uint8_t prefix[3] = { 0x01, 0x00, 0x5e };

	if (family == MCAST_IPV4) {
		memcpy(ret_mac, prefix, sizeof(prefix));
		ret_mac[3] = group->bytes[1] & 0x7f;
		ret_mac[4] = group->bytes[2];
		ret_mac[5] = group->bytes[3];
	} else {
		ret_mac[0] = ret_mac[1] = 0x33;
		memcpy(ret_mac + 2, group->bytes + 12, 4);
	}
}

/* RFC 3376 4.1.1, 4.1.7: a mantissa of four bits and an exponent of three, or plain. */
static uint32_t
code8_value(uint8_t code)
{
	return code < 0x80 ? code : (uint32_t)(0x10 | (code & 0x0f)) << (((code >> 4) & 7) + 3);
}

/* RFC 3810 5.1.3: twelve bits of mantissa. */
static uint32_t
code16_value(uint16_t code)
{
	return code < 0x8000 ? code :
			       (uint32_t)(0x1000 | (code & 0xfff)) << (((code >> 12) & 7) + 3);
}

static uint32_t
code_exponent(uint32_t value, uint32_t mantissa_max)
{
	uint32_t exponent = 0;

	while (exponent < 7 && value >> (exponent + 3) > mantissa_max)
		exponent++;
	return exponent;
}

/* The largest code whose value is not above @value. */
static uint8_t
code8(uint32_t value)
{
	uint32_t exponent = code_exponent(value, 0x1f);

	if (value < 0x80)
		return value;
	if (value >> (exponent + 3) > 0x1f)
		return 0xff;
	return 0x80 | exponent << 4 | (value >> (exponent + 3) & 0x0f);
}

static uint16_t
code16(uint32_t value)
{
	uint32_t exponent = code_exponent(value, 0x1fff);

	if (value < 0x8000)
		return value;
	if (value >> (exponent + 3) > 0x1fff)
		return 0xffff;
	return 0x8000 | exponent << 12 | (value >> (exponent + 3) & 0xfff);
}

static int
parse_ipv4(const uint8_t *ip, uint32_t len, struct packet *packet)
{
	uint32_t header, total;

	if (len < IPV4_HEADER_LEN || ip[0] >> 4 != 4)
		return -EBADMSG;
	header = (ip[0] & 0x0f) * 4;
	total = get16(ip + 2);
	if (header < IPV4_HEADER_LEN || total < header || total > len)
		return -EBADMSG;
	if (get16(ip + 6) & 0x3fff) /* a fragment */
		return -EBADMSG;
	packet->ip = ip;
	packet->payload = ip + header;
	packet->len = total - header;
	packet->proto = ip[9];
	return 0;
}

static int
parse_ipv6(const uint8_t *ip, uint32_t len, struct packet *packet)
{
	uint32_t total, options;

	if (len < IPV6_HEADER_LEN || ip[0] >> 4 != 6)
		return -EBADMSG;
	total = get16(ip + 4);
	if (total > len - IPV6_HEADER_LEN)
		return -EBADMSG;
	packet->ip = ip;
	packet->payload = ip + IPV6_HEADER_LEN;
	packet->len = total;
	packet->proto = ip[6];
	/* MLD without a router alert is nobody's (RFC 3810 5) */
	if (packet->proto != IPPROTO_HOPOPTS)
		return packet->proto == IPPROTO_ICMPV6 ? -ENOMSG : 0;
	if (total < 8)
		return -EBADMSG;
	options = (packet->payload[1] + 1) * 8;
	if (options > total)
		return -EBADMSG;
	packet->proto = packet->payload[0];
	packet->payload += options;
	packet->len -= options;
	return packet->proto == IPPROTO_ICMPV6 ? 0 : -ENOMSG;
}

static int
parse_pim(const struct packet *packet, struct mcast_message *msg)
{
	if (packet->len < PIM_HEADER_LEN)
		return -EBADMSG;
	msg->kind = packet->payload[0] == PIM_HELLO ? MCAST_ROUTER : MCAST_OTHER;
	return 0;
}

static int
parse_igmp_query(const struct packet *packet, struct mcast_message *msg)
{
	const uint8_t *igmp = packet->payload;

	msg->kind = MCAST_QUERY;
	memcpy(msg->group.bytes, igmp + 4, 4);
	if (packet->len >= IGMP3_QUERY_LEN) {
		msg->version = 3;
		msg->response = code8_value(igmp[1]) * 100;
		msg->suppress = igmp[8] & SUPPRESS_FLAG;
		msg->robustness = igmp[8] & ROBUSTNESS_MASK;
		msg->interval = code8_value(igmp[9]);
	} else if (packet->len != IGMP_LEN) {
		return -EBADMSG;
	} else {
		msg->version = igmp[1] == 0 ? 1 : 2;
		msg->response = igmp[1] == 0 ? V1_RESPONSE : igmp[1] * 100;
	}
	/* a general query goes to all hosts (RFC 3376 4.1.12), another names a group */
	if (mcast_addr_is_zero(&msg->group))
		return memcmp(packet->ip + 16, ipv4_all_hosts, 4) == 0 ? 0 : -EBADMSG;
	return is_multicast(MCAST_IPV4, &msg->group) ? 0 : -EBADMSG;
}

static int
parse_igmp(const struct packet *packet, struct mcast_message *msg)
{
	const uint8_t *igmp = packet->payload;

	if (packet->len < IGMP_LEN || sum_fold(sum16(igmp, packet->len, 0)) != 0)
		return -EBADMSG;
	msg->records = igmp;
	msg->records_len = packet->len;
	msg->n_records = 1;
	msg->kind = MCAST_REPORT;
	switch (igmp[0]) {
	case IGMP_QUERY:
		return parse_igmp_query(packet, msg);
	case IGMP_V1_REPORT:
		msg->version = 1;
		return 0;
	case IGMP_V2_REPORT:
	case IGMP_LEAVE:
		msg->version = 2;
		return 0;
	case IGMP_V3_REPORT:
		msg->version = 3;
		msg->n_records = get16(igmp + 6);
		msg->records += IGMP_LEN;
		msg->records_len -= IGMP_LEN;
		return 0;
	case IGMP_MRD_ADVERTISEMENT:
		msg->kind = MCAST_ROUTER;
		return 0;
	case IGMP_DVMRP:
		msg->kind = igmp[1] == DVMRP_PROBE ? MCAST_ROUTER : MCAST_OTHER;
		return 0;
	default:
		msg->kind = MCAST_OTHER;
		return 0;
	}
}

static bool
is_link_local(const struct mcast_addr *addr)
{
	return addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

static int
parse_mld_query(const struct packet *packet, struct mcast_message *msg)
{
	const uint8_t *mld = packet->payload;

	if (packet->len != MLD_LEN && packet->len < MLD2_QUERY_LEN)
		return -EBADMSG;
	/* RFC 3810 5.1.14: hosts ignore others, so nobody may be elected by one */
	if (!is_link_local(&msg->source))
		return -EBADMSG;
	msg->kind = MCAST_QUERY;
	memcpy(msg->group.bytes, mld + 8, 16);
	msg->version = packet->len == MLD_LEN ? 1 : 2;
	msg->response = get16(mld + 4);
	if (msg->version == 2) {
		msg->response = code16_value(msg->response);
		msg->suppress = mld[24] & SUPPRESS_FLAG;
		msg->robustness = mld[24] & ROBUSTNESS_MASK;
		msg->interval = code8_value(mld[25]);
	}
	if (mcast_addr_is_zero(&msg->group))
		return memcmp(packet->ip + 24, &ipv6_all_nodes, 16) == 0 ? 0 : -EBADMSG;
	return is_multicast(MCAST_IPV6, &msg->group) ? 0 : -EBADMSG;
}

static int
parse_mld(const struct packet *packet, struct mcast_message *msg)
{
	const uint8_t *mld = packet->payload;

	if (packet->len < ICMPV6_HEADER_LEN + 4 ||
	    sum_fold(sum16(mld, packet->len, sum_pseudo(packet->ip, packet->len))) != 0)
		return -EBADMSG;
	msg->kind = MCAST_REPORT;
	msg->records = mld;
	msg->records_len = packet->len;
	msg->n_records = 1;
	switch (mld[0]) {
	case MLD_QUERY:
		return parse_mld_query(packet, msg);
	case MLD_REPORT:
	case MLD_DONE:
		msg->version = 1;
		return packet->len >= MLD_LEN ? 0 : -EBADMSG;
	case MLD2_REPORT:
		msg->version = 2;
		msg->n_records = get16(mld + 6);
		msg->records += MLD2_REPORT_LEN;
		msg->records_len -= MLD2_REPORT_LEN;
		return 0;
	case MLD_MRD_ADVERTISEMENT:
		msg->kind = MCAST_ROUTER;
		return 0;
	default:
		msg->kind = MCAST_OTHER;
		return 0;
	}
}

int
mcast_parse(const uint8_t *frame, uint32_t len, struct mcast_message *ret_msg)
{
	uint32_t l2 = ETHER_HEADER_LEN;
	struct packet packet;
	uint16_t type;
	int ret;

	*ret_msg = (struct mcast_message){ .kind = MCAST_OTHER };
	if (len < ETHER_HEADER_LEN)
		return -EBADMSG;
	memcpy(ret_msg->source_mac, frame + 6, MCAST_MAC_LEN);
	type = get16(frame + 12);
	for (unsigned int i = 0; i < TAGS_MAX && (type == TYPE_VLAN || type == TYPE_QINQ); i++) {
		l2 += TAG_LEN;
		if (len < l2)
			return -EBADMSG;
		type = get16(frame + l2 - 2);
	}
	if (type == TYPE_IPV4) {
		ret_msg->family = MCAST_IPV4;
		ret = parse_ipv4(frame + l2, len - l2, &packet);
		if (ret < 0)
			return ret;
		memcpy(ret_msg->source.bytes, packet.ip + 12, 4);
	} else if (type == TYPE_IPV6) {
		ret_msg->family = MCAST_IPV6;
		ret = parse_ipv6(frame + l2, len - l2, &packet);
		if (ret < 0)
			return ret;
		memcpy(ret_msg->source.bytes, packet.ip + 8, 16);
	} else {
		return -ENOMSG;
	}
	if (packet.proto == IPPROTO_PIM)
		return parse_pim(&packet, ret_msg);
	if (packet.proto == (type == TYPE_IPV4 ? IPPROTO_IGMP : IPPROTO_ICMPV6))
		return type == TYPE_IPV4 ? parse_igmp(&packet, ret_msg) :
					   parse_mld(&packet, ret_msg);
	return -ENOMSG;
}

/* RFC 3376 4.2.12, RFC 3810 5.2.12. */
static enum mcast_change
record_change(uint8_t type, uint16_t n_sources)
{
	switch (type) {
	case 1: /* MODE_IS_INCLUDE */
	case 5: /* ALLOW_NEW_SOURCES */
		return n_sources > 0 ? MCAST_JOIN : MCAST_NONE;
	case 2: /* MODE_IS_EXCLUDE */
	case 4: /* CHANGE_TO_EXCLUDE_MODE */
		return MCAST_JOIN;
	case 3: /* CHANGE_TO_INCLUDE_MODE */
		return n_sources > 0 ? MCAST_JOIN : MCAST_LEAVE;
	case 6: /* BLOCK_OLD_SOURCES */
		return n_sources > 0 ? MCAST_BLOCK : MCAST_NONE;
	default:
		return MCAST_NONE;
	}
}

/* The record of a message that has only one, with no header of its own. */
static void
next_single(const struct mcast_message *msg, struct mcast_record *record)
{
	const uint8_t *bytes = msg->records;
	bool leave = bytes[0] == (msg->family == MCAST_IPV4 ? IGMP_LEAVE : MLD_DONE);

	record->change = leave ? MCAST_LEAVE : MCAST_JOIN;
	if (msg->family == MCAST_IPV4)
		memcpy(record->group.bytes, bytes + 4, 4);
	else
		memcpy(record->group.bytes, bytes + 8, 16);
}

/* The next of a report with records. False: what is left does not hold it. */
static bool
next_record(struct mcast_message *msg, struct mcast_record *record)
{
	bool ipv4 = msg->family == MCAST_IPV4;
	uint32_t header = ipv4 ? IGMP3_RECORD_LEN : MLD2_RECORD_LEN, addr_len = ipv4 ? 4 : 16, size;
	const uint8_t *bytes = msg->records;

	if (msg->records_len < header)
		return false;
	size = header + get16(bytes + 2) * addr_len + bytes[1] * 4;
	if (size > msg->records_len)
		return false;
	record->change = record_change(bytes[0], get16(bytes + 2));
	memcpy(record->group.bytes, bytes + 4, addr_len);
	msg->records += size;
	msg->records_len -= size;
	return true;
}

bool
mcast_next(struct mcast_message *msg, struct mcast_record *ret_record)
{
	bool single = msg->version < (msg->family == MCAST_IPV4 ? 3 : 2);

	while (msg->n_records > 0) {
		*ret_record = (struct mcast_record){ .change = MCAST_NONE };
		msg->n_records--;
		if (single)
			next_single(msg, ret_record);
		else if (!next_record(msg, ret_record))
			return false;
		if (is_multicast(msg->family, &ret_record->group))
			return true;
	}
	return false;
}

static uint32_t
build_ether(const struct mcast_query *query, uint16_t type, uint8_t *frame)
{
	struct mcast_addr dst = { { 224, 0, 0, 1 } };

	if (!mcast_addr_is_zero(&query->group))
		dst = query->group;
	else if (query->family == MCAST_IPV6)
		dst = ipv6_all_nodes;
	mcast_mac(query->family, &dst, frame);
	memcpy(frame + 6, query->source_mac, MCAST_MAC_LEN);
	put16(frame + 12, type);
	return ETHER_HEADER_LEN;
}

static uint32_t
build_igmp(const struct mcast_query *query, uint8_t *frame)
{
	static const uint8_t router_alert[4] = { 0x94, 0x04, 0, 0 }; /* RFC 2113 */
	const bool general = mcast_addr_is_zero(&query->group);
	const uint32_t header = IPV4_HEADER_LEN + sizeof(router_alert);
	uint8_t *ip = frame + build_ether(query, TYPE_IPV4, frame), *igmp = ip + header;

	ip[0] = 0x40 | header / 4;
	ip[1] = 0xc0; /* internetwork control, as RFC 3376 4 wants */
	put16(ip + 2, header + IGMP3_QUERY_LEN);
	put16(ip + 6, 0x4000); /* do not fragment */
	ip[8] = 1;
	ip[9] = IPPROTO_IGMP;
	memcpy(ip + 12, query->source.bytes, 4);
	memcpy(ip + 16, general ? ipv4_all_hosts : query->group.bytes, 4);
	memcpy(ip + IPV4_HEADER_LEN, router_alert, sizeof(router_alert));
	put16(ip + 10, sum_fold(sum16(ip, header, 0)));
	igmp[0] = IGMP_QUERY;
	igmp[1] = code8(query->response / 100);
	memcpy(igmp + 4, query->group.bytes, 4);
	igmp[8] = query->robustness;
	igmp[9] = code8(query->interval / 1000);
	put16(igmp + 2, sum_fold(sum16(igmp, IGMP3_QUERY_LEN, 0)));
	return ETHER_HEADER_LEN + header + IGMP3_QUERY_LEN;
}

static uint32_t
build_mld(const struct mcast_query *query, uint8_t *frame)
{
	/* router alert (RFC 2711), PadN */
	static const uint8_t hop_by_hop[HOP_BY_HOP_LEN] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	const bool general = mcast_addr_is_zero(&query->group);
	uint8_t *ip = frame + build_ether(query, TYPE_IPV6, frame);
	uint8_t *mld = ip + IPV6_HEADER_LEN + HOP_BY_HOP_LEN;

	ip[0] = 0x60;
	put16(ip + 4, HOP_BY_HOP_LEN + MLD2_QUERY_LEN);
	ip[6] = IPPROTO_HOPOPTS;
	ip[7] = 1;
	memcpy(ip + 8, query->source.bytes, 16);
	memcpy(ip + 24, general ? ipv6_all_nodes.bytes : query->group.bytes, 16);
	memcpy(ip + IPV6_HEADER_LEN, hop_by_hop, sizeof(hop_by_hop));
	mld[0] = MLD_QUERY;
	put16(mld + 4, code16(query->response));
	memcpy(mld + 8, query->group.bytes, 16);
	mld[24] = query->robustness;
	mld[25] = code8(query->interval / 1000);
	put16(mld + 2, sum_fold(sum16(mld, MLD2_QUERY_LEN, sum_pseudo(ip, MLD2_QUERY_LEN))));
	return ETHER_HEADER_LEN + IPV6_HEADER_LEN + HOP_BY_HOP_LEN + MLD2_QUERY_LEN;
}

uint32_t
mcast_build_query(const struct mcast_query *query, uint8_t *ret_frame)
{
	memset(ret_frame, 0, MCAST_QUERY_FRAME_MAX);
	return query->family == MCAST_IPV4 ? build_igmp(query, ret_frame) :
					     build_mld(query, ret_frame);
}
