/* SPDX-License-Identifier: BSD-3-Clause */
#include "rpc.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "error.h"
#include "log.h"
#include "unix_listen.h"

#define BURST_MAX 16   /* requests of one client before others get their turn */
#define HELD_USEC 1000 /* how often it is looked whether a reply is due */
#define ACCEPT_MAX 32  /* clients at once, before others get their turn */
#define NSEC 1000000000LL

enum {
	CODE_PARSE = -32700,
	CODE_REQUEST = -32600,
	CODE_METHOD = -32601,
	CODE_PARAMS = -32602,
	CODE_FAILED = -32000,
};

/* A request that was carried out, and what it began may be still going on. */
struct held {
	const struct rpc_method *method; /* NULL: there is none */
	json_t *params;
	json_t *id;    /* NULL: no reply is due */
	json_t *reply; /* or what finish() says */
};

struct rpc_stream {
	const struct rpc_stream_ops *ops; /* NULL: there is none */
	rpc_taken_fn taken;               /* or: who gets the connection, when the reply is sent */
	void *arg;
	struct evbuffer *output; /* the client's */
};

struct client {
	LIST_ENTRY(client) list;
	struct rpc_server *server;
	struct bufferevent *bev;
	struct event *resume; /* goes on with requests that are already in the input */
	struct held held;
	struct rpc_stream stream;
	struct rpc_peer peer;
	bool ended; /* the client will send no more */
};

