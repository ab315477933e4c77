/* Which of the wheels that there are a project takes, and why none when it takes none. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolve_internal.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

/* A message names so many files, and then says that there are more. */
#define NAMED_MAX 8

/* What holds a project to one version, or NULL. */
static const struct specifier *find_pin(const struct want *want)
{
	const struct specifier_set *set = &want->requirement->specifiers;

	for (size_t i = 0; i < set->count; i++) {
		const struct specifier *item = &set->items[i];

		if ((item->comparison == SPECIFIER_EQUAL && !item->prefix) ||
		    item->comparison == SPECIFIER_ARBITRARY)
			return item;
	}
	return NULL;
}

bool project_is_pinned(const struct project *project)
{
	for (size_t i = 0; i < project->count; i++) {
		const struct want *want = &project->wants[i];

		if ((!want->by && want->line->kind == REQUIREMENTS_WHEEL) || find_pin(want))
			return true;
	}
	return false;
}

/* The version that a want pins; NULL: none, or what is none ("===one"). */
static const struct version *pin_of(const struct want *want)
{
	const struct specifier *pin = find_pin(want);

	return pin && pin->version.text ? &pin->version : NULL;
}

const struct want *project_find_misfit(const struct project *project)
{
	for (size_t i = 0; i < project->count; i++)
		if (!specifier_set_contains(&project->wants[i].requirement->specifiers,
					    &project->chosen->name.version))
			return &project->wants[i];
	return NULL;
}

/* The path of the wheel that a line names, or NULL. */
static const char *named_path(const struct project *project)
{
	for (size_t i = 0; i < project->count; i++)
		if (!project->wants[i].by && project->wants[i].line->kind == REQUIREMENTS_WHEEL)
			return project->wants[i].line->value;
	return NULL;
}

static bool takes_version(const struct project *project, const struct version *version)
{
	for (size_t i = 0; i < project->count; i++)
		if (!specifier_set_contains(&project->wants[i].requirement->specifiers, version))
			return false;
	return true;
}

static bool wants_prereleases(const struct resolver *resolver, const struct project *project)
{
	bool asked = resolver->request->requirements->pre || resolver->request->given ||
		     named_path(project);

	for (size_t i = 0; !asked && i < project->count; i++)
		asked = specifier_set_names_prerelease(&project->wants[i].requirement->specifiers);
	return asked;
}

/* Better ones first: by version; from directories rather than from stores, which hold what other
 * environments wanted; by tag, by build number, and in the order in which they were found. */
static int by_preference(const void *a, const void *b)
{
	const struct candidate *x = *(struct candidate *const *)a,
			       *y = *(struct candidate *const *)b;
	int r = version_compare(&y->name.version, &x->name.version);

	if (r == 0)
		r = (x->store != NULL) - (y->store != NULL);
	if (r == 0)
		r = (x->rank > y->rank) - (x->rank < y->rank);
	if (r == 0)
		r = wheel_name_compare_builds(&y->name, &x->name);
	if (r == 0)
		r = (x->source > y->source) - (x->source < y->source);
	/* Directories are read in no order. */
	return r != 0 ? r : strcmp(x->file, y->file);
}

/* What became of the candidates of a project. */
struct search {
	struct resolver *resolver;
	struct project *project;
	bool pinned;
	struct candidate **all; /* of that name */
	size_t all_count;
	struct candidate **fits; /* version and tags; best first */
	size_t fit_count;
	size_t versions; /* how many are of a version that is wanted */
	bool reported;   /* that it is hopeless */
	struct error_list
		problems; /* why some were passed over, which counts only if none is left */
	bool final;       /* pip could not help */
};

static bool is_candidate(const struct project *project, const char *path,
			 const struct candidate *candidate)
{
	if (strcmp(candidate->name.normalised, project->name) != 0)
		return false;
	return path ? candidate->named && strcmp(candidate->path, path) == 0 : !candidate->named;
}

static int gather(struct search *search)
{
	const struct candidates *candidates = search->resolver->request->candidates;
	const char *path = search->resolver->request->given ? NULL : named_path(search->project);

	search->all = calloc(candidates->count + 1, sizeof(struct candidate *));
	search->fits = calloc(candidates->count + 1, sizeof(struct candidate *));
	if (!search->all || !search->fits)
		return -ENOMEM;
	for (size_t i = 0; i < candidates->count; i++)
		if (is_candidate(search->project, path, candidates->items[i]))
			search->all[search->all_count++] = candidates->items[i];
	if (search->all_count > 0)
		qsort(search->all, search->all_count, sizeof(struct candidate *), by_preference);
	return 0;
}

