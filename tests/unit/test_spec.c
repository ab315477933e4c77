/* Specs that are right, specs that are wrong, and things that are no specs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/spec.h"

#include "../../src/spec/spec_internal.h"

/* A line of 198 bytes is the longest that is read. */
#define A10  "aaaaaaaaaa"
#define A90  A10 A10 A10 A10 A10 A10 A10 A10 A10
#define A189 A90 A90 "aaaaaaaaa"

#define SPEC_PATH "/srv/specs/proj.cfg"

#define _cleanup_spec_ _cleanup_(free_spec)

static char directory[] = "/tmp/venvfs-test-spec-XXXXXX";

static void free_spec(struct spec **spec)
{
	spec_free(*spec);
}

/* Unchecked fixtures: they run in the parent, so that the directory goes even when a test dies. */
static void make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
	io_remove_tree(AT_FDCWD, directory);
}

static void set_environment(void)
{
	ck_assert_int_eq(setenv("HOME", "/home/ann", 1), 0);
	ck_assert_int_eq(setenv("XDG_DATA_HOME", "/data", 1), 0);
	ck_assert_int_eq(chdir(directory), 0);
}

static void write_file(const char *name, const char *bytes, size_t length)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, bytes, length), 0);
}

/* The path of @name in the test's directory. */
static char *path_of(const char *name)
{
	char *path;

	ck_assert_int_eq(path_join(directory, name, &path), 0);
	return path;
}

/* Takes root's rights away, and a home in the password database with them; and gives them back. */
static void become_stranger(void)
{
	ck_assert_int_eq(setresuid(4242424, 4242424, 0), 0);
}

static void become_root(void)
{
	ck_assert_int_eq(setresuid(0, 0, 0), 0);
}

/* Loads a spec that must be right. */
static struct spec *load_valid(const char *text)
{
	_cleanup_error_list_ struct error_list errors = {0};
	struct spec *spec = NULL;
	int r;

	write_file("spec.cfg", text, strlen(text));
	r = spec_load("spec.cfg", &spec, &errors);
	for (size_t i = 0; i < errors.count; i++)
		ck_abort_msg("line %u: %s", errors.items[i].line, errors.items[i].message);
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_nonnull(spec);
	return spec;
}

/* Loads what must be refused with @code. */
static void load_invalid(const char *path, int code, struct error_list *errors)
{
	struct spec *untouched = (struct spec *)directory, *spec = untouched;

	ck_assert_int_eq(spec_load(path, &spec, errors), code);
	ck_assert_ptr_eq(spec, untouched);
	ck_assert_uint_gt(errors->count, 0);
}

static void expect_error(const struct error *error, unsigned line, const char *message,
			 const char *hint)
{
	_cleanup_free_ char *file = path_of("spec.cfg");

	ck_assert_pstr_eq(error->message, message);
	ck_assert_pstr_eq(error->hint, hint);
	ck_assert_pstr_eq(error->file, file);
	ck_assert_uint_eq(error->line, line);
}

static void expect_layer(const struct spec_layer *layer, const char *name, const char *path,
			 bool prefix, unsigned line)
{
	ck_assert_str_eq(layer->name, name);
	ck_assert_str_eq(layer->path, path);
	ck_assert_int_eq(layer->prefix, prefix);
	ck_assert_uint_eq(layer->line, line);
}

static const char *const empty_specs[] = {
	"", "\n", "\xef\xbb\xbf", "# nothing\n  ; here", "[store]\n[layers]\r\n",
};

START_TEST(an_empty_spec_has_all_defaults)
{
	_cleanup_spec_ struct spec *spec = load_valid(empty_specs[_i]);
	_cleanup_free_ char *path = path_of("spec.cfg");

	ck_assert_str_eq(spec->path, path);
	ck_assert_str_eq(spec->text, empty_specs[_i]);
	ck_assert_ptr_null(spec->prompt);
	ck_assert(!spec->system_site_packages);
	ck_assert_str_eq(spec->executable, "python3");
	ck_assert_uint_eq(spec->executable_line, 0);
	ck_assert_ptr_null(spec->python_version);
	ck_assert(!spec->relocatable);
	ck_assert(spec->pip);
	ck_assert_uint_eq(spec->store_line, 0);
	ck_assert_ptr_null(spec->requirements);
	ck_assert_uint_eq(spec->find_links.count, 0);
	ck_assert_ptr_null(spec->wheel_store);
	ck_assert_int_eq(spec->bytecode, SPEC_BYTECODE_BACKGROUND);
	ck_assert_uint_eq(spec->layer_count, 0);
}
END_TEST

