/* SPDX-License-Identifier: BSD-3-Clause */
#include "dnsmasq.h"

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
#define RIGHTS "-all,+net_admin,+net_bind_service" /* the first dnsmasq insists on */
#define END_MSEC 1000                              /* how long it may take to end */

struct dnsmasq {
	struct event_base *base;
	char *config;
	dnsmasq_prepare_fn prepare;
	void *arg;
	char program[PATH_MAX], setpriv[PATH_MAX];
	char user[32], group[16];
	uid_t uid;
	pid_t pid;            /* 0: none */
	bool restart;         /* it has been told to end, and is to be started again */
	struct event *child;  /* SIGCHLD */
	struct event *timer;  /* start again */
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
say_line(struct dnsmasq *dnsmasq)
{
	dnsmasq->line[dnsmasq->len] = '\0';
	for (char *c = dnsmasq->line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
	if (dnsmasq->len > 0) {
		memcpy(dnsmasq->last, dnsmasq->line, dnsmasq->len + 1);
		log_limited(&dnsmasq->log_limit, LOG_INFO, "%s", dnsmasq->line);
	}
	dnsmasq->len = 0;
}

static void
close_output(struct dnsmasq *dnsmasq)
{
	if (dnsmasq->output == NULL)
		return;
	event_free(dnsmasq->output);
	dnsmasq->output = NULL;
	close(dnsmasq->fd);
	say_line(dnsmasq);
}

static void
on_output(evutil_socket_t fd, short what, void *arg)
{
	struct dnsmasq *dnsmasq = arg;
	char bytes[1024];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	(void)what;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close_output(dnsmasq);
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (bytes[i] == '\n' || dnsmasq->len == LINE_SIZE - 1)
			say_line(dnsmasq);
		if (bytes[i] != '\n')
			dnsmasq->line[dnsmasq->len++] = bytes[i];
	}
}

/* --- starting --- */

/* Start it with @out for all that it says. Return: 0 or -errno. */
static int
spawn(struct dnsmasq *dnsmasq, int out)
{
	char inheritable[] = "--inh-caps=" RIGHTS, ambient[] = "--ambient-caps=" RIGHTS,
	     bounding[] = "--bounding-set=" RIGHTS, none[] = "--no-new-privs",
	     death[] = "--pdeathsig=TERM", clear[] = "--clear-groups", end[] = "--",
	     keep[] = "--keep-in-foreground", user[64], group[64], config[PATH_MAX + 16];
	char *argv[] = { dnsmasq->setpriv, user,     group,  clear, inheritable,
			 ambient,          bounding, none,   death, end,
			 dnsmasq->program, keep,     config, NULL };
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", lang[] = "LC_ALL=C";
	char *env[] = { path, lang, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attrs;
	sigset_t all, no_signals;
	int ret;

	snprintf(user, sizeof(user), "--reuid=%s", dnsmasq->user);
	snprintf(group, sizeof(group), "--regid=%s", dnsmasq->group);
	snprintf(config, sizeof(config), "--conf-file=%s", dnsmasq->config);
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
	ret = posix_spawn(&dnsmasq->pid, dnsmasq->setpriv, &files, &attrs, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attrs);
	if (ret != 0)
		dnsmasq->pid = 0;
	return -ret;
}

static int
start(struct dnsmasq *dnsmasq)
{
	int fds[2], ret = dnsmasq->prepare(dnsmasq->arg);

	if (ret < 0)
		return ret;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	close_output(dnsmasq);
	dnsmasq->fd = fds[0];
	dnsmasq->output =
		event_new(dnsmasq->base, fds[0], EV_READ | EV_PERSIST, on_output, dnsmasq);
	if (dnsmasq->output == NULL || event_add(dnsmasq->output, NULL) < 0) {
		if (dnsmasq->output == NULL)
			close(fds[0]);
		close(fds[1]);
		close_output(dnsmasq);
		return -ENOMEM;
	}
	dnsmasq->started = now_msec();
	ret = spawn(dnsmasq, fds[1]);
	close(fds[1]);
	return ret;
}

/* Try again after a while, which gets longer. */
static void
start_later(struct dnsmasq *dnsmasq)
{
	const struct timeval delay = { .tv_sec = dnsmasq->delay / 1000,
				       .tv_usec = dnsmasq->delay % 1000 * 1000 };

	log_line(LOG_WARNING, "network: %s; it is started again in %u.%u s", dnsmasq->reason,
		 dnsmasq->delay / 1000, dnsmasq->delay % 1000 / 100);
	event_add(dnsmasq->timer, &delay);
	dnsmasq->delay = dnsmasq->delay * 2 < DNSMASQ_DELAY_MSEC_MAX ? dnsmasq->delay * 2 :
								       DNSMASQ_DELAY_MSEC_MAX;
}

static void
start_or_later(struct dnsmasq *dnsmasq)
{
	int ret;

	event_del(dnsmasq->timer);
	ret = start(dnsmasq);
	if (ret == 0) {
		dnsmasq->reason[0] = '\0';
		return;
	}
	snprintf(dnsmasq->reason, sizeof(dnsmasq->reason), "dnsmasq does not start: %s",
		 strerror(-ret));
	start_later(dnsmasq);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start_or_later(arg);
}

/* --- ending --- */

static void
ended(struct dnsmasq *dnsmasq, int status)
{
	if (dnsmasq->output != NULL)
		on_output(dnsmasq->fd, 0, dnsmasq); /* its last words */
	dnsmasq->pid = 0;
	/* one that does not handle SIGHUP yet dies of it */
	if (dnsmasq->restart || (WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP)) {
		dnsmasq->restart = false;
		start_or_later(dnsmasq);
		return;
	}
	if (now_msec() - dnsmasq->started >= DNSMASQ_CALM_SEC * 1000)
		dnsmasq->delay = DNSMASQ_DELAY_MSEC;
	if (WIFSIGNALED(status))
		snprintf(dnsmasq->reason, sizeof(dnsmasq->reason), "dnsmasq was ended: %s",
			 strsignal(WTERMSIG(status)));
	else
		snprintf(dnsmasq->reason, sizeof(dnsmasq->reason),
			 "dnsmasq has ended with status %d: %s", WEXITSTATUS(status),
			 dnsmasq->last);
	start_later(dnsmasq);
}

static void
on_child(evutil_socket_t fd, short what, void *arg)
{
	struct dnsmasq *dnsmasq = arg;
	int status;

	(void)fd;
	(void)what;
	if (dnsmasq->pid > 0 && waitpid(dnsmasq->pid, &status, WNOHANG) == dnsmasq->pid)
		ended(dnsmasq, status);
}

/* End it and wait. */
static void
stop(struct dnsmasq *dnsmasq)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	int status;

	if (dnsmasq->pid == 0)
		return;
	kill(dnsmasq->pid, SIGTERM);
	for (int i = 0; i < END_MSEC; i++) {
		if (waitpid(dnsmasq->pid, &status, WNOHANG) != 0)
			goto out;
		nanosleep(&nap, NULL);
	}
	kill(dnsmasq->pid, SIGKILL);
	waitpid(dnsmasq->pid, &status, 0);
out:
	dnsmasq->pid = 0;
}

/* --- the whole --- */

static void
find_user(struct dnsmasq *dnsmasq)
{
	const struct passwd *user = getpwnam("dnsmasq");

	if (user == NULL)
		user = getpwnam("nobody");
	dnsmasq->uid = user != NULL ? user->pw_uid : 65534;
	snprintf(dnsmasq->user, sizeof(dnsmasq->user), "%u", (unsigned int)dnsmasq->uid);
	snprintf(dnsmasq->group, sizeof(dnsmasq->group), "%u",
		 user != NULL ? (unsigned int)user->pw_gid : 65534);
}

struct dnsmasq *
dnsmasq_create(struct event_base *base, const char *config, dnsmasq_prepare_fn prepare, void *arg,
	       struct error *err)
{
	struct dnsmasq *dnsmasq = calloc(1, sizeof(*dnsmasq));

