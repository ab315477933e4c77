/* venvfs lock */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "output_json.h"
#include "venvfs/cleanup.h"
#include "venvfs/environment.h"
#include "venvfs/lock.h"
#include "venvfs/progress.h"

static const char help[] =
	"Finds out what the requirements of a SPEC come to, puts the wheels into the wheel store "
	"and\n"
	"writes the lock beside the spec, which every mount then goes by. A lock that is up to "
	"date\n"
	"is left alone; mounting does all this by itself when it is not.\n\n"
	"Options:\n"
	"  -U, --upgrade  make the lock anew, with the newest versions that fit\n"
	"  --json         the lock as a JSON object\n"
	"  -h, --help     this text\n";

static const struct option long_options[] = {
	{"upgrade", no_argument, NULL, 'U'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

/* The base of the spec, as mounting takes it. */
static int find_interpreter(const struct spec *spec, struct interpreter **out, struct error *error)
{
	int r = interpreter_probe(spec->executable, out, error);

	if (r < 0 && !error->file && spec->executable_line > 0)
		error_at(error, spec->path, spec->executable_line);
	if (r < 0 || !spec->python_version)
		return r;
	r = interpreter_check_version(*out, spec->python_version, error);
	if (r < 0)
		error_at(error, spec->path, spec->python_version_line);
	return r;
}

/* The lock that is there, or NULL: it may be none, or of another time. */
static struct lockfile *read_before(const struct spec *spec)
{
	_cleanup_free_ char *path = lockfile_path(spec->path);
	struct lockfile *lock = NULL;

	return path && lockfile_read(path, &lock, NULL) == 0 ? lock : NULL;
}

static const struct lock_package *find_package(const struct lockfile *lock, const char *name)
{
	for (size_t i = 0; lock && i < lock->count; i++)
		if (strcmp(lock->packages[i].name, name) == 0)
			return &lock->packages[i];
	return NULL;
}

/* One line for each package that is another one than before. */
static void print_changes(const struct lockfile *before, const struct lockfile *now)
{
	for (size_t i = 0; before && i < before->count; i++)
		if (!find_package(now, before->packages[i].name))
			printf("- %s %s\n", before->packages[i].name, before->packages[i].version);
	for (size_t i = 0; i < now->count; i++) {
		const struct lock_package *package = &now->packages[i];
		const struct lock_package *old = find_package(before, package->name);

		if (!old)
			printf("+ %s %s\n", package->name, package->version);
		else if (strcmp(old->version, package->version) != 0)
			printf("  %s %s -> %s\n", package->name, old->version, package->version);
		else if (strcmp(old->sha256, package->sha256) != 0)
			printf("  %s %s: another wheel\n", package->name, package->version);
	}
}

static void print_result(const char *path, const struct lockfile *before,
			 const struct lock_result *locked)
{
	size_t count = locked->lock->count;

	if (locked->made)
		print_changes(before, locked->lock);
	if (locked->asked)
		printf("pip was asked: %s\n", locked->asked);
	printf("%s: %zu package%s, %s\n", path, count, count == 1 ? "" : "s",
	       locked->made ? "locked" : "up to date");
}

/* As JSON: what the lock says, and what had to be done for it. */
static int print_json(const char *path, const struct lock_result *locked)
{
	_cleanup_json_ json_t *object = NULL;
	json_t *packages = json_array();

	for (size_t i = 0; packages && i < locked->lock->count; i++) {
		const struct lock_package *package = &locked->lock->packages[i];
		json_t *row = json_pack("{s:o, s:o, s:o, s:o, s:o}", "name",
					output_json_string(package->name), "version",
					output_json_string(package->version), "file",
					output_json_string(package->file), "sha256",
					output_json_string(package->sha256), "layer",
					output_json_string(package->layer));

		if (json_array_append_new(packages, row) < 0) {
			json_decref(packages);
			packages = NULL;
		}
	}
	object = json_pack("{s:o, s:b, s:o, s:o}", "spec", output_json_string(path), "made",
			   locked->made, "asked", output_json_string(locked->asked), "packages",
			   packages);
	return output_json(object) == EXIT_OK ? 0 : -EIO;
}

static int lock_spec(const char *path, bool upgrade, bool json, struct error_list *errors)
{
	_cleanup_lock_result_ struct lock_result locked = {0};
	_cleanup_lockfile_ struct lockfile *before = NULL;
	_cleanup_error_ struct error error = ERROR_INIT;
	struct interpreter *interpreter = NULL;
	struct spec *spec = NULL;
	int r = spec_load(path, &spec, errors);

	if (r < 0)
		return r;
	if (!spec->requirements) {
		r = error_set(&error, -EINVAL, "the spec has no requirements");
		error_at(&error, spec->path, 0);
		error_hint(&error, "name a requirements file under [packages]");
	}
	if (r == 0)
		r = find_interpreter(spec, &interpreter, &error);
	if (r == 0)
		before = read_before(spec);
	if (r == 0)
		r = lock_ensure(spec, interpreter, upgrade ? LOCK_UPGRADE : LOCK_MEND, &locked,
				errors);
	if (r == 0 && locked.made)
		output_progress_end("%zu wheels are in the store", locked.lock->count);
	if (r == 0 && json)
		r = print_json(path, &locked);
	else if (r == 0)
		print_result(path, before, &locked);
	if (r == 0)
		r = environment_compile_locked(spec, interpreter, errors);
	error_list_take(errors, &error, r);
	interpreter_free(interpreter);
	spec_free(spec);
	return r;
}

static int lock_run(const struct command *command, int argc, char *argv[])
{
	_cleanup_error_list_ struct error_list errors = {0};
	bool upgrade = false, json = false;
	const struct command_switch switches[] = {{'U', &upgrade}, {'j', &json}, {0}};
	int c, r;

	c = command_read_switches(command, argc, argv, switches);
	if (c != -1)
		return c;
	progress_listen(output_progress);
	if (argc - optind != 1)
		return command_bad_usage(command, "one spec is needed");
	r = lock_spec(argv[optind], upgrade, json, &errors);
	if (r < 0)
		output_errors(&errors, r);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command command_lock = {
	.name = "lock",
	.summary = "find out what the requirements of a spec come to",
	.usage = "[-U] [--json] SPEC",
	.help = help,
	.short_options = ":Uh",
	.long_options = long_options,
	.run = lock_run,
};
