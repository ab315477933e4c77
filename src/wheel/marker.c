#include "venvfs/marker.h"

#include <errno.h>
#include <string.h>

#include "venvfs/buffer.h"
#include "venvfs/cleanup.h"
#include "venvfs/project_name.h"
#include "venvfs/specifier.h"
#include "text.h"

static const char *const variable_names[MARKER_VARIABLE_COUNT] = {
	[MARKER_OS_NAME] = "os_name",
	[MARKER_SYS_PLATFORM] = "sys_platform",
	[MARKER_PLATFORM_MACHINE] = "platform_machine",
	[MARKER_PLATFORM_PYTHON_IMPLEMENTATION] = "platform_python_implementation",
	[MARKER_PLATFORM_RELEASE] = "platform_release",
	[MARKER_PLATFORM_SYSTEM] = "platform_system",
	[MARKER_PLATFORM_VERSION] = "platform_version",
	[MARKER_PYTHON_VERSION] = "python_version",
	[MARKER_PYTHON_FULL_VERSION] = "python_full_version",
	[MARKER_IMPLEMENTATION_NAME] = "implementation_name",
	[MARKER_IMPLEMENTATION_VERSION] = "implementation_version",
	[MARKER_EXTRA] = "extra",
	[MARKER_EXTRAS] = "extras",
	[MARKER_DEPENDENCY_GROUPS] = "dependency_groups",
};

/* Names from before PEP 508, which old wheels still use. */
static const struct {
	const char *name;
	enum marker_variable variable;
} old_names[] = {
	{"os.name", MARKER_OS_NAME},
	{"sys.platform", MARKER_SYS_PLATFORM},
	{"platform.version", MARKER_PLATFORM_VERSION},
	{"platform.machine", MARKER_PLATFORM_MACHINE},
	{"platform.python_implementation", MARKER_PLATFORM_PYTHON_IMPLEMENTATION},
	{"python_implementation", MARKER_PLATFORM_PYTHON_IMPLEMENTATION},
};

const char *marker_variable_name(enum marker_variable variable)
{
	return variable_names[variable];
}

/*
 * A recursive descent that evaluates while it reads. Nothing is kept of a marker but its text:
 * they are short, and read once for each requirement. Without an environment it only reads.
 */
struct reader {
	const char *marker;
	const char *p; /* what comes next */
	const struct marker_environment *environment;
	unsigned depth;
	struct error *error;
};

/* One side of a comparison. */
struct operand {
	enum marker_variable variable; /* MARKER_VARIABLE_COUNT: none, it is a literal */
	const char *text;              /* the literal, or the value of the variable */
	size_t length;
};

enum marker_operator {
	OPERATOR_ARBITRARY,
	OPERATOR_EQUAL,
	OPERATOR_COMPATIBLE,
	OPERATOR_NOT_EQUAL,
	OPERATOR_AT_MOST,
	OPERATOR_AT_LEAST,
	OPERATOR_LESS,
	OPERATOR_GREATER,
	OPERATOR_IN,
	OPERATOR_NOT_IN,
};

/* "===" comes before "==", and "<=" before "<", so that the first that fits is the right one. */
static const char *const operator_names[] = {
	[OPERATOR_ARBITRARY] = "===", [OPERATOR_EQUAL] = "==",   [OPERATOR_COMPATIBLE] = "~=",
	[OPERATOR_NOT_EQUAL] = "!=",  [OPERATOR_AT_MOST] = "<=", [OPERATOR_AT_LEAST] = ">=",
	[OPERATOR_LESS] = "<",        [OPERATOR_GREATER] = ">",  [OPERATOR_IN] = "in",
	[OPERATOR_NOT_IN] = "not in",
};

static int expected(const struct reader *reader, const char *what)
{
	const char *marker = reader->marker;

	if (*reader->p == '\0')
		return error_set(reader->error, -EINVAL, "the marker '%s' ends where %s should be",
				 QUOTE(marker), what);
	return error_set(reader->error, -EINVAL, "the marker '%s' has no %s at '%s'", QUOTE(marker),
			 what, QUOTE(reader->p));
}

static void skip_space(struct reader *reader)
{
	while (ascii_is_space(*reader->p))
		reader->p++;
}

static bool is_word_char(char c)
{
	return ascii_is_alnum(c) || c == '_' || c == '.';
}

/* The length of the word that comes next; 0: it is something else. */
static size_t word_length(const struct reader *reader)
{
	size_t length = 0;

	while (is_word_char(reader->p[length]))
		length++;
	return length;
}

static bool skip_word(struct reader *reader, const char *word)
{
	size_t length;

	skip_space(reader);
	length = word_length(reader);
	if (!text_equals(reader->p, length, word))
		return false;
	reader->p += length;
	return true;
}

