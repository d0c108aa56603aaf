/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "error.h"
#include "rpc.h"

#define TURNS_MAX 10000 /* of the event loop, 10 ms each at most, until a test gives up */

static unsigned int n_calls;

static int
echo(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	n_calls++;
	*ret_result = json_deep_copy(params);
	return 0;
}

static int
missing(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	return error_set(err, ENOENT, "there is no bridge xenbr0");
}

static int
silent(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	return -EIO;
}

static int
odd_bytes(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	return error_set(err, EIO, "not UTF-8: \xff\xc3");
}

/* 100 kB. */
static int
big(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	char text[100001];

	n_calls++;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	*ret_result = json_string(text);
	return 0;
}

static int
nothing(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	n_calls++;
	return 0;
}

#define BUSY_MSEC 50

static int64_t
now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Some of the control thread's time. */
static int
busy(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const int64_t began = now_msec();

	while (now_msec() - began <= BUSY_MSEC)
		;
	n_calls++;
	return 0;
}

/* What the method "slow" begins goes on for as many questions as this says. */
static unsigned int slow_left;

static bool
slow_pending(void *ctx, const json_t *params)
{
	assert_true(json_is_object(params));
	return slow_left > 0 && slow_left-- > 0;
}

/* What has come of it in the end, once a success and once none. */
static int
slow_finish(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	if (json_object_get(params, "fail") != NULL)
		return error_set(err, EBUSY, "it came to nothing");
	*ret_result = json_string("all is done");
	return 0;
}

static const struct rpc_method methods[] = {
	{ "long", RPC_READS, nothing, slow_pending, slow_finish },
	{ "echo", RPC_READS, echo },
	{ "busy", RPC_READS, busy },
	{ "missing", RPC_READS, missing },
	{ "silent", RPC_READS, silent },
	{ "odd", RPC_READS, odd_bytes },
	{ "big", RPC_READS, big },
	{ "nothing", RPC_READS, nothing },
	{ "slow", RPC_READS, nothing, slow_pending },
};
static const struct rpc_dispatch dispatch = {
	.methods = methods,
	.n_methods = sizeof(methods) / sizeof(methods[0]),
};

static void
expect(const char *request, const char *expected)
{
	json_t *reply = rpc_handle(&dispatch, request, strlen(request));
	char *text = json_dumps(reply, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
	json_decref(reply);
}

static void
expect_code(const char *request, size_t size, int code)
{
	json_t *reply = rpc_handle(&dispatch, request, size);
	json_t *error = json_object_get(reply, "error");

	assert_int_equal(json_integer_value(json_object_get(error, "code")), code);
	assert_true(strlen(json_string_value(json_object_get(error, "message"))) > 0);
	json_decref(reply);
}

static void
test_replies(void **state)
{
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"a\":[1]},\"id\":7}",
	       "{\"jsonrpc\":\"2.0\",\"result\":{\"a\":[1]},\"id\":7}");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":\"x\"}",
	       "{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":\"x\"}");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":null}",
	       "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":null}");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"missing\",\"id\":1}",
	       "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"there is no bridge "
	       "xenbr0\",\"data\":{\"errno\":\"ENOENT\"}},\"id\":1}");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"silent\",\"id\":1}",
	       "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"silent: "
	       "Input/output error\",\"data\":{\"errno\":\"EIO\"}},\"id\":1}");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"odd\",\"id\":1}",
	       "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"not UTF-8: "
	       "??\",\"data\":{\"errno\":\"EIO\"}},\"id\":1}");
	expect("{\"jsonrpc\":\"2.0\",\"method\":\"gone\",\"id\":1}",
	       "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32601,\"message\":\"there is no method "
	       "\\\"gone\\\"\"},\"id\":1}");
}

static void
test_notification(void **state)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"missing\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"gone\"}",
	};
	size_t i;

	n_calls = 0;
	for (i = 0; i < 3; i++)
		assert_null(rpc_handle(&dispatch, lines[i], strlen(lines[i])));
	assert_int_equal(n_calls, 1);
}

