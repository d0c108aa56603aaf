/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guests in route or NAT mode: ports on no bridge, whose every packet is the router's.
 *
 * Such a port is a routed interface (routing.h) with or without addresses. What makes it a guest's:
 * its *addresses* (key `ip`) are routed to it, it may send from no others, and a station of another
 * address finds no answer there; it is answered ARP and neighbour solicitations for whatever is
 * routed elsewhere, so that it can take the whole world for its link; its *gateways* are addresses
 * of the router's own on its link alone, and any number of guests may have the same ones.
 *
 * An *uplink* answers for guests if it is told so (`proxy guests`), and without that if one of its
 * addresses is the gateway of a guest. It is told of their addresses (gratuitous ARP, unsolicited
 * neighbour advertisements) as soon as they can be reached, three times within a second.
 *
 * A change is made in two steps: guest_begin() does all that may fail, beside what there is;
 * guest_commit() takes away what is not wanted any more, and cannot fail.
 *
 * An address belongs to one port. The exception is the emulated NIC of a guest beside its vif
 * (emulated.h), which has the same ones: they are routed to it for as long as it is there.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_GUEST_H
#define VSWITCH_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "prefix.h"
#include "schema.h"

struct error;
struct guest;
struct switch_port;
struct switch_rif;
struct vswitch;

/* What an operator says of a guest's port. */
struct guest_config {
	uint8_t mode; /* enum port_mode_word */
	uint8_t n_ips;
	uint8_t n_gateways;
	struct ip_prefix ips[PORT_IPS_MAX]; /* 0 behind their lengths */
	struct ip_addr gateways[PORT_GATEWAYS_MAX];
};

/** guest_is() - is a port in route or NAT mode? */
bool guest_is(const struct switch_port *port);

/**
 * guest_config_set_ips() - read a list of addresses and networks. One with bits set behind its
 * length, such as 10.0.0.2/16, is that address alone: hosts say so.
 * @text: as the schema takes it, "none" included.
 */
void guest_config_set_ips(struct guest_config *config, const char *text);

/** guest_config_set_gateways() - read a list of addresses. @text: as the schema takes it. */
void guest_config_set_gateways(struct guest_config *config, const char *text);

/** guest_ips_text() - the same as text: "none", or the list. Return: @ret_text. */
char *guest_ips_text(const struct guest_config *config, char ret_text[VALUE_TEXT_SIZE]);

/** guest_gateways_text() - Return: @ret_text. */
char *guest_gateways_text(const struct guest_config *config, char ret_text[VALUE_TEXT_SIZE]);

/**
 * guest_begin() - have a port be ready for another configuration; it may be on a bridge still.
 * @config: what is wanted; its old one is port->config.guest until guest_commit().
 * Return: 0, -EINVAL, -EEXIST (another has an address), -EBUSY, -ENOSPC, -ENOMEM; then nothing has
 * changed.
 */
int guest_begin(struct switch_port *port, const struct guest_config *config, struct error *err);

/** guest_abort() - take back what guest_begin() did. */
void guest_abort(struct switch_port *port, const struct guest_config *config);

/** guest_commit() - have it; the port is on no bridge by now, or will not be routed any more. */
void guest_commit(struct switch_port *port, const struct guest_config *config);

/** guest_removed() - a port goes: so does what made it a guest's. */
void guest_removed(struct switch_port *port);

/** guest_changed() - a port's link has changed: say where the guest is if it can be reached. */
void guest_changed(struct switch_port *port);

/** guests_uplink_changed() - a rif's addresses have changed, or whom it is to answer for. */
void guests_uplink_changed(struct switch_rif *rif);

/** guests_announce() - an uplink answers for guests from now on: say so of all of them. */
void guests_announce(struct vswitch *sw);

/** guest_of_ip() - the port that an address or network is given to; NULL: none. */
struct switch_port *guest_of_ip(const struct vswitch *sw, const struct ip_prefix *prefix);

#endif /* VSWITCH_GUEST_H */
