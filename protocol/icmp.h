/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP of a router (RFC 792, 1812, 4443): errors about packets, and replies to echo requests.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_ICMP_H
#define PROTOCOL_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include "prefix.h"

#define ICMP_ERROR_MAX (14 + 1280) /* bytes of the longest frame that icmp_error() makes */
#define ICMP_HOPS 64               /* of what the router sends */

/* What is wrong with a packet. */
enum icmp_fault {
	ICMP_NO_ROUTE,
	ICMP_HOST_UNREACHABLE, /* the last hop: nobody answers for the address */
	ICMP_TTL_EXCEEDED,
	ICMP_TOO_BIG,
	ICMP_NO_PORT, /* to the router itself */
	ICMP_NO_PROTOCOL,
};

/**
 * icmp_may_tell() - may the sender be told what is wrong with its packet? Not if that is an error
 * itself, or has come to a group, or nobody knows from whom (RFC 1812 4.3.2.7, RFC 4443 2.4e).
 * @frame: untagged, from the destination MAC on; its start is enough.
 * @ret_src: the sender.
 */
bool icmp_may_tell(const uint8_t *frame, uint32_t len, enum icmp_fault fault,
		   struct ip_addr *ret_src);

/**
 * icmp_error() - write a frame that tells it; its MACs are left zero.
 * @frame: what icmp_may_tell() has agreed to.
 * @mtu: with ICMP_TOO_BIG: what fits.
 * @from: own address, of the same family.
 * @id: IPv4 identification.
 * @ret_frame: room for ICMP_ERROR_MAX bytes.
 * Return: bytes.
 */
uint32_t icmp_error(const uint8_t *frame, uint32_t len, enum icmp_fault fault, uint32_t mtu,
		    const struct ip_addr *from, uint16_t id, uint8_t *ret_frame);

/* What a packet to the router itself is. */
enum icmp_local {
	ICMP_LOCAL_ECHO,     /* an echo request */
	ICMP_LOCAL_SILENT,   /* to be ignored: replies, errors, fragments, ... */
	ICMP_LOCAL_PORT,     /* TCP or UDP: nobody listens */
	ICMP_LOCAL_PROTOCOL, /* another protocol */
};

/** icmp_local() - what a packet to the router itself is. @frame: as icmp_may_tell(). */
enum icmp_local icmp_local(const uint8_t *frame, uint32_t len);

/**
 * icmp_echo_reply() - make an echo request its own reply; MACs stay.
 * @frame: headers of a whole packet for which icmp_local() said ICMP_LOCAL_ECHO; the data need not
 *	be there.
 */
void icmp_echo_reply(uint8_t *frame);

#endif /* PROTOCOL_ICMP_H */
