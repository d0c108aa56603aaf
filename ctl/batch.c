/* SPDX-License-Identifier: BSD-3-Clause */
#include "batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "command.h"
#include "config_commands.h"
#include "config_file.h"
#include "error.h"

#define WORDS_MAX 128

/* The commands, and the line of each. */
struct batch {
	json_t *commands;
	json_t *lines;
	size_t n_faults;
};

int
words_split(char *line, char **ret_words, int max)
{
	char *in = line, *out = line;
	int n = 0;

	for (;;) {
		in += strspn(in, " \t\r\n");
		if (*in == '\0' || *in == '#')
			return n;
		if (n == max)
			return -E2BIG;
		ret_words[n++] = out;
		while (*in != '\0' && strchr(" \t\r\n", *in) == NULL) {
			const char quote = *in == '"' || *in == '\'' ? *in++ : '\0';

			if (quote == '\0') {
				*out++ = *in++;
				continue;
			}
			while (*in != '\0' && *in != quote)
				*out++ = *in++;
			if (*in++ == '\0')
				return -EINVAL;
		}
		if (*in != '\0')
			in++;
		*out++ = '\0';
	}
}

static int
line_read(struct batch *batch, unsigned int number, char *line, struct error *err)
{
	struct request request;
	char *words[WORDS_MAX], method[48];
	int n = words_split(line, words, WORDS_MAX), ret;

	if (n == -EINVAL)
		return error_set(err, EINVAL, "a quote is not closed");
	if (n < 0)
		return error_set(err, EINVAL, "there are more than %d words", WORDS_MAX);
	if (n == 0)
		return 0;
	if (strcmp(words[0], "vsctl") == 0)
		return error_set(err, EINVAL, "a line has what stands behind vsctl, not vsctl");
	if (strcmp(words[0], "help") == 0)
		return error_set(err, EINVAL, "help is nothing that a batch can do");
	ret = request_parse(n, words, &request, err);
	if (ret < 0)
		return ret;
	if (!request_is_change(&request))
		return error_set(err, EINVAL, "%s%s%s is nothing that a batch can do",
				 request.command->object != NULL ? request.command->object : "",
				 request.command->object != NULL ? " " : "", request.command->verb);
	request_method(&request, method, sizeof(method));
	json_array_append_new(batch->commands, json_pack("{s:s, s:o}", "method", method, "params",
							 request_params(&request.object)));
	json_array_append_new(batch->lines, json_integer(number));
	return 0;
}

static int
batch_read(struct batch *batch, const char *path, struct error *err)
{
	char *text, *line, *save = NULL;
	unsigned int number = 0;
	struct error fault;
	int ret = file_read(path, &text, err);

	if (ret < 0)
		return ret;
	/* what editors of Windows begin a file with is none of its first word */
	line = text + (strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
	for (; line != NULL; line = save) {
		save = strchr(line, '\n');
		if (save != NULL)
			*save++ = '\0';
		if (line_read(batch, ++number, line, &fault) == 0)
			continue;
		fprintf(stderr, "%s:%u: %s\n", path, number, fault.msg);
		batch->n_faults++;
	}
	free(text);
	if (batch->n_faults > 0)
		return error_set(err, EINVAL, "%.150s: %zu error%s; nothing was done", path,
				 batch->n_faults, batch->n_faults == 1 ? "" : "s");
	return 0;
}

/* "command 3: ...": the line that it stands in says more. */
static void
name_line(const struct batch *batch, const char *path, struct error *err)
{
	unsigned int number;
	int at = 0;

	if (sscanf(err->msg, "command %u: %n", &number, &at) == 1 && at > 0 && number > 0)
		error_set(err, err->code, "%.80s:%lld: %s", path,
			  (long long)json_integer_value(json_array_get(batch->lines, number - 1)),
			  err->msg + at);
}

int
batch_run(struct client *client, const struct request *request, struct error *err)
{
	struct batch batch = { .n_faults = 0 };
	struct config_words words;
	json_t *params, *result;
	int ret = config_words_read(request, 1, true, &words, err);

	if (ret == 0 && words.word == NULL)
		ret = error_set(err, ENOEXEC, "batch: a file is missing; - is stdin");
	if (ret < 0)
		return ret;
	batch.commands = json_array();
	batch.lines = json_array();
	ret = batch_read(&batch, words.word, err);
	if (ret == 0) {
		params = json_pack("{s:O, s:s}", "commands", batch.commands, "source", words.word);
		if (words.confirm > 0)
			json_object_set_new(params, "confirm", json_integer(words.confirm));
		ret = client_call(client, "batch.run", params, &result, err);
		if (ret < 0)
			name_line(&batch, words.word, err);
	}
	if (ret == 0) {
		if (!request->json)
			config_print_confirm(&words, result);
		json_decref(result);
	}
	json_decref(batch.commands);
	json_decref(batch.lines);
	return ret;
}
