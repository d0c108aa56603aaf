/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loop probe: a frame that a bridge sends by a port, to learn whether it comes back by another.
 *
 * How: the frame goes to a group address of our own (03:80:c2:00:00:0f), which other bridges flood,
 * under an Ethertype for local use (0x88b5). It says which bridge has sent it (a random number of
 * this process's), by which port and in which VLAN, and when; SipHash-2-4 under a secret key proves
 * that it was this switch. So nobody can make up a probe, and whoever repeats one that he was sent
 * shows no more than that he is connected to the port that it was sent by. A probe that is too old
 * proves nothing.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef PROTOCOL_LOOP_PROBE_H
#define PROTOCOL_LOOP_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOOP_PROBE_MAC "\x03\x80\xc2\x00\x00\x0f"
#define LOOP_PROBE_ETHERTYPE 0x88b5 /* IEEE 802 local experimental 1 */
#define LOOP_PROBE_FRAME_SIZE 64    /* bytes, with a tag */
#define LOOP_PROBE_BRIDGE_OFFSET 8  /* of the bridge's number, behind the Ethertype */
#define LOOP_PROBE_AGE_MAX 5000     /* ms */

/* Secret of a process. */
struct loop_key {
	uint64_t words[2];
};

struct loop_probe {
	uint64_t bridge;     /* random number of the bridge */
	uint16_t port;       /* id of the port that it was sent by */
	uint16_t generation; /* of that port */
	uint16_t vid;        /* VLAN that it was sent in; 0: none */
	uint64_t msec;       /* when */
};

/**
 * loop_probe_build() - write a probe
 * @probe: what it says
 * @tpid: it wears a tag of its VLAN, with this TPID; 0: none
 * @src: source address, 6 bytes
 * @ret_frame: LOOP_PROBE_FRAME_SIZE bytes
 *
 * Return: bytes. Context: any thread.
 */
size_t loop_probe_build(const struct loop_key *key, const struct loop_probe *probe, uint16_t tpid,
			const uint8_t src[6], uint8_t *ret_frame);

/**
 * loop_probe_parse() - read a frame that may be a probe of ours
 * @frame, @len: from the destination on; a tag, or two, is passed over
 * @msec: now
 * @ret_probe: what it says
 *
 * Return: 0, or -EINVAL: it is none of ours, or too old. Context: any thread.
 */
int loop_probe_parse(const struct loop_key *key, const uint8_t *frame, size_t len, uint64_t msec,
		     struct loop_probe *ret_probe);

/**
 * siphash() - SipHash-2-4, a keyed hash that cannot be forged (Aumasson, Bernstein 2012)
 *
 * Context: any thread.
 */
uint64_t siphash(const struct loop_key *key, const uint8_t *bytes, size_t len);

#endif
