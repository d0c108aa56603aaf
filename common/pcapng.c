/* SPDX-License-Identifier: BSD-3-Clause */
#include "pcapng.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK_LEN_MAX (16u << 20) /* of what others have written: as much as Wireshark takes */
#define NSEC_RESOLUTION 9

static_assert(sizeof(struct pcapng_packet_head) == 28, "as in the file");

/* A block that is being written. */
struct out {
	uint8_t *to;
	size_t room;
	size_t len;
	bool full; /* it does not fit */
};

static void
put(struct out *out, const void *bytes, size_t len)
{
	if (out->full || len > out->room - out->len) {
		out->full = true;
		return;
	}
	if (len > 0)
		memcpy(out->to + out->len, bytes, len);
	out->len += len;
}

static void
put_u16(struct out *out, uint16_t value)
{
	put(out, &value, sizeof(value));
}

static void
put_u32(struct out *out, uint32_t value)
{
	put(out, &value, sizeof(value));
}

static void
pad(struct out *out)
{
	put(out, "\0\0\0", -out->len & 3);
}

static void
put_option(struct out *out, uint16_t code, const void *value, size_t len)
{
	put_u16(out, code);
	put_u16(out, (uint16_t)len);
	put(out, value, len);
	pad(out);
}

static void
put_text(struct out *out, uint16_t code, const char *text)
{
	if (text != NULL && *text != '\0')
		put_option(out, code, text, strnlen(text, PCAPNG_TEXT_MAX));
}

static void
put_number(struct out *out, uint16_t code, uint64_t number)
{
	put_option(out, code, &number, sizeof(number));
}

/* A time in two words, the high one first. */
static void
put_time(struct out *out, uint64_t time)
{
	put_u32(out, (uint32_t)(time >> 32));
	put_u32(out, (uint32_t)time);
}

static struct out
block_begin(uint8_t *to, size_t room, enum pcapng_block_type type)
{
	struct out out = { .to = to, .room = room };

	put_u32(&out, type);
	put_u32(&out, 0);
	return out;
}

/* Return: the block's length, or 0. */
static size_t
block_end(struct out *out)
{
	const uint32_t len = (uint32_t)out->len + sizeof(len);

	put_u32(out, len);
	if (out->full)
		return 0;
	memcpy(out->to + sizeof(uint32_t), &len, sizeof(len));
	return len;
}

size_t
pcapng_section(uint8_t *to, size_t room, const char *os, const char *application)
{
	struct out out = block_begin(to, room, PCAPNG_SECTION);

	put_u32(&out, PCAPNG_MAGIC);
	put_u16(&out, 1); /* version 1.0 */
	put_u16(&out, 0);
	put_u32(&out, UINT32_MAX); /* how long it will be nobody knows */
	put_u32(&out, UINT32_MAX);
	put_text(&out, PCAPNG_SHB_OS, os);
	put_text(&out, PCAPNG_SHB_APPLICATION, application);
	put_u32(&out, PCAPNG_OPT_END);
	return block_end(&out);
}

/* A filter is text of libpcap's (0), and not a program. */
static void
put_filter(struct out *out, const char *filter)
{
	uint8_t value[1 + PCAPNG_TEXT_MAX] = { 0 };
	size_t len;

	if (filter == NULL || *filter == '\0')
		return;
	len = strnlen(filter, PCAPNG_TEXT_MAX);
	memcpy(value + 1, filter, len);
	put_option(out, PCAPNG_IF_FILTER, value, 1 + len);
}

size_t
pcapng_interface(uint8_t *to, size_t room, const struct pcapng_interface *interface)
{
	struct out out = block_begin(to, room, PCAPNG_INTERFACE);
	const uint8_t resolution = NSEC_RESOLUTION;

	put_u16(&out, PCAPNG_LINK_ETHERNET);
	put_u16(&out, 0);
	put_u32(&out, interface->length);
	put_text(&out, PCAPNG_IF_NAME, interface->name);
	put_text(&out, PCAPNG_IF_DESCRIPTION, interface->description);
	if (interface->mac != NULL)
		put_option(&out, PCAPNG_IF_MAC, interface->mac, 6);
	put_option(&out, PCAPNG_IF_TSRESOL, &resolution, sizeof(resolution));
	put_filter(&out, interface->filter);
	put_u32(&out, PCAPNG_OPT_END);
	return block_end(&out);
}

size_t
pcapng_packet(uint8_t *to, size_t room, const struct pcapng_packet *packet)
{
	struct out out = block_begin(to, room, PCAPNG_PACKET);
	const uint32_t flags = packet->direction;

	put_u32(&out, packet->interface);
	put_time(&out, packet->time);
	put_u32(&out, packet->data_len);
	put_u32(&out, packet->len);
	put(&out, packet->data, packet->data_len);
	pad(&out);
	if (flags != 0)
		put_option(&out, PCAPNG_EPB_FLAGS, &flags, sizeof(flags));
	if (packet->lost != 0)
		put_number(&out, PCAPNG_EPB_DROPCOUNT, packet->lost);
	put_text(&out, PCAPNG_OPT_COMMENT, packet->comment);
	put_u32(&out, PCAPNG_OPT_END);
	return block_end(&out);
}

static void
put_time_option(struct out *out, uint16_t code, uint64_t time)
{
	put_u16(out, code);
	put_u16(out, 8);
	put_time(out, time);
}

size_t
pcapng_statistics(uint8_t *to, size_t room, const struct pcapng_statistics *statistics)
{
	struct out out = block_begin(to, room, PCAPNG_STATISTICS);

	put_u32(&out, statistics->interface);
	put_time(&out, statistics->time);
	put_time_option(&out, PCAPNG_ISB_STARTTIME, statistics->begun);
	put_time_option(&out, PCAPNG_ISB_ENDTIME, statistics->time);
	put_number(&out, PCAPNG_ISB_IFRECV, statistics->seen);
	put_number(&out, PCAPNG_ISB_FILTERACCEPT, statistics->matched);
	put_number(&out, PCAPNG_ISB_OSDROP, statistics->missed);
	put_number(&out, PCAPNG_ISB_USRDELIV, statistics->delivered);
	put_text(&out, PCAPNG_OPT_COMMENT, statistics->comment);
	put_u32(&out, PCAPNG_OPT_END);
	return block_end(&out);
}

/* --- reading --- */

static uint32_t
get_u32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static uint16_t
get_u16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

size_t
pcapng_block_len(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint32_t block_len;

	if (len < sizeof(struct pcapng_block))
		return 0;
	block_len = get_u32(at + 4);
	if (block_len < PCAPNG_BLOCK_MIN || block_len % 4 != 0 || block_len > BLOCK_LEN_MAX)
		return SIZE_MAX;
	if (block_len > len)
		return 0;
	return get_u32(at + block_len - 4) == block_len ? block_len : SIZE_MAX;
}

const void *
pcapng_option(const void *block, size_t fixed, uint16_t code, size_t *ret_len)
{
	const uint8_t *at = block;
	const size_t end = get_u32(at + 4) - 4;
	size_t here = (fixed + 3) & ~(size_t)3;

	while (here + 4 <= end) {
		const uint16_t option = get_u16(at + here);
		const size_t len = get_u16(at + here + 2);

		if (option == PCAPNG_OPT_END || len > end - here - 4)
			break;
		if (option == code) {
			*ret_len = len;
			return at + here + 4;
		}
		here += 4 + ((len + 3) & ~(size_t)3);
	}
	return NULL;
}
