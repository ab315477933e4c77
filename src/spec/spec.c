/*
 * The model of a spec: which sections and keys there are, what they may say, and what holds where
 * they are silent. One table, `settings`, is the list of them all.
 */
#include "spec_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/hash.h"
#include "venvfs/io.h"
#include "venvfs/nearest.h"
#include "venvfs/path.h"
#include "venvfs/project_name.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A spec that is being put together. */
struct loader {
	struct spec *spec;
	char *directory; /* of the spec: relative paths count from here */
	size_t layer_capacity;
	struct first_lines layer_paths;
	struct error_list *errors;
};

/*
 * One key. @parse reads the value, which is not empty, into the spec. 0; -EINVAL when the value is
 * wrong, with a message only where it is not "expected @expected", and without naming the key; or
 * -ENOMEM.
 */
struct setting {
	const char *section;
	const char *key; /* NULL: any, the user chooses */
	int (*parse)(struct loader *loader, const struct spec_entry *entry, struct error *error);
	const char *expected;
};

static int copy_string(const char *string, char **out)
{
	*out = strdup(string);
	return *out ? 0 : -ENOMEM;
}

static int parse_boolean(const char *value, bool *out)
{
	static const struct {
		const char *word;
		bool meaning;
	} words[] = {
		{"yes", true}, {"no", false},  {"true", true}, {"false", false},
		{"on", true},  {"off", false}, {"1", true},    {"0", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(value, words[i].word) == 0) {
			*out = words[i].meaning;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_path(const struct loader *loader, const char *value, char **out,
		      struct error *error)
{
	int r;

	/* Made below the spec's directory, "~user" would be there and never be found. */
	if (value[0] == '~' && value[1] != '/' && value[1] != '\0') {
		error_hint(error, "write the path in full; for a name that begins with '~', './~'");
		return error_set(error, -EINVAL, "only '~/' stands for a home directory");
	}
	r = path_expand(value, loader->directory, out);
	if (r == -ENOENT)
		return error_set(error, -EINVAL, "there is no home directory for '~'");
	return r;
}

static int parse_prompt(struct loader *loader, const struct spec_entry *entry, struct error *error)
{
	(void)error;
	/* The only control character that spec_ini_read() lets through. */
	if (strchr(entry->value, '\t'))
		return -EINVAL;
	return copy_string(entry->value, &loader->spec->prompt);
}

static int parse_system_site_packages(struct loader *loader, const struct spec_entry *entry,
				      struct error *error)
{
	(void)error;
	return parse_boolean(entry->value, &loader->spec->system_site_packages);
}

static int parse_executable(struct loader *loader, const struct spec_entry *entry,
			    struct error *error)
{
	struct spec *spec = loader->spec;

	spec->executable_line = entry->line;
	if (entry->value[0] != '~' && !strchr(entry->value, '/'))
		return copy_string(entry->value, &spec->executable);
	return parse_path(loader, entry->value, &spec->executable, error);
}

/* Reads a number of at most three digits, without leading zeros, and moves *text behind it. */
static bool read_number(const char **text, unsigned *out)
{
	size_t length = strspn(*text, "0123456789");

	if (length == 0 || length > 3 || (**text == '0' && length > 1))
		return false;
	*out = (unsigned)strtoul(*text, NULL, 10);
	*text += length;
	return true;
}

static bool is_python_version(const char *text)
{
	unsigned major, minor, micro;

	if (!read_number(&text, &major) || *text++ != '.' || !read_number(&text, &minor))
		return false;
	if (*text == '.') {
		text++;
		if (!read_number(&text, &micro))
			return false;
	}
	return *text == '\0' && major == 3 && minor >= 8 && minor <= 14;
}

static int parse_python_version(struct loader *loader, const struct spec_entry *entry,
				struct error *error)
{
	(void)error;
	if (!is_python_version(entry->value))
		return -EINVAL;
	loader->spec->python_version_line = entry->line;
	return copy_string(entry->value, &loader->spec->python_version);
}

/* Nothing to choose, and nothing to keep: the key is for those who would write it down. */
static int parse_scripts_dir(struct loader *loader, const struct spec_entry *entry,
			     struct error *error)
{
	(void)loader;
	if (strcmp(entry->value, "bin") == 0)
		return 0;
	error_hint(error,
		   "CPython's venv scheme for POSIX puts scripts there, and tools rely on it");
	return -EINVAL;
}

static int parse_relocatable(struct loader *loader, const struct spec_entry *entry,
			     struct error *error)
{
	(void)error;
	return parse_boolean(entry->value, &loader->spec->relocatable);
}

static int parse_store(struct loader *loader, const struct spec_entry *entry, struct error *error)
{
	loader->spec->store_line = entry->line;
	return parse_path(loader, entry->value, &loader->spec->store, error);
}

static int parse_pip(struct loader *loader, const struct spec_entry *entry, struct error *error)
{
	(void)error;
	return parse_boolean(entry->value, &loader->spec->pip);
}

static int parse_requirements(struct loader *loader, const struct spec_entry *entry,
			      struct error *error)
{
	loader->spec->requirements_line = entry->line;
	return parse_path(loader, entry->value, &loader->spec->requirements, error);
}

/* One of the places under find-links; a URL stays as it is. */
static int add_find_links(struct loader *loader, const char *value, size_t length,
			  struct error *error)
{
	_cleanup_free_ char *word = strndup(value, length);
	_cleanup_free_ char *path = NULL;
	int r = 0;

	if (!word)
		return -ENOMEM;
	if (!strstr(word, "://"))
		r = parse_path(loader, word, &path, error);
	if (r == 0)
		r = string_list_add(&loader->spec->find_links_written, value, length);
	if (r < 0)
		return r;
	return string_list_add(&loader->spec->find_links, path ? path : word,
			       strlen(path ? path : word));
}

/* Calls @add for each of the words of a value, which have commas between; none is empty. */
static int parse_list(struct loader *loader, const char *value, struct error *error,
		      int (*add)(struct loader *loader, const char *value, size_t length,
				 struct error *error))
{

	for (;;) {
		size_t length = strcspn(value, ","), end = length;
		int r;

		while (end > 0 && isspace((unsigned char)value[end - 1]))
			end--;
		if (end == 0)
			return -EINVAL;
		r = add(loader, value, end, error);
		if (r < 0 || !value[length])
			return r;
		value += length + 1;
		value += strspn(value, " \t");
	}
}

static int parse_find_links(struct loader *loader, const struct spec_entry *entry,
			    struct error *error)
{
	loader->spec->find_links_line = entry->line;
	return parse_list(loader, entry->value, error, add_find_links);
}

static int add_unlinked(struct loader *loader, const char *value, size_t length,
			struct error *error)
{
	_cleanup_free_ char *name = NULL;

	if (!project_name_is_valid(value, length))
		return error_set(error, -EINVAL, "'%.*s' is no name of a project", (int)length,
				 value);
	name = project_name_normalise(value, length);
	return name ? string_list_add(&loader->spec->unlinked, name, strlen(name)) : -ENOMEM;
}

static int parse_unlinked(struct loader *loader, const struct spec_entry *entry,
			  struct error *error)
{
	return parse_list(loader, entry->value, error, add_unlinked);
}

static int parse_wheel_store(struct loader *loader, const struct spec_entry *entry,
			     struct error *error)
{
	loader->spec->wheel_store_line = entry->line;
	return parse_path(loader, entry->value, &loader->spec->wheel_store, error);
}

static int parse_bytecode(struct loader *loader, const struct spec_entry *entry,
			  struct error *error)
{
	static const char *const words[] = {
		[SPEC_BYTECODE_BACKGROUND] = "background",
		[SPEC_BYTECODE_WAIT] = "wait",
		[SPEC_BYTECODE_NO] = "no",
	};

	(void)error;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(entry->value, words[i]) == 0) {
			loader->spec->bytecode = (enum spec_bytecode)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* Appends a layer, which takes over @path; only on success. */
static int add_layer(struct loader *loader, const struct spec_entry *entry, bool prefix, char *path)
{
	struct spec *spec = loader->spec;
	_cleanup_free_ char *name = strdup(entry->key);
	size_t capacity = loader->layer_capacity ? loader->layer_capacity * 2 : 8;
	struct spec_layer *layers;

	if (!name)
		return -ENOMEM;
	if (spec->layer_count == loader->layer_capacity) {
		layers = reallocarray(spec->layers, capacity, sizeof(*layers));
		if (!layers)
			return -ENOMEM;
		spec->layers = layers;
		loader->layer_capacity = capacity;
	}
	spec->layers[spec->layer_count++] = (struct spec_layer){
		.name = TAKE_PTR(name),
		.path = path,
		.prefix = prefix,
		.line = entry->line,
	};
	return 0;
}

/* Refuses a path that is given twice. Whether two paths lead to one directory is for those who
 * open the layers. */
static int parse_layer(struct loader *loader, const struct spec_entry *entry, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	const char *value = entry->value;
	bool prefix = strncmp(value, "prefix:", 7) == 0;
	unsigned first;
	int r;

	if (prefix) {
		value += 7;
		value += strspn(value, " \t");
	}
	if (!value[0])
		return -EINVAL;
	r = parse_path(loader, value, &path, error);
	if (r < 0)
		return r;
	first = first_lines_add(&loader->layer_paths, path, entry->line);
	if (first == 0)
		return -ENOMEM;
	if (first < entry->line)
		return error_set(error, -EINVAL, "%s is already the layer in line %u", path, first);
	r = add_layer(loader, entry, prefix, path);
	if (r == 0)
		TAKE_PTR(path);
	return r;
}

/* Sorted by section; the order is the one in which messages list them. */
static const struct setting settings[] = {
	{"environment", "prompt", parse_prompt, "text without control characters"},
	{"environment", "system-site-packages", parse_system_site_packages, "yes or no"},
	{"base-executable", "executable", parse_executable, "a path or a name"},
	{"base-executable", "python_version", parse_python_version,
	 "X.Y or X.Y.Z, from 3.8 to 3.14"},
	{"install-scripts", "scripts-dir", parse_scripts_dir, "bin"},
	{"install-scripts", "relocatable", parse_relocatable, "yes or no"},
	{"store", "path", parse_store, "a path"},
	{"packages", "requirements", parse_requirements, "the path of a requirements file"},
	{"packages", "find-links", parse_find_links, "directories or URLs, with commas between"},
	{"packages", "store", parse_wheel_store, "the path of a wheel store"},
	{"packages", "bytecode", parse_bytecode, "background, wait or no"},
	{"packages", "pip", parse_pip, "yes or no"},
	{"packages", "unlinked", parse_unlinked, "names of projects, with commas between"},
	{"layers", NULL, parse_layer, "PATH or prefix:PATH"},
};

/* The setting for @key in @section, in any section when that is NULL; NULL: there is none. */
static const struct setting *find_setting(const char *section, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];

		if (section && strcmp(s->section, section) == 0 &&
		    (!s->key || strcmp(s->key, key) == 0))
			return s;
		if (!section && s->key && strcmp(s->key, key) == 0)
			return s;
	}
	return NULL;
}

static bool is_section(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (strcmp(settings[i].section, name) == 0)
			return true;
	return false;
}

/* Hints at what could have been meant by @written: a key of @section, or a section when that is
 * NULL. */
static void hint_known(struct error *error, const char *section, const char *written)
{
	_cleanup_buffer_ struct buffer hint = {0}, known = {0};
	const struct setting *elsewhere = section ? find_setting(NULL, written) : NULL;
	const char *best = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		const struct setting *s = &settings[i];
		const char *name = section ? s->key : s->section;

		if (section ? strcmp(s->section, section) != 0
			    : i > 0 && strcmp(s->section, s[-1].section) == 0)
			continue;
		best = nearest_name(written, best, name);
		buffer_printf(&known, "%s%s", known.length > 0 ? ", " : "", name);
	}
	if (elsewhere)
		buffer_printf(&hint, "'%s' belongs in [%s]; ", written, elsewhere->section);
	else if (best)
		buffer_printf(&hint, "did you mean '%s'? ", best);
	if (buffer_status(&known) < 0)
		return;
	buffer_printf(&hint, "known %s: %s", section ? "here" : "sections", known.data);
	if (buffer_status(&hint) == 0)
		error_hint(error, "%s", hint.data);
}

/* Moves @error to the end of the list. Returns @code, or -ENOMEM. */
static int note_error(struct error_list *errors, struct error *error, int code)
{
	struct error *item = error_list_add(errors);

	if (!item)
		return -ENOMEM;
	*item = *error;
	*error = (struct error)ERROR_INIT;
	return code;
}

static int read_section(void *user, const char *name, unsigned line)
{
	struct loader *loader = user;
	_cleanup_error_ struct error error = ERROR_INIT;

	if (is_section(name))
		return 0;
	error_set(&error, -EINVAL, "unknown section [%s]", name);
	error_at(&error, loader->spec->path, line);
	hint_known(&error, NULL, name);
	return note_error(loader->errors, &error, -EINVAL);
}

/* As TOML and shells have it. Of a path that is meant so, "./" tells. */
static bool is_quoted(const char *value)
{
	size_t length = strlen(value);

	return length > 1 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0];
}

