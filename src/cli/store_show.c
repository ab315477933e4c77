/* venvfs store show */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "holders.h"
#include "output.h"
#include "output_json.h"
#include "status.h"
#include "store_call.h"
#include "store_report.h"
#include "venvfs/cleanup.h"
#include "venvfs/layer_details.h"
#include "venvfs/lockfile.h"
#include "venvfs/mountinfo.h"

/* All that is shown of a layer. */
struct shown {
	const struct store *store;
	const char *layer;
	struct layer_details details;
	struct string_list files, digests; /* of its wheels, side by side */
	struct string_list locks;
	struct string_list mounts; /* that show it */
	bool in_use;
};

static void shown_clear(struct shown *shown)
{
	layer_details_clear(&shown->details);
	string_list_clear(&shown->files);
	string_list_clear(&shown->digests);
	string_list_clear(&shown->locks);
	string_list_clear(&shown->mounts);
}

static int note_wheel(void *arg, const struct store_wheel *wheel)
{
	struct shown *shown = arg;
	int r;

	if (strcmp(wheel->layer, shown->layer) != 0)
		return 0;
	r = string_list_add(&shown->files, wheel->file, strlen(wheel->file));
	return r < 0 ? r : string_list_add(&shown->digests, wheel->wheel, strlen(wheel->wheel));
}

static bool names(const struct string_list *locks, const char *lock)
{
	for (size_t i = 0; lock && i < locks->count; i++)
		if (strcmp(locks->items[i], lock) == 0)
			return true;
	return false;
}

/* Whether the daemon of a mount holds the layer. No lock names the interpreter's own pip, and a
 * lock may have been made anew since the environment was mounted. */
static bool shows(const struct mountinfo_entry *mount, const struct stat *layer)
{
	_cleanup_status_ struct status status = {0};

	return status_read(mount->mountpoint, &status) == 0 && holders_has_open(status.pid, layer);
}

int store_layer_mounts(const struct store *store, const char *digest,
		       const struct string_list *locks, struct string_list *out)
{
	_cleanup_close_ int layer = store_open_layer(store, digest, NULL);
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	int r = mountinfo_read(&mounts);
	struct stat st;

	if (layer < 0 || fstat(layer, &st) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < mounts.count; i++) {
		const struct mountinfo_entry *mount = &mounts.entries[i];
		_cleanup_free_ char *lock = NULL;

		if (!mountinfo_is_venvfs(mount))
			continue;
		lock = lockfile_path(mount->source);
		if (names(locks, lock) || shows(mount, &st))
			r = string_list_add(out, mount->mountpoint, strlen(mount->mountpoint));
	}
	return r;
}

static int find_all(struct shown *shown, struct error *error)
{
	int r = layer_details_read(shown->store, shown->layer, &shown->details, error);

	if (r < 0)
		return r;
	r = store_each_wheel(shown->store, note_wheel, shown);
	if (r == 0)
		r = store_layer_locks(shown->store, shown->layer, &shown->locks);
	shown->in_use = store_layer_in_use(shown->store, shown->layer);
	if (r == 0 && shown->in_use)
		r = store_layer_mounts(shown->store, shown->layer, &shown->locks, &shown->mounts);
	return r < 0 ? error_set_errno(error, r, "%s", shown->store->path) : 0;
}

/* For people. */

#define LABEL_WIDTH 17

static void print_line(const char *label, const char *text)
{
	_cleanup_free_ char *escaped = output_escape(text);

	printf("%-*s%s\n", LABEL_WIDTH, label, escaped ? escaped : "");
}

static void print_list(const char *label, const struct string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		print_line(i == 0 ? label : "", list->items[i]);
}

static void print_files(const struct layer_details *details)
{
	for (size_t i = 0; i < details->file_count; i++) {
		_cleanup_free_ char *path = output_escape(details->files[i].path);

		printf("  %10llu  %s\n", (unsigned long long)details->files[i].size,
		       path ? path : "");
	}
}

