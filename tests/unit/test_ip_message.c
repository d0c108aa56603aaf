/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests that make on one interface what a dump has told of another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include "ip_message.h"

static const struct ip_place nic = { 3, "eth0" }, tap = { 7, "xenbr0" };

/* What the kernel may have sent; @size bytes of @info, then attributes are put. */
static struct nl_msg *
message(int type, const void *info, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(nlmsg_put(msg, 0, 1, type, 0, NLM_F_MULTI));
	assert_int_equal(nlmsg_append(msg, (void *)(uintptr_t)info, size, NLMSG_ALIGNTO), 0);
	return msg;
}

static const struct nlattr *
attr(struct nl_msg *msg, size_t size, int type)
{
	return nlmsg_find_attr(nlmsg_hdr(msg), (int)size, type);
}

static void
test_labels(void **state)
{
	static const struct {
		const char *label, *mapped;
	} cases[] = {
		{ "eth0", "xenbr0" }, { "eth0:1", "xenbr0:1" },
		{ "eth01", "eth01" }, { "eth0:abcdefghi", "xenbr0" }, /* there is no room for it */
		{ "mine", "mine" },   { "eth0:12345678", "xenbr0:12345678" },
	};
	char label[IFNAMSIZ];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ip_label_map(cases[i].label, "eth0", "xenbr0", label);
		assert_string_equal(label, cases[i].mapped);
	}
}

static void
test_address(void **state)
{
	const struct ifaddrmsg info = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = 24,
		.ifa_flags = IFA_F_SECONDARY,
		.ifa_index = 3,
	};
	const struct ifa_cacheinfo life = { .ifa_valid = 50, .ifa_prefered = 40 };
	struct nl_msg *msg = message(RTM_NEWADDR, &info, sizeof(info)), *copy;
	const uint32_t own = htonl(0xc000020a);
	char text[IP_MESSAGE_ADDR_SIZE];

	(void)state;
	nla_put_u32(msg, IFA_LOCAL, own);
	nla_put_string(msg, IFA_LABEL, "eth0:1");
	nla_put_u32(msg, IFA_FLAGS, IFA_F_SECONDARY | IFA_F_NOPREFIXROUTE);
	nla_put_u32(msg, IFA_RT_PRIORITY, 77);
	nla_put(msg, IFA_CACHEINFO, sizeof(life), &life);
	assert_true(ip_message_is_at(nlmsg_hdr(msg), &nic));
	assert_false(ip_message_is_at(nlmsg_hdr(msg), &tap));
	assert_string_equal(ip_addr_text(nlmsg_hdr(msg), text, sizeof(text)), "192.0.2.10/24");

	copy = ip_message_copy(nlmsg_hdr(msg), &nic, &tap, RTM_NEWADDR, NLM_F_CREATE);
	assert_int_equal(nlmsg_hdr(copy)->nlmsg_flags, NLM_F_CREATE);
	assert_true(ip_message_is_at(nlmsg_hdr(copy), &tap));
	assert_true(ip_addr_same(nlmsg_hdr(msg), nlmsg_hdr(copy)));
	assert_string_equal(nla_get_string(attr(copy, sizeof(info), IFA_LABEL)), "xenbr0:1");
	/* what the kernel says of itself is not told to it */
	assert_int_equal(ip_addr_flags(nlmsg_hdr(copy)), IFA_F_NOPREFIXROUTE);
	assert_int_equal(nla_get_u32(attr(copy, sizeof(info), IFA_RT_PRIORITY)), 77);
	assert_memory_equal(nla_data(attr(copy, sizeof(info), IFA_CACHEINFO)), &life, sizeof(life));
	nlmsg_free(copy);
	nlmsg_free(msg);
}

/* An address that has been through duplicate address detection is not gone without for a second. */
static void
test_address6(void **state)
{
	static const struct {
		uint32_t flags, made, settled;
	} cases[] = {
		{ IFA_F_PERMANENT, IFA_F_NODAD, 0 },
		{ IFA_F_PERMANENT | IFA_F_NODAD, IFA_F_NODAD, IFA_F_NODAD },
		{ IFA_F_TENTATIVE, 0, 0 },
		{ IFA_F_DADFAILED | IFA_F_TENTATIVE, 0, 0 },
		{ IFA_F_MANAGETEMPADDR | IFA_F_DEPRECATED, IFA_F_NODAD | IFA_F_MANAGETEMPADDR,
		  IFA_F_MANAGETEMPADDR },
	};
	const struct ifaddrmsg info = { .ifa_family = AF_INET6,
					.ifa_prefixlen = 64,
					.ifa_index = 3 };
	uint8_t own[16] = { 0xfe, 0x80 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nl_msg *msg = message(RTM_NEWADDR, &info, sizeof(info)), *copy;

		nla_put(msg, IFA_ADDRESS, sizeof(own), own);
		nla_put_u32(msg, IFA_FLAGS, cases[i].flags);
		assert_true(ip_addr_is_link_local6(nlmsg_hdr(msg)));
		copy = ip_message_copy(nlmsg_hdr(msg), &nic, &tap, RTM_NEWADDR, 0);
		assert_int_equal(ip_addr_flags(nlmsg_hdr(copy)), cases[i].made);
		nlmsg_free(copy);
		copy = ip_message_settle(nlmsg_hdr(msg), &nic, &tap);
		assert_int_equal(ip_addr_flags(nlmsg_hdr(copy)), cases[i].settled);
		nlmsg_free(copy);
		nlmsg_free(msg);
	}
}

