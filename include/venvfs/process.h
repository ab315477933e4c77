/*
 * Running another program and hearing what it says: no shell, no inherited descriptors, bounded in
 * time and output.
 */
#pragma once

#include <stddef.h>

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
};

/*
 * Runs it in a process group of its own, stdin at /dev/null, and waits. On -ETIMEDOUT and -EFBIG
 * (stdout beyond the limit) the whole group has been killed. -ENOENT, -EACCES, -ENOEXEC …: it could
 * not be started. The result is to be freed in every case.
 */
int process_run(const struct process_options *options, struct process_result *result);
void process_result_free(struct process_result *result);
