/*
 * Projects are chosen in rounds: all that are known and have no wheel yet, then what those require.
 * What was chosen stays; a later requirement that it does not meet is a conflict where versions are
 * pinned, and a search for another combination where not. Searching is for pip.
 */
#include "resolve.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resolve_internal.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"

/* Reports. */

int leave_to_pip(struct resolver *resolver, const char *format, ...)
{
	va_list args;
	int r;

	if (resolver->reason)
		return 0;
	va_start(args, format);
	r = vasprintf(&resolver->reason, format, args);
	va_end(args);
	if (r < 0)
		resolver->reason = NULL;
	return r < 0 ? -ENOMEM : 0;
}

int report(struct resolver *resolver, const struct want *want, bool final, struct error *error)
{
	error_at(error, want->line->file, want->line->line);
	if (final)
		resolver->wrong = true;
	error_list_take(final ? resolver->errors : resolver->missing, error, 0);
	return 0;
}

static const char *const operators[] = {
	[SPECIFIER_COMPATIBLE] = "~=", [SPECIFIER_EQUAL] = "==",      [SPECIFIER_NOT_EQUAL] = "!=",
	[SPECIFIER_AT_MOST] = "<=",    [SPECIFIER_AT_LEAST] = ">=",   [SPECIFIER_LESS] = "<",
	[SPECIFIER_GREATER] = ">",     [SPECIFIER_ARBITRARY] = "===",
};

char *describe_want(const struct want *want)
{
	const struct requirement *requirement = want->requirement;
	struct buffer text = {0};

	buffer_puts(&text, requirement->normalised);
	for (size_t i = 0; i < requirement->specifiers.count; i++) {
		const struct specifier *item = &requirement->specifiers.items[i];

		buffer_printf(&text, "%s%s%s%s", i > 0 ? "," : "", operators[item->comparison],
			      item->arbitrary ? item->arbitrary : item->version.text,
			      item->prefix ? ".*" : "");
	}
	if (want->by)
		buffer_printf(&text, " (required by %s %s)", want->by->name,
			      want->by->chosen->name.version.text);
	else if (want->line->kind == REQUIREMENTS_WHEEL)
		buffer_printf(&text, " @ %s", want->line->value);
	return buffer_take(&text);
}

int report_conflict(struct resolver *resolver, const struct project *project,
		    const struct want *want, const char *version)
{
	_cleanup_free_ char *text = describe_want(want);
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct want *pin = NULL;

	for (size_t i = 0; i < project->count && !pin; i++) {
		const struct want *other = &project->wants[i];

		if (other != want && (specifier_set_pin(&other->requirement->specifiers) ||
				      other->line->kind == REQUIREMENTS_WHEEL))
			pin = other;
	}
	if (!text)
		return -ENOMEM;
	error_set(&error, -EINVAL, "%s is in conflict with %s %s", text, project->name, version);
	if (pin && pin->by)
		error_hint(&error, "%s %s requires that version", pin->by->name,
			   pin->by->chosen->name.version.text);
	else if (pin)
		error_hint(&error, "%s:%u asks for that version", pin->line->file, pin->line->line);
	return report(resolver, want, true, &error);
}

/* Projects. */

static bool is_constraint(const struct want *want)
{
	return !want->by && want->line->constraint;
}

/* The project of that name, made when absent; NULL without memory. */
static struct project *get_project(struct resolver *resolver, const char *name)
{
	struct project **projects, *project;

	for (size_t i = 0; i < resolver->count; i++)
		if (strcmp(resolver->projects[i]->name, name) == 0)
			return resolver->projects[i];
	projects = reallocarray(resolver->projects, resolver->count + 1, sizeof(struct project *));
	if (!projects)
		return NULL;
	resolver->projects = projects;
	project = calloc(1, sizeof(*project));
	if (!project || string_list_add(&project->extras, "", 0) < 0) {
		free(project);
		return NULL;
	}
	project->name = name;
	return projects[resolver->count++] = project;
}

static int add_texts(struct string_list *list, const struct string_list *more)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < more->count; i++)
		if (!string_list_has(list, more->items[i]))
			r = string_list_add(list, more->items[i], strlen(more->items[i]));
	return r;
}

