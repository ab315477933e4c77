#include <string.h>

#include "store_call.h"
#include "venvfs/project_name.h"
#include "venvfs/version.h"
#include "venvfs/wheel_tags.h"

#define PREFIX_MIN 8

/* What a word on the command line means. */
struct meaning {
	const char *word;
	size_t name_length; /* of "NAME" or "NAME==VERSION" */
	const char *version_text;
	struct version version; /* of version_text */
	bool has_version;
	bool is_digits; /* it may begin a digest */
	struct string_list *layers;
};

/* Several wheels may have one layer. */
static int add(struct string_list *layers, const char *digest)
{
	return string_list_has(layers, digest) ? 0
					       : string_list_add(layers, digest, strlen(digest));
}

static bool is_project(const struct meaning *meaning, const char *file)
{
	_cleanup_wheel_name_ struct wheel_name name = {0};

	if (wheel_name_parse(file, &name, NULL) < 0 ||
	    !project_name_equal(name.name, strlen(name.name), meaning->word, meaning->name_length))
		return false;
	if (!meaning->version_text)
		return true;
	return meaning->has_version && version_compare(&name.version, &meaning->version) == 0;
}

static int match_wheel(void *arg, const struct store_wheel *wheel)
{
	const struct meaning *meaning = arg;
	size_t length = strlen(meaning->word);
	bool matches =
		strcmp(wheel->file, meaning->word) == 0 ||
		(meaning->is_digits && (strncmp(wheel->layer, meaning->word, length) == 0 ||
					strncmp(wheel->wheel, meaning->word, length) == 0)) ||
		is_project(meaning, wheel->file);

	return matches ? add(meaning->layers, wheel->layer) : 0;
}

/* A layer to which no wheel leads any more. */
static int match_layer(void *arg, const char *digest)
{
	const struct meaning *meaning = arg;

	return strncmp(digest, meaning->word, strlen(meaning->word)) == 0
		       ? add(meaning->layers, digest)
		       : 0;
}

int store_match(const struct store *store, const char *word, struct string_list *layers)
{
	struct meaning meaning = {.word = word, .name_length = strlen(word), .layers = layers};
	const char *equals = strstr(word, "==");
	int r;

	meaning.is_digits =
		strlen(word) >= PREFIX_MIN && strspn(word, "0123456789abcdef") == strlen(word);
	if (equals) {
		meaning.name_length = (size_t)(equals - word);
		meaning.version_text = equals + 2;
		meaning.has_version =
			version_parse(equals + 2, strlen(equals + 2), &meaning.version) == 0;
	}
	r = store_each_wheel(store, match_wheel, &meaning);
	if (r == 0 && meaning.is_digits)
		r = store_each_layer(store, match_layer, &meaning);
	if (meaning.has_version)
		version_clear(&meaning.version);
	return r;
}
