/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Leases, as dnsmasq keeps them in its file: a line for each, "expiry MAC address name client-id".
 * It is read again when it has changed. What guests have had a say in is checked.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_LEASE_H
#define VSWITCH_LEASE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "dhcp.h"

#define LEASES_MAX 65536

struct lease {
	uint64_t expires; /* seconds since the epoch; 0: never */
	uint8_t mac[6];
	uint8_t address[4];
	char name[DHCP_NAME_SIZE]; /* or empty */
};

struct lease_file {
	const char *path;
	struct lease *leases;
	unsigned int n;
	struct stat read; /* the file when it was read last */
};

/** lease_line_read() - Return: 0, or -EBADMSG: it is none. */
int lease_line_read(const char *line, struct lease *ret_lease);

/** lease_file_read() - have the leases as they are now; an absent file has none. */
void lease_file_read(struct lease_file *file);

/** lease_drop_fn - is a lease to go? */
typedef bool (*lease_drop_fn)(void *arg, const struct lease *lease);

/**
 * lease_file_prepare() - make the file if there is none, drop leases, give it to its writer, who
 * must not run.
 * Return: 0 or -errno.
 */
int lease_file_prepare(struct lease_file *file, uid_t owner, lease_drop_fn drop, void *arg);

/** lease_file_free() - forget what was read. */
void lease_file_free(struct lease_file *file);

#endif /* VSWITCH_LEASE_H */
