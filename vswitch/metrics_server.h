/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Metrics server: metrics.h by HTTP, at /metrics, on a loopback address or a unix socket.
 *
 * How: libevent's evhttp on the control thread. Clients are not trusted: whoever connects gets one
 * answer and METRICS_CLIENT_SEC for it, from the first byte of his request to the last byte of the
 * answer; METRICS_CLIENTS_MAX are served at a time, METRICS_ACCEPT_MAX are accepted in a quarter of
 * a second, and the others wait. Requests are short, and are GET or HEAD. What was rendered is
 * given to everybody who asks for that format until METRICS_FORMATS * METRICS_SHARE - 1 times as
 * long as it took has passed: so clients together get at most one part of METRICS_SHARE of the
 * control thread's time by it, and share its memory.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_METRICS_SERVER_H
#define VSWITCH_METRICS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct metrics;
struct vswitch;

#define METRICS_CLIENTS_MAX 16
#define METRICS_ACCEPT_MAX 32 /* in 250 ms */
#define METRICS_CLIENT_SEC 10
#define METRICS_HEADERS_MAX 8192 /* bytes */
#define METRICS_BODY_MAX 4096    /* bytes, of requests that should have none */
#define METRICS_SHARE 10

/* What "metrics show" tells. */
struct metrics_status {
	const char *listen; /* as set; NULL: off */
	const char *reason; /* why it does not listen; empty: it does */
	uint64_t requests;  /* answered, with whatever status */
	uint64_t renders;
	uint64_t render_nsec; /* of these together */
	uint64_t last_nsec;   /* of the last one */
	uint64_t last_size;   /* bytes of that */
	unsigned int clients; /* connected now */
};

/**
 * metrics_create() - off, for sw->metrics.
 * Return: it, or NULL with @err filled.
 */
struct metrics *metrics_create(struct vswitch *sw, struct error *err);

/** metrics_destroy() - close all clients, and remove the socket. NULL is legal. */
void metrics_destroy(struct metrics *metrics);

/**
 * metrics_listen() - listen somewhere, and no more where it did
 * @text: as listen_parse() reads it; "off": nowhere
 * @may_wait: an address that cannot be had now is tried again, and the failure is but logged
 *
 * Return: 0, or -errno with @err filled: all is as before.
 */
int metrics_listen(struct metrics *metrics, const char *text, bool may_wait, struct error *err);

/** metrics_status() - how it goes. @metrics: NULL: off. */
void metrics_status(const struct metrics *metrics, struct metrics_status *ret_status);

/** metrics_started() - when the program has started, in seconds since 1970. */
int64_t metrics_started(const struct metrics *metrics);

#endif /* VSWITCH_METRICS_SERVER_H */
