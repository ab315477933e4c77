/* What every unit test is: one suite, with one case of tests as a rule. */
#pragma once

#include <check.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* Runs the tests as CK_RUN_CASE and the like say. What main() returns. */
static inline int run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

/* The same for a suite of one case, which it takes. */
static inline int run_tests(const char *name, TCase *tests)
{
	Suite *suite = suite_create(name);

	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
