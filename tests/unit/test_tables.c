/* What the tree remembers things in: names, inode numbers, listings, contents, nodes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "tree/inode.h"
#include "tree/inode_map.h"
#include "tree/listing.h"
#include "tree/name_table.h"
#include "tree/node.h"
#include "venvfs/cleanup.h"
#include "venvfs/content.h"
#include "tree/view.h"

#define MANY 2000

/* Names */

static const char *numbered(int i)
{
	static char name[32];

	snprintf(name, sizeof(name), "name-%d", i);
	return name;
}

START_TEST(names_come_and_go)
{
	struct name_table table = {0};
	uint64_t value;

	ck_assert(!name_table_get(&table, "x", &value));
	ck_assert(!name_table_remove(&table, "x"));
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(name_table_add(&table, numbered(i), (uint64_t)i), 0);
	ck_assert_int_eq(name_table_add(&table, numbered(7), 99), -EEXIST);
	ck_assert_uint_eq(table.count, MANY);
	/* Every second goes; each of the others is still found through the gaps. */
	for (int i = 0; i < MANY; i += 2)
		ck_assert(name_table_remove(&table, numbered(i)));
	ck_assert(!name_table_remove(&table, numbered(0)));
	for (int i = 0; i < MANY; i++) {
		ck_assert_int_eq(name_table_get(&table, numbered(i), &value), i % 2);
		if (i % 2)
			ck_assert_uint_eq(value, (uint64_t)i);
	}
	ck_assert_uint_eq(table.count, MANY / 2);
	name_table_clear(&table);
	ck_assert(!name_table_get(&table, numbered(1), NULL));
}
END_TEST

/* Inode numbers */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The loader makes one library of two that have the same. */
START_TEST(no_two_files_of_many_layers_have_one_number)
{
	enum { LAYERS = 700, FILES = 700 };
	_cleanup_free_ uint64_t *numbers = calloc(LAYERS * FILES, sizeof(*numbers));
	size_t count = 0;

	ck_assert_ptr_nonnull(numbers);
	for (unsigned layer = 0; layer < LAYERS; layer++)
		for (uint64_t file = 1; file <= FILES; file++)
			numbers[count++] = inode_of_layer(layer, file);
	qsort(numbers, count, sizeof(*numbers), by_number);
	for (size_t i = 1; i < count; i++)
		ck_assert_uint_ne(numbers[i - 1], numbers[i]);
}
END_TEST

START_TEST(numbers_say_where_a_file_comes_from)
{
	ck_assert_uint_eq(inode_of_upper(1, 1, 1234), 1234);
	ck_assert_uint_ne(inode_of_layer(0, 1234), inode_of_layer(1, 1234));
	ck_assert_uint_ne(inode_of_layer(0, 1234), 1234);
	ck_assert_uint_ne(inode_of_control(1), inode_of_layer(0, 1));
	/* Two file systems in one upper or layer, and numbers of 64 bits. */
	ck_assert_uint_ne(inode_of_upper(1, 2, 1234), inode_of_upper(1, 1, 1234));
	ck_assert_uint_eq(inode_of_upper(1, 1, UINT64_MAX) >> 48, 0);
	ck_assert_uint_ne(inode_of_upper(1, 1, UINT64_MAX), inode_of_upper(1, 1, UINT64_MAX >> 8));
	ck_assert_uint_ne(inode_of_layer(1000, 1234), inode_of_layer(1001, 1234));
	ck_assert_uint_ne(inode_of_layer(1000, 1234), inode_of_control(1234));
}
END_TEST

