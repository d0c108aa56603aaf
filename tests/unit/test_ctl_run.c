/* SPDX-License-Identifier: BSD-3-Clause */
/* The real vsctl ($VSCTL) against the real RPC server with methods that make up large answers. */
#include <errno.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <event2/event.h>

#include "error.h"
#include "rpc.h"
#include "rpc_params.h"

#define N_PORTS 600
#define N_ENTRIES 100000

static json_t *
port_json(int n)
{
	char name[16];

	snprintf(name, sizeof(name), "p%d", n);
	return json_pack("{s:s, s:s, s:s, s:s, s:n, s:i, s:I, s:I, s:i}", "port", name, "bridge",
			 "xenbr0", "type", "tap", "link", n % 2 == 0 ? "up" : "down", "vid", "mtu",
			 1500, "rx_packets", (json_int_t)n, "tx_packets", (json_int_t)1 << 60,
			 "drops", n);
}

static int
port_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	int i;

	*ret_result = json_array();
	for (i = N_PORTS - 1; i >= 0; i--)
		json_array_append_new(*ret_result, port_json(i));
	return 0;
}

static int
bridge_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	*ret_result = json_pack("[{s:s, s:i, s:i, s:i, s:b, s:s, s:b, s:[]}]", "bridge", "xenbr0",
				"ageing", 300, "fdb_limit", 65536, "fdb_entries", 2, "announce", 1,
				"stp", "rstp", "snooping", 1, "ports");
	return 0;
}

static int
vif_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	*ret_result = json_pack("[{s:s, s:s}]", "vif", "vif7.0", "state", "InitWait");
	return 0;
}

static int
stats_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	*ret_result = json_pack("[{s:s, s:i, s:{s:i, s:i}}]", "port", "p0", "rx_packets", 5,
				"drops", "mtu_exceeded", 2, "same_port", 1);
	return 0;
}

static int
fdb_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	int first = 0, i, limit;
	struct object obj;
	char text[32];
	json_t *entries = json_array();
	int ret;

	ret = rpc_params_read(params, &fdb_schema, VERB_SHOW, NAME_OPTIONAL, &obj, err);
	if (ret < 0)
		return ret;
	if (obj.values[FDB_KEY_CURSOR].is_set)
		first = atoi(obj.values[FDB_KEY_CURSOR].text);
	limit = obj.values[FDB_KEY_LIMIT].number;
	for (i = first; i < first + limit && i < N_ENTRIES; i++) {
		snprintf(text, sizeof(text), "00:16:3e:%02x:%02x:%02x", i >> 16, i >> 8 & 255,
			 i & 255);
		json_array_append_new(entries, json_pack("{s:s, s:n, s:s, s:s, s:b, s:i}", "bridge",
							 "xenbr0", "vid", "mac", text, "port", "p0",
							 "static", 0, "age", i % 300));
	}
	snprintf(text, sizeof(text), "%d", i);
	*ret_result =
		json_pack("{s:o, s:s?}", "entries", entries, "next", i < N_ENTRIES ? text : NULL);
	return 0;
}

static int
bridge_add(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	if (strcmp(json_string_value(json_object_get(params, "name")), "xenbr0") == 0)
		return error_set(err, EEXIST, "there is a bridge xenbr0 already");
	return 0;
}

static const struct rpc_method methods[] = {
	{ "bridge.add", RPC_CHANGES, bridge_add }, { "bridge.show", RPC_READS, bridge_show },
	{ "port.show", RPC_READS, port_show },     { "vif.show", RPC_READS, vif_show },
	{ "stats.show", RPC_READS, stats_show },   { "fdb.show", RPC_READS, fdb_show },
};

struct fixture {
	pid_t server;
	char dir[40];
	char path[64];
};

