/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of captures. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture.h"
#include "captures.h"
#include "error.h"
#include "rpc.h"
#include "rpc_methods_priv.h"
#include "switch.h"

#define OP_NUMBERS 4 /* of an instruction: code, jt, jf, k */

static const char *const point_names[] = {
	[CAPTURE_RX] = "rx",
	[CAPTURE_TX] = "tx",
	[CAPTURE_DROP] = "drop",
	[CAPTURE_PRE_NAT] = "pre-nat",
	[CAPTURE_POST_NAT] = "post-nat",
};
static_assert(RTE_DIM(point_names) == CAPTURE_POINTS, "name every point");

/* A capture whose client waits for the reply. */
struct waiting {
	struct vswitch *sw;
	uint32_t id;
};

static int
name_read(const json_t *params, const char *key, char ret_name[SWITCH_NAME_SIZE], struct error *err)
{
	const json_t *json = json_object_get(params, key);
	const char *text = json_string_value(json);

	if (json == NULL)
		return 0;
	if (text == NULL || *text == '\0' || strlen(text) >= SWITCH_NAME_SIZE)
		return error_set(err, EINVAL, "capture: %s must be a name", key);
	strcpy(ret_name, text);
	return 0;
}

static int
points_read(const json_t *points, uint32_t *ret_points, struct error *err)
{
	const json_t *word;
	size_t i;

	*ret_points = points == NULL ? 1 << CAPTURE_RX | 1 << CAPTURE_TX : 0;
	if (points != NULL && (!json_is_array(points) || json_array_size(points) == 0))
		return error_set(err, EINVAL, "capture: points must be an array of words");
	json_array_foreach(points, i, word) {
		const char *text = json_string_value(word);
		unsigned int point = 0;

		while (point < CAPTURE_POINTS &&
		       (text == NULL || strcmp(text, point_names[point]) != 0))
			point++;
		if (point == CAPTURE_POINTS)
			return error_set(err, EINVAL, "capture: there is no point \"%.32s\"",
					 text != NULL ? text : "");
		*ret_points |= 1u << point;
	}
	return 0;
}

static int
number_read(const json_t *params, const char *key, uint32_t min, uint32_t max, uint32_t def,
	    uint32_t *ret_number, struct error *err)
{
	const json_t *json = json_object_get(params, key);
	const json_int_t number = json != NULL ? json_integer_value(json) : def;

	if ((json != NULL && !json_is_integer(json)) || number < min || number > max)
		return error_set(err, EINVAL, "capture: %s must be a number from %u to %u", key,
				 min, max);
	*ret_number = (uint32_t)number;
	return 0;
}

static bool
op_read(const json_t *numbers, struct sock_filter *op)
{
	static const json_int_t most[OP_NUMBERS] = { UINT16_MAX, UINT8_MAX, UINT8_MAX, UINT32_MAX };
	json_int_t values[OP_NUMBERS];

	if (json_array_size(numbers) != OP_NUMBERS)
		return false;
	for (size_t i = 0; i < OP_NUMBERS; i++) {
		const json_t *number = json_array_get(numbers, i);

		values[i] = json_integer_value(number);
		if (!json_is_integer(number) || values[i] < 0 || values[i] > most[i])
			return false;
	}
	*op = (struct sock_filter){
		.code = (uint16_t)values[0],
		.jt = (uint8_t)values[1],
		.jf = (uint8_t)values[2],
		.k = (uint32_t)values[3],
	};
	return true;
}

/* @ret_ops: to be freed; NULL: there is no program. */
int
rpc_program_read(const json_t *program, struct sock_filter **ret_ops, size_t *ret_n, struct error *err)
{
	const size_t n = json_array_size(program);
	struct sock_filter *ops;

	*ret_ops = NULL;
	*ret_n = n;
	if (program == NULL)
		return 0;
	if (n == 0 || n > FILTER_OPS_MAX)
		return error_set(err, EINVAL, "capture: program must have 1 to %d instructions",
				 FILTER_OPS_MAX);
	ops = calloc(n, sizeof(ops[0]));
	if (ops == NULL)
		return error_set(err, ENOMEM, "capture: no memory for its filter");
	for (size_t i = 0; i < n; i++)
		if (!op_read(json_array_get(program, i), &ops[i])) {
			free(ops);
			return error_set(err, EINVAL,
					 "capture: instruction %zu is not [code, jt, jf, k]", i);
		}
	*ret_ops = ops;
	return 0;
}

