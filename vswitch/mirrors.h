/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mirrors: copies of what passes a port, or comes in to a bridge, for somebody to look at.
 *
 * What an operator says is kept here, and made into the set that workers copy by
 * (datapath/mirror.h): a new one whenever a port comes, goes or changes its bridge, or a mirror
 * changes. A mirror names ports and bridges; if they are not there (any more) it waits for them.
 *
 * Copies always leave by a port. It is one that the operator names - on no bridge, and with no
 * other use, which nothing may give it meanwhile - or a port of the mirror's own: the end of a
 * VXLAN tunnel (port_vxlan.h), or a tap with softflowd behind it (mirror_flows.h). What comes in by
 * such a port is dropped (no_bridge), and it is given no unfinished packets, so that what is seen
 * there is as on a wire.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_MIRRORS_H
#define VSWITCH_MIRRORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "drop.h"
#include "port_vxlan.h"
#include "switch.h"

struct error;
struct mirror_job;

#define MIRROR_IPFIX_SIZE 256

/* Where copies go. */
enum mirror_kind { MIRROR_TO_PORT, MIRROR_TO_VXLAN, MIRROR_TO_IPFIX };

struct mirror_config {
	char name[SWITCH_NAME_SIZE];
	char port[SWITCH_NAME_SIZE];   /* whose packets; or empty: */
	char bridge[SWITCH_NAME_SIZE]; /* those of the bridge */
	uint16_t vlan;                 /* 0: any */
	bool in, out;                  /* which of a port's */
	uint32_t length;               /* bytes of each packet; 0: all */
	enum mirror_kind kind;
	char to[SWITCH_NAME_SIZE];
	struct vxlan_config vxlan;
	char ipfix[MIRROR_IPFIX_SIZE]; /* HOST:PORT */
	uint32_t ipfix_timeout;        /* seconds */
};

/* A mirror as it is shown. */
struct mirror_info {
	const struct mirror_config *config;
	const char *out;                     /* name of the port that copies leave by */
	char reason[4 * SWITCH_REASON_SIZE]; /* why nothing is copied, or does not arrive; empty */
	pid_t pid;                           /* of softflowd; 0: none */
	uint64_t packets, bytes;             /* to be copied */
	/* of these; those of a port's that several mirrors send to are all of theirs */
	uint64_t drops[DROP_REASONS];
};

/**
 * mirror_add() - Return: 0, -EEXIST, -ENOENT (no such port or bridge, no softflowd), -EBUSY (the
 * port that it sends to has another use), -ENOSPC, -ENOMEM, -ENOTSUP (no router).
 */
int mirror_add(struct vswitch *sw, const struct mirror_config *config, struct error *err);

/** mirror_set() - change vlan, in, out and length. Return: 0, -ENOENT, -ENOMEM. */
int mirror_set(struct vswitch *sw, const struct mirror_config *config, struct error *err);

/** mirror_del() - Return: 0 or -ENOENT. */
int mirror_del(struct vswitch *sw, const char *name, struct error *err);

/** mirror_find() - what is set of a mirror, or NULL. */
const struct mirror_config *mirror_find(const struct vswitch *sw, const char *name);

/** mirror_next() - walk through the mirrors. @last: NULL at first. Return: the next one, or NULL.
 */
const struct mirror_job *mirror_next(const struct vswitch *sw, const struct mirror_job *last);

/** mirror_info() - how a mirror is. */
void mirror_info(const struct mirror_job *job, struct mirror_info *ret_info);

/** mirror_ports_changed() - a port has come, or is on another bridge. */
void mirror_ports_changed(struct vswitch *sw);

/** mirror_end_is_busy() - say that a mirror sends to a port. Return: -EBUSY. */
int mirror_end_is_busy(const struct switch_port *port, struct error *err);

/** mirrors_tick() - a second has passed. */
void mirrors_tick(struct vswitch *sw);

/** mirrors_destroy() - end all of them, before ports go. NULL is legal. */
void mirrors_destroy(struct mirrors *mirrors);

#endif /* VSWITCH_MIRRORS_H */
