/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Announce: tell the network behind a bridge where a guest is, as if the guest itself had spoken.
 *
 * After a restore or a migration the physical switches still send a guest's packets to where it was
 * before, until they hear from it. So when a guest has been connected, the switch sends in its
 * name: a RARP request, from which every bridge learns (as QEMU's announce_self does); and for each
 * address that the toolstack has written down, a gratuitous ARP (RFC 5227 2.3) or an unsolicited
 * neighbour advertisement (RFC 4861 7.2.6), for the caches of hosts and routers. All of it three
 * times within a second. The packets enter by the guest's own port (worker_inject()): its VLAN,
 * learning and flooding apply, and the guest does not see them.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_ANNOUNCE_H
#define VSWITCH_ANNOUNCE_H

#include <stdint.h>
#include <sys/socket.h>

struct announce;
struct port;
struct vswitch;

#define ANNOUNCE_ADDRESSES_MAX 16 /* of one guest; more are not announced */
#define ANNOUNCE_FRAME_SIZE 86    /* bytes: the longest, a neighbour advertisement */

struct announce_address {
	sa_family_t family; /* AF_INET or AF_INET6 */
	uint8_t bytes[16];  /* 4 or 16 of them, network order */
};

/**
 * announce_addresses() - read what a toolstack has written of a guest's addresses.
 * @text: addresses with or without a prefix length, between blanks or commas. Networks, multicast,
 *	loopback and the like are no addresses of a guest's and are left out in silence, as are
 *	IPv6 link-local ones, which might be a router's.
 * @addresses: room for ANNOUNCE_ADDRESSES_MAX.
 * @ret_bad: where in @text the first word is that is nothing of the kind; NULL: there is none.
 * Return: how many there are.
 */
unsigned int announce_addresses(const char *text, struct announce_address *addresses,
				const char **ret_bad);

/**
 * announce_frame() - make one announcement.
 * @address: NULL: RARP.
 * @frame: room for ANNOUNCE_FRAME_SIZE bytes.
 * Return: bytes, without FCS.
 */
uint32_t announce_frame(const uint8_t mac[6], const struct announce_address *address,
			uint8_t *frame);

/**
 * announce_create() - what it takes to announce the guest behind a port; quiet so far.
 * @port: outlives it.
 * Return: it, or NULL: no memory.
 */
struct announce *announce_create(struct vswitch *sw, const struct port *port);

/** announce_destroy() - stop and free. NULL is legal. */
void announce_destroy(struct announce *announce);

/**
 * announce_start() - announce now, and twice again; what was under way is replaced.
 * @ip: as announce_addresses(); NULL: none known.
 */
void announce_start(struct announce *announce, const uint8_t mac[6], const char *ip);

/**
 * announce_known() - the addresses of a station that is announced.
 * @mac: the station.
 * @ret_addresses: valid until the next announce_start().
 * Return: how many; 0 for another station.
 */
unsigned int announce_known(const struct announce *announce, const uint8_t mac[6],
			    const struct announce_address **ret_addresses);

/** announce_stop() - say no more: the guest is gone from here. */
void announce_stop(struct announce *announce);

#endif /* VSWITCH_ANNOUNCE_H */
