/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's IP settings of an interface (/proc/sys/net/ipv4/conf/NAME, and ipv6), as another has
 * them.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_IP_SETTINGS_H
#define VSWITCH_IP_SETTINGS_H

struct ip_settings;

/**
 * ip_settings_copy() - give @to the settings of @from; names of interfaces
 *
 * What cannot be set is logged and left as it is.
 *
 * Return: what was changed, for the two below; or NULL: nothing.
 */
struct ip_settings *ip_settings_copy(const char *from, const char *to);

/** ip_settings_undo() - as it was; and free it. NULL is legal. */
void ip_settings_undo(struct ip_settings *settings);

/** ip_settings_free() - it stays. NULL is legal. */
void ip_settings_free(struct ip_settings *settings);

/**
 * ip_settings_relax() - take in what would be answered by another interface (rp_filter), while
 * addresses are on two of them
 *
 * Return: for ip_settings_restore(): how it was; negative: it stays as it was.
 */
int ip_settings_relax(const char *name);

/** ip_settings_restore() - the end of that. */
void ip_settings_restore(const char *name, int old);

#endif /* VSWITCH_IP_SETTINGS_H */
