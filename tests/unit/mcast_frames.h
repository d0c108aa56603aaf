/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What hosts say of multicast groups: frames of IGMP and MLD reports for tests.
 *
 * Thread-safety: pure functions.
 */
#ifndef TESTS_MCAST_FRAMES_H
#define TESTS_MCAST_FRAMES_H

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define MCAST_FRAME_MAX 1514

/* Record types of IGMPv3 and MLDv2. */
enum { IS_IN = 1, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK };

static inline uint16_t
mcast_frames_sum(const uint8_t *bytes, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i < len; i += 2)
		sum += bytes[i] << 8 | (i + 1 < len ? bytes[i + 1] : 0);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static inline void
mcast_frames_put16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = value >> 8;
	bytes[1] = value;
}

static inline void
mcast_frames_mac(uint8_t *frame, const uint8_t *group, bool ipv6)
{
	static const uint8_t source[6] = { 0x02, 0, 0, 0, 0, 0x0a };

	memcpy(frame, ipv6 ? "\x33\x33" : "\x01\x00\x5e", 3);
	if (ipv6)
		memcpy(frame + 2, group + 12, 4);
	else
		frame[3] = group[1] & 0x7f, frame[4] = group[2], frame[5] = group[3];
	memcpy(frame + 6, source, 6);
}

/* An IPv4 packet of protocol @proto; its payload follows in the frame. */
static inline uint32_t
mcast_frames_ipv4(uint8_t *frame, const char *src, const char *dst, uint8_t proto, uint32_t len)
{
	uint8_t *ip = frame + 14;

	memset(frame, 0, 34);
	inet_pton(AF_INET, src, ip + 12);
	inet_pton(AF_INET, dst, ip + 16);
	mcast_frames_mac(frame, ip + 16, false);
	mcast_frames_put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	mcast_frames_put16(ip + 2, 20 + len);
	ip[8] = 1;
	ip[9] = proto;
	mcast_frames_put16(ip + 10, mcast_frames_sum(ip, 20, 0));
	return 34 + len;
}

/* An ICMPv6 message behind a router alert; its body is in the frame at 62 already. */
static inline uint32_t
mcast_frames_icmpv6(uint8_t *frame, const char *src, const char *dst, uint32_t len)
{
	static const uint8_t hop_by_hop[8] = { 58, 0, 5, 2, 0, 0, 1, 0 };
	uint8_t *ip = frame + 14, *icmp = frame + 62;

	memset(frame, 0, 54);
	inet_pton(AF_INET6, src, ip + 8);
	inet_pton(AF_INET6, dst, ip + 24);
	mcast_frames_mac(frame, ip + 24, true);
	mcast_frames_put16(frame + 12, 0x86dd);
	ip[0] = 0x60;
	mcast_frames_put16(ip + 4, 8 + len);
	ip[7] = 1;
	memcpy(frame + 54, hop_by_hop, 8);
	mcast_frames_put16(icmp + 2, 0);
	mcast_frames_put16(
		icmp + 2,
		mcast_frames_sum(icmp, len, 0xffff & ~mcast_frames_sum(ip + 8, 32, len + 58)));
	return 62 + len;
}

/* IGMPv1 or v2: types 0x12, 0x16, 0x17 of a group; 0x11 a query. */
static inline uint32_t
mcast_frames_igmp(uint8_t *frame, const char *src, uint8_t type, uint8_t code, const char *group)
{
	const char *dst = type == 0x17                  ? "224.0.0.2" :
			  strcmp(group, "0.0.0.0") == 0 ? "224.0.0.1" :
							  group;
	uint8_t *igmp = frame + 34;

	memset(igmp, 0, 8);
	igmp[0] = type;
	igmp[1] = code;
	inet_pton(AF_INET, group, igmp + 4);
	mcast_frames_put16(igmp + 2, mcast_frames_sum(igmp, 8, 0));
	return mcast_frames_ipv4(frame, src, dst, 2, 8);
}

/* MLDv1: types 131, 132 of a group; 130 a query. */
static inline uint32_t
mcast_frames_mld(uint8_t *frame, const char *src, uint8_t type, uint16_t code, const char *group)
{
	const char *dst = type == 132 ? "ff02::2" : strcmp(group, "::") == 0 ? "ff02::1" : group;
	uint8_t *mld = frame + 62;

	memset(mld, 0, 24);
	mld[0] = type;
	mcast_frames_put16(mld + 4, code);
	inet_pton(AF_INET6, group, mld + 8);
	return mcast_frames_icmpv6(frame, src, dst, 24);
}

/* A report of IGMPv3, or of MLDv2, with one record for each of @n groups from @group on. */
static inline uint32_t
mcast_frames_report(uint8_t *frame, bool ipv6, uint8_t type, const char *group, uint16_t n,
		    uint16_t n_sources)
{
	uint32_t header = ipv6 ? 62 : 34, addr_len = ipv6 ? 16 : 4, len = 8;
	uint8_t *message = frame + header, first[16];

	inet_pton(ipv6 ? AF_INET6 : AF_INET, group, first);
	memset(message, 0, MCAST_FRAME_MAX - header);
	message[0] = ipv6 ? 143 : 0x22;
	mcast_frames_put16(message + 6, n);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *record = message + len;

		record[0] = type;
		mcast_frames_put16(record + 2, n_sources);
		memcpy(record + 4, first, addr_len);
		record[4 + addr_len - 1] += i;
		record[4 + addr_len - 2] += (first[addr_len - 1] + i) >> 8;
		memset(record + 4 + addr_len, 0x11, n_sources * addr_len);
		len += 4 + addr_len + n_sources * addr_len;
	}
	if (ipv6)
		return mcast_frames_icmpv6(frame, "fe80::a", "ff02::16", len);
	mcast_frames_put16(message + 2, mcast_frames_sum(message, len, 0));
	return mcast_frames_ipv4(frame, "10.0.0.10", "224.0.0.22", 2, len);
}

#endif /* TESTS_MCAST_FRAMES_H */
