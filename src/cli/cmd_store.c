/* venvfs store */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "output.h"
#include "output_json.h"
#include "store_call.h"
#include "store_pythons.h"
#include "store_report.h"
#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"
#include "venvfs/progress.h"
#include "venvfs/store.h"

static const char help[] =
	"Keeps packages for all environments, each of them once.\n\n"
	"  add [--python=PYTHON]... WHEEL...\n"
	"                  import wheels\n"
	"  list            list the wheels that are in the store\n"
	"  show [--files] NAME...\n"
	"                  tell all about wheels, named by project, with ==VERSION if need be,\n"
	"                  by file or by the first digits of a digest, eight at least\n"
	"  verify          check every layer against its digests\n"
	"  verify --repair [WHEEL|DIR]...\n"
	"                  and replace those that are damaged, from the wheels given\n"
	"  remove NAME...  remove wheels, named as above, where one layer has the name\n"
	"  gc [--dry-run] [--force]\n"
	"                  remove the layers that no lock of a spec names\n\n"
	"Options:\n"
	"  --store=DIR      use this store, not your own ($XDG_DATA_HOME/venvfs/store)\n"
	"  --system         use the store of the host (" STORE_SYSTEM_PATH ")\n"
	"  --python=PYTHON  add: compile for this interpreter too; may be given several times\n"
	"  --dry-run        gc: say what would be removed\n"
	"  --force          gc: remove even from a store that other users may read\n"
	"  --files          show: list the files, too\n"
	"  --repair         verify: mend what can be mended\n"
	"  --json           the result as one JSON document\n"
	"  -h, --help       this text\n";

enum {
	OPTION_STORE = 's',
	OPTION_SYSTEM = 'S',
	OPTION_PYTHON = 'p',
	OPTION_DRY_RUN = 'n',
	OPTION_JSON = 'j',
	OPTION_FILES = 'f',
	OPTION_FORCE = 'F',
	OPTION_REPAIR = 'r',
};

static const struct option long_options[] = {
	{"store", required_argument, NULL, OPTION_STORE},
	{"system", no_argument, NULL, OPTION_SYSTEM},
	{"python", required_argument, NULL, OPTION_PYTHON},
	{"dry-run", no_argument, NULL, OPTION_DRY_RUN},
	{"json", no_argument, NULL, OPTION_JSON},
	{"files", no_argument, NULL, OPTION_FILES},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"repair", no_argument, NULL, OPTION_REPAIR},
	{"help", no_argument, NULL, 'h'},
	{0},
};

struct store *store_call_open(const struct store_call *call, enum store_mode mode, int *status)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct store *store = NULL;
	int r = store_open(call->path, mode, &store, &error);

	*status = EXIT_OK;
	if (r == 0)
		return store;
	/* One that is there and empty waits for its first wheel; so does the user's own. */
	if (r == -ENOENT && !error.message && call->explicit && access(call->path, F_OK) < 0) {
		error_set_errno(&error, -errno, "the wheel store %s", call->path);
		error_hint(&error, "'venvfs store add' makes one");
	}
	if (r != -ENOENT || error.message) {
		output_error(&error, r);
		*status = EXIT_FAILED;
	}
	return NULL;
}

/* add */

static void report_job(void *arg, const struct store_job *job)
{
	const struct store_call *call = arg;

	for (size_t i = 0; i < job->result.warnings.count; i++)
		output_warning("%s: %s", job->path, job->result.warnings.items[i]);
	if (job->code < 0)
		output_error(&job->error, job->code);
	else if (!call->json)
		store_report_added(job);
}

