/*
 * Running another program and hearing what it says: no shell, no inherited descriptors, bounded in
 * time and output.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "venvfs/buffer.h"

struct process_result {
	int status;        /* as from waitpid() */
	struct buffer out; /* stdout */
	struct buffer err; /* stderr; also cut at output_limit */
};

#define _cleanup_process_result_ __attribute__((cleanup(process_result_free)))

struct process_options {
	char *const *argv;     /* argv[0] is the path that is run */
	char *const *envp;     /* NULL: our own environment */
	const char *directory; /* working directory; NULL: ours */
	int timeout_ms;
	size_t output_limit; /* bytes of stdout and of stderr, each */
	unsigned cpu_limit_s;  /* for it and each that it starts; 0: ours */
	uint64_t memory_limit; /* of their address space, in bytes; 0: ours */
};

/*
 * Runs it in a process group of its own, stdin at /dev/null, and waits. On -ETIMEDOUT and -EFBIG
 * (stdout beyond the limit) the whole group has been killed. -ENOENT, -EACCES, -ENOEXEC …: it could
 * not be started. The result is to be freed in every case.
 */
int process_run(const struct process_options *options, struct process_result *result);
void process_result_free(struct process_result *result);

/* A program that is talked to. */
struct process {
	pid_t pid;  /* 0: none */
	int socket; /* its stdin and stdout; for us it does not block */
};

/*
 * Starts it as process_run() does, with stderr at /dev/null; timeout and output limit are the
 * caller's concern. It is killed when the thread that started it ends, so that nothing is left of
 * it when we are killed. Errors as of process_run().
 */
int process_start(const struct process_options *options, struct process *out);

/* Kills its whole group, and waits for it. None: nothing is done. */
void process_stop(struct process *process);
