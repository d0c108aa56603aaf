/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NAT: what an operator writes of external addresses, ports and forwardings, text <-> numbers.
 *
 * How: strict readers, as those of addr.h; lists have commas, ranges have a hyphen. A forwarding
 * is "tcp 8080 -> 10.0.0.2:80"; "to" is the same as "->", since shells take the latter away.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_NAT_TEXT_H
#define COMMON_NAT_TEXT_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "prefix.h"

#define NAT_POOL_MAX 1024 /* addresses of a pool */
#define NAT_NETS_MAX 32   /* prefixes of a rule */
#define NAT_DNAT_TEXT_SIZE 80
#define NAT_DNAT_WORDS_MAX 4

/* A forwarding: which packets, and where they go instead. */
struct nat_dnat_text {
	uint8_t proto;         /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP; 0: any */
	struct in_addr ext;    /* INADDR_ANY: not given */
	uint16_t ext_low;      /* ports; 0: it has none (icmp, any) */
	uint16_t ext_high;     /* ext_low .. 65535 */
	struct in_addr inside; /* a station's */
	uint16_t inside_low;   /* what ext_low becomes; the others follow; 0: it has none */
};

/**
 * nat_pool_parse() - read "192.0.2.1-192.0.2.9,192.0.2.20"
 * @ret_addrs: the addresses, in order; NULL: only check
 *
 * Return: how many, -EINVAL (also if one is given twice), -E2BIG (more than NAT_POOL_MAX). Context:
 * any thread.
 */
int nat_pool_parse(const char *text, struct in_addr ret_addrs[NAT_POOL_MAX]);

/**
 * nat_ports_parse() - read "1024-65535" or "4000"
 * @ret_low, @ret_high: 1 .. 65535, untouched on failure
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int nat_ports_parse(const char *text, uint16_t *ret_low, uint16_t *ret_high);

/**
 * nat_nets_parse() - read "10.0.0.0/24,10.1.0.1": IPv4 prefixes without bits behind their lengths
 * @ret_nets: up to @max; NULL: only check
 *
 * Return: how many, -EINVAL, -E2BIG. Context: any thread.
 */
int nat_nets_parse(const char *text, struct ip_prefix *ret_nets, unsigned int max);

/**
 * nat_dnat_parse() - read "PROTO [ADDR:]PORT[-PORT] -> ADDR[:PORT]"
 * @text: PROTO is tcp or udp; an address alone means all its ports. Or "icmp|any [ADDR] -> ADDR".
 * @ret_dnat: untouched on failure
 * @ret_fault: what is wrong with it, for a message; untouched on success
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int nat_dnat_parse(const char *text, struct nat_dnat_text *ret_dnat, const char **ret_fault);

/** nat_dnat_format() - the one spelling of it. Return: @ret_text. Context: any thread. */
char *nat_dnat_format(const struct nat_dnat_text *dnat, char ret_text[NAT_DNAT_TEXT_SIZE]);

/**
 * nat_dnat_words() - how many words of a command line are a forwarding
 * @words, @n: the words, from the first that may be one
 *
 * One that has blanks is all of it; otherwise it ends with the word after "to" or "->".
 *
 * Return: 1 .. NAT_DNAT_WORDS_MAX, or -EINVAL: the shell has taken the rest away. Context: any
 * thread.
 */
int nat_dnat_words(char *const *words, int n);

#endif
