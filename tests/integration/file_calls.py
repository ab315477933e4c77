"""What the tests ask of the file system beyond what programs do: python3 file_calls.py CALL DIRECTORY

Each call is a function below. It asserts; what it prints is for whoever reads a failure. DIRECTORY is
in the environment and from two layers: tree/a/b/file, empty/, data and script.sh from the higher one,
tree/a/c/file from the lower one.
"""

import ctypes
import errno
import fcntl
import mmap
import multiprocessing
import os
import select
import socket
import struct
import sys

RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
AT_FDCWD = -100
libc = ctypes.CDLL(None, use_errno=True)
fork = multiprocessing.get_context("fork")


def renameat2(old, new, flags):
    if libc.renameat2(AT_FDCWD, os.fsencode(old), AT_FDCWD, os.fsencode(new), flags) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), old, None, new)


def fails(expected, call, *arguments):
    try:
        call(*arguments)
    except OSError as error:
        assert error.errno in (expected if isinstance(expected, tuple) else (expected,)), error
    else:
        raise AssertionError("%s%r succeeded" % (call.__name__, arguments))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def exchange(old, new):
    """Two names swap what they lead to."""
    before = os.lstat(old), os.lstat(new)
    renameat2(old, new, RENAME_EXCHANGE)
    after = os.lstat(new), os.lstat(old)
    assert [st.st_ino for st in before] == [st.st_ino for st in after], (before, after)


def rename_directories(top):
    """Directories of layers, of the store and of both, and renamed ones: never EXDEV."""
    os.chdir(top)
    inode = os.stat("tree").st_ino
    os.rename("tree", "tree2")
    assert os.stat("tree2").st_ino == inode and not os.path.exists("tree")
    assert read("tree2/a/b/file") == b"of the layer\n"
    os.rename("tree2", "tree3")
    os.mkdir("new")
    write("new/own", b"own")
    os.rename("tree3/a", "new/a")
    os.rename("new", "tree3/new")
    os.rename("tree3/new/a/b", "b")
    assert read("b/file") == b"of the layer\n" and os.listdir("tree3/new/a") == ["c"]
    write("b/added", b"added")
    os.rename("b", "tree3/new/a/b")
    os.rename("tree3", "tree")
    assert sorted(os.listdir("tree/new/a/b")) == ["added", "file"]
    os.mkdir("tree/a")
    assert os.listdir("tree/a") == []
    os.rmdir("tree/a")
    os.rename("tree/new/a", "tree/a")
    os.unlink("tree/a/b/added")
    os.unlink("tree/new/own")
    os.rmdir("tree/new")
    assert os.stat("tree").st_ino == inode and read("tree/a/b/file") == b"of the layer\n"
    assert read("tree/a/c/file") == b"of the lower layer\n"


def rename_flags(top):
    os.chdir(top)
    fails(errno.EEXIST, renameat2, "tree", "data", RENAME_NOREPLACE)
    fails(errno.EEXIST, renameat2, "tree", "empty", RENAME_NOREPLACE)
    fails(errno.ENOENT, renameat2, "tree", "absent", RENAME_EXCHANGE)
    fails((errno.ENOTEMPTY, errno.EEXIST), os.rename, "empty", "tree")
    fails(errno.EINVAL, os.rename, "tree", "tree/a/below")
    fails(errno.ENOTDIR, os.rename, "tree", "data")
    fails(errno.EISDIR, os.rename, "data", "tree")
    os.mkdir("own")
    write("own/file", b"own")
    exchange("tree", "own")
    assert read("tree/file") == b"own" and read("own/a/b/file") == b"of the layer\n"
    exchange("tree", "data")
    assert read("data/file") == b"own" and os.path.isfile("tree")
    exchange("tree", "data")
    exchange("tree", "own")
    renameat2("own", "own2", RENAME_NOREPLACE)
    os.unlink("own2/file")
    os.rename("empty", "own2")
    os.rename("own2", "empty")
    assert read("tree/a/b/file") == b"of the layer\n" and os.listdir("empty") == []


