/* Wheels: those of tests/data/make_wheels.py, each good or refused with its reason, and a real one.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"
#include "venvfs/process.h"
#include "venvfs/wheel.h"

#include "../../src/wheel/archive.h"

#define CASES_MAX 1000

static char directory[] = "/tmp/venvfs-test-wheel-XXXXXX";

static struct {
	char *path, *reason;
} cases[CASES_MAX];
static int case_count;

/* Runs make_wheels.py, which is beside this file's directory. */
static bool make_wheels(void)
{
	_cleanup_process_result_ struct process_result result = {0};
	const char *source = getenv("srcdir");
	_cleanup_free_ char *script = NULL;
	char *argv[] = {"/usr/bin/env", "python3", "-B", NULL, directory, NULL};
	struct process_options options = {
		.argv = argv,
		.timeout_ms = 120000,
		.output_limit = 65536,
	};
	int r = path_join(source ? source : ".", "tests/data/make_wheels.py", &script);

	argv[3] = script;
	if (r == 0)
		r = process_run(&options, &result);
	if (r == 0 && result.status == 0)
		return true;
	fprintf(stderr, "make_wheels.py: %d, status %d: %s\n", r, result.status,
		result.err.data ? result.err.data : "");
	return false;
}

static bool read_manifest(void)
{
	_cleanup_free_ char *path = NULL, *line = NULL;
	_cleanup_fclose_ FILE *manifest = NULL;
	size_t room = 0;

	if (path_join(directory, "manifest", &path) < 0 || !(manifest = fopen(path, "re")))
		return false;
	while (case_count < CASES_MAX && getline(&line, &room, manifest) > 0) {
		char *tab = strchr(line, '\t');

		if (!tab || path_join(directory, strtok(line, "\t"), &cases[case_count].path) < 0)
			return false;
		cases[case_count++].reason = strdup(strtok(tab + 1, "\n"));
	}
	return case_count > 0;
}

static void free_cases(void)
{
	for (int i = 0; i < case_count; i++) {
		free(cases[i].path);
		free(cases[i].reason);
	}
}

/* The wheel of that case, open; to be freed. */
static struct wheel *open_case(const char *name)
{
	struct wheel *wheel = NULL;
	size_t length = strlen(directory);

	for (int i = 0; i < case_count; i++) {
		const char *path = cases[i].path + length + 1;

		if (strncmp(path, name, strlen(name)) == 0 && path[strlen(name)] == '/')
			ck_assert_int_eq(wheel_open(cases[i].path, &wheel, NULL), 0);
	}
	ck_assert_ptr_nonnull(wheel);
	return wheel;
}

static int append(void *context, const void *data, size_t length)
{
	buffer_append(context, data, length);
	return 0;
}

static const struct wheel_file *find_file(const struct wheel *wheel, const char *source)
{
	for (size_t i = 0; i < wheel->count; i++) {
		if (strcmp(wheel->files[i].source, source) == 0)
			return &wheel->files[i];
	}
	return NULL;
}

START_TEST(a_wheel_is_good_or_refused_with_its_reason)
{
	const char *path = cases[_i].path, *reason = cases[_i].reason;
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_wheel_ struct wheel *wheel = NULL;
	int r = wheel_open(path, &wheel, &error);

	if (r == 0) {
		r = wheel_verify(wheel, &error);
	} else {
		ck_assert_ptr_null(wheel);
		ck_assert_str_eq(error.file, path);
	}
	if (strcmp(reason, "good") == 0) {
		ck_assert_msg(r == 0, "%s: %s", path, error.message);
		return;
	}
	ck_assert_msg(r == -EBADMSG, "%s: %d", path, r);
	ck_assert_ptr_nonnull(error.message);
	ck_assert_msg(strstr(error.message, reason), "%s: %s", path, error.message);
	/* It may be shown on a terminal. */
	for (const char *p = error.message; *p; p++)
		ck_assert_msg(*p >= ' ' && *p < 0x7f, "%s: %s", path, error.message);
}
END_TEST

