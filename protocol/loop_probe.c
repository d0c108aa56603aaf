/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop_probe.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "wire.h"

#define TPID_C 0x8100
#define TPID_S 0x88a8
#define TAGS_MAX 2
#define MAC_LEN 6

/* Behind the Ethertype; numbers in the order of the network. */
#define MAGIC "vswloop1"
#define OFFSET_BRIDGE LOOP_PROBE_BRIDGE_OFFSET
#define OFFSET_PORT 16
#define OFFSET_GENERATION 18
#define OFFSET_VID 20
#define OFFSET_MSEC 22
#define OFFSET_HASH 30
#define BODY_LEN 38
static_assert(sizeof(MAGIC) - 1 == OFFSET_BRIDGE, "the magic comes first");
static_assert(2 * MAC_LEN + 4 + 2 + BODY_LEN <= LOOP_PROBE_FRAME_SIZE, "it fits");

static uint64_t
rotate(uint64_t word, unsigned int bits)
{
	return word << bits | word >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

static void
sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t
siphash(const struct loop_key *key, const uint8_t *bytes, size_t len)
{
	uint64_t v[4] = {
		key->words[0] ^ UINT64_C(0x736f6d6570736575),
		key->words[1] ^ UINT64_C(0x646f72616e646f6d),
		key->words[0] ^ UINT64_C(0x6c7967656e657261),
		key->words[1] ^ UINT64_C(0x7465646279746573),
	};
	uint64_t last = (uint64_t)len << 56;
	size_t i;

	for (i = 0; i + 8 <= len; i += 8) {
		uint64_t word = 0;

		for (unsigned int j = 0; j < 8; j++)
			word |= (uint64_t)bytes[i + j] << 8 * j;
		sip_word(v, word);
	}
	for (unsigned int j = 0; i + j < len; j++)
		last |= (uint64_t)bytes[i + j] << 8 * j;
	sip_word(v, last);
	v[2] ^= 0xff;
	for (unsigned int j = 0; j < 4; j++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

size_t
loop_probe_build(const struct loop_key *key, const struct loop_probe *probe, uint16_t tpid,
		 const uint8_t src[6], uint8_t *ret_frame)
{
	uint8_t *body = ret_frame + 2 * MAC_LEN;

	memset(ret_frame, 0, LOOP_PROBE_FRAME_SIZE);
	memcpy(ret_frame, LOOP_PROBE_MAC, MAC_LEN);
	memcpy(ret_frame + MAC_LEN, src, MAC_LEN);
	if (tpid != 0) {
		wire_put(body, 2, tpid);
		wire_put(body + 2, 2, probe->vid);
		body += 4;
	}
	wire_put(body, 2, LOOP_PROBE_ETHERTYPE);
	body += 2;
	memcpy(body, MAGIC, sizeof(MAGIC) - 1);
	wire_put(body + OFFSET_BRIDGE, 8, probe->bridge);
	wire_put(body + OFFSET_PORT, 2, probe->port);
	wire_put(body + OFFSET_GENERATION, 2, probe->generation);
	wire_put(body + OFFSET_VID, 2, probe->vid);
	wire_put(body + OFFSET_MSEC, 8, probe->msec);
	wire_put(body + OFFSET_HASH, 8, siphash(key, body, OFFSET_HASH));
	return LOOP_PROBE_FRAME_SIZE;
}

int
loop_probe_parse(const struct loop_key *key, const uint8_t *frame, size_t len, uint64_t msec,
		 struct loop_probe *ret_probe)
{
	size_t offset = 2 * MAC_LEN;
	const uint8_t *body;

	if (len < offset + 2 || memcmp(frame, LOOP_PROBE_MAC, MAC_LEN) != 0)
		return -EINVAL;
	for (unsigned int i = 0; i < TAGS_MAX; i++) {
		uint64_t type = wire_get(frame + offset, 2);

		if ((type != TPID_C && type != TPID_S) || len < offset + 4 + 2)
			break;
		offset += 4;
	}
	if (wire_get(frame + offset, 2) != LOOP_PROBE_ETHERTYPE || len < offset + 2 + BODY_LEN)
		return -EINVAL;
	body = frame + offset + 2;
	if (memcmp(body, MAGIC, sizeof(MAGIC) - 1) != 0 ||
	    wire_get(body + OFFSET_HASH, 8) != siphash(key, body, OFFSET_HASH))
		return -EINVAL;
	*ret_probe = (struct loop_probe){
		.bridge = wire_get(body + OFFSET_BRIDGE, 8),
		.port = wire_get(body + OFFSET_PORT, 2),
		.generation = wire_get(body + OFFSET_GENERATION, 2),
		.vid = wire_get(body + OFFSET_VID, 2),
		.msec = wire_get(body + OFFSET_MSEC, 8),
	};
	if (ret_probe->msec > msec || msec - ret_probe->msec > LOOP_PROBE_AGE_MAX)
		return -EINVAL;
	return 0;
}
