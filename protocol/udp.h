/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP and TCP over IPv4, of packets that the control thread passes on: finding what is in them,
 * writing headers, giving them other addresses.
 *
 * Everything is checked: lengths, fragments, both checksums. A packet of a guest of ours may have
 * its second checksum still left to be filled in (blank, see port.h of the datapath), which the
 * caller knows.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_UDP_H
#define PROTOCOL_UDP_H

#include <stdbool.h>
#include <stdint.h>

#define UDP_HEADERS_LEN 28 /* bytes: IPv4 without options, and UDP */
#define UDP_PORT_DNS 53

/* A packet that was read. */
struct udp_packet {
	uint8_t proto; /* IPPROTO_UDP or IPPROTO_TCP */
	uint8_t src[4];
	uint8_t dst[4];
	uint16_t sport;
	uint16_t dport;
	uint32_t l4;     /* bytes before the second header */
	uint32_t ip_len; /* of the whole packet; what is behind it is padding */
};

/**
 * udp_read() - read a whole, unfragmented packet of UDP or TCP.
 * @ip: from the IPv4 header on; @len: bytes that are here.
 * @blank: the second checksum is not filled in yet.
 * Return: 0; -EBADMSG: it is none, or contradicts itself.
 */
int udp_read(const uint8_t *ip, uint32_t len, bool blank, struct udp_packet *ret_packet);

/**
 * udp_write() - write the headers of a UDP packet in front of its data.
 * @ip: UDP_HEADERS_LEN bytes, and @len bytes of data behind them.
 * Return: bytes of the packet.
 */
uint32_t udp_write(uint8_t *ip, const uint8_t src[4], const uint8_t dst[4], uint16_t sport,
		   uint16_t dport, uint32_t len);

/**
 * udp_readdress() - give a packet other addresses, and fill both checksums in.
 * @packet: what udp_read() has said of it; kept right.
 * @src, @dst: NULL: as it is.
 */
void udp_readdress(uint8_t *ip, struct udp_packet *packet, const uint8_t *src, const uint8_t *dst);

#endif /* PROTOCOL_UDP_H */
