/* SPDX-License-Identifier: BSD-3-Clause */
#include "access.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "error.h"
#include "log.h"
#include "rpc_event.h"
#include "transaction.h"

#define NAME_SIZE 33 /* of a user, as useradd(8) makes them */
#define COMM_SIZE 17
#define TTY_SIZE 16
#define STAT_SIZE 512
#define LOGIN_NONE ((uid_t)-1)

/* numbers of Documentation/admin-guide/devices.txt */
#define MAJOR_TTY 4
#define MAJOR_PTS 136
#define MAJOR_PTS_LAST 143
#define MAJOR_HVC 229
#define TTY_SERIAL 64

/* What /proc tells of a process. */
struct process {
	char comm[COMM_SIZE];
	pid_t parent;
	dev_t tty;
};

void
access_clean(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

/* False: there is no such user in /etc/passwd. */
static bool
user_name(uid_t uid, char ret_name[NAME_SIZE])
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *user = NULL;

	while (file != NULL && (user = fgetpwent(file)) != NULL && user->pw_uid != uid)
		;
	if (user != NULL) {
		snprintf(ret_name, NAME_SIZE, "%s", user->pw_name);
		access_clean(ret_name);
	}
	if (file != NULL)
		fclose(file);
	return user != NULL;
}

static bool
proc_read(pid_t pid, const char *name, char *ret_text, size_t size)
{
	char path[64];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	len = fread(ret_text, 1, size - 1, file);
	fclose(file);
	ret_text[len] = '\0';
	return len > 0;
}

/* proc(5): "PID (COMM) STATE PPID PGRP SESSION TTY ...", and COMM may have anything in it. */
static bool
process_read(pid_t pid, struct process *ret_process)
{
	char text[STAT_SIZE], *begin, *end;
	int parent, tty;

	if (pid <= 0 || !proc_read(pid, "stat", text, sizeof(text)))
		return false;
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (begin == NULL || end == NULL ||
	    sscanf(end + 1, " %*c %d %*d %*d %d", &parent, &tty) != 2)
		return false;
	*end = '\0';
	snprintf(ret_process->comm, sizeof(ret_process->comm), "%s", begin + 1);
	access_clean(ret_process->comm);
	ret_process->parent = parent;
	ret_process->tty = (dev_t)(unsigned int)tty;
	return true;
}

/* "pts/0", or "" if there is none. */
static void
tty_name(dev_t tty, char ret_name[TTY_SIZE])
{
	const unsigned int kind = major(tty), number = minor(tty);

	ret_name[0] = '\0';
	if (kind >= MAJOR_PTS && kind <= MAJOR_PTS_LAST)
		snprintf(ret_name, TTY_SIZE, "pts/%u", (kind - MAJOR_PTS) * 256 + number);
	else if (kind == MAJOR_TTY && number < TTY_SERIAL)
		snprintf(ret_name, TTY_SIZE, "tty%u", number);
	else if (kind == MAJOR_TTY)
		snprintf(ret_name, TTY_SIZE, "ttyS%u", number - TTY_SERIAL);
	else if (kind == MAJOR_HVC)
		snprintf(ret_name, TTY_SIZE, "hvc%u", number);
}

/* As whom somebody logged in, whoever it is now. */
static uid_t
login_uid(pid_t pid)
{
	char text[32];

	return pid > 0 && proc_read(pid, "loginuid", text, sizeof(text)) ?
		       (uid_t)strtoul(text, NULL, 10) :
		       LOGIN_NONE;
}

static void
add(char text[ACCESS_WHO_SIZE], const char *word, const char *more)
{
	const size_t len = strlen(text);

	snprintf(text + len, ACCESS_WHO_SIZE - len, "%s%s", word, more);
}

const char *
access_who(const struct rpc_peer *peer, char ret_text[ACCESS_WHO_SIZE])
{
	char name[NAME_SIZE] = "", number[32], tty[TTY_SIZE];
	struct process process, parent;
	uid_t login;

	if (!peer->is_known) {
		snprintf(ret_text, ACCESS_WHO_SIZE, "vswitchd");
		return ret_text;
	}
	user_name(peer->uid, name);
	snprintf(ret_text, ACCESS_WHO_SIZE, "%s (uid %u, pid %d", name[0] != '\0' ? name : "?",
		 peer->uid, (int)peer->pid);
	if (process_read(peer->pid, &process)) {
		add(ret_text, " ", process.comm);
		if (process_read(process.parent, &parent))
			add(ret_text, " of ", parent.comm);
		tty_name(process.tty, tty);
		if (tty[0] != '\0')
			add(ret_text, ", ", tty);
	}
	login = login_uid(peer->pid);
	if (login != LOGIN_NONE && login != peer->uid) {
		snprintf(number, sizeof(number), "uid %u", login);
		add(ret_text, ", login ", user_name(login, name) ? name : number);
	}
	add(ret_text, ")", "");
	return ret_text;
}

