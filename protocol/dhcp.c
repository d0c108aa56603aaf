/* SPDX-License-Identifier: BSD-3-Clause */
#include "dhcp.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>

#include "wire.h"

/* RFC 2131 2 */
#define AT_OP 0
#define AT_HTYPE 1
#define AT_HLEN 2
#define AT_HOPS 3
#define AT_FLAGS 10
#define AT_CIADDR 12
#define AT_YIADDR 16
#define AT_SIADDR 20
#define AT_GIADDR 24
#define AT_CHADDR 28
#define AT_COOKIE 236
#define AT_OPTIONS 240
#define LEN_MIN 300 /* RFC 1542 2.1: so long was BOOTP */
#define LEN_MAX (DHCP_PACKET_MAX - UDP_HEADERS_LEN)

#define OP_REQUEST 1
#define OP_REPLY 2
#define HTYPE_ETHERNET 1
#define FLAG_BROADCAST 0x8000

/* RFC 2132 but for what is said */
#define OPTION_PAD 0
#define OPTION_NAME 12
#define OPTION_OVERLOAD 52
#define OPTION_TYPE 53
#define OPTION_SERVER 54
#define OPTION_FQDN 81  /* RFC 4702 */
#define OPTION_AGENT 82 /* RFC 3046 */
#define OPTION_END 255
#define FQDN_ENCODED 0x04
#define FQDN_HEAD 3

#define AGENT_CIRCUIT 1
#define AGENT_LINK 5    /* RFC 3527 */
#define AGENT_SERVER 11 /* RFC 5107 */
#define CIRCUIT_LEN 4
#define AGENT_LEN (2 + CIRCUIT_LEN + 2 + 4 + 2 + 4)

static const uint8_t cookie[4] = { 99, 130, 83, 99 };
static const uint8_t no_address[4];

/* An option, or why there is no other. */
struct option {
	uint8_t code;
	uint8_t len;
	const uint8_t *data;
};

/* Walk through options. @at: in: 0 at first. Return: 1, 0 at the end, or -EBADMSG. */
static int
option_next(const uint8_t *bytes, uint32_t len, uint32_t *at, struct option *option)
{
	while (*at < len && bytes[*at] == OPTION_PAD)
		(*at)++;
	if (*at >= len || bytes[*at] == OPTION_END)
		return 0;
	if (len - *at < 2 || len - *at - 2 < bytes[*at + 1])
		return -EBADMSG;
	*option = (struct option){ bytes[*at], bytes[*at + 1], bytes + *at + 2 };
	*at += 2 + option->len;
	return 1;
}

/* --- names --- */

bool
dhcp_name_is_valid(const char *name)
{
	const size_t len = strlen(name);

	if (len == 0 || len >= DHCP_NAME_SIZE || name[0] == '-' || name[len - 1] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isascii((unsigned char)name[i]) ||
		    (!isalnum((unsigned char)name[i]) && name[i] != '-'))
			return false;
	return true;
}

/* The first label of a name, lower case; empty if it is not right. */
static void
read_name(const struct option *option, char name[DHCP_NAME_SIZE])
{
	const uint8_t *at = option->data;
	uint32_t len = option->len, n = 0;

	if (option->code == OPTION_FQDN) {
		const bool encoded = len > 0 && (at[0] & FQDN_ENCODED);

		if (len <= FQDN_HEAD)
			return;
		at += FQDN_HEAD;
		len -= FQDN_HEAD;
		if (encoded) {
			if (at[0] >= len)
				return;
			len = at[0];
			at++;
		}
	}
	while (n < len && n < DHCP_NAME_SIZE - 1 && at[n] != '.' && at[n] != '\0') {
		name[n] = (char)tolower(at[n]);
		n++;
	}
	name[n] = '\0';
	if (!dhcp_name_is_valid(name))
		name[0] = '\0';
}

/* --- what both sides send --- */

