/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listen: where a service for this host alone is found: a port of a loopback address, or a unix
 * socket. Text to socket address.
 *
 * How: strict readers, as those of addr.h. Other addresses than loopback are refused, since what
 * listens there asks nobody who he is.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_LISTEN_H
#define COMMON_LISTEN_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LISTEN_FORMS "127.0.0.1:PORT, [::1]:PORT or unix:/PATH"

struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
		struct sockaddr_un local;
	} addr;
	socklen_t size;
};

/**
 * listen_parse() - read "127.0.0.1:9477", "[::1]:9477" or "unix:/run/vswitch/metrics.sock"
 * @ret_address: untouched on failure
 * @ret_fault: what is wrong, if there is more to say than that the form is; else untouched
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int listen_parse(const char *text, struct listen_address *ret_address, const char **ret_fault);

#endif /* COMMON_LISTEN_H */
