/* venvfs umount */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "command.h"
#include "holders.h"
#include "output.h"
#include "status.h"
#include "venvfs/cleanup.h"
#include "venvfs/mountinfo.h"
#include "venvfs/path.h"
#include "venvfs/unmount.h"

/* After the last unmount the daemon brings what it still has to disk. */
#define DAEMON_TIMEOUT_MS 30000

static const char help[] = "Unmounts the environments at the directories DIR, also when their "
			   "daemon is dead. Returns\n"
			   "when the daemon has ended and its store is free.\n\n"
			   "Options:\n"
			   "  -l, --lazy  take it out of sight now, although it is in use; it ends "
			   "with its last user\n"
			   "  -h, --help  this text\n";

static const struct option long_options[] = {
	{"lazy", no_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* The mount at @path, which is none under that name: through a link to its parent, or to itself. */
static const struct mountinfo_entry *find_through_links(const struct mountinfo *mounts,
							const char *path)
{
	_cleanup_free_ char *parent = NULL, *real_parent = NULL, *joined = NULL, *real = NULL;
	const struct mountinfo_entry *entry;

	parent = strndup(path, (size_t)(path_basename(path) - path));
	real_parent = parent ? realpath(parent, NULL) : NULL;
	if (!real_parent || path_join(real_parent, path_basename(path), &joined) < 0)
		return NULL;
	entry = mountinfo_find(mounts, joined);
	if (entry)
		return entry;
	real = realpath(joined, NULL);
	return real ? mountinfo_find(mounts, real) : NULL;
}

/* Where the spec at @path is mounted, absolute or through links; NULL: nowhere, or it is none. */
static const char *find_spec(const struct mountinfo *mounts, const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);

	for (size_t i = 0; i < mounts->count; i++) {
		const struct mountinfo_entry *entry = &mounts->entries[i];

		if (mountinfo_is_venvfs(entry) && (strcmp(entry->source, path) == 0 ||
						   (real && strcmp(entry->source, real) == 0)))
			return entry->mountpoint;
	}
	return NULL;
}

/* The environment that is mounted at @path, or NULL and @error. Looks at nothing at or below the
 * mount point: its daemon may hang. */
static const struct mountinfo_entry *find_environment(const struct mountinfo *mounts,
						      const char *path, struct error *error)
{
	const struct mountinfo_entry *entry, *around;
	_cleanup_free_ char *absolute = NULL;
	const char *elsewhere;
	int r;

	r = path_absolute(path, NULL, &absolute);
	if (r < 0) {
		error_set_errno(error, r, "%s", path);
		return NULL;
	}
	around = mountinfo_containing(mounts, absolute);
	if (around && !mountinfo_is_venvfs(around))
		around = NULL;
	entry = mountinfo_find(mounts, absolute);
	if (!entry && !around)
		entry = find_through_links(mounts, absolute);
	if (entry && mountinfo_is_venvfs(entry))
		return entry;

	if (entry) {
		error_set(error, -EINVAL, "what is mounted at '%s' is no environment but %s", path,
			  entry->type);
	} else {
		error_set(error, -EINVAL, "no environment is mounted at '%s'", path);
		elsewhere = around ? around->mountpoint : find_spec(mounts, absolute);
		if (elsewhere)
			error_hint(error, "It is mounted at '%s'.", elsewhere);
	}
	return NULL;
}

/* -EPERM and @error when an ordinary user asks for what somebody else has mounted. */
static int check_owner(const struct mountinfo_entry *entry, struct error *error)
{
	const struct passwd *user;
	unsigned uid;

	if (geteuid() == 0 || !mountinfo_owner(entry, &uid) || uid == getuid())
		return 0;
	user = getpwuid(uid);
	return error_set(error, -EPERM,
			 "'%s' was mounted by %s (uid %u): only they and root can unmount it",
			 entry->mountpoint, user ? user->pw_name : "another user", uid);
}

/* A descriptor that tells when the daemon of @entry has ended; -1 when there is nothing to wait
 * for, or no way to know. */
static int open_daemon(const struct mountinfo *mounts, const struct mountinfo_entry *entry)
{
	_cleanup_status_ struct status status = {0};
	int r;

	/* Bound elsewhere too, it goes on. */
	for (size_t i = 0; i < mounts->count; i++)
		if (&mounts->entries[i] != entry && mounts->entries[i].major == entry->major &&
		    mounts->entries[i].minor == entry->minor)
			return -1;
	r = status_read(entry->mountpoint, &status);
	if (r == -ETIMEDOUT)
		output_warning("the daemon of '%s' does not answer", entry->mountpoint);
	return r < 0 ? -1 : (int)syscall(SYS_pidfd_open, status.pid, 0);
}

static void explain_busy(const char *mountpoint, struct error *error)
{
	_cleanup_free_ char *holders = holders_describe(mountpoint);
	_cleanup_free_ char *shown = holders ? output_escape(holders) : NULL;

	error_set(error, -EBUSY, "'%s' is in use%s%s", mountpoint, shown ? " by " : "",
		  shown ? shown : "");
	error_hint(error,
		   "'venvfs umount -l' takes it out of sight now and ends it when it is free.");
}

static int wait_for_daemon(int pidfd, const char *mountpoint, struct error *error)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int r;

	do
		r = poll(&ended, 1, DAEMON_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		return 0;
	error_set(error, -ETIMEDOUT,
		  "'%s' is unmounted, but its daemon has not ended yet and holds its store",
		  mountpoint);
	error_hint(error, "Another mount namespace may still show it, a container's for example.");
	return -ETIMEDOUT;
}

static int unmount(const char *path, bool lazy, struct error *error)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	const struct mountinfo_entry *entry;
	_cleanup_close_ int daemon = -1;
	int r;

	r = mountinfo_read(&mounts);
	if (r < 0)
		return error_set_errno(error, r, "cannot read /proc/self/mountinfo");
	entry = find_environment(&mounts, path, error);
	if (!entry)
		return -EINVAL;
	r = check_owner(entry, error);
	if (r < 0)
		return r;
	if (!lazy)
		daemon = open_daemon(&mounts, entry);
	r = unmount_at(entry->mountpoint, lazy, error);
	if (r == -EBUSY)
		explain_busy(entry->mountpoint, error);
	if (r < 0)
		return r;
	return daemon < 0 ? 0 : wait_for_daemon(daemon, entry->mountpoint, error);
}

static int umount_run(const struct command *command, int argc, char *argv[])
{
	bool lazy = false;
	const struct command_switch switches[] = {{'l', &lazy}, {0}};
	int status = command_read_switches(command, argc, argv, switches);

	if (status != -1)
		return status;
	if (optind == argc)
		return command_bad_usage(command, "a directory is needed");
	return command_each_argument(argc, argv, unmount, lazy);
}

const struct command command_umount = {
	.name = "umount",
	.summary = "unmount environments",
	.usage = "[-l] DIR...",
	.help = help,
	.short_options = ":lh",
	.long_options = long_options,
	.run = umount_run,
};
