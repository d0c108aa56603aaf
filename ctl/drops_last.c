/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture_file.h"
#include "capture_text.h"
#include "client.h"
#include "command.h"
#include "drops.h"
#include "error.h"
#include "json_show.h"
#include "pcapng.h"
#include "terminal.h"
#include "version.h"

#define NSEC 1000000000
#define FRAME_SIZE 1024 /* bytes of a kept packet, at most */
#define BLOCK_SIZE (FRAME_SIZE + 2 * PCAPNG_TEXT_MAX)
#define TEXT_SIZE 128
#define HOURS_UNDATED 12

static const char *
text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "?";
}

static json_int_t
integer(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* Return: bytes. */
static size_t
data_read(const json_t *row, uint8_t ret_data[FRAME_SIZE])
{
	const char *hex = text_of(row, "data");
	unsigned int byte;
	size_t n = 0;

	for (; n < FRAME_SIZE && sscanf(&hex[2 * n], "%2x", &byte) == 1; n++)
		ret_data[n] = (uint8_t)byte;
	return n;
}

/* Where blocks go: one of them. */
struct sink {
	struct capture_file *file;
	struct capture_text *text;
	json_t *interfaces; /* numbers by ports' names */
};

static int
block_put(const struct sink *sink, const uint8_t *block, size_t len, struct error *err)
{
	return sink->file != NULL ? capture_file_put(sink->file, block, len, err) :
				    capture_text_put(sink->text, block, len, err);
}

/* The number of a port's interface, which is put when its first packet comes. */
static int
interface_of(const struct sink *sink, const char *port, uint32_t *ret_number, struct error *err)
{
	const struct pcapng_interface interface = { .name = port };
	const json_t *known = json_object_get(sink->interfaces, port);
	uint8_t block[BLOCK_SIZE];

	*ret_number = (uint32_t)(known != NULL ? (size_t)json_integer_value(known) :
						 json_object_size(sink->interfaces));
	if (known != NULL)
		return 0;
	json_object_set_new(sink->interfaces, port, json_integer(*ret_number));
	return block_put(sink, block, pcapng_interface(block, sizeof(block), &interface), err);
}

/* "drop: vlan_mismatch, VLAN 30"; of one that is shown with its time of day alone, the date. */
static void
comment_make(const struct sink *sink, const json_t *row, char ret_text[TEXT_SIZE])
{
	const json_t *vlan = json_object_get(row, "vlan");
	const time_t when = (time_t)(integer(row, "time_nsec") / NSEC);
	struct tm tm;
	int len;

	len = snprintf(ret_text, TEXT_SIZE, "drop: %s", text_of(row, "reason"));
	if (json_is_integer(vlan))
		len += snprintf(ret_text + len, TEXT_SIZE - len, ", VLAN %d",
				(int)json_integer_value(vlan));
	if (sink->text != NULL && time(NULL) - when > HOURS_UNDATED * 3600 &&
	    localtime_r(&when, &tm) != NULL)
		strftime(ret_text + len, TEXT_SIZE - len, ", %Y-%m-%d", &tm);
}

static int
row_put(const struct sink *sink, const json_t *row, struct error *err)
{
	uint8_t data[FRAME_SIZE], block[BLOCK_SIZE];
	char comment[TEXT_SIZE];
	struct pcapng_packet packet = {
		.time = (uint64_t)integer(row, "time_nsec"),
		.len = (uint32_t)integer(row, "length"),
		.data_len = (uint32_t)data_read(row, data),
		.data = data,
		.comment = comment,
	};
	int ret = interface_of(sink, text_of(row, "port"), &packet.interface, err);

	comment_make(sink, row, comment);
	return ret < 0 ? ret :
			 block_put(sink, block, pcapng_packet(block, sizeof(block), &packet), err);
}

/* @name: NULL: show them. */
static int
rows_put(const json_t *rows, const char *name, struct error *err)
{
	static const char *const with_addresses[] = { "-e", NULL };
	struct sink sink = { .file = NULL };
	uint8_t block[BLOCK_SIZE];
	const json_t *row;
	struct error unused;
	size_t i;
	int ret, closed;

	if (name != NULL)
		sink.file = capture_file_open(name, 0, 0, err);
	else
		sink.text = capture_text_open(with_addresses, terminal_width(), err);
	if (sink.file == NULL && sink.text == NULL)
		return err->code;
	sink.interfaces = json_object();
	ret = block_put(&sink, block,
			pcapng_section(block, sizeof(block), NULL, "vsctl " VSWITCH_VERSION), err);
	json_array_foreach(rows, i, row)
		ret = ret < 0 ? ret : row_put(&sink, row, err);
	json_decref(sink.interfaces);
	/* the first error is what counts */
	closed = sink.file != NULL ? capture_file_close(sink.file, NULL, ret < 0 ? &unused : err) :
				     capture_text_close(sink.text, NULL, ret < 0 ? &unused : err);
	return ret < 0 ? ret : closed;
}

int
drops_last(struct client *client, const struct request *request, json_t *params, const char *file,
	   struct error *err)
{
	json_t *rows;
	int ret = client_call(client, "drops.last", json_incref(params), &rows, err);

	if (ret < 0)
		return ret;
	if (file == NULL && request->json) {
		json_complete("drops last", rows);
		json_dumpf(rows, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (file == NULL && json_array_size(rows) == 0) {
		puts("No dropped packet is kept.");
	} else {
		ret = rows_put(rows, file, err);
	}
	json_decref(rows);
	return ret;
}
