/* Text: buffers, errors, paths. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/error.h"
#include "venvfs/path.h"

/* Buffers */

START_TEST(a_buffer_grows_and_stays_a_string)
{
	_cleanup_buffer_ struct buffer buffer = {0};

	for (int i = 0; i < 10000; i++) {
		buffer_putc(&buffer, (char)('a' + i % 26));
		ck_assert_uint_eq(buffer.length, (size_t)i + 1);
		ck_assert_int_eq(buffer.data[buffer.length], '\0');
	}
	ck_assert_int_eq(buffer_status(&buffer), 0);
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(buffer.data[i], 'a' + i % 26);
}
END_TEST

START_TEST(a_buffer_holds_any_bytes)
{
	_cleanup_buffer_ struct buffer buffer = {0};

	buffer_append(&buffer, "a\0b", 3);
	buffer_puts(&buffer, "cd");
	buffer_printf(&buffer, "%d-%s", 7, "e");
	ck_assert_uint_eq(buffer.length, 8);
	ck_assert_mem_eq(buffer.data, "a\0bcd7-e", 9);
}
END_TEST

START_TEST(a_buffer_can_be_taken)
{
	struct buffer buffer = {0};
	char *string = buffer_take(&buffer);

	ck_assert_str_eq(string, "");
	free(string);
	buffer_puts(&buffer, "text");
	string = buffer_take(&buffer);
	ck_assert_str_eq(string, "text");
	free(string);
	ck_assert_ptr_null(buffer.data);
	ck_assert_uint_eq(buffer.length, 0);
}
END_TEST

START_TEST(a_failed_append_is_remembered)
{
	struct buffer buffer = {0};

	buffer_puts(&buffer, "text");
	/* More than there can be: the size overflows. */
	buffer_append(&buffer, "", (size_t)-1);
	buffer_puts(&buffer, "more");
	ck_assert_int_eq(buffer_status(&buffer), -ENOMEM);
	ck_assert_str_eq(buffer.data, "text");
	ck_assert_ptr_null(buffer_take(&buffer));
	ck_assert_int_eq(buffer_status(&buffer), 0);
}
END_TEST

/* Errors */

static const struct {
	const char *message, *file, *hint, *text;
	unsigned line;
} errors[] = {
	{"it broke", NULL, NULL, "it broke", 0},
	{"it broke", "spec.cfg", NULL, "spec.cfg: it broke", 0},
	{"it broke", "spec.cfg", NULL, "spec.cfg:12: it broke", 12},
	{"it broke", NULL, "mend it", "it broke\n  mend it", 0},
	{"100% broke", "a%sb", "use %n", "a%sb:1: 100% broke\n  use %n", 1},
};

START_TEST(an_error_says_where_and_what_to_do)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *text = NULL;

	ck_assert_int_eq(error_set(&error, -EIO, "%s", errors[_i].message), -EIO);
	if (errors[_i].file)
		error_at(&error, errors[_i].file, errors[_i].line);
	if (errors[_i].hint)
		error_hint(&error, "%s", errors[_i].hint);
	text = error_format(&error);
	ck_assert_str_eq(text, errors[_i].text);
}
END_TEST

START_TEST(an_error_can_be_replaced_and_cleared)
{
	struct error error = ERROR_INIT;

	error_set(&error, -EIO, "first");
	ck_assert_int_eq(error_set_errno(&error, -ENOENT, "file %d", 3), -ENOENT);
	ck_assert_str_eq(error.message, "file 3: No such file or directory");
	error_clear(&error);
	ck_assert_ptr_null(error.message);
	error_clear(&error);
}
END_TEST

START_TEST(nobody_needs_to_ask_for_an_error)
{
	ck_assert_int_eq(error_set(NULL, -EPERM, "x"), -EPERM);
	ck_assert_int_eq(error_set_errno(NULL, -EBUSY, "x"), -EBUSY);
	error_at(NULL, "x", 1);
	error_hint(NULL, "x");
}
END_TEST

START_TEST(a_list_owns_its_errors)
{
	_cleanup_error_list_ struct error_list list = {0};

	for (int i = 0; i < 100; i++)
		error_set(error_list_add(&list), -EINVAL, "error %d", i);
	ck_assert_uint_eq(list.count, 100);
	ck_assert_str_eq(list.items[0].message, "error 0");
	ck_assert_str_eq(list.items[99].message, "error 99");
	ck_assert_ptr_null(list.items[99].file);
}
END_TEST

/* Paths */

static const struct {
	const char *path, *base, *absolute;
} absolutes[] = {
	{"/", "/x", "/"},           {"/a/b", "/x", "/a/b"},     {"//a///b//", "/x", "/a/b"},
	{"/a/./b/.", "/x", "/a/b"}, {"/a/../b", "/x", "/b"},    {"/..", "/x", "/"},
	{"/../../a/..", "/x", "/"}, {"/a/...", "/x", "/a/..."}, {"/a/..b/.c", "/x", "/a/..b/.c"},
	{"a", "/x/y", "/x/y/a"},    {"../a", "/x/y", "/x/a"},   {"../../../a", "/x/y", "/a"},
	{"", "/x/y", "/x/y"},       {".", "/x/./y/", "/x/y"},
};