START_TEST(a_full_spec_is_read)
{
	_cleanup_spec_ struct spec *spec = load_valid("# a comment\n"
						      "[environment]\n"
						      "prompt = my \"proj\" $(x)\n"
						      "system-site-packages = Yes\n"
						      "\n"
						      "[base-executable]\n"
						      "executable = /usr/bin/python3.11\n"
						      "python_version = 3.11.4\n"
						      "[install-scripts]\n"
						      "scripts-dir = bin\n"
						      "relocatable = on\n"
						      "[store]\n"
						      "path = ~/stores/proj\n"
						      "[packages]\n"
						      "pip = no\n"
						      "[layers]\n"
						      "second name = /opt/b\n"
						      "first = prefix:/opt/a\n");

	ck_assert_str_eq(spec->prompt, "my \"proj\" $(x)");
	ck_assert(spec->system_site_packages);
	ck_assert_str_eq(spec->executable, "/usr/bin/python3.11");
	ck_assert_uint_eq(spec->executable_line, 7);
	ck_assert_str_eq(spec->python_version, "3.11.4");
	ck_assert_uint_eq(spec->python_version_line, 8);
	ck_assert(spec->relocatable);
	ck_assert_str_eq(spec->store, "/home/ann/stores/proj");
	ck_assert_uint_eq(spec->store_line, 13);
	ck_assert(!spec->pip);
	ck_assert_uint_eq(spec->layer_count, 2);
	expect_layer(&spec->layers[0], "second name", "/opt/b", false, 17);
	expect_layer(&spec->layers[1], "first", "/opt/a", true, 18);
}
END_TEST

START_TEST(booleans_have_four_spellings_in_any_case)
{
	static const struct {
		const char *text;
		bool relocatable;
	} cases[] = {
		{"[install-scripts]\nrelocatable = yes", true},
		{"[install-scripts]\nrelocatable = TRUE", true},
		{"[install-scripts]\nrelocatable = oN", true},
		{"[install-scripts]\nrelocatable = 1", true},
		{"[install-scripts]\nrelocatable = No", false},
		{"[install-scripts]\nrelocatable = false", false},
		{"[install-scripts]\nrelocatable = OFF", false},
		{"[install-scripts]\nrelocatable = 0", false},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		_cleanup_spec_ struct spec *spec = load_valid(cases[i].text);

		ck_assert_msg(spec->relocatable == cases[i].relocatable, "%s", cases[i].text);
	}
}
END_TEST

/* What the text says as a prompt is what is kept. */
static const struct {
	const char *text, *prompt;
} values[] = {
	{"[environment]\nprompt=proj", "proj"},
	{"[environment]\r\nprompt \t = \t proj \t \r\n", "proj"},
	{"  [environment]  \n\tprompt = proj", "proj"},
	{"[environment]\nprompt = a;b # c", "a;b # c"},
	{"[environment]\nprompt =;a", ";a"},
	{"[environment]\nprompt = a = b : c", "a = b : c"},
	{"[environment]\nprompt = \"a\"", "\"a\""},
	{"[environment]\nprompt = [a]", "[a]"},
	{"[environment]\nprompt = caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d",
	 "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x8d"},
	{"\xef\xbb\xbf[environment]\nprompt = a", "a"},
	{"[environment]\nprompt = " A189, A189},
	{"  [environment]\n\t  prompt = " A189 "  \n", A189},
	{"# " A189 A189 "\n[environment]\nprompt = a", "a"},
};

START_TEST(a_value_is_the_rest_of_its_line)
{
	_cleanup_spec_ struct spec *spec = load_valid(values[_i].text);

	ck_assert_str_eq(spec->prompt, values[_i].prompt);
}
END_TEST

static const struct {
	const char *written, *path;
	bool relative; /* path counts from the spec's directory */
} paths[] = {
	{"/a/./b//c/../d/", "/a/b/d", false},
	{"wheels/x", "wheels/x", true},
	{"./~ann", "~ann", true},
	{"../x", "/tmp/x", false},
	{"~", "/home/ann", false},
	{"~/x y", "/home/ann/x y", false},
	{"./\"/a\"", "\"/a\"", true},
};

