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

/* A client that traces. */
struct tracing {
	struct tracer *owner;
	unsigned int slot;
	struct rpc_stream *stream;
	struct trace_job *job;
	struct event *timer;
	uint16_t next; /* worker whose turn it is */
	char *text;    /* the filter, or NULL */
};

/* All of them. */
struct tracer {
	struct vswitch *sw;
	struct trace_set *set;
	struct tracing *tracings[TRACE_JOBS_MAX]; /* by slot; NULL: none */
	unsigned int n;
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
trace_send(const struct tracing *tracing, const struct trace *trace)
{
	json_t *told = explain_json(tracing->owner->sw, trace, false), *message;
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
	ret = rpc_stream_send(tracing->stream, line, len + 1);
	free(line);
	return ret;
}

/* Tell what workers have noted, each in turn. What does not fit the stream stays in the rings. */
static void
tracing_pump(struct tracing *tracing)
{
	const uint16_t n_workers = tracing->owner->sw->dp->n_workers;
	unsigned int idle = 0;

	for (unsigned int n = 0; n < BATCH_MAX && idle < n_workers;
	     tracing->next = (tracing->next + 1) % n_workers) {
		struct trace_ring *ring = tracing->job->rings[tracing->next];
		const struct trace *trace = trace_ring_peek(ring);

		if (trace == NULL) {
			idle++;
			continue;
		}
		if (trace_send(tracing, trace) < 0)
			return;
		trace_ring_next(ring);
		idle = 0;
		n++;
	}
}

static void
tracing_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	tracing_pump(arg);
}

static void
tracing_ready(void *arg)
{
	tracing_pump(arg);
}

/* All but its job. */
static void
tracing_free(struct tracing *tracing)
{
	if (tracing->timer != NULL)
		event_free(tracing->timer);
	free(tracing->text);
	free(tracing);
}

/* Nobody traces any more: workers pay nothing. */
static void
tracer_end(struct tracer *tracer)
{
	struct vswitch *sw = tracer->sw;

	__atomic_store_n(&sw->dp->traced, NULL, __ATOMIC_RELEASE);
	rcu_retire(sw->rcu, &tracer->set->retired, free, tracer->set);
	sw->tracer = NULL;
	free(tracer);
}

static void
tracing_closed(void *arg)
{
	struct tracing *tracing = arg;
	struct tracer *tracer = tracing->owner;

	__atomic_store_n(&tracer->set->jobs[tracing->slot], NULL, __ATOMIC_RELEASE);
	rcu_retire(tracer->sw->rcu, &tracing->job->retired, trace_job_destroy, tracing->job);
	tracer->tracings[tracing->slot] = NULL;
	tracing_free(tracing);
	if (--tracer->n == 0)
		tracer_end(tracer);
}

static const struct rpc_stream_ops tracing_ops = {
	.ready = tracing_ready,
	.closed = tracing_closed,
};

/* @filter: taken over, unless it fails. */
static struct tracing *
tracing_create(struct vswitch *sw, struct filter *filter, const char *text)
{
	struct tracing *tracing = calloc(1, sizeof(*tracing));

	if (tracing == NULL)
		return NULL;
	tracing->text = text != NULL ? strdup(text) : NULL;
	tracing->timer = event_new(sw->base, -1, EV_PERSIST, tracing_tick, tracing);
	if (tracing->timer != NULL && (text == NULL || tracing->text != NULL))
		tracing->job = trace_job_create(filter, sw->dp->n_workers);
	if (tracing->job != NULL)
		return tracing;
	tracing_free(tracing);
	return NULL;
}

static struct tracer *
tracer_need(struct vswitch *sw)
{
	struct tracer *tracer = sw->tracer;

	if (tracer != NULL)
		return tracer;
	tracer = calloc(1, sizeof(*tracer));
	if (tracer != NULL)
		tracer->set = calloc(1, sizeof(*tracer->set));
	if (tracer == NULL || tracer->set == NULL) {
		free(tracer);
		return NULL;
	}
	tracer->sw = sw;
	return tracer;
}

static void
tracing_begin(struct tracer *tracer, struct tracing *tracing, struct rpc_stream *stream)
{
	const struct timeval tick = { .tv_usec = TICK_USEC };
	struct vswitch *sw = tracer->sw;
	unsigned int slot = 0;

	while (tracer->tracings[slot] != NULL)
		slot++;
	tracing->owner = tracer;
	tracing->slot = slot;
	tracing->stream = stream;
	tracer->tracings[slot] = tracing;
	tracer->n++;
	rpc_stream_open(stream, &tracing_ops, tracing);
	evtimer_add(tracing->timer, &tick);
	__atomic_store_n(&tracer->set->jobs[slot], tracing->job, __ATOMIC_RELEASE);
	sw->tracer = tracer;
	__atomic_store_n(&sw->dp->traced, tracer->set, __ATOMIC_RELEASE);
}

int
tracer_begin(struct vswitch *sw, struct rpc_stream *stream, const struct sock_filter *ops,
	     size_t n_ops, const char *text, unsigned int *ret_id, struct error *err)
{
	struct filter *filter = NULL;
	struct tracing *tracing;
	struct tracer *tracer;

	if (sw->tracer != NULL && sw->tracer->n == TRACE_JOBS_MAX)
		return error_set(err, EBUSY, "trace: %d trace already, which is all",
				 TRACE_JOBS_MAX);
	if (rpc_stream_is_open(stream))
		return error_set(err, EALREADY, "trace: this connection follows something already");
	if (ops != NULL && (filter = filter_create(ops, n_ops)) == NULL)
		return error_set(err, errno, "trace: %s",
				 errno == EINVAL ? "the filter is no program that ends" :
						   "no memory");
	tracing = tracing_create(sw, filter, text);
	tracer = tracing != NULL ? tracer_need(sw) : NULL;
	if (tracer == NULL) {
		if (tracing == NULL) {
			free(filter);
		} else {
			trace_job_destroy(tracing->job);
			tracing_free(tracing);
		}
		return error_set(err, ENOMEM, "trace: no memory");
	}
	tracing_begin(tracer, tracing, stream);
	*ret_id = tracing->slot + 1;
	return 0;
}

static json_t *
tracing_json(const struct vswitch *sw, const struct tracing *tracing)
{
	uint64_t matched = 0, missed = 0;

	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		const struct trace_ring *ring = tracing->job->rings[w];

		matched += __atomic_load_n(&ring->seen, __ATOMIC_RELAXED);
		missed += __atomic_load_n(&ring->missed, __ATOMIC_RELAXED);
	}
	return json_pack("{s:i, s:s?, s:I, s:I}", "id", (int)tracing->slot + 1, "filter",
			 tracing->text, "matched", (json_int_t)matched, "missed",
			 (json_int_t)missed);
}

json_t *
tracer_json(const struct vswitch *sw)
{
	const struct tracer *tracer = sw->tracer;
	json_t *rows = json_array();

	for (unsigned int i = 0; tracer != NULL && i < TRACE_JOBS_MAX; i++)
		if (tracer->tracings[i] != NULL)
			json_array_append_new(rows, tracing_json(sw, tracer->tracings[i]));
	return rows;
}
