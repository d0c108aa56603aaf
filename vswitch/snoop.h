/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Snooping: the group memberships of a bridge's ports (protocol/membership.h) made into the entries
 * that its workers look up (datapath/group.h).
 *
 * IGMP and MLD messages come from workers (slow.h), change memberships, and go on from here:
 * queries to all ports, reports to the routers only, since hosts that hear a report may keep their
 * own back. Entries are made in a timer's callback, once for all that has been received in one go.
 *
 * A bridge has a struct snoop while its key `snooping` is yes; each of its ports has a struct
 * membership_port then.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_SNOOP_H
#define VSWITCH_SNOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "membership.h"

struct bridge_config;
struct error;
struct rte_mbuf;
struct switch_bridge;
struct switch_port;
struct vswitch;

#define VIF_GROUP_LIMIT_DEFAULT 256 /* of a guest that is given no limit of its own */

/* Settings of a bridge; times in milliseconds. */
struct snoop_config {
	bool snooping;
	bool querier;
	uint8_t querier_address[4]; /* of IPv4 queries; zero: none */
	uint32_t query_interval;
	uint32_t query_response;
	uint32_t last_member_interval;
	uint8_t robustness;   /* 1 .. 7 */
	uint32_t group_limit; /* at least 1 */
};

/**
 * snoop_check() - may a bridge be set so?
 * Return: 0, or -EINVAL with @err filled.
 */
int snoop_check(const char *bridge, const struct snoop_config *config, struct error *err);

/**
 * snoop_bridge_set() - start, change or end snooping as bridge->config says.
 * Return: 0, or -ENOMEM: it does not snoop.
 */
int snoop_bridge_set(struct vswitch *sw, struct switch_bridge *bridge);

/** snoop_bridge_gone() - end snooping, before the bridge is freed. */
void snoop_bridge_gone(struct switch_bridge *bridge);

/** snoop_port_join() - a port has come to its bridge, or snoop_port_leave(): it goes. */
void snoop_port_join(struct switch_port *port);
void snoop_port_leave(struct switch_port *port);

/** snoop_port_changed() - settings of a port, or whether it forwards, may have changed. */
void snoop_port_changed(struct switch_port *port);

/** snoop_port_reset() - the VLANs of a port have changed: nobody is behind it as far as known. */
void snoop_port_reset(struct switch_port *port);

/**
 * snoop_resync() - stations may be behind other ports now (the spanning tree has changed): ask all
 * hosts, and let all hear all until they have answered.
 */
void snoop_resync(struct switch_bridge *bridge);

/**
 * snoop_renew() - another switch is behind a port now (a bond has failed over): let it hear from
 * all our hosts which groups they want.
 */
void snoop_renew(struct switch_port *port);

/**
 * snoop_receive() - a worker has met one of the messages.
 * @pkt: the packet, to be sent on; the caller's.
 * @frame: its first @len bytes.
 * @vid: VLAN that it was classified to.
 */
void snoop_receive(struct vswitch *sw, struct switch_port *port, struct rte_mbuf *pkt,
		   const uint8_t *frame, uint32_t len, uint16_t vid);

/**
 * snoop_membership() - what is known of a bridge's groups; NULL: it does not snoop.
 * @ret_now: the time that it is to be read by.
 */
const struct membership *snoop_membership(const struct switch_bridge *bridge, uint64_t *ret_now);

/** snoop_port_info() - what a port has counted. Return: false if its bridge does not snoop. */
bool snoop_port_info(const struct switch_port *port, struct membership_port_info *ret_info);

#endif /* VSWITCH_SNOOP_H */
