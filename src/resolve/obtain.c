/*
 * From requirements to packages in a store: what is here is taken as it is, what is not is for pip;
 * what comes of either is checked, and imported like any other wheel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "lock_internal.h"
#include "pylock.h"
#include "venvfs/cleanup.h"
#include "venvfs/log.h"
#include "venvfs/path.h"

/* Wheels that were decided on. */
struct pick {
	struct candidate *candidate;
	const struct exact *exact; /* what it must be; NULL: anything */
};

struct picks {
	struct pick *items;
	size_t count;
	const char *source; /* of what is exact */
};

static void picks_clear(struct picks *picks)
{
	free(picks->items);
}

#define _cleanup_picks_ __attribute__((cleanup(picks_clear)))

static int picks_add(struct picks *picks, struct candidate *candidate, const struct exact *exact)
{
	struct pick *items = reallocarray(picks->items, picks->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	picks->items = items;
	items[picks->count++] = (struct pick){candidate, exact};
	return 0;
}

/* Importing. */

static int add_package(struct lockfile *lock, const struct candidate *candidate, const char *sha256,
		       const char *layer)
{
	/* As written: between the first hyphen and the second. */
	const char *at = strchr(candidate->file, '-') + 1;
	_cleanup_free_ char *version = strndup(at, strcspn(at, "-"));

	return version ? lockfile_add(lock,
				      &(struct lock_package){.name = candidate->name.normalised,
							     .version = version,
							     .file = candidate->file,
							     .sha256 = (char *)sha256,
							     .layer = (char *)layer})
		       : -ENOMEM;
}

/* The same wheel in the host's store, which is searched first; NULL: it has none. */
static const struct candidate *find_in_system(const struct making *making,
					      struct candidate *candidate)
{
	const struct store *system = making->stores.items[0];

	for (size_t i = 0; system && i < making->candidates.count; i++) {
		const struct candidate *other = making->candidates.items[i];

		if (other->store == system && strcmp(other->file, candidate->file) == 0 &&
		    candidate_sha256(candidate, NULL) == 0 &&
		    strcmp(other->sha256, candidate->sha256) == 0)
			return other;
	}
	return NULL;
}

/* What was imported is what was decided on: a file may be replaced in between. */
static int check_imported(const struct picks *picks, const struct pick *pick,
			  const struct store_import *import, struct error *error)
{
	const char *expected = pick->candidate->sha256[0] ? pick->candidate->sha256 : NULL;

	for (size_t i = 0; pick->exact && i < pick->exact->hashes.count; i++)
		if (strncmp(pick->exact->hashes.items[i], "sha256:", strlen("sha256:")) == 0)
			expected = pick->exact->hashes.items[i] + strlen("sha256:");
	if (!expected || strcmp(expected, import->wheel) == 0)
		return 0;
	error_set(error, -EINVAL, "%s is not what %s: sha256:%s, but sha256:%s",
		  pick->candidate->path, pick->exact ? picks->source : "it was", expected,
		  import->wheel);
	return -EINVAL;
}

static void ignore_job(void *arg, const struct store_job *job)
{
	(void)arg;
	(void)job;
}

static int take_job(const struct picks *picks, const struct pick *pick, struct store_job *job,
		    struct lockfile *lock, struct error_list *errors)
{
	int r = job->code;

	if (r == 0)
		r = check_imported(picks, pick, &job->result, &job->error);
	if (r == 0)
		r = add_package(lock, pick->candidate, job->result.wheel, job->result.layer);
	return error_list_take(errors, &job->error, r);
}

/* Brings all of them into a store and the lock; each that is refused is an error. */
static int import_picks(const struct making *making, const struct picks *picks,
			struct lockfile *lock, struct error_list *errors)
{
	_cleanup_free_ struct store_job *jobs = calloc(picks->count + 1, sizeof(*jobs));
	_cleanup_free_ const struct pick **imported =
		calloc(picks->count + 1, sizeof(struct pick *));
	size_t count = 0;
	int r = 0;

	if (!jobs || !imported)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < picks->count; i++) {
		const struct pick *pick = &picks->items[i];
		const struct candidate *there = pick->candidate;

		if (there->path)
			there = find_in_system(making, pick->candidate);
		if (there) {
			r = add_package(lock, there, there->sha256, there->layer);
			continue;
		}
		imported[count] = pick;
		jobs[count++].path = pick->candidate->path;
	}
	if (r < 0)
		return r;
	store_import_many(making->store, jobs, count, ignore_job, NULL);
	for (size_t i = 0; i < count; i++) {
		int s = take_job(picks, imported[i], &jobs[i], lock, errors);

		r = s < 0 ? s : r;
		store_import_clear(&jobs[i].result);
		error_clear(&jobs[i].error);
	}
	return r;
}

