/* SPDX-License-Identifier: BSD-3-Clause */
#include "config_commands.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "command.h"
#include "config_edit.h"
#include "config_file.h"
#include "error.h"
#include "json_show.h"
#include "words.h"

#define CONFIG_DEFAULT "/etc/vswitch/vswitch.conf"
#define CONFIRM_SECONDS_MAX 86400

const struct object_schema config_schema = {
	.kind = "config",
	.named = true,
	.help = "the configuration as a whole, and files of it",
};

/* --- words --- */

static int
read_confirm(const char *text, struct config_words *words, struct error *err)
{
	char *end = NULL;

	words->confirm = text != NULL ? strtol(text, &end, 10) : 0;
	if (text == NULL || *end != '\0' || words->confirm < 1 ||
	    words->confirm > CONFIRM_SECONDS_MAX)
		return error_set(err, ENOEXEC, "--confirm needs a number of seconds from 1 to %d",
				 CONFIRM_SECONDS_MAX);
	return 0;
}

int
config_words_read(const struct request *request, int max_words, bool may_confirm,
		  struct config_words *ret_words, struct error *err)
{
	static const char *const confirm = "--confirm", *const confirm_is = "--confirm=";
	char quoted[48], hint[WORD_HINT_SIZE];
	const char *nearest;

	*ret_words = (struct config_words){ NULL };
	for (int i = 0; i < request->argc; i++) {
		const char *word = request->argv[i];

		if (may_confirm && (strcmp(word, confirm) == 0 || strcmp(word, "confirm") == 0)) {
			if (read_confirm(++i < request->argc ? request->argv[i] : NULL, ret_words,
					 err) < 0)
				return -ENOEXEC;
			continue;
		}
		if (may_confirm && strncmp(word, confirm_is, strlen(confirm_is)) == 0) {
			if (read_confirm(word + strlen(confirm_is), ret_words, err) < 0)
				return -ENOEXEC;
			continue;
		}
		nearest = may_confirm ? word_nearest(word, &confirm, 1) : NULL;
		if (max_words-- <= 0 || (word[0] == '-' && word[1] != '\0'))
			return error_set(
				err, ENOEXEC, "%s%s%s: unexpected %s%s%s",
				request->command->object != NULL ? request->command->object : "",
				request->command->object != NULL ? " " : "", request->command->verb,
				schema_quote(word, quoted, sizeof(quoted)),
				nearest != NULL ? "; " : "",
				word_hint(nearest, "", hint, sizeof(hint)));
		ret_words->word = word;
	}
	return 0;
}

void
config_print_confirm(const struct config_words *words, const json_t *result)
{
	const json_t *left = json_object_get(result, "confirm");

	if (!json_is_integer(left))
		return;
	if (words->confirm > 0)
		printf("unless \"vsctl config confirm\" comes within %lld s, all is as before\n",
		       (long long)words->confirm);
	else
		printf("unless \"vsctl config confirm\" comes within %lld s, all is as before an "
		       "earlier change, which waits for it\n",
		       (long long)json_integer_value(left));
}

/* --- what is configured --- */

/* @ret_show: all that config.show says; json_decref() it. */
static int
running_read(struct client *client, struct record_list *list, json_t **ret_show, struct error *err)
{
	int ret = client_call(client, "config.show", json_object(), ret_show, err);

	if (ret == 0 && list != NULL)
		ret = records_read(json_object_get(*ret_show, "objects"), list, err);
	return ret;
}

/* The file that is meant: as given, or the daemon's. @show: what it is in; json_decref() it. */
static int
path_find(struct client *client, const struct config_words *words, const char **ret_path,
	  json_t **show, struct error *err)
{
	int ret = 0;

	*show = NULL;
	*ret_path = words->word;
	if (words->word != NULL)
		return 0;
	if (client != NULL)
		ret = running_read(client, NULL, show, err);
	if (ret < 0)
		return ret;
	*ret_path = json_string_value(json_object_get(*show, "path"));
	if (*ret_path == NULL)
		*ret_path = CONFIG_DEFAULT;
	return 0;
}

int
config_show(struct client *client, const struct request *request, struct error *err)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	struct config_words words;
	json_t *show = NULL;
	char *text;
	int ret = config_words_read(request, 0, false, &words, err);

	if (ret == 0)
		ret = running_read(client, &list, &show, err);
	if (ret == 0 && request->json) {
		json_show(request->command, show);
	} else if (ret == 0) {
		text = config_text(&list);
		fputs(text, stdout);
		free(text);
	}
	record_list_free(&list);
	json_decref(show);
	return ret;
}

int
config_check_file(struct client *client, const struct request *request, struct error *err)
{
	struct config_words words;
	struct config config;
	const char *path;
	json_t *show;
	int ret = config_words_read(request, 1, false, &words, err);

	if (ret < 0)
		return ret;
	ret = path_find(client, &words, &path, &show, err);
	if (ret == 0)
		ret = config_file_read(path, CONFIG_CARE_ALL, &config, err);
	if (ret == 0 && !request->json)
		printf("%s: %zu section%s, no errors\n", path, config.n_sections,
		       config.n_sections == 1 ? "" : "s");
	if (ret == 0)
		config_free(&config);
	json_decref(show);
	return ret;
}

