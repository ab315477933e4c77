#include "command.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "venvfs/cleanup.h"

int command_next_option(const struct command *command, int argc, char *argv[])
{
	opterr = 0;
	return getopt_long(argc, argv, command->short_options, command->long_options, NULL);
}

int command_bad_usage(const struct command *command, const char *format, ...)
{
	_cleanup_free_ char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	output_problem("%s: %s", command->name, message ? message : "wrong usage");
	output_hint("Usage: venvfs %s %s", command->name, command->usage);
	output_hint("'venvfs help %s' explains it.", command->name);
	return EXIT_USAGE;
}

int command_bad_option(const struct command *command, char *argv[], int code)
{
	/* getopt_long() leaves in optopt the letter, 0 for an unknown long option, or, where a long
	 * option was given a value that it does not take, that option's own letter. */
	const char *word = argv[optind - 1];
	bool is_long = optopt == 0 || strchr(command->short_options, optopt) != NULL;

	if (code == ':' && strncmp(word, "--", 2) == 0)
		return command_bad_usage(command, "option '%s' needs a value", word);
	if (code == ':')
		return command_bad_usage(command, "option '-%c' needs a value", optopt);
	if (optopt != 0 && is_long)
		return command_bad_usage(command, "option '%s' takes no value", word);
	if (is_long)
		return command_bad_usage(command, "unknown option '%s'", word);
	return command_bad_usage(command, "unknown option '-%c'", optopt);
}

int command_print_help(const struct command *command)
{
	printf("Usage: venvfs %s %s\n\n%s", command->name, command->usage, command->help);
	return EXIT_OK;
}

int command_read_switches(const struct command *command, int argc, char *argv[],
			  const struct command_switch *switches)
{
	int c;

	while ((c = command_next_option(command, argc, argv)) != -1) {
		const struct command_switch *one = switches;

		if (c == 'h')
			return command_print_help(command);
		while (one->on && one->option != c)
			one++;
		if (!one->on)
			return command_bad_option(command, argv, c);
		*one->on = true;
	}
	return -1;
}

int command_each_argument(int argc, char *argv[],
			  int (*act)(const char *argument, bool option, struct error *error),
			  bool option)
{
	int status = EXIT_OK;

	for (int i = optind; i < argc; i++) {
		_cleanup_error_ struct error error = ERROR_INIT;
		int r = act(argv[i], option, &error);

		if (r < 0) {
			output_error(&error, r);
			status = EXIT_FAILED;
		}
	}
	return status;
}