START_TEST(inode_entries_come_and_go)
{
	struct inode_map map = {0};
	struct node *node = (struct node *)(void *)&map; /* never looked into */

	ck_assert_ptr_null(inode_map_find(&map, 1));
	inode_map_remove(&map, 1);
	inode_map_drop_node(&map, 1);
	for (uint64_t i = 1; i <= MANY; i++)
		inode_map_add(&map, i << 12)->shown = i;
	ck_assert_uint_eq(map.count, MANY);
	for (uint64_t i = 1; i <= MANY; i++)
		ck_assert_uint_eq(inode_map_find(&map, i << 12)->shown, i);
	ck_assert_ptr_eq(inode_map_add(&map, 1 << 12), inode_map_find(&map, 1 << 12));
	inode_map_remove(&map, 1 << 12);
	ck_assert_ptr_null(inode_map_find(&map, 1 << 12));

	/* An entry goes with its node, unless it says something else, too. */
	inode_map_find(&map, 2 << 12)->node = node;
	inode_map_drop_node(&map, 2 << 12);
	ck_assert_ptr_null(inode_map_find(&map, 2 << 12)->node);
	ck_assert_uint_eq(inode_map_find(&map, 2 << 12)->shown, 2);
	inode_map_add(&map, 5)->node = node;
	inode_map_drop_node(&map, 5);
	ck_assert_ptr_null(inode_map_find(&map, 5));
	inode_map_clear(&map);
}
END_TEST

/* Listings */

static struct listing *list_numbers(int from, int to, const struct listing *old)
{
	struct listing_builder builder = {0};
	struct listing *listing;

	for (int i = from; i < to; i++)
		ck_assert_int_eq(listing_builder_add(&builder, numbered(i), S_IFREG), 0);
	ck_assert_int_eq(listing_build(&builder, old, &listing), 0);
	listing_builder_clear(&builder);
	return listing;
}

static uint64_t cookie_of(const struct listing *listing, int number)
{
	for (size_t i = 0; i < listing->count; i++)
		if (strcmp(listing_name(listing, i), numbered(number)) == 0)
			return listing->entries[i].cookie;
	return 0;
}

START_TEST(cookies_are_kept_and_never_given_again)
{
	struct listing *first = list_numbers(0, MANY, NULL);
	struct listing *second = list_numbers(MANY / 2, MANY * 2, first);
	struct listing *third = list_numbers(0, MANY, second);

	ck_assert_uint_eq(first->entries[0].cookie, LISTING_FIRST_COOKIE);
	ck_assert_uint_eq(first->count, MANY);
	ck_assert_uint_eq(second->count, MANY * 3 / 2);
	for (size_t i = 1; i < second->count; i++)
		ck_assert_uint_lt(second->entries[i - 1].cookie, second->entries[i].cookie);
	ck_assert_uint_eq(cookie_of(first, MANY - 1), cookie_of(second, MANY - 1));
	ck_assert_uint_eq(cookie_of(second, 0), 0);
	/* What was gone and is back is another entry, behind all that there were. */
	ck_assert_uint_gt(cookie_of(third, 0), cookie_of(second, MANY * 2 - 1));
	ck_assert_uint_eq(cookie_of(third, MANY - 1), cookie_of(first, MANY - 1));

	ck_assert_uint_eq(listing_after(first, 0), 0);
	ck_assert_uint_eq(listing_after(first, first->entries[5].cookie), 6);
	ck_assert_uint_eq(listing_after(first, first->last_cookie), first->count);
	ck_assert_uint_eq(listing_after(second, cookie_of(first, MANY / 2 - 1)), 0);
	listing_drop(listing_ref(first));
	listing_drop(first);
	listing_drop(second);
	listing_drop(third);
	listing_drop(NULL);
}
END_TEST

START_TEST(an_empty_listing_is_one)
{
	struct listing *empty = list_numbers(0, 0, NULL), *next;

	ck_assert_uint_eq(empty->count, 0);
	ck_assert_uint_eq(listing_after(empty, 0), 0);
	next = list_numbers(0, 1, empty);
	ck_assert_uint_eq(next->entries[0].cookie, LISTING_FIRST_COOKIE);
	listing_drop(empty);
	listing_drop(next);
}
END_TEST

/* Contents */

static struct content *content_of(const char *text)
{
	return content_from_memory(strdup(text), strlen(text));
}