	if (dnsmasq == NULL)
		goto no_memory;
	dnsmasq->base = base;
	dnsmasq->prepare = prepare;
	dnsmasq->arg = arg;
	dnsmasq->delay = DNSMASQ_DELAY_MSEC;
	snprintf(dnsmasq->reason, sizeof(dnsmasq->reason), "dnsmasq is not started yet");
	if (!find_program("dnsmasq", dnsmasq->program)) {
		error_set(err, ENOENT,
			  "dnsmasq is not installed; \"apt-get install dnsmasq-base\"");
		goto err;
	}
	if (!find_program("setpriv", dnsmasq->setpriv)) {
		error_set(err, ENOENT, "setpriv is not installed; \"apt-get install util-linux\"");
		goto err;
	}
	find_user(dnsmasq);
	dnsmasq->config = strdup(config);
	dnsmasq->child = evsignal_new(base, SIGCHLD, on_child, dnsmasq);
	dnsmasq->timer = evtimer_new(base, on_timer, dnsmasq);
	if (dnsmasq->config != NULL && dnsmasq->timer != NULL && dnsmasq->child != NULL &&
	    event_add(dnsmasq->child, NULL) == 0)
		return dnsmasq;
no_memory:
	error_set(err, ENOMEM, "no memory for dnsmasq");
err:
	dnsmasq_destroy(dnsmasq);
	return NULL;
}

void
dnsmasq_destroy(struct dnsmasq *dnsmasq)
{
	if (dnsmasq == NULL)
		return;
	stop(dnsmasq);
	close_output(dnsmasq);
	if (dnsmasq->child != NULL)
		event_free(dnsmasq->child);
	if (dnsmasq->timer != NULL)
		event_free(dnsmasq->timer);
	free(dnsmasq->config);
	free(dnsmasq);
}

void
dnsmasq_restart(struct dnsmasq *dnsmasq)
{
	if (dnsmasq->pid == 0) {
		start_or_later(dnsmasq);
	} else if (!dnsmasq->restart) {
		dnsmasq->restart = true;
		kill(dnsmasq->pid, SIGTERM);
	}
}

void
dnsmasq_reload(struct dnsmasq *dnsmasq)
{
	if (dnsmasq->pid > 0 && !dnsmasq->restart)
		kill(dnsmasq->pid, SIGHUP);
}

pid_t
dnsmasq_pid(const struct dnsmasq *dnsmasq)
{
	return dnsmasq->pid;
}

const char *
dnsmasq_reason(const struct dnsmasq *dnsmasq)
{
	return dnsmasq->reason;
}

uid_t
dnsmasq_user(const struct dnsmasq *dnsmasq)
{
	return dnsmasq->uid;
}
