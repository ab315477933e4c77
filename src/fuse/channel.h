/*
 * The channel: /dev/fuse, as one mount has it open. Requests are read here, counted, and handed to
 * libfuse, which takes them apart; what libfuse does not know of the protocol is added here.
 */
#pragma once

#define FUSE_USE_VERSION 312
#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

struct ahead;
struct passthrough;
struct tree;

/* A request is at most this long: what the kernel writes at once, and the heads before it. */
#define CHANNEL_MAX_WRITE    (1u << 20)
#define CHANNEL_REQUEST_SIZE (CHANNEL_MAX_WRITE + 4096)

#define CHANNEL_OPCODES 64
#define CHANNEL_THREADS 32

struct channel {
	struct tree *tree;
	struct ahead *ahead; /* or NULL */
	struct fuse_session *fuse;
	int fd;                          /* belongs to libfuse's session */
	struct passthrough *passthrough; /* NULL: the kernel is not asked for it */
	_Atomic uint64_t requests[CHANNEL_OPCODES];
	_Atomic uint64_t init_unique;               /* which request is the INIT */
	_Atomic pid_t own_threads[CHANNEL_THREADS]; /* 0: free */
};

/* What the session wants of the kernel: called by libfuse when the kernel says what it has. */
void channel_negotiate(void *userdata, struct fuse_conn_info *connection);

/* Takes over the descriptor of a session that was just mounted. 0 or -errno. */
int channel_attach(struct channel *channel, struct fuse_session *fuse);

/*
 * Reads one request into @buffer (of CHANNEL_REQUEST_SIZE bytes) and has it answered. Its size (0:
 * there was none after all), or -ENODEV when the file system was unmounted, or what read(2) says.
 */
ssize_t channel_serve(struct channel *channel, void *buffer);

/* This thread serves (or no longer does): requests that it makes itself, by going through the
 * mount, are refused with EDEADLK, because nobody might be left to answer them. */
void channel_enter(struct channel *channel);
void channel_leave(struct channel *channel);

/* The kernel's name for an opcode, "LOOKUP"; NULL for one that we do not know. */
const char *channel_opcode_name(unsigned opcode);
