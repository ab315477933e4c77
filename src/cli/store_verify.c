/* venvfs store verify */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "output.h"
#include "output_json.h"
#include "store_call.h"
#include "store_report.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/layer_details.h"
#include "venvfs/path.h"
#include "venvfs/wheel_tags.h"

struct verification {
	const struct store *store;
	const struct store_call *call;
	struct string_list layers;
	struct string_list wheels; /* that layers may be repaired from */
	struct store_report report;
	size_t damaged, mended, sealed, unchecked;
	bool failed;
};

static void verification_clear(struct verification *self)
{
	string_list_clear(&self->layers);
	string_list_clear(&self->wheels);
	store_report_clear(&self->report);
}

static int note_layer(void *arg, const char *digest)
{
	struct verification *self = arg;

	return string_list_add(&self->layers, digest, strlen(digest));
}

/* Wheels that are given to repair from. */

static int add_file(struct string_list *wheels, const char *directory, const char *name)
{
	_cleanup_free_ char *path = NULL;
	size_t length = strlen(name);
	int r;

	if (length <= 4 || strcmp(name + length - 4, ".whl") != 0)
		return 0;
	r = path_join(directory, name, &path);
	return r < 0 ? r : string_list_add(wheels, path, strlen(path));
}

static int add_directory(struct string_list *wheels, const char *path)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	const struct dirent *entry;
	int r = dir ? 0 : -errno;

	while (r == 0 && (entry = readdir(dir)) != NULL)
		r = add_file(wheels, path, entry->d_name);
	return r;
}

static int gather_wheels(struct verification *self)
{
	int r = 0;

	for (int i = 0; r == 0 && i < self->call->count; i++) {
		const char *word = self->call->words[i];
		struct stat st;

		if (stat(word, &st) < 0)
			r = -errno;
		else if (S_ISDIR(st.st_mode))
			r = add_directory(&self->wheels, word);
		else
			r = string_list_add(&self->wheels, word, strlen(word));
		if (r < 0)
			output_problem("%s: %s", word, strerror(-r));
	}
	return r;
}

/* Layers. */

/* The name of a wheel that has the layer, for progress; to be freed. */
struct naming {
	const char *layer;
	char *file;
};

static int name_layer(void *arg, const struct store_wheel *wheel)
{
	struct naming *naming = arg;

	if (strcmp(wheel->layer, naming->layer) != 0)
		return 0;
	naming->file = strdup(wheel->file);
	return 1;
}

char *store_layer_name(const struct store *store, const char *digest, const char *file)
{
	_cleanup_wheel_name_ struct wheel_name name = {0};
	struct layer_details details = {0};
	char *text = NULL;
	int n = 0;

	if (file && wheel_name_parse(file, &name, NULL) == 0)
		n = asprintf(&text, "%s %s", name.name, name.version.text);
	else if (layer_details_read(store, digest, &details, NULL) == 0 && details.name)
		n = asprintf(&text, "%s %s", details.name, details.version ? details.version : "?");
	layer_details_clear(&details);
	return n < 0 ? NULL : text;
}

static const char *const states[] = {
	[STORE_REPAIR_NOTHING] = "good",      [STORE_REPAIR_SEALED] = "sealed",
	[STORE_REPAIR_REPLACED] = "replaced", [STORE_REPAIR_REMOVED] = "removed",
	[STORE_REPAIR_LEFT] = "damaged",      [STORE_REPAIR_BYTECODE] = "recompile",
};

/* A problem with the layer that people know by that name. */
static void print_problem(const char *name, const struct error *problem, const char *what)
{
	_cleanup_free_ char *escaped = name ? output_escape(name) : NULL;
	_cleanup_free_ char *text = problem->message ? error_format(problem) : NULL;

	output_problem("%s%s%s%s", escaped ? escaped : "", escaped ? ": " : "", what,
		       text ? text : strerror(ENOMEM));
}

static void tell_json(struct verification *self, const char *digest, const char *file,
		      const char *state, const struct error *problem)
{
	if (self->report.json)
		store_report_add(&self->report,
				 json_pack("{s:o, s:o, s:s, s:o}", "layer",
					   output_json_string(digest), "file",
					   output_json_string(file), "state", state, "error",
					   output_json_string(problem->message)));
}

/* Says why a layer could not be checked. */
static void tell_unchecked(struct verification *self, const char *digest, const char *file,
			   const struct error *problem)
{
	_cleanup_free_ char *name = store_layer_name(self->store, digest, file);

	print_problem(name, problem, "could not be checked: ");
	self->unchecked++;
	tell_json(self, digest, file, "unchecked", problem);
}

