/* What a tree shows of its layers and its upper: merging, attributes, listings, what is forgotten.
 */
#include "grove.h"

#include <sys/statvfs.h>
#include <sys/xattr.h>

/* Merging */

START_TEST(the_highest_has_it)
{
	write_real("low/a", "low");
	write_real("low/b", "low");
	write_real("low/c", "low");
	write_real("high/b", "high");
	write_real("high/c", "high");
	write_real("upper/c", "upper");
	plant();
	assert_text("a", "low");
	assert_text("b", "high");
	assert_text("c", "upper");
	assert_absent("d");
	assert_listing("", "a b c");
}
END_TEST

START_TEST(a_namespace_package_is_merged)
{
	write_real("low/google/auth/__init__.py", "auth");
	write_real("high/google/cloud/__init__.py", "cloud");
	write_real("upper/google/mine.py", "mine");
	plant();
	assert_listing("google", "auth cloud mine.py");
	assert_text("google/auth/__init__.py", "auth");
	assert_text("google/cloud/__init__.py", "cloud");
	assert_text("google/mine.py", "mine");
}
END_TEST

/* Of different kinds under one name only the highest shows, with nothing of the lower in it. */
START_TEST(a_file_hides_directories_below_it)
{
	write_real("low/x/inner", "low");
	write_real("high/x", "a file");
	write_real("low/y", "a file");
	write_real("high/y/inner", "high");
	write_real("low/z/inner", "low");
	write_real("upper/z", "a file");
	plant();
	assert_text("x", "a file");
	ck_assert_int_eq(tree_lookup(tree, id_of("x"), "inner", &(struct tree_entry){0}), -ENOTDIR);
	assert_listing("y", "inner");
	assert_text("z", "a file");
}
END_TEST

START_TEST(a_file_between_ends_the_merge)
{
	struct layer *layers[3];

	write_real("low/x/below", "");
	write_real("high/x", "a file");
	write_real("top/x/above", "");
	layers[0] = open_layer("top");
	layers[1] = open_layer("high");
	layers[2] = open_layer("low");
	ck_assert_int_eq(plant_layers(layers, 3, false), 0);
	assert_listing("x", "above");
	assert_absent("x/below");
}
END_TEST

START_TEST(a_layer_shows_where_it_is_attached)
{
	struct error error = ERROR_INIT;
	struct layer *layers[2];

	write_real("packages/six.py", "six");
	write_real("prefix/lib/python3.11/site-packages/pip/__init__.py", "pip");
	ck_assert_int_eq(layer_dir_open("packages", "packages", "lib/python3.11/site-packages",
					&layers[0], &error),
			 0);
	ck_assert_int_eq(layer_dir_open("prefix", "prefix", "", &layers[1], &error), 0);
	ck_assert_int_eq(plant_layers(layers, 2, false), 0);
	assert_listing("", "lib");
	assert_listing("lib", "python3.11");
	assert_listing("lib/python3.11/site-packages", "pip six.py");
	assert_text("lib/python3.11/site-packages/six.py", "six");
	ck_assert_uint_eq(stat_of("lib/python3.11").st_mode, S_IFDIR | 0755);
}
END_TEST

START_TEST(a_layer_cannot_speak_for_the_upper)
{
	write_real("low/a", "low");
	write_real("low/d/inner", "low");
	write_real("high/.wh.a", "");
	write_real("high/d/.wh..wh..opq", "");
	write_real("high/d/.wh..wh.redirect", "a");
	plant();
	assert_text("a", "low");
	assert_absent(".wh.a");
	assert_absent("d/.wh..wh..opq");
	assert_listing("", "a d");
	assert_listing("d", "inner");
	/* So the directory is empty for whoever removes it. */
	rm("d/inner");
	rm_directory("d");
}
END_TEST

START_TEST(links_in_layers_are_shown_and_not_followed)
{
	struct tree_entry entry;
	char target[64];

	mkdir_real("low");
	ck_assert_int_eq(symlink("../upper", "low/link"), 0);
	write_real("upper/file", "upper");
	plant();
	ck_assert_int_eq(tree_readlink(tree, id_of("link"), target, sizeof(target)), 0);
	ck_assert_str_eq(target, "../upper");
	ck_assert_int_eq(look("link/file", &entry), -ENOTDIR);
	ck_assert_int_eq(tree_readlink(tree, id_of("file"), target, sizeof(target)), -EINVAL);
}
END_TEST