static int run_add(struct store_call *call)
{
	_cleanup_store_ struct store *store = NULL;
	struct store_job *jobs;
	size_t good = 0;
	int status;

	if (call->count == 0)
		return command_bad_usage(call->command, "add: a wheel is needed");
	store = store_call_open(call, STORE_ADD, &status);
	if (!store)
		return status;
	jobs = calloc((size_t)call->count, sizeof(*jobs));
	if (!jobs) {
		output_problem("%s", strerror(ENOMEM));
		return EXIT_FAILED;
	}
	for (int i = 0; i < call->count; i++)
		jobs[i].path = call->words[i];
	if (!call->explicit)
		store_set_above(store);
	progress_listen(output_progress);
	store_import_many(store, jobs, (size_t)call->count, report_job, call);
	/* From now on others may remove. */
	store_free(TAKE_PTR(store));
	if (call->json)
		status = store_report_added_json(jobs, (size_t)call->count);
	if (store_pythons_compile(&call->pythons, call->path, jobs, (size_t)call->count) != EXIT_OK)
		status = EXIT_FAILED;
	for (int i = 0; i < call->count; i++) {
		if (jobs[i].code < 0)
			status = EXIT_FAILED;
		else
			good++;
		store_import_clear(&jobs[i].result);
		error_clear(&jobs[i].error);
	}
	free(jobs);
	output_progress_end("%zu of %d wheels are in the store", good, call->count);
	return status;
}

/* list */

static int run_list(struct store_call *call)
{
	_cleanup_store_ struct store *store = NULL;
	int status;

	if (call->count > 0)
		return command_bad_usage(call->command, "list: it takes no arguments");
	store = store_call_open(call, STORE_READ, &status);
	return status == EXIT_OK ? store_report_list(store, call->json) : status;
}

/* remove, gc */

/* Says of a layer that is mounted what it is, and where. */
static void tell_mounted(const struct store *store, const char *digest, struct error *error)
{
	_cleanup_free_ char *name = store_layer_name(store, digest, NULL);
	_cleanup_free_ char *escaped = name ? output_escape(name) : NULL;
	_cleanup_string_list_ struct string_list locks = {0}, mounts = {0};
	_cleanup_buffer_ struct buffer places = {0};

	(void)store_layer_locks(store, digest, &locks);
	(void)store_layer_mounts(store, digest, &locks, &mounts);
	for (size_t i = 0; i < mounts.count; i++) {
		_cleanup_free_ char *place = output_escape(mounts.items[i]);

		buffer_printf(&places, "%s%s", i == 0 ? " at " : ", ", place ? place : "?");
	}
	error_clear(error);
	error_set(error, -EBUSY, "%s%sthe layer %s is mounted%s", escaped ? escaped : "",
		  escaped ? ": " : "", digest, places.data ? places.data : "");
}

static int remove_layer(const struct store *store, const char *digest, struct error *error)
{
	int r = store_remove_layer(store, digest, error);

	if (r == -EBUSY)
		tell_mounted(store, digest, error);
	if (r < 0)
		output_error(error, r);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}

/* A wheel that has the layer, to be told beside its digest. */
struct naming {
	const char *layer;
	struct buffer *out;
};

static int append_file(void *arg, const struct store_wheel *wheel)
{
	const struct naming *naming = arg;

	if (strcmp(wheel->layer, naming->layer) != 0)
		return 0;
	buffer_printf(naming->out, " (%s)", wheel->file);
	return 1;
}

/* A project has versions, and several layers may even be of wheels with one file name, such as one
 * that was built here and one of an index: a lock that has the one has no use for the other. */
static int refuse_several(const struct store *store, const char *word,
			  const struct string_list *layers, struct error *error)
{
	_cleanup_buffer_ struct buffer digests = {0};
	/* Else the word has a version already. */
	bool project = !strstr(word, "==") && !strstr(word, ".whl");

	for (size_t i = 0; i < layers->count; i++) {
		struct naming naming = {.layer = layers->items[i], .out = &digests};

		buffer_printf(&digests, "%s%s", i > 0 ? ", " : "", layers->items[i]);
		(void)store_each_wheel(store, append_file, &naming);
	}
	error_set(error, -EINVAL,
		  "'%s': several layers have it, so one must be named %s%sby its digest: %s", word,
		  project ? word : "", project ? "==VERSION or " : "",
		  digests.data ? digests.data : "");
	output_error(error, -EINVAL);
	return EXIT_FAILED;
}

