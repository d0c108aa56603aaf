/* SPDX-License-Identifier: BSD-3-Clause */
#include "top_round.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* A worker's time since the round before, and what its ports say of it. */
struct share {
	double busy;    /* cycles */
	double charged; /* of these, to ports */
	double packets; /* that they received */
};

static json_int_t
integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static double
seconds(const json_t *object, const char *key)
{
	return integer(object, key) / 1e6;
}

static struct top_cell
text_cell(const json_t *row, const char *key)
{
	return (struct top_cell){ json_string_value(json_object_get(row, key)), NAN };
}

static struct top_cell
number_cell(const json_t *row, const char *key)
{
	const json_t *value = json_object_get(row, key);

	return (struct top_cell){ NULL, json_is_integer(value) ? json_integer_value(value) : NAN };
}

static double
drops_of(const json_t *row)
{
	json_t *drops = json_object_get(row, "drops");
	const char *reason;
	json_t *packets;
	double sum = 0;

	json_object_foreach(drops, reason, packets)
		sum += json_integer_value(packets);
	return sum;
}

/* "0,1": who polls its queues. */
static void
workers_read(struct top_port *port)
{
	const json_t *workers = json_object_get(port->row, "workers"), *worker;
	size_t len = 0, i;

	json_array_foreach(workers, i, worker) {
		if (integer(worker, "queues") == 0)
			continue;
		len += snprintf(port->workers + len, sizeof(port->workers) - len,
				"%s%" JSON_INTEGER_FORMAT, len > 0 ? "," : "",
				integer(worker, "worker"));
		if (len >= sizeof(port->workers)) {
			strcpy(&port->workers[sizeof(port->workers) - sizeof("...")], "...");
			break;
		}
	}
	port->cells[TOP_WORKERS] = (struct top_cell){ len > 0 ? port->workers : NULL, NAN };
}

static void
port_read(const json_t *row, struct top_port *port)
{
	static const struct {
		enum top_column column;
		const char *key;
	} texts[] = {
		{ TOP_PORT, "port" },     { TOP_GUEST, "guest" }, { TOP_TYPE, "type" },
		{ TOP_BRIDGE, "bridge" }, { TOP_LINK, "link" },
	}, numbers[] = {
		{ TOP_DOMID, "domid" },
		{ TOP_QUEUES, "queues" },
		{ TOP_RX_RING, "ring_rx_percent" },
		{ TOP_TX_RING, "ring_tx_percent" },
		{ TOP_RX_PACKETS, "rx_packets" },
		{ TOP_TX_PACKETS, "tx_packets" },
	};

	port->row = row;
	port->instance = integer(row, "instance");
	port->is_inner = json_is_true(json_object_get(row, "inner"));
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		port->cells[i].number = NAN;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		port->cells[texts[i].column] = text_cell(row, texts[i].key);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		port->cells[numbers[i].column] = number_cell(row, numbers[i].key);
	port->cells[TOP_DROPS].number = drops_of(row);
	workers_read(port);
}

/* The same port in the round before. Order changes little: @next is where to look first. */
static const struct top_port *
port_before(const struct top_round *before, const struct top_port *port, size_t *next)
{
	for (size_t i = 0; i < before->n_ports; i++) {
		const size_t at = (*next + i) % before->n_ports;

		if (before->ports[at].instance != port->instance)
			continue;
		*next = at + 1;
		return &before->ports[at];
	}
	return NULL;
}

/* What a counter has grown by, in a second; NAN: it has gone back. */
static double
rate_of(const struct top_round *round, const json_t *now, const json_t *before, const char *key)
{
	const double grown = integer(now, key) - integer(before, key);

	return grown < 0 ? NAN : grown / round->interval;
}

