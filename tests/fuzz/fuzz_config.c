/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration files of any form. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	if (config_read(file, "fuzz", &config, &err) < 0 && strchr(err.msg, ':') == NULL)
		abort();
	config_free(&config);
	fclose(file);
	return 0;
}