/* Attributes */

START_TEST(attributes_are_the_files_own)
{
	struct stat st, real;

	write_real("low/file", "12345");
	ck_assert_int_eq(chmod("low/file", 0640), 0);
	age_real("low/file");
	plant();
	st = stat_of("file");
	ck_assert_int_eq(stat("low/file", &real), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
	ck_assert_int_eq(st.st_size, 5);
	ck_assert_int_eq(st.st_mtim.tv_sec, OLD_TIME);
	ck_assert_int_eq(st.st_mtim.tv_nsec, OLD_NANOSECOND);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_int_eq(st.st_ctim.tv_sec, real.st_ctim.tv_sec);
}
END_TEST

/* One file under two names in a layer is two files here, with numbers of their own. */
START_TEST(hard_links_in_a_layer_are_apart)
{
	write_real("low/a", "text");
	ck_assert_int_eq(link("low/a", "low/b"), 0);
	plant();
	ck_assert_uint_ne(stat_of("a").st_ino, stat_of("b").st_ino);
	ck_assert_uint_eq(stat_of("a").st_nlink, 1);
	write_at("a", "T", 0);
	assert_text("a", "Text");
	assert_text("b", "text");
	assert_real("low/a", "text");
}
END_TEST

START_TEST(numbers_of_different_sources_differ)
{
	struct tree_entry entry;
	uint64_t first;

	write_real("low/a", "");
	write_real("high/b", "");
	write_real("upper/c", "");
	plant();
	ck_assert_uint_ne(stat_of("a").st_ino, stat_of("b").st_ino);
	ck_assert_uint_ne(stat_of("b").st_ino, stat_of("c").st_ino);
	ck_assert_uint_ne(stat_of("c").st_ino, stat_of("").st_ino);
	/* And they are the same at the next look-up, and in a listing. */
	first = stat_of("a").st_ino;
	forget_all();
	ck_assert_int_eq(look("a", &entry), 0);
	ck_assert_uint_eq(entry.attr.st_ino, first);
}
END_TEST

START_TEST(extended_attributes_of_a_layer_are_read)
{
	char value[16], list[64];
	ssize_t n;

	write_real("low/file", "");
	mkdir_real("low/directory");
	if (setxattr("low/file", "user.key", "value", 5, 0) < 0)
		return; /* main() has said so */
	ck_assert_int_eq(setxattr("low/directory", "user.of-dir", "x", 1, 0), 0);
	plant();
	n = tree_getxattr(tree, id_of("file"), "user.key", value, sizeof(value));
	ck_assert_int_eq(n, 5);
	ck_assert_mem_eq(value, "value", 5);
	ck_assert_int_eq(tree_getxattr(tree, id_of("file"), "user.key", NULL, 0), 5);
	ck_assert_int_eq(tree_getxattr(tree, id_of("file"), "user.key", value, 2), -ERANGE);
	ck_assert_int_eq(tree_getxattr(tree, id_of("file"), "user.none", value, 2), -ENODATA);
	ck_assert_int_eq(tree_getxattr(tree, id_of("file"), "security.capability", value, 16),
			 -ENODATA);
	ck_assert_int_eq(tree_getxattr(tree, id_of("file"), "system.posix_acl_access", value, 16),
			 -EOPNOTSUPP);
	n = tree_listxattr(tree, id_of("directory"), list, sizeof(list));
	ck_assert_int_eq(n, (ssize_t)sizeof("user.of-dir"));
	ck_assert_str_eq(list, "user.of-dir");
	ck_assert_int_eq(tree_setxattr(tree, id_of("file"), "security.x", "y", 1, 0), -EOPNOTSUPP);
}
END_TEST

START_TEST(an_unknown_node_is_stale)
{
	struct stat st;
	uint64_t id;

	write_real("low/a", "");
	write_real("low/b", "");
	plant();
	id = id_of("a");
	forget_all();
	ck_assert_int_eq(tree_getattr(tree, id, &st), -ESTALE);
	ck_assert_uint_ne(id_of("b"), id); /* its place is taken, its id is not */
	ck_assert_int_eq(tree_getattr(tree, id, &st), -ESTALE);
	ck_assert_int_eq(tree_getattr(tree, 0, &st), -ESTALE);
	ck_assert_int_eq(tree_getattr(tree, UINT64_MAX, &st), -ESTALE);
	tree_forget(tree, id, 1); /* late, and of no effect */
}
END_TEST

START_TEST(parents_live_as_long_as_their_children)
{
	struct tree_entry entry = {.id = TREE_ROOT_ID};
	uint64_t ids[3];

	write_real("low/a/b/c", "text");
	plant();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(
			tree_lookup(tree, entry.id, (const char *[]){"a", "b", "c"}[i], &entry), 0);
		ids[i] = entry.id;
	}
	tree_forget(tree, ids[0], 1);
	tree_forget(tree, ids[1], 1);
	ck_assert_uint_eq(tree_node_count(tree), node_baseline + 3);
	assert_text_of_id(ids[2], "text");
	tree_forget(tree, ids[2], 1);
	ck_assert_uint_eq(tree_node_count(tree), node_baseline);
}
END_TEST

