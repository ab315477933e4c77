/* The upper's marks: written, read, damaged; and generated files, which are back at every mount. */
#include "grove.h"

#include "tree/upper.h"
#include "venvfs/generated.h"
#include "venvfs/interpreter.h"
#include "venvfs/spec.h"

static int open_mark_directory(void)
{
	int fd = open("upper", O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void read_marks(struct upper_marks *marks)
{
	_cleanup_close_ int fd = open_mark_directory();

	ck_assert_int_eq(upper_read_marks(fd, marks), 0);
}

START_TEST(marks_are_read_as_written)
{
	_cleanup_close_ int fd = open_mark_directory(), work = open_real("work");
	struct upper_marks marks;
	char long_name[256];

	memset(long_name, 'n', 255);
	long_name[255] = '\0';
	for (int twice = 0; twice < 2; twice++) {
		ck_assert_int_eq(upper_add_whiteout(work, fd, "name"), 0);
		ck_assert_int_eq(upper_add_whiteout(work, fd, long_name), 0);
		ck_assert_int_eq(upper_mark_opaque(fd), 0);
		ck_assert_int_eq(upper_mark_redirect(fd, fd, "lib/other name"), 0);
	}
	read_marks(&marks);
	ck_assert(marks.opaque);
	ck_assert_str_eq(marks.redirect, "lib/other name");
	ck_assert_uint_eq(marks.whiteouts.count, 2);
	ck_assert(name_table_get(&marks.whiteouts, "name", NULL));
	ck_assert(name_table_get(&marks.whiteouts, long_name, NULL));
	upper_marks_clear(&marks);

	ck_assert_int_eq(upper_remove_whiteout(fd, "name"), 0);
	ck_assert_int_eq(upper_remove_whiteout(fd, long_name), 0);
	ck_assert_int_eq(upper_remove_whiteout(fd, "never"), 0);
	read_marks(&marks);
	ck_assert_uint_eq(marks.whiteouts.count, 0);
	upper_marks_clear(&marks);
	ck_assert_int_eq(upper_remove_marks(fd), 0);
	ck_assert_int_eq(rmdir("upper"), 0); /* so nothing else was left */
}
END_TEST

static int count_entries(void *arg, const char *name, mode_t kind)
{
	ck_assert_str_eq(name, "file");
	ck_assert_uint_eq(kind, S_IFREG);
	++*(int *)arg;
	return 0;
}

static int stop(void *arg, const char *name, mode_t kind)
{
	(void)arg, (void)name, (void)kind;
	return 7;
}

START_TEST(marks_are_not_listed)
{
	_cleanup_close_ int fd = open_mark_directory(), work = open_real("work");
	int count = 0;

	write_real("upper/file", "");
	ck_assert_int_eq(upper_add_whiteout(work, fd, "name"), 0);
	ck_assert_int_eq(upper_list(fd, count_entries, &count), 0);
	ck_assert_int_eq(count, 1);
	ck_assert_int_eq(upper_list(fd, stop, NULL), 7);
}
END_TEST

/* One inode is enough for all of them, and its links for no more than the file system gives. */
START_TEST(whiteouts_are_one_file)
{
	_cleanup_close_ int fd = open_mark_directory(), work = open_real("work");
	const unsigned many = 65100; /* ext4 gives a file 65,000 */
	struct upper_marks marks;
	struct stat first, second;
	char name[16];

	for (unsigned i = 0; i < many; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_int_eq(upper_add_whiteout(work, fd, name), 0);
	}
	ck_assert_int_eq(lstat("upper/.wh.n0", &first), 0);
	ck_assert_int_eq(lstat("upper/.wh.n1", &second), 0);
	ck_assert_uint_eq(first.st_ino, second.st_ino);
	read_marks(&marks);
	ck_assert_uint_eq(marks.whiteouts.count, many);
	upper_marks_clear(&marks);
}
END_TEST

START_TEST(temporaries_have_names_of_their_own)
{
	char a[UPPER_TEMPORARY_SIZE], b[UPPER_TEMPORARY_SIZE];

	upper_temporary_name(a);
	upper_temporary_name(b);
	ck_assert_str_ne(a, b);
}
END_TEST

/* What may have become of a mark. The directory is then of no use, and says so; the rest works. */
static const struct {
	const char *mark;
	const char *text; /* NULL: a FIFO; "link": a link; "dir": a directory */
	bool harmless;
} damaged[] = {
	{".wh..wh.redirect", "", false},
	{".wh..wh.redirect", "/etc", false},
	{".wh..wh.redirect", "..", false},
	{".wh..wh.redirect", "a/../../b", false},
	{".wh..wh.redirect", "a//b", false},
	{".wh..wh.redirect", "./a", false},
	{".wh..wh.redirect", "a/", false},
	{".wh..wh.redirect", NULL, false},
	{".wh..wh.redirect", "link", false},
	{".wh..wh.redirect", "dir", false},
	{".wh..wh.long.0123456789abcdef", "", false},
	{".wh..wh.long.0123456789abcdef", NULL, false},
	{".wh..wh.redirect", "nowhere/at/all", true},
	{".wh..wh..opq", "text", true},
	{".wh..wh..opq", NULL, true},
	{".wh.name", NULL, true},
	{".wh.", "", true},
	{".wh..wh..plnk", "", true},
	{".wh..wh.long.0123456789abcdef", "some/path", true},
};

static void damage(const char *mark, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "upper/d/%s", mark);
	mkdir_real("upper/d");
	if (!text)
		ck_assert_int_eq(mkfifo(path, 0600), 0);
	else if (strcmp(text, "link") == 0)
		ck_assert_int_eq(symlink("../file", path), 0);
	else if (strcmp(text, "dir") == 0)
		ck_assert_int_eq(mkdir(path, 0700), 0);
	else
		write_real(path, text);
}

START_TEST(a_damaged_mark_harms_its_directory_alone)
{
	struct tree_entry entry;
	struct listed listed = {0};

	write_real("low/file", "low");
	write_real("low/d/file", "low");
	write_real("upper/d/own", "upper");
	damage(damaged[_i].mark, damaged[_i].text);
	plant();
	if (damaged[_i].harmless) {
		assert_text("d/own", "upper");
	} else {
		ck_assert_int_eq(look("d", &entry), -EIO);
		ck_assert_int_eq(try_rmdir("d"), -EIO);
		ck_assert_int_eq(try_rename("d", "e", 0), -EIO);
	}
	assert_text("file", "low");
	put("new", "new");
	/* It is listed all the same, so that somebody notices. */
	ck_assert_int_eq(tree_list(tree, TREE_ROOT_ID, 0, take_name, &listed), 0);
	ck_assert_int_eq(listed.count, 5);
	listed_clear(&listed);
	if (damaged[_i].harmless)
		return;
	/* What the log says helps: without the mark the directory can be used again. */
	{
		char path[128];

		snprintf(path, sizeof(path), "upper/d/%s", damaged[_i].mark);
		ck_assert_int_eq(remove(path), 0);
	}
	assert_text("d/own", "upper");
	assert_text("d/file", "low");
}
END_TEST

START_TEST(a_redirect_that_is_too_long_is_refused)
{
	struct tree_entry entry;
	char path[PATH_MAX + 2];

	memset(path, 'a', PATH_MAX + 1);
	for (size_t i = 100; i < PATH_MAX; i += 100)
		path[i] = '/';
	path[PATH_MAX + 1] = '\0';
	write_real("upper/d/.wh..wh.redirect", path);
	plant();
	ck_assert_int_eq(look("d", &entry), -EIO);
}
END_TEST

/* Two directories whose marks name each other: layers know nothing of marks, so that is no circle.
 */
START_TEST(redirects_go_one_step)
{
	write_real("low/a/in-a", "");
	write_real("low/b/in-b", "");
	write_real("upper/a/.wh..wh.redirect", "b");
	write_real("upper/b/.wh..wh.redirect", "a");
	plant();
	assert_listing("a", "in-b");
	assert_listing("b", "in-a");
	move("a", "c");
	move("b", "a");
	move("c", "b");
	assert_listing("a", "in-a");
	assert_listing("b", "in-b");
	replant();
	assert_listing("a", "in-a");
	assert_listing("b", "in-b");
}
END_TEST

START_TEST(a_damaged_root_is_an_error)
{
	struct layer *layers[] = {open_layer("low")};

	write_real("upper/.wh..wh.redirect", "..");
	ck_assert_int_eq(plant_layers(layers, 1, false), -EIO);
}
END_TEST

/* Generated files */

static const struct spec spec = {.path = (char *)"/spec.cfg", .pip = true};

static struct layer *open_generated(void)
{
	struct interpreter *interpreter = calloc(1, sizeof(*interpreter));
	struct layer *layer;

	*interpreter = (struct interpreter){
		.executable = strdup("/usr/bin/python3.11"),
		.real_executable = strdup("/usr/bin/python3.11"),
		.home = strdup("/usr/bin"),
		.major = 3,
		.minor = 11,
		.version = strdup("3.11.7"),
		.version_info = strdup("3.11.7.final.0"),
		.implementation = strdup("CPython"),
		.abiflags = strdup(""),
		.base_prefix = strdup("/usr"),
	};
	ck_assert_int_eq(layer_generated_new(&spec, interpreter, "/env", "env", &layer), 0);
	return layer;
}

/* Generated files over the layer "low". */
static void plant_generated(void)
{
	struct layer *layers[] = {open_generated(), open_layer("low")};

	ck_assert_int_eq(plant_layers(layers, 2, false), 0);
}

static void replant_generated(void)
{
	uproot();
	mkdir_real("work");
	plant_generated();
}

START_TEST(a_core_file_is_back_at_the_next_mount)
{
	struct tree_entry entry;

	plant_generated();
	rm("pyvenv.cfg");
	rm("bin/python");
	rm(".gitignore");
	rm("bin/pip");
	assert_absent("pyvenv.cfg");
	assert_absent("bin/python");
	forget_all();
	assert_absent("bin/python");
	replant_generated();
	ck_assert_int_eq(look("pyvenv.cfg", &entry), 0);
	ck_assert_int_eq(look("bin/python", &entry), 0);
	/* A script of a package is not core, nor is .gitignore. */
	assert_absent(".gitignore");
	assert_absent("bin/pip");
}
END_TEST

START_TEST(a_written_core_file_stays)
{
	plant_generated();
	write_at("pyvenv.cfg", "mine", 0);
	rm("bin/activate");
	put("bin/activate", "mine");
	replant_generated();
	assert_text("bin/activate", "mine");
	ck_assert(is_real("upper/pyvenv.cfg"));
	rm("bin/activate");
	assert_absent("bin/activate");
	replant_generated();
	ck_assert_int_gt(stat_of("bin/activate").st_size, 4);
}
END_TEST

START_TEST(a_hidden_core_file_changes_its_directory)
{
	struct stat old = {.st_mtim = {OLD_TIME, 0}}, st;

	plant_generated();
	ck_assert_int_eq(tree_setattr(tree, id_of("bin"), &old, TREE_SET_MTIME, &st), 0);
	rm("bin/python3");
	st = stat_of("bin");
	ck_assert_int_gt(st.st_mtim.tv_sec, OLD_TIME);
	ck_assert_int_eq(tree_setattr(tree, id_of("bin"), &old, TREE_SET_MTIME, &st), 0);
	move("bin/python", "python");
	ck_assert_int_gt(stat_of("bin").st_mtim.tv_sec, OLD_TIME);
	ck_assert_int_eq(tree_readlink(tree, id_of("python"), (char[64]){0}, 64), 0);
}
END_TEST

/* Empties the directory, as `rm -rf` does before the environment is used again. */
static void clear_directory(const char *path)
{
	struct listed listed = {0};
	struct stat st;

	ck_assert_int_eq(tree_list(tree, id_of(path), 0, take_name, &listed), 0);
	for (int i = 2; i < listed.count; i++) {
		_cleanup_free_ char *inner = NULL;

		ck_assert_int_gt(
			asprintf(&inner, "%s%s%s", path, path[0] ? "/" : "", listed.names[i]), 0);
		st = stat_of(inner);
		if (S_ISDIR(st.st_mode)) {
			clear_directory(inner);
			rm_directory(inner);
		} else {
			rm(inner);
		}
	}
	listed_clear(&listed);
}

START_TEST(everything_can_be_removed)
{
	struct tree_entry entry;

	write_real("low/lib/python3.11/site-packages/six.py", "six");
	plant_generated();
	clear_directory("");
	assert_listing("", "");
	forget_all();
	assert_listing("", "");
	make("bin");
	assert_listing("bin", "");
	put("bin/new", "new");
	forget_all();
	assert_listing("bin", "new");
	replant_generated();
	ck_assert_int_eq(look("bin/python", &entry), 0);
	assert_text("bin/new", "new");
	assert_absent("lib/python3.11/site-packages/six.py");
	ck_assert_int_eq(look("lib/python3.11/site-packages", &entry), 0);
	clear_directory("");
	assert_listing("", "");
}
END_TEST

START_TEST(a_core_directory_can_be_renamed)
{
	struct tree_entry entry;

	plant_generated();
	move("bin", "nib");
	ck_assert_int_eq(look("nib/python", &entry), 0);
	assert_absent("bin");
	forget_all();
	assert_absent("bin");
	ck_assert_int_eq(look("nib/python", &entry), 0);
	ck_assert_int_eq(look("nib/pip", &entry), 0);
	replant_generated();
	ck_assert_int_eq(look("nib/python", &entry), 0);
	ck_assert_int_eq(look("bin/python", &entry), 0);
}
END_TEST

START_TEST(an_opaque_directory_keeps_its_core)
{
	write_real("upper/bin/.wh..wh..opq", "");
	write_real("low/bin/tool", "low");
	plant_generated();
	assert_absent("bin/tool");
	assert_absent("bin/pip");
	ck_assert_uint_eq(stat_of("bin/activate").st_mode, S_IFREG | 0644);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("upper");

	add_grove_fixtures(tests);
	tcase_add_test(tests, marks_are_read_as_written);
	tcase_add_test(tests, marks_are_not_listed);
	tcase_add_test(tests, whiteouts_are_one_file);
	tcase_add_test(tests, temporaries_have_names_of_their_own);
	tcase_add_loop_test(tests, a_damaged_mark_harms_its_directory_alone, 0, COUNT(damaged));
	tcase_add_test(tests, a_redirect_that_is_too_long_is_refused);
	tcase_add_test(tests, redirects_go_one_step);
	tcase_add_test(tests, a_damaged_root_is_an_error);
	tcase_add_test(tests, a_core_file_is_back_at_the_next_mount);
	tcase_add_test(tests, a_written_core_file_stays);
	tcase_add_test(tests, a_hidden_core_file_changes_its_directory);
	tcase_add_test(tests, everything_can_be_removed);
	tcase_add_test(tests, a_core_directory_can_be_renamed);
	tcase_add_test(tests, an_opaque_directory_keeps_its_core);
	return run_tests("upper", tests);
}