/* --- what would change --- */

static void
print_keys(const json_t *keys)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)keys, key, value) {
		const char *word = json_string_value(value);

		printf(strpbrk(word != NULL ? word : "", " \t") != NULL ? " %s \"%s\"" : " %s %s",
		       key, word != NULL ? word : "(not set)");
	}
}

static void
print_change(const json_t *change)
{
	const char *what = json_string_value(json_object_get(change, "change"));
	const char *kind = json_string_value(json_object_get(change, "kind"));
	const char *name = json_string_value(json_object_get(change, "name"));
	const bool renew = strcmp(what, "renew") == 0;

	name = name != NULL ? name : "";
	if (renew || strcmp(what, "del") == 0) {
		printf("- %s del %s", kind, name);
		if (!renew)
			print_keys(json_object_get(change, "keys"));
		putchar('\n');
	}
	if (strcmp(what, "del") == 0)
		return;
	printf("%s %s %s%s%s", strcmp(what, "set") == 0 ? "~" : "+", kind,
	       strcmp(what, "set") == 0 ? "set" : "add", *name != '\0' ? " " : "", name);
	print_keys(json_object_get(change, "keys"));
	if (strcmp(what, "set") == 0) {
		printf(" (was");
		print_keys(json_object_get(change, "was"));
		putchar(')');
	}
	putchar('\n');
}

static void
print_names(const char *what, const json_t *names)
{
	const json_t *name;
	size_t i;

	if (json_array_size(names) == 0)
		return;
	printf("%s:", what);
	json_array_foreach(names, i, name)
		printf(" %s", json_string_value(name));
	putchar('\n');
}

static void
print_diff(const json_t *diff, bool done)
{
	const json_t *changes = json_object_get(diff, "changes"), *change;
	size_t i;

	json_array_foreach(changes, i, change)
		print_change(change);
	if (json_array_size(changes) == 0)
		puts(done ? "nothing had to be changed" : "nothing differs");
	print_names("guests touched", json_object_get(diff, "guests"));
	print_names("vswitchd must be restarted for", json_object_get(diff, "restart"));
}

/* The section that a message of vswitchd's is about: "port p1: ..." */
static void
name_line(const struct config *config, struct error *err)
{
	char prefix[OBJECT_NAME_SIZE + 40];

	for (size_t i = 0; i < config->n_sections; i++) {
		const struct object *object = &config->sections[i].object;

		snprintf(prefix, sizeof(prefix), "%s %s:", object->schema->kind, object->name);
		if (strncmp(err->msg, prefix, strlen(prefix)) == 0) {
			config_fault(config, &config->sections[i], CONFIG_NO_KEY, err);
			return;
		}
	}
}

/* Read a file and call a method about it. */
static int
file_call(struct client *client, const struct config_words *words, const char *method,
	  json_t **ret_result, struct error *err)
{
	struct config config;
	const char *path;
	json_t *show, *params;
	int ret = path_find(client, words, &path, &show, err);

	if (ret == 0)
		ret = config_file_read(path, CONFIG_CARE_NEEDED, &config, err);
	if (ret == 0) {
		params =
			json_pack("{s:o, s:s}", "objects", config_objects(&config), "source", path);
		if (words->confirm > 0)
			json_object_set_new(params, "confirm", json_integer(words->confirm));
		ret = client_call(client, method, params, ret_result, err);
		if (ret < 0)
			name_line(&config, err);
		config_free(&config);
	}
	json_decref(show);
	return ret;
}

static int
print_result(const struct request *request, const struct config_words *words, bool done,
	     json_t *result)
{
	if (request->json) {
		json_show(request->command, result);
	} else {
		print_diff(result, done);
		config_print_confirm(words, result);
	}
	json_decref(result);
	return 0;
}

int
config_diff(struct client *client, const struct request *request, struct error *err)
{
	struct config_words words;
	json_t *result;
	int ret = config_words_read(request, 1, false, &words, err);

	if (ret == 0)
		ret = file_call(client, &words, "config.diff", &result, err);
	return ret < 0 ? ret : print_result(request, &words, false, result);
}

int
config_apply(struct client *client, const struct request *request, struct error *err)
{
	struct config_words words;
	json_t *result;
	int ret = config_words_read(request, 1, true, &words, err);

	if (ret == 0)
		ret = file_call(client, &words, "config.apply", &result, err);
	return ret < 0 ? ret : print_result(request, &words, true, result);
}

/* --- saving --- */

