/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of drops: how many packets, and how the last ones began. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>

#include "drop.h"
#include "drop_detail.h"
#include "drop_log.h"
#include "error.h"
#include "health.h"
#include "port_types.h"
#include "rpc_methods_priv.h"
#include "switch.h"
#include "unknown.h"

#define NSEC INT64_C(1000000000)

/* What is asked for. */
struct drops_query {
	const struct switch_port *port; /* NULL: of all */
	enum drop_reason reason;        /* DROP_REASONS: all */
};

static int
query_read(struct vswitch *sw, const json_t *params, struct drops_query *ret_query,
	   struct error *err)
{
	const json_t *port = json_object_get(params, "port");
	const json_t *reason = json_object_get(params, "reason");
	const size_t n = (port != NULL) + (reason != NULL);

	if (json_object_size(params) != n || (port != NULL && !json_is_string(port)) ||
	    (reason != NULL && !json_is_string(reason)))
		return error_set(err, EINVAL, "drops: takes port and reason, which are names");
	*ret_query = (struct drops_query){ .reason = DROP_REASONS };
	if (reason != NULL) {
		ret_query->reason = drop_reason_find(json_string_value(reason));
		if (ret_query->reason == DROP_REASONS)
			return error_set(err, EINVAL, "drops: there is no reason \"%.32s\"",
					 json_string_value(reason));
	}
	if (port == NULL)
		return 0;
	ret_query->port = switch_port_find(sw, json_string_value(port));
	if (ret_query->port == NULL)
		return unknown_port(sw, json_string_value(port), err);
	return 0;
}

static bool
query_wants(const struct drops_query *query, uint16_t port_id, enum drop_reason reason)
{
	return (query->port == NULL || query->port->dp->id == port_id) &&
	       (query->reason == DROP_REASONS || query->reason == reason);
}

/* --- drops.show --- */

/* Packets of a port, reason and VLAN, on one worker or, when they are summed, on all. */
struct port_drop_count {
	uint16_t port;
	struct drop_count count;
};

struct drop_sums {
	const struct drops_query *query;
	struct port_drop_count *rows;
	size_t n, size;
	bool failed;
};

static void
row_add(void *arg, uint16_t port_id, const struct drop_count *count)
{
	struct drop_sums *sums = arg;
	struct port_drop_count *rows;
	size_t size;

	if (!query_wants(sums->query, port_id, count->reason))
		return;
	if (sums->n == sums->size) {
		size = sums->size > 0 ? 2 * sums->size : 64;
		rows = realloc(sums->rows, size * sizeof(rows[0]));
		sums->failed |= rows == NULL;
		if (rows == NULL)
			return;
		sums->rows = rows;
		sums->size = size;
	}
	sums->rows[sums->n++] = (struct port_drop_count){ .port = port_id, .count = *count };
}

static uint64_t
row_order(const struct port_drop_count *row)
{
	return (uint64_t)row->port << 32 | (uint64_t)row->count.reason << 16 | row->count.vlan;
}

static int
row_compare(const void *one, const void *two)
{
	const uint64_t a = row_order(one), b = row_order(two);

	return (a > b) - (a < b);
}

/* The rows of all workers, in order, each port, reason and VLAN once. */
static void
rows_sum(struct drop_sums *sums)
{
	size_t n = 0;

	if (sums->n == 0)
		return;
	qsort(sums->rows, sums->n, sizeof(sums->rows[0]), row_compare);
	for (size_t i = 1; i < sums->n; i++) {
		struct drop_count *last = &sums->rows[n].count;
		const struct drop_count *count = &sums->rows[i].count;

		if (row_order(&sums->rows[n]) != row_order(&sums->rows[i])) {
			sums->rows[++n] = sums->rows[i];
			continue;
		}
		last->packets += count->packets;
		last->when = RTE_MAX(last->when, count->when);
	}
	sums->n = n + 1;
}

