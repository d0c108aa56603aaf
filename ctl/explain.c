/* SPDX-License-Identifier: BSD-3-Clause */
#include "explain.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap.h>

#include "capture_filter.h"
#include "client.h"
#include "command.h"
#include "error.h"
#include "flow_text.h"
#include "json_show.h"
#include "terminal.h"

#define TEXT_MAX 32768 /* of a frame in hex */
#define FRAME_MIN 14   /* bytes: a shorter one is more likely to be a mistyped file */
#define PACKETS_DEFAULT 100
#define PACKETS_MAX 100000
#define WORD_WIDTH 9 /* columns of a step's name */
#define WIDTH_MIN 40
#define TIME_WIDTH 24 /* of terminal_time(), and a blank */
#define LATE_MSEC 60  /* what has happened before a signal is told within this time */
#define LATE_MAX 256
#define WAIT_MSEC 500 /* a signal that comes while nobody waits is seen then */

/* What stands behind "explain". */
struct words {
	const char *port;      /* NULL: of "trace", which has none */
	char text[TEXT_MAX];   /* the rest, a blank between two words */
	unsigned long packets; /* 0: all */
};

static int
count_read(const char *text, unsigned long *ret_count, struct error *err)
{
	char *end = NULL;

	*ret_count = text != NULL && isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : 0;
	if (end == NULL || *end != '\0' || *ret_count < 1 || *ret_count > PACKETS_MAX)
		return error_set(err, ENOEXEC, "-c needs a number from 1 to %d", PACKETS_MAX);
	return 0;
}

static int
words_read(const struct request *request, bool port, struct words *words, struct error *err)
{
	size_t len = 0;
	int ret;

	*words = (struct words){ .packets = 0 };
	for (int i = 0; i < request->argc; i++) {
		const char *word = request->argv[i];

		if (strcmp(word, "-c") == 0) {
			ret = count_read(++i < request->argc ? request->argv[i] : NULL,
					 &words->packets, err);
			if (ret < 0)
				return ret;
		} else if (port && words->port == NULL) {
			words->port = word;
		} else if (len + strlen(word) + 2 > sizeof(words->text)) {
			return error_set(err, ENOEXEC, "%s: this is too long",
					 request->command->verb);
		} else {
			len += (size_t)sprintf(words->text + len, "%s%s", len > 0 ? " " : "", word);
		}
	}
	if (port && len == 0)
		return error_set(err, ENOEXEC,
				 "explain: say by which port a packet comes in, and which: "
				 "vsctl explain %s",
				 request->command->metavar);
	return 0;
}

/* --- what is asked about --- */

/* "00:16 3e..." as hex digits alone. Return: false: it is no frame. */
static bool
frame_read(const char *text, char *ret_hex)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (isxdigit((unsigned char)*text))
			ret_hex[n++] = *text;
		else if (*text != ' ' && *text != ':')
			return false;
	}
	ret_hex[n] = '\0';
	return n % 2 == 0 && n >= 2 * FRAME_MIN;
}

/* @kept: bytes that there are; zeros stand for the others. */
static json_t *
hex_json(const uint8_t *data, uint32_t kept, uint32_t len)
{
	char *text = malloc(2 * (size_t)len + 1);
	json_t *json;

	if (text == NULL)
		return NULL;
	for (uint32_t i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", i < kept ? data[i] : 0);
	json = json_stringn(text, 2 * (size_t)len);
	free(text);
	return json;
}

/* --- output --- */

/* Words that are wrapped. @column: where they begin; @indent: of lines that follow. */
static void
put_wrapped(const char *text, int column, int indent, enum shade shade)
{
	const int width = terminal_width(), room = width > WIDTH_MIN ? width : WIDTH_MIN;

	while (*text != '\0') {
		const int len = (int)strcspn(text, " ");

		if (width != 0 && column + len > room && column > indent)
			column = printf("\n%*s", indent, "") - 1;
		terminal_put(shade, text, (size_t)len, stdout);
		column += len + 1;
		text += len + (text[len] == ' ');
		if (*text != '\0')
			putchar(' ');
	}
	putchar('\n');
}

static void
put_step(const char *word, const char *text, bool bad)
{
	const int column = printf("  %-*s", WORD_WIDTH, word);

	put_wrapped(text, column, column, bad ? SHADE_BAD : SHADE_PLAIN);
}

static const char *
text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text != NULL ? text : "?";
}