struct rpc_server {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *relisten; /* accept again, after file descriptors ran out or a flood */
	unsigned int n_accepted;
	int64_t readers_until; /* ns: when those who are not root have paid for what they took */
	struct rpc_dispatch dispatch;
	LIST_HEAD(, client) clients;
	unsigned int n_clients;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

/* A message may quote bytes from anywhere, but JSON is UTF-8. */
static json_t *
message_json(const char *msg)
{
	char ascii[sizeof(((struct error *)NULL)->msg)];
	json_t *json;
	size_t i;

	json = json_string(msg);
	if (json != NULL)
		return json;
	for (i = 0; i < sizeof(ascii) - 1 && msg[i] != '\0'; i++)
		ascii[i] = msg[i] > 0 ? msg[i] : '?';
	ascii[i] = '\0';
	return json_string(ascii);
}

static json_t *
error_reply(const json_t *id, int code, const struct error *err)
{
	json_t *error, *reply_id;
	const char *name;

	error = json_pack("{s:i, s:o}", "code", code, "message", message_json(err->msg));
	name = strerrorname_np(-err->code);
	if (name != NULL && (code == CODE_FAILED || code == CODE_PARAMS))
		json_object_set_new(error, "data", json_pack("{s:s}", "errno", name));
	reply_id = id != NULL ? json_deep_copy(id) : json_null();
	return json_pack("{s:s, s:o, s:o}", "jsonrpc", "2.0", "error", error, "id", reply_id);
}

/* The reply that says what a method returned; takes @result over. */
static json_t *
result_reply(const char *name, int ret, json_t *result, struct error *err, const json_t *id)
{
	if (ret < 0) {
		json_decref(result);
		if (err->msg[0] == '\0')
			error_set(err, ret, "%s: %s", name, strerror(-ret));
		return error_reply(id, ret == -EINVAL || ret == -ERANGE ? CODE_PARAMS : CODE_FAILED,
				   err);
	}
	if (result == NULL)
		result = json_null();
	return json_pack("{s:s, s:o, s:O}", "jsonrpc", "2.0", "result", result, "id",
			 id != NULL ? id : json_null());
}

/* What calls a method. */
struct caller {
	struct rpc_peer peer;
	struct held *held; /* gets a method whose reply may have to wait; NULL: it must not */
	struct rpc_stream *stream; /* NULL: it can have none */
};

/* Let a method do what it does. */
static int
carry_out(const struct rpc_dispatch *dispatch, const struct caller *caller,
	  const struct rpc_method *method, const json_t *args, json_t **ret_result,
	  struct error *err)
{
	if (method->follow == NULL)
		return method->fn(dispatch->ctx, args, ret_result, err);
	if (caller->stream == NULL)
		return error_set(err, ENOTCONN, "%s: there is nobody to send to", method->name);
	return method->follow(dispatch->ctx, caller->stream, args, ret_result, err);
}

static json_t *
call(const struct rpc_dispatch *dispatch, const struct caller *caller, const char *name,
     json_t *params, json_t *id)
{
	struct error err = { .code = 0 };
	const struct rpc_method *method;
	json_t *result = NULL, *args;
	int ret = 0;
	size_t i;

	for (i = 0; i < dispatch->n_methods; i++)
		if (strcmp(dispatch->methods[i].name, name) == 0)
			break;
	if (i == dispatch->n_methods) {
		error_set(&err, ENOSYS, "there is no method \"%.64s\"", name);
		return error_reply(id, CODE_METHOD, &err);
	}

	method = &dispatch->methods[i];
	args = params != NULL ? json_incref(params) : json_object();
	if (dispatch->allow != NULL)
		ret = dispatch->allow(dispatch->ctx, &caller->peer, method, &err);
	if (ret == 0)
		ret = carry_out(dispatch, caller, method, args, &result, &err);
	if (dispatch->done != NULL)
		dispatch->done(dispatch->ctx, &caller->peer, method, args, ret, &err);
	if (ret == 0 && caller->held != NULL && method->pending != NULL)
		*caller->held = (struct held){
			.method = method,
			.params = json_incref(args),
			.id = json_incref(id),
		};
	json_decref(args);
	return result_reply(name, ret, result, &err, id);
}

/* 0, or the code of what makes a JSON value no request. */
static int
request_check(const json_t *request, struct error *err)
{
	const json_t *id, *params;
	const char *version;
	int code = CODE_REQUEST;
	const char *fault;

	id = json_object_get(request, "id");
	params = json_object_get(request, "params");
	version = json_string_value(json_object_get(request, "jsonrpc"));
	if (json_is_array(request)) {
		fault = "a batch is not supported: send one object per line";
	} else if (!json_is_object(request)) {
		fault = "it must be a JSON object";
	} else if (version == NULL || strcmp(version, "2.0") != 0) {
		fault = "\"jsonrpc\" must be \"2.0\"";
	} else if (!json_is_string(json_object_get(request, "method"))) {
		fault = "\"method\" must be a string";
	} else if (json_is_object(id) || json_is_array(id) || json_is_boolean(id)) {
		fault = "\"id\" must be a string, a number or null";
	} else if (params != NULL && !json_is_object(params)) {
		fault = "\"params\" must be an object with a member per key";
		code = CODE_PARAMS;
	} else {
		return 0;
	}
	error_set(err, EINVAL, "not a request: %s", fault);
	return code;
}

static json_t *
handle(const struct rpc_dispatch *dispatch, const struct caller *caller, const char *line,
       size_t len)
{
	struct error err = { .code = 0 };
	json_t *request, *id, *reply;
	json_error_t json_err;
	int code;

	/* jansson itself limits the depth (2048) and refuses NUL and what is not UTF-8. */
	request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &json_err);
	if (request == NULL) {
		error_set(&err, EINVAL, "not JSON: column %d: %s", json_err.column, json_err.text);
		return error_reply(NULL, CODE_PARSE, &err);
	}

	id = json_object_get(request, "id");
	code = request_check(request, &err);
	if (code != 0) {
		reply = error_reply(json_is_string(id) || json_is_number(id) ? id : NULL, code,
				    &err);
	} else {
		reply = call(dispatch, caller,
			     json_string_value(json_object_get(request, "method")),
			     json_object_get(request, "params"), id);
		if (id == NULL) {
			json_decref(reply);
			reply = NULL;
		}
	}
	json_decref(request);
	return reply;
}

json_t *
rpc_handle(const struct rpc_dispatch *dispatch, const char *line, size_t len)
{
	const struct rpc_peer self = { .is_known = true, .uid = 0, .pid = getpid() };

	return handle(dispatch, &(struct caller){ .peer = self }, line, len);
}

static void
held_clear(struct held *held)
{
	json_decref(held->params);
	json_decref(held->id);
	json_decref(held->reply);
	*held = (struct held){ .method = NULL };
}

