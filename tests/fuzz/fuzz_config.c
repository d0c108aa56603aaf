/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration files of any form: read, and, if they are right, saved and planned. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_edit.h"
#include "error.h"
#include "plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is said of a file must be kept when it is edited, and what differs must be seen. */
static void
edit(const uint8_t *data, size_t size)
{
	struct record_list list = TAILQ_HEAD_INITIALIZER(list);
	struct record_list fewer = TAILQ_HEAD_INITIALIZER(fewer);
	char *text = strndup((const char *)data, size), *edited;
	struct record *record;
	struct error err;
	struct plan plan;

	if (text == NULL || config_parse(text, "fuzz", &list, &err) < 0)
		abort();
	if (config_edit(text, "fuzz", &list, &edited, &err) < 0 || strcmp(text, edited) != 0)
		abort();
	free(edited);
	record_list_copy(&fewer, &list);
	record = TAILQ_FIRST(&fewer);
	if (record != NULL && record->schema->named && record->schema != &bridge_schema) {
		TAILQ_REMOVE(&fewer, record, list);
		record_free(record);
	} else {
		for (unsigned int i = 0; record != NULL && i < record->schema->n_keys; i++)
			if (record->schema->keys[i].required == 0)
				record_set(record, i, NULL);
	}
	if (config_edit(text, "fuzz", &fewer, &edited, &err) == 0)
		free(edited);
	plan_make(&list, &list, &plan);
	if (!plan_is_empty(&plan))
		abort();
	plan_free(&plan);
	plan_make(&list, &fewer, &plan);
	plan_free(&plan);
	record_list_free(&list);
	record_list_free(&fewer);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config = { .n_sections = 0 };
	struct error err = { .code = 0 };
	FILE *file;

	if (size == 0)
		return 0;
	/* Only read: "r" does not write to the buffer. */
	file = fmemopen((void *)(uintptr_t)data, size, "r");
	if (file == NULL)
		abort();
	if (config_read(file, "fuzz", &config, &err) < 0) {
		if (strchr(err.msg, ':') == NULL)
			abort();
	} else if (memchr(data, '\0', size) == NULL) {
		edit(data, size);
	}
	config_free(&config);
	fclose(file);
	return 0;
}
