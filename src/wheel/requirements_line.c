#include "requirements_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/wheel_tags.h"
#include "file_url.h"
#include "text.h"

enum action {
	ACTION_FILE,
	ACTION_CONSTRAINTS,
	ACTION_FIND_LINKS,
	ACTION_HASH,
	ACTION_REQUIRE_HASHES,
	ACTION_NO_INDEX,
	ACTION_PRE,
	ACTION_OPTION, /* pip's own affair: where and how to look on an index */
	ACTION_EDITABLE,
	ACTION_BUILD,    /* about building from source */
	ACTION_RELEASES, /* which releases are looked at, in ways that only pip knows */
};

/* All that pip takes in such files (the reference "Requirements File Format"). */
static const struct option {
	const char *name;
	bool has_value;
	enum action action;
} options[] = {
	{"-r", true, ACTION_FILE},
	{"--requirement", true, ACTION_FILE},
	{"-c", true, ACTION_CONSTRAINTS},
	{"--constraint", true, ACTION_CONSTRAINTS},
	{"-f", true, ACTION_FIND_LINKS},
	{"--find-links", true, ACTION_FIND_LINKS},
	{"--hash", true, ACTION_HASH},
	{"--require-hashes", false, ACTION_REQUIRE_HASHES},
	{"--no-index", false, ACTION_NO_INDEX},
	{"--pre", false, ACTION_PRE},
	{"-i", true, ACTION_OPTION},
	{"--index-url", true, ACTION_OPTION},
	{"--pypi-url", true, ACTION_OPTION},
	{"--extra-index-url", true, ACTION_OPTION},
	{"--trusted-host", true, ACTION_OPTION},
	{"--use-feature", true, ACTION_OPTION},
	{"--only-binary", true, ACTION_OPTION},
	{"--prefer-binary", false, ACTION_OPTION},
	{"--no-require-hashes", false, ACTION_OPTION},
	{"-e", true, ACTION_EDITABLE},
	{"--editable", true, ACTION_EDITABLE},
	{"--no-binary", true, ACTION_BUILD},
	{"-C", true, ACTION_BUILD},
	{"--config-settings", true, ACTION_BUILD},
	{"--config-setting", true, ACTION_BUILD},
	{"--global-option", true, ACTION_BUILD},
	{"--install-option", true, ACTION_BUILD},
	{"--all-releases", true, ACTION_RELEASES},
	{"--only-final", true, ACTION_RELEASES},
};

/* What is being made of one logical line. */
struct line_reader {
	struct requirements *requirements;
	const struct requirements_place *place;
	const char *text;
	size_t first; /* the first entry that this line has made */
	struct error *error;
};

void requirements_line_clear(struct requirements_line *line)
{
	free(line->text);
	requirement_free(line->requirement);
	free(line->value);
	string_list_clear(&line->hashes);
}

/* A new entry at the end, or NULL without memory. @value is copied; it may be NULL. */
static struct requirements_line *add(struct line_reader *reader, enum requirements_kind kind,
				     const char *value)
{
	struct requirements *requirements = reader->requirements;
	struct requirements_line *lines, *line;

	lines = reallocarray(requirements->lines, requirements->count + 1, sizeof(*lines));
	if (!lines)
		return NULL;
	requirements->lines = lines;
	line = &lines[requirements->count++];
	*line = (struct requirements_line){
		.kind = kind,
		.file = reader->place->file,
		.line = reader->place->line,
		.constraint = reader->place->constraint,
		.text = strdup(reader->text),
		.value = value ? strdup(value) : NULL,
	};
	return line->text && (line->value || !value) ? line : NULL;
}

static int needs_pip(struct line_reader *reader, const char *reason)
{
	return add(reader, REQUIREMENTS_NEEDS_PIP, reason) ? 0 : -ENOMEM;
}

/* "https:", "git+ssh:" */
static bool has_scheme(const char *text)
{
	size_t length = 0;

	while (ascii_is_alnum(text[length]) || (text[length] && strchr("+-.", text[length])))
		length++;
	return length > 1 && ascii_is_alpha(text[0]) && text[length] == ':';
}

