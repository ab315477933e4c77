# shellcheck shell=sh disable=SC2034,SC2154 # what lib.sh gives, and what the tests take
# What the tests of layers have in common: source it after lib.sh.
#
# Layers are made below $work/layers. A test ends with layers_untouched.

tree_state() {
	python3 "$here/tree_state.py" "$@"
}

# install_layer NAME PACKAGE...: $work/layers/NAME, a directory as `pip install --target` leaves it.
install_layer() {
	layer=$work/layers/$1
	shift
	run "$base_pip" install -q --no-deps --find-links "$wheels" --target "$layer" "$@" ||
		bail "pip cannot make a layer of $*"
}

# make_base_pip: $base_pip, a pip of the base that is not in any environment of the test.
make_base_pip() {
	run "$base" -m venv "$work/tools" || bail 'python -m venv does not work'
	base_pip=$work/tools/bin/pip
}

# make_wheels: $wheels, a directory of them.
make_wheels() {
	wheels=$work/wheels
	mkdir "$wheels"
	python3 "$here/make_wheels.py" "$wheels" || bail 'no wheels could be made'
}

# layers_made: they must stay as they are now.
layers_made() {
	tree_state --exact "$work/layers" >"$work/layers-before"
}

layers_untouched() {
	tree_state --exact "$work/layers" | diff "$work/layers-before" - >"$work/out"
	ok $? 'the layers are as they were: contents, modes, times, xattrs, inode numbers'
}

# mount_at SPEC DIRECTORY: leaves $env, $python, $site and $upper, where the store is $work/store.
mount_at() {
	mounted=$1
	must_mount "$work/$1.cfg" "$2"
	env=$2 python=$2/bin/python
	site=$2/lib/python$version/site-packages
	upper=$work/store/upper
}

# mount_layers SPEC [LINE...]: at $work/env, with $work/store and these lines of [layers]. No bytecode
# of pip comes by itself: it would show from the next mount on, whenever it was done.
mount_layers() {
	mounted=$1
	shift
	spec "$mounted" '[store]' "path = $work/store" '[packages]' 'bytecode = no' '[layers]' "$@"
	mount_at "$mounted" "$work/env"
}

remount() {
	must_umount "$env"
	mount_at "$mounted" "$env"
}

# bytes_in_upper: of all regular files in the store's upper, marks aside.
bytes_in_upper() {
	find "$upper" -type f ! -name '.wh.*' -printf '%s\n' | awk '{ n += $1 } END { print n + 0 }'
}

# requests OPCODE: how many the kernel has sent.
requests() {
	awk -v opcode="$1" '$1 == opcode { n = $2 } END { print n + 0 }' "$env/.venvfs/stats"
}

check_record='import base64, hashlib, sys
from importlib.metadata import distribution
files = [file for file in distribution(sys.argv[1]).files if file.hash]
assert files, "RECORD is empty"
for file in files:
    digest = hashlib.new(file.hash.mode, file.locate().read_bytes()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value, file'

# record_is_true DISTRIBUTION: every file that its RECORD names has the bytes that RECORD knows.
record_is_true() {
	run "$python" -c "$check_record" "$1"
	ok $? "all files of $1 are what its RECORD says"
}

version=$("$base" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
mkdir "$work/layers"
