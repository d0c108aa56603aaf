/* SPDX-License-Identifier: BSD-3-Clause */
#include "client.h"

#include <errno.h>
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

struct client {
	char *path;
	int timeout; /* seconds */
	int fd;
	FILE *in; /* on the same fd; NULL: not connected */
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

static void
disconnect(struct client *client)
{
	if (client->in != NULL)
		fclose(client->in);
	client->in = NULL;
	client->fd = -1;
}

int
client_reopen(struct client *client, struct error *err)
{
	const struct timeval timeout = { .tv_sec = client->timeout };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	disconnect(client);
	if (strlen(client->path) >= sizeof(addr.sun_path))
		return error_set(err, ENAMETOOLONG, "%s: too long for the path of a socket",
				 client->path);
	memcpy(addr.sun_path, client->path, strlen(client->path));
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return error_set(err, errno, "cannot make a socket: %s", strerror(errno));
	setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(client->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		explain_connect(client->path, errno, err);
	else if ((client->in = fdopen(client->fd, "r")) == NULL)
		error_set(err, errno, "%s", strerror(errno));
	if (client->in != NULL)
		return 0;
	close(client->fd);
	client->fd = -1;
	return err->code;
}

struct client *
client_open(const char *path, struct error *err)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client != NULL) {
		client->path = strdup(path);
		client->timeout = CLIENT_TIMEOUT;
	}
	if (client == NULL || client->path == NULL)
		error_set(err, ENOMEM, "%s", strerror(ENOMEM));
	else if (client_reopen(client, err) == 0)
		return client;
	client_close(client);
	return NULL;
}

void
client_set_timeout(struct client *client, int seconds)
{
	client->timeout = seconds;
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

static json_t *
receive_reply(struct client *client, struct error *err)
{
	json_t *reply = NULL;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	errno = 0;
	len = getline(&line, &size, client->in);
	if (len < 0)
		lost(client, errno != 0 ? errno : ECONNRESET, err);
	else
		reply = json_loadb(line, len, 0, NULL);
	if (len >= 0 && reply == NULL)
		error_set(err, EPROTO, "vswitchd sent what is not JSON");
	free(line);
	return reply;
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
	ret = send_request(client, method, params, err);
	if (ret < 0)
		return ret;
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

void
client_close(struct client *client)
{
	if (client == NULL)
		return;
	disconnect(client);
	free(client->path);
	free(client);
}
