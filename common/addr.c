/* SPDX-License-Identifier: BSD-3-Clause */
#include "addr.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define DOMID_MAX 0x7fef /* xen/include/public/xen.h: DOMID_FIRST_RESERVED - 1 */
#define DEVID_MAX 0xffff
#define VID_MAX 4094

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int
mac_parse(const char *text, uint8_t ret_mac[MAC_LEN])
{
	uint8_t mac[MAC_LEN];
	int i, high, low;
	char separator;

	if (strlen(text) != MAC_TEXT_SIZE - 1)
		return -EINVAL;
	separator = text[2];
	if (separator != ':' && separator != '-')
		return -EINVAL;
	for (i = 0; i < MAC_LEN; i++, text += 3) {
		high = hex_digit(text[0]);
		low = hex_digit(text[1]);
		if (high < 0 || low < 0)
			return -EINVAL;
		if (text[2] != (i < MAC_LEN - 1 ? separator : '\0'))
			return -EINVAL;
		mac[i] = high << 4 | low;
	}
	memcpy(ret_mac, mac, MAC_LEN);
	return 0;
}

char *
mac_format(const uint8_t mac[MAC_LEN], char ret_text[MAC_TEXT_SIZE])
{
	snprintf(ret_text, MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return ret_text;
}

/* Decimal without sign, blanks or leading zeros, so that each vif has exactly one name. */
static const char *
read_decimal(const char *text, unsigned int max, unsigned int *ret_number)
{
	unsigned int number = 0;

	if (!isdigit((unsigned char)*text) || (text[0] == '0' && isdigit((unsigned char)text[1])))
		return NULL;
	for (; isdigit((unsigned char)*text); text++) {
		number = number * 10 + (*text - '0');
		if (number > max)
			return NULL;
	}
	*ret_number = number;
	return text;
}

int
vif_name_parse(const char *name, unsigned int *ret_domid, unsigned int *ret_devid)
{
	unsigned int domid, devid;

	if (strncmp(name, "vif", 3) != 0)
		return -EINVAL;
	name = read_decimal(name + 3, DOMID_MAX, &domid);
	if (name == NULL || *name != '.')
		return -EINVAL;
	name = read_decimal(name + 1, DEVID_MAX, &devid);
	if (name == NULL || *name != '\0')
		return -EINVAL;
	*ret_domid = domid;
	*ret_devid = devid;
	return 0;
}

int
vlan_name_parse(const char *name, char *ret_parent, size_t size, unsigned int *ret_vid)
{
	const char *dot = strrchr(name, '.'), *end;
	unsigned int vid;

	if (dot == NULL || dot == name || (size_t)(dot - name) >= size)
		return -EINVAL;
	end = read_decimal(dot + 1, VID_MAX, &vid);
	if (end == NULL || *end != '\0' || vid == 0)
		return -EINVAL;
	memcpy(ret_parent, name, dot - name);
	ret_parent[dot - name] = '\0';
	*ret_vid = vid;
	return 0;
}

bool
pci_addr_is_valid(const char *text)
{
	static const char full[] = "xxxx:xx:xx.7";
	const char *form = full;

	if (strlen(text) == sizeof("xx:xx.7") - 1)
		form += sizeof("xxxx:") - 1;
	else if (strlen(text) != sizeof(full) - 1)
		return false;
	for (; *form != '\0'; form++, text++) {
		if (*form == 'x' && hex_digit(*text) >= 0)
			continue;
		if (*form == '7' && *text >= '0' && *text <= '7')
			continue;
		if (*form != *text || *form == 'x')
			return false;
	}
	return true;
}
