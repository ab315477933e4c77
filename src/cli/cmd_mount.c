/* venvfs mount */
#include <errno.h>
#include <stddef.h>

#include "command.h"
#include "mount_options.h"
#include "output.h"
#include "status.h"
#include "venvfs/cleanup.h"
#include "venvfs/mount.h"
#include "venvfs/progress.h"

static const char help[] =
	"Mounts the environment that the file SPEC describes at the directory DIR. DIR is created\n"
	"when it is absent. The command returns when the environment can be used.\n\n"
	"Options:\n"
	"  -f, --foreground       stay in the foreground until it is unmounted; log to stderr\n"
	"  -d, --debug            as -f, and log every request\n"
	"  -s, --single-threaded  serve with one thread\n"
	"  -o OPTION[,OPTION...]  mount options:\n"
	"       ro, rw            read-only: nothing is written; or writable (default)\n"
	"       nonempty          mount over a directory that has entries\n"
	"       allow_other       let other users in (see /etc/fuse.conf)\n"
	"       noexec, exec      forbid to run scripts; or not (default)\n"
	"       noatime           do not note access times\n"
	"       share=MODE        how pages are shared with other environments: auto (default), "
	"link,\n"
	"                         bytecode, cache, passthrough\n"
	"       ahead=yes|no      fetch ahead what was used last time (default), or not\n"
	"  -h, --help             this text\n";

static const struct option long_options[] = {
	{"foreground", no_argument, NULL, 'f'},
	{"debug", no_argument, NULL, 'd'},
	{"single-threaded", no_argument, NULL, 's'},
	{"options", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* What is in the way may be there no more than by name. */
static void explain_dead(const char *directory, struct error_list *errors)
{
	_cleanup_status_ struct status status = {0};
	int r = errors->count > 0 ? status_read(directory, &status) : 0;

	if (r == -ENOTCONN || r == -ECONNABORTED)
		error_hint(&errors->items[errors->count - 1],
			   "its daemon is dead; this ends it: venvfs umount '%s'", directory);
}

static int mount_run(const struct command *command, int argc, char *argv[])
{
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct mount_options options = {0};
	int c, r;

	while ((c = command_next_option(command, argc, argv)) != -1) {
		switch (c) {
		case 'f':
			options.foreground = true;
			break;
		case 'd':
			options.foreground = true;
			options.debug = true;
			break;
		case 's':
			options.single_threaded = true;
			break;
		case 'o':
			r = mount_options_parse(optarg, false, &options, &error);
			if (r == -EINVAL)
				return command_bad_usage(command, "%s", error.message);
			if (r < 0) {
				output_error(&error, r);
				return EXIT_FAILED;
			}
			break;
		case 'h':
			return command_print_help(command);
		default:
			return command_bad_option(command, argv, c);
		}
	}
	if (argc - optind != 2)
		return command_bad_usage(command, "a spec and a directory are needed");
	if (!argv[optind][0] || !argv[optind + 1][0])
		return command_bad_usage(command, "the name of a spec or directory is empty");
	options.spec = argv[optind];
	options.directory = argv[optind + 1];

	progress_listen(output_progress);
	r = mount_environment(&options, &errors);
	if (r == -EBUSY)
		explain_dead(options.directory, &errors);
	if (r < 0) {
		output_errors(&errors, r);
		return EXIT_FAILED;
	}
	return EXIT_OK;
}

const struct command command_mount = {
	.name = "mount",
	.summary = "mount the environment of a spec",
	.usage = "[-fds] [-o OPTION[,OPTION...]] SPEC DIR",
	.help = help,
	.short_options = ":fdso:h",
	.long_options = long_options,
	.run = mount_run,
};
