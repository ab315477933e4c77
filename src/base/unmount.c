#include "venvfs/unmount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/process.h"

/* fusermount3 itself waits for nothing. */
#define FUSERMOUNT_TIMEOUT_MS 10000

char *fusermount_find(void)
{
	const char *search = getenv("PATH");

	if (access(FUSERMOUNT3, X_OK) == 0)
		return strdup(FUSERMOUNT3);
	while (search && *search) {
		_cleanup_free_ char *directory = strndup(search, strcspn(search, ":"));
		_cleanup_free_ char *program = NULL;

		if (directory && path_join(directory, "fusermount3", &program) == 0 &&
		    program[0] == '/' && access(program, X_OK) == 0)
			return TAKE_PTR(program);
		search += strcspn(search, ":");
		search += *search == ':';
	}
	return NULL;
}

/* Unmounts as an ordinary user. */
static int run_fusermount(const char *mountpoint, bool lazy, struct error *error)
{
	_cleanup_process_result_ struct process_result result = {0};
	_cleanup_free_ char *program = fusermount_find();
	char *const argv[] = {program, (char *)(lazy ? "-uz" : "-u"), (char *)"--",
			      (char *)mountpoint, NULL};
	const struct process_options options = {
		.argv = argv,
		.timeout_ms = FUSERMOUNT_TIMEOUT_MS,
		.output_limit = 4096,
	};
	int r;

	if (!program) {
		error_set(error, -ENOENT, "fusermount3 was not found");
		error_hint(error, "It is in the package fuse3.");
		return -ENOENT;
	}
	r = process_run(&options, &result);
	if (r < 0)
		return error_set_errno(error, r, "cannot run %s", program);
	if (WIFEXITED(result.status) && WEXITSTATUS(result.status) == 0)
		return 0;
	buffer_append(&result.err, "", 0);
	if (buffer_status(&result.err) < 0)
		return -ENOMEM;
	if (strstr(result.err.data, strerror(EBUSY)))
		return -EBUSY;
	return error_set(error, -EIO, "%.*s", (int)strcspn(result.err.data, "\n"), result.err.data);
}

int unmount_at(const char *mountpoint, bool lazy, struct error *error)
{
	if (geteuid() == 0) {
		if (umount2(mountpoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
			return 0;
		/* Root without CAP_SYS_ADMIN, in a container, may still have fusermount3. */
		if (errno == EBUSY)
			return -EBUSY;
		if (errno != EPERM)
			return error_set_errno(error, -errno, "cannot unmount '%s'", mountpoint);
	}
	return run_fusermount(mountpoint, lazy, error);
}
