/* SPDX-License-Identifier: BSD-3-Clause */
#include "schema.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "listen.h"
#include "nat_text.h"
#include "rate.h"
#include "vlans.h"
#include "words.h"

#define QUOTE_SIZE 48      /* bytes of a quoted bad text in a message */
#define DESCRIBE_SIZE 128  /* bytes of what would be right */
#define METAVAR_LEN_MAX 24 /* of words that stand for themselves */

const struct object_schema *
schema_find(const char *kind)
{
	unsigned int i;

	for (i = 0; i < OBJECT_SCHEMAS; i++)
		if (strcmp(object_schemas[i]->kind, kind) == 0)
			return object_schemas[i];
	return NULL;
}

static bool
key_name_equal(const char *a, const char *b)
{
	for (; *a != '\0' && *b != '\0'; a++, b++)
		if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b))
			return false;
	return *a == *b;
}

const struct schema_key *
schema_key_find(const struct object_schema *schema, const char *name)
{
	unsigned int i;

	for (i = 0; i < schema->n_keys; i++)
		if (key_name_equal(schema->keys[i].name, name))
			return &schema->keys[i];
	return NULL;
}

const char *
schema_quote(const char *text, char *ret_text, size_t size)
{
	size_t len = 0;

	ret_text[len++] = '\'';
	for (; *text != '\0' && len < size - 5; text++)
		ret_text[len++] = isprint((unsigned char)*text) ? *text : '?';
	snprintf(ret_text + len, size - len, "%s'", *text != '\0' ? "..." : "");
	return ret_text;
}

const char *
schema_metavar(const struct schema_key *key, char ret_text[METAVAR_SIZE])
{
	size_t len = 0;

	for (const char *const *word = key->words; word != NULL && *word != NULL; word++) {
		if (len < METAVAR_SIZE)
			len += snprintf(ret_text + len, METAVAR_SIZE - len, "%s%s",
					len > 0 ? "|" : "", *word);
	}
	if (len == 0 || len > METAVAR_LEN_MAX)
		snprintf(ret_text, METAVAR_SIZE, "%s", key->metavar);
	return ret_text;
}

static void
describe_words(const struct schema_key *key, char *ret_text, size_t size)
{
	const char *const *word;
	int len;

	len = snprintf(ret_text, size, "one of");
	for (word = key->words; *word != NULL && len > 0 && (size_t)len < size; word++)
		len += snprintf(ret_text + len, size - len, "%s %s", word == key->words ? "" : ",",
				*word);
}

/* Behind what else it may be. */
static void
describe_zero(const struct schema_key *key, char *ret_text, size_t size)
{
	const size_t len = strlen(ret_text);

	if (key->zero_word != NULL)
		snprintf(ret_text + len, size - len, ", or %s", key->zero_word);
}