/* Pre-releases are taken when they are asked for, or when there is nothing else (PEP 440). */
static void filter(struct search *search)
{
	bool pre = wants_prereleases(search->resolver, search->project);

	for (int pass = 0; pass < 2 && search->fit_count == 0; pass++) {
		search->versions = 0;
		for (size_t i = 0; i < search->all_count; i++) {
			struct candidate *candidate = search->all[i];
			const struct version *version = &candidate->name.version;

			if ((version_is_prerelease(version) && !pre && pass == 0) ||
			    !takes_version(search->project, version))
				continue;
			search->versions++;
			if (candidate->rank >= 0 || search->resolver->request->given)
				search->fits[search->fit_count++] = candidate;
		}
	}
}

/* The want that a message about the project is about: its own line, rather than a constraint. */
static const struct want *subject(const struct project *project)
{
	for (size_t i = 0; i < project->count; i++)
		if (project->wants[i].by || !project->wants[i].line->constraint)
			return &project->wants[i];
	return &project->wants[0];
}

static int say(struct search *search, bool final, struct error *error)
{
	const struct resolver *resolver = search->resolver;

	return report(search->resolver, subject(search->project),
		      final || !resolver->request->more_elsewhere || resolver->request->given,
		      error);
}

static int note(struct search *search, bool final, struct error *error)
{
	search->final = search->final || final;
	return error_list_take(&search->problems, error, 0);
}

/* 1: it is one of those that are wanted. 0: it is not, which was noted. */
static int check_hash(struct search *search, struct candidate *candidate)
{
	const struct string_list *hashes = &search->project->hashes;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buffer_ struct buffer expected = {0};
	int r;

	if (hashes->count == 0 || search->resolver->request->given)
		return 1;
	r = candidate_has_hash(candidate, hashes, &error);
	if (r == 0)
		r = candidate_sha256(candidate, &error);
	else if (r > 0)
		return 1;
	if (r == -ENOMEM)
		return r;
	for (size_t i = 0; i < hashes->count; i++)
		buffer_printf(&expected, "%s%s", i > 0 ? " or " : "", hashes->items[i]);
	if (buffer_status(&expected) < 0)
		return -ENOMEM;
	if (r == 0)
		error_set(&error, -EINVAL, "%s is not what is expected: %s, but sha256:%s",
			  candidate->path ? candidate->path : candidate->file, expected.data,
			  candidate->sha256);
	return note(search, candidate->named, &error);
}

/* 1: it can be had. 0: it cannot, which was noted. */
static int check_metadata(struct search *search, struct candidate *candidate)
{
	const struct target *target = search->resolver->request->target;
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct wheel_metadata *metadata;
	int r = candidate_metadata(candidate, &metadata, &error);

	if (r == -ENOMEM)
		return r;
	if (r == 0 && !specifier_set_contains(&metadata->pythons, &target->python))
		error_set(&error, -EINVAL, "%s %s requires Python %s, and this is %s",
			  search->project->name, candidate->name.version.text,
			  metadata->requires_python, target->python.text);
	if (!error.message && r == 0) {
		search->project->metadata = metadata;
		return 1;
	}
	if (r < 0 && candidate->path) {
		_cleanup_free_ char *reason =
			error.message ? TAKE_PTR(error.message) : strdup(strerror(-r));

		error_set(&error, r, "%s: %s", candidate->path, reason ? reason : "");
		free(TAKE_PTR(error.file));
	} else if (!error.message) {
		error_set_errno(&error, r, "%s", candidate->file);
	}
	return note(search, search->pinned, &error);
}

static int describe_files(const struct search *search, struct buffer *out)
{
	size_t named = 0;

	for (size_t i = 0; i < search->all_count; i++) {
		const struct candidate *candidate = search->all[i];

		/* The same may lie in a directory and in a store. */
		if ((search->versions > 0 &&
		     !takes_version(search->project, &candidate->name.version)) ||
		    (i > 0 && strcmp(candidate->file, search->all[i - 1]->file) == 0))
			continue;
		if (named++ < NAMED_MAX)
			buffer_printf(out, "%s%s", named > 1 ? ", " : "", candidate->file);
	}
	if (named > NAMED_MAX)
		buffer_printf(out, " and %zu more", named - NAMED_MAX);
	return buffer_status(out);
}

