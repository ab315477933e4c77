# shellcheck shell=sh
# What the integration tests have in common. They source it, and print TAP.
#
# $work is a temporary directory; stores and caches of the test are below it, and so must be its
# mounts. However the test ends, what is mounted below $work is unmounted, what was started with
# `background` is ended, and $work is removed.
set -u
: "${VENVFS:?is the path of venvfs}" "${MOUNT_VENVFS:?is the path of mount.venvfs}"

# shellcheck disable=SC2034 # for the tests
here=$(cd "$(dirname "$0")" && pwd)

# A test that sets isolate=yes and is run by root has mounts and processes of its own, which end
# with it. So it may cover files of the host and never leaves a trace of that. It lets go of the
# environments that are mounted already: their daemons would live as long as this test.
if [ "${isolate-}" = yes ] && [ "$(id -u)" -eq 0 ] && [ "${VENVFS_TEST_ISOLATED-}" != yes ] &&
	unshare --mount --pid --fork true 2>/dev/null; then
	export VENVFS_TEST_ISOLATED=yes
	exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc -- sh "$0"
fi
if [ "${VENVFS_TEST_ISOLATED-}" = yes ]; then
	# Octal escapes as printf takes them.
	awk '$3 == "fuse.venvfs" { print $2 }' /proc/self/mounts |
		sed 's/\\\([0-7]\{3\}\)/\\0\1/g' | while read -r directory; do
		umount -l "$(printf %b "$directory")"
	done
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/venvfs-test.XXXXXX")
work=$(cd "$work" && pwd -P)
count=0
background_pids=

clean_up() {
	status=$?
	trap - EXIT
	trap '' HUP INT TERM
	cd /
	at_end
	for pid in $background_pids; do
		kill "$pid" 2>/dev/null
	done
	mounts_below "$work" | tac | while read -r directory; do
		"$VENVFS" umount "$directory" 2>/dev/null || umount -l "$directory" 2>/dev/null ||
			fusermount3 -uz "$directory"
	done
	# What still compiles in the background.
	for pid in $(daemons); do
		kill "$pid" 2>/dev/null
	done
	# What is in a wheel store is sealed; where root imports, immutable.
	[ "$(id -u)" -ne 0 ] || chattr -R -f -i "$work" >/dev/null 2>&1
	find "$work" -xdev -type d ! -perm -u=w -exec chmod u+w {} +
	rm -rf --one-file-system "$work"
	exit "$status"
}

# Tests that change more than what is below $work redefine it.
at_end() { :; }

trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# A world of its own: stores, caches, and neither settings nor packages of the caller.
export -p | grep -E '^export (PIP|UV)_' >"$work/index.sh"
# shellcheck disable=SC2046 # one word for each
unset $(sed 's/^export \([A-Za-z0-9_]*\).*/\1/' "$work/index.sh") PYTHONDONTWRITEBYTECODE \
	PYTHONPATH PYTHONHOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT
export XDG_DATA_HOME="$work/data" XDG_CACHE_HOME="$work/cache"
export PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
umask 022

# TAP

# ok CONDITION-STATUS NAME: one line of TAP; on failure also what the last program said.
ok() {
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
		return
	fi
	echo "not ok $count - $2"
	[ ! -e "$work/out" ] || tail -n 25 "$work/out" | sed 's/^/# stdout: /'
	[ ! -e "$work/err" ] || tail -n 25 "$work/err" | sed 's/^/# stderr: /'
}

# skip NAME REASON
skip() {
	count=$((count + 1))
	echo "ok $count - $1 # SKIP $2"
}

# skip_all REASON: ends the test before it has begun.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# bail REASON: nothing that follows would say anything.
bail() {
	[ ! -e "$work/err" ] || sed 's/^/# stderr: /' "$work/err"
	echo "Bail out! $1"
	exit 1
}

finish() {
	echo "1..$count"
	exit 0
}

# Programs

