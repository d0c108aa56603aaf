/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP for IPv4 over Ethernet (RFC 826, 5227): reading and writing packets.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_ARP_H
#define PROTOCOL_ARP_H

#include <stdbool.h>
#include <stdint.h>

#define ARP_FRAME_LEN 42 /* bytes, without padding */

enum arp_op { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
	uint8_t op; /* enum arp_op */
	uint8_t sender_mac[6];
	uint8_t sender_ip[4];
	uint8_t target_mac[6];
	uint8_t target_ip[4];
};

/**
 * arp_read() - read a frame.
 * @frame: untagged, from the destination MAC on.
 * Return: 0, or -EBADMSG: not ARP for IPv4 over Ethernet, or from a MAC that no station has.
 */
int arp_read(const uint8_t *frame, uint32_t len, struct arp *ret_arp);

/**
 * arp_write() - write a frame.
 * @dst: of the frame; NULL: broadcast.
 * @frame: room for ARP_FRAME_LEN bytes.
 */
void arp_write(uint8_t *frame, const uint8_t *dst, const struct arp *arp);

#endif /* PROTOCOL_ARP_H */