/* The server, in a process of its own. */
static void
serve(const char *path, int ready_fd)
{
	static const struct rpc_dispatch dispatch = {
		.methods = methods,
		.n_methods = sizeof(methods) / sizeof(methods[0]),
	};
	struct event_base *base = event_base_new();
	struct error err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (base == NULL || rpc_server_create(base, path, &dispatch, &err) == NULL)
		_exit(1);
	if (write(ready_fd, "", 1) == 1)
		event_base_dispatch(base);
	_exit(1);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	int ready[2];
	char byte;

	strcpy(f->dir, "/tmp/test_ctl_run.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/vswitchd.sock", f->dir);
	assert_int_equal(pipe(ready), 0);
	f->server = fork();
	if (f->server == 0)
		serve(f->path, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	setenv("VSWITCH_RUN_DIR", f->dir, 1);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	kill(f->server, SIGKILL);
	waitpid(f->server, NULL, 0);
	unlink(f->path);
	rmdir(f->dir);
	free(f);
	return 0;
}

/* Run vsctl by the shell; what it printed is in *ret_text (to be freed). */
static int
run(const char *arguments, char **ret_text)
{
	char command[512];
	size_t size = 0, n;
	char chunk[4096];
	FILE *in, *out;

	snprintf(command, sizeof(command), "\"$VSCTL\" 2>&1 %s", arguments);
	out = open_memstream(ret_text, &size);
	in = popen(command, "r");
	assert_non_null(in);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		fwrite(chunk, 1, n, out);
	fclose(out);
	n = pclose(in);
	return WIFEXITED(n) ? WEXITSTATUS(n) : 128 + WTERMSIG(n);
}

static unsigned int
count(const char *text, const char *word)
{
	unsigned int n = 0;
	size_t len = strlen(word);

	/* Not strstr(): a sanitizer's looks at all of the text each time. */
	for (; *text != '\0'; text++)
		n += *text == *word && strncmp(text, word, len) == 0;
	return n;
}

static void
expect(const char *arguments, int status, const char *output)
{
	char *text;

	assert_int_equal(run(arguments, &text), status);
	assert_string_equal(text, output);
	free(text);
}

static void
test_status(void **state)
{
	expect("bridge add br1", 0, "");
	expect("bridge add xenbr0", 1, "vsctl: there is a bridge xenbr0 already\n");
	expect("bridge add b ageing x", 1,
	       "vsctl: bridge b: ageing: 'x' is not a number of seconds from 0 to 1000000\n");
	expect("bridge add b agein 1", 2,
	       "vsctl: bridge b: unknown key 'agein'; did you mean 'ageing'?\n");
	expect("bridge set b ageing 1", 1, "vsctl: there is no method \"bridge.set\"\n");
	expect("-s /nonexistent/sock show", 1,
	       "vsctl: vswitchd is not running (no socket /nonexistent/sock): start it: "
	       "systemctl start vswitchd\n");
	expect("bridge show > /dev/full", 1,
	       "vsctl: cannot write the output: No space left on device\n");
}

static void
test_shows(void **state)
{
	char *text;

	expect("bridge show", 0,
	       "BRIDGE  AGEING  FDB-LIMIT  FDB-ENTRIES  ANNOUNCE  STP   SNOOPING  PORTS\n"
	       "xenbr0     300      65536            2  yes       rstp  yes           0\n");
	expect("stats show", 0,
	       "PORT  RX-PACKETS  RX-BYTES  TX-PACKETS  TX-BYTES  COPIES  MERGED  PUNTED  UNLEARNT"
	       "  DROPS\n"
	       "p0             5         -           -         -       -       -       -         -"
	       "      3\n"
	       "\n"
	       "PORT  DROPPED-FOR   PACKETS\n"
	       "p0    mtu_exceeded        2\n"
	       "p0    same_port           1\n");
	assert_int_equal(run("show", &text), 0);
	assert_ptr_equal(strstr(text, "bridge xenbr0   ageing 300 s   fdb 2 of 65536\n    PORT "),
			 text);
	assert_int_equal(count(text, "\n    p"), N_PORTS);
	assert_non_null(strstr(text, "\non no bridge\n    PORT "));
	assert_non_null(strstr(text, "\n    vif7.0  vif "));
	assert_non_null(strstr(text, "  InitWait\n"));
	free(text);
}

static void
test_json(void **state)
{
	char *text;
	json_t *json;

	assert_int_equal(run("-j port show", &text), 0);
	json = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json), N_PORTS);
	assert_string_equal(json_string_value(json_object_get(json_array_get(json, 10), "port")),
			    "p10");
	json_decref(json);
	free(text);
	assert_int_equal(run("show -j", &text), 0);
	json = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(json, "ports")), N_PORTS);
	assert_int_equal(json_array_size(json_object_get(json, "vifs")), 1);
	json_decref(json);
	free(text);
}

static void
test_fdb_pages(void **state)
{
	char *text;
	json_t *json;

	assert_int_equal(run("fdb show", &text), 0);
	assert_int_equal(count(text, "\n"), N_ENTRIES + 1);
	assert_int_equal(count(text, "BRIDGE"), 1);
	assert_non_null(strstr(text, "00:16:3e:01:86:9f"));
	free(text);
	assert_int_equal(run("-j fdb show", &text), 0);
	json = json_loads(text, 0, NULL);
	assert_int_equal(json_array_size(json), N_ENTRIES);
	json_decref(json);
	free(text);
	expect("fdb show | head -n 1 > /dev/null", 0, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_shows),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_fdb_pages),
	};

	if (getenv("VSCTL") == NULL) {
		fputs("skipped: $VSCTL does not name the vsctl to test\n", stderr);
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
