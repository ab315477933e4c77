/*
 * A tree over real directories, for tests: the layers "high" and "low" over one another, the
 * store's "upper" and "work", and us in the place of the kernel, which remembers how often it
 * looked a node up and gives all of that back in the end. Files are named by their paths.
 */
#pragma once

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
#include "venvfs/tree.h"

#define LOOKUPS_MAX    65536
#define OLD_TIME       1000000000 /* what the layers' files say */
#define OLD_NANOSECOND 123456789

static char grove_directory[] = "/tmp/venvfs-test-tree-XXXXXX";
static struct tree *tree;
static size_t node_baseline;
static struct tree_caller caller;

/* What "the kernel" has to forget. */
static uint64_t lookups[LOOKUPS_MAX];
static int lookup_count;

/* For tests that make things durable thousands of times: no disk is needed. */
static inline void grove_in_memory(void)
{
	if (access("/dev/shm", W_OK) == 0)
		strcpy(grove_directory, "/dev/shm/venvfs-test-XXXXXX");
}

/* Unchecked fixtures: they run in the parent, so that the directory goes even when a test dies. */
static inline void grove_make(void)
{
	ck_assert_ptr_nonnull(mkdtemp(grove_directory));
	ck_assert_int_eq(chmod(grove_directory, 0755), 0);
}

static inline void grove_remove(void)
{
	io_remove_tree(AT_FDCWD, grove_directory);
}

/* Real files, below the test's directory */

static inline void make_real(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *slash = strrchr(copy, '/');

	if (slash) {
		*slash = '\0';
		ck_assert_int_eq(io_make_directories(copy, 0755), 0);
	}
}