/* Deeper than one path could name a node at a time when each part is a single byte. */
START_TEST(a_deep_tree_has_paths)
{
	enum { DEPTH = 1500 };
	char path[2 * DEPTH + 8];
	size_t length = 0;
	int r;

	plant();
	for (int i = 0; i < DEPTH; i++) {
		struct tree_entry entry;
		uint64_t parent = i == 0 ? TREE_ROOT_ID : lookups[lookup_count - 1];

		r = tree_mkdir(tree, parent, "d", 0755, &caller, &entry);
		ck_assert_msg(r == 0, "level %d: %s", i, strerror(-r));
		keep_lookup(entry.id);
		length += (size_t)snprintf(path + length, sizeof(path) - length, "%s",
					   i ? "/d" : "d");
	}
	ck_assert_int_eq(try_create("d/f", S_IFREG | 0644), 0);
	forget_all();
	strcpy(path + length, "/f");
	ck_assert_int_eq(try_create(path, S_IFREG | 0644), 0);
	write_at(path, "deep", 0);
	assert_text(path, "deep");
}
END_TEST

/* Listings */

START_TEST(a_listing_goes_on_where_it_was)
{
	struct listed all = {0}, part = {.room = 1};
	uint64_t cookie = 0;
	int count = 0;

	write_real("low/a", "");
	write_real("high/b", "");
	write_real("upper/c", "");
	plant();
	ck_assert_int_eq(tree_list(tree, TREE_ROOT_ID, 0, take_name, &all), 0);
	ck_assert_int_eq(all.count, 5);
	for (;;) {
		ck_assert_int_eq(tree_list(tree, TREE_ROOT_ID, cookie, take_name, &part), 0);
		if (part.count == 0)
			break;
		ck_assert_str_eq(part.names[0], all.names[count++]);
		ck_assert_uint_gt(part.cookies[0], cookie);
		cookie = part.cookies[0];
		listed_clear(&part);
	}
	ck_assert_int_eq(count, all.count);
	listed_clear(&all);
}
END_TEST

/* Where a name is found: its cookie, or 0. */
static uint64_t cookie_of(const struct listed *listed, const char *name)
{
	for (int i = 0; i < listed->count; i++)
		if (strcmp(listed->names[i], name) == 0)
			return listed->cookies[i];
	return 0;
}

/* A reader who is half way sees every name that was there throughout once, whatever comes and
 * goes, and whoever else begins to read. */
START_TEST(cookies_stay_while_entries_come_and_go)
{
	struct listed first = {.room = 6}, rest = {0}, again = {0};
	char name[32];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "low/f%d", i);
		write_real(name, "");
	}
	plant();
	ck_assert_int_eq(tree_list(tree, TREE_ROOT_ID, 0, take_name, &first), 0);
	ck_assert_int_eq(first.count, 6);
	rm(first.names[3]);
	put("new", "");
	ck_assert_int_eq(tree_list(tree, TREE_ROOT_ID, 0, take_name, &again), 0);
	ck_assert_int_eq(again.count, 12);
	ck_assert_uint_ne(cookie_of(&again, "new"), 0);
	ck_assert_int_eq(tree_list(tree, TREE_ROOT_ID, first.cookies[5], take_name, &rest), 0);
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		ck_assert((cookie_of(&first, name) != 0) + (cookie_of(&rest, name) != 0) == 1);
		if (strcmp(name, first.names[3]) == 0)
			ck_assert_uint_eq(cookie_of(&again, name), 0);
		else
			ck_assert_uint_eq(cookie_of(&again, name),
					  cookie_of(&first, name) + cookie_of(&rest, name));
	}
	listed_clear(&first);
	listed_clear(&rest);
	listed_clear(&again);
}
END_TEST

