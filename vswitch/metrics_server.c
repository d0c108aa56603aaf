/* SPDX-License-Identifier: BSD-3-Clause */
#include "metrics_server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "error.h"
#include "listen.h"
#include "log.h"
#include "metrics.h"
#include "schema.h"
#include "switch.h"
#include "unix_listen.h"

#define OFF "off"
#define PATH "/metrics"
#define RETRY_SEC 5
#define SWEEP_USEC 250000

static const struct timeval sweep_time = { .tv_usec = SWEEP_USEC };

/* What was rendered, for all who are given it. */
struct body {
	unsigned int refs;
	struct metrics_text text;
};

/*
 * A client. evhttp of libevent 2.1 neither tells when one has gone nor limits how many there are,
 * nor how long one may take; but the bufferevents are ours.
 */
struct client {
	struct bufferevent *bev; /* a reference; NULL: the place is free */
	uint64_t since;          /* usec */
};

/* One address, as long as it listens there. */
struct server {
	struct metrics *metrics;
	struct evhttp *http;
	struct evconnlistener *listener; /* evhttp's */
	struct listen_address address;
	struct client clients[METRICS_CLIENTS_MAX];
	unsigned int n_clients;
	unsigned int n_accepted; /* since: */
	uint64_t since;          /* usec */
	struct event *sweep;     /* runs while there are clients, or there were too many */
};

struct metrics {
	struct vswitch *sw;
	char text[VALUE_TEXT_SIZE]; /* as set; OFF */
	struct server *server;      /* NULL: it does not listen */
	struct error reason;        /* why not, if it should; else no message */
	struct event *retry;
	struct body *bodies[METRICS_FORMATS];  /* the last ones; or NULL */
	uint64_t fresh_until[METRICS_FORMATS]; /* usec */
	int64_t started;
	struct metrics_status status;
};

/* --- answers --- */

static void
body_put(struct body *body)
{
	if (body == NULL || --body->refs > 0)
		return;
	free(body->text.data);
	free(body);
}

static void
body_sent(const void *data, size_t len, void *arg)
{
	body_put(arg);
}

static uint64_t
now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int
body_render(struct metrics *metrics, enum metrics_format format)
{
	struct metrics_status *status = &metrics->status;
	struct body *body = calloc(1, sizeof(*body));
	const uint64_t began = now_nsec();

	if (body == NULL || metrics_render(metrics->sw, format, &body->text) < 0) {
		free(body);
		return -ENOMEM;
	}
	body->refs = 1;
	status->last_nsec = now_nsec() - began;
	status->last_size = body->text.len;
	status->render_nsec += status->last_nsec;
	status->renders++;
	body_put(metrics->bodies[format]);
	metrics->bodies[format] = body;
	metrics->fresh_until[format] =
		switch_usec() + (METRICS_FORMATS * METRICS_SHARE - 1) * status->last_nsec / 1000;
	return 0;
}

static void
add_header(struct evhttp_request *request, const char *name, const char *value)
{
	evhttp_add_header(evhttp_request_get_output_headers(request), name, value);
}

/* An answer to HEAD has the length of that to GET, and no body: evhttp would send it. */
static void
reply(struct evhttp_request *request, int code, const char *reason, struct evbuffer *buffer)
{
	char len[24];

	if (buffer != NULL && evhttp_request_get_command(request) == EVHTTP_REQ_HEAD) {
		snprintf(len, sizeof(len), "%zu", evbuffer_get_length(buffer));
		add_header(request, "Content-Length", len);
		evbuffer_drain(buffer, evbuffer_get_length(buffer));
	}
	evhttp_send_reply(request, code, reason, buffer);
}

static void
answer_text(struct evhttp_request *request, int code, const char *reason, const char *text)
{
	struct evbuffer *buffer = evbuffer_new();

	add_header(request, "Content-Type", "text/plain; charset=utf-8");
	if (buffer != NULL)
		evbuffer_add_printf(buffer, "%s\n", text);
	reply(request, code, reason, buffer);
	if (buffer != NULL)
		evbuffer_free(buffer);
}

static void
answer_metrics(struct metrics *metrics, struct evhttp_request *request)
{
	const char *accept =
		evhttp_find_header(evhttp_request_get_input_headers(request), "Accept");
	const enum metrics_format format = metrics_format_of(accept);
	struct evbuffer *buffer = NULL;
	struct body *body;

	if (metrics->bodies[format] == NULL || switch_usec() >= metrics->fresh_until[format])
		if (body_render(metrics, format) < 0)
			goto err;
	body = metrics->bodies[format];
	buffer = evbuffer_new();
	if (buffer == NULL ||
	    evbuffer_add_reference(buffer, body->text.data, body->text.len, body_sent, body) < 0)
		goto err;
	body->refs++;
	add_header(request, "Content-Type", metrics_content_types[format]);
	add_header(request, "Vary", "Accept");
	reply(request, HTTP_OK, "OK", buffer);
	evbuffer_free(buffer);
	return;

err:
	if (buffer != NULL)
		evbuffer_free(buffer);
	answer_text(request, HTTP_SERVUNAVAIL, "Service Unavailable", "no memory");
}