static const struct {
	const char *source;
	enum wheel_scheme scheme;
	const char *path;
	mode_t mode;
	uint64_t size;
} everything[] = {
	{"demo/__init__.py", WHEEL_PURELIB, "demo/__init__.py", 0644, 220},
	{"demo/a,\"b\".txt", WHEEL_PURELIB, "demo/a,\"b\".txt", 0644, 16},
	{"demo/caf\u00e9.txt", WHEEL_PURELIB, "demo/caf\u00e9.txt", 0644, 5},
	{"demo/empty.txt", WHEEL_PURELIB, "demo/empty.txt", 0644, 0},
	{"demo/large.bin", WHEEL_PURELIB, "demo/large.bin", 0644, 1048576},
	{"demo/stored.txt", WHEEL_PURELIB, "demo/stored.txt", 0644, 6},
	{"demo/tool.sh", WHEEL_PURELIB, "demo/tool.sh", 0755, 10},
	{"demo-1.0.data/data/share/man/man1/demo.1", WHEEL_DATA, "share/man/man1/demo.1", 0644, 10},
	{"demo-1.0.data/headers/demo.h", WHEEL_HEADERS, "demo.h", 0644, 13},
	{"demo-1.0.data/platlib/demo/lib.so", WHEEL_PLATLIB, "demo/lib.so", 0644, 4},
	{"demo-1.0.data/purelib/demo/other.py", WHEEL_PURELIB, "demo/other.py", 0644, 5},
	{"demo-1.0.data/scripts/demo-script", WHEEL_SCRIPTS, "demo-script", 0755, 18},
	{"demo-1.0.dist-info/METADATA", WHEEL_PURELIB, "demo-1.0.dist-info/METADATA", 0644, 0},
	{"demo-1.0.dist-info/RECORD.jws", WHEEL_PURELIB, "demo-1.0.dist-info/RECORD.jws", 0644, 2},
	{"demo-1.0.dist-info/WHEEL", WHEEL_PURELIB, "demo-1.0.dist-info/WHEEL", 0644, 75},
	{"demo-1.0.dist-info/entry_points.txt", WHEEL_PURELIB,
	 "demo-1.0.dist-info/entry_points.txt", 0644, 0},
};

/* 12:00 on 2025-01-01: the zip file's time, taken for UTC. */
#define EVERYTHING_MTIME 1735732800

START_TEST(files_go_where_they_belong)
{
	_cleanup_wheel_ struct wheel *wheel = open_case("with_everything");
	uint64_t size = 0;

	ck_assert_uint_eq(wheel->count, COUNT(everything));
	for (int i = 0; i < COUNT(everything); i++) {
		const struct wheel_file *file = &wheel->files[i];

		ck_assert_str_eq(file->source, everything[i].source);
		ck_assert_str_eq(file->path, everything[i].path);
		ck_assert_int_eq(file->scheme, everything[i].scheme);
		ck_assert_uint_eq(file->mode, everything[i].mode);
		ck_assert_int_eq(file->mtime, EVERYTHING_MTIME);
		if (everything[i].size > 0)
			ck_assert_uint_eq(file->size, everything[i].size);
		size += file->size;
	}
	ck_assert_uint_eq(wheel->size, size);
	ck_assert_str_eq(wheel->dist_info, "demo-1.0.dist-info");
	ck_assert(wheel->purelib);
	ck_assert_uint_eq(wheel->warnings.count, 0);
	/* A signature of RECORD cannot be in RECORD. */
	ck_assert_ptr_null(find_file(wheel, "demo-1.0.dist-info/RECORD.jws")->hash);
	ck_assert_int_eq(strncmp(wheel->files[0].hash, "sha256=", 7), 0);
}
END_TEST

