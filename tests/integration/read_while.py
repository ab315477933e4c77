"""Reads a file over and over while another file exists: python3 read_while.py FILE OTHER

FILE is a pyvenv.cfg that changes meanwhile. Every read must give a whole file, of the size that
the open file has, of one version alone. OTHER is made when reading has begun.
"""

import os
import sys


def check(path):
    with open(path, "rb") as file:
        content = file.read()
        size = os.fstat(file.fileno()).st_size
    values = dict(line.split(" = ", 1) for line in content.decode().splitlines())
    assert "venvfs" in values, "cut off: %r" % content
    assert values["version_info"] == values["version"] + ".final.0", content
    return values["version"], len(content) == size


def main(path, other):
    seen, disagreements, reads = set(), 0, 0
    open(other, "w").close()
    while os.path.exists(other):
        version, agrees = check(path)
        seen.add(version)
        # It may have changed between read and stat, but not each time.
        disagreements = 0 if agrees else disagreements + 1
        assert disagreements < 100, "the size is never that of the bytes"
        reads += 1
    print(reads, "reads of", *sorted(seen))
    assert len(seen) > 1, "no change was seen"


main(*sys.argv[1:])
