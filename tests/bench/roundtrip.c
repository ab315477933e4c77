/*
 * What one request costs: small operations, each of which the kernel must ask the daemon for.
 *
 *     roundtrip DIRECTORY [CLIENTS [CPU [OPERATIONS [KIND]]]]
 *
 * CLIENTS processes work at once, each in a directory of its own below DIRECTORY, pinned to CPU if
 * that is not negative, with as many OPERATIONS of one KIND or of each. Prints one line for each
 * kind of operation: its name, the microseconds that one takes (of all clients' together), and how
 * much time all clients and everything else on the machine were on a processor meanwhile, in
 * microseconds for one operation. For a comparison run it in a plain directory and in a mount in
 * turns, and divide.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define NAME_SIZE   64
#define CLIENTS_MAX 64

/* Each is called with 0, 1, ...: a name is not used twice. False: it did not do what it should. */

static int look_up_absent(int directory, unsigned i)
{
	char name[NAME_SIZE];
	struct stat st;

	snprintf(name, sizeof(name), "absent-%d-%u", (int)getpid(), i);
	return fstatat(directory, name, &st, 0) < 0 && errno == ENOENT;
}

static int ask_terminal(int directory, unsigned i)
{
	static int file = -1;
	struct termios settings;

	(void)i;
	if (file < 0)
		file = openat(directory, "asked", O_RDWR | O_CREAT, 0644);
	return file >= 0 && ioctl(file, TCGETS, &settings) < 0 && errno == ENOTTY;
}

static int create(int directory, unsigned i)
{
	char name[NAME_SIZE];
	int file, ok;

	snprintf(name, sizeof(name), "made-%u", i);
	file = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
	ok = file >= 0 && write(file, name, sizeof(name)) == sizeof(name);
	return file >= 0 && close(file) == 0 && ok;
}

static int look_at(int directory, unsigned i)
{
	char name[NAME_SIZE];
	struct stat st;

	snprintf(name, sizeof(name), "made-%u", i);
	return fstatat(directory, name, &st, 0) == 0;
}

static int rename_made(int directory, unsigned i)
{
	char name[NAME_SIZE], to[NAME_SIZE];

	snprintf(name, sizeof(name), "made-%u", i);
	snprintf(to, sizeof(to), "moved-%u", i);
	return renameat(directory, name, directory, to) == 0;
}

static int remove_moved(int directory, unsigned i)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "moved-%u", i);
	return unlinkat(directory, name, 0) == 0;
}

static int make_directory(int directory, unsigned i)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "dir-%u", i);
	return mkdirat(directory, name, 0755) == 0;
}

static int remove_directory(int directory, unsigned i)
{
	char name[NAME_SIZE];

	snprintf(name, sizeof(name), "dir-%u", i);
	return unlinkat(directory, name, AT_REMOVEDIR) == 0;
}

static const struct {
	const char *name;
	int (*run)(int directory, unsigned i);
} operations[] = {
	{"absent", look_up_absent}, {"ioctl", ask_terminal},     {"create", create},
	{"stat", look_at},          {"rename", rename_made},     {"unlink", remove_moved},
	{"mkdir", make_directory},  {"rmdir", remove_directory},
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* What all processors were busy with since the machine was started, in microseconds. */
static double busy(void)
{
	unsigned long long user = 0, nice = 0, system = 0;
	FILE *file = fopen("/proc/stat", "re");

	if (!file)
		return 0;
	if (fscanf(file, "cpu %llu %llu %llu", &user, &nice, &system) != 3)
		user = nice = system = 0;
	fclose(file);
	return (double)(user + nice + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void client(const char *base, int number, int cpu, size_t kind, unsigned count, int start)
{
	char name[NAME_SIZE], byte;
	int directory, top = open(base, O_RDONLY | O_DIRECTORY);

	if (cpu >= 0) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	snprintf(name, sizeof(name), "client-%d", number);
	mkdirat(top, name, 0755);
	directory = openat(top, name, O_RDONLY | O_DIRECTORY);
	if (directory < 0 || read(start, &byte, 1) != 0)
		_exit(1);
	for (unsigned i = 0; i < count; i++)
		if (!operations[kind].run(directory, i)) {
			fprintf(stderr, "%s %u: %s\n", operations[kind].name, i, strerror(errno));
			_exit(1);
		}
	_exit(0);
}

static int run_kind(const char *base, int clients, int cpu, size_t kind, unsigned count)
{
	double begin, work, all = (double)clients * count;
	int gate[2], failed = 0, status;

	if (pipe(gate) < 0)
		return 1;
	for (int i = 0; i < clients; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			close(gate[1]);
			client(base, i, cpu, kind, count, gate[0]);
		}
		failed |= pid < 0;
	}
	usleep(20000); /* until all of them wait */
	begin = now();
	work = busy();
	close(gate[1]);
	while (wait(&status) > 0)
		failed |= status != 0;
	printf("%s\t%.2f\t%.1f\n", operations[kind].name, (now() - begin) / all,
	       (busy() - work) / all);
	fflush(stdout);
	close(gate[0]);
	return failed;
}

int main(int argc, char **argv)
{
	const char *base = argc > 1 ? argv[1] : NULL;
	int clients = argc > 2 ? atoi(argv[2]) : 1, cpu = argc > 3 ? atoi(argv[3]) : -1;
	unsigned count = argc > 4 ? (unsigned)atoi(argv[4]) : 10000;
	int failed = 0;

	if (!base || clients < 1 || clients > CLIENTS_MAX) {
		fprintf(stderr, "Usage: roundtrip DIRECTORY [CLIENTS [CPU [OPERATIONS [KIND]]]]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (argc <= 5 || strcmp(argv[5], operations[i].name) == 0)
			failed |= run_kind(base, clients, cpu, i, count);
	return failed;
}
