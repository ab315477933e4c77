/* Asking interpreters in tests: an own directory and an own cache for each test, and what is
 * expected of an answer. */
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>

#include "pythons.h"
#include "suite.h"
#include "venvfs/io.h"

#include "../../src/python/python_internal.h"

static char directory[] = "/tmp/venvfs-test-interpreter-XXXXXX";
static const char *python; /* one that is served, for tests that need any */

/* Unchecked: runs in the parent, so that the directory goes even when a test dies. */
static inline void make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static inline void remove_directory(void)
{
	io_remove_tree(AT_FDCWD, directory);
}

/* Every test has an empty directory, which it works in, and an empty cache. */
static inline void set_environment(void)
{
	_cleanup_free_ char *own = NULL, *cache = NULL;

	ck_assert_int_eq(path_join(directory, "test-XXXXXX", &own), 0);
	ck_assert_ptr_nonnull(mkdtemp(own));
	ck_assert_int_eq(chdir(own), 0);
	ck_assert_int_eq(mkdir("cache", 0700), 0);
	ck_assert_int_eq(path_join(own, "cache", &cache), 0);
	ck_assert_int_eq(setenv("XDG_CACHE_HOME", cache, 1), 0);
}

/* The absolute path of @name, which is relative to the test's own directory; to be freed. */
static inline char *path_of(const char *name)
{
	char *path;

	ck_assert_int_eq(path_absolute(name, NULL, &path), 0);
	return path;
}

static inline void write_file(const char *name, mode_t mode, const char *text)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
}

__attribute__((format(printf, 2, 3))) static inline void write_script(const char *name,
								      const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	ck_assert_int_ge(vasprintf(&text, format, args), 0);
	va_end(args);
	write_file(name, 0755, text);
}

/* A copy of the interpreter @from that finds the same standard library. */
static inline void copy_python(const char *from, const char *to)
{
	_cleanup_close_ int in = open(from, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);

	ck_assert_int_ge(in, 0);
	ck_assert_int_ge(out, 0);
	ck_assert_int_eq(io_copy(in, out, 1L << 40), 0);
}

/* Probes what must be fine. */
static inline struct interpreter *probe(const char *wanted)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct interpreter *interpreter = NULL;
	int r = interpreter_probe(wanted, &interpreter, &error);

	ck_assert_msg(r == 0, "%s: %d: %s", wanted, r, error.message);
	return interpreter;
}

/* Probes what must be refused with @code, and with both texts in the message or hint. */
static inline void refuse(const char *wanted, int code, const char *message, const char *hint)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct interpreter *untouched = (struct interpreter *)directory, *out = untouched;
	int r = interpreter_probe_within(wanted, 2000, &out, &error);

	ck_assert_msg(r == code, "%s: %d instead of %d: %s", wanted, r, code, error.message);
	ck_assert_ptr_eq(out, untouched);
	ck_assert_ptr_nonnull(error.message);
	ck_assert_msg(strstr(error.message, message), "%s", error.message);
	ck_assert_ptr_null(strchr(error.message, '\n'));
	if (hint) {
		ck_assert_ptr_nonnull(error.hint);
		ck_assert_msg(strstr(error.hint, hint), "%s", error.hint);
	}
}

/* How many answers are remembered. */
static inline int remembered(void)
{
	glob_t found;
	int count, r = glob("cache/venvfs/interpreters/*.json", 0, NULL, &found);

	ck_assert(r == 0 || r == GLOB_NOMATCH);
	count = (int)found.gl_pathc;
	globfree(&found);
	return count;
}

/* The only remembered answer. */
static inline char *remembered_file(void)
{
	glob_t found;
	char *path;

	ck_assert_int_eq(glob("cache/venvfs/interpreters/*.json", 0, NULL, &found), 0);
	ck_assert_int_eq(found.gl_pathc, 1);
	path = strdup(found.gl_pathv[0]);
	globfree(&found);
	return path;
}

/* What the fixtures of every such test case are. */
static inline void add_fixtures(TCase *tests)
{
	tcase_add_unchecked_fixture(tests, make_directory, remove_directory);
	tcase_add_checked_fixture(tests, set_environment, NULL);
	tcase_set_timeout(tests, 300);
}

/* Finds the Pythons. Where none is served the whole file is skipped, and says so. */
static inline bool begin_probing(void)
{
	find_pythons();
	for (int i = 0; i < python_count && !python; i++)
		if (is_served(pythons[i]))
			python = pythons[i];
	if (!python)
		printf("1..0 # SKIP there is no CPython 3.8 to 3.14 on PATH or in ~/.pyenv\n");
	return python != NULL;
}

static inline int finish_probing(const char *name, TCase *tests)
{
	int status = run_tests(name, tests);

	forget_pythons();
	return status;
}
