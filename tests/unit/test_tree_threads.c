/*
 * Many threads at one tree, each doing what it likes of what the kernel would let it: as in the
 * kernel, a directory is locked while names in it are looked up or changed, and whoever uses a node
 * holds it. What is left in the end is compared with what another mount makes of the same upper.
 *
 * The run is as random as its seed, which is printed; VENVFS_TEST_SEED and VENVFS_TEST_STEPS set
 * another one, or a longer run.
 */
#include "grove.h"

#include <pthread.h>

#define THREADS    4
#define HELD_MAX   64
#define LOCKS      64
#define NAME_LOCKS 4 /* of one operation, at most */

#define ROUNDS 24

static unsigned long seed = 1, steps = 600;

/* In the place of inode->i_rwsem. */
static pthread_rwlock_t locks[LOCKS];
static pthread_mutex_t renames = PTHREAD_MUTEX_INITIALIZER; /* s_vfs_rename_mutex */

struct held {
	uint64_t id;
	mode_t kind;
};

struct thread {
	pthread_t thread;
	uint64_t random;
	struct held held[HELD_MAX]; /* the look-ups of this thread */
	int count;
	int failed; /* an error that nobody should see */
	const char *where;
};

static uint64_t random_below(struct thread *self, uint64_t limit)
{
	/* xorshift64* */
	self->random ^= self->random >> 12;
	self->random ^= self->random << 25;
	self->random ^= self->random >> 27;
	return (self->random * 0x2545f4914f6cdd1dull >> 33) % limit;
}

/* What a program may be told; anything else is our fault. */
static void judge(struct thread *self, ssize_t r, const char *where)
{
	static const int fine[] = {ENOENT, EEXIST, ENOTEMPTY, EISDIR, ENOTDIR, EINVAL, EPERM};

	for (int i = 0; i < COUNT(fine); i++)
		if (r >= 0 || r == -fine[i])
			return;
	if (!self->failed) {
		self->failed = (int)-r;
		self->where = where;
	}
}

static void forget_one(struct thread *self, int index)
{
	tree_forget(tree, self->held[index].id, 1);
	self->held[index] = self->held[--self->count];
}

static void hold(struct thread *self, const struct tree_entry *entry)
{
	if (entry->id == 0)
		return;
	if (self->count == HELD_MAX)
		forget_one(self, (int)random_below(self, HELD_MAX));
	self->held[self->count++] = (struct held){entry->id, entry->attr.st_mode & S_IFMT};
}

static uint64_t any_node(struct thread *self)
{
	return self->count ? self->held[random_below(self, (uint64_t)self->count)].id
			   : TREE_ROOT_ID;
}

static uint64_t any_directory(struct thread *self)
{
	for (int tries = 0; tries < 4 && self->count > 0; tries++) {
		const struct held *held = &self->held[random_below(self, (uint64_t)self->count)];

		if (S_ISDIR(held->kind))
			return held->id;
	}
	return TREE_ROOT_ID;
}

static const char *any_name(struct thread *self)
{
	static const char *const names[] = {
		"a.py", "b.py", "c", "d", "__pycache__", "a.cpython-311.pyc", "b.cpython-311.pyc"};

	return names[random_below(self, COUNT(names))];
}

/* Locks of nodes, taken in one order, none twice. */
struct locked {
	int index[NAME_LOCKS];
	int count;
};

static void add_lock(struct locked *locked, uint64_t id)
{
	int index = (int)(id % LOCKS), i = locked->count;

	for (int k = 0; k < locked->count; k++)
		if (locked->index[k] == index)
			return;
	for (; i > 0 && locked->index[i - 1] > index; i--)
		locked->index[i] = locked->index[i - 1];
	locked->index[i] = index;
	locked->count++;
}

static void lock_all(const struct locked *locked, bool shared)
{
	for (int i = 0; i < locked->count; i++) {
		if (shared)
			pthread_rwlock_rdlock(&locks[locked->index[i]]);
		else
			pthread_rwlock_wrlock(&locks[locked->index[i]]);
	}
}

static void unlock_all(const struct locked *locked)
{
	for (int i = locked->count; i-- > 0;)
		pthread_rwlock_unlock(&locks[locked->index[i]]);
}

static int locked_lookup(struct thread *self, uint64_t parent, const char *name,
			 struct tree_entry *entry)
{
	struct locked locked = {0};
	int r;