/* As a setting's parser, for any entry of a known section. The message is always set. */
static int parse_entry(struct loader *loader, const struct spec_entry *entry, struct error *error)
{
	const struct setting *setting = find_setting(entry->section, entry->key);
	int r;

	if (!setting) {
		hint_known(error, entry->section, entry->key);
		return error_set(error, -EINVAL, "unknown key '%s' in [%s]", entry->key,
				 entry->section);
	}
	if (!entry->value[0])
		r = error_set(error, -EINVAL, "expected %s, but there is no value",
			      setting->expected);
	else if (is_quoted(entry->value) && setting->parse != parse_prompt)
		r = error_set(error, -EINVAL,
			      "expected %s without quotes, which are part of a value, not %s",
			      setting->expected, entry->value);
	else
		r = setting->parse(loader, entry, error);
	if (r == -EINVAL && !error->message)
		error_set(error, r, "expected %s, not '%s'", setting->expected, entry->value);
	if (r == -EINVAL)
		error_set(error, r, "[%s] %s: %s", entry->section, entry->key, error->message);
	return r;
}

static int read_entry(void *user, const struct spec_entry *entry)
{
	struct loader *loader = user;
	_cleanup_error_ struct error error = ERROR_INIT;
	const struct setting *setting;
	int r;

	if (entry->section && !is_section(entry->section))
		return 0; /* its header was the error */
	if (entry->section) {
		r = parse_entry(loader, entry, &error);
	} else {
		r = error_set(&error, -EINVAL, "the key '%s' stands before the first section",
			      entry->key);
		setting = find_setting(NULL, entry->key);
		if (setting)
			error_hint(&error, "'%s' belongs in [%s]", entry->key, setting->section);
	}
	if (r != -EINVAL)
		return r;
	error_at(&error, loader->spec->path, entry->line);
	return note_error(loader->errors, &error, r);
}