const char *
schema_describe(const struct schema_key *key, char *ret_text, size_t size)
{
	switch (key->type) {
	case VALUE_BOOL:
		snprintf(ret_text, size, "yes or no");
		break;
	case VALUE_UINT:
	case VALUE_SECONDS:
		snprintf(ret_text, size, "a number%s from %" PRIu64 " to %" PRIu64 "%s%s",
			 key->type == VALUE_SECONDS ? " of seconds" : "", key->min, key->max,
			 key->zero_word != NULL ? " or " : "",
			 key->zero_word != NULL ? key->zero_word : "");
		break;
	case VALUE_ENUM:
		describe_words(key, ret_text, size);
		break;
	case VALUE_NAME:
		snprintf(ret_text, size, "a name of 1-%d letters, digits or . _ - + @ ~%s%s",
			 NAME_MAX_LEN, key->zero_word != NULL ? ", or " : "",
			 key->zero_word != NULL ? key->zero_word : "");
		break;
	case VALUE_NAMES:
		snprintf(ret_text, size,
			 "a list of %" PRIu64 "-%" PRIu64 " names, each once, such as eth0,eth1",
			 key->min, key->max);
		break;
	case VALUE_ADDRS:
		if (key->max == 1)
			snprintf(ret_text, size, "an IPv4 address such as 10.0.0.1");
		else
			snprintf(ret_text, size,
				 "a list of up to %" PRIu64 " IPv4 addresses, each once, such as "
				 "10.0.0.1,10.0.0.2",
				 key->max);
		describe_zero(key, ret_text, size);
		break;
	case VALUE_IPS:
		if (key->max == 1)
			snprintf(ret_text, size, "an IP address");
		else
			snprintf(ret_text, size,
				 "a list of up to %" PRIu64 " IP addresses, such as "
				 "10.0.0.1,10.0.0.2",
				 key->max);
		describe_zero(key, ret_text, size);
		break;
	case VALUE_PREFIXES:
		snprintf(ret_text, size,
			 "a list of up to %" PRIu64 " IP addresses or networks, each once, such as "
			 "10.0.0.1,10.1.0.0/24",
			 key->max);
		describe_zero(key, ret_text, size);
		break;
	case VALUE_FLAG:
		snprintf(ret_text, size, "a word alone; yes or no in a file");
		break;
	case VALUE_MAC:
		snprintf(ret_text, size, "a MAC address such as 00:16:3e:01:02:03");
		break;
	case VALUE_CORES:
		snprintf(ret_text, size, "a list of cores 0-%" PRIu64 ", each once, such as 1-3,5",
			 key->max);
		break;
	case VALUE_RATE:
		snprintf(ret_text, size, "a rate such as 100Mb/s or 20MB/s@20ms%s%s",
			 key->zero_word != NULL ? " or " : "",
			 key->zero_word != NULL ? key->zero_word : "");
		break;
	case VALUE_VLANS:
		snprintf(ret_text, size,
			 "a list of VLANs 1-%d, each once, such as 10,20-30, or " VLANS_ALL "%s%s",
			 VLANS_MAX, key->zero_word != NULL ? " or " : "",
			 key->zero_word != NULL ? key->zero_word : "");
		break;
	case VALUE_POOL:
		snprintf(ret_text, size,
			 "up to %d IPv4 addresses, each once, such as "
			 "192.0.2.1-192.0.2.9,192.0.2.20",
			 NAT_POOL_MAX);
		break;
	case VALUE_PORTS:
		snprintf(ret_text, size,
			 "a port from 1 to 65535, or two with a hyphen, the lower one first");
		break;
	case VALUE_NETS:
		if (key->max == 1)
			snprintf(ret_text, size, "an IPv4 network such as 10.0.0.0/24");
		else
			snprintf(ret_text, size,
				 "a list of up to %" PRIu64 " IPv4 networks, such as "
				 "10.0.0.0/24,10.1.0.0/16",
				 key->max);
		break;
	case VALUE_DNAT:
		snprintf(ret_text, size,
			 "tcp|udp [ADDR:]PORT[-PORT] -> ADDR[:PORT], or icmp|any [ADDR] -> ADDR");
		break;
	case VALUE_LISTEN:
		snprintf(ret_text, size, LISTEN_FORMS);
		describe_zero(key, ret_text, size);
		break;
	case VALUE_STRING:
		snprintf(ret_text, size, "%" PRIu64 "-%" PRIu64 " printable characters", key->min,
			 key->max);
		break;
	}
	return ret_text;
}

/* Decimal digits only: no sign, no blanks, no 0x, no overflow. */
static int
number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (number > (UINT64_MAX - 9) / 10)
			return -ERANGE;
		number = number * 10 + (*text - '0');
	}
	if (number < min || number > max)
		return -ERANGE;
	*ret_number = number;
	return 0;
}

/* The same of seconds, or of a larger unit. */
static int
seconds_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	static const struct {
		char letter;
		unsigned int seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	const size_t len = strlen(text);
	char digits[24];
	uint64_t number;
	size_t i;
	int ret;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (len > 1 && len < sizeof(digits) && text[len - 1] == units[i].letter)
			break;
	if (i == sizeof(units) / sizeof(units[0]))
		return number_parse(text, min, max, ret_number);
	snprintf(digits, sizeof(digits), "%.*s", (int)(len - 1), text);
	ret = number_parse(digits, 0, max, &number);
	if (ret < 0)
		return ret;
	number *= units[i].seconds;
	if (number < min || number > max)
		return -ERANGE;
	*ret_number = number;
	return 0;
}

static int
bool_parse(const char *text, uint64_t *ret_number)
{
	static const char *const words[][2] = {
		{ "no", "yes" },
		{ "off", "on" },
		{ "false", "true" },
		{ "0", "1" },
	};
	unsigned int i, j;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		for (j = 0; j < 2; j++)
			if (strcasecmp(text, words[i][j]) == 0) {
				*ret_number = j;
				return 0;
			}
	return -EINVAL;
}

static int
enum_parse(const char *const *words, const char *text, uint64_t *ret_number)
{
	unsigned int i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0) {
			*ret_number = i;
			return 0;
		}
	return -EINVAL;
}

bool
name_is_valid(const char *text)
{
	size_t len = strlen(text);
	const char *c;

	if (len < 1 || len > NAME_MAX_LEN || *text == '-')
		return false;
	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	if (pci_addr_is_valid(text))
		return true;
	for (c = text; *c != '\0'; c++)
		if (!isalnum((unsigned char)*c) && strchr("._-+@~", *c) == NULL)
			return false;
	return true;
}

static bool
string_is_valid(const char *text, uint64_t min, uint64_t max)
{
	size_t len = strlen(text);
	const char *c;

	if (len < min || len > max)
		return false;
	for (c = text; *c != '\0'; c++)
		if (!isprint((unsigned char)*c))
			return false;
	return true;
}

