/* SPDX-License-Identifier: BSD-3-Clause */
#include "claim.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "error.h"
#include "netlink.h"

/* The process that listens on @addr, or 0: it is in a pid namespace that this one cannot see. */
static pid_t
claim_owner(const struct sockaddr_un *addr, socklen_t addr_len)
{
	struct ucred peer = { 0 };
	socklen_t len = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)addr, addr_len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		peer.pid = 0;
	close(fd);
	return peer.pid;
}

static int
claim_busy(const struct netlink_link *link, pid_t owner, struct error *err)
{
	if (owner == 0)
		return error_set(err, EBUSY, "port %s: interface %s is in use by another vswitchd",
				 link->name, link->name);
	return error_set(err, EBUSY,
			 "port %s: interface %s is in use by another vswitchd (pid %d); \"vsctl "
			 "port del %s\" there frees it",
			 link->name, link->name, owner, link->name);
}

int
claim_interface(const struct netlink_link *link, struct error *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len;
	int fd, ret;

	/* a name that starts with NUL is an abstract one (unix(7)) */
	len = offsetof(struct sockaddr_un, sun_path) + 1 +
	      snprintf(addr.sun_path + 1, sizeof(addr.sun_path) - 1, "vswitchd/interface/%d",
		       link->ifindex);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, len) == 0 && listen(fd, SOMAXCONN) == 0)
		return fd;
	ret = -errno;
	if (fd >= 0)
		close(fd);
	if (ret == -EADDRINUSE)
		return claim_busy(link, claim_owner(&addr, len), err);
	return error_set(err, ret, "port %s: cannot claim interface %s: %s", link->name, link->name,
			 strerror(-ret));
}
