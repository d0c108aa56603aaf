/* SPDX-License-Identifier: BSD-3-Clause */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNIX_PREFIX "unix:"
#define PATH_SUFFIX_SIZE 4 /* bytes left for a name beside it, ".new" */

static int
path_parse(const char *path, struct listen_address *address, const char **ret_fault)
{
	if (*path != '/' || path[1] == '\0') {
		*ret_fault = "the path must begin with /";
		return -EINVAL;
	}
	if (strlen(path) >= sizeof(address->addr.local.sun_path) - PATH_SUFFIX_SIZE) {
		*ret_fault = "the path is longer than 103 bytes";
		return -EINVAL;
	}
	address->addr.local.sun_family = AF_UNIX;
	strcpy(address->addr.local.sun_path, path);
	address->size = sizeof(address->addr.local);
	return 0;
}

/* Decimal, 1 .. 65535. */
static int
port_parse(const char *text, in_port_t *ret_port)
{
	const size_t len = strlen(text);
	unsigned long port;

	if (len == 0 || len > 5 || strspn(text, "0123456789") != len)
		return -EINVAL;
	port = strtoul(text, NULL, 10);
	if (port == 0 || port > 65535)
		return -EINVAL;
	*ret_port = htons((uint16_t)port);
	return 0;
}

static int
host_parse(const char *host, in_port_t port, struct listen_address *address, const char **ret_fault)
{
	struct sockaddr_in6 *ipv6 = &address->addr.ipv6;
	struct sockaddr_in *ipv4 = &address->addr.ipv4;

	if (inet_pton(AF_INET6, host, &ipv6->sin6_addr) == 1) {
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = port;
		address->size = sizeof(*ipv6);
		if (IN6_IS_ADDR_LOOPBACK(&ipv6->sin6_addr))
			return 0;
	} else if (inet_pton(AF_INET, host, &ipv4->sin_addr) == 1) {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = port;
		address->size = sizeof(*ipv4);
		if (ntohl(ipv4->sin_addr.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET)
			return 0;
	} else {
		return -EINVAL;
	}
	*ret_fault = "it is for this host alone (whoever connects is not asked who he is)";
	return -EINVAL;
}

int
listen_parse(const char *text, struct listen_address *ret_address, const char **ret_fault)
{
	struct listen_address address = { .size = 0 };
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	in_port_t port;
	size_t len;
	int ret;

	if (strncmp(text, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0) {
		ret = path_parse(text + strlen(UNIX_PREFIX), &address, ret_fault);
		if (ret == 0)
			*ret_address = address;
		return ret;
	}
	len = colon != NULL ? (size_t)(colon - text) : 0;
	if (len == 0 || len >= sizeof(host) || port_parse(colon + 1, &port) < 0)
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (host[0] == '[') { /* of IPv6 alone, and always there */
		if (host[len - 1] != ']' || strchr(host, ':') == NULL)
			return -EINVAL;
		host[len - 1] = '\0';
		memmove(host, host + 1, len - 1);
	} else if (strchr(host, ':') != NULL) {
		return -EINVAL;
	}
	ret = host_parse(host, port, &address, ret_fault);
	if (ret == 0)
		*ret_address = address;
	return ret;
}
