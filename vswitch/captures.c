/* SPDX-License-Identifier: BSD-3-Clause */
#include "captures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "bond.h"
#include "capture_thread.h"
#include "error.h"
#include "log.h"
#include "netback.h"
#include "port_vif.h"
#include "unknown.h"

#define RING_SIZE (8u << 20) /* of a worker: 80 ms of a million small packets a second */
#define RING_SIZE_MIN (2u << 20)
#define RINGS_SIZE (64u << 20) /* of all workers, if there are many */
#define SOCKET_BUFFER (1 << 20)

enum job_state {
	JOB_NEW,      /* its client has no reply yet */
	JOB_RUNNING,  /* is in the set */
	JOB_LEAVING,  /* is not, but workers may still look at an older one */
	JOB_FINISHING /* the thread writes what is left */
};

struct capture_job {
	enum job_state state;
	unsigned int slot;
	uint32_t id;
	struct captures *owner;
	struct capture_request request;
	struct capture *capture;
	struct capture_client *client; /* NULL: JOB_NEW */
	struct rcu_item retired;
};

/* A set that workers may look at, until it is freed. */
struct published {
	struct capture_set set;
	struct rcu_item retired;
};

struct captures {
	struct vswitch *sw;
	struct capture_ring *rings[WORKER_MAX];
	struct capture_thread *thread;
	struct event *told;
	struct published *published; /* NULL: none */
	struct capture_job *jobs[CAPTURES_MAX];
	unsigned int n_jobs;
	uint32_t next_id;
};

/* --- sets --- */

/* Does a job look at a port? */
static bool
job_wants(const struct capture_job *job, const struct switch_port *port)
{
	const struct capture_request *request = &job->request;

	if (request->port[0] != '\0')
		return strcmp(port->config.name, request->port) == 0;
	if (request->bridge[0] != '\0')
		return port->bridge != NULL && strcmp(port->bridge->name, request->bridge) == 0;
	return true;
}

static void
set_add(struct capture_set *set, const struct vswitch *sw, const struct capture_job *job)
{
	const struct switch_port *port;

	set->captures[job->slot] = job->capture;
	LIST_FOREACH(port, &sw->ports, list) {
		if (!job_wants(job, port))
			continue;
		for (unsigned int point = 0; point < CAPTURE_POINTS; point++)
			if (job->request.points >> point & 1)
				set->wanted[point][port->dp->id] |= 1u << job->slot;
	}
}

/* "guest web1 (domid 5), bridge xenbr0", and the guest's MAC where there is one. */
static void
describe(const struct switch_port *port, struct capture_port *told)
{
	const char *bridge = port->bridge != NULL ? port->bridge->name : NULL;
	struct vif_load load;

	snprintf(told->name, sizeof(told->name), "%s", port->config.name);
	memcpy(told->mac, port->dp->mac, sizeof(told->mac));
	if (port_vif_load(port, &load)) {
		port_vif_mac(port, told->mac);
		snprintf(told->description, sizeof(told->description), "guest %s (domid %u)%s%s",
			 load.guest[0] != '\0' ? load.guest : "?", load.domid,
			 bridge != NULL ? ", bridge " : "", bridge != NULL ? bridge : "");
		return;
	}
	snprintf(told->description, sizeof(told->description), "%s%s%s",
		 port_types[port->config.kind]->name, bridge != NULL ? ", bridge " : "",
		 bridge != NULL ? bridge : "");
}

/* Tell the thread who the ports are. */
static void
tell_ports(struct captures *captures)
{
	const struct switch_port *port;

	LIST_FOREACH(port, &captures->sw->ports, list) {
		struct capture_port told = { .id = port->dp->id,
					     .generation = port->dp->generation };

		describe(port, &told);
		capture_thread_port(captures->thread, &told);
	}
}

/* Let workers see the captures that there are now. Return: 0, or -ENOMEM: they see the old ones. */
static int
publish(struct captures *captures)
{
	struct published *old = captures->published, *new = NULL;
	struct vswitch *sw = captures->sw;
	bool any = false;

	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		any |= captures->jobs[i] != NULL && captures->jobs[i]->state == JOB_RUNNING;
	if (any) {
		new = calloc(1, sizeof(*new));
		if (new == NULL)
			return -ENOMEM;
		memcpy(new->set.rings, captures->rings, sizeof(new->set.rings));
		tell_ports(captures);
	}
	for (unsigned int i = 0; any && i < CAPTURES_MAX; i++)
		if (captures->jobs[i] != NULL && captures->jobs[i]->state == JOB_RUNNING)
			set_add(&new->set, sw, captures->jobs[i]);
	captures->published = new;
	__atomic_store_n(&sw->dp->captures, new != NULL ? &new->set : NULL, __ATOMIC_RELEASE);
	if (old != NULL)
		rcu_retire(sw->rcu, &old->retired, free, old);
	return 0;
}

