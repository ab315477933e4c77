/* Requirements files, in pip's format. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/requirements_file.h"

#define PATH "/srv/proj/requirements.txt"
#define HEX  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static char directory[] = "/tmp/venvfs-test-requirements-XXXXXX";

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
	ck_assert_int_eq(setenv("NAME_1", "filled-in", 1), 0);
	ck_assert_int_eq(unsetenv("NAME_2"), 0);
	ck_assert_int_eq(chdir(directory), 0);
}

static struct requirements *parse(const char *text)
{
	_cleanup_error_list_ struct error_list errors = {0};
	struct requirements *requirements = NULL;
	int r = requirements_parse(PATH, text, strlen(text), &requirements, &errors);

	ck_assert_msg(r == 0, "%s: %s", text, errors.count ? errors.items[0].message : "");
	ck_assert_uint_eq(errors.count, 0);
	return requirements;
}

/* "KIND NAME VALUE", with "-" for what is not there. */
static void describe(const struct requirements_line *line, struct buffer *out)
{
	static const char *const kinds[] = {
		[REQUIREMENTS_NAMED] = "named",
		[REQUIREMENTS_WHEEL] = "wheel",
		[REQUIREMENTS_FIND_LINKS] = "find-links",
		[REQUIREMENTS_OPTION] = "option",
		[REQUIREMENTS_NEEDS_PIP] = "pip",
		[REQUIREMENTS_FILE] = "file",
		[REQUIREMENTS_CONSTRAINTS] = "constraints",
	};

	buffer_printf(out, "%s%s %s %s", line->editable ? "editable " : "", kinds[line->kind],
		      line->requirement ? line->requirement->normalised : "-",
		      line->value ? line->value : "-");
}

static const struct {
	const char *text, *meaning;
} lines[] = {
	{"Foo.Bar>=1 # comment", "named foo-bar -"},
	{"  foo\t", "named foo -"},
	{"foo ; os_name == 'posix'", "named foo -"},
	{"\xef\xbb\xbf"
	 "foo",
	 "named foo -"},
	{"${NAME_1}", "named filled-in -"},
	{"./wheels/Foo_Bar-1.0-py3-none-any.whl",
	 "wheel foo-bar /srv/proj/wheels/Foo_Bar-1.0-py3-none-any.whl"},
	{"../foo-1.0-py3-none-any.whl[x, y] ; os_name == 'nt'",
	 "wheel foo /srv/foo-1.0-py3-none-any.whl"},
	{"~/foo-1.0-py3-none-any.whl", "wheel foo /home/ann/foo-1.0-py3-none-any.whl"},
	{"foo-1.0-py3-none-any.whl", "wheel foo /srv/proj/foo-1.0-py3-none-any.whl"},
	{"/x/foo-1.0-py3-none-any.whl", "wheel foo /x/foo-1.0-py3-none-any.whl"},
	{"file:///x/foo-1.0+a-py3-none-any.whl#sha256=" HEX,
	 "wheel foo /x/foo-1.0+a-py3-none-any.whl"},
	{"foo @ file:///x%20y/foo-1.0-py3-none-any.whl", "wheel foo /x y/foo-1.0-py3-none-any.whl"},
	{"foo @ file://localhost/x/foo-1.0-py3-none-any.whl",
	 "wheel foo /x/foo-1.0-py3-none-any.whl"},
	{"foo @ https://example.com/foo-1.0-py3-none-any.whl",
	 "pip foo a URL to fetch or to build"},
	{"https://example.com/foo-1.0.tar.gz", "pip - a URL to fetch or to build"},
	{"git+ssh://git@example.com/foo.git", "pip - a URL to fetch or to build"},
	{"./foo", "pip - a source archive or a directory"},
	{".", "pip - a source archive or a directory"},
	{"foo-1.0.tar.gz", "pip - a source archive or a directory"},
	{"-e ./foo", "editable pip - an editable install"},
	{"--editable=git+https://example.com/x#egg=x", "editable pip - an editable install"},
	{"-f wheels", "find-links - /srv/proj/wheels"},
	{"-fwheels", "find-links - /srv/proj/wheels"},
	{"--find-links='my wheels'", "find-links - /srv/proj/my wheels"},
	{"--find-links my\\ wheels", "find-links - /srv/proj/my wheels"},
	{"--find-links https://example.com/x", "find-links - https://example.com/x"},
	{"--find-links file:///srv/x", "find-links - /srv/x"},
	{"-r other.txt", "file - /srv/proj/other.txt"},
	{"--requirement ../other.txt", "file - /srv/other.txt"},
	{"-c /x/constraints.txt", "constraints - /x/constraints.txt"},
	{"-r https://example.com/r.txt", "pip - a requirements file to fetch"},
	{"-i https://example.com/simple", "option - -i"},
	{"--extra-index-url=https://example.com/simple", "option - --extra-index-url"},
	{"--no-index", "option - --no-index"},
	{"--pre", "option - --pre"},
	{"--no-binary :all:", "pip - a build from source"},
};

