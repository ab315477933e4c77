/*
 * Whether an answer is to be believed. It comes from a program that a spec names, or from a file in
 * the user's cache, and its parts end up in pyvenv.cfg, in scripts and in paths that are opened.
 */
#include "python_internal.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"

#define STRING_MAX 4096

/* Control characters end lines, or hide what follows, somewhere. U+0080 to U+009F are such too. */
static bool has_control_characters(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < 0x20 || *p == 0x7f || (*p == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f))
			return true;
	return false;
}

/* The string at @key, or NULL. jansson has seen to it that it is UTF-8 and holds no NUL. */
static const char *string_at(const json_t *answer, const char *key)
{
	const char *text = json_string_value(json_object_get(answer, key));

	if (!text || strlen(text) > STRING_MAX || has_control_characters(text))
		return NULL;
	return text;
}

static int malformed(const char *path, const char *key, struct error *error)
{
	return error_set(error, -ENOEXEC, "the interpreter '%s' gives no sensible '%s' of itself",
			 path, key);
}

/* Takes a name that goes into file names: "cpython-311". @optional: may be empty. */
static int take_name(const json_t *answer, const char *key, bool optional, char **out)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._+-";
	const char *text = string_at(answer, key);

	if (!text || text[strspn(text, allowed)] != '\0' || (!optional && text[0] == '\0'))
		return -EINVAL;
	*out = strdup(text);
	return *out ? 0 : -ENOMEM;
}

/* Takes an absolute path, normalised. */
static int take_path(const json_t *answer, const char *key, char **out)
{
	const char *text = string_at(answer, key);

	if (!text || text[0] != '/')
		return -EINVAL;
	return path_absolute(text, NULL, out);
}

/* [3, 11, 7, "final", 0], as sys.version_info. */
static int take_version_info(const json_t *answer, struct interpreter *interpreter)
{
	static const char *const levels[] = {"alpha", "beta", "candidate", "final"};
	const json_t *list = json_object_get(answer, "version_info");
	const char *level = json_string_value(json_array_get(list, 3));
	_cleanup_buffer_ struct buffer text = {0};
	int numbers[4];
	bool known = false;

	if (json_array_size(list) != 5 || !level)
		return -EINVAL;
	for (size_t i = 0; i < 4; i++) {
		const json_t *item = json_array_get(list, i < 3 ? i : 4);
		json_int_t value = json_integer_value(item);

		if (!json_is_integer(item) || value < 0 || value > 999)
			return -EINVAL;
		numbers[i] = (int)value;
	}
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		known = known || strcmp(level, levels[i]) == 0;
	if (!known)
		return -EINVAL;
	interpreter->major = numbers[0];
	interpreter->minor = numbers[1];
	interpreter->micro = numbers[2];
	buffer_printf(&text, "%d.%d.%d.%s.%d", numbers[0], numbers[1], numbers[2], level,
		      numbers[3]);
	interpreter->version_info = buffer_take(&text);
	return interpreter->version_info ? 0 : -ENOMEM;
}

static int take_boolean(const json_t *answer, const char *key, bool *out)
{
	const json_t *value = json_object_get(answer, key);

	if (!json_is_boolean(value))
		return -EINVAL;
	*out = json_is_true(value);
	return 0;
}

/* What every Python since 2.7 says. */
static int take_head(const json_t *answer, struct interpreter *interpreter, const char **key)
{
	int r;

	*key = "executable";
	r = take_path(answer, *key, &interpreter->executable);
	if (r < 0)
		return r;
	*key = "implementation";
	r = take_name(answer, *key, false, &interpreter->implementation);
	if (r < 0)
		return r;
	*key = "version";
	r = take_name(answer, *key, false, &interpreter->version);
	if (r < 0)
		return r;
	*key = "version_info";
	return take_version_info(answer, interpreter);
}

/* What only those say that we serve. */
static int take_details(const json_t *answer, struct interpreter *interpreter, const char **key)
{
	const struct {
		const char *key;
		char **out;
		bool is_path, optional;
	} fields[] = {
		{"cache_tag", &interpreter->cache_tag, .is_path = false},
		{"abiflags", &interpreter->abiflags, .optional = true},
		{"soabi", &interpreter->soabi, .is_path = false},
		{"base_prefix", &interpreter->base_prefix, .is_path = true},
		{"stdlib", &interpreter->stdlib, .is_path = true},
		{"include", &interpreter->include, .is_path = true},
		{"platinclude", &interpreter->platinclude, .is_path = true},
	};
	int r;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		*key = fields[i].key;
		if (fields[i].is_path)
			r = take_path(answer, *key, fields[i].out);
		else
			r = take_name(answer, *key, fields[i].optional, fields[i].out);
		if (r < 0)
			return r;
	}
	*key = "free_threaded";
	return take_boolean(answer, *key, &interpreter->free_threaded);
}

static int check_served(const struct interpreter *interpreter, struct error *error)
{
	bool cpython = strcmp(interpreter->implementation, "CPython") == 0;
	int r;

	if (cpython && interpreter->major == 3 && interpreter->minor >= 8 &&
	    interpreter->minor <= 14)
		return 0;
	r = error_set(error, -EOPNOTSUPP, "'%s' is %s %s, which venvfs does not serve",
		      interpreter->executable, cpython ? "Python" : interpreter->implementation,
		      interpreter->version);
	error_hint(error, "give a CPython from 3.8 to 3.14");
	return r;
}

int interpreter_decode(const json_t *answer, const char *path, struct interpreter **out,
		       struct error *error)
{
	_cleanup_interpreter_ struct interpreter *interpreter = calloc(1, sizeof(*interpreter));
	const char *key;
	int r;

	if (!interpreter)
		return -ENOMEM;
	r = take_head(answer, interpreter, &key);
	if (r == 0) {
		r = check_served(interpreter, error);
		if (r < 0)
			return r;
		r = take_details(answer, interpreter, &key);
	}
	if (r == -EINVAL)
		return malformed(path, key, error);
	if (r < 0)
		return r;
	*out = TAKE_PTR(interpreter);
	return 0;
}

const char *interpreter_wheel_dir(const json_t *answer)
{
	const char *directory = string_at(answer, "wheel_dir");

	return directory && directory[0] == '/' ? directory : NULL;
}

bool interpreter_ran_itself(const json_t *answer, const struct interpreter_identity *identity)
{
	const json_t *image = json_object_get(answer, "image");

	return json_array_size(image) == 2 &&
	       (uint64_t)json_integer_value(json_array_get(image, 0)) == identity->dev &&
	       (uint64_t)json_integer_value(json_array_get(image, 1)) == identity->ino;
}
