/* SPDX-License-Identifier: BSD-3-Clause */
#include "tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>
#include <rte_cycles.h>

#include "error.h"
#include "explain_text.h"
#include "rpc.h"
#include "switch.h"
#include "trace.h"

#define TICK_USEC 20000
#define BATCH_MAX                                                                       \
	64 /* traces that are told in one go: the control thread has other things to do \
	    */
#define TIME_SIZE 40

struct tracer {
	struct vswitch *sw;
	struct rpc_stream *stream;
	struct trace_set *set;
	struct event *timer;
	uint16_t next; /* worker whose turn it is */
	char *text;    /* the filter, or NULL */
};

static json_t *
time_json(uint64_t tsc)
{
	const uint64_t ago = (rte_rdtsc() - tsc) * 1000000 / rte_get_tsc_hz();
	char text[TIME_SIZE];
	struct timespec now;
	uint64_t usec;
	struct tm tm;
	time_t sec;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &now);
	usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 - ago;
	sec = (time_t)(usec / 1000000);
	gmtime_r(&sec, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%06uZ", (unsigned int)(usec % 1000000));
	return json_string(text);
}

static int
trace_send(const struct tracer *tracer, const struct trace *trace)
{
	json_t *told = explain_json(tracer->sw, trace, false), *message;
	char *line = NULL;
	size_t len;
	int ret = 0;

	json_object_set_new(told, "time", time_json(trace->tsc));
	message = json_pack("{s:s, s:s, s:o}", "jsonrpc", "2.0", "method", "trace", "params", told);
	if (message != NULL)
		line = json_dumps(message, JSON_COMPACT);
	json_decref(message);
	if (line == NULL)
		return 0; /* no memory: it is not told */
	len = strlen(line);
	line[len] = '\n';
	ret = rpc_stream_send(tracer->stream, line, len + 1);
	free(line);
	return ret;
}

/* Tell what workers have noted, each in turn. What does not fit the stream stays in the rings. */
static void
tracer_pump(struct tracer *tracer)
{
	const uint16_t n_workers = tracer->sw->dp->n_workers;
	unsigned int idle = 0;

	for (unsigned int n = 0; n < BATCH_MAX && idle < n_workers;
	     tracer->next = (tracer->next + 1) % n_workers) {
		struct trace_ring *ring = tracer->set->rings[tracer->next];
		const struct trace *trace = trace_ring_peek(ring);

		if (trace == NULL) {
			idle++;
			continue;
		}
		if (trace_send(tracer, trace) < 0)
			return;
		trace_ring_next(ring);
		idle = 0;
		n++;
	}
}

static void
tracer_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tracer_pump(arg);
}

static void
tracer_ready(void *arg)
{
	tracer_pump(arg);
}

static void
tracer_closed(void *arg)
{
	struct tracer *tracer = arg;
	struct vswitch *sw = tracer->sw;

	__atomic_store_n(&sw->dp->traced, NULL, __ATOMIC_RELEASE);
	rcu_retire(sw->rcu, &tracer->set->retired, trace_set_destroy, tracer->set);
	event_free(tracer->timer);
	sw->tracer = NULL;
	free(tracer->text);
	free(tracer);
}

static const struct rpc_stream_ops tracer_ops = {
	.ready = tracer_ready,
	.closed = tracer_closed,
};

static struct tracer *
tracer_create(struct vswitch *sw, struct filter *filter, const char *text)
{
	struct tracer *tracer = calloc(1, sizeof(*tracer));

	if (tracer == NULL)
		return NULL;
	tracer->sw = sw;
	tracer->text = text != NULL ? strdup(text) : NULL;
	tracer->timer = event_new(sw->base, -1, EV_PERSIST, tracer_tick, tracer);
	if (tracer->timer != NULL && (text == NULL || tracer->text != NULL))
		tracer->set = trace_set_create(filter, sw->dp->n_workers);
	if (tracer->set != NULL)
		return tracer;
	if (tracer->timer != NULL)
		event_free(tracer->timer);
	free(tracer->text);
	free(tracer);
	return NULL;
}

int
tracer_begin(struct vswitch *sw, struct rpc_stream *stream, const struct sock_filter *ops,
	     size_t n_ops, const char *text, struct error *err)
{
	const struct timeval tick = { .tv_usec = TICK_USEC };
	struct filter *filter = NULL;
	struct tracer *tracer;

	if (sw->tracer != NULL)
		return error_set(err, EBUSY, "trace: somebody traces already; one at a time can");
	if (rpc_stream_is_open(stream))
		return error_set(err, EALREADY, "trace: this connection follows something already");
	if (ops != NULL && (filter = filter_create(ops, n_ops)) == NULL)
		return error_set(err, errno, "trace: %s",
				 errno == EINVAL ? "the filter is no program that ends" :
						   "no memory");
	tracer = tracer_create(sw, filter, text);
	if (tracer == NULL) {
		free(filter);
		return error_set(err, ENOMEM, "trace: no memory");
	}
	tracer->stream = stream;
	rpc_stream_open(stream, &tracer_ops, tracer);
	evtimer_add(tracer->timer, &tick);
	sw->tracer = tracer;
	__atomic_store_n(&sw->dp->traced, tracer->set, __ATOMIC_RELEASE);
	return 0;
}

json_t *
tracer_json(const struct vswitch *sw)
{
	const struct tracer *tracer = sw->tracer;
	json_t *rows = json_array();
	uint64_t matched = 0, missed = 0;

	if (tracer == NULL)
		return rows;
	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		const struct trace_ring *ring = tracer->set->rings[w];

		matched += __atomic_load_n(&ring->seen, __ATOMIC_RELAXED);
		missed += __atomic_load_n(&ring->missed, __ATOMIC_RELAXED);
	}
	json_array_append_new(rows, json_pack("{s:s?, s:I, s:I}", "filter", tracer->text, "matched",
					      (json_int_t)matched, "missed", (json_int_t)missed));
	return rows;
}
