/* SPDX-License-Identifier: BSD-3-Clause */
#include "arp.h"

#include <errno.h>
#include <string.h>

#include "wire.h"

/* Ethernet, IPv4, and the lengths of their addresses */
static const uint8_t kind[] = { 0, 1, 0x08, 0, 6, 4, 0 };

#define OP (WIRE_ETHER_LEN + 7)
#define SENDER_MAC (WIRE_ETHER_LEN + 8)
#define SENDER_IP (WIRE_ETHER_LEN + 14)
#define TARGET_MAC (WIRE_ETHER_LEN + 18)
#define TARGET_IP (WIRE_ETHER_LEN + 24)

int
arp_read(const uint8_t *frame, uint32_t len, struct arp *ret_arp)
{
	static const uint8_t zero[6];

	if (len < ARP_FRAME_LEN || wire_get16(frame + 12) != WIRE_TYPE_ARP ||
	    memcmp(frame + WIRE_ETHER_LEN, kind, sizeof(kind)) != 0)
		return -EBADMSG;
	if (frame[OP] != ARP_REQUEST && frame[OP] != ARP_REPLY)
		return -EBADMSG;
	if ((frame[SENDER_MAC] & 1) || memcmp(frame + SENDER_MAC, zero, sizeof(zero)) == 0)
		return -EBADMSG;
	ret_arp->op = frame[OP];
	memcpy(ret_arp->sender_mac, frame + SENDER_MAC, 6);
	memcpy(ret_arp->sender_ip, frame + SENDER_IP, 4);
	memcpy(ret_arp->target_mac, frame + TARGET_MAC, 6);
	memcpy(ret_arp->target_ip, frame + TARGET_IP, 4);
	return 0;
}

void
arp_write(uint8_t *frame, const uint8_t *dst, const struct arp *arp)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	wire_ether(frame, dst != NULL ? dst : broadcast, arp->sender_mac, WIRE_TYPE_ARP);
	memcpy(frame + WIRE_ETHER_LEN, kind, sizeof(kind));
	frame[OP] = arp->op;
	memcpy(frame + SENDER_MAC, arp->sender_mac, 6);
	memcpy(frame + SENDER_IP, arp->sender_ip, 4);
	memcpy(frame + TARGET_MAC, arp->target_mac, 6);
	memcpy(frame + TARGET_IP, arp->target_ip, 4);
}
