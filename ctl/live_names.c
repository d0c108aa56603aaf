/* SPDX-License-Identifier: BSD-3-Clause */
#include "live_names.h"

#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <unistd.h>

#include <jansson.h>

#include "client.h"
#include "error.h"

#define PATIENCE_USEC 500000 /* a vswitchd that is stuck must not freeze a shell */

/*
 * Who knows the names. @object: of whose commands; NULL: of all. @only: rows whose field @where
 * says so. @page: rows of one answer: there may be more than anybody wants to read.
 */
static const struct source {
	const char *object;
	const char *metavar;
	const char *method;
	const char *field;
	const char *where;
	const char *only;
	int page;
} sources[] = {
	{ NULL, "BRIDGE", "bridge.show", "bridge" },
	{ NULL, "PORT", "port.show", "port" },
	{ NULL, "VIF", "vif.show", "vif" },
	{ NULL, "BOND", "bond.show", "bond" },
	{ "nat", "RULE", "nat.show", "nat" },
	{ "addr", "IP/LEN", "addr.show", "addr" },
	{ "route", "IP/LEN", "route.show", "route", "origin", "static", .page = 4096 },
	{ "neigh", "IP", "neigh.show", "neighbour" },
	{ "network", "IP/LEN", "network.show", "network" },
	{ "mirror", "MIRROR", "mirror.show", "mirror" },
	{ "fdb", "MAC", "fdb.show", "mac", .page = 1024 },
	{ "config", "N", "config.history", "number" },
};

#define N_SOURCES (sizeof(sources) / sizeof(sources[0]))

void
live_names_start(struct live_names *names, const char *socket)
{
	*names = (struct live_names){ .socket = socket };
}

static const struct source *
source_find(const struct name_query *query)
{
	const struct source *source;

	for (size_t i = 0; i < N_SOURCES; i++) {
		source = &sources[i];
		if (strlen(source->metavar) != query->len ||
		    strncmp(source->metavar, query->metavar, query->len) != 0)
			continue;
		if (source->object == NULL ||
		    (query->object != NULL && strcmp(source->object, query->object) == 0))
			return source;
	}
	return NULL;
}

static json_t *
params_of(const struct source *source, const struct name_query *query)
{
	const bool ports = strcmp(source->method, "port.show") == 0;
	json_t *params = json_object();

	if (ports)
		json_object_set_new(params, "brief", json_true());
	if (query->bridge != NULL && ports)
		json_object_set_new(params, "bridge", json_string(query->bridge));
	if (query->bridge != NULL && strcmp(source->method, "fdb.show") == 0)
		json_object_set_new(params, "name", json_string(query->bridge));
	if (source->page != 0)
		json_object_set_new(params, "limit", json_integer(source->page));
	return params;
}

static void
rows_each(const struct source *source, json_t *rows, live_name_fn fn, void *arg)
{
	const json_t *row, *value;
	const char *text;
	char number[24];
	size_t i;

	json_array_foreach(rows, i, row) {
		text = source->where != NULL ?
			       json_string_value(json_object_get(row, source->where)) :
			       NULL;
		if (source->where != NULL && (text == NULL || strcmp(text, source->only) != 0))
			continue;
		value = json_object_get(row, source->field);
		text = json_string_value(value);
		if (json_is_integer(value)) {
			snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
				 json_integer_value(value));
			text = number;
		}
		if (text != NULL)
			fn(arg, text);
	}
}

static void
kernel_each(live_name_fn fn, void *arg)
{
	struct if_nameindex *all = if_nameindex();

	for (const struct if_nameindex *one = all; one != NULL && one->if_index != 0; one++)
		if (strcmp(one->if_name, "lo") != 0)
			fn(arg, one->if_name);
	if (all != NULL)
		if_freenameindex(all);
}

static void
give_up(int number)
{
	_exit(0);
}

static void
patience_set(suseconds_t usec)
{
	const struct itimerval timer = { .it_value = { .tv_usec = usec } };

	signal(SIGALRM, give_up);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* With what has been printed so far, the program ends if this or an answer takes too long. */
static struct client *
connect_in_time(const char *path)
{
	struct client *client;
	struct error err;

	fflush(stdout);
	patience_set(PATIENCE_USEC);
	client = client_open(path, &err);
	if (client == NULL)
		patience_set(0);
	return client;
}

void
live_names_each(struct live_names *names, const struct name_query *query, live_name_fn fn,
		void *arg)
{
	const struct source *source = source_find(query);
	json_t *result;
	struct error err;

	if (query->len == strlen("NIC") && strncmp(query->metavar, "NIC", query->len) == 0)
		kernel_each(fn, arg);
	if (source == NULL || names->failed)
		return;
	if (names->client == NULL)
		names->client = connect_in_time(names->socket);
	names->failed = names->client == NULL;
	if (names->failed ||
	    client_call(names->client, source->method, params_of(source, query), &result, &err) < 0)
		return;
	rows_each(source, json_is_object(result) ? json_object_get(result, "entries") : result, fn,
		  arg);
	json_decref(result);
}

bool
live_names_are_of(const char *metavar, const char *object)
{
	for (size_t i = 0; i < N_SOURCES; i++)
		if (sources[i].object != NULL && strcmp(sources[i].object, object) == 0 &&
		    strcmp(sources[i].metavar, metavar) == 0)
			return true;
	return strcasecmp(metavar, object) == 0;
}

void
live_names_end(struct live_names *names)
{
	if (names->client != NULL)
		patience_set(0);
	client_close(names->client);
	names->client = NULL;
}
