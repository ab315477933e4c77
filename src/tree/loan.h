/*
 * Permissions that the owner of the store has not left itself.
 *
 * The kernel has checked who may do what by the modes that we show. To do the same in the upper we
 * may need more: a file's mode, or its directory's, may have changed since it was opened; copying a
 * file up writes into a directory that is read-only; an empty directory that nobody may read can
 * still be removed. An ordinary user's daemon then lends itself the permission for a moment. Root
 * needs none.
 */
#pragma once

#include <sys/types.h>

struct loan {
	int fd; /* -1: nothing was lent */
	mode_t mode;
};

#define _cleanup_loan_ __attribute__((cleanup(loan_return)))
#define LOAN_NONE      ((struct loan){.fd = -1})

/* Gives the owner the permissions @bits (S_IRWXU) of what @fd refers to (O_PATH will do), if they
 * are missing. Until loan_return() no other thread can lend or change a mode. */
int loan_take(int fd, mode_t bits, struct loan *out);
void loan_return(struct loan *loan);

/* Opens what @fd refers to; if that is forbidden, with a loan of @bits. A descriptor or -errno. */
int loan_open(int fd, int flags, mode_t bits);

/* An O_PATH descriptor of @name in @directory, itself if it is a link; if searching the directory
 * is forbidden, with a loan. Or -errno. */
int loan_handle(int directory, const char *name);

/* Changes the mode of what @fd refers to, not while it is lent. */
int loan_chmod(int fd, mode_t mode);