/* pip. */

static int note_asked(struct making *making, const char *reason)
{
	log_debug("pip is asked: %s", reason);
	making->asked = strdup(reason);
	return making->asked ? 0 : -ENOMEM;
}

static void move_errors(struct error_list *from, struct error_list *to)
{
	for (size_t i = 0; i < from->count; i++)
		error_list_take(to, &from->items[i], 0);
}

/* Versions that stay as they were locked, where what was locked cannot be had by its digest. */
static char *make_constraints(const struct lockfile *pinned)
{
	struct buffer text = {0};

	for (size_t i = 0; pinned && i < pinned->count; i++)
		buffer_printf(&text, "%s==%s\n", pinned->packages[i].name,
			      pinned->packages[i].version);
	return buffer_take(&text);
}

/* Whether what pip came to goes together, and is what was asked for. */
static int check_given(const struct making *making, struct candidates *given,
		       struct error_list *errors)
{
	const struct resolve_request request = {
		.requirements = making->inputs->requirements,
		.target = &making->target,
		.candidates = given,
		.given = true,
	};
	_cleanup_resolution_ struct resolution resolution = {0};
	int r = resolve(&request, &resolution, errors, errors);

	if (r == 0)
		print_warnings(&resolution);
	return r > 0 ? 0 : r;
}

/* Lets pip resolve the requirements. @missing is what it was asked for. */
static int resolve_by_pip(struct making *making, struct lockfile *lock, struct error_list *missing,
			  struct error_list *errors)
{
	_cleanup_free_ char *constraints = make_constraints(making->pinned);
	_cleanup_pip_wheels_ struct pip_wheels wheels = {0};
	_cleanup_candidates_ struct candidates given = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_picks_ struct picks picks = {0};
	int r = constraints ? pip_wheels_new(making, &wheels, &error) : -ENOMEM;

	if (r == 0)
		r = pip_wheels_make(&wheels, constraints, NULL, &error);
	if (r < 0) {
		error_list_take(errors, &error, r);
		/* What is not at hand it may well have found elsewhere. */
		if (r != -EIO)
			move_errors(missing, errors);
		return r;
	}
	r = candidates_add_directory(&given, wheels.directory, &making->target);
	if (r == 0)
		r = check_given(making, &given, errors);
	for (size_t i = 0; r == 0 && i < given.count; i++)
		r = picks_add(&picks, given.items[i], NULL);
	return r < 0 ? r : import_picks(making, &picks, lock, errors);
}

/* Requirements. */

static int obtain_required(struct making *making, bool web, struct lockfile *lock,
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
	_cleanup_picks_ struct picks picks = {0};
	int r = resolve(&request, &resolution, errors, &missing);

	if (r == 1) {
		r = note_asked(making, resolution.reason);
		return r < 0 ? r : resolve_by_pip(making, lock, &missing, errors);
	}
	print_warnings(&resolution);
	for (size_t i = 0; r == 0 && i < resolution.count; i++)
		r = picks_add(&picks, resolution.items[i].candidate, NULL);
	return r < 0 ? r : import_picks(making, &picks, lock, errors);
}

/* What is exact. */

/* The options of the requirements that say where pip looks. */
static void write_options(const struct requirements *requirements, struct buffer *out)
{
	const struct requirements_line *last = NULL;

	for (size_t i = 0; requirements && i < requirements->count; i++) {
		const struct requirements_line *line = &requirements->lines[i];

		if (line->kind == REQUIREMENTS_FIND_LINKS)
			buffer_printf(out, "--find-links \"%s\"\n", line->value);
		/* A line with several options is several entries of the same text. */
		if (line->kind != REQUIREMENTS_OPTION ||
		    (last && last->file == line->file && last->line == line->line))
			continue;
		buffer_printf(out, "%s\n", line->text);
		last = line;
	}
}

