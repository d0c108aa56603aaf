/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Unknown names: what an operator is told who named what there is not. That is the one that was
 * probably meant (common/words.h), or how to see what there is.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_UNKNOWN_H
#define VSWITCH_UNKNOWN_H

#include <stdbool.h>

struct error;
struct nat_control;
struct vswitch;

/* Each: "bridge xenbr: there is no such bridge; did you mean 'xenbr0'?" Return: -ENOENT. */
int unknown_bridge(struct vswitch *sw, const char *name, struct error *err);
int unknown_port(struct vswitch *sw, const char *name, struct error *err);
int unknown_bond(struct vswitch *sw, const char *name, struct error *err);
int unknown_vif(struct vswitch *sw, const char *name, struct error *err);
int unknown_mirror(struct vswitch *sw, const char *name, struct error *err);
int unknown_nat_rule(struct nat_control *control, const char *name, struct error *err);

/**
 * unknown_port_hint() - the end of such a sentence, for other ones
 * @bridges: names of bridges are as good
 * @ret_text: WORD_HINT_SIZE bytes
 *
 * Return: @ret_text.
 */
const char *unknown_port_hint(struct vswitch *sw, const char *name, bool bridges, char *ret_text);

/**
 * unknown_interface_hint() - the same of a kernel interface that is not there
 * @ret_text: WORD_HINT_SIZE bytes
 *
 * Return: @ret_text.
 */
const char *unknown_interface_hint(const char *name, char *ret_text);

#endif /* VSWITCH_UNKNOWN_H */