static void assert_content(const struct content *content, off_t offset, const char *expected)
{
	char bytes[64];
	ssize_t n = content_read(content, bytes, sizeof(bytes), offset);

	ck_assert_int_eq(n, (ssize_t)strlen(expected));
	ck_assert_mem_eq(bytes, expected, (size_t)n);
}

static int released;

static void release(void *owner)
{
	released += *(int *)owner;
}

START_TEST(contents_are_read_to_their_end)
{
	_cleanup_content_ struct content *memory = content_of("0123456789");
	_cleanup_content_ struct content *file = NULL;
	struct content *range;
	char name[] = "/tmp/venvfs-test-content-XXXXXX";
	int one = 1, fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	file = content_from_fd(fd);
	range = content_from_range(fd, 2, 5, release, &one);
	assert_content(memory, 0, "0123456789");
	assert_content(memory, 8, "89");
	assert_content(memory, 10, "");
	assert_content(memory, LONG_MAX, "");
	assert_content(memory, -1, "");
	assert_content(file, 8, "89");
	assert_content(file, 11, "");
	assert_content(range, 0, "23456");
	assert_content(range, 4, "6");
	assert_content(range, 5, "");
	assert_content(range, LONG_MAX, "");
	ck_assert(content_is_file(file) && !content_is_file(range) && !content_is_file(memory));
	content_drop(content_ref(range));
	ck_assert_int_eq(released, 0);
	content_drop(range);
	ck_assert_int_eq(released, 1);
	content_drop(NULL);
}
END_TEST

START_TEST(the_least_recently_used_content_goes)
{
	struct content_cache *cache = content_cache_new(3);
	struct content *found;

	for (int i = 1; i <= 3; i++) {
		_cleanup_content_ struct content *content = content_of(numbered(i));

		content_cache_put(cache, (uint64_t)i, CONTENT_READ, content);
	}
	content_drop(content_cache_get(cache, 1, CONTENT_READ));
	{
		_cleanup_content_ struct content *content = content_of("four");

		content_cache_put(cache, 4, CONTENT_READ, content);
	}
	ck_assert_ptr_null(content_cache_get(cache, 2, CONTENT_READ));
	ck_assert_ptr_null(content_cache_get(cache, 1, CONTENT_WRITE));
	found = content_cache_get(cache, 1, CONTENT_READ);
	assert_content(found, 0, "name-1");

	/* Removed, or replaced, it serves whoever has it. */
	content_cache_remove(cache, 1);
	content_cache_remove(cache, 1);
	ck_assert_ptr_null(content_cache_get(cache, 1, CONTENT_READ));
	assert_content(found, 0, "name-1");
	content_cache_put(cache, 3, CONTENT_READ, found);
	content_drop(found);
	found = content_cache_get(cache, 3, CONTENT_READ);
	assert_content(found, 0, "name-1");
	content_cache_free(cache);
	assert_content(found, 0, "name-1");
	content_drop(found);
	content_cache_free(NULL);
}
END_TEST

START_TEST(a_removed_id_loses_all_its_contents)
{
	struct content_cache *cache = content_cache_new(100);
	_cleanup_content_ struct content *content = content_of("text");

	for (int purpose = 0; purpose < CONTENT_PURPOSES; purpose++)
		for (uint64_t id = 1; id < 20; id++)
			content_cache_put(cache, id, (enum content_purpose)purpose, content);
	content_cache_remove(cache, 5);
	for (int purpose = 0; purpose < CONTENT_PURPOSES; purpose++) {
		struct content *other = content_cache_get(cache, 6, (enum content_purpose)purpose);

		ck_assert_ptr_null(content_cache_get(cache, 5, (enum content_purpose)purpose));
		ck_assert_ptr_eq(other, content);
		content_drop(other);
	}
	content_cache_free(cache);
	ck_assert_uint_eq(content->references, 1);
}
END_TEST

/* Nodes */

static struct node_table *table;

