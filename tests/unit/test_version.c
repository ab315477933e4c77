/* Versions and version specifiers (PEP 440). integration/packaging.test has thousands more. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "venvfs/specifier.h"
#include "venvfs/version.h"

static struct version parse(const char *text)
{
	struct version version;

	ck_assert_msg(version_parse(text, strlen(text), &version) == 0, "%s", text);
	return version;
}

static const struct {
	const char *text, *normalised;
} spellings[] = {
	{"1.0", "1.0"},
	{"v1.0", "1.0"},
	{" 1.0\n", "1.0"},
	{"01.002", "1.2"},
	{"0!1", "1"},
	{"2!1", "2!1"},
	{"1.0ALPHA", "1.0a0"},
	{"1.0-beta.2", "1.0b2"},
	{"1.0c3", "1.0rc3"},
	{"1.0_preview_4", "1.0rc4"},
	{"1.0-1", "1.0.post1"},
	{"1.0r5", "1.0.post5"},
	{"1.0.rev", "1.0.post0"},
	{"1.0dev", "1.0.dev0"},
	{"1.0a1.post2.dev3", "1.0a1.post2.dev3"},
	{"1.0+Ubuntu-1_02", "1.0+ubuntu.1.2"},
	{"99999999999999999999999.1", "99999999999999999999999.1"},
};

START_TEST(spellings_have_one_normal_form)
{
	_cleanup_version_ struct version version = parse(spellings[_i].text);

	ck_assert_str_eq(version.text, spellings[_i].normalised);
}
END_TEST

static const char *const no_versions[] = {
	"",     " ",           "one",   "1.", ".1", "1..0",    "1.0.*",          "1.0x",
	"1.0+", "1.0+a..b",    "1.0 0", "1!", "!1", "1.0a1a2", "1.0.dev1.post1", "1.0-",
	"1,0",  "1.0\xc2\xb2", "vv1",
};

START_TEST(what_is_no_version_is_refused)
{
	struct version version = {.text = NULL};

	ck_assert_int_eq(version_parse(no_versions[_i], strlen(no_versions[_i]), &version),
			 -EINVAL);
	ck_assert_ptr_null(version.text);
}
END_TEST

START_TEST(a_version_is_not_longer_than_allowed)
{
	_cleanup_version_ struct version longest = {0};
	char text[VERSION_MAX + 1];

	memset(text, '1', sizeof(text));
	ck_assert_int_eq(version_parse(text, VERSION_MAX + 1, &longest), -EINVAL);
	ck_assert_int_eq(version_parse(text, VERSION_MAX, &longest), 0);
	ck_assert_uint_eq(strlen(longest.text), VERSION_MAX);
}
END_TEST

/* Each is less than the next one. */
static const char *const ascending[] = {
	"0.9",
	"1.dev0",
	"1.dev2",
	"1a0.dev1",
	"1a1",
	"1a1.post1.dev1",
	"1a1.post1",
	"1a2",
	"1b1",
	"1rc1.dev1",
	"1rc1",
	"1rc2",
	"1",
	"1+a",
	"1+a.b",
	"1+b",
	"1+1",
	"1+1.a",
	"1+2",
	"1+10",
	"1.post0.dev0",
	"1.post0",
	"1.post1",
	"1.0.1",
	"1.1",
	"1.9",
	"1.10",
	"2",
	"1!0",
	"1!18446744073709551616",
	"1!18446744073709551617",
};

START_TEST(versions_are_in_order)
{
	_cleanup_version_ struct version a = parse(ascending[_i]);

	ck_assert_int_eq(version_compare(&a, &a), 0);
	for (int k = _i + 1; k < COUNT(ascending); k++) {
		_cleanup_version_ struct version b = parse(ascending[k]);

		ck_assert_msg(version_compare(&a, &b) < 0, "%s < %s", a.text, b.text);
		ck_assert_msg(version_compare(&b, &a) > 0, "%s > %s", b.text, a.text);
	}
}
END_TEST

START_TEST(zeros_at_the_end_do_not_count)
{
	_cleanup_version_ struct version a = parse("1"), b = parse("1.0.0"), c = parse("1.0+x");

	ck_assert_int_eq(version_compare(&a, &b), 0);
	ck_assert_int_ne(version_compare(&a, &c), 0);
	ck_assert_int_eq(version_compare_public(&a, &c), 0);
	ck_assert_uint_eq(version_release_count(&b), 3);
}
END_TEST

