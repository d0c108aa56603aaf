/* SPDX-License-Identifier: BSD-3-Clause */
/* What those who watch over ports - spanning tree, loop detection, BPDU guard - share. */
#include <stdio.h>
#include <string.h>

#include "emulated.h"
#include "switch_priv.h"

bool
switch_port_is_guest(const struct switch_port *port)
{
	/* the VLAN of a guest's port is the guest's, too */
	while (port->config.kind == PORT_KIND_VLAN) {
		const struct switch_port *parent = switch_port_find(port->sw, port->config.parent);

		if (parent == NULL)
			return false;
		port = parent;
	}
	return port->config.kind == PORT_KIND_VIF || port->config.kind == PORT_KIND_VHOST ||
	       emulated_is(port->sw, port);
}

bool
switch_port_has_mac(const struct switch_port *port)
{
	static const uint8_t none[6], backend[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };

	return memcmp(port->dp->mac, none, sizeof(none)) != 0 &&
	       memcmp(port->dp->mac, backend, sizeof(backend)) != 0 && !(port->dp->mac[0] & 1);
}

enum port_state
switch_port_state(const struct switch_port *port)
{
	return port->loop.blocked ? PORT_BLOCKED : port->stp_state;
}

void
switch_port_shut(struct switch_port *port, const char *reason)
{
	if (port->shut_reason[0] != '\0')
		return;
	snprintf(port->shut_reason, sizeof(port->shut_reason), "%s", reason);
	__atomic_store_n(&port->dp->carrier_off, true, __ATOMIC_RELAXED);
	switch_port_judge(port);
}

void
switch_port_unshut(struct switch_port *port)
{
	if (port->shut_reason[0] == '\0')
		return;
	port->shut_reason[0] = '\0';
	__atomic_store_n(&port->dp->carrier_off, port->config.carrier_off, __ATOMIC_RELAXED);
	switch_port_judge(port);
}
