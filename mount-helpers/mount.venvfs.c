/*
 * mount.venvfs: what mount(8) runs for `mount -t venvfs SPEC DIR` and for lines of fstab(5). It is
 * called as "mount.venvfs SPEC DIR [-sfnv] [-N NAMESPACE] [-o OPTIONS] [-t TYPE]" (mount(8),
 * External helpers), and its exit status is handed on by mount(8).
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include "cli/mount_options.h"
#include "cli/output.h"
#include "venvfs/mount.h"

/* mount(8), Exit status. */
enum {
	MOUNT_OK = 0,
	MOUNT_USAGE = 1,
	MOUNT_SYSTEM = 2,
	MOUNT_INTERRUPTED = 8,
	MOUNT_FAILED = 32,
};

struct call {
	struct mount_options options;
	bool fake;   /* -f: everything but the mount itself, which leaves nothing to do */
	bool sloppy; /* -s: options that we do not know are no error */
	const char *list;
};

/* The end of every complaint about the call. */
static int see_usage(void)
{
	output_hint("Usage: mount.venvfs SPEC DIR [-sfnv] [-o OPTION[,OPTION...]]");
	return MOUNT_USAGE;
}

/* Reads the command line into @call. */
static int parse(int argc, char *argv[], struct call *call)
{
	int c;

	opterr = 0;
	while ((c = getopt(argc, argv, ":sfnvN:o:t:")) != -1) {
		switch (c) {
		case 'f':
			call->fake = true;
			break;
		case 's':
			call->sloppy = true;
			break;
		case 'o':
			call->list = optarg;
			break;
		case 'n': /* no mtab: there is none to write */
		case 'v': /* nothing to be verbose about */
		case 't': /* the type, which our name says already */
			break;
		case 'N':
			output_problem("mounting in another namespace (-N) is not supported");
			return see_usage();
		case ':':
			output_problem("option '-%c' needs a value", optopt);
			return see_usage();
		default:
			output_problem("unknown option '-%c'", optopt);
			return see_usage();
		}
	}
	if (argc - optind != 2) {
		output_problem("a spec and a directory are needed");
		return see_usage();
	}
	call->options.spec = argv[optind];
	call->options.directory = argv[optind + 1];
	return MOUNT_OK;
}

static int status_of(int code)
{
	switch (code) {
	case 0:
	case MOUNT_DAEMON_ENDED:
		return MOUNT_OK;
	case -ENOMEM:
		return MOUNT_SYSTEM;
	case -EINTR:
		return MOUNT_INTERRUPTED;
	default:
		return MOUNT_FAILED;
	}
}

int main(int argc, char *argv[])
{
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	struct call call = {.list = ""};
	int status, r;

	status = parse(argc, argv, &call);
	if (status != MOUNT_OK)
		return status;
	r = mount_options_parse(call.list, call.sloppy, &call.options, &error);
	if (r < 0) {
		output_error(&error, r);
		return r == -EINVAL ? MOUNT_USAGE : MOUNT_SYSTEM;
	}
	if (call.fake)
		return MOUNT_OK;
	r = mount_environment(&call.options, &errors);
	if (r < 0)
		output_errors(&errors, r);
	return status_of(r);
}
