#include "gen_quote.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Decodes one character and moves *text behind it. -1 when there is none (RFC 3629: the shortest
 * form only, no surrogates, nothing above U+10FFFF). A NUL is no continuation, so this never reads
 * past the end. */
static int32_t decode(const unsigned char **text)
{
	unsigned char lead = *(*text)++;
	int32_t code, least;
	int more;

	if (lead < 0x80)
		return lead;
	if ((lead & 0xe0) == 0xc0)
		code = lead & 0x1f, more = 1, least = 0x80;
	else if ((lead & 0xf0) == 0xe0)
		code = lead & 0x0f, more = 2, least = 0x800;
	else if ((lead & 0xf8) == 0xf0)
		code = lead & 0x07, more = 3, least = 0x10000;
	else
		return -1;
	for (; more > 0; more--) {
		if ((**text & 0xc0) != 0x80)
			return -1;
		code = code << 6 | (*(*text)++ & 0x3f);
	}
	if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
		return -1;
	return code;
}

int quote_check(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		int32_t code = decode(&p);

		if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
		    code == 0x2029)
			return -EINVAL;
	}
	return 0;
}

struct replacement {
	const char *from, *to; /* from NULL: the end */
};

static void replace(struct buffer *out, const char *text, const struct replacement *replacements)
{
	while (*text) {
		const struct replacement *r = replacements;

		while (r->from && strncmp(text, r->from, strlen(r->from)) != 0)
			r++;
		if (r->from) {
			buffer_puts(out, r->to);
			text += strlen(r->from);
		} else {
			buffer_putc(out, *text++);
		}
	}
}

static void quote(struct buffer *out, const char *text, const struct replacement *replacements)
{
	buffer_putc(out, '\'');
	replace(out, text, replacements);
	buffer_putc(out, '\'');
}

void quote_sh(struct buffer *out, const char *text)
{
	static const struct replacement replacements[] = {{"'", "'\\''"}, {NULL, NULL}};

	quote(out, text, replacements);
}

void quote_csh(struct buffer *out, const char *text)
{
	/* History is substituted inside single quotes too. The backslash is outside of them, where
	 * it means the same whether or not the user has `set backslash_quote`. */
	static const struct replacement replacements[] = {
		{"'", "'\\''"}, {"\\", "'\\\\'"}, {"!", "'\\!'"}, {NULL, NULL}};

	quote(out, text, replacements);
}

void quote_fish(struct buffer *out, const char *text)
{
	static const struct replacement replacements[] = {
		{"'", "\\'"}, {"\\", "\\\\"}, {NULL, NULL}};

	quote(out, text, replacements);
}

void quote_python(struct buffer *out, const char *text)
{
	quote_fish(out, text); /* the same two escapes in the same quotes */
}

void quote_powershell(struct buffer *out, const char *text)
{
	/* PowerShell takes the typographic quotes for plain ones. */
	static const struct replacement replacements[] = {
		{"'", "''"},
		{"\u2018", "\u2018\u2018"},
		{"\u2019", "\u2019\u2019"},
		{"\u201a", "\u201a\u201a"},
		{"\u201b", "\u201b\u201b"},
		{NULL, NULL},
	};

	quote(out, text, replacements);
}

/* A raw string, with more #'s than follow any quote in the text. */
void quote_nu(struct buffer *out, const char *text)
{
	size_t hashes = 1;

	for (const char *p = strchr(text, '\''); p; p = strchr(p + 1, '\'')) {
		size_t run = strspn(p + 1, "#");

		if (run >= hashes)
			hashes = run + 1;
	}
	buffer_putc(out, 'r');
	for (size_t i = 0; i < hashes; i++)
		buffer_putc(out, '#');
	buffer_printf(out, "'%s'", text);
	for (size_t i = 0; i < hashes; i++)
		buffer_putc(out, '#');
}

