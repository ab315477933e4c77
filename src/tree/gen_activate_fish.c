/*
 * bin/activate.fish, for fish.
 */
#include "gen.h"
#include "gen_quote.h"

int gen_activate_fish(const struct generated_context *context, struct buffer *out)
{
	const struct gen_slot slots[] = {
		{"VIRTUAL_ENV", context->mountpoint, quote_fish},
		{"PROMPT", context->prompt, quote_fish},
		GEN_SLOT_END,
	};

	return gen_activate(context, gen_activate_fish_template, slots, out);
}
