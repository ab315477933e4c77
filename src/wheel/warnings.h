/* What is wrong with a wheel but keeps nobody from installing it. Private to src/wheel. */
#pragma once

#include "venvfs/string_list.h"

/* A file with more to warn of is more noise than news. */
#define WARNINGS_MAX 100

/* Appends a sentence. @warnings may be NULL. 0 or -ENOMEM. */
int add_warning(struct string_list *warnings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
