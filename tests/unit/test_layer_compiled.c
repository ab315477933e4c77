/* A layer with its bytecode: what shows of which. */
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
#include "venvfs/layer.h"

static char root[] = "/tmp/venvfs-test-compiled-XXXXXX";
static struct layer *layer;

static void write_file(const char *path, const char *text)
{
	_cleanup_free_ char *directory = strdup(path);
	_cleanup_close_ int fd = -1;

	*strrchr(directory, '/') = '\0';
	ck_assert_int_eq(io_make_directories(directory, 0755), 0);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
}

static void make_layer(void)
{
	struct layer *source, *bytecode;

	strcpy(strrchr(root, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(chdir(root), 0);
	write_file("source/mod.py", "source");
	write_file("source/pkg/mod.py", "source");
	write_file("source/pkg/data/x", "source");
	write_file("source/own/mod.py", "source");
	write_file("source/own/__pycache__/mod.pyc", "the wheel's");
	write_file("source/own/__pycache__/other.pyc", "the wheel's");
	ck_assert_int_eq(symlink("mod.py", "source/link"), 0);
	write_file("bytecode/__pycache__/mod.pyc", "bytecode");
	write_file("bytecode/pkg/__pycache__/mod.pyc", "bytecode");
	write_file("bytecode/own/__pycache__/mod.pyc", "bytecode");
	write_file("bytecode/own/__pycache__/more.pyc", "bytecode");
	ck_assert_int_eq(layer_dir_open("source", "source", "lib", &source, NULL), 0);
	ck_assert_int_eq(layer_dir_open("bytecode", "bytecode", "lib", &bytecode, NULL), 0);
	ck_assert_int_eq(layer_compiled_new(source, bytecode, &layer), 0);
}

static void remove_layer(void)
{
	layer_free(layer);
	io_remove_tree(AT_FDCWD, root);
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char *items[32];
	size_t count;
};

static int note(void *arg, const char *name, mode_t kind)
{
	struct names *names = arg;

	ck_assert(kind == S_IFDIR || kind == S_IFREG || kind == S_IFLNK);
	ck_assert_uint_lt(names->count, 32);
	names->items[names->count++] = strdup(name);
	return 0;
}

/* The names in a directory, sorted, with spaces between; or why there are none. */
static void assert_list(const char *path, int code, const char *expected)
{
	_cleanup_buffer_ struct buffer text = {0};
	struct names names = {.count = 0};

	ck_assert_int_eq(layer->ops->list(layer, path, note, &names), code);
	qsort(names.items, names.count, sizeof(names.items[0]), by_bytes);
	for (size_t i = 0; i < names.count; i++) {
		buffer_printf(&text, "%s%s", i ? " " : "", names.items[i]);
		free(names.items[i]);
	}
	ck_assert_str_eq(text.data ? text.data : "", expected);
}

static void assert_text(const char *path, const char *expected)
{
	_cleanup_content_ struct content *content = NULL;
	char bytes[32] = "";
	struct stat st;

	ck_assert_int_eq(layer->ops->getattr(layer, path, &st), 0);
	ck_assert_int_eq(st.st_size, (off_t)strlen(expected));
	ck_assert_int_eq(layer->ops->open(layer, path, &content), 0);
	ck_assert_int_eq(content_read(content, bytes, sizeof(bytes) - 1, 0),
			 (ssize_t)strlen(expected));
	ck_assert_str_eq(bytes, expected);
}

START_TEST(it_is_at_the_place_of_the_sources)
{
	ck_assert_str_eq(layer->name, "source");
	ck_assert_str_eq(layer->attach, "lib");
}
END_TEST

START_TEST(both_are_listed_and_nothing_twice)
{
	assert_list("", 0, "__pycache__ link mod.py own pkg");
	assert_list("pkg", 0, "__pycache__ data mod.py");
	assert_list("__pycache__", 0, "mod.pyc");
	assert_list("own", 0, "__pycache__ mod.py");
	assert_list("own/__pycache__", 0, "mod.pyc more.pyc other.pyc");
	assert_list("pkg/data", 0, "x");
	assert_list("absent", -ENOENT, "");
	assert_list("mod.py", -ENOTDIR, "");
}
END_TEST

static int stop(void *arg, const char *name, mode_t kind)
{
	(void)kind;
	return strcmp(name, arg) == 0 ? 17 : 0;
}

START_TEST(a_listing_ends_where_it_is_told)
{
	ck_assert_int_eq(layer->ops->list(layer, "", stop, (void *)"mod.py"), 17);
	ck_assert_int_eq(layer->ops->list(layer, "", stop, (void *)"__pycache__"), 17);
}
END_TEST

START_TEST(the_source_comes_first)
{
	char target[32];

	assert_text("mod.py", "source");
	assert_text("pkg/__pycache__/mod.pyc", "bytecode");
	assert_text("own/__pycache__/mod.pyc", "the wheel's");
	assert_text("own/__pycache__/more.pyc", "bytecode");
	ck_assert_int_eq(layer->ops->readlink(layer, "link", target, sizeof(target)), 0);
	ck_assert_str_eq(target, "mod.py");
	ck_assert_int_lt(layer->ops->readlink(layer, "__pycache__/mod.pyc", target, sizeof(target)),
			 0);
}
END_TEST

START_TEST(what_is_nowhere_is_not_found)
{
	struct content *content;
	struct stat st;

	ck_assert_int_eq(layer->ops->getattr(layer, "absent", &st), -ENOENT);
	ck_assert_int_eq(layer->ops->getattr(layer, "__pycache__/absent", &st), -ENOENT);
	ck_assert_int_eq(layer->ops->getattr(layer, "mod.py/x", &st), -ENOTDIR);
	ck_assert_int_eq(layer->ops->open(layer, "absent", &content), -ENOENT);
}
END_TEST

START_TEST(no_two_files_have_one_number)
{
	static const char *const paths[] = {
		"",
		"mod.py",
		"pkg",
		"pkg/mod.py",
		"__pycache__",
		"__pycache__/mod.pyc",
		"pkg/__pycache__",
		"pkg/__pycache__/mod.pyc",
		"own/__pycache__/mod.pyc",
		"own/__pycache__/more.pyc",
	};
	struct stat st[10];

	for (size_t i = 0; i < 10; i++) {
		ck_assert_int_eq(layer->ops->getattr(layer, paths[i], &st[i]), 0);
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_ne(st[i].st_ino, st[k].st_ino);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("layer_compiled");

	tcase_add_checked_fixture(tests, make_layer, remove_layer);
	tcase_add_test(tests, it_is_at_the_place_of_the_sources);
	tcase_add_test(tests, both_are_listed_and_nothing_twice);
	tcase_add_test(tests, a_listing_ends_where_it_is_told);
	tcase_add_test(tests, the_source_comes_first);
	tcase_add_test(tests, what_is_nowhere_is_not_found);
	tcase_add_test(tests, no_two_files_have_one_number);
	return run_tests("layer_compiled", tests);
}
