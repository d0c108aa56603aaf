/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon.h"
#include "error.h"
#include "log.h"
#include "sd_notify.h"

static int pid_fd = -1;
static int ready_fd = -1;

int
daemon_lock(const char *run_dir, struct error *err)
{
	char path[PATH_MAX], pid[32] = "?";
	ssize_t n;

	/* whatever the umask is: dnsmasq's files lie in there, and it is another user */
	if (mkdir(run_dir, 0755) == 0 ? chmod(run_dir, 0755) < 0 : errno != EEXIST)
		return error_set(err, errno, "run directory %s: %s", run_dir, strerror(errno));
	snprintf(path, sizeof(path), "%s/vswitchd.pid", run_dir);
	pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (pid_fd < 0)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	if (flock(pid_fd, LOCK_EX | LOCK_NB) == 0) /* the pid in it is of one that is gone */
		return ftruncate(pid_fd, 0) < 0 ?
			       error_set(err, errno, "%s: %s", path, strerror(errno)) :
			       0;
	if (errno != EWOULDBLOCK)
		return error_set(err, errno, "%s: %s", path, strerror(errno));
	n = read(pid_fd, pid, sizeof(pid) - 1);
	if (n > 0)
		pid[strcspn(pid, "\n")] = '\0';
	close(pid_fd);
	return error_set(err, EALREADY,
			 "vswitchd runs already on %s (pid %s); stop it, or use another --run-dir",
			 run_dir, pid);
}

int
daemon_write_pid(void)
{
	if (ftruncate(pid_fd, 0) < 0 || dprintf(pid_fd, "%d\n", getpid()) < 0)
		return -errno;
	return 0;
}

void
daemon_clear_pid(void)
{
	if (ftruncate(pid_fd, 0) < 0)
		log_line(LOG_WARNING, "pid file: %s", strerror(errno));
}

int
daemon_detach(struct error *err)
{
	int fds[2], null;
	char byte;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return error_set(err, errno, "cannot go to the background: %s", strerror(errno));
	switch (fork()) {
	case -1:
		return error_set(err, errno, "cannot go to the background: %s", strerror(errno));
	case 0:
		break;
	default:
		close(fds[1]);
		/* the child holds the lock and the log from here on: end without cleaning up */
		_exit(read(fds[0], &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(fds[0]);
	ready_fd = fds[1];
	setsid();
	if (chdir("/") < 0)
		return error_set(err, errno, "/: %s", strerror(errno));
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return error_set(err, errno, "/dev/null: %s", strerror(errno));
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
	return 0;
}

void
daemon_ready(void)
{
	sd_notify("READY=1");
	if (ready_fd < 0)
		return;
	if (write(ready_fd, "1", 1) == 1)
		dup2(STDOUT_FILENO, STDERR_FILENO); /* errors up to here went to who started us */
	close(ready_fd);
	ready_fd = -1;
}
