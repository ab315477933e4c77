/*
 * What a mounted environment says of itself in .venvfs/status, asked for without trusting that it
 * answers.
 */
#pragma once

#include <sys/types.h>

struct status {
	char *state;                /* "running" …; never NULL */
	pid_t pid;                  /* of the daemon */
	char *share, *share_reason; /* as in venvfs(1); NULL where it does not say */
};

#define _cleanup_status_ __attribute__((cleanup(status_free)))

/*
 * Asks the environment that is mounted at @mountpoint. -ENOTCONN or -ECONNABORTED: its daemon is
 * dead; -ETIMEDOUT: it did not answer within a second; -EACCES: it is another user's; -EBADMSG:
 * what it says has no pid.
 */
int status_read(const char *mountpoint, struct status *out);

void status_free(struct status *status);
