/* SPDX-License-Identifier: BSD-3-Clause */
#include "interrupt.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_SEC 1

static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

static volatile sig_atomic_t interrupted;
static sigset_t caught;

static void
on_signal(int number)
{
	(void)number;
	interrupted = 1;
	/* the second time it is meant: nothing of what is left is waited for */
	for (size_t i = 0; i < N_NUMBERS; i++)
		signal(numbers[i], SIG_DFL);
}

void
interrupt_catch(void)
{
	/* no SA_RESTART: a write to a terminal may sleep though poll() has let it */
	static const struct sigaction action = { .sa_handler = on_signal };

	sigemptyset(&caught);
	for (size_t i = 0; i < N_NUMBERS; i++) {
		sigaddset(&caught, numbers[i]);
		sigaction(numbers[i], &action, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

bool
interrupt_hold(sigset_t *ret_before)
{
	sigprocmask(SIG_BLOCK, &caught, ret_before);
	return interrupted != 0;
}

void
interrupt_release(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

/* Until there is room. Return: as interrupt_write(). */
static int
room_wait(int fd)
{
	const struct timespec patience = { .tv_sec = PATIENCE_SEC };
	struct pollfd out = { .fd = fd, .events = POLLOUT };
	sigset_t before;
	int n;

	do {
		n = ppoll(&out, 1, interrupt_hold(&before) ? &patience : NULL, &before);
		n = n < 0 ? -errno : n;
		interrupt_release(&before);
	} while (n == -EINTR);
	return n > 0 ? 0 : n < 0 ? n : -ETIMEDOUT;
}

int
interrupt_write(int fd, const void *bytes, size_t len, size_t *ret_written)
{
	struct stat stat;
	const bool waits = fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode);
	/* as much as a pipe that has room takes at once: pipe(7) */
	const size_t most = waits ? PIPE_BUF : SIZE_MAX;
	int ret;
	ssize_t n;

	*ret_written = 0;
	while (*ret_written < len) {
		const size_t left = len - *ret_written;

		ret = waits ? room_wait(fd) : 0;
		if (ret < 0)
			return ret;
		n = write(fd, (const char *)bytes + *ret_written, left < most ? left : most);
		if (n >= 0)
			*ret_written += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
	return 0;
}
