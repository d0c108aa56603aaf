/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For test_adopt.py, to be preloaded: the kernel refuses the Nth change that a program asks of its
 * addresses, routes, rules, neighbours and links by rtnetlink; or the program stops (SIGSTOP)
 * before its Nth request of any kind, and the test does something.
 *
 * $NETLINK_FAULT is a file of three 32-bit numbers: how many changes to go until the one that is
 * refused (negative: none), how many there were, and whether it stops instead. Refused is what has
 * a type that the kernel does not know.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

struct fault {
	int32_t left;
	int32_t seen;
	int32_t stops;
};

static struct fault *fault;

__attribute__((constructor)) static void
fault_map(void)
{
	const char *path = getenv("NETLINK_FAULT");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *map;

	if (fd < 0)
		return;
	map = mmap(NULL, sizeof(*fault), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map != MAP_FAILED)
		fault = map;
}

static bool
is_change(uint16_t type)
{
	switch (type) {
	case RTM_NEWLINK:
	case RTM_NEWADDR:
	case RTM_DELADDR:
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
	case RTM_NEWRULE:
	case RTM_DELRULE:
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return true;
	default:
		return false;
	}
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	ssize_t (*next)(int, const struct msghdr *, int) = NULL;
	struct nlmsghdr *header;

	*(void **)&next = dlsym(RTLD_NEXT, "sendmsg");
	if (fault != NULL && msg->msg_iovlen > 0 && msg->msg_name != NULL &&
	    ((struct sockaddr *)msg->msg_name)->sa_family == AF_NETLINK &&
	    msg->msg_iov[0].iov_len >= sizeof(*header)) {
		header = msg->msg_iov[0].iov_base;
		if (fault->stops || is_change(header->nlmsg_type)) {
			fault->seen++;
			if (fault->left < 0 || fault->left-- > 0)
				return next(fd, msg, flags);
			if (fault->stops)
				kill(getpid(), SIGSTOP);
			else
				header->nlmsg_type = RTM_MAX + 100;
		}
	}
	return next(fd, msg, flags);
}
