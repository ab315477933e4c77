"""Comparing the two trees: what a program can see must be the same."""

import os
import stat

# Where the kernel's clock for files is coarse, two changes within a tick look like one.
TICK = 20_000_000


class Difference(AssertionError):
    pass


def same(what, path, expected, got):
    if expected != got:
        raise Difference(f"{what} of {path!r}: expected {expected!r}, got {got!r}")


class Pair:
    """What was last seen of one file on both sides: times change on both or on neither, and an
    inode number does not change at all."""

    __slots__ = ("times", "ino")

    def __init__(self, expected, got):
        self.times = (expected.st_mtime_ns, got.st_mtime_ns, expected.st_ctime_ns,
                      got.st_ctime_ns)
        self.ino = got.st_ino


def _lstat(path):
    try:
        return os.lstat(path)
    except OSError as error:
        return error.errno


def _kind(entry):
    return (entry.is_dir(follow_symlinks=False), entry.is_symlink(),
            entry.is_file(follow_symlinks=False))


def _listing(path):
    with os.scandir(path) as entries:
        return {entry.name: _kind(entry) for entry in entries}


def _content(path):
    with open(path, "rb", buffering=0) as file:
        return file.read()


def _attributes(path):
    return {name: os.getxattr(path, name) for name in os.listxattr(path)
            if name.startswith("user.")}


class Comparison:
    """Of the tree @expected, a plain directory, with @got, an environment's."""

    def __init__(self, expected, got):
        self.expected = expected
        self.got = got
        self.pairs = {}  # by the inode number on the plain side

    def remounted(self):
        """Copies in the upper have numbers of their own from now on."""
        for pair in self.pairs.values():
            pair.ino = None

    def inodes(self, *paths):
        """The files at @paths, to be handed to gone()."""
        return [_lstat(os.path.join(self.expected, path)) for path in paths]

    def gone(self, before, *paths):
        """Forgets the files of @before that have lost their last name: numbers are used again."""
        now = {st.st_ino for st in self.inodes(*paths) if not isinstance(st, int)}
        for st in before:
            if isinstance(st, int) or st.st_ino in now:
                continue
            if stat.S_ISDIR(st.st_mode) or st.st_nlink <= 1:
                self.pairs.pop(st.st_ino, None)

    def _times(self, path, expected, got):
        pair = self.pairs.get(expected.st_ino)
        if pair is None:
            return
        mtime, got_mtime, ctime, got_ctime = pair.times
        changed, got_changed = expected.st_mtime_ns != mtime, got.st_mtime_ns != got_mtime
        if changed != got_changed:
            latest = got.st_mtime_ns if changed else expected.st_mtime_ns
            newest = expected.st_mtime_ns if changed else got.st_mtime_ns
            if not 0 <= newest - latest < TICK:
                raise Difference(f"mtime of {path!r}: expected {mtime} -> {expected.st_mtime_ns}, "
                                 f"got {got_mtime} -> {got.st_mtime_ns}")
        if expected.st_ctime_ns != ctime and got.st_ctime_ns == got_ctime and \
                expected.st_ctime_ns - got_ctime >= TICK:
            raise Difference(f"ctime of {path!r} did not change")

    def _identity(self, path, expected, got):
        pair = self.pairs.get(expected.st_ino)
        if pair is not None and pair.ino is not None:
            same("inode number", path, pair.ino, got.st_ino)
        self.pairs[expected.st_ino] = Pair(expected, got)

    def path(self, path):
        """Compares what is at @path, not what is below it."""
        here, there = os.path.join(self.expected, path), os.path.join(self.got, path)
        expected, got = _lstat(here), _lstat(there)
        if isinstance(expected, int) or isinstance(got, int):
            same("existence", path, expected, got)
            return
        for field in ("st_mode", "st_uid", "st_gid", "st_rdev"):
            same(field, path, getattr(expected, field), getattr(got, field))
        if stat.S_ISDIR(expected.st_mode):
            if got.st_nlink != 1:  # 1: nobody counts a merged directory's subdirectories
                same("st_nlink", path, expected.st_nlink, got.st_nlink)
            same("listing", path, _listing(here), _listing(there))
        else:
            same("st_nlink", path, expected.st_nlink, got.st_nlink)
            same("st_size", path, expected.st_size, got.st_size)
        if stat.S_ISREG(expected.st_mode):
            same("content", path, _content(here), _content(there))
        elif stat.S_ISLNK(expected.st_mode):
            same("target", path, os.readlink(here), os.readlink(there))
        if not stat.S_ISLNK(expected.st_mode):
            same("attributes", path, _attributes(here), _attributes(there))
        # Of what goes through a pipe the kernel tells a FUSE file system nothing.
        if not stat.S_ISFIFO(expected.st_mode):
            self._times(path, expected, got)
        self._identity(path, expected, got)

    def everything(self, path=""):
        """Compares the whole trees."""
        self._walk(path)
        numbers = {}
        for ino, pair in self.pairs.items():
            if pair.ino in numbers:
                raise Difference(f"two files have the inode number {pair.ino}")
            if pair.ino is not None:
                numbers[pair.ino] = ino

    def _walk(self, path):
        self.path(path)
        here = os.path.join(self.expected, path)
        for name in sorted(os.listdir(here)):
            below = os.path.join(path, name)
            if stat.S_ISDIR(os.lstat(os.path.join(here, name)).st_mode):
                self._walk(below)
            else:
                self.path(below)
