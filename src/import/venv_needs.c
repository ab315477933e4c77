/*
 * What the packages that were taken over require. Markers are evaluated with what is known of the
 * interpreter and of this host, without running anything.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "venv.h"
#include "venvfs/cleanup.h"
#include "venvfs/marker.h"
#include "venvfs/requirement.h"

static int add_texts(struct string_list *list, const struct string_list *more)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < more->count; i++)
		r = string_list_add(list, more->items[i], strlen(more->items[i]));
	return r;
}

int venv_need_add(struct venv_needs *needs, const struct venv_dist *dist)
{
	struct venv_need *items = reallocarray(needs->items, needs->count + 1, sizeof(*items));
	struct venv_need *need;

	if (!items)
		return -ENOMEM;
	needs->items = items;
	need = &items[needs->count++];
	*need = (struct venv_need){.name = strdup(dist->normalised),
				   .version = strdup(dist->version)};
	if (!need->name || !need->version)
		return -ENOMEM;
	return add_texts(&need->requires, &dist->requires);
}

void venv_needs_clear(struct venv_needs *needs)
{
	for (size_t i = 0; i < needs->count; i++) {
		free(needs->items[i].name);
		free(needs->items[i].version);
		string_list_clear(&needs->items[i].requires);
		string_list_clear(&needs->items[i].extras);
	}
	free(needs->items);
}

void venv_unmet_clear(struct venv_unmet *unmet)
{
	free(unmet->by);
	free(unmet->version);
	free(unmet->requirement);
	free(unmet->name);
}

/* Markers. */

struct markers {
	struct marker_environment environment;
	struct utsname host;
	char python[32];
};

static void set_markers(const struct interpreter *python, struct markers *out)
{
	const char **values = out->environment.values;

	*out = (struct markers){0};
	if (uname(&out->host) == 0) {
		values[MARKER_PLATFORM_MACHINE] = out->host.machine;
		values[MARKER_PLATFORM_RELEASE] = out->host.release;
		values[MARKER_PLATFORM_SYSTEM] = out->host.sysname;
		values[MARKER_PLATFORM_VERSION] = out->host.version;
	}
	snprintf(out->python, sizeof(out->python), "%d.%d", python->major, python->minor);
	values[MARKER_OS_NAME] = "posix";
	values[MARKER_SYS_PLATFORM] = "linux";
	values[MARKER_PLATFORM_PYTHON_IMPLEMENTATION] = "CPython";
	values[MARKER_PYTHON_VERSION] = out->python;
	values[MARKER_PYTHON_FULL_VERSION] = python->version;
	values[MARKER_IMPLEMENTATION_NAME] = "cpython";
	values[MARKER_IMPLEMENTATION_VERSION] = python->version;
}

/* Requirements. */

struct search {
	const struct markers *markers;
	struct venv_needs *needs;
	const struct venv_lefts *lefts;
	struct venv_import_result *result;
	bool base_brings; /* what is not there may come from the base interpreter */
	bool more;        /* extras were asked for that were not known before */
};

static struct venv_need *find_need(const struct venv_needs *needs, const char *name)
{
	for (size_t i = 0; i < needs->count; i++)
		if (strcmp(needs->items[i].name, name) == 0)
			return &needs->items[i];
	return NULL;
}

typedef int requirement_fn(struct search *search, const struct venv_need *by, const char *text,
			   const struct requirement *requirement);

static int ask_for_extras(struct search *search, const struct venv_need *by, const char *text,
			  const struct requirement *requirement)
{
	struct venv_need *need = find_need(search->needs, requirement->normalised);
	int r = 0;

	(void)by;
	(void)text;
	for (size_t i = 0; r == 0 && need && i < requirement->extras.count; i++) {
		const char *extra = requirement->extras.items[i];

		if (string_list_has(&need->extras, extra))
			continue;
		search->more = true;
		r = string_list_add(&need->extras, extra, strlen(extra));
	}
	return r;
}

static int note_unmet(struct search *search, const struct venv_need *by, const char *text,
		      const struct requirement *requirement)
{
	bool lost = venv_left_find(search->lefts, requirement->normalised) != NULL;
	struct venv_import_result *result = search->result;
	struct venv_unmet *list, *unmet;
	size_t length = strcspn(text, ";");

	if (find_need(search->needs, requirement->normalised) || (!lost && search->base_brings))
		return 0;
	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	list = reallocarray(result->unmet, result->unmet_count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	result->unmet = list;
	unmet = &list[result->unmet_count++];
	*unmet = (struct venv_unmet){.by = strdup(by->name),
				     .version = strdup(by->version),
				     .requirement = strndup(text, length),
				     .name = strdup(requirement->normalised),
				     .lost = lost};
	return unmet->by && unmet->version && unmet->requirement && unmet->name ? 0 : -ENOMEM;
}

/* Calls @fn for all that counts here of what a package requires. */
static int each_requirement(struct search *search, const struct venv_need *need, requirement_fn *fn)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < need->requires.count; i++) {
		_cleanup_requirement_ struct requirement *requirement = NULL;
		const char *text = need->requires.items[i];
		bool applies = false;

		r = requirement_parse(text, strlen(text), &requirement, NULL);
		if (r == 0)
			r = requirement_applies(requirement, &search->markers->environment,
						&need->extras, &applies, NULL);
		if (r == 0 && applies)
			r = fn(search, need, text, requirement);
		if (r == -EINVAL)
			r = 0;
	}
	return r;
}

int venv_find_unmet(const struct venv *venv, struct venv_needs *needs,
		    const struct venv_lefts *lefts, struct venv_import_result *result)
{
	struct markers markers;
	struct search search = {.markers = &markers,
				.needs = needs,
				.lefts = lefts,
				.result = result,
				.base_brings = venv->system_site_packages};
	int r = 0;

	set_markers(venv->interpreter, &markers);
	do {
		search.more = false;
		for (size_t i = 0; r == 0 && i < needs->count; i++)
			r = each_requirement(&search, &needs->items[i], ask_for_extras);
	} while (r == 0 && search.more);
	for (size_t i = 0; r == 0 && i < needs->count; i++)
		r = each_requirement(&search, &needs->items[i], note_unmet);
	return r;
}

void venv_unmet_forget_copied(const struct venv_lefts *lefts, struct venv_import_result *result)
{
	size_t kept = 0;

	for (size_t i = 0; i < result->unmet_count; i++) {
		struct venv_unmet *unmet = &result->unmet[i];
		const struct venv_left *left = venv_left_find(lefts, unmet->name);

		if (left && result->findings[left->finding].copied)
			venv_unmet_clear(unmet);
		else
			result->unmet[kept++] = *unmet;
	}
	result->unmet_count = kept;
}