/* Gives those that pip has put into @directory to what lacks them. */
static int find_given(struct making *making, struct exacts *exacts, struct candidates *given,
		      const char *directory, struct error_list *errors)
{
	_cleanup_error_list_ struct error_list missing = {0};
	int r = candidates_add_directory(given, directory, &making->target);

	if (r == 0)
		r = exacts_find(exacts, given, &making->target, &missing);
	for (size_t i = 0; r == 0 && i < exacts->count; i++)
		if (!exacts->items[i].found)
			r = -EINVAL;
	if (r < 0)
		move_errors(&missing, errors);
	return r;
}

/* Whether pip's complaint is about it, going by the requirement that exacts_write_missing() made.
 */
static bool is_blamed(const struct exact *exact, const char *complaint)
{
	_cleanup_buffer_ struct buffer text = {0};

	buffer_printf(&text, "%s==%s", exact->name, exact->version);
	return buffer_status(&text) == 0 && strstr(complaint, text.data);
}

/* What is at hand and is not what it should be, or what pip failed with for @reason: that others
 * are not at hand is no error of theirs. */
static void move_certain(const struct exacts *exacts, const char *reason,
			 struct error_list *missing, struct error_list *errors)
{
	size_t next = 0;

	for (size_t i = 0; i < exacts->count && next < missing->count; i++) {
		const struct exact *exact = &exacts->items[i];

		if (exact->found)
			continue;
		if (exact->differs || is_blamed(exact, reason))
			error_list_take(errors, &missing->items[next], 0);
		next++;
	}
}

static int fetch_missing(struct making *making, struct exacts *exacts, struct pip_wheels *wheels,
			 struct candidates *given, struct error_list *missing,
			 struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_free_ char *reason = NULL;
	int r;

	write_options(making->inputs->requirements, &text);
	if (exacts_write_missing(exacts, &text) == 0)
		return 0;
	r = buffer_status(&text);
	if (r == 0)
		r = note_asked(making, "wheels that are known are not at hand");
	if (r == 0)
		r = pip_wheels_new(making, wheels, &error);
	if (r == 0)
		r = pip_wheels_make(wheels, NULL, text.data, &error);
	if (r < 0) {
		if (error.message && !error.hint && making->pinned)
			error_hint(&error, "'venvfs lock --upgrade' makes the lock anew");
		reason = r == -EIO && error.message ? strdup(error.message) : NULL;
		error_list_take(errors, &error, r);
		if (reason)
			move_certain(exacts, reason, missing, errors);
		else
			move_errors(missing, errors);
		return r;
	}
	return find_given(making, exacts, given, wheels->directory, errors);
}

static int obtain_exact(struct making *making, struct exacts *exacts, struct lockfile *lock,
			struct error_list *errors)
{
	_cleanup_error_list_ struct error_list missing = {0};
	_cleanup_pip_wheels_ struct pip_wheels wheels = {0};
	_cleanup_candidates_ struct candidates given = {0};
	_cleanup_picks_ struct picks picks = {.source = exacts->source};
	int r = exacts_find(exacts, &making->candidates, &making->target, &missing);

	if (r == 0)
		r = fetch_missing(making, exacts, &wheels, &given, &missing, errors);
	for (size_t i = 0; r == 0 && i < exacts->count; i++)
		r = picks_add(&picks, exacts->items[i].found, &exacts->items[i]);
	return r < 0 ? r : import_picks(making, &picks, lock, errors);
}

/* Whether what was locked can be had by its digest: not so what is built here. */
static bool is_rebuilt(const struct requirements *requirements)
{
	for (size_t i = 0; requirements && i < requirements->count; i++)
		if (requirements->lines[i].kind == REQUIREMENTS_NEEDS_PIP)
			return true;
	return false;
}

int obtain_exacts(const struct making *making, struct exacts *exacts, struct error_list *errors)
{
	const struct requirements *requirements = making->inputs->requirements;
	int r;

	if (making->pinned && !is_rebuilt(requirements))
		r = exacts_from_lock(exacts, making->pinned, making->path);
	else if (requirements)
		return 0;
	else
		r = pylock_load(making->spec->requirements, making->interpreter, &making->target,
				exacts, errors);
	return r < 0 ? r : 1;
}

int obtain_packages(struct making *making, struct lockfile *lock, struct error_list *errors)
{
	_cleanup_exacts_ struct exacts exacts = {0};
	bool web;
	int r = gather(making, &web, errors);

	if (r < 0)
		return r;
	r = obtain_exacts(making, &exacts, errors);
	if (r == 0)
		return obtain_required(making, web, lock, errors);
	return r < 0 ? r : obtain_exact(making, &exacts, lock, errors);
}