/* An absolute path in *out from a path, or from a file: URL. */
static int resolve(struct line_reader *reader, const char *text, char **out)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (!file_url_is(text))
		return path_expand(text, reader->place->directory, out);
	r = file_url_to_path(text, &path, reader->error);
	return r < 0 ? r : path_absolute(path, reader->place->directory, out);
}

/* Appends "sha256:HEX" to @hashes. */
static int add_hash(struct line_reader *reader, const char *text, struct string_list *hashes)
{
	static const struct {
		const char *name;
		size_t digits;
	} algorithms[] = {{"sha256", 64}, {"sha384", 96}, {"sha512", 128}};
	size_t name_length = strcspn(text, ":="), digits = 0;
	_cleanup_free_ char *lower = strdup(text);
	int r;

	if (!lower)
		return -ENOMEM;
	for (char *p = lower; *p; p++)
		*p = ascii_to_lower(*p);
	while (text[name_length] && ascii_hex_value(text[name_length + 1 + digits]) >= 0)
		digits++;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (!text_equals(lower, name_length, algorithms[i].name) ||
		    digits != algorithms[i].digits || text[name_length + 1 + digits] != '\0')
			continue;
		lower[name_length] = ':';
		r = string_list_add(hashes, lower, strlen(lower));
		if (r == 0)
			reader->requirements->require_hashes = true;
		return r;
	}
	return error_set(reader->error, -EINVAL,
			 "'%s' is not a hash: sha256, sha384 or sha512, a colon, and the digest",
			 QUOTE(text));
}

/* "#sha256=HEX" at the end of a URL is a hash like those of --hash; other words there ("egg=")
 * mean nothing for a wheel. */
static int add_fragment_hashes(struct line_reader *reader, const char *url,
			       struct string_list *hashes)
{
	const char *rest = strchr(url, '#');
	int r = 0;

	while (r == 0 && rest && *rest) {
		size_t length = strcspn(++rest, "&");
		_cleanup_free_ char *word = strndup(rest, length);

		if (!word)
			return -ENOMEM;
		if (strncmp(word, "sha", 3) == 0 || strncmp(word, "md5", 3) == 0)
			r = add_hash(reader, word, hashes);
		rest += length;
	}
	return r;
}

/* A wheel on this machine: by path or file: URL, and with the name, extras and marker that
 * @requirement has, which is taken over. */
static int add_wheel(struct line_reader *reader, const char *location,
		     struct requirement *requirement)
{
	_cleanup_requirement_ struct requirement *owned = requirement;
	_cleanup_wheel_name_ struct wheel_name name = {0};
	_cleanup_free_ char *path = NULL;
	struct requirements_line *line;
	int r;

	r = resolve(reader, location, &path);
	if (r == 0)
		r = wheel_name_parse(path_basename(path), &name, reader->error);
	if (r < 0)
		return r;
	if (strcmp(name.normalised, owned->normalised) != 0)
		return error_set(reader->error, -EINVAL, "'%s' is a wheel of '%s', not of '%s'",
				 QUOTE(location), name.normalised, owned->normalised);
	line = add(reader, REQUIREMENTS_WHEEL, path);
	if (!line)
		return -ENOMEM;
	line->requirement = TAKE_PTR(owned);
	return file_url_is(location) ? add_fragment_hashes(reader, location, &line->hashes) : 0;
}

