/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture_text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "interrupt.h"
#include "pcapng.h"

#define FULL (4u << 20) /* bytes that wait for the program */
#define NAME_SIZE 64
#define REASON_SIZE 64
#define LINE_SIZE 65536
#define OPTIONS_MAX 24
#define NSEC 1000000000u
#define HEADER_LEN 14 /* of Ethernet */
#define CLOCK_SIZE 24
#define INDENT 4 /* of what has no room in a line */

/* What a line is to say besides: of the packets that wait to be printed. */
struct label {
	STAILQ_ENTRY(label) list;
	uint32_t interface;
	uint32_t direction;
	char clock[CLOCK_SIZE]; /* its time as tcpdump prints it, with the blank behind it */
	char reason[REASON_SIZE];
};
STAILQ_HEAD(label_list, label);

struct capture_text {
	pid_t pid; /* 0: we print by ourselves */
	bool is_tcpdump;
	int width; /* of lines; 0: any */
	int to, from;
	char (*names)[NAME_SIZE]; /* of interfaces, in their order */
	uint32_t n_names;
	struct label_list labels;
	char *waiting; /* blocks for the program */
	size_t start, end, size;
	char line[LINE_SIZE]; /* what the program has printed, up to the end of a line */
	size_t line_len;
	FILE *out;        /* stdout, by interrupt_write() */
	int failure;      /* -errno of that; nothing is written any more */
	uint64_t printed; /* packets, to out */
	uint64_t arrived; /* of these, where stdout leads to */
};

/* --- stdout --- */

static ssize_t
out_write(void *cookie, const char *bytes, size_t size)
{
	struct capture_text *text = cookie;
	size_t written;

	if (text->failure == 0)
		text->failure = interrupt_write(STDOUT_FILENO, bytes, size, &written);
	return text->failure == 0 ? (ssize_t)size : 0;
}

static int
out_open(struct capture_text *text, struct error *err)
{
	text->out = fopencookie(text, "w", (cookie_io_functions_t){ .write = out_write });
	return text->out != NULL ? 0 : error_set(err, ENOMEM, "%s", strerror(ENOMEM));
}

/* Return: 0; -EPIPE: nobody reads any more; or another -errno. */
static int
out_flush(struct capture_text *text, struct error *err)
{
	fflush(text->out);
	if (text->failure == 0)
		text->arrived = text->printed;
	else if (text->failure == -ETIMEDOUT)
		error_set(err, ETIMEDOUT, "capture: nobody reads what is printed");
	else
		error_set(err, -text->failure, "capture: stdout: %s", strerror(-text->failure));
	return text->failure;
}

/* --- the program --- */

/* In the child: be tcpdump, or tshark. */
static void
become_program(const char *const *options)
{
	const char *argv[OPTIONS_MAX] = { "tcpdump", "-n", "-l", "-r", "-" };
	unsigned int n = 5;

	while (*options != NULL && n < OPTIONS_MAX - 1)
		argv[n++] = *options++;
	argv[n] = NULL;
	/* execvp() changes no words, but says so in no prototype */
	execvp("tcpdump", (char *const *)(uintptr_t)argv);
	execlp("tshark", "tshark", "-n", "-l", "-r", "-", (char *)NULL);
	_exit(127);
}

