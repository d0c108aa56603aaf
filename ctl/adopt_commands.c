/* SPDX-License-Identifier: BSD-3-Clause */
#include "adopt_commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "config_commands.h"
#include "error.h"
#include "json_show.h"

/* BRIDGE NIC [--confirm SECONDS] */
static int
words_read(const struct request *request, struct config_words *ret_words, json_t **ret_params,
	   struct error *err)
{
	struct request rest = *request;
	int ret;

	if (request->argc < 2)
		return error_set(err, ENOEXEC, "bridge %s: names are missing: vsctl bridge %s %s",
				 request->command->verb, request->command->verb,
				 request->command->metavar);
	rest.argc -= 2;
	rest.argv += 2;
	ret = config_words_read(&rest, 0, true, ret_words, err);
	if (ret < 0)
		return ret;
	*ret_params = json_pack("{s:s, s:s}", "name", request->argv[0], "nic", request->argv[1]);
	if (*ret_params == NULL)
		return error_set(err, EINVAL, "bridge %s: names are not text",
				 request->command->verb);
	if (ret_words->confirm > 0)
		json_object_set_new(*ret_params, "confirm", json_integer(ret_words->confirm));
	return 0;
}

static int
call(struct client *client, const struct request *request, const char *said, struct error *err)
{
	struct config_words words;
	json_t *params, *result;
	const json_t *note;
	char method[48];
	size_t i;
	int ret = words_read(request, &words, &params, err);

	if (ret < 0)
		return ret;
	request_method(request, method, sizeof(method));
	ret = client_call(client, method, params, &result, err);
	if (ret < 0)
		return ret;
	if (request->json) {
		json_show(request->command, result);
	} else {
		printf(said, request->argv[1], json_string_value(json_object_get(result, "tap")));
		json_array_foreach(json_object_get(result, "notes"), i, note)
			printf("note: %s\n", json_string_value(note));
		config_print_confirm(&words, result);
	}
	json_decref(result);
	return 0;
}

int
adopt_nic(struct client *client, const struct request *request, struct error *err)
{
	return call(client, request, "what the host had on %s is on %s\n", err);
}

int
release_nic(struct client *client, const struct request *request, struct error *err)
{
	return call(client, request, "%s has back what was on %s\n", err);
}