/* What is longer is cut, not within a letter of UTF-8: it is only for who reads it. */
static void
text_cut(char ret_text[CAPTURE_TEXT_SIZE], const char *text)
{
	size_t len = strnlen(text, CAPTURE_TEXT_SIZE);

	if (len == CAPTURE_TEXT_SIZE)
		for (len--; len > 0 && (text[len] & 0xc0) == 0x80; len--)
			;
	memcpy(ret_text, text, len);
	ret_text[len] = '\0';
}

static int
request_read(const json_t *params, struct capture_request *request, struct error *err)
{
	const char *text = json_string_value(json_object_get(params, "filter"));
	int ret;

	*request = (struct capture_request){ 0 };
	if ((ret = name_read(params, "port", request->port, err)) < 0 ||
	    (ret = name_read(params, "bridge", request->bridge, err)) < 0 ||
	    (ret = points_read(json_object_get(params, "points"), &request->points, err)) < 0 ||
	    (ret = number_read(params, "length", 1, CAPTURE_LENGTH_MAX, CAPTURE_LENGTH_MAX,
			       &request->length, err)) < 0)
		return ret;
	if (request->port[0] != '\0' && request->bridge[0] != '\0')
		return error_set(err, EINVAL, "capture: of a port or of a bridge, not of both");
	if (text != NULL)
		text_cut(request->text, text);
	return number_read(params, "buffer", CAPTURE_BUFFER_MIN, CAPTURE_BUFFER_MAX,
			   CAPTURE_BUFFER_DEFAULT, &request->buffer, err);
}

static void
client_taken(void *arg, int fd)
{
	struct waiting *waiting = arg;

	capture_connected(waiting->sw, waiting->id, fd);
	free(waiting);
}

int
rpc_capture_start(void *ctx, struct rpc_stream *stream, const json_t *params, json_t **ret_result,
		  struct error *err)
{
	struct capture_request request;
	struct sock_filter *ops = NULL;
	struct waiting *waiting;
	int ret = request_read(params, &request, err);

	if (ret < 0)
		return ret;
	if (rpc_stream_is_open(stream))
		return error_set(err, EALREADY, "capture: this connection follows events");
	ret = rpc_program_read(json_object_get(params, "program"), &ops, &request.n_ops, err);
	if (ret < 0)
		return ret;
	waiting = calloc(1, sizeof(*waiting));
	if (waiting == NULL) {
		free(ops);
		return error_set(err, ENOMEM, "capture: no memory for it");
	}
	request.ops = ops;
	waiting->sw = ctx;
	ret = capture_begin(ctx, &request, &waiting->id, err);
	free(ops);
	if (ret < 0) {
		free(waiting);
		return ret;
	}
	rpc_stream_hand_over(stream, client_taken, waiting);
	*ret_result = json_pack("{s:I}", "id", (json_int_t)waiting->id);
	return 0;
}

static json_t *
points_json(uint32_t points)
{
	json_t *words = json_array();

	for (unsigned int i = 0; i < CAPTURE_POINTS; i++)
		if (points >> i & 1)
			json_array_append_new(words, json_string(point_names[i]));
	return words;
}

static json_t *
text_or_null(const char *text)
{
	return *text != '\0' ? json_string(text) : json_null();
}

int
rpc_capture_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	struct capture_info info = { .id = 0 };

	(void)params;
	(void)err;
	*ret_result = json_array();
	while (capture_next(ctx, info.id, &info))
		json_array_append_new(
			*ret_result,
			json_pack("{s:I, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "id",
				  (json_int_t)info.id, "port", text_or_null(info.request->port),
				  "bridge", text_or_null(info.request->bridge), "points",
				  points_json(info.request->points), "filter",
				  text_or_null(info.request->text), "length",
				  (json_int_t)info.request->length, "seen", (json_int_t)info.seen,
				  "matched", (json_int_t)info.matched, "missed",
				  (json_int_t)info.missed));
	return 0;
}
