#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venv.h"
#include "venvfs/cleanup.h"
#include "venvfs/env_store.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/spec.h"

/* Names that the upper has for itself, its whiteouts. */
#define WHITEOUT ".wh."

static int compare_text(const void *key, const void *item)
{
	return strcmp(key, *(char *const *)item);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void venv_list_sort(struct string_list *list)
{
	if (list->count > 0)
		qsort(list->items, list->count, sizeof(*list->items), by_text);
}

bool venv_list_has(const struct string_list *sorted, const char *text)
{
	return sorted->count > 0 && bsearch(text, sorted->items, sorted->count,
					    sizeof(*sorted->items), compare_text) != NULL;
}

/* Whether the file came with the environment: venv, virtualenv and uv make these, and we do. */
static bool is_environments(const struct venv *venv, const char *path)
{
	static const char *const files[] = {"pyvenv.cfg",   ".gitignore", "CACHEDIR.TAG",
					    ".lock",        "lib64",      "bin/Activate.ps1",
					    "bin/pydoc.bat"};
	static const char *const modules[] = {"_virtualenv.py", "_virtualenv.pth"};
	const char *name = path_basename(path);

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(path, files[i]) == 0)
			return true;
	if (strncmp(path, "bin/", 4) == 0 && name == path + 4)
		return entry_points_is_python(name) || strncmp(name, "activate", 8) == 0 ||
		       strncmp(name, "deactivate", 10) == 0;
	for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++)
		if (strcmp(name, modules[i]) == 0 && path_is_within(path, venv->site_path) &&
		    !strchr(path + strlen(venv->site_path) + 1, '/'))
			return true;
	return false;
}

struct walk {
	const struct venv *venv;
	const struct string_list *owned;
	const struct venv_lefts *lefts;
	struct venv_import_result *result;
	char path[PATH_MAX]; /* of the directory */
};

/* Notes the file at the path that was walked to. */
static int note_unowned(struct walk *walk, mode_t mode)
{
	const struct venv_left *owner = venv_left_owner(walk->lefts, walk->path);
	struct venv_import_result *result = walk->result;
	struct venv_finding *finding;
	int r = venv_note(result, VENV_UNOWNED, walk->path,
			  S_ISREG(mode) || S_ISLNK(mode) ? NULL : "it is no file");

	if (r < 0 || !owner)
		return r;
	finding = &result->findings[result->finding_count - 1];
	finding->package = strdup(owner->package);
	return finding->package ? 0 : -ENOMEM;
}

static int visit(void *arg, int directory, const char *name, mode_t kind)
{
	struct walk *walk = arg;
	size_t length = strlen(walk->path), added = strlen(name) + (length > 0);
	struct stat st;
	int r = 0;

	(void)kind;
	if (length + added >= sizeof(walk->path))
		return -ENAMETOOLONG;
	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (length > 0)
		walk->path[length] = '/';
	strcpy(walk->path + length + (length > 0), name);
	if (S_ISDIR(st.st_mode)) {
		if (strcmp(name, "__pycache__") != 0)
			r = io_each_entry(io_open_directory(directory, name), visit, walk);
	} else if (!venv_list_has(walk->owned, walk->path) &&
		   !is_environments(walk->venv, walk->path)) {
		r = note_unowned(walk, st.st_mode);
	}
	walk->path[length] = '\0';
	return r;
}

int venv_find_rest(const struct venv *venv, const struct string_list *owned,
		   const struct venv_lefts *lefts, struct venv_import_result *result)
{
	struct walk walk = {.venv = venv, .owned = owned, .lefts = lefts, .result = result};

	return io_each_entry(io_open_directory(venv->root, "."), visit, &walk);
}

/* Copying. */

static int make_parents(int upper, const char *path)
{
	for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		_cleanup_free_ char *part = strndup(path, (size_t)(slash - path));

		if (!part)
			return -ENOMEM;
		if (mkdirat(upper, part, 0755) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int copy_link(const struct venv *venv, int upper, const char *path)
{
	const char *name = path_basename(path);
	_cleanup_free_ char *parent = strndup(path, name == path ? 0 : (size_t)(name - path) - 1);
	_cleanup_close_ int directory =
		parent ? path_open_beneath(venv->root, parent, O_PATH | O_DIRECTORY, 0) : -ENOMEM;
	char target[PATH_MAX];
	ssize_t length;

	if (directory < 0)
		return directory;
	length = readlinkat(directory, name, target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	return symlinkat(target, upper, path) < 0 && errno != EEXIST ? -errno : 0;
}

static int copy_file(const struct venv *venv, int upper, const char *path)
{
	_cleanup_close_ int from = venv_open_file(venv, path), to = -1;
	struct stat st;
	int r;

	if (from == -ELOOP)
		return copy_link(venv, upper, path);
	if (from < 0 || fstat(from, &st) < 0)
		return from < 0 ? from : -errno;
	to = openat(upper, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
	if (to < 0)
		return -errno;
	r = io_copy(from, to, INT64_MAX);
	if (r == 0 && (fchmod(to, st.st_mode & 0777) < 0 ||
		       futimens(to, (const struct timespec[]){st.st_atim, st.st_mtim}) < 0))
		r = -errno;
	return r;
}

/* A package is there again where its files are, as it was. */
static void note_copied(const struct venv_lefts *lefts, const struct venv_finding *file,
			struct venv_import_result *result)
{
	const struct venv_left *owner = file->package ? venv_left_owner(lefts, file->what) : NULL;

	if (owner)
		result->findings[owner->finding].copied = true;
}

static int copy_all(const struct venv *venv, int upper, const struct venv_lefts *lefts,
		    struct venv_import_result *result, struct error *error)
{
	for (size_t i = 0; i < result->finding_count; i++) {
		struct venv_finding *finding = &result->findings[i];
		int r;

		/* Packages are reported by name; their files, one by one. */
		if ((finding->kind != VENV_CHANGED && finding->kind != VENV_UNOWNED) ||
		    finding->detail || strstr(finding->what, "/" WHITEOUT))
			continue;
		r = make_parents(upper, finding->what);
		if (r == 0)
			r = copy_file(venv, upper, finding->what);
		if (r < 0)
			return error_set_errno(error, r, "%s/%s", venv->path, finding->what);
		finding->copied = true;
		note_copied(lefts, finding, result);
		result->copied++;
	}
	return syncfs(upper) < 0 ? -errno : 0;
}

int venv_copy_rest(const struct venv *venv, const char *path, const struct venv_lefts *lefts,
		   struct venv_import_result *result, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct env_store *store = NULL;
	struct spec *spec = NULL;
	_cleanup_close_ int upper = -1;
	int r = spec_load(path, &spec, errors);

	if (r < 0)
		return r;
	r = env_store_open(spec->store, venv->path, &store, &error);
	if (r == 0)
		r = upper = env_store_open_upper(store);
	if (r >= 0)
		r = copy_all(venv, upper, lefts, result, &error);
	/* The scripts get the right first lines at the first mount, which is elsewhere. */
	if (r == 0 && strcmp(venv->real, venv->path) != 0)
		r = env_store_relocate(store, venv->real);
	if (r == 0)
		r = env_store_relocate(store, venv->path);
	if (r < 0 && !error.message)
		error_set_errno(&error, r, "%s", spec->store);
	env_store_free(store);
	spec_free(spec);
	return error_list_take(errors, &error, r);
}