START_TEST(the_control_directory_is_found_and_not_listed)
{
	struct tree_entry entry;

	plant();
	assert_listing("", "");
	ck_assert_int_eq(look(".venvfs", &entry), 0);
	ck_assert_uint_eq(entry.attr.st_mode, S_IFDIR | 0555);
	ck_assert_int_eq(try_create(".venvfs/x", S_IFREG | 0644), -EPERM);
	ck_assert_int_eq(try_create(".venvfs", S_IFDIR | 0755), -EPERM);
	ck_assert_int_eq(try_rmdir(".venvfs"), -EPERM);
	ck_assert_int_eq(try_rename(".venvfs", "x", 0), -EPERM);
	make("x");
	ck_assert_int_eq(try_rename("x", ".venvfs", 0), -EPERM);
	make("x/.venvfs"); /* elsewhere the name means nothing */
}
END_TEST

static int say_hello(void *arg, struct buffer *out)
{
	buffer_printf(out, "hello %d\n", ++*(int *)arg);
	return 0;
}

START_TEST(a_control_file_is_rendered_for_each_reader)
{
	struct tree_entry first, second;
	struct stat st = {.st_mode = 0600};
	int times = 0;

	plant();
	ck_assert_int_eq(tree_add_control(tree, "hello", say_hello, &times), 0);
	assert_listing(".venvfs", "hello");
	ck_assert_int_eq(times, 0);
	ck_assert_int_eq(look(".venvfs/hello", &first), 0);
	ck_assert_int_eq(look(".venvfs/hello", &second), 0);
	ck_assert(first.is_volatile);
	ck_assert_uint_ne(first.id, second.id);
	assert_text_of_id(first.id, "hello 1\n");
	assert_text_of_id(second.id, "hello 2\n");
	ck_assert_int_eq(first.attr.st_size, 8);
	ck_assert_int_eq(tree_write(tree, first.id, "x", 1, 0), -EPERM);
	ck_assert_int_eq(tree_setattr(tree, first.id, &st, TREE_SET_MODE, &st), -EPERM);
	ck_assert_int_eq(try_unlink(".venvfs/hello"), -EPERM);
	assert_absent(".venvfs/other");
}
END_TEST

/* Read-only trees */

START_TEST(nothing_changes_a_read_only_tree)
{
	struct layer *layers[1];
	struct stat st = {0};
	struct statvfs vfs;

	write_real("low/a", "text");
	write_real("low/d/inner", "");
	ck_assert_int_eq(symlink("a", "low/l"), 0);
	layers[0] = open_layer("low");
	ck_assert_int_eq(plant_layers(layers, 1, true), 0);
	assert_text("a", "text");
	ck_assert_int_eq(try_create("x", S_IFREG | 0644), -EROFS);
	ck_assert_int_eq(try_create("x", S_IFDIR | 0755), -EROFS);
	ck_assert_int_eq(
		tree_symlink(tree, "t", TREE_ROOT_ID, "x", &caller, &(struct tree_entry){0}),
		-EROFS);
	ck_assert_int_eq(try_link("a", "x"), -EROFS);
	ck_assert_int_eq(try_unlink("a"), -EROFS);
	ck_assert_int_eq(try_rmdir("d"), -EROFS);
	ck_assert_int_eq(try_rename("a", "x", 0), -EROFS);
	ck_assert_int_eq(try_rename("d", "x", 0), -EROFS);
	ck_assert_int_eq(tree_write(tree, id_of("a"), "x", 1, 0), -EROFS);
	ck_assert_int_eq(tree_fallocate(tree, id_of("a"), 0, 0, 1), -EROFS);
	ck_assert_int_eq(tree_copy_range(tree, id_of("a"), 0, id_of("a"), 0, 1), -EROFS);
	ck_assert_int_eq(tree_setattr(tree, id_of("a"), &st, TREE_SET_MODE, &st), -EROFS);
	ck_assert_int_eq(tree_setattr(tree, id_of("d"), &st, TREE_SET_MTIME_NOW, &st), -EROFS);
	ck_assert_int_eq(tree_setxattr(tree, id_of("a"), "user.x", "y", 1, 0), -EROFS);
	ck_assert_int_eq(tree_removexattr(tree, id_of("d"), "user.x"), -EROFS);
	ck_assert_int_eq(tree_fsync(tree, id_of("a"), false), 0);
	ck_assert_int_eq(tree_fsync(tree, id_of("d"), false), 0);
	ck_assert_int_eq(tree_statfs(tree, &vfs), 0);
	ck_assert_uint_eq(vfs.f_namemax, 255);
	ck_assert_int_eq(tree_readlink(tree, id_of("l"), (char[8]){0}, 8), 0);
}
END_TEST

