/* Files: opening beneath a root, whole reads and writes, copies, publishing, removing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/path.h"

#define MIB ((off_t)1 << 20)

static char directory[] = "/tmp/venvfs-test-io-XXXXXX";

/* Unchecked fixtures: they run in the parent, so that the directory goes even when a test dies. */
static void make_directory(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void remove_directory(void)
{
	io_remove_tree(AT_FDCWD, directory);
}

/* A directory for each test, which is also its working directory; loops share it. */
static void enter_directory(void)
{
	char name[] = "test-XXXXXX";

	ck_assert_int_eq(chdir(directory), 0);
	ck_assert_ptr_nonnull(mkdtemp(name));
	ck_assert_int_eq(chdir(name), 0);
}

static void write_file(const char *path, const void *bytes, size_t length)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, bytes, length), 0);
}

static void assert_content(const char *path, const char *expected)
{
	_cleanup_buffer_ struct buffer content = {0};

	ck_assert_int_eq(io_read_file(AT_FDCWD, path, 1 << 20, &content), 0);
	ck_assert_uint_eq(content.length, strlen(expected));
	ck_assert_mem_eq(content.data ? content.data : "", expected, content.length);
}

/* Opening beneath a root */

/*
 * root/file, root/sub/file, and every way out of it that a store's writer can lay: links of all
 * kinds, and "secret" beside the root.
 */
