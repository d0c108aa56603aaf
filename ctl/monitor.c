/* SPDX-License-Identifier: BSD-3-Clause */
#include "monitor.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "error.h"
#include "event_kind.h"
#include "json_show.h"
#include "terminal.h"
#include "words.h"

#define LAST_MAX 2048  /* the daemon keeps no more */
#define RETRY_MSEC 200 /* until the daemon is back */
#define KIND_WIDTH 10
#define OBJECT_WIDTH 15 /* of a name */

const struct object_schema event_schema = {
	.kind = "event",
	.named = true,
	.help = "what has happened: links, guests, stations, bonds, loops, changes",
};

/* --- words --- */

static int
last_read(const char *text, json_t *params, struct error *err)
{
	char *end = NULL;
	long last = text != NULL ? strtol(text, &end, 10) : 0;

	if (text == NULL || *end != '\0' || last < 1 || last > LAST_MAX)
		return error_set(err, ENOEXEC, "--last needs a number from 1 to %d", LAST_MAX);
	json_object_set_new(params, "last", json_integer(last));
	json_object_set_new(params, "limit", json_integer(last));
	return 0;
}

static int
word_add(json_t *params, const char *word, struct error *err)
{
	const char *list = event_kind_find(word) >= 0 ? "kinds" : "names";
	json_t *words = json_object_get(params, list), *text = json_string(word);

	if (text == NULL)
		return error_set(err, ENOEXEC, "a name is not UTF-8");
	if (words == NULL) {
		words = json_array();
		json_object_set_new(params, list, words);
	}
	json_array_append_new(words, text);
	return 0;
}

/* Return: 0 or -ENOEXEC. @ret_params: of event.follow, or event.show; json_decref() it. */
static int
words_read(const struct request *request, json_t **ret_params, struct error *err)
{
	json_t *params = json_object();
	char quoted[48];
	int ret = 0;

	for (int i = 0; i < request->argc && ret == 0; i++) {
		const char *word = request->argv[i];

		if (strcmp(word, "--last") == 0)
			ret = last_read(++i < request->argc ? request->argv[i] : NULL, params, err);
		else if (word[0] == '-' || word[0] == '\0')
			ret = error_set(err, ENOEXEC, "%s: unexpected %s", request->command->verb,
					schema_quote(word, quoted, sizeof(quoted)));
		else
			ret = word_add(params, word, err);
	}
	if (ret < 0)
		json_decref(params);
	else
		*ret_params = params;
	return ret;
}

static const char *
nearest_kind(const char *text)
{
	const char *words[EVENT_KINDS];

	for (size_t i = 0; i < EVENT_KINDS; i++)
		words[i] = event_kinds[i].name;
	return word_nearest(text, words, EVENT_KINDS);
}

/*
 * A mistyped kind is taken for a name: say so, and go on, since what has the name may yet come.
 * @may_be: the name may be right, so ask only where a kind is near.
 */
static void
tell_unknown(const json_t *names, bool may_be)
{
	char quoted[48], hint[WORD_HINT_SIZE];
	const char *text, *nearest;
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name) {
		text = json_string_value(name);
		nearest = text != NULL ? nearest_kind(text) : NULL;
		if (text == NULL || (may_be && nearest == NULL))
			continue;
		schema_quote(text, quoted, sizeof(quoted));
		fprintf(stderr,
			may_be ? "vsctl: there is no kind %s%s%s\n" :
				 "vsctl: nothing is called %s at present%s%s\n",
			quoted, nearest != NULL ? "; " : "",
			word_hint(nearest, "", hint, sizeof(hint)));
	}
}

/* --- lines --- */

static const char *
text_of(const json_t *event, const char *member)
{
	const char *text = json_string_value(json_object_get(event, member));

	return text != NULL ? text : "?";
}

/* What has happened, in the shade of what shows have in the same state. */
static void
text_print(const json_t *event)
{
	const char *text = text_of(event, "text"), *kind = text_of(event, "kind");

	terminal_put(
		terminal_shade(strcmp(kind, "link") == 0 ? kind : "state", text_of(event, "state")),
		text, strlen(text), stdout);
}

