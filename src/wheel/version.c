#include "venvfs/version.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

/* Reading: one pass from left to right that writes the normalised text as it goes. */
struct scanner {
	const char *text;
	const char *end;
	char *out; /* where the next normalised byte goes */
};

static bool is_separator(char c)
{
	return c == '.' || c == '-' || c == '_';
}

static bool skip_char(struct scanner *scanner, char c)
{
	if (scanner->text == scanner->end || *scanner->text != c)
		return false;
	scanner->text++;
	return true;
}

static void skip_separator(struct scanner *scanner)
{
	if (scanner->text < scanner->end && is_separator(*scanner->text))
		scanner->text++;
}

/* Takes @word, in whatever case. */
static bool skip_word(struct scanner *scanner, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(scanner->end - scanner->text) < length ||
	    strncasecmp(scanner->text, word, length) != 0)
		return false;
	scanner->text += length;
	return true;
}

static void write_bytes(struct scanner *scanner, const char *bytes, size_t length)
{
	scanner->out = mempcpy(scanner->out, bytes, length);
}

/* Copies a number without its leading zeros. False, and nothing done, where there is none. */
static bool copy_number(struct scanner *scanner)
{
	const char *start = scanner->text;

	while (scanner->text < scanner->end && ascii_is_digit(*scanner->text))
		scanner->text++;
	if (scanner->text == start)
		return false;
	while (start + 1 < scanner->text && *start == '0')
		start++;
	write_bytes(scanner, start, (size_t)(scanner->text - start));
	return true;
}

/* As copy_number(), where "no number" is a 0. */
static struct version_part copy_implicit_number(struct scanner *scanner)
{
	struct version_part part = {.text = scanner->out};

	if (!copy_number(scanner))
		write_bytes(scanner, "0", 1);
	part.length = (size_t)(scanner->out - part.text);
	return part;
}

static void read_epoch(struct scanner *scanner, struct version *version)
{
	struct scanner ahead = *scanner;

	if (!copy_number(&ahead) || !skip_char(&ahead, '!'))
		return;
	if (scanner->out[0] == '0') {
		/* An epoch of 0 is not written. */
		scanner->text = ahead.text;
		return;
	}
	version->epoch = (struct version_part){scanner->out, (size_t)(ahead.out - scanner->out)};
	*scanner = ahead;
	write_bytes(scanner, "!", 1);
}

static bool read_release(struct scanner *scanner, struct version *version)
{
	version->release.text = scanner->out;
	if (!copy_number(scanner))
		return false;
	for (;;) {
		struct scanner ahead = *scanner;

		/* The dot may also be that of ".post1". */
		if (!skip_char(&ahead, '.'))
			break;
		write_bytes(&ahead, ".", 1);
		if (!copy_number(&ahead))
			break;
		*scanner = ahead;
	}
	version->release.length = (size_t)(scanner->out - version->release.text);
	return true;
}

static void read_pre(struct scanner *scanner, struct version *version)
{
	static const struct {
		const char *word, *normalised;
	} phases[] = {
		/* Longer words before those that they begin with. */
		{"alpha", "a"},    {"a", "a"},    {"beta", "b"}, {"b", "b"},
		{"preview", "rc"}, {"pre", "rc"}, {"c", "rc"},   {"rc", "rc"},
	};
	struct scanner ahead = *scanner;

	skip_separator(&ahead);
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		if (!skip_word(&ahead, phases[i].word))
			continue;
		write_bytes(&ahead, phases[i].normalised, strlen(phases[i].normalised));
		skip_separator(&ahead);
		version->pre_phase = phases[i].normalised[0];
		version->pre = copy_implicit_number(&ahead);
		*scanner = ahead;
		return;
	}
}

static void read_post(struct scanner *scanner, struct version *version)
{
	struct scanner ahead = *scanner;

	/* "1.0-1" is "1.0.post1". */
	if (skip_char(&ahead, '-') && ahead.text < ahead.end && ascii_is_digit(*ahead.text)) {
		write_bytes(&ahead, ".post", 5);
		version->post = copy_implicit_number(&ahead);
		*scanner = ahead;
		return;
	}
	ahead = *scanner;
	skip_separator(&ahead);
	if (!skip_word(&ahead, "post") && !skip_word(&ahead, "rev") && !skip_word(&ahead, "r"))
		return;
	skip_separator(&ahead);
	write_bytes(&ahead, ".post", 5);
	version->post = copy_implicit_number(&ahead);
	*scanner = ahead;
}

static void read_dev(struct scanner *scanner, struct version *version)
{
	struct scanner ahead = *scanner;

	skip_separator(&ahead);
	if (!skip_word(&ahead, "dev"))
		return;
	skip_separator(&ahead);
	write_bytes(&ahead, ".dev", 4);
	version->dev = copy_implicit_number(&ahead);
	*scanner = ahead;
}

/* One word of a local version: its digits as a number, else in lower case. */
static bool copy_local_word(struct scanner *scanner)
{
	const char *start = scanner->text;
	bool number = true;

	while (scanner->text < scanner->end && ascii_is_alnum(*scanner->text))
		number = ascii_is_digit(*scanner->text++) && number;
	if (scanner->text == start)
		return false;
	while (number && start + 1 < scanner->text && *start == '0')
		start++;
	while (start < scanner->text)
		*scanner->out++ = ascii_to_lower(*start++);
	return true;
}

