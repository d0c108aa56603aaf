/* SPDX-License-Identifier: BSD-3-Clause */
/* Transactions on a real switch that has guests, on the fake hypervisor. */
#include "vif_bed.h"

#include <jansson.h>

#include "access.h"
#include "config_edit.h"
#include "rpc.h"
#include "rpc_methods.h"
#include "running.h"
#include "transaction.h"

static const struct fake_frontend_config configs[GUESTS] = {
	{ .domid = 1 },
	{ .domid = 2 },
	{ .domid = 3 },
};

static void
begin(struct bed *bed)
{
	start_guests(bed);
	bed->sw->running = running_create(bed->sw);
	bed->sw->transactions = transactions_create(bed->sw, NULL);
	assert_non_null(bed->sw->transactions);
}

static void
end(struct bed *bed)
{
	transactions_destroy(bed->sw->transactions);
	running_destroy(bed->sw->running);
	bed->sw->transactions = NULL;
	bed->sw->running = NULL;
}

/* As a client calls it. Return: what it gives, or its error's message as a string. */
static json_t *
call(struct bed *bed, const char *method, const char *params)
{
	const struct rpc_dispatch dispatch = {
		.methods = rpc_methods,
		.n_methods = n_rpc_methods,
		.ctx = bed->sw,
		.allow = access_allow,
		.done = access_done,
	};
	char line[1024];
	json_t *reply, *result;
	int len = snprintf(line, sizeof(line),
			   "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}", method,
			   params);

	reply = rpc_handle(&dispatch, line, (size_t)len);
	result = json_object_get(reply, "result");
	if (result == NULL)
		result = json_object_get(json_object_get(reply, "error"), "message");
	json_incref(result);
	json_decref(reply);
	return result;
}

static void
must(struct bed *bed, const char *method, const char *params)
{
	json_t *result = call(bed, method, params);

	if (json_is_string(result))
		fail_msg("%s: %s", method, json_string_value(result));
	json_decref(result);
}

/* Carry out commands as a batch. Return: 0 or -errno. */
static int
batch(struct bed *bed, const char *text, struct error *err)
{
	json_t *commands = json_loads(text, 0, NULL);
	const struct transaction_request request = {
		.commands = commands,
		.what = "test",
		.token = commands,
	};
	size_t n_done;
	int ret;

	assert_non_null(commands);
	assert_int_equal(transaction_start(bed->sw->transactions, &request, err), 0);
	for (int try = 0; try < TRIES && transaction_pending(bed->sw->transactions, commands);
	     try++)
		wait_once(bed);
	ret = transaction_result(bed->sw->transactions, commands, &n_done, err);
	json_decref(commands);
	return ret;
}

/* What a guest's port is like. */
static char *
state_of(struct bed *bed, const char *name)
{
	static const char *const fields[] = { "bridge", "vid",     "trunk",   "isolated",
					      "rate",   "carrier", "mrouter", "flood_unknown" };
	char params[64];
	json_t *rows, *state = json_object();
	char *text;

	snprintf(params, sizeof(params), "{\"name\":\"%s\"}", name);
	rows = call(bed, "port.show", params);
	for (size_t i = 0; i < RTE_DIM(fields); i++)
		json_object_set(state, fields[i],
				json_object_get(json_array_get(rows, 0), fields[i]));
	text = json_dumps(state, JSON_COMPACT);
	json_decref(rows);
	json_decref(state);
	return text;
}

static char *
config_of(struct bed *bed)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	char *text;

	running_list(bed->sw->running, false, &list);
	text = config_text(&list);
	record_list_free(&list);
	return text;
}

static void
assert_config(struct bed *bed, const char *expected)
{
	char *text = config_of(bed);

	assert_string_equal(text, expected);
	free(text);
}

/* What is set of guests' ports is no configuration. */
static void
test_guests_are_not_saved(void **state)
{
	struct bed *bed = *state;

	begin(bed);
	must(bed, "port.set", "{\"name\":\"vif1.0\",\"rate\":\"10Mb/s\"}");
	must(bed, "bridge.add", "{\"name\":\"br1\"}");
	must(bed, "port.set", "{\"name\":\"vif2.0\",\"bridge\":\"br1\"}");
	must(bed, "bridge.set", "{\"name\":\"br1\",\"ageing\":7}");
	assert_config(bed, "[bridge br1]\nageing = 7\n");
	end(bed);
}