static void make_table(void)
{
	table = node_table_new(view_new(strdup(""), false), 1, NODE_UPPER);
	ck_assert_ptr_nonnull(table);
}

static void free_table(void)
{
	node_table_free(table);
}

static struct node *obtain(struct node *parent, const char *name, mode_t kind, uint64_t upper_ino,
			   bool *made)
{
	struct node_template template = {
		.source = NODE_UPPER,
		.kind = kind,
		.ino = 5,
		.upper_ino = upper_ino,
		.has_names = upper_ino != 0,
	};
	struct node *node;

	ck_assert_int_eq(
		node_obtain(table, parent, name, &template, node_epoch(table), &node, made), 0);
	return node;
}

static void assert_path(const struct node *node, const char *expected)
{
	_cleanup_buffer_ struct buffer path = {0};

	ck_assert_int_eq(node_path(table, node, &path), 0);
	ck_assert_str_eq(path.data, expected);
}

START_TEST(a_node_is_made_once)
{
	struct node *root = node_table_root(table);
	bool made;
	struct node *a = obtain(root, "a", S_IFDIR, 0, &made), *again;

	ck_assert(made);
	again = obtain(root, "a", S_IFDIR, 0, &made);
	ck_assert(!made);
	ck_assert_ptr_eq(a, again);
	ck_assert_ptr_eq(node_get(table, a->id), a);
	ck_assert_uint_eq(node_table_count(table), 2);
	ck_assert(!node_forget(table, a->id, 1));
	ck_assert(node_forget(table, a->id, 1));
	ck_assert_uint_eq(node_table_count(table), 1);
	ck_assert_ptr_null(node_obtain_known(table, root, "a"));
}
END_TEST

START_TEST(an_old_template_is_refused)
{
	struct node_template template = {.source = NODE_LOWER, .kind = S_IFREG, .ino = 5};
	struct node *root = node_table_root(table), *node;
	uint64_t epoch = node_epoch(table);
	bool made;

	node_advance_epoch(table);
	ck_assert_int_eq(node_obtain(table, root, "a", &template, epoch, &node, &made), -EAGAIN);
	obtain(root, "a", S_IFREG, 0, &made);
	/* What is known needs no template. */
	ck_assert_int_eq(node_obtain(table, root, "a", &template, epoch, &node, &made), 0);
	ck_assert(!made);
}
END_TEST

START_TEST(names_move_and_swap)
{
	struct node *root = node_table_root(table), *parent;
	_cleanup_free_ char *name = NULL;
	bool made;
	struct node *d = obtain(root, "d", S_IFDIR, 0, &made);
	struct node *e = obtain(d, "e", S_IFDIR, 0, &made);
	struct node *f = obtain(e, "f", S_IFREG, 0, &made);

	assert_path(root, "");
	assert_path(f, "d/e/f");
	ck_assert(node_is_within(table, f, d) && node_is_within(table, d, d));
	ck_assert(!node_is_within(table, d, f) && node_is_within(table, d, root));
	ck_assert_int_eq(node_move_name(table, d, "e", root, "g"), 0);
	assert_path(f, "g/f");
	ck_assert_int_eq(node_exchange_names(table, root, "g", root, "d"), 0);
	assert_path(f, "d/f");
	assert_path(d, "g");
	ck_assert_int_eq(node_exchange_names(table, root, "d", root, "unknown"), 0);
	assert_path(f, "unknown/f");
	parent = node_parent(table, f, &name);
	ck_assert_ptr_eq(parent, e);
	ck_assert_str_eq(name, "f");
	node_remove_name(table, e, "f");
	ck_assert_int_eq(node_path(table, f, &(struct buffer){0}), -ESTALE);
	ck_assert(!node_is_within(table, f, e));
	/* The kernel still has it. */
	ck_assert_ptr_eq(node_get(table, f->id), f);
	ck_assert(node_forget(table, f->id, 1));
}
END_TEST

