/*
 * Watching a path: not the file alone, but all that leads to it.
 */
#pragma once

/*
 * Adds watches to @inotify, so that an event comes whenever absolute @path may lead to another file
 * than before: through a link on its way that is switched, a directory that is moved or removed, an
 * entry that appears where the way ended. To be called again after each event, as the way is another
 * one then. Returns 0, or a negative errno when some of it cannot be watched.
 */
int path_watch(int inotify, const char *path);
