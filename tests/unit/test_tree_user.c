/* A tree of an ordinary user, whom the upper's modes bind: what they could do to files of their own
 * goes here too. */
#include "grove.h"

#include <grp.h>

#define NOBODY 65534

static void become_user(void)
{
	static const char *const directories[] = {".", "high", "low", "upper", "work"};

	grove_enter();
	if (geteuid() != 0)
		return;
	for (int i = 0; i < COUNT(directories); i++)
		ck_assert_int_eq(chown(directories[i], NOBODY, NOBODY), 0);
	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
	ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
	caller = (struct tree_caller){NOBODY, NOBODY};
}

static void set_mode(const char *path, mode_t mode)
{
	struct stat st = {.st_mode = mode};
	int r = tree_setattr(tree, id_of(path), &st, TREE_SET_MODE, &st);

	ck_assert_msg(r == 0, "%s: %s", path, strerror(-r));
	ck_assert_uint_eq(st.st_mode & 07777, mode);
}

static mode_t real_mode(const char *path)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

START_TEST(files_of_others_are_shown_as_ours)
{
	struct layer *layers[1];
	struct error error = ERROR_INIT;
	struct stat st;

	if (layer_dir_open("usr", "/usr", "", &layers[0], &error) < 0)
		return;
	ck_assert_int_eq(plant_layers(layers, 1, false), 0);
	st = stat_of("bin/env");
	ck_assert_uint_eq(st.st_uid, geteuid());
	ck_assert_uint_eq(st.st_gid, getegid());
	ck_assert_uint_eq(st.st_mode & 0700, 0700);
	ck_assert_uint_eq(st.st_mode & (S_ISUID | S_ISGID), 0);
	set_mode("bin/env", 0600);
	rm("bin/env");
	assert_absent("bin/env");
}
END_TEST

/* chmod -R a-w, which goes from the top down, and what may still be done then. */
START_TEST(a_read_only_directory_takes_copies)
{
	write_real("low/d/sub/file", "text");
	write_real("low/d/other", "text");
	plant();
	set_mode("d", 0555);
	set_mode("d/sub", 0555);
	set_mode("d/sub/file", 0444);
	write_at("d/other", "T", 0); /* whoever had it open */
	write_at("d/sub/file", "T", 0);
	assert_text("d/sub/file", "Text");
	ck_assert_uint_eq(real_mode("upper/d"), 0555);
	ck_assert_uint_eq(real_mode("upper/d/sub"), 0555);
	ck_assert_uint_eq(real_mode("upper/d/sub/file"), 0444);
}
END_TEST

/* What the daemon may do for a moment, a copy of it may not. */
START_TEST(a_copy_of_the_daemon_changes_no_modes)
{
	struct tree_entry entry;

	plant();
	make("d");
	put("d/file", "text");
	set_mode("d", 0300);
	replant();
	tree_forbid_loans();
	ck_assert_int_eq(look("d/file", &entry), geteuid() == 0 ? 0 : -EACCES);
	ck_assert_uint_eq(real_mode("upper/d"), 0300);
}
END_TEST

START_TEST(a_read_only_layer_directory_is_copied_up)
{
	write_real("low/d/sub/file", "text");
	ck_assert_int_eq(chmod("low/d/sub", 0555), 0);
	ck_assert_int_eq(chmod("low/d", 0555), 0);
	plant();
	write_at("d/sub/file", "T", 0);
	assert_text("d/sub/file", "Text");
	ck_assert_uint_eq(stat_of("d/sub").st_mode & 07777, 0555);
	ck_assert_uint_eq(stat_of("d").st_mode & 07777, 0555);
	replant();
	ck_assert_uint_eq(stat_of("d/sub").st_mode & 07777, 0555);
}
END_TEST

START_TEST(a_read_only_directory_is_renamed_and_removed)
{
	write_real("low/d/file", "text");
	plant();
	rm("d/file");
	set_mode("d", 0555);
	move("d", "e"); /* in the same directory: rename(2) asks for no more */
	assert_listing("e", "");
	ck_assert_uint_eq(stat_of("e").st_mode & 07777, 0555);
	rm_directory("e");
	assert_listing("", "");
	replant();
	assert_listing("", "");
}
END_TEST