/* Is a drop for the reason of one before it? */
static bool
drop_is_again(const json_t *drops, size_t i)
{
	const json_t *reason = json_object_get(json_array_get(drops, i), "reason");
	size_t first = 0;

	while (first < i &&
	       !json_equal(json_object_get(json_array_get(drops, first), "reason"), reason))
		first++;
	return first < i;
}

static void
packet_print(const json_t *packet)
{
	const char *when = json_string_value(json_object_get(packet, "time"));
	const json_t *row;
	size_t i;

	if (when != NULL) {
		terminal_time(when);
		putchar(' ');
	}
	put_wrapped(text_of(packet, "packet"), when != NULL ? TIME_WIDTH : 0, 4, SHADE_HEADING);
	json_array_foreach(json_object_get(packet, "assumed"), i, row)
		put_step("assumed", json_string_value(row), false);
	json_array_foreach(json_object_get(packet, "steps"), i, row)
		put_step(text_of(row, "step"), text_of(row, "text"),
			 strcmp(text_of(row, "step"), "drop") == 0);
	put_step("verdict", text_of(packet, "verdict"),
		 json_array_size(json_object_get(packet, "sent")) == 0 &&
			 json_array_size(json_object_get(packet, "dropped")) > 0);
	json_array_foreach(json_object_get(packet, "dropped"), i, row)
		if (json_is_string(json_object_get(row, "remedy")) &&
		    !drop_is_again(json_object_get(packet, "dropped"), i))
			put_step("to do", text_of(row, "remedy"), false);
}

static void
put_packet(const struct request *request, json_t *packet)
{
	if (!request->json) {
		packet_print(packet);
		return;
	}
	json_row(request->command, packet);
	putchar('\n');
}

/* Ask, and print. @params: is taken over. @n_zeros: bytes that are made up. */
static int
ask(struct client *client, const struct request *request, json_t *params, uint32_t n_zeros,
    struct error *err)
{
	json_t *packets, *packet;
	size_t i;
	int ret;

	if (params == NULL)
		return error_set(err, EINVAL, "explain: this is not UTF-8");
	ret = client_call(client, "packet.explain", params, &packets, err);
	if (ret < 0)
		return ret;
	json_array_foreach(packets, i, packet) {
		if (n_zeros > 0)
			json_object_set_new(
				packet, "assumed",
				json_pack("[o]", json_sprintf("zeros for the last %u bytes, which "
							      "the file has not kept",
							      n_zeros)));
		put_packet(request, packet);
	}
	json_decref(packets);
	return 0;
}

/* --- files --- */

static int
packet_explain(struct client *client, const struct request *request, const struct words *words,
	       const struct pcap_pkthdr *head, const u_char *data, unsigned long number,
	       struct error *err)
{
	/* the whole length decides on MTUs, and whether headers are believed */
	const uint32_t len = head->len > head->caplen ? head->len : head->caplen;

	if (len == 0 || len > EXPLAIN_FRAME_MAX) {
		fprintf(stderr, "vsctl: %s: packet %lu is left out: it has %u bytes, not 1 to %d\n",
			words->text, number, len, EXPLAIN_FRAME_MAX);
		return 0;
	}
	return ask(client, request,
		   json_pack("{s:s, s:[o]}", "port", words->port, "frames",
			     hex_json(data, head->caplen, len)),
		   len - head->caplen, err);
}

static int
file_explain(struct client *client, const struct request *request, const struct words *words,
	     pcap_t *pcap, struct error *err)
{
	struct pcap_pkthdr *head;
	const u_char *data;
	unsigned long n = 0;
	int ret = 0, more = 1;

	while (ret == 0 && n < words->packets && (more = pcap_next_ex(pcap, &head, &data)) == 1) {
		n++;
		ret = packet_explain(client, request, words, head, data, n, err);
		if (terminal_flush() < 0)
			return 0;
	}
	if (ret == 0 && more == PCAP_ERROR)
		return error_set(err, EINVAL, "explain: %s: %s", words->text, pcap_geterr(pcap));
	if (ret == 0 && n == 0)
		return error_set(err, EINVAL, "explain: %s has no packets", words->text);
	if (ret == 0 && n == words->packets && pcap_next_ex(pcap, &head, &data) == 1)
		fprintf(stderr, "vsctl: %s has more packets than these %lu; see -c\n", words->text,
			n);
	return ret;
}