static void
event_print(const json_t *event, bool json)
{
	const json_int_t left_out = json_integer_value(json_object_get(event, "left_out"));

	if (json) {
		json_dumpf(event, stdout, JSON_COMPACT);
	} else {
		terminal_time(text_of(event, "time"));
		printf(" %-*s %-*s ", KIND_WIDTH, text_of(event, "kind"), OBJECT_WIDTH,
		       text_of(event, "object"));
		text_print(event);
		if (left_out > 0)
			printf(" (and %" JSON_INTEGER_FORMAT " more within a second)", left_out);
	}
	putchar('\n');
}

/* What the daemon cannot tell of: that it is not there. */
static void
daemon_print(const char *state, const char *text, bool json)
{
	struct timespec now;
	char when[48];
	struct tm tm;
	size_t len;
	json_t *event;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + len, sizeof(when) - len, ".%06ldZ", now.tv_nsec / 1000);
	event = json_pack("{s:n, s:s, s:s, s:s, s:s, s:i, s:s, s:n}", "seq", "time", when, "kind",
			  event_kinds[EVENT_DAEMON].name, "object", "vswitchd", "text", text,
			  "left_out", 0, "state", state, "version");
	event_print(event, json);
	json_decref(event);
	fflush(stdout);
}

int
event_show(struct client *client, const struct request *request, struct error *err)
{
	json_t *params, *events, *event;
	size_t i;
	int ret = words_read(request, &params, err);

	if (ret < 0)
		return ret;
	ret = client_call(client, "event.show", json_incref(params), &events, err);
	if (ret == 0 && json_array_size(events) == 0)
		tell_unknown(json_object_get(params, "names"), true);
	json_decref(params);
	if (ret < 0)
		return ret;
	if (request->json) {
		json_show(request->command, events);
	} else {
		json_array_foreach(events, i, event)
			event_print(event, false);
	}
	json_decref(events);
	return 0;
}

/* --- following --- */

/* Ask for events, from where @params say. What is asked for next time is what comes after them. */
static int
follow(struct client *client, json_t *params, json_t **ret_result, struct error *err)
{
	int ret = client_call(client, "event.follow", json_incref(params), ret_result, err);

	if (ret < 0)
		return ret;
	json_object_del(params, "last");
	json_object_set(params, "since", json_object_get(*ret_result, "next"));
	json_object_set(params, "epoch", json_object_get(*ret_result, "epoch"));
	return 0;
}

/* Print what comes until the connection is lost. Return: -EPIPE if nobody reads, or why. */
static int
print_events(struct client *client, json_t *params, bool json, struct error *err)
{
	json_t *event;
	int ret;

	while ((ret = client_next(client, -1, &event, err)) >= 0) {
		if (ret == 0)
			continue;
		event_print(event, json);
		json_object_set_new(
			params, "since",
			json_integer(json_integer_value(json_object_get(event, "seq")) + 1));
		json_decref(event);
		if (terminal_flush() < 0)
			return -EPIPE;
	}
	return ret;
}

/* Wait for the daemon to come back. Return: 0, or -EPIPE: nobody reads. */
static int
wait_daemon(struct client *client, json_t *params)
{
	struct pollfd out = { .fd = STDOUT_FILENO };
	json_t *result;
	struct error err;

	while (client_reopen(client, &err) < 0 || follow(client, params, &result, &err) < 0)
		if (poll(&out, 1, RETRY_MSEC) > 0 && (out.revents & CLIENT_UNREAD))
			return -EPIPE;
	json_decref(result);
	return 0;
}

int
monitor_run(struct client *client, const struct request *request, struct error *err)
{
	json_t *params, *result;
	int ret = words_read(request, &params, err);

	if (ret < 0)
		return ret;
	json_object_del(params, "limit");
	ret = follow(client, params, &result, err);
	if (ret == 0) {
		tell_unknown(json_object_get(result, "unknown"), false);
		json_decref(result);
	}
	while (ret == 0) {
		ret = print_events(client, params, request->json, err);
		if (ret == -EPIPE)
			break;
		daemon_print("gone", "is gone; waiting for it", request->json);
		ret = wait_daemon(client, params);
		if (ret == 0)
			daemon_print("back", "is back", request->json);
	}
	json_decref(params);
	/* who reads has had enough */
	return ret == -EPIPE ? 0 : ret;
}
