/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * STP: the spanning tree of bridges (protocol/rstp.h) in the switch: settings, timers, frames, and
 * what ports may do.
 *
 * How: a bridge whose key `stp` is not off has a struct rstp; all of its ports are in it, but those
 * that filter BPDUs. There is one tree for all VLANs; BPDUs are untagged. A port that has no link
 * is discarding, so that it is so already when its link comes. What the tree lets a port do is
 * switch_port.stp_state; switch_port_judge() makes of it, and of what else watches over the port,
 * what workers see.
 *
 * A guest's port, and the host's own tap, are edges from the start; a guest's port is restricted:
 * no guest becomes the root, and its changes of topology are its own. BPDUs beyond BPDU_PER_SEC of
 * a port are not looked at.
 *
 * BPDU guard and filter work without a spanning tree, too.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_STP_H
#define VSWITCH_STP_H

#include <stdbool.h>
#include <stdint.h>

#include "schema.h"

struct error;
struct rstp_port_status;
struct rstp_status;
struct stp_bridge;
struct stp_port;
struct switch_bridge;
struct switch_port;
struct vswitch;

/* Settings of a bridge; see struct rstp_config. */
struct stp_bridge_config {
	enum stp_word mode;
	uint16_t priority;
	uint8_t hello; /* seconds, as the two below */
	uint8_t max_age;
	uint8_t forward_delay; /* 0 .. 3 only without a spanning tree */
	bool loop_detect;      /* without a spanning tree: loop.h */
};

#define STP_PORT_PRIORITY_DEFAULT 128
#define STP_PORT_PRIORITY_STEP 16

/* Settings of a port; see struct rstp_port_config. */
struct stp_port_config {
	uint32_t cost; /* 0: by its speed */
	uint8_t priority;
	uint8_t edge; /* enum tristate_word, as the two below */
	uint8_t p2p;
	uint8_t restricted;
	uint8_t bpdu; /* enum bpdu_word */
};

/**
 * stp_config_check() - do a bridge's settings agree with each other and with the standard?
 * @name: of the bridge, for @err.
 * Return: 0 or -EINVAL.
 */
int stp_config_check(const struct stp_bridge_config *config, const char *name, struct error *err);

/** stp_port_config_check() - the same of a port. */
int stp_port_config_check(const struct stp_port_config *config, const char *name,
			  struct error *err);

/**
 * stp_bridge_set() - have the bridge's tree follow new settings: made, changed or taken away.
 * @config: checked; not yet the bridge's.
 * Return: 0 or -ENOMEM: nothing is changed.
 */
int stp_bridge_set(struct vswitch *sw, struct switch_bridge *bridge,
		   const struct stp_bridge_config *config);

/** stp_bridge_end() - the bridge, which has no ports, is removed. */
void stp_bridge_end(struct switch_bridge *bridge);

/**
 * stp_bridge_address() - ports came, went or changed: let the bridge be called by the best address
 * that they have. Done by stp_port_join() and stp_port_changed().
 */
void stp_bridge_address(struct switch_bridge *bridge);

/** stp_port_join() - a port is about to be seen on its bridge: workers know it not yet. */
void stp_port_join(struct switch_port *port);

/** stp_port_leave() - a port has left its bridge, which it still names. */
void stp_port_leave(struct switch_port *port);

/** stp_port_changed() - settings of a port, its link (port->dp->up) or its address have changed. */
void stp_port_changed(struct switch_port *port);

/**
 * stp_receive() - a frame to 01:80:c2:00:00:00 has come in.
 * @frame, @len: hostile.
 */
void stp_receive(struct switch_port *port, const uint8_t *frame, uint32_t len);

/** stp_ageing() - seconds after which the bridge forgets addresses now. */
uint32_t stp_ageing(const struct switch_bridge *bridge, uint32_t now);

/**
 * stp_bridge_id() - priority and address of the bridge, with a spanning tree or without, as it
 * would be in BPDUs. Without a tree the address is 0 if no port has one to give.
 */
uint64_t stp_bridge_id(struct vswitch *sw, const struct switch_bridge *bridge);

/** stp_port_number() - 1 .. PORT_MAX; in a tree as in BPDUs, else as the port is known to workers.
 */
uint16_t stp_port_number(const struct switch_port *port);

/** stp_port_cost() - path cost, as set or by the port's speed. */
uint32_t stp_port_cost(const struct switch_port *port);

/** stp_status() - what there is to know. Return: false: the bridge has no spanning tree. */
bool stp_status(const struct switch_bridge *bridge, struct rstp_status *ret_status);

/**
 * stp_port_status() - what there is to know of a port.
 * @ret_limited: BPDUs that were too many. Return: false: it is in no spanning tree.
 */
bool stp_port_status(const struct switch_port *port, struct rstp_port_status *ret_status,
		     uint64_t *ret_limited);

/** stp_root_port() - the port of a bridge that leads to the root, or NULL. */
const struct switch_port *stp_root_port(const struct switch_bridge *bridge);

#endif /* VSWITCH_STP_H */
