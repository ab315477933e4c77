/* Where the wheels of requirements may lie, and what of them is not as their author thinks. */
#include <errno.h>

#include "lock_internal.h"
#include "venvfs/cleanup.h"
#include "venvfs/log.h"

/* The wheels of the places that the spec names; one that is not there is a mistake. */
static int gather_from_spec(struct making *making, bool *web, struct error_list *errors)
{
	const struct spec *spec = making->spec;
	int result = 0;

	for (size_t i = 0; i < spec->find_links.count; i++) {
		const char *place = spec->find_links.items[i];
		_cleanup_error_ struct error error = ERROR_INIT;
		int r = 0;

		if (place[0] == '/')
			r = candidates_add_directory(&making->candidates, place, &making->target);
		else
			*web = true;
		if (r < 0) {
			error_set_errno(&error, r, "wheels cannot be looked for in %s", place);
			error_at(&error, spec->path, spec->find_links_line);
			result = error_list_take(errors, &error, r);
		}
	}
	return result;
}

/* Those that the requirements name; pip passes over what is not there. */
static int gather_from_line(struct making *making, const struct requirements_line *line, bool *web,
			    struct error_list *errors)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	int r;

	if (line->value[0] != '/') {
		*web = true;
		return 0;
	}
	r = candidates_add_directory(&making->candidates, line->value, &making->target);
	if (r == -ENOENT) {
		log_warning("%s:%u: --find-links: there is no %s", line->file, line->line,
			    line->value);
		return 0;
	}
	if (r < 0) {
		error_set_errno(&error, r, "wheels cannot be looked for in %s", line->value);
		error_at(&error, line->file, line->line);
	}
	return error_list_take(errors, &error, r);
}

static int gather_from_stores(struct making *making, struct error_list *errors)
{
	const struct store *stores[] = {
		making->stores.items[0],
		making->store ? making->store : making->stores.items[1],
	};
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(stores) / sizeof(stores[0]); i++)
		if (stores[i])
			r = candidates_add_store(&making->candidates, stores[i], &making->target);
	if (r < 0)
		error_set_errno(&error, r, "wheels cannot be looked for");
	return error_list_take(errors, &error, r);
}

static void warn_of_editable(const struct requirements_line *line)
{
	log_warning("%s:%u: '%s' is built as it is now, and edits do not show before 'venvfs lock "
		    "--upgrade'; 'pip install -e' in the environment makes it editable",
		    line->file, line->line, line->text);
}

int gather(struct making *making, bool *web, struct error_list *errors)
{
	const struct requirements *requirements = making->inputs->requirements;
	_cleanup_error_ struct error error = ERROR_INIT;
	int r = target_ask(making->interpreter, &making->target, &error);

	*web = false;
	if (error_list_take(errors, &error, r) == 0)
		r = gather_from_spec(making, web, errors);
	for (size_t i = 0; requirements && r == 0 && i < requirements->count; i++) {
		const struct requirements_line *line = &requirements->lines[i];

		if (line->kind == REQUIREMENTS_FIND_LINKS)
			r = gather_from_line(making, line, web, errors);
		else if (line->editable)
			warn_of_editable(line);
	}
	return r < 0 ? r : gather_from_stores(making, errors);
}

void print_warnings(const struct resolution *resolution)
{
	for (size_t i = 0; i < resolution->warnings.count; i++)
		log_warning("%s", resolution->warnings.items[i]);
}