int
cores_parse(const char *text, uint16_t *ret_cores, unsigned int max)
{
	bool wanted[CORE_MAX + 1] = { false };
	uint64_t first, last, core;
	char number[8];
	int n_cores = 0;
	size_t len;
	int ret;

	for (;;) {
		len = strcspn(text, ",-");
		snprintf(number, sizeof(number), "%.*s", (int)(len < 7 ? len : 7), text);
		ret = number_parse(number, 0, CORE_MAX, &first);
		if (ret < 0)
			return ret;
		last = first;
		text += len;
		if (*text == '-') {
			len = strcspn(++text, ",-");
			snprintf(number, sizeof(number), "%.*s", (int)(len < 7 ? len : 7), text);
			ret = number_parse(number, first, CORE_MAX, &last);
			if (ret < 0)
				return ret;
			text += len;
		}
		for (core = first; core <= last; core++) {
			if (wanted[core])
				return -EINVAL;
			wanted[core] = true;
		}
		if (*text == '\0')
			break;
		if (*text++ != ',')
			return -EINVAL;
	}
	for (core = 0; core <= CORE_MAX; core++) {
		if (!wanted[core])
			continue;
		if (ret_cores != NULL && (unsigned int)n_cores < max)
			ret_cores[n_cores] = core;
		n_cores++;
	}
	return n_cores;
}

/* The next word of a list, cut short if need be. Return: what is behind its comma, or NULL. */
static const char *
word_next(const char *text, char *ret_word, size_t size)
{
	size_t len = strcspn(text, ",");

	snprintf(ret_word, size, "%.*s", (int)(len < size ? len : size), text);
	return text[len] == ',' ? text + len + 1 : NULL;
}

int
names_parse(const char *text, char (*ret_names)[NAME_MAX_LEN + 1], unsigned int max)
{
	char word[NAME_MAX_LEN + 2], other[NAME_MAX_LEN + 2];
	const char *rest = text;
	unsigned int n, i;

	for (n = 0; rest != NULL; n++) {
		const char *before = text;

		rest = word_next(rest, word, sizeof(word));
		if (!name_is_valid(word))
			return -EINVAL;
		for (i = 0; i < n; i++) {
			before = word_next(before, other, sizeof(other));
			if (strcmp(word, other) == 0)
				return -EINVAL;
		}
		if (n >= max)
			return -ERANGE;
		if (ret_names != NULL)
			memcpy(ret_names[n], word, NAME_MAX_LEN + 1);
	}
	return n;
}

int
addrs_parse(const char *text, struct in_addr *ret_addrs, unsigned int max)
{
	struct in_addr addrs[BOND_ARP_TARGETS_MAX];
	char word[INET_ADDRSTRLEN + 1];
	unsigned int n, i;

	for (n = 0; text != NULL; n++) {
		if (n >= max || n >= BOND_ARP_TARGETS_MAX)
			return -ERANGE;
		text = word_next(text, word, sizeof(word));
		if (inet_pton(AF_INET, word, &addrs[n]) != 1 || addrs[n].s_addr == INADDR_ANY ||
		    IN_MULTICAST(ntohl(addrs[n].s_addr)) || addrs[n].s_addr == INADDR_BROADCAST)
			return -EINVAL;
		for (i = 0; i < n; i++)
			if (addrs[i].s_addr == addrs[n].s_addr)
				return -EINVAL;
	}
	if (ret_addrs != NULL)
		memcpy(ret_addrs, addrs, n * sizeof(addrs[0]));
	return n;
}

/* A list that has to have at least @min elements. */
static int
list_result(int n, const char *text, uint64_t min)
{
	if (n >= 0 && (strlen(text) >= VALUE_TEXT_SIZE || (uint64_t)n < min))
		return -ERANGE;
	return n < 0 ? n : 0;
}

