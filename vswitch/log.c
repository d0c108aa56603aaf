/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"

static enum log_target log_target;

void
log_open(enum log_target target)
{
	log_target = target;
	if (target == LOG_TO_SYSLOG)
		openlog("vswitchd", LOG_PID, LOG_DAEMON);
}

static void
log_write(int priority, const char *fmt, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, args);
	if (log_target == LOG_TO_SYSLOG)
		syslog(priority, "%s", line);
	else if (log_target == LOG_TO_STDERR_ERRORS && priority > LOG_ERR)
		return;
	else if (getenv("JOURNAL_STREAM") != NULL)
		fprintf(stderr, "<%d>%s\n", priority, line);
	else
		fprintf(stderr, "%s\n", line);
}

void
log_line(int priority, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_write(priority, fmt, args);
	va_end(args);
}

void
log_limited(struct log_limit *limit, int priority, const char *fmt, ...)
{
	struct timespec now;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	if ((uint32_t)now.tv_sec - limit->since >= LOG_LIMIT_SEC) {
		if (limit->lost > 0)
			log_line(priority, "(%u similar lines left out)", limit->lost);
		*limit = (struct log_limit){ .since = now.tv_sec };
	}
	if (limit->lines++ >= LOG_LIMIT_BURST) {
		limit->lost++;
		return;
	}
	va_start(args, fmt);
	log_write(priority, fmt, args);
	va_end(args);
}
