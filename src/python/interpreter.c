/* From what a user names to the base interpreter: find, follow, ask. */
#include "python_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "venvfs/cleanup.h"
#include "venvfs/path.h"

/* Wrappers and environments on the way to a base: a shim, a link, environments made of each other.
 */
#define MAX_HOPS 16

struct interpreter_identity interpreter_identity_of(const struct stat *st)
{
	return (struct interpreter_identity){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime = st->st_mtim,
		.ctime = st->st_ctim,
	};
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* 0 when the file at @path is the one of @identity, 1 when it is another, -errno when it is gone.
 */
static int compare_identity(const char *path, const struct interpreter_identity *identity)
{
	struct interpreter_identity now;
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	now = interpreter_identity_of(&st);
	return now.dev != identity->dev || now.ino != identity->ino || now.size != identity->size ||
	       !same_time(&now.mtime, &identity->mtime) || !same_time(&now.ctime, &identity->ctime);
}

char *interpreter_site_packages(const struct interpreter *interpreter)
{
	char *path;

	if (asprintf(&path, "lib/python%d.%d%s/site-packages", interpreter->major,
		     interpreter->minor, interpreter->free_threaded ? "t" : "") < 0)
		return NULL;
	return path;
}

int interpreter_changed(const struct interpreter *interpreter)
{
	return compare_identity(interpreter->executable, &interpreter->identity);
}

void interpreter_free(struct interpreter *interpreter)
{
	if (!interpreter)
		return;
	free(interpreter->executable);
	free(interpreter->real_executable);
	free(interpreter->home);
	free(interpreter->version);
	free(interpreter->version_info);
	free(interpreter->implementation);
	free(interpreter->cache_tag);
	free(interpreter->abiflags);
	free(interpreter->soabi);
	free(interpreter->base_prefix);
	free(interpreter->stdlib);
	free(interpreter->include);
	free(interpreter->platinclude);
	free(interpreter->pip_wheel);
	free(interpreter);
}

/* The directory that @path is in, as a new string. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* Says why the program at @path gave no answer. @r is what process_run() returned. */
static int explain_silence(const char *path, int r, int timeout_ms,
			   const struct process_result *result, struct error *error)
{
	_cleanup_free_ char *complaint = NULL;

	if (r == -ENOMEM)
		return r;
	if (r == -ETIMEDOUT)
		return error_set(error, r, "the interpreter '%s' did not answer within %g s", path,
				 timeout_ms / 1000.0);
	if (r == -EFBIG)
		return error_set(error, -ENOEXEC,
				 "'%s' is no Python: it prints more than an answer", path);
	if (r < 0)
		return error_set(error, -ENOEXEC, "the interpreter '%s' can't be started: %s", path,
				 strerror(-r));
	if (WIFSIGNALED(result->status))
		return error_set(error, -ENOEXEC,
				 "the interpreter '%s' was killed by signal %d (%s)", path,
				 WTERMSIG(result->status), strsignal(WTERMSIG(result->status)));
	complaint = python_complaint(&result->err);
	if (!complaint)
		return -ENOMEM;
	return error_set(error, -ENOEXEC,
			 "'%s' is no working Python: it ends with status %d and says: %s", path,
			 WEXITSTATUS(result->status), complaint);
}

/* Runs the interpreter at @path. *out is JSON of any kind. */
static int run_probe(const char *path, int timeout_ms, json_t **out, struct error *error)
{
	_cleanup_process_result_ struct process_result result = {0};
	_cleanup_free_ char *complaint = NULL;
	struct python_call call = {
		.executable = path,
		.script = python_probe_script,
		.timeout_ms = timeout_ms,
	};
	int r;

	r = python_run(&call, &result);
	if (r < 0 || result.status != 0)
		return explain_silence(path, r, timeout_ms, &result, error);
	if (result.out.length > 0)
		*out = json_loadb(result.out.data, result.out.length, JSON_REJECT_DUPLICATES, NULL);
	if (*out)
		return 0;
	complaint = python_complaint(&result.out);
	if (!complaint)
		return -ENOMEM;
	return error_set(error, -ENOEXEC, "'%s' is no Python: asked what it is, it prints: %s",
			 path, complaint);
}

/* Fills in what the file system says, and not the interpreter. */
static int complete(struct interpreter *interpreter, const json_t *answer,
		    const struct interpreter_identity *identity, struct error *error)
{
	interpreter->identity = *identity;
	interpreter->home = directory_of(interpreter->executable);
	if (!interpreter->home)
		return -ENOMEM;
	interpreter->real_executable = realpath(interpreter->executable, NULL);
	if (!interpreter->real_executable)
		return error_set_errno(error, -errno, "cannot use the interpreter '%s'",
				       interpreter->executable);
	return pip_wheel_find(interpreter->stdlib, interpreter_wheel_dir(answer),
			      &interpreter->pip_wheel);
}

/* Asks the interpreter at @path, or the cache. What it answers may be about another interpreter,
 * when @path is a wrapper. */
static int ask(const char *path, int timeout_ms, struct interpreter **out, struct error *error)
{
	_cleanup_interpreter_ struct interpreter *interpreter = NULL;
	_cleanup_json_ json_t *answer = NULL;
	struct interpreter_identity identity;
	struct stat st;
	int r;

	r = interpreter_check_file(path, &st, error);
	if (r < 0)
		return r;
	identity = interpreter_identity_of(&st);

	answer = interpreter_recall(path, &identity);
	if (!answer || interpreter_decode(answer, path, &interpreter, NULL) < 0) {
		json_decref(answer);
		answer = NULL;
		r = run_probe(path, timeout_ms, &answer, error);
		if (r == 0)
			r = interpreter_decode(answer, path, &interpreter, error);
		if (r < 0)
			return r;
		/* A shim's answer depends on directory and environment. And a file that was
		 * replaced in the meantime may not be the one that answered. */
		if (strcmp(interpreter->executable, path) == 0 &&
		    interpreter_ran_itself(answer, &identity) &&
		    compare_identity(path, &identity) == 0)
			interpreter_remember(path, &identity, answer);
	}
	r = complete(interpreter, answer, &identity, error);
	if (r < 0)
		return r;
	*out = TAKE_PTR(interpreter);
	return 0;
}

/*
 * Where to go on when @path answered with @found: to the interpreter that a wrapper runs; or from a
 * link outside the prefix to the name that the same file has in it, because CPython looks for the
 * standard library from `home` upwards. *out is to be freed; NULL: @found is the base.
 */
static int next_hop(const char *path, const struct interpreter *found, char **out)
{
	_cleanup_free_ char *prefix = directory_of(found->home);
	_cleanup_free_ char *bin = NULL, *inside = NULL;
	struct stat st;

	*out = NULL;
	if (!prefix)
		return -ENOMEM;
	if (strcmp(found->executable, path) != 0) {
		*out = strdup(found->executable);
		return *out ? 0 : -ENOMEM;
	}
	if (strcmp(prefix, found->base_prefix) == 0)
		return 0;
	if (path_join(found->base_prefix, "bin", &bin) < 0 ||
	    path_join(bin, path_basename(found->real_executable), &inside) < 0)
		return -ENOMEM;
	if (strcmp(inside, path) != 0 && stat(inside, &st) == 0 &&
	    st.st_dev == found->identity.dev && st.st_ino == found->identity.ino)
		*out = TAKE_PTR(inside);
	return 0;
}

/* One step from @path: either *next, the path to go on with, or *out, the base. */
static int follow(const char *path, int timeout_ms, char **next, struct interpreter **out,
		  struct error *error)
{
	_cleanup_interpreter_ struct interpreter *found = NULL;
	int r;

