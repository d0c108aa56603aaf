/* SPDX-License-Identifier: BSD-3-Clause */
/* What a port changed on an interface is put back, unless somebody else changed it since. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "link_change.h"
#include "netlink.h"

static struct netlink_link kernel; /* the only interface there is */

/* The kernel's side, in place of netlink.c. */
int
netlink_link_get_index(struct netlink_monitor *nl, int ifindex, struct netlink_link *ret_link)
{
	(void)nl;
	if (ifindex != kernel.ifindex)
		return -ENODEV;
	*ret_link = kernel;
	return 0;
}

int
netlink_link_set_mtu(struct netlink_monitor *nl, int ifindex, uint32_t mtu)
{
	(void)nl;
	assert_int_equal(ifindex, kernel.ifindex);
	if (mtu > 9000)
		return -EINVAL;
	kernel.mtu = mtu;
	return 0;
}

int
netlink_link_set_up(struct netlink_monitor *nl, int ifindex, bool up)
{
	(void)nl;
	assert_int_equal(ifindex, kernel.ifindex);
	kernel.flags = up ? IFF_UP : 0;
	return 0;
}

/* An interface that is down, taken with an MTU of 1400. */
static struct link_change
take(void)
{
	struct link_change change = { 0 };
	struct netlink_link before;

	kernel = (struct netlink_link){ .ifindex = 5, .mtu = 1500 };
	before = kernel;
	assert_int_equal(link_change_mtu(&change, NULL, &before, 1400), 0);
	assert_int_equal(link_change_up(&change, NULL, &before), 0);
	assert_int_equal(kernel.mtu, 1400);
	assert_int_equal(kernel.flags, IFF_UP);
	link_change_seen(&change, &kernel);
	return change;
}

static void
expect(struct link_change *change, uint32_t mtu, unsigned int flags)
{
	link_change_undo(change, NULL);
	assert_int_equal(kernel.mtu, mtu);
	assert_int_equal(kernel.flags, flags);
}

static void
test_undo(void **state)
{
	struct link_change change = take();
	struct netlink_link now = kernel;

	(void)state;
	assert_int_equal(link_change_mtu(&change, NULL, &now, 1300), 0);
	now = kernel;
	assert_int_equal(link_change_mtu(&change, NULL, &now, 10000), -EINVAL);
	expect(&change, 1500, 0);
	expect(&change, 1500, 0);
}

/* What was so already is not ours to change back. */
static void
test_unchanged(void **state)
{
	struct link_change change = { 0 };
	struct netlink_link now = { .ifindex = 5, .mtu = 1400, .flags = IFF_UP };

	(void)state;
	kernel = now;
	assert_int_equal(link_change_mtu(&change, NULL, &now, 1400), 0);
	assert_int_equal(link_change_up(&change, NULL, &now), 0);
	expect(&change, 1400, IFF_UP);
}

static void
test_somebody_else(void **state)
{
	struct link_change change = take();
	struct netlink_link now;

	(void)state;
	kernel.mtu = 9000; /* not even seen by the monitor */
	expect(&change, 9000, 0);

	change = take();
	kernel.flags = 0;
	link_change_seen(&change, &kernel);
	kernel.flags = IFF_UP;
	expect(&change, 1500, IFF_UP);

	change = take();
	kernel.mtu = 2000;
	now = kernel;
	assert_int_equal(link_change_mtu(&change, NULL, &now, 1300), 0);
	expect(&change, 2000, 0);
}

/* Another interface of the name, which nothing was changed on. */
static void
test_replaced(void **state)
{
	struct link_change change = take();
	struct netlink_link now = { .ifindex = 6, .mtu = 1450, .flags = IFF_UP };

	(void)state;
	kernel = now;
	expect(&change, 1450, IFF_UP);

	change = take();
	kernel = now;
	assert_int_equal(link_change_mtu(&change, NULL, &now, 1400), 0);
	assert_int_equal(link_change_up(&change, NULL, &now), 0);
	expect(&change, 1450, IFF_UP);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undo),
		cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_somebody_else),
		cmocka_unit_test(test_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