static int
file_read(struct client *client, const struct request *request, const struct words *words,
	  struct error *err)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(words->text, why);
	int ret;

	if (pcap == NULL)
		return error_set(err, EINVAL,
				 "explain: neither a flow (tcp SRC:PORT -> DST:PORT) nor a frame "
				 "in hex nor a file of packets: %s",
				 why);
	if (pcap_datalink(pcap) != DLT_EN10MB)
		ret = error_set(err, EINVAL, "explain: %s: its packets are not Ethernet",
				words->text);
	else
		ret = file_explain(client, request, words, pcap, err);
	pcap_close(pcap);
	return ret;
}

int
explain_run(struct client *client, const struct request *request, struct error *err)
{
	char hex[TEXT_MAX], fault[FLOW_FAULT_SIZE];
	struct words words;
	struct flow flow;
	int ret = words_read(request, true, &words, err);

	if (ret < 0)
		return ret;
	if (words.packets == 0)
		words.packets = PACKETS_DEFAULT;
	if (flow_text_is(words.text)) {
		if (flow_text_parse(words.text, &flow, fault) < 0)
			return error_set(err, EINVAL, "explain: %s", fault);
		return ask(client, request,
			   json_pack("{s:s, s:s}", "port", words.port, "flow", words.text), 0, err);
	}
	if (frame_read(words.text, hex))
		return ask(client, request,
			   json_pack("{s:s, s:[s]}", "port", words.port, "frames", hex), 0, err);
	return file_read(client, request, &words, err);
}

/* --- live --- */

static volatile sig_atomic_t interrupted;

static void
interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

/* Say what there was beside what was printed. */
static void
totals_print(struct client *client, json_int_t id, unsigned long n)
{
	json_t *rows = NULL;
	const json_t *row;
	struct error err;
	size_t i;

	if (client_call(client, "trace.show", json_object(), &rows, &err) < 0)
		return;
	json_array_foreach(rows, i, row) {
		if (json_integer_value(json_object_get(row, "id")) != id)
			continue;
		fprintf(stderr,
			"%lu traced, %" JSON_INTEGER_FORMAT " matched, %" JSON_INTEGER_FORMAT
			" missed by trace\n",
			n, json_integer_value(json_object_get(row, "matched")),
			json_integer_value(json_object_get(row, "missed")));
	}
	json_decref(rows);
}

/* @id: of what is traced for us. */
static int
trace_print(struct client *client, const struct request *request, json_int_t id, unsigned long most,
	    struct error *err)
{
	unsigned long n = 0, late = 0;
	json_t *packet;
	int ret = 0;

	while (ret >= 0 && late < LATE_MAX && (most == 0 || n < most)) {
		const bool ends = interrupted;

		ret = client_next(client, ends ? LATE_MSEC : WAIT_MSEC, &packet, err);
		if (ret == 0 && ends)
			break;
		if (ret <= 0)
			continue;
		late += ends;
		n++;
		put_packet(request, packet);
		json_decref(packet);
		if (terminal_flush() < 0)
			ret = -EPIPE;
	}
	if (ret >= 0)
		totals_print(client, id, n);
	/* who reads has had enough */
	return ret == -EPIPE || ret > 0 ? 0 : ret;
}

int
trace_run(struct client *client, const struct request *request, struct error *err)
{
	/* who does not want to wait for the end asks twice */
	const struct sigaction action = {
		.sa_handler = interrupt,
		.sa_flags = SA_RESTART | SA_RESETHAND,
	};
	json_t *params, *result, *program = NULL;
	struct words words;
	json_int_t id;
	int ret = words_read(request, false, &words, err);

	if (ret == 0 && words.text[0] != '\0')
		ret = capture_filter_compile(words.text, &program, err);
	if (ret < 0)
		return ret;
	params = program != NULL ?
			 json_pack("{s:o, s:s}", "program", program, "filter", words.text) :
			 json_object();
	if (params == NULL)
		return error_set(err, EINVAL, "trace: this is not UTF-8");
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ret = client_call(client, "trace.follow", params, &result, err);
	if (ret < 0)
		return ret;
	id = json_integer_value(json_object_get(result, "id"));
	json_decref(result);
	return trace_print(client, request, id, words.packets, err);
}
