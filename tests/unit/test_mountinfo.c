/* The kernel's list of mounts, as it is and as it might be. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "venvfs/mountinfo.h"

static const char sample[] =
	"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,errors=remount-ro\n"
	"23 22 0:21 / /proc rw,nosuid - proc proc rw\n"
	"40 22 0:39 / /home/ann/my\\040env rw,nosuid,nodev shared:2 master:3 unbindable - "
	"fuse.venvfs /home/ann/a\\040b\\134c\\012d.cfg rw,user_id=1000,group_id=100\n"
	"41 22 0:40 / /srv/env ro,relatime - fuse.venvfs /etc/venvfs/p.cfg "
	"ro,allow_other,user_id=0,group_id=0\n"
	"42 22 0:41 / /srv/env/deep rw - tmpfs tmpfs rw\n"
	"43 22 0:42 / /srv/env rw - fuse.venvfs upper.cfg rw,user_id=7\n"
	"44 22 0:43 /sub /srv/environment rw - ext4 \\043hash rw\n";

START_TEST(every_field_is_read)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	const struct mountinfo_entry *entry;

	ck_assert_int_eq(mountinfo_parse(sample, &mounts), 0);
	ck_assert_uint_eq(mounts.count, 7);
	entry = &mounts.entries[0];
	ck_assert_uint_eq(entry->major, 254);
	ck_assert_uint_eq(entry->minor, 0);
	ck_assert_str_eq(entry->root, "/");
	ck_assert_str_eq(entry->mountpoint, "/");
	ck_assert_str_eq(entry->options, "rw,relatime");
	ck_assert_str_eq(entry->type, "ext4");
	ck_assert_str_eq(entry->source, "/dev/vda");
	ck_assert_str_eq(entry->super_options, "rw,errors=remount-ro");
	ck_assert_str_eq(mounts.entries[6].root, "/sub");
}
END_TEST

START_TEST(escapes_are_undone)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};

	ck_assert_int_eq(mountinfo_parse(sample, &mounts), 0);
	ck_assert_str_eq(mounts.entries[2].mountpoint, "/home/ann/my env");
	ck_assert_str_eq(mounts.entries[2].source, "/home/ann/a b\\c\nd.cfg");
	ck_assert_str_eq(mounts.entries[6].source, "#hash");
}
END_TEST

START_TEST(the_last_mount_at_a_place_is_seen)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};

	ck_assert_int_eq(mountinfo_parse(sample, &mounts), 0);
	ck_assert_ptr_eq(mountinfo_find(&mounts, "/srv/env"), &mounts.entries[5]);
	ck_assert_ptr_eq(mountinfo_find(&mounts, "/"), &mounts.entries[0]);
	ck_assert_ptr_null(mountinfo_find(&mounts, "/srv"));
	ck_assert_ptr_null(mountinfo_find(&mounts, "/srv/env/"));
}
END_TEST

static const struct {
	const char *path;
	unsigned index;
} containing[] = {
	{"/", 0},
	{"/srv", 0},
	{"/srv/env", 5},
	{"/srv/env/bin/python", 5},
	{"/srv/env/deep/er", 4},
	{"/srv/environment/x", 6},
	{"/srv/envy", 0},
	{"/home/ann/my env/lib", 2},
};

START_TEST(a_path_lies_on_the_longest_mount)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};

	ck_assert_int_eq(mountinfo_parse(sample, &mounts), 0);
	ck_assert_ptr_eq(mountinfo_containing(&mounts, containing[_i].path),
			 &mounts.entries[containing[_i].index]);
}
END_TEST

START_TEST(a_venvfs_mount_has_an_owner)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	unsigned uid = 99;

	ck_assert_int_eq(mountinfo_parse(sample, &mounts), 0);
	ck_assert(!mountinfo_is_venvfs(&mounts.entries[0]));
	ck_assert(!mountinfo_owner(&mounts.entries[0], &uid));
	ck_assert(mountinfo_is_venvfs(&mounts.entries[2]));
	ck_assert(mountinfo_owner(&mounts.entries[2], &uid));
	ck_assert_uint_eq(uid, 1000);
	ck_assert(mountinfo_owner(&mounts.entries[5], &uid));
	ck_assert_uint_eq(uid, 7);
}
END_TEST

/* None of these is a line of mountinfo. */
static const char *const damaged[] = {
	"",
	"\n\n",
	"22",
	"22 1 254:0 / /m rw",
	"22 1 254:0 / /m rw shared:1",
	"22 1 254:0 / /m rw - ext4 /dev/vda",
	"22 1 254 / /m rw - ext4 /dev/vda rw",
	"22 1 a:b / /m rw - ext4 /dev/vda rw",
	"22 1 254:-1 / /m rw - ext4 /dev/vda rw",
	"22 1 254:99999999999999999999 / /m rw - ext4 /dev/vda rw",
};

START_TEST(what_is_no_mount_is_left_out)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};

	ck_assert_int_eq(mountinfo_parse(damaged[_i], &mounts), 0);
	ck_assert_uint_eq(mounts.count, 0);
	ck_assert_ptr_null(mountinfo_find(&mounts, "/m"));
	ck_assert_ptr_null(mountinfo_containing(&mounts, "/m"));
}
END_TEST

START_TEST(what_is_no_escape_stays)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};

	ck_assert_int_eq(mountinfo_parse("1 0 0:1 / /a\\04\\x\\400\\ rw - t s\\ rw", &mounts), 0);
	ck_assert_uint_eq(mounts.count, 1);
	ck_assert_str_eq(mounts.entries[0].mountpoint, "/a\\04\\x\\400\\");
}
END_TEST

START_TEST(a_false_owner_is_none)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};
	unsigned uid = 99;

	ck_assert_int_eq(mountinfo_parse("1 0 0:1 / /a rw - t s rw,xuser_id=1,user_id=,rw\n"
					 "1 0 0:1 / /b rw - t s user_id=1x\n",
					 &mounts),
			 0);
	ck_assert(!mountinfo_owner(&mounts.entries[0], &uid));
	ck_assert(!mountinfo_owner(&mounts.entries[1], &uid));
	ck_assert_uint_eq(uid, 99);
}
END_TEST

START_TEST(this_process_has_mounts)
{
	_cleanup_mountinfo_ struct mountinfo mounts = {0};

	ck_assert_int_eq(mountinfo_read(&mounts), 0);
	ck_assert_ptr_nonnull(mountinfo_find(&mounts, "/proc"));
	ck_assert_str_eq(mountinfo_find(&mounts, "/proc")->type, "proc");
	ck_assert_ptr_nonnull(mountinfo_containing(&mounts, "/proc/self/none"));
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("mountinfo");

	tcase_add_test(tests, every_field_is_read);
	tcase_add_test(tests, escapes_are_undone);
	tcase_add_test(tests, the_last_mount_at_a_place_is_seen);
	tcase_add_loop_test(tests, a_path_lies_on_the_longest_mount, 0, COUNT(containing));
	tcase_add_test(tests, a_venvfs_mount_has_an_owner);
	tcase_add_loop_test(tests, what_is_no_mount_is_left_out, 0, COUNT(damaged));
	tcase_add_test(tests, what_is_no_escape_stays);
	tcase_add_test(tests, a_false_owner_is_none);
	tcase_add_test(tests, this_process_has_mounts);
	return run_tests("mountinfo", tests);
}
