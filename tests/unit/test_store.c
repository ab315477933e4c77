/* The wheel store: who is trusted, what is published, verified and removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "store/digest.h"
#include "store/publish.h"
#include "store/seal.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/image_writer.h"
#include "venvfs/io.h"
#include "venvfs/layer_image.h"
#include "venvfs/store.h"

#define WHEEL_DIGEST "00000000000000000000000000000000000000000000000000000000000000aa"

static char root[] = "/tmp/venvfs-test-store-XXXXXX";

static void make_directory(void)
{
	strcpy(strrchr(root, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(chdir(root), 0);
}

static void remove_directory(void)
{
	/* As root, what was sealed is immutable. */
	unseal_tree(AT_FDCWD, root);
	io_remove_tree(AT_FDCWD, root);
}

static struct store *open_store(enum store_mode mode)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store *store;
	int r = store_open("store", mode, &store, &error);

	ck_assert_msg(r == 0, "%s", error.message);
	return store;
}

static void write_file(int directory, const char *name, const char *text)
{
	_cleanup_close_ int fd =
		openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
}

/* Makes a layer of two files in scratch, one of them beside the image. */
static struct publication build(const struct store *store, const char *text,
				char digest[STORE_DIGEST_SIZE])
{
	_cleanup_image_writer_ struct image_writer *writer = NULL;
	uint8_t file[DIGEST_SIZE], image[DIGEST_SIZE];
	struct scratch scratch;

	ck_assert_int_eq(scratch_new(store->scratch, &scratch), 0);
	ck_assert_int_eq(mkdirat(scratch.fd, "files", 0755), 0);
	ck_assert_int_eq(mkdirat(scratch.fd, "files/site", 0755), 0);
	write_file(scratch.fd, "files/site/a.so", text);
	ck_assert_int_eq(digest_bytes(text, strlen(text), file), 0);
	ck_assert_int_eq(image_writer_new(scratch.fd, 0, &writer), 0);
	ck_assert_int_eq(image_writer_add_file(writer, "site/a.py", 0644, 0, "x", 1), 0);
	ck_assert_int_eq(
		image_writer_add_external(writer, "site/a.so", 0755, 0, strlen(text), file), 0);
	ck_assert_int_eq(image_writer_finish(writer, image), 0);
	digest_to_hex(image, digest);
	return (struct publication){.scratch = scratch, .layer = digest};
}

static void publish(const struct store *store, const char *text, char digest[STORE_DIGEST_SIZE])
{
	struct publication item = build(store, text, digest);

	store_publish(store, &item, 1);
	ck_assert_int_eq(item.code, 0);
}

/* The same for a layer that a wheel is linked to. */
static void publish_wheel(const struct store *store, const char *text, const char *file,
			  char digest[STORE_DIGEST_SIZE], bool existed)
{
	struct publication item = build(store, text, digest);

	item.file = file;
	item.wheel = WHEEL_DIGEST;
	store_publish(store, &item, 1);
	ck_assert_int_eq(item.code, 0);
	ck_assert(item.existed == existed);
}

static int verify(const struct store *store, const char *digest)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = store_verify_layer(store, digest, &error);

	ck_assert(r == 0 || error.message);
	return r;
}

START_TEST(a_store_that_is_not_there_is_told)
{
	struct store *store;
	_cleanup_error_ struct error error = ERROR_INIT;

	ck_assert_int_eq(store_open("none", STORE_READ, &store, &error), -ENOENT);
	ck_assert_ptr_null(error.message);
	ck_assert_int_lt(access("none", F_OK), 0);
}
END_TEST