/* What may be undone in a minute is nothing for the next start. @show: of config.show. */
static int
confirmed_check(const json_t *show, const char *path, struct error *err)
{
	const json_t *left = json_object_get(show, "confirm");
	const char *start = json_string_value(json_object_get(show, "path"));

	if (!json_is_integer(left) || !file_is_same(path, start))
		return 0;
	return error_set(err, EBUSY,
			 "config save: a change waits to be confirmed, for %lld s more: \"vsctl "
			 "config confirm\" first; or save to another file",
			 (long long)json_integer_value(left));
}

/* Return: 0: the file was written; 1: it says so already; or -errno. */
static int
save(const char *path, const struct record_list *list, struct error *err)
{
	char *old = NULL, *text;
	int ret = file_check(path, err);
	bool exists;

	if (ret < 0)
		return ret;
	ret = file_read(path, &old, err);
	exists = ret == 0;
	if (ret < 0 && ret != -ENOENT)
		return ret;
	ret = config_edit(exists ? old : "", path, list, &text, err);
	if (ret == 0) {
		if (exists && strcmp(old, text) == 0)
			ret = 1;
		else
			ret = file_write(path, text, err);
		free(text);
	}
	free(old);
	return ret;
}

int
config_save(struct client *client, const struct request *request, struct error *err)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	struct config_words words;
	json_t *show = NULL;
	const char *path;
	int ret = config_words_read(request, 1, false, &words, err);

	if (ret == 0)
		ret = running_read(client, &list, &show, err);
	if (ret == 0) {
		path = words.word != NULL ? words.word :
					    json_string_value(json_object_get(show, "path"));
		if (strcmp(path, "-") == 0)
			ret = error_set(err, ENOEXEC,
					"config save: needs a file; \"config show\" prints it");
		else
			ret = confirmed_check(show, path, err);
		if (ret == 0)
			ret = save(path, &list, err);
		if (ret >= 0 && !request->json)
			printf("%s: %s\n", path, ret == 0 ? "saved" : "says so already");
	}
	record_list_free(&list);
	json_decref(show);
	return ret < 0 ? ret : 0;
}

/* --- time --- */

int
config_confirm(struct client *client, const struct request *request, struct error *err)
{
	struct config_words words;
	json_t *result;
	int ret = config_words_read(request, 0, false, &words, err);

	if (ret == 0)
		ret = client_call(client, "config.confirm", json_object(), &result, err);
	if (ret == 0)
		json_decref(result);
	return ret;
}

static int
read_number(const char *text, json_t *params, struct error *err)
{
	char *end, quoted[48];
	long number;

	if (text == NULL)
		return 0;
	number = strtol(text, &end, 10);
	if (*end != '\0' || number < 1 || number > INT_MAX)
		return error_set(err, ENOEXEC,
				 "config: %s is no number of \"vsctl config history\"",
				 schema_quote(text, quoted, sizeof(quoted)));
	json_object_set_new(params, "number", json_integer(number));
	return 0;
}

int
config_rollback(struct client *client, const struct request *request, struct error *err)
{
	json_t *params = json_object(), *result;
	struct config_words words;
	int ret = config_words_read(request, 1, true, &words, err);

	if (ret == 0)
		ret = read_number(words.word, params, err);
	if (ret < 0) {
		json_decref(params);
		return ret;
	}
	if (words.confirm > 0)
		json_object_set_new(params, "confirm", json_integer(words.confirm));
	ret = client_call(client, "config.rollback", params, &result, err);
	if (ret < 0)
		return ret;
	if (!request->json && json_object_get(result, "changes") == NULL) {
		puts("what was not confirmed is undone");
		json_decref(result);
		return 0;
	}
	return print_result(request, &words, true, result);
}

static void
print_entry(const json_t *entry)
{
	const time_t when = (time_t)json_integer_value(json_object_get(entry, "time"));
	const json_t *uid = json_object_get(entry, "uid");
	const struct passwd *user =
		json_is_integer(uid) ? getpwuid((uid_t)json_integer_value(uid)) : NULL;
	char date[32], number[24];
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime_r(&when, &tm));
	snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(uid));
	printf("%5lld  %s  %-8s  %s\n",
	       (long long)json_integer_value(json_object_get(entry, "number")), date,
	       user != NULL         ? user->pw_name :
	       json_is_integer(uid) ? number :
				      "-",
	       json_string_value(json_object_get(entry, "what")));
}

int
config_history(struct client *client, const struct request *request, struct error *err)
{
	json_t *params = json_object(), *result;
	struct config_words words;
	const json_t *entry;
	size_t i;
	int ret = config_words_read(request, 1, false, &words, err);

	if (ret == 0)
		ret = read_number(words.word, params, err);
	if (ret < 0) {
		json_decref(params);
		return ret;
	}
	ret = client_call(client, "config.history", params, &result, err);
	if (ret < 0)
		return ret;
	if (json_is_string(result) && !request->json)
		fputs(json_string_value(result), stdout);
	else if (request->json)
		json_show(request->command, result);
	else
		json_array_foreach(result, i, entry)
			print_entry(entry);
	json_decref(result);
	return 0;
}
