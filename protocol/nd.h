/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 neighbour discovery (RFC 4861): reading and writing solicitations and advertisements.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_ND_H
#define PROTOCOL_ND_H

#include <stdbool.h>
#include <stdint.h>

#define ND_FRAME_MAX 86 /* bytes of the longest that nd_write() makes */

enum nd_type { ND_SOLICIT = 135, ND_ADVERT = 136 };

enum nd_flags { ND_ROUTER = 0x80, ND_SOLICITED = 0x40, ND_OVERRIDE = 0x20 };

struct nd {
	uint8_t type;  /* enum nd_type */
	uint8_t flags; /* enum nd_flags, of an advertisement */
	bool has_mac;
	uint8_t mac[6]; /* source link-layer address of a solicitation, target's of an advertisement
			 */
	uint8_t src[16]; /* of the packet; :: if the sender looks whether its address is free */
	uint8_t dst[16]; /* of the packet */
	uint8_t target[16];
};

/**
 * nd_read() - read a frame, and check it as RFC 4861 7.1 has it.
 * @frame: untagged, from the destination MAC on.
 * Return: 0; -ENOENT: ICMPv6 of another kind; -EBADMSG: not ICMPv6, or wrong.
 */
int nd_read(const uint8_t *frame, uint32_t len, struct nd *ret_nd);

/**
 * nd_write() - write a frame.
 * @dst_mac: of the frame; NULL: by nd->dst, which is a multicast group.
 * @src_mac: of the frame.
 * @frame: room for ND_FRAME_MAX bytes.
 * Return: bytes.
 */
uint32_t nd_write(uint8_t *frame, const uint8_t *dst_mac, const uint8_t src_mac[6],
		  const struct nd *nd);

/** nd_solicited_node() - the group that a station listens to for solicitations (RFC 4291 2.7.1). */
void nd_solicited_node(const uint8_t target[16], uint8_t ret_group[16]);

/** nd_link_local() - the link-local address of a MAC (RFC 4291 appendix A). */
void nd_link_local(const uint8_t mac[6], uint8_t ret_addr[16]);

#endif /* PROTOCOL_ND_H */
