/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vswitch-extcap: Wireshark's way to the switch's ports, by its extcap interface
 * (https://www.wireshark.org/docs/wsdg_html_chunked/ChCaptureExtcap.html). Wireshark runs it to be
 * told of the interfaces, of their settings, and to have one captured into a pipe.
 *
 * The interfaces are vswitch-any, vswitch-bridge-NAME and vswitch-port-NAME. Without a vswitchd
 * that can be asked there are none, and that is no error: others have Wireshark, too.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "capture.h"
#include "capture_filter.h"
#include "capture_words.h"
#include "client.h"
#include "error.h"
#include "version.h"

#define PREFIX "vswitch-"
#define WORDS_MAX 16

enum what {
	DO_NOTHING,
	DO_INTERFACES,
	DO_DLTS,
	DO_CONFIG,
	DO_CAPTURE,
};

struct options {
	enum what what;
	const char *interface;
	const char *fifo;
	const char *filter;
	const char *points; /* as in the selector below */
	const char *length;
};

static const struct {
	const char *value, *display;
	const char *words[6]; /* of vsctl capture */
} points[] = {
	{ "both", "What comes in and what goes out", { "dir", "both" } },
	{ "in", "What comes in", { "dir", "in" } },
	{ "out", "What goes out", { "dir", "out" } },
	{ "drop", "What is dropped, and why", { "at", "drop" } },
	{ "all", "All of these", { "at", "rx", "at", "tx", "at", "drop" } },
	{ "nat", "Before and after NAT", { "at", "pre-nat", "at", "post-nat" } },
};
#define N_POINTS (sizeof(points) / sizeof(points[0]))

static int
fail(const struct error *err)
{
	fprintf(stderr, "vswitch-extcap: %s\n", err->msg);
	return EXIT_FAILURE;
}

static struct client *
connect_daemon(struct error *err)
{
	const char *run_dir = getenv("VSWITCH_RUN_DIR");
	char path[512];

	snprintf(path, sizeof(path), "%s/vswitchd.sock",
		 run_dir != NULL && *run_dir != '\0' ? run_dir : "/run/vswitch");
	return client_open(path, err);
}

/* --- interfaces --- */

/* A value within braces. */
static void
put_value(const char *key, const char *prefix, const char *text)
{
	printf("{%s=%s", key, prefix);
	for (; *text != '\0'; text++)
		putchar(*text == '{' || *text == '}' || (unsigned char)*text < ' ' ? '?' : *text);
	putchar('}');
}

static void
put_interface(const char *kind, const char *name, const char *display)
{
	char value[64];

	snprintf(value, sizeof(value), "%s%s", kind, name);
	fputs("interface ", stdout);
	put_value("value", PREFIX, value);
	put_value("display", "vswitch: ", display);
	putchar('\n');
}

static const char *
text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text != NULL ? text : "";
}

static void
put_bridges(const json_t *bridges)
{
	const json_t *row;
	char display[128];
	size_t i;

	json_array_foreach(bridges, i, row) {
		const char *name = text_of(row, "bridge");

		snprintf(display, sizeof(display), "bridge %s, all ports", name);
		put_interface("bridge-", name, display);
	}
}

static void
put_ports(const json_t *ports)
{
	const json_t *row;
	char display[256];
	size_t i;

	json_array_foreach(ports, i, row) {
		const char *name = text_of(row, "port"), *guest = text_of(row, "guest");

		snprintf(display, sizeof(display), "%s%s%s", name,
			 guest[0] != '\0' ? " of guest " : "", guest);
		put_interface("port-", name, display);
	}
}

static int
list_interfaces(void)
{
	json_t *bridges = NULL, *all = NULL;
	struct client *client;
	struct error err;

	puts("extcap {version=" VSWITCH_VERSION "}{display=vswitch}");
	client = connect_daemon(&err);
	if (client == NULL)
		return EXIT_SUCCESS;
	if (client_call(client, "bridge.show", json_object(), &bridges, &err) == 0 &&
	    client_call(client, "top.show", json_object(), &all, &err) == 0) {
		put_interface("any", "", "all ports");
		put_bridges(bridges);
		put_ports(json_object_get(all, "ports"));
	}
	json_decref(bridges);
	json_decref(all);
	client_close(client);
	return EXIT_SUCCESS;
}

static int
list_settings(void)
{
	puts("arg {number=0}{call=--points}{display=What}{type=selector}"
	     "{tooltip=Where the switch looks at packets}{default=both}");
	puts("arg {number=1}{call=--length}{display=Bytes of each packet}{type=unsigned}"
	     "{range=0,131072}{default=0}{tooltip=At most; 0 is all}");
	for (size_t i = 0; i < N_POINTS; i++)
		printf("value {arg=0}{value=%s}{display=%s}{default=%s}\n", points[i].value,
		       points[i].display, i == 0 ? "true" : "false");
	return EXIT_SUCCESS;
}

/* --- capturing --- */