/* $XDG_DATA_HOME/venvfs/envs/NAME-HASH: NAME for people, HASH so that two specs of one name have
 * two stores. */
static int default_store(const char *spec_path, char **out, struct error *error)
{
	_cleanup_free_ char *data = NULL;
	_cleanup_buffer_ struct buffer path = {0};
	const char *name = path_basename(spec_path);
	size_t length = strlen(name);
	uint32_t hash = (uint32_t)hash_bytes(spec_path, strlen(spec_path), HASH_SEED);
	int r;

	r = path_xdg("XDG_DATA_HOME", ".local/share", &data);
	if (r == -ENOENT) {
		error_at(error, spec_path, 0);
		error_hint(error, "set 'path' in [store], or the variable HOME");
		return error_set(error, -EINVAL, "there is no home directory to keep the store in");
	}
	if (r < 0)
		return r;
	if (length > 4 && strcmp(name + length - 4, ".cfg") == 0)
		length -= 4;
	/* Room for the hash within the 255 bytes of a file name; no character is cut in two. */
	if (length > 200) {
		length = 200;
		while (length > 0 && (name[length] & 0xc0) == 0x80)
			length--;
	}
	buffer_printf(&path, "%s/envs/%.*s-%08x", data, (int)length, name, hash);
	return buffer_status(&path) < 0 ? -ENOMEM : path_absolute(path.data, NULL, out);
}

