/* venvfs lock */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "command.h"
#include "output.h"
#include "venvfs/cleanup.h"
#include "venvfs/lock.h"

static const char help[] =
	"Finds out what the requirements of a SPEC come to, puts the wheels into the wheel store "
	"and\n"
	"writes the lock beside the spec, which every mount then goes by. A lock that is up to "
	"date\n"
	"is left alone; mounting does all this by itself when it is not.\n\n"
	"Options:\n"
	"  -U, --upgrade  make the lock anew, with the newest versions that fit\n"
	"  -h, --help     this text\n";

static const struct option long_options[] = {
	{"upgrade", no_argument, NULL, 'U'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* The base of the spec, as mounting takes it. */
static int find_interpreter(const struct spec *spec, struct interpreter **out, struct error *error)
{
	int r = interpreter_probe(spec->executable, out, error);

	if (r < 0 && !error->file && spec->executable_line > 0)
		error_at(error, spec->path, spec->executable_line);
	if (r < 0 || !spec->python_version)
		return r;
	r = interpreter_check_version(*out, spec->python_version, error);
	if (r < 0)
		error_at(error, spec->path, spec->python_version_line);
	return r;
}

static int lock_spec(const char *path, bool upgrade, struct error_list *errors)
{
	_cleanup_lockfile_ struct lockfile *lock = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct interpreter *interpreter = NULL;
	struct spec *spec = NULL;
	bool made;
	int r = spec_load(path, &spec, errors);

	if (r < 0)
		return r;
	if (!spec->requirements) {
		r = error_set(&error, -EINVAL, "the spec has no requirements");
		error_at(&error, spec->path, 0);
		error_hint(&error, "name a requirements file under [packages]");
	}
	if (r == 0)
		r = find_interpreter(spec, &interpreter, &error);
	if (r == 0)
		r = lock_ensure(spec, interpreter, upgrade, &lock, &made, errors);
	if (r == 0)
		printf("%s: %zu package%s, %s\n", path, lock->count, lock->count == 1 ? "" : "s",
		       made ? "locked" : "up to date");
	error_list_take(errors, &error, r);
	interpreter_free(interpreter);
	spec_free(spec);
	return r;
}

static int lock_run(const struct command *command, int argc, char *argv[])
{
	_cleanup_error_list_ struct error_list errors = {0};
	bool upgrade = false;
	int c, r;

	while ((c = command_next_option(command, argc, argv)) != -1) {
		switch (c) {
		case 'U':
			upgrade = true;
			break;
		case 'h':
			return command_print_help(command);
		default:
			return command_bad_option(command, argv, c);
		}
	}
	if (argc - optind != 1)
		return command_bad_usage(command, "one spec is needed");
	r = lock_spec(argv[optind], upgrade, &errors);
	if (r < 0)
		output_errors(&errors, r);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_lock = {
	.name = "lock",
	.summary = "find out what the requirements of a spec come to",
	.usage = "[-U] SPEC",
	.help = help,
	.short_options = ":Uh",
	.long_options = long_options,
	.run = lock_run,
};