# run PROGRAM ARGUMENT...: leaves $status, $work/out and $work/err; its status is the program's.
run() {
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	return "$status"
}

# fails STATUS TEXT PROGRAM ARGUMENT...: it exits with STATUS, says nothing on stdout and TEXT on
# stderr.
fails() {
	expected=$1 text=$2
	shift 2
	run "$@"
	[ "$status" -eq "$expected" ] && [ ! -s "$work/out" ] && grep -qF -- "$text" "$work/err"
	ok $? "${1##*/} $(shift; echo "$*"): $text"
}

# prints TEXT PROGRAM ARGUMENT...: it succeeds and says TEXT on stdout, and nothing on stderr.
prints() {
	text=$1
	shift
	run "$@"
	[ "$status" -eq 0 ] && [ ! -s "$work/err" ] && grep -qF -- "$text" "$work/out"
	ok $? "${1##*/} $(shift; echo "$*"): $text"
}

# succeeds NAME PROGRAM ARGUMENT...: it exits with 0.
succeeds() {
	claim=$1
	shift
	run "$@"
	ok $? "$claim"
}

# background PROGRAM ARGUMENT...: leaves $!; ended with the test.
background() {
	"$@" </dev/null &
	background_pids="$background_pids $!"
}

# wait_until PROGRAM ARGUMENT...: it succeeds within half a minute.
wait_until() {
	tries=300
	until "$@" >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.1
	done
}

# online PROGRAM ARGUMENT...: with the caller's package index, if there is any.
online() (
	unset PIP_NO_INDEX PIP_CONFIG_FILE
	# shellcheck disable=SC1091 # written above
	. "$work/index.sh"
	"$@"
)

# Mounts

needs_fuse() {
	if [ ! -c /dev/fuse ] || ! (: <>/dev/fuse) 2>/dev/null; then
		skip_all '/dev/fuse cannot be opened'
	fi
	[ "$(id -u)" -eq 0 ] || command -v fusermount3 >/dev/null ||
		skip_all 'there is no fusermount3'
}

# needs_isolation: for a test with isolate=yes that can do nothing without.
needs_isolation() {
	[ "${VENVFS_TEST_ISOLATED-}" = yes ] ||
		skip_all 'only root can have mounts of its own, where that is allowed'
}

# mounts_below DIRECTORY: what is mounted there and below it, one on each line.
mounts_below() {
	while read -r _ point _; do
		# The octal escapes of /proc/mounts are printf's.
		# shellcheck disable=SC2059
		point=$(printf "$(printf '%s' "$point" | sed 's/%/%%/g')")
		case $point in "$1" | "$1"/*) printf '%s\n' "$point" ;; esac
	done </proc/self/mounts
}

# is_mounted DIRECTORY: looks at nothing in it, as its daemon may be dead.
is_mounted() {
	mounts_below "$1" | grep -qxF -- "$1"
}

# spec NAME [LINE...]: writes $work/NAME.cfg, with the base that was chosen.
spec() {
	file=$work/$1.cfg
	shift
	printf '[base-executable]\nexecutable = %s\n' "$base" >"$file"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$file"
}

# must_mount ARGUMENT...: `venvfs mount`, without which nothing more can be tested.
must_mount() {
	run "$VENVFS" mount "$@" || bail "cannot mount: $*"
}

must_umount() {
	run "$VENVFS" umount "$@" || bail "cannot unmount: $*"
}

# status_of DIRECTORY KEY: a value from the environment's own status.
status_of() {
	sed -n "s/^$2: //p" "$1/.venvfs/status"
}

# daemons: the process IDs of the programs that this test started and that run still.
daemons() {
	for process in /proc/[0-9]*; do
		case $(readlink "$process/exe") in
		*/venvfs | */mount.venvfs) ;;
		*) continue ;;
		esac
		! tr '\0' '\n' <"$process/environ" 2>/dev/null | grep -qF "XDG_DATA_HOME=$work/" ||
			echo "${process#/proc/}"
	done
}