/* Fills in what the text was silent about. */
static int set_defaults(struct loader *loader)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct spec *spec = loader->spec;
	int r;

	if (!spec->executable) {
		r = copy_string("python3", &spec->executable);
		if (r < 0)
			return r;
	}
	if (spec->store)
		return 0;
	r = default_store(spec->path, &spec->store, &error);
	return error.message ? note_error(loader->errors, &error, r) : r;
}

static void loader_clear(struct loader *loader)
{
	spec_free(loader->spec);
	free(loader->directory);
	first_lines_clear(&loader->layer_paths);
}

/* As spec_parse(); and as spec_load_in_part(), if @in_part. */
static int parse(const char *path, const char *text, size_t length, bool in_part, struct spec **out,
		 struct error_list *errors)
{
	static const struct spec_ini_handlers handlers = {read_section, read_entry};
	_cleanup_(loader_clear) struct loader loader = {.errors = errors};
	struct spec *spec;
	int r;

	loader.spec = spec = calloc(1, sizeof(*spec));
	if (!spec)
		return -ENOMEM;
	spec->pip = true;
	r = copy_string(path, &spec->path);
	if (r == 0)
		r = path_absolute("..", path, &loader.directory);
	if (r < 0)
		return r;
	spec->text = strndup(text, length);
	if (!spec->text)
		return -ENOMEM;
	r = spec_ini_read(text, length, path, &handlers, &loader, errors);
	if (r == 0 || (r == -EINVAL && in_part)) {
		int s = set_defaults(&loader);

		r = r < 0 ? r : s;
		in_part = in_part && s == 0;
	}
	if (r == 0 || (r == -EINVAL && in_part))
		*out = TAKE_PTR(loader.spec);
	return r;
}

