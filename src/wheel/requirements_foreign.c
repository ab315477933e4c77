/* One look at the first line that says anything: hundreds of lines that are no requirements would
 * be as many errors, and none of them would say what is wrong. */
#include "requirements_foreign.h"

#include <errno.h>
#include <stdbool.h>

#include "venvfs/path.h"
#include "text.h"

enum format {
	FORMAT_OWN, /* may be requirements */
	FORMAT_TOML,
	FORMAT_INI,
	FORMAT_JSON,
	FORMAT_YAML,
};

static const struct {
	const char *name, *hint;
} formats[] = {
	[FORMAT_TOML] =
		{"TOML",
		 "a lock in TOML must be called pylock.toml or pylock.NAME.toml; 'uv export "
		 "-o pylock.toml' or 'uv export -o requirements.txt' makes one of a "
		 "project"},
	[FORMAT_INI] = {"TOML or INI",
			"a requirements file has a requirement a line, like 'name==1.0'; a lock in "
			"TOML must be called pylock.toml or pylock.NAME.toml"},
	[FORMAT_JSON] = {"JSON",
			 "a requirements file has a requirement a line, like 'name==1.0'; for "
			 "Pipfile.lock 'pipenv requirements' writes one"},
	[FORMAT_YAML] = {"YAML", "of a conda environment, only what stands below 'pip:' is for "
				 "requirements files, one a line"},
};

/* The first line with more than white space and a comment, in *line; its number, or 0. */
static unsigned find_first(const char *text, size_t left, const char **line, size_t *length)
{
	unsigned number = 0;

	while (text_next_line(&text, &left, line, length)) {
		number++;
		text_trim(line, length);
		if (*length > 0 && (*line)[0] != '#')
			return number;
	}
	return 0;
}

static bool has_table(const char *text, size_t left)
{
	const char *line;
	size_t length;

	while (text_next_line(&text, &left, &line, &length))
		if (length > 0 && line[0] == '[')
			return true;
	return false;
}

/* The length of what TOML and YAML take for a key without quotes; what begins with a dash is an
 * option of pip's. */
static size_t key_length(const char *line, size_t length)
{
	size_t end = 0;

	if (line[0] == '-')
		return 0;
	while (end < length && (ascii_is_alnum(line[end]) || memchr("_-.", line[end], 3)))
		end++;
	return end;
}

/* "key = value". "name=1.0", a pin with a slip in it, is one only in a file that has tables. */
static bool is_toml_entry(const char *line, size_t length, bool tables)
{
	size_t at = key_length(line, length);
	bool keyed = at > 0;

	while (at < length && ascii_is_space(line[at]))
		at++;
	if (!keyed || at == length || line[at++] != '=')
		return false;
	while (at < length && ascii_is_space(line[at]))
		at++;
	return at < length && line[at] != '=' && (memchr("\"'[{", line[at], 4) || tables);
}

/* "key:", "key: value", and the line that begins a document. */
static bool is_yaml(const char *line, size_t length)
{
	size_t at = key_length(line, length);

	if (text_equals(line, length, "---"))
		return true;
	return at > 0 && at < length && line[at] == ':' &&
	       (at + 1 == length || ascii_is_space(line[at + 1]));
}

static bool is_named_toml(const char *path)
{
	const char *name = path_basename(path);
	size_t length = strlen(name);

	return text_ends_with(name, length, ".toml") || text_ends_with(name, length, ".lock") ||
	       strcmp(name, "Pipfile") == 0;
}

static enum format find_format(const char *path, const char *line, size_t length, bool tables)
{
	if (line[0] == '{')
		return FORMAT_JSON;
	if (line[0] == '[')
		return text_starts_with(line, length, "[[") || is_named_toml(path) ? FORMAT_TOML
										   : FORMAT_INI;
	if (is_toml_entry(line, length, tables))
		return FORMAT_TOML;
	return is_yaml(line, length) ? FORMAT_YAML : FORMAT_OWN;
}

int requirements_check_foreign(const char *path, const char *text, size_t length,
			       struct error *error)
{
	const char *line;
	size_t line_length;
	unsigned number = find_first(text, length, &line, &line_length);
	enum format format = number > 0
				     ? find_format(path, line, line_length, has_table(text, length))
				     : FORMAT_OWN;

	if (format == FORMAT_OWN)
		return 0;
	error_at(error, path, number);
	error_hint(error, "%s", formats[format].hint);
	return error_set(error, -EINVAL, "this is no requirements file, but %s",
			 formats[format].name);
}
