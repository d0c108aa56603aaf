/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods that tell what becomes, or would become, of packets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "explain_flow.h"
#include "explain_text.h"
#include "flow_text.h"
#include "packet.h"
#include "rpc_methods_priv.h"
#include "rpc.h"
#include "switch.h"
#include "trace.h"
#include "tracer.h"
#include "unknown.h"

#define FRAMES_MAX 64 /* of a request */

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = c != '\0' ? strchr(digits, c | 0x20) : NULL;

	return at != NULL ? (int)(at - digits) : -1;
}

/* A packet of bytes that are had one by one: from hex digits, or as they are. */
static struct rte_mbuf *
packet_make(struct rte_mempool *pool, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *pkt = rte_pktmbuf_alloc(pool), *last = pkt;

	if (pkt == NULL)
		return NULL;
	while (len > 0) {
		const uint32_t n = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(last));

		memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), bytes, n);
		last->data_len += n;
		pkt->pkt_len += n;
		bytes += n;
		len -= n;
		if (len == 0)
			break;
		last->next = packet_tail(pool);
		if (last->next == NULL) {
			rte_pktmbuf_free(pkt);
			return NULL;
		}
		last = last->next;
		pkt->nb_segs++;
	}
	return pkt;
}

/* Return: bytes, or -EINVAL. */
static int
frame_read(const json_t *json, uint8_t frame[EXPLAIN_FRAME_MAX])
{
	const char *text = json_string_value(json);
	const size_t len = json_string_length(json);

	if (text == NULL || len % 2 != 0 || len == 0 || len / 2 > EXPLAIN_FRAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len / 2; i++) {
		const int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		frame[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(len / 2);
}

static int
explain_bytes(struct vswitch *sw, struct explainer *explainer, const struct switch_port *port,
	      const uint8_t *frame, uint32_t len, json_t *results, struct error *err)
{
	struct rte_mbuf *pkt = packet_make(sw->pool, frame, len);

	if (pkt == NULL)
		return error_set(err, ENOMEM, "explain: no packet buffers");
	json_array_append_new(results, explain_json(sw, explain(explainer, port->dp, pkt), true));
	return 0;
}

static int
explain_frames(struct vswitch *sw, struct explainer *explainer, const struct switch_port *port,
	       const json_t *frames, json_t *results, struct error *err)
{
	uint8_t bytes[EXPLAIN_FRAME_MAX];
	const json_t *frame;
	int ret = 0;
	size_t i;

	if (json_array_size(frames) == 0 || json_array_size(frames) > FRAMES_MAX)
		return error_set(err, EINVAL, "explain: frames must be 1 to %d", FRAMES_MAX);
	json_array_foreach(frames, i, frame) {
		const int len = frame_read(frame, bytes);

		if (len < 0)
			return error_set(err, EINVAL,
					 "explain: frame %zu must be hex digits, 1 to %d bytes",
					 i + 1, EXPLAIN_FRAME_MAX);
		ret = explain_bytes(sw, explainer, port, bytes, (uint32_t)len, results, err);
		if (ret < 0)
			break;
	}
	return ret;
}

static int
explain_text(struct vswitch *sw, struct explainer *explainer, struct switch_port *port,
	     const char *text, json_t *results, struct error *err)
{
	uint8_t frame[EXPLAIN_FLOW_SIZE];
	char fault[FLOW_FAULT_SIZE];
	json_t *assumed = json_array();
	struct flow flow;
	int ret = flow_text_parse(text, &flow, fault);

	if (ret < 0)
		error_set(err, EINVAL, "explain: %s", fault);
	else
		ret = explain_flow(sw, port, &flow, frame, assumed, err);
	if (ret > 0)
		ret = explain_bytes(sw, explainer, port, frame, (uint32_t)ret, results, err);
	if (ret == 0)
		json_object_set(json_array_get(results, 0), "assumed", assumed);
	json_decref(assumed);
	return ret;
}

int
rpc_packet_explain(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	const char *name = json_string_value(json_object_get(params, "port"));
	const char *flow = json_string_value(json_object_get(params, "flow"));
	const json_t *frames = json_object_get(params, "frames");
	struct explainer *explainer;
	struct vswitch *sw = ctx;
	struct switch_port *port;
	json_t *results;
	int ret;

	if (name == NULL || (flow == NULL) == (frames == NULL))
		return error_set(err, EINVAL, "explain: port, and flow or frames, must be given");
	port = switch_port_find(sw, name);
	if (port == NULL)
		return unknown_port(sw, name, err);
	explainer = explainer_create(sw->dp, sw->pool);
	if (explainer == NULL)
		return error_set(err, ENOMEM, "explain: no memory");
	results = json_array();
	ret = flow != NULL ? explain_text(sw, explainer, port, flow, results, err) :
			     explain_frames(sw, explainer, port, frames, results, err);
	explainer_destroy(explainer);
	if (ret < 0)
		json_decref(results);
	else
		*ret_result = results;
	return ret;
}

int
rpc_trace_follow(void *ctx, struct rpc_stream *stream, const json_t *params, json_t **ret_result,
		 struct error *err)
{
	const char *text = json_string_value(json_object_get(params, "filter"));
	struct sock_filter *ops;
	unsigned int id;
	size_t n_ops;
	int ret = rpc_program_read(json_object_get(params, "program"), &ops, &n_ops, err);

	if (ret < 0)
		return ret;
	ret = tracer_begin(ctx, stream, ops, n_ops, text, &id, err);
	free(ops);
	if (ret == 0)
		*ret_result = json_pack("{s:i}", "id", (int)id);
	return ret;
}

int
rpc_trace_show(void *ctx, const json_t *params, json_t **ret_result, struct error *err)
{
	(void)params;
	(void)err;
	*ret_result = tracer_json(ctx);
	return 0;
}
