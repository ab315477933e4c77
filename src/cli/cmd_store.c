/* venvfs store */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "output.h"
#include "output_json.h"
#include "store_report.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/store.h"

static const char help[] =
	"Keeps packages for all environments, each of them once.\n\n"
	"  add WHEEL...    import wheels\n"
	"  list            list the wheels that are in the store\n"
	"  verify          check every layer against its digests\n"
	"  remove NAME...  remove wheels, by file name or by the digest of the layer\n"
	"  gc              remove the layers that no lock of a spec names\n\n"
	"Options:\n"
	"  --store=DIR  use this store, not your own ($XDG_DATA_HOME/venvfs/store)\n"
	"  --system     use the store of the host (" STORE_SYSTEM_PATH ")\n"
	"  --dry-run    gc: say what would be removed\n"
	"  --json       add, list: the result as a JSON array of objects\n"
	"  -h, --help   this text\n";

enum { OPTION_STORE = 's', OPTION_SYSTEM = 'S', OPTION_DRY_RUN = 'n', OPTION_JSON = 'j' };

static const struct option long_options[] = {
	{"store", required_argument, NULL, OPTION_STORE},
	{"system", no_argument, NULL, OPTION_SYSTEM},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct call {
	const struct command *command;
	char *path; /* of the store */
	bool json, dry_run;
	char **words;
	int count;
};

/* Opens the store; one that is not there is empty to those who only look. NULL and *status. */
static struct store *open_store(const struct call *call, enum store_mode mode, int *status)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store *store = NULL;
	int r = store_open(call->path, mode, &store, &error);

	*status = EXIT_OK;
	if (r == 0)
		return store;
	if (r != -ENOENT || error.message) {
		output_error(&error, r);
		*status = EXIT_FAILED;
	}
	return NULL;
}

/* add */

static void report_job(void *arg, const struct store_job *job)
{
	const struct call *call = arg;

	for (size_t i = 0; i < job->result.warnings.count; i++)
		output_warning("%s: %s", job->path, job->result.warnings.items[i]);
	if (job->code < 0)
		output_error(&job->error, job->code);
	else if (!call->json)
		store_report_added(job);
}