/* But a batch that fails gives guests back what they had, whoever had set it. */
static void
test_guests_are_restored(void **state)
{
	struct bed *bed = *state;
	struct error err;
	char *before, *after;

	begin(bed);
	must(bed, "bridge.add", "{\"name\":\"br1\"}");
	must(bed, "port.set",
	     "{\"name\":\"vif1.0\",\"vid\":7,\"isolated\":true,\"rate\":\"8Mb/s\"}");
	before = state_of(bed, "vif1.0");
	assert_int_equal(
		batch(bed,
		      "[{\"method\":\"port.set\",\"params\":{\"name\":\"vif1.0\",\"vid\":\"none\","
		      "\"trunk\":\"5,6\",\"isolated\":false,\"rate\":\"none\",\"carrier\":\"off\"}}"
		      ","
		      "{\"method\":\"port.set\",\"params\":{\"name\":\"vif1.0\",\"bridge\":\"br1\"}"
		      "},"
		      "{\"method\":\"port.del\",\"params\":{\"name\":\"vif2.0\"}},"
		      "{\"method\":\"bridge.del\",\"params\":{\"name\":\"nothing\"}}]",
		      &err),
		-ENOENT);
	assert_string_equal(err.msg, "command 4: bridge nothing: there is no such bridge; \"vsctl "
				     "bridge add nothing\" makes it");
	after = state_of(bed, "vif1.0");
	assert_string_equal(after, before);
	assert_non_null(switch_port_find(bed->sw, "vif2.0")->bridge);
	free(before);
	free(after);
	assert_config(bed, "[bridge br1]\n");
	end(bed);
}

/* One that succeeds is done, and a file that says nothing of guests leaves them alone. */
static void
test_guests_are_left_alone(void **state)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	struct bed *bed = *state;
	struct transaction_request request = { .target = &list, .what = "test" };
	struct error err;

	begin(bed);
	must(bed, "bridge.add", "{\"name\":\"br1\"}");
	assert_int_equal(batch(bed,
			       "[{\"method\":\"port.set\",\"params\":{\"name\":\"vif1.0\","
			       "\"vid\":9}}]",
			       &err),
			 0);
	request.token = (const json_t *)(const void *)&list;
	assert_int_equal(config_parse("[bridge br2]\n", "x", &list, &err), 0);
	assert_int_equal(transaction_start(bed->sw->transactions, &request, &err), 0);
	/* nobody else changes anything meanwhile */
	assert_int_equal(transaction_start(bed->sw->transactions, &request, &err), -EAGAIN);
	while (transaction_pending(bed->sw->transactions, request.token))
		wait_once(bed);
	assert_config(bed, "[bridge br2]\n");
	assert_null(switch_bridge_find(bed->sw, "br1"));
	assert_int_equal(switch_port_find(bed->sw, "vif1.0")->config.vlan.vid, 9);
	assert_non_null(switch_port_find(bed->sw, "vif1.0")->bridge);
	record_list_free(&list);
	end(bed);
}

static uint64_t
now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Something that takes its time, as closing many taps does. */
static void
on_slow(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	usleep(700000);
	*(bool *)arg = true;
}

/* Who is to confirm has all of the time, however long the event loop has been at other things. */
static void
test_confirm_has_its_time(void **state)
{
	json_t *commands =
		json_loads("[{\"method\":\"bridge.add\",\"params\":{\"name\":\"br1\"}}]", 0, NULL);
	const struct transaction_request request = {
		.commands = commands,
		.what = "test",
		.token = commands,
		.confirm = 1,
	};
	const struct timeval at_once = { 0 };
	struct bed *bed = *state;
	struct error err;
	bool slow = false;
	uint64_t start;

	begin(bed);
	/* from before both, since this thread may have to wait for its core at any time */
	start = now_msec();
	event_base_once(bed->sw->base, -1, EV_TIMEOUT, on_slow, &slow, &at_once);
	assert_int_equal(transaction_start(bed->sw->transactions, &request, &err), 0);
	while (transaction_confirm_left(bed->sw->transactions) < 0)
		event_base_loop(bed->sw->base, EVLOOP_ONCE);
	assert_true(slow);
	while (switch_bridge_find(bed->sw, "br1") != NULL)
		event_base_loop(bed->sw->base, EVLOOP_ONCE);
	/* libevent's clock may be some milliseconds old */
	assert_in_range(now_msec() - start, 1650, UINT32_MAX);
	json_decref(commands);
	end(bed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_guests_are_not_saved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guests_are_restored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_guests_are_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_confirm_has_its_time, setup, teardown),
	};

	start_eal();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
