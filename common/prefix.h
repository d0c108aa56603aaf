/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP addresses and prefixes, of both families: text <-> bytes.
 *
 * How: strict readers, as those of addr.h. "default" is 0.0.0.0/0; a prefix whose length is not
 * given is a host's.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_PREFIX_H
#define COMMON_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define IP_ADDR_TEXT_SIZE 46   /* as INET6_ADDRSTRLEN */
#define IP_PREFIX_TEXT_SIZE 50 /* and "/128" */

struct ip_addr {
	uint8_t family;    /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* network order; 4 of them with AF_INET, the others are 0 */
};

struct ip_prefix {
	struct ip_addr addr; /* may have bits behind the length: an interface's own address */
	uint8_t len;         /* 0 .. ip_addr_bits() */
};

/** ip_addr_bits() - 32 or 128. Context: any thread. */
static inline uint8_t
ip_addr_bits(uint8_t family)
{
	return family == AF_INET ? 32 : 128;
}

/** ip_prefix_is_host() - is it one address? Context: any thread. */
static inline bool
ip_prefix_is_host(const struct ip_prefix *prefix)
{
	return prefix->len == ip_addr_bits(prefix->addr.family);
}

/** ip_addr_make() - from 4 or 16 bytes. Context: any thread. */
struct ip_addr ip_addr_make(uint8_t family, const void *bytes);

/**
 * ip_addr_parse() - read "192.0.2.1" or "2001:db8::1"
 * @ret_addr: untouched on failure
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int ip_addr_parse(const char *text, struct ip_addr *ret_addr);

/** ip_addr_format() - Return: @ret_text. Context: any thread. */
char *ip_addr_format(const struct ip_addr *addr, char ret_text[IP_ADDR_TEXT_SIZE]);

/** ip_addr_equal() - Context: any thread. */
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);

/**
 * ip_prefix_parse() - read "192.0.2.0/24", "192.0.2.1", "default"
 * @ret_prefix: bits behind the length are kept; untouched on failure
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int ip_prefix_parse(const char *text, struct ip_prefix *ret_prefix);

/** ip_prefix_format() - Return: @ret_text. Context: any thread. */
char *ip_prefix_format(const struct ip_prefix *prefix, char ret_text[IP_PREFIX_TEXT_SIZE]);

/** ip_prefix_net() - the prefix with 0 behind its length. Context: any thread. */
struct ip_prefix ip_prefix_net(const struct ip_prefix *prefix);

/** ip_prefix_host() - an address as a prefix. Context: any thread. */
struct ip_prefix ip_prefix_host(const struct ip_addr *addr);

/**
 * ip_prefix_broadcast() - the address of all on an IPv4 network, as a prefix
 *
 * Return: is there one? Untouched if not. Context: any thread.
 */
bool ip_prefix_broadcast(const struct ip_prefix *prefix, struct ip_prefix *ret_prefix);

/** ip_prefix_has() - does an address lie in it? Context: any thread. */
bool ip_prefix_has(const struct ip_prefix *prefix, const struct ip_addr *addr);

/** ip_prefix_equal() - Context: any thread. */
bool ip_prefix_equal(const struct ip_prefix *a, const struct ip_prefix *b);

/**
 * ip_addr_is_station() - may a station have it? Neither unspecified, loopback, multicast nor
 * broadcast. Context: any thread.
 */
bool ip_addr_is_station(const struct ip_addr *addr);

/** ip_addr_is_link_local() - fe80::/10. Context: any thread. */
bool ip_addr_is_link_local(const struct ip_addr *addr);

/**
 * ip_addrs_parse() - read "192.0.2.1,192.0.2.2"
 * @ret_addrs: up to @max; NULL: only check
 *
 * Return: how many (at least one), -EINVAL, or -E2BIG. Context: any thread.
 */
int ip_addrs_parse(const char *text, struct ip_addr *ret_addrs, unsigned int max);

/**
 * ip_prefixes_parse() - read "192.0.2.1,192.0.2.16/28,2001:db8::/64", each once
 * @ret_prefixes: up to @max; bits behind a length are kept; NULL: only check
 *
 * Return: how many (at least one), -EINVAL (also if one is given twice), or -E2BIG. Context: any
 * thread.
 */
int ip_prefixes_parse(const char *text, struct ip_prefix *ret_prefixes, unsigned int max);

#endif
