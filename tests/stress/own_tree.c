/*
 * A directory that one thread has to itself. What it holds is known, so every result is: names are
 * entries of a table, each empty or leading to an inode, several to the same where a file is
 * linked.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "many_files.h"

#define NAMES      24
#define SIZE_LIMIT 20000

enum kind { NONE, REGULAR, DIRECTORY, LINK };

struct inode {
	enum kind kind;
	unsigned names;
	mode_t mode;
	unsigned content; /* of a file: what its bytes are made of; of a directory: its child's */
	size_t size;      /* of a file, or of a directory's only child; of that 0: there is none */
	unsigned attribute; /* user.stress; 0: none */
};

struct own_tree {
	char *path;
	int fd; /* of the directory */
	struct random random;
	unsigned long step;
	struct inode inodes[NAMES];
	int names[NAMES]; /* index of an inode, or -1 */
};

static const mode_t modes[] = {0644, 0600, 0755, 0640};

static void name_of(unsigned index, char name[16])
{
	snprintf(name, 16, "name%u", index);
}

__attribute__((noreturn)) static void broken(const struct own_tree *tree, const char *what,
					     unsigned index)
{
	fail("%s, step %lu: %s of name%u", tree->path, tree->step, what, index);
}

/* The result of a system call must be 0, or -1 with @expected. */
static void expect(const struct own_tree *tree, int result, int expected, const char *what,
		   unsigned index)
{
	if (result < 0 ? errno == expected : expected == 0) {
		errno = 0;
		return;
	}
	if (result >= 0)
		errno = 0;
	fail("%s, step %lu: %s of name%u: expected %s, got %s", tree->path, tree->step, what, index,
	     expected ? strerror(expected) : "success", result < 0 ? strerror(errno) : "success");
}

static void fill(unsigned char *bytes, size_t size, unsigned content)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (unsigned char)(content * 31 + i * 7 + i / 251);
}

static void write_file(const struct own_tree *tree, int directory, const char *name, int flags,
		       const struct inode *inode, unsigned index)
{
	unsigned char bytes[SIZE_LIMIT];
	int fd = openat(directory, name, O_WRONLY | O_CLOEXEC | flags, inode->mode);

	if (fd < 0)
		broken(tree, "open for writing", index);
	fill(bytes, inode->size, inode->content);
	if (write(fd, bytes, inode->size) != (ssize_t)inode->size)
		broken(tree, "write", index);
	close(fd);
}

static void check_bytes(const struct own_tree *tree, int fd, const struct inode *inode,
			unsigned index)
{
	unsigned char expected[SIZE_LIMIT], got[SIZE_LIMIT + 1];
	ssize_t n = pread(fd, got, sizeof(got), 0);

	fill(expected, inode->size, inode->content);
	if (n != (ssize_t)inode->size || memcmp(expected, got, inode->size) != 0)
		broken(tree, "content", index);
}

static void check_file(const struct own_tree *tree, int directory, const char *name,
		       const struct inode *inode, unsigned index)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		broken(tree, "open", index);
	check_bytes(tree, fd, inode, index);
	close(fd);
}