static void
client_close(struct client *client)
{
	held_clear(&client->held);
	if (client->stream.ops != NULL)
		client->stream.ops->closed(client->stream.arg);
	if (client->stream.taken != NULL)
		client->stream.taken(client->stream.arg, -1);
	LIST_REMOVE(client, list);
	client->server->n_clients--;
	event_free(client->resume);
	bufferevent_free(client->bev);
	free(client);
}

static int
append(const char *text, size_t size, void *output)
{
	return evbuffer_add(output, text, size);
}

static void
send_reply(struct client *client, json_t *reply)
{
	struct evbuffer *output = bufferevent_get_output(client->bev);

	if (reply == NULL)
		return;
	json_dump_callback(reply, append, output, JSON_COMPACT);
	evbuffer_add(output, "\n", 1);
	json_decref(reply);
}

bool
rpc_stream_is_open(const struct rpc_stream *stream)
{
	return stream->ops != NULL || stream->taken != NULL;
}

int
rpc_stream_open(struct rpc_stream *stream, const struct rpc_stream_ops *ops, void *arg)
{
	if (rpc_stream_is_open(stream))
		return -EALREADY;
	stream->ops = ops;
	stream->arg = arg;
	return 0;
}

int
rpc_stream_hand_over(struct rpc_stream *stream, rpc_taken_fn fn, void *arg)
{
	if (rpc_stream_is_open(stream))
		return -EALREADY;
	stream->taken = fn;
	stream->arg = arg;
	return 0;
}

int
rpc_stream_send(struct rpc_stream *stream, const char *line, size_t len)
{
	if (evbuffer_get_length(stream->output) + len > RPC_STREAM_MAX)
		return -ENOBUFS;
	return evbuffer_add(stream->output, line, len) < 0 ? -ENOBUFS : 0;
}

static void
stream_ready(struct client *client)
{
	if (client->stream.ops != NULL)
		client->stream.ops->ready(client->stream.arg);
}

/*
 * Give the connection away, if it is to be; at once, if the reply has been sent, which frees the
 * client. False: it is not to be.
 */
static bool
hand_over(struct client *client)
{
	const struct rpc_stream stream = client->stream;
	const int fd = bufferevent_getfd(client->bev);

	if (stream.taken == NULL)
		return false;
	bufferevent_disable(client->bev, EV_READ);
	if (evbuffer_get_length(stream.output) > 0)
		return true;
	bufferevent_disable(client->bev, EV_WRITE);
	bufferevent_setfd(client->bev, -1);
	client->stream.taken = NULL;
	client_close(client);
	stream.taken(stream.arg, fd);
	return true;
}

/* What has come of a request in the end. */
static json_t *
finish(const struct rpc_dispatch *dispatch, const struct held *held)
{
	struct error err = { .code = 0 };
	json_t *result = NULL;
	int ret = held->method->finish(dispatch->ctx, held->params, &result, &err);

	return result_reply(held->method->name, ret, result, &err, held->id);
}

/* Is there a reply that must wait? One that need not any more is sent. */
static bool
is_held(struct client *client)
{
	struct held *held = &client->held;

	if (held->method == NULL)
		return false;
	if (held->method->pending(client->server->dispatch.ctx, held->params))
		return true;
	if (held->method->finish != NULL) {
		json_decref(held->reply);
		held->reply = finish(&client->server->dispatch, held);
	}
	if (held->id != NULL)
		send_reply(client, json_incref(held->reply));
	held_clear(held);
	return false;
}

static bool
is_blank(const char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static bool
is_root(const struct rpc_peer *peer)
{
	return peer->is_known && peer->uid == 0;
}

static size_t
line_max(const struct client *client)
{
	return is_root(&client->peer) ? RPC_LINE_MAX : RPC_READER_LINE_MAX;
}

static int64_t
now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC + now.tv_nsec;
}

/* One who is not root waits until all of these have paid for what they took so far. */
static bool
must_wait(struct client *client)
{
	const struct rpc_server *server = client->server;
	int64_t left;
	struct timeval time;

	if (is_root(&client->peer))
		return false;
	left = server->readers_until - now_nsec();
	if (left <= 0)
		return false;
	time = (struct timeval){ .tv_sec = left / NSEC, .tv_usec = left % NSEC / 1000 + 1 };
	event_add(client->resume, &time);
	return true;
}