START_TEST(a_path_is_absolute_and_normalised)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_free_ char *below = path_of(paths[_i].path);
	const char *path = paths[_i].relative ? below : paths[_i].path;
	_cleanup_spec_ struct spec *spec = NULL;

	buffer_printf(&text, "[store]\npath = %s\n[layers]\na = %s/1\nb = prefix: %s/2\n",
		      paths[_i].written, paths[_i].written, paths[_i].written);
	spec = load_valid(text.data);
	ck_assert_str_eq(spec->store, path);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_free_ char *layer = NULL;

		ck_assert_int_eq(path_join(path, i == 0 ? "1" : "2", &layer), 0);
		ck_assert_str_eq(spec->layers[i].path, layer);
	}
}
END_TEST

START_TEST(an_executable_is_a_name_or_a_path)
{
	_cleanup_free_ char *relative = path_of("bin/python");
	const struct {
		const char *text, *executable;
	} cases[] = {
		{"[base-executable]\nexecutable = python3.12", "python3.12"},
		{"[base-executable]\nexecutable = /usr//bin/python3", "/usr/bin/python3"},
		{"[base-executable]\nexecutable = ~/bin/python", "/home/ann/bin/python"},
		{"[base-executable]\nexecutable = bin/python", relative},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		_cleanup_spec_ struct spec *spec = load_valid(cases[i].text);

		ck_assert_str_eq(spec->executable, cases[i].executable);
	}
}
END_TEST

START_TEST(names_of_projects_are_normalised)
{
	_cleanup_spec_ struct spec *spec =
		load_valid("[packages]\nunlinked = Foo.Bar,foo_bar , six\n");
	const char *const expected[] = {"foo-bar", "foo-bar", "six"};

	ck_assert_uint_eq(spec->unlinked.count, COUNT(expected));
	for (int i = 0; i < COUNT(expected); i++)
		ck_assert_str_eq(spec->unlinked.items[i], expected[i]);
}
END_TEST

START_TEST(requirements_and_their_sources_count_from_the_spec)
{
	_cleanup_spec_ struct spec *spec = load_valid("[packages]\n"
						      "requirements = deps/all.txt\n"
						      "find-links = wheels ,\t/srv/./w,~/w x,"
						      "https://example.org/w/../simple\n"
						      "\n"
						      "store = ../store\n");
	_cleanup_free_ char *requirements = path_of("deps/all.txt"), *wheels = path_of("wheels");
	const char *const expected[] = {wheels, "/srv/w", "/home/ann/w x",
					"https://example.org/w/../simple"};

	ck_assert_str_eq(spec->requirements, requirements);
	ck_assert_uint_eq(spec->requirements_line, 2);
	ck_assert_uint_eq(spec->find_links.count, COUNT(expected));
	for (int i = 0; i < COUNT(expected); i++)
		ck_assert_str_eq(spec->find_links.items[i], expected[i]);
	ck_assert_str_eq(spec->wheel_store, "/tmp/store");
	ck_assert_uint_eq(spec->wheel_store_line, 5);
	/* [store] path is another one. */
	ck_assert_uint_eq(spec->store_line, 0);
}
END_TEST

START_TEST(bytecode_is_one_of_three_words)
{
	static const struct {
		const char *text;
		enum spec_bytecode expected;
	} cases[] = {
		{"[packages]\nbytecode = background\n", SPEC_BYTECODE_BACKGROUND},
		{"[packages]\nbytecode = Wait\n", SPEC_BYTECODE_WAIT},
		{"[packages]\nbytecode = no\n", SPEC_BYTECODE_NO},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		_cleanup_spec_ struct spec *spec = load_valid(cases[i].text);

		ck_assert_int_eq(spec->bytecode, cases[i].expected);
	}
}
END_TEST

