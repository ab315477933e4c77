/* File names of wheels, and which of them an interpreter takes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "venvfs/wheel_tags.h"

static struct wheel_name parse(const char *file_name)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct wheel_name name;

	ck_assert_msg(wheel_name_parse(file_name, &name, &error) == 0, "%s", error.message);
	return name;
}

START_TEST(a_file_name_has_five_parts_or_six)
{
	_cleanup_wheel_name_ struct wheel_name five =
		parse("Foo.Bar_baz-1.0rc1-py2.py3-none-Any.whl");
	_cleanup_wheel_name_ struct wheel_name six =
		parse("foo-1!1.0+cu118-12a-cp311-cp311-manylinux_2_17_x86_64.whl");

	ck_assert_str_eq(five.name, "Foo.Bar_baz");
	ck_assert_str_eq(five.normalised, "foo-bar-baz");
	ck_assert_str_eq(five.version.text, "1.0rc1");
	ck_assert_ptr_null(five.build);
	ck_assert_str_eq(five.python, "py2.py3");
	ck_assert_str_eq(five.abi, "none");
	ck_assert_str_eq(five.platform, "any");
	ck_assert_str_eq(six.version.text, "1!1.0+cu118");
	ck_assert_str_eq(six.build, "12a");
	ck_assert_str_eq(six.platform, "manylinux_2_17_x86_64");
}
END_TEST

static const struct {
	const char *file_name, *message;
} wrong[] = {
	{"", "is not the file name of a wheel"},
	{".whl", "it has 1 parts, not 5 or 6"},
	{"foo-1.0-py3-none-any.zip", "is not the file name of a wheel"},
	{"foo-1.0-py3-none-any.whl ", "is not the file name of a wheel"},
	{"foo-1.0-none-any.whl", "it has 4 parts"},
	{"foo-1.0-1-2-py3-none-any.whl", "it has 7 parts"},
	{"foo bar-1.0-py3-none-any.whl", "its name is wrong"},
	{"foo__bar-1.0-py3-none-any.whl", "its name is wrong"},
	{"../foo-1.0-py3-none-any.whl", "its name is wrong"},
	{"-1.0-py3-none-any.whl", "its name is wrong"},
	{"foo--py3-none-any.whl", "its version is wrong"},
	{"foo-x-py3-none-any.whl", "its version is wrong"},
	{"foo-1.0-a1-py3-none-any.whl", "its build number is wrong"},
	{"foo-1.0--py3-none-any.whl", "its build number is wrong"},
	{"foo-1.0-py3--any.whl", "its tags are wrong"},
	{"foo-1.0-py3.-none-any.whl", "its tags are wrong"},
	{"foo-1.0-py3-none-a/b.whl", "its tags are wrong"},
};

START_TEST(a_wrong_file_name_is_refused)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct wheel_name name;

	ck_assert_int_eq(wheel_name_parse(wrong[_i].file_name, &name, &error), -EINVAL);
	ck_assert_msg(strstr(error.message, wrong[_i].message), "%s", error.message);
}
END_TEST

START_TEST(a_file_name_is_not_longer_than_file_systems_take)
{
	char file_name[300];

	memset(file_name, 'a', sizeof(file_name));
	strcpy(file_name + 256 - strlen("-1.0-py3-none-any.whl"), "-1.0-py3-none-any.whl");
	ck_assert_int_eq(wheel_name_parse(file_name, &(struct wheel_name){0}, NULL), -EINVAL);
}
END_TEST

/* In ascending order. */
static const char *const builds[] = {
	"foo-1-py3-none-any.whl",     "foo-1-0-py3-none-any.whl", "foo-1-1-py3-none-any.whl",
	"foo-1-1a-py3-none-any.whl",  "foo-1-2-py3-none-any.whl", "foo-1-10-py3-none-any.whl",
	"foo-1-10b-py3-none-any.whl",
};

START_TEST(builds_are_in_order)
{
	_cleanup_wheel_name_ struct wheel_name a = parse(builds[_i]);

	ck_assert_int_eq(wheel_name_compare_builds(&a, &a), 0);
	for (int k = _i + 1; k < COUNT(builds); k++) {
		_cleanup_wheel_name_ struct wheel_name b = parse(builds[k]);

		ck_assert_int_lt(wheel_name_compare_builds(&a, &b), 0);
		ck_assert_int_gt(wheel_name_compare_builds(&b, &a), 0);
	}
}
END_TEST

static const struct {
	const char *file_name;
	int rank;
} ranks[] = {
	{"a-1-cp311-cp311-manylinux_2_36_x86_64.whl", 0},
	{"a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", 1},
	{"a-1-cp39.cp311-abi3-linux_x86_64.whl", 3},
	{"a-1-CP311-None-ANY.whl", 4},
	{"a-1-py2.py3-none-any.whl", 5},
	{"a-1-py2.py3.cp311-none-any.whl", 4},
	{"a-1-py2-none-any.whl", -ENOENT},
	{"a-1-cp312-cp312-manylinux_2_17_x86_64.whl", -ENOENT},
	{"a-1-cp311-cp311-win_amd64.whl", -ENOENT},
};

START_TEST(the_best_tag_counts)
{
	_cleanup_wheel_name_ struct wheel_name name = parse(ranks[_i].file_name);
	_cleanup_wheel_tags_ struct wheel_tags *tags = NULL;

	/* One of them twice: the better place counts. */
	ck_assert_int_eq(wheel_tags_new("cp311-cp311-manylinux_2_36_x86_64 "
					"cp311-cp311-manylinux_2_17_x86_64\n"
					"cp311-cp311-linux_x86_64\tcp311-abi3-linux_x86_64\n"
					"cp311-none-any py3-none-any cp311-none-any\n",
					&tags),
			 0);
	ck_assert_int_eq(wheel_tags_rank(tags, &name), ranks[_i].rank);
}
END_TEST

START_TEST(no_tags_are_no_list)
{
	struct wheel_tags *tags = NULL;

	ck_assert_int_eq(wheel_tags_new("", &tags), -EINVAL);
	ck_assert_int_eq(wheel_tags_new(" \n", &tags), -EINVAL);
	ck_assert_ptr_null(tags);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("wheel_tags");

	tcase_add_test(tests, a_file_name_has_five_parts_or_six);
	tcase_add_loop_test(tests, a_wrong_file_name_is_refused, 0, COUNT(wrong));
	tcase_add_test(tests, a_file_name_is_not_longer_than_file_systems_take);
	tcase_add_loop_test(tests, builds_are_in_order, 0, COUNT(builds));
	tcase_add_loop_test(tests, the_best_tag_counts, 0, COUNT(ranks));
	tcase_add_test(tests, no_tags_are_no_list);
	return run_tests("wheel_tags", tests);
}