/* "./foo-1.0-py3-none-any.whl[extra] ; marker": a requirement whose name is in the file name. */
static int add_path(struct line_reader *reader, const char *text)
{
	const char *semicolon = strchr(text, ';');
	size_t length = semicolon ? (size_t)(semicolon - text) : strlen(text), extras = 0;
	_cleanup_requirement_ struct requirement *requirement = NULL;
	_cleanup_wheel_name_ struct wheel_name name = {0};
	_cleanup_buffer_ struct buffer named = {0};
	_cleanup_free_ char *location = NULL, *path = NULL;
	int r;

	text_trim(&text, &length);
	if (length > 0 && text[length - 1] == ']') {
		while (extras < length && text[length - 1 - extras] != '[')
			extras++;
		extras++;
	}
	location = strndup(text, extras < length ? length - extras : length);
	if (!location)
		return -ENOMEM;
	r = resolve(reader, location, &path);
	if (r < 0)
		return r;
	if (!text_ends_with(path, strlen(path), ".whl"))
		return needs_pip(reader, "a source archive or a directory");
	r = wheel_name_parse(path_basename(path), &name, reader->error);
	if (r < 0)
		return r;
	buffer_puts(&named, name.name);
	buffer_append(&named, text + strlen(location), extras < length ? extras : 0);
	buffer_puts(&named, semicolon ? semicolon : "");
	r = buffer_status(&named);
	if (r == 0)
		r = requirement_parse(named.data, named.length, &requirement, reader->error);
	return r < 0 ? r : add_wheel(reader, location, TAKE_PTR(requirement));
}

/* "name", "name>=1", "name @ URL" */
static int add_requirement(struct line_reader *reader, const char *text)
{
	_cleanup_requirement_ struct requirement *requirement = NULL;
	struct requirements_line *line;
	const char *url;
	int r;

	r = requirement_parse(text, strlen(text), &requirement, reader->error);
	if (r < 0)
		return r;
	url = requirement->url;
	if (url && file_url_is(url) && text_ends_with(url, strcspn(url, "#"), ".whl"))
		return add_wheel(reader, url, TAKE_PTR(requirement));
	line = url ? add(reader, REQUIREMENTS_NEEDS_PIP, "a URL to fetch or to build")
		   : add(reader, REQUIREMENTS_NAMED, NULL);
	if (!line)
		return -ENOMEM;
	line->requirement = TAKE_PTR(requirement);
	return 0;
}

static bool looks_like_path(const char *text)
{
	static const char *const archives[] = {".whl",    ".zip", ".tar.gz", ".tar.bz2",
					       ".tar.xz", ".tgz", ".tar"};
	size_t length = strcspn(text, " \t;[@");

	if (text[0] == '.' || text[0] == '~')
		return true;
	for (size_t i = 0; i < sizeof(archives) / sizeof(archives[0]); i++) {
		if (text_ends_with(text, length, archives[i]))
			return true;
	}
	return memchr(text, '/', length) != NULL;
}

static int add_subject(struct line_reader *reader, const char *text)
{
	if (file_url_is(text))
		return add_path(reader, text);
	if (has_scheme(text))
		return needs_pip(reader, "a URL to fetch or to build");
	if (looks_like_path(text))
		return add_path(reader, text);
	return add_requirement(reader, text);
}

/* --hash belongs to the requirement that the line began with. */
static int apply_hash(struct line_reader *reader, const char *value)
{
	struct requirements_line *line;

	if (reader->first == reader->requirements->count)
		return error_set(reader->error, -EINVAL, "'--hash' follows no requirement");
	line = &reader->requirements->lines[reader->first];
	return add_hash(reader, value, &line->hashes);
}

/* -r, -c, -f: a path that counts from this file. What has to be fetched is for pip. */
static int apply_path(struct line_reader *reader, enum requirements_kind kind, const char *value)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (has_scheme(value) && !file_url_is(value)) {
		if (kind != REQUIREMENTS_FIND_LINKS)
			return needs_pip(reader, "a requirements file to fetch");
		return add(reader, kind, value) ? 0 : -ENOMEM;
	}
	r = resolve(reader, value, &path);
	if (r < 0)
		return r;
	return add(reader, kind, path) ? 0 : -ENOMEM;
}

static int add_editable(struct line_reader *reader)
{
	int r = needs_pip(reader, "an editable install");

	if (r == 0)
		reader->requirements->lines[reader->requirements->count - 1].editable = true;
	return r;
}

