#include "venvfs/wheel_metadata.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/project_name.h"
#include "header_fields.h"
#include "text.h"
#include "warnings.h"

#define REQUIRES_MAX 10000

struct reader {
	struct wheel_metadata *metadata;
	char *metadata_version;
	struct string_list *warnings;
	struct error *error;
};

/* Stores a value that may stand there once. */
static int set_once(struct reader *reader, const char *field, const struct buffer *value,
		    char **slot)
{
	if (*slot)
		return error_set(reader->error, -EINVAL, "METADATA has two fields '%s'", field);
	*slot = strndup(value->data, value->length);
	return *slot ? 0 : -ENOMEM;
}

static int read_metadata_version(struct reader *reader, const struct buffer *value)
{
	/* The minor number may grow: what is added then does not change what is read here. */
	if (!text_starts_with(value->data, value->length, "1.") &&
	    !text_starts_with(value->data, value->length, "2."))
		return error_set(reader->error, -EINVAL,
				 "'%s' is a Metadata-Version not known here",
				 QUOTE_TEXT(value->data, value->length));
	return set_once(reader, "Metadata-Version", value, &reader->metadata_version);
}

static int read_name(struct reader *reader, const struct buffer *value)
{
	if (!project_name_is_valid(value->data, value->length))
		return error_set(reader->error, -EINVAL, "'%s' in METADATA is no name of a project",
				 QUOTE_TEXT(value->data, value->length));
	return set_once(reader, "Name", value, &reader->metadata->name);
}

static int read_version(struct reader *reader, const struct buffer *value)
{
	int r;

	if (reader->metadata->version.text)
		return error_set(reader->error, -EINVAL, "METADATA has two fields 'Version'");
	r = version_parse(value->data, value->length, &reader->metadata->version);
	if (r == -EINVAL)
		return error_set(reader->error, r, "'%s' in METADATA is no version (PEP 440)",
				 QUOTE_TEXT(value->data, value->length));
	return r;
}

/* As pip has it, one that cannot be read does not count. ">=3.6.*" is common in old wheels. */
static int read_requires_python(struct reader *reader, const struct buffer *value)
{
	struct wheel_metadata *metadata = reader->metadata;
	int r;

	if (metadata->requires_python || metadata->pythons.count > 0)
		return error_set(reader->error, -EINVAL,
				 "METADATA has two fields 'Requires-Python'");
	r = specifier_set_parse(value->data, value->length, &metadata->pythons, NULL);
	if (r == -EINVAL)
		return add_warning(reader->warnings,
				   "'Requires-Python: %s' is no version specifier and does not "
				   "count",
				   QUOTE_TEXT(value->data, value->length));
	return r < 0 ? r : set_once(reader, "Requires-Python", value, &metadata->requires_python);
}

static int read_requires_dist(struct reader *reader, const struct buffer *value)
{
	struct wheel_metadata *metadata = reader->metadata;
	struct requirement **requires;

	if (metadata->requires_count == REQUIRES_MAX)
		return error_set(reader->error, -EINVAL, "METADATA has more than %d requirements",
				 REQUIRES_MAX);
	requires = reallocarray(metadata->requires, metadata->requires_count + 1,
				sizeof(*metadata->requires));
	if (!requires)
		return -ENOMEM;
	metadata->requires = requires;
	return requirement_parse(value->data, value->length, &requires[metadata->requires_count],
				 reader -> error);
}

static int read_extra(struct reader *reader, const struct buffer *value)
{
	_cleanup_free_ char *normalised = NULL;

	if (!project_name_is_valid(value->data, value->length))
		return add_warning(reader->warnings,
				   "'Provides-Extra: %s' is no name of an extra and does not count",
				   QUOTE_TEXT(value->data, value->length));
	normalised = project_name_normalise(value->data, value->length);
	if (!normalised)
		return -ENOMEM;
	return string_list_add(&reader->metadata->extras, normalised, strlen(normalised));
}

/* A summary is for people alone: one that should not be shown is none. */
static int read_summary(struct reader *reader, const struct buffer *value)
{
	if (reader->metadata->summary || value->length == 0 ||
	    text_has_control(value->data, value->length) ||
	    !text_is_utf8(value->data, value->length))
		return 0;
	return set_once(reader, "Summary", value, &reader->metadata->summary);
}

static int read_field(struct reader *reader, const struct header_field *field)
{
	static const struct {
		const char *name;
		int (*read)(struct reader *reader, const struct buffer *value);
	} fields[] = {
		{"Metadata-Version", read_metadata_version},
		{"Name", read_name},
		{"Version", read_version},
		{"Summary", read_summary},
		{"Requires-Python", read_requires_python},
		{"Provides-Extra", read_extra},
	};
	int r;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (header_is(field, fields[i].name))
			return fields[i].read(reader, &field->value);
	}
	if (!header_is(field, "Requires-Dist"))
		return 0;
	r = read_requires_dist(reader, &field->value);
	if (r == 0)
		reader->metadata->requires_count++;
	return r;
}

static int check_complete(const struct reader *reader)
{
	const char *missing = NULL;

	if (!reader->metadata_version)
		missing = "Metadata-Version";
	else if (!reader->metadata->name)
		missing = "Name";
	else if (!reader->metadata->version.text)
		missing = "Version";
	if (!missing)
		return 0;
	return error_set(reader->error, -EINVAL, "METADATA has no field '%s'", missing);
}

int wheel_metadata_parse(const char *text, size_t length, struct wheel_metadata *out,
			 struct string_list *warnings, struct error *error)
{
	_cleanup_wheel_metadata_ struct wheel_metadata metadata = {0};
	_cleanup_free_ char *metadata_version = NULL;
	struct reader reader = {.metadata = &metadata, .warnings = warnings, .error = error};
	struct header_field field = {0};
	int r = 0;

	if (text_starts_with(text, length, "\xef\xbb\xbf")) {
		text += 3;
		length -= 3;
	}
	while (r == 0 && header_next(&text, &length, &field))
		r = read_field(&reader, &field);
	if (r == 0)
		r = buffer_status(&field.value);
	buffer_free(&field.value);
	metadata_version = reader.metadata_version;
	if (r == 0)
		r = check_complete(&reader);
	if (r < 0)
		return r;
	*out = metadata;
	metadata = (struct wheel_metadata){0};
	return 0;
}

int wheel_field_values(const char *text, size_t length, const char *name, struct string_list *out)
{
	struct header_field field = {0};
	int r = 0;

	while (r == 0 && header_next(&text, &length, &field))
		if (header_is(&field, name))
			r = string_list_add(out, field.value.data ? field.value.data : "",
					    field.value.length);
	if (r == 0)
		r = buffer_status(&field.value);
	buffer_free(&field.value);
	return r;
}

void wheel_metadata_clear(struct wheel_metadata *metadata)
{
	free(metadata->name);
	version_clear(&metadata->version);
	free(metadata->summary);
	free(metadata->requires_python);
	specifier_set_clear(&metadata->pythons);
	for (size_t i = 0; i < metadata->requires_count; i++)
		requirement_free(metadata->requires[i]);
	free(metadata->requires);
	string_list_clear(&metadata->extras);
	*metadata = (struct wheel_metadata){0};
}