static int
read_bootp(const uint8_t *bytes, uint32_t len, uint8_t op, struct dhcp_message *message)
{
	if (len < AT_OPTIONS || bytes[AT_OP] != op || bytes[AT_HTYPE] != HTYPE_ETHERNET ||
	    bytes[AT_HLEN] != 6 || memcmp(bytes + AT_COOKIE, cookie, sizeof(cookie)) != 0)
		return -EBADMSG;
	memset(message, 0, sizeof(*message));
	message->broadcast = wire_get16(bytes + AT_FLAGS) & FLAG_BROADCAST;
	memcpy(message->mac, bytes + AT_CHADDR, 6);
	memcpy(message->ciaddr, bytes + AT_CIADDR, 4);
	memcpy(message->yiaddr, bytes + AT_YIADDR, 4);
	message->bytes = bytes;
	message->len = len;
	return 0;
}

static int
read_type(const struct option *option, struct dhcp_message *message)
{
	if (option->len != 1 || message->type != 0)
		return -EBADMSG;
	message->type = option->data[0];
	return 0;
}

static void
put_option(uint8_t *bytes, uint32_t *at, uint8_t code, const void *data, uint8_t len)
{
	bytes[(*at)++] = code;
	bytes[(*at)++] = len;
	memcpy(bytes + *at, data, len);
	*at += len;
}

/* Copy a message but for some options. Return: where the next option belongs; 0: no room. */
static uint32_t
copy_message(const struct dhcp_message *message, const uint8_t *without, uint32_t room,
	     uint8_t *bytes)
{
	uint32_t at = AT_OPTIONS, from = 0;
	struct option option;

	memcpy(bytes, message->bytes, AT_OPTIONS);
	while (option_next(message->bytes + AT_OPTIONS, message->len - AT_OPTIONS, &from,
			   &option) == 1) {
		if (strchr((const char *)without, option.code) != NULL)
			continue;
		if (at + 2u + option.len > room)
			return 0;
		put_option(bytes, &at, option.code, option.data, option.len);
	}
	return at;
}

/* Return: bytes of the message. */
static uint32_t
end_message(uint8_t *bytes, uint32_t at)
{
	bytes[at++] = OPTION_END;
	if (at < LEN_MIN) {
		memset(bytes + at, 0, LEN_MIN - at);
		at = LEN_MIN;
	}
	return at;
}

/* --- requests --- */

static int
read_request_options(struct dhcp_message *message)
{
	struct option option;
	uint32_t at = 0;
	int ret;

	while ((ret = option_next(message->bytes + AT_OPTIONS, message->len - AT_OPTIONS, &at,
				  &option)) == 1) {
		switch (option.code) {
		case OPTION_TYPE:
			if (read_type(&option, message) < 0)
				return -EBADMSG;
			break;
		case OPTION_AGENT:
			return -EPERM;
		case OPTION_OVERLOAD: /* options where the relay does not look: no client needs it
				       */
			return -EBADMSG;
		case OPTION_NAME:
		case OPTION_FQDN:
			if (message->name[0] == '\0')
				read_name(&option, message->name);
			break;
		default:
			break;
		}
	}
	return ret < 0 || message->type == 0 ? -EBADMSG : 0;
}

static bool
guest_sends(uint8_t type)
{
	return type == DHCP_DISCOVER || type == DHCP_REQUEST || type == DHCP_DECLINE ||
	       type == DHCP_RELEASE || type == DHCP_INFORM;
}