def mapped_writers(top):
    """Two processes store to one shared mapping; a private one keeps its stores to itself."""
    path = os.path.join(top, "data")
    before = read(path)
    inode = os.stat(path).st_ino

    def store(offset):
        with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
            pages[offset:offset + 4] = b"%04d" % offset
            pages.flush()

    with open(path, "rb") as reader, mmap.mmap(reader.fileno(), 0, prot=mmap.PROT_READ) as seen:
        children = [fork.Process(target=store, args=(offset,)) for offset in (0, 8192)]
        for child in children:
            child.start()
        for child in children:
            child.join()
            assert child.exitcode == 0
        assert seen[:4] == b"0000" and seen[8192:8196] == b"8192", "an old mapping"
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE) as pages:
        pages[4096:4100] = b"mine"
    after = read(path)
    assert after == b"0000" + before[4:8192] + b"8192" + before[8196:]
    assert os.stat(path).st_ino == inode


def temporary_files(top):
    """O_TMPFILE works, or says that it does not."""
    try:
        fd = os.open(top, os.O_TMPFILE | os.O_RDWR, 0o600)
    except OSError as error:
        assert error.errno == errno.EOPNOTSUPP, error
        print("EOPNOTSUPP")
        return
    os.write(fd, b"unnamed")
    assert os.fstat(fd).st_nlink == 0
    os.link("/proc/self/fd/%d" % fd, os.path.join(top, "named"), follow_symlinks=True)
    assert read(os.path.join(top, "named")) == b"unnamed"
    os.unlink(os.path.join(top, "named"))


