/* Markers and requirements (PEP 508), and names (PEP 503). integration/packaging.test has thousands
 * more of the first two. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "venvfs/cleanup.h"
#include "venvfs/marker.h"
#include "venvfs/project_name.h"
#include "venvfs/requirement.h"

static const struct marker_environment environment = {
	.values = {
		[MARKER_OS_NAME] = "posix",
		[MARKER_SYS_PLATFORM] = "linux",
		[MARKER_PLATFORM_MACHINE] = "x86_64",
		[MARKER_PLATFORM_PYTHON_IMPLEMENTATION] = "CPython",
		[MARKER_PLATFORM_RELEASE] = "6.1.0-18-amd64",
		[MARKER_PYTHON_VERSION] = "3.11",
		[MARKER_PYTHON_FULL_VERSION] = "3.11.7",
		[MARKER_EXTRA] = "test-all",
		[MARKER_EXTRAS] = "docs,Test_All",
	}};

/* Markers */

static const struct {
	const char *marker;
	bool value;
} markers[] = {
	{"os_name == 'posix'", true},
	{"os_name != \"posix\"", false},
	{"'posix' == os_name", true},
	{"os.name == 'posix' and sys.platform == 'linux'", true},
	{"python_implementation == 'CPython'", true},
	{"python_version < '3.9'", false}, /* as text it would be true */
	{"python_version >= '3.9'", true},
	{"'3.9' <= python_version", true},
	{"python_version ~= '3.10'", true},
	{"python_version == '3.11.*'", true},
	{"python_full_version === '3.11.7'", true},
	{"python_version in '3.10 3.11'", true},
	{"python_version not in '3.10 3.11'", false},
	{"platform_release >= '5'", false}, /* no version, so it is in no order */
	{"platform_system == ''", true},    /* not known */
	{"sys_platform > 'a'", false},
	{"sys_platform <= 'linux'", true},
	{"'in' in sys_platform", true},
	{"'win' not in sys_platform", true},
	{"os_name == 'nt' or os_name == 'posix' and python_version > '3'", true},
	{"(os_name == 'nt' or os_name == 'posix') and python_version < '3'", false},
	{"((((os_name == 'posix'))))", true},
	{"extra == 'Test.All'", true},
	{"extra == 'test'", false},
	{"'docs' in extras", true},
	{"'test.all' in extras and 'none' not in extras", true},
	{"'x' in dependency_groups", false},
};

START_TEST(markers_are_evaluated)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	const char *marker = markers[_i].marker;
	bool value = !markers[_i].value;

	ck_assert_int_eq(marker_check(marker, &error), 0);
	ck_assert_msg(marker_evaluate(marker, &environment, &value, &error) == 0, "%s", marker);
	ck_assert_msg(value == markers[_i].value, "%s", marker);
}
END_TEST

static const struct {
	const char *marker, *message;
} wrong_markers[] = {
	{"", "ends where variable or quoted string should be"},
	{"os_name", "ends where comparison should be"},
	{"os_name ==", "ends where variable or quoted string should be"},
	{"os_name == posix", "has no variable or quoted string at 'posix'"},
	{"os_name = 'posix'", "has no comparison at '= 'posix''"},
	{"os_name == 'posix", "has no closing quote"},
	{"os_name == 'a\\'b'", "plain string"},
	{"'a' == 'b'", "must compare a variable with a quoted string"},
	{"os_name == sys_platform", "must compare a variable with a quoted string"},
	{"(os_name == 'a'", "ends where closing parenthesis should be"},
	{"os_name == 'a')", "has no 'and' or 'or' at ')'"},
	{"os_name == 'a' os_name == 'b'", "has no 'and' or 'or'"},
	{"os_name == 'a' and", "ends where variable or quoted string should be"},
	{"os_name not 'a'", "has no comparison"},
	{"nonsense == 'a'", "has no variable or quoted string at 'nonsense"},
	{"os_names == 'a'", "has no variable or quoted string"},
};

START_TEST(a_wrong_marker_is_refused_where_it_is_wrong)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	const char *message = wrong_markers[_i].message;

	ck_assert_int_eq(marker_check(wrong_markers[_i].marker, &error), -EINVAL);
	ck_assert_msg(strstr(error.message, message), "%s", error.message);
}
END_TEST

