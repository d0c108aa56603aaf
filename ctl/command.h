/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands: what vsctl can be told, as one const table.
 *
 * How: a command is an object and a verb ("bridge add"), or a word alone ("version"). Whether it
 * takes a name is in the table, which keys it takes is in the object's schema. request_parse()
 * reads argv by both and finds every fault before there is a connection; the RPC method is
 * "OBJECT.VERB", its parameters the values that were given.
 *
 * Thread-safety: const table and pure functions.
 */
#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "object.h"

struct client;
struct command;
struct error;
struct option_text;

/* A command as it was typed. */
struct request {
	const struct command *command;
	struct object object;
	bool json; /* -j */
	int argc;  /* of a command that takes words: what stands behind it */
	char *const *argv;
};

/**
 * struct command - a row of the table.
 * @object: "bridge", or NULL for a word alone.
 * @verb: "add", or the word.
 * @schema: kind of object, or NULL.
 * @schema_verb: which keys it takes.
 * @name: whether it takes a name.
 * @metavar: what help calls the name.
 * @help: one line.
 * @run: carries it out over an open connection. Return 0, an exit status above those of main.c, or
 *	-errno with @err filled.
 * @takes_words: it reads the words behind it itself; @metavar is what help says of them.
 * @options: of a command that takes words: those that begin with '-', for help; or NULL.
 * @is_offline: it may do without a connection, and is given NULL then.
 */
struct command {
	const char *object;
	const char *verb;
	const struct object_schema *schema;
	enum schema_verb schema_verb;
	enum name_rule name;
	const char *metavar;
	const char *help;
	int (*run)(struct client *client, const struct request *request, struct error *err);
	bool takes_words;
	const struct option_text *options;
	bool is_offline;
};

extern const struct command commands[];
extern const size_t n_commands;

#define COMMAND_WORDS_MAX 48

/**
 * command_words() - the words that fit at a place, each once
 * @object: NULL: objects and single words; else the verbs of this object
 * @words: gets @max of them at most
 *
 * Return: how many.
 */
size_t command_words(const char *object, const char **words, size_t max);

/** command_has_verbs() - is it an object, and not a word alone? */
bool command_has_verbs(const char *object);

/**
 * command_word() - one of these, or what is short for only one of them ("br": bridge)
 * @object: as above
 * @given: what was typed, or NULL: nothing
 * @err: what is wrong with it, and what would be right
 *
 * Return: the whole word, or NULL.
 */
const char *command_word(const char *object, const char *given, struct error *err);

/** command_takes_key() - does it read a key of its schema, from words as a person types them? */
bool command_takes_key(const struct command *command, const struct schema_key *key);

/**
 * command_find() - the command that words begin with
 * @argc, @argv: the words; those behind the command do not matter
 * @err: what is wrong with them
 *
 * Return: a row of the table, or NULL.
 */
const struct command *command_find(int argc, char *const *argv, struct error *err);

/**
 * request_parse() - read a command line
 * @argc: number of words
 * @argv: words after vsctl's options
 * @ret_request: the command and its object
 * @err: what is wrong with it
 *
 * Return: 0, -EINVAL (wrong usage: an unknown or missing word, name or key), or -ERANGE (a value
 * or name that is not legal).
 */
int request_parse(int argc, char *const *argv, struct request *ret_request, struct error *err);

/** request_is_change() - does it change something of the switch, and show nothing? */
bool request_is_change(const struct request *request);

/**
 * request_method() - the RPC method of a request
 * @request: the request
 * @ret_name: "bridge.add"
 * @size: bytes at @ret_name
 */
void request_method(const struct request *request, char *ret_name, size_t size);

/**
 * request_params() - the RPC parameters of a request: what was given, numbers as numbers
 * @object: the request's object
 *
 * Return: new reference to a JSON object.
 */
json_t *request_params(const struct object *object);

/**
 * request_call() - call a request's method
 * @client: connection
 * @request: the request
 * @ret_result: new reference to the result
 * @err: the daemon's message
 *
 * Return: 0 or -errno.
 */
int request_call(struct client *client, const struct request *request, json_t **ret_result,
		 struct error *err);

#endif