# no_daemons: all of them have ended. Who makes bytecode in the background, under SCHED_IDLE (the 39th
# field after the name), outlives what is mounted.
no_daemons() {
	for daemon in $(daemons); do
		sed 's/.*) //' "/proc/$daemon/stat" 2>/dev/null | awk '{ exit $39 != 5 }' || return 1
	done
}

# Interpreters

ask_base='import os, platform, sys
if (platform.python_implementation() == "CPython" and (3, 8) <= sys.version_info < (3, 15)
        and sys.prefix == sys.base_prefix):
    print(os.path.realpath(sys.executable), "%d.%d" % sys.version_info[:2], sys.executable,
          sep="\t")'

# bases: "X.Y<tab>PATH" for every interpreter on this machine that venvfs serves, each once.
bases() {
	{
		printf '%s\n' "$PATH" | tr : '\n'
		printf '%s\n' "$HOME"/.pyenv/versions/*/bin /usr/bin /usr/local/bin
	} | awk '!seen[$0]++' | while read -r directory; do
		for program in "$directory"/python3.[0-9] "$directory"/python3.1[0-9]; do
			[ ! -x "$program" ] || "$program" -c "$ask_base" 2>/dev/null </dev/null
		done
	done | awk -F '\t' '!seen[$1]++' | cut -f 2-
}

# The base that is used where any will do: what python3 is, without a pyenv's script in between.
base=$(python3 -c "$ask_base" 2>/dev/null | cut -f 3)
[ -n "$base" ] || base=$(bases | head -n 1 | cut -f 2)
[ -n "$base" ] || skip_all 'there is no CPython from 3.8 to 3.14'

# An ordinary user, in isolated tests

# make_user: $user, with $home, is known from now on, in this test alone. $VENVFS becomes one that
# they can run, and $base too.
make_user() {
	user=venvfs-test home=$work/home user_id=60123
	while getent passwd "$user_id" >/dev/null; do
		user_id=$((user_id + 1))
	done
	cp /etc/passwd "$work/passwd"
	echo "$user:x:$user_id:$user_id::$home:/bin/sh" >>"$work/passwd"
	mount --bind "$work/passwd" /etc/passwd || return
	chmod 0711 "$work"
	mkdir "$home" && chown "$user_id:$user_id" "$home" || return
	install "$VENVFS" "$work/venvfs" || return
	VENVFS=$work/venvfs
	base=$(bases | cut -f 2 | while read -r candidate; do
		! as_user "$candidate" -c '' 2>/dev/null || echo "$candidate"
	done | head -n 1)
	[ -n "$base" ]
}

# as_user PROGRAM ARGUMENT...
as_user() {
	setpriv --reuid "$user_id" --regid "$user_id" --clear-groups env -i PATH=/usr/bin:/bin \
		HOME="$home" XDG_DATA_HOME="$home/data" XDG_CACHE_HOME="$home/cache" \
		PIP_CONFIG_FILE=/dev/null PIP_NO_INDEX=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
		${ASAN_OPTIONS+"ASAN_OPTIONS=$ASAN_OPTIONS"} \
		${UBSAN_OPTIONS+"UBSAN_OPTIONS=$UBSAN_OPTIONS"} "$@"
}

# private_dev [MODE]: a /dev of our own, with a fuse of that MODE, or without any.
private_dev() {
	[ -d "$work/dev" ] || mkdir "$work/dev"
	mount -t tmpfs -o mode=0755 tmpfs "$work/dev" || return
	for device in null zero full random urandom; do
		: >"$work/dev/$device" && mount --bind "/dev/$device" "$work/dev/$device" || return
	done
	if [ $# -gt 0 ]; then
		mknod -m "$1" "$work/dev/fuse" c 10 229 || return
	fi
	mount --rbind "$work/dev" /dev
}
