/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RPC: the daemon's control socket. JSON-RPC 2.0 (https://www.jsonrpc.org/specification), one
 * object per line in each direction, over a unix stream socket (unix_listen.h). Who can connect may
 * read; what changes something is for root (access.h).
 *
 * How: a libevent bufferevent per client. Whole lines are taken from its input, dispatched through
 * a const table of methods, and the replies are appended to its output, in order. Nothing is
 * unbounded: a line has a largest size, the number of clients too; a client that does not read its
 * replies is not read from until it does; and a client that pipelines many requests gives way to
 * the other events after a few. Batch arrays are refused: a line each does the same. Whoever is not
 * root gets less of all of this, and a part of the control thread's time, so that some places and
 * the rest of the time are left for root whatever they do.
 *
 * A method may begin a stream: from then on its client is sent notifications, too, in between the
 * replies to what it asks. Who sends them is told to wait while RPC_STREAM_MAX bytes are unread.
 * Or it takes the whole connection over, for what is no JSON at all.
 *
 * Errors: -32700 not JSON, -32600 not a request, -32601 no such method, -32602 wrong parameters
 * (the method said -EINVAL or -ERANGE), -32000 all else; "data": {"errno": "ENOENT"} for programs.
 *
 * Thread-safety: one thread, that of the event base.
 */
#ifndef VSWITCH_RPC_H
#define VSWITCH_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

struct error;
struct event_base;
struct rpc_server;

#define RPC_LINE_MAX (1024 * 1024)    /* bytes of a request */
#define RPC_BACKLOG_MAX (1024 * 1024) /* bytes of unread replies at which a client is paused */
#define RPC_CLIENTS_MAX 64
#define RPC_STREAM_MAX (64 * 1024) /* bytes of unread output at which no notification is taken */

/* Of those who are not root. */
#define RPC_READERS_MAX 32     /* all of them */
#define RPC_READERS_UID_MAX 16 /* of one user */
#define RPC_READER_LINE_MAX (128 * 1024)
#define RPC_READER_SHARE 4                 /* one part of so many of the time, */
#define RPC_READER_CREDIT_NSEC 400000000LL /* but this share of such a time at once */

/* Who calls; of a process that may be gone by now. */
struct rpc_peer {
	bool is_known;
	uid_t uid;
	pid_t pid;
};

/* What a method does. */
enum rpc_access {
	RPC_UNSAID,  /* nobody may call it: a mistake in the table */
	RPC_READS,   /* nothing but tell what there is; for all who can connect */
	RPC_LISTENS, /* tells what guests send to each other, changes nothing; for root, any time */
	RPC_CHANGES, /* something; for root, while no transaction is going on */
};

/* A client that is sent notifications; part of what there is of a client. */
struct rpc_stream;

/**
 * struct rpc_stream_ops - what a stream's owner is told. Both: @arg: as given to rpc_stream_open().
 * @ready: the reply has been sent, or there is room again.
 * @closed: the client has gone, and the stream with it.
 */
struct rpc_stream_ops {
	void (*ready)(void *arg);
	void (*closed)(void *arg);
};

/**
 * rpc_taken_fn - a connection is somebody else's
 * @arg: as given to rpc_stream_hand_over()
 * @fd: its socket, not blocking, to be closed; -1: the client has gone before
 */
typedef void (*rpc_taken_fn)(void *arg, int fd);

/**
 * struct rpc_method - a method that a client may call.
 * @name: "bridge.add".
 * @access: what it does.
 * @fn: its function. @params: a JSON object (empty if the client gave none), borrowed.
 *	@ret_result: a new reference to the result; left alone, the result is null.
 *	Return 0, or -errno with @err filled.
 * @pending: NULL, or: is what @fn began (and succeeded with) still going on? A client's reply, and
 *	its next requests, wait until it is not. Other clients do not wait. @params: the same
 *	pointer each time, and nobody else's until the reply is sent.
 * @finish: NULL, or: what has come of it, in place of what @fn returned. As @fn. Not called if the
 *	client has gone meanwhile.
 * @follow: in place of @fn: may begin a stream by rpc_stream_open(). @stream: its client's.
 */
struct rpc_method {
	const char *name;
	enum rpc_access access;
	int (*fn)(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
	bool (*pending)(void *ctx, const json_t *params);
	int (*finish)(void *ctx, const json_t *params, json_t **ret_result, struct error *err);
	int (*follow)(void *ctx, struct rpc_stream *stream, const json_t *params,
		      json_t **ret_result, struct error *err);
};

/**
 * struct rpc_dispatch - the methods of a server and what they are called with.
 * @allow: NULL, or: may this method be called now? Return 0, or -errno with @err filled.
 * @spent: NULL, or: is told how long each request has held the thread.
 * @done: NULL, or: is told of each call: what @fn returned, or @allow if that refused, and why.
 */
struct rpc_dispatch {
	const struct rpc_method *methods;
	size_t n_methods;
	void *ctx;
	int (*allow)(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method,
		     struct error *err);
	void (*spent)(void *ctx, uint64_t nsec);
	void (*done)(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method,
		     const json_t *params, int ret, const struct error *err);
};

/**
 * rpc_handle() - carry out one request of this process, as root's, without waiting for what it
 * began
 * @dispatch: methods
 * @line: the request's text; not NUL-terminated, without newline
 * @len: bytes at @line
 *
 * Return: the reply (caller's reference), or NULL where none is due: a notification, or no memory.
 * Context: control.
 */
json_t *rpc_handle(const struct rpc_dispatch *dispatch, const char *line, size_t len);

/**
 * rpc_stream_open() - begin a stream
 *
 * Return: 0, or -EALREADY: the client has one. Context: control, in rpc_method.follow.
 */
int rpc_stream_open(struct rpc_stream *stream, const struct rpc_stream_ops *ops, void *arg);

/**
 * rpc_stream_is_open() - has the client one already? Context: control.
 */
bool rpc_stream_is_open(const struct rpc_stream *stream);

/**
 * rpc_stream_send() - send a notification
 * @line: with its newline
 *
 * Return: 0, or -ENOBUFS: too much is unread; ready() tells when to come again. Context: control.
 */
int rpc_stream_send(struct rpc_stream *stream, const char *line, size_t len);

/**
 * rpc_stream_hand_over() - give a connection away, when the reply has been sent
 *
 * Requests that the client sends after this one are thrown away.
 *
 * Return: 0, or -EALREADY: there is a stream on it. Context: control, in rpc_method.follow, which
 * then succeeds.
 */
int rpc_stream_hand_over(struct rpc_stream *stream, rpc_taken_fn fn, void *arg);

/**
 * rpc_server_create() - listen on a unix socket
 * @base: event base that will serve the clients
 * @path: of the socket; whatever is there is replaced, so the caller holds the run directory's lock
 * @dispatch: copied; the methods must outlive the server
 * @err: why not
 *
 * The socket appears at @path when clients can connect, and not before. SIGPIPE gets ignored.
 *
 * Return: the server, or NULL with @err filled. Context: control.
 */
struct rpc_server *rpc_server_create(struct event_base *base, const char *path,
				     const struct rpc_dispatch *dispatch, struct error *err);

/**
 * rpc_server_destroy() - close all clients and remove the socket
 * @server: or NULL
 *
 * What they have not been sent yet is, as far as it fits their sockets. Not from within a method.
 * Context: control.
 */
void rpc_server_destroy(struct rpc_server *server);

#endif