/* @ret_fault: more to be said of what is wrong; untouched: nothing. */
static int
value_read(const struct schema_key *key, const char *text, struct value *value,
	   const char **ret_fault)
{
	struct listen_address address;
	struct nat_dnat_text dnat;
	uint16_t low, high;
	struct rate rate;
	int ret = 0;

	switch (key->type) {
	case VALUE_BOOL:
	case VALUE_FLAG:
		return bool_parse(text, &value->number);
	case VALUE_UINT:
	case VALUE_SECONDS:
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
			value->number = 0;
		else
			ret = (key->type == VALUE_SECONDS ? seconds_parse : number_parse)(
				text, key->min, key->max, &value->number);
		return ret;
	case VALUE_ENUM:
		return enum_parse(key->words, text, &value->number);
	case VALUE_NAME:
		return name_is_valid(text) ? 0 : -EINVAL;
	case VALUE_NAMES:
		return list_result(names_parse(text, NULL, key->max), text, key->min);
	case VALUE_ADDRS:
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
			return 0;
		return list_result(addrs_parse(text, NULL, key->max), text, key->min);
	case VALUE_IPS:
	case VALUE_PREFIXES:
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
			return 0;
		ret = key->type == VALUE_IPS ? ip_addrs_parse(text, NULL, key->max) :
					       ip_prefixes_parse(text, NULL, key->max);
		return list_result(ret == -E2BIG ? -ERANGE : ret, text, key->min);
	case VALUE_MAC:
		return mac_parse(text, value->mac);
	case VALUE_CORES:
		ret = cores_parse(text, NULL, 0);
		if (ret >= 0 && strlen(text) >= VALUE_TEXT_SIZE)
			return -ERANGE;
		return ret < 0 ? ret : 0;
	case VALUE_RATE:
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
			return 0;
		return rate_parse(text, &rate);
	case VALUE_VLANS:
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
			return 0;
		ret = vlans_parse(text, NULL);
		return ret == 0 && strlen(text) >= VALUE_TEXT_SIZE ? -ERANGE : ret;
	case VALUE_POOL:
		ret = nat_pool_parse(text, NULL);
		return list_result(ret == -E2BIG ? -ERANGE : ret, text, 1);
	case VALUE_PORTS:
		return nat_ports_parse(text, &low, &high);
	case VALUE_NETS:
		ret = nat_nets_parse(text, NULL, key->max);
		return list_result(ret == -E2BIG ? -ERANGE : ret, text, key->min);
	case VALUE_DNAT:
		return nat_dnat_parse(text, &dnat, ret_fault);
	case VALUE_LISTEN:
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
			return 0;
		return listen_parse(text, &address, ret_fault);
	case VALUE_STRING:
		return string_is_valid(text, key->min, key->max) ? 0 : -EINVAL;
	}
	return -EINVAL;
}

/* One spelling for each value, so that texts can be compared and sent on. */
static void
value_set_text(const struct schema_key *key, const char *text, struct value *value)
{
	struct nat_dnat_text dnat;
	const char *fault;

	switch (key->type) {
	case VALUE_BOOL:
		text = value->number ? "yes" : "no";
		break;
	case VALUE_UINT:
	case VALUE_SECONDS:
		if (key->zero_word != NULL && value->number == 0)
			break;
		snprintf(value->text, sizeof(value->text), "%" PRIu64, value->number);
		return;
	case VALUE_MAC:
		mac_format(value->mac, value->text);
		return;
	case VALUE_NAME:
		if (key->zero_word != NULL && strcmp(text, key->zero_word) == 0)
			text = "";
		break;
	case VALUE_DNAT:
		if (nat_dnat_parse(text, &dnat, &fault) == 0)
			nat_dnat_format(&dnat, value->text);
		return;
	default:
		break;
	}
	snprintf(value->text, sizeof(value->text), "%s", text);
}

/* The word that was meant, of those that the key takes; NULL: none is near. */
static const char *
word_meant(const struct schema_key *key, const char *text)
{
	static const char *const bools[] = { "yes", "no", "on", "off", "true", "false", NULL };
	const char *const *words = key->type == VALUE_ENUM ? key->words :
				   key->type == VALUE_BOOL ? bools :
							     NULL;
	struct word_search search;

	word_search_start(&search, text);
	for (; words != NULL && *words != NULL; words++)
		word_search_add(&search, *words);
	if (key->zero_word != NULL)
		word_search_add(&search, key->zero_word);
	if (key->type == VALUE_VLANS)
		word_search_add(&search, VLANS_ALL);
	return search.nearest;
}

int
schema_parse_value(const struct schema_key *key, const char *text, struct value *ret_value,
		   struct error *err)
{
	char quoted[QUOTE_SIZE], right[DESCRIBE_SIZE], hint[WORD_HINT_SIZE];
	struct value value = { .is_set = true };
	const char *fault = NULL, *meant;
	int ret;

	ret = value_read(key, text, &value, &fault);
	if (ret < 0 && fault != NULL)
		return error_set(err, ret, "%s: %s: %s; right is %s", key->name,
				 schema_quote(text, quoted, sizeof(quoted)), fault,
				 schema_describe(key, right, sizeof(right)));
	if (ret < 0) {
		meant = word_meant(key, text);
		return error_set(err, ret, "%s: %s is not %s%s%s", key->name,
				 schema_quote(text, quoted, sizeof(quoted)),
				 schema_describe(key, right, sizeof(right)),
				 meant != NULL ? "; " : "",
				 word_hint(meant, "", hint, sizeof(hint)));
	}
	value_set_text(key, text, &value);
	*ret_value = value;
	return 0;
}
