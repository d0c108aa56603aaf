/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the LACP machine share with each other alone: lacp_machine.c has the machines
 * of one port, lacp_select.c the selection, lacp.c the calls and what concerns all ports.
 *
 * Thread-safety: as lacp.h.
 */
#ifndef PROTOCOL_LACP_PRIV_H
#define PROTOCOL_LACP_PRIV_H

#include "lacp.h"

/* port_rx_begin() - the receive machine's INITIALIZE: the partner is unknown. */
void port_rx_begin(struct lacp_port *port);

/* port_rx_pdu() - the receive machine gets a PDU. */
void port_rx_pdu(struct lacp_port *port, const struct lacp_pdu *pdu, uint64_t now);

/* port_link() - the receive machine: the link came or went. */
void port_link(struct lacp_port *port, bool up, uint64_t now);

/* port_expire() - the receive machine: has the partner been silent for too long? */
void port_expire(struct lacp_port *port, uint64_t now);

/* port_timers() - the periodic and churn machines, and the mux's timer: what is due. */
void port_timers(struct lacp_port *port, uint64_t now);

/*
 * port_mux() - the mux machine, until nothing changes.
 * @ready: all ports that wait for the aggregator are ready.
 * Return: has anything changed?
 */
bool port_mux(struct lacp_port *port, bool ready, uint64_t now);

/* port_transmit_at() - when a PDU is to leave, maybe long ago; LACP_NEVER: none is. */
uint64_t port_transmit_at(const struct lacp_port *port);

/* port_sent() - a PDU has left. */
void port_sent(struct lacp_port *port, uint64_t now);

/* lacp_saved_end() - when the partner has lost patience. */
uint64_t lacp_saved_end(const struct lacp_saved *saved);

/* lacp_saved_alive() - does the partner still believe what was saved? */
bool lacp_saved_alive(const struct lacp_saved *saved, uint64_t now);

/* port_take_over() - go on from what another process has saved, if that can be. The link is up. */
bool port_take_over(struct lacp_port *port, uint64_t now);

/* port_key() - the operational key: as Linux has it, ports of different speed do not go together.
 */
uint16_t port_key(const struct lacp_config *config, const struct lacp_port *port);

/* select_ports() - choose the group to use, and who is in it. Return: has anything changed? */
bool select_ports(struct lacp *lacp);

/* selection_ready() - have all that wait for the aggregator waited long enough? (Ready, 6.4.15) */
bool selection_ready(struct lacp *lacp);

/* port_reason() - why the port does not take part. */
enum lacp_reason port_reason(const struct lacp_port *port);

/* partner_compare() - by the rank of their systems. Return: < 0, 0, > 0. */
int partner_compare(const struct lacp_info *a, const struct lacp_info *b);

#define FOREACH_USED(port, lacp)                                                            \
	for (struct lacp_port *port = (lacp)->ports; port < (lacp)->ports + LACP_PORTS_MAX; \
	     port++)                                                                        \
		if (!port->used) {                                                          \
		} else

static inline bool
due(uint64_t timer, uint64_t now)
{
	return timer != LACP_NEVER && timer <= now;
}

#endif /* PROTOCOL_LACP_PRIV_H */
