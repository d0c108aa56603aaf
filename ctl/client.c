/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "error.h"

/* What must wait for something else to be closed takes a moment, never longer. */
#define RETRY_MSEC 10
#define RETRIES 500
#define ERRNO_MAX 256
#define RECEIVE_MIN 16384 /* bytes */

struct client {
	struct sockaddr_un addr;
	int fd;      /* -1: not connected */
	int timeout; /* seconds */
	char *text;  /* received: @len bytes, of which @seen have no newline */
	size_t len;
	size_t seen;
	size_t size;
	unsigned int last_id;
};

static void
explain_connect(const char *path, int error, struct error *err)
{
	if (error == ENOENT)
		error_set(err, error,
			  "vswitchd is not running (no socket %s): start it: systemctl start "
			  "vswitchd",
			  path);
	else if (error == ECONNREFUSED)
		error_set(err, error,
			  "vswitchd is not running (nobody listens on %s): start it: "
			  "systemctl start vswitchd",
			  path);
	else if (error == EACCES)
		error_set(err, error,
			  "no permission for %s: run as root; the group vswitch may read", path);
	else
		error_set(err, error, "cannot connect to %s: %s", path, strerror(error));
}

void
client_set_timeout(struct client *client, int seconds)
{
	client->timeout = seconds;
}

static int
client_connect(struct client *client, struct error *err)
{
	const struct timeval timeout = { .tv_sec = client->timeout };
	int ret;

	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return error_set(err, errno, "cannot make a socket: %s", strerror(errno));
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(client->fd, (struct sockaddr *)&client->addr, sizeof(client->addr)) == 0)
		return 0;
	ret = -errno;
	explain_connect(client->addr.sun_path, errno, err);
	close(client->fd);
	client->fd = -1;
	return ret;
}

struct client *
client_open(const char *path, struct error *err)
{
	struct client *client;

	if (strlen(path) >= sizeof(client->addr.sun_path)) {
		error_set(err, ENAMETOOLONG, "%s: too long for the path of a socket", path);
		return NULL;
	}
	client = calloc(1, sizeof(*client));
	if (client == NULL) {
		error_set(err, ENOMEM, "%s", strerror(ENOMEM));
		return NULL;
	}
	client->timeout = CLIENT_TIMEOUT;
	client->addr.sun_family = AF_UNIX;
	memcpy(client->addr.sun_path, path, strlen(path));
	if (client_connect(client, err) == 0)
		return client;
	free(client);
	return NULL;
}

int
client_reopen(struct client *client, struct error *err)
{
	if (client->fd >= 0)
		close(client->fd);
	client->len = client->seen = 0;
	return client_connect(client, err);
}

static int
lost(const struct client *client, int error, struct error *err)
{
	if (error == EAGAIN)
		return error_set(err, ETIMEDOUT, "vswitchd did not answer within %d seconds",
				 client->timeout);
	return error_set(err, error, "vswitchd ended the connection: %s", strerror(error));
}