START_TEST(a_directory_that_nobody_may_read_is_there)
{
	struct tree_entry entry;

	write_real("low/merged/file", "text");
	plant();
	ck_assert_int_eq(try_create("closed", S_IFDIR), 0);
	set_mode("merged", 0);
	forget_all();
	ck_assert_int_eq(look("closed", &entry), 0);
	ck_assert_uint_eq(entry.attr.st_mode, S_IFDIR);
	ck_assert_int_eq(look("merged", &entry), 0);
	assert_listing("", "closed merged");
	rm_directory("closed");
	move("merged", "moved");
	replant();
	ck_assert_uint_eq(stat_of("moved").st_mode, S_IFDIR);
	set_mode("moved", 0700);
	assert_listing("moved", "file");
}
END_TEST

/* git writes its objects as 0444, through the descriptor that made them. */
START_TEST(a_file_is_written_by_its_maker)
{
	plant();
	ck_assert_int_eq(try_create("object", S_IFREG | 0444), 0);
	write_at("object", "text", 0);
	forget_all();
	write_at("object", "T", 0);
	assert_text("object", "Text");
	ck_assert_uint_eq(real_mode("upper/object"), 0444);
	ck_assert_int_eq(try_create("nothing", S_IFREG), 0);
	forget_all();
	write_at("nothing", "text", 0);
	assert_text("nothing", "text");
	ck_assert_uint_eq(real_mode("upper/nothing"), 0);
	ck_assert_int_eq(tree_fsync(tree, id_of("object"), false), 0);
}
END_TEST

/* Whoever has a file open goes on, though by its name nobody would get there. */
START_TEST(a_file_is_used_below_closed_directories)
{
	struct stat st;
	uint64_t file;

	plant();
	ck_assert_int_eq(try_create("d", S_IFDIR | 0755), 0);
	ck_assert_int_eq(try_create("d/sub", S_IFDIR | 0755), 0);
	ck_assert_int_eq(try_create("d/sub/file", S_IFREG | 0644), 0);
	ck_assert_int_eq(try_create("others", S_IFDIR | 0755), 0);
	file = id_of("d/sub/file");
	set_mode("d/sub", 0);
	set_mode("d", 0);
	for (int i = 0; i < 300; i++) { /* more than is kept open */
		char name[32];

		snprintf(name, sizeof(name), "others/%d", i);
		ck_assert_int_eq(try_create(name, S_IFREG | 0644), 0);
	}
	ck_assert_int_eq(tree_write(tree, file, "text", 4, 0), 4);
	ck_assert_int_eq(tree_getattr(tree, file, &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	st.st_mode = 0600;
	ck_assert_int_eq(tree_setattr(tree, file, &st, TREE_SET_MODE, &st), 0);
	ck_assert_uint_eq(real_mode("upper/d"), 0);
	set_mode("d", 0700);
	ck_assert_uint_eq(real_mode("upper/d/sub"), 0);
	set_mode("d/sub", 0700);
	assert_text("d/sub/file", "text");
	ck_assert_uint_eq(real_mode("upper/d/sub/file"), 0600);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("tree_user");

	tcase_add_unchecked_fixture(tests, grove_make, grove_remove);
	tcase_add_checked_fixture(tests, become_user, uproot);
	tcase_add_test(tests, files_of_others_are_shown_as_ours);
	tcase_add_test(tests, a_read_only_directory_takes_copies);
	tcase_add_test(tests, a_copy_of_the_daemon_changes_no_modes);
	tcase_add_test(tests, a_read_only_layer_directory_is_copied_up);
	tcase_add_test(tests, a_read_only_directory_is_renamed_and_removed);
	tcase_add_test(tests, a_directory_that_nobody_may_read_is_there);
	tcase_add_test(tests, a_file_is_written_by_its_maker);
	tcase_add_test(tests, a_file_is_used_below_closed_directories);
	return run_tests("tree_user", tests);
}
