/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may call what, and what the log says of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "access.h"
#include "error.h"
#include "rpc_methods.h"

/* All that others than root may call. Whoever adds to it has thought of what it tells. */
static const char *const open_methods[] = {
	"addr.show",      "bond.show",    "bridge.show",  "capture.show", "config.diff",
	"config.history", "config.show",  "drops.show",   "event.follow", "event.show",
	"fdb.show",       "group.show",   "health.show",  "metrics.show", "mirror.show",
	"nat-table.show", "nat.sessions", "nat.show",     "neigh.show",   "network.show",
	"packet.explain", "port.show",    "querier.show", "route.show",   "stats.show",
	"stp.show",       "top.show",     "trace.show",   "version",      "vif.show",
	"worker.show",
};

static bool
is_open(const char *name)
{
	for (size_t i = 0; i < sizeof(open_methods) / sizeof(open_methods[0]); i++)
		if (strcmp(open_methods[i], name) == 0)
			return true;
	return false;
}

/* Each method says what it does; a show reads, and nobody but root is let in to the others. */
static void
test_every_method(void **state)
{
	const struct rpc_peer stranger = { .is_known = true, .uid = 4321 }, nobody = { 0 };

	for (size_t i = 0; i < n_rpc_methods; i++) {
		const struct rpc_method *method = &rpc_methods[i];
		const char *verb = strrchr(method->name, '.');
		const bool reads = method->access == RPC_READS;
		struct error err;

		if (method->access == RPC_UNSAID)
			fail_msg("%s does not say what it does", method->name);
		if (verb != NULL && strcmp(verb, ".show") == 0 && !reads)
			fail_msg("%s is not for readers", method->name);
		if (reads != is_open(method->name))
			fail_msg("%s is for %s", method->name, reads ? "readers, too" : "root");
		assert_int_equal(access_allow(NULL, &stranger, method, &err), reads ? 0 : -EPERM);
		assert_int_equal(access_allow(NULL, &nobody, method, &err), reads ? 0 : -EPERM);
	}
}

static void
test_refusal(void **state)
{
	const struct rpc_method method = { "bridge.add", RPC_CHANGES }, unsaid = { "odd" };
	const struct rpc_method listens = { "capture.start", RPC_LISTENS };
	struct rpc_peer peer = { .is_known = true, .uid = 4000000000U };
	struct error err;

	assert_int_equal(access_allow(NULL, &peer, &method, &err), -EPERM);
	assert_string_equal(err.msg, "bridge add: only root may change the switch; you are uid "
				     "4000000000 (?)");
	assert_int_equal(access_allow(NULL, &peer, &listens, &err), -EPERM);
	assert_string_equal(err.msg, "capture start: only root may see what guests send; you are "
				     "uid 4000000000 (?)");
	peer.uid = 0;
	assert_int_equal(access_allow(NULL, &peer, &unsaid, &err), -EPERM);
	/* no transaction is asked */
	assert_int_equal(access_allow(NULL, &peer, &listens, &err), 0);
}

static void
expect(const char *method, const char *params, const char *expected)
{
	json_t *json = json_loads(params, 0, NULL);
	char text[64];

	assert_non_null(json);
	access_describe(method, json, text, sizeof(text));
	assert_string_equal(text, expected);
	json_decref(json);
}

static void
test_describe(void **state)
{
	expect("version", "{}", "version");
	expect("port.set", "{\"name\":\"eth0\",\"mtu\":9000}", "port set eth0 mtu 9000");
	expect("port.set", "{\"name\":\"p\",\"isolated\":true,\"bridge\":null}",
	       "port set p isolated yes bridge none");
	expect("bond.add", "{\"name\":\"b\",\"members\":[\"a\",\"c\"]}", "bond add b members a,c");
	expect("config.apply", "{\"objects\":[{},{}],\"source\":\"f\",\"diff\":{\"a\":1}}",
	       "config apply objects (2) source f");
	/* nothing forges a line, and nothing is long */
	expect("bridge.add", "{\"name\":\"a\\nchange: b\\u001b[31m\\u00e4\"}",
	       "bridge add a?change: b?[31m??");
	expect("bridge.add", "{\"name\":5}", "bridge add name 5");
	expect("bridge.del",
	       "{\"name\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
	       "bridge del 0123456789012345678901234567890123456789012345678901");
}

static void
test_who(void **state)
{
	struct rpc_peer peer = { .is_known = true, .uid = 0, .pid = getpid() };
	char text[ACCESS_WHO_SIZE], expected[64];

	assert_string_equal(access_who(&(struct rpc_peer){ 0 }, text), "vswitchd");
	snprintf(expected, sizeof(expected), "root (uid 0, pid %d test_access of ", (int)getpid());
	assert_memory_equal(access_who(&peer, text), expected, strlen(expected));
	assert_int_equal(text[strlen(text) - 1], ')');
	/* one that is gone */
	peer.pid = 0;
	peer.uid = 4000000000U;
	assert_string_equal(access_who(&peer, text), "? (uid 4000000000, pid 0)");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_method),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_describe),
		cmocka_unit_test(test_who),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