static struct nl_msg *
route(uint8_t family, uint8_t protocol, uint32_t table, int oif)
{
	const struct rtmsg info = {
		.rtm_family = family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = protocol,
		.rtm_flags = RTNH_F_LINKDOWN | RTNH_F_ONLINK,
		.rtm_type = RTN_UNICAST,
	};
	struct nl_msg *msg = message(RTM_NEWROUTE, &info, sizeof(info));

	nla_put_u32(msg, RTA_TABLE, table);
	if (oif != 0)
		nla_put_u32(msg, RTA_OIF, (uint32_t)oif);
	return msg;
}

static void
test_route(void **state)
{
	struct nl_msg *msg = route(AF_INET6, RTPROT_STATIC, 1000, 3), *copy;
	const struct rta_cacheinfo cache = { .rta_expires = (int)(30 * sysconf(_SC_CLK_TCK)) };
	const size_t size = sizeof(struct rtmsg);
	const uint8_t unknown[5] = { 1, 2, 3, 4, 5 };
	char text[80];

	(void)state;
	nla_put_u32(msg, RTA_PRIORITY, 50);
	nla_put(msg, RTA_CACHEINFO, sizeof(cache), &cache);
	nla_put(msg, 93, sizeof(unknown), unknown); /* of a kernel to come */
	assert_string_equal(ip_route_text(nlmsg_hdr(msg), text, sizeof(text)),
			    "IPv6 default table 1000");
	copy = ip_message_copy(nlmsg_hdr(msg), &nic, &tap, RTM_NEWROUTE, NLM_F_APPEND);
	assert_true(ip_message_is_at(nlmsg_hdr(copy), &tap));
	assert_false(ip_message_is_at(nlmsg_hdr(copy), &nic));
	assert_int_equal(((struct rtmsg *)nlmsg_data(nlmsg_hdr(copy)))->rtm_flags, RTNH_F_ONLINK);
	assert_int_equal(ip_route_metric(nlmsg_hdr(copy)), 50);
	assert_int_equal(ip_route_table(nlmsg_hdr(copy)), 1000);
	assert_int_equal(nla_get_u32(attr(copy, size, RTA_EXPIRES)), 30);
	assert_null(attr(copy, size, RTA_CACHEINFO));
	assert_memory_equal(nla_data(attr(copy, size, 93)), unknown, sizeof(unknown));
	assert_true(ip_route_same_key(nlmsg_hdr(msg), nlmsg_hdr(copy)));
	nlmsg_free(copy);
	nlmsg_free(msg);
}

/* Only the ways by the NIC go elsewhere. */
static void
test_multipath(void **state)
{
	struct {
		struct rtnexthop hop;
		struct nlattr attr;
		uint32_t gateway;
	} hops[2] = {
		{ { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 9, .rtnh_hops = 2 },
		  { .nla_len = 8, .nla_type = RTA_GATEWAY },
		  1 },
		{ { .rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 3, .rtnh_flags = RTNH_F_DEAD },
		  { .nla_len = 8, .nla_type = RTA_GATEWAY },
		  2 },
	};
	struct nl_msg *msg = route(AF_INET, RTPROT_BOOT, RT_TABLE_MAIN, 0), *copy;

	(void)state;
	nla_put(msg, RTA_MULTIPATH, sizeof(hops), hops);
	assert_true(ip_message_is_at(nlmsg_hdr(msg), &nic));
	copy = ip_message_copy(nlmsg_hdr(msg), &nic, &tap, RTM_NEWROUTE, 0);
	assert_false(ip_message_is_at(nlmsg_hdr(copy), &nic));
	assert_true(ip_message_is_at(nlmsg_hdr(copy), &tap));
	hops[1].hop.rtnh_ifindex = 7;
	hops[1].hop.rtnh_flags = 0;
	assert_memory_equal(nla_data(attr(copy, sizeof(struct rtmsg), RTA_MULTIPATH)), hops,
			    sizeof(hops));
	nlmsg_free(copy);
	nlmsg_free(msg);
	/* a broken one ends nowhere else */
	hops[0].hop.rtnh_len = 3;
	msg = route(AF_INET, RTPROT_BOOT, RT_TABLE_MAIN, 0);
	nla_put(msg, RTA_MULTIPATH, sizeof(hops), hops);
	assert_false(ip_message_is_at(nlmsg_hdr(msg), &nic));
	nlmsg_free(msg);
}

