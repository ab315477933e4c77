/* Renaming: all kinds of files over all kinds, and what a directory shows at its new name. */
#include "grove.h"

static void assert_portrait(const char *path, const char *expected)
{
	_cleanup_free_ char *seen = portrait(path);

	ck_assert_msg(strcmp(seen, expected) == 0, "%s is %s, not %s", path, seen, expected);
}

/* What may be at either name. */
enum kind {
	ABSENT,
	REMOVED, /* a layer's file that was removed */
	REMOVED_DIRECTORY,
	LOWER_FILE,
	UPPER_FILE,
	BOTH_FILE,
	LOWER_LINK,
	LOWER_EMPTY,
	UPPER_EMPTY,
	EMPTIED, /* a layer's directory whose entries were all removed */
	LOWER_DIRECTORY,
	UPPER_DIRECTORY,
	MERGED_DIRECTORY,
	RENEWED_DIRECTORY, /* made anew where a layer's was removed */
	MOVED_DIRECTORY,   /* a layer's, from another name */
	KINDS
};

static bool is_directory_kind(enum kind kind)
{
	return kind >= LOWER_EMPTY;
}

static bool is_empty_kind(enum kind kind)
{
	return kind >= LOWER_EMPTY && kind <= EMPTIED;
}

static void write_beside(const char *layer, const char *path, const char *inner, const char *text)
{
	char real[256];

	snprintf(real, sizeof(real), "%s/%s%s", layer, path, inner);
	write_real(real, text);
}

/* The files of @kind at @path, as they are before the tree is made. */
static void sow(enum kind kind, const char *path)
{
	char real[256];

	switch (kind) {
	case REMOVED:
	case LOWER_FILE:
		write_beside("low", path, "", "low");
		break;
	case UPPER_FILE:
		write_beside("upper", path, "", "upper");
		break;
	case BOTH_FILE:
		write_beside("low", path, "", "low");
		write_beside("upper", path, "", "upper");
		break;
	case LOWER_LINK:
		snprintf(real, sizeof(real), "low/%s", path);
		ck_assert_int_eq(symlink("target", real), 0);
		break;
	case LOWER_EMPTY:
	case UPPER_EMPTY:
		snprintf(real, sizeof(real), "%s/%s", kind == LOWER_EMPTY ? "low" : "upper", path);
		mkdir_real(real);
		break;
	case MERGED_DIRECTORY:
		write_beside("high", path, "/h", "high");
		write_beside("upper", path, "/sub/u", "upper");
		/* fall through */
	case REMOVED_DIRECTORY:
	case EMPTIED:
	case RENEWED_DIRECTORY:
	case LOWER_DIRECTORY:
		write_beside("low", path, "/l", "low");
		write_beside("low", path, "/sub/l", "low");
		break;
	case UPPER_DIRECTORY:
		write_beside("upper", path, "/u", "upper");
		break;
	case MOVED_DIRECTORY:
		write_beside("low", path, "-before/l", "low");
		write_beside("low", path, "-before/sub/l", "low");
		/* What the layers have at the new name must not show through. */
		write_beside("low", path, "/hidden", "low");
		break;
	default:
		break;
	}
}

static void empty_directory(const char *path)
{
	char inner[256];

	snprintf(inner, sizeof(inner), "%s/l", path);
	rm(inner);
	snprintf(inner, sizeof(inner), "%s/sub/l", path);
	rm(inner);
	snprintf(inner, sizeof(inner), "%s/sub", path);
	rm_directory(inner);
}

/* What happens at @path before the renaming. */
static void grow(enum kind kind, const char *path)
{
	char other[256];

	if (kind == REMOVED)
		rm(path);
	if (kind == REMOVED_DIRECTORY || kind == EMPTIED || kind == RENEWED_DIRECTORY)
		empty_directory(path);
	if (kind == REMOVED_DIRECTORY || kind == RENEWED_DIRECTORY)
		rm_directory(path);
	if (kind == RENEWED_DIRECTORY) {
		make(path);
		snprintf(other, sizeof(other), "%s/renewed", path);
		put(other, "renewed");
	}
	if (kind == MOVED_DIRECTORY) {
		snprintf(other, sizeof(other), "%s/hidden", path);
		rm(other);
		snprintf(other, sizeof(other), "%s-before", path);
		move(other, path);
	}
}

