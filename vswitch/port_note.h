/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The settings of a vif's port as they are noted in xenstore, beside its device, so that they are
 * found again after a restart. They are read as the work of another version, or of somebody's hand.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_PORT_NOTE_H
#define VSWITCH_PORT_NOTE_H

#include <stdbool.h>

struct port_config;
struct vif;

/**
 * port_note_read() - read all settings.
 * @config: what is noted is filled in, the rest left alone.
 * Return: the bridge's name, or NULL (none, or the port is routed); the caller's, to free.
 */
char *port_note_read(const struct vif *vif, struct port_config *config);

/** port_note_has() - is there a note of this key? */
bool port_note_has(const struct vif *vif, const char *key);

/** port_note_write() - note all settings but the carrier. @bridge: NULL: none. Failures are logged.
 */
void port_note_write(struct vif *vif, const struct port_config *config, const char *bridge);

/** port_note_forget() - the same, of no settings. */
void port_note_forget(struct vif *vif);

/** port_note() - note one. @value: NULL: forget it. A failure is logged. */
void port_note(struct vif *vif, const char *key, const char *value);

#endif /* VSWITCH_PORT_NOTE_H */
