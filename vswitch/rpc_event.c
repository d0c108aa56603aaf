/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of events: who follows them, and what there was. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "bond.h"
#include "error.h"
#include "events.h"
#include "rpc.h"
#include "rpc_event.h"
#include "rpc_methods_priv.h"
#include "switch.h"

#define LIMIT_DEFAULT 100

/* A client that follows. */
struct event_client {
	struct rpc_stream *stream;
	struct events_follower *follower;
};

static int
client_send(void *arg, const char *line, size_t len)
{
	const struct event_client *client = arg;

	return rpc_stream_send(client->stream, line, len);
}

static void
client_ready(void *arg)
{
	const struct event_client *client = arg;

	events_pump(client->follower);
}

static void
client_closed(void *arg)
{
	struct event_client *client = arg;

	events_unfollow(client->follower);
	free(client);
}

static const struct rpc_stream_ops client_ops = {
	.ready = client_ready,
	.closed = client_closed,
};

/* --- parameters --- */

static int
kinds_read(const json_t *kinds, struct events_filter *filter, struct error *err)
{
	const json_t *word;
	size_t i;

	filter->kinds = kinds == NULL ? EVENT_KINDS_ALL : 0;
	if (kinds != NULL && !json_is_array(kinds))
		return error_set(err, EINVAL, "event: kinds must be an array");
	json_array_foreach(kinds, i, word) {
		const char *text = json_string_value(word);
		int kind = text != NULL ? event_kind_find(text) : -ENOENT;

		if (kind < 0)
			return error_set(err, EINVAL, "event: there is no kind \"%.32s\"",
					 text != NULL ? text : "");
		filter->kinds |= 1u << kind;
	}
	return 0;
}

static int
names_read(const json_t *names, struct events_filter *filter, struct error *err)
{
	const json_t *name;
	size_t i;

	if (names != NULL && !json_is_array(names))
		return error_set(err, EINVAL, "event: names must be an array");
	if (json_array_size(names) > EVENTS_NAMES_MAX)
		return error_set(err, EINVAL, "event: there are more than %d names",
				 EVENTS_NAMES_MAX);
	json_array_foreach(names, i, name) {
		const char *text = json_string_value(name);
		uint8_t mac[MAC_LEN];

		if (text == NULL || strlen(text) >= EVENTS_NAME_SIZE || *text == '\0')
			return error_set(err, EINVAL, "event: a name has 1 to %d bytes",
					 EVENTS_NAME_SIZE - 1);
		strcpy(filter->names[filter->n_names], text);
		/* of stations as events have them */
		if (mac_parse(text, mac) == 0)
			mac_format(mac, filter->names[filter->n_names]);
		filter->n_names++;
	}
	return 0;
}

static int
number_read(const json_t *params, const char *name, json_int_t def, uint64_t *ret_number,
	    struct error *err)
{
	const json_t *json = json_object_get(params, name);
	const json_int_t number = json != NULL ? json_integer_value(json) : def;

	if ((json != NULL && !json_is_integer(json)) || number < 0)
		return error_set(err, EINVAL, "event: %s must be a number of 0 or more", name);
	*ret_number = (uint64_t)number;
	return 0;
}

static int
filter_read(const json_t *params, struct events_filter *filter, struct error *err)
{
	int ret;

	*filter = (struct events_filter){ 0 };
	ret = kinds_read(json_object_get(params, "kinds"), filter, err);
	return ret < 0 ? ret : names_read(json_object_get(params, "names"), filter, err);
}

/* The names that nothing has at present: mistyped, or to come. */
static json_t *
unknown_json(struct vswitch *sw, const struct events_filter *filter)
{
	json_t *unknown = json_array();
	uint8_t mac[MAC_LEN];

	for (unsigned int i = 0; i < filter->n_names; i++)
		if (switch_port_find(sw, filter->names[i]) == NULL &&
		    switch_bridge_find(sw, filter->names[i]) == NULL &&
		    bond_find(sw, filter->names[i]) == NULL && mac_parse(filter->names[i], mac) < 0)
			json_array_append_new(unknown, events_text(filter->names[i]));
	return unknown;
}

/* --- methods --- */

int
rpc_event_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const struct vswitch *sw = ctx;
	struct events_filter filter;
	uint64_t limit = 0;
	int ret = filter_read(params, &filter, err);

	if (ret == 0)
		ret = number_read(params, "limit", LIMIT_DEFAULT, &limit, err);
	if (ret == 0)
		*ret_result = events_list(sw->events, &filter, limit);
	return ret;
}

/* From where on: the last ones, or what comes after a number of this epoch or another one. */
static int
since_read(const struct events *events, const struct events_filter *filter, const json_t *params,
	   uint64_t *ret_since, struct error *err)
{
	const char *epoch = json_string_value(json_object_get(params, "epoch"));
	uint64_t last = 0;
	int ret = number_read(params, "last", 0, &last, err);

	if (ret < 0)
		return ret;
	*ret_since = events_back(events, filter, last);
	if (epoch == NULL)
		return 0;
	ret = number_read(params, "since", 1, ret_since, err);
	if (ret == 0 && (strcmp(epoch, events_epoch(events)) != 0 || *ret_since == 0))
		*ret_since = 1;
	return ret;
}

int
rpc_event_follow(void *ctx, struct rpc_stream *stream, const json_t *params, json_t **ret_result,
		 struct error *err)
{
	struct vswitch *sw = ctx;
	struct event_client *client;
	struct events_filter filter;
	uint64_t since = 0;
	int ret = filter_read(params, &filter, err);

	if (ret == 0)
		ret = since_read(sw->events, &filter, params, &since, err);
	if (ret < 0)
		return ret;
	if (rpc_stream_is_open(stream))
		return error_set(err, EALREADY, "event: this connection follows events already");
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return error_set(err, ENOMEM, "event: no memory");
	client->stream = stream;
	client->follower = events_follow(sw->events, &filter, since, client_send, client);
	if (client->follower == NULL) {
		ret = error_set(err, errno, "event: %s",
				errno == EUSERS ? "too many clients follow events" : "no memory");
		free(client);
		return ret;
	}
	rpc_stream_open(stream, &client_ops, client);
	*ret_result = json_pack("{s:s, s:I, s:o}", "epoch", events_epoch(sw->events), "next",
				(json_int_t)events_next(sw->events), "unknown",
				unknown_json(sw, &filter));
	return 0;
}

/* --- changes --- */

void
rpc_event_config(struct vswitch *sw, const struct rpc_peer *peer, const char *who,
		 const char *object, const char *what, long changes, const char *error)
{
	json_t *fields =
		json_pack("{s:o, s:o}", "what", events_text(what), "who", events_text(who));
	char text[32] = "";

	if (peer->is_known) {
		json_object_set_new(fields, "uid", json_integer((json_int_t)peer->uid));
		json_object_set_new(fields, "pid", json_integer(peer->pid));
	}
	if (changes >= 0) {
		json_object_set_new(fields, "changes", json_integer(changes));
		snprintf(text, sizeof(text), " (%ld change%s)", changes, changes == 1 ? "" : "s");
	}
	if (error != NULL)
		json_object_set_new(fields, "error", events_text(error));
	if (error == NULL)
		events_emit(sw->events, EVENT_CONFIG, object, fields, "%s%s, by %s", what, text,
			    who);
	else
		events_emit(sw->events, EVENT_CONFIG, object, fields,
			    "%s, by %s, was taken back: %s", what, who, error);
}
