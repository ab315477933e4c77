/* Compilers that crash, hang, lie, and one that works; and processes that are talked to. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/background.h"
#include "venvfs/cleanup.h"
#include "venvfs/compiler.h"
#include "venvfs/interpreter.h"
#include "venvfs/io.h"
#include "venvfs/process.h"

static char root[] = "/tmp/venvfs-test-compiler-XXXXXX";

/* In the place of an interpreter: what is called "crash" ends it; everything else comes to its own
 * text. It notes each of its starts. */
static const char fake[] =
	"#!/usr/bin/env python3\n"
	"import os, struct, sys\n"
	"with open('starts', 'a') as file: file.write('x')\n"
	"read = sys.stdin.buffer.read\n"
	"def answer(data):\n"
	"    sys.stdout.buffer.write(struct.pack('<Q', len(data)) + data)\n"
	"    sys.stdout.buffer.flush()\n"
	"answer(b'fake-1')\n"
	"while True:\n"
	"    count = read(8)\n"
	"    if not count: break\n"
	"    for left in range(struct.unpack('<Q', count)[0], 0, -1):\n"
	"        time, name, size = struct.unpack('<qQQ', read(24))\n"
	"        name, text = read(name).decode(), read(size)\n"
	"        if name == 'crash': os.abort()\n"
	"        if name == 'boast': sys.stdout.buffer.write(b'\\xff' * 8); sys.stdout.flush()\n"
	"        answer(b'%d %d ' % (time, left) + text)\n";

