/*
 * Every change of a tree is disturbed at each of its system calls in turn. When it is killed there,
 * the next mount must show the old state or the new one. (A killed process, not a lost power
 * supply: what had reached the kernel is kept.) When the call fails, the program must be told, or
 * the new state hold; and the tree must go on to show what the next mount will.
 */
#include "grove.h"

#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#define CALLS_MAX 500

enum change { RENAME, UNLINK, RMDIR, WRITE, CUT, MKNOD, MKDIR, LINK };

#define LONG_NAME                                                                                  \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"         \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"         \
	"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"         \
	"nnnnnnnnnnnnnnn"

static const struct {
	enum change change;
	const char *path, *other;
	unsigned flags;
} changes[] = {
	{RENAME, "file", "moved", 0},
	{RENAME, "file", "d/file", 0},
	{RENAME, "d", "moved", 0},
	{RENAME, "d/sub", "e/moved", 0},
	{RENAME, "d", "empty", 0},
	{RENAME, "own", "emptied", 0},
	{RENAME, "own", "removed", 0},
	{RENAME, "d", "own", RENAME_EXCHANGE},
	{RENAME, "d/sub", "file", RENAME_EXCHANGE},
	{UNLINK, "file", NULL, 0},
	{UNLINK, "both", NULL, 0},
	{UNLINK, LONG_NAME, NULL, 0},
	{RMDIR, "emptied", NULL, 0},
	{RMDIR, "empty", NULL, 0},
	{WRITE, "d/sub/inner", NULL, 0},
	{CUT, "d/sub/inner", NULL, 0},
	{MKNOD, "d/sub/new", NULL, 0},
	{MKDIR, "removed", NULL, 0},
	{LINK, "file", "e/linked", 0},
};

/* A change whose nodes have been looked up. */
struct task {
	int change;
	uint64_t id, parents[2];
	const char *names[2];
};

static void prepare(struct task *task)
{
	const char *path = changes[task->change].path, *other = changes[task->change].other;
	enum change change = changes[task->change].change;

	task->parents[0] = parent_of(path, &task->names[0]);
	if (other)
		task->parents[1] = parent_of(other, &task->names[1]);
	if (change == WRITE || change == CUT || change == LINK)
		task->id = id_of(path);
}

static int perform(const struct task *task)
{
	const uint64_t *parents = task->parents;
	const char *const *names = task->names;
	struct stat st = {.st_size = 2};
	struct tree_entry entry = {0};
	ssize_t r = 0;

	switch (changes[task->change].change) {
	case RENAME:
		return tree_rename(tree, parents[0], names[0], parents[1], names[1],
				   changes[task->change].flags);
	case UNLINK:
		return tree_unlink(tree, parents[0], names[0]);
	case RMDIR:
		return tree_rmdir(tree, parents[0], names[0]);
	case WRITE:
		r = tree_write(tree, task->id, "WRITE", 5, 0);
		return r < 0 ? (int)r : 0;
	case CUT:
		return tree_setattr(tree, task->id, &st, TREE_SET_SIZE, &st);
	case MKNOD:
		r = tree_mknod(tree, parents[0], names[0], S_IFREG | 0644, 0, &caller, &entry);
		break;
	case MKDIR:
		r = tree_mkdir(tree, parents[0], names[0], 0755, &caller, &entry);
		break;
	case LINK:
		r = tree_link(tree, task->id, parents[1], names[1], &entry);
		break;
	}
	if (r == 0)
		keep_lookup(entry.id);
	return (int)r;
}

/* A grove with all that the operations need. */
static void sow(void)
{
	write_real("low/file", "low");
	write_real("low/" LONG_NAME, "long");
	write_real("low/both", "low");
	write_real("upper/both", "upper");
	write_real("low/d/file", "low");
	write_real("low/d/sub/inner", "inner");
	write_real("high/d/other", "high");
	mkdir_real("low/e");
	mkdir_real("low/empty");
	write_real("low/emptied/x", "");
	write_real("low/emptied/sub/x", "");
	write_real("low/removed/x", "");
	write_real("low/own", "hidden by the upper's");
	write_real("upper/own/text", "upper");
	plant();
	rm("emptied/x");
	rm("emptied/sub/x");
	rm_directory("emptied/sub");
	rm("removed/x");
	rm_directory("removed");
}

/* What the next mount shows, after it has cleaned up as env_store_open() does. */
static char *remount(void)
{
	struct buffer text = {0};

	ck_assert_int_eq(io_remove_tree(AT_FDCWD, "work"), 0);
	mkdir_real("work");
	plant();
	portray(TREE_ROOT_ID, "", &text);
	uproot();
	return buffer_take(&text);
}

/* In the child. It stops before the change and after it; then it writes down what it shows. */
static void run_change(int change)
{
	struct task task = {.change = change};
	_cleanup_free_ char *seen = NULL;
	int r;

	plant();
	seen = portrait(""); /* so everything has been looked at, and is in the kernel's memory */
	prepare(&task);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	r = perform(&task);
	raise(SIGSTOP);
	free(seen);
	seen = portrait("");
	write_real("seen", seen);
	uproot(); /* which sees to the counts, and to what is left of temporaries */
	_exit(-r);
}

static pid_t start(int change)
{
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0)
		run_change(change);
	return child;
}

static int wait_for(pid_t child)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

/* Lets the child run until it enters its @count'th system call of the change; false: the change was
 * over before. */