START_TEST(what_cannot_be_compared_is_refused)
{
	static const char *const uncomparable[] = {
		"os_name ~= 'posix'", "sys_platform === 'linux'", "extras == 'docs'",
		"extras in 'docs'",   "'docs' == extras",
	};
	bool value;

	for (int i = 0; i < COUNT(uncomparable); i++)
		ck_assert_int_eq(marker_evaluate(uncomparable[i], &environment, &value, NULL),
				 -EINVAL);
}
END_TEST

START_TEST(markers_are_not_nested_without_end)
{
	char marker[3 * MARKER_DEPTH_MAX + 100];
	bool value;

	for (int depth = MARKER_DEPTH_MAX; depth <= MARKER_DEPTH_MAX + 1; depth++) {
		memset(marker, '(', (size_t)depth);
		strcpy(marker + depth, "os_name == 'posix'");
		for (int i = 0; i < depth; i++)
			strcat(marker, ")");
		ck_assert_int_eq(marker_evaluate(marker, &environment, &value, NULL),
				 depth <= MARKER_DEPTH_MAX ? 0 : -EINVAL);
	}
}
END_TEST

/* Requirements */

static struct requirement *parse(const char *text)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct requirement *requirement = NULL;

	ck_assert_msg(requirement_parse(text, strlen(text), &requirement, &error) == 0, "%s: %s",
		      text, error.message);
	return requirement;
}

START_TEST(a_requirement_has_parts)
{
	_cleanup_requirement_ struct requirement *requirement =
		parse(" Foo.Bar [Test_All , docs] >=1.4, <2 ; os_name == 'posix' ");

	ck_assert_str_eq(requirement->name, "Foo.Bar");
	ck_assert_str_eq(requirement->normalised, "foo-bar");
	ck_assert_uint_eq(requirement->extras.count, 2);
	ck_assert_str_eq(requirement->extras.items[0], "test-all");
	ck_assert_str_eq(requirement->extras.items[1], "docs");
	ck_assert_uint_eq(requirement->specifiers.count, 2);
	ck_assert_str_eq(requirement->marker, "os_name == 'posix'");
	ck_assert_ptr_null(requirement->url);
}
END_TEST

START_TEST(a_requirement_may_have_a_url)
{
	_cleanup_requirement_ struct requirement *requirement =
		parse("demo[a]@https://example.com/demo-1.0.whl;x#sha256=0 ; os_name=='nt'");

	ck_assert_str_eq(requirement->url, "https://example.com/demo-1.0.whl;x#sha256=0");
	ck_assert_str_eq(requirement->marker, "os_name=='nt'");
	ck_assert_uint_eq(requirement->specifiers.count, 0);
}
END_TEST

static const char *const right[] = {
	"a",
	"A1",
	"a-b_c.d",
	"a (>=1)",
	"a(>=1,<2)",
	"a>=1,",
	"a[]",
	"a [ ]",
	"a\t>=\t1",
	"a==1.*",
	"a ; os_name == 'nt'",
	"a;os_name == 'nt'",
	"a===1.0",
	"a @ file:///x",
};

START_TEST(requirements_may_be_written_so)
{
	_cleanup_requirement_ struct requirement *requirement = parse(right[_i]);

	ck_assert_int_eq(requirement->normalised[0], 'a');
}
END_TEST

static const struct {
	const char *requirement, *message;
} wrong[] = {
	{"", "ends where name should be"},
	{"-a", "has no name at '-a'"},
	{"a-", "has no name at 'a-'"},
	{"a b", "'b' is not a version specifier"},
	{"a[b", "ends where ',' or ']' should be"},
	{"a[b c]", "has no ',' or ']' at 'c]'"},
	{"a[b,]", "has no extra at ']'"},
	{"a[,b]", "has no extra at ',b]'"},
	{"a >= ", "'>=' is not a version specifier"},
	{"a ,>=1", "has no version specifier at ',>=1'"},
	{"a >=1,,<2", "has no version specifier at ',<2'"},
	{"a (>=1", "ends where closing parenthesis should be"},
	{"a (>=1) <2", "has no ';' or end at '<2'"},
	{"a @", "ends where URL should be"},
	{"a @ file:///x y", "has no ';' or end at 'y'"},
	{"a ; os_name", "ends where comparison should be"},
	{"a;", "ends where variable or quoted string should be"},
	{"a\nb", "control character"},
	{"a ; os_name == '\xff'", "not UTF-8"},
};

