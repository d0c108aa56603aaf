/* SPDX-License-Identifier: BSD-3-Clause */
#include "emulated.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "log.h"
#include "netback.h"
#include "switch.h"
#include "vif.h"

#define NOTE "emulated" /* there is such a port */

bool
emulated_is_named(const struct switch_port *port)
{
	const size_t len = strlen(port->config.name), suffix = strlen(EMULATED_SUFFIX);

	return port->config.kind == PORT_KIND_NETDEV && len > suffix &&
	       strcmp(port->config.name + len - suffix, EMULATED_SUFFIX) == 0;
}

/* The vif beside which the port's NIC is emulated, or NULL. */
static struct vif *
emulated_vif(const struct vswitch *sw, const struct switch_port *port)
{
	const char *name = port->config.name;
	char vif_name[SWITCH_NAME_SIZE];

	if (sw->netback == NULL || !emulated_is_named(port))
		return NULL;
	snprintf(vif_name, sizeof(vif_name), "%.*s", (int)(strlen(name) - strlen(EMULATED_SUFFIX)),
		 name);
	return netback_find(sw->netback, vif_name);
}

bool
emulated_is(const struct vswitch *sw, const struct switch_port *port)
{
	return emulated_vif(sw, port) != NULL;
}

/* Return: false if no interface can have that name. */
static bool
emulated_name(const struct vif *vif, char name[SWITCH_NAME_SIZE])
{
	int len = snprintf(name, SWITCH_NAME_SIZE, "%s" EMULATED_SUFFIX, vif->name);

	return len > 0 && len < SWITCH_NAME_SIZE;
}

static void
emulated_note(struct vif *vif, bool there)
{
	int ret = vif_note_write(vif, NOTE, there ? "1" : NULL);

	if (ret < 0 && ret != -ENOENT)
		log_line(LOG_WARNING, "%s: cannot note in xenstore that its emulated NIC is %s: %s",
			 vif->name, there ? "here" : "gone", strerror(-ret));
}

void
emulated_added(struct vswitch *sw, const struct switch_port *port)
{
	struct vif *vif = emulated_vif(sw, port);

	if (vif != NULL)
		emulated_note(vif, true);
}

void
emulated_deleted(struct vswitch *sw, const struct switch_port *port)
{
	struct vif *vif = emulated_vif(sw, port);

	if (vif != NULL)
		emulated_note(vif, false);
}

void
emulated_gone(struct vswitch *sw, const struct switch_port *port)
{
	struct error err;

	if (emulated_vif(sw, port) == NULL)
		return;
	log_line(LOG_INFO, "port %s: the guest has no emulated NIC any more: removed",
		 port->config.name);
	switch_port_del(sw, port->config.name, &err);
}

void
emulated_restore(struct vswitch *sw, struct vif *vif, const char *bridge,
		 const struct port_config *config)
{
	struct port_config emulated = {
		.kind = PORT_KIND_NETDEV,
		.vlan = config->vlan,
		.isolated = config->isolated,
		.hairpin = config->hairpin,
		.no_flood = config->no_flood,
		.mtu = config->mtu,
		.stp = config->stp,
		.guest = config->guest,
		.n_queues = 1,
		.sw = sw,
	};
	char *note = vif_note_read(vif, NOTE);
	bool there = note != NULL;
	struct error err;
	int ret;

	free(note);
	if (!there || !emulated_name(vif, emulated.name) ||
	    switch_port_find(sw, emulated.name) != NULL)
		return;
	ret = switch_port_add(sw, bridge, &emulated, &err);
	if (ret == -ENODEV)
		emulated_note(vif, false);
	else if (ret < 0)
		log_line(LOG_WARNING, "%s: its emulated NIC cannot go back to where it was: %s",
			 vif->name, err.msg);
}

void
emulated_end(struct vswitch *sw, const struct vif *vif)
{
	const struct switch_port *port;
	char name[SWITCH_NAME_SIZE];
	struct error err;

	if (!emulated_name(vif, name))
		return;
	port = switch_port_find(sw, name);
	if (port != NULL && port->config.kind == PORT_KIND_NETDEV)
		switch_port_del(sw, name, &err);
}
