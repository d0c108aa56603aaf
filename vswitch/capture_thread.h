/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The capture thread: takes records out of the workers' rings, and writes pcapng to clients.
 *
 * The life of a *client*: the control thread adds it, publishes a set with its capture, and lets
 * the thread go (capture_thread_go()).
 * The thread finds that the client has gone or has had enough, and says so (CAPTURE_ENDED). The
 * control thread publishes a set without it, and a grace period later, when no worker records
 * anything for it any more, says so to the thread (capture_thread_finish()). The thread writes what
 * there still is and the totals, closes the connection and says so (CAPTURE_DONE).
 *
 * The thread sleeps a millisecond or some between two looks at the rings: workers wake nobody.
 *
 * Thread-safety: control thread only; the thread itself is behind these functions.
 */
#ifndef VSWITCH_CAPTURE_THREAD_H
#define VSWITCH_CAPTURE_THREAD_H

#include <stdint.h>

#include "capture.h"

struct capture_thread;
struct capture_client;

#define CAPTURE_PORT_TEXT_SIZE 128

enum capture_state {
	CAPTURE_RUNNING,
	CAPTURE_ENDED, /* its client wants no more */
	CAPTURE_DONE,  /* its client is gone */
};

/* What a client is to be sent. Borrowed until it is done. */
struct capture_order {
	const struct capture *capture;
	unsigned int slot;  /* in the set: whose bit it is in a record */
	const char *name;   /* of what is captured */
	const char *filter; /* as it was typed; empty: none */
	uint32_t buffer;    /* bytes that wait for the client */
	int fd;             /* taken over */
};

/* What is known of a port. */
struct capture_port {
	uint16_t id;
	uint16_t generation;
	char name[16];
	char description[CAPTURE_PORT_TEXT_SIZE]; /* or empty */
	uint8_t mac[6];                           /* all zero: none */
};

/**
 * capture_thread_create() - start it.
 * @rings, @n_rings: by worker; borrowed.
 * Return: it, or NULL with errno.
 */
struct capture_thread *capture_thread_create(struct capture_ring *const *rings, uint16_t n_rings);

/** capture_thread_destroy() - stop it, and close what is still open. NULL is legal. */
void capture_thread_destroy(struct capture_thread *thread);

/** capture_thread_fd() - readable when the state of a client has changed. */
int capture_thread_fd(const struct capture_thread *thread);

/** capture_thread_port() - tell of a port, before it can be captured. Return: 0 or -ENOMEM. */
int capture_thread_port(struct capture_thread *thread, const struct capture_port *port);

/** capture_thread_add() - a new client. Return: it, or NULL (ENOMEM): @order's fd stays open. */
struct capture_client *capture_thread_add(struct capture_thread *thread,
					  const struct capture_order *order);

/**
 * capture_thread_go() - the capture is in the published set: the client may be sent something. So
 * who reads the section's block knows that packets from now on are seen.
 */
void capture_thread_go(struct capture_thread *thread, struct capture_client *client);

/** capture_client_state() - what has become of it? */
enum capture_state capture_client_state(struct capture_thread *thread,
					const struct capture_client *client);

/** capture_thread_finish() - nothing is recorded for a client any more. */
void capture_thread_finish(struct capture_thread *thread, struct capture_client *client);

/** capture_thread_remove() - forget a client that is done. */
void capture_thread_remove(struct capture_thread *thread, struct capture_client *client);

/** capture_client_unread() - packets that it lost since it did not read. Any time. */
uint64_t capture_client_unread(const struct capture_client *client);

#endif /* VSWITCH_CAPTURE_THREAD_H */
