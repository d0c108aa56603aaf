/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses and well-known forms of names: text <-> bytes.
 *
 * How: strict readers. A text is accepted whole or not at all, so that a typing error never becomes
 * a different address.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef COMMON_ADDR_H
#define COMMON_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_LEN 6
#define MAC_TEXT_SIZE 18 /* "00:16:3e:01:02:03" and its NUL */

/**
 * mac_parse() - read "00:16:3e:01:02:03"
 * @text: six two-digit hex groups separated by ':' (or all by '-')
 * @ret_mac: the address; untouched on failure
 *
 * Return: 0 or -EINVAL. Context: any thread.
 */
int mac_parse(const char *text, uint8_t ret_mac[MAC_LEN]);

/**
 * mac_format() - write an address as lower-case "00:16:3e:01:02:03"
 * @mac: the address
 * @ret_text: at least MAC_TEXT_SIZE bytes
 *
 * Return: @ret_text. Context: any thread.
 */
char *mac_format(const uint8_t mac[MAC_LEN], char ret_text[MAC_TEXT_SIZE]);

/**
 * mac_is_group() - is it a multicast or broadcast address (IEEE 802 I/G bit)
 * @mac: the address
 *
 * Return: true if it is. Context: any thread.
 */
static inline bool
mac_is_group(const uint8_t mac[MAC_LEN])
{
	return mac[0] & 1;
}

/**
 * vif_name_parse() - read the name that Xen's tools give a backend interface, "vifDOMID.DEVID"
 * @name: text such as "vif3.0"
 * @ret_domid: domain id, 0-32751 (DOMID_FIRST_RESERVED is 0x7ff0); untouched on failure
 * @ret_devid: device number, 0-65535; untouched on failure
 *
 * Return: 0, or -EINVAL if the name has another form. Context: any thread.
 */
int vif_name_parse(const char *name, unsigned int *ret_domid, unsigned int *ret_devid);

/**
 * vlan_name_parse() - read a name such as "eth0.100": VLAN 100 of eth0
 * @name: text
 * @ret_parent: what is before the last dot; untouched on failure
 * @size: bytes at @ret_parent
 * @ret_vid: 1-4094; untouched on failure
 *
 * Return: 0, or -EINVAL if the name has another form. Context: any thread.
 */
int vlan_name_parse(const char *name, char *ret_parent, size_t size, unsigned int *ret_vid);

/**
 * pci_addr_is_valid() - is it a PCI address, "0000:03:00.0" or "03:00.0"
 * @text: any text
 *
 * Return: true if it is. Context: any thread.
 */
bool pci_addr_is_valid(const char *text);

#endif