START_TEST(a_version_is_one_that_is_served)
{
	static const char *const valid[] = {"3.8", "3.9.0", "3.10", "3.14", "3.14.12"};
	static const char *const invalid[] = {
		"3",    "3.7",   "3.15",    "2.7", "4.0",   "3.11.",        "3.11.4.1",
		".3.9", "3.011", ">= 3.11", "3.x", "3.12t", "3.4294967307", "3.-9",
	};

	for (int i = 0; i < COUNT(valid); i++) {
		_cleanup_buffer_ struct buffer text = {0};
		_cleanup_spec_ struct spec *spec = NULL;

		buffer_printf(&text, "[base-executable]\npython_version = %s", valid[i]);
		spec = load_valid(text.data);
		ck_assert_str_eq(spec->python_version, valid[i]);
	}
	for (int i = 0; i < COUNT(invalid); i++) {
		_cleanup_buffer_ struct buffer text = {0}, message = {0};
		_cleanup_error_list_ struct error_list errors = {0};

		buffer_printf(&text, "[base-executable]\npython_version = %s", invalid[i]);
		buffer_printf(&message,
			      "[base-executable] python_version: expected X.Y or X.Y.Z, from 3.8 "
			      "to 3.14, not '%s'",
			      invalid[i]);
		write_file("spec.cfg", text.data, text.length);
		load_invalid("spec.cfg", -EINVAL, &errors);
		ck_assert_uint_eq(errors.count, 1);
		expect_error(&errors.items[0], 2, message.data, NULL);
	}
}
END_TEST

