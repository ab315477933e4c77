/* Running programs: what they say, how they end, and what stops them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/cleanup.h"
#include "venvfs/process.h"

#define LONG_MS 60000

static int run(const char *script, int timeout_ms, size_t limit, struct process_result *result)
{
	char *const argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script, NULL};
	const struct process_options options = {
		.argv = argv,
		.timeout_ms = timeout_ms,
		.output_limit = limit,
	};

	return process_run(&options, result);
}

START_TEST(both_streams_and_the_status_are_heard)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("echo out; echo err >&2; exit 3", LONG_MS, 100, &result), 0);
	ck_assert(WIFEXITED(result.status));
	ck_assert_int_eq(WEXITSTATUS(result.status), 3);
	ck_assert_str_eq(result.out.data, "out\n");
	ck_assert_str_eq(result.err.data, "err\n");
}
END_TEST

START_TEST(a_silent_program_is_fine)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("exec >&- 2>&-; exit 0", LONG_MS, 0, &result), 0);
	ck_assert_int_eq(result.status, 0);
	ck_assert_uint_eq(result.out.length, 0);
}
END_TEST

START_TEST(standard_input_is_empty)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("cat; readlink /proc/self/fd/0", LONG_MS, 100, &result), 0);
	ck_assert_str_eq(result.out.data, "/dev/null\n");
}
END_TEST

START_TEST(no_descriptor_is_inherited)
{
	_cleanup_process_result_ struct process_result result;
	int leak = open("/etc/passwd", O_RDONLY);

	ck_assert_int_ge(leak, 3);
	ck_assert_int_eq(run("cd /proc/$$/fd && echo *", LONG_MS, 100, &result), 0);
	/* 3 and beyond may be the shell's own. */
	ck_assert_int_eq(strncmp(result.out.data, "0 1 2", 5), 0);
	process_result_free(&result);
	ck_assert_int_eq(run("readlink /proc/self/fd/*", LONG_MS, 1000, &result), 0);
	ck_assert_ptr_null(strstr(result.out.data, "passwd"));
	close(leak);
}
END_TEST

START_TEST(signals_are_as_usual_in_the_child)
{
	/* Signals 32 and 33 are the C library's own; make's posix_spawn() leaves them ignored. What
	 * we were to ignore from the beginning, as under nohup(1), our children are too. */
	unsigned long long inherited = 3ULL << 31;
	_cleanup_process_result_ struct process_result result;
	unsigned long long blocked, ignored;
	struct sigaction old;
	sigset_t all;

	for (int i = 1; i < NSIG; i++)
		if (sigaction(i, NULL, &old) == 0 && old.sa_handler == SIG_IGN)
			inherited |= 1ULL << (i - 1);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(run("grep -E 'SigBlk|SigIgn' /proc/self/status", LONG_MS, 1000, &result),
			 0);
	ck_assert_int_eq(sscanf(result.out.data, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored),
			 2);
	ck_assert_uint_eq(blocked, 0);
	ck_assert_uint_eq(ignored & ~inherited, 0);
}
END_TEST

START_TEST(environment_and_directory_are_given)
{
	_cleanup_process_result_ struct process_result result;
	char *const argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)"pwd; echo $A$HOME", NULL};
	char *const envp[] = {(char *)"A=b", NULL};
	const struct process_options options = {
		.argv = argv,
		.envp = envp,
		.directory = "/usr",
		.timeout_ms = LONG_MS,
		.output_limit = 100,
	};

	ck_assert_int_eq(process_run(&options, &result), 0);
	ck_assert_str_eq(result.out.data, "/usr\nb\n");
}
END_TEST

START_TEST(a_death_by_signal_is_told)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("kill -TERM $$", LONG_MS, 100, &result), 0);
	ck_assert(WIFSIGNALED(result.status));
	ck_assert_int_eq(WTERMSIG(result.status), SIGTERM);
}
END_TEST

