/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The notes in xenstore that keep a guest's settings of spanning tree and BPDUs over a restart.
 *
 * How: a note for each setting that is not as it is by itself, by the name of its key.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_STP_NOTE_H
#define VSWITCH_STP_NOTE_H

struct stp_port_config;
struct vif;

/** stp_note_read() - what is noted of a vif; defaults for the rest, and for what makes no sense. */
void stp_note_read(const struct vif *vif, struct stp_port_config *ret_config);

/** stp_note_write() - note settings. @config: NULL: forget them. */
void stp_note_write(struct vif *vif, const struct stp_port_config *config);

#endif /* VSWITCH_STP_NOTE_H */