	add_lock(&locked, parent);
	lock_all(&locked, true);
	r = tree_lookup(tree, parent, name, entry);
	unlock_all(&locked);
	judge(self, r, "lookup");
	return r;
}

/* Whether @name still leads to @entry; with the locks held. */
static bool still_there(uint64_t parent, const char *name, const struct tree_entry *entry)
{
	struct tree_entry now;

	if (tree_lookup(tree, parent, name, &now) < 0)
		return false;
	tree_forget(tree, now.id, 1);
	return now.id == entry->id;
}

static void do_lookup(struct thread *self)
{
	struct tree_entry entry;

	if (locked_lookup(self, any_directory(self), any_name(self), &entry) == 0)
		hold(self, &entry);
}

static void do_create(struct thread *self)
{
	struct locked locked = {0};
	uint64_t parent = any_directory(self);
	const char *name = any_name(self);
	struct tree_entry entry;
	int r;

	add_lock(&locked, parent);
	lock_all(&locked, false);
	switch (random_below(self, 4)) {
	case 0:
		r = tree_mkdir(tree, parent, name, 0755, &caller, &entry);
		break;
	case 1:
		r = tree_symlink(tree, "target", parent, name, &caller, &entry);
		break;
	default:
		r = tree_mknod(tree, parent, name, S_IFREG | 0644, 0, &caller, &entry);
		break;
	}
	unlock_all(&locked);
	judge(self, r, "create");
	if (r == 0)
		hold(self, &entry);
}

static void do_remove(struct thread *self)
{
	struct locked locked = {0};
	uint64_t parent = any_directory(self);
	const char *name = any_name(self);
	struct tree_entry victim;
	int r = 0;

	if (locked_lookup(self, parent, name, &victim) < 0)
		return;
	add_lock(&locked, parent);
	add_lock(&locked, victim.id);
	lock_all(&locked, false);
	if (still_there(parent, name, &victim))
		r = S_ISDIR(victim.attr.st_mode) ? tree_rmdir(tree, parent, name)
						 : tree_unlink(tree, parent, name);
	unlock_all(&locked);
	judge(self, r, "remove");
	hold(self, &victim);
}