/* The process id that the script printed first. */
static pid_t printed_pid(const struct process_result *result)
{
	pid_t pid = result->out.length > 0 ? (pid_t)atoi(result->out.data) : 0;

	ck_assert_int_gt(pid, 1);
	return pid;
}

/* Killed, and by now gone or at least a zombie that init has yet to reap. */
static void assert_ended(pid_t pid)
{
	for (int i = 0; i < 1000; i++) {
		char path[64], state = 'Z';
		_cleanup_fclose_ FILE *stat = NULL;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
		stat = fopen(path, "re");
		if (!stat || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1 || state == 'Z' ||
		    state == 'X')
			return;
		usleep(10000);
	}
	ck_abort_msg("process %d is still there", (int)pid);
}

START_TEST(one_that_hangs_is_killed_with_its_children)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("sleep 1000 & echo $!; wait", 500, 100, &result), -ETIMEDOUT);
	assert_ended(printed_pid(&result));
}
END_TEST

START_TEST(one_that_closes_its_streams_and_hangs_is_killed)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("echo $$; exec >&- 2>&-; exec sleep 1000", 500, 100, &result),
			 -ETIMEDOUT);
	assert_ended(printed_pid(&result));
}
END_TEST

START_TEST(one_that_ignores_signals_is_killed)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(
		run("trap '' TERM INT HUP; echo $$; while :; do sleep 1; done", 500, 100, &result),
		-ETIMEDOUT);
	assert_ended(printed_pid(&result));
}
END_TEST

START_TEST(one_that_says_too_much_is_killed)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("echo $$; exec yes", LONG_MS, 100000, &result), -EFBIG);
	ck_assert_uint_eq(result.out.length, 100000);
	assert_ended(printed_pid(&result));
}
END_TEST

START_TEST(complaints_are_cut_and_the_rest_is_heard)
{
	_cleanup_process_result_ struct process_result result;

	ck_assert_int_eq(run("yes | head -c 300000 >&2; echo out", LONG_MS, 1000, &result), 0);
	ck_assert_uint_eq(result.err.length, 1000);
	ck_assert_str_eq(result.out.data, "out\n");
}
END_TEST

static const struct {
	const char *program, *directory;
	int code;
} impossible[] = {
	{"/none/such", NULL, -ENOENT},        {"/etc", NULL, -EACCES},
	{"/etc/passwd", NULL, -EACCES},       {"/bin/sh", "/none/such", -ENOENT},
	{"/bin/sh", "/etc/passwd", -ENOTDIR},
};

START_TEST(what_cannot_be_started_says_why)
{
	_cleanup_process_result_ struct process_result result;
	char *const argv[] = {(char *)impossible[_i].program, NULL};
	const struct process_options options = {
		.argv = argv,
		.directory = impossible[_i].directory,
		.timeout_ms = LONG_MS,
	};

	ck_assert_int_eq(process_run(&options, &result), impossible[_i].code);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("process");

	tcase_set_timeout(tests, LONG_MS / 1000.0);
	tcase_add_test(tests, both_streams_and_the_status_are_heard);
	tcase_add_test(tests, a_silent_program_is_fine);
	tcase_add_test(tests, standard_input_is_empty);
	tcase_add_test(tests, no_descriptor_is_inherited);
	tcase_add_test(tests, signals_are_as_usual_in_the_child);
	tcase_add_test(tests, environment_and_directory_are_given);
	tcase_add_test(tests, a_death_by_signal_is_told);
	tcase_add_test(tests, one_that_hangs_is_killed_with_its_children);
	tcase_add_test(tests, one_that_closes_its_streams_and_hangs_is_killed);
	tcase_add_test(tests, one_that_ignores_signals_is_killed);
	tcase_add_test(tests, one_that_says_too_much_is_killed);
	tcase_add_test(tests, complaints_are_cut_and_the_rest_is_heard);
	tcase_add_loop_test(tests, what_cannot_be_started_says_why, 0, COUNT(impossible));
	return run_tests("process", tests);
}
