/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the tables of the schema (schema_tables.c, schema_route.c, schema_nat.c) share.
 *
 * Thread-safety: constants.
 */
#ifndef COMMON_SCHEMA_PRIV_H
#define COMMON_SCHEMA_PRIV_H

#include "object.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define CREATE (VERB_ADD | VERB_CONFIG)              /* only when the object is made */
#define SETTABLE (VERB_ADD | VERB_CONFIG | VERB_SET) /* also while it runs */

#endif /* COMMON_SCHEMA_PRIV_H */