START_TEST(lines_mean_what_pip_takes_them_for)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	_cleanup_buffer_ struct buffer meaning = {0};

	requirements = parse(lines[_i].text);
	ck_assert_uint_eq(requirements->count, 1);
	describe(&requirements->lines[0], &meaning);
	ck_assert_str_eq(meaning.data, lines[_i].meaning);
	ck_assert_uint_eq(requirements->lines[0].line, 1);
	ck_assert_str_eq(requirements->lines[0].file, PATH);
}
END_TEST

static const char *const nothing[] = {"", "\n\n", "# comment", "   # comment\n\t\n", "\\\n\\\n"};

START_TEST(some_lines_mean_nothing)
{
	_cleanup_requirements_ struct requirements *requirements = parse(nothing[_i]);

	ck_assert_uint_eq(requirements->count, 0);
}
END_TEST

START_TEST(lines_are_continued)
{
	_cleanup_requirements_ struct requirements *requirements =
		parse("# not \\\nfoo \\\n  >=1, \\\n <2 \\\n # end\r\nbar\\\n\nbaz\rlast\\");

	ck_assert_uint_eq(requirements->count, 4);
	ck_assert_str_eq(requirements->lines[0].requirement->name, "foo");
	ck_assert_uint_eq(requirements->lines[0].requirement->specifiers.count, 2);
	ck_assert_uint_eq(requirements->lines[0].line, 2);
	ck_assert_str_eq(requirements->lines[1].requirement->name, "bar");
	ck_assert_uint_eq(requirements->lines[1].line, 6);
	ck_assert_str_eq(requirements->lines[2].requirement->name, "baz");
	ck_assert_uint_eq(requirements->lines[2].line, 8);
	ck_assert_str_eq(requirements->lines[3].requirement->name, "last");
	ck_assert_uint_eq(requirements->lines[3].line, 9);
}
END_TEST

