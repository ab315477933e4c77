#include "venvfs/wheel_tags.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/project_name.h"
#include "text.h"

/* The longest name that file systems take. */
#define FILE_NAME_MAX 255

struct part {
	const char *text;
	size_t length;
};

/* Splits at the dashes. Returns how many parts there are, which may be more than fit. */
static size_t split(const char *text, size_t length, struct part *parts, size_t room)
{
	size_t count = 0;

	for (;;) {
		const char *dash = memchr(text, '-', length);
		size_t end = dash ? (size_t)(dash - text) : length;

		if (count < room)
			parts[count] = (struct part){text, end};
		count++;
		if (!dash)
			return count;
		text += end + 1;
		length -= end + 1;
	}
}

/* Words of letters, digits and "_", with dots between them. */
static bool is_tag(struct part part)
{
	bool word = false;

	for (size_t i = 0; i < part.length; i++) {
		bool dot = part.text[i] == '.';

		if (!dot && !ascii_is_alnum(part.text[i]) && part.text[i] != '_')
			return false;
		if (dot && !word)
			return false;
		word = !dot;
	}
	return word;
}

/* Dashes in names and versions are written as "_", runs of them as one. */
static bool is_name(struct part part)
{
	return project_name_is_valid(part.text, part.length) &&
	       !memmem(part.text, part.length, "__", 2);
}

static char *copy_lower(struct part part)
{
	char *copy = strndup(part.text, part.length);

	for (char *p = copy; p && *p; p++)
		*p = ascii_to_lower(*p);
	return copy;
}

/* Fills @name from the parts, of which @build may be empty. */
static int fill(const struct part *parts, struct part build, const struct part *tags,
		struct wheel_name *name)
{
	int r = version_parse(parts[1].text, parts[1].length, &name->version);

	if (r < 0)
		return r;
	name->name = strndup(parts[0].text, parts[0].length);
	name->normalised = project_name_normalise(parts[0].text, parts[0].length);
	name->python = copy_lower(tags[0]);
	name->abi = copy_lower(tags[1]);
	name->platform = copy_lower(tags[2]);
	if (build.length > 0)
		name->build = strndup(build.text, build.length);
	if (!name->name || !name->normalised || !name->python || !name->abi || !name->platform ||
	    (build.length > 0 && !name->build))
		return -ENOMEM;
	return 0;
}

int wheel_name_parse(const char *file_name, struct wheel_name *out, struct error *error)
{
	size_t length = strlen(file_name), count;
	_cleanup_wheel_name_ struct wheel_name name = {0};
	struct part parts[6], build = {0};
	const struct part *tags;
	const char *wrong = NULL;
	int r;

	if (length > FILE_NAME_MAX || !text_ends_with(file_name, length, ".whl"))
		return error_set(error, -EINVAL, "'%s' is not the file name of a wheel",
				 QUOTE(file_name));
	count = split(file_name, length - strlen(".whl"), parts, 6);
	if (count != 5 && count != 6)
		return error_set(
			error, -EINVAL,
			"'%s' is not the file name of a wheel: it has %zu parts, not 5 or 6",
			QUOTE(file_name), count);
	tags = &parts[count - 3];
	if (count == 6)
		build = parts[2];
	if (!is_name(parts[0]))
		wrong = "its name is wrong";
	else if (count == 6 && (!is_tag(build) || !ascii_is_digit(build.text[0])))
		wrong = "its build number is wrong";
	else if (!is_tag(tags[0]) || !is_tag(tags[1]) || !is_tag(tags[2]))
		wrong = "its tags are wrong";
	r = wrong ? -EINVAL : fill(parts, build, tags, &name);
	if (r == -EINVAL)
		return error_set(error, r, "'%s' is not the file name of a wheel: %s",
				 QUOTE(file_name), wrong ? wrong : "its version is wrong");
	if (r < 0)
		return r;
	*out = name;
	name = (struct wheel_name){0};
	return 0;
}

void wheel_name_clear(struct wheel_name *name)
{
	free(name->name);
	free(name->normalised);
	version_clear(&name->version);
	free(name->build);
	free(name->python);
	free(name->abi);
	free(name->platform);
	*name = (struct wheel_name){0};
}

