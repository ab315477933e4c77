#include "venvfs/venv_import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "venv.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/spec.h"
#include "venvfs/progress.h"
#include "venvfs/scratch.h"
#include "venvfs/store.h"

const char *venv_finding_name(enum venv_finding_kind kind)
{
	static const char *const names[] = {
		[VENV_EDITABLE] = "editable",   [VENV_BROKEN] = "broken",
		[VENV_NO_RECORD] = "no-record", [VENV_CHANGED] = "changed",
		[VENV_UNOWNED] = "unowned",
	};

	return names[kind];
}

int venv_note(struct venv_import_result *result, enum venv_finding_kind kind, const char *what,
	      const char *detail)
{
	struct venv_finding *findings =
		reallocarray(result->findings, result->finding_count + 1, sizeof(*findings));
	struct venv_finding *finding;

	if (!findings)
		return -ENOMEM;
	result->findings = findings;
	finding = &findings[result->finding_count];
	*finding = (struct venv_finding){
		.kind = kind, .what = strdup(what), .detail = detail ? strdup(detail) : NULL};
	if (!finding->what || (detail && !finding->detail)) {
		free(finding->what);
		free(finding->detail);
		return -ENOMEM;
	}
	result->finding_count++;
	return 0;
}

void venv_import_result_clear(struct venv_import_result *result)
{
	for (size_t i = 0; i < result->finding_count; i++) {
		free(result->findings[i].what);
		free(result->findings[i].detail);
		free(result->findings[i].package);
	}
	for (size_t i = 0; i < result->unmet_count; i++)
		venv_unmet_clear(&result->unmet[i]);
	for (size_t i = 0; i < result->package_count; i++) {
		free(result->packages[i].name);
		free(result->packages[i].version);
		free(result->packages[i].file);
	}
	free(result->findings);
	free(result->unmet);
	free(result->packages);
	free(result->spec);
	free(result->requirements);
	free(result->lock);
	*result = (struct venv_import_result){0};
}

/* All that is needed on the way. */
struct import {
	const struct venv_import_options *options;
	struct venv venv;
	struct store *store; /* the user's own, open for adding */
	struct lock_stores stores;
	struct lockfile *lock;
	struct string_list directories; /* of dist-info */
	struct string_list owned;       /* paths of packages that were taken */
	struct venv_needs needs;        /* what those require */
	struct venv_lefts lefts;        /* the packages that were not */
	struct venv_import_result *result;
	struct error *error;
};

static void import_clear(struct import *import)
{
	venv_clear(&import->venv);
	lock_stores_close(&import->stores);
	store_free(import->store);
	lockfile_free(import->lock);
	string_list_clear(&import->directories);
	string_list_clear(&import->owned);
	venv_needs_clear(&import->needs);
	venv_lefts_clear(&import->lefts);
}

/* Names of what is written. */

static int check_absent(const char *path, struct error *error)
{
	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return error_set(error, -EEXIST, "%s is there already, and is not replaced", path);
	return errno == ENOENT ? 0 : error_set_errno(error, -errno, "%s", path);
}

/* NAME.cfg, NAME-requirements.txt and NAME.lock. */
static int name_files(struct import *import)
{
	struct venv_import_result *result = import->result;
	_cleanup_free_ char *given = NULL;
	size_t stem;
	int r;

	if (!import->options->spec &&
	    asprintf(&given, "%s.cfg", path_basename(import->venv.real)) < 0) {
		given = NULL;
		return -ENOMEM;
	}
	r = path_absolute(given ? given : import->options->spec, NULL, &result->spec);
	if (r < 0)
		return r;
	stem = strlen(result->spec);
	if (stem > 4 && strcmp(result->spec + stem - 4, ".cfg") == 0)
		stem -= 4;
	if (asprintf(&result->requirements, "%.*s-requirements.txt", (int)stem, result->spec) < 0)
		result->requirements = NULL;
	result->lock = lockfile_path(result->spec);
	if (!result->requirements || !result->lock)
		return -ENOMEM;
	r = check_absent(result->spec, import->error);
	if (r == 0)
		r = check_absent(result->requirements, import->error);
	return r == 0 ? check_absent(result->lock, import->error) : r;
}