static void
pay(struct client *client, int64_t began)
{
	struct rpc_server *server = client->server;
	const int64_t now = now_nsec();

	if (server->dispatch.spent != NULL)
		server->dispatch.spent(server->dispatch.ctx, (uint64_t)(now - began));
	if (is_root(&client->peer))
		return;
	if (server->readers_until < now - RPC_READER_CREDIT_NSEC)
		server->readers_until = now - RPC_READER_CREDIT_NSEC;
	server->readers_until += RPC_READER_SHARE * (now - began);
}

/* Take one line from the input and answer it. False: there is no whole line. */
static bool
serve_line(struct client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->bev);
	struct error err;
	json_t *reply;
	size_t len;
	char *line;

	line = evbuffer_readln(input, &len, EVBUFFER_EOL_LF);
	if (line == NULL && client->ended && evbuffer_get_length(input) > 0) {
		/* The last line may lack its newline. */
		len = evbuffer_get_length(input);
		line = malloc(len);
		if (line != NULL)
			evbuffer_remove(input, line, len);
	}
	if (line == NULL) {
		if (evbuffer_get_length(input) < line_max(client))
			return false;
		error_set(&err, EMSGSIZE, "not a request: a line is longer than %zu bytes",
			  line_max(client));
		send_reply(client, error_reply(NULL, CODE_REQUEST, &err));
		evbuffer_drain(input, evbuffer_get_length(input));
		bufferevent_disable(client->bev, EV_READ);
		client->ended = true;
		return false;
	}
	if (!is_blank(line, len)) {
		reply = handle(&client->server->dispatch,
			       &(struct caller){ client->peer, &client->held, &client->stream },
			       line, len);
		if (client->held.method != NULL)
			client->held.reply = reply;
		else
			send_reply(client, reply);
		stream_ready(client);
	}
	free(line);
	return true;
}

/* Serve what is there, within the bounds; may free the client. */
static void
serve(struct client *client)
{
	static const struct timeval now = { 0, 0 }, soon = { .tv_usec = HELD_USEC };
	struct evbuffer *output = bufferevent_get_output(client->bev);
	int64_t began;
	unsigned int n;
	bool more;

	for (n = 0; n < BURST_MAX; n++) {
		if (is_held(client)) {
			event_add(client->resume, &soon);
			return;
		}
		if (hand_over(client))
			return;
		if (must_wait(client))
			return;
		if (evbuffer_get_length(output) > RPC_BACKLOG_MAX) {
			/* on_written() goes on */
			bufferevent_disable(client->bev, EV_READ);
			return;
		}
		began = now_nsec();
		more = serve_line(client);
		if (!more)
			break;
		pay(client, began);
	}
	if (n == BURST_MAX) {
		event_add(client->resume, &now);
		return;
	}
	if (!client->ended)
		bufferevent_enable(client->bev, EV_READ);
	else if (evbuffer_get_length(output) == 0)
		client_close(client);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct client *client = arg;

	if (!event_pending(client->resume, EV_TIMEOUT, NULL))
		serve(client);
}

static void
on_written(struct bufferevent *bev, void *arg)
{
	stream_ready(arg);
	on_read(bev, arg);
}

static void
on_resume(evutil_socket_t fd, short events, void *arg)
{
	serve(arg);
}

static void
on_event(struct bufferevent *bev, short events, void *arg)
{
	struct client *client = arg;

	if (events & BEV_EVENT_ERROR) {
		client_close(client);
		return;
	}
	if (events & BEV_EVENT_EOF) {
		client->ended = true;
		if (!event_pending(client->resume, EV_TIMEOUT, NULL))
			serve(client);
	}
}

/* Better than a client that waits for an answer that never comes. */
static void
refuse_client(evutil_socket_t fd, int limit)
{
	struct error err;
	json_t *reply;
	char *text;

	error_set(&err, EUSERS, "too many clients (%d)", limit);
	reply = error_reply(NULL, CODE_FAILED, &err);
	text = json_dumps(reply, JSON_COMPACT);
	if (text != NULL)
		dprintf(fd, "%s\n", text);
	free(text);
	json_decref(reply);
	close(fd);
}

