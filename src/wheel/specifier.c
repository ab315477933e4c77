#include "venvfs/specifier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

/* Those that others begin with come after them. */
static const struct {
	const char *text;
	enum specifier_comparison comparison;
} comparisons[] = {
	{"~=", SPECIFIER_COMPATIBLE}, {"===", SPECIFIER_ARBITRARY}, {"==", SPECIFIER_EQUAL},
	{"!=", SPECIFIER_NOT_EQUAL},  {"<=", SPECIFIER_AT_MOST},    {">=", SPECIFIER_AT_LEAST},
	{"<", SPECIFIER_LESS},        {">", SPECIFIER_GREATER},
};

/* "===" compares text: any, but without white space and what ends a specifier elsewhere. */
static int parse_arbitrary(const char *text, size_t length, struct specifier *out)
{
	int r;

	if (length == 0)
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		if (ascii_is_space(text[i]) || text[i] == ';' || text[i] == ')')
			return -EINVAL;
	}
	r = version_parse(text, length, &out->version);
	if (r == -ENOMEM)
		return r;
	out->arbitrary = strndup(text, length);
	return out->arbitrary ? 0 : -ENOMEM;
}

static int parse_version(const char *text, size_t length, struct specifier *out)
{
	bool equality =
		out->comparison == SPECIFIER_EQUAL || out->comparison == SPECIFIER_NOT_EQUAL;
	struct version *version = &out->version;
	int r;

	if (equality && text_ends_with(text, length, ".*")) {
		out->prefix = true;
		length -= 2;
		/* "1.0 .*" is not "1.0.*". */
		if (length == 0 || ascii_is_space(text[length - 1]))
			return -EINVAL;
	}
	r = version_parse(text, length, version);
	if (r < 0)
		return r;
	if (out->prefix &&
	    (version->pre.text || version->post.text || version->dev.text || version->local.text))
		return -EINVAL;
	if (!equality && version->local.text)
		return -EINVAL;
	if (out->comparison == SPECIFIER_COMPATIBLE && version_release_count(version) < 2)
		return -EINVAL;
	return 0;
}

int specifier_parse(const char *text, size_t length, struct specifier *out)
{
	struct specifier specifier = {0};
	size_t count = sizeof(comparisons) / sizeof(comparisons[0]), i = 0;
	int r;

	text_trim(&text, &length);
	while (i < count && !text_starts_with(text, length, comparisons[i].text))
		i++;
	if (i == count)
		return -EINVAL;
	specifier.comparison = comparisons[i].comparison;
	text += strlen(comparisons[i].text);
	length -= strlen(comparisons[i].text);
	text_trim(&text, &length);
	if (specifier.comparison == SPECIFIER_ARBITRARY)
		r = parse_arbitrary(text, length, &specifier);
	else
		r = parse_version(text, length, &specifier);
	if (r < 0)
		specifier_clear(&specifier);
	else
		*out = specifier;
	return r;
}

void specifier_clear(struct specifier *specifier)
{
	version_clear(&specifier->version);
	free(specifier->arbitrary);
	*specifier = (struct specifier){0};
}

static bool equal(const struct specifier *specifier, const struct version *version)
{
	const struct version *wanted = &specifier->version;

	if (specifier->prefix)
		return version_release_matches(version, wanted, version_release_count(wanted));
	if (wanted->local.text)
		return version_compare(version, wanted) == 0;
	return version_compare_public(version, wanted) == 0;
}

/* "~=1.4.5" is ">=1.4.5,==1.4.*". */
static bool compatible(const struct version *wanted, const struct version *version)
{
	return version_compare_public(version, wanted) >= 0 &&
	       version_release_matches(version, wanted, version_release_count(wanted) - 1);
}

static bool part_equal(struct version_part a, struct version_part b)
{
	return (a.text != NULL) == (b.text != NULL) &&
	       text_compare_numbers(a.text, a.length, b.text, b.length) == 0;
}

