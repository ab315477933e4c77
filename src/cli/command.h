/*
 * The commands of the command line: one file and one `struct command` each, and the table of them
 * in main.c.
 */
#pragma once

#include <getopt.h>
#include <stdbool.h>

#include "venvfs/error.h"

/* What a command, and so the program, exits with. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,      /* it was called the wrong way: nothing was done */
	EXIT_INCOMPLETE = 3, /* it was done, but not all of it could be: the manual says of what */
};

struct command {
	const char *name;
	const char *summary;       /* a few words, for the list of commands */
	const char *usage;         /* what follows the name: "[-f] SPEC DIR" */
	const char *help;          /* the rest of `--help`: venvfs(1) says the same at length */
	const char *short_options; /* for getopt_long(); begins with ':' and has 'h' */
	const struct option *long_options;

	/* argv[0] is the command's name. Returns one of the statuses above. */
	int (*run)(const struct command *command, int argc, char *argv[]);
};

extern const struct command command_check;
extern const struct command command_help; /* in main.c, beside the table that it lists */
extern const struct command command_import;
extern const struct command command_list;
extern const struct command command_lock;
extern const struct command command_materialize;
extern const struct command command_mount;
extern const struct command command_store;
extern const struct command command_umount;

/* Whether command_store has a verb of that name: "gc". */
bool command_store_has(const char *verb);

/* The next option of the command, as from getopt_long(): -1 after the last; '?' and ':' are for
 * command_bad_option(). Options and arguments may be mixed. */
int command_next_option(const struct command *command, int argc, char *argv[]);

/* Says what is wrong with the option that was just returned as @code ('?' or ':'). Returns
 * EXIT_USAGE. */
int command_bad_option(const struct command *command, char *argv[], int code);

/* Says what is wrong with the call, and where help is. Returns EXIT_USAGE. */
int command_bad_usage(const struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* An option that takes no value: what it sets, and the value that getopt_long() has for it. */
struct command_switch {
	int option;
	bool *on;
};

/* Reads the options of a command that has none but switches and 'h'. The last of @switches is {0}.
 * Returns -1 when the command is to go on, with the arguments from argv[optind] on, otherwise what
 * it exits with. */
int command_read_switches(const struct command *command, int argc, char *argv[],
			  const struct command_switch *switches);

/* Does something with each of argv[optind] and those that follow, also after it failed with one,
 * and says why. @act returns a negative errno on failure. Returns a status. */
int command_each_argument(int argc, char *argv[],
			  int (*act)(const char *argument, bool option, struct error *error),
			  bool option);

/* Prints the help of a command to stdout. Returns EXIT_OK. */
int command_print_help(const struct command *command);
