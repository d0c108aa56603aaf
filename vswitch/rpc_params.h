/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parameters of a method as an object: {"name": "xenbr0", "ageing": 300} -> struct object.
 *
 * How: every member is a key of the object's schema, "name" is its name. A number is a JSON number,
 * a yes or no is a JSON boolean, all else is a string as on vsctl's command line. A key with a word
 * that stands for zero ("none") takes that word, or null, too.
 *
 * Thread-safety: pure functions, any thread.
 */
#ifndef VSWITCH_RPC_PARAMS_H
#define VSWITCH_RPC_PARAMS_H

#include <jansson.h>

#include "object.h"

struct error;

/**
 * rpc_params_read() - read the parameters of a method
 * @params: JSON object
 * @schema: kind of object
 * @verb: what is to be done
 * @rule: whether there must be a name
 * @ret_obj: the object, with defaults where nothing was given
 * @err: names object, key and what would be right
 *
 * Return: 0, -EINVAL, -ERANGE. Context: any thread.
 */
int rpc_params_read(const json_t *params, const struct object_schema *schema, enum schema_verb verb,
		    enum name_rule rule, struct object *ret_obj, struct error *err);

#endif