/* Words of "vsctl capture". Return: how many, or -EINVAL. */
static int
words_make(const struct options *options, const char *words[WORDS_MAX], struct error *err)
{
	const char *name = options->interface;
	size_t i = 0;
	int n = 0;

	if (name == NULL || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		return error_set(err, EINVAL, "there is no interface %s", name != NULL ? name : "");
	name += strlen(PREFIX);
	if (strncmp(name, "bridge-", 7) == 0) {
		words[n++] = "bridge";
		words[n++] = name + 7;
	} else if (strncmp(name, "port-", 5) == 0) {
		words[n++] = "port"; /* it may be called any */
		words[n++] = name + 5;
	} else if (strcmp(name, "any") == 0) {
		words[n++] = name;
	} else {
		return error_set(err, EINVAL, "there is no interface %s", options->interface);
	}
	while (i < N_POINTS && options->points != NULL &&
	       strcmp(points[i].value, options->points) != 0)
		i++;
	if (i == N_POINTS)
		return error_set(err, EINVAL, "there are no points %s", options->points);
	for (size_t j = 0; j < 6 && points[i].words[j] != NULL; j++)
		words[n++] = points[i].words[j];
	if (options->length != NULL) {
		words[n++] = "-s";
		words[n++] = options->length;
	}
	words[n++] = "-w";
	words[n++] = options->fifo;
	words[n++] = "--";
	if (options->filter != NULL && options->filter[0] != '\0')
		words[n++] = options->filter;
	return n;
}

static int
capture(const struct options *options)
{
	const char *words[WORDS_MAX];
	struct capture_words read;
	struct client *client;
	struct error err;
	int n, ret;

	if (options->fifo == NULL) {
		error_set(&err, EINVAL, "--capture needs --fifo");
		return fail(&err);
	}
	n = words_make(options, words, &err);
	if (n < 0)
		return fail(&err);
	/* nobody writes to them */
	ret = capture_words_read(n, (char *const *)(uintptr_t)words, &read, &err);
	if (ret < 0)
		return fail(&err);
	client = connect_daemon(&err);
	ret = client != NULL ? capture_words_run(client, &read, true, &err) : err.code;
	client_close(client);
	capture_words_free(&read);
	return ret < 0 ? fail(&err) : EXIT_SUCCESS;
}

/* Wireshark asks whether a filter is one: silence says yes. */
static int
check_filter(const struct options *options)
{
	struct error err;
	json_t *program;

	if (options->filter == NULL || options->filter[0] == '\0')
		return EXIT_SUCCESS;
	if (capture_filter_compile(options->filter, &program, &err) < 0) {
		puts(err.msg);
		return EXIT_FAILURE;
	}
	json_decref(program);
	return EXIT_SUCCESS;
}

/* --- options --- */

enum option_code {
	OPTION_INTERFACES = 1,
	OPTION_VERSION_OF,
	OPTION_INTERFACE,
	OPTION_DLTS,
	OPTION_CONFIG,
	OPTION_CAPTURE,
	OPTION_FIFO,
	OPTION_FILTER,
	OPTION_POINTS,
	OPTION_LENGTH,
	OPTION_VERSION,
	OPTION_HELP,
};

static const struct option long_options[] = {
	{ "extcap-interfaces", no_argument, NULL, OPTION_INTERFACES },
	{ "extcap-version", optional_argument, NULL, OPTION_VERSION_OF },
	{ "extcap-interface", required_argument, NULL, OPTION_INTERFACE },
	{ "extcap-dlts", no_argument, NULL, OPTION_DLTS },
	{ "extcap-config", no_argument, NULL, OPTION_CONFIG },
	{ "capture", no_argument, NULL, OPTION_CAPTURE },
	{ "fifo", required_argument, NULL, OPTION_FIFO },
	{ "extcap-capture-filter", required_argument, NULL, OPTION_FILTER },
	{ "points", required_argument, NULL, OPTION_POINTS },
	{ "length", required_argument, NULL, OPTION_LENGTH },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL },
};

/* Exit status of the option that was read, or -1 to go on. */
static int
take_option(int option, struct options *options)
{
	switch (option) {
	case OPTION_INTERFACES:
		options->what = DO_INTERFACES;
		return -1;
	case OPTION_VERSION_OF: /* Wireshark's own */
		return -1;
	case OPTION_INTERFACE:
		options->interface = optarg;
		return -1;
	case OPTION_DLTS:
		options->what = DO_DLTS;
		return -1;
	case OPTION_CONFIG:
		options->what = DO_CONFIG;
		return -1;
	case OPTION_CAPTURE:
		options->what = DO_CAPTURE;
		return -1;
	case OPTION_FIFO:
		options->fifo = optarg;
		return -1;
	case OPTION_FILTER:
		options->filter = optarg;
		return -1;
	case OPTION_POINTS:
		options->points = optarg;
		return -1;
	case OPTION_LENGTH:
		options->length = optarg;
		return -1;
	case OPTION_VERSION:
		puts("vswitch-extcap " VSWITCH_VERSION);
		return EXIT_SUCCESS;
	case OPTION_HELP:
		puts("vswitch-extcap: shows Wireshark the ports of vswitchd; Wireshark runs it.\n"
		     "  --extcap-interfaces\n"
		     "  --extcap-interface=NAME --extcap-dlts | --extcap-config\n"
		     "  --extcap-interface=NAME --capture --fifo=FILE\n"
		     "      [--extcap-capture-filter=FILTER] [--points=POINTS] [--length=BYTES]");
		return EXIT_SUCCESS;
	default:
		return EXIT_FAILURE;
	}
}

int
main(int argc, char **argv)
{
	struct options options = { .what = DO_NOTHING };
	int option, status;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		status = take_option(option, &options);
		if (status >= 0)
			return status;
	}
	switch (options.what) {
	case DO_INTERFACES:
		return list_interfaces();
	case DO_DLTS:
		puts("dlt {number=1}{name=EN10MB}{display=Ethernet}");
		return EXIT_SUCCESS;
	case DO_CONFIG:
		return list_settings();
	case DO_CAPTURE:
		return capture(&options);
	default:
		return check_filter(&options);
	}
}
