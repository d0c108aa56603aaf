/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_file.h"
#include "capture_filter.h"
#include "capture_text.h"
#include "capture_words.h"
#include "client.h"
#include "command.h"
#include "error.h"
#include "interrupt.h"
#include "pcapng.h"

#define RECEIVE_SIZE (1u << 20) /* bytes; a block is never as long */
#define STATISTICS_FIXED 20     /* bytes of their block before its options */

struct totals {
	uint64_t matched;
	uint64_t missed;
	bool has_come;
};

/* A capture that goes on. */
struct run {
	struct client *client;
	const struct capture_words *words;
	struct capture_file *file; /* or */
	struct capture_text *text;
	uint8_t *data; /* received, from the beginning of a block on */
	size_t len;
	uint64_t taken;    /* packets that have come, and are to be written */
	uint64_t captured; /* of these, that were; known at the end */
	bool enough;       /* the daemon has been told */
	bool is_quiet;
	int failure; /* -errno; what comes from now on is only counted */
	struct totals totals;
};

static void
say_enough(struct run *run)
{
	if (run->enough)
		return;
	run->enough = true;
	client_enough(run->client);
}

/* What it is written to has failed: what has been missed is to be known all the same. */
static void
sink_failed(struct run *run, int failure)
{
	run->failure = failure;
	say_enough(run);
}

/* --- blocks --- */

static uint64_t
number_of(const void *block, uint16_t code)
{
	uint64_t number = 0;
	size_t len = 0;
	const void *value = pcapng_option(block, STATISTICS_FIXED, code, &len);

	if (value != NULL && len == sizeof(number))
		memcpy(&number, value, sizeof(number));
	return number;
}

/* Return: 0, or -errno of what it is written to. */
static int
block_put(struct run *run, const void *block, size_t len, struct error *err)
{
	struct pcapng_block head;

	memcpy(&head, block, sizeof(head));
	if (head.type == PCAPNG_PACKET) {
		if (run->words->count > 0 && run->taken == run->words->count)
			return 0;
		run->taken++;
	} else if (head.type == PCAPNG_SECTION) {
		/* from now on nothing escapes */
		if (!run->is_quiet)
			fprintf(stderr, "capturing; Ctrl-C ends it\n");
	} else if (head.type == PCAPNG_STATISTICS) {
		run->totals.matched = number_of(block, PCAPNG_ISB_FILTERACCEPT);
		run->totals.missed = number_of(block, PCAPNG_ISB_OSDROP);
		run->totals.has_come = true;
	}
	if (run->words->count > 0 && run->taken == run->words->count)
		say_enough(run);
	if (run->failure < 0)
		return 0;
	return run->file != NULL ? capture_file_put(run->file, block, len, err) :
				   capture_text_put(run->text, block, len, err);
}

/* Take the whole blocks out of what has come. */
static int
blocks_take(struct run *run, struct error *err)
{
	size_t start = 0, len;
	int ret;

	while ((len = pcapng_block_len(run->data + start, run->len - start)) != 0) {
		if (len == SIZE_MAX)
			return error_set(err, EPROTO, "vswitchd sent what is not pcapng");
		ret = block_put(run, run->data + start, len, err);
		if (ret < 0)
			sink_failed(run, ret);
		start += len;
	}
	run->len -= start;
	memmove(run->data, run->data + start, run->len);
	return 0;
}

/* Return: 1; 0: all has come; or -errno. */
static int
receive(struct run *run, struct error *err)
{
	const ssize_t n =
		client_receive(run->client, run->data + run->len, RECEIVE_SIZE - run->len);
	int ret;

	if (n == -EINTR)
		return 1;
	if (n < 0)
		return error_set(err, (int)-n, "vswitchd ended the capture: %s", strerror((int)-n));
	if (n == 0)
		return run->totals.has_come ?
			       0 :
			       error_set(err, ECONNRESET, "vswitchd ended the capture");
	run->len += (size_t)n;
	ret = blocks_take(run, err);
	if (ret < 0)
		return ret;
	/* who reads a file while it is written sees what there is */
	if (run->file != NULL && run->failure == 0 &&
	    (ret = capture_file_flush(run->file, err)) < 0)
		sink_failed(run, ret);
	return 1;
}

/* --- running --- */

/* Sleep until something happens. Return: 0 or -errno. */
static int
wait_for(struct run *run, struct pollfd fds[3])
{
	sigset_t before;
	int ret;

	if (interrupt_hold(&before))
		say_enough(run);
	ret = ppoll(fds, 3, NULL, &before) < 0 && errno != EINTR ? -errno : 0;
	interrupt_release(&before);
	return ret;
}

