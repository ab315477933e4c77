/* The command `venvfs`: finds the command that is named and runs it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "config.h"
#include "output.h"
#include "venvfs/mount.h"
#include "venvfs/nearest.h"

static const struct command *const commands[] = {
	&command_mount,  &command_umount, &command_list,        &command_check, &command_lock,
	&command_import, &command_store,  &command_materialize, &command_help,
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

static int print_help(void)
{
	puts("Usage: venvfs COMMAND [ARGUMENT...]\n\n"
	     "Python virtual environments that are mounted, not installed.\n\n"
	     "Commands:");
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		printf("  %-11s %s\n", commands[i]->name, commands[i]->summary);
	puts("\nOptions:\n"
	     "  -h, --help     this text\n"
	     "  -V, --version  the versions of venvfs and of libfuse\n\n"
	     "'venvfs help COMMAND' explains a command. The manual: man venvfs, man venvfs.cfg.");
	return EXIT_OK;
}

static int print_version(void)
{
	printf("venvfs %s\nlibfuse %s\n", PACKAGE_VERSION, mount_fuse_version());
	if (*SANITIZERS)
		printf("sanitizers %s\n", SANITIZERS);
	return EXIT_OK;
}

/* The end of every complaint about a call that names no command of ours. */
static int see_help(void)
{
	output_hint("'venvfs --help' lists the commands.");
	return EXIT_USAGE;
}

/* Complains of a word that is no command of ours. */
static int unknown_command(const char *word)
{
	const char *meant = NULL;

	output_problem("unknown command '%s'", word);
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		meant = nearest_name(word, meant, commands[i]->name);
	if (command_store_has(word))
		output_hint("There is 'venvfs store %s'.", word);
	else if (strcmp(word, "status") == 0)
		output_hint("DIR/.venvfs/status says how the environment at DIR is; 'venvfs list' "
			    "lists them.");
	else if (meant)
		output_hint("Did you mean '%s'?", meant);
	return see_help();
}
static int help_run(const struct command *self, int argc, char *argv[])
{
	const struct command *command;
	int c;

	while ((c = command_next_option(self, argc, argv)) != -1)
		return c == 'h' ? command_print_help(self) : command_bad_option(self, argv, c);
	if (argc - optind > 1)
		return command_bad_usage(self, "one command at a time");
	if (argc == optind)
		return print_help();
	command = find_command(argv[optind]);
	if (!command && command_store_has(argv[optind]))
		command = &command_store;
	return command ? command_print_help(command) : unknown_command(argv[optind]);
}

static const struct option help_options[] = {{"help", no_argument, NULL, 'h'}, {0}};

const struct command command_help = {
	.name = "help",
	.summary = "explain a command",
	.usage = "[COMMAND]",
	.help = "Explains a command, or lists them all.\n\n"
		"Options:\n"
		"  -h, --help  this text\n",
	.short_options = ":h",
	.long_options = help_options,
	.run = help_run,
};

static int run(int argc, char *argv[])
{
	const struct command *command;

	if (argc < 2) {
		output_problem("no command given");
		return see_help();
	}
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		return print_help();
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		return print_version();
	command = find_command(argv[1]);
	if (command)
		return command->run(command, argc - 1, argv + 1);
	if (argv[1][0] != '-')
		return unknown_command(argv[1]);
	output_problem("unknown option '%s'", argv[1]);
	return see_help();
}

int main(int argc, char *argv[])
{
	int status = run(argc, argv);

	/* Output that was lost, to a full disk say, is a failure. */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		output_problem("cannot write to standard output");
		return status == EXIT_OK ? EXIT_FAILED : status;
	}
	return status;
}