static void check_attribute(const struct own_tree *tree, const char *name,
			    const struct inode *inode, unsigned index)
{
	unsigned value = 0;
	int fd = openat(tree->fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		broken(tree, "open for attributes", index);
	n = fgetxattr(fd, "user.stress", &value, sizeof(value));
	if (inode->attribute ? n != sizeof(value) || value != inode->attribute
			     : n >= 0 || errno != ENODATA)
		broken(tree, "attribute", index);
	close(fd);
	errno = 0;
}

static void check_directory(const struct own_tree *tree, const char *name,
			    const struct inode *inode, unsigned index)
{
	int fd = openat(tree->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		broken(tree, "open as directory", index);
	if (inode->size > 0)
		check_file(tree, fd, "child", inode, index);
	else
		expect(tree, fstatat(fd, "child", &st, AT_SYMLINK_NOFOLLOW), ENOENT, "child",
		       index);
	close(fd);
}

static void check_name(const struct own_tree *tree, unsigned index)
{
	static const mode_t kinds[] = {0, S_IFREG, S_IFDIR, S_IFLNK};
	const struct inode *inode;
	struct stat st;
	char name[16];
	int r;

	name_of(index, name);
	r = fstatat(tree->fd, name, &st, AT_SYMLINK_NOFOLLOW);
	if (tree->names[index] < 0) {
		expect(tree, r, ENOENT, "stat", index);
		return;
	}
	inode = &tree->inodes[tree->names[index]];
	expect(tree, r, 0, "stat", index);
	if ((st.st_mode & S_IFMT) != kinds[inode->kind])
		broken(tree, "kind", index);
	if (inode->kind != LINK && (st.st_mode & 07777) != inode->mode)
		broken(tree, "mode", index);
	if (inode->kind != DIRECTORY && st.st_nlink != inode->names)
		broken(tree, "link count", index);
	if (inode->kind == REGULAR) {
		if (st.st_size != (off_t)inode->size)
			broken(tree, "size", index);
		check_file(tree, tree->fd, name, inode, index);
	} else if (inode->kind == DIRECTORY) {
		check_directory(tree, name, inode, index);
	}
	if (inode->kind != LINK)
		check_attribute(tree, name, inode, index);
}

static void check_listing(const struct own_tree *tree)
{
	bool seen[NAMES] = {false};
	int fd = openat(tree->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!dir)
		broken(tree, "opendir of the directory", 0);
	while ((entry = readdir(dir)) != NULL) {
		unsigned index;

		if (entry->d_name[0] == '.')
			continue;
		if (sscanf(entry->d_name, "name%u", &index) != 1 || index >= NAMES || seen[index])
			fail("%s: %s is listed, or twice", tree->path, entry->d_name);
		seen[index] = true;
	}
	closedir(dir);
	errno = 0;
	for (unsigned i = 0; i < NAMES; i++)
		if (seen[i] != (tree->names[i] >= 0))
			broken(tree, "listing", i);
}

/* The table. */

static int new_inode(struct own_tree *tree, enum kind kind)
{
	for (int i = 0; i < NAMES; i++) {
		struct inode *inode = &tree->inodes[i];

		if (inode->names > 0)
			continue;
		*inode = (struct inode){.kind = kind, .names = 1};
		inode->mode = modes[random_below(&tree->random, COUNT_OF(modes))];
		inode->content = (unsigned)random_below(&tree->random, 1000);
		inode->size = 1 + random_below(&tree->random, SIZE_LIMIT - 1);
		return i;
	}
	fail("more inodes than names");
}

static void drop_name(struct own_tree *tree, unsigned index)
{
	tree->inodes[tree->names[index]].names--;
	tree->names[index] = -1;
}

static struct inode *inode_of(struct own_tree *tree, unsigned index)
{
	return tree->names[index] < 0 ? NULL : &tree->inodes[tree->names[index]];
}

/* Operations on a name and another one. */

static void make_something(struct own_tree *tree, unsigned a, const char *name, enum kind kind)
{
	bool there = tree->names[a] >= 0;
	int made = there ? -1 : new_inode(tree, kind);

	if (kind == DIRECTORY) {
		if (!there)
			tree->inodes[made].size = 0;
		expect(tree, mkdirat(tree->fd, name, there ? 0700 : tree->inodes[made].mode),
		       there ? EEXIST : 0, "mkdir", a);
	} else if (kind == LINK) {
		expect(tree, symlinkat("name0", tree->fd, name), there ? EEXIST : 0, "symlink", a);
	} else if (there) {
		expect(tree, openat(tree->fd, name, O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST,
		       "create", a);
	} else {
		write_file(tree, tree->fd, name, O_CREAT | O_EXCL, &tree->inodes[made], a);
	}
	if (!there)
		tree->names[a] = made;
}

static void do_create(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	(void)b;
	make_something(tree, a, name, REGULAR);
}

static void do_mkdir(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	(void)b;
	make_something(tree, a, name, DIRECTORY);
}

static void do_symlink(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	(void)b;
	make_something(tree, a, name, LINK);
}

/* New bytes for a file, or for the child of a directory. */
static void do_rewrite(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	struct inode *inode = inode_of(tree, a);
	struct inode child = {.mode = 0600};

	(void)b;
	if (!inode || inode->kind == LINK)
		return;
	inode->content = child.content = (unsigned)random_below(&tree->random, 1000);
	inode->size = child.size = 1 + random_below(&tree->random, SIZE_LIMIT - 1);
	if (inode->kind == REGULAR) {
		write_file(tree, tree->fd, name, O_TRUNC, inode, a);
	} else {
		int fd = openat(tree->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

		write_file(tree, fd, "child", O_CREAT | O_TRUNC, &child, a);
		close(fd);
	}
}

static void do_remove(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	struct inode *inode = inode_of(tree, a);
	int expected = !inode ? ENOENT : inode->kind == DIRECTORY ? EISDIR : 0;

	(void)b;
	expect(tree, unlinkat(tree->fd, name, 0), expected, "unlink", a);
	if (inode && expected == 0)
		drop_name(tree, a);
}

static void do_rmdir(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	struct inode *inode = inode_of(tree, a);
	int expected = !inode                     ? ENOENT
		       : inode->kind != DIRECTORY ? ENOTDIR
		       : inode->size > 0          ? ENOTEMPTY
						  : 0;
	char child[32];

	(void)b;
	expect(tree, unlinkat(tree->fd, name, AT_REMOVEDIR), expected, "rmdir", a);
	if (expected == 0)
		drop_name(tree, a);
	if (expected != ENOTEMPTY)
		return;
	snprintf(child, sizeof(child), "%s/child", name);
	expect(tree, unlinkat(tree->fd, child, 0), 0, "unlink of the child", a);
	inode->size = 0;
}

static int rename_result(const struct inode *from, const struct inode *to, unsigned flags)
{
	if (!from || (flags & RENAME_EXCHANGE && !to))
		return ENOENT;
	if (!to || flags & RENAME_EXCHANGE)
		return 0;
	if (flags & RENAME_NOREPLACE)
		return EEXIST;
	if (from == to)
		return 0;
	if ((from->kind == DIRECTORY) != (to->kind == DIRECTORY))
		return from->kind == DIRECTORY ? ENOTDIR : EISDIR;
	return to->kind == DIRECTORY && to->size > 0 ? ENOTEMPTY : 0;
}

static void do_rename(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	static const unsigned choices[] = {0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
	unsigned flags = choices[random_below(&tree->random, COUNT_OF(choices))];
	const struct inode *from = inode_of(tree, a), *to = inode_of(tree, b);
	int expected = rename_result(from, to, flags), moved = tree->names[a];
	char other[16];

	name_of(b, other);
	expect(tree, renameat2(tree->fd, name, tree->fd, other, flags), expected, "rename", a);
	if (expected != 0 || from == to)
		return;
	if (flags & RENAME_EXCHANGE) {
		tree->names[a] = tree->names[b];
		tree->names[b] = moved;
		return;
	}
	if (to)
		drop_name(tree, b);
	tree->names[a] = -1;
	tree->names[b] = moved;
}

static void do_link(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	struct inode *inode = inode_of(tree, a);
	int expected = !inode                     ? ENOENT
		       : tree->names[b] >= 0      ? EEXIST
		       : inode->kind == DIRECTORY ? EPERM
						  : 0;
	char other[16];

	name_of(b, other);
	expect(tree, linkat(tree->fd, name, tree->fd, other, 0), expected, "link", a);
	if (expected == 0) {
		tree->names[b] = tree->names[a];
		inode->names++;
	}
}

static void do_chmod(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	struct inode *inode = inode_of(tree, a);

	(void)b;
	if (!inode || inode->kind == LINK)
		return;
	inode->mode = modes[random_below(&tree->random, COUNT_OF(modes))];
	expect(tree, fchmodat(tree->fd, name, inode->mode, 0), 0, "chmod", a);
}

static void do_attribute(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	struct inode *inode = inode_of(tree, a);
	int fd;

	(void)b;
	if (!inode || inode->kind == LINK)
		return;
	inode->attribute = 1 + (unsigned)random_below(&tree->random, 1000);
	fd = openat(tree->fd, name, O_RDONLY | O_CLOEXEC);
	expect(tree, fsetxattr(fd, "user.stress", &inode->attribute, sizeof(inode->attribute), 0),
	       0, "setxattr", a);
	close(fd);
}

/* A file lives on without a name. */
static void do_orphan(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	struct inode *inode = inode_of(tree, a);
	struct stat st;
	int fd;

	(void)b;
	if (!inode || inode->kind != REGULAR || inode->names > 1)
		return;
	fd = openat(tree->fd, name, O_RDWR | O_CLOEXEC);
	expect(tree, unlinkat(tree->fd, name, 0), 0, "unlink", a);
	check_bytes(tree, fd, inode, a);
	if (fstat(fd, &st) < 0 || st.st_nlink != 0 || st.st_size != (off_t)inode->size)
		broken(tree, "state without a name", a);
	inode->size = inode->size / 2;
	expect(tree, ftruncate(fd, (off_t)inode->size), 0, "truncate without a name", a);
	check_bytes(tree, fd, inode, a);
	close(fd);
	drop_name(tree, a);
}

static void do_check(struct own_tree *tree, unsigned a, const char *name, unsigned b)
{
	(void)name;
	check_name(tree, a);
	check_name(tree, b);
}

void own_step(struct own_tree *tree)
{
	static void (*const operations[])(struct own_tree *, unsigned, const char *, unsigned) = {
		do_create,    do_create, do_mkdir,  do_symlink, do_rewrite, do_remove,
		do_rmdir,     do_rename, do_rename, do_rename,  do_link,    do_chmod,
		do_attribute, do_orphan, do_check,  do_check,
	};
	unsigned a = (unsigned)random_below(&tree->random, NAMES);
	unsigned b = (unsigned)random_below(&tree->random, NAMES);
	char name[16];

	errno = 0;
	name_of(a, name);
	operations[random_below(&tree->random, COUNT_OF(operations))](tree, a, name, b);
	if (++tree->step % 64 == 0)
		check_listing(tree);
}

void own_verify(const struct own_tree *tree)
{
	errno = 0;
	check_listing(tree);
	for (unsigned i = 0; i < NAMES; i++)
		check_name(tree, i);
}

/* The table of a directory as it is made: known from its number. */
static struct own_tree *new_tree(const char *path, unsigned number)
{
	struct own_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		fail("calloc");
	tree->path = strdup(path);
	tree->random = random_seeded(number + 1);
	tree->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (tree->fd < 0)
		fail("%s", path);
	for (unsigned i = 0; i < NAMES; i++) {
		unsigned kind = (unsigned)random_below(&tree->random, 4);

		tree->names[i] = kind == NONE ? -1 : new_inode(tree, kind);
	}
	return tree;
}

void own_prepare(const char *path, unsigned number)
{
	struct own_tree *tree = new_tree(path, number);

	for (unsigned i = 0; i < NAMES; i++) {
		struct inode *inode = inode_of(tree, i), child;
		char name[32];

		name_of(i, name);
		if (!inode)
			continue;
		if (inode->kind == REGULAR) {
			write_file(tree, tree->fd, name, O_CREAT | O_EXCL, inode, i);
		} else if (inode->kind == LINK) {
			expect(tree, symlinkat("name0", tree->fd, name), 0, "symlink", i);
		} else {
			expect(tree, mkdirat(tree->fd, name, inode->mode), 0, "mkdir", i);
			strcat(name, "/child");
			child = *inode;
			child.mode = 0600;
			write_file(tree, tree->fd, name, O_CREAT | O_EXCL, &child, i);
		}
	}
	own_free(tree);
}

struct own_tree *own_open(const char *path, unsigned number, uint64_t seed)
{
	struct own_tree *tree = new_tree(path, number);

	tree->random = random_seeded(seed);
	own_verify(tree);
	return tree;
}

void own_free(struct own_tree *tree)
{
	close(tree->fd);
	free(tree->path);
	free(tree);
}
