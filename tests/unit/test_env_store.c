/* The store of an environment: its lock, whom it is for, what a crash leaves, and moving elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/env_store.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

#define NOBODY 65534

static char directory[] = "/tmp/venvfs-test-store-XXXXXX";

static void make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0755), 0);
}

static void remove_directory(void)
{
	io_remove_tree(AT_FDCWD, directory);
}

static void enter_directory(void)
{
	char name[] = "test-XXXXXX";

	umask(022);
	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_ptr_nonnull(mkdtemp(name));
	ck_assert_int_eq(chmod(name, 0777), 0);
	ck_assert_int_eq(chdir(name), 0);
}

static void write_file(const char *path, mode_t mode, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
}

static void assert_file(const char *path, const char *text)
{
	_cleanup_buffer_ struct buffer content = {0};

	ck_assert_int_eq(io_read_file(AT_FDCWD, path, 1 << 20, &content), 0);
	ck_assert_str_eq(content.data ? content.data : "", text);
}

static struct env_store *open_store(const char *path, const char *mountpoint)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct env_store *store;
	int r = env_store_open(path, mountpoint, &store, &error);

	ck_assert_msg(r == 0, "%d: %s", r, error.message);
	return store;
}

/* The lock says where the store is mounted, and by whom. */
static void assert_holder(const char *path, const char *mountpoint)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%s\n%d\n", mountpoint, (int)getpid());
	assert_file(path, expected);
}

static void refuse(const char *path, int code, const char *message)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct env_store *store = NULL;
	int r = env_store_open(path, "/env", &store, &error);

	ck_assert_msg(r == code, "%d, not %d: %s", r, code, error.message);
	ck_assert_ptr_null(store);
	ck_assert_ptr_nonnull(error.message);
	ck_assert_msg(strstr(error.message, message), "%s", error.message);
}

static void refuse_check(const char *path, int code)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = env_store_check(path, &error);

	ck_assert_msg(r == code, "%d, not %d: %s", r, code, error.message);
	ck_assert_ptr_nonnull(error.message);
}

