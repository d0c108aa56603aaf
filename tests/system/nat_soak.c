/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Thousands of flows through a NAT, each packet looked at on both sides. test_nat_soak.py runs it.
 *
 *	nat_soak SECONDS FLOWS TIMEOUT LOW-HIGH EXT[,EXT] OUTSIDE INSIDE [INSIDE]
 *
 * OUTSIDE and INSIDE are NETNS:INTERFACE:MAC, the MAC the router's there; flow N is of inside N
 * modulo their number, from addresses 10.(5 + inside).0.0/16, which must be routed to that
 * interface, to remote addresses 203.0.113.0/24, which must be routed to the outside one. The NAT
 * has endpoint-independent mapping, ports LOW to HIGH of addresses EXT, and all timeouts set to
 * TIMEOUT seconds.
 *
 * A flow is UDP, TCP (with handshake and end) or ICMP queries. It asks and is answered about once
 * a second, some times, and then is silent: for a moment, or so long that its session ends and its
 * port is another's. Some endpoints have two flows. What must hold:
 *  - what arrives outside is what was sent, with an external address and port, right checksums, one
 *    hop less; and the answer to it arrives inside, at who asked, in the same way;
 *  - an endpoint's external port stays while it speaks (what it should not lose, it has not lost);
 *  - no two endpoints have one external port at the same time.
 * A packet that is lost is sent again, some times, since a machine that is busy may lose some. No
 * more than WINDOW flows wait for answers at a time: a machine that is slow asks less often.
 *
 * Prints one line of JSON. Exit status: 0 all of it held, 1 not, 2 it could not be tried.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAGIC 0x6e617421u
#define SIDES_MAX 4
#define EXTS_MAX 64
#define BATCH 64
#define FRAME_MAX 256
#define PAYLOAD_LEN 40
#define SLOT_MSEC 5
#define SLOTS 4096
#define WINDOW 512
#define RESENDS_MAX 8
#define RESEND_MSEC 400
#define SURE_MSEC 1600 /* before its timeout a session has not ended yet: seconds are rounded */
#define ERRORS_SHOWN 10

enum kind { UDP, TCP, ICMP, KINDS };
static const uint8_t protos[KINDS] = { IPPROTO_UDP, IPPROTO_TCP, IPPROTO_ICMP };

enum { FIN = 1, SYN = 2, PSH = 8, ACK = 16 };

/* What a packet carries. */
struct payload {
	uint32_t magic;
	uint32_t flow;
	uint32_t number;
	uint32_t answer; /* 0: asks */
	uint8_t fill[PAYLOAD_LEN - 16];
};

/* An inside address and port. */
struct endpoint {
	uint32_t ext_ip; /* network order; 0: not known */
	uint16_t ext_port;
	uint64_t seen; /* msec: when it last spoke */
};

struct flow {
	struct flow *next; /* in its slot */
	uint64_t due;      /* msec */
	uint64_t answered; /* msec: last; 0: never */
	uint32_t number;   /* of its last question */
	uint8_t tcp_flags; /* of that */
	uint8_t left;      /* questions until it is silent */
	uint8_t resends;
	bool waits; /* for an answer */
};

struct side {
	int fd;
	uint8_t mac[6], router[6];
	unsigned int n; /* frames in the batch */
	uint8_t frames[BATCH][FRAME_MAX];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
};

static struct side sides[SIDES_MAX]; /* the first is outside */
static unsigned int n_insides;
static uint32_t exts[EXTS_MAX];
static unsigned int n_exts;
static uint16_t port_low, port_high;
static uint64_t timeout_msec;
static struct flow *flows;
static struct endpoint *endpoints;
static uint32_t n_flows, n_waiting;
static struct flow *slots[SLOTS];
static uint32_t *owners[KINDS]; /* endpoint + 1 by external address and port */
static unsigned int seed = 1;