static void
test_faults(void **state)
{
	static const struct {
		const char *line;
		int code;
	} cases[] = {
		{ "nonsense", -32700 },
		{ "", -32700 },
		{ "{\"jsonrpc\":\"2.0\"", -32700 },
		{ "{\"a\":1,\"a\":2}", -32700 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1} x", -32700 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"e\\u0000o\",\"id\":1}", -32700 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":1}", -32700 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":99999999999999999999}", -32700 },
		{ "[]", -32600 },
		{ "[{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}]", -32600 },
		{ "{}", -32600 },
		{ "{\"jsonrpc\":\"1.0\",\"method\":\"echo\",\"id\":1}", -32600 },
		{ "{\"jsonrpc\":2.0,\"method\":\"echo\",\"id\":1}", -32600 },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1}", -32600 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":1,\"id\":1}", -32600 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":{}}", -32600 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":[[]]}", -32600 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[1],\"id\":1}", -32602 },
		{ "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":1,\"id\":1}", -32602 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_code(cases[i].line, strlen(cases[i].line), cases[i].code);
	expect_code("{\"jsonrpc\":\0\"2.0\"}", 19, -32700);
	expect("[]",
	       "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32600,\"message\":\"not a request: a "
	       "batch is not supported: send one object per line\"},\"id\":null}");
}

static void
test_nested_bomb(void **state)
{
	char *bomb = malloc(RPC_LINE_MAX);
	size_t i;

	assert_non_null(bomb);
	memset(bomb, '[', RPC_LINE_MAX);
	expect_code(bomb, RPC_LINE_MAX, -32700);
	for (i = 0; i + 5 < RPC_LINE_MAX; i += 5)
		memcpy(bomb + i, "{\"a\":", 5);
	expect_code(bomb, i, -32700);
	/* As deep as jansson lets through, and whole. */
	memset(bomb, '[', 2000);
	memset(bomb + 2000, ']', 2000);
	expect_code(bomb, 4000, -32600);
	free(bomb);
}

/* A server on a real socket, and the loop that serves it. */
struct fixture {
	struct event_base *base;
	struct rpc_server *server;
	char dir[32];
	char path[64];
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct error err;

	strcpy(f->dir, "/tmp/test_rpc.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	f->base = event_base_new();
	f->server = rpc_server_create(f->base, f->path, &dispatch, &err);
	if (f->server == NULL)
		fail_msg("%s", err.msg);
	chmod(f->dir, 0755); /* other users, too */
	n_calls = 0;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	rpc_server_destroy(f->server);
	event_base_free(f->base);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static int
client_connect(const struct fixture *f)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
turn(struct fixture *f)
{
	const struct timeval most = { 0, 10000 };

	event_base_loopexit(f->base, &most);
	event_base_loop(f->base, EVLOOP_ONCE);
}

/* Send all, letting the server run while its side is full. */
static void
send_all(struct fixture *f, int fd, const char *text, size_t size)
{
	unsigned int turns;
	ssize_t n;

	for (turns = 0; size > 0 && turns < TURNS_MAX; turns++) {
		n = send(fd, text, size, MSG_NOSIGNAL);
		if (n > 0) {
			text += n;
			size -= n;
		} else {
			assert_int_equal(errno, EAGAIN);
			turn(f);
		}
	}
	assert_int_equal(size, 0);
}

/* Read until a line has come or the server has hung up: how much there is in @text. */
static size_t
receive_lines(struct fixture *f, int fd, char *text, size_t size, unsigned int n_lines)
{
	unsigned int turns, n = 0;
	size_t len = 0;
	ssize_t got;

	for (turns = 0; turns < TURNS_MAX && n < n_lines; turns++) {
		turn(f);
		got = recv(fd, text + len, size - len - 1, 0);
		if (got == 0)
			break;
		for (; got > 0; got--)
			n += text[len++] == '\n';
	}
	text[len] = '\0';
	return len;
}

static void
test_socket(void **state)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}\n";
	static const char reply[] = "{\"jsonrpc\":\"2.0\",\"result\":{},\"id\":1}\n";
	struct fixture *f = *state;
	char text[512];
	struct stat st;
	int fd;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);

	fd = client_connect(f);
	send_all(f, fd, request, 20);
	turn(f);
	send_all(f, fd, request + 20, sizeof(request) - 1 - 20);
	receive_lines(f, fd, text, sizeof(text), 1);
	assert_string_equal(text, reply);

	/* Blank lines are no requests, broken ones end nothing, and the last needs no newline. */
	send_all(f, fd, "\n \r\n{]\n", 7);
	send_all(f, fd, request, sizeof(request) - 2);
	shutdown(fd, SHUT_WR);
	receive_lines(f, fd, text, sizeof(text), 3);
	assert_non_null(strstr(text, "-32700"));
	assert_string_equal(strchr(text, '\n') + 1, reply);
	close(fd);
}