/* Each has this one error. */
static const struct {
	const char *text;
	unsigned line;
	const char *message, *hint;
} mistakes[] = {
#define KNOWN_SECTIONS                                                                             \
	"known sections: environment, base-executable, install-scripts, store, packages, layers"
	{"\n[enviroment]\nprompt = a", 2, "unknown section [enviroment]",
	 "did you mean 'environment'? " KNOWN_SECTIONS},
	{"[Store]", 1, "unknown section [Store]", "did you mean 'store'? " KNOWN_SECTIONS},
	{"[ store ]", 1, "unknown section [ store ]", "did you mean 'store'? " KNOWN_SECTIONS},
	{"[tool]", 1, "unknown section [tool]", KNOWN_SECTIONS},
	{"[" A90 "]\n" A90 " = 1", 1, "unknown section [" A90 "]", KNOWN_SECTIONS},
	{"[environment]\npromt = a", 2, "unknown key 'promt' in [environment]",
	 "did you mean 'prompt'? known here: prompt, system-site-packages"},
	{"[environment]\nsystem_site_packages = 1", 2,
	 "unknown key 'system_site_packages' in [environment]",
	 "did you mean 'system-site-packages'? known here: prompt, system-site-packages"},
	{"[environment]\nhome = a", 2, "unknown key 'home' in [environment]",
	 "known here: prompt, system-site-packages"},
	{"[packages]\npath = a", 2, "unknown key 'path' in [packages]",
	 "'path' belongs in [store]; known here: requirements, find-links, store, bytecode, pip, "
	 "unlinked"},
	{"pip = no\n[packages]\n", 1, "the key 'pip' stands before the first section",
	 "'pip' belongs in [packages]"},
	{"name = x", 1, "the key 'name' stands before the first section", NULL},

	{"[store]\npath = /a\n\npath = /b", 4, "second 'path'; the first is in line 2", NULL},
	{"[store]\npath = /a\n[packages]\n[store]", 4,
	 "second section [store]; the first is in line 1", NULL},
	{"[layers]\na = /x\nb = /y\na = /z", 4, "second 'a'; the first is in line 2", NULL},
	{"[layers]\na = /x\nb = /y\nc = prefix:/y/../x/", 4,
	 "[layers] c: /x is already the layer in line 2", NULL},

	{"[packages]\nrequirements =", 2,
	 "[packages] requirements: expected the path of a requirements file, but there is no value",
	 NULL},
	{"[packages]\nrequirements = \"r.txt\"", 2,
	 "[packages] requirements: expected the path of a requirements file without quotes, which "
	 "are part of a value, not \"r.txt\"",
	 NULL},
	{"[packages]\npip = 'yes'", 2,
	 "[packages] pip: expected yes or no without quotes, which are part of a value, not 'yes'",
	 NULL},
	{"[packages]\nrequirements = ~bob/x", 2,
	 "[packages] requirements: only '~/' stands for a home directory",
	 "write the path in full; for a name that begins with '~', './~'"},
	{"[packages]\nbytecode = yes", 2,
	 "[packages] bytecode: expected background, wait or no, not 'yes'", NULL},
#define FIND_LINKS "[packages] find-links: expected directories or URLs, with commas between, "
	{"[packages]\nfind-links =", 2, FIND_LINKS "but there is no value", NULL},
	{"[packages]\nfind-links = ,", 2, FIND_LINKS "not ','", NULL},
	{"[packages]\nfind-links = a,", 2, FIND_LINKS "not 'a,'", NULL},
	{"[packages]\nfind-links = , a", 2, FIND_LINKS "not ', a'", NULL},
	{"[packages]\nfind-links = a, ,b", 2, FIND_LINKS "not 'a, ,b'", NULL},
	{"[packages]\nunlinked = a,,b", 2,
	 "[packages] unlinked: expected names of projects, with commas between, not 'a,,b'", NULL},
	{"[packages]\nunlinked = a, b==1", 2, "[packages] unlinked: 'b==1' is no name of a project",
	 NULL},
	{"[packages]\nfind-links = a, ~bob", 2,
	 "[packages] find-links: only '~/' stands for a home directory",
	 "write the path in full; for a name that begins with '~', './~'"},
	{"[packages]\nstore =", 2,
	 "[packages] store: expected the path of a wheel store, but there is no value", NULL},
	{"[packages]\nrequirement = a", 2, "unknown key 'requirement' in [packages]",
	 "did you mean 'requirements'? known here: requirements, find-links, store, bytecode, pip, "
	 "unlinked"},
	{"[packages]\npip = maybe", 2, "[packages] pip: expected yes or no, not 'maybe'", NULL},
	{"[packages]\npip = yes # ok", 2, "[packages] pip: expected yes or no, not 'yes # ok'",
	 NULL},
	{"[packages]\npip =", 2, "[packages] pip: expected yes or no, but there is no value", NULL},
	{"[environment]\nprompt =   \t", 2,
	 "[environment] prompt: expected text without control characters, but there is no value",
	 NULL},
	{"[environment]\nprompt = a\tb", 2,
	 "[environment] prompt: expected text without control characters, not 'a\tb'", NULL},
	{"[install-scripts]\nscripts-dir = Scripts", 2,
	 "[install-scripts] scripts-dir: expected bin, not 'Scripts'",
	 "CPython's venv scheme for POSIX puts scripts there, and tools rely on it"},
	{"[store]\npath =", 2, "[store] path: expected a path, but there is no value", NULL},
	{"[store]\npath = ~bob/x", 2, "[store] path: only '~/' stands for a home directory",
	 "write the path in full; for a name that begins with '~', './~'"},
	{"[layers]\na = prefix: ", 2, "[layers] a: expected PATH or prefix:PATH, not 'prefix:'",
	 NULL},

#define NOT_AN_ENTRY "expected 'key = value' or '[section]', not "
#define ONE_LINE     "every key and its value are one line, with '=' between them"
	{"[store]\nnonsense", 2, NOT_AN_ENTRY "'nonsense'", ONE_LINE},
	{"[layers]\nprefix:/opt/a", 2, NOT_AN_ENTRY "'prefix:/opt/a'", ONE_LINE},
	{"[layers]\na:b = /x", 2, NOT_AN_ENTRY "'a:b = /x'", ONE_LINE},
	{"[layers]\na = /x\n  /y", 3, NOT_AN_ENTRY "'/y'", ONE_LINE},
	{"[layers]\n= /x", 2, "there is no key before '='", NULL},
	{"[store\npath = /a", 1, "expected '[section]', not '[store'", NULL},
	{"[packages]\npip = no\n[store] path = /a\npip = /b\npip = /c\n", 3,
	 "expected '[section]', not '[store] path = /a'", NULL},
	{"[]", 1, "expected '[section]', not '[]'", NULL},

#define INLINE_HINT "a comment stands on a line of its own; no value can hold ' ;'"
	{"[environment]\nprompt = a ; b", 2, "a ';' follows a blank in 'prompt = a ; b'",
	 INLINE_HINT},
	{"[environment]\nprompt = ;", 2, "a ';' follows a blank in 'prompt = ;'", INLINE_HINT},
	{"[environment]\nprompt = a;b\t;c", 2, "a ';' follows a blank in 'prompt = a;b\t;c'",
	 INLINE_HINT},
	{"[store] ; where", 1, "expected '[section]', not '[store] ; where'", NULL},

#define LONG_HINT "a long path can be relative to the spec, or go through a link"
	{"[environment]\nprompt = " A189 "a", 2,
	 "the line of 'prompt' has 199 bytes; at most 198 are read", LONG_HINT},
	/* What inih would take for a line of its own after 199 bytes is not taken for one. */
	{"[packages]\n" A189 A10 "pip = no\npip = no", 2,
	 "the line has 207 bytes; at most 198 are read", LONG_HINT},

	{"# \xe9", 1, "the byte 0xe9 is not UTF-8", NULL},
	{"[environment]\nprompt = caf\xe9\n", 2, "the byte 0xe9 is not UTF-8", NULL},
	{"# over-long slash \xc0\xaf", 1, "the byte 0xc0 is not UTF-8", NULL},
	{"# surrogate \xed\xa0\x80", 1, "the byte 0xed is not UTF-8", NULL},
	{"# no second byte \xe2(\xa1", 1, "the byte 0xe2 is not UTF-8", NULL},
	{"# above U+10FFFF \xf4\x90\x80\x80", 1, "the byte 0xf4 is not UTF-8", NULL},
	{"# cut at the end of the line \xe2\x82\n", 1, "the byte 0xe2 is not UTF-8", NULL},
	{"[environment]\nprompt = a\x1b[31m", 2, "there is a control character, U+001B", NULL},
	{"[environment]\nprompt = a\rb", 2, "there is a control character, U+000D", NULL},
	{"[environment]\nprompt = \xc2\x9b", 2, "there is a control character, U+009B", NULL},
	{"[environment]\nprompt = \xe2\x80\xa8", 2, "there is a control character, U+2028", NULL},
};

