/* SPDX-License-Identifier: BSD-3-Clause */
#include "stp_note.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port_note.h"
#include "stp.h"
#include "vif.h"

static const struct stp_port_config defaults = { .priority = STP_PORT_PRIORITY_DEFAULT };

/* Settings that are words. */
static uint8_t *
word_of(struct stp_port_config *config, enum port_key key)
{
	switch (key) {
	case PORT_KEY_STP_EDGE:
		return &config->edge;
	case PORT_KEY_STP_P2P:
		return &config->p2p;
	case PORT_KEY_STP_RESTRICTED:
		return &config->restricted;
	default:
		return &config->bpdu;
	}
}

static const enum port_key words[] = {
	PORT_KEY_STP_EDGE,
	PORT_KEY_STP_P2P,
	PORT_KEY_STP_RESTRICTED,
	PORT_KEY_BPDU,
};

/* The value of a key as the schema reads it; false: none, or nonsense. */
static bool
read_value(const struct vif *vif, enum port_key key, struct value *ret_value)
{
	char *text = vif_note_read(vif, port_schema.keys[key].name);
	bool is = text != NULL &&
		  schema_parse_value(&port_schema.keys[key], text, ret_value, NULL) == 0;

	free(text);
	return is;
}

void
stp_note_read(const struct vif *vif, struct stp_port_config *ret_config)
{
	struct value value;

	*ret_config = defaults;
	if (read_value(vif, PORT_KEY_STP_COST, &value))
		ret_config->cost = value.number;
	if (read_value(vif, PORT_KEY_STP_PRIORITY, &value) &&
	    value.number % STP_PORT_PRIORITY_STEP == 0)
		ret_config->priority = value.number;
	for (size_t i = 0; i < RTE_DIM(words); i++)
		if (read_value(vif, words[i], &value))
			*word_of(ret_config, words[i]) = value.number;
}

static void
write_number(struct vif *vif, enum port_key key, uint32_t number, uint32_t usual)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", number);
	port_note(vif, port_schema.keys[key].name, number != usual ? text : NULL);
}

void
stp_note_write(struct vif *vif, const struct stp_port_config *config)
{
	struct stp_port_config copy = config != NULL ? *config : defaults;

	write_number(vif, PORT_KEY_STP_COST, copy.cost, defaults.cost);
	write_number(vif, PORT_KEY_STP_PRIORITY, copy.priority, defaults.priority);
	for (size_t i = 0; i < RTE_DIM(words); i++) {
		const struct schema_key *key = &port_schema.keys[words[i]];
		const uint8_t word = *word_of(&copy, words[i]);

		port_note(vif, key->name, word != 0 ? key->words[word] : NULL);
	}
}