static json_t *
row_json(const struct switch_port *port, const struct drop_count *count)
{
	const bool known = count->vlan != DROP_VLAN_UNKNOWN;
	const uint64_t now = switch_usec() / 1000000;
	json_t *row = json_pack("{s:s, s:s, s:I, s:s, s:o, s:I}", "port", port->config.name,
				"at_fault", drop_at_fault(port, count->reason), "instance",
				(json_int_t)port->dp->generation << 16 | port->dp->id, "reason",
				drop_reason_names[count->reason], "vlan",
				known ? json_integer(count->vlan) : json_null(), "packets",
				(json_int_t)count->packets);
	char detail[DROP_DETAIL_SIZE];

	if (drop_detail(port, count->reason, count->vlan, detail))
		json_object_set_new(row, "detail", json_string(detail));
	if (known)
		json_object_set_new(
			row, "age",
			json_integer(now > count->when ? (json_int_t)(now - count->when) : 0));
	return row;
}

/* Where a port's rows begin. */
static size_t
rows_of(const struct drop_sums *sums, uint16_t port_id)
{
	size_t low = 0, high = sums->n;

	while (low < high) {
		const size_t middle = (low + high) / 2;

		if (sums->rows[middle].port < port_id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* A port's rows, and for each reason the rest of its counter. */
static void
port_rows(const struct drop_sums *sums, const struct switch_port *port,
	  const struct port_stats *stats, json_t *json)
{
	uint64_t known[DROP_REASONS] = { 0 };

	for (size_t i = rows_of(sums, port->dp->id);
	     i < sums->n && sums->rows[i].port == port->dp->id; i++) {
		known[sums->rows[i].count.reason] += sums->rows[i].count.packets;
		json_array_append_new(json, row_json(port, &sums->rows[i].count));
	}
	for (unsigned int reason = 0; reason < DROP_REASONS; reason++) {
		const struct drop_count rest = {
			.reason = (enum drop_reason)reason,
			.vlan = DROP_VLAN_UNKNOWN,
			.packets = stats->drops[reason] - known[reason],
		};

		if (stats->drops[reason] > known[reason] &&
		    query_wants(sums->query, port->dp->id, rest.reason))
			json_array_append_new(json, row_json(port, &rest));
	}
}

/* Is the name a word of a sentence? */
static bool
has_name(const char *sentence, const char *name)
{
	const size_t len = strlen(name);

	for (const char *at = sentence; (at = strstr(at, name)) != NULL; at += len)
		if ((at == sentence || at[-1] == ' ') && strchr(" ,;:", at[len]) != NULL)
			return true;
	return false;
}

/* What loses packets that no port counts. @port: NULL: of all. */
static json_t *
faults_json(struct vswitch *sw, const struct switch_port *port)
{
	json_t *found = health_uncounted(sw), *faults = json_array(), *fault;
	size_t i;

	json_array_foreach(found, i, fault) {
		const char *object = json_string_value(json_object_get(fault, "object"));
		const char *text = json_string_value(json_object_get(fault, "text"));

		if (port == NULL || strcmp(object, port->config.name) == 0 ||
		    has_name(text, port->config.name))
			json_array_append(faults, fault);
	}
	json_decref(found);
	return faults;
}

int
rpc_drops_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	const struct switch_port *port;
	struct port_stats *stats;
	struct drops_query query;
	struct drop_sums sums = { .query = &query };
	size_t n = 0, i = 0;
	json_t *rows;
	int ret = query_read(sw, params, &query, err);

	if (ret < 0)
		return ret;
	LIST_FOREACH(port, &sw->ports, list)
		n++;
	stats = calloc(n + 1, sizeof(*stats));
	sums.failed = stats == NULL;
	/* first the counters: see drop_log_each() */
	LIST_FOREACH(port, &sw->ports, list) {
		if (sums.failed || (query.port != NULL && query.port != port))
			continue;
		switch_port_stats(sw, port, &stats[i]);
		port_device_stats(port, &stats[i++]);
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	for (uint16_t w = 0; w < sw->dp->n_workers; w++)
		drop_log_each(sw->dp->workers[w], row_add, &sums);
	if (sums.failed) {
		ret = error_set(err, ENOMEM, "drops: no memory for them");
		goto out;
	}
	rows_sum(&sums);
	rows = json_array();
	i = 0;
	LIST_FOREACH(port, &sw->ports, list)
		if (query.port == NULL || query.port == port)
			port_rows(&sums, port, &stats[i++], rows);
	*ret_result = json_pack("{s:I, s:I, s:o, s:o}", "time_usec", (json_int_t)switch_usec(),
				"started_usec", (json_int_t)sw->created, "rows", rows, "faults",
				query.reason == DROP_REASONS ? faults_json(sw, query.port) :
							       json_array());
out:
	free(sums.rows);
	free(stats);
	return ret;
}

/* --- drops.last --- */

/* A kept packet, and why. */
struct last_drop {
	struct drop_kept kept;
	enum drop_reason reason;
};

struct last_drops {
	struct last_drop *all;
	size_t n;
};

static int
last_compare(const void *one, const void *two)
{
	const struct last_drop *a = one, *b = two;

	return (a->kept.tsc > b->kept.tsc) - (a->kept.tsc < b->kept.tsc);
}

static void
last_read(const struct worker *worker, const struct drops_query *query, struct last_drops *last)
{
	for (unsigned int i = 0; i < DROP_REASONS * DROP_KEPT_SETS * DROP_KEPT; i++) {
		struct last_drop *drop = &last->all[last->n];

		drop->reason = (enum drop_reason)(i / (DROP_KEPT_SETS * DROP_KEPT));
		if (drop_log_kept(worker, drop->reason, i / DROP_KEPT % DROP_KEPT_SETS,
				  i % DROP_KEPT, &drop->kept) &&
		    query_wants(query, drop->kept.port, drop->reason))
			last->n++;
	}
}

/* Time of day. */
static int64_t
tsc_time(uint64_t tsc)
{
	const uint64_t now_tsc = rte_rdtsc();
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * NSEC + now.tv_nsec -
	       (int64_t)((__int128)(now_tsc - tsc) * NSEC / (int64_t)rte_get_tsc_hz());
}

static json_t *
last_json(const struct vswitch *sw, const struct last_drop *drop)
{
	const struct drop_kept *kept = &drop->kept;
	char hex[2 * DROP_KEPT_LEN + 1] = "";
	json_t *json;

	for (unsigned int i = 0; i < kept->data_len; i++)
		sprintf(&hex[2 * i], "%02x", kept->data[i]);
	json = json_pack("{s:I, s:s, s:s, s:o, s:I, s:s}", "time_nsec",
			 (json_int_t)tsc_time(kept->tsc), "port",
			 sw->owners[kept->port]->config.name, "reason",
			 drop_reason_names[drop->reason], "vlan",
			 kept->vlan != DROP_VLAN_UNKNOWN ? json_integer(kept->vlan) : json_null(),
			 "length", (json_int_t)kept->len, "data", hex);
	return json;
}

int
rpc_drops_last(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct vswitch *sw = ctx;
	struct drops_query query;
	struct last_drops last = { .n = 0 };
	const size_t most = (size_t)DROP_REASONS * DROP_KEPT_SETS * DROP_KEPT;
	int ret = query_read(sw, params, &query, err);

	if (ret < 0)
		return ret;
	/* one more: what is read and not wanted */
	last.all = calloc(sw->dp->n_workers * most + 1, sizeof(last.all[0]));
	if (last.all == NULL)
		return error_set(err, ENOMEM, "drops: no memory for them");
	for (uint16_t w = 0; w < sw->dp->n_workers; w++)
		last_read(sw->dp->workers[w], &query, &last);
	qsort(last.all, last.n, sizeof(last.all[0]), last_compare);
	*ret_result = json_array();
	for (size_t i = 0; i < last.n; i++)
		if (sw->owners[last.all[i].kept.port] != NULL)
			json_array_append_new(*ret_result, last_json(sw, &last.all[i]));
	free(last.all);
	return 0;
}