static bool read_local(struct scanner *scanner, struct version *version)
{
	if (!skip_char(scanner, '+'))
		return true;
	write_bytes(scanner, "+", 1);
	version->local.text = scanner->out;
	for (;;) {
		if (!copy_local_word(scanner))
			return false;
		if (scanner->text == scanner->end || !is_separator(*scanner->text))
			break;
		scanner->text++;
		write_bytes(scanner, ".", 1);
	}
	version->local.length = (size_t)(scanner->out - version->local.text);
	return true;
}

int version_parse(const char *text, size_t length, struct version *out)
{
	struct version version = {0};
	struct scanner scanner;

	text_trim(&text, &length);
	if (length == 0 || length > VERSION_MAX)
		return -EINVAL;
	/* What normalising adds at most: "1c-1dev" becomes "1rc1.dev0", "1r" "1.post0". */
	version.text = malloc(length + sizeof("rc0.post0.dev0"));
	if (!version.text)
		return -ENOMEM;
	scanner = (struct scanner){text, text + length, version.text};
	if (!skip_char(&scanner, 'v'))
		skip_char(&scanner, 'V');
	read_epoch(&scanner, &version);
	if (!read_release(&scanner, &version))
		goto invalid;
	read_pre(&scanner, &version);
	read_post(&scanner, &version);
	read_dev(&scanner, &version);
	if (!read_local(&scanner, &version) || scanner.text != scanner.end)
		goto invalid;
	*scanner.out = '\0';
	*out = version;
	return 0;

invalid:
	version_clear(&version);
	return -EINVAL;
}

void version_clear(struct version *version)
{
	free(version->text);
	*version = (struct version){0};
}

/* Takes the first of the words between dots off @rest; false when none is left. */
static bool next_word(struct version_part *rest, struct version_part *word)
{
	const char *dot;

	if (rest->length == 0)
		return false;
	dot = memchr(rest->text, '.', rest->length);
	word->text = rest->text;
	word->length = dot ? (size_t)(dot - rest->text) : rest->length;
	rest->text += word->length + (dot != NULL);
	rest->length -= word->length + (dot != NULL);
	return true;
}

static int compare_numbers(struct version_part a, struct version_part b)
{
	return text_compare_numbers(a.text, a.length, b.text, b.length);
}

int version_compare_release(const struct version *a, const struct version *b)
{
	struct version_part a_rest = a->release, b_rest = b->release;
	int r = compare_numbers(a->epoch, b->epoch);

	while (r == 0 && (a_rest.length > 0 || b_rest.length > 0)) {
		struct version_part x = {0}, y = {0};

		next_word(&a_rest, &x);
		next_word(&b_rest, &y);
		r = compare_numbers(x, y);
	}
	return r;
}

/* Where a version stands among those of its release: "1.dev1" before all that have a phase, "1a1"
 * in their order, "1" and "1.post1" after them. */
static int pre_rank(const struct version *version)
{
	if (version->pre_phase)
		return version->pre_phase;
	return !version->post.text && version->dev.text ? 0 : 'z';
}

/* Numbers that may be missing; @missing is where a missing one stands: -1 before all, 1 after. */
static int compare_optional(struct version_part a, struct version_part b, int missing)
{
	if (!a.text || !b.text)
		return ((a.text == NULL) - (b.text == NULL)) * missing;
	return compare_numbers(a, b);
}

static bool is_number(struct version_part word)
{
	for (size_t i = 0; i < word.length; i++) {
		if (!ascii_is_digit(word.text[i]))
			return false;
	}
	return true;
}

/* Numbers by value, other words as bytes, and any number after any other word. */
static int compare_local_words(struct version_part a, struct version_part b)
{
	size_t shorter = a.length < b.length ? a.length : b.length;
	int r;

	if (is_number(a) && is_number(b))
		return compare_numbers(a, b);
	if (is_number(a) != is_number(b))
		return is_number(a) ? 1 : -1;
	r = memcmp(a.text, b.text, shorter);
	return r != 0 ? r : (a.length > b.length) - (a.length < b.length);
}

/* Word by word; one that the other goes on from comes first. */
static int compare_local(struct version_part a, struct version_part b)
{
	for (;;) {
		struct version_part x = {0}, y = {0};
		bool more_a = next_word(&a, &x), more_b = next_word(&b, &y);
		int r;

		if (!more_a || !more_b)
			return more_a - more_b;
		r = compare_local_words(x, y);
		if (r != 0)
			return r;
	}
}

int version_compare_public(const struct version *a, const struct version *b)
{
	int r = version_compare_release(a, b);

	if (r == 0)
		r = pre_rank(a) - pre_rank(b);
	if (r == 0)
		r = compare_numbers(a->pre, b->pre);
	if (r == 0)
		r = compare_optional(a->post, b->post, -1);
	if (r == 0)
		r = compare_optional(a->dev, b->dev, 1);
	return r;
}

int version_compare(const struct version *a, const struct version *b)
{
	int r = version_compare_public(a, b);

	return r != 0 ? r : compare_local(a->local, b->local);
}

size_t version_release_count(const struct version *version)
{
	struct version_part rest = version->release, word;
	size_t count = 0;

	while (next_word(&rest, &word))
		count++;
	return count;
}

bool version_release_matches(const struct version *a, const struct version *b, size_t count)
{
	struct version_part a_rest = a->release, b_rest = b->release;

	if (compare_numbers(a->epoch, b->epoch) != 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct version_part x = {0}, y = {0};

		next_word(&a_rest, &x);
		next_word(&b_rest, &y);
		if (compare_numbers(x, y) != 0)
			return false;
	}
	return true;
}

bool version_is_prerelease(const struct version *version)
{
	return version->pre.text || version->dev.text;
}
