/* How pages are shared: what is asked for, and what may be had. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"
#include "venvfs/cleanup.h"
#include "venvfs/io.h"
#include "venvfs/share.h"

#define ORDINARY 60123 /* a user who is not root */

static char root[] = "/tmp/venvfs-test-share-XXXXXX";
static char *layer;
static int directory = -1;

static void make_layer(void)
{
	int image;

	strcpy(strrchr(root, '-'), "-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(chmod(root, 0755), 0);
	ck_assert_int_gt(asprintf(&layer, "%s/layer", root), 0);
	ck_assert_int_eq(mkdir(layer, 0755), 0);
	directory = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	image = openat(directory, "image", O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	ck_assert_int_ge(image, 0);
	ck_assert_int_eq(fchmod(image, 0444), 0);
	close(image);
}

static bool set_immutable(bool on)
{
	int flags;

	if (ioctl(directory, FS_IOC_GETFLAGS, &flags) < 0)
		return false;
	flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	return ioctl(directory, FS_IOC_SETFLAGS, &flags) == 0;
}

static void remove_layer(void)
{
	set_immutable(false);
	close(directory);
	io_remove_tree(AT_FDCWD, root);
	free(layer);
}

START_TEST(modes_have_names)
{
	enum share_mode mode;

	for (int i = SHARE_AUTO; i <= SHARE_PASSTHROUGH; i++) {
		ck_assert_int_eq(share_mode_parse(share_mode_name((enum share_mode)i), &mode), 0);
		ck_assert_int_eq((int)mode, i);
	}
	ck_assert_int_eq(share_mode_parse("", &mode), -EINVAL);
	ck_assert_int_eq(share_mode_parse("Link", &mode), -EINVAL);
	ck_assert_int_eq(share_mode_parse("link ", &mode), -EINVAL);
}
END_TEST

/* What comes of it for the layer; the reason is expected to hold @reason, or to be none. */
static void assert_share(enum share_mode asked, bool read_only, bool others,
			 enum share_mode expected, const char *reason)
{
	struct share share;
	int links;

	ck_assert_int_eq(share_begin(&share, asked, read_only), 0);
	links = share_may_link(&share, layer, directory, others);
	ck_assert_int_ge(links, 0);
	ck_assert_int_eq(share_leave_out(&share, links == 0, 1), 0);
	ck_assert_str_eq(share_mode_name(share.used), share_mode_name(expected));
	ck_assert_int_eq(share.asked, asked);
	if (reason)
		ck_assert_msg(share.reason && strstr(share.reason, reason), "%s", share.reason);
	else
		ck_assert_ptr_null(share.reason);
	share_clear(&share);
}

static void become_ordinary(void)
{
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(ORDINARY), 0);
}

START_TEST(an_ordinary_user_has_links)
{
	become_ordinary();
	assert_share(SHARE_AUTO, false, false, SHARE_LINK, NULL);
	assert_share(SHARE_LINK, true, false, SHARE_LINK, NULL);
	assert_share(SHARE_BYTECODE, false, false, SHARE_BYTECODE, NULL);
	assert_share(SHARE_CACHE, false, false, SHARE_CACHE, NULL);
	assert_share(SHARE_AUTO, false, true, SHARE_LINK, NULL);
	(void)!seteuid(0); /* the leak checker must be able to look at us */
}
END_TEST

START_TEST(passthrough_is_for_what_is_read_only)
{
	assert_share(SHARE_PASSTHROUGH, true, false, SHARE_PASSTHROUGH, NULL);
	assert_share(SHARE_PASSTHROUGH, false, false, SHARE_CACHE, "read-only");
}
END_TEST

START_TEST(what_others_cannot_reach_is_not_linked)
{
	static const char *const names[] = {"", "/layer", "/layer/image"};
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stat st;

		snprintf(path, sizeof(path), "%s%s", root, names[i]);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(chmod(path, st.st_mode & 07770), 0);
		if (geteuid() == 0) {
			ck_assert_int_eq(chown(path, ORDINARY, (gid_t)-1), 0);
			ck_assert_int_eq(seteuid(ORDINARY), 0);
		}
		assert_share(SHARE_AUTO, false, true, SHARE_CACHE, "other users cannot reach");
		assert_share(SHARE_AUTO, false, false, SHARE_LINK, NULL);
		assert_share(SHARE_LINK, false, true, SHARE_LINK, NULL);
		(void)!seteuid(0);
		ck_assert_int_eq(chmod(path, st.st_mode & 07777), 0);
	}
}
END_TEST

START_TEST(root_links_only_to_what_is_sealed)
{
	if (geteuid() != 0)
		return;
	assert_share(SHARE_AUTO, false, false, SHARE_CACHE, "not sealed");
	assert_share(SHARE_LINK, true, false, SHARE_CACHE, "not sealed");
	assert_share(SHARE_BYTECODE, false, false, SHARE_CACHE, "not sealed");
	if (!set_immutable(true))
		return; /* the file system has no such attribute */
	assert_share(SHARE_AUTO, false, false, SHARE_LINK, NULL);
	assert_share(SHARE_BYTECODE, false, true, SHARE_BYTECODE, NULL);
}
END_TEST

START_TEST(the_first_reason_is_kept)
{
	struct share share;

	ck_assert_int_eq(share_begin(&share, SHARE_AUTO, false), 0);
	ck_assert_int_eq(share_give_up(&share, "because of %s", "one"), 0);
	ck_assert_int_eq(share_give_up(&share, "because of %s", "two"), 0);
	ck_assert_int_eq(share.used, SHARE_CACHE);
	ck_assert_str_eq(share.reason, "because of one");
	share_clear(&share);
}
END_TEST

/* A few packages without links are no reason to have none at all. */
START_TEST(some_are_left_out)
{
	struct share share;

	ck_assert_int_eq(chmod(root, 0700), 0);
	become_ordinary();
	ck_assert_int_eq(share_begin(&share, SHARE_AUTO, false), 0);
	ck_assert_int_eq(share_leave_out(&share, 0, 3), 0);
	ck_assert_ptr_null(share.reason);
	ck_assert_int_eq(share_may_link(&share, layer, directory, true), 0);
	ck_assert_int_eq(share_leave_out(&share, 1, 3), 0);
	(void)!seteuid(0);
	ck_assert_int_eq(share.used, SHARE_LINK);
	ck_assert_msg(strstr(share.reason, "1 of 3 packages is shown without links: other users"),
		      "%s", share.reason);
	share_clear(&share);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("share");

	tcase_add_checked_fixture(tests, make_layer, remove_layer);
	tcase_add_test(tests, modes_have_names);
	tcase_add_test(tests, an_ordinary_user_has_links);
	tcase_add_test(tests, passthrough_is_for_what_is_read_only);
	tcase_add_test(tests, what_others_cannot_reach_is_not_linked);
	tcase_add_test(tests, root_links_only_to_what_is_sealed);
	tcase_add_test(tests, the_first_reason_is_kept);
	tcase_add_test(tests, some_are_left_out);
	return run_tests("share", tests);
}
