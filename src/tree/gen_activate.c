/*
 * What the activation scripts have in common: a template whose slots are filled in.
 */
#include <string.h>

#include "gen.h"
#include "gen_quote.h"

/* Whether every text can be a literal; see quote_check(). */
static int check(const struct generated_context *context, const struct gen_slot *slots)
{
	int r = generated_check_mountpoint(context->mountpoint, NULL);

	for (const struct gen_slot *slot = slots; r == 0 && slot->name; slot++)
		if (slot->quote)
			r = quote_check(slot->text);
	return r;
}

/* The slot that "@NAME@…" at @text stands for, or NULL when that is no slot. */
static const struct gen_slot *slot_at(const char *text, const struct gen_slot *slots)
{
	for (const struct gen_slot *slot = slots; slot->name; slot++) {
		size_t length = strlen(slot->name);

		if (strncmp(text + 1, slot->name, length) == 0 && text[1 + length] == '@')
			return slot;
	}
	return NULL;
}

static void append_slot(struct buffer *out, const struct gen_slot *slot)
{
	if (slot->quote)
		slot->quote(out, slot->text);
	else
		buffer_puts(out, slot->text);
}

int gen_activate(const struct generated_context *context, const char *template,
		 const struct gen_slot *slots, struct buffer *out)
{
	int r = check(context, slots);

	if (r < 0)
		return r;
	/* In one pass, so that "@PROMPT@" in somebody's prompt stays what it is. */
	for (const char *at = strchr(template, '@'); at; at = strchr(at + 1, '@')) {
		const struct gen_slot *slot = slot_at(at, slots);

		if (!slot)
			continue;
		buffer_append(out, template, (size_t)(at - template));
		append_slot(out, slot);
		template = at + strlen(slot->name) + 2;
		at = template - 1;
	}
	buffer_puts(out, template);
	return buffer_status(out);
}