static bool stop_at(pid_t child, int count)
{
	int status = wait_for(child);

	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int stops = 0;;) {
		ptrace(PTRACE_SYSCALL, child, NULL, NULL);
		status = wait_for(child);
		ck_assert(WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGSTOP)
			return false;
		/* One stop when a call is entered, one when it returns. */
		if (WSTOPSIG(status) == (SIGTRAP | 0x80) && stops++ == 2 * count)
			return true;
	}
}

/* Lets the child end, after it has stopped behind the change if @inside it was stopped; what the
 * change returned. */
static int finish(pid_t child, bool inside)
{
	int status;

	if (inside) {
		ptrace(PTRACE_CONT, child, NULL, NULL);
		status = wait_for(child);
		ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	}
	ptrace(PTRACE_CONT, child, NULL, NULL);
	status = wait_for(child);
	ck_assert_msg(WIFEXITED(status), "status %x", (unsigned)status);
	return -WEXITSTATUS(status);
}

static void kill_child(pid_t child)
{
	kill(child, SIGKILL);
	ck_assert(WIFSIGNALED(wait_for(child)));
}

/* A fresh grove; what the next mount shows of it before, and after, change number @change. */
static void begin(int change, char **before, char **after)
{
	grove_enter();
	sow();
	uproot();
	*before = remount();
	mkdir_real("work");
	{
		pid_t child = start(change);

		ck_assert(!stop_at(child, CALLS_MAX));
		ck_assert_int_eq(finish(child, false), 0);
	}
	*after = remount();
	ck_assert_str_ne(*before, *after);
}

static void begin_again(void)
{
	grove_enter();
	sow();
	uproot();
	mkdir_real("work");
}

/* Whether a process may be traced: containers may forbid it. */
static bool can_trace(void)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		raise(SIGSTOP);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return false;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	return true;
}

START_TEST(a_crash_leaves_the_old_or_the_new)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	bool killed = true;
	int count;

	begin(_i, &before, &after);
	for (count = 0; killed; count++) {
		_cleanup_free_ char *seen = NULL;
		pid_t child;

		begin_again();
		child = start(_i);
		killed = stop_at(child, count);
		kill_child(child);
		seen = remount();
		ck_assert_msg(strcmp(seen, before) == 0 || strcmp(seen, after) == 0,
			      "killed at system call %d:\n%s\nis neither\n%s\nnor\n%s", count, seen,
			      before, after);
	}
	ck_assert_int_gt(count, 2);
}
END_TEST

#ifdef __x86_64__

/* Makes the call that the child is about to enter fail with EIO. Those that concern memory, or
 * cannot fail, are left alone; false. */
static bool make_it_fail(pid_t child)
{
	static const long spared[] = {
		SYS_mmap,    SYS_munmap, SYS_brk,           SYS_mprotect,
		SYS_madvise, SYS_futex,  SYS_close,         SYS_geteuid,
		SYS_getpid,  SYS_gettid, SYS_clock_gettime, SYS_rt_sigprocmask,
		SYS_tgkill,  SYS_mremap, SYS_setfsuid,      SYS_setfsgid};
	size_t number = offsetof(struct user_regs_struct, orig_rax);
	long call = ptrace(PTRACE_PEEKUSER, child, number, NULL);
	int status;

	for (int i = 0; i < COUNT(spared); i++)
		if (call == spared[i])
			return false;
	ptrace(PTRACE_POKEUSER, child, number, -1L);
	ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	status = wait_for(child);
	ck_assert(WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80));
	ptrace(PTRACE_POKEUSER, child, offsetof(struct user_regs_struct, rax), (long)-EIO);
	return true;
}

START_TEST(a_failure_is_told_and_leaves_no_lie)
{
	_cleanup_free_ char *before = NULL, *after = NULL;
	bool stopped = true;
	int failures = 0;

	begin(_i, &before, &after);
	for (int count = 0; stopped; count++) {
		_cleanup_free_ char *next = NULL;
		_cleanup_buffer_ struct buffer seen = {0};
		bool failed;
		pid_t child;
		int r;

		begin_again();
		child = start(_i);
		stopped = stop_at(child, count);
		failed = stopped && make_it_fail(child);
		failures += failed;
		r = finish(child, stopped);
		ck_assert_int_eq(io_read_file(AT_FDCWD, "seen", 1 << 20, &seen), 0);
		mkdir_real("work");
		next = remount();
		ck_assert_msg(strcmp(seen.data, next) == 0,
			      "call %d, result %d: what is shown\n%s\nis not what will be\n%s",
			      count, r, seen.data, next);
		ck_assert_msg(strcmp(next, r == 0 ? after : before) == 0 ||
				      (r < 0 && strcmp(next, after) == 0),
			      "call %d, result %d:\n%s", count, r, next);
		ck_assert(failed || r == 0);
	}
	ck_assert_int_gt(failures, 2);
}
END_TEST

#endif

int main(void)
{
	TCase *tests = tcase_create("crash");

	if (!can_trace()) {
		printf("1..0 # SKIP processes may not be traced here\n");
		return 0;
	}
	grove_in_memory();
	add_grove_fixtures(tests);
	tcase_add_loop_test(tests, a_crash_leaves_the_old_or_the_new, 0, COUNT(changes));
#ifdef __x86_64__
	tcase_add_loop_test(tests, a_failure_is_told_and_leaves_no_lie, 0, COUNT(changes));
#else
	printf("# failing system calls: not tested on this kind of processor\n");
	fflush(stdout);
#endif
	return run_tests("crash", tests);
}