/* What rename(2) says of it. */
static int verdict(enum kind source, enum kind target, unsigned flags)
{
	bool exists = target > REMOVED_DIRECTORY;

	if (source <= REMOVED_DIRECTORY)
		return -ENOENT;
	if (flags == RENAME_EXCHANGE)
		return exists ? 0 : -ENOENT;
	if (!exists)
		return 0;
	if (flags == RENAME_NOREPLACE)
		return -EEXIST;
	if (is_directory_kind(source) != is_directory_kind(target))
		return is_directory_kind(source) ? -ENOTDIR : -EISDIR;
	return is_directory_kind(target) && !is_empty_kind(target) ? -ENOTEMPTY : 0;
}

static const unsigned all_flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};

/* Whether the tree is as rename(2) would have it, and still so after another mount. */
static void assert_renamed(const char *source_before, const char *target_before, int r,
			   unsigned flags, const char *target)
{
	const char *source_after = source_before, *target_after = target_before;

	if (r == 0) {
		target_after = source_before;
		source_after = flags == RENAME_EXCHANGE ? target_before : "absent";
	}
	assert_portrait("s/source", source_after);
	assert_portrait(target, target_after);
	forget_all();
	assert_portrait("s/source", source_after);
	assert_portrait(target, target_after);
	replant();
	assert_portrait("s/source", source_after);
	assert_portrait(target, target_after);
}

START_TEST(any_kind_is_renamed_over_any)
{
	enum kind source = (enum kind)(_i / KINDS), target = (enum kind)(_i % KINDS);
	static const char *const targets[] = {"s/target", "t/target"};

	for (int i = 0; i < COUNT(all_flags); i++) {
		const char *path = targets[(_i + i) % COUNT(targets)];
		unsigned flags = all_flags[i];
		_cleanup_free_ char *source_before = NULL, *target_before = NULL;
		int expected = verdict(source, target, flags), r;

		grove_enter();
		mkdir_real("low/s");
		mkdir_real("low/t");
		sow(source, "s/source");
		sow(target, path);
		plant();
		grow(source, "s/source");
		grow(target, path);
		source_before = portrait("s/source");
		target_before = portrait(path);
		r = try_rename("s/source", path, flags);
		ck_assert_msg(r == expected, "flags %u, %s: %d, not %d", flags, path, r, expected);
		assert_renamed(source_before, target_before, r, flags, path);
		uproot();
	}
}
END_TEST

START_TEST(a_renamed_directory_copies_nothing)
{
	write_real("low/numpy/core/file", "low");
	write_real("low/numpy/file", "low");
	plant();
	move("numpy", "~umpy");
	assert_portrait("~umpy", "{core: {file: 'low'; }; file: 'low'; }");
	ck_assert(!is_real("upper/~umpy/core"));
	ck_assert(!is_real("upper/~umpy/file"));
	assert_real("upper/~umpy/.wh..wh.redirect", "numpy");
	ck_assert(is_real("upper/.wh.numpy"));
}
END_TEST

START_TEST(a_directory_is_renamed_again_and_again)
{
	write_real("low/d/sub/file", "low");
	write_real("high/d/other", "high");
	plant();
	for (int i = 0; i < 3; i++) {
		move("d", "e");
		put("e/new", "new");
		move("e/sub", "e/moved");
		move("e", "f");
		assert_portrait("d", "absent");
		assert_portrait("e", "absent");
		assert_portrait("f", "{moved: {file: 'low'; }; new: 'new'; other: 'high'; }");
		replant();
		assert_portrait("f", "{moved: {file: 'low'; }; new: 'new'; other: 'high'; }");
		rm("f/new");
		move("f/moved", "f/sub");
		move("f", "d");
		assert_portrait("d", "{other: 'high'; sub: {file: 'low'; }; }");
		replant();
		assert_portrait("d", "{other: 'high'; sub: {file: 'low'; }; }");
	}
}
END_TEST

/* pip's way of replacing a package: aside, a new one in its place, and then away or back. */
START_TEST(a_package_is_replaced_and_brought_back)
{
	write_real("low/p/__init__.py", "1");
	write_real("low/p/old.py", "1");
	for (int back = 0; back < 2; back++) {
		plant();
		move("p", "~p");
		make("p");
		put("p/__init__.py", "2");
		assert_portrait("p", "{__init__.py: '2'; }");
		replant();
		assert_portrait("p", "{__init__.py: '2'; }");
		assert_portrait("~p", "{__init__.py: '1'; old.py: '1'; }");
		rm("p/__init__.py");
		rm_directory("p");
		if (back) {
			rm("~p/__init__.py");
			rm("~p/old.py");
			rm_directory("~p");
			assert_listing("", "");
		} else {
			move("~p", "p");
			assert_portrait("p", "{__init__.py: '1'; old.py: '1'; }");
		}
		replant();
		assert_portrait("p", back ? "absent" : "{__init__.py: '1'; old.py: '1'; }");
		uproot();
		mkdir_real("work");
	}
}
END_TEST

