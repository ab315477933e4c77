/* What the command line makes of -o, of names, and of JSON. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "cli/mount_options.h"
#include "cli/output.h"
#include "cli/output_json.h"
#include "venvfs/cleanup.h"

/* Mount options */

static const struct {
	const char *list;
	struct mount_options expected;
} accepted[] = {
	{"", {0}},
	{",,", {0}},
	{"ro", {.read_only = true}},
	{"rw", {0}},
	{"ro,rw", {.read_only = false}},
	{"rw,ro", {.read_only = true}},
	{"nonempty,allow_other", {.nonempty = true, .allow_other = true}},
	{"rw,nosuid,nodev,noexec,noatime",
	 {.nosuid = true, .nodev = true, .noexec = true, .noatime = true}},
	{"noatime,relatime,,", {0}},
	/* As mount(8) hands on "user,exec", "users,nofail,_netdev" and "owner,group". */
	{"rw,nosuid,nodev,user,exec", {.nosuid = true, .nodev = true}},
	{"rw,noexec,nosuid,nodev,users,nofail,_netdev",
	 {.nosuid = true, .nodev = true, .noexec = true}},
	{"defaults,auto,noauto,nouser,owner,group,user=ann,uhelper=u,helper=h,comment=c", {0}},
	{"x-systemd.automount,x-gvfs-name=a\\,ro\\,b,X-mount.mkdir", {0}},
	{"async,nodiratime", {0}},
	{"r\\o", {.read_only = true}},
	{"share=link", {.share = SHARE_LINK}},
	{"share=link,ro,share=cache", {.read_only = true, .share = SHARE_CACHE}},
	{"share=passthrough,share=auto", {0}},
	{"share=bytecode", {.share = SHARE_BYTECODE}},
};

START_TEST(known_options_are_applied)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct mount_options options = {0};

	ck_assert_int_eq(mount_options_parse(accepted[_i].list, false, &options, &error), 0);
	ck_assert_ptr_null(error.message);
	ck_assert_mem_eq(&options, &accepted[_i].expected, sizeof(options));
}
END_TEST

static const struct {
	const char *list, *name;
} refused[] = {
	{"frob", "'frob'"},
	{"ro,frob=1,rw", "'frob=1'"},
	{"ro=1", "'ro=1'"},
	{"RO", "'RO'"},
	{" ro", "' ro'"},
	{"ro\\,rw", "'ro,rw'"},
	{"ro\\", "'ro\\'"},
	{"remount,ro", "'remount'"},
	{"suid", "'suid'"},
	{"dev", "'dev'"},
	/* What libfuse, fusermount3 and the kernel know, and may not be told. */
	{"fd=3", "'fd=3'"},
	{"rootmode=40000", "'rootmode=40000'"},
	{"user_id=0", "'user_id=0'"},
	{"group_id=0", "'group_id=0'"},
	{"fsname=/etc", "'fsname=/etc'"},
	{"subtype=x", "'subtype=x'"},
	{"auto_unmount", "'auto_unmount'"},
	{"allow_root", "'allow_root'"},
	{"default_permissions", "'default_permissions'"},
	{"bind", "'bind'"},
	{"nosymfollow", "'nosymfollow'"},
	{"users\n", "'users\n'"},
	{"share", "'share'"},
	{"share=", "expected one of auto, link"},
	{"share=links", "'share=links'"},
};

START_TEST(other_options_are_named)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct mount_options options = {0};

	ck_assert_int_eq(mount_options_parse(refused[_i].list, false, &options, &error), -EINVAL);
	ck_assert_msg(strstr(error.message, refused[_i].name) != NULL, "%s", error.message);
}
END_TEST

START_TEST(sloppy_means_unknown_and_not_refused)
{
	_cleanup_error_ struct error error = ERROR_INIT;
	struct mount_options options = {0};

	ck_assert_int_eq(mount_options_parse("frob,fd=3,ro", true, &options, &error), 0);
	ck_assert(options.read_only);
	ck_assert_int_eq(mount_options_parse("remount", true, &options, &error), -EINVAL);
}
END_TEST

/* Names */

static const struct {
	const char *text, *escaped;
	size_t width;
} names[] = {
	{"", "", 0},
	{"/home/ann/proj", "/home/ann/proj", 14},
	{"a b", "a b", 3},
	{"a\nb\033[31m\177", "a\\012b\\033[31m\\177", 18},
	{"back\\slash", "back\\134slash", 13},
	{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 4},
};

START_TEST(a_name_cannot_steer_the_terminal)
{
	_cleanup_free_ char *escaped = output_escape(names[_i].text);

	ck_assert_str_eq(escaped, names[_i].escaped);
	ck_assert_uint_eq(output_width(escaped), names[_i].width);
}
END_TEST

/* JSON */

static const struct {
	const char *text, *json;
} strings[] = {
	{NULL, "null"},
	{"", "\"\""},
	{"a\"b\n", "\"a\\\"b\\n\""},
	{"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
	{"a\xff"
	 "b",
	 "\"a\xef\xbf\xbd"
	 "b\""},
};

START_TEST(any_name_is_a_json_string)
{
	_cleanup_json_ json_t *json = output_json_string(strings[_i].text);
	_cleanup_free_ char *dumped = json_dumps(json, JSON_ENCODE_ANY);

	ck_assert_str_eq(dumped, strings[_i].json);
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("cli");

	tcase_add_loop_test(tests, known_options_are_applied, 0, COUNT(accepted));
	tcase_add_loop_test(tests, other_options_are_named, 0, COUNT(refused));
	tcase_add_test(tests, sloppy_means_unknown_and_not_refused);
	tcase_add_loop_test(tests, a_name_cannot_steer_the_terminal, 0, COUNT(names));
	tcase_add_loop_test(tests, any_name_is_a_json_string, 0, COUNT(strings));
	return run_tests("cli", tests);
}
