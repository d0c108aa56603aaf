/* SPDX-License-Identifier: BSD-3-Clause */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>

#include "error.h"
#include "log.h"

#define LINE_SIZE 256
#define RIGHTS_SIZE 128
#define END_MSEC 1000 /* how long it may take to end */

struct child {
	LIST_ENTRY(child) list;
	struct children *siblings;
	struct child_config config;
	char *args[CHILD_ARGS_MAX + 1];
	char program[PATH_MAX], setpriv[PATH_MAX];
	char user[32], group[16];
	uid_t uid;
	pid_t pid;            /* 0: none */
	bool restart;         /* it has been told to end, and is to be started again */
	bool leaving;         /* the same, and its owner does not know it any more */
	bool waits;           /* for another that is leaving, to start */
	struct event *timer;  /* start again; of one that is to end: kill it */
	struct event *output; /* what it says; NULL: nothing is open */
	int fd;               /* the same */
	unsigned int delay;   /* msec, for the next time */
	uint64_t started;     /* msec */
	char line[LINE_SIZE]; /* that is being read */
	size_t len;
	char last[LINE_SIZE]; /* that it has said */
	char reason[LINE_SIZE + 64];
	struct log_limit log_limit;
};

static uint64_t
now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool
find_program(const char *name, char path[PATH_MAX])
{
	static const char *const folders[] = { "/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin",
					       "/bin" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, PATH_MAX, "%s/%s", folders[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* --- what it says --- */

static void
say_line(struct child *child)
{
	child->line[child->len] = '\0';
	for (char *c = child->line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	if (child->len > 0) {
		memcpy(child->last, child->line, child->len + 1);
		log_limited(&child->log_limit, LOG_INFO, "%s", child->line);
	}
	child->len = 0;
}

static void
close_output(struct child *child)
{
	if (child->output == NULL)
		return;
	event_free(child->output);
	child->output = NULL;
	close(child->fd);
	say_line(child);
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;
	char bytes[1024];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)what;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close_output(child);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n' || child->len == LINE_SIZE - 1)
			say_line(child);
		if (bytes[i] != '\n')
			child->line[child->len++] = bytes[i];
	}
}

/* --- starting --- */

/* Start it with @out for all that it says. Return: 0 or -errno. */
static int
spawn(struct child *child, int out)
{
	char inheritable[RIGHTS_SIZE], ambient[RIGHTS_SIZE], bounding[RIGHTS_SIZE], user[64],
		group[64], none[] = "--no-new-privs", death[] = "--pdeathsig=TERM",
			   clear[] = "--clear-groups", end[] = "--";
	char *argv[11 + CHILD_ARGS_MAX + 1] = { child->setpriv, user,    group,         clear,
						inheritable,    ambient, bounding,      none,
						death,          end,     child->program };
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C";
	char *env[] = { path, lang, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attrs;
	sigset_t all, no_signals;
	int ret;

	snprintf(inheritable, sizeof(inheritable), "--inh-caps=%s", child->config.rights);
	snprintf(ambient, sizeof(ambient), "--ambient-caps=%s", child->config.rights);
	snprintf(bounding, sizeof(bounding), "--bounding-set=%s", child->config.rights);
	snprintf(user, sizeof(user), "--reuid=%s", child->user);
	snprintf(group, sizeof(group), "--regid=%s", child->group);
	for (unsigned int i = 0; child->args[i] != NULL; i++)
		argv[11 + i] = child->args[i];
	sigfillset(&all);
	sigemptyset(&no_signals);
	posix_spawnattr_init(&attrs);
	posix_spawnattr_setflags(&attrs, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
						 POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigdefault(&attrs, &all);
	posix_spawnattr_setsigmask(&attrs, &no_signals);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
	posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	/* as vfork() does: packet buffers are not to be copied on write meanwhile */
	ret = posix_spawn(&child->pid, child->setpriv, &files, &attrs, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attrs);
	if (ret != 0)
		child->pid = 0;
	return -ret;
}

static int
start(struct child *child)
{
	int fds[2],
		ret = child->config.prepare != NULL ? child->config.prepare(child->config.arg) : 0;

	if (ret < 0)
		return ret;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	close_output(child);
	child->fd = fds[0];
	child->output =
		event_new(child->siblings->base, fds[0], EV_READ | EV_PERSIST, on_output, child);
	if (child->output == NULL || event_add(child->output, NULL) < 0) {
		if (child->output == NULL)
			close(fds[0]);
		close(fds[1]);
		close_output(child);
		return -ENOMEM;
	}
	child->started = now_msec();
	ret = spawn(child, fds[1]);
	close(fds[1]);
	return ret;
}

/* Try again after a while, which gets longer. */
static void
start_later(struct child *child)
{
	const struct timeval delay = { .tv_sec = child->delay / 1000,
				       .tv_usec = child->delay % 1000 * 1000 };

	log_line(LOG_WARNING, "%s: %s; it is started again in %u.%u s", child->config.area,
		 child->reason, child->delay / 1000, child->delay % 1000 / 100);
	event_add(child->timer, &delay);
	child->delay =
		child->delay * 2 < CHILD_DELAY_MSEC_MAX ? child->delay * 2 : CHILD_DELAY_MSEC_MAX;
}

/* Two of a kind would want the same ports and files. */
static bool
is_another_leaving(const struct child *child)
{
	const struct child *other;

	LIST_FOREACH(other, &child->siblings->list, list)
		if (other->leaving && strcmp(other->config.name, child->config.name) == 0)
			return true;
	return false;
}

static void
start_or_later(struct child *child)
{
	int ret;

	event_del(child->timer);
	child->waits = is_another_leaving(child);
	if (child->waits)
		return;
	ret = start(child);
	if (ret == 0) {
		child->reason[0] = '\0';
		return;
	}
	snprintf(child->reason, sizeof(child->reason), "%s does not start: %s", child->config.name,
		 strerror(-ret));
	start_later(child);
}

/* --- ending --- */

static void
child_free(struct child *child)
{
	LIST_REMOVE(child, list);
	close_output(child);
	if (child->timer != NULL)
		event_free(child->timer);
	for (unsigned int i = 0; child->args[i] != NULL; i++)
		free(child->args[i]);
	free(child);
}

/* The last words have been said. */
static void
left(struct child *child)
{
	struct children *children = child->siblings;

	child_free(child);
	LIST_FOREACH(child, &children->list, list)
		if (child->waits)
			start_or_later(child);
}

static void
ended(struct child *child, int status)
{
	if (child->output != NULL)
		on_output(child->fd, 0, child); /* its last words */
	child->pid = 0;
	if (child->leaving) {
		left(child);
		return;
	}
	/* one that does not handle SIGHUP yet dies of it */
	if (child->restart || (WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP)) {
		child->restart = false;
		start_or_later(child);
		return;
	}
	if (now_msec() - child->started >= CHILD_CALM_SEC * 1000)
		child->delay = CHILD_DELAY_MSEC;
	if (WIFSIGNALED(status))
		snprintf(child->reason, sizeof(child->reason), "%s was ended: %s",
			 child->config.name, strsignal(WTERMSIG(status)));
	else
		snprintf(child->reason, sizeof(child->reason), "%s has ended with status %d: %s",
			 child->config.name, WEXITSTATUS(status), child->last);
	start_later(child);
}

static void
on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct children *children = arg;
	struct child *child, *next;
	int status;

	(void)fd;
	(void)what;
	for (child = LIST_FIRST(&children->list); child != NULL; child = next) {
		next = LIST_NEXT(child, list);
		if (child->pid > 0 && waitpid(child->pid, &status, WNOHANG) == child->pid)
			ended(child, status);
	}
}

/* Tell it to end. It has a while for that. */
static void
stop(struct child *child)
{
	static const struct timeval patience = { .tv_sec = END_MSEC / 1000 };

	kill(child->pid, SIGTERM);
	event_add(child->timer, &patience);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct child *child = arg;

	(void)fd;
	(void)what;
	if (child->pid == 0) {
		start_or_later(child);
		return;
	}
	log_line(LOG_WARNING, "%s: %s does not end, and is killed", child->config.area,
		 child->config.name);
	kill(child->pid, SIGKILL);
}

/* --- the whole --- */

static void
find_user(struct child *child)
{
	const struct passwd *user = getpwnam(child->config.user);

	if (user == NULL)
		user = getpwnam("nobody");
	child->uid = user != NULL ? user->pw_uid : 65534;
	snprintf(child->user, sizeof(child->user), "%u", (unsigned int)child->uid);
	snprintf(child->group, sizeof(child->group), "%u",
		 user != NULL ? (unsigned int)user->pw_gid : 65534);
}

static bool
copy_args(struct child *child, const char *const *args)
{
	for (unsigned int i = 0; i < CHILD_ARGS_MAX && args[i] != NULL; i++) {
		child->args[i] = strdup(args[i]);
		if (child->args[i] == NULL)
			return false;
	}
	return true;
}

void
children_init(struct children *children, struct event_base *base)
{
	children->base = base;
	children->signal = NULL;
	LIST_INIT(&children->list);
}

void
children_end(struct children *children)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	struct child *child, *next;
	int status;

	for (child = LIST_FIRST(&children->list); child != NULL; child = next) {
		next = LIST_NEXT(child, list);
		if (!child->leaving)
			child_destroy(child);
	}
	/* all at the same time */
	for (int i = 0; i <= END_MSEC && !LIST_EMPTY(&children->list); i++) {
		for (child = LIST_FIRST(&children->list); child != NULL; child = next) {
			next = LIST_NEXT(child, list);
			if (i == END_MSEC)
				kill(child->pid, SIGKILL);
			if (waitpid(child->pid, &status, i < END_MSEC ? WNOHANG : 0) != 0)
				child_free(child);
		}
		nanosleep(&nap, NULL);
	}
	if (children->signal != NULL)
		event_free(children->signal);
	children->signal = NULL;
}

/* From the first child on. */
static int
signal_watch(struct children *children)
{
	if (children->signal != NULL)
		return 0;
	children->signal = evsignal_new(children->base, SIGCHLD, on_signal, children);
	if (children->signal != NULL && event_add(children->signal, NULL) == 0)
		return 0;
	if (children->signal != NULL)
		event_free(children->signal);
	children->signal = NULL;
	return -ENOMEM;
}

struct child *
child_create(struct children *children, const struct child_config *config, struct error *err)
{
	struct child *child = calloc(1, sizeof(*child));

	if (child == NULL)
		goto no_memory;
	child->siblings = children;
	LIST_INSERT_HEAD(&children->list, child, list);
	child->config = *config;
	child->delay = CHILD_DELAY_MSEC;
	snprintf(child->reason, sizeof(child->reason), "%s is not started yet", config->name);
	if (!find_program(config->name, child->program)) {
		error_set(err, ENOENT, "%s is not installed; \"apt-get install %s\"", config->name,
			  config->package);
		goto err;
	}
	if (!find_program("setpriv", child->setpriv)) {
		error_set(err, ENOENT, "setpriv is not installed; \"apt-get install util-linux\"");
		goto err;
	}
	find_user(child);
	child->timer = evtimer_new(children->base, on_timer, child);
	if (copy_args(child, config->args) && child->timer != NULL && signal_watch(children) == 0)
		return child;
no_memory:
	error_set(err, ENOMEM, "no memory for %s", config->name);
err:
	child_destroy(child);
	return NULL;
}

void
child_destroy(struct child *child)
{
	if (child == NULL)
		return;
	child->leaving = true;
	if (child->pid == 0)
		child_free(child);
	else if (!child->restart)
		stop(child);
}

void
child_restart(struct child *child)
{
	if (child->pid == 0) {
		start_or_later(child);
	} else if (!child->restart) {
		child->restart = true;
		stop(child);
	}
}

void
child_reload(struct child *child)
{
	if (child->pid > 0 && !child->restart)
		kill(child->pid, SIGHUP);
}

pid_t
child_pid(const struct child *child)
{
	return child->pid;
}

const char *
child_reason(const struct child *child)
{
	return child->reason;
}

uid_t
child_user(const struct child *child)
{
	return child->uid;
}