static void make_directory(void)
{
	strcpy(strrchr(root, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(chdir(root), 0);
}

static void remove_directory(void)
{
	io_remove_tree(AT_FDCWD, root);
}

/* A program in the directory; its absolute path, static. It runs in /, so it goes back. */
static const char *make_program(const char *text)
{
	static char path[128];
	_cleanup_fclose_ FILE *file = NULL;
	const char *line = strchr(text, '\n') + 1;

	snprintf(path, sizeof(path), "%s/program", root);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%.*s", (int)(line - text), text);
	if (strstr(text, "python3"))
		fprintf(file, "import os; os.chdir('%s')\n", root);
	fputs(line, file);
	ck_assert_int_eq(fchmod(fileno(file), 0755), 0);
	return path;
}

static int64_t in_ms(int64_t ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + ms;
}

static int compile(struct compiler *compiler, const char *name, const char *text, int64_t ms,
		   struct buffer *out, struct error *error)
{
	const struct compiler_source source = {name, 1000, text, strlen(text)};

	return compiler_compile(compiler, &source, in_ms(ms), out, error);
}

static void assert_compiled(struct compiler *compiler, const char *name, const char *expected)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buffer_ struct buffer out = {0};
	int r = compile(compiler, name, name, 60000, &out, &error);

	ck_assert_msg(r == 0, "%d %s", r, error.message ? error.message : "");
	ck_assert_str_eq(out.data ? out.data : "", expected);
}

START_TEST(a_crash_loses_one_source)
{
	struct compiler *compiler = compiler_new(make_program(fake), "fake-1");
	struct stat st;

	compiler_begin(compiler, 5);
	assert_compiled(compiler, "a", "1000 5 a");
	assert_compiled(compiler, "crash", "");
	assert_compiled(compiler, "b", "1000 3 b");
	assert_compiled(compiler, "crash", "");
	assert_compiled(compiler, "c", "1000 1 c");
	compiler_begin(compiler, 1);
	assert_compiled(compiler, "d", "1000 1 d");
	compiler_free(compiler);
	ck_assert_int_eq(stat("starts", &st), 0);
	ck_assert_int_eq(st.st_size, 3);
}
END_TEST

START_TEST(an_answer_without_end_is_none)
{
	struct compiler *compiler = compiler_new(make_program(fake), "fake-1");

	compiler_begin(compiler, 2);
	assert_compiled(compiler, "boast", "");
	assert_compiled(compiler, "a", "1000 1 a");
	compiler_free(compiler);
}
END_TEST

START_TEST(large_sources_come_through)
{
	struct compiler *compiler = compiler_new(make_program(fake), "fake-1");
	_cleanup_free_ char *text = malloc((8 << 20) + 1);
	_cleanup_buffer_ struct buffer out = {0};

	memset(text, 'x', 8 << 20);
	text[8 << 20] = '\0';
	compiler_begin(compiler, 1);
	ck_assert_int_eq(compile(compiler, "a", text, 60000, &out, NULL), 0);
	ck_assert_uint_eq(out.length, strlen("1000 1 ") + (8 << 20));
	compiler_free(compiler);
}
END_TEST

static void assert_refused(const char *program, const char *tag, int64_t ms, int code,
			   const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buffer_ struct buffer out = {0};
	struct compiler *compiler = compiler_new(program, tag);

	compiler_begin(compiler, 1);
	ck_assert_int_eq(compile(compiler, "a", "a", ms, &out, &error), code);
	if (message)
		ck_assert_msg(error.message && strstr(error.message, message), "%s", error.message);
	ck_assert_uint_eq(out.length, 0);
	compiler_free(compiler);
}

START_TEST(what_is_no_compiler_is_told)
{
	assert_refused("/nonexistent/python", "fake-1", 60000, -ENOENT, "cannot be run");
	assert_refused(make_program("#!/bin/sh\n"), "fake-1", 60000, -ENOEXEC, "cannot be asked");
	assert_refused(make_program(fake), "cpython-311", 60000, -ENOEXEC, "another interpreter");
	assert_refused(make_program("#!/bin/sh\nexec sleep 1000\n"), "fake-1", 300, -ETIMEDOUT,
		       NULL);
}
END_TEST

START_TEST(python_compiles)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_buffer_ struct buffer first = {0}, second = {0};
	struct interpreter *interpreter;
	struct compiler *compiler;
	const char text[] = "import os\nprint({'a', 'b', 'c', 'd'} & {os.name})\n";
	const unsigned char time_and_size[] = {0xe8, 3, 0, 0, sizeof(text) - 1, 0, 0, 0};

	ck_assert_msg(interpreter_probe("python3", &interpreter, &error) == 0, "%s", error.message);
	for (int i = 0; i < 2; i++) {
		_cleanup_buffer_ struct buffer none = {0};

		compiler = compiler_new(interpreter->executable, interpreter->cache_tag);
		compiler_begin(compiler, 3);
		ck_assert_int_eq(
			compile(compiler, "a.py", text, 60000, i ? &second : &first, &error), 0);
		ck_assert_int_eq(compile(compiler, "b.py", "print 'two'", 60000, &none, &error), 0);
		ck_assert_int_eq(compile(compiler, "c.py", "(((((", 60000, &none, &error), 0);
		ck_assert_uint_eq(none.length, 0);
		compiler_free(compiler);
	}
	ck_assert_uint_gt(first.length, 16);
	ck_assert_mem_eq(first.data + 8, time_and_size, sizeof(time_and_size));
	ck_assert_uint_eq(first.length, second.length);
	ck_assert_mem_eq(first.data, second.data, first.length);
	interpreter_free(interpreter);
}
END_TEST

/* Whether a process is gone, or at least dead, within ten seconds. */
static bool ends(pid_t pid)
{
	for (int i = 0; i < 100; i++) {
		_cleanup_buffer_ struct buffer stat = {0};
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		if (io_read_file(AT_FDCWD, path, 4096, &stat) < 0 || strstr(stat.data, ") Z "))
			return true;
		usleep(100000);
	}
	return false;
}

START_TEST(a_stopped_process_is_gone_with_all_that_it_started)
{
	char *const argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)"sleep 1000 & echo $!; wait",
			      NULL};
	const struct process_options options = {.argv = argv};
	struct process process;
	char text[32] = "";
	ssize_t n;

	ck_assert_int_eq(process_start(&options, &process), 0);
	do {
		n = read(process.socket, text, sizeof(text) - 1);
		usleep(10000);
	} while (n < 0 && errno == EAGAIN);
	ck_assert_int_gt(n, 0);
	process_stop(&process);
	process_stop(&process); /* none */
	ck_assert(ends(atoi(text)));
}
END_TEST