int
dhcp_read_request(const uint8_t *frame, uint32_t len, bool blank, struct dhcp_message *ret_message)
{
	struct dhcp_message message;
	struct udp_packet packet;
	const uint8_t *bytes;
	int ret;

	if (len < WIRE_ETHER_LEN || wire_get16(frame + 12) != WIRE_TYPE_IPV4 ||
	    udp_read(frame + WIRE_ETHER_LEN, len - WIRE_ETHER_LEN, blank, &packet) < 0 ||
	    packet.proto != IPPROTO_UDP || packet.dport != DHCP_SERVER_PORT)
		return -EBADMSG;
	bytes = frame + WIRE_ETHER_LEN + packet.l4 + 8;
	ret = read_bootp(bytes, packet.ip_len - packet.l4 - 8, OP_REQUEST, &message);
	if (ret == 0)
		ret = read_request_options(&message);
	if (ret < 0)
		return ret;
	if (!guest_sends(message.type))
		return -EPROTO;
	if (bytes[AT_HOPS] != 0 || memcmp(bytes + AT_GIADDR, no_address, 4) != 0 ||
	    memcmp(message.mac, frame + 6, 6) != 0 || (message.mac[0] & 1) ||
	    (memcmp(packet.src, no_address, 4) != 0 && memcmp(packet.src, message.ciaddr, 4) != 0))
		return -EPERM;
	*ret_message = message;
	return 0;
}

static void
put_agent(uint8_t *bytes, uint32_t *at, const struct dhcp_circuit *circuit)
{
	uint8_t agent[AGENT_LEN], id[CIRCUIT_LEN];
	uint32_t n = 0;

	wire_put16(id, circuit->port);
	wire_put16(id + 2, circuit->generation);
	put_option(agent, &n, AGENT_CIRCUIT, id, sizeof(id));
	put_option(agent, &n, AGENT_LINK, circuit->link, 4);
	put_option(agent, &n, AGENT_SERVER, circuit->router, 4);
	put_option(bytes, at, OPTION_AGENT, agent, (uint8_t)n);
}

uint32_t
dhcp_write_request(const struct dhcp_message *request, const struct dhcp_circuit *circuit,
		   const char *name, const uint8_t relay[4], const uint8_t server[4],
		   uint8_t *packet)
{
	static const uint8_t without[] = { OPTION_NAME, OPTION_FQDN, 0 };
	const uint32_t own = 2 + DHCP_NAME_SIZE + 2 + AGENT_LEN + 1;
	uint8_t *bytes = packet + UDP_HEADERS_LEN;
	uint32_t at = copy_message(request, without, LEN_MAX - own, bytes);

	if (at == 0)
		return 0;
	bytes[AT_HOPS] = 1;
	memcpy(bytes + AT_GIADDR, relay, 4);
	memset(bytes + AT_YIADDR, 0, 8); /* and siaddr: the server's to fill in */
	if (name[0] != '\0')
		put_option(bytes, &at, OPTION_NAME, name, (uint8_t)strlen(name));
	put_agent(bytes, &at, circuit);
	return udp_write(packet, relay, server, DHCP_SERVER_PORT, DHCP_SERVER_PORT,
			 end_message(bytes, at));
}

uint32_t
dhcp_write_release(const uint8_t mac[6], const uint8_t address[4],
		   const struct dhcp_circuit *circuit, const uint8_t relay[4],
		   const uint8_t server[4], uint8_t *packet)
{
	static const uint8_t type = DHCP_RELEASE;
	uint8_t bytes[LEN_MIN] = { 0 };
	const struct dhcp_message release = { .bytes = bytes, .len = sizeof(bytes) };
	uint32_t at = AT_OPTIONS;

	bytes[AT_OP] = OP_REQUEST;
	bytes[AT_HTYPE] = HTYPE_ETHERNET;
	bytes[AT_HLEN] = 6;
	memcpy(bytes + AT_CIADDR, address, 4);
	memcpy(bytes + AT_CHADDR, mac, 6);
	memcpy(bytes + AT_COOKIE, cookie, sizeof(cookie));
	put_option(bytes, &at, OPTION_TYPE, &type, 1);
	put_option(bytes, &at, OPTION_SERVER, circuit->router, 4);
	bytes[at] = OPTION_END;
	return dhcp_write_request(&release, circuit, "", relay, server, packet);
}

/* --- replies --- */