/* The answer is on its way to the kernel: look soon whether the client has gone. */
static void
on_answered(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;

	event_active(server->sweep, EV_TIMEOUT, 0);
}

static void
on_request(struct evhttp_request *request, void *arg)
{
	const enum evhttp_cmd_type method = evhttp_request_get_command(request);
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;
	struct server *server = arg;

	server->metrics->status.requests++;
	evhttp_request_set_on_complete_cb(request, on_answered, server);
	add_header(request, "Connection", "close");
	add_header(request, "X-Content-Type-Options", "nosniff");
	if (path == NULL || strcmp(path, PATH) != 0) {
		answer_text(request, HTTP_NOTFOUND, "Not Found", "metrics are at " PATH);
	} else if (method != EVHTTP_REQ_GET && method != EVHTTP_REQ_HEAD) {
		add_header(request, "Allow", "GET, HEAD");
		answer_text(request, HTTP_BADMETHOD, "Method Not Allowed", "GET or HEAD");
	} else {
		answer_metrics(server->metrics, request);
	}
}

/* --- clients --- */

/* evhttp has let go of it: nobody listens to what happens to the connection. */
static bool
client_has_gone(const struct client *client)
{
	bufferevent_event_cb event;

	bufferevent_getcb(client->bev, NULL, NULL, &event, NULL);
	return event == NULL;
}

static void
client_free(struct server *server, struct client *client)
{
	bufferevent_decref(client->bev);
	client->bev = NULL;
	server->n_clients--;
}

/* Is there room and time for one more? */
static void
listener_judge(struct server *server)
{
	if (server->n_clients < METRICS_CLIENTS_MAX && server->n_accepted < METRICS_ACCEPT_MAX)
		evconnlistener_enable(server->listener);
	else
		evconnlistener_disable(server->listener);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	const uint64_t now = switch_usec();
	const uint64_t oldest = now - METRICS_CLIENT_SEC * UINT64_C(1000000);
	struct server *server = arg;

	for (unsigned int i = 0; i < METRICS_CLIENTS_MAX; i++) {
		struct client *client = &server->clients[i];

		if (client->bev == NULL)
			continue;
		if (client_has_gone(client))
			client_free(server, client);
		else if (client->since < oldest) /* evhttp sees an error, and closes it */
			shutdown(bufferevent_getfd(client->bev), SHUT_RDWR);
	}
	if (now - server->since >= SWEEP_USEC)
		server->n_accepted = 0;
	listener_judge(server);
	if (server->n_clients > 0 || server->n_accepted > 0)
		event_add(server->sweep, &sweep_time);
}

/* evhttp has accepted somebody. */
static struct bufferevent *
on_client(struct event_base *base, void *arg)
{
	struct server *server = arg;
	struct client *client = server->clients;
	struct bufferevent *bev;

	while (client < server->clients + METRICS_CLIENTS_MAX && client->bev != NULL)
		client++;
	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL || client == server->clients + METRICS_CLIENTS_MAX)
		return bev;
	bufferevent_incref(bev);
	*client = (struct client){ bev, switch_usec() };
	server->n_clients++;
	if (server->n_accepted++ == 0)
		server->since = client->since;
	listener_judge(server);
	if (!event_pending(server->sweep, EV_TIMEOUT, NULL))
		event_add(server->sweep, &sweep_time);
	return bev;
}

/* --- addresses --- */

static bool
is_unix(const struct listen_address *address)
{
	return address->addr.any.sa_family == AF_UNIX;
}

/* A socket that a killed vswitchd has left is replaced; nothing else is. */
static int
listen_path(const struct sockaddr_un *addr, const char *text, struct error *err)
{
	struct stat status;
	int fd, ret;

	if (lstat(addr->sun_path, &status) < 0)
		return unix_listen(addr->sun_path, err);
	if (!S_ISSOCK(status.st_mode))
		return error_set(err, EEXIST, "metrics: listen: %s: there is a file of this name",
				 text);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "metrics: listen: %s: %s", text, strerror(errno));
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? errno : 0;
	close(fd);
	if (ret != ECONNREFUSED)
		return error_set(err, EADDRINUSE, "metrics: listen: %s: somebody listens there",
				 text);
	return unix_listen(addr->sun_path, err);
}

static int
listen_port(const struct listen_address *address, const char *text, struct error *err)
{
	const int on = 1;
	int fd, ret;

	fd = socket(address->addr.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "metrics: listen: %s: %s", text, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &address->addr.any, address->size) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	ret = error_set(err, errno, "metrics: listen: %s: %s", text, strerror(errno));
	close(fd);
	return ret;
}

static void
server_destroy(struct server *server)
{
	if (server == NULL)
		return;
	if (server->http != NULL)
		evhttp_free(server->http); /* with the listener, and all connections */
	for (unsigned int i = 0; i < METRICS_CLIENTS_MAX; i++)
		if (server->clients[i].bev != NULL)
			client_free(server, &server->clients[i]);
	if (server->sweep != NULL)
		event_free(server->sweep);
	if (server->listener != NULL && is_unix(&server->address))
		unlink(server->address.addr.local.sun_path);
	free(server);
}