int spec_parse(const char *path, const char *text, size_t length, struct spec **out,
	       struct error_list *errors)
{
	return parse(path, text, length, false, out, errors);
}

static const char *file_kind(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

/* Reads the spec at the absolute @path. Anything but a file is refused unopened: opening a FIFO
 * waits for its writer, and opening a device may do things. */
static int read_text(const char *path, struct buffer *text, struct error *error)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	error_at(error, path, 0);
	if (stat(path, &st) < 0)
		return error_set_errno(error, -errno, "the spec cannot be read");
	if (!S_ISREG(st.st_mode))
		return error_set(error, S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL,
				 "the spec is %s, not a file", file_kind(st.st_mode));
	/* O_NONBLOCK for the case that it is another file by now. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(error, -errno, "the spec cannot be read");
	r = io_read_fd(fd, SPEC_SIZE_MAX, text);
	if (r == -EFBIG)
		return error_set(error, r, "the spec is larger than %d KiB", SPEC_SIZE_MAX / 1024);
	return r < 0 ? error_set_errno(error, r, "the spec cannot be read") : 0;
}

static int load(const char *path, bool in_part, struct spec **out, struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *absolute = NULL;
	_cleanup_buffer_ struct buffer text = {0};
	int r;

	error_at(&error, path, 0);
	r = path_absolute(path, NULL, &absolute);
	if (r < 0)
		error_set_errno(&error, r, "the spec cannot be found");
	else
		r = read_text(absolute, &text, &error);
	if (r == 0)
		r = parse(absolute, text.data ? text.data : "", text.length, in_part, out, errors);
	if (r == -ENOMEM)
		error_set_errno(&error, r, "the spec cannot be loaded");
	return error.message ? note_error(errors, &error, r) : r;
}

int spec_load(const char *path, struct spec **out, struct error_list *errors)
{
	return load(path, false, out, errors);
}

int spec_load_in_part(const char *path, struct spec **out, struct error_list *errors)
{
	*out = NULL;
	return load(path, true, out, errors);
}

void spec_free(struct spec *spec)
{
	if (!spec)
		return;
	for (size_t i = 0; i < spec->layer_count; i++) {
		free(spec->layers[i].name);
		free(spec->layers[i].path);
	}
	free(spec->layers);
	free(spec->path);
	free(spec->text);
	free(spec->prompt);
	free(spec->executable);
	free(spec->python_version);
	free(spec->store);
	free(spec->requirements);
	string_list_clear(&spec->find_links);
	string_list_clear(&spec->unlinked);
	string_list_clear(&spec->find_links_written);
	free(spec->wheel_store);
	free(spec);
}
