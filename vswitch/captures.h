/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures: packets as pcapng, for clients that want to see them.
 *
 * A client asks for a capture (capture.start), and gets it on the connection that it asked by: one
 * section, an interface for each port as its first packet comes, packets, and at the end the
 * totals. Workers record packets for it (datapath/capture.h); the *capture thread* takes the
 * records, makes blocks of them, and writes these to whoever they are for. It is there as long as
 * there are captures.
 *
 * A client that does not read loses packets, which are counted, and holds nobody up. A capture ends
 * when its client has gone; one that only says that it will send no more (SHUT_WR) is sent what has
 * been captured until then, and the totals, and then the connection is closed.
 *
 * Ports may come and go meanwhile: a capture of a port looks at whatever has its name, one of a
 * bridge at those that are on it.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_CAPTURES_H
#define VSWITCH_CAPTURES_H

#include <stdint.h>

#include "filter.h"
#include "switch.h"

struct captures;
struct error;

#define CAPTURE_TEXT_SIZE 1024

#define CAPTURE_BUFFER_DEFAULT (4u << 20)
#define CAPTURE_BUFFER_MIN (512u << 10)
#define CAPTURE_BUFFER_MAX (1u << 30)

/* What a client wants. */
struct capture_request {
	char port[SWITCH_NAME_SIZE];   /* its name; or empty */
	char bridge[SWITCH_NAME_SIZE]; /* the ports of it; or empty: of all */
	uint32_t points;               /* bits by enum capture_point */
	uint32_t length;               /* bytes of each packet, at most */
	uint32_t buffer;               /* bytes that wait for a client that is slow */
	const struct sock_filter *ops; /* NULL: no filter */
	size_t n_ops;
	char text[CAPTURE_TEXT_SIZE]; /* the filter as it was typed, or empty */
};

/* A capture that is going on. */
struct capture_info {
	const struct capture_request *request; /* without ops */
	uint32_t id;
	uint64_t seen;
	uint64_t matched;
	uint64_t missed; /* of these: for lack of room, or since the client does not read */
};

/**
 * capture_begin() - what a client has asked for, before it has its reply
 * @ret_id: the capture's
 *
 * Return: 0, -ENOENT (no such port or bridge), -EINVAL (a filter that is none), -EUSERS (there are
 * too many), -ENOMEM.
 */
int capture_begin(struct vswitch *sw, const struct capture_request *request, uint32_t *ret_id,
		  struct error *err);

/** capture_connected() - its client is ready. @fd: of the connection; -1: it has gone. */
void capture_connected(struct vswitch *sw, uint32_t id, int fd);

/** capture_ports_changed() - a port has come, or is on another bridge. */
void capture_ports_changed(struct vswitch *sw);

/** capture_next() - the capture that comes after @id (0: the first one). Return: is there one? */
bool capture_next(const struct vswitch *sw, uint32_t id, struct capture_info *ret_info);

/** captures_destroy() - end all of them. NULL is legal. */
void captures_destroy(struct captures *captures);

#endif /* VSWITCH_CAPTURES_H */