static int open_stores(struct import *import)
{
	/* What a spec that names no store has. */
	struct spec plain = {0};
	int r = lock_store_open_own(&plain, STORE_ADD, &import->store, import->error);

	if (r == 0)
		r = lock_stores_open(&plain, &import->stores, import->error);
	import->lock = lockfile_new();
	return r == 0 && !import->lock ? -ENOMEM : r;
}

/* Distributions. */

/* Reports a package that is not taken, of which @entry of site-packages tells. */
static int leave(struct import *import, enum venv_finding_kind kind, const char *package,
		 const char *entry, const char *detail)
{
	int r = venv_note(import->result, kind, package, detail);

	return r < 0 ? r
		     : venv_left_add(&import->lefts, &import->venv, package, entry,
				     import->result->finding_count - 1);
}

/* What setuptools of old have installed: "linked.egg-link", "NAME-VERSION-py3.11.egg-info". */
static int note_egg(struct import *import, const char *name, const char *suffix)
{
	_cleanup_free_ char *stem = strndup(name, (size_t)(suffix - name));
	bool link = strcmp(suffix, ".egg-link") == 0;

	if (!stem)
		return -ENOMEM;
	return leave(import, link ? VENV_EDITABLE : VENV_NO_RECORD, stem, name,
		     link ? "it is installed as editable" : "it is no wheel's");
}

static int note_directory(void *arg, int directory, const char *name, mode_t kind)
{
	struct import *import = arg;
	const char *suffix = strrchr(name, '.');

	(void)directory;
	(void)kind;
	/* pip's leftovers of an uninstallation that was broken off begin with "~". */
	if (!suffix || name[0] == '~')
		return 0;
	if (strcmp(suffix, ".egg-link") == 0 || strcmp(suffix, ".egg-info") == 0)
		return note_egg(import, name, suffix);
	return strcmp(suffix, ".dist-info") == 0
		       ? string_list_add(&import->directories, name, strlen(name))
		       : 0;
}

static void free_package(struct lock_package *package)
{
	free(package->name);
	free(package->version);
	free(package->file);
	free(package->sha256);
	free(package->layer);
}

/* The scripts of entry points. Not all of them are in RECORD when virtualenv has made them, which
 * gives some the Python's version. */
static int own_scripts(struct import *import, const struct venv_dist *dist)
{
	const struct interpreter *python = import->venv.interpreter;
	int r = 0;

	for (size_t i = 0; r == 0 && i < dist->scripts.count; i++) {
		const char *name = dist->scripts.items[i].name;
		_cleanup_buffer_ struct buffer paths = {0};
		char *save = NULL;

		buffer_printf(&paths, "bin/%s\nbin/%s%d\nbin/%s%d.%d\nbin/%s-%d.%d\n", name, name,
			      python->major, name, python->major, python->minor, name,
			      python->major, python->minor);
		if (buffer_status(&paths) < 0)
			return -ENOMEM;
		for (char *path = strtok_r(paths.data, "\n", &save); r == 0 && path;
		     path = strtok_r(NULL, "\n", &save))
			r = string_list_add(&import->owned, path, strlen(path));
	}
	return r;
}

/* Takes the package, whose layer is there. */
static int take(struct import *import, const struct venv_dist *dist,
		const struct lock_package *package, bool reused)
{
	struct venv_import_result *result = import->result;
	struct venv_package *packages =
		reallocarray(result->packages, result->package_count + 1, sizeof(*packages));
	struct venv_package *taken;
	int r = packages ? lockfile_add(import->lock, package) : -ENOMEM;

	if (packages)
		result->packages = packages;
	for (size_t i = 0; r == 0 && i < dist->count; i++)
		r = string_list_add(&import->owned, dist->rows[i].path, strlen(dist->rows[i].path));
	if (r == 0)
		r = own_scripts(import, dist);
	if (r == 0)
		r = venv_need_add(&import->needs, dist);
	if (r < 0)
		return r;
	taken = &packages[result->package_count++];
	*taken = (struct venv_package){.name = strdup(package->name),
				       .version = strdup(dist->version),
				       .file = strdup(package->file),
				       .reused = reused};
	return taken->name && taken->version && taken->file ? 0 : -ENOMEM;
}