START_TEST(others_who_may_write_are_named)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store *store;

	store_free(open_store(STORE_ADD));
	ck_assert_int_eq(chmod("store", 0775), 0);
	ck_assert_int_eq(store_open("store", STORE_READ, &store, &error), -EPERM);
	ck_assert_ptr_nonnull(strstr(error.message, "written to by others"));
	ck_assert_int_eq(chmod("store", 0755), 0);
	ck_assert_int_eq(chmod("store/layers", 0777), 0);
	ck_assert_int_eq(store_open("store", STORE_READ, &store, &error), -EPERM);
	ck_assert_int_eq(chmod("store/layers", 0755), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown("store/wheels", 12345, 12345), 0);
		ck_assert_int_eq(store_open("store", STORE_READ, &store, &error), -EPERM);
		ck_assert_ptr_nonnull(strstr(error.message, "user 12345"));
	}
}
END_TEST

START_TEST(what_is_no_store_is_refused)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store *store;

	ck_assert_int_eq(mkdir("store", 0755), 0);
	/* It may become one. */
	ck_assert_int_eq(store_open("store", STORE_READ, &store, &error), -ENOENT);
	ck_assert_ptr_null(error.message);
	ck_assert_int_eq(mkdir("store/photos", 0755), 0);
	ck_assert_int_eq(store_open("store", STORE_READ, &store, &error), -EINVAL);
	ck_assert_int_eq(rmdir("store/photos"), 0);
	write_file(AT_FDCWD, "store/version", "2\n");
	ck_assert_int_eq(store_open("store", STORE_READ, &store, &error), -EPROTO);
	ck_assert_ptr_nonnull(strstr(error.message, "version 2"));
}
END_TEST

START_TEST(a_directory_of_somebody_does_not_become_one)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store *store;

	ck_assert_int_eq(mkdir("store", 0755), 0);
	ck_assert_int_eq(mkdir("store/photos", 0755), 0);
	ck_assert_int_eq(store_open("store", STORE_ADD, &store, &error), -EINVAL);
	ck_assert_ptr_nonnull(strstr(error.message, "no wheel store"));
	ck_assert_int_lt(access("store/layers", F_OK), 0);
	/* What another process has begun, or a crash has left, is completed. */
	ck_assert_int_eq(rename("store/photos", "store/layers"), 0);
	store_free(open_store(STORE_ADD));
}
END_TEST

