/*
 * Between the files of this room.
 *
 * interpreter.c         goes from what a user names to a base interpreter, and asks that
 * interpreter_find.c    where a name or a virtual environment leads to
 * interpreter_answer.c  whether an answer is to be believed
 * interpreter_cache.c   remembers answers
 * pip_wheel.c           the pip wheel of an interpreter
 * pip_run.c             runs it
 * pip_complaint.c       what it complains of
 * pip_step.c            the same of a program that it ran
 * cache_room.c          private directories below the user's cache
 * python_run.c          runs a script in an interpreter
 * python_ask.c          has its own code answer a question
 * compiler.c            has an interpreter compile
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "venvfs/buffer.h"
#include "venvfs/error.h"
#include "venvfs/interpreter.h"
#include "venvfs/process.h"

#define _cleanup_json_        __attribute__((cleanup(cleanup_json)))
#define _cleanup_interpreter_ __attribute__((cleanup(cleanup_interpreter)))

static inline void cleanup_json(json_t **json)
{
	json_decref(*json);
}

static inline void cleanup_interpreter(struct interpreter **interpreter)
{
	interpreter_free(*interpreter);
}

/* interpreter.c */

struct interpreter_identity interpreter_identity_of(const struct stat *st);

#define INTERPRETER_TIMEOUT_MS 10000

/* interpreter_probe() with a time limit for each interpreter that is asked on the way. */
int interpreter_probe_within(const char *wanted, int timeout_ms, struct interpreter **out,
			     struct error *error);

/* interpreter_find.c */

/* @wanted made absolute, or looked up on PATH as execvp(3) does; to be freed. -ENOENT; -EACCES when
 * PATH has only files of that name that can't be run. */
int interpreter_find(const char *wanted, char **out, struct error *error);

/* 0 and its attributes when @path is a file that we may run. -ENOENT, -EACCES, or -ENOEXEC for a
 * directory or device. */
int interpreter_check_file(const char *path, struct stat *st, struct error *error);

/*
 * Where the virtual environment that @path is in, by the rule of PEP 405, has its base interpreter:
 * in *out, to be freed; NULL when @path is in none. -ENOENT when the base is gone, -ENOEXEC when
 * pyvenv.cfg makes no sense.
 */
int venv_find_base(const char *path, char **out, struct error *error);

/* interpreter_answer.c */

/*
 * Makes an interpreter of what the one at @path said: probe.py has the keys. Nothing is believed
 * that is not of the right type and form. `real_executable`, `home`, `pip_wheel` and `identity` are
 * left to the caller. -ENOEXEC: no answer of a Python; -EOPNOTSUPP: one that we do not serve.
 */
int interpreter_decode(const json_t *answer, const char *path, struct interpreter **out,
		       struct error *error);

/* WHEEL_PKG_DIR, where the distribution has ensurepip find its wheels; NULL: it does not say. */
const char *interpreter_wheel_dir(const json_t *answer);

/* Whether the file that ran was the one of @identity: not so for a wrapper. */
bool interpreter_ran_itself(const json_t *answer, const struct interpreter_identity *identity);

/* interpreter_cache.c */

/* What @path answered when its identity was @identity; NULL when that is not known. Not more to be
 * believed than an answer by the interpreter itself. */
json_t *interpreter_recall(const char *path, const struct interpreter_identity *identity);

/* Remembers an answer. A cache that can't be written is no error: it is only slow. */
void interpreter_remember(const char *path, const struct interpreter_identity *identity,
			  json_t *answer);

/* pip_wheel.c */

/*
 * The newest pip wheel in @wheel_dir (NULL: not set), else the
 * newest that ensurepip in @stdlib brings, else in /usr/share/python-wheels. *out is to be freed;
 * NULL when there is none.
 */
int pip_wheel_find(const char *stdlib, const char *wheel_dir, char **out);

/* The version in "pip-23.0.1-py3-none-any.whl", as a new string; NULL when that is not the name of
 * a pip wheel for Python 3. */
char *pip_wheel_version(const char *name);

/* pip_complaint.c */

/* Sets the message of @error to what is an error in @text, pip's stderr, and where an index could
 * not be reached the hint. Returns @code. */
int pip_explain(const char *text, int code, struct error *error);

/* pip_step.c */

/* The same where @text says that a program of pip's failed, a build or git: which step of what, and
 * in the hint the end of that program's own output. False: it says nothing like that. */
bool pip_explain_step(const char *text, int code, struct error *error);

/* cache_room.c */

/*
 * Opens $XDG_CACHE_HOME/venvfs/@name, made when absent: its descriptor, or -errno. What lies there
 * is believed and run, so -EPERM when another user owns it or may write to it. *path, unless NULL,
 * is to be freed.
 */
int cache_room_open(const char *name, char **path, struct error *error);

/* python_run.c */

/* The scripts beside this file. embed.awk makes C of them. */
extern const char python_compile_script[];
extern const char python_facts_script[];
extern const char python_probe_script[];
extern const char python_pip_run_script[];
extern const char python_toml_script[];

struct python_call {
	const char *executable;
	const char *script;           /* its text, of fewer than 128 KiB (execve(2)) */
	const char *const *arguments; /* NULL-terminated; NULL: none */
	const char *directory;        /* working directory; NULL: ours */
	int timeout_ms;
	size_t output_limit; /* bytes of stdout and of stderr, each; 0: 64 KiB */
};

/* Runs a script isolated from the user's variables, site-packages and working directory, and
 * without writing bytecode. Result and errors are those of process_run(). */
int python_run(const struct python_call *call, struct process_result *result);

/* Our environment without what changes what Python says or does, in the C locale, and with @extra
 * (NULL: nothing). The array is to be freed, its strings are not. NULL without memory. */
char **python_environment(const char *extra);

/* The line of a failed program's output that says most, made fit for a message: a new string, or
 * NULL without memory. */
char *python_complaint(const struct buffer *output);