/* What can be printed now, and what to wait for until more can be. */
static void
print(struct run *run, struct pollfd fds[3], struct error *err)
{
	bool is_full = false;
	int ret;

	if (run->text == NULL)
		return;
	if (run->failure == 0 && (ret = capture_text_run(run->text, fds + 1, err)) < 0)
		sink_failed(run, ret);
	if (run->failure == 0) {
		capture_text_fds(run->text, fds + 1);
		is_full = capture_text_is_full(run->text);
	} else {
		fds[1].fd = fds[2].fd = -1;
	}
	fds[0].fd = is_full ? -1 : client_fd(run->client);
}

/* Until all has come. Return: 0; or -errno: it is not known what was missed. */
static int
follow(struct run *run, struct error *err)
{
	struct pollfd fds[3] = { { .fd = client_fd(run->client), .events = POLLIN },
				 { .fd = -1 },
				 { .fd = -1 } };
	int ret = 1;

	while (ret > 0) {
		/* some may have come behind the reply */
		if (fds[0].revents != 0 || client_buffered(run->client) > 0)
			ret = receive(run, err);
		if (ret < 0)
			break;
		print(run, fds, err);
		if (ret == 0)
			break;
		fds[0].revents = fds[1].revents = fds[2].revents = 0;
		ret = wait_for(run, fds);
		ret = ret == 0 ? 1 : error_set(err, -ret, "capture: poll: %s", strerror(-ret));
	}
	return ret;
}

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
totals_print(const struct run *run)
{
	if (run->totals.has_come)
		fprintf(stderr, "%llu packet%s captured, %llu matched, %llu missed by capture\n",
			(unsigned long long)run->captured, plural(run->captured),
			(unsigned long long)run->totals.matched,
			(unsigned long long)(run->totals.missed + run->taken - run->captured));
	else
		fprintf(stderr, "%llu packet%s captured; how many were missed is not known\n",
			(unsigned long long)run->captured, plural(run->captured));
}

static int
sink_open(struct run *run, struct error *err)
{
	const struct capture_words *words = run->words;

	if (words->file == NULL) {
		run->text = capture_text_open(words->print, 0, err);
		return run->text != NULL ? 0 : err->code;
	}
	if (strcmp(words->file, "-") == 0 && isatty(STDOUT_FILENO))
		return error_set(err, EINVAL,
				 "capture: stdout is a terminal: leave out -w -, or give a file");
	run->file = capture_file_open(words->file, words->size, words->files, err);
	return run->file != NULL ? 0 : err->code;
}

static int
sink_close(struct run *run, struct error *err)
{
	return run->file != NULL ? capture_file_close(run->file, &run->captured, err) :
				   capture_text_close(run->text, &run->captured, err);
}

/* @params: taken over. */
static int
run_params(struct client *client, const struct capture_words *words, json_t *params, bool is_quiet,
	   struct error *err)
{
	struct run run = { .client = client, .words = words, .is_quiet = is_quiet };
	struct error close_err;
	json_t *result = NULL;
	int ret, closed;

	run.data = malloc(RECEIVE_SIZE);
	if (run.data == NULL) {
		json_decref(params);
		return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
	}
	/* who may not capture, or not that, leaves no empty file */
	ret = client_call(client, "capture.start", params, &result, err);
	json_decref(result);
	if (ret == 0)
		ret = sink_open(&run, err);
	if (ret == 0) {
		interrupt_catch();
		ret = follow(&run, err);
		ret = run.failure < 0 ? run.failure : ret;
		closed = sink_close(&run, &close_err);
		if (ret == 0 && closed < 0) {
			*err = close_err;
			ret = closed;
		}
		if (!is_quiet)
			totals_print(&run);
	}
	free(run.data);
	/* who reads has had enough */
	return ret == -EPIPE ? 0 : ret;
}

int
capture_words_run(struct client *client, const struct capture_words *words, bool is_quiet,
		  struct error *err)
{
	json_t *program, *params;
	int ret;

	if (words->filter[0] == '\0')
		return run_params(client, words, json_incref(words->params), is_quiet, err);
	ret = capture_filter_compile(words->filter, &program, err);
	if (ret < 0)
		return ret;
	params = json_copy(words->params);
	json_object_set_new(params, "program", program);
	return run_params(client, words, params, is_quiet, err);
}

int
capture_run(struct client *client, const struct request *request, struct error *err)
{
	struct capture_words words;
	int ret;

	if (request->json)
		return error_set(err, ENOEXEC,
				 "capture: no -j; as JSON: vsctl capture ... -w - | tshark -r - -T "
				 "json");
	ret = capture_words_read(request->argc, request->argv, &words, err);
	if (ret < 0)
		return ret;
	ret = capture_words_run(client, &words, false, err);
	capture_words_free(&words);
	return ret;
}