void
capture_ports_changed(struct vswitch *sw)
{
	if (sw->captures != NULL && sw->captures->published != NULL)
		publish(sw->captures);
}

/* --- all captures together --- */

static void captures_told(evutil_socket_t fd, short what, void *arg);

static int
captures_create(struct vswitch *sw)
{
	struct captures *captures = calloc(1, sizeof(*captures));
	uint32_t size = RING_SIZE;

	if (captures == NULL)
		return -ENOMEM;
	captures->sw = sw;
	while (size > RING_SIZE_MIN && (uint64_t)size * sw->dp->n_workers > RINGS_SIZE)
		size /= 2;
	for (uint16_t w = 0; w < sw->dp->n_workers; w++) {
		captures->rings[w] = capture_ring_create(size);
		if (captures->rings[w] == NULL)
			goto err;
	}
	captures->thread = capture_thread_create(captures->rings, sw->dp->n_workers);
	if (captures->thread == NULL)
		goto err;
	captures->told = event_new(sw->base, capture_thread_fd(captures->thread),
				   EV_READ | EV_PERSIST, captures_told, captures);
	if (captures->told == NULL || event_add(captures->told, NULL) < 0)
		goto err;
	sw->captures = captures;
	return 0;

err:
	captures_destroy(captures);
	return -ENOMEM;
}

static void
job_free(struct capture_job *job)
{
	if (job->state == JOB_LEAVING)
		rcu_cancel(job->owner->sw->rcu, &job->retired);
	free(job->capture->filter);
	free(job->capture);
	free(job);
}

/* Workers have ended, or look at none of it any more. */
void
captures_destroy(struct captures *captures)
{
	if (captures == NULL)
		return;
	captures->sw->dp->captures = NULL;
	capture_thread_destroy(captures->thread);
	for (unsigned int i = 0; i < CAPTURES_MAX; i++)
		if (captures->jobs[i] != NULL)
			job_free(captures->jobs[i]);
	if (captures->told != NULL)
		event_free(captures->told);
	for (unsigned int w = 0; w < WORKER_MAX; w++)
		capture_ring_destroy(captures->rings[w]);
	free(captures->published);
	free(captures);
}

/* The last capture has ended: nothing is left, so that nothing is paid for. */
static void
captures_end(struct captures *captures)
{
	captures->sw->captures = NULL;
	captures_destroy(captures);
}

/* --- one capture --- */

static void
job_remove(struct capture_job *job)
{
	struct captures *captures = job->owner;

	if (job->client != NULL)
		capture_thread_remove(captures->thread, job->client);
	captures->jobs[job->slot] = NULL;
	job_free(job);
	if (--captures->n_jobs == 0)
		captures_end(captures);
}

/* No worker records anything for it any more. */
static void
job_quiet(void *arg)
{
	struct capture_job *job = arg;

	job->state = JOB_FINISHING;
	capture_thread_finish(job->owner->thread, job->client);
}

/* Its client wants no more. */
static void
job_leave(struct capture_job *job)
{
	struct captures *captures = job->owner;

	job->state = JOB_LEAVING;
	if (publish(captures) < 0) {
		job->state = JOB_RUNNING; /* tried again when something changes */
		return;
	}
	rcu_retire(captures->sw->rcu, &job->retired, job_quiet, job);
}

/* The thread says that something has become of a client. */
static void
captures_told(evutil_socket_t fd, short what, void *arg)
{
	struct captures *captures = arg;
	eventfd_t ignored;

	(void)what;
	eventfd_read(fd, &ignored);
	for (unsigned int i = 0; i < CAPTURES_MAX; i++) {
		struct capture_job *job = captures->jobs[i];
		enum capture_state state;

		if (job == NULL || job->client == NULL)
			continue;
		state = capture_client_state(captures->thread, job->client);
		if (state == CAPTURE_ENDED && job->state == JOB_RUNNING) {
			job_leave(job);
		} else if (state == CAPTURE_DONE) {
			const bool last = captures->n_jobs == 1;

			job_remove(job);
			if (last)
				return;
		}
	}
}