START_TEST(a_mistake_is_named)
{
	_cleanup_error_list_ struct error_list errors = {0};

	write_file("spec.cfg", mistakes[_i].text, strlen(mistakes[_i].text));
	load_invalid("spec.cfg", -EINVAL, &errors);
	expect_error(&errors.items[0], mistakes[_i].line, mistakes[_i].message, mistakes[_i].hint);
	ck_assert_uint_eq(errors.count, 1);
}
END_TEST

START_TEST(all_mistakes_are_named_in_order)
{
	static const char text[] = "stray = 1\n"
				   "[environment]\n"
				   "promt = a\n"
				   "no equals sign\n"
				   "[nowhere]\n"
				   "its keys = are not looked at\n"
				   "[packages]\n"
				   "pip = 2\n"
				   "pip = no\n"
				   "[packages]\n"
				   "[layers]\n"
				   "b\xff = /x\n"
				   "c = ~d/e\n";
	static const unsigned lines[] = {1, 3, 4, 5, 8, 9, 10, 12, 13};
	const size_t count = sizeof(lines) / sizeof(lines[0]);
	_cleanup_error_list_ struct error_list errors = {0};

	/* What is in the list already stays there. */
	error_set(error_list_add(&errors), -EIO, "an older error");
	write_file("spec.cfg", text, strlen(text));
	load_invalid("spec.cfg", -EINVAL, &errors);
	ck_assert_str_eq(errors.items[0].message, "an older error");
	for (size_t i = 0; i < count && i + 1 < errors.count; i++)
		ck_assert_uint_eq(errors.items[i + 1].line, lines[i]);
	ck_assert_uint_eq(errors.count, count + 1);
}
END_TEST

START_TEST(a_nul_byte_ends_the_reading)
{
	static const char text[] = "[store]\n# \0\n[unknown]\n";
	_cleanup_error_list_ struct error_list errors = {0};

	write_file("spec.cfg", text, sizeof(text) - 1);
	load_invalid("spec.cfg", -EINVAL, &errors);
	expect_error(&errors.items[0], 2, "there is a NUL byte", NULL);
	ck_assert_uint_eq(errors.count, 1);
}
END_TEST

START_TEST(any_number_of_layers)
{
	const unsigned count = 20000;
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_spec_ struct spec *spec = NULL;
	_cleanup_error_list_ struct error_list errors = {0};

	buffer_puts(&text, "[layers]\n");
	for (unsigned i = 0; i < count; i++)
		buffer_printf(&text, "layer%u = /opt/%u\n", i, i);
	spec = load_valid(text.data);
	ck_assert_uint_eq(spec->layer_count, count);
	expect_layer(&spec->layers[count - 1], "layer19999", "/opt/19999", false, count + 1);

	buffer_puts(&text, "one more = /opt/777\n");
	write_file("spec.cfg", text.data, text.length);
	load_invalid("spec.cfg", -EINVAL, &errors);
	expect_error(&errors.items[0], count + 2,
		     "[layers] one more: /opt/777 is already the layer in line 779", NULL);
}
END_TEST