static int
send_all(const struct client *client, const char *text, size_t size, struct error *err)
{
	ssize_t n;

	while (size > 0) {
		n = send(client->fd, text, size, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return lost(client, errno, err);
		text += n;
		size -= n;
	}
	return 0;
}

static int
send_request(struct client *client, const char *method, json_t *params, struct error *err)
{
	json_t *request;
	char *text;
	int ret;

	request = json_pack("{s:s, s:s, s:o, s:i}", "jsonrpc", "2.0", "method", method, "params",
			    params, "id", (int)++client->last_id);
	text = json_dumps(request, JSON_COMPACT);
	json_decref(request);
	if (text == NULL)
		return error_set(err, EILSEQ, "an argument is not UTF-8");
	ret = send_all(client, text, strlen(text), err);
	if (ret == 0)
		ret = send_all(client, "\n", 1, err);
	free(text);
	return ret;
}

/* Take a line out of what was received. Return: 1: it is there; 0: it is not yet; or -EPROTO. */
static int
line_take(struct client *client, json_t **ret_message, struct error *err)
{
	char *end = client->len > client->seen ?
			    memchr(client->text + client->seen, '\n', client->len - client->seen) :
			    NULL;
	size_t size;

	client->seen = client->len;
	if (end == NULL)
		return 0;
	size = (size_t)(end + 1 - client->text);
	*ret_message = json_loadb(client->text, size, 0, NULL);
	client->len -= size;
	client->seen = 0;
	memmove(client->text, end + 1, client->len);
	return *ret_message != NULL ? 1 : error_set(err, EPROTO, "vswitchd sent what is not JSON");
}

static int
receive_some(struct client *client, struct error *err)
{
	char *text;
	ssize_t n;

	if (client->size - client->len < RECEIVE_MIN) {
		text = realloc(client->text, 2 * client->size + RECEIVE_MIN);
		if (text == NULL)
			return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
		client->text = text;
		client->size = 2 * client->size + RECEIVE_MIN;
	}
	n = recv(client->fd, client->text + client->len, client->size - client->len, 0);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return lost(client, n < 0 ? errno : ECONNRESET, err);
	client->len += (size_t)n;
	return 0;
}

/*
 * The next message, whatever it is. Return: 1; 0: none has come within @msec, or there was a
 * signal; -EPIPE: nobody reads stdout, where @watch_stdout; or another -errno.
 */
static int
receive(struct client *client, int msec, bool watch_stdout, json_t **ret_message, struct error *err)
{
	struct pollfd fds[] = {
		{ .fd = client->fd, .events = POLLIN },
		{ .fd = watch_stdout ? STDOUT_FILENO : -1 },
	};
	int ret;

	while ((ret = line_take(client, ret_message, err)) == 0) {
		ret = poll(fds, 2, msec);
		if (ret < 0 && errno != EINTR)
			return lost(client, errno, err);
		if (ret <= 0)
			return 0;
		if (fds[1].revents & CLIENT_UNREAD)
			return error_set(err, EPIPE, "nobody reads what is written");
		ret = receive_some(client, err);
		if (ret < 0)
			return ret;
	}
	return ret;
}

/* Is a message no reply, but an event? */
static bool
is_event(const json_t *message)
{
	return json_is_string(json_object_get(message, "method"));
}

static json_t *
receive_reply(struct client *client, struct error *err)
{
	json_t *message = NULL;
	int ret;

	for (;;) {
		errno = 0;
		ret = receive(client, client->timeout * 1000, false, &message, err);
		if (ret == 0 && errno == EINTR)
			continue;
		if (ret == 0)
			lost(client, EAGAIN, err);
		if (ret <= 0)
			return NULL;
		if (!is_event(message))
			return message;
		json_decref(message);
	}
}

int
client_next(struct client *client, int msec, json_t **ret_event, struct error *err)
{
	json_t *message = NULL;
	int ret;

	if (client->fd < 0)
		return lost(client, ECONNRESET, err);
	while ((ret = receive(client, msec, true, &message, err)) > 0) {
		*ret_event =
			is_event(message) ? json_incref(json_object_get(message, "params")) : NULL;
		json_decref(message);
		if (*ret_event != NULL)
			return 1;
	}
	return ret;
}

/* EINVAL of "EINVAL" */
static int
errno_of(const char *name)
{
	const char *known;

	for (int code = 1; name != NULL && code < ERRNO_MAX; code++) {
		known = strerrorname_np(code);
		if (known != NULL && strcmp(known, name) == 0)
			return code;
	}
	return EREMOTEIO;
}

static int
call_once(struct client *client, const char *method, json_t *params, json_t **ret_result,
	  struct error *err)
{
	const char *message, *name;
	json_t *reply;
	int ret;

	*ret_result = NULL;
	if (client->fd < 0)
		return lost(client, ECONNRESET, err);
	ret = send_request(client, method, params, err);
	/* who does not listen any more may have said why */
	if (ret < 0 && ret != -EPIPE && ret != -ECONNRESET)
		return ret;
	ret = 0;
	reply = receive_reply(client, err);
	if (reply == NULL)
		return err->code;

	message = json_string_value(json_object_get(json_object_get(reply, "error"), "message"));
	if (message != NULL) {
		name = json_string_value(json_object_get(
			json_object_get(json_object_get(reply, "error"), "data"), "errno"));
		ret = error_set(err, errno_of(name), "%s", message);
	} else {
		*ret_result = json_incref(json_object_get(reply, "result"));
		if (*ret_result == NULL)
			ret = error_set(err, EPROTO, "vswitchd sent a reply without result");
	}
	json_decref(reply);
	return ret;
}

int
client_call(struct client *client, const char *method, json_t *params, json_t **ret_result,
	    struct error *err)
{
	const struct timespec pause = { .tv_nsec = RETRY_MSEC * 1000000L };
	int ret = -EAGAIN;

	for (unsigned int i = 0; i < RETRIES && ret == -EAGAIN; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		ret = call_once(client, method, json_incref(params), ret_result, err);
	}
	json_decref(params);
	return ret;
}

int
client_fd(const struct client *client)
{
	return client->fd;
}

size_t
client_buffered(const struct client *client)
{
	return client->len;
}

ssize_t
client_receive(struct client *client, void *to, size_t size)
{
	ssize_t n;

	/* what came behind the reply */
	if (client->len > 0) {
		n = (ssize_t)(size < client->len ? size : client->len);
		memcpy(to, client->text, (size_t)n);
		client->len -= (size_t)n;
		client->seen = 0;
		memmove(client->text, client->text + n, client->len);
		return n;
	}
	n = recv(client->fd, to, size, 0);
	return n < 0 ? -errno : n;
}

void
client_enough(const struct client *client)
{
	shutdown(client->fd, SHUT_WR);
}

void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->text);
	free(client);
}