START_TEST(metadata_and_entry_points_are_read)
{
	_cleanup_wheel_ struct wheel *wheel = open_case("with_everything");
	const struct wheel_metadata *metadata = &wheel->metadata;

	ck_assert_str_eq(metadata->name, "demo");
	ck_assert_str_eq(metadata->version.text, "1.0");
	ck_assert_str_eq(metadata->requires_python, ">=3.8");
	ck_assert_uint_eq(metadata->pythons.count, 1);
	ck_assert_uint_eq(metadata->requires_count, 3);
	ck_assert_str_eq(metadata->requires[0] -> name, "six");
	ck_assert_str_eq(metadata->requires[2] -> name, "rich");
	ck_assert_uint_eq(metadata->extras.count, 1);
	ck_assert_str_eq(metadata->extras.items[0], "extra-one");

	ck_assert_uint_eq(wheel->entry_points.count, 3);
	ck_assert_str_eq(wheel->entry_points.items[1].name, "Demo");
	ck_assert_str_eq(wheel->entry_points.items[1].module, "demo");
	ck_assert_str_eq(wheel->entry_points.items[1].object, "Main.run");
	ck_assert(!wheel->entry_points.items[1].gui);
	ck_assert(wheel->entry_points.items[2].gui);
}
END_TEST

START_TEST(scripts_that_pip_makes_itself_are_left_out)
{
	_cleanup_wheel_ struct wheel *wheel = open_case("with_wrappers");

	ck_assert_ptr_nonnull(find_file(wheel, "demo/__init__.py"));
	for (size_t i = 0; i < wheel->count; i++)
		ck_assert_int_ne(wheel->files[i].scheme, WHEEL_SCRIPTS);
}
END_TEST

START_TEST(a_newer_minor_version_is_a_warning)
{
	_cleanup_wheel_ struct wheel *wheel = open_case("with_a_newer_minor_version");

	ck_assert_uint_eq(wheel->warnings.count, 1);
	ck_assert_ptr_nonnull(strstr(wheel->warnings.items[0], "Wheel-Version 1.9"));
}
END_TEST

START_TEST(names_may_be_spelled_otherwise_inside)
{
	_cleanup_wheel_ struct wheel *wheel = open_case("spelled_otherwise");

	ck_assert_str_eq(wheel->name.normalised, "demo-project-x");
	ck_assert_str_eq(wheel->name.build, "1");
	ck_assert_str_eq(wheel->dist_info, "demo_project_x-1.0.dist-info");
}
END_TEST

/* Contents */

START_TEST(contents_and_digests_are_those_of_the_file)
{
	static const uint8_t expected[RECORD_SHA256_SIZE] = {
		0x87, 0xb0, 0x4e, 0x58, 0x96, 0x1f, 0x9a, 0x99, 0xd8, 0x53, 0xd4,
		0x04, 0x6a, 0x0b, 0x5b, 0x79, 0x3e, 0x7c, 0x3e, 0x4b, 0xbd, 0x21,
		0xf5, 0xac, 0xa8, 0xfb, 0x17, 0xc2, 0x0c, 0xdb, 0x1d, 0x8b};
	_cleanup_wheel_ struct wheel *wheel = open_case("with_everything");
	_cleanup_wheel_reader_ struct wheel_reader *reader = NULL;
	_cleanup_buffer_ struct buffer small = {0}, large = {0};
	uint8_t digest[RECORD_SHA256_SIZE];

	ck_assert_int_eq(wheel_reader_open(wheel, &reader, NULL), 0);
	ck_assert_int_eq(wheel_reader_read(reader, find_file(wheel, "demo/stored.txt"), append,
					   &small, digest, NULL),
			 0);
	ck_assert_str_eq(small.data, "stored");
	ck_assert_mem_eq(digest, expected, sizeof(expected));
	ck_assert_int_eq(wheel_reader_read(reader, find_file(wheel, "demo/large.bin"), append,
					   &large, NULL, NULL),
			 0);
	ck_assert_uint_eq(large.length, 1048576);
	for (size_t i = 0; i < large.length; i++)
		ck_assert_uint_eq((unsigned char)large.data[i], i % 256);
}
END_TEST

static int stop(void *context, const void *data, size_t length)
{
	(void)data;
	*(size_t *)context += length;
	return 42;
}

