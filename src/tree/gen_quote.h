/*
 * Quoting: a text as a literal of another language. The text has passed quote_check().
 */
#pragma once

#include "venvfs/buffer.h"

/*
 * 0, or -EINVAL when @text is not UTF-8 or holds a control character (C0, DEL, C1) or one of
 * Unicode's line separators. What reads our files would split or refuse it there, however it is
 * quoted: site.py ends with an exception at a byte that is not UTF-8.
 */
int quote_check(const char *text);

/* One word, or one string literal. */
void quote_sh(struct buffer *out, const char *text);
void quote_csh(struct buffer *out, const char *text);
void quote_fish(struct buffer *out, const char *text);
void quote_nu(struct buffer *out, const char *text);
void quote_powershell(struct buffer *out, const char *text);
void quote_python(struct buffer *out, const char *text);

/* One word for sh on a line that is at the same time inside a ''' string of Python. */
void quote_sh_in_python(struct buffer *out, const char *text);

/*
 * What the prompt variable must begin with for the shell to show "(text) ", as one word. A shell
 * expands its prompt whenever it shows it, so a text that is only quoted would have its $(…) run
 * then.
 */
void quote_prompt_bash(struct buffer *out, const char *text);
void quote_prompt_dash(struct buffer *out, const char *text);
void quote_prompt_ksh93(struct buffer *out, const char *text);
void quote_prompt_mksh(struct buffer *out, const char *text);
void quote_prompt_zsh(struct buffer *out, const char *text); /* setopt prompt_percent */
void quote_prompt_tcsh(struct buffer *out, const char *text);
void quote_prompt_csh(struct buffer *out, const char *text);
