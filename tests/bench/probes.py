"""Loops over an environment's files, timed where they run: python probes.py WORD ROOT [NUMBER]

It runs in the base interpreter, so that what it measures is the file system and not its own start.
Each prints one JSON value.
"""

import json
import os
import sys
import time


def paths_of(root, suffix=""):
    return [os.path.join(directory, name) for directory, _, names in os.walk(root)
            for name in names if name.endswith(suffix)]


def timed(function, paths):
    begin = time.perf_counter_ns()
    for path in paths:
        function(path)
    return (time.perf_counter_ns() - begin) / max(len(paths), 1)


def stat(root, limit):
    """[ns for a name that is there, ns for one that is not], the names known to the kernel."""
    there = paths_of(root)[:limit]
    absent = [path + ".absent" for path in there]

    def look(path):
        try:
            os.stat(path)
        except FileNotFoundError:
            pass
    for path in there + absent:
        look(path)
    return [timed(look, there), timed(look, absent)]


def read(root, limit):
    """[ns for open, read and close of a .py the first time, the same the second time]."""
    paths = paths_of(root, ".py")[:limit]

    def read_file(path):
        fd = os.open(path, os.O_RDONLY)
        os.fstat(fd)
        while os.read(fd, 1 << 20):
            pass
        os.close(fd)
    return [timed(read_file, paths), timed(read_file, paths)]


def make_tree(root, count):
    """A tree of @count small files, 25 in a directory."""
    for number in range(0, count, 25):
        directory = os.path.join(root, "d%d" % (number // 500), "d%d" % (number // 25))
        os.makedirs(directory)
        for index in range(number, min(number + 25, count)):
            with open(os.path.join(directory, "file%d.py" % index), "w") as file:
                file.write("number = %d\n" % index)


def write(path, size):
    """Seconds for @size bytes, written in pieces of a MiB and synced."""
    block = os.urandom(1 << 20)
    begin = time.perf_counter()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for _ in range(size >> 20):
        os.write(fd, block)
    os.fsync(fd)
    os.close(fd)
    return time.perf_counter() - begin


def make_tests(root, count):
    """@count tests for pytest, 20 in a file."""
    os.makedirs(root)
    for number in range(0, count, 20):
        lines = ["import pytest\n\n\n@pytest.fixture\ndef pair():\n    return 1, 2\n"]
        lines += ["def test_%d(pair, tmp_path_factory):\n    assert sum(pair) + %d == 3 + %d\n"
                  % (index, index, index) for index in range(number, min(number + 20, count))]
        with open(os.path.join(root, "test_%d.py" % number), "w") as file:
            file.write("\n\n".join(lines))


def parallel(python, count, statement):
    """Seconds until @count processes that begin at once have all run @statement."""
    begin = time.perf_counter()
    pids = [os.posix_spawn(python, [python, "-c", statement], os.environ) for _ in range(count)]
    states = [os.waitpid(pid, 0)[1] for pid in pids]
    if any(states):
        raise SystemExit("a process failed")
    return time.perf_counter() - begin


def main():
    word, root, *rest = sys.argv[1:]
    numbers = [int(value) if value.isdigit() else value for value in rest]
    print(json.dumps(globals()[word](root, *numbers)))


if __name__ == "__main__":
    main()
