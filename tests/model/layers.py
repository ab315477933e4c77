"""Layers full of conflicts, and the plain directory that shows what they merge to."""

import hashlib
import os
import random
import shutil
import stat

NAMES = ("a", "b", "c", "d", "e")
LONG = "n" * 255  # the longest name: no room is left for a whiteout's prefix
RESERVED = (".wh.a", ".wh..wh..opq", ".wh.zzz", ".wh..wh..redirect")
DEPTH = 3
OLD = 1_000_000_000 * 10**9  # 2001, in nanoseconds


def _times(rng):
    return OLD + rng.randrange(10**17)


def _make_file(path, rng):
    size = rng.choice((0, 1, 10, 3000, 4096, 9000))
    with open(path, "wb") as file:
        file.write(rng.randbytes(size))
    if rng.random() < 0.2:
        os.setxattr(path, "user.layer", rng.randbytes(rng.randrange(30)))


def _make_entry(path, depth, rng):
    kind = rng.random()
    if kind < 0.5 and depth < DEPTH:
        os.mkdir(path)
        _fill(path, depth + 1, rng)
    elif kind < 0.85:
        _make_file(path, rng)
    elif kind < 0.93:
        os.symlink(rng.choice(NAMES + tuple("../" + name for name in NAMES)), path)
    elif kind < 0.97:
        os.mkfifo(path)
    elif path[-1] in NAMES and os.path.isfile(path[:-1] + "a"):
        os.link(path[:-1] + "a", path)  # two names in a layer are two files in the environment
    else:
        _make_file(path, rng)
    if not stat.S_ISLNK(os.lstat(path).st_mode):
        os.chmod(path, rng.choice((0o755, 0o700, 0o750, 0o775)) if os.path.isdir(path)
                 else rng.choice((0o644, 0o600, 0o755, 0o444, 0o664)))
    os.utime(path, ns=(_times(rng), _times(rng)), follow_symlinks=False)


def _fill(directory, depth, rng):
    for name in NAMES:
        if rng.random() < 0.65:
            _make_entry(os.path.join(directory, name), depth, rng)
    if rng.random() < 0.3:
        _make_entry(os.path.join(directory, LONG), depth, rng)
    for name in RESERVED:
        if rng.random() < 0.15:
            _make_file(os.path.join(directory, name), rng)


def make(directory, seed):
    """A layer that has the directory m; the same for the same seed."""
    rng = random.Random(seed)
    top = os.path.join(directory, "m")
    os.makedirs(top)
    _fill(top, 1, rng)
    os.utime(top, ns=(_times(rng), _times(rng)))


def _copy(source, target):
    """What is no directory, with everything that programs see of it."""
    mode = os.lstat(source).st_mode
    if stat.S_ISFIFO(mode):
        os.mkfifo(target)
        shutil.copystat(source, target)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


def merge(layers, target):
    """Makes the directory @target from @layers, the highest first, as an environment shows them."""
    os.mkdir(target)
    names = sorted({name for layer in layers for name in os.listdir(layer)
                    if not name.startswith(".wh.")})
    for name in names:
        found = [path for path in (os.path.join(layer, name) for layer in layers)
                 if os.path.lexists(path)]
        merged = []
        for path in found:
            if os.path.islink(path) or not os.path.isdir(path):
                break
            merged.append(path)
        if merged:
            merge(merged, os.path.join(target, name))
        else:
            _copy(found[0], os.path.join(target, name))
    shutil.copystat(layers[0], target)


def fingerprint(directory):
    """A digest of everything in @directory but access times."""
    digest = hashlib.sha256()
    for root, directories, files in os.walk(directory):
        directories.sort()
        for name in [""] + sorted(files) + directories:
            path = os.path.join(root, name)
            st = os.lstat(path)
            digest.update(repr((path, st.st_mode, st.st_nlink, st.st_uid, st.st_gid, st.st_ino,
                                st.st_mtime_ns, st.st_ctime_ns)).encode())
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as file:
                    digest.update(file.read())
                digest.update(repr(os.listxattr(path)).encode())
            elif stat.S_ISLNK(st.st_mode):
                digest.update(os.readlink(path).encode())
    return digest.hexdigest()
