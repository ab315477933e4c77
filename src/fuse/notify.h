/*
 * Telling the kernel to forget. It may hold the very lock that the notification needs until it is
 * answered, so whoever finds that something changed only takes note, and a thread that holds
 * nothing passes it on.
 */
#pragma once

#include "channel.h"
#include "venvfs/tree.h"

struct notifier;

/* Starts the thread and listens to @tree. NULL without memory or threads. @channel must outlive the
 * notifier, and the tree be served no more when it is stopped. */
struct notifier *notifier_start(struct tree *tree, struct channel *channel);
void notifier_stop(struct notifier *notifier); /* NULL is fine */
