/*
 * Relocation: scripts that pip or uv wrote into the upper name the mount point in their first
 * lines. When the environment is mounted elsewhere, they are given new first lines.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/cleanup.h"
#include "venvfs/env_store.h"
#include "venvfs/generated.h"
#include "venvfs/io.h"
#include "venvfs/log.h"

#define SCRIPT_LIMIT      (4u << 20) /* larger files are programs */
#define MOUNTPOINTS_LIMIT (64u << 10)
#define SCRIPTS           "upper/bin"

/* If @text begins with @prefix, what follows; else NULL. */
static const char *after(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return text && strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/*
 * The two forms of first lines (facts of distlib and uv):
 *   #!PATH/bin/NAME\n
 *   #!/bin/sh\n'''exec' QUOTED_PATH/bin/NAME "$0" "$@"\n' '''\n
 * Returns what follows them, and NAME's extent, when PATH is @mountpoint; else NULL.
 */
static const char *after_shebang(const char *text, const char *mountpoint, const char **name,
				 size_t *name_length)
{
	const char *line = after(text, "#!/bin/sh\n'''exec' ");
	const char *path = line ? line : after(text, "#!");
	char quote = '\0';

	if (!path)
		return NULL;
	if (line && (*path == '"' || *path == '\''))
		quote = *path++;
	path = after(after(path, mountpoint), "/bin/");
	if (!path)
		return NULL;
	*name = path;
	*name_length = strcspn(path, " \t\n\"'/");
	path += *name_length;
	if (!line)
		return *path == '\n' ? path + 1 : NULL;
	if (quote && *path++ != quote)
		return NULL;
	return after(path, " \"$0\" \"$@\"\n' '''\n");
}

/* The script with new first lines in @out; nothing when it has none of an older mount point's. */
static int rewrite(const char *script, char *const *olds, const char *mountpoint,
		   struct buffer *out)
{
	_cleanup_buffer_ struct buffer python = {0};

	for (; *olds; olds++) {
		size_t name_length;
		const char *name, *rest = after_shebang(script, *olds, &name, &name_length);

		if (!rest || name_length == 0)
			continue;
		buffer_printf(&python, "%s/bin/%.*s", mountpoint, (int)name_length, name);
		if (buffer_status(&python) < 0)
			return -ENOMEM;
		generated_shebang(out, python.data);
		buffer_puts(out, rest);
		return buffer_status(out);
	}
	return 0;
}

static int relocate_script(int directory, const char *name, char *const *olds,
			   const char *mountpoint)
{
	_cleanup_buffer_ struct buffer script = {0}, changed = {0};
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > SCRIPT_LIMIT)
		return 0; /* a link, a program, or not ours to read */
	r = io_read_fd(fd, SCRIPT_LIMIT, &script);
	if (r < 0)
		return r;
	if (!script.data || strlen(script.data) != script.length)
		return 0; /* no text */
	r = rewrite(script.data, olds, mountpoint, &changed);
	if (r < 0 || changed.length == 0)
		return r;
	return io_publish(directory, name, changed.data, changed.length, st.st_mode & 07777);
}

struct relocation {
	char *const *olds;
	const char *mountpoint;
};

static int relocate_entry(void *arg, int directory, const char *name, mode_t kind)
{
	const struct relocation *relocation = arg;
	int r = relocate_script(directory, name, relocation->olds, relocation->mountpoint);

	(void)kind;
	if (r < 0)
		log_warning("the script %s still names an older mount point: %s", name,
			    strerror(-r));
	return 0;
}

static int relocate_all(int store, char *const *olds, const char *mountpoint)
{
	struct relocation relocation = {.olds = olds, .mountpoint = mountpoint};
	int fd = io_open_directory(store, SCRIPTS);

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	return io_each_entry(fd, relocate_entry, &relocation);
}

/* The mount points on record. */
static int read_known(const struct env_store *store, struct buffer *out)
{
	_cleanup_close_ int fd = io_open_regular(store->fd, "mountpoints", O_RDONLY, 0);

	return fd < 0 ? fd : io_read_fd(fd, MOUNTPOINTS_LIMIT, out);
}

/* The lines of @text that are not @except, as a NULL-terminated array of pointers into it. */
static char **split_lines(char *text, const char *except)
{
	size_t count = 0, lines = 1;
	char **result, *save = NULL;

	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	result = calloc(lines + 1, sizeof(*result));
	if (!result)
		return NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strcmp(line, except) != 0)
			result[count++] = line;
	return result;
}

int env_store_relocate(const struct env_store *store, const char *mountpoint)
{
	_cleanup_buffer_ struct buffer known = {0}, record = {0};
	_cleanup_free_ char **olds = NULL;
	int r = read_known(store, &known);

	if (r < 0 && r != -ENOENT)
		return r;
	/* Until all is done, the old places stay on record: a crash loses none of them. */
	buffer_printf(&record, "%s\n", mountpoint);
	if (known.length > 0 && strcmp(known.data, record.data) == 0)
		return 0;
	buffer_append(&known, "", 0);
	buffer_puts(&record, buffer_status(&known) == 0 ? known.data : "");
	r = buffer_status(&record);
	if (r == 0)
		r = io_publish(store->fd, "mountpoints", record.data, record.length, 0600);
	if (r < 0)
		return r;
	olds = split_lines(known.data, mountpoint);
	r = olds ? relocate_all(store->fd, olds, mountpoint) : -ENOMEM;
	if (r < 0)
		return r;
	return io_publish(store->fd, "mountpoints", record.data, strlen(mountpoint) + 1, 0600);
}