static int
read_agent(const struct option *agent, struct dhcp_circuit *circuit)
{
	struct option option;
	uint32_t at = 0;
	uint8_t seen = 0;

	/* no pads and no end in here: those would be unknown codes, and no less wrong */
	while (option_next(agent->data, agent->len, &at, &option) == 1) {
		if (option.code == AGENT_CIRCUIT && option.len == CIRCUIT_LEN) {
			circuit->port = wire_get16(option.data);
			circuit->generation = wire_get16(option.data + 2);
			seen |= 1;
		} else if (option.code == AGENT_LINK && option.len == 4) {
			memcpy(circuit->link, option.data, 4);
			seen |= 2;
		} else if (option.code == AGENT_SERVER && option.len == 4) {
			memcpy(circuit->router, option.data, 4);
			seen |= 4;
		}
	}
	return seen == 7 ? 0 : -EBADMSG;
}

static int
read_reply_options(struct dhcp_message *message)
{
	bool has_agent = false;
	struct option option;
	uint32_t at = 0;
	int ret;

	while ((ret = option_next(message->bytes + AT_OPTIONS, message->len - AT_OPTIONS, &at,
				  &option)) == 1) {
		if (option.code == OPTION_TYPE && read_type(&option, message) < 0)
			return -EBADMSG;
		if (option.code != OPTION_AGENT)
			continue;
		if (has_agent || read_agent(&option, &message->circuit) < 0)
			return -EBADMSG;
		has_agent = true;
	}
	return ret == 0 && has_agent ? 0 : -EBADMSG;
}

int
dhcp_read_reply(const uint8_t *ip, uint32_t len, const uint8_t relay[4], const uint8_t server[4],
		struct dhcp_message *ret_message)
{
	struct dhcp_message message;
	struct udp_packet packet;
	const uint8_t *bytes;

	if (udp_read(ip, len, false, &packet) < 0 || packet.proto != IPPROTO_UDP ||
	    packet.dport != DHCP_SERVER_PORT || packet.sport != DHCP_SERVER_PORT ||
	    memcmp(packet.src, server, 4) != 0 || memcmp(packet.dst, relay, 4) != 0)
		return -EBADMSG;
	bytes = ip + packet.l4 + 8;
	if (read_bootp(bytes, packet.ip_len - packet.l4 - 8, OP_REPLY, &message) < 0 ||
	    memcmp(bytes + AT_GIADDR, relay, 4) != 0 || (message.mac[0] & 1) ||
	    read_reply_options(&message) < 0 ||
	    (message.type != DHCP_OFFER && message.type != DHCP_ACK && message.type != DHCP_NAK))
		return -EBADMSG;
	*ret_message = message;
	return 0;
}

uint32_t
dhcp_write_reply(const struct dhcp_message *reply, const uint8_t mac[6], const uint8_t router[4],
		 uint8_t *frame)
{
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const uint8_t without[] = { OPTION_AGENT, 0 };
	uint8_t *bytes = frame + WIRE_ETHER_LEN + UDP_HEADERS_LEN;
	const uint8_t *to = reply->ciaddr, *to_mac = reply->mac;
	uint32_t at = copy_message(reply, without, LEN_MAX - 1, bytes);

	if (at == 0)
		return 0;
	bytes[AT_HOPS] = 0;
	memset(bytes + AT_GIADDR, 0, 4);
	/* RFC 2131 4.1: a guest without an address yet takes what is sent to the one it gets */
	if (memcmp(to, no_address, 4) == 0)
		to = reply->yiaddr;
	if (reply->type == DHCP_NAK || memcmp(to, no_address, 4) == 0 ||
	    (reply->broadcast && memcmp(reply->ciaddr, no_address, 4) == 0)) {
		to = everybody;
		to_mac = everybody;
	}
	at = udp_write(frame + WIRE_ETHER_LEN, router, to, DHCP_SERVER_PORT, DHCP_CLIENT_PORT,
		       end_message(bytes, at));
	wire_ether(frame, to_mac, mac, WIRE_TYPE_IPV4);
	return WIRE_ETHER_LEN + at;
}
