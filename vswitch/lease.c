/* SPDX-License-Identifier: BSD-3-Clause */
#include "lease.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"

int
lease_line_read(const char *line, struct lease *ret_lease)
{
	char mac[MAC_TEXT_SIZE], address[INET_ADDRSTRLEN], name[DHCP_NAME_SIZE];
	struct lease lease = { 0 };

	if (sscanf(line, "%" SCNu64 " %17s %15s %63s ", &lease.expires, mac, address, name) != 4 ||
	    mac_parse(mac, lease.mac) < 0 || inet_pton(AF_INET, address, lease.address) != 1)
		return -EBADMSG;
	if (dhcp_name_is_valid(name))
		memcpy(lease.name, name, sizeof(lease.name));
	*ret_lease = lease;
	return 0;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void
read_lines(struct lease_file *file, FILE *stream)
{
	char *line = NULL;
	size_t size = 0;

	while (file->n < LEASES_MAX && getline(&line, &size, stream) > 0) {
		struct lease lease, *leases = file->leases;

		if (lease_line_read(line, &lease) < 0)
			continue;
		/* grown by doubling: n is the size whenever it is a power of two */
		if ((file->n & (file->n - 1)) == 0)
			leases = reallocarray(leases, file->n == 0 ? 1 : 2 * (size_t)file->n,
					      sizeof(*leases));
		if (leases == NULL)
			break;
		file->leases = leases;
		file->leases[file->n++] = lease;
	}
	free(line);
}

void
lease_file_read(struct lease_file *file)
{
	FILE *stream = fopen(file->path, "re");
	struct stat now;

	if (stream == NULL) {
		lease_file_free(file);
		return;
	}
	if (fstat(fileno(stream), &now) == 0 && !is_same(&now, &file->read)) {
		lease_file_free(file);
		read_lines(file, stream);
		file->read = now;
	}
	fclose(stream);
}

void
lease_file_free(struct lease_file *file)
{
	free(file->leases);
	file->leases = NULL;
	file->n = 0;
	memset(&file->read, 0, sizeof(file->read));
}

/* Copy the lines that stay. */
static int
copy_lines(FILE *from, FILE *to, lease_drop_fn drop, void *arg)
{
	struct lease lease;
	char *line = NULL;
	size_t size = 0;

	while (from != NULL && getline(&line, &size, from) > 0)
		if (lease_line_read(line, &lease) < 0 || !drop(arg, &lease))
			fputs(line, to);
	free(line);
	return ferror(to) || fflush(to) != 0 ? -EIO : 0;
}

int
lease_file_prepare(struct lease_file *file, uid_t owner, lease_drop_fn drop, void *arg)
{
	char path[4096];
	FILE *from, *to;
	int ret;

	if (snprintf(path, sizeof(path), "%s.new", file->path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	unlink(path);
	to = fopen(path, "wxe");
	if (to == NULL)
		return -errno;
	from = fopen(file->path, "re");
	ret = copy_lines(from, to, drop, arg);
	if (ret == 0 && (fchown(fileno(to), owner, (gid_t)-1) < 0 || fchmod(fileno(to), 0644) < 0))
		ret = -errno;
	if (from != NULL)
		fclose(from);
	if (fclose(to) != 0 && ret == 0)
		ret = -EIO;
	if (ret == 0 && rename(path, file->path) < 0)
		ret = -errno;
	if (ret < 0)
		unlink(path);
	return ret;
}