START_TEST(a_path_is_made_absolute_and_folded)
{
	_cleanup_free_ char *out = NULL;

	ck_assert_int_eq(path_absolute(absolutes[_i].path, absolutes[_i].base, &out), 0);
	ck_assert_str_eq(out, absolutes[_i].absolute);
}
END_TEST

START_TEST(a_relative_path_counts_from_the_working_directory)
{
	_cleanup_free_ char *out = NULL;

	ck_assert_int_eq(chdir("/usr"), 0);
	setenv("PWD", "/etc", 1); /* a lie */
	ck_assert_int_eq(path_absolute("bin/../x", NULL, &out), 0);
	ck_assert_str_eq(out, "/usr/x");
}
END_TEST

START_TEST(a_tilde_is_the_home)
{
	_cleanup_free_ char *alone = NULL, *below = NULL, *other = NULL, *inside = NULL;

	setenv("HOME", "/home/ann", 1);
	ck_assert_int_eq(path_expand("~", "/x", &alone), 0);
	ck_assert_str_eq(alone, "/home/ann");
	ck_assert_int_eq(path_expand("~//a/../b", "/x", &below), 0);
	ck_assert_str_eq(below, "/home/ann/b");
	/* Not the home of a user called "bob", and not in the middle of a path. */
	ck_assert_int_eq(path_expand("~bob", "/x", &other), 0);
	ck_assert_str_eq(other, "/x/~bob");
	ck_assert_int_eq(path_expand("a/~", "/x", &inside), 0);
	ck_assert_str_eq(inside, "/x/a/~");
}
END_TEST

static const struct {
	const char *a, *b, *joined;
} joins[] = {
	{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"a", "", "a"}, {"/", "b", "/b"},
};

START_TEST(two_paths_are_joined)
{
	_cleanup_free_ char *out = NULL;

	ck_assert_int_eq(path_join(joins[_i].a, joins[_i].b, &out), 0);
	ck_assert_str_eq(out, joins[_i].joined);
}
END_TEST

static const struct {
	const char *path, *directory;
	bool within;
} withins[] = {
	{"/a", "/a", true},    {"/a/b", "/a", true}, {"/ab", "/a", false}, {"/", "/a", false},
	{"/b/a", "/a", false}, {"/a", "/", true},    {"/", "/", true},     {"/a/b", "/a/", true},
};

START_TEST(within_is_by_whole_names)
{
	ck_assert_int_eq(path_is_within(withins[_i].path, withins[_i].directory),
			 withins[_i].within);
}
END_TEST

START_TEST(the_last_name_of_a_path)
{
	ck_assert_str_eq(path_basename("/a/b"), "b");
	ck_assert_str_eq(path_basename("b"), "b");
	ck_assert_str_eq(path_basename("/"), "");
}
END_TEST

START_TEST(xdg_directories_must_be_absolute)
{
	_cleanup_free_ char *set = NULL, *relative = NULL, *unset = NULL;

	setenv("HOME", "/home/ann", 1);
	setenv("XDG_DATA_HOME", "/data", 1);
	ck_assert_int_eq(path_xdg("XDG_DATA_HOME", ".local/share", &set), 0);
	ck_assert_str_eq(set, "/data/venvfs");
	setenv("XDG_DATA_HOME", "data", 1);
	ck_assert_int_eq(path_xdg("XDG_DATA_HOME", ".local/share", &relative), 0);
	ck_assert_str_eq(relative, "/home/ann/.local/share/venvfs");
	unsetenv("XDG_DATA_HOME");
	ck_assert_int_eq(path_xdg("XDG_DATA_HOME", ".local/share", &unset), 0);
	ck_assert_str_eq(unset, "/home/ann/.local/share/venvfs");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("base");

	tcase_add_test(tests, a_buffer_grows_and_stays_a_string);
	tcase_add_test(tests, a_buffer_holds_any_bytes);
	tcase_add_test(tests, a_buffer_can_be_taken);
	tcase_add_test(tests, a_failed_append_is_remembered);
	tcase_add_loop_test(tests, an_error_says_where_and_what_to_do, 0, COUNT(errors));
	tcase_add_test(tests, an_error_can_be_replaced_and_cleared);
	tcase_add_test(tests, nobody_needs_to_ask_for_an_error);
	tcase_add_test(tests, a_list_owns_its_errors);
	tcase_add_loop_test(tests, a_path_is_made_absolute_and_folded, 0, COUNT(absolutes));
	tcase_add_test(tests, a_relative_path_counts_from_the_working_directory);
	tcase_add_test(tests, a_tilde_is_the_home);
	tcase_add_loop_test(tests, two_paths_are_joined, 0, COUNT(joins));
	tcase_add_loop_test(tests, within_is_by_whole_names, 0, COUNT(withins));
	tcase_add_test(tests, the_last_name_of_a_path);
	tcase_add_test(tests, xdg_directories_must_be_absolute);
	return run_tests("base", tests);
}
