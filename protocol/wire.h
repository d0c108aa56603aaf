/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What messages are made of: fields in network order, Ethernet, IP's checksums.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_WIRE_H
#define PROTOCOL_WIRE_H

#include <stdint.h>
#include <string.h>

#define WIRE_ETHER_LEN 14
#define WIRE_TYPE_IPV4 0x0800
#define WIRE_TYPE_ARP 0x0806
#define WIRE_TYPE_IPV6 0x86dd
#define WIRE_IPV4_LEN 20
#define WIRE_IPV6_LEN 40

static inline uint16_t
wire_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void
wire_put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void
wire_put32(uint8_t *at, uint32_t value)
{
	wire_put16(at, (uint16_t)(value >> 16));
	wire_put16(at + 2, (uint16_t)value);
}

/** wire_get() - a field of @n bytes, 8 at most. */
static inline uint64_t
wire_get(const uint8_t *at, unsigned int n)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < n; i++)
		value = value << 8 | at[i];
	return value;
}

/** wire_put() - write a field of @n bytes. */
static inline void
wire_put(uint8_t *at, unsigned int n, uint64_t value)
{
	while (n > 0) {
		at[--n] = (uint8_t)value;
		value >>= 8;
	}
}

/** wire_sum() - add bytes to a checksum, RFC 1071. @sum: 0 at first. */
static inline uint32_t
wire_sum(uint32_t sum, const uint8_t *at, uint32_t len)
{
	for (; len > 1; len -= 2, at += 2)
		sum += wire_get16(at);
	if (len > 0)
		sum += (uint32_t)at[0] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/** wire_checksum() - what the field of a sum holds. */
static inline uint16_t
wire_checksum(uint32_t sum)
{
	return (uint16_t)~wire_sum(sum, NULL, 0);
}

/** wire_ipv6_sum() - of the pseudo header, RFC 8200 8.1. @addresses: source and destination. */
static inline uint32_t
wire_ipv6_sum(const uint8_t addresses[32], uint32_t len, uint8_t proto)
{
	return wire_sum(proto + (len >> 16) + (len & 0xffff), addresses, 32);
}

/** wire_ether() - write an Ethernet header. */
static inline void
wire_ether(uint8_t *frame, const uint8_t dst[6], const uint8_t src[6], uint16_t type)
{
	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	wire_put16(frame + 12, type);
}

#endif /* PROTOCOL_WIRE_H */