/* "<2" does not take a pre-release of 2, nor "<2.post1" one of 2.post1; "<2rc1" takes 2a1. */
static bool less(const struct version *wanted, const struct version *version)
{
	if (version_compare(version, wanted) >= 0)
		return false;
	if (version_is_prerelease(wanted) || version_compare_release(version, wanted) != 0)
		return true;
	return wanted->post.text && (version->pre.text || !part_equal(version->post, wanted->post));
}

/* ">1" takes neither "1+local" nor a post-release of 1, nor ">1a1" one of 1a1; ">1.post1" takes
 * 1.post2, and ">1a1" 1.post1. */
static bool greater(const struct version *wanted, const struct version *version)
{
	if (version_compare_public(version, wanted) <= 0)
		return false;
	if (wanted->post.text || wanted->dev.text || !version->post.text)
		return true;
	return version_compare_release(version, wanted) != 0 ||
	       version->pre_phase != wanted->pre_phase || !part_equal(version->pre, wanted->pre);
}

bool specifier_contains(const struct specifier *specifier, const struct version *version)
{
	const struct version *wanted = &specifier->version;

	switch (specifier->comparison) {
	case SPECIFIER_COMPATIBLE:
		return compatible(wanted, version);
	case SPECIFIER_EQUAL:
		return equal(specifier, version);
	case SPECIFIER_NOT_EQUAL:
		return !equal(specifier, version);
	case SPECIFIER_AT_MOST:
		return version_compare_public(version, wanted) <= 0;
	case SPECIFIER_AT_LEAST:
		return version_compare_public(version, wanted) >= 0;
	case SPECIFIER_LESS:
		return less(wanted, version);
	case SPECIFIER_GREATER:
		return greater(wanted, version);
	case SPECIFIER_ARBITRARY:
		return strcasecmp(version->text, specifier->arbitrary) == 0;
	}
	return false;
}

int specifier_set_parse(const char *text, size_t length, struct specifier_set *out,
			struct error *error)
{
	_cleanup_specifier_set_ struct specifier_set set = {0};

	while (length > 0) {
		const char *comma = memchr(text, ',', length), *item = text;
		size_t item_length = comma ? (size_t)(comma - text) : length;
		struct specifier *items;
		int r;

		text += item_length + (comma != NULL);
		length -= item_length + (comma != NULL);
		text_trim(&item, &item_length);
		if (item_length == 0)
			continue;
		items = reallocarray(set.items, set.count + 1, sizeof(*items));
		if (!items)
			return -ENOMEM;
		set.items = items;
		r = specifier_parse(item, item_length, &items[set.count]);
		if (r == -EINVAL)
			return error_set(error, r, "'%s' is not a version specifier",
					 QUOTE_TEXT(item, item_length));
		if (r < 0)
			return r;
		set.count++;
	}
	*out = set;
	set = (struct specifier_set){0};
	return 0;
}

void specifier_set_clear(struct specifier_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		specifier_clear(&set->items[i]);
	free(set->items);
	*set = (struct specifier_set){0};
}

bool specifier_set_contains(const struct specifier_set *set, const struct version *version)
{
	for (size_t i = 0; i < set->count; i++) {
		if (!specifier_contains(&set->items[i], version))
			return false;
	}
	return true;
}

bool specifier_set_names_prerelease(const struct specifier_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct specifier *item = &set->items[i];

		if (item->comparison != SPECIFIER_NOT_EQUAL &&
		    version_is_prerelease(&item->version))
			return true;
	}
	return false;
}

const struct version *specifier_set_pin(const struct specifier_set *set)
{
	const struct specifier *only = set->items;

	if (set->count != 1 || only->prefix || !only->version.text)
		return NULL;
	if (only->comparison != SPECIFIER_EQUAL && only->comparison != SPECIFIER_ARBITRARY)
		return NULL;
	return &only->version;
}