/* A list's words, or how many there are where they are more than words. */
static char *
list_text(const json_t *list)
{
	const json_t *value;
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	json_array_foreach(list, i, value) {
		if (!json_is_string(value))
			break;
		fprintf(out, "%s%s", i > 0 ? "," : "", json_string_value(value));
	}
	if (i < json_array_size(list))
		fprintf(out, "(%zu)", json_array_size(list));
	fclose(out);
	return text;
}

static char *
value_text(const json_t *value)
{
	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "yes" : "no");
	if (json_is_null(value))
		return strdup("none");
	if (json_is_array(value))
		return list_text(value);
	return json_dumps(value, JSON_ENCODE_ANY);
}

void
access_describe(const char *method, const json_t *params, char *ret_text, size_t size)
{
	const char *name = json_string_value(json_object_get(params, "name")), *key;
	json_t *members = (json_t *)(uintptr_t)params, *value;
	size_t len;
	char *text;

	snprintf(ret_text, size, "%s%s%s", method, name != NULL ? " " : "",
		 name != NULL ? name : "");
	text = strchr(ret_text, '.');
	if (text != NULL)
		*text = ' ';
	json_object_foreach(members, key, value) {
		/* objects are notes of the method itself */
		if ((name != NULL && strcmp(key, "name") == 0) || json_is_object(value))
			continue;
		len = strlen(ret_text);
		text = value_text(value);
		snprintf(ret_text + len, size - len, " %s %s", key, text != NULL ? text : "?");
		free(text);
	}
	access_clean(ret_text);
}

void
access_log_change(const char *who, const char *what, const char *why)
{
	char reason[sizeof(((struct error *)NULL)->msg)];

	if (why == NULL) {
		log_line(LOG_NOTICE, "change: %s: %s: done", who, what);
		return;
	}
	snprintf(reason, sizeof(reason), "%s", why);
	access_clean(reason);
	log_line(LOG_WARNING, "change: %s: %s: refused: %s", who, what, reason);
}

void
access_log_changes(const char *who, const char *what, size_t n, const json_t *told,
		   const char *remark)
{
	const json_t *line;
	size_t i;

	log_line(LOG_NOTICE, "change: %s: %s: done: %zu change%s%s", who, what, n,
		 n == 1 ? "" : "s", remark);
	json_array_foreach(told, i, line)
		log_line(LOG_NOTICE, "change: %s: %zu. %s", what, i + 1, json_string_value(line));
	if (n > i && i == ACCESS_TOLD_MAX)
		log_line(LOG_NOTICE, "change: %s: and %zu more", what, n - i);
}

static bool
is_root(const struct rpc_peer *peer)
{
	return peer->is_known && peer->uid == 0;
}

int
access_allow(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method,
	     struct error *err)
{
	char what[ACCESS_WHAT_SIZE], name[NAME_SIZE] = "?";

	if (method->access == RPC_READS)
		return 0;
	if (method->access == RPC_CHANGES && is_root(peer))
		return transaction_allow(ctx, peer, err);
	if (method->access == RPC_LISTENS && is_root(peer))
		return 0;
	access_describe(method->name, NULL, what, sizeof(what));
	user_name(peer->uid, name);
	return error_set(err, EPERM, "%s: only root may %s; you are uid %u (%s)", what,
			 method->access == RPC_LISTENS ? "see what guests send" :
							 "change the switch",
			 peer->uid, name);
}

/* Whoever is not root must not fill the log, nor keep out of it what root does. */
static void
log_stranger(const struct rpc_peer *peer, const char *what)
{
	static struct log_limit limit;
	char who[ACCESS_WHO_SIZE];

	log_limited(&limit, LOG_WARNING, "change: %s: %.200s: refused: only root may",
		    access_who(peer, who), what);
}

void
access_done(void *ctx, const struct rpc_peer *peer, const struct rpc_method *method,
	    const json_t *params, int ret, const struct error *err)
{
	char what[ACCESS_WHAT_SIZE], who[ACCESS_WHO_SIZE];
	const char *name;

	/* what has to be tried again was not refused, and the next try has its own line */
	if (method->access == RPC_READS || ret == -EAGAIN)
		return;
	access_describe(method->name, params, what, sizeof(what));
	if (ret == -EPERM && !is_root(peer)) {
		log_stranger(peer, what);
		return;
	}
	if (method->access == RPC_LISTENS) {
		log_line(LOG_INFO, "look: %s: %.200s", access_who(peer, who), what);
		return;
	}
	/* of what has only begun, the transaction tells */
	if (ret < 0 || method->finish == NULL)
		access_log_change(access_who(peer, who), what,
				  ret == 0            ? NULL :
				  err->msg[0] != '\0' ? err->msg :
							strerror(-ret));
	if (ret < 0)
		return;
	transaction_done(ctx, peer, method->name, params, what);
	if (method->finish != NULL)
		return;
	name = json_string_value(json_object_get(params, "name"));
	rpc_event_config(ctx, peer, who, name != NULL ? name : method->name, what, -1, NULL);
}