int wheel_name_compare_builds(const struct wheel_name *a, const struct wheel_name *b)
{
	const char *x = a->build ? a->build : "", *y = b->build ? b->build : "";
	size_t x_digits = strspn(x, "0123456789"), y_digits = strspn(y, "0123456789");
	int r;

	if (!a->build || !b->build)
		return (a->build != NULL) - (b->build != NULL);
	r = text_compare_numbers(x, x_digits, y, y_digits);
	return r != 0 ? r : strcmp(x + x_digits, y + y_digits);
}

struct supported {
	const char *tag; /* points into the list */
	int rank;
};

struct wheel_tags {
	char *list;
	struct supported *items; /* sorted by tag, then by rank */
	size_t count;
};

static int compare_supported(const void *a, const void *b)
{
	const struct supported *x = a, *y = b;
	int r = strcmp(x->tag, y->tag);

	return r != 0 ? r : (x->rank > y->rank) - (x->rank < y->rank);
}

static int compare_tag(const void *key, const void *item)
{
	return strcmp(key, ((const struct supported *)item)->tag);
}

int wheel_tags_new(const char *list, struct wheel_tags **out)
{
	_cleanup_wheel_tags_ struct wheel_tags *tags = calloc(1, sizeof(*tags));
	static const char space[] = " \t\r\n";
	char *rest = NULL;
	size_t unique = 0;

	if (!tags)
		return -ENOMEM;
	tags->list = strdup(list);
	/* A tag takes two bytes at least, the space behind it included. */
	tags->items = calloc(strlen(list) / 2 + 1, sizeof(*tags->items));
	if (!tags->list || !tags->items)
		return -ENOMEM;
	for (char *p = tags->list; *p; p++)
		*p = ascii_to_lower(*p);
	for (char *tag = strtok_r(tags->list, space, &rest); tag;
	     tag = strtok_r(NULL, space, &rest)) {
		tags->items[tags->count] = (struct supported){tag, (int)tags->count};
		tags->count++;
	}
	if (tags->count == 0)
		return -EINVAL;
	qsort(tags->items, tags->count, sizeof(*tags->items), compare_supported);
	/* Of a tag that is listed twice, the better place counts. */
	for (size_t i = 0; i < tags->count; i++) {
		if (i == 0 || strcmp(tags->items[i].tag, tags->items[unique - 1].tag) != 0)
			tags->items[unique++] = tags->items[i];
	}
	tags->count = unique;
	*out = TAKE_PTR(tags);
	return 0;
}

void wheel_tags_free(struct wheel_tags *tags)
{
	if (!tags)
		return;
	free(tags->list);
	free(tags->items);
	free(tags);
}

void wheel_tags_freep(struct wheel_tags **tags)
{
	wheel_tags_free(*tags);
}

/* Takes the first of the words between dots off *rest; false when none is left. */
static bool next_word(const char **rest, struct part *word)
{
	if (**rest == '\0')
		return false;
	word->text = *rest;
	word->length = strcspn(*rest, ".");
	*rest += word->length;
	*rest += **rest == '.';
	return true;
}

int wheel_tags_rank(const struct wheel_tags *tags, const struct wheel_name *name)
{
	const char *pythons = name->python;
	struct part python, abi, platform;
	int best = -ENOENT;

	/* A file name is short: even the worst one has some ten thousand combinations. */
	while (next_word(&pythons, &python)) {
		const char *abis = name->abi;

		while (next_word(&abis, &abi)) {
			const char *platforms = name->platform;

			while (next_word(&platforms, &platform)) {
				char tag[FILE_NAME_MAX + 1];
				const struct supported *found;

				snprintf(tag, sizeof(tag), "%.*s-%.*s-%.*s", (int)python.length,
					 python.text, (int)abi.length, abi.text,
					 (int)platform.length, platform.text);
				found = bsearch(tag, tags->items, tags->count, sizeof(*tags->items),
						compare_tag);
				if (found && (best < 0 || found->rank < best))
					best = found->rank;
			}
		}
	}
	return best;
}
