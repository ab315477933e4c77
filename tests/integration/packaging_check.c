/*
 * What src/wheel makes of versions, specifiers, markers and requirements, for packaging.test to
 * compare with what Python's packaging library makes of them.
 *
 * Each line of standard input is a question, with tabs between its fields; each line of standard
 * output is the answer to one:
 *
 *	version TEXT               normalised
 *	compare A B                -1, 0 or 1
 *	contains SPECIFIERS A      yes or no: whether they take the version A
 *	prerelease SPECIFIERS      yes or no: whether they name one
 *	name TEXT                  normalised
 *	environment NAME=VALUE...  "" ; for the markers that follow
 *	marker TEXT                yes or no
 *	requirement TEXT A...      name, extras, URL, whether it applies, and which versions it
 *takes
 *
 * What is not well-formed is answered by "invalid".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "venvfs/cleanup.h"
#include "venvfs/marker.h"
#include "venvfs/project_name.h"
#include "venvfs/requirement.h"
#include "venvfs/specifier.h"
#include "venvfs/version.h"

#define FIELDS_MAX 32

struct question {
	char *fields[FIELDS_MAX];
	int count;
};

static struct marker_environment environment;

static void answer(int r, const char *text)
{
	puts(r == 0 ? text : "invalid");
}

static void answer_bool(int r, bool value)
{
	answer(r, value ? "yes" : "no");
}

static int parse_version(const char *text, struct version *out)
{
	return version_parse(text, strlen(text), out);
}

static void ask_version(const struct question *question)
{
	_cleanup_version_ struct version version = {0};

	int r = parse_version(question->fields[1], &version);

	answer(r, version.text);
}

static void ask_compare(const struct question *question)
{
	_cleanup_version_ struct version a = {0}, b = {0};
	int r = parse_version(question->fields[1], &a);

	if (r == 0)
		r = parse_version(question->fields[2], &b);
	if (r == 0)
		printf("%d\n", version_compare(&a, &b) > 0 ? 1 : -(version_compare(&a, &b) < 0));
	else
		puts("invalid");
}

static void ask_contains(const struct question *question)
{
	_cleanup_specifier_set_ struct specifier_set set = {0};
	_cleanup_version_ struct version version = {0};
	const char *text = question->fields[1];
	int r = specifier_set_parse(text, strlen(text), &set, NULL);

	if (r == 0)
		r = parse_version(question->fields[2], &version);
	answer_bool(r, r == 0 && specifier_set_contains(&set, &version));
}

static void ask_prerelease(const struct question *question)
{
	_cleanup_specifier_set_ struct specifier_set set = {0};
	const char *text = question->fields[1];
	int r = specifier_set_parse(text, strlen(text), &set, NULL);

	answer_bool(r, specifier_set_names_prerelease(&set));
}

static void ask_name(const struct question *question)
{
	const char *name = question->fields[1];
	_cleanup_free_ char *normalised = project_name_normalise(name, strlen(name));

	answer(project_name_is_valid(name, strlen(name)) ? 0 : -1, normalised);
}

static void ask_environment(const struct question *question)
{
	for (int i = 1; i < question->count; i++) {
		char *equals = strchr(question->fields[i], '=');

		for (int k = 0; equals && k < MARKER_VARIABLE_COUNT; k++) {
			const char *name = marker_variable_name((enum marker_variable)k);

			if (strlen(name) != (size_t)(equals - question->fields[i]) ||
			    strncmp(name, question->fields[i], strlen(name)) != 0)
				continue;
			free((char *)environment.values[k]);
			environment.values[k] = strdup(equals + 1);
		}
	}
	puts("");
}

static void ask_marker(const struct question *question)
{
	bool value = false;
	int r = marker_check(question->fields[1], NULL);

	if (r == 0)
		r = marker_evaluate(question->fields[1], &environment, &value, NULL);
	answer_bool(r, value);
}

static void ask_requirement(const struct question *question)
{
	_cleanup_requirement_ struct requirement *requirement = NULL;
	const char *text = question->fields[1];
	bool applies = false;

	if (requirement_parse(text, strlen(text), &requirement, NULL) < 0 ||
	    requirement_applies(requirement, &environment, NULL, &applies, NULL) < 0) {
		puts("invalid");
		return;
	}
	printf("%s\t", requirement->normalised);
	for (size_t i = 0; i < requirement->extras.count; i++)
		printf("%s%s", i > 0 ? "," : "", requirement->extras.items[i]);
	printf("\t%s\t%s", requirement->url ? requirement->url : "", applies ? "yes" : "no");
	for (int i = 2; i < question->count; i++) {
		_cleanup_version_ struct version version = {0};
		bool taken = parse_version(question->fields[i], &version) == 0 &&
			     specifier_set_contains(&requirement->specifiers, &version);

		printf("\t%s", taken ? "yes" : "no");
	}
	putchar('\n');
}

static const struct {
	const char *name;
	int fields;
	void (*ask)(const struct question *question);
} questions[] = {
	{"version", 2, ask_version},   {"compare", 3, ask_compare},
	{"contains", 3, ask_contains}, {"prerelease", 2, ask_prerelease},
	{"name", 2, ask_name},         {"environment", 1, ask_environment},
	{"marker", 2, ask_marker},     {"requirement", 2, ask_requirement},
};

static bool ask(char *line)
{
	struct question question = {0};

	for (char *field; question.count < FIELDS_MAX && (field = strsep(&line, "\t"));)
		question.fields[question.count++] = field;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (strcmp(questions[i].name, question.fields[0]) != 0 ||
		    question.count < questions[i].fields)
			continue;
		questions[i].ask(&question);
		return true;
	}
	return false;
}

int main(void)
{
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, stdin)) > 0) {
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		if (!ask(line))
			return 2;
	}
	for (int i = 0; i < MARKER_VARIABLE_COUNT; i++)
		free((char *)environment.values[i]);
	return 0;
}