static void
test_pipelining(void **state)
{
	struct fixture *f = *state;
	char line[128], text[100000], *at;
	unsigned int i;
	int fd = client_connect(f), n;

	for (i = 0; i < 1000; i++) {
		n = snprintf(line, sizeof(line),
			     "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":%u}\n", i);
		send_all(f, fd, line, n);
	}
	receive_lines(f, fd, text, sizeof(text), 1000);
	assert_int_equal(n_calls, 1000);
	for (i = 0, at = text; i < 1000; i++, at = strchr(at, '\n') + 1) {
		n = snprintf(line, sizeof(line),
			     "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":%u}\n", i);
		assert_memory_equal(at, line, n);
	}
	close(fd);
}

static const char slow_request[] =
	"{\"jsonrpc\":\"2.0\",\"method\":\"slow\",\"params\":{},\"id\":1}\n";
static const char slow_reply[] = "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":1}\n";

/*
 * A reply waits for the end of what its method began; so do the client's next requests, but not
 * other clients.
 */
static void
test_held(void **state)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":2}\n";
	static const char reply[] = "{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":2}\n";
	struct fixture *f = *state;
	int fd = client_connect(f), other = client_connect(f);
	char text[512];

	slow_left = UINT_MAX;
	send_all(f, fd, slow_request, sizeof(slow_request) - 1);
	send_all(f, fd, request, sizeof(request) - 2);
	shutdown(fd, SHUT_WR);
	while (n_calls == 0)
		turn(f);
	send_all(f, other, request, sizeof(request) - 1);
	receive_lines(f, other, text, sizeof(text), 1);
	assert_string_equal(text, reply);
	assert_int_equal(n_calls, 2);
	assert_int_equal(recv(fd, text, sizeof(text), 0), -1);
	slow_left = 3;
	receive_lines(f, fd, text, sizeof(text), 2);
	assert_int_equal(slow_left, 0);
	assert_int_equal(strncmp(text, slow_reply, strlen(slow_reply)), 0);
	assert_string_equal(text + strlen(slow_reply), reply);
	close(other);
	close(fd);
}

/* A method that says in the end what has come of it. */
static void
test_finish(void **state)
{
	static const char requests[] =
		"{\"jsonrpc\":\"2.0\",\"method\":\"long\",\"id\":1}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"long\"}\n"
		"{\"jsonrpc\":\"2.0\",\"method\":\"long\",\"params\":{\"fail\":1},\"id\":2}\n";
	struct fixture *f = *state;
	int fd = client_connect(f);
	char text[512];

	slow_left = 3;
	send_all(f, fd, requests, sizeof(requests) - 1);
	receive_lines(f, fd, text, sizeof(text), 2);
	assert_int_equal(n_calls, 3);
	assert_string_equal(text,
			    "{\"jsonrpc\":\"2.0\",\"result\":\"all is done\",\"id\":1}\n"
			    "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":"
			    "\"it came to nothing\",\"data\":{\"errno\":\"EBUSY\"}},\"id\":2}\n");
	close(fd);
}

/* Who is asked before, and told after. */
static int
allow(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method, struct error *err)
{
	return strcmp(method->name, "silent") == 0 ? error_set(err, EAGAIN, "not now") : 0;
}

