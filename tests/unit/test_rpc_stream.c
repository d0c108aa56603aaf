/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams of the RPC server: notifications to clients that read them, or do not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "error.h"
#include "rpc.h"

#define TURNS_MAX 1000 /* of the event loop, 10 ms each at most, until a test gives up */
#define LINE "{\"jsonrpc\":\"2.0\",\"method\":\"event\",\"params\":{\"text\":\"something\"}}\n"
#define FOLLOW "{\"jsonrpc\":\"2.0\",\"method\":\"follow\",\"id\":1}\n"
#define TAKE "{\"jsonrpc\":\"2.0\",\"method\":\"take\",\"id\":2}\n"
#define TAKEN "{\"jsonrpc\":\"2.0\",\"result\":\"yours\",\"id\":2}\n"
#define REPLY "{\"jsonrpc\":\"2.0\",\"result\":\"from now on\",\"id\":1}\n"

static struct event_base *base;
static struct rpc_server *server;
static char dir[32], path[64];
static struct rpc_stream *stream;
static unsigned int n_ready, n_closed;

static void
on_ready(void *arg)
{
	assert_ptr_equal(arg, &stream);
	n_ready++;
}

static void
on_closed(void *arg)
{
	assert_ptr_equal(arg, &stream);
	n_closed++;
	stream = NULL;
}

static int
follow(void *ctx, struct rpc_stream *own, const json_t *params, json_t **ret_result,
       struct error *err)
{
	static const struct rpc_stream_ops ops = { .ready = on_ready, .closed = on_closed };

	if (rpc_stream_is_open(own)) {
		assert_int_equal(rpc_stream_open(own, &ops, NULL), -EALREADY);
		return error_set(err, EALREADY, "it follows");
	}
	assert_int_equal(rpc_stream_open(own, &ops, &stream), 0);
	stream = own;
	*ret_result = json_string("from now on");
	return 0;
}

static int taken_fd;
static unsigned int n_taken;

static void
on_taken(void *arg, int fd)
{
	assert_ptr_equal(arg, &taken_fd);
	taken_fd = fd;
	n_taken++;
}

static int
take(void *ctx, struct rpc_stream *own, const json_t *params, json_t **ret_result,
     struct error *err)
{
	if (rpc_stream_hand_over(own, on_taken, &taken_fd) < 0)
		return error_set(err, EALREADY, "it is another's");
	*ret_result = json_string("yours");
	return 0;
}

static const struct rpc_method methods[] = {
	{ "follow", RPC_READS, .follow = follow },
	{ "take", RPC_READS, .follow = take },
};
static const struct rpc_dispatch dispatch = { .methods = methods, .n_methods = 2 };

static int
setup(void **state)
{
	struct error err;

	strcpy(dir, "/tmp/test_rpc.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/sock", dir);
	base = event_base_new();
	server = rpc_server_create(base, path, &dispatch, &err);
	n_ready = n_closed = n_taken = 0;
	return server != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	rpc_server_destroy(server);
	event_base_free(base);
	return rmdir(dir);
}

static int
client_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void
turn(void)
{
	const struct timeval most = { 0, 10000 };

	event_base_loopexit(base, &most);
	event_base_loop(base, EVLOOP_ONCE);
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static void
expect(int fd, const char *text)
{
	char got[1024];
	size_t len = 0;
	ssize_t n;

	for (unsigned int turns = 0; turns < TURNS_MAX && len < strlen(text); turns++) {
		turn();
		n = recv(fd, got + len, sizeof(got) - len - 1, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	got[len] = '\0';
	assert_string_equal(got, text);
}

static int
notify(void)
{
	return rpc_stream_send(stream, LINE, strlen(LINE));
}

static void
test_stream(void **state)
{
	json_t *reply = rpc_handle(&dispatch, FOLLOW, strlen(FOLLOW));
	int fd = client_connect();

	/* nobody to send to */
	assert_non_null(json_object_get(reply, "error"));
	json_decref(reply);
	say(fd, FOLLOW);
	expect(fd, REPLY);
	assert_true(n_ready > 0);
	assert_int_equal(notify(), 0);
	assert_int_equal(notify(), 0);
	expect(fd, LINE LINE);
	say(fd, FOLLOW);
	expect(fd, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"it "
		   "follows\",\"data\":{\"errno\":\"EALREADY\"}},\"id\":1}\n");
	close(fd);
	for (unsigned int turns = 0; turns < TURNS_MAX && n_closed == 0; turns++)
		turn();
	assert_int_equal(n_closed, 1);
}

/* What a client does not read is bounded; when it reads, there is room again. */
static void
test_backlog(void **state)
{
	int fd = client_connect(), size;
	socklen_t len = sizeof(size);
	unsigned int before;
	size_t n = 0;
	char text[4096];

	say(fd, FOLLOW);
	expect(fd, REPLY);
	for (unsigned int turns = 0; turns < 100; turns++) {
		while (notify() == 0)
			n++;
		turn();
	}
	assert_int_equal(notify(), -ENOBUFS);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len), 0);
	assert_in_range(n * strlen(LINE), RPC_STREAM_MAX - strlen(LINE), RPC_STREAM_MAX + size);
	before = n_ready;
	for (unsigned int turns = 0; turns < TURNS_MAX && n_ready == before; turns++) {
		while (recv(fd, text, sizeof(text), 0) > 0)
			;
		turn();
	}
	assert_true(n_ready > before);
	assert_int_equal(notify(), 0);
	close(fd);
}

/* The connection is somebody else's when the reply has been sent; what was asked for is not done.
 */
static void
test_hand_over(void **state)
{
	int fd = client_connect();

	say(fd, TAKE FOLLOW);
	expect(fd, TAKEN);
	for (unsigned int turns = 0; turns < TURNS_MAX && n_taken == 0; turns++)
		turn();
	assert_int_equal(n_taken, 1);
	assert_true(taken_fd >= 0);
	assert_null(stream);
	assert_int_equal(send(taken_fd, "raw", 3, 0), 3);
	expect(fd, "raw");
	/* the server has forgotten it */
	rpc_server_destroy(server);
	server = rpc_server_create(base, path, &dispatch, NULL);
	assert_non_null(server);
	assert_int_equal(send(taken_fd, "more", 4, 0), 4);
	expect(fd, "more");
	close(taken_fd);
	close(fd);
	assert_int_equal(n_taken, 1);
}

/* It has gone before, without having read the reply; or it has a stream. */
static void
test_hand_over_not(void **state)
{
	int fd = client_connect();

	say(fd, TAKE);
	close(fd);
	for (unsigned int turns = 0; turns < TURNS_MAX && n_taken == 0; turns++)
		turn();
	assert_int_equal(n_taken, 1);
	if (taken_fd >= 0)
		close(taken_fd);

	fd = client_connect();
	say(fd, FOLLOW);
	expect(fd, REPLY);
	say(fd, TAKE);
	expect(fd, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32000,\"message\":\"it is "
		   "another's\",\"data\":{\"errno\":\"EALREADY\"}},\"id\":2}\n");
	close(fd);
	assert_int_equal(n_taken, 1);
}

/* The last words of a server that ends. */
static void
test_end(void **state)
{
	struct error err;
	int fd = client_connect();

	say(fd, FOLLOW);
	expect(fd, REPLY);
	assert_int_equal(notify(), 0);
	rpc_server_destroy(server);
	assert_int_equal(n_closed, 1);
	expect(fd, LINE);
	close(fd);
	server = rpc_server_create(base, path, &dispatch, &err);
	assert_non_null(server);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backlog, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hand_over, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hand_over_not, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
