/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Server link: the interface (vswitch0, a tun) by which the host's dnsmasq hears guests. It is no
 * port, and there is no way to it but this one: what the control thread has looked at and writes to
 * it. So nothing else of the host can be reached by it, whatever listens there.
 *
 * The interface has one address, the server's, and a peer, the relay's. Whatever the server sends
 * leaves by it, wherever to: by a rule for packets from that address, with a table of its own, so
 * that no network of guests is in the host's routes, or in the way of them.
 *
 * It goes with the daemon.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_SERVER_LINK_H
#define VSWITCH_SERVER_LINK_H

#include <net/if.h>
#include <stdint.h>

struct error;
struct vswitch;

#define SERVER_LINK_MTU 1500
#define SERVER_LINKS_MAX 64 /* of all vswitchds of a host */

/** server_link_fn - the server has sent an IP packet. @ip: SERVER_LINK_MTU bytes at most. */
typedef void (*server_link_fn)(void *arg, uint8_t *ip, uint32_t len);

struct server_link {
	char name[IFNAMSIZ];
	uint8_t relay[4];
	uint8_t server[4];
	/* its own */
	int fd;
	int ifindex;
	struct event *event;
	struct vswitch *sw;
	server_link_fn receive;
	void *arg;
};

/** server_link_open() - make the interface. Return: 0, or -errno with @err filled. */
int server_link_open(struct server_link *link, struct vswitch *sw, server_link_fn receive,
		     void *arg, struct error *err);

/** server_link_close() - take it away. Legal if it is not open (fd < 0). */
void server_link_close(struct server_link *link);

/** server_link_send() - give the server a packet. Return: 0 or -errno: it is lost. */
int server_link_send(const struct server_link *link, const uint8_t *ip, uint32_t len);

#endif /* VSWITCH_SERVER_LINK_H */
