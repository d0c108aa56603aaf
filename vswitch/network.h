/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks: DHCP and DNS for guests, by the host's dnsmasq.
 *
 * A network is a prefix, and what guests in it are told. Guests reach it by *links*, routed
 * interfaces of the router's, of two kinds:
 *  - fixed: the rif of one guest, whose sources (`ip`) have an address in the network: this address
 *    is the guest's lease, whatever else it asks for;
 *  - dynamic: the router has an address with exactly this network's prefix on it (a bridge's
 *    gateway, or a port): stations get addresses out of the network's range, one for each MAC.
 *
 * One dnsmasq serves all networks; nothing of a server is in here. Both kinds of links work the
 * same way: the control thread is a relay agent (protocol/dhcp.h). Workers punt DHCP's broadcasts,
 * with a budget for each port, and what guests send to the router's own addresses, as ever. What
 * passes the checks goes to dnsmasq by an interface that nothing else can be reached by
 * (server_link.h), with the port as circuit id, so that the answer finds its way and nothing is
 * kept for it. This is simpler than a routed port for the host's side, and safer: no route to the
 * host's services, no routes to guests in the host's tables, and no way for a guest to speak DHCP
 * to the server past the relay, renewals included.
 * DNS is passed on the same way: guests ask the router's address on their link; the control thread
 * puts the server's in its place, and back, which needs no memory of who asked either.
 *
 * dnsmasq's files are in RUN_DIR/dnsmasq: its configuration, lists of guests and of what these are
 * told (read again when guests come and go), and leases, which outlive both processes. Client
 * identifiers are ignored: a guest is its MAC.
 *
 * What one guest may take from the others: of the control thread's time, NETWORK_DHCP_PER_SEC and
 * NETWORK_DNS_PER_SEC; of the addresses, one for each MAC that its bridge has learnt from it
 * (fdb-limit), and a vif one. A name that another guest has is not passed on.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_NETWORK_H
#define VSWITCH_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "lan.h"
#include "lease.h"
#include "prefix.h"

struct error;
struct network;
struct networks;
struct slow_frame;
struct switch_rif;
struct vswitch;

#define NETWORKS_MAX 256
#define NETWORK_DNS_MAX 4
#define NETWORK_DHCP_PER_SEC 20 /* of one port: messages */
#define NETWORK_DHCP_BURST 40
#define NETWORK_DNS_PER_SEC 500
#define NETWORK_DNS_BURST 1000

struct network_config {
	bool dhcp;
	char domain[LAN_DOMAIN_SIZE]; /* empty: none */
	uint32_t lease;               /* seconds */
	struct lan_range range;       /* of the prefix; low 0: its upper half */
	unsigned int n_dns;           /* 0: the router */
	uint8_t dns[NETWORK_DNS_MAX][4];
};

/* What has been refused, by reason. */
enum network_refusal {
	NETWORK_MALFORMED,
	NETWORK_SPOOFED,  /* for others: giaddr, hops, option 82, a hardware address */
	NETWORK_NO_LINK,  /* on no network with dhcp */
	NETWORK_TOO_MANY, /* more than a port's budget */
	NETWORK_REPLY,    /* from dnsmasq, and not right */
	NETWORK_REFUSALS
};
extern const char *const network_refusal_names[NETWORK_REFUSALS];

/* A link, as far as it concerns a network. */
struct network_link {
	const struct network *network;
	bool fixed;
	uint8_t address[4]; /* fixed: the guest's; else the router's */
	uint8_t router[4];
};

/**
 * network_add() - Return: 0, -EEXIST, -EINVAL, -ENOENT (no dnsmasq), -ENOSPC, -ENOMEM, or what
 * making the interface said.
 */
int network_add(struct vswitch *sw, const struct ip_prefix *prefix,
		const struct network_config *config, struct error *err);

/** network_set() - change it. Leases stay. Return: as network_add(), -ENOENT. */
int network_set(struct vswitch *sw, const struct ip_prefix *prefix,
		const struct network_config *config, struct error *err);

/** network_del() - Return: 0 or -ENOENT. */
int network_del(struct vswitch *sw, const struct ip_prefix *prefix, struct error *err);

/** network_find() - Return: it, or NULL. */
const struct network *network_find(const struct vswitch *sw, const struct ip_prefix *prefix);

/** network_next() - walk through the networks. @last: NULL at first. Return: the next, or NULL. */
const struct network *network_next(const struct vswitch *sw, const struct network *last);

/** networks_destroy() - end dnsmasq; the leases stay. Before rifs go. NULL is legal. */
void networks_destroy(struct networks *networks);

/** networks_changed() - rifs or their addresses have changed: dnsmasq is told, soon. */
void networks_changed(struct vswitch *sw);

/**
 * networks_receive() - a packet that may be for the servers.
 * @rif: that it came in by.
 * Return: true: it was, and is dealt with.
 */
bool networks_receive(struct switch_rif *rif, const struct slow_frame *frame);

/* --- for show --- */

struct network_info {
	struct ip_prefix prefix;
	struct network_config config;
	struct lan_range range;   /* that is used */
	const char *reason;       /* why there is no server now; or NULL */
	int pid;                  /* of dnsmasq; 0: none */
	const uint64_t *refusals; /* by reason, of all networks */
};
void network_info(const struct vswitch *sw, const struct network *network,
		  struct network_info *ret_info);

/** network_link() - is a rif a link of a network with dhcp? Return: false: of none. */
bool network_link(const struct vswitch *sw, const struct switch_rif *rif,
		  struct network_link *ret_link);

/** network_leases() - read the leases as they are now. Return: how many; *ret_leases is ours. */
unsigned int network_leases(const struct vswitch *sw, const struct lease **ret_leases);

/** network_has_lease() - does a lease belong to it? */
bool network_has_lease(const struct network *network, const struct lease *lease);

#endif /* VSWITCH_NETWORK_H */