START_TEST(a_sink_ends_the_reading)
{
	_cleanup_wheel_ struct wheel *wheel = open_case("with_everything");
	_cleanup_wheel_reader_ struct wheel_reader *reader = NULL;
	_cleanup_buffer_ struct buffer content = {0};
	size_t length = 0;

	ck_assert_int_eq(wheel_reader_open(wheel, &reader, NULL), 0);
	ck_assert_int_eq(wheel_reader_read(reader, find_file(wheel, "demo/large.bin"), stop,
					   &length, NULL, NULL),
			 42);
	ck_assert_uint_lt(length, 1048576);
	/* And nothing of it is left for the next one. */
	ck_assert_int_eq(wheel_reader_read(reader, find_file(wheel, "demo/tool.sh"), append,
					   &content, NULL, NULL),
			 0);
	ck_assert_str_eq(content.data, "#!/bin/sh\n");
}
END_TEST

static void *verify(void *wheel)
{
	return (void *)(intptr_t)wheel_verify(wheel, NULL);
}

START_TEST(threads_read_one_wheel_at_the_same_time)
{
	_cleanup_wheel_ struct wheel *wheel = open_case("with_everything");
	pthread_t threads[4];

	for (int i = 0; i < COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, verify, wheel), 0);
	for (int i = 0; i < COUNT(threads); i++) {
		void *result;

		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		ck_assert_ptr_null(result);
	}
}
END_TEST

static const struct {
	const char *text;
	size_t length;
} scripts[] = {
	{"#!python\nprint()\n", 9},
	{"#!pythonw\n", 10},
	{"#!python -E\r\nx", 13},
	{"#!python", 8},
	{"#!/usr/bin/python\n", 0},
	{"# !python\n", 0},
	{"\x7f"
	 "ELF",
	 0},
	{"", 0},
};

START_TEST(the_first_line_of_a_script_may_be_for_any_interpreter)
{
	const char *text = scripts[_i].text;

	ck_assert_uint_eq(wheel_script_head(text, strlen(text)), scripts[_i].length);
}
END_TEST

/* Files that are no wheels at all */

START_TEST(what_cannot_be_opened_says_why)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_free_ char *path = NULL;
	struct wheel *wheel = NULL;

	ck_assert_int_eq(path_join(directory, "none-1.0-py3-none-any.whl", &path), 0);
	ck_assert_int_eq(wheel_open(path, &wheel, &error), -ENOENT);
	ck_assert_str_eq(error.file, path);
	ck_assert_str_eq(error.message, "cannot open the wheel: No such file or directory");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(wheel_open(path, &wheel, &error), -EBADMSG);
	ck_assert_str_eq(error.message, "it is not a regular file");
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(wheel_open(path, &wheel, &error), -EBADMSG);
	ck_assert_str_eq(error.message, "it is not a regular file");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_ptr_null(wheel);
}
END_TEST

START_TEST(a_descriptor_is_taken_over_in_any_case)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct wheel *wheel = NULL;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(wheel_open_fd(fd, "a-1-py3-none-any.whl", &wheel, NULL), -EBADMSG);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

/* Opens the bytes as a wheel and reads all of it. */
static int verify_bytes(const struct buffer *bytes, struct wheel **out)
{
	int fd = memfd_create("wheel", MFD_CLOEXEC), r;

	ck_assert_int_eq(io_write_all(fd, bytes->data, bytes->length), 0);
	r = wheel_open_fd(fd, "demo-1.0-py3-none-any.whl", out, NULL);
	return r < 0 ? r : wheel_verify(*out, NULL);
}

/* The versions of zip that wrote an entry and can read it (twice), and attributes, are not looked
 * at, or stand for themselves. There is nothing else in which two readers could differ. */
#define FREE_BYTES_OF_AN_ENTRY 12

