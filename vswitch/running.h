/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The running configuration: what an operator has asked for so far, as records (record.h).
 *
 * How: it starts as the configuration file's; every add, set and del of a kind of object that may
 * be in a file is noted when it has succeeded, whoever asked for it. So it has what was set and no
 * defaults, and a new kind of object needs nothing here: its schema says in_config, and its methods
 * are KIND.add, KIND.del and, if it has any, KIND.set.
 *
 * Ports of guests (vifD.N, vifD.N-emu, and VLANs of these) are noted as well, so that a transaction
 * can take back what it did to them, but are no part of the configuration: they come with a guest,
 * with what its xl.cfg says, and what an operator has set of them goes with it; the next guest of
 * that number is another. What is to last stands in the guest's xl.cfg.
 *
 * Thread-safety: control thread only.
 */
#ifndef VSWITCH_RUNNING_H
#define VSWITCH_RUNNING_H

#include <stdbool.h>

#include <jansson.h>

#include "record.h"

struct config;
struct error;
struct running;
struct vswitch;

/** running_create() - an empty configuration, for sw->running. Return: it. */
struct running *running_create(struct vswitch *sw);

/** running_destroy() - NULL is legal. */
void running_destroy(struct running *running);

/** running_load() - the file was carried out: this is what runs. */
void running_load(struct running *running, const struct config *config);

/**
 * running_note() - a method has succeeded
 * @method: "port.set"
 * @params: what it was called with
 *
 * Return: true if the configuration is another now, guests' ports apart.
 */
bool running_note(struct running *running, const char *method, const json_t *params);

/**
 * running_see_guest() - note what is set of a guest's port that is attached, so that it can be
 * taken back: others than operators set it too
 * @name: of a port; one that is no guest's, or not attached, is left alone
 */
void running_see_guest(struct running *running, const char *name);

/** running_list() - append copies of the records. @guests: of guests' ports as well. */
void running_list(struct running *running, bool guests, struct record_list *list);

/** running_replace() - these records, guests' ports apart, are what is configured. */
void running_replace(struct running *running, const struct record_list *list);

/**
 * running_started() - what is set of [vswitchd] and was when it started: the rest of it needs a
 * restart to take effect. Return: the record, or NULL: nothing was set.
 */
const struct record *running_started(const struct running *running);

/* --- records and JSON --- */

/** record_params() - parameters for a method: name and keys. Return: new reference. */
json_t *record_params(const struct record *record);

/** record_json() - {"kind": ..., "name": ..., "keys": {...}}. Return: new reference. */
json_t *record_json(const struct record *record);

/**
 * record_read() - the reverse of record_json(), checked as a section of a file is
 *
 * Return: the record, or NULL with @err filled.
 */
struct record *record_read(const json_t *json, struct error *err);

#endif /* VSWITCH_RUNNING_H */