/* Hashes of several lines: what is in all of them, as pip has it. */
static int add_hashes(struct project *project, const struct string_list *hashes)
{
	struct string_list both = {0};
	int r = 0;

	if (hashes->count == 0)
		return 0;
	if (project->hashes.count == 0)
		return add_texts(&project->hashes, hashes);
	for (size_t i = 0; r == 0 && i < hashes->count; i++)
		if (string_list_has(&project->hashes, hashes->items[i]))
			r = string_list_add(&both, hashes->items[i], strlen(hashes->items[i]));
	/* None at all would stand for any. */
	if (r == 0 && both.count == 0)
		r = string_list_add(&both, "sha256:none", strlen("sha256:none"));
	string_list_clear(&project->hashes);
	project->hashes = both;
	return r;
}

/* What was chosen before this was known. */
static int check_late(struct resolver *resolver, struct project *project, const struct want *want)
{
	if (!project->chosen || project_find_misfit(project) != want)
		return 0;
	if (resolver->request->given || project_is_pinned(project))
		return report_conflict(resolver, project, want, project->chosen->name.version.text);
	return leave_to_pip(resolver, "versions of %s must be tried", project->name);
}

static int add_want(struct resolver *resolver, const struct want *want)
{
	struct project *project = get_project(resolver, want->requirement->normalised);
	struct want *wants;
	int r;

	if (!project)
		return -ENOMEM;
	for (size_t i = 0; i < project->count; i++)
		if (project->wants[i].requirement == want->requirement)
			return 0;
	wants = reallocarray(project->wants, project->count + 1, sizeof(*wants));
	if (!wants)
		return -ENOMEM;
	project->wants = wants;
	wants[project->count++] = *want;
	if (!is_constraint(want))
		project->wanted = true;
	r = add_texts(&project->extras, &want->requirement->extras);
	if (r == 0 && !want->by)
		r = add_hashes(project, &want->line->hashes);
	if (r == 0 && want->requirement->url &&
	    (want->by || want->line->kind != REQUIREMENTS_WHEEL) && !resolver->request->given)
		r = leave_to_pip(resolver, "%s is to be had from a URL", project->name);
	return r < 0 ? r : check_late(resolver, project, &wants[project->count - 1]);
}

/* Lines. */

/* Whether the marker of a line holds. */
static int line_applies(struct resolver *resolver, const struct requirements_line *line, bool *out)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct want want = {.line = line};
	int r = requirement_applies(line->requirement, &resolver->request->target->markers, NULL,
				    out, &error);

	if (r == 0 || r == -ENOMEM)
		return r;
	*out = false;
	return report(resolver, &want, true, &error);
}

/* What is asked for, or narrowed, by a requirement. */
static int add_requirement(struct resolver *resolver, const struct requirements_line *line)
{
	struct want want = {.requirement = line->requirement, .line = line};
	const struct resolve_request *request = resolver->request;
	bool applies;
	int r = line_applies(resolver, line, &applies);

	if (r < 0 || !applies)
		return r;
	if (line->kind == REQUIREMENTS_NEEDS_PIP && !request->given)
		return leave_to_pip(resolver, "%s:%u: %s", line->file, line->line, line->value);
	if (line->constraint && line->requirement->extras.count > 0 && !request->given)
		return leave_to_pip(resolver, "%s:%u: a constraint with extras", line->file,
				    line->line);
	if (line->kind == REQUIREMENTS_WHEEL && !request->given)
		r = candidates_add_named(request->candidates, line->value, request->target, NULL);
	return r < 0 ? r : add_want(resolver, &want);
}

static int add_line(struct resolver *resolver, const struct requirements_line *line)
{
	if (line->requirement)
		return add_requirement(resolver, line);
	if (line->kind == REQUIREMENTS_NEEDS_PIP && !resolver->request->given)
		return leave_to_pip(resolver, "%s:%u: %s", line->file, line->line, line->value);
	return 0;
}

/* As pip: when one of them has a hash, all need one, and a version. */
static int check_hashes(struct resolver *resolver, const struct project *project)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	if (!resolver->request->requirements->require_hashes || resolver->request->given)
		return 0;
	if (project->hashes.count == 0)
		error_set(&error, -EINVAL,
			  "%s has no --hash, which all requirements need where one has it",
			  project->name);
	else if (!project_is_pinned(project))
		error_set(&error, -EINVAL, "%s has a --hash, but is not pinned to a version",
			  project->name);
	else
		return 0;
	return report(resolver, &project->wants[project->count - 1], true, &error);
}

/* Rounds. */