static const struct {
	const char *specifiers, *taken, *refused; /* with spaces between */
} specifiers[] = {
	{"", "1 1a1 0", NULL},
	{"==1.0", "1 1.0.0 1.0+local", "1.0.1 1.0.post1 1.0a1"},
	{"==1.0+a", "1.0+a", "1.0 1.0+b"},
	{"==1.*", "1 1.5 1a1 1.dev0 1.post3+x", "2 10 0.9"},
	{"!=1.0", "1.1 1.0.post1", "1.0 1 1.0+local"},
	{"!=1.0.*", "1.1", "1.0.5 1.0a1"},
	{">=1.0", "1.0 1.0+x 2", "0.9 1.0rc1"},
	{"<=1.0", "1.0 1.0+x 0.9 1.0rc1", "1.0.post1 1.1"},
	{">1.0", "1.1 2", "1.0 1.0+x 1.0.post1"},
	{">1.0.post1", "1.0.post2 1.1", "1.0.post1 1.0"},
	{">1.0a1", "1.0a2 1.0 1.0+x", "1.0a1.post1 1.0a1+x"},
	{"<1.0", "0.9 0.9.post1", "1.0 1.0a1 1.0.dev0"},
	{"<1.0rc1", "1.0a1 0.9", "1.0rc1 1.0"},
	{"<1.0.post2", "1.0.post1 1.0 1.0rc1", "1.0.post2 1.0.post2.dev1"},
	{"~=1.4", "1.4 1.9", "1.3 2.0"},
	{"~=1.4.5", "1.4.5 1.4.9", "1.4.4 1.5"},
	{"~=1.4.5a4", "1.4.5a4 1.4.5 1.4.9", "1.4.5a3 1.5"},
	{"===1.0", "1.0", "1.0.0 1"},
	{"===1.0+Local", "1.0+local", "1.0"},
	{">=1.4, !=1.5.*, <2", "1.4 1.6", "1.3 1.5.1 2"},
	{">=1,", "1", "0"},
};

static void expect(const struct specifier_set *set, const char *versions, bool taken)
{
	char copy[200], *rest = NULL;

	snprintf(copy, sizeof(copy), "%s", versions ? versions : "");
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		_cleanup_version_ struct version version = parse(word);

		ck_assert_msg(specifier_set_contains(set, &version) == taken, "%s", word);
	}
}

START_TEST(specifiers_take_what_they_say)
{
	_cleanup_specifier_set_ struct specifier_set set = {0};
	const char *text = specifiers[_i].specifiers;

	ck_assert_int_eq(specifier_set_parse(text, strlen(text), &set, NULL), 0);
	expect(&set, specifiers[_i].taken, true);
	expect(&set, specifiers[_i].refused, false);
}
END_TEST

static const char *const no_specifiers[] = {
	"1.0",   "=1.0",       "=>1.0",     "> =1.0",   "~=1",       "~=1.*",
	">=1.*", ">1.0+local", "==1.0a1.*", "==1.0 .*", "== 1.0.**", "==",
	"===",   "=== a b",    ">=1.0 <2",  "!1.0",     "~1.0",      ">=one",
};

START_TEST(what_is_no_specifier_is_refused)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct specifier_set set = {0};

	ck_assert_int_eq(
		specifier_set_parse(no_specifiers[_i], strlen(no_specifiers[_i]), &set, &error),
		-EINVAL);
	ck_assert_ptr_nonnull(strstr(error.message, "is not a version specifier"));
	ck_assert_ptr_null(set.items);
}
END_TEST

static const struct {
	const char *specifiers, *pin; /* NULL: none */
	bool prerelease;
} pins[] = {
	{"==1.0", "1.0", false},     {"===1.0", "1.0", false}, {"== 1.0rc1", "1.0rc1", true},
	{"==1.*", NULL, false},      {">=1.0a1", NULL, true},  {"!=1.0a1", NULL, false},
	{"==1.0,<2", NULL, false},   {"", NULL, false},        {"===nonsense", NULL, false},
	{">=1,<2.dev0", NULL, true},
};

START_TEST(a_set_may_be_a_pin_and_name_a_prerelease)
{
	_cleanup_specifier_set_ struct specifier_set set = {0};
	const char *text = pins[_i].specifiers;
	const struct version *pin;

	ck_assert_int_eq(specifier_set_parse(text, strlen(text), &set, NULL), 0);
	pin = specifier_set_pin(&set);
	ck_assert_pstr_eq(pin ? pin->text : NULL, pins[_i].pin);
	ck_assert_int_eq(specifier_set_names_prerelease(&set), pins[_i].prerelease);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("version");

	tcase_add_loop_test(tests, spellings_have_one_normal_form, 0, COUNT(spellings));
	tcase_add_loop_test(tests, what_is_no_version_is_refused, 0, COUNT(no_versions));
	tcase_add_test(tests, a_version_is_not_longer_than_allowed);
	tcase_add_loop_test(tests, versions_are_in_order, 0, COUNT(ascending));
	tcase_add_test(tests, zeros_at_the_end_do_not_count);
	tcase_add_loop_test(tests, specifiers_take_what_they_say, 0, COUNT(specifiers));
	tcase_add_loop_test(tests, what_is_no_specifier_is_refused, 0, COUNT(no_specifiers));
	tcase_add_loop_test(tests, a_set_may_be_a_pin_and_name_a_prerelease, 0, COUNT(pins));
	return run_tests("version", tests);
}