START_TEST(names_of_one_file_find_each_other)
{
	struct node *root = node_table_root(table);
	bool made;
	struct node *a = obtain(root, "a", S_IFREG, 77, &made);

	ck_assert_ptr_eq(obtain(root, "b", S_IFREG, 77, &made), a);
	ck_assert(!made);
	ck_assert_int_eq(node_add_name(table, a, root, "c", 77), 0);
	ck_assert_int_eq(node_remember_inode(table, 77, 1000), 0);
	ck_assert_uint_eq(node_shown_inode(table, 77), 1000);
	ck_assert_uint_eq(node_shown_inode(table, 78), 78);
	node_remove_name(table, root, "a");
	assert_path(a, "c");
	ck_assert(node_forget(table, a->id, 2));
	ck_assert_uint_eq(node_table_count(table), 1);
	/* The node is gone; what its number is shown as is not. */
	ck_assert_uint_eq(node_shown_inode(table, 77), 1000);
	ck_assert_uint_ne((uintptr_t)obtain(root, "b", S_IFREG, 77, &made), 0);
	ck_assert(made);
	node_forget_inode(table, 77);
	ck_assert_uint_eq(node_shown_inode(table, 77), 77);
}
END_TEST

START_TEST(a_path_may_be_longer_than_the_kernel_takes)
{
	_cleanup_buffer_ struct buffer path = {0};
	struct node *node = node_table_root(table);
	char name[NAME_MAX + 1];
	bool made;

	memset(name, 'n', NAME_MAX);
	name[NAME_MAX] = '\0';
	for (int i = 0; i < PATH_MAX / (NAME_MAX + 1); i++)
		node = obtain(node, name, S_IFDIR, 0, &made);
	node = obtain(node, "x", S_IFREG, 0, &made);
	ck_assert_int_eq(node_path(table, node, &path), 0);
	ck_assert_uint_eq(path.length, PATH_MAX - 1 + strlen("/x"));
	ck_assert_str_eq(path.data + path.length - 3, "n/x");
	ck_assert(node_is_within(table, node, node_table_root(table)));
}
END_TEST

START_TEST(many_nodes_come_and_go)
{
	struct node *root = node_table_root(table);
	bool made;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < MANY; i++)
			obtain(root, numbered(i), S_IFREG, 0, &made);
		ck_assert_uint_eq(node_table_count(table), MANY + 1);
		for (int i = 0; i < MANY; i++) {
			struct node *node = node_obtain_known(table, root, numbered(i));

			ck_assert_ptr_nonnull(node);
			ck_assert(node_forget(table, node->id, 2));
		}
		ck_assert_uint_eq(node_table_count(table), 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tables");
	TCase *tables = tcase_create("tables"), *nodes = tcase_create("nodes");

	tcase_add_test(tables, names_come_and_go);
	tcase_add_test(tables, no_two_files_of_many_layers_have_one_number);
	tcase_add_test(tables, numbers_say_where_a_file_comes_from);
	tcase_add_test(tables, inode_entries_come_and_go);
	tcase_add_test(tables, cookies_are_kept_and_never_given_again);
	tcase_add_test(tables, an_empty_listing_is_one);
	tcase_add_test(tables, contents_are_read_to_their_end);
	tcase_add_test(tables, the_least_recently_used_content_goes);
	tcase_add_test(tables, a_removed_id_loses_all_its_contents);
	tcase_add_checked_fixture(nodes, make_table, free_table);
	tcase_add_test(nodes, a_node_is_made_once);
	tcase_add_test(nodes, an_old_template_is_refused);
	tcase_add_test(nodes, names_move_and_swap);
	tcase_add_test(nodes, names_of_one_file_find_each_other);
	tcase_add_test(nodes, a_path_may_be_longer_than_the_kernel_takes);
	tcase_add_test(nodes, many_nodes_come_and_go);
	tcase_set_timeout(tables, 120);
	tcase_set_timeout(nodes, 120);
	suite_add_tcase(suite, tables);
	suite_add_tcase(suite, nodes);
	return run_suite(suite);
}
