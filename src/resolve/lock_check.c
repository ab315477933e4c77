/*
 * What can be said of a lock, or of one that would be made, without making anything: no store, no
 * layer, no lock, and without asking pip.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lock_internal.h"
#include "pylock.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/pip.h"

static int note_imports(struct string_list *unseen, size_t count)
{
	return count == 0 ? 0
			  : string_list_printf(
				    unseen,
				    "whether %zu wheel%s that no store has yet can be imported",
				    count, count == 1 ? "" : "s");
}

/* That pip is there; what it would come to is not asked. */
static int note_pip(const struct making *making, const char *reason, struct string_list *unseen,
		    struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = pip_check(making->interpreter, &error);

	if (r < 0)
		return error_list_take(errors, &error, r);
	return string_list_printf(unseen, "what pip comes to, which is asked: %s", reason);
}

static int check_required(struct making *making, bool web, struct string_list *unseen,
			  struct error_list *errors)
{
	const struct requirements *requirements = making->inputs->requirements;
	const struct resolve_request request = {
		.requirements = requirements,
		.target = &making->target,
		.candidates = &making->candidates,
		.more_elsewhere = !requirements->no_index || web,
	};
	_cleanup_resolution_ struct resolution resolution = {0};
	_cleanup_error_list_ struct error_list missing = {0};
	size_t imports = 0;
	int r = resolve(&request, &resolution, errors, &missing);

	if (r != 0)
		return r == 1 ? note_pip(making, resolution.reason, unseen, errors) : r;
	print_warnings(&resolution);
	for (size_t i = 0; i < resolution.count; i++)
		imports += !resolution.items[i].candidate->store;
	return note_imports(unseen, imports);
}

static int check_exact(struct making *making, struct exacts *exacts, struct string_list *unseen,
		       struct error_list *errors)
{
	_cleanup_error_list_ struct error_list missing = {0};
	size_t imports = 0, absent = 0;
	int r = exacts_find(exacts, &making->candidates, &making->target, &missing);

	if (r < 0)
		return r;
	for (size_t i = 0; i < exacts->count; i++) {
		absent += !exacts->items[i].found;
		imports += exacts->items[i].found && !exacts->items[i].found->store;
	}
	r = note_imports(unseen, imports);
	if (r < 0 || absent == 0)
		return r;
	return note_pip(making, missing.count > 0 ? missing.items[0].message : "wheels are missing",
			unseen, errors);
}

/* As obtain_packages(), up to where something would be made. */
static int check_packages(struct making *making, struct string_list *unseen,
			  struct error_list *errors)
{
	_cleanup_exacts_ struct exacts exacts = {0};
	bool web;
	int r = gather(making, &web, errors);

	if (r < 0)
		return r;
	r = obtain_exacts(making, &exacts, errors);
	if (r == 0)
		return check_required(making, web, unseen, errors);
	return r < 0 ? r : check_exact(making, &exacts, unseen, errors);
}

/* Whether store and lock could be written to. */
static int check_places(const struct making *making, struct error_list *errors)
{
	const struct spec *spec = making->spec;
	_cleanup_free_ char *target = NULL, *directory = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = lockfile_target(making->path, &target, &error);

	if (r < 0)
		return error_list_take(errors, &error, r);
	directory = strndup(target, (size_t)(path_basename(target) - target));
	if (!directory)
		return -ENOMEM;
	r = lock_store_check(spec, &error);
	if (r < 0 && spec->wheel_store && !error.file)
		error_at(&error, spec->path, spec->wheel_store_line);
	error_list_take(errors, &error, r);
	if (faccessat(AT_FDCWD, directory[0] ? directory : ".", W_OK | X_OK, AT_EACCESS) < 0) {
		r = error_set_errno(&error, -errno, "%s cannot be written", target);
		error_list_take(errors, &error, r);
	}
	return r;
}

/* Without an interpreter nothing is known that depends on one. */
static int check_text(const struct spec *spec, struct error_list *errors)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;

	if (pylock_is_name(path_basename(spec->requirements)))
		return 0;
	return lock_inputs_load(spec, &requirements, errors);
}

int lock_check(const struct spec *spec, const struct interpreter *interpreter,
	       struct lock_result *out, struct string_list *unseen, struct error_list *errors)
{
	_cleanup_free_ char *path = lockfile_path(spec->path);
	_cleanup_lockfile_ struct lockfile *current = NULL;
	__attribute__((cleanup(lock_inputs_clear))) struct lock_inputs inputs = {0};
	__attribute__((cleanup(making_clear))) struct making making = {
		.spec = spec, .interpreter = interpreter, .inputs = &inputs, .path = path};
	int r, s;

	*out = (struct lock_result){0};
	if (!path || !interpreter)
		return path ? check_text(spec, errors) : -ENOMEM;
	r = lock_inputs_read(spec, interpreter, &inputs, errors);
	if (r == 0)
		r = lock_look(&making, LOCK_USE, &current, out, errors);
	if (r != 0)
		return r < 0 ? r : 0;
	making.pinned = current;
	r = check_places(&making, errors);
	s = check_packages(&making, unseen, errors);
	return r < 0 ? r : s;
}
