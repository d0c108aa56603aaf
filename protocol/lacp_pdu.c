/* SPDX-License-Identifier: BSD-3-Clause */
#include "lacp_pdu.h"

#include <stdio.h>
#include <string.h>

/* Offsets in the frame. */
enum {
	AT_TYPE = 12,
	AT_SUBTYPE = 14,
	AT_VERSION,
	AT_ACTOR, /* type, length, information */
	AT_PARTNER = AT_ACTOR + 20,
	AT_COLLECTOR = AT_PARTNER + 20,
	AT_END = AT_COLLECTOR + 16,
	AT_MARKER = AT_ACTOR,
};

enum {
	SUBTYPE_LACP = 1,
	SUBTYPE_MARKER = 2,
	VERSION = 1,
	TLV_ACTOR = 1,
	TLV_PARTNER = 2,
	TLV_COLLECTOR = 3,
	TLV_MARKER = 1,
	TLV_MARKER_ANSWER = 2,
	INFO_LEN = 20,
	COLLECTOR_LEN = 16,
	MARKER_LEN = 16,
};

static const uint8_t slow_address[6] = { 0x01, 0x80, 0xc2, 0x00, 0x00, 0x02 };

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void
put16(uint8_t *p, uint16_t value)
{
	p[0] = value >> 8;
	p[1] = value & 0xff;
}

static void
info_read(const uint8_t *tlv, struct lacp_info *ret_info)
{
	const uint8_t *p = tlv + 2;

	ret_info->system_priority = get16(p);
	memcpy(ret_info->system, p + 2, sizeof(ret_info->system));
	ret_info->key = get16(p + 8);
	ret_info->port_priority = get16(p + 10);
	ret_info->port = get16(p + 12);
	ret_info->state = p[14];
}

static void
info_write(uint8_t *tlv, uint8_t type, const struct lacp_info *info)
{
	uint8_t *p = tlv + 2;

	tlv[0] = type;
	tlv[1] = INFO_LEN;
	put16(p, info->system_priority);
	memcpy(p + 2, info->system, sizeof(info->system));
	put16(p + 8, info->key);
	put16(p + 10, info->port_priority);
	put16(p + 12, info->port);
	p[14] = info->state;
}

static bool
tlv_is(const uint8_t *tlv, uint8_t type, uint8_t len)
{
	return tlv[0] == type && tlv[1] == len;
}

enum slow_kind
slow_parse(const uint8_t *frame, size_t len, struct lacp_pdu *ret_pdu)
{
	if (len < LACP_FRAME_LEN || memcmp(frame, slow_address, sizeof(slow_address)) != 0 ||
	    get16(frame + AT_TYPE) != SLOW_ETHERTYPE)
		return SLOW_OTHER;
	switch (frame[AT_SUBTYPE]) {
	case SUBTYPE_LACP:
		if (!tlv_is(frame + AT_ACTOR, TLV_ACTOR, INFO_LEN) ||
		    !tlv_is(frame + AT_PARTNER, TLV_PARTNER, INFO_LEN))
			return SLOW_OTHER;
		info_read(frame + AT_ACTOR, &ret_pdu->actor);
		info_read(frame + AT_PARTNER, &ret_pdu->partner);
		return SLOW_LACP;
	case SUBTYPE_MARKER:
		return tlv_is(frame + AT_MARKER, TLV_MARKER, MARKER_LEN) ? SLOW_MARKER : SLOW_OTHER;
	default:
		return SLOW_OTHER;
	}
}

bool
slow_is_lacp(const uint8_t frame[LACP_FRAME_LEN])
{
	return frame[AT_SUBTYPE] == SUBTYPE_LACP;
}

static void
header_write(uint8_t *frame, const uint8_t source[6], uint8_t subtype)
{
	memset(frame, 0, LACP_FRAME_LEN);
	memcpy(frame, slow_address, sizeof(slow_address));
	memcpy(frame + 6, source, 6);
	put16(frame + AT_TYPE, SLOW_ETHERTYPE);
	frame[AT_SUBTYPE] = subtype;
	frame[AT_VERSION] = VERSION;
}

void
lacp_pdu_build(uint8_t ret_frame[LACP_FRAME_LEN], const uint8_t source[6],
	       const struct lacp_pdu *pdu)
{
	header_write(ret_frame, source, SUBTYPE_LACP);
	info_write(ret_frame + AT_ACTOR, TLV_ACTOR, &pdu->actor);
	info_write(ret_frame + AT_PARTNER, TLV_PARTNER, &pdu->partner);
	/* we collect without delay: the value stays 0; so does the terminator */
	ret_frame[AT_COLLECTOR] = TLV_COLLECTOR;
	ret_frame[AT_COLLECTOR + 1] = COLLECTOR_LEN;
}

void
marker_answer(uint8_t ret_frame[LACP_FRAME_LEN], const uint8_t source[6], const uint8_t *frame)
{
	header_write(ret_frame, source, SUBTYPE_MARKER);
	memcpy(ret_frame + AT_MARKER, frame + AT_MARKER, MARKER_LEN);
	ret_frame[AT_MARKER] = TLV_MARKER_ANSWER;
}

const char *
lacp_state_words(uint8_t state, char ret_text[LACP_WORDS_SIZE])
{
	static const char *const words[LACP_STATE_BITS][2] = {
		{ "passive", "active" }, { "long", "short" },  { "individual", "aggregation" },
		{ "", "sync" },          { "", "collecting" }, { "", "distributing" },
		{ "", "defaulted" },     { "", "expired" },
	};
	size_t used = 0;

	for (unsigned int bit = 0; bit < LACP_STATE_BITS; bit++) {
		const char *word = words[bit][state >> bit & 1];

		if (*word != '\0')
			used += (size_t)snprintf(ret_text + used, LACP_WORDS_SIZE - used, "%s%s",
						 used > 0 ? " " : "", word);
	}
	return ret_text;
}
