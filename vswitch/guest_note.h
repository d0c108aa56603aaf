/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notes in xenstore that keep a guest's mode and addresses over a restart.
 *
 * How: a note for each setting that is not as it is by itself, by the name of its key.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_GUEST_NOTE_H
#define VSWITCH_GUEST_NOTE_H

struct guest_config;
struct vif;

/**
 * guest_note_read() - what is noted of a vif. If any of it makes no sense, it is in mode bridge: a
 * guest is not to be let in with any source because its addresses cannot be read.
 */
void guest_note_read(const struct vif *vif, struct guest_config *ret_config);

/** guest_note_write() - note settings. @config: NULL: forget them. */
void guest_note_write(struct vif *vif, const struct guest_config *config);

#endif /* VSWITCH_GUEST_NOTE_H */