static struct {
	uint64_t asked, answered, resent, silences, mappings, ports_reused;
	uint64_t wrong, moved, shared, lost;
} counts;

static uint64_t
now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void
quit(const char *what)
{
	fprintf(stderr, "nat_soak: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void
fault(uint64_t *count, uint32_t flow, const char *what)
{
	if ((*count)++ < ERRORS_SHOWN)
		fprintf(stderr, "flow %u: %s\n", flow, what);
}

/* --- who a flow is: all by its number --- */

/* One in four has two flows. */
static uint32_t
endpoint_of(uint32_t flow)
{
	return flow / 2 % 4 == 0 ? flow & ~1u : flow;
}

static unsigned int
inside_of(uint32_t flow)
{
	return endpoint_of(flow) / 2 % n_insides;
}

static enum kind
kind_of(uint32_t flow)
{
	const uint32_t which = endpoint_of(flow) / 2 / n_insides % 5;

	return which < 2 ? UDP : which < 4 ? TCP : ICMP;
}

static uint32_t
inside_ip(uint32_t flow)
{
	return htonl(0x0a050000u + (inside_of(flow) << 16) + 2 + endpoint_of(flow) % 200);
}

static uint16_t
inside_port(uint32_t flow)
{
	/* some of them in the range of external ports */
	return htons((uint16_t)(port_low - 500 + endpoint_of(flow) / 200 * 97 % 2000));
}

static uint32_t
remote_ip(uint32_t flow)
{
	return htonl(0xcb007100u + 1 + flow % 250);
}

static uint16_t
remote_port(uint32_t flow)
{
	return htons((uint16_t)(1000 + flow));
}

/* --- packets --- */

static uint32_t
sum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return len % 2 ? sum + ((uint32_t)bytes[len - 1] << 8) : sum;
}

static uint16_t
sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t
l4_sum(const uint8_t *ip, uint16_t len, uint8_t proto)
{
	uint32_t sum = 0;

	if (proto != IPPROTO_ICMP)
		sum = sum_add(sum, ip + 12, 8) + proto + len;
	return sum_end(sum_add(sum, ip + 20, len));
}

static void
put16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, 2);
}

static uint16_t
get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, 2);
	return value;
}

static const uint8_t l4_lens[KINDS] = { [UDP] = 8, [TCP] = 20, [ICMP] = 8 };
static const uint8_t sum_offsets[KINDS] = { [UDP] = 6, [TCP] = 16, [ICMP] = 2 };

struct addresses {
	uint32_t src, dst;
	uint16_t sport, dport; /* ICMP: the id twice */
};

static void
side_flush(struct side *side)
{
	for (unsigned int done = 0; done < side->n;) {
		int n = sendmmsg(side->fd, side->msgs + done, side->n - done, 0);

		if (n < 0 && errno != ENOBUFS && errno != EINTR)
			quit("sendmmsg");
		done += n > 0 ? (unsigned int)n : 0;
	}
	side->n = 0;
}

static void
packet_send(struct side *side, enum kind kind, const struct addresses *a, uint8_t tcp_flags,
	    const struct payload *payload)
{
	const uint16_t len = l4_lens[kind] + sizeof(*payload);
	uint8_t *frame = side->frames[side->n], *ip = frame + 14, *l4 = ip + 20;
	uint16_t sum;

	memset(frame, 0, 14 + 20 + l4_lens[kind]);
	memcpy(frame, side->router, 6);
	memcpy(frame + 6, side->mac, 6);
	put16(frame + 12, htons(ETHERTYPE_IP));
	ip[0] = 0x45;
	put16(ip + 2, htons(20 + len));
	put16(ip + 4, htons((uint16_t)payload->number));
	ip[8] = 64;
	ip[9] = protos[kind];
	memcpy(ip + 12, &a->src, 4);
	memcpy(ip + 16, &a->dst, 4);
	put16(ip + 10, htons(sum_end(sum_add(0, ip, 20))));
	if (kind == ICMP) {
		l4[0] = payload->answer ? 0 : 8;
		put16(l4 + 4, payload->answer ? a->dport : a->sport);
	} else {
		put16(l4, a->sport);
		put16(l4 + 2, a->dport);
	}
	if (kind == UDP)
		put16(l4 + 4, htons(len));
	if (kind == TCP) {
		l4[12] = 5 << 4;
		l4[13] = tcp_flags;
		put16(l4 + 14, htons(1000));
	}
	memcpy(l4 + l4_lens[kind], payload, sizeof(*payload));
	sum = l4_sum(ip, len, protos[kind]);
	/* RFC 768: 0 is none */
	put16(l4 + sum_offsets[kind], htons(kind == UDP && sum == 0 ? 0xffff : sum));
	side->iov[side->n].iov_len = 14 + 20 + len;
	if (++side->n == BATCH)
		side_flush(side);
}