/* Says what was done about a layer, and counts it. @problem: how it was damaged. */
static void tell(struct verification *self, const char *digest, const char *file,
		 enum store_repair done, const struct error *problem)
{
	_cleanup_free_ char *name = file ? output_escape(file) : NULL;

	if (done != STORE_REPAIR_NOTHING && done != STORE_REPAIR_SEALED) {
		_cleanup_free_ char *known = store_layer_name(self->store, digest, file);

		print_problem(known, problem, "");
		self->damaged++;
	}
	if (done != STORE_REPAIR_NOTHING && done != STORE_REPAIR_SEALED &&
	    done != STORE_REPAIR_LEFT)
		self->mended++;
	self->sealed += done == STORE_REPAIR_SEALED;
	if (done != STORE_REPAIR_NOTHING && done != STORE_REPAIR_LEFT && !self->call->json) {
		output_progress_clear();
		printf("%.*s  %s  %s\n", SHORT_DIGEST, digest, states[done], name ? name : "");
	}
	tell_json(self, digest, file, states[done], problem);
}

static void warn_of_open(const struct store *store, const char *digest, const char *file)
{
	_cleanup_free_ char *name = store_layer_name(store, digest, file);
	_cleanup_free_ char *escaped = name ? output_escape(name) : NULL;

	output_warning(
		"%s%sthe layer %s can be written to: 'venvfs store verify --repair' seals it",
		escaped ? escaped : "", escaped ? ": " : "", digest);
}

static void check_layer(struct verification *self, const char *digest, const char *file)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	enum store_repair done = STORE_REPAIR_NOTHING;
	int r;

	if (self->call->repair) {
		r = store_repair_layer(self->store, digest, (const char *const *)self->wheels.items,
				       self->wheels.count, &done, &error);
		if (r < 0)
			done = STORE_REPAIR_LEFT;
	} else {
		r = store_verify_layer(self->store, digest, &error);
		if (r < 0)
			done = STORE_REPAIR_LEFT;
		else if (store_layer_is_open(self->store, digest))
			warn_of_open(self->store, digest, file);
	}
	if (r < 0 && store_is_unchecked(r))
		tell_unchecked(self, digest, file, &error);
	else
		tell(self, digest, file, done, &error);
}

static int finish(const struct verification *self)
{
	size_t total = self->layers.count;

	if (!self->call->json) {
		printf("%zu layer%s, %zu damaged", total, total == 1 ? "" : "s", self->damaged);
		if (self->call->repair)
			printf(", %zu mended", self->mended);
		if (self->sealed > 0)
			printf(", %zu sealed", self->sealed);
		if (self->unchecked > 0)
			printf(", %zu not checked", self->unchecked);
		putchar('\n');
	}
	if (self->damaged > self->mended || self->failed)
		return EXIT_FAILED;
	return self->unchecked > 0 ? EXIT_INCOMPLETE : EXIT_OK;
}

static int check_all(struct verification *self)
{
	size_t total = self->layers.count;

	for (size_t i = 0; i < total; i++) {
		struct naming naming = {.layer = self->layers.items[i]};

		(void)store_each_wheel(self->store, name_layer, &naming);
		output_progress(i + 1, total, naming.file ? naming.file : naming.layer);
		check_layer(self, self->layers.items[i], naming.file);
		free(naming.file);
	}
	if (self->call->repair) {
		int r = store_remove_leftovers(self->store);

		if (r < 0)
			output_problem("%s: %s", self->store->path, strerror(-r));
		else if (r > 0 && !self->call->json)
			printf("removed %d leftover%s\n", r, r == 1 ? "" : "s");
		self->failed = r < 0;
	}
	output_progress_clear();
	return finish(self);
}

int store_verify_run(struct store_call *call)
{
	__attribute__((cleanup(verification_clear))) struct verification self = {
		.call = call, .report = {.json = call->json}};
	_cleanup_store_ struct store *store = NULL;
	int status, r;

	if (call->count > 0 && !call->repair)
		return command_bad_usage(call->command,
					 "verify: it takes no arguments without --repair");
	if (gather_wheels(&self) < 0)
		return EXIT_FAILED;
	store = store_call_open(call, call->repair ? STORE_REMOVE : STORE_READ, &status);
	if (!store)
		return status == EXIT_OK ? store_report_print(&self.report, status) : status;
	self.store = store;
	r = store_each_layer(store, note_layer, &self);
	if (r < 0) {
		output_problem("%s: %s", call->path, strerror(-r));
		return store_is_unchecked(r) ? EXIT_INCOMPLETE : EXIT_FAILED;
	}
	return store_report_print(&self.report, check_all(&self));
}
