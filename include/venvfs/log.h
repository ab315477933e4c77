/*
 * The log: one line for each event that a person may want to read later. To stderr in the
 * foreground, and to the log file of the environment's store once the daemon is detached.
 * Any thread may call it.
 */
#pragma once

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages above @level are dropped. Default: LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);

/* From now on write, with the time, to @fd (owned by the caller, and kept open); -1: to stderr. */
void log_set_fd(int fd);

void log_message(enum log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...)   log_message(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_message(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_message(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_message(LOG_LEVEL_DEBUG, __VA_ARGS__)
