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
#include "error.h"
#include "help.h"
#include "monitor.h"
#include "terminal.h"
#include "version.h"
#include "watch.h"

#define OPTION_COLOR 256 /* no letter */

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

/* What stands in front of the command. */
struct options {
	const char *socket;
	bool json;
	enum color_when color;
	bool watch;
	double seconds; /* between two shows */
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

/* Exit status of the option that was read, or -1 to go on. */
static int
take_option(int option, struct options *options)
{
	struct error err;
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
		help_print(NULL, stdout, &err);
		return EXIT_DONE;
	default:
		fputs("vsctl: 'vsctl help' explains the options\n", stderr);
		return EXIT_USAGE;
	}
}

/* "help", "help bridge" and "bridge help". */
static bool
is_help(int argc, char **argv, const char **ret_object)
{
	if (argc >= 1 && argc <= 2 && strcmp(argv[0], "help") == 0) {
		*ret_object = argv[1];
		return true;
	}
	if (argc == 2 && strcmp(argv[1], "help") == 0) {
		*ret_object = argv[0];
		return true;
	}
	return false;
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
		ret = watch_run(client, request, options->seconds, options->color, &err);
	else
		ret = request->command->run(client, request, &err);
	client_close(client);
	if (ret == -ENOEXEC)
		return fail(&err, EXIT_USAGE);
	return ret < 0 ? fail(&err, EXIT_REFUSED) : EXIT_DONE;
}

/* A full disk or a reader that is gone must not look like success. */
static int
finish(int status)
{
	struct error err;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (errno != EPIPE) {
		error_set(&err, errno, "cannot write the output: %s", strerror(errno));
		fail(&err, EXIT_REFUSED);
	}
	return EXIT_REFUSED;
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "watch", no_argument, NULL, 'w' },
		{ "interval", required_argument, NULL, 'n' },
		{ "socket", required_argument, NULL, 's' },
		{ "color", required_argument, NULL, OPTION_COLOR },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options options = { .seconds = WATCH_SECONDS_DEFAULT };
	struct request request;
	const char *object;
	struct error err;
	int option, ret;

	if (argc > 0 && brctl_is_called(argv[0]))
		return finish(brctl_main(argc, argv, socket_path(&options)));
	/* '+': what follows the command belongs to it, even if it starts with '-'. */
	while ((option = getopt_long(argc, argv, "+jwn:s:hV", long_options, NULL)) != -1) {
		ret = take_option(option, &options);
		if (ret >= 0)
			return finish(ret);
	}
	argc -= optind;
	argv += optind;

	if (argc > 0 && strcmp(argv[0], "brctl") == 0)
		return finish(brctl_main(argc, argv, socket_path(&options)));
	if (is_help(argc, argv, &object)) {
		ret = help_print(object, stdout, &err);
		return ret < 0 ? fail(&err, EXIT_USAGE) : finish(EXIT_DONE);
	}
	for (; argc > 1 && (strcmp(argv[argc - 1], "-j") == 0 || strcmp(argv[argc - 1], "-w") == 0);
	     argc--) {
		options.json |= argv[argc - 1][1] == 'j';
		options.watch |= argv[argc - 1][1] == 'w';
	}
	ret = request_parse(argc, argv, &request, &err);
	if (ret < 0)
		return fail(&err, ret == -ERANGE ? EXIT_REFUSED : EXIT_USAGE);
	request.json = options.json;
	terminal_init(options.color);
	if (options.watch && !watch_can(&request) && request.command->run != monitor_run) {
		error_set(&err, EINVAL, "-w goes with what shows something: vsctl -w port show");
		return fail(&err, EXIT_USAGE);
	}
	return finish(run(&options, &request));
}
