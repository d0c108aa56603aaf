/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rounds of "vsctl top": what the daemon says of one moment, and what has become of it since the
 * round before: rates, drops and why, shares of the workers' time.
 *
 * How: a port is a row of cells, a text or a number each. What is not known - rates of a port that
 * was not there before, of a daemon that has been started since, of counters that have gone back -
 * is NAN or NULL, never a guess. Ports are told apart by what the daemon calls their instance, so
 * one that is added again under its old name starts anew.
 *
 * A worker's time in turns that had packets is that of its ports: what their bursts have cost by
 * themselves, as the worker has measured it, and by packets what is left of the turns.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_TOP_ROUND_H
#define CTL_TOP_ROUND_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct error;

/* In the order of the screen. */
enum top_column {
	TOP_PORT,
	TOP_DOMID,
	TOP_GUEST,
	TOP_TYPE,
	TOP_BRIDGE,
	TOP_LINK,
	TOP_RX_BPS, /* received by the switch: what a guest sends */
	TOP_RX_PPS,
	TOP_TX_BPS,
	TOP_TX_PPS,
	TOP_DROP_RATE,
	TOP_REASON, /* of most drops since the round before */
	TOP_CPU,    /* percent of one core */
	TOP_QUEUES,
	TOP_WORKERS,
	TOP_RX_RING, /* percent that is full */
	TOP_TX_RING,
	TOP_RX_PACKETS,
	TOP_TX_PACKETS,
	TOP_DROPS,
	TOP_BPS, /* both ways; to sort by */

	TOP_COLUMNS
};

/* The one that its column asks for; NULL or NAN: not known. */
struct top_cell {
	const char *text;
	double number;
};

#define TOP_WORKERS_SIZE 32 /* bytes; more workers than fit end in "..." */

struct top_port {
	const json_t *row; /* the daemon's */
	json_int_t instance;
	bool is_inner; /* what it counts counts on other ports, too */
	char workers[TOP_WORKERS_SIZE];
	struct top_cell cells[TOP_COLUMNS];
};

struct top_worker {
	json_int_t id;
	const char *state; /* "polling", "napping", "sleeping" */
	json_int_t hz;
	json_int_t busy_cycles;
	double busy; /* percent of its core */
};

/* Sums of all ports that are not inner; drops of all. */
struct top_total {
	double rx_bps, rx_pps, tx_bps, tx_pps, drop_rate, cpu;
	const char *reason;
};

struct top_round {
	json_t *reply;   /* where the texts are */
	double time;     /* seconds, of the daemon's clock */
	double started;  /* when the daemon was */
	double interval; /* seconds since the round before; NAN: there is none */
	struct top_port *ports;
	size_t n_ports;
	struct top_worker *workers;
	size_t n_workers;
	struct top_total total;
};

/**
 * top_round_read() - take a reply to "top.show" apart
 * @reply: the reference is taken over, also on failure
 * @before: the round before, to compare it with, or NULL
 * @ret_round: to be freed by top_round_free(); on failure, too
 * @err: it is not what it should be
 *
 * Return: 0 or -errno.
 */
int top_round_read(json_t *reply, const struct top_round *before, struct top_round *ret_round,
		   struct error *err);

/** top_round_free() - free what a round holds. All zero is legal. */
void top_round_free(struct top_round *round);

#endif