/* @ret_job: with its filter, and nobody knows of it. */
static int
job_create(const struct capture_request *request, struct capture_job **ret_job, struct error *err)
{
	struct capture_job *job = calloc(1, sizeof(*job));
	struct capture *capture = NULL;
	int ret = -ENOMEM;

	if (job == NULL ||
	    posix_memalign((void **)&capture, RTE_CACHE_LINE_SIZE, sizeof(*capture)) != 0)
		goto err;
	memset(capture, 0, sizeof(*capture));
	capture->length = request->length;
	if (request->ops != NULL) {
		capture->filter = filter_create(request->ops, request->n_ops);
		if (capture->filter == NULL) {
			ret = -errno;
			goto err;
		}
	}
	job->request = *request;
	job->request.ops = NULL;
	job->capture = capture;
	*ret_job = job;
	return 0;

err:
	free(capture);
	free(job);
	if (ret == -EINVAL)
		return error_set(err, EINVAL,
				 "capture: this filter cannot be run here (it has loops, as "
				 "\"protochain\" makes them, or is too long)");
	return error_set(err, ENOMEM, "capture: no memory for it");
}

static int
place_check(struct vswitch *sw, const struct capture_request *request, struct error *err)
{
	if (request->port[0] != '\0' && switch_port_find(sw, request->port) == NULL)
		return unknown_port(sw, request->port, err);
	if (request->bridge[0] != '\0' && switch_bridge_find(sw, request->bridge) == NULL)
		return unknown_bridge(sw, request->bridge, err);
	return 0;
}

int
capture_begin(struct vswitch *sw, const struct capture_request *request, uint32_t *ret_id,
	      struct error *err)
{
	struct captures *captures;
	struct capture_job *job = NULL;
	unsigned int slot = 0;
	int ret = place_check(sw, request, err);

	if (ret < 0)
		return ret;
	while (sw->captures != NULL && slot < CAPTURES_MAX && sw->captures->jobs[slot] != NULL)
		slot++;
	if (slot == CAPTURES_MAX)
		return error_set(err, EUSERS, "capture: there are %d already, which is all",
				 CAPTURES_MAX);
	ret = job_create(request, &job, err);
	if (ret < 0)
		return ret;
	if (sw->captures == NULL && captures_create(sw) < 0) {
		free(job->capture->filter);
		free(job->capture);
		free(job);
		return error_set(err, ENOMEM, "capture: no memory for %u workers' rings",
				 sw->dp->n_workers);
	}
	captures = sw->captures;
	job->owner = captures;
	job->slot = slot;
	job->id = *ret_id = ++captures->next_id;
	captures->jobs[slot] = job;
	captures->n_jobs++;
	return 0;
}

static struct capture_job *
job_find(const struct captures *captures, uint32_t id)
{
	for (unsigned int i = 0; captures != NULL && i < CAPTURES_MAX; i++)
		if (captures->jobs[i] != NULL && captures->jobs[i]->id == id)
			return captures->jobs[i];
	return NULL;
}

void
capture_connected(struct vswitch *sw, uint32_t id, int fd)
{
	struct capture_job *job = job_find(sw->captures, id);
	const int size = SOCKET_BUFFER;
	struct capture_order order;

	if (job == NULL) {
		if (fd >= 0)
			close(fd);
		return;
	}
	order = (struct capture_order){
		.capture = job->capture,
		.slot = job->slot,
		.name = job->request.port[0] != '\0'   ? job->request.port :
			job->request.bridge[0] != '\0' ? job->request.bridge :
							 "any",
		.filter = job->request.text,
		.buffer = job->request.buffer,
		.fd = fd,
	};
	if (fd < 0) {
		job_remove(job);
		return;
	}
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	job->client = capture_thread_add(sw->captures->thread, &order);
	if (job->client == NULL) {
		close(fd);
		job_remove(job);
		return;
	}
	job->state = JOB_RUNNING;
	if (publish(sw->captures) < 0)
		log_line(LOG_WARNING, "capture: no memory: it begins when a port changes");
	capture_thread_go(sw->captures->thread, job->client);
}

bool
capture_next(const struct vswitch *sw, uint32_t id, struct capture_info *ret_info)
{
	const struct captures *captures = sw->captures;
	const struct capture_job *next = NULL;
	struct capture_count sum;

	for (unsigned int i = 0; captures != NULL && i < CAPTURES_MAX; i++) {
		const struct capture_job *job = captures->jobs[i];

		if (job != NULL && job->client != NULL && job->id > id &&
		    (next == NULL || job->id < next->id))
			next = job;
	}
	if (next == NULL)
		return false;
	capture_count(next->capture, &sum);
	*ret_info = (struct capture_info){
		.request = &next->request,
		.id = next->id,
		.seen = sum.seen,
		.matched = sum.matched,
		.missed = sum.missed + capture_client_unread(next->client),
	};
	return true;
}