START_TEST(a_wrong_requirement_is_refused_where_it_is_wrong)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct requirement *requirement = NULL;
	const char *text = wrong[_i].requirement;

	ck_assert_int_eq(requirement_parse(text, strlen(text), &requirement, &error), -EINVAL);
	ck_assert_msg(strstr(error.message, wrong[_i].message), "%s", error.message);
	ck_assert_ptr_null(requirement);
}
END_TEST

START_TEST(a_requirement_holds_no_nul_and_has_an_end)
{
	_cleanup_free_ char *text = malloc(REQUIREMENT_MAX + 2);
	struct requirement *requirement = NULL;

	ck_assert_int_eq(requirement_parse("a\0b", 3, &requirement, NULL), -EINVAL);
	memset(text, 'a', REQUIREMENT_MAX + 1);
	ck_assert_int_eq(requirement_parse(text, REQUIREMENT_MAX + 1, &requirement, NULL), -EINVAL);
}
END_TEST

static const struct {
	const char *requirement, *extras; /* with a space between */
	bool applies;
} applicable[] = {
	{"a", "", true},
	{"a ; os_name == 'nt'", "", false},
	{"a ; extra == 'x'", "", false}, /* the environment's own is not asked for */
	{"a ; extra == 'test-all'", "", false},
	{"a ; extra == 'X'", "x", true},
	{"a ; extra == 'y'", "x y", true},
	{"a ; extra == 'z'", "x y", false},
	{"a ; extra != 'x'", "", true},
};

START_TEST(a_requirement_applies_for_some_extras)
{
	_cleanup_requirement_ struct requirement *requirement = parse(applicable[_i].requirement);
	_cleanup_string_list_ struct string_list extras = {0};
	char copy[20], *rest = NULL;
	bool applies = !applicable[_i].applies;

	strcpy(copy, applicable[_i].extras);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		ck_assert_int_eq(string_list_add(&extras, word, strlen(word)), 0);
	ck_assert_int_eq(requirement_applies(requirement, &environment, &extras, &applies, NULL),
			 0);
	ck_assert_int_eq(applies, applicable[_i].applies);
}
END_TEST

/* Names */

START_TEST(names_have_many_spellings)
{
	_cleanup_free_ char *name = project_name_normalise("A.-_b__C", 8);

	ck_assert_str_eq(name, "a-b-c");
	ck_assert(project_name_equal("A.-_b__C", 8, "a-b.c", 5));
	ck_assert(!project_name_equal("ab", 2, "a-b", 3));
	ck_assert(!project_name_equal("a", 1, "a-", 2));
	ck_assert(project_name_is_valid("a", 1));
	ck_assert(!project_name_is_valid("", 0));
	ck_assert(!project_name_is_valid("_a", 2));
	ck_assert(!project_name_is_valid("a/b", 3));
	ck_assert(!project_name_is_valid("a\0b", 3));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("requirement");

	tcase_add_loop_test(tests, markers_are_evaluated, 0, COUNT(markers));
	tcase_add_loop_test(tests, a_wrong_marker_is_refused_where_it_is_wrong, 0,
			    COUNT(wrong_markers));
	tcase_add_test(tests, what_cannot_be_compared_is_refused);
	tcase_add_test(tests, markers_are_not_nested_without_end);
	tcase_add_test(tests, a_requirement_has_parts);
	tcase_add_test(tests, a_requirement_may_have_a_url);
	tcase_add_loop_test(tests, requirements_may_be_written_so, 0, COUNT(right));
	tcase_add_loop_test(tests, a_wrong_requirement_is_refused_where_it_is_wrong, 0,
			    COUNT(wrong));
	tcase_add_test(tests, a_requirement_holds_no_nul_and_has_an_end);
	tcase_add_loop_test(tests, a_requirement_applies_for_some_extras, 0, COUNT(applicable));
	tcase_add_test(tests, names_have_many_spellings);
	return run_tests("requirement", tests);
}
