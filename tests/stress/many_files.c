/*
 * Many files, many processes, many threads. Each thread has a directory to itself, where it checks
 * the result of every call (own_tree.c), and all change one in common (common_tree.c).
 *
 * Usage: many_files prepare DIRECTORY PROCESSES THREADS   makes what they begin with
 *        many_files run DIRECTORY PROCESSES THREADS OPERATIONS SEED
 */
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "many_files.h"

#define COMMON "common"

struct arguments {
	const char *directory;
	unsigned processes, threads;
	unsigned long operations;
	uint64_t seed;
};

/* One thread of one process. */
struct job {
	const struct arguments *arguments;
	unsigned number;
	pthread_t thread;
};

static char *path_of(const char *directory, const char *name, int number)
{
	char *path = NULL;

	if ((number < 0 ? asprintf(&path, "%s/%s", directory, name)
			: asprintf(&path, "%s/%s%d", directory, name, number)) < 0)
		fail("asprintf");
	return path;
}

static void *work(void *arg)
{
	const struct job *job = arg;
	const struct arguments *arguments = job->arguments;
	uint64_t seed = arguments->seed * 1000 + job->number;
	struct random random = random_seeded(seed + 500);
	char *own = path_of(arguments->directory, "own", (int)job->number);
	char *common = path_of(arguments->directory, COMMON, -1);
	struct own_tree *tree = own_open(own, job->number, seed);

	for (unsigned long i = 0; i < arguments->operations; i++) {
		own_step(tree);
		common_step(common, &random);
	}
	own_verify(tree);
	own_free(tree);
	free(own);
	free(common);
	return NULL;
}

static int run_process(const struct arguments *arguments, unsigned process)
{
	struct job jobs[64];

	for (unsigned i = 0; i < arguments->threads; i++) {
		jobs[i] = (struct job){
			.arguments = arguments,
			.number = process * arguments->threads + i,
		};
		if (pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) != 0)
			fail("pthread_create");
	}
	for (unsigned i = 0; i < arguments->threads; i++)
		pthread_join(jobs[i].thread, NULL);
	return 0;
}

static int run(const struct arguments *arguments)
{
	char *common = path_of(arguments->directory, COMMON, -1);
	int status, result = 0;

	for (unsigned i = 0; i < arguments->processes; i++) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0)
			_exit(run_process(arguments, i));
	}
	while (wait(&status) > 0)
		if (status != 0)
			result = 1;
	if (result == 0)
		common_verify(common);
	free(common);
	return result;
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0)
		fail("mkdir %s", path);
}

static int prepare(const struct arguments *arguments)
{
	char *path = path_of(arguments->directory, COMMON, -1);

	make_directory(path);
	common_prepare(path);
	free(path);
	for (unsigned i = 0; i < arguments->processes * arguments->threads; i++) {
		path = path_of(arguments->directory, "own", (int)i);
		make_directory(path);
		own_prepare(path, i);
		free(path);
	}
	return 0;
}

int main(int argc, char *argv[])
{
	bool prepares = argc == 5 && strcmp(argv[1], "prepare") == 0;
	struct arguments arguments;

	if (!prepares && (argc != 7 || strcmp(argv[1], "run") != 0)) {
		fprintf(stderr,
			"usage: many_files prepare DIRECTORY PROCESSES THREADS\n"
			"       many_files run DIRECTORY PROCESSES THREADS OPERATIONS SEED\n");
		return 2;
	}
	umask(022);
	arguments = (struct arguments){
		.directory = argv[2],
		.processes = (unsigned)atoi(argv[3]),
		.threads = (unsigned)atoi(argv[4]),
		.operations = prepares ? 0 : strtoul(argv[5], NULL, 10),
		.seed = prepares ? 0 : strtoul(argv[6], NULL, 10),
	};
	if (arguments.threads > 64)
		fail("at most 64 threads");
	return prepares ? prepare(&arguments) : run(&arguments);
}