static struct server *
server_create(struct metrics *metrics, const char *text, struct error *err)
{
	struct event_base *base = metrics->sw->base;
	struct server *server = calloc(1, sizeof(*server));
	const char *fault;
	int fd = -1;

	if (server == NULL)
		goto err_memory;
	server->metrics = metrics;
	if (listen_parse(text, &server->address, &fault) < 0) { /* the schema has checked it */
		error_set(err, EINVAL, "metrics: listen: %s is not " LISTEN_FORMS, text);
		goto err;
	}
	fd = is_unix(&server->address) ? listen_path(&server->address.addr.local, text, err) :
					 listen_port(&server->address, text, err);
	if (fd < 0)
		goto err;
	server->http = evhttp_new(base);
	server->sweep = evtimer_new(base, on_sweep, server);
	if (server->http == NULL || server->sweep == NULL)
		goto err_memory;
	server->listener = evconnlistener_new(base, NULL, NULL,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (server->listener == NULL)
		goto err_memory;
	fd = -1; /* the listener's */
	if (evhttp_bind_listener(server->http, server->listener) == NULL) {
		evconnlistener_free(server->listener);
		goto err_memory;
	}
	evhttp_set_max_headers_size(server->http, METRICS_HEADERS_MAX);
	evhttp_set_max_body_size(server->http, METRICS_BODY_MAX);
	evhttp_set_timeout(server->http, METRICS_CLIENT_SEC);
	evhttp_set_allowed_methods(
		server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
				      EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
	evhttp_set_bevcb(server->http, on_client, server);
	evhttp_set_gencb(server->http, on_request, server);
	return server;

err_memory:
	error_set(err, ENOMEM, "metrics: no memory");
err:
	if (fd >= 0)
		close(fd);
	server_destroy(server);
	return NULL;
}

static void
retry(struct metrics *metrics)
{
	static const struct timeval delay = { .tv_sec = RETRY_SEC };

	evtimer_add(metrics->retry, &delay);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct metrics *metrics = arg;

	metrics->server = server_create(metrics, metrics->text, &metrics->reason);
	if (metrics->server == NULL) {
		retry(metrics);
		return;
	}
	metrics->reason.msg[0] = '\0';
	log_line(LOG_NOTICE, "metrics: at %s now", metrics->text);
}

/* --- life --- */

int
metrics_listen(struct metrics *metrics, const char *text, bool may_wait, struct error *err)
{
	struct server *server = NULL;
	struct error reason = { 0 };

	if (strcmp(text, metrics->text) == 0 && (metrics->server != NULL || strcmp(text, OFF) == 0))
		return 0;
	if (strcmp(text, OFF) != 0)
		server = server_create(metrics, text, &reason);
	if (reason.msg[0] != '\0' && !may_wait)
		return error_set(err, reason.code, "%s", reason.msg);
	server_destroy(metrics->server);
	evtimer_del(metrics->retry);
	metrics->server = server;
	metrics->reason = reason;
	snprintf(metrics->text, sizeof(metrics->text), "%s", text);
	if (reason.msg[0] != '\0') {
		log_line(LOG_WARNING, "%s; it is tried again", reason.msg);
		retry(metrics);
	}
	return 0;
}

struct metrics *
metrics_create(struct vswitch *sw, struct error *err)
{
	struct metrics *metrics = calloc(1, sizeof(*metrics));

	if (metrics == NULL)
		goto err;
	metrics->sw = sw;
	metrics->started = time(NULL) - (int64_t)((switch_usec() - sw->created) / 1000000);
	strcpy(metrics->text, OFF);
	metrics->retry = evtimer_new(sw->base, on_retry, metrics);
	if (metrics->retry == NULL)
		goto err;
	return metrics;

err:
	metrics_destroy(metrics);
	error_set(err, ENOMEM, "no memory for metrics");
	return NULL;
}

void
metrics_destroy(struct metrics *metrics)
{
	if (metrics == NULL)
		return;
	server_destroy(metrics->server);
	if (metrics->retry != NULL)
		event_free(metrics->retry);
	for (unsigned int i = 0; i < METRICS_FORMATS; i++)
		body_put(metrics->bodies[i]);
	free(metrics);
}

void
metrics_status(const struct metrics *metrics, struct metrics_status *ret_status)
{
	*ret_status = (struct metrics_status){ .reason = "" };
	if (metrics == NULL)
		return;
	*ret_status = metrics->status;
	ret_status->reason = metrics->reason.msg;
	if (strcmp(metrics->text, OFF) != 0)
		ret_status->listen = metrics->text;
	if (metrics->server != NULL)
		ret_status->clients = metrics->server->n_clients;
}

int64_t
metrics_started(const struct metrics *metrics)
{
	return metrics != NULL ? metrics->started : 0;
}
