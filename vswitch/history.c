/* SPDX-License-Identifier: BSD-3-Clause */
#include "history.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config_edit.h"
#include "error.h"
#include "log.h"
#include "rpc.h"

#define HEAD_SIZE 640

struct history {
	char state_dir[PATH_MAX];
	char dir[PATH_MAX];
	unsigned int last; /* number; 0: there is none */
	/* less their heads: what is configured, and what was before that, if it was noted since the
	 * start; what could not be written as well. NULL: not known */
	char *text, *before;
	unsigned int number, before_number; /* of these; 0: it is only here */
	int lacks;                          /* -errno: the last entry could not be written */
	int forgets;                        /* -errno: the same of what waits to be confirmed */
};

/* Return: 0: it is not the name of an entry. */
static unsigned int
entry_number(const char *name)
{
	unsigned int number;
	int len = 0;

	return sscanf(name, "%u.conf%n", &number, &len) == 1 && len > 0 && name[len] == '\0' ?
		       number :
		       0;
}

static int
compare_numbers(const void *a, const void *b)
{
	const unsigned int one = *(const unsigned int *)a, two = *(const unsigned int *)b;

	return (one > two) - (one < two);
}

/* The numbers that there are, ascending. Return: how many. */
static size_t
entries_read(const struct history *history, unsigned int numbers[2 * HISTORY_MAX])
{
	const struct dirent *entry;
	size_t n = 0;
	DIR *dir = opendir(history->dir);

	while (dir != NULL && n < 2 * HISTORY_MAX && (entry = readdir(dir)) != NULL)
		if (entry_number(entry->d_name) != 0)
			numbers[n++] = entry_number(entry->d_name);
	if (dir != NULL)
		closedir(dir);
	qsort(numbers, n, sizeof(numbers[0]), compare_numbers);
	return n;
}

static void
entry_path(const struct history *history, unsigned int number, char path[PATH_MAX + 32])
{
	snprintf(path, PATH_MAX + 32, "%s/%u.conf", history->dir, number);
}

static char *
file_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	ssize_t len = file != NULL ? getdelim(&text, &size, '\0', file) : -1;

	if (file != NULL)
		fclose(file);
	if (len >= 0)
		return text;
	free(text);
	return NULL;
}

/* What is behind the comment on top. */
static const char *
body(const char *text)
{
	const char *end = strchr(text, '\n');

	return *text == '#' && end != NULL ? end + 1 : text;
}

struct history *
history_open(const char *state_dir)
{
	struct history *history = calloc(1, sizeof(*history));
	unsigned int numbers[2 * HISTORY_MAX];
	char path[PATH_MAX + 32], *text;
	size_t n;

	if (history == NULL)
		return NULL;
	if (snprintf(history->dir, sizeof(history->dir), "%s/history", state_dir) >=
	    (int)sizeof(history->dir))
		goto err;
	snprintf(history->state_dir, sizeof(history->state_dir), "%s", state_dir);
	n = entries_read(history, numbers);
	if (n == 0)
		return history;
	history->last = numbers[n - 1];
	entry_path(history, history->last, path);
	text = file_read(path);
	if (text != NULL)
		history->text = strdup(body(text));
	history->number = history->last;
	free(text);
	return history;

err:
	log_line(LOG_WARNING, "%s: too long: the configuration has no history", state_dir);
	free(history);
	return NULL;
}

void
history_close(struct history *history)
{
	if (history == NULL)
		return;
	free(history->text);
	free(history->before);
	free(history);
}

