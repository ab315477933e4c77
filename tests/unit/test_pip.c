/* What pip complains of, as a person gets it. */
#include <errno.h>

#include "suite.h"
#include "python/python_internal.h"
#include "venvfs/error.h"

#define NONE "Could not find a version that satisfies the requirement x (from versions: none)"

static const struct {
	const char *said, *message, *hint;
} cases[] = {
	{"", "pip failed and did not say why", NULL},
	{" \n\n", "pip failed and did not say why", NULL},
	{"WARNING: only this\n", "pip failed and did not say why", NULL},
	{"ERROR: " NONE "\nERROR: No matching distribution found for x\n",
	 "pip: " NONE "; No matching distribution found for x", NULL},
	{"WARNING: x 1.0 does not provide the extra 'y'\n  of which more\nERROR: First.\n"
	 "WARNING: There was an error\n    in detail\nERROR: Second",
	 "pip: First. Second", NULL},
	{"  Running command git clone\n  fatal: no\nERROR: Why:\n    in detail\n\n"
	 "[notice] A new release of pip is available: 23.0.1 -> 99\n"
	 "[notice] To update, run: pip install --upgrade pip\nconflict: a, b\n",
	 "pip: Why: in detail; conflict: a, b", NULL},
	{"DEPRECATION: old\n  fatal: no\nerror: subprocess-exited-with-error\n\n"
	 "note: This error originates from a subprocess, and is likely not a problem with pip.\n",
	 "pip: error: subprocess-exited-with-error", NULL},
	{"WARNING: Retrying (Retry(total=4)) after connection broken by 'Refused()': /simple/x/\n"
	 "WARNING: Retrying (Retry(total=3)) after connection broken by 'Refused()': /simple/x/\n"
	 "ERROR: " NONE,
	 "pip: " NONE, "an index could not be reached: 'Refused()': /simple/x/"},
	{"  error: subprocess-exited-with-error\n  \n"
	 "  \xc3\x97 Building wheel for x (pyproject.toml) did not run successfully.\n"
	 "  \xe2\x94\x82 exit code: 1\n  \xe2\x95\xb0\xe2\x94\x80> [7 lines of output]\n"
	 "      1\n      2\n      3\n\n      four\n      exit code: 5\n      [6 lines of output]\n "
	 "     7\n"
	 "      [end of output]\n  \n"
	 "  note: This error originates from a subprocess, and is likely not a problem with pip.\n"
	 "  ERROR: Failed building wheel for x\nERROR: Failed to build one or more wheels\n",
	 "pip: Building wheel for x (pyproject.toml) failed with exit code 1",
	 "it said last:\n    3\n    four\n    exit code: 5\n    [6 lines of output]\n    7"},
	{"  Running command git clone --quiet https://x /tmp/y\n  fatal: no\n"
	 "  error: subprocess-exited-with-error\n  \n"
	 "  x git clone --quiet https://x /tmp/y did not run successfully.\n"
	 "  | exit code: 128\n  +-> See above for output.\n  \n"
	 "  note: This error originates from a subprocess, and is likely not a problem with pip.\n"
	 "error: subprocess-exited-with-error\n\n"
	 "x git clone --quiet https://x /tmp/y did not run successfully.\n"
	 "| exit code: 128\n+-> See above for output.\n"
	 "begun: git+https://x (from -r /r.txt (line 2))\n",
	 "pip: git clone --quiet https://x /tmp/y failed with exit code 128, for git+https://x "
	 "(from -r /r.txt (line 2))",
	 "it said last:\n    fatal: no"},
	{"x Step did not run successfully.", "pip: Step failed", NULL},
	{"ERROR: First.\nbegun: x\n", "pip: First.", NULL},
};

START_TEST(errors_come_without_what_is_none)
{
	_cleanup_error_ struct error error = ERROR_INIT;

	ck_assert_int_eq(pip_explain(cases[_i].said, -EIO, &error), -EIO);
	ck_assert_str_eq(error.message, cases[_i].message);
	ck_assert_pstr_eq(error.hint, cases[_i].hint);
}
END_TEST

START_TEST(a_long_complaint_is_cut_between_characters)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	static char text[20001];

	for (size_t i = 0; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	text[0] = 'x';
	text[1] = 'x';
	pip_explain(text, -EIO, &error);
	ck_assert_uint_le(strlen(error.message), 4005);
	ck_assert_uint_ge(strlen(error.message), 4003);
	ck_assert_uint_eq(strlen(error.message) % 2, 1); /* "pip: xx", then pairs */
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("pip");

	tcase_add_loop_test(tests, errors_come_without_what_is_none, 0, COUNT(cases));
	tcase_add_test(tests, a_long_complaint_is_cut_between_characters);
	return run_tests("pip", tests);
}