static void print_shown(const struct shown *shown, bool files)
{
	const struct layer_details *details = &shown->details;
	_cleanup_free_ char *name = output_escape(details->name ? details->name : "?");
	_cleanup_free_ char *version = output_escape(details->version ? details->version : "?");

	printf("%s %s\n", name ? name : "", version ? version : "");
	if (details->summary)
		print_line("summary:", details->summary);
	print_list("wheel:", &shown->files);
	print_list("sha256:", &shown->digests);
	print_line("layer:", shown->layer);
	print_line("store:", shown->store->path);
	printf("%-*s%.1f MiB on disk, %zu files of %.1f MiB\n", LABEL_WIDTH,
	       "size:", (double)details->disk / (1024 * 1024), details->file_count,
	       (double)details->size / (1024 * 1024));
	print_list("tags:", &details->tags);
	if (details->requires_python)
		print_line("requires python:", details->requires_python);
	print_list("requires:", &details->requires);
	print_list("scripts:", &details->scripts);
	print_list("bytecode:", &details->bytecode);
	print_list("locks:", &shown->locks);
	print_list("mounted at:", &shown->mounts);
	print_line("in use:", shown->in_use ? "yes" : "no");
	if (files)
		print_files(details);
}

/* As JSON. */

static json_t *files_to_json(const struct layer_details *details)
{
	json_t *list = json_array();

	for (size_t i = 0; i < details->file_count; i++) {
		json_t *file =
			json_pack("{s:o, s:I}", "path", output_json_string(details->files[i].path),
				  "size", (json_int_t)details->files[i].size);

		if (json_array_append_new(list, file) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *wheels_to_json(const struct shown *shown)
{
	json_t *list = json_array();

	for (size_t i = 0; i < shown->files.count; i++) {
		json_t *wheel =
			json_pack("{s:o, s:o}", "file", output_json_string(shown->files.items[i]),
				  "sha256", output_json_string(shown->digests.items[i]));

		if (json_array_append_new(list, wheel) < 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static json_t *to_json(const struct shown *shown, bool files)
{
	const struct layer_details *details = &shown->details;
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:b}",
		"name", output_json_string(details->name), "version",
		output_json_string(details->version), "summary",
		output_json_string(details->summary), "layer", output_json_string(shown->layer),
		"store", output_json_string(shown->store->path), "wheels", wheels_to_json(shown),
		"bytes", (json_int_t)details->disk, "file_count", (json_int_t)details->file_count,
		"file_bytes", (json_int_t)details->size, "tags",
		output_json_strings(&details->tags), "requires_python",
		output_json_string(details->requires_python), "requires",
		output_json_strings(&details->requires), "scripts",
		output_json_strings(&details->scripts), "bytecode",
		output_json_strings(&details->bytecode), "locks",
		output_json_strings(&shown->locks), "mounts", output_json_strings(&shown->mounts),
		"in_use", shown->in_use);

	if (object && files && json_object_set_new(object, "files", files_to_json(details)) < 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

/* The whole. */

static int show_layer(const struct store_call *call, const struct store *store, const char *layer,
		      struct store_report *report)
{
	__attribute__((cleanup(shown_clear))) struct shown shown = {.store = store, .layer = layer};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = find_all(&shown, &error);

	if (r < 0) {
		output_error(&error, r);
		return EXIT_FAILED;
	}
	if (call->json) {
		store_report_add(report, to_json(&shown, call->files));
		return EXIT_OK;
	}
	if (report->count++ > 0)
		putchar('\n');
	print_shown(&shown, call->files);
	return EXIT_OK;
}

/* Shows what @word means in the store, which may be NULL. How many layers that are, or -errno. */
static int show_word(const struct store_call *call, const struct store *store, const char *word,
		     struct store_report *report, int *status)
{
	_cleanup_string_list_ struct string_list layers = {0};
	int r = store ? store_match(store, word, &layers) : 0;

	for (size_t i = 0; r >= 0 && i < layers.count; i++)
		if (show_layer(call, store, layers.items[i], report) != EXIT_OK)
			*status = EXIT_FAILED;
	return r < 0 ? r : (int)layers.count;
}

int store_show_run(struct store_call *call)
{
	_cleanup_store_report_ struct store_report report = {.json = call->json};
	_cleanup_store_ struct store *store = NULL, *system = NULL;
	int status;

	if (call->count == 0)
		return command_bad_usage(call->command, "show: a wheel, a project or a digest is "
							"needed");
	store = store_call_open(call, STORE_READ, &status);
	if (status != EXIT_OK)
		return status;
	system = store_call_open_system(call);
	for (int i = 0; i < call->count; i++) {
		int there = show_word(call, system, call->words[i], &report, &status);
		int here = there < 0 ? there
				     : show_word(call, store, call->words[i], &report, &status);

		if (here > 0 || there > 0)
			continue;
		output_problem("'%s': %s", call->words[i],
			       here < 0 ? strerror(-here)
					: "no such wheel or layer is in the store");
		status = EXIT_FAILED;
	}
	return store_report_print(&report, status);
}
