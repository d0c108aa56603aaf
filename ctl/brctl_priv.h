/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of brctl share: how bridges and ports are found, and the subcommands.
 *
 * Thread-safety: none needed.
 */
#ifndef CTL_BRCTL_PRIV_H
#define CTL_BRCTL_PRIV_H

#include <stdbool.h>

#include <jansson.h>

#include "brctl.h"

struct client;

/** brctl_fail() - a line to stderr. Return: 1, the exit status. */
int brctl_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** brctl_text() - a string of a row; "" if it has none. */
const char *brctl_text(const json_t *row, const char *field);

/** brctl_sort() - sort rows by a string in them, as strcmp() does. */
void brctl_sort(json_t *rows, const char *field);

/**
 * brctl_name() - the name that is meant by one that is too long for an interface: the kernel takes
 * what there is room for, of bridges. Return: new reference, or NULL: it is no text.
 */
json_t *brctl_name(const char *name);

/** brctl_rows() - the rows of a show. @name: of one object; NULL: all. Return: NULL: none. */
json_t *brctl_rows(struct client *client, const char *method, const char *name);

/** brctl_row() - the row of an object. Return: new reference, or NULL: there is none. */
json_t *brctl_row(struct client *client, const char *method, const char *name);

/**
 * brctl_bridge() - the row of a bridge; brctl_bridge_row(): of another show. @name: as for
 * brctl_name(). Return: new reference, or NULL: there is none.
 */
json_t *brctl_bridge_row(struct client *client, const char *method, const char *name);
json_t *brctl_bridge(struct client *client, const char *name);
bool brctl_bridge_exists(struct client *client, const char *name);

/** brctl_interface_exists() - is there a port, a bridge or a kernel interface of this name? */
bool brctl_interface_exists(struct client *client, const char *name);

/** brctl_no_bridge() - why a bridge is not found: ENODEV, or EOPNOTSUPP: it is something else. */
int brctl_no_bridge(struct client *client, const char *name);

/**
 * brctl_is_host() - is a port the host's interface of its bridge, or the router's? With a Linux
 * bridge that is the bridge itself.
 */
bool brctl_is_host(const json_t *port);

/**
 * brctl_ports() - the ports that a bridge has for brctl: all but those of brctl_is_host().
 * @ret_hosts: if not NULL, new reference to an array of these.
 * Return: new reference to an array, sorted by name.
 */
json_t *brctl_ports(struct client *client, const char *bridge, json_t **ret_hosts);

/* Subcommands. @args: what follows the word, NULL at the end. Return: exit status. */
int brctl_addbr(struct client *client, char *const *args);
int brctl_delbr(struct client *client, char *const *args);
int brctl_addif(struct client *client, char *const *args);
int brctl_delif(struct client *client, char *const *args);
int brctl_hairpin(struct client *client, char *const *args);
int brctl_setageing(struct client *client, char *const *args);
int brctl_setbridgeprio(struct client *client, char *const *args);
int brctl_setfd(struct client *client, char *const *args);
int brctl_sethello(struct client *client, char *const *args);
int brctl_setmaxage(struct client *client, char *const *args);
int brctl_setpathcost(struct client *client, char *const *args);
int brctl_setportprio(struct client *client, char *const *args);
int brctl_stp(struct client *client, char *const *args);
int brctl_show(struct client *client, char *const *args);
int brctl_showmacs(struct client *client, char *const *args);
int brctl_showstp(struct client *client, char *const *args);

#endif