	r = venv_find_base(path, next, error);
	if (r < 0 || *next)
		return r;
	r = ask(path, timeout_ms, &found, error);
	if (r < 0)
		return r;
	r = next_hop(path, found, next);
	if (r == 0 && !*next)
		*out = TAKE_PTR(found);
	return r;
}

int interpreter_probe_within(const char *wanted, int timeout_ms, struct interpreter **out,
			     struct error *error)
{
	_cleanup_free_ char *path = NULL;
	int r;

	r = interpreter_find(wanted, &path, error);
	if (r < 0)
		return r;
	for (int hops = 0; hops < MAX_HOPS; hops++) {
		struct interpreter *base = NULL;
		char *next = NULL;

		r = follow(path, timeout_ms, &next, &base, error);
		if (r < 0) {
			if (error && !error->hint && strcmp(path, wanted) != 0)
				error_hint(error, "'%s' leads there", wanted);
			return r;
		}
		if (base) {
			*out = base;
			return 0;
		}
		free(path);
		path = next;
	}
	return error_set(error, -ELOOP,
			 "'%s' leads from one interpreter to the next and to no base", wanted);
}

int interpreter_probe(const char *wanted, struct interpreter **out, struct error *error)
{
	return interpreter_probe_within(wanted, INTERPRETER_TIMEOUT_MS, out, error);
}

int interpreter_check_version(const struct interpreter *interpreter, const char *wanted,
			      struct error *error)
{
	char full[48], series[32];
	int r;

	snprintf(series, sizeof(series), "%d.%d", interpreter->major, interpreter->minor);
	snprintf(full, sizeof(full), "%s.%d", series, interpreter->micro);
	if (strcmp(wanted, series) == 0 || strcmp(wanted, full) == 0)
		return 0;
	r = error_set(error, -EINVAL, "the base interpreter '%s' is Python %s, not %s",
		      interpreter->executable, interpreter->version, wanted);
	error_hint(error, "name another executable, or another version");
	return r;
}