static void
done(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method, const json_t *params,
     int ret, const struct error *err)
{
	snprintf(ctx, 96, "%s %zu %d %.40s", method->name, json_object_size(params), ret,
		 ret < 0 ? err->msg : "");
}

static void
test_hooks(void **state)
{
	static const char *const lines[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"a\":1},\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"missing\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"silent\",\"id\":1}",
	};
	char told[96] = "", expected[96];
	struct rpc_dispatch hooked = dispatch;

	hooked.ctx = told;
	hooked.allow = allow;
	hooked.done = done;
	json_decref(rpc_handle(&hooked, lines[0], strlen(lines[0])));
	assert_string_equal(told, "echo 1 0 ");
	json_decref(rpc_handle(&hooked, lines[1], strlen(lines[1])));
	snprintf(expected, sizeof(expected), "missing 0 %d there is no bridge xenbr0", -ENOENT);
	assert_string_equal(told, expected);
	/* what was not allowed was not called */
	json_decref(rpc_handle(&hooked, lines[2], strlen(lines[2])));
	snprintf(expected, sizeof(expected), "silent 0 %d not now", -EAGAIN);
	assert_string_equal(told, expected);
}

/* A client that goes away while its reply waits, and a server that does. */
static void
test_held_hang_up(void **state)
{
	struct fixture *f = *state;
	int fd = client_connect(f), other = client_connect(f);

	slow_left = UINT_MAX;
	send_all(f, fd, slow_request, sizeof(slow_request) - 1);
	send_all(f, other, slow_request, sizeof(slow_request) - 1);
	while (n_calls < 2)
		turn(f);
	close(fd);
	turn(f);
	turn(f);
	close(other);
}

/* A client that sends and does not read is paused, others are served, and it may go on later. */
static void
test_backlog(void **state)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"id\":1}\n";
	static const char small[] = "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\",\"id\":2}\n";
	struct fixture *f = *state;
	int fd = client_connect(f), other;
	char *text = malloc(12000000);
	unsigned int i;

	for (i = 0; i < 100; i++)
		send_all(f, fd, request, sizeof(request) - 1);
	other = client_connect(f);
	send_all(f, other, small, sizeof(small) - 1);
	assert_true(receive_lines(f, other, text, 1000, 1) > 0);
	for (i = 0; i < 50; i++)
		turn(f);
	assert_in_range(n_calls, 5, 30);

	assert_true(receive_lines(f, fd, text, 12000000, 100) > 10000000);
	assert_int_equal(n_calls, 101);
	free(text);
	close(other);
	close(fd);
}

static void
test_long_line(void **state)
{
	struct fixture *f = *state;
	char *line = malloc(RPC_LINE_MAX + 1);
	int fd = client_connect(f);
	char text[512];

	memset(line, ' ', RPC_LINE_MAX + 1);
	send_all(f, fd, line, geteuid() == 0 ? RPC_LINE_MAX : RPC_READER_LINE_MAX);
	receive_lines(f, fd, text, sizeof(text), 1);
	assert_non_null(strstr(text, geteuid() == 0 ? "a line is longer than 1048576 bytes" :
						      "a line is longer than 131072 bytes"));
	/* and it is hung up */
	assert_int_equal(receive_lines(f, fd, text, sizeof(text), 1), 0);
	close(fd);
	free(line);
}

static void
expect_answer(struct fixture *f, int fd, const char *answer)
{
	char text[512];

	send_all(f, fd, "{}\n", 3);
	receive_lines(f, fd, text, sizeof(text), 1);
	assert_non_null(strstr(text, answer));
}

/* As many as there may be, and one that is refused: then there is room again. */
static void
test_client_limit(void **state)
{
	const int max = geteuid() == 0 ? RPC_CLIENTS_MAX : RPC_READERS_UID_MAX;
	struct fixture *f = *state;
	int fds[RPC_CLIENTS_MAX + 1], i;
	char text[512], answer[64];

	for (i = 0; i <= max; i++)
		fds[i] = client_connect(f);
	receive_lines(f, fds[max], text, sizeof(text), 1);
	snprintf(answer, sizeof(answer), "too many clients (%d)", max);
	assert_non_null(strstr(text, answer));
	for (i = 0; i <= max; i++)
		close(fds[i]);
	turn(f);
	turn(f);
	fds[0] = client_connect(f);
	expect_answer(f, fds[0], "-32600");
	close(fds[0]);
}