/* Notes what is not as the layer has it. */
static int note_changes(struct import *import, const struct venv_dist *dist)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < dist->count; i++)
		if (dist->rows[i].changed || dist->rows[i].missing)
			r = venv_note(import->result, VENV_CHANGED, dist->rows[i].path,
				      dist->rows[i].missing ? "it is missing" : NULL);
	return r;
}

/* The first few files that are not as RECORD says. */
static int note_broken(struct import *import, const struct venv_dist *dist)
{
	_cleanup_buffer_ struct buffer text = {0};
	size_t told = 0;

	buffer_printf(&text, "%zu file%s not as RECORD says:", dist->changed + dist->missing,
		      dist->changed + dist->missing == 1 ? " is" : "s are");
	for (size_t i = 0; i < dist->count && told < 5; i++) {
		const struct venv_row *row = &dist->rows[i];

		if (row->changed || row->missing)
			buffer_printf(&text, "%s %s%s", told++ > 0 ? "," : "", row->path,
				      row->missing ? " (missing)" : "");
	}
	if (buffer_status(&text) < 0)
		return -ENOMEM;
	return leave(import, VENV_BROKEN, dist->name, dist->directory, text.data);
}

/* Makes the wheel again and imports it. */
static int rebuild(struct import *import, const struct venv_dist *dist)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *path = NULL;
	struct store_import imported = {0};
	struct scratch scratch;
	int r = scratch_new(import->store->scratch, &scratch);

	if (r < 0)
		return error_set_errno(import->error, r, "%s cannot be written to",
				       import->store->path);
	if (asprintf(&path, "%s/scratch/%s/%s", import->store->path, scratch.name, dist->file) <
	    0) {
		path = NULL;
		r = -ENOMEM;
	}
	if (r == 0)
		r = venv_wheel_write(&import->venv, dist, path, &error);
	if (r == 0)
		r = store_import(import->store, path, &imported, &error);
	(void)io_remove_tree(import->store->scratch, scratch.name);
	close(scratch.fd);
	if (r == 0)
		r = take(import, dist,
			 &(struct lock_package){.name = dist->normalised,
						.version = dist->version,
						.file = dist->file,
						.sha256 = imported.wheel,
						.layer = imported.layer},
			 false);
	else if (r == -EBADMSG || r == -EINVAL)
		r = leave(import, VENV_BROKEN, dist->name, dist->directory, error.message);
	else
		error_set(import->error, r, "%s: %s", dist->name,
			  error.message ? error.message : strerror(-r));
	store_import_clear(&imported);
	return r;
}

static int import_compared(struct import *import, const struct venv_dist *dist)
{
	struct lock_package known = {0};
	int r = venv_match_layer(&import->stores, dist, &known);

	if (r > 0) {
		r = take(import, dist, &known, true);
		if (r == 0)
			r = note_changes(import, dist);
	} else if (r == 0 && dist->changed + dist->missing > 0) {
		r = note_broken(import, dist);
	} else if (r == 0) {
		r = rebuild(import, dist);
	}
	free_package(&known);
	return r;
}

static int import_dist(struct import *import, const char *directory)
{
	struct venv_dist dist = {0};
	int r = venv_dist_read(&import->venv, directory, &dist);

	if (r == 0 && dist.problem)
		r = leave(import, dist.kind, dist.name ? dist.name : directory, directory,
			  dist.problem);
	else if (r == 0) {
		r = venv_dist_compare(&import->venv, &dist);
		if (r == 0)
			r = import_compared(import, &dist);
	}
	venv_dist_clear(&dist);
	return r;
}

static int import_all(struct import *import)
{
	int r = io_each_entry(io_open_directory(import->venv.site, "."), note_directory, import);

	venv_list_sort(&import->directories);
	for (size_t i = 0; r == 0 && i < import->directories.count; i++) {
		progress_report(i + 1, import->directories.count, import->directories.items[i]);
		r = import_dist(import, import->directories.items[i]);
	}
	progress_report(0, 0, NULL);
	venv_list_sort(&import->owned);
	if (r == 0)
		r = venv_find_unmet(&import->venv, &import->needs, &import->lefts, import->result);
	return r < 0 ? r
		     : venv_find_rest(&import->venv, &import->owned, &import->lefts,
				      import->result);
}