def in_use(top):
    """Files that are removed or replaced while they are open live on."""
    os.chdir(top)
    for name in "data", "own":
        if name == "own":
            write(name, b"0123456789")
        content = read(name)
        with open(name, "r+b") as file, mmap.mmap(file.fileno(), 0) as pages:
            os.unlink(name)
            assert os.fstat(file.fileno()).st_nlink == 0
            file.write(b"abcd")
            file.flush()
            pages[4:6] = b"ef"
            assert os.pread(file.fileno(), 10, 0) == b"abcdef" + content[6:10]
            write(name, content)
            assert os.pread(file.fileno(), 4, 0) == b"abcd"
            other = os.open(name, os.O_RDONLY)
            write("replacement", b"new")
            os.rename("replacement", name)
            assert os.pread(other, len(content) + 1, 0) == content and read(name) == b"new"
            os.close(other)
        write(name, content)
    os.unlink("own")
    os.mkdir("gone")
    fd = os.open("gone", os.O_RDONLY)
    os.rmdir("gone")
    fails(errno.ENOENT, lambda: os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


def in_child(function, *arguments):
    with fork.Pool(1) as pool:
        return pool.apply(function, arguments)


def try_flock(path):
    with open(path, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return "locked"
        return "free"


def try_posix(path, start):
    with open(path, "r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, start)
        except OSError as error:
            assert error.errno in (errno.EACCES, errno.EAGAIN), error
            return "locked"
        return "free"


def locks(top):
    """flock and POSIX locks hold between processes, over copy-up too."""
    path = os.path.join(top, "data")
    with open(path, "rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert in_child(try_flock, path) == "locked"
        write_one_byte(path)
        assert in_child(try_flock, path) == "locked", "copy-up lost a lock"
        fcntl.flock(file, fcntl.LOCK_UN)
        assert in_child(try_flock, path) == "free"
    with open(path, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 10, 100)
        assert in_child(try_posix, path, 105) == "locked"
        assert in_child(try_posix, path, 110) == "free"
        fcntl.lockf(file, fcntl.LOCK_UN, 10, 100)
        assert in_child(try_posix, path, 105) == "free"


def write_one_byte(path):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, b"!", 0)
    os.close(fd)


def inotify_names(fd, wanted):
    """The names in the events, until all that are wanted have come."""
    names = set()
    while wanted - names and select.select([fd], [], [], 10)[0]:
        data, at = os.read(fd, 65536), 0
        while at < len(data):
            _, mask, _, length = struct.unpack_from("iIII", data, at)
            name = data[at + 16:at + 16 + length].rstrip(b"\0").decode()
            names.add((mask & 0xfff, name))
            at += 16 + length
    return names


def watches(top):
    """inotify sees what other processes do to what came from a layer."""
    modify, moved_from, moved_to, create, delete = 0x2, 0x40, 0x80, 0x100, 0x200
    fd = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(fd, os.fsencode(top), 0xfff) >= 0
    wanted = {(modify, "data"), (moved_from, "data"), (moved_to, "moved"), (create, "made"),
              (delete, "made")}

    def act():
        os.chdir(top)
        write_one_byte("data")
        os.rename("data", "moved")
        os.rename("moved", "data")
        write("made", b"")
        os.unlink("made")

    child = fork.Process(target=act)
    child.start()
    child.join()
    assert child.exitcode == 0
    names = inotify_names(fd, wanted)
    assert wanted <= names, names
    os.close(fd)


def special_files(top):
    """FIFOs and sockets carry data between processes."""
    os.chdir(top)
    os.mkfifo("fifo")

    def send():
        write("fifo", b"through the fifo")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("socket")
            client.sendall(b"through the socket")

    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        server.listen(1)
        server.settimeout(10)
        child = fork.Process(target=send)
        child.start()
        assert read("fifo") == b"through the fifo"
        connection, _ = server.accept()
        assert connection.recv(100) == b"through the socket"
        connection.close()
        child.join()
        assert child.exitcode == 0
    os.rename("fifo", "tree/fifo")
    os.unlink("tree/fifo")
    os.unlink("socket")


def data_calls(top):
    """truncate, fallocate, sparse files, copy_file_range, append, fsync of files and directories."""
    os.chdir(top)
    before = read("data")
    os.truncate("data", 10)
    assert read("data") == before[:10]
    os.truncate("data", 20)
    assert read("data") == before[:10] + bytes(10)
    with open("data", "ab") as file:
        file.write(b"end")
        os.fsync(file.fileno())
    assert read("data") == before[:10] + bytes(10) + b"end"
    with open("sparse", "wb") as file:
        os.posix_fallocate(file.fileno(), 0, 8192)
        assert os.fstat(file.fileno()).st_size == 8192
        file.seek(1 << 20)
        file.write(b"x")
    with open("tree/a/b/file", "rb") as source, open("copy", "wb") as target:
        assert os.copy_file_range(source.fileno(), target.fileno(), 100) == 13
    assert read("copy") == b"of the layer\n"
    for name in "copy", "sparse":
        os.unlink(name)
    fd = os.open(".", os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    write("data", before)


def attributes(top):
    """Modes, times to the nanosecond, xattrs and link counts, of layers' files too."""
    os.chdir(top)
    os.utime("data", ns=(1_000_000_001, 2_000_000_003))
    st = os.stat("data")
    assert (st.st_atime_ns, st.st_mtime_ns) == (1_000_000_001, 2_000_000_003), st
    os.chmod("data", 0o640)
    assert os.stat("data").st_mode & 0o7777 == 0o640 and os.stat("data").st_mtime_ns == 2_000_000_003
    os.setxattr("data", "user.mine", b"value")
    assert os.getxattr("data", "user.mine") == b"value"
    assert os.getxattr("data", "user.layer") == b"kept"
    assert sorted(os.listxattr("data")) == ["user.layer", "user.mine"]
    os.removexattr("data", "user.layer")
    os.removexattr("data", "user.mine")
    assert os.listxattr("data") == []
    os.link("data", "second")
    assert os.stat("data").st_nlink == 2 and os.path.samefile("data", "second")
    write_one_byte("second")
    assert read("data")[:1] == b"!"
    os.unlink("second")
    before = os.stat("tree/a").st_mtime_ns
    os.unlink("tree/a/b/file")
    write("tree/a/b/file", b"of the layer\n")
    assert os.stat("tree/a").st_mtime_ns == before, "a directory changed that did not"
    os.unlink("script.sh")
    assert os.stat(".").st_mtime_ns > before


def reserved_name(top, name):
    """A name that the store keeps for itself can be neither made nor found."""
    os.chdir(top)
    write("own", b"own")
    os.mkdir("own-directory")
    for call, *arguments in (
            (os.open, name, os.O_CREAT | os.O_WRONLY), (os.mkdir, name), (os.mkfifo, name),
            (os.symlink, "own", name), (os.link, "own", name), (os.rename, "own", name),
            (os.rename, "own-directory", name), (os.rename, "own", "own-directory/" + name)):
        fails(errno.EINVAL, call, *arguments)
    fails(errno.ENOENT, os.lstat, name)
    fails(errno.ENOENT, os.unlink, name)
    fails(errno.ENOENT, os.rmdir, name)
    fails(errno.ENOENT, os.rename, name, "other")
    os.unlink("own")
    os.rmdir("own-directory")


def make_lasting(top):
    """Things of all kinds, for a look after remounting."""
    os.chdir(top)
    os.rename("plain", "once")
    os.rename("once", "own/twice")
    write("own/twice/added", b"added")
    os.unlink("own/twice/sub/lower")
    os.rename("own/twice", "own/moved")
    os.rename("whited/sub/deep", "own/deep")
    os.rename("redirected/sub", "whited/other")
    os.link("redirected/file", "own/link of the layer's")
    os.link("own/link of the layer's", "second link")
    write("own/one", b"one")
    os.link("own/one", "own/two")
    os.mkfifo("own/fifo", 0o640)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("own/socket")
    os.symlink("moved/file", "own/symlink")
    os.symlink("/nowhere", "own/broken")
    try:
        os.setxattr("own/one", "user.mine", b"value\0with a NUL")
        os.setxattr("whited/file", "user.mine", b"on a layer's file")
    except OSError as error:
        assert error.errno == errno.EOPNOTSUPP, error
    os.chmod("opaque/file", 0o751)
    for number, path in enumerate(("own/one", "opaque/file", "opaque/sub/deep", "own/moved", "own")):
        os.utime(path, ns=(1_111_111_111_222_222_000 + number, 1_333_333_333_444_444_000 + number))


def refuses_changes(*calls):
    for call, *arguments in calls:
        fails(errno.EROFS, call, *arguments)


def read_only(top):
    """No kind of change is possible; everything else is."""
    os.chdir(top)
    refuses_changes(
        (os.open, "new", os.O_CREAT | os.O_WRONLY),
        (os.open, "all", os.O_WRONLY),
        (os.open, "all", os.O_RDWR | os.O_TRUNC),
        (os.truncate, "all", 0),
        (os.mkdir, "new"),
        (os.mkfifo, "new"),
        (os.symlink, "all", "new"),
        (os.link, "all", "new"),
        (os.unlink, "all"),
        (os.rmdir, "empty"),
        (os.rename, "all", "new"),
        (os.rename, "deep", "new"),
        (renameat2, "deep", "empty", RENAME_EXCHANGE),
        (os.chmod, "all", 0o600),
        (os.chown, "all", os.getuid(), os.getgid()),
        (os.utime, "all"),
        (os.utime, "deep"),
        (os.setxattr, "all", "user.new", b""),
        (os.removexattr, "all", "user.new"),
    )
    fails((errno.EROFS, errno.EOPNOTSUPP), os.open, ".", os.O_TMPFILE | os.O_RDWR)
    assert not os.access("all", os.W_OK) and not os.access("deep", os.W_OK)
    assert os.access("all", os.R_OK) and sorted(os.listdir("deep/er")) == ["all", "and"]
    assert os.statvfs(".").f_flag & os.ST_RDONLY


def read_only_root(top):
    os.chdir(top)
    refuses_changes(
        (os.open, "pyvenv.cfg", os.O_WRONLY),
        (os.unlink, "bin/python"),
        (os.rename, "lib", "lib2"),
        (os.mkdir, "new"),
        (os.chmod, "bin", 0o700),
        (os.utime, "."),
    )


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