/* A packet of ours? Return: its payload, or NULL. */
static const struct payload *
packet_read(const uint8_t *frame, size_t len, enum kind *ret_kind, struct addresses *ret,
	    bool *ret_right)
{
	const uint8_t *ip = frame + 14, *l4 = ip + 20;
	const struct payload *payload;
	uint16_t l4_len;
	int kind;

	if (len < 14 + 28 + sizeof(*payload) || get16(frame + 12) != htons(ETHERTYPE_IP) ||
	    ip[0] != 0x45)
		return NULL;
	for (kind = 0; kind < KINDS && protos[kind] != ip[9]; kind++)
		;
	if (kind == KINDS || len < 14u + 20 + l4_lens[kind] + sizeof(*payload))
		return NULL;
	payload = (const struct payload *)(const void *)(l4 + l4_lens[kind]);
	if (payload->magic != MAGIC || payload->flow >= n_flows)
		return NULL;
	l4_len = l4_lens[kind] + sizeof(*payload);
	memcpy(&ret->src, ip + 12, 4);
	memcpy(&ret->dst, ip + 16, 4);
	ret->sport = kind == ICMP ? get16(l4 + 4) : get16(l4);
	ret->dport = kind == ICMP ? get16(l4 + 4) : get16(l4 + 2);
	*ret_kind = kind;
	*ret_right = sum_end(sum_add(0, ip, 20)) == 0 && ntohs(get16(ip + 2)) == 20 + l4_len &&
		     ip[8] == 63 && get16(ip + 4) == htons((uint16_t)payload->number) &&
		     get16(ip + 6) == 0 && l4_sum(ip, l4_len, protos[kind]) == 0;
	for (size_t i = 0; i < sizeof(payload->fill); i++)
		*ret_right &= payload->fill[i] == (uint8_t)(payload->number + i);
	return payload;
}

/* --- flows --- */

static void
flow_at(uint32_t flow, uint64_t due)
{
	struct flow **slot = &slots[due / SLOT_MSEC % SLOTS];

	flows[flow].due = due;
	flows[flow].next = *slot;
	*slot = &flows[flow];
}

