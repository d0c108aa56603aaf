/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DHCP relay agent: the messages of RFC 2131 and 1542, as far as a relay reads and changes them.
 *
 * What guests send goes to the server with the relay's address in giaddr and an option of its own
 * (82, RFC 3046), which says
 *  - where it came from (circuit id): the server returns it, so the relay keeps nothing in mind;
 *  - which network the guest is on (link selection, RFC 3527);
 *  - that the guest is to take the router for its server (server identifier override, RFC 5107), so
 *    that what it sends to renew its lease comes by the relay as well.
 * Whoever tries to speak for others is refused: who sets giaddr, hops or option 82 (relays behind a
 * guest are none of ours), or a hardware address that is not the frame's source. Options are
 * written anew, one by one; of the name that a guest would like (options 12 and 81) only a plain
 * label is passed on, if the caller agrees.
 *
 * What the server answers must carry what was sent with it, and loses it on its way to the guest.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_DHCP_H
#define PROTOCOL_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#include "udp.h"

#define DHCP_SERVER_PORT 67
#define DHCP_CLIENT_PORT 68
#define DHCP_PACKET_MAX 1500 /* bytes of an IP packet */
#define DHCP_FRAME_MAX (14 + DHCP_PACKET_MAX)
#define DHCP_NAME_SIZE 64 /* bytes: a label and its NUL */

/* RFC 2132 9.6 */
enum dhcp_type {
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
};

/* Where a message came from, and what the server is to think of that. */
struct dhcp_circuit {
	uint16_t port;       /* id, */
	uint16_t generation; /* and which of those that have it in turn */
	uint8_t link[4];     /* an address of the network that the guest is on */
	uint8_t router[4];   /* the router's address on the guest's link */
};

/* A message that was read; @bytes is a part of what was given. */
struct dhcp_message {
	uint8_t type; /* enum dhcp_type */
	bool broadcast;
	uint8_t mac[6]; /* the guest's */
	uint8_t ciaddr[4];
	uint8_t yiaddr[4];
	char name[DHCP_NAME_SIZE];   /* request: what the guest would like to be called; or empty */
	struct dhcp_circuit circuit; /* reply */
	const uint8_t *bytes;
	uint32_t len;
};

/**
 * dhcp_read_request() - read what a guest has sent.
 * @frame: untagged, from the destination MAC on; @blank: as udp_read().
 * Return: 0; -EBADMSG: it is no message of DHCP, or contradicts itself; -EPERM: the guest tries to
 * speak for others; -EPROTO: a kind of message that guests do not send.
 */
int dhcp_read_request(const uint8_t *frame, uint32_t len, bool blank,
		      struct dhcp_message *ret_message);

/**
 * dhcp_write_request() - write the IP packet that the server is sent.
 * @request: as read; @name: what the guest is called; empty: nothing is said of it.
 * @relay, @server: addresses.
 * @packet: room for DHCP_PACKET_MAX bytes.
 * Return: bytes, or 0: it is too long.
 */
uint32_t dhcp_write_request(const struct dhcp_message *request, const struct dhcp_circuit *circuit,
			    const char *name, const uint8_t relay[4], const uint8_t server[4],
			    uint8_t *packet);

/**
 * dhcp_write_release() - write the IP packet by which the server forgets a lease: when the guest is
 * no more, or another, and nobody else will say so.
 * @mac, @address: whose lease it is, and of what. The others as dhcp_write_request().
 * Return: bytes.
 */
uint32_t dhcp_write_release(const uint8_t mac[6], const uint8_t address[4],
			    const struct dhcp_circuit *circuit, const uint8_t relay[4],
			    const uint8_t server[4], uint8_t *packet);

/**
 * dhcp_read_reply() - read what the server has sent.
 * @ip: an IP packet.
 * Return: 0; -EBADMSG: it is none, or not about anything that the relay has sent.
 */
int dhcp_read_reply(const uint8_t *ip, uint32_t len, const uint8_t relay[4],
		    const uint8_t server[4], struct dhcp_message *ret_message);

/**
 * dhcp_write_reply() - write the frame that the guest is sent.
 * @mac, @router: the router's MAC and address on the guest's link.
 * @frame: room for DHCP_FRAME_MAX bytes.
 * Return: bytes, or 0: it is too long.
 */
uint32_t dhcp_write_reply(const struct dhcp_message *reply, const uint8_t mac[6],
			  const uint8_t router[4], uint8_t *frame);

/** dhcp_name_is_valid() - may a station be called this? A label of letters, digits and hyphens. */
bool dhcp_name_is_valid(const char *name);

#endif /* PROTOCOL_DHCP_H */