START_TEST(a_process_ends_with_its_parent)
{
	char *const argv[] = {(char *)"/bin/sleep", (char *)"1000", NULL};
	const struct process_options options = {.argv = argv};
	int pipes[2];
	pid_t child, grandchild = 0;

	ck_assert_int_eq(pipe(pipes), 0);
	child = fork();
	if (child == 0) {
		struct process process;

		_exit(process_start(&options, &process) < 0 ||
		      write(pipes[1], &process.pid, sizeof(pid_t)) < 0);
	}
	ck_assert_int_eq(read(pipes[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(ends(grandchild));
}
END_TEST

START_TEST(limits_hold)
{
	char *const argv[] = {(char *)"/bin/sh", (char *)"-c",
			      (char *)"ulimit -t; ulimit -v; ulimit -c", NULL};
	const struct process_options options = {
		.argv = argv, .cpu_limit_s = 77, .memory_limit = 1 << 30};
	struct process process;
	char text[64] = "";
	size_t length = 0;

	ck_assert_int_eq(process_start(&options, &process), 0);
	for (int i = 0; i < 1000 && !strchr(text, 'c') && length < strlen("77\n1048576\n0\n");
	     i++) {
		ssize_t n = read(process.socket, text + length, sizeof(text) - 1 - length);

		length += n > 0 ? (size_t)n : 0;
		usleep(10000);
	}
	ck_assert_str_eq(text, "77\n1048576\n0\n");
	process_stop(&process);
}
END_TEST

/* In the background: leaves a file that says how it is there. */
static void leave_word(void *arg)
{
	_cleanup_fclose_ FILE *file = fopen(arg, "w");
	char directory[64] = "";

	if (!file || !getcwd(directory, sizeof(directory)))
		return;
	fprintf(file, "%s %d %d %d\n", directory, fcntl(20, F_GETFD) < 0, getsid(0) != getpid(),
		isatty(0));
}

static bool wait_for_file(const char *path)
{
	struct stat st;

	for (int i = 0; i < 200; i++) {
		if (stat(path, &st) == 0 && st.st_size > 0)
			return true;
		usleep(50000);
	}
	return false;
}

START_TEST(what_is_in_the_background_holds_nothing)
{
	_cleanup_buffer_ struct buffer text = {0};
	struct background background;
	char word[128];

	snprintf(word, sizeof(word), "%s/word", root);
	ck_assert_int_eq(dup2(1, 20), 20);
	ck_assert_int_eq(background_prepare(leave_word, word, &background), 0);
	close(20);
	ck_assert_int_lt(access(word, F_OK), 0);
	background_start(&background);
	ck_assert(wait_for_file(word));
	ck_assert_int_eq(io_read_file(AT_FDCWD, word, 128, &text), 0);
	ck_assert_str_eq(text.data, "/ 1 1 0\n");
}
END_TEST

START_TEST(what_is_cancelled_does_nothing)
{
	struct background background, none = {-1};
	char word[128], other[128];

	snprintf(word, sizeof(word), "%s/word", root);
	snprintf(other, sizeof(other), "%s/other", root);
	ck_assert_int_eq(background_prepare(leave_word, word, &background), 0);
	background_cancel(&background);
	background_cancel(&background);
	background_start(&none);
	/* One that comes later is done, and has had the time of the first. */
	ck_assert_int_eq(background_prepare(leave_word, other, &background), 0);
	background_start(&background);
	ck_assert(wait_for_file(other));
	ck_assert_int_lt(access(word, F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("compiler");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, make_directory, remove_directory);
	tcase_add_test(tests, a_crash_loses_one_source);
	tcase_add_test(tests, an_answer_without_end_is_none);
	tcase_add_test(tests, large_sources_come_through);
	tcase_add_test(tests, what_is_no_compiler_is_told);
	tcase_add_test(tests, python_compiles);
	tcase_add_test(tests, a_stopped_process_is_gone_with_all_that_it_started);
	tcase_add_test(tests, a_process_ends_with_its_parent);
	tcase_add_test(tests, limits_hold);
	tcase_add_test(tests, what_is_in_the_background_holds_nothing);
	tcase_add_test(tests, what_is_cancelled_does_nothing);
	return run_tests("compiler", tests);
}