START_TEST(a_layer_is_published_and_sealed)
{
	_cleanup_store_ struct store *store = open_store(STORE_ADD);
	_cleanup_layer_image_ struct layer_image *image = NULL;
	_cleanup_close_ int fd = -1;
	char digest[STORE_DIGEST_SIZE];
	struct stat st;

	publish(store, "library", digest);
	ck_assert_int_eq(verify(store, digest), 0);
	fd = store_open_layer(store, digest, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(layer_image_open(fd, digest, &image, NULL), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0555);
	ck_assert_int_eq(fstatat(fd, "files/site/a.so", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 0222, 0);
	ck_assert_int_eq(fstatat(fd, "image", &st, 0), 0);
	ck_assert_uint_eq(st.st_mode & 0222, 0);
}
END_TEST

START_TEST(the_same_layer_twice_is_one)
{
	_cleanup_store_ struct store *store = open_store(STORE_ADD);
	char first[STORE_DIGEST_SIZE], second[STORE_DIGEST_SIZE];

	publish(store, "library", first);
	publish(store, "library", second);
	ck_assert_str_eq(first, second);
	ck_assert_int_eq(verify(store, first), 0);
	ck_assert_int_eq(rmdir("store/scratch"), 0); /* nothing is left over */
}
END_TEST

static int note_wheel(void *arg, const struct store_wheel *wheel)
{
	buffer_printf(arg, "%s %s %s\n", wheel->file, wheel->wheel, wheel->layer);
	return 0;
}

START_TEST(a_wheel_leads_to_its_layer)
{
	_cleanup_store_ struct store *store = open_store(STORE_ADD);
	_cleanup_buffer_ struct buffer wheels = {0}, expected = {0};
	char digest[STORE_DIGEST_SIZE];

	for (int i = 0; i < 2; i++)
		publish_wheel(store, "library", "a-1.0-py3-none-any.whl", digest, i == 1);
	/* What is none of ours is passed over. */
	write_file(store->wheels, "README", "");
	ck_assert_int_eq(symlinkat("/etc/passwd", store->wheels, "b.whl@" WHEEL_DIGEST), 0);
	ck_assert_int_eq(store_each_wheel(store, note_wheel, &wheels), 0);
	buffer_printf(&expected, "a-1.0-py3-none-any.whl %s %s\n", WHEEL_DIGEST, digest);
	ck_assert_str_eq(wheels.data, expected.data);
}
END_TEST

START_TEST(many_layers_are_published_at_once)
{
	_cleanup_store_ struct store *store = open_store(STORE_ADD);
	static const char *const texts[] = {"one", "two", "one"};
	static const char *const files[] = {"a.whl", "b.whl", "a.whl"};
	char digests[3][STORE_DIGEST_SIZE];
	struct publication items[3];

	for (int i = 0; i < 3; i++) {
		items[i] = build(store, texts[i], digests[i]);
		items[i].file = files[i];
		items[i].wheel = WHEEL_DIGEST;
	}
	store_publish(store, items, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(items[i].code, 0);
		ck_assert(items[i].existed == (i == 2));
		ck_assert_int_eq(verify(store, digests[i]), 0);
		ck_assert_int_eq(seal_is_missing(store->layers, digests[i]), 0);
	}
	ck_assert_int_eq(rmdir("store/scratch"), 0);
}
END_TEST

START_TEST(each_has_its_own_result)
{
	_cleanup_store_ struct store *store = open_store(STORE_ADD);
	_cleanup_error_ struct error error = ERROR_INIT;
	char layers[2][STORE_DIGEST_SIZE], digest[STORE_DIGEST_SIZE];
	struct publication items[3];

	publish(store, "one", layers[0]);
	publish(store, "two", layers[1]);
	for (int i = 0; i < 3; i++) {
		items[i] = build(store, "bytecode", digest);
		items[i].layer = i < 2 ? layers[i] : WHEEL_DIGEST;
		items[i].tag = "cpython-311";
		items[i].error = &error;
	}
	store_publish(store, items, 3);
	for (int i = 0; i < 2; i++) {
		_cleanup_close_ int fd = store_open_bytecode(store, layers[i], "cpython-311", NULL);

		ck_assert_int_eq(items[i].code, 0);
		ck_assert_int_ge(fd, 0);
	}
	ck_assert_int_eq(items[2].code, -ENOENT);
	ck_assert_ptr_null(error.message);
	ck_assert_int_eq(faccessat(store->bytecode, WHEEL_DIGEST, F_OK, 0), -1);
	ck_assert_int_eq(rmdir("store/scratch"), 0);
}
END_TEST

/* Opens a sealed file of the layer to be changed. */
static int open_sealed(const struct store *store, const char *digest, const char *name)
{
	_cleanup_close_ int fd = store_open_layer(store, digest, NULL);

	ck_assert_int_eq(unseal_tree(store->layers, digest), 0);
	ck_assert_int_eq(fchmodat(fd, name, 0644, 0), 0);
	return openat(fd, name, O_RDWR | O_CLOEXEC);
}

START_TEST(every_change_is_found)
{
	static const char *const names[] = {"image", "files/site/a.so"};
	_cleanup_store_ struct store *store = open_store(STORE_ADD);
	_cleanup_close_ int layer = -1;
	char digest[STORE_DIGEST_SIZE];

	publish(store, "library", digest);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_close_ int fd = open_sealed(store, digest, names[i]);
		char byte, other;

		ck_assert_int_eq(pread(fd, &byte, 1, 2), 1);
		other = (char)(byte ^ 1);
		ck_assert_int_eq(pwrite(fd, &other, 1, 2), 1);
		ck_assert_int_eq(verify(store, digest), -EUCLEAN);
		ck_assert_int_eq(pwrite(fd, &byte, 1, 2), 1);
		ck_assert_int_eq(verify(store, digest), 0);
	}
	layer = store_open_layer(store, digest, NULL);
	ck_assert_int_eq(fchmodat(layer, "files/site", 0755, 0), 0);
	write_file(layer, "files/site/b.so", "");
	ck_assert_int_eq(verify(store, digest), -EUCLEAN);
	ck_assert_int_eq(unlinkat(layer, "files/site/b.so", 0), 0);
	ck_assert_int_eq(unlinkat(layer, "files/site/a.so", 0), 0);
	ck_assert_int_lt(verify(store, digest), 0);
}
END_TEST

/* A store that is open for removing, which makes none. */
static struct store *open_to_remove(void)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store *store;

	ck_assert_int_eq(store_open("store", STORE_REMOVE, &store, &error), -ENOENT);
	ck_assert_ptr_null(error.message);
	ck_assert_int_lt(access("store", F_OK), 0);
	store_free(open_store(STORE_ADD));
	return open_store(STORE_REMOVE);
}

