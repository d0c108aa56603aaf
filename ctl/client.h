/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Client: a connection to vswitchd's control socket.
 *
 * How: blocking JSON-RPC 2.0, one request and its reply at a time, a line each. Events of the
 * daemon's, once they are asked for (event.follow), come in between: client_next() waits for one;
 * those that come while a reply is waited for are older than the reply, and are dropped.
 *
 * Thread-safety: none; one thread.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <sys/types.h>

#include <jansson.h>

struct client;
struct error;

#define CLIENT_TIMEOUT 60 /* seconds of silence after which the daemon counts as stuck */

/* poll()'s events of stdout that say: nobody reads it any more. A socket tells by POLLHUP. */
#define CLIENT_UNREAD (POLLERR | POLLHUP | POLLNVAL)

/**
 * client_open() - connect to the daemon
 * @path: its socket
 * @err: says what to do if nobody is there
 *
 * Return: the connection, or NULL with @err filled.
 */
struct client *client_open(const char *path, struct error *err);

/**
 * client_reopen() - connect again, to a daemon that may be another one by now
 * @client: the connection, lost or not
 * @err: as of client_open()
 *
 * Return: 0 or -errno; then it can be tried again.
 */
int client_reopen(struct client *client, struct error *err);

/** client_set_timeout() - seconds of silence to put up with */
void client_set_timeout(struct client *client, int seconds);

/**
 * client_call() - call a method and wait for its reply
 * @client: the connection
 * @method: "bridge.add"
 * @params: JSON object; the reference is taken over
 * @ret_result: new reference to the result; NULL on failure
 *
 * Calls again, for 5 s at most, while the daemon says EAGAIN (a port of that name is being closed).
 * @err: the daemon's message, or why there is none
 *
 * Return: 0 or -errno; the daemon's own, or -EREMOTEIO if it gave none.
 */
int client_call(struct client *client, const char *method, json_t *params, json_t **ret_result,
		struct error *err);

/**
 * client_next() - wait for an event
 * @client: the connection
 * @msec: how long; -1: for as long as it takes
 * @ret_event: new reference to the event
 * @err: why there will be none
 *
 * Return: 1; 0: none has come in time, or there was a signal; -EPIPE: nobody reads stdout any more;
 * or another -errno: the connection is lost.
 */
int client_next(struct client *client, int msec, json_t **ret_event, struct error *err);

/**
 * client_fd() - the socket, to wait for
 */
int client_fd(const struct client *client);

/** client_buffered() - bytes that have come and can be received without waiting */
size_t client_buffered(const struct client *client);

/**
 * client_receive() - what comes on a connection that has become a stream of bytes
 * @client: the connection; blocks if nothing has come
 * @to, @size: where to put it
 *
 * Return: bytes; 0: the end; -errno, also -EINTR.
 */
ssize_t client_receive(struct client *client, void *to, size_t size);

/** client_enough() - say that nothing more will be asked for; what comes can still be received. */
void client_enough(const struct client *client);

/**
 * client_close() - end the connection
 * @client: or NULL
 */
void client_close(struct client *client);

#endif
