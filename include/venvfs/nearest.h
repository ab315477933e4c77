/* What somebody who made a slip may have meant. */
#pragma once

/* Of two known names the one that was rather meant by @written, case aside. Only a near one of
 * fewer than 32 bytes counts: two slips at most, and more than half of it right. @best may be NULL,
 * and so may the answer: a list is gone through with the answer for the last name as @best. */
const char *nearest_name(const char *written, const char *best, const char *candidate);