/* @store is NULL when there is none. */
static int remove_named(const struct store *store, const char *word, struct store_report *report)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_string_list_ struct string_list layers = {0};
	int r = store ? store_match(store, word, &layers) : 0, status = EXIT_OK;

	if (r < 0 || layers.count == 0) {
		error_set(&error, -ENOENT, "'%s': %s", word,
			  r < 0 ? strerror(-r)
				: "no such wheel or layer is in the store; it is named by its "
				  "project, by the wheel's file or by eight or more digits of a "
				  "digest");
		output_error(&error, -ENOENT);
		status = EXIT_FAILED;
	}
	if (status == EXIT_OK && layers.count > 1)
		status = refuse_several(store, word, &layers, &error);
	if (status == EXIT_OK)
		status = remove_layer(store, layers.items[0], &error);
	store_report_removed(report, word, &layers, &error);
	return status;
}

static int run_remove(struct store_call *call)
{
	_cleanup_store_report_ struct store_report report = {.json = call->json};
	_cleanup_store_ struct store *store = NULL;
	int status;

	if (call->count == 0)
		return command_bad_usage(call->command, "remove: a wheel, a project or a digest is "
							"needed");
	store = store_call_open(call, STORE_REMOVE, &status);
	if (status != EXIT_OK)
		return status;
	for (int i = 0; i < call->count; i++)
		if (remove_named(store, call->words[i], &report) != EXIT_OK)
			status = EXIT_FAILED;
	return store_report_print(&report, status);
}

/* Names a layer that would be removed, as `list` does, by one of its wheels. */
static void print_unused(const struct store *store, const char *layer, uint64_t bytes)
{
	_cleanup_buffer_ struct buffer files = {0};
	struct naming naming = {.layer = layer, .out = &files};
	_cleanup_free_ char *escaped = NULL;

	(void)store_each_wheel(store, append_file, &naming);
	escaped = files.data ? output_escape(files.data) : NULL;
	printf("%.*s  %9.1f%s%s\n", SHORT_DIGEST, layer, (double)bytes / (1024 * 1024),
	       escaped ? " " : "", escaped ? escaped : "");
}

/* Removes the layers, or only lists and counts them. @refusal: why they are not removed. */
static int collect(const struct store_call *call, const struct store *store,
		   const struct string_list *unused, const struct error *refusal,
		   struct store_report *report)
{
	bool look = call->dry_run || refusal->message;
	uint64_t freed = 0;
	size_t count = 0, links = 0;
	int status = refusal->message ? EXIT_FAILED : EXIT_OK;

	for (size_t i = 0; i < unused->count; i++) {
		bool is_link = store_layer_is_link(store, unused->items[i]);
		_cleanup_error_ struct error error = ERROR_INIT;
		uint64_t bytes;

		if (store_layer_usage(store, unused->items[i], &bytes) < 0)
			bytes = 0;
		if (look && !call->json)
			print_unused(store, unused->items[i], bytes);
		if (!look && remove_layer(store, unused->items[i], &error) != EXIT_OK)
			status = EXIT_FAILED;
		store_report_collected(report, unused->items[i], bytes,
				       refusal->message ? refusal : &error);
		if (error.message)
			continue;
		freed += bytes;
		links += is_link;
		count += !is_link;
	}
	if (call->json)
		return status;
	if (links > 0)
		printf("%s %zu link%s in the place of layers\n", look ? "would remove" : "removed",
		       links, links == 1 ? "" : "s");
	printf("%s %zu layer%s, %.1f MiB\n", look ? "would remove" : "removed", count,
	       count == 1 ? "" : "s", (double)freed / (1024 * 1024));
	return status;
}

/* Whether the locks of others may name what is in the store: they cannot write to its roots/, so
 * theirs are not known. Nobody trusts the store of a user who is not root but that user. */
static bool is_shared(const struct store_call *call, const struct store *store)
{
	_cleanup_free_ char *real = realpath(store->path, NULL);
	struct stat st;

	if (!real || strcmp(real, STORE_SYSTEM_PATH) == 0)
		return true;
	return call->explicit && fstat(store->fd, &st) == 0 && st.st_uid == 0 &&
	       path_others_can_search(real);
}