static void do_rename(struct thread *self)
{
	static const unsigned all_flags[] = {0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
	uint64_t parents[2] = {any_directory(self), any_directory(self)};
	const char *names[2] = {any_name(self), any_name(self)};
	unsigned flags = all_flags[random_below(self, COUNT(all_flags))];
	struct tree_entry entries[2] = {{0}, {0}};
	struct locked locked = {0};
	int r = 0;

	pthread_mutex_lock(&renames);
	for (int i = 0; i < 2; i++) {
		add_lock(&locked, parents[i]);
		if (locked_lookup(self, parents[i], names[i], &entries[i]) == 0)
			add_lock(&locked, entries[i].id);
		else
			entries[i] = (struct tree_entry){0};
	}
	lock_all(&locked, false);
	if (entries[0].id && still_there(parents[0], names[0], &entries[0]) &&
	    (entries[1].id ? still_there(parents[1], names[1], &entries[1])
			   : tree_lookup(tree, parents[1], names[1], &entries[1]) < 0))
		r = tree_rename(tree, parents[0], names[0], parents[1], names[1], flags);
	unlock_all(&locked);
	pthread_mutex_unlock(&renames);
	judge(self, r, "rename");
	for (int i = 0; i < 2; i++)
		hold(self, &entries[i]);
}

static void do_link(struct thread *self)
{
	struct locked locked = {0};
	uint64_t parent = any_directory(self), id = any_node(self);
	struct tree_entry entry;
	int r;

	add_lock(&locked, parent);
	add_lock(&locked, id);
	lock_all(&locked, false);
	r = tree_link(tree, id, parent, any_name(self), &entry);
	unlock_all(&locked);
	judge(self, r, "link");
	if (r == 0)
		hold(self, &entry);
}

static int hold_entry(void *arg, const char *name, const struct tree_entry *entry, uint64_t cookie)
{
	(void)name, (void)cookie;
	hold(arg, entry);
	return 0;
}

static void do_list(struct thread *self)
{
	struct locked locked = {0};
	uint64_t id = any_directory(self);

	add_lock(&locked, id);
	lock_all(&locked, true);
	judge(self, tree_list(tree, id, 0, hold_entry, self), "list");
	unlock_all(&locked);
}

static void do_read(struct thread *self)
{
	_cleanup_content_ struct content *content = NULL;
	uint64_t id = any_node(self);
	char bytes[256];
	struct stat st;
	int r = tree_open(tree, id, &content);

	judge(self, r, "open");
	if (r == 0)
		judge(self, content_read(content, bytes, sizeof(bytes), 0), "read");
	judge(self, tree_getattr(tree, id, &st), "getattr");
	judge(self, tree_readlink(tree, id, bytes, sizeof(bytes)), "readlink");
}

/* Bytes and attributes of a file are changed with the file locked. */
static void do_change(struct thread *self)
{
	struct locked locked = {0};
	uint64_t id = any_node(self);
	struct stat st = {.st_mode = 0755, .st_size = (off_t)random_below(self, 8)};
	ssize_t r;

	add_lock(&locked, id);
	lock_all(&locked, false);
	switch (random_below(self, 4)) {
	case 0:
		r = tree_setattr(tree, id, &st, TREE_SET_SIZE, &st);
		break;
	case 1:
		r = tree_setattr(tree, id, &st, TREE_SET_MTIME_NOW, &st);
		break;
	default:
		r = tree_write(tree, id, "written", 7, (off_t)random_below(self, 4));
		break;
	}
	unlock_all(&locked);
	judge(self, r, "change");
}

static void do_forget(struct thread *self)
{
	if (self->count > 0)
		forget_one(self, (int)random_below(self, (uint64_t)self->count));
}

static void count_one(void *arg, uint64_t id)
{
	(void)id;
	++*(int *)arg;
}

static void *run_thread(void *arg)
{
	static void (*const operations[])(struct thread * self) = {
		do_lookup, do_lookup, do_lookup, do_lookup, do_create, do_create,
		do_remove, do_rename, do_rename, do_link,   do_list,   do_read,
		do_read,   do_change, do_change, do_forget, do_forget,
	};
	struct thread *self = arg;
	int known = 0;

	for (unsigned long i = 0; i < steps && !self->failed; i++) {
		operations[random_below(self, COUNT(operations))](self);
		if (i % 64 == 0)
			tree_each_of_layer(tree, 0, count_one, &known);
	}
	while (self->count > 0)
		forget_one(self, 0);
	return NULL;
}

/* Layers with something under all the names that the threads use, three directories deep. It is
 * soon used up: hence many rounds. */
static void sow(const char *directory, int depth)
{
	static const char *const files[] = {"a.py", "b.py", "__pycache__/a.cpython-311.pyc",
					    "__pycache__/b.cpython-311.pyc"};
	char path[128];

	for (int i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, files[i]);
		write_real(path, directory);
	}
	for (int i = 0; depth > 0 && i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, i ? "c" : "d");
		sow(path, depth - 1);
	}
}

START_TEST(all_at_once)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct thread threads[THREADS] = {0};

	for (int i = 0; i < LOCKS; i++)
		pthread_rwlock_init(&locks[i], NULL);
	sow("low", 2);
	sow("high/c", 1);
	plant();
	for (int i = 0; i < THREADS; i++) {
		threads[i].random =
			(seed * ROUNDS + (unsigned long)_i) * THREADS + (unsigned long)i + 1;
		ck_assert_int_eq(pthread_create(&threads[i].thread, NULL, run_thread, &threads[i]),
				 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i].thread, NULL);
	for (int i = 0; i < THREADS; i++)
		ck_assert_msg(threads[i].failed == 0, "%s: %s", threads[i].where,
			      strerror(threads[i].failed));
	forget_all(); /* nothing: all that is to be forgotten, the threads have */
	before = portrait("");
	replant();
	after = portrait("");
	ck_assert_str_eq(before, after);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("tree_threads");
	const char *text = getenv("VENVFS_TEST_SEED");

	if (text)
		seed = strtoul(text, NULL, 0);
	text = getenv("VENVFS_TEST_STEPS");
	if (text)
		steps = strtoul(text, NULL, 0);
	printf("# VENVFS_TEST_SEED=%lu VENVFS_TEST_STEPS=%lu\n", seed, steps);
	fflush(stdout);
	add_grove_fixtures(tests);
	tcase_add_loop_test(tests, all_at_once, 0, ROUNDS);
	return run_tests("tree_threads", tests);
}