/* As another user, if this is root. */
static int
connect_as(const struct fixture *f, uid_t uid)
{
	const uid_t self = geteuid();
	int fd;

	if (self != 0)
		return client_connect(f);
	assert_int_equal(chmod(f->path, 0666), 0);
	assert_int_equal(seteuid(uid), 0);
	fd = client_connect(f);
	assert_int_equal(seteuid(self), 0);
	return fd;
}

/* However many readers come, there is room for root, and for others as far as they go. */
static void
test_readers_limit(void **state)
{
	int fds[3 * RPC_READERS_UID_MAX], others[2], root, i;
	struct fixture *f = *state;
	char text[512];

	if (geteuid() != 0)
		skip();
	for (i = 0; i <= RPC_READERS_UID_MAX; i++)
		fds[i] = connect_as(f, 1000);
	receive_lines(f, fds[--i], text, sizeof(text), 1);
	assert_non_null(strstr(text, "too many clients (16)"));
	close(fds[i]);
	others[0] = connect_as(f, 1001);
	expect_answer(f, others[0], "-32600");
	for (; i < RPC_READERS_MAX - 1; i++)
		fds[i] = connect_as(f, 2000 + (uid_t)i);
	others[1] = connect_as(f, 1002);
	receive_lines(f, others[1], text, sizeof(text), 1);
	assert_non_null(strstr(text, "too many clients (32)"));
	root = client_connect(f);
	expect_answer(f, root, "-32600");
	while (--i >= 0)
		close(fds[i]);
	close(others[0]);
	close(others[1]);
	close(root);
}

/* A reader who asks all the time gets a part of it; root need not wait. */
static void
test_readers_share(void **state)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"busy\",\"id\":1}\n";
	struct fixture *f = *state;
	int reader, root;
	int64_t began;

	if (geteuid() != 0)
		skip();
	reader = connect_as(f, 1000);
	root = client_connect(f);
	n_calls = 0;
	began = now_msec();
	for (int i = 0; i < 100; i++)
		send_all(f, reader, request, sizeof(request) - 1);
	for (int i = 0; i < 4; i++)
		expect_answer(f, root, "-32600");
	/* the credit is worth two of them, the last one may go beyond, and more come with time */
	assert_in_range(n_calls, 1, 3 + (now_msec() - began) / (RPC_READER_SHARE * BUSY_MSEC));
	while (n_calls < 5)
		turn(f);
	close(root);
	close(reader);
}

/* A client that goes away with replies due. */
static void
test_hang_up(void **state)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"id\":1}\n";
	struct fixture *f = *state;
	int fd = client_connect(f), i;

	for (i = 0; i < 100; i++)
		send_all(f, fd, request, sizeof(request) - 1);
	turn(f);
	close(fd);
	for (i = 0; i < 10; i++)
		turn(f);
	test_socket(state);
}

static void
test_bad_path(void **state)
{
	struct event_base *base = event_base_new();
	char path[200];
	struct error err;

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_null(rpc_server_create(base, path, &dispatch, &err));
	assert_int_equal(err.code, -ENAMETOOLONG);
	assert_null(rpc_server_create(base, "/nonexistent/dir/sock", &dispatch, &err));
	assert_int_equal(err.code, -ENOENT);
	rpc_server_destroy(NULL);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_notification),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_nested_bomb),
		cmocka_unit_test_setup_teardown(test_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelining, setup, teardown),
		cmocka_unit_test_setup_teardown(test_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_finish, setup, teardown),
		cmocka_unit_test(test_hooks),
		cmocka_unit_test_setup_teardown(test_held_hang_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backlog, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_client_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readers_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readers_share, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hang_up, setup, teardown),
		cmocka_unit_test(test_bad_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
