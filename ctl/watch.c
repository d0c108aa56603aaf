/* SPDX-License-Identifier: BSD-3-Clause */
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "drops.h"
#include "error.h"
#include "health.h"

#define EVENT_MSEC 250  /* between two shows, whatever happens */
#define RETRY_MSEC 1000 /* without a connection */
#define LINES_DEFAULT 24

/* ECMA-48, and DEC's modes as all terminals have them */
#define CLEAR "\033[2J"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_BELOW "\033[J"
#define WRAP_OFF "\033[?7l"
#define WRAP_ON "\033[?7h"

struct watch {
	struct client *client;
	const struct request *request;
	double seconds;
	bool tty;
	bool follows; /* the connection is there, and tells of events */
	char *last;   /* what was shown last; NULL: nothing yet */
};

static volatile sig_atomic_t resized;

static void
on_resize(int number)
{
	(void)number;
	resized = 1;
}

static long long
now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

bool
watch_can(const struct request *request)
{
	return strcmp(request->command->verb, "show") == 0 ||
	       strcmp(request->command->verb, "sessions") == 0 || drops_can_watch(request) ||
	       request->command->run == health_run;
}

/* What the command prints. Return: free() it; or NULL with @err filled. */
static char *
capture(const struct watch *watch, struct error *err)
{
	FILE *const out = stdout;
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);
	int ret;

	if (memory == NULL) {
		error_set(err, errno, "%s", strerror(errno));
		return NULL;
	}
	stdout = memory;
	ret = watch->request->command->run(watch->client, watch->request, err);
	stdout = out;
	fclose(memory);
	if (ret >= 0)
		return text;
	free(text);
	return NULL;
}

/* With -j: one line. */
static void
print_json_line(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	if (json != NULL)
		json_dumpf(json, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
	putchar('\n');
	json_decref(json);
}

static void
time_text(char *ret_text, size_t size)
{
	const time_t now = time(NULL);
	struct tm tm;

	strftime(ret_text, size, "%Y-%m-%d %H:%M:%S", localtime_r(&now, &tm));
}

/* Over what is there, as much as fits. */
static void
draw(const struct watch *watch, const char *text)
{
	struct winsize window = { .ws_row = 0 };
	unsigned int rows;
	char when[32];

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0 || window.ws_row == 0)
		window.ws_row = LINES_DEFAULT;
	time_text(when, sizeof(when));
	printf("%s" HOME WRAP_OFF "%s  every %g s, and at events" CLEAR_LINE "\n" CLEAR_LINE,
	       watch->last == NULL ? CLEAR : "", when, watch->seconds);
	for (rows = 2; rows < window.ws_row && *text != '\0'; rows++) {
		const char *end = strchrnul(text, '\n');

		printf("\n%.*s" CLEAR_LINE, (int)(end - text), text);
		text = *end != '\0' ? end + 1 : end;
	}
	fputs("\r" WRAP_ON CLEAR_BELOW, stdout);
}

/* @text: taken over. */
static void
print(struct watch *watch, char *text)
{
	char when[32];

	if (watch->tty) {
		draw(watch, text);
	} else if (watch->last != NULL && strcmp(watch->last, text) == 0) {
		/* nothing new */
	} else if (watch->request->json) {
		print_json_line(text);
	} else {
		time_text(when, sizeof(when));
		printf("%s%s\n%s", watch->last != NULL ? "\n" : "", when, text);
	}
	free(watch->last);
	watch->last = text;
}

/*
 * Connect anew if need be; without events, if there are none to be had, the interval remains.
 * Return: 0, or -errno: the daemon is not there.
 */
static int
follow(struct watch *watch, struct error *err)
{
	struct error unused;
	json_t *result;

	if (watch->follows)
		return 0;
	if (watch->last != NULL && client_reopen(watch->client, err) < 0)
		return err->code;
	watch->follows =
		client_call(watch->client, "event.follow", json_object(), &result, &unused) == 0;
	json_decref(result);
	return 0;
}

static void
show(struct watch *watch)
{
	struct error err;
	char *text = follow(watch, &err) == 0 ? capture(watch, &err) : NULL;

	/* a program that reads JSON waits for the next one */
	if (text == NULL && (watch->request->json || asprintf(&text, "vsctl: %s\n", err.msg) < 0))
		return;
	print(watch, text);
}

/* Without events: until it is time, or to see whether the daemon is back. */
static int
wait_time(long long msec)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	msec = msec < RETRY_MSEC ? msec : RETRY_MSEC;
	return poll(&out, 1, (int)msec) > 0 && (out.revents & CLIENT_UNREAD) ? -EPIPE : 0;
}

/* Wait until it is time to show again. Return: 0, or -EPIPE: nobody reads. */
static int
wait_change(struct watch *watch)
{
	const long long shown = now_msec();
	long long end = shown + (long long)(watch->seconds * 1000), left;
	struct error err;
	json_t *event;
	int ret;

	while ((left = end - now_msec()) > 0) {
		if (!watch->follows)
			return wait_time(left);
		ret = client_next(watch->client, (int)left, &event, &err);
		if (ret == -EPIPE)
			return ret;
		if (ret == 0 && resized)
			return 0;
		if (ret > 0)
			json_decref(event);
		watch->follows = ret >= 0;
		if (ret != 0 && end > shown + EVENT_MSEC)
			end = shown + EVENT_MSEC;
	}
	return 0;
}

int
watch_run(struct client *client, const struct request *request, double seconds,
	  enum color_when color, struct error *err)
{
	struct watch watch = {
		.client = client,
		.request = request,
		.seconds = seconds,
		.tty = isatty(STDOUT_FILENO) && !request->json,
	};
	char *text;

	if (watch.tty)
		sigaction(SIGWINCH, &(struct sigaction){ .sa_handler = on_resize }, NULL);
	text = follow(&watch, err) == 0 ? capture(&watch, err) : NULL;
	if (text == NULL)
		return err->code;
	print(&watch, text);
	while (terminal_flush() == 0 && wait_change(&watch) == 0) {
		if (resized)
			terminal_init(color);
		resized = 0;
		show(&watch);
	}
	free(watch.last);
	return 0;
}
