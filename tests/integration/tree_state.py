"""Prints what is at and below a directory: python3 tree_state.py [--exact] DIRECTORY

One line for each file: path, kind, mode, owner, mtime in ns, xattrs, and the digest of the content
or the target of the link. --exact adds inode number, ctime and link count, which a change that was
taken back leaves different. Access times are left out: reading is allowed.
"""

import hashlib
import os
import stat
import sys


def digest(path, st):
    if stat.S_ISLNK(st.st_mode):
        return os.readlink(path)
    if not stat.S_ISREG(st.st_mode):
        return ""
    with open(path, "rb") as file:
        return "%d %s" % (st.st_size, hashlib.sha256(file.read()).hexdigest())


def attributes(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return []
    return [(name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(names)]


def line(path, shown, exact):
    st = os.lstat(path)
    is_link = stat.S_ISLNK(st.st_mode)
    parts = [repr(shown), "%06o" % st.st_mode, "%d:%d" % (st.st_uid, st.st_gid),
             # A link's own time is nothing that programs carry over reliably.
             "-" if is_link and not exact else str(st.st_mtime_ns),
             repr(attributes(path)), digest(path, st)]
    if exact:
        parts += ["ino=%d" % st.st_ino, "ctime=%d" % st.st_ctime_ns, "nlink=%d" % st.st_nlink]
    return " ".join(parts)


def main():
    exact = sys.argv[1] == "--exact"
    top = os.path.abspath(sys.argv[-1])
    print(line(top, ".", exact))
    for directory, names, files in os.walk(top):
        names.sort()
        for name in sorted(names + files):
            path = os.path.join(directory, name)
            print(line(path, os.path.relpath(path, top), exact))


main()
