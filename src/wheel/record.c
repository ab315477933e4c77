#include "venvfs/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "record_hash.h"
#include "text.h"

/*
 * Takes the field at *p, in place: its quotes are gone and a NUL ends it. *p moves behind the comma
 * or becomes NULL at the end of the line. NULL: it is no field.
 */
static char *take_field(char **p)
{
	char *field = *p, *from = *p, *to = *p;

	if (*from != '"') {
		from += strcspn(from, ",\"");
		to = from;
	} else {
		for (from++; *from && (*from != '"' || from[1] == '"'); from++) {
			from += *from == '"';
			*to++ = *from;
		}
		if (*from++ != '"')
			return NULL;
	}
	if (*from != ',' && *from != '\0')
		return NULL;
	*p = *from == ',' ? from + 1 : NULL;
	*to = '\0';
	return field;
}

static bool read_size(const char *text, struct record_row *row)
{
	size_t digits = strspn(text, "0123456789");

	row->has_size = digits > 0;
	if (text[digits] != '\0' || digits > 18)
		return false;
	row->size = digits > 0 ? strtoull(text, NULL, 10) : 0;
	return true;
}

/* What is wrong with a line, or NULL. */
static const char *read_row(char *line, struct record_row *row)
{
	char *fields[3] = {NULL}, *rest = line;

	for (int i = 0; i < 3; i++) {
		fields[i] = rest ? take_field(&rest) : NULL;
		if (!fields[i])
			return "is no path, hash and size";
	}
	if (rest)
		return "has more than path, hash and size";
	if (fields[0][0] == '\0')
		return "has no path";
	row->path = fields[0];
	row->hash = fields[1][0] ? fields[1] : NULL;
	if (row->hash && !record_hash_is_valid(row->hash))
		return "has no hash that is known: sha256, sha384 or sha512";
	return read_size(fields[2], row) ? NULL : "has a size that is no number";
}

static int compare_rows(const void *a, const void *b)
{
	return strcmp(((const struct record_row *)a)->path, ((const struct record_row *)b)->path);
}

static bool rows_agree(const struct record_row *a, const struct record_row *b)
{
	return strcmp(a->hash ? a->hash : "", b->hash ? b->hash : "") == 0 &&
	       a->has_size == b->has_size && a->size == b->size;
}

static int add_rows(struct record *record, struct error *error)
{
	char *line = record->text, *next;
	size_t room = 0;

	for (size_t number = 1; line; number++, line = next) {
		size_t end = strcspn(line, "\r\n");
		const char *fault;

		next = line[end] ? line + end + (strncmp(line + end, "\r\n", 2) == 0) + 1 : NULL;
		line[end] = '\0';
		if (end == 0)
			continue;
		if (record->count == room) {
			struct record_row *rows;

			room = room > 0 ? room * 2 : 64;
			rows = reallocarray(record->rows, room, sizeof(*rows));
			if (!rows)
				return -ENOMEM;
			record->rows = rows;
		}
		fault = read_row(line, &record->rows[record->count]);
		if (fault)
			return error_set(error, -EINVAL, "line %zu of RECORD %s", number, fault);
		record->count++;
	}
	return 0;
}

/* Whether it is "d/__pycache__/NAME.pyc". */
static bool is_bytecode(const char *path)
{
	static const char directory[] = "__pycache__";
	const char *name = strrchr(path, '/'), *suffix = strrchr(path, '.');
	size_t before = name ? (size_t)(name - path) : 0, length = strlen(directory);

	return before >= length && strncmp(name - length, directory, length) == 0 &&
	       (before == length || path[before - length - 1] == '/') && suffix > name &&
	       strcmp(suffix, ".pyc") == 0;
}

/* A path may stand there twice, as some tools write it, but not with two meanings: one row of each
 * is kept. Of two of bytecode it is the one with a hash. */
static int join_rows(struct record *record, struct error *error)
{
	size_t count = 0;

	for (size_t i = 0; i < record->count; i++) {
		const struct record_row *row = &record->rows[i];
		struct record_row *before = count > 0 ? &record->rows[count - 1] : NULL;

		if (!before || strcmp(row->path, before->path) != 0)
			record->rows[count++] = *row;
		else if (!row->hash != !before->hash && is_bytecode(row->path))
			*before = row->hash ? *row : *before;
		else if (!rows_agree(before, row))
			return error_set(error, -EINVAL, "RECORD lists '%s' twice, differently",
					 QUOTE(row->path));
	}
	record->count = count;
	return 0;
}

int record_parse(const char *text, size_t length, struct record *out, struct error *error)
{
	_cleanup_record_ struct record record = {0};
	int r;

	if (memchr(text, '\0', length))
		return error_set(error, -EINVAL, "RECORD holds a NUL");
	record.text = strndup(text, length);
	if (!record.text)
		return -ENOMEM;
	r = add_rows(&record, error);
	if (r < 0)
		return r;
	if (record.count > 0)
		qsort(record.rows, record.count, sizeof(*record.rows), compare_rows);
	r = join_rows(&record, error);
	if (r < 0)
		return r;
	*out = record;
	record = (struct record){0};
	return 0;
}

int record_list_paths(const char *text, size_t length, struct string_list *out)
{
	_cleanup_free_ char *copy = strndup(text, length);
	char *line, *save = NULL;
	int r = copy ? 0 : -ENOMEM;

	for (line = copy ? strtok_r(copy, "\r\n", &save) : NULL; r == 0 && line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		char *rest = line;
		const char *path = take_field(&rest);

		if (path && *path)
			r = string_list_add(out, path, strlen(path));
	}
	return r;
}

void record_clear(struct record *record)
{
	free(record->rows);
	free(record->text);
	*record = (struct record){0};
}

const struct record_row *record_find(const struct record *record, const char *path)
{
	struct record_row key = {.path = path};

	if (record->count == 0)
		return NULL;
	return bsearch(&key, record->rows, record->count, sizeof(key), compare_rows);
}

/* Quoted where Python's csv module quotes. */
static void append_field(struct buffer *out, const char *field)
{
	bool quote = field[strcspn(field, ",\"\r\n")] != '\0';

	if (quote)
		buffer_putc(out, '"');
	for (; *field; field++) {
		if (*field == '"')
			buffer_putc(out, '"');
		buffer_putc(out, *field);
	}
	if (quote)
		buffer_putc(out, '"');
}

void record_append(struct buffer *out, const char *path, const char *hash, uint64_t size)
{
	append_field(out, path);
	if (hash)
		buffer_printf(out, ",%s,%" PRIu64 "\r\n", hash, size);
	else
		buffer_puts(out, ",,\r\n");
}