/* @reasons: sums of all ports. */
static void
drops_compare(const struct top_round *round, struct top_port *port, const struct top_port *before,
	      json_t *reasons)
{
	json_t *drops = json_object_get(port->row, "drops");
	const json_t *drops_before = json_object_get(before->row, "drops");
	double sum = 0, most = 0;
	const char *reason;
	json_t *packets;

	json_object_foreach(drops, reason, packets) {
		const json_int_t grown =
			json_integer_value(packets) - integer(drops_before, reason);

		if (grown <= 0)
			continue;
		sum += grown;
		json_object_set_new(reasons, reason,
				    json_integer(integer(reasons, reason) + grown));
		if (grown > most) {
			most = grown;
			port->cells[TOP_REASON].text = reason;
		}
	}
	port->cells[TOP_DROP_RATE].number = sum / round->interval;
}

static void
port_compare(const struct top_round *round, struct top_port *port, const struct top_port *before,
	     json_t *reasons)
{
	struct top_cell *cells = port->cells;

	cells[TOP_RX_BPS].number = 8 * rate_of(round, port->row, before->row, "rx_bytes");
	cells[TOP_TX_BPS].number = 8 * rate_of(round, port->row, before->row, "tx_bytes");
	cells[TOP_RX_PPS].number = rate_of(round, port->row, before->row, "rx_packets");
	cells[TOP_TX_PPS].number = rate_of(round, port->row, before->row, "tx_packets");
	cells[TOP_BPS].number = cells[TOP_RX_BPS].number + cells[TOP_TX_BPS].number;
	drops_compare(round, port, before, reasons);
}

/* --- shares of the workers' time --- */

/* What a worker had for a port before. */
static const json_t *
work_before(const struct top_port *before, json_int_t worker)
{
	const json_t *works = json_object_get(before->row, "workers"), *work;
	size_t i;

	json_array_foreach(works, i, work)
		if (integer(work, "worker") == worker)
			return work;
	return NULL;
}

/* Add a port's part to what its workers had to do; or, with @cpu, reckon up its share of that. */
static void
port_share(const struct top_round *round, const struct top_port *port,
	   const struct top_port *before, struct share *shares, double *cpu)
{
	const json_t *works = json_object_get(port->row, "workers"), *work;
	size_t i;

	json_array_foreach(works, i, work) {
		const json_int_t worker = integer(work, "worker");
		const json_t *then = work_before(before, worker);
		const double cycles = integer(work, "cycles") - integer(then, "cycles");
		const double packets = integer(work, "rx_packets") - integer(then, "rx_packets");
		struct share *share;

		if (worker < 0 || (size_t)worker >= round->n_workers || cycles < 0 || packets < 0)
			continue;
		share = &shares[worker];
		if (cpu == NULL) {
			share->charged += cycles;
			share->packets += packets;
			continue;
		}
		*cpu += cycles;
		if (share->packets > 0)
			*cpu += fmax(share->busy - share->charged, 0) * packets / share->packets;
	}
}

static void
workers_compare(struct top_round *round, const struct top_round *before, struct share *shares)
{
	for (size_t w = 0; w < round->n_workers && w < before->n_workers; w++) {
		struct top_worker *worker = &round->workers[w];

		shares[w].busy = fmax(worker->busy_cycles - before->workers[w].busy_cycles, 0);
		worker->busy = 100 * shares[w].busy / (worker->hz * round->interval);
	}
}

/* --- sums --- */

static void
total_add(double *sum, double value)
{
	if (!isnan(value))
		*sum += value;
}

static void
total_read(struct top_round *round, json_t *reasons)
{
	struct top_total *total = &round->total;
	json_int_t most = 0;
	const char *reason;
	json_t *packets;

	if (isnan(round->interval)) {
		*total = (struct top_total){ NAN, NAN, NAN, NAN, NAN, NAN, NULL };
		return;
	}
	for (size_t i = 0; i < round->n_ports; i++) {
		const struct top_cell *cells = round->ports[i].cells;

		total_add(&total->drop_rate, cells[TOP_DROP_RATE].number);
		if (round->ports[i].is_inner)
			continue;
		total_add(&total->rx_bps, cells[TOP_RX_BPS].number);
		total_add(&total->tx_bps, cells[TOP_TX_BPS].number);
		total_add(&total->rx_pps, cells[TOP_RX_PPS].number);
		total_add(&total->tx_pps, cells[TOP_TX_PPS].number);
	}
	for (size_t w = 0; w < round->n_workers; w++)
		total_add(&total->cpu, round->workers[w].busy);
	json_object_foreach(reasons, reason, packets)
		if (json_integer_value(packets) > most) {
			most = json_integer_value(packets);
			/* the object goes, the names of reasons are in the reply */
			for (size_t i = 0; i < round->n_ports; i++)
				if (round->ports[i].cells[TOP_REASON].text != NULL &&
				    strcmp(round->ports[i].cells[TOP_REASON].text, reason) == 0)
					total->reason = round->ports[i].cells[TOP_REASON].text;
		}
}