static void
head_write(char head[HEAD_SIZE], unsigned int number, const struct rpc_peer *who, const char *what)
{
	const bool known = who != NULL && who->is_known;

	snprintf(head, HEAD_SIZE, "# %u %lld %d %d %.500s\n", number, (long long)time(NULL),
		 known ? (int)who->uid : -1, known ? (int)who->pid : -1, what);
	for (char *c = head; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' && c[1] != '\0')
			*c = ' ';
}

/* The folders are there from the first entry on. */
static int
folder_make(const struct history *history)
{
	if ((mkdir(history->state_dir, 0755) < 0 && errno != EEXIST) ||
	    (mkdir(history->dir, 0750) < 0 && errno != EEXIST))
		return -errno;
	return 0;
}

/* Written beside and renamed: there is no half of one. */
static int
file_write(const struct history *history, const char *path, const char *head, const char *text)
{
	char temporary[PATH_MAX + 32];
	FILE *file;
	bool failed;
	int ret;

	ret = folder_make(history);
	if (ret < 0)
		return ret;
	snprintf(temporary, sizeof(temporary), "%s/new", history->dir);
	file = fopen(temporary, "we");
	if (file == NULL)
		return -errno;
	failed = fputs(head, file) < 0 || fputs(text, file) < 0;
	failed |= fclose(file) != 0;
	if (!failed && rename(temporary, path) == 0)
		return 0;
	ret = -errno;
	unlink(temporary);
	return ret;
}

/* Does the last entry say this already, in whatever order? */
static bool
is_last(const struct history *history, const struct record_list *records, const char *text)
{
	struct record_list last = TAILQ_HEAD_INITIALIZER(last);
	bool same;

	if (history->text == NULL || strlen(history->text) != strlen(text))
		return false;
	if (strcmp(history->text, text) == 0)
		return true;
	same = config_parse(history->text, "", &last, NULL) == 0 &&
	       record_list_equal(&last, records);
	record_list_free(&last);
	return same;
}

void
history_add(struct history *history, const struct record_list *records, const struct rpc_peer *who,
	    const char *what)
{
	unsigned int numbers[2 * HISTORY_MAX];
	char head[HEAD_SIZE], path[PATH_MAX + 32], *text;
	size_t n;
	int ret;

	if (history == NULL)
		return;
	text = config_text(records);
	if (is_last(history, records, text)) {
		free(text);
		return;
	}
	head_write(head, history->last + 1, who, what);
	entry_path(history, history->last + 1, path);
	ret = file_write(history, path, head, text);
	history->lacks = ret;
	free(history->before);
	history->before = history->text;
	history->before_number = history->number;
	history->text = text;
	history->number = ret == 0 ? ++history->last : 0;
	if (ret < 0) {
		log_line(LOG_WARNING, "%s: the history lacks the last change: %s", history->dir,
			 strerror(-ret));
		return;
	}
	n = entries_read(history, numbers);
	for (size_t i = 0; i + HISTORY_MAX < n; i++) {
		entry_path(history, numbers[i], path);
		unlink(path);
	}
}

static json_t *
entry_json(const struct history *history, unsigned int number)
{
	char path[PATH_MAX + 32], head[HEAD_SIZE] = "";
	long long when = 0;
	int uid = -1, pid = -1, at = 0;
	unsigned int same;
	FILE *file;

	entry_path(history, number, path);
	file = fopen(path, "re");
	if (file == NULL || fgets(head, sizeof(head), file) == NULL)
		head[0] = '\0';
	if (file != NULL)
		fclose(file);
	head[strcspn(head, "\n")] = '\0';
	if (sscanf(head, "# %u %lld %d %d %n", &same, &when, &uid, &pid, &at) < 4)
		at = (int)strlen(head);
	return json_pack("{s:I, s:I, s:o, s:o, s:s}", "number", (json_int_t)number, "time",
			 (json_int_t)when, "uid", uid >= 0 ? json_integer(uid) : json_null(), "pid",
			 pid >= 0 ? json_integer(pid) : json_null(), "what", head + at);
}

json_t *
history_json(const struct history *history)
{
	unsigned int numbers[2 * HISTORY_MAX];
	json_t *json = json_array();
	size_t n = history != NULL ? entries_read(history, numbers) : 0;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(json, entry_json(history, numbers[i]));
	return json;
}

char *
history_text(const struct history *history, unsigned int number, unsigned int *ret_number,
	     struct error *err)
{
	unsigned int numbers[2 * HISTORY_MAX];
	char path[PATH_MAX + 32], *text;
	size_t n = history != NULL ? entries_read(history, numbers) : 0;

	if (number == 0 && history != NULL && history->before != NULL) {
		*ret_number = history->before_number;
		text = strdup(history->before);
		if (text == NULL)
			error_set(err, ENOMEM, "no memory");
		return text;
	}
	if (number == 0 && n < 2) {
		error_set(err, ENOENT, "config: nothing has been changed so far");
		return NULL;
	}
	if (number == 0)
		number = numbers[n - 2];
	*ret_number = number;
	if (n == 0) {
		error_set(err, ENOENT, "config: there is no history");
		return NULL;
	}
	entry_path(history, number, path);
	text = file_read(path);
	if (text == NULL)
		error_set(err, ENOENT,
			  "config: the history has no number %u; see \"vsctl config history\"",
			  number);
	return text;
}

const char *
history_fault(const struct history *history, int *ret_error)
{
	*ret_error = history == NULL ? 0 : history->lacks < 0 ? history->lacks : history->forgets;
	return *ret_error < 0 ? history->dir : NULL;
}

/* --- what is back if nobody confirms --- */

static void
unconfirmed_path(const struct history *history, char path[PATH_MAX + 32])
{
	snprintf(path, PATH_MAX + 32, "%s/unconfirmed", history->dir);
}

void
history_keep_unconfirmed(struct history *history, const struct record_list *records, time_t end)
{
	char path[PATH_MAX + 32], head[HEAD_SIZE], *text;
	int ret;

	if (history == NULL)
		return;
	unconfirmed_path(history, path);
	text = config_text(records);
	snprintf(head, sizeof(head), "# %lld\n", (long long)end);
	ret = file_write(history, path, head, text);
	history->forgets = ret;
	if (ret < 0)
		log_line(LOG_WARNING, "%s: a restart would forget what waits to be confirmed: %s",
			 path, strerror(-ret));
	free(text);
}

void
history_forget_unconfirmed(struct history *history)
{
	char path[PATH_MAX + 32];

	if (history == NULL)
		return;
	history->forgets = 0;
	unconfirmed_path(history, path);
	unlink(path);
}

int
history_unconfirmed(const struct history *history, struct record_list *records, time_t *ret_end,
		    struct error *err)
{
	char path[PATH_MAX + 32], *text;
	long long end = 0;
	int ret;

	if (history == NULL)
		return -ENOENT;
	unconfirmed_path(history, path);
	text = file_read(path);
	if (text == NULL)
		return -ENOENT;
	sscanf(text, "# %lld", &end);
	*ret_end = (time_t)end;
	ret = config_parse(text, path, records, err);
	free(text);
	return ret;
}
