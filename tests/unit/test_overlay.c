/* What changes of a tree do: copy-up, whiteouts, hard links, files that lose their names in use. */
#include "grove.h"

#include <limits.h>
#include <sys/xattr.h>

static void assert_same_time(struct timespec a, struct timespec b)
{
	ck_assert_int_eq(a.tv_sec, b.tv_sec);
	ck_assert_int_eq(a.tv_nsec, b.tv_nsec);
}

static bool is_later(struct timespec a, struct timespec b)
{
	return a.tv_sec > b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec > b.tv_nsec);
}

static void set_mode(const char *path, mode_t mode)
{
	struct stat st = {.st_mode = mode};

	ck_assert_int_eq(tree_setattr(tree, id_of(path), &st, TREE_SET_MODE, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

/* Copy-up */

START_TEST(a_copied_up_file_is_the_same_file)
{
	struct stat before, parent, after;
	char value[16];
	uint64_t id;
	bool attributes;

	write_real("low/d/file", "0123456789");
	attributes = setxattr("low/d/file", "user.key", "value", 5, 0) == 0;
	ck_assert_int_eq(chmod("low/d/file", 0751), 0);
	age_real("low/d/file");
	age_real("low/d");
	plant();
	before = stat_of("d/file");
	parent = stat_of("d");
	id = id_of("d/file");
	ck_assert_int_eq(tree_fallocate(tree, id, 0, 0, 1), 0);
	ck_assert(is_real("upper/d/file"));
	ck_assert_uint_eq(id_of("d/file"), id);
	after = stat_of("d/file");
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	ck_assert_uint_eq(after.st_mode, before.st_mode);
	ck_assert_uint_eq(after.st_uid, before.st_uid);
	ck_assert_uint_eq(after.st_gid, before.st_gid);
	ck_assert_int_eq(after.st_size, before.st_size);
	assert_text("d/file", "0123456789");
	if (attributes)
		ck_assert_int_eq(tree_getxattr(tree, id, "user.key", value, sizeof(value)), 5);
	/* Nothing has changed in the directory. */
	after = stat_of("d");
	assert_same_time(after.st_mtim, parent.st_mtim);
	assert_same_time(after.st_atim, parent.st_atim);
	ck_assert_uint_eq(after.st_ino, parent.st_ino);
	/* It keeps its number when it is forgotten and looked up again. */
	forget_all();
	ck_assert_uint_eq(stat_of("d/file").st_ino, before.st_ino);
	ck_assert_uint_eq(stat_of("d").st_ino, parent.st_ino);
	assert_real("low/d/file", "0123456789");
}
END_TEST

START_TEST(changed_attributes_keep_the_time)
{
	struct stat after;

	write_real("low/file", "text");
	plant();
	set_mode("file", 0600);
	after = stat_of("file");
	ck_assert_int_eq(after.st_mtim.tv_sec, OLD_TIME);
	ck_assert_int_eq(after.st_mtim.tv_nsec, OLD_NANOSECOND);
	assert_text("file", "text");
	write_at("file", "T", 0);
	ck_assert(is_later(stat_of("file").st_mtim, after.st_mtim));
}
END_TEST

START_TEST(times_are_set_to_the_nanosecond)
{
	struct stat st = {.st_mtim = {5, 7}, .st_atim = {3, 9}};

	write_real("low/file", "");
	ck_assert_int_eq(symlink("target", "low/link"), 0);
	mkdir_real("low/d");
	plant();
	for (int i = 0; i < 3; i++) {
		uint64_t id = id_of((const char *[]){"file", "link", "d"}[i]);
		struct stat out;

		ck_assert_int_eq(tree_setattr(tree, id, &st, TREE_SET_MTIME | TREE_SET_ATIME, &out),
				 0);
		assert_same_time(out.st_mtim, st.st_mtim);
		assert_same_time(out.st_atim, st.st_atim);
		ck_assert_int_eq(tree_setattr(tree, id, &st, TREE_SET_ATIME_NOW, &out), 0);
		assert_same_time(out.st_mtim, st.st_mtim);
		ck_assert(is_later(out.st_atim, st.st_atim));
	}
}
END_TEST

START_TEST(a_directory_is_copied_up_with_what_it_has)
{
	struct stat before, after;
	char value[16];

	write_real("low/a/b/file", "");
	if (setxattr("low/a/b", "user.key", "value", 5, 0) < 0)
		value[0] = '\0';
	else
		value[0] = 'v';
	ck_assert_int_eq(chmod("low/a/b", 0711), 0);
	age_real("low/a/b");
	age_real("low/a");
	plant();
	before = stat_of("a/b");
	write_at("a/b/file", "x", 0);
	after = stat_of("a/b");
	ck_assert_uint_eq(after.st_mode, before.st_mode);
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	assert_same_time(after.st_mtim, before.st_mtim);
	ck_assert_int_eq(stat_of("a").st_mtim.tv_sec, OLD_TIME);
	if (value[0])
		ck_assert_int_eq(
			tree_getxattr(tree, id_of("a/b"), "user.key", value, sizeof(value)), 5);
	/* And its own attributes may change without what is in it. */
	set_mode("a", 0700);
	assert_listing("a", "b");
}
END_TEST

START_TEST(what_is_cut_off_is_not_copied)
{
	struct stat st = {.st_size = 4};
	char *text = strndup("0123456789", 10);

	write_real("low/file", text);
	write_real("low/gone", text);
	write_real("low/longer", text);
	free(text);
	plant();
	ck_assert_int_eq(tree_setattr(tree, id_of("file"), &st, TREE_SET_SIZE, &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	assert_text("file", "0123");
	st.st_size = 0;
	ck_assert_int_eq(tree_setattr(tree, id_of("gone"), &st, TREE_SET_SIZE, &st), 0);
	assert_text("gone", "");
	ck_assert(st.st_mtim.tv_sec > OLD_TIME);
	st.st_size = 12;
	ck_assert_int_eq(tree_setattr(tree, id_of("longer"), &st, TREE_SET_SIZE, &st), 0);
	ck_assert_int_eq(st.st_size, 12);
	ck_assert_int_eq(tree_setattr(tree, TREE_ROOT_ID, &st, TREE_SET_SIZE, &st), -EISDIR);
}
END_TEST

START_TEST(links_and_fifos_are_copied_up)
{
	struct stat st = {.st_mtim = {5, 7}};
	char target[64];
	uint64_t ino;

	mkdir_real("low");
	ck_assert_int_eq(symlink("some/target", "low/link"), 0);
	ck_assert_int_eq(mkfifo("low/fifo", 0620), 0);
	plant();
	ino = stat_of("link").st_ino;
	ck_assert_int_eq(tree_setattr(tree, id_of("link"), &st, TREE_SET_MTIME, &st), 0);
	ck_assert_int_eq(tree_readlink(tree, id_of("link"), target, sizeof(target)), 0);
	ck_assert_str_eq(target, "some/target");
	ck_assert_uint_eq(stat_of("link").st_ino, ino);
	ck_assert_int_eq(tree_setattr(tree, id_of("fifo"), &st, TREE_SET_MTIME, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFIFO | 0620);
	ck_assert(is_real("upper/fifo") && is_real("upper/link"));
}
END_TEST

START_TEST(a_reader_goes_on_over_a_copy_up)
{
	_cleanup_content_ struct content *before = NULL;
	char bytes[8];

	write_real("low/file", "before");
	plant();
	ck_assert_int_eq(tree_open(tree, id_of("file"), &before), 0);
	write_at("file", "AFTER", 0);
	ck_assert_int_eq(content_read(before, bytes, sizeof(bytes), 0), 6);
	assert_text("file", "AFTERe");
	ck_assert_int_eq(tree_fsync(tree, id_of("file"), true), 0);
	ck_assert_int_eq(tree_fsync(tree, TREE_ROOT_ID, false), 0);
}
END_TEST

START_TEST(ranges_are_copied)
{
	write_real("low/from", "0123456789");
	write_real("low/to", "abcdefghij");
	plant();
	ck_assert_int_eq(tree_copy_range(tree, id_of("from"), 2, id_of("to"), 4, 3), 3);
	assert_text("to", "abcd234hij");
	assert_text("from", "0123456789");
	ck_assert(!is_real("upper/from"));
}
END_TEST

/* Whiteouts */

START_TEST(what_is_removed_stays_away)
{
	write_real("low/a", "low");
	write_real("high/a", "high");
	write_real("low/b", "low");
	plant();
	rm("a");
	assert_absent("a");
	assert_listing("", "b");
	ck_assert(is_real("upper/.wh.a"));
	replant();
	assert_absent("a");
	put("a", "new");
	assert_text("a", "new");
	rm("a");
	assert_absent("a");
	assert_listing("", "b");
	ck_assert_int_eq(try_unlink("a"), -ENOENT);
	replant();
	assert_listing("", "b");
}
END_TEST

START_TEST(a_removed_directory_comes_back_empty)
{
	write_real("low/d/sub/file", "low");
	write_real("high/d/other", "high");
	plant();
	ck_assert_int_eq(try_rmdir("d"), -ENOTEMPTY);
	rm("d/sub/file");
	rm_directory("d/sub");
	rm("d/other");
	rm_directory("d");
	assert_absent("d");
	ck_assert(!is_real("upper/d"));
	make("d");
	assert_listing("d", "");
	put("d/new", "new");
	replant();
	assert_listing("d", "new");
	assert_absent("d/sub");
	rm("d/new");
	rm_directory("d");
	put("d", "a file");
	replant();
	assert_text("d", "a file");
}
END_TEST

START_TEST(an_opaque_directory_hides_the_layers)
{
	write_real("low/d/file", "low");
	write_real("upper/d/.wh..wh..opq", "");
	write_real("upper/d/own", "upper");
	plant();
	assert_listing("d", "own");
	assert_absent("d/file");
	put("d/file", "new");
	assert_text("d/file", "new");
}
END_TEST

START_TEST(the_longest_names_are_whited_out)
{
	char name[NAME_MAX + 1], path[NAME_MAX + 8];

	for (int length = NAME_MAX - 6; length <= NAME_MAX; length++) {
		memset(name, 'a' + length % 26, (size_t)length);
		name[length] = '\0';
		snprintf(path, sizeof(path), "low/%s", name);
		write_real(path, "low");
	}
	plant();
	for (int length = NAME_MAX - 6; length <= NAME_MAX; length++) {
		memset(name, 'a' + length % 26, (size_t)length);
		name[length] = '\0';
		rm(name);
		assert_absent(name);
	}
	replant();
	assert_listing("", "");
	put(name, "new");
	assert_text(name, "new");
	memset(path, 'x', NAME_MAX + 1);
	path[NAME_MAX + 1] = '\0';
	ck_assert_int_eq(try_create(path, S_IFREG | 0644), -ENAMETOOLONG);
	ck_assert_int_eq(try_rename(name, path, 0), -ENAMETOOLONG);
	assert_text(name, "new");
}
END_TEST

START_TEST(reserved_names_are_refused)
{
	write_real("low/a", "low");
	plant();
	ck_assert_int_eq(try_create(".wh.x", S_IFREG | 0644), -EINVAL);
	ck_assert_int_eq(try_create(".wh.", S_IFDIR | 0755), -EINVAL);
	ck_assert_int_eq(tree_symlink(tree, "t", TREE_ROOT_ID, ".wh..wh..opq", &caller,
				      &(struct tree_entry){0}),
			 -EINVAL);
	ck_assert_int_eq(try_rename("a", ".wh.a", 0), -EINVAL);
	ck_assert_int_eq(try_link("a", ".wh.b"), -EINVAL);
	rm("a");
	assert_absent(".wh.a");
	ck_assert_int_eq(try_unlink(".wh.a"), -ENOENT);
	ck_assert_int_eq(try_rename(".wh.a", "b", 0), -ENOENT);
	assert_listing("", "");
	put(".wha", "fine");
}
END_TEST

START_TEST(what_is_there_is_not_made_again)
{
	write_real("low/a", "low");
	write_real("upper/b", "upper");
	mkdir_real("low/d");
	plant();
	for (int i = 0; i < 3; i++) {
		const char *path = (const char *[]){"a", "b", "d"}[i];

		ck_assert_int_eq(try_create(path, S_IFREG | 0644), -EEXIST);
		ck_assert_int_eq(try_create(path, S_IFDIR | 0755), -EEXIST);
		ck_assert_int_eq(try_link("a", path), -EEXIST);
	}
	assert_text("a", "low");
	ck_assert(!is_real("upper/d"));
}
END_TEST

/* Programs that watch a directory go by its times. */
START_TEST(a_directory_says_when_it_changed)
{
	struct stat old = {.st_mtim = {OLD_TIME, 0}}, st;

	write_real("low/d/a", "");
	write_real("low/d/b", "");
	write_real("low/e/c", "");
	plant();
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(tree_setattr(tree, id_of("d"), &old, TREE_SET_MTIME, &st), 0);
		if (i == 0)
			rm("d/a"); /* a whiteout is all that changes */
		else if (i == 1)
			put("d/a", "");
		else if (i == 2)
			make("d/sub");
		else if (i == 3)
			move("d/b", "d/moved");
		else if (i == 4)
			link_to("d/moved", "d/linked");
		else
			rm_directory("d/sub");
		st = stat_of("d");
		ck_assert_msg(st.st_mtim.tv_sec > OLD_TIME, "change %d", i);
		ck_assert_msg(st.st_ctim.tv_sec > OLD_TIME, "change %d", i);
	}
	ck_assert_int_eq(tree_setattr(tree, id_of("d"), &old, TREE_SET_MTIME, &st), 0);
	ck_assert_int_eq(tree_setattr(tree, id_of("e"), &old, TREE_SET_MTIME, &st), 0);
	move("e/c", "d/c");
	ck_assert_int_gt(stat_of("d").st_mtim.tv_sec, OLD_TIME);
	ck_assert_int_gt(stat_of("e").st_mtim.tv_sec, OLD_TIME);
}
END_TEST

/* Hard links */

START_TEST(two_names_are_one_file)
{
	uint64_t ino, id;

	write_real("low/a", "text");
	mkdir_real("low/d");
	plant();
	id = id_of("a");
	ino = stat_of("a").st_ino;
	link_to("a", "d/b");
	ck_assert_uint_eq(id_of("d/b"), id);
	ck_assert_uint_eq(stat_of("d/b").st_ino, ino);
	ck_assert_uint_eq(stat_of("a").st_nlink, 2);
	write_at("d/b", "T", 0);
	assert_text("a", "Text");
	rm("a");
	assert_text("d/b", "Text");
	ck_assert_uint_eq(stat_of("d/b").st_nlink, 1);
	forget_all();
	ck_assert_uint_eq(stat_of("d/b").st_ino, ino);
}
END_TEST

START_TEST(names_are_one_file_after_a_mount)
{
	write_real("upper/a", "text");
	ck_assert_int_eq(link("upper/a", "upper/b"), 0);
	plant();
	ck_assert_uint_eq(id_of("a"), id_of("b"));
	ck_assert_uint_eq(stat_of("a").st_ino, stat_of("b").st_ino);
	/* Either name may go first, known or not. */
	forget_all();
	id_of("a");
	rm("a");
	assert_text("b", "text");
	ck_assert_uint_eq(stat_of("b").st_nlink, 1);
	link_to("b", "c");
	rm("b");
	rm("c");
	assert_listing("", "");
}
END_TEST

/* The name that is known goes while the file is in use; the other is looked up after that. */
START_TEST(a_file_in_use_is_found_by_its_other_name)
{
	uint64_t id;

	write_real("upper/a", "text");
	ck_assert_int_eq(link("upper/a", "upper/b"), 0);
	plant();
	id = id_of("a");
	rm("a");
	assert_text_of_id(id, "text");
	ck_assert_uint_eq(id_of("b"), id);
	write_at("b", "T", 0);
	assert_text_of_id(id, "Text");
	move("b", "c");
	assert_text("c", "Text");
	rm("c");
	assert_text_of_id(id, "Text");
}
END_TEST

/* Files in use */

START_TEST(a_removed_file_lives_while_it_is_used)
{
	struct stat st;
	uint64_t low, upper;

	write_real("low/low", "low");
	write_real("upper/upper", "upper");
	plant();
	low = id_of("low");
	upper = id_of("upper");
	rm("low");
	rm("upper");
	assert_text_of_id(low, "low");
	assert_text_of_id(upper, "upper");
	for (int i = 0; i < 2; i++) {
		uint64_t id = i ? low : upper;

		ck_assert_int_eq(tree_write(tree, id, "NEW", 3, 0), 3);
		assert_text_of_id(id, i ? "NEW" : "NEWer");
		ck_assert_int_eq(tree_getattr(tree, id, &st), 0);
		ck_assert_uint_eq(st.st_nlink, 0);
		st.st_mode = 0600;
		ck_assert_int_eq(tree_setattr(tree, id, &st, TREE_SET_MODE, &st), 0);
		ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
		st.st_size = 1;
		ck_assert_int_eq(tree_setattr(tree, id, &st, TREE_SET_SIZE, &st), 0);
		assert_text_of_id(id, "N");
		ck_assert_int_eq(tree_fsync(tree, id, false), 0);
		ck_assert_int_eq(
			tree_link(tree, id, TREE_ROOT_ID, "again", &(struct tree_entry){0}),
			-ENOENT);
	}
	/* What has the name now is another file. */
	put("low", "other");
	ck_assert_uint_ne(id_of("low"), low);
	ck_assert_uint_ne(stat_of("low").st_ino, stat_of("").st_ino);
	assert_text_of_id(low, "N");
}
END_TEST

START_TEST(a_file_that_is_renamed_over_lives_while_it_is_used)
{
	uint64_t low, upper;

	write_real("low/a", "low");
	write_real("upper/b", "upper");
	plant();
	low = id_of("a");
	upper = id_of("b");
	put("new1", "1");
	put("new2", "2");
	move("new1", "a");
	move("new2", "b");
	assert_text("a", "1");
	assert_text("b", "2");
	assert_text_of_id(low, "low");
	assert_text_of_id(upper, "upper");
	ck_assert_int_eq(tree_write(tree, low, "L", 1, 0), 1);
	assert_text_of_id(low, "Low");
	replant();
	assert_text("a", "1");
	assert_listing("", "a b");
}
END_TEST

START_TEST(a_removed_directory_lives_while_it_is_used)
{
	struct tree_entry entry;
	struct listed listed = {0};
	struct stat st;

	write_real("low/low/file", "");
	mkdir_real("upper/upper");
	plant();
	rm("low/file");
	for (int i = 0; i < 2; i++) {
		const char *path = i ? "low" : "upper";
		uint64_t id = id_of(path);

		rm_directory(path);
		ck_assert_int_eq(tree_getattr(tree, id, &st), 0);
		ck_assert_uint_eq(st.st_nlink, 0);
		ck_assert_int_eq(tree_lookup(tree, id, "file", &entry), -ENOENT);
		ck_assert_int_eq(tree_mkdir(tree, id, "x", 0755, &caller, &entry), -ENOENT);
		ck_assert_int_eq(tree_mknod(tree, id, "x", S_IFREG | 0644, 0, &caller, &entry),
				 -ENOENT);
		ck_assert_int_eq(tree_list(tree, id, 0, take_name, &listed), 0);
		ck_assert_int_eq(listed.count, 2);
		listed_clear(&listed);
	}
}
END_TEST

/* The file system gives an inode's number to the next file, which must not get the old one's
 * identity. */
START_TEST(numbers_that_come_back_are_new_files)
{
	char name[32];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "low/d%d/file", i);
		write_real(name, "");
	}
	plant();
	for (int i = 0; i < 40; i++) {
		struct stat st;

		snprintf(name, sizeof(name), "d%d", i);
		set_mode(name, 0700);
		st = stat_of(name);
		snprintf(name, sizeof(name), "d%d/file", i);
		rm(name);
		snprintf(name, sizeof(name), "d%d", i);
		rm_directory(name);
		forget_all();
		make("fresh");
		ck_assert_uint_ne(stat_of("fresh").st_ino, st.st_ino);
		rm_directory("fresh");
		forget_all();
	}
}
END_TEST

/* Where root mounts, files belong to whoever makes them, as anywhere else. */
START_TEST(files_belong_to_their_makers)
{
	const struct tree_caller other = {65534, 65533};
	struct tree_entry entry;
	struct stat st;

	mkdir_real("low/d");
	ck_assert_int_eq(chmod("low/d", 0777), 0);
	ck_assert_int_eq(chown("low/d", 1234, 5678), 0);
	ck_assert_int_eq(chmod("upper", 0700), 0); /* in a store that they cannot reach */
	plant();
	ck_assert_uint_eq(stat_of("d").st_uid, 1234);
	caller = other;
	put("d/file", "text");
	make("d/directory");
	ck_assert_int_eq(tree_symlink(tree, "target", id_of("d"), "link", &caller, &entry), 0);
	keep_lookup(entry.id);
	for (int i = 0; i < 3; i++) {
		st = stat_of((const char *[]){"d/file", "d/directory", "d/link"}[i]);
		ck_assert_uint_eq(st.st_uid, other.uid);
		ck_assert_uint_eq(st.st_gid, other.gid);
	}
	/* Nothing of that stays with this thread. */
	caller = (struct tree_caller){0, 0};
	put("d/ours", "");
	ck_assert_uint_eq(stat_of("d/ours").st_uid, 0);
	/* What is copied up belongs to whom it belonged. */
	ck_assert_uint_eq(stat_of("d").st_uid, 1234);
	ck_assert_uint_eq(stat_of("d").st_gid, 5678);
	/* A group that is inherited is inherited. */
	set_mode("d", 02777);
	put("d/inherits", "");
	ck_assert_uint_eq(stat_of("d/inherits").st_gid, 5678);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("overlay");

	add_grove_fixtures(tests);
	tcase_add_test(tests, a_copied_up_file_is_the_same_file);
	tcase_add_test(tests, changed_attributes_keep_the_time);
	tcase_add_test(tests, times_are_set_to_the_nanosecond);
	tcase_add_test(tests, a_directory_is_copied_up_with_what_it_has);
	tcase_add_test(tests, what_is_cut_off_is_not_copied);
	tcase_add_test(tests, links_and_fifos_are_copied_up);
	tcase_add_test(tests, a_reader_goes_on_over_a_copy_up);
	tcase_add_test(tests, ranges_are_copied);
	tcase_add_test(tests, what_is_removed_stays_away);
	tcase_add_test(tests, a_removed_directory_comes_back_empty);
	tcase_add_test(tests, an_opaque_directory_hides_the_layers);
	tcase_add_test(tests, the_longest_names_are_whited_out);
	tcase_add_test(tests, reserved_names_are_refused);
	tcase_add_test(tests, what_is_there_is_not_made_again);
	tcase_add_test(tests, a_directory_says_when_it_changed);
	tcase_add_test(tests, two_names_are_one_file);
	tcase_add_test(tests, names_are_one_file_after_a_mount);
	tcase_add_test(tests, a_file_in_use_is_found_by_its_other_name);
	tcase_add_test(tests, a_removed_file_lives_while_it_is_used);
	tcase_add_test(tests, a_file_that_is_renamed_over_lives_while_it_is_used);
	tcase_add_test(tests, a_removed_directory_lives_while_it_is_used);
	tcase_add_test(tests, numbers_that_come_back_are_new_files);
	if (geteuid() == 0) {
		tcase_add_test(tests, files_belong_to_their_makers);
	} else {
		printf("# other makers' files: not tested, only root mounts for others\n");
		fflush(stdout);
	}
	return run_tests("overlay", tests);
}