START_TEST(a_layer_is_removed_with_its_wheels)
{
	_cleanup_store_ struct store *store = open_to_remove();
	_cleanup_buffer_ struct buffer wheels = {0};
	char digest[STORE_DIGEST_SIZE], other[STORE_DIGEST_SIZE];

	publish_wheel(store, "library", "a.whl", digest, false);
	publish(store, "another", other);
	ck_assert(!store_layer_in_use(store, digest));
	ck_assert_int_eq(store_remove_layer(store, digest, NULL), 0);
	ck_assert_int_eq(store_each_wheel(store, note_wheel, &wheels), 0);
	ck_assert_uint_eq(wheels.length, 0);
	ck_assert_int_eq(store_open_layer(store, digest, NULL), -ENOENT);
	ck_assert_int_eq(verify(store, other), 0);
	ck_assert_int_eq(store_remove_layer(store, digest, NULL), -ENOENT);
	ck_assert_int_eq(rmdir("store/scratch"), 0);
}
END_TEST

START_TEST(a_layer_in_use_stays)
{
	_cleanup_store_ struct store *store = open_to_remove();
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_close_ int user = -1;
	char digest[STORE_DIGEST_SIZE];

	publish(store, "library", digest);
	user = store_open_layer(store, digest, NULL);
	ck_assert_int_eq(flock(user, LOCK_SH), 0);
	ck_assert(store_layer_in_use(store, digest));
	ck_assert_int_eq(store_remove_layer(store, digest, &error), -EBUSY);
	ck_assert_int_eq(verify(store, digest), 0);
}
END_TEST

START_TEST(digests_are_told_from_other_names)
{
	ck_assert(store_is_digest(WHEEL_DIGEST));
	ck_assert(!store_is_digest(WHEEL_DIGEST "0"));
	ck_assert(!store_is_digest(&WHEEL_DIGEST[1]));
	ck_assert(!store_is_digest("../layers"));
	ck_assert(!store_is_digest(
		"00000000000000000000000000000000000000000000000000000000000000AA"));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("store");

	tcase_add_checked_fixture(tests, make_directory, remove_directory);
	tcase_add_test(tests, a_store_that_is_not_there_is_told);
	tcase_add_test(tests, others_who_may_write_are_named);
	tcase_add_test(tests, what_is_no_store_is_refused);
	tcase_add_test(tests, a_directory_of_somebody_does_not_become_one);
	tcase_add_test(tests, a_layer_is_published_and_sealed);
	tcase_add_test(tests, the_same_layer_twice_is_one);
	tcase_add_test(tests, a_wheel_leads_to_its_layer);
	tcase_add_test(tests, many_layers_are_published_at_once);
	tcase_add_test(tests, each_has_its_own_result);
	tcase_add_test(tests, every_change_is_found);
	tcase_add_test(tests, a_layer_is_removed_with_its_wheels);
	tcase_add_test(tests, a_layer_in_use_stays);
	tcase_add_test(tests, digests_are_told_from_other_names);
	return run_tests("store", tests);
}
