/*
 * Scratch directories: where something is put together before one rename publishes it. Each is held
 * (flock) by the process that works on it, so what a crash leaves behind is told apart from what is
 * still being made.
 */
#pragma once

/* How their names begin; io_publish() names its temporaries so, too. */
#define SCRATCH_PREFIX ".tmp-"

/* A directory that is being filled, beside where its content will be. Held until closed. */
struct scratch {
	int fd;
	char name[32];
};

/* Makes one in @directory. 0 or -errno. */
int scratch_new(int directory, struct scratch *out);

/* Removes what crashed processes left in @directory: scratch directories that nobody holds, and
 * temporary files of any kind that are older than a day. */
void scratch_clean(int directory);