/* Adds what the chosen wheel requires for the extras that it was not asked for before. */
static int expand(struct resolver *resolver, struct project *project)
{
	struct marker_environment markers = resolver->request->target->markers;
	const struct wheel_metadata *metadata = project->metadata;
	int r = 0;

	for (; r == 0 && project->expanded < project->extras.count; project->expanded++) {
		const char *extra = project->extras.items[project->expanded];

		markers.values[MARKER_EXTRA] = extra;
		for (size_t i = 0; r == 0 && i < metadata->requires_count; i++) {
			struct want want = {metadata->requires[i], project -> wants[0].line,
					    project};
			_cleanup_error_ struct error error = ERROR_INIT;
			bool applies = !want.requirement->marker;

			if (!applies)
				r = marker_evaluate(want.requirement->marker, &markers, &applies,
						    &error);
			if (r == -EINVAL)
				r = report(resolver, &want, true, &error);
			else if (r == 0 && applies)
				r = add_want(resolver, &want);
		}
	}
	return r;
}

static int do_rounds(struct resolver *resolver)
{
	size_t done = 0;
	bool more = true;
	int r = 0;

	while (r == 0 && more) {
		more = false;
		for (size_t i = 0; r == 0 && i < resolver->count; i++) {
			struct project *project = resolver->projects[i];

			if (!project->wanted || project->chosen || project->failed)
				continue;
			r = check_hashes(resolver, project);
			if (r == 0)
				r = choose(resolver, project);
		}
		done = resolver->count;
		for (size_t i = 0; r == 0 && i < done; i++) {
			struct project *project = resolver->projects[i];

			if (!project->chosen || project->expanded == project->extras.count)
				continue;
			more = true;
			r = expand(resolver, project);
		}
	}
	return r;
}

/* The one that asked for the extra. */
static const struct want *find_asker(const struct project *project, const char *extra)
{
	for (size_t i = 0; i < project->count; i++)
		if (string_list_has(&project->wants[i].requirement->extras, extra))
			return &project->wants[i];
	return &project->wants[0];
}

/* As pip: an extra that is unknown brings nothing, and that is said. */
static int warn_of_extras(const struct project *project, struct string_list *warnings)
{
	int r = 0;

	/* The first stands for what is required in any case. */
	for (size_t i = 1; r == 0 && i < project->extras.count; i++) {
		const char *extra = project->extras.items[i];
		const struct want *want = find_asker(project, extra);
		_cleanup_buffer_ struct buffer text = {0};

		if (string_list_has(&project->metadata->extras, extra))
			continue;
		buffer_printf(&text, "%s:%u: %s %s has no extra '%s'", want->line->file,
			      want->line->line, project->name, project->chosen->name.version.text,
			      extra);
		if (want->by)
			buffer_printf(&text, ", which %s %s requires", want->by->name,
				      want->by->chosen->name.version.text);
		r = buffer_status(&text);
		if (r == 0)
			r = string_list_add(warnings, text.data, text.length);
	}
	return r;
}

static int hand_over(struct resolver *resolver, struct resolution *out)
{
	int r = 0;

	out->items = calloc(resolver->count + 1, sizeof(*out->items));
	if (!out->items)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < resolver->count; i++) {
		struct project *project = resolver->projects[i];
		struct resolved *item = &out->items[out->count];

		if (!project->chosen)
			continue;
		*item = (struct resolved){
			.candidate = project->chosen,
			.file = project->wants[0].line->file,
			.line = project->wants[0].line->line,
		};
		out->count++;
		r = warn_of_extras(project, &out->warnings);
	}
	return r;
}

static void free_projects(struct resolver *resolver)
{
	for (size_t i = 0; i < resolver->count; i++) {
		struct project *project = resolver->projects[i];

		free(project->wants);
		string_list_clear(&project->extras);
		string_list_clear(&project->hashes);
		free(project);
	}
	free(resolver->projects);
}

void resolution_clear(struct resolution *resolution)
{
	free(resolution->items);
	string_list_clear(&resolution->warnings);
	free(resolution->reason);
	*resolution = (struct resolution){0};
}

int resolve(const struct resolve_request *request, struct resolution *out,
	    struct error_list *errors, struct error_list *missing)
{
	const struct requirements *requirements = request->requirements;
	struct resolver resolver = {.request = request, .errors = errors, .missing = missing};
	int r = 0;

	*out = (struct resolution){0};
	for (size_t i = 0; r == 0 && i < requirements->count; i++)
		r = add_line(&resolver, &requirements->lines[i]);
	if (r == 0)
		r = do_rounds(&resolver);
	if (r == 0 && resolver.wrong)
		r = -EINVAL;
	out->reason = TAKE_PTR(resolver.reason);
	if (r == 0)
		r = out->reason ? 1 : hand_over(&resolver, out);
	free_projects(&resolver);
	return r;
}
