"""What is done to an environment while its daemon fails: a preparation, and one operation."""

import ctypes
import os

LONG = "n" * 255
LAYER_TIME = 10**18  # nanoseconds
AT_FDCWD, RENAME_EXCHANGE = -100, 2

libc = ctypes.CDLL(None, use_errno=True)


def make_layers(work):
    """Two of them; returns their paths, the higher first."""
    high, low = os.path.join(work, "high"), os.path.join(work, "low")
    _fill(os.path.join(high, "m"), {
        "file": "a file\n" * 1000,
        LONG: "a long name\n",
        "both": "the higher one\n",
        "dir/x": "x\n", "dir/y": "y\n", "dir/deep/er/z": "z\n",
        "merged/high": "high\n", "merged/same": "the higher\n",
        "bare/": None,
        "over": "a file over a directory\n",
    })
    _fill(os.path.join(low, "m"), {
        "both": "the lower one\n",
        "merged/low": "low\n", "merged/same": "the lower\n", "merged/sub/s": "s\n",
        "other/p": "p\n", "other/q": "q\n",
        "over/hidden": "hidden\n",
    })
    os.symlink("file", os.path.join(high, "m", "link"))
    os.mkfifo(os.path.join(high, "m", "fifo"))
    os.setxattr(os.path.join(high, "m", "file"), "user.layer", b"kept")
    for root, directories, files in os.walk(work):
        for name in directories + files:
            os.utime(os.path.join(root, name), ns=(LAYER_TIME, LAYER_TIME), follow_symlinks=False)
    return [high, low]


def _fill(top, files):
    for name, text in files.items():
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if text is not None:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)


def append(path):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(fd, b"appended\n")
    finally:
        os.close(fd)


def write(path, text="new\n"):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def create(path):
    os.mknod(path, 0o100644)


def exchange(a, b):
    if libc.renameat2(AT_FDCWD, os.fsencode(a), AT_FDCWD, os.fsencode(b), RENAME_EXCHANGE) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def clear(path):
    for name in os.listdir(path):
        os.unlink(os.path.join(path, name))


def do(function, *arguments):
    return function, arguments


# Name: what is done before, without faults, and the operation.
SCENARIOS = {
    "copy-up by append": ([], do(append, "file")),
    "copy-up by append, deep": ([], do(append, "dir/deep/er/z")),
    "copy-up by truncate": ([], do(os.truncate, "file", 10)),
    "copy-up by chmod": ([], do(os.chmod, "file", 0o600)),
    "copy-up by setxattr": ([], do(os.setxattr, "file", "user.new", b"1")),
    "copy-up of a directory": ([], do(os.chmod, "dir/deep", 0o700)),
    "copy-up of a FIFO": ([], do(os.chmod, "fifo", 0o600)),
    "copy-up of a long name": ([], do(append, LONG)),
    "copy-up by link": ([], do(os.link, "file", "dir/another")),
    "create": ([], do(create, "dir/new")),
    "create over a whiteout": ([do(os.unlink, "both")], do(create, "both")),
    "mkdir over a whiteout": ([do(os.rename, "dir", "gone")], do(os.mkdir, "dir")),
    "unlink, of a layer": ([], do(os.unlink, "file")),
    "unlink, of both layers": ([], do(os.unlink, "both")),
    "unlink, of a long name": ([], do(os.unlink, LONG)),
    "unlink, copied up": ([do(append, "both")], do(os.unlink, "both")),
    "unlink, of the upper": ([do(write, "own")], do(os.unlink, "own")),
    "unlink, over a directory": ([], do(os.unlink, "over")),
    "rmdir, of a layer": ([], do(os.rmdir, "bare")),
    "rmdir, emptied": ([do(clear, "other")], do(os.rmdir, "other")),
    "rmdir, emptied and moved": ([do(os.rename, "other", "moved"), do(clear, "moved")],
                                 do(os.rmdir, "moved")),
    "rmdir, of the upper": ([do(os.mkdir, "own")], do(os.rmdir, "own")),
    "rename, a file": ([], do(os.rename, "file", "moved")),
    "rename, a file over another": ([], do(os.rename, "file", "both")),
    "rename, a link": ([], do(os.rename, "link", "moved")),
    "rename, a file into a layer's directory": ([], do(os.rename, "file", "dir/deep/er/file")),
    "rename, the upper's file": ([do(write, "own")], do(os.rename, "own", "both")),
    "rename, a long name": ([], do(os.rename, LONG, "short")),
    "rename, to a long name": ([], do(os.rename, "both", LONG)),
    "rename, a directory": ([], do(os.rename, "dir", "moved")),
    "rename, a merged directory": ([], do(os.rename, "merged", "moved")),
    "rename, a merged directory into another": ([], do(os.rename, "merged", "dir/deep/moved")),
    "rename, a directory again": ([do(os.rename, "merged", "moved")],
                                  do(os.rename, "moved", "dir/again")),
    "rename, a directory back": ([do(os.rename, "merged", "moved")],
                                 do(os.rename, "moved", "merged")),
    "rename, a directory over an empty one": ([], do(os.rename, "dir", "bare")),
    "rename, the upper's directory over an empty one": (
        [do(os.mkdir, "own"), do(write, "own/f")], do(os.rename, "own", "bare")),
    "rename, a directory over an emptied one": ([do(clear, "other")],
                                                do(os.rename, "merged", "other")),
    "rename, the upper's directory to where one was": (
        [do(os.mkdir, "own"), do(write, "own/f"), do(os.rename, "dir", "gone")],
        do(os.rename, "own", "dir")),
    "exchange, files": ([], do(exchange, "file", "both")),
    "exchange, directories": ([], do(exchange, "dir", "merged")),
    "exchange, a file and a directory": ([], do(exchange, "over", "merged")),
    "exchange, the upper's directory and a layer's": (
        [do(os.mkdir, "own"), do(write, "own/f")], do(exchange, "own", "merged")),
}


def perform(operation, top):
    """Does it below the directory @top. Only names are paths: they are the ones without dots."""
    function, arguments = operation
    paths = {os.truncate: 1, os.chmod: 1, os.setxattr: 1}.get(function, len(arguments))
    return function(*(os.path.join(top, argument) if i < paths else argument
                      for i, argument in enumerate(arguments)))