/* What the kernel makes by itself is not moved. */
static void
test_kernels_routes(void **state)
{
	static const struct {
		uint8_t family, protocol;
		uint32_t table;
		bool kernels, ra;
	} cases[] = {
		{ AF_INET, RTPROT_KERNEL, RT_TABLE_LOCAL, true, false },
		{ AF_INET, RTPROT_KERNEL, RT_TABLE_MAIN, false, false },
		{ AF_INET, RTPROT_STATIC, RT_TABLE_LOCAL, false, false },
		{ AF_INET6, RTPROT_REDIRECT, RT_TABLE_MAIN, true, false },
		{ AF_INET6, RTPROT_RA, RT_TABLE_MAIN, false, true },
		{ AF_INET6, RTPROT_BOOT, RT_TABLE_MAIN, false, false },
	};
	const uint8_t gateway[16] = { 0xfe, 0x80 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nl_msg *msg = route(cases[i].family, cases[i].protocol, cases[i].table, 3);

		nla_put(msg, RTA_GATEWAY, cases[i].family == AF_INET ? 4 : 16, gateway);
		assert_int_equal(ip_route_is_kernels(nlmsg_hdr(msg)), cases[i].kernels);
		assert_int_equal(ip_route_is_ra(nlmsg_hdr(msg)), cases[i].ra);
		nlmsg_free(msg);
	}
}

static void
test_rule(void **state)
{
	const struct fib_rule_hdr info = {
		.family = AF_INET,
		.action = FR_ACT_TO_TBL,
		.flags = FIB_RULE_INVERT | FIB_RULE_IIF_DETACHED,
	};
	struct nl_msg *msg = message(RTM_NEWRULE, &info, sizeof(info)), *copy;

	(void)state;
	nla_put_string(msg, FRA_IIFNAME, "eth0");
	nla_put_string(msg, FRA_OIFNAME, "eth9");
	nla_put_u32(msg, FRA_PRIORITY, 1000);
	assert_true(ip_message_is_at(nlmsg_hdr(msg), &nic));
	copy = ip_message_copy(nlmsg_hdr(msg), &nic, &tap, RTM_DELRULE, 0);
	assert_string_equal(nla_get_string(attr(copy, sizeof(info), FRA_IIFNAME)), "xenbr0");
	assert_string_equal(nla_get_string(attr(copy, sizeof(info), FRA_OIFNAME)), "eth9");
	assert_int_equal(nla_get_u32(attr(copy, sizeof(info), FRA_PRIORITY)), 1000);
	assert_int_equal(((struct fib_rule_hdr *)nlmsg_data(nlmsg_hdr(copy)))->flags,
			 FIB_RULE_INVERT);
	nlmsg_free(copy);
	nlmsg_free(msg);
}

static void
test_neighbour(void **state)
{
	static const struct {
		uint16_t state, made;
	} cases[] = {
		{ NUD_PERMANENT, NUD_PERMANENT },
		{ NUD_REACHABLE, NUD_STALE },
		{ NUD_DELAY, NUD_STALE },
	};
	const uint8_t mac[6] = { 2 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct ndmsg info = { .ndm_family = AF_INET,
					    .ndm_ifindex = 3,
					    .ndm_state = cases[i].state };
		struct nl_msg *msg = message(RTM_NEWNEIGH, &info, sizeof(info)), *copy;
		const struct ndmsg *made;

		nla_put_u32(msg, NDA_DST, 1);
		nla_put(msg, NDA_LLADDR, sizeof(mac), mac);
		nla_put_u32(msg, NDA_PROBES, 4);
		copy = ip_message_copy(nlmsg_hdr(msg), &nic, &tap, RTM_NEWNEIGH, 0);
		made = nlmsg_data(nlmsg_hdr(copy));
		assert_int_equal(made->ndm_ifindex, 7);
		assert_int_equal(made->ndm_state, cases[i].made);
		assert_null(attr(copy, sizeof(info), NDA_PROBES));
		assert_non_null(attr(copy, sizeof(info), NDA_LLADDR));
		nlmsg_free(copy);
		nlmsg_free(msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_labels),    cmocka_unit_test(test_address),
		cmocka_unit_test(test_address6),  cmocka_unit_test(test_route),
		cmocka_unit_test(test_multipath), cmocka_unit_test(test_kernels_routes),
		cmocka_unit_test(test_rule),      cmocka_unit_test(test_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
