/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "addr.h"
#include "error.h"

static void
test_mac(void **state)
{
	static const uint8_t expected[MAC_LEN] = { 0x00, 0x16, 0x3e, 0xab, 0xcd, 0xef };
	static const char *const bad[] = {
		"",
		"00:16:3e:ab:cd",
		"00:16:3e:ab:cd:ef:00",
		"00:16:3e:ab:cd:eg",
		"00:16:3e:ab:cd-ef",
		"0:16:3e:ab:cd:eff",
		"00163eabcdef",
		" 0:16:3e:ab:cd:ef",
		"00:16:3e:ab:cd:ef ",
	};
	uint8_t mac[MAC_LEN] = { 0 };
	char text[MAC_TEXT_SIZE];
	size_t i;

	assert_int_equal(mac_parse("00:16:3E:ab:Cd:ef", mac), 0);
	assert_memory_equal(mac, expected, MAC_LEN);
	assert_int_equal(mac_parse("00-16-3e-ab-cd-ef", mac), 0);
	assert_string_equal(mac_format(mac, text), "00:16:3e:ab:cd:ef");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(mac_parse(bad[i], mac), -EINVAL);
	assert_memory_equal(mac, expected, MAC_LEN);
	assert_false(mac_is_group(mac));
	mac[0] |= 1;
	assert_true(mac_is_group(mac));
}

static void
test_vif_name(void **state)
{
	static const char *const bad[] = {
		"",        "vif",        "vif1",    "vif1.",      "vif.0",      "vif01.0",
		"vif1.00", "vif1.0-emu", "vif-1.0", "vif32752.0", "vif1.65536", "vif99999999999.0",
		"eth1.0",  "vif1.0 ",
	};
	unsigned int domid, devid;
	size_t i;

	assert_int_equal(vif_name_parse("vif12.3", &domid, &devid), 0);
	assert_int_equal(domid, 12);
	assert_int_equal(devid, 3);
	assert_int_equal(vif_name_parse("vif0.0", &domid, &devid), 0);
	assert_int_equal(vif_name_parse("vif32751.65535", &domid, &devid), 0);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vif_name_parse(bad[i], &domid, &devid), -EINVAL);
}

static void
test_pci_addr(void **state)
{
	assert_true(pci_addr_is_valid("0000:03:00.0"));
	assert_true(pci_addr_is_valid("03:00.7"));
	assert_true(pci_addr_is_valid("00Af:fF:1f.1"));
	assert_false(pci_addr_is_valid(""));
	assert_false(pci_addr_is_valid("03:00.8"));
	assert_false(pci_addr_is_valid("03:00"));
	assert_false(pci_addr_is_valid("xxxx:xx:xx.7"));
	assert_false(pci_addr_is_valid("0000:03:00:0"));
	assert_false(pci_addr_is_valid("net_null0"));
}

static void
test_error(void **state)
{
	struct error err;
	char tall[2 * sizeof(err.msg)];

	assert_int_equal(error_set(&err, ENOENT, "no %s", "x"), -ENOENT);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.msg, "no x");
	assert_int_equal(error_set(&err, -EBUSY, "%s again", err.msg), -EBUSY);
	assert_string_equal(err.msg, "no x again");
	assert_int_equal(error_prefix(&err, "a%d: ", 7), -EBUSY);
	assert_string_equal(err.msg, "a7: no x again");
	assert_int_equal(error_set(NULL, EIO, "x"), -EIO);

	memset(tall, 'x', sizeof(tall) - 1);
	tall[sizeof(tall) - 1] = '\0';
	error_set(&err, EIO, "%s", tall);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	assert_string_equal(err.msg + sizeof(err.msg) - 4, "...");
	error_prefix(&err, "more: ");
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	error_prefix(&err, "%s", tall);
	assert_string_equal(err.msg + sizeof(err.msg) - 4, "...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),
		cmocka_unit_test(test_vif_name),
		cmocka_unit_test(test_pci_addr),
		cmocka_unit_test(test_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