static int run_gc(struct store_call *call)
{
	_cleanup_error_ struct error refusal = ERROR_INIT;
	_cleanup_store_report_ struct store_report report = {.json = call->json};
	_cleanup_string_list_ struct string_list unused = {0};
	_cleanup_error_ struct error error = ERROR_INIT;
	_cleanup_store_ struct store *store = NULL;
	bool shared;
	int status, r;

	if (call->count > 0)
		return command_bad_usage(call->command, "gc: it takes no arguments");
	store = store_call_open(call, call->dry_run ? STORE_READ : STORE_REMOVE, &status);
	if (!store)
		return status == EXIT_OK ? store_report_print(&report, status) : status;
	shared = !call->dry_run && !call->force && is_shared(call, store);
	r = store_find_unused(store, call->dry_run || shared, &unused, &error);
	if (r < 0) {
		output_error(&error, r);
		return EXIT_FAILED;
	}
	if (shared && unused.count > 0) {
		error_set(&refusal, -EPERM,
			  "other users may read the store %s, and which layers their locks name is "
			  "not known here: nothing is removed",
			  call->path);
		error_hint(&refusal, "with --force, what no lock that is known names is removed");
		output_error(&refusal, -EPERM);
	}
	status = collect(call, store, &unused, &refusal, &report);
	return store_report_print(&report, status);
}

struct store *store_call_open_system(const struct store_call *call)
{
	struct store *store = NULL;

	if (call->explicit || strcmp(call->path, STORE_SYSTEM_PATH) == 0)
		return NULL;
	return store_open(STORE_SYSTEM_PATH, STORE_READ, &store, NULL) == 0 ? store : NULL;
}

/* The whole. */

static const struct {
	const char *name;
	int (*run)(struct store_call *call);
} verbs[] = {
	{"add", run_add},
	{"list", run_list},
	{"show", store_show_run},
	{"verify", store_verify_run},
	{"remove", run_remove},
	{"gc", run_gc},
};

bool command_store_has(const char *verb)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, verb) == 0)
			return true;
	return false;
}

static int run_verb(struct store_call *call, const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(call);
	return command_bad_usage(call->command, "unknown word '%s'", name);
}

static int set_path(struct store_call *call, const char *path)
{
	free(call->path);
	call->path = NULL;
	call->explicit = true;
	return path_absolute(path, NULL, &call->path);
}

static void call_clear(struct store_call *call)
{
	string_list_clear(&call->pythons);
	free(call->path);
}

static int store_run(const struct command *command, int argc, char *argv[])
{
	struct store_call call = {.command = command};
	int c, r = 0, status;

	while ((c = command_next_option(command, argc, argv)) != -1) {
		switch (c) {
		case OPTION_STORE:
			r = set_path(&call, optarg);
			break;
		case OPTION_SYSTEM:
			r = set_path(&call, STORE_SYSTEM_PATH);
			break;
		case OPTION_PYTHON:
			r = string_list_add(&call.pythons, optarg, strlen(optarg));
			break;
		case OPTION_DRY_RUN:
			call.dry_run = true;
			break;
		case OPTION_JSON:
			call.json = true;
			break;
		case OPTION_FILES:
			call.files = true;
			break;
		case OPTION_FORCE:
			call.force = true;
			break;
		case OPTION_REPAIR:
			call.repair = true;
			break;
		case 'h':
			call_clear(&call);
			return command_print_help(command);
		default:
			call_clear(&call);
			return command_bad_option(command, argv, c);
		}
	}
	if (r == 0 && !call.path)
		r = store_user_path(&call.path);
	if (r < 0) {
		output_problem("no store: %s", strerror(-r));
		status = EXIT_FAILED;
	} else if (optind == argc) {
		status = command_bad_usage(command,
					   "add, list, show, verify, remove or gc is needed");
	} else {
		call.words = argv + optind + 1;
		call.count = argc - optind - 1;
		status = run_verb(&call, argv[optind]);
	}
	call_clear(&call);
	return status;
}

const struct command command_store = {
	.name = "store",
	.summary = "keep packages, once for all environments",
	.usage = "add|list|show|verify|remove|gc [OPTION...] [ARGUMENT...]",
	.help = help,
	.short_options = ":h",
	.long_options = long_options,
	.run = store_run,
};