static unsigned int
random_to(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

static void
ask(uint32_t flow, uint64_t now)
{
	struct flow *f = &flows[flow];
	const struct addresses a = {
		.src = inside_ip(flow),
		.dst = remote_ip(flow),
		.sport = inside_port(flow),
		.dport = remote_port(flow),
	};
	struct payload payload = { .magic = MAGIC, .flow = flow, .number = f->number };

	for (size_t i = 0; i < sizeof(payload.fill); i++)
		payload.fill[i] = (uint8_t)(payload.number + i);
	packet_send(&sides[1 + inside_of(flow)], kind_of(flow), &a, f->tcp_flags, &payload);
	flow_at(flow, now + RESEND_MSEC);
}

static void
ask_next(uint32_t flow, uint64_t now)
{
	struct flow *f = &flows[flow];

	/* it was silent, or had to wait so long for its turn that its session may have ended */
	if (f->left == 0 || now - f->answered + SURE_MSEC > timeout_msec) {
		f->left = 3 + random_to(10);
		f->tcp_flags = SYN;
	} else {
		f->tcp_flags = f->left == 1 ? FIN | ACK : PSH | ACK;
	}
	f->number++;
	f->resends = 0;
	f->waits = true;
	n_waiting++;
	counts.asked++;
	ask(flow, now);
}

/* Its time has come: to ask, or to ask again. */
static void
flow_due(uint32_t flow, uint64_t now)
{
	struct flow *f = &flows[flow];

	if (!f->waits && n_waiting >= WINDOW) {
		flow_at(flow, now + SLOT_MSEC);
		return;
	}
	if (!f->waits) {
		ask_next(flow, now);
		return;
	}
	if (f->resends++ == RESENDS_MAX) {
		fault(&counts.lost, flow, "it gets no answer any more");
		f->waits = false;
		n_waiting--;
		f->left = 0;
		flow_at(flow, now + 1000);
		return;
	}
	counts.resent++;
	ask(flow, now);
}

static void
answered(uint32_t flow, uint64_t now)
{
	struct flow *f = &flows[flow];
	struct flow **at = &slots[f->due / SLOT_MSEC % SLOTS];
	uint64_t wait;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	counts.answered++;
	f->waits = false;
	n_waiting--;
	f->answered = now;
	wait = 500 + random_to(900);
	if (--f->left == 0 && random_to(2) == 0) {
		counts.silences++;
		wait = timeout_msec + 3000 + random_to(3000);
	}
	flow_at(flow, now + wait);
}

/* --- both ends --- */

static int
ext_index(uint32_t ip)
{
	for (unsigned int i = 0; i < n_exts; i++)
		if (exts[i] == ip)
			return (int)i;
	return -1;
}

/* Is its external port its own, and the one that it had? */
static void
mapping_check(uint32_t flow, enum kind kind, uint32_t ip, uint16_t port, uint64_t now)
{
	struct endpoint *e = &endpoints[endpoint_of(flow)];
	const int index = ext_index(ip);
	uint32_t *owner;

	if (index < 0 || ntohs(port) < port_low || ntohs(port) > port_high) {
		fault(&counts.wrong, flow, "external address or port out of range");
		return;
	}
	owner = &owners[kind][index << 16 | ntohs(port)];
	if (e->ext_ip != ip || e->ext_port != port) {
		if (e->ext_ip != 0 && now - e->seen + SURE_MSEC < timeout_msec)
			fault(&counts.moved, flow, "its external port has changed");
		if (*owner != 0 && *owner != endpoint_of(flow) + 1) {
			const struct endpoint *other = &endpoints[*owner - 1];

			counts.ports_reused++;
			if (other->ext_ip == ip && other->ext_port == port &&
			    now - other->seen + SURE_MSEC < timeout_msec)
				fault(&counts.shared, flow, "its external port is another's");
		}
		counts.mappings++;
		e->ext_ip = ip;
		e->ext_port = port;
		*owner = endpoint_of(flow) + 1;
	}
	e->seen = now;
}

static void
outside_in(const uint8_t *frame, size_t len, uint64_t now)
{
	struct payload reply;
	const struct payload *payload;
	struct addresses a, back;
	enum kind kind;
	uint32_t flow;
	bool right;

	payload = packet_read(frame, len, &kind, &a, &right);
	if (payload == NULL)
		return;
	memcpy(&reply, payload, sizeof(reply));
	flow = reply.flow;
	if (!right || reply.answer || kind != kind_of(flow) || a.dst != remote_ip(flow) ||
	    (kind != ICMP && a.dport != remote_port(flow)))
		fault(&counts.wrong, flow, "arrived outside, and not as it was sent");
	mapping_check(flow, kind, a.src, a.sport, now);
	reply.answer = 1;
	back = (struct addresses){
		.src = a.dst,
		.dst = a.src,
		.sport = a.dport,
		.dport = a.sport,
	};
	packet_send(&sides[0], kind, &back,
		    frame[14 + 20 + 13] & FIN ? FIN | ACK :
		    frame[14 + 20 + 13] & SYN ? SYN | ACK :
						PSH | ACK,
		    &reply);
}

static void
inside_in(unsigned int inside, const uint8_t *frame, size_t len, uint64_t now)
{
	const struct payload *payload;
	struct addresses a;
	enum kind kind;
	uint32_t flow;
	bool right;

	payload = packet_read(frame, len, &kind, &a, &right);
	if (payload == NULL)
		return;
	flow = payload->flow;
	if (!right || !payload->answer || kind != kind_of(flow) || inside != inside_of(flow) ||
	    a.src != remote_ip(flow) || a.dst != inside_ip(flow) || a.dport != inside_port(flow) ||
	    (kind != ICMP && a.sport != remote_port(flow))) {
		fault(&counts.wrong, flow, "an answer is not as it was sent, or not to who asked");
		if (counts.wrong <= ERRORS_SHOWN)
			fprintf(stderr,
				"  kind %d right %d number %u (%u), to %08x:%u from %08x:%u, asked "
				"by "
				"%08x:%u of %08x:%u, which was %08x:%u outside\n",
				kind, right, payload->number, flows[flow].number, ntohl(a.dst),
				ntohs(a.dport), ntohl(a.src), ntohs(a.sport),
				ntohl(inside_ip(flow)), ntohs(inside_port(flow)),
				ntohl(remote_ip(flow)), ntohs(remote_port(flow)),
				ntohl(endpoints[endpoint_of(flow)].ext_ip),
				ntohs(endpoints[endpoint_of(flow)].ext_port));
		return;
	}
	endpoints[endpoint_of(flow)].seen = now;
	if (flows[flow].waits && payload->number == flows[flow].number)
		answered(flow, now);
}

static void
side_receive(unsigned int s, uint64_t now)
{
	static uint8_t frames[BATCH][FRAME_MAX];
	struct iovec iov[BATCH];
	struct mmsghdr msgs[BATCH];
	int n;

	memset(msgs, 0, sizeof(msgs));
	for (unsigned int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){ frames[i], FRAME_MAX };
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(sides[s].fd, msgs, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		if (s == 0)
			outside_in(frames[i], msgs[i].msg_len, now);
		else
			inside_in(s - 1, frames[i], msgs[i].msg_len, now);
	}
}

/* --- the program --- */

static void
side_open(struct side *side, char *text)
{
	char *netns = strtok(text, ":"), *ifname = strtok(NULL, ":"), *mac = strtok(NULL, "");
	const int size = 64 << 20, one = 1;
	struct sockaddr_ll addr = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	socklen_t len = sizeof(addr);
	char path[128];
	int fd;

	if (mac == NULL ||
	    sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &side->router[0], &side->router[1],
		   &side->router[2], &side->router[3], &side->router[4], &side->router[5]) != 6)
		quit("a side is not NETNS:INTERFACE:MAC");
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		quit(path);
	close(fd);
	side->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	addr.sll_ifindex = (int)if_nametoindex(ifname);
	if (side->fd < 0 ||
	    setsockopt(side->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0 ||
	    setsockopt(side->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0 ||
	    bind(side->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    getsockname(side->fd, (struct sockaddr *)&addr, &len) < 0)
		quit(ifname);
	memcpy(side->mac, addr.sll_addr, 6);
	for (unsigned int i = 0; i < BATCH; i++) {
		side->iov[i].iov_base = side->frames[i];
		side->msgs[i].msg_hdr.msg_iov = &side->iov[i];
		side->msgs[i].msg_hdr.msg_iovlen = 1;
	}
}

static void
arguments(int argc, char **argv)
{
	unsigned int low, high;

	if (argc < 8 || argc - 7 >= SIDES_MAX || sscanf(argv[4], "%u-%u", &low, &high) != 2 ||
	    low < 1000 || high > 65535) {
		fprintf(stderr, "usage: nat_soak SECONDS FLOWS TIMEOUT LOW-HIGH EXT[,EXT] OUTSIDE "
				"INSIDE...\n");
		exit(2);
	}
	n_flows = (uint32_t)atoi(argv[2]);
	timeout_msec = (uint64_t)atoi(argv[3]) * 1000;
	port_low = (uint16_t)low;
	port_high = (uint16_t)high;
	for (char *word = strtok(argv[5], ","); word != NULL && n_exts < EXTS_MAX;
	     word = strtok(NULL, ","))
		if (inet_pton(AF_INET, word, &exts[n_exts++]) != 1)
			quit(word);
	n_insides = (unsigned int)argc - 7;
	for (unsigned int s = 0; s <= n_insides; s++)
		side_open(&sides[s], argv[6 + s]);
	flows = calloc(n_flows, sizeof(flows[0]));
	endpoints = calloc(n_flows, sizeof(endpoints[0]));
	for (unsigned int k = 0; k < KINDS; k++)
		owners[k] = calloc(EXTS_MAX << 16, sizeof(owners[k][0]));
	if (flows == NULL || endpoints == NULL || owners[UDP] == NULL || owners[TCP] == NULL ||
	    owners[ICMP] == NULL)
		quit("memory");
}

/* All flows of the slots up to now. */
static void
slots_run(uint64_t *at, uint64_t now)
{
	for (; *at <= now / SLOT_MSEC; (*at)++) {
		struct flow **slot = &slots[*at % SLOTS], *f = *slot, *next;

		*slot = NULL;
		for (; f != NULL; f = next) {
			next = f->next;
			if (f->due / SLOT_MSEC > *at)
				flow_at((uint32_t)(f - flows), f->due);
			else
				flow_due((uint32_t)(f - flows), now);
		}
	}
}

int
main(int argc, char **argv)
{
	struct pollfd fds[SIDES_MAX];
	uint64_t now, at, end;

	arguments(argc, argv);
	now = now_msec();
	at = now / SLOT_MSEC;
	end = now + (uint64_t)atoi(argv[1]) * 1000;
	for (uint32_t i = 0; i < n_flows; i++)
		flow_at(i, now + 10 + random_to(2000));
	for (unsigned int s = 0; s <= n_insides; s++)
		fds[s] = (struct pollfd){ .fd = sides[s].fd, .events = POLLIN };
	while (now < end) {
		if (poll(fds, n_insides + 1, SLOT_MSEC) < 0 && errno != EINTR)
			quit("poll");
		now = now_msec();
		for (unsigned int s = 0; s <= n_insides; s++)
			if (fds[s].revents & POLLIN)
				side_receive(s, now);
		slots_run(&at, now);
		for (unsigned int s = 0; s <= n_insides; s++)
			side_flush(&sides[s]);
	}
	printf("{\"asked\": %llu, \"answered\": %llu, \"resent\": %llu, \"silences\": %llu, "
	       "\"mappings\": %llu, \"ports_reused\": %llu, \"wrong\": %llu, \"moved\": %llu, "
	       "\"shared\": %llu, \"lost\": %llu}\n",
	       (unsigned long long)counts.asked, (unsigned long long)counts.answered,
	       (unsigned long long)counts.resent, (unsigned long long)counts.silences,
	       (unsigned long long)counts.mappings, (unsigned long long)counts.ports_reused,
	       (unsigned long long)counts.wrong, (unsigned long long)counts.moved,
	       (unsigned long long)counts.shared, (unsigned long long)counts.lost);
	return counts.wrong + counts.moved + counts.shared + counts.lost == 0 ? 0 : 1;
}
