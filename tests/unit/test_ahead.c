/* What is remembered of an environment's use: the list, and its file. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "env/ahead_list.h"
#include "venvfs/cleanup.h"

#define MINOR 11

static struct ahead_list list, copy;

static void clear(void)
{
	ahead_list_clear(&list);
	ahead_list_clear(&copy);
}

/* What the next mount has of @list, in @copy. */
static void hand_on(void)
{
	_cleanup_buffer_ struct buffer file = {0};

	ahead_list_clear(&copy);
	ck_assert_int_eq(ahead_list_encode(&list, MINOR, &file), 0);
	ck_assert_uint_le(file.length, AHEAD_FILE_MAX);
	ck_assert_int_eq(ahead_list_decode(file.data, file.length, MINOR, &copy), 0);
}

static const struct ahead_entry *entry_of(const struct ahead_list *in, const char *path)
{
	for (uint32_t i = 0; i < in->count; i++)
		if (strcmp(in->entries[i].path, path) == 0)
			return &in->entries[i];
	return NULL;
}

static uint8_t before(const char *path)
{
	const struct ahead_entry *entry = entry_of(&copy, path);

	return entry ? entry->before : 0;
}

START_TEST(what_was_asked_is_handed_on)
{
	const struct ahead_entry *entry;

	ck_assert(ahead_list_note(&list, "lib/b", AHEAD_FOUND, 0, 0));
	ck_assert(ahead_list_note(&list, "lib/a", AHEAD_ABSENT, 0, 0));
	ck_assert(ahead_list_note(&list, "", AHEAD_LISTED, 0, 0));
	ck_assert(ahead_list_note(&list, "lib/b", AHEAD_READ, 4096, 8192));
	ck_assert(!ahead_list_note(&list, "lib/b", AHEAD_READ, 100, 200));
	ck_assert(!ahead_list_note(&list, "lib/b", AHEAD_READ, 8192, 9000));
	ck_assert(ahead_list_note(&list, "bin/python", AHEAD_LINK, 0, 0));
	hand_on();
	ck_assert_uint_eq(copy.generation, 1);
	ck_assert_uint_eq(before("lib/b"), AHEAD_FOUND | AHEAD_READ);
	ck_assert_uint_eq(before("lib/a"), AHEAD_ABSENT);
	ck_assert_uint_eq(before(""), AHEAD_LISTED);
	ck_assert_uint_eq(before("lib"), 0); /* there to count, not to be asked for */
	ck_assert_uint_eq(before("bin/python"), AHEAD_LINK);
	entry = entry_of(&copy, "lib/b");
	ck_assert_uint_eq(entry->start, 100);
	ck_assert_uint_eq(entry->end, 9000);
	ck_assert_uint_lt(entry_of(&copy, "lib/b") - copy.entries,
			  entry_of(&copy, "lib/a") - copy.entries);
	ck_assert_uint_eq(copy.entries[entry->directory].found, 1);
}
END_TEST

START_TEST(the_last_answer_holds)
{
	ahead_list_note(&list, "a", AHEAD_ABSENT, 0, 0);
	ahead_list_note(&list, "a", AHEAD_FOUND | AHEAD_LISTED, 0, 0);
	ahead_list_note(&list, "b", AHEAD_FOUND, 0, 0);
	ahead_list_note(&list, "b", AHEAD_ABSENT, 0, 0);
	ahead_list_note(&list, "c", AHEAD_ABSENT, 0, 0);
	ahead_list_made(&list, "c");
	ahead_list_made(&list, "never heard of");
	hand_on();
	ck_assert_uint_eq(before("a"), AHEAD_FOUND | AHEAD_LISTED);
	ck_assert_uint_eq(before("b"), AHEAD_ABSENT);
	ck_assert_ptr_null(entry_of(&copy, "c"));
	ck_assert_ptr_null(entry_of(&copy, "never heard of"));
}
END_TEST