/* --- a whole round --- */

static int
round_compare(struct top_round *round, const struct top_round *before, json_t *reasons)
{
	const struct top_port **earlier = calloc(round->n_ports + 1, sizeof(*earlier));
	struct share *shares = calloc(round->n_workers + 1, sizeof(*shares));
	int ret = earlier != NULL && shares != NULL ? 0 : -ENOMEM;
	size_t next = 0;

	if (ret < 0)
		goto out;
	workers_compare(round, before, shares);
	for (size_t i = 0; i < round->n_ports; i++) {
		earlier[i] = port_before(before, &round->ports[i], &next);
		if (earlier[i] == NULL)
			continue;
		port_compare(round, &round->ports[i], earlier[i], reasons);
		port_share(round, &round->ports[i], earlier[i], shares, NULL);
	}
	for (size_t i = 0; i < round->n_ports; i++) {
		struct top_port *port = &round->ports[i];
		const double hz = round->n_workers > 0 ? round->workers[0].hz : NAN;
		double cycles = 0;

		if (earlier[i] == NULL || port->cells[TOP_WORKERS].text == NULL)
			continue;
		port_share(round, port, earlier[i], shares, &cycles);
		port->cells[TOP_CPU].number = 100 * cycles / (hz * round->interval);
	}
out:
	free(earlier);
	free(shares);
	return ret;
}

static int
arrays_read(struct top_round *round)
{
	const json_t *ports = json_object_get(round->reply, "ports"), *row;
	const json_t *workers = json_object_get(round->reply, "workers");
	size_t i;

	round->ports = calloc(json_array_size(ports) + 1, sizeof(*round->ports));
	round->workers = calloc(json_array_size(workers) + 1, sizeof(*round->workers));
	if (round->ports == NULL || round->workers == NULL)
		return -ENOMEM;
	json_array_foreach(ports, i, row)
		if (json_string_value(json_object_get(row, "port")) != NULL)
			port_read(row, &round->ports[round->n_ports++]);
	json_array_foreach(workers, i, row) {
		const char *state = json_string_value(json_object_get(row, "state"));

		round->workers[round->n_workers++] = (struct top_worker){
			.id = integer(row, "worker"),
			.state = state != NULL ? state : "?",
			.hz = integer(row, "cycles_per_second"),
			.busy_cycles = integer(row, "busy_cycles"),
			.busy = NAN,
		};
	}
	return 0;
}

int
top_round_read(json_t *reply, const struct top_round *before, struct top_round *ret_round,
	       struct error *err)
{
	struct top_round *round = ret_round;
	json_t *reasons = json_object();
	int ret;

	*round = (struct top_round){ .reply = reply, .interval = NAN };
	round->time = seconds(reply, "time_usec");
	round->started = seconds(reply, "started_usec");
	ret = arrays_read(round);
	/* of another process of the daemon nothing can be compared */
	if (ret == 0 && before != NULL && before->reply != NULL &&
	    before->started == round->started && round->time > before->time) {
		round->interval = round->time - before->time;
		ret = round_compare(round, before, reasons);
	}
	if (ret == 0)
		total_read(round, reasons);
	json_decref(reasons);
	return ret < 0 ? error_set(err, ret, "%s", strerror(-ret)) : 0;
}

void
top_round_free(struct top_round *round)
{
	json_decref(round->reply);
	free(round->ports);
	free(round->workers);
	*round = (struct top_round){ NULL };
}