void quote_sh_in_python(struct buffer *out, const char *text)
{
	/* A backslash must begin an escape that Python knows, else it warns on every run; \\ and \'
	 * are the two that mean the same to both. Three quotes never meet. */
	static const struct replacement replacements[] = {
		{"'", "'\\''"}, {"\\", "'\\\\'"}, {NULL, NULL}};

	quote(out, text, replacements);
}

static void quote_prompt_between(struct buffer *out, const char *before, const char *text,
				 const char *after, const struct replacement *replacements,
				 void (*quote_word)(struct buffer *out, const char *text))
{
	_cleanup_buffer_ struct buffer prompt = {0};

	buffer_puts(&prompt, before);
	replace(&prompt, text, replacements);
	buffer_puts(&prompt, after);
	if (buffer_status(&prompt) < 0)
		out->failed = true;
	else
		quote_word(out, prompt.data);
}

static void quote_prompt(struct buffer *out, const char *text,
			 const struct replacement *replacements,
			 void (*quote_word)(struct buffer *out, const char *text))
{
	quote_prompt_between(out, "(", text, ") ", replacements, quote_word);
}

void quote_prompt_bash(struct buffer *out, const char *text)
{
	/* bash decodes backslashes first (\044 is $; \$ would be # for root), and then expands the
	 * result as within double quotes. In this form another shell that inherits an exported PS1
	 * finds nothing to run either. \041 is !, which stands for a number in posix mode. */
	static const struct replacement replacements[] = {{"\\", "\\\\\\\\"},
							  {"$", "\\\\\\044"},
							  {"`", "\\\\\\140"},
							  {"!", "\\041"},
							  {NULL, NULL}};

	quote_prompt(out, text, replacements, quote_sh);
}

/* Most shells expand PS1 as if it stood within double quotes. */
#define EXPANDED {"\\", "\\\\"}, {"$", "\\$"}, {"`", "\\`"}

void quote_prompt_dash(struct buffer *out, const char *text)
{
	static const struct replacement replacements[] = {EXPANDED, {NULL, NULL}};

	quote_prompt(out, text, replacements, quote_sh);
}

void quote_prompt_mksh(struct buffer *out, const char *text)
{
	/* ! is the number of the command. */
	static const struct replacement replacements[] = {EXPANDED, {"!", "!!"}, {NULL, NULL}};

	quote_prompt(out, text, replacements, quote_sh);
}

void quote_prompt_ksh93(struct buffer *out, const char *text)
{
	/* ksh93 takes quotes away too, as in a command. */
	static const struct replacement replacements[] = {
		EXPANDED, {"\"", "\\\""}, {"!", "!!"}, {NULL, NULL}};

	quote_prompt_between(out, "\"(", text, ") \"", replacements, quote_sh);
}

/* Two characters that zsh's options may make one, cut to one. */
#define CUT(two) "%1<<" two "%<<"

void quote_prompt_zsh(struct buffer *out, const char *text)
{
	/* prompt_subst removes the backslashes, prompt_bang the second !. Somebody's theme may set
	 * them after the activation, so that one text must be right with and without. */
	static const struct replacement replacements[] = {
		{"\\", CUT("\\\\")},
		{"$", CUT("\\$")},
		{"`", CUT("\\`")},
		{"!", CUT("!!")},
		{"%", "%%"},
		{NULL, NULL},
	};

	quote_prompt(out, text, replacements, quote_sh);
}

void quote_prompt_tcsh(struct buffer *out, const char *text)
{
	/* ^ begins a control character, as \ does. */
	static const struct replacement replacements[] = {
		{"\\", "\\\\"}, {"^", "\\^"}, {"%", "%%"}, {"!", "\\!"}, {NULL, NULL}};

	quote_prompt(out, text, replacements, quote_csh);
}

void quote_prompt_csh(struct buffer *out, const char *text)
{
	static const struct replacement replacements[] = {{"!", "\\!"}, {NULL, NULL}};

	quote_prompt(out, text, replacements, quote_csh);
}