/* Each name has its turn to be left out; what is asked for then stays. */
START_TEST(what_is_not_used_is_forgotten_in_turn)
{
	uint32_t last;

	for (int i = 0; i < 1000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "lib/name-%d", i);
		ahead_list_note(&list, path, AHEAD_FOUND, 0, 0);
	}
	for (unsigned mount = 0; mount < AHEAD_LEFT_OUT; mount++) {
		last = list.count;
		hand_on();
		ahead_list_clear(&list);
		list = copy;
		copy = (struct ahead_list){0};
		ck_assert_uint_eq(list.generation, mount + 1);
		ck_assert_uint_le(list.count, last);
		ck_assert_uint_ge(list.count + 3 * 1000 / AHEAD_LEFT_OUT, last);
		ahead_list_note(&list, "lib/name-500", AHEAD_FOUND, 0, 0);
	}
	hand_on();
	ck_assert_uint_eq(before("lib/name-500"), AHEAD_FOUND);
	ck_assert_uint_eq(copy.count, 3); /* with the root and lib */
}
END_TEST

START_TEST(it_is_bounded)
{
	char path[PATH_MAX + 1];

	for (int i = 0; i < AHEAD_ENTRIES_MAX + 100; i++) {
		snprintf(path, sizeof(path), "n%d", i);
		ahead_list_note(&list, path, AHEAD_ABSENT, 0, 0);
	}
	ck_assert_uint_eq(list.count, AHEAD_ENTRIES_MAX);
	ck_assert(!ahead_list_note(&list, "one more", AHEAD_FOUND, 0, 0));
	ck_assert(ahead_list_note(&list, "n7", AHEAD_FOUND, 0, 0));
	hand_on();
	ck_assert_uint_eq(copy.count, AHEAD_ENTRIES_MAX);

	ahead_list_clear(&list);
	memset(path, 'x', PATH_MAX);
	path[PATH_MAX] = '\0';
	ck_assert(!ahead_list_note(&list, path, AHEAD_FOUND, 0, 0));
	for (int i = 0; i < 2000; i++) {
		snprintf(path, sizeof(path), "%04d", i);
		memset(path + 4, 'x', PATH_MAX - 5);
		path[PATH_MAX - 1] = '\0';
		ahead_list_note(&list, path, AHEAD_FOUND, 0, 0);
	}
	ck_assert_uint_le(list.text_size, AHEAD_TEXT_MAX);
	ck_assert_uint_gt(list.count, 100);
}
END_TEST

/* No part of a damaged file is believed, but for the number of mounts. */
START_TEST(damage_is_found)
{
	_cleanup_buffer_ struct buffer file = {0};

	ahead_list_note(&list, "lib/python3.11/site-packages/numpy/__init__.py", AHEAD_READ, 0, 9);
	ahead_list_note(&list, "lib/python3.11/site-packages/numpy.so", AHEAD_ABSENT, 0, 0);
	ck_assert_int_eq(ahead_list_encode(&list, MINOR, &file), 0);
	ck_assert_int_eq(ahead_list_decode(file.data, file.length, MINOR + 1, &copy), -EBADMSG);
	for (size_t length = 0; length < file.length; length++) {
		_cleanup_free_ char *part = malloc(length + 1);

		memcpy(part, file.data, length);
		ck_assert_int_eq(ahead_list_decode(part, length, MINOR, &copy), -EBADMSG);
	}
	for (size_t at = 0; at < file.length; at++) {
		int r;

		file.data[at] ^= 0x10;
		r = ahead_list_decode(file.data, file.length, MINOR, &copy);
		ck_assert_int_eq(r, at >= 16 && at < 20 ? 0 : -EBADMSG);
		file.data[at] ^= 0x10;
		ahead_list_clear(&copy);
	}
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("list");

	tcase_add_checked_fixture(tests, NULL, clear);
	tcase_add_test(tests, what_was_asked_is_handed_on);
	tcase_add_test(tests, the_last_answer_holds);
	tcase_add_test(tests, what_is_not_used_is_forgotten_in_turn);
	tcase_add_test(tests, it_is_bounded);
	tcase_add_test(tests, damage_is_found);
	tcase_set_timeout(tests, 120);
	return run_tests("ahead", tests);
}