/* What a file is not for is refused, before anything is copied. */
START_TEST(kinds_are_told_apart)
{
	struct content *content;
	struct listed listed = {0};

	write_real("low/file", "");
	mkdir_real("low/directory");
	ck_assert_int_eq(mkfifo("low/fifo", 0644), 0);
	plant();
	ck_assert_int_eq(tree_open(tree, id_of("directory"), &content), -EISDIR);
	ck_assert_int_eq(tree_open(tree, id_of("fifo"), &content), -EINVAL);
	ck_assert_int_eq(tree_write(tree, id_of("directory"), "x", 1, 0), -EISDIR);
	ck_assert_int_eq(tree_write(tree, id_of("fifo"), "x", 1, 0), -EINVAL);
	ck_assert_int_eq(tree_list(tree, id_of("file"), 0, take_name, &listed), -ENOTDIR);
	ck_assert_int_eq(try_create("file/x", S_IFREG | 0644), -ENOTDIR);
	ck_assert_int_eq(try_unlink("directory"), -EISDIR);
	ck_assert_int_eq(try_rmdir("file"), -ENOTDIR);
	ck_assert_int_eq(try_link("directory", "x"), -EPERM);
	ck_assert(!is_real("upper/file") && !is_real("upper/fifo"));
}
END_TEST

static bool has_user_attributes(void)
{
	char name[] = "/tmp/venvfs-test-xattr-XXXXXX";
	int fd = mkstemp(name);
	bool has = fd >= 0 && fsetxattr(fd, "user.key", "", 0, 0) == 0;

	close(fd);
	unlink(name);
	return has;
}

int main(void)
{
	TCase *tests = tcase_create("tree");

	if (!has_user_attributes()) {
		printf("# extended attributes: not tested, /tmp has none\n");
		fflush(stdout);
	}
	add_grove_fixtures(tests);
	tcase_add_test(tests, the_highest_has_it);
	tcase_add_test(tests, a_namespace_package_is_merged);
	tcase_add_test(tests, a_file_hides_directories_below_it);
	tcase_add_test(tests, a_file_between_ends_the_merge);
	tcase_add_test(tests, a_layer_shows_where_it_is_attached);
	tcase_add_test(tests, a_layer_cannot_speak_for_the_upper);
	tcase_add_test(tests, links_in_layers_are_shown_and_not_followed);
	tcase_add_test(tests, attributes_are_the_files_own);
	tcase_add_test(tests, hard_links_in_a_layer_are_apart);
	tcase_add_test(tests, numbers_of_different_sources_differ);
	tcase_add_test(tests, extended_attributes_of_a_layer_are_read);
	tcase_add_test(tests, an_unknown_node_is_stale);
	tcase_add_test(tests, parents_live_as_long_as_their_children);
	tcase_add_test(tests, a_deep_tree_has_paths);
	tcase_add_test(tests, a_listing_goes_on_where_it_was);
	tcase_add_test(tests, cookies_stay_while_entries_come_and_go);
	tcase_add_test(tests, the_control_directory_is_found_and_not_listed);
	tcase_add_test(tests, a_control_file_is_rendered_for_each_reader);
	tcase_add_test(tests, nothing_changes_a_read_only_tree);
	tcase_add_test(tests, kinds_are_told_apart);
	return run_tests("tree", tests);
}