/* The default store of the spec at @path. */
static char *default_store(const char *path)
{
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_spec_ struct spec *spec = NULL;

	ck_assert_int_eq(spec_parse(path, "", 0, &spec, &errors), 0);
	ck_assert_uint_eq(spec->store_line, 0);
	return TAKE_PTR(spec->store);
}

/* The digits were computed by another implementation of FNV-1a. */
START_TEST(the_default_store_is_named_after_the_spec)
{
	static const struct {
		const char *data_home, *path, *store;
	} cases[] = {
		{"/data", "/srv/specs/proj.cfg", "/data/venvfs/envs/proj-49ff8382"},
		{"/data//a/..", "/proj", "/data/venvfs/envs/proj-de5312bd"},
		{"/data", "/srv/specs/.cfg", "/data/venvfs/envs/.cfg-c0a909b9"},
		{"not absolute", "/srv/specs/proj.cfg",
		 "/home/ann/.local/share/venvfs/envs/proj-49ff8382"},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		_cleanup_free_ char *store = NULL;

		ck_assert_int_eq(setenv("XDG_DATA_HOME", cases[i].data_home, 1), 0);
		store = default_store(cases[i].path);
		ck_assert_str_eq(store, cases[i].store);
	}
}
END_TEST

START_TEST(the_default_store_of_a_long_name_can_be_made)
{
	_cleanup_buffer_ struct buffer path = {0};
	_cleanup_free_ char *store = NULL;
	const char *name;

	/* 1 + 2 × 125 + 4 bytes: the longest that a file can have, cut within a character. */
	buffer_puts(&path, "/a");
	for (int i = 0; i < 125; i++)
		buffer_puts(&path, "\xc3\xa9");
	buffer_puts(&path, ".cfg");
	store = default_store(path.data);
	name = path_basename(store);
	ck_assert_int_eq(mkdir(name, 0700), 0);
	ck_assert_int_eq(strncmp(name, path.data + 1, 199), 0);
	ck_assert_int_eq(name[199], '-');
}
END_TEST

START_TEST(without_a_home_the_store_must_be_named)
{
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_spec_ struct spec *spec = NULL;
	const char *text = "[store]\npath = /a\n";

	become_stranger();
	ck_assert_int_eq(unsetenv("HOME") + unsetenv("XDG_DATA_HOME"), 0);
	ck_assert_int_eq(spec_parse(SPEC_PATH, text, strlen(text), &spec, &errors), 0);
	ck_assert_str_eq(spec->store, "/a");
	text = "[store]\npath = ~/a\n";
	ck_assert_int_eq(spec_parse(SPEC_PATH, text, strlen(text), &spec, &errors), -EINVAL);
	ck_assert_int_eq(spec_parse(SPEC_PATH, "", 0, &spec, &errors), -EINVAL);
	ck_assert_uint_eq(errors.count, 2);
	ck_assert_str_eq(errors.items[0].message,
			 "[store] path: there is no home directory for '~'");
	ck_assert_str_eq(errors.items[1].message,
			 "there is no home directory to keep the store in");
	ck_assert_str_eq(errors.items[1].file, SPEC_PATH);
	become_root();
}
END_TEST

/* Loads @name, which is no spec, and compares all of the error. */
static void expect_unreadable(const char *name, int code, const char *message)
{
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_free_ char *path = path_of(name);

	load_invalid(name, code, &errors);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.items[0].message, message);
	ck_assert_str_eq(errors.items[0].file, path);
	ck_assert_uint_eq(errors.items[0].line, 0);
}

START_TEST(what_is_no_file_is_refused)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_error_list_ struct error_list errors = {0};

	ck_assert_int_eq(mkdir("directory", 0700), 0);
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	expect_unreadable("directory", -EISDIR, "the spec is a directory, not a file");
	expect_unreadable("fifo", -EINVAL, "the spec is a FIFO, not a file");
	expect_unreadable("socket", -EINVAL, "the spec is a socket, not a file");
	load_invalid("/dev/zero", -EINVAL, &errors);
	ck_assert_str_eq(errors.items[0].message, "the spec is a device, not a file");
}
END_TEST