static bool find_variable(const char *name, size_t length, enum marker_variable *out)
{
	for (size_t i = 0; i < MARKER_VARIABLE_COUNT; i++) {
		if (text_equals(name, length, variable_names[i])) {
			*out = (enum marker_variable)i;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(old_names) / sizeof(old_names[0]); i++) {
		if (text_equals(name, length, old_names[i].name)) {
			*out = old_names[i].variable;
			return true;
		}
	}
	return false;
}

/* A quoted string has no escapes (PEP 508): one with a backslash means different things to
 * different readers, so it is refused. */
static int read_literal(struct reader *reader, struct operand *out)
{
	const char *start = reader->p + 1, *end = strchr(start, *reader->p);

	if (!end)
		return expected(reader, "closing quote");
	if (memchr(start, '\\', (size_t)(end - start)))
		return expected(reader, "plain string (without a backslash)");
	*out = (struct operand){MARKER_VARIABLE_COUNT, start, (size_t)(end - start)};
	reader->p = end + 1;
	return 0;
}

static int read_operand(struct reader *reader, struct operand *out)
{
	const char *value;
	size_t length;

	skip_space(reader);
	if (*reader->p == '"' || *reader->p == '\'')
		return read_literal(reader, out);
	length = word_length(reader);
	if (!find_variable(reader->p, length, &out->variable))
		return expected(reader, "variable or quoted string");
	reader->p += length;
	value = reader->environment ? reader->environment->values[out->variable] : NULL;
	out->text = value ? value : "";
	out->length = strlen(out->text);
	return 0;
}

static int read_operator(struct reader *reader, enum marker_operator *out)
{
	skip_space(reader);
	for (int i = OPERATOR_ARBITRARY; i <= OPERATOR_GREATER; i++) {
		size_t length = strlen(operator_names[i]);

		if (strncmp(reader->p, operator_names[i], length) == 0) {
			reader->p += length;
			*out = (enum marker_operator)i;
			return 0;
		}
	}
	if (skip_word(reader, "in")) {
		*out = OPERATOR_IN;
		return 0;
	}
	if (skip_word(reader, "not") && skip_word(reader, "in")) {
		*out = OPERATOR_NOT_IN;
		return 0;
	}
	return expected(reader, "comparison");
}

static bool holds_version(enum marker_variable variable)
{
	return variable == MARKER_PYTHON_VERSION || variable == MARKER_PYTHON_FULL_VERSION ||
	       variable == MARKER_IMPLEMENTATION_VERSION || variable == MARKER_PLATFORM_RELEASE;
}

static bool holds_set(enum marker_variable variable)
{
	return variable == MARKER_EXTRAS || variable == MARKER_DEPENDENCY_GROUPS;
}

/* 1 or 0 where operator and right side are a version specifier; -ENOENT where they are not. */
static int compare_versions(const struct operand *left, enum marker_operator op,
			    const struct operand *right)
{
	_cleanup_buffer_ struct buffer text = {0};
	_cleanup_version_ struct version version = {0};
	struct specifier specifier;
	int r;

	buffer_puts(&text, operator_names[op]);
	buffer_append(&text, right->text, right->length);
	r = buffer_status(&text);
	if (r < 0)
		return r;
	r = specifier_parse(text.data, text.length, &specifier);
	if (r < 0)
		return r == -EINVAL ? -ENOENT : r;
	r = version_parse(left->text, left->length, &version);
	if (r == 0)
		r = specifier_contains(&specifier, &version);
	else if (r == -EINVAL)
		r = 0; /* what is no version satisfies no specifier */
	specifier_clear(&specifier);
	return r;
}

/* 1, 0, or -EINVAL. */
static int compare_texts(const struct reader *reader, const struct operand *left,
			 enum marker_operator op, const struct operand *right)
{
	bool equal =
		left->length == right->length && memcmp(left->text, right->text, left->length) == 0;
	bool within = memmem(right->text, right->length, left->text, left->length) != NULL;

	switch (op) {
	case OPERATOR_IN:
		return within;
	case OPERATOR_NOT_IN:
		return !within;
	case OPERATOR_EQUAL:
	case OPERATOR_AT_MOST:
	case OPERATOR_AT_LEAST:
		return equal;
	case OPERATOR_NOT_EQUAL:
		return !equal;
	case OPERATOR_LESS:
	case OPERATOR_GREATER:
		return 0;
	case OPERATOR_COMPATIBLE:
	case OPERATOR_ARBITRARY:
		break;
	}
	return error_set(reader->error, -EINVAL, "'%s' in the marker '%s' compares no versions",
			 operator_names[op], QUOTE(reader->marker));
}

/* Names of extras have many spellings (PEP 685). */
static int compare_extras(const struct reader *reader, const struct operand *left,
			  enum marker_operator op, const struct operand *right)
{
	_cleanup_free_ char *a = project_name_normalise(left->text, left->length);
	_cleanup_free_ char *b = project_name_normalise(right->text, right->length);

	if (!a || !b)
		return -ENOMEM;
	return compare_texts(reader, &(struct operand){MARKER_EXTRA, a, strlen(a)}, op,
			     &(struct operand){MARKER_EXTRA, b, strlen(b)});
}

/* Whether @name is one of @names, which have commas between them. */
static bool is_member(const struct operand *name, const char *names)
{
	while (*names) {
		size_t length = strcspn(names, ",");

		if (project_name_equal(names, length, name->text, name->length))
			return true;
		names += length + (names[length] == ',');
	}
	return false;
}

/* 1, 0, or a negative errno. */
static int compare(const struct reader *reader, const struct operand *left, enum marker_operator op,
		   const struct operand *right)
{
	enum marker_variable variable =
		left->variable != MARKER_VARIABLE_COUNT ? left->variable : right->variable;
	bool membership = op == OPERATOR_IN || op == OPERATOR_NOT_IN;
	int r;

	if (holds_set(left->variable) || (holds_set(right->variable) && !membership))
		return error_set(reader->error, -EINVAL,
				 "the marker '%s' may only ask whether a name is in '%s'",
				 QUOTE(reader->marker), variable_names[variable]);
	if (holds_set(right->variable))
		return is_member(left, right->text) == (op == OPERATOR_IN);
	if (holds_version(variable) && !membership) {
		r = compare_versions(left, op, right);
		if (r != -ENOENT)
			return r;
	}
	if (variable == MARKER_EXTRA)
		return compare_extras(reader, left, op, right);
	return compare_texts(reader, left, op, right);
}

/* "os_name == 'posix'" */
static int read_comparison(struct reader *reader, bool *out)
{
	enum marker_operator op = OPERATOR_EQUAL;
	struct operand left, right;
	int r;

	r = read_operand(reader, &left);
	if (r == 0)
		r = read_operator(reader, &op);
	if (r == 0)
		r = read_operand(reader, &right);
	if (r < 0)
		return r;
	if ((left.variable == MARKER_VARIABLE_COUNT) == (right.variable == MARKER_VARIABLE_COUNT))
		return error_set(reader->error, -EINVAL,
				 "the marker '%s' must compare a variable with a quoted string",
				 QUOTE(reader->marker));
	if (!reader->environment)
		return 0;
	r = compare(reader, &left, op, &right);
	*out = r > 0;
	return r < 0 ? r : 0;
}

static int read_or(struct reader *reader, bool *out);

/* A comparison, or a whole marker in parentheses. */
static int read_atom(struct reader *reader, bool *out)
{
	int r;

	skip_space(reader);
	if (*reader->p != '(')
		return read_comparison(reader, out);
	if (++reader->depth > MARKER_DEPTH_MAX)
		return error_set(reader->error, -EINVAL, "the marker '%s' is nested too deeply",
				 QUOTE(reader->marker));
	reader->p++;
	r = read_or(reader, out);
	if (r < 0)
		return r;
	skip_space(reader);
	if (*reader->p != ')')
		return expected(reader, "closing parenthesis");
	reader->p++;
	reader->depth--;
	return 0;
}

static int read_and(struct reader *reader, bool *out)
{
	int r = read_atom(reader, out);

	while (r == 0 && skip_word(reader, "and")) {
		bool more = false;

		r = read_atom(reader, &more);
		*out = *out && more;
	}
	return r;
}

static int read_or(struct reader *reader, bool *out)
{
	int r = read_and(reader, out);

	while (r == 0 && skip_word(reader, "or")) {
		bool more = false;

		r = read_and(reader, &more);
		*out = *out || more;
	}
	return r;
}

static int read_marker(struct reader *reader, bool *out)
{
	int r = read_or(reader, out);

	if (r < 0)
		return r;
	skip_space(reader);
	return *reader->p == '\0' ? 0 : expected(reader, "'and' or 'or'");
}

int marker_check(const char *marker, struct error *error)
{
	struct reader reader = {.marker = marker, .p = marker, .error = error};
	bool ignored = false;

	return read_marker(&reader, &ignored);
}

int marker_evaluate(const char *marker, const struct marker_environment *environment, bool *out,
		    struct error *error)
{
	struct reader reader = {
		.marker = marker, .p = marker, .environment = environment, .error = error};
	bool value = false;
	int r = read_marker(&reader, &value);

	if (r == 0)
		*out = value;
	return r;
}
