/* SPDX-License-Identifier: BSD-3-Clause */
/* vsctl: tell a running vswitchd what to do, and ask it how it is. Also brctl, if so called. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brctl.h"
#include "client.h"
#include "command.h"
#include "complete.h"
#include "error.h"
#include "help.h"
#include "monitor.h"
#include "terminal.h"
#include "version.h"
#include "watch.h"

#define OPTION_COLOR (OPTION_LONG + VSCTL_OPTION_COLOR) /* no letter */

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* What stands in front of the command. */
struct options {
	const char *socket;
	bool json;
	enum color_when color;
	bool watch;
	double seconds; /* between two shows; 0: nobody said */
};

static int
fail(const struct error *err, int status)
{
	fprintf(stderr, "vsctl: %s\n", err->msg);
	return status;
}

static int
take_interval(struct options *options)
{
	struct error err;
	char *end;

	options->watch = true;
	options->seconds = strtod(optarg, &end);
	if (end != optarg && *end == '\0' && options->seconds >= WATCH_SECONDS_MIN &&
	    options->seconds <= WATCH_SECONDS_MAX)
		return -1;
	error_set(&err, EINVAL, "-n needs a number of seconds from %g to %d", WATCH_SECONDS_MIN,
		  WATCH_SECONDS_MAX);
	return fail(&err, EXIT_USAGE);
}

static int
print_help(const struct help_topic *topic)
{
	char program[] = "brctl", option[] = "--help", *brctl_help[] = { program, option, NULL };
	struct error err;

	if (topic->object != NULL && strcmp(topic->object, program) == 0)
		return brctl_main(2, brctl_help, "");
	terminal_init(COLOR_AUTO);
	return help_print(topic, terminal_width(), stdout, &err) < 0 ? fail(&err, EXIT_USAGE) :
								       EXIT_DONE;
}

/* Exit status of the option that was read, or -1 to go on. */
static int
take_option(int option, struct options *options)
{
	static const struct help_topic everything = { NULL };
	int when;

	switch (option) {
	case OPTION_COLOR:
		when = color_when_parse(optarg);
		if (when < 0) {
			fprintf(stderr, "vsctl: --color is auto, always or never, not '%s'\n",
				optarg);
			return EXIT_USAGE;
		}
		options->color = (enum color_when)when;
		return -1;
	case 'w':
		options->watch = true;
		return -1;
	case 'n':
		return take_interval(options);
	case 'j':
		options->json = true;
		return -1;
	case 's':
		options->socket = optarg;
		return -1;
	case 'V':
		puts("vsctl " VSWITCH_VERSION);
		return EXIT_DONE;
	case 'h':
		return print_help(&everything);
	default:
		fputs("vsctl: 'vsctl help' explains the options\n", stderr);
		return EXIT_USAGE;
	}
}

/* Behind the command, where one thinks of it last. Return: is it one of these? */
static bool
take_late_option(const char *word, struct options *options)
{
	if (strcmp(word, "-j") == 0 || strcmp(word, "--json") == 0)
		options->json = true;
	else if (strcmp(word, "-w") == 0 || strcmp(word, "--watch") == 0)
		options->watch = true;
	else
		return false;
	return true;
}

static const char *
socket_path(const struct options *options)
{
	const char *run_dir = getenv("VSWITCH_RUN_DIR");
	static char path[512];

	if (options->socket != NULL)
		return options->socket;
	snprintf(path, sizeof(path), "%s/vswitchd.sock",
		 run_dir != NULL && *run_dir != '\0' ? run_dir : "/run/vswitch");
	return path;
}

static int
run(const struct options *options, const struct request *request)
{
	struct client *client;
	struct error err;
	int ret;

	client = client_open(socket_path(options), &err);
	if (client == NULL && !request->command->is_offline)
		return fail(&err, EXIT_REFUSED);
	if (options->watch && watch_can(request))
		ret = watch_run(client, request,
				options->seconds > 0 ? options->seconds : WATCH_SECONDS_DEFAULT,
				options->color, &err);
	else
		ret = request->command->run(client, request, &err);
	client_close(client);
	if (ret == -ENOEXEC)
		return fail(&err, EXIT_USAGE);
	return ret < 0 ? fail(&err, EXIT_REFUSED) : ret;
}

/* A full disk or a reader that is gone must not look like success. */
static int
finish(int status)
{
	const int ret = terminal_flush();
	struct error err;

	if (ret == 0)
		return status;
	if (ret != -EPIPE) {
		error_set(&err, ret, "cannot write the output: %s", strerror(-ret));
		fail(&err, EXIT_REFUSED);
	}
	return EXIT_REFUSED;
}

int
main(int argc, char **argv)
{
	struct options options = { 0 };
	struct option_getopt table;
	struct request request;
	struct help_topic topic;
	struct error err;
	int option, ret;

	if (argc > 0 && brctl_is_called(argv[0]))
		return finish(brctl_main(argc, argv, socket_path(&options)));
	/* what follows the command belongs to it, even if it starts with '-' */
	option_getopt_make(vsctl_options, &table);
	while ((option = getopt_long(argc, argv, table.letters, table.longs, NULL)) != -1) {
		ret = take_option(option, &options);
		if (ret >= 0)
			return finish(ret);
	}
	argc -= optind;
	argv += optind;

	if (argc > 0 && strcmp(argv[0], "brctl") == 0)
		return finish(brctl_main(argc, argv, socket_path(&options)));
	if (argc > 1 && strcmp(argv[0], "complete") == 0 && strcmp(argv[1], "--") == 0) {
		complete_print(argc - 2, argv + 2, socket_path(&options), stdout);
		return finish(EXIT_DONE);
	}
	if (help_wanted(argc, argv, &topic))
		return finish(print_help(&topic));
	while (argc > 1 && take_late_option(argv[argc - 1], &options))
		argc--;
	ret = request_parse(argc, argv, &request, &err);
	if (ret < 0)
		return fail(&err, ret == -ERANGE ? EXIT_REFUSED : EXIT_USAGE);
	request.json = options.json;
	terminal_init(options.color);
	if (options.watch && !watch_can(&request) && request.command->run != monitor_run) {
		error_set(&err, EINVAL, "-w goes with what shows something: vsctl -w port show");
		return fail(&err, EXIT_USAGE);
	}
	if (options.seconds > 0 && request.command->run == monitor_run) {
		error_set(&err, EINVAL,
			  "-n goes with shows; monitor tells of what happens at once");
		return fail(&err, EXIT_USAGE);
	}
	return finish(run(&options, &request));
}