START_TEST(hashes_belong_to_their_requirement)
{
	_cleanup_requirements_ struct requirements *requirements =
		parse("foo==1 --hash=SHA256:" HEX " --hash sha384:" HEX
		      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nbar==2");

	ck_assert(requirements->require_hashes);
	ck_assert_uint_eq(requirements->lines[0].hashes.count, 2);
	ck_assert_str_eq(requirements->lines[0].hashes.items[0], "sha256:" HEX);
	ck_assert_uint_eq(requirements->lines[1].hashes.count, 0);
}
END_TEST

START_TEST(a_fragment_may_be_a_hash)
{
	_cleanup_requirements_ struct requirements *requirements =
		parse("foo @ file:///foo-1.0-py3-none-any.whl#egg=foo&sha256=" HEX);

	ck_assert_uint_eq(requirements->lines[0].hashes.count, 1);
	ck_assert_str_eq(requirements->lines[0].hashes.items[0], "sha256:" HEX);
}
END_TEST

START_TEST(options_for_all_are_remembered)
{
	_cleanup_requirements_ struct requirements *requirements =
		parse("--require-hashes --no-index\n--pre -f wheels");

	ck_assert(requirements->require_hashes && requirements->no_index && requirements->pre);
	ck_assert_uint_eq(requirements->count, 3);
	ck_assert_int_eq(requirements->lines[2].kind, REQUIREMENTS_FIND_LINKS);
	ck_assert_uint_eq(requirements->lines[2].line, 2);
}
END_TEST

START_TEST(a_wheel_has_extras_and_a_marker)
{
	_cleanup_requirements_ struct requirements *requirements =
		parse("./foo-1.0-py3-none-any.whl[x, Y_z] ; os_name == 'nt'");
	const struct requirement *requirement = requirements->lines[0].requirement;

	ck_assert_uint_eq(requirement->extras.count, 2);
	ck_assert_str_eq(requirement->extras.items[1], "y-z");
	ck_assert_str_eq(requirement->marker, "os_name == 'nt'");
}
END_TEST

static const struct {
	const char *line, *message;
} wrong[] = {
	{"foo bar", "'bar' is not a version specifier"},
	{"foo#bar", "'#bar' is not a version specifier"},
	{"${NAME_2}", "has no name"},
	{"foo ; os_nam == 'x'", "has no variable"},
	{"--frob", "'--frob' is not an option of requirements files"},
	{"foo --frob", "'--frob' is not an option"},
	{"--pre=1", "'--pre' takes no value"},
	{"-r", "'-r' needs a value"},
	{"--hash=sha256:" HEX, "'--hash' follows no requirement"},
	{"foo --hash=sha256:00", "is not a hash"},
	{"foo --hash=md5:d41d8cd98f00b204e9800998ecf8427e", "is not a hash"},
	{"foo --hash=sha256:" HEX "0", "is not a hash"},
	{"-f 'a", "a quote is not closed"},
	{"./foo.whl", "is not the file name of a wheel"},
	{"bar @ file:///foo-1.0-py3-none-any.whl", "is a wheel of 'foo', not of 'bar'"},
	{"file://example.com/foo-1.0-py3-none-any.whl", "does not name a file on this host"},
	{"file:///%zz/foo-1.0-py3-none-any.whl", "has a wrong '%' in it"},
	{"file:///%00/foo-1.0-py3-none-any.whl", "has a wrong '%' in it"},
};

START_TEST(a_wrong_line_is_named)
{
	_cleanup_error_list_ struct error_list errors = {0};
	_cleanup_buffer_ struct buffer text = {0};
	struct requirements *requirements = NULL;

	buffer_printf(&text, "good\n%s\n", wrong[_i].line);
	ck_assert_int_eq(requirements_parse(PATH, text.data, text.length, &requirements, &errors),
			 -EINVAL);
	ck_assert_ptr_null(requirements);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(errors.items[0].file, PATH);
	ck_assert_uint_eq(errors.items[0].line, 2);
	ck_assert_msg(strstr(errors.items[0].message, wrong[_i].message), "%s",
		      errors.items[0].message);
}
END_TEST

START_TEST(all_wrong_lines_are_named)
{
	_cleanup_error_list_ struct error_list errors = {0};
	struct requirements *requirements = NULL;
	const char text[] = "good\n--frob\nfoo bar\n\0\n";

	ck_assert_int_eq(requirements_parse(PATH, text, sizeof(text) - 1, &requirements, &errors),
			 -EINVAL);
	ck_assert_uint_eq(errors.count, 3);
	ck_assert_uint_eq(errors.items[0].line, 2);
	ck_assert_uint_eq(errors.items[1].line, 3);
	ck_assert_uint_eq(errors.items[2].line, 4);
	ck_assert_str_eq(errors.items[2].message, "the line holds a NUL");
}
END_TEST

static const struct {
	const char *path, *text, *message; /* NULL: it is none of those */
	unsigned line;
} foreign[] = {
	{"/x/uv.lock", "version = 1\nrevision = 3\n\n[[package]]\nname = \"x\"\n", "but TOML", 1},
	{"/x/pyproject.toml", "\n# ours\n[project]\nname = 'x'\n", "but TOML", 3},
	{"/x/mylock.toml", "\xef\xbb\xbflock-version = \"1.0\"\n", "but TOML", 1},
	{"/x/Pipfile", "[[source]]\nurl = 'x'\n", "but TOML", 1},
	{"/x/setup.cfg", "[metadata]\nname = x\n", "but TOML or INI", 1},
	{"/x/Pipfile.lock", "{\n", "but JSON", 1},
	{"/x/environment.yml", "name: x\ndependencies:\n  - numpy\n", "but YAML", 1},
	{"/x/environment.yml", "dependencies:\n", "but YAML", 1},
	{"/x/environment.yml", "--- \n- numpy\n", "but YAML", 1},
	{"/x/r.txt", "numpy=1.26\n", NULL, 0},
	{"/x/r.txt", "numpy = 1.26\n", NULL, 0},
	{"/x/r.txt", "numpy == 1.26\n", NULL, 0},
	{"/x/r.txt", "numpy ===1.26\n", NULL, 0},
	{"/x/r.txt", "https://x/y.whl\n", NULL, 0},
	{"/x/r.txt", "numpy\n[x]\n", NULL, 0},
	{"/x/r.txt", "--hash=x\n", NULL, 0},
	{"/x/r.txt", "# a = 1\n", NULL, 0},
};

START_TEST(what_is_no_requirements_file_is_said_once)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	_cleanup_error_list_ struct error_list errors = {0};
	const char *text = foreign[_i].text;
	int r = requirements_parse(foreign[_i].path, text, strlen(text), &requirements, &errors);

	if (!foreign[_i].message) {
		for (size_t i = 0; i < errors.count; i++)
			ck_assert_ptr_null(strstr(errors.items[i].message, "no requirements file"));
		return;
	}
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_str_eq(strstr(errors.items[0].message, "but "), foreign[_i].message);
	ck_assert_uint_eq(errors.items[0].line, foreign[_i].line);
	ck_assert_ptr_nonnull(errors.items[0].hint);
}
END_TEST

/* Files that name files */

static void write_file(const char *name, const char *text)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
}

static int load(const char *name, struct requirements **out, struct error_list *errors)
{
	_cleanup_free_ char *path = NULL;

	ck_assert_int_eq(path_absolute(name, NULL, &path), 0);
	return requirements_load(path, out, errors);
}