START_TEST(a_store_is_made_with_its_parents)
{
	_cleanup_free_ char *path = NULL;
	struct env_store *store;
	struct stat st;
	int fd;

	ck_assert_int_eq(path_absolute("a/b/store", NULL, &path), 0);
	ck_assert_int_eq(env_store_check(path, NULL), 0);
	ck_assert_int_lt(access("a", F_OK), 0); /* asking makes nothing */
	store = open_store(path, "/env");
	ck_assert_int_eq(stat("a/b/store", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_eq(stat("a/b/store/upper", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0755);
	assert_holder("a/b/store/lock", "/env");
	fd = env_store_open_upper(store);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = env_store_open_work(store);
	ck_assert_int_ge(fd, 0);
	close(fd);
	env_store_free(store);
	ck_assert_int_eq(env_store_check(path, NULL), 0);
	env_store_free(NULL);
}
END_TEST

START_TEST(one_mount_at_a_time)
{
	struct env_store *store = open_store("store", "/first");
	_cleanup_error_ struct error error = ERROR_INIT;
	struct env_store *second = NULL;
	char holder[64];

	ck_assert_int_eq(env_store_open("store", "/second", &second, &error), -EBUSY);
	ck_assert_ptr_nonnull(strstr(error.message, "already mounted at /first"));
	/* Nothing is mounted there: the daemon is all that can be named. */
	assert_holder("store/lock", "/first");
	snprintf(holder, sizeof(holder), "pid %d,", (int)getpid());
	ck_assert_ptr_nonnull(strstr(error.hint, holder));
	env_store_free(store);
	store = open_store("store", "/2");
	assert_holder("store/lock", "/2");
	env_store_free(store);
}
END_TEST

/* As somebody does who takes it for a leftover. */
START_TEST(a_removed_lock_still_counts)
{
	struct env_store *store = open_store("store", "/first");

	ck_assert_int_eq(unlink("store/lock"), 0);
	refuse("store", -EBUSY, "in use by another mount");
	env_store_free(store);
	env_store_free(open_store("store", "/second"));
}
END_TEST

/* A daemon is the child of whoever took the lock. */
START_TEST(a_lock_lives_on_in_a_child)
{
	struct env_store *store = open_store("store", "/first");
	int ends[2], status;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(ends[1]);
		_exit(read(ends[0], &(char){0}, 1) < 0);
	}
	close(ends[0]);
	env_store_free(store);
	refuse("store", -EBUSY, "already mounted at /first");
	close(ends[1]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	env_store_free(open_store("store", "/second"));
}
END_TEST

START_TEST(what_a_crash_left_is_cleaned)
{
	struct env_store *store = open_store("store", "/env");

	env_store_free(store);
	write_file("store/work/t1-0", 0600, "half a copy");
	ck_assert_int_eq(mkdir("store/work/t1-1", 0700), 0);
	write_file("store/work/t1-1/inner", 0600, "");
	ck_assert_int_eq(chmod("store/work/t1-1", 0), 0);
	write_file("store/upper/kept", 0600, "kept");
	store = open_store("store", "/env");
	ck_assert_int_eq(rmdir("store/work"), 0); /* so it was empty */
	assert_file("store/upper/kept", "kept");
	env_store_free(store);
}
END_TEST

START_TEST(a_store_that_others_may_write_to_is_refused)
{
	env_store_free(open_store("store", "/env"));
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(chmod("store", i ? 0702 : 0720), 0);
		refuse("store", -EPERM, "can be written to by others");
		refuse_check("store", -EPERM);
	}
	ck_assert_int_eq(chmod("store", 0755), 0);
	env_store_free(open_store("store", "/env"));
}
END_TEST

START_TEST(a_store_of_somebody_else_is_refused)
{
	env_store_free(open_store("store", "/env"));
	ck_assert_int_eq(chown("store", NOBODY, NOBODY), 0);
	refuse("store", -EPERM, "belongs to user 65534");
	refuse_check("store", -EPERM);
}
END_TEST

START_TEST(what_is_no_directory_is_refused)
{
	write_file("file", 0600, "");
	refuse("file", -ENOTDIR, "the store file cannot be used");
	refuse_check("file", -ENOTDIR);
	refuse("file/store", -ENOTDIR, "cannot be used");
	refuse_check("file/store", -ENOTDIR);
	ck_assert_int_eq(symlink("nowhere", "link"), 0);
	refuse("link", -ENOENT, "cannot be used");
}
END_TEST

/* Parts that are links would lead the daemon elsewhere. */
START_TEST(parts_that_are_links_are_refused)
{
	static const char *const parts[] = {"upper", "lock", "log"};
	struct env_store *store;

	ck_assert_int_eq(mkdir("outside", 0755), 0);
	write_file("outside/file", 0644, "text");
	for (int i = 0; i < COUNT(parts); i++) {
		char path[64];

		ck_assert_int_eq(io_remove_tree(AT_FDCWD, "store"), 0);
		ck_assert_int_eq(mkdir("store", 0700), 0);
		snprintf(path, sizeof(path), "store/%s", parts[i]);
		ck_assert_int_eq(symlink(i ? "../outside/file" : "../outside", path), 0);
		if (i > 0) {
			refuse("store", -ELOOP, "cannot be used");
			continue;
		}
		store = open_store("store", "/env");
		ck_assert_int_lt(env_store_open_upper(store), 0);
		env_store_free(store);
	}
	assert_file("outside/file", "text");
}
END_TEST

/* Opening one would wait for its other end. */
START_TEST(fifos_are_not_waited_for)
{
	static const char *const parts[] = {"lock", "log", "mountpoints"};

	for (int i = 0; i < COUNT(parts); i++) {
		char path[64];

		ck_assert_int_eq(io_remove_tree(AT_FDCWD, "store"), 0);
		ck_assert_int_eq(mkdir("store", 0700), 0);
		snprintf(path, sizeof(path), "store/%s", parts[i]);
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		if (strcmp(parts[i], "mountpoints") == 0) {
			struct env_store *store = open_store("store", "/env");

			ck_assert_int_eq(env_store_relocate(store, "/env"), -EINVAL);
			env_store_free(store);
		} else {
			refuse("store", -EINVAL, "cannot be used");
		}
	}
}
END_TEST

START_TEST(a_place_that_cannot_be_written_is_refused)
{
	if (geteuid() == 0) {
		ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
		ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
	}
	ck_assert_int_eq(mkdir("closed", 0555), 0);
	refuse("closed/store", -EACCES, "cannot be used");
	refuse_check("closed/store", -EACCES);
	refuse_check("closed/a/b/store", -EACCES);
	refuse_check("closed", -EACCES);
}
END_TEST

START_TEST(a_long_log_begins_anew)
{
	struct stat st;

	env_store_free(open_store("store", "/env"));
	write_file("store/log", 0600, "line\n");
	env_store_free(open_store("store", "/env"));
	assert_file("store/log", "line\n");
	ck_assert_int_eq(truncate("store/log", 2 << 20), 0);
	env_store_free(open_store("store", "/env"));
	ck_assert_int_eq(stat("store/log", &st), 0);
	ck_assert_int_eq(st.st_size, 0);
}
END_TEST

/* Relocation */

/* Scripts of the mount point /old, and what they are at /new; NULL: the same. */
static const struct {
	const char *before, *after;
} scripts[] = {
	{"#!/old/bin/python\nprint(1)\n", "#!/new/bin/python\nprint(1)\n"},
	{"#!/old/bin/python3.11\n", "#!/new/bin/python3.11\n"},
	{"#!/bin/sh\n'''exec' /old/bin/python \"$0\" \"$@\"\n' '''\nimport sys\n",
	 "#!/new/bin/python\nimport sys\n"},
	{"#!/bin/sh\n'''exec' \"/old/bin/python\" \"$0\" \"$@\"\n' '''\nimport sys\n",
	 "#!/new/bin/python\nimport sys\n"},
	{"#!/bin/sh\n'''exec' '/old/bin/python3' \"$0\" \"$@\"\n' '''\nimport sys\n",
	 "#!/new/bin/python3\nimport sys\n"},
	{"#!/older/bin/python\n", NULL},
	{"#!/usr/bin/python3\n", NULL},
	{"#!/old/bin/python -u\n", NULL},
	{"#!/old/bin/\n", NULL},
	{"#!/old/bin/sub/python\n", NULL},
	{"#!/old/bin/python", NULL},
	{"text\n#!/old/bin/python\n", NULL},
	{"#!/bin/sh\nexec /old/bin/python\n", NULL},
	{"#!/bin/sh\n'''exec' \"/old/bin/python' \"$0\" \"$@\"\n' '''\n", NULL},
	{"", NULL},
	{"#!", NULL},
};

START_TEST(scripts_are_given_the_new_place)
{
	struct env_store *store = open_store("store", "/old");
	char path[64];
	struct stat st;

	ck_assert_int_eq(env_store_relocate(store, "/old"), 0);
	assert_file("store/mountpoints", "/old\n");
	ck_assert_int_eq(mkdir("store/upper/bin", 0755), 0);
	for (int i = 0; i < COUNT(scripts); i++) {
		snprintf(path, sizeof(path), "store/upper/bin/script-%d", i);
		write_file(path, 0750, scripts[i].before);
	}
	ck_assert_int_eq(env_store_relocate(store, "/new"), 0);
	for (int i = 0; i < COUNT(scripts); i++) {
		snprintf(path, sizeof(path), "store/upper/bin/script-%d", i);
		assert_file(path, scripts[i].after ? scripts[i].after : scripts[i].before);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 07777, 0750);
	}
	assert_file("store/mountpoints", "/new\n");
	env_store_free(store);
}
END_TEST

START_TEST(what_is_no_script_is_left_alone)
{
	struct env_store *store = open_store("store", "/old");
	_cleanup_close_ int fd = -1;
	struct stat st;

	ck_assert_int_eq(env_store_relocate(store, "/old"), 0);
	ck_assert_int_eq(mkdir("store/upper/bin", 0755), 0);
	write_file("outside", 0755, "#!/old/bin/python\n");
	ck_assert_int_eq(symlink("../../../outside", "store/upper/bin/link"), 0);
	ck_assert_int_eq(mkfifo("store/upper/bin/fifo", 0755), 0);
	ck_assert_int_eq(mkdir("store/upper/bin/directory", 0755), 0);
	write_file("store/upper/bin/program", 0755, "#!/old/bin/python\n");
	fd = open("store/upper/bin/program", O_WRONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(write(fd, "\0zip", 4), 4);
	ck_assert_int_eq(env_store_relocate(store, "/new"), 0);
	assert_file("outside", "#!/old/bin/python\n");
	ck_assert_int_eq(lstat("store/upper/bin/link", &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(stat("store/upper/bin/program", &st), 0);
	ck_assert_int_eq(st.st_size, 18 + 4);
	env_store_free(store);
}
END_TEST

/* A crash in the middle leaves some scripts with either place: both are on record. */
START_TEST(no_place_is_forgotten_half_way)
{
	struct env_store *store = open_store("store", "/c");

	ck_assert_int_eq(mkdir("store/upper/bin", 0755), 0);
	write_file("store/mountpoints", 0600, "/b\n/a\n");
	write_file("store/upper/bin/a", 0755, "#!/a/bin/python\n");
	write_file("store/upper/bin/b", 0755, "#!/b/bin/python\n");
	ck_assert_int_eq(env_store_relocate(store, "/c"), 0);
	assert_file("store/upper/bin/a", "#!/c/bin/python\n");
	assert_file("store/upper/bin/b", "#!/c/bin/python\n");
	assert_file("store/mountpoints", "/c\n");
	/* Back at a place that is still on record. */
	write_file("store/mountpoints", 0600, "/c\n/a\n");
	ck_assert_int_eq(env_store_relocate(store, "/a"), 0);
	assert_file("store/upper/bin/b", "#!/a/bin/python\n");
	env_store_free(store);
}
END_TEST

/* Nothing but whole scripts is ever seen in the environment, and nothing else is left there. */
START_TEST(a_script_that_cannot_be_rewritten_is_left)
{
	struct env_store *store = open_store("store", "/old");

	ck_assert_int_eq(env_store_relocate(store, "/old"), 0);
	ck_assert_int_eq(mkdir("store/upper/bin", 0755), 0);
	write_file("store/upper/bin/script", 0444, "#!/old/bin/python\n");
	ck_assert_int_eq(env_store_relocate(store, "/new"), 0);
	assert_file("store/upper/bin/script", "#!/new/bin/python\n");
	ck_assert_int_eq(unlink("store/upper/bin/script"), 0);
	ck_assert_int_eq(rmdir("store/upper/bin"), 0);
	env_store_free(store);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("env_store");

	tcase_add_unchecked_fixture(tests, make_directory, remove_directory);
	tcase_add_checked_fixture(tests, enter_directory, NULL);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_store_is_made_with_its_parents);
	tcase_add_test(tests, one_mount_at_a_time);
	tcase_add_test(tests, a_removed_lock_still_counts);
	tcase_add_test(tests, a_lock_lives_on_in_a_child);
	tcase_add_test(tests, what_a_crash_left_is_cleaned);
	tcase_add_test(tests, a_store_that_others_may_write_to_is_refused);
	if (geteuid() == 0) {
		tcase_add_test(tests, a_store_of_somebody_else_is_refused);
	} else {
		printf("# a store of somebody else: not tested, only root can make one\n");
		fflush(stdout);
	}
	tcase_add_test(tests, what_is_no_directory_is_refused);
	tcase_add_test(tests, parts_that_are_links_are_refused);
	tcase_add_test(tests, fifos_are_not_waited_for);
	tcase_add_test(tests, a_place_that_cannot_be_written_is_refused);
	tcase_add_test(tests, a_long_log_begins_anew);
	tcase_add_test(tests, scripts_are_given_the_new_place);
	tcase_add_test(tests, what_is_no_script_is_left_alone);
	tcase_add_test(tests, no_place_is_forgotten_half_way);
	tcase_add_test(tests, a_script_that_cannot_be_rewritten_is_left);
	return run_tests("env_store", tests);
}