START_TEST(any_byte_of_a_wheel_is_checked)
{
	_cleanup_wheel_ struct wheel *plain = open_case("plain");
	_cleanup_free_ char *source = NULL;
	_cleanup_buffer_ struct buffer bytes = {0};
	size_t unseen = 0;

	ck_assert_int_eq(path_join(directory, "plain/demo-1.0-py3-none-any.whl", &source), 0);
	ck_assert_int_eq(io_read_file(AT_FDCWD, source, 1 << 20, &bytes), 0);
	for (size_t i = 0; i < bytes.length; i++) {
		_cleanup_wheel_ struct wheel *wheel = NULL;
		int r;

		bytes.data[i] ^= 0x20;
		r = verify_bytes(&bytes, &wheel);
		bytes.data[i] ^= 0x20;
		if (r < 0)
			continue;
		unseen++;
		ck_assert_uint_eq(wheel->count, plain->count);
		for (size_t k = 0; k < wheel->count; k++) {
			ck_assert_str_eq(wheel->files[k].source, plain->files[k].source);
			ck_assert_str_eq(wheel->files[k].hash, plain->files[k].hash);
			ck_assert_int_eq(wheel->files[k].mtime, plain->files[k].mtime);
		}
	}
	ck_assert_uint_le(unseen, plain->archive->count * FREE_BYTES_OF_AN_ENTRY);
}
END_TEST

/* A real one: pip's, where the distribution has it. */

static char *pip_wheel;

START_TEST(a_real_wheel_is_good)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_wheel_ struct wheel *wheel = NULL;
	bool pip = false;

	ck_assert_msg(wheel_open(pip_wheel, &wheel, &error) == 0, "%s", error.message);
	ck_assert_msg(wheel_verify(wheel, &error) == 0, "%s", error.message);
	ck_assert_str_eq(wheel->metadata.name, "pip");
	ck_assert_uint_gt(wheel->count, 300);
	for (size_t i = 0; i < wheel->entry_points.count; i++)
		pip = pip || strcmp(wheel->entry_points.items[i].name, "pip") == 0;
	ck_assert(pip);
}
END_TEST

static void find_pip_wheel(void)
{
	glob_t found;

	if (glob("/usr/share/python-wheels/pip-*.whl", 0, NULL, &found) == 0) {
		pip_wheel = strdup(found.gl_pathv[0]);
		globfree(&found);
	}
}

static void add_tests(TCase *tests)
{
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, a_wheel_is_good_or_refused_with_its_reason, 0, case_count);
	tcase_add_test(tests, files_go_where_they_belong);
	tcase_add_test(tests, metadata_and_entry_points_are_read);
	tcase_add_test(tests, scripts_that_pip_makes_itself_are_left_out);
	tcase_add_test(tests, a_newer_minor_version_is_a_warning);
	tcase_add_test(tests, names_may_be_spelled_otherwise_inside);
	tcase_add_test(tests, contents_and_digests_are_those_of_the_file);
	tcase_add_test(tests, a_sink_ends_the_reading);
	tcase_add_test(tests, threads_read_one_wheel_at_the_same_time);
	tcase_add_loop_test(tests, the_first_line_of_a_script_may_be_for_any_interpreter, 0,
			    COUNT(scripts));
	tcase_add_test(tests, what_cannot_be_opened_says_why);
	tcase_add_test(tests, a_descriptor_is_taken_over_in_any_case);
	tcase_add_test(tests, any_byte_of_a_wheel_is_checked);
	if (pip_wheel)
		tcase_add_test(tests, a_real_wheel_is_good);
	else
		puts("# not run: a_real_wheel_is_good, as there is no pip in "
		     "/usr/share/python-wheels");
}

int main(void)
{
	TCase *tests = tcase_create("wheel");
	int status;

	/* libzip asks for local time, under a lock of the C library's that the thread sanitizer
	 * does not see. A zone that is set is looked up once, here. */
	setenv("TZ", "UTC", 1);
	tzset();
	if (!mkdtemp(directory))
		return 99;
	find_pip_wheel();
	if (!make_wheels() || !read_manifest()) {
		io_remove_tree(AT_FDCWD, directory);
		return 99;
	}
	add_tests(tests);
	status = run_tests("wheel", tests);
	io_remove_tree(AT_FDCWD, directory);
	free_cases();
	free(pip_wheel);
	return status;
}
