/* SPDX-License-Identifier: BSD-3-Clause */
#include "stable_mac.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

/* FNV-1a */
static uint64_t
hash_text(uint64_t hash, const char *text)
{
	for (; *text != '\0'; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3;
	return hash;
}

void
stable_mac(const char *name, uint8_t ret_mac[6])
{
	static const char *const sources[] = { "/etc/machine-id",
					       "/sys/class/dmi/id/product_uuid" };
	char id[64] = "";
	uint64_t hash = 0xcbf29ce484222325;
	FILE *file;

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]) && id[0] == '\0'; i++) {
		file = fopen(sources[i], "re");
		if (file == NULL)
			continue;
		if (fgets(id, sizeof(id), file) == NULL)
			id[0] = '\0';
		fclose(file);
	}
	if (id[0] == '\0')
		gethostname(id, sizeof(id) - 1);
	hash = hash_text(hash_text(hash, id), name);
	for (int i = 0; i < 6; i++)
		ret_mac[i] = hash >> (8 * i);
	ret_mac[0] = (ret_mac[0] & 0xfc) | 0x02;
}