/* What is written. */

static bool has_package(const struct venv_import_result *result, const char *name)
{
	for (size_t i = 0; i < result->package_count; i++)
		if (strcmp(result->packages[i].name, name) == 0)
			return true;
	return false;
}

static void render_spec(const struct import *import, struct buffer *out)
{
	const struct venv *venv = &import->venv;

	buffer_printf(out, "; made of %s\n[environment]\n", path_basename(venv->real));
	if (venv->prompt)
		buffer_printf(out, "prompt = %s\n", venv->prompt);
	buffer_printf(out,
		      "system-site-packages = %s\n\n"
		      "[base-executable]\nexecutable = %s\npython_version = %d.%d\n\n"
		      "[packages]\nrequirements = %s\npip = %s\n",
		      venv->system_site_packages ? "true" : "false", venv->interpreter->executable,
		      venv->interpreter->major, venv->interpreter->minor,
		      path_basename(import->result->requirements),
		      has_package(import->result, "pip") ? "yes" : "no");
}

static void render_requirements(const struct import *import, struct buffer *out)
{
	const struct venv_import_result *result = import->result;

	for (size_t i = 0; i < result->package_count; i++)
		buffer_printf(out, "%s==%s\n", result->packages[i].name,
			      result->packages[i].version);
}

static int write_file(const char *path, const struct buffer *text, struct error *error)
{
	_cleanup_free_ char *directory = strndup(path, (size_t)(path_basename(path) - path));
	_cleanup_close_ int fd = -1;
	int r = buffer_status(text);

	if (!directory)
		return -ENOMEM;
	if (r == 0)
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && fd < 0)
		r = -errno;
	if (r == 0)
		r = io_publish(fd, path_basename(path), text->data ? text->data : "", text->length,
			       0644);
	return r < 0 ? error_set_errno(error, r, "%s cannot be written", path) : 0;
}

static int write_lock(struct import *import, struct error_list *errors)
{
	struct spec *spec = NULL;
	int r = spec_load(import->result->spec, &spec, errors);

	if (r == 0)
		r = lock_adopt(spec, import->venv.interpreter, import->store, import->lock, errors);
	spec_free(spec);
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct venv_package *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int write_all(struct import *import, struct error_list *errors)
{
	_cleanup_buffer_ struct buffer spec = {0}, requirements = {0};
	struct venv_import_result *result = import->result;
	int r;

	if (result->package_count > 0)
		qsort(result->packages, result->package_count, sizeof(*result->packages), by_name);
	render_spec(import, &spec);
	render_requirements(import, &requirements);
	/* The spec is last but for the lock, which counts from it: without it nothing is there. */
	r = write_file(result->requirements, &requirements, import->error);
	if (r == 0)
		r = write_file(result->spec, &spec, import->error);
	if (r == 0)
		r = write_lock(import, errors);
	if (r == 0 && import->options->with_changes)
		r = venv_copy_rest(&import->venv, result->spec, &import->lefts, result, errors);
	if (r == 0)
		venv_unmet_forget_copied(&import->lefts, result);
	return r;
}

int venv_import(const struct venv_import_options *options, struct venv_import_result *out,
		struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	__attribute__((cleanup(import_clear))) struct import import = {
		.options = options, .result = out, .error = &error};
	int r;

	*out = (struct venv_import_result){0};
	r = venv_open(options->venv, options->python, &import.venv, &error);
	if (r == 0)
		r = name_files(&import);
	if (r == 0)
		r = open_stores(&import);
	if (r == 0) {
		r = import_all(&import);
		if (r < 0 && !error.message)
			error_set_errno(&error, r, "%s cannot be taken over", import.venv.path);
	}
	if (r == 0)
		r = write_all(&import, errors);
	return error_list_take(errors, &error, r);
}