/* A pin and something else that no version meets both. "1.0" also takes "1.0+local", which may be
 * what the other wants. */
static int report_pins(struct search *search)
{
	const struct project *project = search->project;
	int r = 0;

	for (size_t i = 0; i < project->count && !search->reported; i++) {
		const struct version *pin = pin_of(&project->wants[i]);

		for (size_t k = 0; pin && r == 0 && k < project->count; k++) {
			const struct want *other = &project->wants[k];
			const struct version *theirs = pin_of(other);

			if (specifier_set_contains(&other->requirement->specifiers, pin) ||
			    (theirs && k != i &&
			     specifier_set_contains(&project->wants[i].requirement->specifiers,
						    theirs)))
				continue;
			search->reported = true;
			r = report_conflict(search->resolver, project, other, pin->text);
		}
	}
	return r;
}

/* A wheel that is named by its path, and what else is wanted of the project. */
static int report_named(struct search *search, const char *path)
{
	const struct project *project = search->project;
	const struct version *version = &search->all[0]->name.version;
	int r = 0;

	for (size_t i = 0; r == 0 && i < project->count; i++) {
		const struct want *want = &project->wants[i];

		if (specifier_set_contains(&want->requirement->specifiers, version) &&
		    (want->by || want->line->kind != REQUIREMENTS_WHEEL ||
		     strcmp(want->line->value, path) == 0))
			continue;
		search->reported = true;
		r = report_conflict(search->resolver, project, want, version->text);
	}
	return r;
}

static int report_conflicts(struct search *search)
{
	const char *path = named_path(search->project);

	if (search->resolver->request->given)
		return 0;
	return path && search->all_count > 0 ? report_named(search, path) : report_pins(search);
}

/* Nothing fits: the reason that says most. */
static int report_none(struct search *search)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buffer_ struct buffer files = {0};
	const struct project *project = search->project;
	const char *tags = search->resolver->request->target->tag_list;
	_cleanup_free_ char *text = describe_want(subject(project));

	if (!text || describe_files(search, &files) < 0)
		return -ENOMEM;
	if (search->versions > 0) {
		error_set(&error, -EINVAL, "no wheel of %s has a tag for this Python: there is %s",
			  text, files.data);
		error_hint(&error, "what fits best is tagged %.*s", (int)strcspn(tags, " "), tags);
	} else if (search->all_count > 0) {
		error_set(&error, -ENOENT, "there is no wheel of %s at hand, but %s", text,
			  files.data);
	} else {
		error_set(&error, -ENOENT, "there is no wheel of %s at hand", text);
	}
	return say(search, named_path(project) != NULL, &error);
}

/* The first of those that fit which is what is expected, and for this Python. */
static int take_best(struct search *search)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < search->fit_count; i++) {
		struct candidate *candidate = search->fits[i];

		r = check_hash(search, candidate);
		if (r == 1)
			r = check_metadata(search, candidate);
		if (r != 1)
			continue;
		search->project->chosen = candidate;
		return 0;
	}
	return r;
}

/* Says why none will do. */
static int explain(struct search *search)
{
	int r = 0;

	search->project->failed = true;
	if (search->problems.count == 0)
		return report_none(search);
	for (size_t i = 0; r == 0 && i < search->problems.count; i++)
		r = say(search, search->final, &search->problems.items[i]);
	return r;
}

static int search_wheel(struct search *search)
{
	struct project *project = search->project;
	struct resolver *resolver = search->resolver;
	const struct resolve_request *request = resolver->request;
	int r = gather(search);

	if (r == 0)
		r = report_conflicts(search);
	if (r < 0 || search->reported) {
		project->failed = true;
		return r;
	}
	if (!search->pinned && !request->given && request->more_elsewhere) {
		project->failed = true;
		return leave_to_pip(resolver, "%s is not pinned to a version", project->name);
	}
	filter(search);
	r = take_best(search);
	if (r < 0 || project->chosen)
		return r;
	r = explain(search);
	if (r == 0 && !search->final && request->more_elsewhere && !request->given)
		r = leave_to_pip(resolver, "there is no wheel of %s at hand", project->name);
	return r;
}

int choose(struct resolver *resolver, struct project *project)
{
	struct search search = {
		.resolver = resolver, .project = project, .pinned = project_is_pinned(project)};
	int r = search_wheel(&search);

	free(search.all);
	free(search.fits);
	error_list_clear(&search.problems);
	return r;
}