static int run_add(struct call *call)
{
	_cleanup_store_ struct store *store = NULL;
	struct store_job *jobs;
	int status;

	if (call->count == 0)
		return command_bad_usage(call->command, "add: a wheel is needed");
	store = open_store(call, STORE_ADD, &status);
	if (!store)
		return status;
	jobs = calloc((size_t)call->count, sizeof(*jobs));
	if (!jobs) {
		output_problem("%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	for (int i = 0; i < call->count; i++)
		jobs[i].path = call->words[i];
	store_import_many(store, jobs, (size_t)call->count, report_job, call);
	if (call->json)
		status = store_report_added_json(jobs, (size_t)call->count);
	for (int i = 0; i < call->count; i++) {
		if (jobs[i].code < 0)
			status = EXIT_FAILED;
		store_import_clear(&jobs[i].result);
		error_clear(&jobs[i].error);
	}
	free(jobs);
	return status;
}

/* list */

static int run_list(struct call *call)
{
	_cleanup_store_ struct store *store = NULL;
	int status;

	if (call->count > 0)
		return command_bad_usage(call->command, "list: it takes no arguments");
	store = open_store(call, STORE_READ, &status);
	return status == EXIT_OK ? store_report_list(store, call->json) : status;
}

/* verify */

static int verify_layer(void *arg, const char *digest)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store_checked *checked = arg;
	int r = store_verify_layer(checked->store, digest, &error);

	checked->count++;
	if (r < 0) {
		checked->damaged++;
		output_error(&error, r);
	}
	return 0;
}

static int run_verify(struct call *call)
{
	_cleanup_store_ struct store *store = NULL;
	struct store_checked checked = {0};
	int status, r;

	if (call->count > 0)
		return command_bad_usage(call->command, "verify: it takes no arguments");
	store = open_store(call, STORE_READ, &status);
	if (!store)
		return status;
	checked.store = store;
	r = store_each_layer(store, verify_layer, &checked);
	if (r < 0) {
		output_problem("%s: %s", call->path, strerror(-r));
		return EXIT_FAILED;
	}
	printf("%zu layer%s, %zu damaged\n", checked.count, checked.count == 1 ? "" : "s",
	       checked.damaged);
	return checked.damaged > 0 ? EXIT_FAILED : EXIT_OK;
}

/* remove, gc */

/* What a word on the command line means: a wheel's file name, or the digest of a layer. */
struct named {
	const char *word;
	struct string_list layers;
};

static int match_name(void *arg, const struct store_wheel *wheel)
{
	struct named *named = arg;

	if (strcmp(wheel->file, named->word) != 0 && strcmp(wheel->layer, named->word) != 0)
		return 0;
	/* Several wheels may have one layer. */
	for (size_t i = 0; i < named->layers.count; i++)
		if (strcmp(named->layers.items[i], wheel->layer) == 0)
			return 0;
	return string_list_add(&named->layers, wheel->layer, strlen(wheel->layer));
}

static int remove_layer(const struct store *store, const char *digest)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = store_remove_layer(store, digest, &error);

	if (r < 0)
		output_error(&error, r);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

/* @store is NULL when there is none. */
static int remove_named(const struct store *store, const char *word)
{
	struct named named = {.word = word};
	int r = store ? store_each_wheel(store, match_name, &named) : 0, status = EXIT_OK;

	if (r == 0 && store && named.layers.count == 0 && store_is_digest(word))
		r = string_list_add(&named.layers, word, strlen(word));
	if (r < 0 || named.layers.count == 0) {
		output_problem("'%s': %s", word,
			       r < 0 ? strerror(-r) : "no such wheel or layer is in the store");
		status = EXIT_FAILED;
	}
	for (size_t i = 0; status == EXIT_OK && i < named.layers.count; i++)
		status = remove_layer(store, named.layers.items[i]);
	string_list_clear(&named.layers);
	return status;
}

static int run_remove(struct call *call)
{
	_cleanup_store_ struct store *store = NULL;
	int status;

	if (call->count == 0)
		return command_bad_usage(call->command, "remove: a wheel or a digest is needed");
	store = open_store(call, STORE_REMOVE, &status);
	if (status != EXIT_OK)
		return status;
	for (int i = 0; i < call->count; i++)
		if (remove_named(store, call->words[i]) != EXIT_OK)
			status = EXIT_FAILED;
	return status;
}

static int run_gc(struct call *call)
{
	_cleanup_string_list_ struct string_list unused = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_store_ struct store *store = NULL;
	uint64_t freed = 0;
	size_t count = 0;
	int status, r;

	if (call->count > 0)
		return command_bad_usage(call->command, "gc: it takes no arguments");
	store = open_store(call, call->dry_run ? STORE_READ : STORE_REMOVE, &status);
	if (!store)
		return status;
	r = store_find_unused(store, call->dry_run, &unused, &error);
	if (r < 0) {
		output_error(&error, r);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < unused.count; i++) {
		uint64_t bytes;

		if (store_layer_usage(store, unused.items[i], &bytes) < 0)
			bytes = 0;
		if (!call->dry_run && remove_layer(store, unused.items[i]) != EXIT_OK) {
			status = EXIT_FAILED;
			continue;
		}
		freed += bytes;
		count++;
	}
	printf("%s %zu layer%s, %.1f MiB\n", call->dry_run ? "would remove" : "removed", count,
	       count == 1 ? "" : "s", (double)freed / (1024 * 1024));
	return status;
}

/* The whole. */

static const struct {
	const char *name;
	int (*run)(struct call *call);
} verbs[] = {
	{"add", run_add},       {"list", run_list}, {"verify", run_verify},
	{"remove", run_remove}, {"gc", run_gc},
};

static int run_verb(struct call *call, const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(call);
	return command_bad_usage(call->command, "unknown word '%s'", name);
}

static int set_path(struct call *call, const char *path)
{
	free(call->path);
	call->path = NULL;
	return path_absolute(path, NULL, &call->path);
}

static int store_run(const struct command *command, int argc, char *argv[])
{
	struct call call = {.command = command};
	int c, r = 0, status;

	while ((c = command_next_option(command, argc, argv)) != -1) {
		switch (c) {
		case OPTION_STORE:
			r = set_path(&call, optarg);
			break;
		case OPTION_SYSTEM:
			r = set_path(&call, STORE_SYSTEM_PATH);
			break;
		case OPTION_DRY_RUN:
			call.dry_run = true;
			break;
		case OPTION_JSON:
			call.json = true;
			break;
		case 'h':
			free(call.path);
			return command_print_help(command);
		default:
			free(call.path);
			return command_bad_option(command, argv, c);
		}
	}
	if (r == 0 && !call.path)
		r = store_user_path(&call.path);
	if (r < 0) {
		output_problem("no store: %s", strerror(-r));
		status = EXIT_FAILED;
	} else if (optind == argc) {
		status = command_bad_usage(command, "add, list, verify, remove or gc is needed");
	} else {
		call.words = argv + optind + 1;
		call.count = argc - optind - 1;
		status = run_verb(&call, argv[optind]);
	}
	free(call.path);
	return status;
}

const struct command command_store = {
	.name = "store",
	.summary = "keep packages, once for all environments",
	.usage = "[--store=DIR] [--json] add|list|verify|remove|gc [ARGUMENT...]",
	.help = help,
	.short_options = ":h",
	.long_options = long_options,
	.run = store_run,
};
