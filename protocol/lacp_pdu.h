/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of the Slow Protocols that link aggregation uses: LACPDUs (IEEE 802.1AX-2014, 6.4.2.3) and
 * Marker PDUs (6.5.3.3), read and written.
 *
 * What is read comes from anybody: only lengths, types and the frame's end are checked here, the
 * meaning is the state machine's business. As the standard asks, neither the version nor reserved
 * bytes are looked at.
 *
 * Thread-safety: functions without state.
 */
#ifndef PROTOCOL_LACP_PDU_H
#define PROTOCOL_LACP_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOW_ETHERTYPE 0x8809
#define LACP_FRAME_LEN 124 /* bytes: Ethernet header and 110, without FCS */

/* Bits of a port's state, 6.4.2.3 l). */
enum lacp_flag {
	LACP_ACTIVITY = 1 << 0,     /* active: speaks first */
	LACP_TIMEOUT = 1 << 1,      /* short: wants a PDU every second */
	LACP_AGGREGATION = 1 << 2,  /* may be aggregated */
	LACP_SYNC = 1 << 3,         /* it is in the right aggregation */
	LACP_COLLECTING = 1 << 4,   /* takes frames */
	LACP_DISTRIBUTING = 1 << 5, /* sends frames */
	LACP_DEFAULTED = 1 << 6,    /* has heard of no partner */
	LACP_EXPIRED = 1 << 7,      /* its partner is silent */
};
#define LACP_STATE_BITS 8

/* What a LACPDU says of either end. */
struct lacp_info {
	uint8_t system[6]; /* MAC address that names the system */
	uint16_t system_priority;
	uint16_t key; /* ports of one system and key may be aggregated */
	uint16_t port_priority;
	uint16_t port;
	uint8_t state; /* enum lacp_flag */
};

struct lacp_pdu {
	struct lacp_info actor; /* of the sender */
	struct lacp_info partner;
};

enum slow_kind {
	SLOW_OTHER, /* not for us: another subtype, or damaged */
	SLOW_LACP,
	SLOW_MARKER, /* wants an answer */
};

/**
 * slow_parse() - what is it, and what does it say?
 * @frame, @len: the frame from its destination on, untagged, at least its first LACP_FRAME_LEN
 *	bytes.
 * @ret_pdu: filled if it is SLOW_LACP.
 */
enum slow_kind slow_parse(const uint8_t *frame, size_t len, struct lacp_pdu *ret_pdu);

/** slow_is_lacp() - is a frame that was built here a LACPDU, or the answer to a marker? */
bool slow_is_lacp(const uint8_t frame[LACP_FRAME_LEN]);

/**
 * lacp_pdu_build() - write a LACPDU.
 * @source: address of the port that sends it.
 * @pdu: what it says.
 */
void lacp_pdu_build(uint8_t ret_frame[LACP_FRAME_LEN], const uint8_t source[6],
		    const struct lacp_pdu *pdu);

/**
 * marker_answer() - write the answer to a Marker PDU.
 * @frame: one that slow_parse() called SLOW_MARKER.
 */
void marker_answer(uint8_t ret_frame[LACP_FRAME_LEN], const uint8_t source[6],
		   const uint8_t *frame);

/**
 * lacp_state_words() - the state's bits in words, such as "active short aggregation".
 * Return: @ret_text.
 */
#define LACP_WORDS_SIZE 96
const char *lacp_state_words(uint8_t state, char ret_text[LACP_WORDS_SIZE]);

#endif /* PROTOCOL_LACP_PDU_H */
