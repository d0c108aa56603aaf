/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows as an operator types them (common/flow_text.h): whatever they say, what is read is sound.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flow_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), fault[FLOW_FAULT_SIZE] = "";
	struct flow flow;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (flow_text_parse(text, &flow, fault) < 0) {
		if (fault[0] == '\0' || strlen(fault) >= sizeof(fault))
			abort();
	} else if (!flow_text_is(text) || flow.proto >= FLOW_PROTOS || flow.vid > 4094 ||
		   flow.src.family != flow.dst.family || mac_is_group(flow.from)) {
		abort();
	}
	free(text);
	return 0;
}