START_TEST(a_renamed_file_is_the_same_file)
{
	struct stat before, after;
	uint64_t id;

	write_real("low/a", "text");
	plant();
	before = stat_of("a");
	id = id_of("a");
	move("a", "b");
	after = stat_of("b");
	ck_assert_uint_eq(id_of("b"), id);
	ck_assert_uint_eq(after.st_ino, before.st_ino);
	ck_assert_int_eq(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
	ck_assert_int_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	assert_text("b", "text");
	put("a", "another");
	assert_text_of_id(id, "text");
}
END_TEST

START_TEST(what_is_open_moves_with_its_directory)
{
	uint64_t low, upper, directory;

	write_real("low/d/sub/low", "low");
	write_real("upper/d/upper", "upper");
	plant();
	low = id_of("d/sub/low");
	upper = id_of("d/upper");
	directory = id_of("d/sub");
	age_real("low/d");
	move("d", "e");
	ck_assert_int_eq(tree_write(tree, low, "L", 1, 0), 1);
	ck_assert_int_eq(tree_write(tree, upper, "U", 1, 0), 1);
	assert_text("e/sub/low", "Low");
	assert_text("e/upper", "Upper");
	ck_assert_uint_eq(id_of("e/sub"), directory);
	assert_real("upper/e/sub/low", "Low");
	replant();
	assert_portrait("e", "{sub: {low: 'Low'; }; upper: 'Upper'; }");
}
END_TEST

/* A directory's times are those of its contents, which a new name does not change. */
START_TEST(a_renamed_directory_keeps_its_time)
{
	struct stat before;

	write_real("low/d/file", "");
	age_real("low/d");
	plant();
	before = stat_of("d");
	move("d", "e");
	ck_assert_int_eq(stat_of("e").st_mtim.tv_sec, before.st_mtim.tv_sec);
	ck_assert_uint_eq(stat_of("e").st_ino, before.st_ino);
}
END_TEST

START_TEST(a_directory_is_not_moved_into_itself)
{
	write_real("low/d/sub/deep/file", "low");
	mkdir_real("low/e");
	plant();
	ck_assert_int_eq(try_rename("d", "d/sub/x", 0), -EINVAL);
	ck_assert_int_eq(try_rename("d", "d/sub/deep", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(try_rename("d/sub/deep", "d", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(try_rename("d/sub", "d", 0), -ENOTEMPTY);
	ck_assert_int_eq(try_rename("d", "d", 0), 0);
	ck_assert_int_eq(try_rename("d", "e", RENAME_EXCHANGE | RENAME_NOREPLACE), -EINVAL);
	ck_assert_int_eq(try_rename("d", "e", 1 << 7), -EINVAL);
	assert_portrait("d", "{sub: {deep: {file: 'low'; }; }; }");
	ck_assert(!is_real("upper/d"));
}
END_TEST

START_TEST(two_names_of_one_file_stay)
{
	write_real("upper/a", "text");
	plant();
	link_to("a", "b");
	ck_assert_int_eq(try_rename("a", "b", 0), 0);
	ck_assert_int_eq(try_rename("a", "b", RENAME_EXCHANGE), 0);
	assert_text("a", "text");
	assert_text("b", "text");
	move("a", "c");
	assert_text("c", "text");
	ck_assert_uint_eq(id_of("c"), id_of("b"));
	assert_absent("a");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("rename");

	grove_in_memory();
	add_grove_fixtures(tests);
	tcase_add_loop_test(tests, any_kind_is_renamed_over_any, 0, KINDS * KINDS);
	tcase_add_test(tests, a_renamed_directory_copies_nothing);
	tcase_add_test(tests, a_directory_is_renamed_again_and_again);
	tcase_add_test(tests, a_package_is_replaced_and_brought_back);
	tcase_add_test(tests, a_renamed_file_is_the_same_file);
	tcase_add_test(tests, what_is_open_moves_with_its_directory);
	tcase_add_test(tests, a_renamed_directory_keeps_its_time);
	tcase_add_test(tests, a_directory_is_not_moved_into_itself);
	tcase_add_test(tests, two_names_of_one_file_stay);
	return run_tests("rename", tests);
}
