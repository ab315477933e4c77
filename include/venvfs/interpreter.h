/*
 * The base interpreter: a CPython 3.8 – 3.14 that is asked once what it is. The answer is
 * remembered in $XDG_CACHE_HOME/venvfs/interpreters, keyed by the file's identity, so that most
 * mounts run no Python at all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "venvfs/error.h"

/* What tells one build of an interpreter from the next: the file that the path resolves to. */
struct interpreter_identity {
	uint64_t dev, ino, size;
	struct timespec mtime, ctime;
};

struct interpreter {
	char *executable;      /* the base executable: absolute, normalised, links unresolved */
	char *real_executable; /* the same, links resolved: what pyvenv.cfg calls `executable` */
	char *home;            /* directory of executable */
	int major, minor, micro;
	char *version;        /* "3.11.7", "3.14.0rc1": platform.python_version() */
	char *version_info;   /* "3.11.7.final.0" */
	char *implementation; /* "CPython" */
	char *cache_tag;      /* "cpython-311" */
	char *abiflags;       /* "" or "t" */
	char *soabi;          /* "cpython-311-x86_64-linux-gnu" */
	bool free_threaded;
	char *base_prefix;
	char *stdlib;  /* sysconfig's stdlib */
	char *include; /* sysconfig's include of the base */
	char *platinclude;
	char *pip_wheel; /* the newest pip wheel of its ensurepip (WHEEL_PKG_DIR included) or in
			  * /usr/share/python-wheels; NULL: none on this host */
	struct interpreter_identity identity;
};

/*
 * Finds and asks the interpreter @wanted: an absolute path, or a bare name looked up on PATH. An
 * interpreter of a virtual environment, and a wrapper such as a pyenv shim, are followed to the
 * base. -ENOENT: not found; -EACCES: not executable; -ENOEXEC: it is no Python; -ETIMEDOUT: one of
 * them did not answer within 10 s; -EOPNOTSUPP: a Python that we do not serve; -ELOOP: they lead to
 * each other. @error says which and what to do.
 *
 * Whoever probes again for a mounted environment passes the `executable` of the first answer: PATH
 * may by then lead into that very mount.
 */
int interpreter_probe(const char *wanted, struct interpreter **out, struct error *error);
void interpreter_free(struct interpreter *interpreter);

/* Where an environment of it has its packages: "lib/python3.11/site-packages"; to be freed, NULL
 * without memory. */
char *interpreter_site_packages(const struct interpreter *interpreter);

/* 0 when the file is still the one that was asked; 1 when it is another one by now; a negative
 * errno when it is gone. One stat, nothing is run. */
int interpreter_changed(const struct interpreter *interpreter);

/* 0, or -EINVAL and @error when the interpreter is not of the version that a spec asks for:
 * "3.11" matches every 3.11.Z, "3.11.4" that one alone. */
int interpreter_check_version(const struct interpreter *interpreter, const char *wanted,
			      struct error *error);