START_TEST(files_are_followed)
{
	_cleanup_requirements_ struct requirements *requirements = NULL;
	_cleanup_error_list_ struct error_list errors = {0};
	const struct requirements_line *line;

	ck_assert_int_eq(io_make_directories("sub", 0700), 0);
	write_file("all.txt", "-r sub/more.txt\n-c pins.txt\nfoo\n");
	write_file("sub/more.txt", "bar\n./baz-1-py3-none-any.whl\n");
	write_file("pins.txt", "foo==1\n-r sub/pins.txt\n");
	write_file("sub/pins.txt", "qux\n");
	ck_assert_int_eq(load("all.txt", &requirements, &errors), 0);
	ck_assert_uint_eq(requirements->count, 5);
	ck_assert_uint_eq(requirements->files.count, 4);
	for (size_t i = 0; i < requirements->count; i++) {
		line = &requirements->lines[i];
		ck_assert_int_eq(line->constraint,
				 strcmp(path_basename(line->file), "pins.txt") == 0 &&
					 !strstr(line->file, "sub/"));
		if (line->kind == REQUIREMENTS_WHEEL)
			ck_assert_ptr_nonnull(strstr(line->value, "/sub/baz-1-py3-none-any.whl"));
	}
}
END_TEST

START_TEST(a_file_that_includes_itself_is_refused)
{
	_cleanup_error_list_ struct error_list errors = {0};
	struct requirements *requirements = NULL;

	write_file("one.txt", "-r two.txt\n");
	write_file("two.txt", "good\n-c one.txt\n");
	ck_assert_int_eq(load("one.txt", &requirements, &errors), -EINVAL);
	ck_assert_uint_eq(errors.count, 1);
	ck_assert_uint_eq(errors.items[0].line, 2);
	ck_assert_ptr_nonnull(strstr(errors.items[0].message, "includes itself"));
}
END_TEST

START_TEST(all_that_cannot_be_read_is_named)
{
	_cleanup_error_list_ struct error_list errors = {0};
	struct requirements *requirements = NULL;

	write_file("three.txt", "-r none.txt\n-c gone.txt\n--frob\n");
	ck_assert_int_lt(load("three.txt", &requirements, &errors), 0);
	ck_assert_uint_eq(errors.count, 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_str_eq(path_basename(errors.items[i].file), "three.txt");
		ck_assert_uint_le(errors.items[i].line, 3);
		ck_assert_uint_ge(errors.items[i].line, 1);
	}
	ck_assert_ptr_nonnull(strstr(errors.items[0].message, "/none.txt cannot be read: No such"));
	ck_assert_uint_eq(errors.items[0].line, 1);
	ck_assert_ptr_null(requirements);
}
END_TEST

START_TEST(files_do_not_multiply_without_end)
{
	_cleanup_error_list_ struct error_list errors = {0};
	struct requirements *requirements = NULL;

	/* Each names the next one twice: 2^20 files for whoever follows them all. */
	for (int i = 0; i < 20; i++) {
		char name[20], text[60];

		snprintf(name, sizeof(name), "f%d.txt", i);
		snprintf(text, sizeof(text), "-r f%d.txt\n-r f%d.txt\n", i + 1, i + 1);
		write_file(name, text);
	}
	write_file("f20.txt", "foo\n");
	ck_assert_int_eq(load("f0.txt", &requirements, &errors), -EINVAL);
	ck_assert_ptr_nonnull(strstr(errors.items[0].message, "more than 256 requirements files"));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("requirements_file");

	tcase_add_unchecked_fixture(tests, make_directory, remove_directory);
	tcase_add_checked_fixture(tests, set_environment, NULL);
	tcase_add_loop_test(tests, lines_mean_what_pip_takes_them_for, 0, COUNT(lines));
	tcase_add_loop_test(tests, some_lines_mean_nothing, 0, COUNT(nothing));
	tcase_add_test(tests, lines_are_continued);
	tcase_add_test(tests, hashes_belong_to_their_requirement);
	tcase_add_test(tests, a_fragment_may_be_a_hash);
	tcase_add_test(tests, options_for_all_are_remembered);
	tcase_add_test(tests, a_wheel_has_extras_and_a_marker);
	tcase_add_loop_test(tests, a_wrong_line_is_named, 0, COUNT(wrong));
	tcase_add_test(tests, all_wrong_lines_are_named);
	tcase_add_loop_test(tests, what_is_no_requirements_file_is_said_once, 0, COUNT(foreign));
	tcase_add_test(tests, files_are_followed);
	tcase_add_test(tests, a_file_that_includes_itself_is_refused);
	tcase_add_test(tests, all_that_cannot_be_read_is_named);
	tcase_add_test(tests, files_do_not_multiply_without_end);
	return run_tests("requirements_file", tests);
}