static inline void age_real(const char *path)
{
	const struct timespec times[2] = {{OLD_TIME, OLD_NANOSECOND}, {OLD_TIME, OLD_NANOSECOND}};

	ck_assert_int_eq(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static inline void write_real(const char *path, const char *text)
{
	_cleanup_close_ int fd = -1;

	make_real(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	ck_assert_int_eq(io_write_all(fd, text, strlen(text)), 0);
	age_real(path);
}

static inline void mkdir_real(const char *path)
{
	ck_assert_int_eq(io_make_directories(path, 0755), 0);
}

static inline bool is_real(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static inline void assert_real(const char *path, const char *text)
{
	_cleanup_buffer_ struct buffer content = {0};

	ck_assert_int_eq(io_read_file(AT_FDCWD, path, 1 << 20, &content), 0);
	ck_assert_str_eq(content.data ? content.data : "", text);
}

/* The tree */

static inline int open_real(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	return fd;
}

static inline struct layer *open_layer(const char *name)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct layer *layer;
	int r = layer_dir_open(name, name, "", &layer, &error);

	ck_assert_msg(r == 0, "%s: %s", name, error.message);
	return layer;
}

/* Opens a tree of @layers, of which there are @count, over "upper" and "work". */
static inline int plant_layers(struct layer *const *layers, unsigned count, bool read_only)
{
	struct tree_config config = {
		.layers = calloc(count, sizeof(struct layer *)),
		.layer_count = count,
		.upper_fd = read_only ? -1 : open_real("upper"),
		.work_fd = read_only ? -1 : open_real("work"),
		.read_only = read_only,
	};
	int r;

	memcpy(config.layers, layers, count * sizeof(struct layer *));
	r = tree_new(&config, &tree);
	if (r == 0)
		node_baseline = tree_node_count(tree);
	else
		tree = NULL;
	return r;
}

static inline void plant(void)
{
	struct layer *layers[] = {open_layer("high"), open_layer("low")};

	ck_assert_int_eq(plant_layers(layers, 2, false), 0);
}

static inline void forget_all(void)
{
	while (lookup_count > 0)
		tree_forget(tree, lookups[--lookup_count], 1);
	ck_assert_uint_eq(tree_node_count(tree), node_baseline);
}

/* Whatever a test did: once the kernel has forgotten all, so has the tree; and no temporary is
 * left. */
static inline void uproot(void)
{
	if (!tree)
		return;
	forget_all();
	tree_free(tree);
	tree = NULL;
	if (is_real("work"))
		ck_assert_msg(rmdir("work") == 0, "work: %s", strerror(errno));
}

static inline void replant(void)
{
	uproot();
	mkdir_real("work");
	plant();
}

/* Checked fixtures: an empty grove for each test, which is its working directory. */
static inline void grove_enter(void)
{
	char name[] = "test-XXXXXX";

	umask(0);
	ck_assert_int_eq(chdir(grove_directory), 0);
	ck_assert_ptr_nonnull(mkdtemp(name));
	ck_assert_int_eq(chmod(name, 0777), 0);
	ck_assert_int_eq(chdir(name), 0);
	mkdir_real("high");
	mkdir_real("low");
	mkdir_real("upper");
	mkdir_real("work");
	caller = (struct tree_caller){geteuid(), getegid()};
}

static inline void add_grove_fixtures(TCase *tests)
{
	tcase_add_unchecked_fixture(tests, grove_make, grove_remove);
	tcase_add_checked_fixture(tests, grove_enter, uproot);
	tcase_set_timeout(tests, 300);
}

/* Names in the tree */

static inline void keep_lookup(uint64_t id)
{
	ck_assert_int_lt(lookup_count, LOOKUPS_MAX);
	if (id != 0 && id != TREE_ROOT_ID)
		lookups[lookup_count++] = id;
}

/* Looks @path up, step by step as the kernel does. */
static inline int look(const char *path, struct tree_entry *out)
{
	_cleanup_free_ char *copy = strdup(path);
	char *cursor = copy, *name;
	int r = 0;

	*out = (struct tree_entry){.id = TREE_ROOT_ID, .attr.st_mode = S_IFDIR};
	while (r == 0 && (name = strsep(&cursor, "/")) != NULL) {
		if (!name[0])
			continue;
		r = tree_lookup(tree, out->id, name, out);
		if (r == 0)
			keep_lookup(out->id);
	}
	return r;
}

static inline uint64_t id_of(const char *path)
{
	struct tree_entry entry;
	int r = look(path, &entry);

	ck_assert_msg(r == 0, "%s: %s", path, strerror(-r));
	return entry.id;
}

/* The directory of @path, and the name there. */
static inline uint64_t parent_of(const char *path, const char **name)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *parent = strndup(path, slash ? (size_t)(slash - path) : 0);

	*name = slash ? slash + 1 : path;
	return id_of(parent);
}

static inline struct stat stat_of(const char *path)
{
	struct stat st;
	int r = tree_getattr(tree, id_of(path), &st);

	ck_assert_msg(r == 0, "%s: %s", path, strerror(-r));
	return st;
}

static inline void assert_absent(const char *path)
{
	struct tree_entry entry;
	int r = look(path, &entry);

	ck_assert_msg(r == -ENOENT, "%s: %s", path, r == 0 ? "is there" : strerror(-r));
}

/* Bytes */

static inline void assert_text_of_id(uint64_t id, const char *text)
{
	_cleanup_content_ struct content *content = NULL;
	char bytes[4096];
	ssize_t n = tree_open(tree, id, &content);

	ck_assert_msg(n == 0, "open: %s", strerror((int)-n));
	n = content_read(content, bytes, sizeof(bytes) - 1, 0);
	ck_assert_int_ge(n, 0);
	bytes[n] = '\0';
	ck_assert_str_eq(bytes, text);
}

static inline void assert_text(const char *path, const char *text)
{
	struct stat st = stat_of(path);

	assert_text_of_id(id_of(path), text);
	ck_assert_int_eq(st.st_size, (off_t)strlen(text));
}

static inline void write_at(const char *path, const char *text, off_t offset)
{
	ssize_t n = tree_write(tree, id_of(path), text, strlen(text), offset);

	ck_assert_msg(n == (ssize_t)strlen(text), "%s: %zd", path, n);
}

/* Changes */

static inline int try_create(const char *path, mode_t mode)
{
	struct tree_entry entry;
	const char *name;
	uint64_t parent = parent_of(path, &name);
	int r = S_ISDIR(mode) ? tree_mkdir(tree, parent, name, mode & 07777, &caller, &entry)
			      : tree_mknod(tree, parent, name, mode, 0, &caller, &entry);

	if (r == 0)
		keep_lookup(entry.id);
	return r;
}

static inline void put(const char *path, const char *text)
{
	ck_assert_int_eq(try_create(path, S_IFREG | 0644), 0);
	write_at(path, text, 0);
}

static inline void make(const char *path)
{
	int r = try_create(path, S_IFDIR | 0755);

	ck_assert_msg(r == 0, "%s: %s", path, strerror(-r));
}

static inline int try_unlink(const char *path)
{
	const char *name;
	uint64_t parent = parent_of(path, &name);

	return tree_unlink(tree, parent, name);
}

static inline int try_rmdir(const char *path)
{
	const char *name;
	uint64_t parent = parent_of(path, &name);

	return tree_rmdir(tree, parent, name);
}

static inline int try_rename(const char *from, const char *to, unsigned flags)
{
	const char *name, *new_name;
	uint64_t parent = parent_of(from, &name), new_parent = parent_of(to, &new_name);

	return tree_rename(tree, parent, name, new_parent, new_name, flags);
}

static inline int try_link(const char *from, const char *to)
{
	struct tree_entry entry;
	const char *name;
	uint64_t parent = parent_of(to, &name);
	int r = tree_link(tree, id_of(from), parent, name, &entry);

	if (r == 0)
		keep_lookup(entry.id);
	return r;
}

static inline void must(int r, const char *what, const char *path)
{
	ck_assert_msg(r == 0, "%s %s: %s", what, path, strerror(-r));
}

static inline void rm(const char *path)
{
	must(try_unlink(path), "unlink", path);
}

static inline void rm_directory(const char *path)
{
	must(try_rmdir(path), "rmdir", path);
}

static inline void move(const char *from, const char *to)
{
	must(try_rename(from, to, 0), "rename", from);
}

static inline void link_to(const char *from, const char *to)
{
	must(try_link(from, to), "link", from);
}

/* Listings */

struct listed {
	char *names[512];
	uint64_t cookies[512];
	int count, room; /* room: of names; 0: no limit */
};

static inline int take_name(void *arg, const char *name, const struct tree_entry *entry,
			    uint64_t cookie)
{
	struct listed *listed = arg;

	if (listed->room && listed->count == listed->room)
		return 1;
	keep_lookup(entry->id);
	ck_assert_int_lt(listed->count, COUNT(listed->names));
	listed->cookies[listed->count] = cookie;
	listed->names[listed->count++] = strdup(name);
	return 0;
}

static inline void listed_clear(struct listed *listed)
{
	for (int i = 0; i < listed->count; i++)
		free(listed->names[i]);
	listed->count = 0;
}

static inline int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Lists a directory from the start: its names but "." and "..", sorted, with a space between. */
static inline void assert_listing(const char *path, const char *expected)
{
	_cleanup_buffer_ struct buffer text = {0};
	struct listed listed = {0};
	int r = tree_list(tree, id_of(path), 0, take_name, &listed);

	ck_assert_msg(r == 0, "%s: %s", path, strerror(-r));
	ck_assert_int_ge(listed.count, 2);
	ck_assert_str_eq(listed.names[0], ".");
	ck_assert_str_eq(listed.names[1], "..");
	qsort(listed.names + 2, (size_t)listed.count - 2, sizeof(char *), by_name);
	for (int i = 2; i < listed.count; i++)
		buffer_printf(&text, "%s%s", i > 2 ? " " : "", listed.names[i]);
	ck_assert_str_eq(text.data ? text.data : "", expected);
	listed_clear(&listed);
}

/* What a name leads to, in one line: "absent", "'text'", "-> target", or "{name: …; }". */
static inline void portray(uint64_t parent, const char *name, struct buffer *out)
{
	struct listed listed = {0};
	struct tree_entry entry;
	char bytes[256];
	int r = name[0] ? tree_lookup(tree, parent, name, &entry) : look("", &entry);

	if (r == -ENOENT) {
		buffer_puts(out, "absent");
		return;
	}
	ck_assert_msg(r == 0, "%s: %s", name, strerror(-r));
	keep_lookup(entry.id);
	if (S_ISREG(entry.attr.st_mode)) {
		_cleanup_content_ struct content *content = NULL;
		ssize_t n;

		ck_assert_int_eq(tree_open(tree, entry.id, &content), 0);
		n = content_read(content, bytes, sizeof(bytes), 0);
		buffer_printf(out, "'%.*s'", (int)n, bytes);
	} else if (S_ISLNK(entry.attr.st_mode)) {
		ck_assert_int_eq(tree_readlink(tree, entry.id, bytes, sizeof(bytes)), 0);
		buffer_printf(out, "-> %s", bytes);
	} else {
		ck_assert_int_eq(tree_list(tree, entry.id, 0, take_name, &listed), 0);
		qsort(listed.names + 2, (size_t)listed.count - 2, sizeof(char *), by_name);
		buffer_puts(out, "{");
		for (int i = 2; i < listed.count; i++) {
			buffer_printf(out, "%s: ", listed.names[i]);
			portray(entry.id, listed.names[i], out);
			buffer_puts(out, "; ");
		}
		buffer_puts(out, "}");
		listed_clear(&listed);
	}
}

static inline char *portrait(const char *path)
{
	struct buffer text = {0};
	const char *name;
	uint64_t parent = parent_of(path, &name);

	portray(parent, name, &text);
	return buffer_take(&text);
}
