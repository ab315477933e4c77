/*
 * Any bytes as a version, as version specifiers, as a marker, as a requirement, as a requirements
 * file and as the name of a wheel.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "venvfs/cleanup.h"
#include "venvfs/marker.h"
#include "venvfs/project_name.h"
#include "venvfs/requirement.h"
#include "venvfs/requirements_file.h"
#include "venvfs/specifier.h"
#include "venvfs/version.h"
#include "venvfs/wheel_tags.h"

static const struct marker_environment environment = {
	.values = {
		[MARKER_OS_NAME] = "posix",
		[MARKER_SYS_PLATFORM] = "linux",
		[MARKER_PYTHON_VERSION] = "3.11",
		[MARKER_PYTHON_FULL_VERSION] = "3.11.7",
		[MARKER_EXTRA] = "test",
		[MARKER_EXTRAS] = "test,docs",
	}};

/* Normalising a normalised version changes nothing. */
static void try_version(const char *text, size_t length)
{
	_cleanup_version_ struct version version = {0}, again = {0};
	int r = version_parse(text, length, &version);

	require(r == 0 || r == -EINVAL);
	if (r < 0)
		return;
	require(version_parse(version.text, strlen(version.text), &again) == 0);
	require(strcmp(version.text, again.text) == 0);
	require(version_compare(&version, &again) == 0);
	require(version_release_count(&version) > 0);
}

static void try_specifiers(const char *text, size_t length)
{
	_cleanup_specifier_set_ struct specifier_set set = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct version *pin;
	int r = specifier_set_parse(text, length, &set, &error);

	require_answer(r, -EINVAL, &error);
	pin = r == 0 ? specifier_set_pin(&set) : NULL;
	require(!pin || specifier_set_contains(&set, pin) || set.items[0].arbitrary);
	for (size_t i = 0; i < set.count; i++) {
		if (set.items[i].version.text)
			specifier_set_contains(&set, &set.items[i].version);
	}
}

/* A marker that can be evaluated is one; the other way round it may compare what it cannot. */
static void try_marker(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	bool value;
	int checked = marker_check(text, &error), r;

	require_answer(checked, -EINVAL, &error);
	r = marker_evaluate(text, &environment, &value, &error);
	require_answer(r, -EINVAL, &error);
	require(r < 0 || checked == 0);
}

static void try_requirement(const char *text, size_t length)
{
	_cleanup_requirement_ struct requirement *requirement = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	bool applies;
	int r = requirement_parse(text, length, &requirement, &error);

	require_answer(r, -EINVAL, &error);
	require((r == 0) == (requirement != NULL));
	if (r < 0)
		return;
	require(project_name_is_valid(requirement->name, strlen(requirement->name)));
	require(!requirement->url || requirement->specifiers.count == 0);
	r = requirement_applies(requirement, &environment, &requirement->extras, &applies, &error);
	require_answer(r, -EINVAL, &error);
}

static void require_line(const struct requirements_line *line)
{
	require(line->text && line->line > 0 && line->file);
	switch (line->kind) {
	case REQUIREMENTS_NAMED:
		require(line->requirement != NULL);
		break;
	case REQUIREMENTS_WHEEL:
		require(line->requirement && line->value[0] == '/');
		break;
	case REQUIREMENTS_FILE:
	case REQUIREMENTS_CONSTRAINTS:
		require(line->value[0] == '/');
		break;
	case REQUIREMENTS_FIND_LINKS:
	case REQUIREMENTS_OPTION:
	case REQUIREMENTS_NEEDS_PIP:
		require(line->value != NULL);
		break;
	}
}

static void try_requirements(const char *text, size_t length)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	_cleanup_error_list_ struct error_list errors = {0};
	int r = requirements_parse("/srv/requirements.txt", text, length, &requirements, &errors);

	require(r == 0 || r == -EINVAL);
	require((r == 0) == (errors.count == 0) && (r == 0) == (requirements != NULL));
	for (size_t i = 0; requirements && i < requirements->count; i++)
		require_line(&requirements->lines[i]);
	for (size_t i = 0; i < errors.count; i++)
		require(errors.items[i].message && errors.items[i].line > 0);
}

static void try_wheel_name(const char *text)
{
	_cleanup_wheel_name_ struct wheel_name name = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_wheel_tags_ struct wheel_tags *tags = NULL;
	int r = wheel_name_parse(text, &name, &error);

	require_answer(r, -EINVAL, &error);
	if (wheel_tags_new(text, &tags) == 0 && r == 0)
		require(wheel_tags_rank(tags, &name) >= -ENOENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);

	require(text != NULL);
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	/* Not what the machine's user happens to have. */
	setenv("HOME", "/home/ann", 1);
	try_version(text, size);
	try_specifiers(text, size);
	try_marker(text);
	try_requirement(text, size);
	try_requirements(text, size);
	try_wheel_name(text);
	return 0;
}