static int open_hostile_root(void)
{
	ck_assert_int_eq(mkdir("root", 0755), 0);
	ck_assert_int_eq(mkdir("root/sub", 0755), 0);
	write_file("secret", "secret", 6);
	write_file("root/file", "file", 4);
	write_file("root/sub/file", "file", 4);
	ck_assert_int_eq(symlink("../secret", "root/out"), 0);
	ck_assert_int_eq(symlink("/etc/passwd", "root/absolute"), 0);
	ck_assert_int_eq(symlink("file", "root/inside"), 0);
	ck_assert_int_eq(symlink("sub", "root/link"), 0);
	ck_assert_int_eq(symlink("loop", "root/loop"), 0);
	ck_assert_int_eq(symlink("/proc/self/root", "root/magic"), 0);
	return open("root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static const struct {
	const char *path;
	int code;
} hostile[] = {
	{"..", -EXDEV},
	{"../secret", -EXDEV},
	{"sub/../../secret", -EXDEV},
	{"/etc/passwd", -EXDEV},
	{"out", -ELOOP},
	{"absolute", -ELOOP},
	{"inside", -ELOOP},
	{"link/file", -ELOOP},
	{"loop", -ELOOP},
	{"magic/etc/passwd", -ELOOP},
	{"none", -ENOENT},
	{"file/x", -ENOTDIR},
};

START_TEST(no_path_leads_out_of_a_root)
{
	_cleanup_close_ int root = open_hostile_root();
	_cleanup_close_ int fd = path_open_beneath(root, hostile[_i].path, O_RDONLY, 0);

	ck_assert_int_eq(fd, hostile[_i].code);
}
END_TEST

START_TEST(nothing_is_created_out_of_a_root)
{
	_cleanup_close_ int root = open_hostile_root();

	ck_assert_int_lt(path_open_beneath(root, "../new", O_WRONLY | O_CREAT, 0644), 0);
	ck_assert_int_lt(path_open_beneath(root, "link/new", O_WRONLY | O_CREAT, 0644), 0);
	ck_assert_int_lt(path_open_beneath(root, "out", O_WRONLY | O_CREAT | O_TRUNC, 0644), 0);
	ck_assert_int_ne(access("new", F_OK), 0);
	ck_assert_int_ne(access("root/sub/new", F_OK), 0);
	assert_content("secret", "secret");
}
END_TEST

START_TEST(what_is_beneath_a_root_is_opened)
{
	_cleanup_close_ int root = open_hostile_root();
	_cleanup_close_ int self = path_open_beneath(root, "", O_RDONLY | O_DIRECTORY, 0);
	_cleanup_close_ int file = path_open_beneath(root, "sub/../sub/./file", O_RDONLY, 0);
	_cleanup_close_ int new = path_open_beneath(root, "sub/new", O_WRONLY | O_CREAT, 0640);
	struct stat st;

	ck_assert_int_ge(self, 0);
	ck_assert_int_ge(file, 0);
	ck_assert_int_ge(new, 0);
	ck_assert_int_eq(fcntl(file, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(stat("root/sub/new", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
}
END_TEST

/* Reading */

START_TEST(a_file_is_read_whole_or_refused)
{
	_cleanup_buffer_ struct buffer exact = {0}, small = {0}, none = {0};
	_cleanup_free_ char *bytes = malloc(100000);

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'x', 100000);
	write_file("file", bytes, 100000);
	ck_assert_int_eq(io_read_file(AT_FDCWD, "file", 100000, &exact), 0);
	ck_assert_uint_eq(exact.length, 100000);
	ck_assert_mem_eq(exact.data, bytes, 100000);
	ck_assert_int_eq(io_read_file(AT_FDCWD, "file", 99999, &small), -EFBIG);
	ck_assert_int_eq(io_read_file(AT_FDCWD, "none", 1, &none), -ENOENT);
	ck_assert_int_eq(io_read_file(AT_FDCWD, ".", 1, &none), -EISDIR);
}
END_TEST

/* Copying */

START_TEST(a_sparse_file_stays_sparse)
{
	_cleanup_close_ int from = open("from", O_RDWR | O_CREAT, 0644);
	_cleanup_close_ int to = open("to", O_RDWR | O_CREAT, 0644);
	struct stat st, source;
	char bytes[4];

	/* Data in the middle and near the end; holes before, between and after. */
	ck_assert_int_eq(pwrite(from, "data", 4, 8 * MIB), 4);
	ck_assert_int_eq(pwrite(from, "more", 4, 32 * MIB), 4);
	ck_assert_int_eq(ftruncate(from, 64 * MIB), 0);
	ck_assert_int_eq(io_copy(from, to, 64 * MIB), 0);
	ck_assert_int_eq(fstat(from, &source), 0);
	ck_assert_int_eq(fstat(to, &st), 0);
	ck_assert_int_eq(st.st_size, 64 * MIB);
	ck_assert_int_le(st.st_blocks, source.st_blocks + 16);
	ck_assert_int_eq(pread(to, bytes, 4, 8 * MIB), 4);
	ck_assert_mem_eq(bytes, "data", 4);
	ck_assert_int_eq(pread(to, bytes, 4, 32 * MIB), 4);
	ck_assert_mem_eq(bytes, "more", 4);
	ck_assert_int_eq(pread(to, bytes, 4, 16 * MIB), 4);
	ck_assert_mem_eq(bytes, "\0\0\0\0", 4);
}
END_TEST

static const struct {
	off_t length;
	const char *content;
} lengths[] = {{0, ""}, {1, "0"}, {9, "012345678"}, {10, "0123456789"}, {100, "0123456789"}};

START_TEST(a_copy_ends_where_it_should)
{
	_cleanup_close_ int from = -1, to = -1;

	write_file("from", "0123456789", 10);
	write_file("to", "longer than what replaces it", 28);
	from = open("from", O_RDONLY);
	to = open("to", O_RDWR);
	/* Where the descriptors stand does not matter. */
	ck_assert_int_eq(lseek(from, 5, SEEK_SET), 5);
	ck_assert_int_eq(lseek(to, 7, SEEK_SET), 7);
	ck_assert_int_eq(io_copy(from, to, lengths[_i].length), 0);
	assert_content("to", lengths[_i].content);
}
END_TEST

START_TEST(a_copy_reaches_another_file_system)
{
	char name[] = "/dev/shm/venvfs-test-io-XXXXXX";
	_cleanup_close_ int to = mkstemp(name), from = -1;
	char bytes[4];

	ck_assert_int_ge(to, 0);
	ck_assert_int_eq(unlink(name), 0);
	from = open("from", O_RDWR | O_CREAT, 0644);
	ck_assert_int_eq(pwrite(from, "data", 4, 3 * MIB), 4);
	ck_assert_int_eq(io_copy(from, to, 3 * MIB + 4), 0);
	ck_assert_int_eq(pread(to, bytes, 4, 3 * MIB), 4);
	ck_assert_mem_eq(bytes, "data", 4);
}
END_TEST

START_TEST(a_copy_that_cannot_be_written_fails)
{
	_cleanup_close_ int from = -1, to = -1;

	write_file("from", "data", 4);
	write_file("to", "", 0);
	from = open("from", O_RDONLY);
	to = open("to", O_RDONLY);
	ck_assert_int_lt(io_copy(from, to, 4), 0);
}
END_TEST

/* Publishing */

static int count_entries(void)
{
	_cleanup_closedir_ DIR *dir = opendir(".");
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		count++;
	return count - 2;
}

START_TEST(publishing_replaces_at_once)
{
	_cleanup_close_ int dir = open(".", O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int old = -1;
	struct stat st;

	write_file("name", "old", 3);
	old = open("name", O_RDONLY);
	ck_assert_int_eq(io_publish(dir, "name", "new text", 8, 0604), 0);
	assert_content("name", "new text");
	ck_assert_int_eq(stat("name", &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0604);
	ck_assert_int_eq(count_entries(), 1);
	/* Whoever had it open has the old one, whole. */
	ck_assert_int_eq(fstat(old, &st), 0);
	ck_assert_int_eq(st.st_size, 3);
}
END_TEST

START_TEST(a_failed_publication_leaves_nothing)
{
	_cleanup_close_ int dir = open(".", O_RDONLY | O_DIRECTORY);

	ck_assert_int_eq(mkdir("name", 0755), 0);
	ck_assert_int_eq(io_publish(dir, "name", "text", 4, 0644), -EISDIR);
	ck_assert_int_eq(count_entries(), 1);
	ck_assert_int_eq(io_publish(dir, "none/name", "text", 4, 0644), -ENOENT);
	ck_assert_int_eq(count_entries(), 1);
}
END_TEST

START_TEST(a_link_is_replaced_and_not_followed)
{
	_cleanup_close_ int dir = open(".", O_RDONLY | O_DIRECTORY);
	struct stat st;

	write_file("victim", "victim", 6);
	ck_assert_int_eq(symlink("victim", "name"), 0);
	ck_assert_int_eq(io_publish(dir, "name", "text", 4, 0644), 0);
	assert_content("victim", "victim");
	ck_assert_int_eq(lstat("name", &st), 0);
	ck_assert(S_ISREG(st.st_mode));
}
END_TEST

/* Directories */

START_TEST(directories_are_made_with_their_parents)
{
	ck_assert_int_eq(io_make_directories("a/b//c/", 0755), 0);
	ck_assert_int_eq(access("a/b/c", F_OK), 0);
	ck_assert_int_eq(io_make_directories("a/b/c", 0755), 0);
	write_file("a/file", "", 0);
	ck_assert_int_eq(io_make_directories("a/file", 0755), -ENOTDIR);
	ck_assert_int_eq(io_make_directories("a/file/x", 0755), -ENOTDIR);
}
END_TEST

START_TEST(a_tree_is_removed_and_links_are_not_followed)
{
	ck_assert_int_eq(io_make_directories("tree/a/b", 0755), 0);
	ck_assert_int_eq(mkdir("outside", 0755), 0);
	write_file("outside/file", "file", 4);
	write_file("tree/a/b/file", "file", 4);
	ck_assert_int_eq(symlink("../outside", "tree/link"), 0);
	ck_assert_int_eq(symlink("../../outside/file", "tree/a/link"), 0);
	ck_assert_int_eq(mkfifo("tree/a/fifo", 0644), 0);
	ck_assert_int_eq(chmod("tree/a/b", 0), 0);
	ck_assert_int_eq(chmod("tree/a", 0500), 0);
	ck_assert_int_eq(io_remove_tree(AT_FDCWD, "tree"), 0);
	ck_assert_int_ne(access("tree", F_OK), 0);
	assert_content("outside/file", "file");
	ck_assert_int_eq(io_remove_tree(AT_FDCWD, "tree"), 0);
}
END_TEST

START_TEST(removing_a_link_leaves_its_target)
{
	ck_assert_int_eq(mkdir("outside", 0755), 0);
	ck_assert_int_eq(symlink("outside", "link"), 0);
	ck_assert_int_eq(io_remove_tree(AT_FDCWD, "link"), 0);
	ck_assert_int_eq(access("outside", F_OK), 0);
	ck_assert_int_ne(access("link", F_OK), 0);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("io");

	tcase_add_unchecked_fixture(tests, make_directory, remove_directory);
	tcase_add_checked_fixture(tests, enter_directory, NULL);
	tcase_add_loop_test(tests, no_path_leads_out_of_a_root, 0, COUNT(hostile));
	tcase_add_test(tests, nothing_is_created_out_of_a_root);
	tcase_add_test(tests, what_is_beneath_a_root_is_opened);
	tcase_add_test(tests, a_file_is_read_whole_or_refused);
	tcase_add_test(tests, a_sparse_file_stays_sparse);
	tcase_add_loop_test(tests, a_copy_ends_where_it_should, 0, COUNT(lengths));
	tcase_add_test(tests, a_copy_reaches_another_file_system);
	tcase_add_test(tests, a_copy_that_cannot_be_written_fails);
	tcase_add_test(tests, publishing_replaces_at_once);
	tcase_add_test(tests, a_failed_publication_leaves_nothing);
	tcase_add_test(tests, a_link_is_replaced_and_not_followed);
	tcase_add_test(tests, directories_are_made_with_their_parents);
	tcase_add_test(tests, a_tree_is_removed_and_links_are_not_followed);
	tcase_add_test(tests, removing_a_link_leaves_its_target);
	return run_tests("io", tests);
}
