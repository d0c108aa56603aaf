/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pcapng: blocks of capture files (draft-ietf-opsawg-pcapng), in the byte order of this machine.
 *
 * A stream is a section header, and then interfaces, packets and statistics. An interface is named
 * by its number, in the order of the interfaces' blocks. All times are in nanoseconds since 1970.
 *
 * Functions that write a block put it where they are told if it fits there, and return its length,
 * or 0.
 *
 * Thread-safety: pure functions.
 */
#ifndef COMMON_PCAPNG_H
#define COMMON_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

enum pcapng_block_type {
	PCAPNG_SECTION = 0x0a0d0d0a,
	PCAPNG_INTERFACE = 1,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6, /* "enhanced" */
};

#define PCAPNG_MAGIC 0x1a2b3c4du
#define PCAPNG_LINK_ETHERNET 1
#define PCAPNG_BLOCK_MIN 12
#define PCAPNG_TEXT_MAX 1024 /* bytes of a text that is put into a block; the rest is left out */

/* What all blocks begin with; they end with their length once more. */
struct pcapng_block {
	uint32_t type; /* enum pcapng_block_type, or another */
	uint32_t len;  /* bytes: a multiple of 4 */
};

/* What a packet's block begins with; the data follow, and options. */
struct pcapng_packet_head {
	struct pcapng_block block;
	uint32_t interface;
	uint32_t time_high;
	uint32_t time_low;
	uint32_t data_len; /* bytes that follow */
	uint32_t len;      /* bytes of the packet */
};

enum pcapng_direction {
	PCAPNG_UNKNOWN,
	PCAPNG_IN,
	PCAPNG_OUT,
};

struct pcapng_interface {
	const char *name;
	const char *description; /* NULL: none */
	const char *filter;      /* NULL: none */
	const uint8_t *mac;      /* NULL: none */
	uint32_t length;         /* largest length of a packet's data; 0: no limit */
};

struct pcapng_packet {
	uint32_t interface;
	uint64_t time;
	uint32_t len;
	uint32_t data_len;
	const void *data;
	enum pcapng_direction direction;
	const char *comment; /* NULL: none */
	uint64_t lost;       /* packets between the one before and this one */
};

/* Totals of an interface, since the capture began. */
struct pcapng_statistics {
	uint32_t interface;
	uint64_t time;
	uint64_t begun;     /* when */
	uint64_t seen;      /* packets that there were */
	uint64_t matched;   /* by the filter */
	uint64_t missed;    /* of these */
	uint64_t delivered; /* of these */
	const char *comment;
};

/** pcapng_section() - @os, @application: what wrote it; NULL: left out. */
size_t pcapng_section(uint8_t *to, size_t room, const char *os, const char *application);

size_t pcapng_interface(uint8_t *to, size_t room, const struct pcapng_interface *interface);
size_t pcapng_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet);
size_t pcapng_statistics(uint8_t *to, size_t room, const struct pcapng_statistics *statistics);

/**
 * pcapng_option() - look for an option of a block
 * @block: whole and in this byte order, as pcapng_block_len() has found it
 * @fixed: bytes of the block before its options, the block's head included; a packet's data count
 * @code: which
 * @ret_len: bytes of its value
 *
 * Return: its value, or NULL.
 */
const void *pcapng_option(const void *block, size_t fixed, uint16_t code, size_t *ret_len);

/**
 * pcapng_block_len() - is there a whole block?
 * @bytes, @len: what there is
 *
 * Return: its length; 0: there may be when there is more; SIZE_MAX: this is no block.
 */
size_t pcapng_block_len(const void *bytes, size_t len);

/* Codes of options. */
enum pcapng_option_code {
	PCAPNG_OPT_END = 0,
	PCAPNG_OPT_COMMENT = 1,
	PCAPNG_SHB_OS = 3,
	PCAPNG_SHB_APPLICATION = 4,
	PCAPNG_IF_NAME = 2,
	PCAPNG_IF_DESCRIPTION = 3,
	PCAPNG_IF_MAC = 6,
	PCAPNG_IF_TSRESOL = 9,
	PCAPNG_IF_FILTER = 11,
	PCAPNG_EPB_FLAGS = 2,
	PCAPNG_EPB_DROPCOUNT = 4,
	PCAPNG_ISB_STARTTIME = 2,
	PCAPNG_ISB_ENDTIME = 3,
	PCAPNG_ISB_IFRECV = 4,
	PCAPNG_ISB_FILTERACCEPT = 6,
	PCAPNG_ISB_OSDROP = 7,
	PCAPNG_ISB_USRDELIV = 8,
};

#endif