START_TEST(what_cannot_be_read_says_why)
{
	bool root = geteuid() == 0; /* who may read anything */

	expect_unreadable("absent.cfg", -ENOENT,
			  "the spec cannot be read: No such file or directory");
	ck_assert_int_eq(symlink("loop", "loop"), 0);
	expect_unreadable("loop", -ELOOP,
			  "the spec cannot be read: Too many levels of symbolic links");
	write_file("secret.cfg", "", 0);
	ck_assert_int_eq(chmod("secret.cfg", 0), 0);
	ck_assert_int_eq(chmod(directory, 0755), 0);
	if (root)
		become_stranger();
	expect_unreadable("secret.cfg", -EACCES, "the spec cannot be read: Permission denied");
	if (root)
		become_root();
}
END_TEST

START_TEST(a_spec_has_at_most_one_mebibyte)
{
	_cleanup_free_ char *text = malloc(SPEC_SIZE_MAX + 1);
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_spec_ struct spec *spec = NULL;

	ck_assert_ptr_nonnull(text);
	memset(text, '#', SPEC_SIZE_MAX + 1);
	write_file("large.cfg", text, SPEC_SIZE_MAX);
	ck_assert_int_eq(spec_load("large.cfg", &spec, &errors), 0);
	ck_assert_uint_eq(strlen(spec->text), SPEC_SIZE_MAX);
	write_file("large.cfg", text, SPEC_SIZE_MAX + 1);
	expect_unreadable("large.cfg", -EFBIG, "the spec is larger than 1024 KiB");
}
END_TEST

START_TEST(relative_paths_count_from_the_link_to_a_spec)
{
	_cleanup_free_ char *store = path_of("links/store");
	_cleanup_free_ char *path = path_of("links/spec.cfg");
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_spec_ struct spec *spec = NULL;
	const char *text = "[store]\npath = store";

	write_file("linked.cfg", text, strlen(text));
	ck_assert_int_eq(mkdir("links", 0700), 0);
	ck_assert_int_eq(symlink("../linked.cfg", "links/spec.cfg"), 0);
	ck_assert_int_eq(spec_load("links/./spec.cfg", &spec, &errors), 0);
	ck_assert_str_eq(spec->store, store);
	ck_assert_str_eq(spec->path, path);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("spec");

	tcase_add_unchecked_fixture(tests, make_directory, remove_directory);
	tcase_add_checked_fixture(tests, set_environment, NULL);
	tcase_add_loop_test(tests, an_empty_spec_has_all_defaults, 0, COUNT(empty_specs));
	tcase_add_test(tests, a_full_spec_is_read);
	tcase_add_test(tests, booleans_have_four_spellings_in_any_case);
	tcase_add_loop_test(tests, a_value_is_the_rest_of_its_line, 0, COUNT(values));
	tcase_add_loop_test(tests, a_path_is_absolute_and_normalised, 0, COUNT(paths));
	tcase_add_test(tests, an_executable_is_a_name_or_a_path);
	tcase_add_test(tests, names_of_projects_are_normalised);
	tcase_add_test(tests, requirements_and_their_sources_count_from_the_spec);
	tcase_add_test(tests, bytecode_is_one_of_three_words);
	tcase_add_test(tests, a_version_is_one_that_is_served);
	tcase_add_loop_test(tests, a_mistake_is_named, 0, COUNT(mistakes));
	tcase_add_test(tests, all_mistakes_are_named_in_order);
	tcase_add_test(tests, a_nul_byte_ends_the_reading);
	tcase_add_test(tests, any_number_of_layers);
	tcase_add_test(tests, the_default_store_is_named_after_the_spec);
	tcase_add_test(tests, the_default_store_of_a_long_name_can_be_made);
	if (geteuid() == 0)
		tcase_add_test(tests, without_a_home_the_store_must_be_named);
	else
		puts("# not run: without_a_home_the_store_must_be_named, which must be root to "
		     "become a user without a home");
	tcase_add_test(tests, what_is_no_file_is_refused);
	tcase_add_test(tests, what_cannot_be_read_says_why);
	tcase_add_test(tests, a_spec_has_at_most_one_mebibyte);
	tcase_add_test(tests, relative_paths_count_from_the_link_to_a_spec);
	return run_tests("spec", tests);
}
