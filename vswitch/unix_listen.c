/* SPDX-License-Identifier: BSD-3-Clause */
#include "unix_listen.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "log.h"

/* Without the group it is for root alone. */
static void
group_set(const char *path)
{
	const struct group *group = getgrnam(UNIX_GROUP);

	if (group != NULL && chown(path, (uid_t)-1, group->gr_gid) < 0)
		log_line(LOG_WARNING, "socket: its group cannot be " UNIX_GROUP ": %s",
			 strerror(errno));
}

/* Under another name, and renamed. */
int
unix_listen(const char *path, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, ret;

	ret = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s.new", path);
	if (ret < 0 || (size_t)ret >= sizeof(addr.sun_path))
		return error_set(
			err, ENAMETOOLONG,
			"socket %s: path is longer than %zu bytes: use a shorter run directory",
			path, sizeof(addr.sun_path) - sizeof(".new"));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(err, errno, "socket %s: %s", path, strerror(errno));
	unlink(addr.sun_path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		goto err;
	group_set(addr.sun_path);
	if (chmod(addr.sun_path, 0660) < 0 || listen(fd, SOMAXCONN) < 0 ||
	    rename(addr.sun_path, path) < 0)
		goto err_unlink;
	return fd;

err_unlink:
	ret = errno;
	unlink(addr.sun_path);
	errno = ret;
err:
	ret = error_set(err, errno, "socket %s: %s", path, strerror(errno));
	close(fd);
	return ret;
}
