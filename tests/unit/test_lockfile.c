/* Locks: what is written is read again, and what is no lock is refused. */
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
#include "venvfs/lockfile.h"

#define DIGEST_A "00000000000000000000000000000000000000000000000000000000000000aa"
#define DIGEST_B "00000000000000000000000000000000000000000000000000000000000000bb"
#define LOCK     "proj.lock"

static char root[] = "/tmp/venvfs-test-lock-XXXXXX";

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

static void write_file(const char *text)
{
	_cleanup_close_ int fd = open(LOCK, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
}

static void read_file(struct buffer *out)
{
	ck_assert_int_eq(io_read_file(AT_FDCWD, LOCK, 1 << 20, out), 0);
}

static ino_t inode_of_lock(void)
{
	struct stat st;

	ck_assert_int_eq(stat(LOCK, &st), 0);
	return st.st_ino;
}

static void add(struct lockfile *lock, const char *name, const char *version)
{
	_cleanup_buffer_ struct buffer file = {0};
	struct lock_package package = {
		.name = (char *)name,
		.version = (char *)version,
		.sha256 = DIGEST_A,
		.layer = DIGEST_B,
	};

	buffer_printf(&file, "%s-%s-py3-none-any.whl", name, version);
	package.file = file.data;
	ck_assert_int_eq(lockfile_add(lock, &package), 0);
}

static struct lockfile *make_lock(void)
{
	struct lockfile *lock = lockfile_new();

	ck_assert_ptr_nonnull(lock);
	lock->inputs = strdup(DIGEST_A);
	lock->python = strdup("3.11");
	return lock;
}

static void assert_package(const struct lock_package *package, const char *name,
			   const char *version, const char *file)
{
	ck_assert_str_eq(package->name, name);
	ck_assert_str_eq(package->version, version);
	ck_assert_str_eq(package->file, file);
	ck_assert_str_eq(package->sha256, DIGEST_A);
	ck_assert_str_eq(package->layer, DIGEST_B);
}

START_TEST(a_lock_stands_beside_its_spec)
{
	static const struct {
		const char *spec, *lock;
	} cases[] = {
		{"/srv/proj.cfg", "/srv/proj.lock"}, {"/srv/proj", "/srv/proj.lock"},
		{"/srv/a.b.cfg", "/srv/a.b.lock"},   {"/srv/a.cfg.x", "/srv/a.cfg.x.lock"},
		{"proj.cfg", "proj.lock"},
	};

	for (int i = 0; i < COUNT(cases); i++) {
		_cleanup_free_ char *path = lockfile_path(cases[i].spec);

		ck_assert_pstr_eq(path, cases[i].lock);
	}
}
END_TEST

START_TEST(what_is_written_is_read)
{
	_cleanup_lockfile_ struct lockfile *written = make_lock(), *read = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;

	add(written, "zope-interface", "6.0");
	add(written, "attrs", "23.1.0");
	add(written, "caf\xc3\xa9 \"x\"", "1!2.0+local");
	ck_assert_int_eq(lockfile_write(LOCK, written, &error), 0);
	ck_assert_int_eq(lockfile_read(LOCK, &read, &error), 0);
	ck_assert_str_eq(read->inputs, DIGEST_A);
	ck_assert_str_eq(read->python, "3.11");
	ck_assert_uint_eq(read->count, 3);
	/* By name, in whichever order they were added. */
	assert_package(&read->packages[0], "attrs", "23.1.0", "attrs-23.1.0-py3-none-any.whl");
	assert_package(&read->packages[1], "caf\xc3\xa9 \"x\"", "1!2.0+local",
		       "caf\xc3\xa9 \"x\"-1!2.0+local-py3-none-any.whl");
	assert_package(&read->packages[2], "zope-interface", "6.0",
		       "zope-interface-6.0-py3-none-any.whl");
}
END_TEST

START_TEST(a_lock_of_nothing_is_one)
{
	_cleanup_lockfile_ struct lockfile *written = make_lock(), *read = NULL;

	ck_assert_int_eq(lockfile_write(LOCK, written, NULL), 0);
	ck_assert_int_eq(lockfile_read(LOCK, &read, NULL), 0);
	ck_assert_uint_eq(read->count, 0);
}
END_TEST

START_TEST(the_order_of_adding_does_not_matter)
{
	_cleanup_lockfile_ struct lockfile *first = make_lock(), *second = make_lock();
	_cleanup_buffer_ struct buffer before = {0}, after = {0};

	add(first, "b", "1");
	add(first, "a", "2");
	ck_assert_int_eq(lockfile_write(LOCK, first, NULL), 0);
	read_file(&before);
	ck_assert_int_eq(unlink(LOCK), 0);
	add(second, "a", "2");
	add(second, "b", "1");
	ck_assert_int_eq(lockfile_write(LOCK, second, NULL), 0);
	read_file(&after);
	ck_assert_str_eq(before.data, after.data);
	ck_assert_int_eq(after.data[after.length - 1], '\n');
}
END_TEST

START_TEST(an_unchanged_file_is_not_written)
{
	_cleanup_lockfile_ struct lockfile *lock = make_lock();
	ino_t inode;

	add(lock, "a", "1");
	ck_assert_int_eq(lockfile_write(LOCK, lock, NULL), 0);
	inode = inode_of_lock();
	/* Where nothing can be written, that nothing is written is success. */
	ck_assert_int_eq(chmod(".", 0500), 0);
	ck_assert_int_eq(lockfile_write(LOCK, lock, NULL), 0);
	ck_assert_int_eq(chmod(".", 0700), 0);
	ck_assert_uint_eq(inode_of_lock(), inode);
	add(lock, "b", "1");
	ck_assert_int_eq(lockfile_write(LOCK, lock, NULL), 0);
	ck_assert_uint_ne(inode_of_lock(), inode);
}
END_TEST

START_TEST(a_link_is_followed)
{
	_cleanup_lockfile_ struct lockfile *lock = make_lock();
	struct stat st;

	ck_assert_int_eq(mkdir("elsewhere", 0755), 0);
	ck_assert_int_eq(mknod("elsewhere/kept.lock", S_IFREG | 0644, 0), 0);
	ck_assert_int_eq(symlink("elsewhere/kept.lock", LOCK), 0);
	add(lock, "a", "1");
	ck_assert_int_eq(lockfile_write(LOCK, lock, NULL), 0);
	ck_assert_int_eq(lstat(LOCK, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(lstat("elsewhere/kept.lock", &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	ck_assert_int_gt(st.st_size, 0);
}
END_TEST

START_TEST(a_link_that_leads_nowhere_is_no_place)
{
	_cleanup_lockfile_ struct lockfile *lock = make_lock();
	_cleanup_error_ struct error error = ERROR_INIT;
	struct stat st;

	ck_assert_int_eq(symlink("absent/kept.lock", LOCK), 0);
	ck_assert_int_eq(lockfile_write(LOCK, lock, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error.message, LOCK));
	ck_assert_ptr_nonnull(error.hint);
	ck_assert_int_eq(lstat(LOCK, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

START_TEST(a_lock_that_is_not_there_is_told)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct lockfile *lock;

	ck_assert_int_eq(lockfile_read(LOCK, &lock, &error), -ENOENT);
	ck_assert_ptr_null(error.message);
}
END_TEST

START_TEST(a_place_that_is_not_there_is_told)
{
	_cleanup_lockfile_ struct lockfile *lock = make_lock();
	_cleanup_error_ struct error error = ERROR_INIT;

	ck_assert_int_eq(lockfile_write("absent/" LOCK, lock, &error), -ENOENT);
	ck_assert_ptr_nonnull(strstr(error.message, "absent/" LOCK));
}
END_TEST

#define HEAD "{\"format\": 1, \"inputs\": \"x\", \"python\": \"3.11\", \"packages\": "
#define PACKAGE(name, file, sha256, layer)                                                         \
	"{\"name\": \"" name "\", \"version\": \"1\", \"file\": \"" file                           \
	"\", \"sha256\": \"" sha256 "\", \"layer\": \"" layer "\"}"

/* Locks as they were written before they had a digest. */
static const char *const good[] = {
	HEAD "[]}",
	HEAD "[" PACKAGE("a", "a-1-py3-none-any.whl", DIGEST_A, DIGEST_B) "]}",
	/* What a later venvfs may add to this format. */
	HEAD "[], \"more\": {}}",
};

static const char *const bad[] = {
	"",
	"\n",
	"[]",
	"null",
	"{}",
	"no JSON",
	HEAD "[]",
	HEAD "[]} x",
	HEAD "[]}\n<<<<<<< HEAD\n",
	HEAD "{}}",
	HEAD "[1]}",
	HEAD "[{}]}",
	"{\"format\": \"1\", \"inputs\": \"x\", \"python\": \"3.11\", \"packages\": []}",
	"{\"format\": 3, \"inputs\": \"x\", \"python\": \"3.11\", \"packages\": []}",
	/* From the second format on, there is a digest. */
	"{\"format\": 2, \"inputs\": \"x\", \"python\": \"3.11\", \"packages\": []}",
	"{\"format\": 2, \"inputs\": \"x\", \"digest\": 1, \"python\": \"3\", \"packages\": []}",
	"{\"format\": 0, \"inputs\": \"x\", \"python\": \"3.11\", \"packages\": []}",
	"{\"format\": 1, \"python\": \"3.11\", \"packages\": []}",
	"{\"format\": 1, \"inputs\": 1, \"python\": \"3.11\", \"packages\": []}",
	"{\"format\": 1, \"inputs\": \"x\", \"packages\": []}",
	"{\"format\": 1, \"inputs\": \"x\", \"python\": \"3.11\"}",
	"{\"format\": 1, \"format\": 1, \"inputs\": \"x\", \"python\": \"3.11\", \"packages\": []}",
	HEAD "[], \"packages\": []}",
	HEAD "[" PACKAGE("a", "a.whl", DIGEST_A "0", DIGEST_B) "]}",
	HEAD "[" PACKAGE("a", "a.whl", DIGEST_A, DIGEST_B) ", " PACKAGE("a", "a.whl", DIGEST_A,
									DIGEST_A) "]}",
	HEAD "[" PACKAGE("../a", "a.whl", DIGEST_A, DIGEST_B) "]}",
	HEAD "[" PACKAGE("\\u009b31m", "a.whl", DIGEST_A, DIGEST_B) "]}",
	HEAD "[" PACKAGE("\\u001b[31m", "a.whl", DIGEST_A, DIGEST_B) "]}",
	HEAD "[" PACKAGE("a", "a.whl", DIGEST_A, "../../x") "]}",
	HEAD "[" PACKAGE("a", "../a.whl", DIGEST_A, DIGEST_B) "]}",
	HEAD "[" PACKAGE("a\", \"name\": \"b", "a.whl", DIGEST_A, DIGEST_B) "]}",
	HEAD "[{\"name\": \"a\", \"version\": \"1\", \"file\": \"a.whl\"}]}",
};

START_TEST(a_lock_by_hand_is_read)
{
	_cleanup_lockfile_ struct lockfile *lock = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;

	write_file(good[_i]);
	ck_assert_int_eq(lockfile_read(LOCK, &lock, &error), 0);
	ck_assert(lock->bare);
}
END_TEST

/* Writes a lock of two packages. */
static void write_two(void)
{
	_cleanup_lockfile_ struct lockfile *lock = make_lock();

	add(lock, "one", "1.5");
	add(lock, "two", "2.5");
	ck_assert_int_eq(lockfile_write(LOCK, lock, NULL), 0);
}

/* Replaces the first @old of the lock by @new. */
static void edit(const char *old, const char *new)
{
	_cleanup_buffer_ struct buffer before = {0}, after = {0};
	const char *at;

	read_file(&before);
	at = strstr(before.data, old);
	ck_assert_ptr_nonnull(at);
	buffer_append(&after, before.data, (size_t)(at - before.data));
	buffer_puts(&after, new);
	buffer_puts(&after, at + strlen(old));
	write_file(after.data);
}

static const struct {
	const char *old, *new;
} edits[] = {
	{"\"inputs\": \"0", "\"inputs\": \"1"},
	{"3.11", "3.12"},
	{"\"name\": \"one\"", "\"name\": \"other\""},
	{"\"version\": \"1.5\"", "\"version\": \"1.6\""},
	{"one-1.5-py3-none-any.whl", "one-1.6-py3-none-any.whl"},
	{"\"sha256\": \"0", "\"sha256\": \"1"},
	{"\"layer\": \"0", "\"layer\": \"1"},
	{"\"digest\": \"", "\"digest\": \"0"},
	{"\"packages\": [", "\"packages\": [], \"others\": ["},
	{"\"packages\": [", "\"packages\": [" PACKAGE("n", "n.whl", DIGEST_A, DIGEST_B) ","},
};

START_TEST(what_was_edited_is_refused)
{
	struct lockfile *untouched = (struct lockfile *)root, *lock = untouched;
	_cleanup_error_ struct error error = ERROR_INIT;

	write_two();
	edit(edits[_i].old, edits[_i].new);
	ck_assert_int_eq(lockfile_read(LOCK, &lock, &error), -EUCLEAN);
	ck_assert_ptr_eq(lock, untouched);
	ck_assert_ptr_nonnull(strstr(error.message, LOCK));
	ck_assert_ptr_nonnull(strstr(error.hint, "venvfs lock"));
}
END_TEST

START_TEST(what_says_the_same_was_not_edited)
{
	_cleanup_lockfile_ struct lockfile *lock = NULL;

	write_two();
	edit("\"packages\": [", "\"more\": {},\n\n   \"packages\"\t:\t[");
	edit("\"one\"", "\"\\u006fne\"");
	ck_assert_int_eq(lockfile_read(LOCK, &lock, NULL), 0);
	ck_assert(!lock->bare);
}
END_TEST

START_TEST(one_without_a_digest_gets_it)
{
	_cleanup_lockfile_ struct lockfile *bare = NULL, *lock = NULL;

	write_file(good[1]);
	ck_assert_int_eq(lockfile_read(LOCK, &bare, NULL), 0);
	ck_assert_int_eq(lockfile_write(LOCK, bare, NULL), 0);
	ck_assert_int_eq(lockfile_read(LOCK, &lock, NULL), 0);
	ck_assert(!lock->bare);
	ck_assert_uint_eq(lock->count, 1);
	assert_package(&lock->packages[0], "a", "1", "a-1-py3-none-any.whl");
}
END_TEST

START_TEST(what_is_no_lock_is_refused)
{
	struct lockfile *untouched = (struct lockfile *)root, *lock = untouched;
	_cleanup_error_ struct error error = ERROR_INIT;

	write_file(bad[_i]);
	ck_assert_int_eq(lockfile_read(LOCK, &lock, &error), -EINVAL);
	ck_assert_ptr_eq(lock, untouched);
	ck_assert_ptr_nonnull(strstr(error.message, LOCK));
	ck_assert_ptr_nonnull(error.hint);
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct lockfile *lock;

	ck_assert_int_eq(mkdir(LOCK, 0755), 0);
	ck_assert_int_lt(lockfile_read(LOCK, &lock, &error), 0);
	ck_assert_ptr_nonnull(strstr(error.message, LOCK));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("lockfile");

	tcase_add_checked_fixture(tests, make_directory, remove_directory);
	tcase_add_test(tests, a_lock_stands_beside_its_spec);
	tcase_add_test(tests, what_is_written_is_read);
	tcase_add_test(tests, a_lock_of_nothing_is_one);
	tcase_add_test(tests, the_order_of_adding_does_not_matter);
	tcase_add_test(tests, an_unchanged_file_is_not_written);
	tcase_add_test(tests, a_link_is_followed);
	tcase_add_test(tests, a_link_that_leads_nowhere_is_no_place);
	tcase_add_test(tests, a_lock_that_is_not_there_is_told);
	tcase_add_test(tests, a_place_that_is_not_there_is_told);
	tcase_add_loop_test(tests, a_lock_by_hand_is_read, 0, COUNT(good));
	tcase_add_loop_test(tests, what_was_edited_is_refused, 0, COUNT(edits));
	tcase_add_test(tests, what_says_the_same_was_not_edited);
	tcase_add_test(tests, one_without_a_digest_gets_it);
	tcase_add_loop_test(tests, what_is_no_lock_is_refused, 0, COUNT(bad));
	tcase_add_test(tests, what_is_no_file_is_refused);
	return run_tests("lockfile", tests);
}
