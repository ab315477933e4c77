"""The operations: what a program can do to a tree, on whichever side it is done.

An operation is a tuple (name, path, other path, number) of literals, so that a sequence can be
printed, shrunk and replayed. The number picks modes, sizes and flags. Each returns what a program
would see of it, or fails with OSError.
"""

import ctypes
import itertools
import mmap
import os
import stat

from layers import LONG, NAMES

SLOTS = 4         # files that are kept open
MODES = (0o644, 0o600, 0o755, 0o444, 0o4755, 0o2755, 0o666, 0o1777)
DIRECTORY_MODES = (0o755, 0o700, 0o775, 0o1777, 0o2755)
OFFSETS = (0, 1, 100, 4095, 4096, 5000, 8192, 12345)
TIMES = (0, 1, 999_999_999, 10**18 + 123_456_789, 1_600_000_000 * 10**9 + 1)
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, FALLOC_ZERO_RANGE = 1, 2, 16
FALLOCATE_MODES = (0, FALLOC_KEEP_SIZE, FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE, FALLOC_ZERO_RANGE,
                   FALLOC_ZERO_RANGE | FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE)
AT_FDCWD = -100

libc = ctypes.CDLL(None, use_errno=True)
libc.fallocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


def _paths():
    """More of the short ones: what is done to a directory reaches all that is in it."""
    one = list(NAMES)
    two = ["/".join(p) for p in itertools.product(NAMES, repeat=2)]
    three = ["/".join(p) for p in itertools.product(NAMES[:4], repeat=3)]
    deep = ["a/b/c/d", "a/a/a/a", "b/c/d/e", "c/a/b/a"]
    return one * 8 + two * 2 + three + deep + [LONG, LONG, "a/" + LONG, LONG + "/a"]


PATHS = _paths()


class Side:
    """One of the two trees, and the files that are kept open in it."""

    def __init__(self, root):
        self.root = root
        self.slots = {}

    def path(self, relative):
        return os.path.join(self.root, relative)

    def slot(self, number):
        return self.slots.get(number % SLOTS)

    def close(self):
        for fd in self.slots.values():
            os.close(fd)
        self.slots.clear()


def check(result):
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def data(number):
    return (b"%d," % number) * (1, 3, 500, 2000)[number % 4]


def offset(number):
    return OFFSETS[number % len(OFFSETS)]


def with_file(path, flags, use):
    # O_NONBLOCK: the path may lead to a FIFO.
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return use(fd)
    finally:
        os.close(fd)


def create(side, p, q, n):
    flags = os.O_CREAT | os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
    flags |= (0, os.O_EXCL, os.O_TRUNC, os.O_APPEND)[n % 4]
    fd = os.open(side.path(p), flags, MODES[n % len(MODES)])
    try:
        return os.write(fd, data(n))
    finally:
        os.close(fd)