/* The limit that one client more would break, or 0. */
static int
limit_met(const struct rpc_server *server, const struct rpc_peer *peer)
{
	const struct client *client;
	int n_readers = 0, n_same = 0;

	if (server->n_clients >= RPC_CLIENTS_MAX)
		return RPC_CLIENTS_MAX;
	if (is_root(peer))
		return 0;
	LIST_FOREACH(client, &server->clients, list) {
		n_readers += !is_root(&client->peer);
		n_same += client->peer.uid == peer->uid;
	}
	if (n_same >= RPC_READERS_UID_MAX)
		return RPC_READERS_UID_MAX;
	return n_readers >= RPC_READERS_MAX ? RPC_READERS_MAX : 0;
}

/* However many come at once, others get their turn in between. */
static void
count_accept(struct rpc_server *server)
{
	static const struct timeval now = { 0, 0 };

	if (++server->n_accepted % ACCEPT_MAX != 0)
		return;
	evconnlistener_disable(server->listener);
	event_add(server->relisten, &now);
}

static void
peer_read(int fd, struct rpc_peer *ret_peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		*ret_peer = (struct rpc_peer){ true, cred.uid, cred.pid };
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *addr, int addr_len,
	  void *arg)
{
	struct rpc_server *server = arg;
	struct rpc_peer peer = { .is_known = false };
	struct client *client;
	int limit;

	count_accept(server);
	peer_read(fd, &peer);
	limit = limit_met(server, &peer);
	if (limit != 0) {
		refuse_client(fd, limit);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		goto err_close;
	client->server = server;
	client->peer = peer;
	client->resume = evtimer_new(server->base, on_resume, client);
	if (client->resume == NULL)
		goto err_free;
	client->bev = bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (client->bev == NULL)
		goto err_resume;

	client->stream.output = bufferevent_get_output(client->bev);
	LIST_INSERT_HEAD(&server->clients, client, list);
	server->n_clients++;
	bufferevent_setcb(client->bev, on_read, on_written, on_event, client);
	bufferevent_setwatermark(client->bev, EV_READ, 0, line_max(client));
	bufferevent_setwatermark(client->bev, EV_WRITE, 0, 0);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
	return;

err_resume:
	event_free(client->resume);
err_free:
	free(client);
err_close:
	close(fd);
}

static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	static const struct timeval delay = { 1, 0 };
	struct rpc_server *server = arg;

	/* The connection stays in the queue, so the listener would be called again at once. */
	evconnlistener_disable(listener);
	event_add(server->relisten, &delay);
}

static void
on_relisten(evutil_socket_t fd, short events, void *arg)
{
	struct rpc_server *server = arg;

	evconnlistener_enable(server->listener);
}

struct rpc_server *
rpc_server_create(struct event_base *base, const char *path, const struct rpc_dispatch *dispatch,
		  struct error *err)
{
	struct rpc_server *server;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	server = calloc(1, sizeof(*server));
	if (server == NULL) {
		error_set(err, ENOMEM, "socket %s: %s", path, strerror(ENOMEM));
		return NULL;
	}
	server->base = base;
	server->dispatch = *dispatch;
	LIST_INIT(&server->clients);
	server->relisten = evtimer_new(base, on_relisten, server);
	if (server->relisten == NULL) {
		error_set(err, ENOMEM, "socket %s: %s", path, strerror(ENOMEM));
		goto err_free;
	}

	fd = unix_listen(path, err);
	if (fd < 0)
		goto err_event;
	snprintf(server->path, sizeof(server->path), "%s", path);
	server->listener = evconnlistener_new(base, on_accept, server,
					      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (server->listener == NULL) {
		error_set(err, ENOMEM, "socket %s: cannot watch it", path);
		goto err_close;
	}
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	return server;

err_close:
	unlink(path);
	close(fd);
err_event:
	event_free(server->relisten);
err_free:
	free(server);
	return NULL;
}

void
rpc_server_destroy(struct rpc_server *server)
{
	if (server == NULL)
		return;
	while (!LIST_EMPTY(&server->clients)) {
		struct client *client = LIST_FIRST(&server->clients);

		evbuffer_unfreeze(bufferevent_get_output(client->bev), 1);
		evbuffer_write(bufferevent_get_output(client->bev), bufferevent_getfd(client->bev));
		client_close(client);
	}
	evconnlistener_free(server->listener);
	event_free(server->relisten);
	unlink(server->path);
	free(server);
}
