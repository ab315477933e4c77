#include "store_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "output.h"
#include "output_json.h"
#include "venvfs/cleanup.h"
#include "venvfs/path.h"

void store_report_added(const struct store_job *job)
{
	_cleanup_free_ char *name = output_escape(path_basename(job->path));

	output_progress_clear();
	printf("%.*s  %s%s\n", SHORT_DIGEST, job->result.layer, name ? name : "",
	       job->result.above     ? "  (already in the system store)"
	       : job->result.existed ? "  (was there)"
				     : "");
}

int store_report_added_json(const struct store_job *jobs, size_t count)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < count; i++) {
		const struct store_job *job = &jobs[i];
		const char *problem = job->code == 0       ? NULL
				      : job->error.message ? job->error.message
							   : strerror(-job->code);
		json_t *object = json_pack(
			"{s:o, s:o, s:o, s:b, s:b, s:o}", "path", output_json_string(job->path),
			"sha256", output_json_string(job->code == 0 ? job->result.wheel : NULL),
			"layer", output_json_string(job->code == 0 ? job->result.layer : NULL),
			"existed", job->result.existed, "system", job->result.above, "error",
			output_json_string(problem));

		if (json_array_append_new(list, object) < 0)
			return output_json(NULL);
	}
	return output_json(list);
}

/* The wheels, gathered to be sorted. */
struct gathered {
	struct row {
		char *file;
		char wheel[STORE_DIGEST_SIZE], layer[STORE_DIGEST_SIZE];
	} * rows;
	size_t count;
};

static int gather(void *arg, const struct store_wheel *wheel)
{
	struct gathered *gathered = arg;
	struct row *rows = reallocarray(gathered->rows, gathered->count + 1, sizeof(*rows));
	struct row *row;

	if (!rows)
		return -1;
	gathered->rows = rows;
	row = &rows[gathered->count];
	row->file = strdup(wheel->file);
	if (!row->file)
		return -1;
	memcpy(row->wheel, wheel->wheel, STORE_DIGEST_SIZE);
	memcpy(row->layer, wheel->layer, STORE_DIGEST_SIZE);
	gathered->count++;
	return 0;
}

static int by_file(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	return order ? order : strcmp(x->wheel, y->wheel);
}

static int print_rows_json(const struct store *store, const struct gathered *gathered)
{
	_cleanup_json_ json_t *list = json_array();

	for (size_t i = 0; i < gathered->count; i++) {
		const struct row *row = &gathered->rows[i];
		uint64_t bytes = 0;
		json_t *object;

		(void)store_layer_usage(store, row->layer, &bytes);
		object = json_pack("{s:o, s:o, s:o, s:I}", "file", output_json_string(row->file),
				   "sha256", output_json_string(row->wheel), "layer",
				   output_json_string(row->layer), "bytes", (json_int_t)bytes);
		if (json_array_append_new(list, object) < 0)
			return output_json(NULL);
	}
	return output_json(list);
}

static void print_rows(const struct store *store, const struct gathered *gathered)
{
	if (gathered->count > 0)
		printf("%-*s  %9s  WHEEL\n", SHORT_DIGEST, "LAYER", "MiB");
	for (size_t i = 0; i < gathered->count; i++) {
		const struct row *row = &gathered->rows[i];
		_cleanup_free_ char *file = output_escape(row->file);
		uint64_t bytes = 0;

		(void)store_layer_usage(store, row->layer, &bytes);
		printf("%.*s  %9.1f  %s\n", SHORT_DIGEST, row->layer, (double)bytes / (1024 * 1024),
		       file ? file : "");
	}
}

int store_report_list(const struct store *store, bool json)
{
	struct gathered gathered = {0};
	int status = EXIT_OK;

	if (store && store_each_wheel(store, gather, &gathered) < 0) {
		output_problem("%s cannot be listed", store->path);
		status = EXIT_FAILED;
	} else {
		if (gathered.count > 0)
			qsort(gathered.rows, gathered.count, sizeof(*gathered.rows), by_file);
		if (json)
			status = print_rows_json(store, &gathered);
		else
			print_rows(store, &gathered);
	}
	for (size_t i = 0; i < gathered.count; i++)
		free(gathered.rows[i].file);
	free(gathered.rows);
	return status;
}

/* JSON, row by row. */

void store_report_add(struct store_report *report, json_t *object)
{
	if (!report->json) {
		json_decref(object);
		return;
	}
	if (!report->list)
		report->list = json_array();
	if (json_array_append_new(report->list, object) < 0)
		report->failed = true;
}

void store_report_removed(struct store_report *report, const char *word,
			  const struct string_list *layers, const struct error *error)
{
	if (report->json)
		store_report_add(report,
				 json_pack("{s:o, s:o, s:o}", "name", output_json_string(word),
					   "layers", output_json_strings(layers), "error",
					   output_json_string(error->message)));
}

void store_report_collected(struct store_report *report, const char *layer, uint64_t bytes,
			    const struct error *error)
{
	if (report->json)
		store_report_add(report,
				 json_pack("{s:o, s:I, s:o}", "layer", output_json_string(layer),
					   "bytes", (json_int_t)bytes, "error",
					   output_json_string(error->message)));
}

int store_report_print(struct store_report *report, int status)
{
	if (!report->json)
		return status;
	if (!report->list)
		report->list = json_array();
	return output_json(report->failed ? NULL : report->list) == EXIT_OK ? status : EXIT_FAILED;
}