static bool
is_executable(const char *name)
{
	const char *path = getenv("PATH");
	char file[512];
	size_t len;

	for (; path != NULL && *path != '\0'; path += len + (path[len] == ':')) {
		len = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, name);
		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static void
run_program(int in, int out, const char *const *options)
{
	const int null = open("/dev/null", O_WRONLY);

	setpgid(0, 0);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	/* which file it reads from, and how many there were: we know better */
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	become_program(options);
}

static int
start_program(struct capture_text *text, const char *const *options, struct error *err)
{
	int to[2], from[2], ret;

	if (pipe2(to, O_CLOEXEC) < 0)
		return error_set(err, errno, "capture: pipe: %s", strerror(errno));
	if (pipe2(from, O_CLOEXEC) < 0) {
		ret = error_set(err, errno, "capture: pipe: %s", strerror(errno));
		close(to[0]);
		close(to[1]);
		return ret;
	}
	text->pid = fork();
	if (text->pid == 0)
		run_program(to[0], from[1], options);
	ret = text->pid < 0 ? error_set(err, errno, "capture: fork: %s", strerror(errno)) : 0;
	close(to[0]);
	close(from[1]);
	if (ret < 0) {
		close(to[1]);
		close(from[0]);
		return ret;
	}
	text->to = to[1];
	text->from = from[0];
	fcntl(text->to, F_SETFL, O_NONBLOCK);
	return 0;
}

struct capture_text *
capture_text_open(const char *const *options, int width, struct error *err)
{
	struct capture_text *text = calloc(1, sizeof(*text));

	if (text == NULL) {
		error_set(err, ENOMEM, "%s", strerror(ENOMEM));
		return NULL;
	}
	text->width = width;
	text->to = text->from = -1;
	STAILQ_INIT(&text->labels);
	text->is_tcpdump = is_executable("tcpdump");
	if (out_open(text, err) == 0 && ((!text->is_tcpdump && !is_executable("tshark")) ||
					 start_program(text, options, err) == 0))
		return text;
	if (text->out != NULL)
		fclose(text->out);
	free(text);
	return NULL;
}

/* --- labels --- */

static const char *
name_of(const struct capture_text *text, uint32_t interface)
{
	return interface < text->n_names ? text->names[interface] : "?";
}

static const char *
way_of(uint32_t direction)
{
	return direction == PCAPNG_IN ? "in " : direction == PCAPNG_OUT ? "out" : "-  ";
}

/* Text of an option, printable, and cut if it is longer. */
static void
option_text(const void *block, size_t fixed, uint16_t code, char *ret_text, size_t size)
{
	size_t len = 0, i;
	const char *value = pcapng_option(block, fixed, code, &len);

	for (i = 0; value != NULL && i < len && i + 1 < size; i++)
		ret_text[i] = isprint((unsigned char)value[i]) ? value[i] : '?';
	ret_text[i] = '\0';
}

static int
interface_add(struct capture_text *text, const void *block, struct error *err)
{
	void *names = realloc(text->names, (text->n_names + 1) * sizeof(text->names[0]));

	if (names == NULL)
		return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
	text->names = names;
	option_text(block, 16, PCAPNG_IF_NAME, text->names[text->n_names++], NAME_SIZE);
	return 0;
}

static void
clock_make(const struct pcapng_packet_head *head, char ret_clock[CLOCK_SIZE])
{
	const uint64_t nsec = (uint64_t)head->time_high << 32 | head->time_low;
	const time_t seconds = (time_t)(nsec / NSEC);
	char text[12] = "?";
	struct tm tm;

	if (localtime_r(&seconds, &tm) != NULL)
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	snprintf(ret_clock, CLOCK_SIZE, "%s.%06u ", text, (unsigned int)(nsec % NSEC / 1000));
}

static void
label_read(const void *block, struct label *label)
{
	struct pcapng_packet_head head;
	const void *flags;
	size_t len = 0, fixed;

	memcpy(&head, block, sizeof(head));
	fixed = sizeof(head) + head.data_len;
	clock_make(&head, label->clock);
	label->interface = head.interface;
	label->direction = 0;
	flags = pcapng_option(block, fixed, PCAPNG_EPB_FLAGS, &len);
	if (flags != NULL && len == sizeof(label->direction))
		memcpy(&label->direction, flags, len);
	label->direction &= 3;
	option_text(block, fixed, PCAPNG_OPT_COMMENT, label->reason, sizeof(label->reason));
}

/* --- a line --- */

/* Words, below if there is no room. @column: where they go on. Return: the same of what follows. */
static int
words_put(const struct capture_text *text, const char *words, size_t len, int column)
{
	while (len > 0) {
		const char *blank = text->width > 0 ? memchr(words, ' ', len) : NULL;
		const size_t word = blank != NULL ? (size_t)(blank - words) : len;

		if (text->width > 0 && column > INDENT && column + 1 + (int)word > text->width)
			column = fprintf(text->out, "\n%*s", INDENT - 1, "") - 1;
		column += column > 0 ? fprintf(text->out, " ") : 0;
		column += (int)fwrite(words, 1, word, text->out);
		words += word + (word < len);
		len -= word + (word < len);
	}
	return column;
}

static int
text_put(const struct capture_text *text, const char *words, int column)
{
	return words_put(text, words, strlen(words), column);
}

/* A packet's line: @words behind its time, if that is known, and where it was. */
static void
packet_put(struct capture_text *text, bool has_clock, const struct label *label, const char *words,
	   size_t len)
{
	char reason[REASON_SIZE + 2] = "";
	int column = 0;

	text->printed++;
	if (has_clock)
		column = words_put(text, label->clock, strlen(label->clock) - 1, column);
	column = text_put(text, name_of(text, label->interface), column);
	column = text_put(text, way_of(label->direction), column);
	column = words_put(text, words, len, column);
	if (label->reason[0] != '\0')
		snprintf(reason, sizeof(reason), "[%s]", label->reason);
	text_put(text, reason, column);
	putc('\n', text->out);
}

/* Who there is no program for sees the Ethernet header. */
static void
packet_print(struct capture_text *text, const void *block, const struct label *label)
{
	const uint8_t *frame = (const uint8_t *)block + sizeof(struct pcapng_packet_head);
	struct pcapng_packet_head head;
	char words[128];
	int len = 0;

	memcpy(&head, block, sizeof(head));
	if (head.data_len >= HEADER_LEN)
		len = snprintf(words, sizeof(words),
			       "%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x, "
			       "ethertype 0x%02x%02x, ",
			       frame[6], frame[7], frame[8], frame[9], frame[10], frame[11],
			       frame[0], frame[1], frame[2], frame[3], frame[4], frame[5],
			       frame[12], frame[13]);
	len += snprintf(words + len, sizeof(words) - len, "length %u", head.len);
	packet_put(text, true, label, words, (size_t)len);
}

/* --- blocks --- */

static int
waiting_add(struct capture_text *text, const void *block, size_t len, struct error *err)
{
	char *more;

	if (text->start > 0 && text->size - text->end < len) {
		memmove(text->waiting, text->waiting + text->start, text->end - text->start);
		text->end -= text->start;
		text->start = 0;
	}
	if (text->size - text->end < len) {
		more = realloc(text->waiting, 2 * text->size + len);
		if (more == NULL)
			return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
		text->waiting = more;
		text->size = 2 * text->size + len;
	}
	memcpy(text->waiting + text->end, block, len);
	text->end += len;
	return 0;
}

int
capture_text_put(struct capture_text *text, const void *block, size_t len, struct error *err)
{
	struct pcapng_block head;
	struct label *label;
	int ret = 0;

	memcpy(&head, block, sizeof(head));
	if (head.type == PCAPNG_INTERFACE)
		ret = interface_add(text, block, err);
	if (head.type == PCAPNG_PACKET) {
		label = calloc(1, sizeof(*label));
		if (label == NULL)
			return error_set(err, ENOMEM, "%s", strerror(ENOMEM));
		label_read(block, label);
		if (text->pid == 0) {
			packet_print(text, block, label);
			free(label);
		} else {
			STAILQ_INSERT_TAIL(&text->labels, label, list);
		}
	}
	return ret == 0 && text->pid != 0 ? waiting_add(text, block, len, err) : ret;
}

/* --- lines --- */

/*
 * A line of the program's. The first one of a packet begins with its time, which others, with text
 * out of packets, do not: guests cannot know it.
 */
static void
line_print(struct capture_text *text, char *line, size_t len)
{
	struct label *label = STAILQ_FIRST(&text->labels);
	size_t clock = 0;

	if (label != NULL && text->is_tcpdump)
		clock = strlen(label->clock);
	if (label == NULL || strncmp(line, label->clock, clock) != 0) {
		words_put(text, line, len, 0);
		putc('\n', text->out);
		return;
	}
	STAILQ_REMOVE_HEAD(&text->labels, list);
	packet_put(text, clock > 0, label, line + clock, len - clock);
	free(label);
}

/* Print the lines that are whole. */
static void
lines_print(struct capture_text *text)
{
	char *line = text->line, *newline;
	size_t left = text->line_len;

	while ((newline = memchr(line, '\n', left)) != NULL) {
		*newline = '\0';
		line_print(text, line, (size_t)(newline - line));
		left -= (size_t)(newline + 1 - line);
		line = newline + 1;
	}
	/* one that is too long becomes two */
	if (left == sizeof(text->line)) {
		line_print(text, line, left);
		left = 0;
	}
	memmove(text->line, line, left);
	text->line_len = left;
}

/* Return: 1: there may be more; 0: the end; or -errno. */
static int
lines_read(struct capture_text *text, struct error *err)
{
	const ssize_t n =
		read(text->from, text->line + text->line_len, sizeof(text->line) - text->line_len);
	int ret;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	if (n < 0)
		return error_set(err, errno, "capture: tcpdump: %s", strerror(errno));
	text->line_len += (size_t)n;
	lines_print(text);
	ret = out_flush(text, err);
	return ret < 0 ? ret : n > 0;
}

/* Return: 0 or -errno. */
static int
blocks_write(struct capture_text *text, struct error *err)
{
	ssize_t n;

	while (text->start < text->end) {
		n = write(text->to, text->waiting + text->start, text->end - text->start);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return error_set(err, EIO, "capture: tcpdump has ended: %s",
					 strerror(errno));
		text->start += (size_t)n;
	}
	text->start = text->end = 0;
	return 0;
}

void
capture_text_fds(const struct capture_text *text, struct pollfd *ret_fds)
{
	ret_fds[0] =
		(struct pollfd){ .fd = text->start < text->end ? text->to : -1, .events = POLLOUT };
	ret_fds[1] = (struct pollfd){ .fd = text->from, .events = POLLIN };
}

int
capture_text_is_full(const struct capture_text *text)
{
	return text->end - text->start > FULL;
}

int
capture_text_run(struct capture_text *text, const struct pollfd *fds, struct error *err)
{
	int ret = 0;

	if (text->pid == 0)
		return out_flush(text, err);
	if (fds[0].revents != 0)
		ret = blocks_write(text, err);
	if (ret < 0 || fds[1].revents == 0)
		return ret;
	ret = lines_read(text, err);
	if (ret == 0)
		return error_set(err, EIO, "capture: tcpdump has ended");
	return ret < 0 ? ret : 0;
}

/* Let the program print all that it has. */
static int
program_finish(struct capture_text *text, struct error *err)
{
	int ret;

	/* it may wait for us to read while we wait for it to read: both at once */
	for (;;) {
		struct pollfd fds[2];

		capture_text_fds(text, fds);
		if (text->start == text->end && text->to >= 0) {
			close(text->to);
			text->to = -1;
		}
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return error_set(err, errno, "capture: poll: %s", strerror(errno));
		if (fds[0].revents != 0 && (ret = blocks_write(text, err)) < 0)
			return ret;
		if (fds[1].revents != 0 && (ret = lines_read(text, err)) <= 0)
			return ret;
	}
}

int
capture_text_close(struct capture_text *text, uint64_t *ret_packets, struct error *err)
{
	struct label *label;
	int ret = 0;

	if (text == NULL)
		return 0;
	if (text->pid != 0) {
		if (text->failure == 0)
			ret = program_finish(text, err);
		if (text->to >= 0)
			close(text->to);
		close(text->from);
		waitpid(text->pid, NULL, 0);
	}
	while ((label = STAILQ_FIRST(&text->labels)) != NULL) {
		STAILQ_REMOVE_HEAD(&text->labels, list);
		free(label);
	}
	if (ret == 0)
		ret = out_flush(text, err);
	if (ret_packets != NULL)
		*ret_packets = text->arrived;
	fclose(text->out);
	free(text->names);
	free(text->waiting);
	free(text);
	return ret;
}
