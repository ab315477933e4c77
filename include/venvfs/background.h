/* Work that may take its time: done by a process of its own, which outlives us and disturbs nobody. */
#pragma once

struct background {
	int socket; /* -1: none */
};

/*
 * Makes a process that will run @work(@arg) and end. It holds nothing of ours (no descriptor but
 * /dev/null, no terminal, no working directory) by the time that this returns, and has the lowest
 * priority for processor and disk. It waits for background_start(); it ends with nothing done when
 * we end before, or cancel. @arg is our own memory as it is now. To be called while there is one
 * thread. 0 or -errno.
 */
int background_prepare(void (*work)(void *arg), void *arg, struct background *out);

/* Both let go of the process. None is fine. */
void background_start(struct background *background);
void background_cancel(struct background *background);