static int apply(struct line_reader *reader, const struct option *option, const char *value)
{
	struct requirements *requirements = reader->requirements;

	switch (option->action) {
	case ACTION_FILE:
		return apply_path(reader, REQUIREMENTS_FILE, value);
	case ACTION_CONSTRAINTS:
		return apply_path(reader, REQUIREMENTS_CONSTRAINTS, value);
	case ACTION_FIND_LINKS:
		return apply_path(reader, REQUIREMENTS_FIND_LINKS, value);
	case ACTION_HASH:
		return apply_hash(reader, value);
	case ACTION_REQUIRE_HASHES:
		requirements->require_hashes = true;
		return 0;
	case ACTION_NO_INDEX:
		requirements->no_index = true;
		break;
	case ACTION_PRE:
		requirements->pre = true;
		break;
	case ACTION_OPTION:
		break;
	case ACTION_EDITABLE:
		return add_editable(reader);
	case ACTION_BUILD:
		return needs_pip(reader, "a build from source");
	case ACTION_RELEASES:
		return needs_pip(reader, "a choice of releases");
	}
	return add(reader, REQUIREMENTS_OPTION, option->name) ? 0 : -ENOMEM;
}

/* The words of @text as a POSIX shell would split them, without expanding anything. */
static int split_words(const char *text, struct string_list *words, struct error *error)
{
	while (*text) {
		_cleanup_buffer_ struct buffer word = {0};
		char quote = '\0';
		int r;

		if (*text == ' ' || *text == '\t') {
			text++;
			continue;
		}
		for (; *text && (quote || (*text != ' ' && *text != '\t')); text++) {
			if (*text == '\\' && quote != '\'' && text[1])
				buffer_putc(&word, *++text);
			else if (*text == quote)
				quote = '\0';
			else if (!quote && (*text == '"' || *text == '\''))
				quote = *text;
			else
				buffer_putc(&word, *text);
		}
		if (quote)
			return error_set(error, -EINVAL, "a quote is not closed");
		r = buffer_status(&word);
		if (r == 0)
			r = string_list_add(words, word.data ? word.data : "", word.length);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The option that @word is, with *value behind "=" or, after a short one, without a gap; NULL when
 * the value is the next word. */
static const struct option *find_option(const char *word, const char **value)
{
	size_t length = strcspn(word, "=");

	*value = NULL;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const char *name = options[i].name;

		if (name[1] == '-' && text_equals(word, length, name)) {
			*value = word[length] == '=' ? word + length + 1 : NULL;
			return &options[i];
		}
		if (name[1] != '-' && strncmp(word, name, 2) == 0) {
			*value = word[2] != '\0' ? word + 2 : NULL;
			return &options[i];
		}
	}
	return NULL;
}

static int apply_options(struct line_reader *reader, const char *text)
{
	_cleanup_string_list_ struct string_list words = {0};
	int r = split_words(text, &words, reader->error);

	for (size_t i = 0; r == 0 && i < words.count; i++) {
		const char *word = words.items[i], *value;
		const struct option *option = find_option(word, &value);

		if (!option)
			return error_set(reader->error, -EINVAL,
					 "'%s' is not an option of requirements files",
					 QUOTE(word));
		if (value && !option->has_value)
			return error_set(reader->error, -EINVAL, "'%s' takes no value",
					 option->name);
		if (option->has_value && !value) {
			if (++i == words.count)
				return error_set(reader->error, -EINVAL, "'%s' needs a value",
						 option->name);
			value = words.items[i];
		}
		r = apply(reader, option, value);
	}
	return r;
}

int requirements_add_line(struct requirements *requirements, const struct requirements_place *place,
			  const char *text, struct error *error)
{
	struct line_reader reader = {requirements, place, text, requirements->count, error};
	_cleanup_free_ char *subject = NULL;
	const char *rest = text;
	size_t length;
	int r = 0;

	/* pip's rule: the options begin at the first word that begins with a dash. */
	while (*rest && !(*rest == '-' && (rest == text || ascii_is_space(rest[-1]))))
		rest++;
	length = (size_t)(rest - text);
	text_trim(&text, &length);
	subject = strndup(text, length);
	if (!subject)
		return -ENOMEM;
	if (length > 0)
		r = add_subject(&reader, subject);
	return r < 0 ? r : apply_options(&reader, rest);
}