def write(side, p, q, n):
    return with_file(side.path(p), os.O_WRONLY, lambda fd: os.pwrite(fd, data(n), offset(n // 3)))


def append(side, p, q, n):
    return with_file(side.path(p), os.O_WRONLY | os.O_APPEND, lambda fd: os.write(fd, data(n)))


def overwrite(side, p, q, n):
    return with_file(side.path(p), os.O_WRONLY | os.O_TRUNC, lambda fd: os.write(fd, data(n)))


def read(side, p, q, n):
    return with_file(side.path(p), os.O_RDONLY, lambda fd: os.pread(fd, 5000, offset(n)))


def truncate(side, p, q, n):
    os.truncate(side.path(p), offset(n))


def mkdir(side, p, q, n):
    os.mkdir(side.path(p), DIRECTORY_MODES[n % len(DIRECTORY_MODES)])


def rmdir(side, p, q, n):
    os.rmdir(side.path(p))


def unlink(side, p, q, n):
    os.unlink(side.path(p))


def remove(side, p, q, n):
    """Whatever it is: an empty directory or anything else."""
    path = side.path(p)
    if stat.S_ISDIR(os.lstat(path).st_mode):
        os.rmdir(path)
    else:
        os.unlink(path)


def clear(side, p, q, n):
    """rm -r of a directory's entries, one level: directories of layers become empty by it."""
    path = side.path(p)
    for name in sorted(os.listdir(path)):
        try:
            os.unlink(os.path.join(path, name))
        except IsADirectoryError:
            pass
    return sorted(os.listdir(path))


def rename_with(side, p, q, flags):
    check(libc.renameat2(AT_FDCWD, os.fsencode(side.path(p)), AT_FDCWD, os.fsencode(side.path(q)),
                         flags))


def rename(side, p, q, n):
    rename_with(side, p, q, 0)


def rename_noreplace(side, p, q, n):
    rename_with(side, p, q, RENAME_NOREPLACE)


def exchange(side, p, q, n):
    rename_with(side, p, q, RENAME_EXCHANGE)


def link(side, p, q, n):
    os.link(side.path(p), side.path(q), follow_symlinks=False)


def symlink(side, p, q, n):
    target = q.replace("/", "/../", 1) if n % 3 == 0 else q if n % 3 == 1 else "../" + NAMES[n % 5]
    os.symlink(target, side.path(p))


def readlink(side, p, q, n):
    return os.readlink(side.path(p))


def mknod(side, p, q, n):
    kind = (stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFREG)[n % 3]
    os.mknod(side.path(p), kind | (MODES[n % len(MODES)] & 0o777))


def chmod(side, p, q, n):
    path = side.path(p)
    if stat.S_ISDIR(os.stat(path).st_mode):
        os.chmod(path, DIRECTORY_MODES[n % len(DIRECTORY_MODES)])
    else:
        os.chmod(path, MODES[n % len(MODES)])


def chown(side, p, q, n):
    """To what one may give it to. (Not -1: of that, FUSE is told nothing.)"""
    if os.getuid() == 0:
        os.lchown(side.path(p), 1000 + n % 3, 2000 + n % 3)
    else:
        os.lchown(side.path(p), os.getuid(), os.getgid())


def utime(side, p, q, n):
    path = side.path(p)
    times = (TIMES[n % len(TIMES)], TIMES[n // 7 % len(TIMES)])
    os.utime(path, ns=times, follow_symlinks=n % 2 == 0)
    return os.stat(path, follow_symlinks=n % 2 == 0).st_mtime_ns


def touch(side, p, q, n):
    os.utime(side.path(p))


def setxattr(side, p, q, n):
    os.setxattr(side.path(p), f"user.{n % 3}", data(n)[:n], (0, os.XATTR_CREATE,
                                                            os.XATTR_REPLACE)[n // 3 % 3])


def removexattr(side, p, q, n):
    os.removexattr(side.path(p), ("user.layer", "user.0", "user.1")[n % 3])


def fallocate(side, p, q, n):
    mode = FALLOCATE_MODES[n % len(FALLOCATE_MODES)]
    with_file(side.path(p), os.O_RDWR,
              lambda fd: check(libc.fallocate(fd, mode, offset(n // 5), offset(n // 2) + 1)))


def copy_range(side, p, q, n):
    def copy(source):
        return with_file(side.path(q), os.O_WRONLY, lambda target: os.copy_file_range(
            source, target, 3000 + n, offset(n), offset(n // 7)))
    return with_file(side.path(p), os.O_RDONLY, copy)


def map_write(side, p, q, n):
    """A store to a shared mapping, which read(2) must see at once."""
    def store(fd):
        size = os.fstat(fd).st_size
        if size == 0 or not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        at = offset(n) % size
        with mmap.mmap(fd, size) as memory:
            memory[at] = n
            seen = os.pread(fd, 1, at)
            memory.flush()
        return seen
    return with_file(side.path(p), os.O_RDWR, store)


def map_private(side, p, q, n):
    def store(fd):
        size = os.fstat(fd).st_size
        if size == 0 or not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        with mmap.mmap(fd, size, flags=mmap.MAP_PRIVATE) as memory:
            memory[offset(n) % size] = n
            return memory[:100]
    return with_file(side.path(p), os.O_RDONLY, store)


def fsync(side, p, q, n):
    with_file(side.path(p), os.O_RDONLY, os.fsync)


def open_slot(side, p, q, n):
    fd = os.open(side.path(p), os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    close_slot(side, p, q, n)
    side.slots[n % SLOTS] = fd


def close_slot(side, p, q, n):
    fd = side.slots.pop(n % SLOTS, None)
    if fd is not None:
        os.close(fd)


def _slot_state(fd):
    st = os.fstat(fd)
    if not stat.S_ISREG(st.st_mode):
        return st.st_mode, st.st_nlink
    return st.st_mode, st.st_nlink, st.st_uid, st.st_gid, st.st_size, os.pread(fd, 20000, 0)


def slot_write(side, p, q, n):
    fd = side.slot(n)
    if fd is not None and stat.S_ISREG(os.fstat(fd).st_mode):
        return os.pwrite(fd, data(n), offset(n // 2)), _slot_state(fd)
    return None


def slot_read(side, p, q, n):
    fd = side.slot(n)
    return None if fd is None else _slot_state(fd)


def slot_truncate(side, p, q, n):
    fd = side.slot(n)
    if fd is not None:
        os.ftruncate(fd, offset(n // 3))
        return _slot_state(fd)
    return None


def slot_change(side, p, q, n):
    """Attributes of a file that may have lost its name."""
    fd = side.slot(n)
    if fd is None:
        return None
    os.fchmod(fd, MODES[n // 4 % len(MODES)])
    os.utime(fd, ns=(TIMES[0], TIMES[n // 8 % len(TIMES)]))
    return _slot_state(fd), os.fstat(fd).st_mtime_ns


def listing(side, p, q, n):
    with os.scandir(side.path(p)) as entries:
        return sorted((entry.name, entry.is_dir(follow_symlinks=False), entry.is_symlink(),
                       entry.is_file(follow_symlinks=False)) for entry in entries)


# How often each comes; those that move directories most.
WEIGHTS = {
    create: 6, write: 4, append: 2, overwrite: 2, read: 2, truncate: 3,
    mkdir: 6, rmdir: 4, unlink: 4, remove: 5, clear: 3,
    rename: 12, rename_noreplace: 3, exchange: 5,
    link: 4, symlink: 2, readlink: 1, mknod: 2,
    chmod: 3, chown: 2, utime: 3, touch: 1, setxattr: 3, removexattr: 1,
    fallocate: 2, copy_range: 2, map_write: 2, map_private: 1, fsync: 1,
    open_slot: 4, close_slot: 1, slot_write: 2, slot_read: 2, slot_truncate: 1, slot_change: 1,
    listing: 2,
}
OPERATIONS = {function.__name__: function for function in WEIGHTS}

# What is done to the environment alone, and must change nothing.
EVENTS = {"remount": 2, "kill": 1, "forget": 3, "reserved": 1}

# The first is what others shrink to.
NOTHING = "nothing"
CHOICES = [NOTHING] + [f.__name__ for f, weight in WEIGHTS.items() for _ in range(weight)] + [
    name for name, weight in EVENTS.items() for _ in range(weight)]
