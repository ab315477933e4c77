/*
 * Private to the generated files: the renderers that generated.c puts into its table, and how an
 * activation script is made of a template.
 */
#pragma once

#include "venvfs/generated.h"

typedef int gen_render_fn(const struct generated_context *context, struct buffer *out);

/* gen_markers.c, gen_pyvenv.c */
gen_render_fn gen_gitignore, gen_cachedir_tag;
gen_render_fn gen_pyvenv_cfg;

/* gen_links.c */
gen_render_fn gen_python_link, gen_python_alias, gen_lib64_link;

/* gen_activate_*.c, one file for each family of shells */
gen_render_fn gen_activate_posix, gen_activate_csh, gen_activate_fish, gen_activate_nu;
gen_render_fn gen_activate_ps1, gen_activate_this;

/* The templates: the files of these names with the ending of their language, made C by embed.awk */
extern const char gen_activate_posix_template[], gen_activate_csh_template[];
extern const char gen_activate_fish_template[], gen_activate_nu_template[];
extern const char gen_activate_ps1_template[], gen_activate_this_template[];

/* gen_scripts.c */
gen_render_fn gen_pip_script;

/* What a template's "@NAME@" stands for. */
struct gen_slot {
	const char *name; /* without the @; NULL ends an array of slots */
	const char *text;
	/* Appends the text as a literal of the script's language; NULL: it is code already. */
	void (*quote)(struct buffer *out, const char *text);
};

#define GEN_SLOT_END {NULL, NULL, NULL}

/*
 * Appends @template with its slots filled in. -EINVAL when a text that is to be quoted cannot be
 * (quote_check()), or when the mount point holds a colon and so cannot be on PATH; nothing is
 * appended then.
 */
int gen_activate(const struct generated_context *context, const char *template,
		 const struct gen_slot *slots, struct buffer *out);
