#!/usr/bin/env python3
"""Makes a directory of wheels, good ones and hostile ones.

Usage: make_wheels.py DIRECTORY

Each is DIRECTORY/CASE/FILE.whl. DIRECTORY/manifest has one line for each, in the order made: its
path, a tab, and a part of the reason that it must be refused for, or "good".
"""
import base64
import csv
import hashlib
import io
import os
import struct
import sys

from zipbuilder import DEFLATED, DESCRIPTOR, SENTINEL, STORED, UTF8, Entry, Zip, deflate, extra

INFO = "demo-1.0.dist-info/"
DATA = "demo-1.0.data/"
METADATA = "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
FILE_NAME = "demo-1.0-py3-none-any.whl"

CASES = []


def case(reason, file_name=FILE_NAME):
    """The decorated function returns a Zip, or bytes."""

    def add(function):
        CASES.append((function.__name__, file_name, reason, function))
        return function

    return add


def add_case(name, reason, function, file_name=FILE_NAME):
    CASES.append((name, file_name, reason, function))


# Wheels


def hash_of(data, algorithm="sha256"):
    digest = hashlib.new(algorithm, data).digest()
    return "%s=%s" % (algorithm, base64.urlsafe_b64encode(digest).decode().rstrip("="))


def rows_of(entries):
    files = [entry for entry in entries if not entry.name.endswith(b"/")]
    return [[e.name.decode("utf-8", "replace"), hash_of(e.data), str(len(e.data))] for e in files]


def record_entry(rows, info=INFO):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows + [[info + "RECORD", "", ""]])
    return Entry(info + "RECORD", text.getvalue().encode())


def wheel(*more, metadata=METADATA, wheel=WHEEL, entry_points=None, info=INFO, change=None):
    """A wheel of `demo` with @more files; @change edits the rows of RECORD."""
    entries = [Entry("demo/__init__.py", b"value = 42\n" * 20), *more]
    if metadata is not None:
        entries.append(Entry(info + "METADATA", metadata.encode()))
    if wheel is not None:
        entries.append(Entry(info + "WHEEL", wheel.encode()))
    if entry_points is not None:
        entries.append(Entry(info + "entry_points.txt", entry_points.encode()))
    rows = rows_of(entries)
    if change:
        rows = change(rows) or rows
    return Zip(entries + [record_entry(rows, info)])


def changed(name="demo/__init__.py", **changes):
    """The plain wheel with changes to one entry."""
    result = wheel()
    entry = result.find(name)
    for key, value in changes.items():
        if key in entry.fields:
            entry.fields[key] = value
        else:
            setattr(entry, key, value)
    return result


def header64(size, compressed_size):
    return extra(1, struct.pack("<QQ", size, compressed_size))


# Good ones


@case("good")
def plain():
    return wheel()


@case("good")
def with_everything():
    more = [
        Entry("demo/", mode=0o40755, method=STORED),
        Entry("demo/stored.txt", b"stored", method=STORED),
        Entry("demo/empty.txt", b""),
        Entry("demo/caf\u00e9.txt", b"UTF-8"),
        Entry("demo/a,\"b\".txt", b"quoted in RECORD"),
        Entry("demo/tool.sh", b"#!/bin/sh\n", mode=0o100755),
        Entry("demo/large.bin", bytes(range(256)) * 4096),
        Entry(DATA + "scripts/demo-script", b"#!python\nprint(1)\n", mode=0o100755),
        Entry(DATA + "data/share/man/man1/demo.1", b".Dd today\n"),
        Entry(DATA + "headers/demo.h", b"#pragma once\n"),
        Entry(DATA + "platlib/demo/lib.so", b"\x7fELF"),
        Entry(DATA + "purelib/demo/other.py", b"pass\n"),
        Entry(INFO + "INSTALLER", b"somebody\n"),
        Entry(INFO + "RECORD.jws", b"{}"),
    ]
    points = "[console_scripts]\ndemo = demo.cli:main\nDemo = demo:Main.run [extra]\n\n"
    points += "# comment\n[gui_scripts]\ndemo-gui=demo.gui:main\n[other]\nrm -rf = / ; $(reboot)\n"
    metadata = METADATA + "Requires-Python: >=3.8\nRequires-Dist: six (>=1.0)\n"
    metadata += "Requires-Dist: tomli; python_version < '3.11'\nProvides-Extra: Extra_One\n"
    metadata += "Requires-Dist: rich ; extra == 'extra-one'\n\nRequires-Dist: body is no header\n"
    return wheel(
        *more,
        metadata=metadata,
        entry_points=points,
        change=lambda rows: [row for row in rows if not row[0].endswith(".jws")],
    )


@case("good")
def with_strong_hashes():
    more = [Entry("demo/384.txt", b"384"), Entry("demo/512.txt", b"512")]

    def change(rows):
        rows[1][1] = hash_of(b"384", "sha384")
        rows[2][1] = hash_of(b"512", "sha512")
        rows[2][2] = ""

    return wheel(*more, change=change)


@case("good")
def with_a_newer_minor_version():
    return wheel(wheel=WHEEL.replace("1.0", "1.9"))


@case("good")
def with_wrappers():
    """Scripts that setuptools made of entry points are left out."""
    return wheel(
        Entry(DATA + "scripts/demo", b"#!python\n"),
        Entry(DATA + "scripts/demo-script.py", b"#!python\n"),
        Entry(DATA + "scripts/demo.EXE", b"MZ"),
        entry_points="[console_scripts]\ndemo = demo:main\n",
    )


@case("good", "Demo_Project.x-1.0.0-1-py2.py3-none-any.whl")
def spelled_otherwise():
    return wheel(
        metadata=METADATA.replace("demo", "demo-project-x").replace("1.0", "1.0.0.0"),
        info="demo_project_x-1.0.dist-info/",
    )


@case("good")
def zip64_everywhere():
    """As writers do that do not know how large it will be."""
    result = wheel()
    for entry in result.entries:
        entry.local = {
            "size": SENTINEL,
            "compressed_size": SENTINEL,
            "extra": header64(len(entry.data), len(entry.stored)),
        }
        entry.central = {
            "size": SENTINEL,
            "extra": extra(1, struct.pack("<Q", len(entry.data))),
        }
    result.end64 = {}
    result.end = {"here": 0xFFFF, "entries": 0xFFFF, "size": SENTINEL, "offset": SENTINEL}
    return result


@case("good")
def zip64_where_it_is_not_needed():
    """As Bazel writes local headers."""
    entry = Entry("demo/x.py", b"x = 1\n")
    entry.local = {"extra": header64(len(entry.data), len(entry.stored))}
    return wheel(entry)


def described(wide):
    """Sizes after the data, as writers do that cannot seek."""
    result = wheel()
    for entry in result.entries:
        entry.fields["flags"] |= DESCRIPTOR
        entry.local = {"crc": 0, "size": 0, "compressed_size": 0}
        if wide:
            entry.local.update(size=SENTINEL, compressed_size=SENTINEL, extra=header64(0, 0))
        entry.behind = struct.pack(
            "<IIQQ" if wide else "<IIII",
            0x08074B50, entry.fields["crc"], len(entry.stored), len(entry.data),
        )
    return result


add_case("descriptors", "good", lambda: described(False))
add_case("wide_descriptors", "good", lambda: described(True))


# Not a zip file, or more than one

add_case("empty", "too short for a zip file", lambda: b"")
add_case("text", "does not end as a zip file does", lambda: b"This is no zip file.\n" * 10)
add_case("no_entries", "no dist-info", lambda: Zip([]))
add_case("cut_short", "does not end as a zip file does", lambda: wheel().build()[:-30])
add_case("cut_by_one", "does not end as a zip file does", lambda: wheel().build()[:-1])
add_case("trailing_data", "does not end as a zip file does", lambda: wheel().build() + b"\0")
add_case("two_in_one", "does not reach to its end record", lambda: wheel().build() * 2)
add_case("html_before", "does not reach to its end record", lambda: b"<html>" + wheel().build())


def around(**parts):
    result = wheel()
    for key, value in parts.items():
        setattr(result, key, value)
    return result


add_case("prepended", "something stands before", lambda: around(before=b"#!/bin/sh\n"))
add_case("gap_before_end", "does not reach to its end", lambda: around(gap=b"hidden"))
add_case("comment", "something follows it", lambda: around(end={"comment": b"A" * 22}))
add_case("no_comment", "announces a comment", lambda: around(end={"comment_length": 10}))
add_case("many_disks", "several disks", lambda: around(end={"disk": 1}))
add_case("split_counts", "several disks", lambda: around(end={"here": 1}))
add_case("fewer_entries", "has more in it", lambda: around(end={"here": 2, "entries": 2}))
add_case("more_entries", "central directory is damaged", lambda: around(end={"here": 9, "entries": 9}))
add_case("directory_too_large", "does not reach to its end", lambda: around(end={"size": 10**6}))
add_case("directory_elsewhere", "does not reach to its end", lambda: around(end={"offset": 0}))
add_case("ends_disagree", "two end records disagree", lambda: around(end64={"entries": 2, "here": 2}))
add_case("ends_disagree_on_place", "two end records disagree", lambda: around(end64={"offset": 0}))
add_case("end64_elsewhere", "zip64 end record", lambda: around(end64={}, locator={"offset": 0}))
add_case("end64_with_more", "zip64 end record", lambda: around(end64={"length": 60}))
add_case("end64_on_disks", "zip64 end record", lambda: around(end64={}, locator={"disks": 2}))


@case("more than 200000 entries")
def too_many_entries():
    huge = {"here": 2**40, "entries": 2**40}
    return around(end64=huge, end={"here": 0xFFFF, "entries": 0xFFFF})


@case("larger than 64 MiB")
def directory_larger_than_allowed():
    return around(end64={"size": 2**62}, end={"size": SENTINEL})


# Names

NAMES = {
    "traversal": ("../evil.py", "'.' or '..'"),
    "traversal_inside": ("demo/../../evil.py", "'.' or '..'"),
    "traversal_at_the_end": ("demo/..", "'.' or '..'"),
    "dot": ("./demo/x.py", "'.' or '..'"),
    "absolute": ("/etc/evil.conf", "absolute path"),
    "backslash": ("demo\\..\\evil.py", "backslash"),
    "drive": ("C:\\evil.py", "backslash"),
    "double_slash": ("demo//x.py", "an empty part"),
    "no_name": ("", "no name"),
    "nul": ("demo/x.py\0.txt", "control character"),
    "newline": ("demo/x\n.py", "control character"),
    "escape": ("demo/\x1b[2J.py", "control character"),
    "delete": ("demo/\x7f.py", "control character"),
    "c1_control": ("demo/\x9b.py", "control character"),
    "not_utf8": (b"demo/\xff\xfe.py", "not UTF-8"),
    "overlong": (b"demo/\xc0\xaf.py", "not UTF-8"),
    "surrogate": (b"demo/\xed\xa0\x80.py", "not UTF-8"),
    "long_part": ("demo/" + "x" * 256, "part in its name that is too long"),
    "long_name": ("demo/" + "xy/" * 400 + "x", "name that is too long"),
    "deep": ("/".join("d" * 65), "too many directories"),
    "whiteout": ("demo/.wh.__init__.py", "begins with '.wh.'"),
    "opaque_whiteout": ("demo/.wh..wh..opq", "begins with '.wh.'"),
}
for title, (entry_name, why) in NAMES.items():
    add_case(title, why, lambda entry_name=entry_name: wheel(Entry(entry_name, b"evil")))


for title, entry_name, why in (
    ("root", "/", "no name"),
    ("double_slash_at_the_end", "demo//", "an empty part"),
    ("traversing_directory", "demo/../../", "'.' or '..'"),
):
    entry = Entry(entry_name, b"", 0o040755, STORED)
    add_case(title, why, lambda entry=entry: wheel(entry))


@case("name that is too long")
def ten_thousand_entries_deep():
    return wheel(Entry("d/" * 10000 + "x", b"deep"))


@case("not said to be UTF-8")
def cp437():
    return wheel(Entry("demo/caf\u00e9.py", b"x", flags=0))


# Kinds of files

add_case("symlink", "symbolic link", lambda: wheel(Entry("demo/link", b"/etc/passwd", 0o120777)))
add_case("fifo", "special file", lambda: wheel(Entry("demo/fifo", b"", 0o010644)))
add_case("device", "special file", lambda: wheel(Entry("demo/zero", b"", 0o020666)))
add_case("socket", "special file", lambda: wheel(Entry("demo/socket", b"", 0o140644)))
add_case("file_as_directory", "other way round", lambda: wheel(Entry("demo/x/", b"", 0o100644, STORED)))
add_case("directory_as_file", "other way round", lambda: wheel(Entry("demo/x", b"", 0o040755)))
add_case("dos_directory_as_file", "other way round", lambda: wheel(Entry("x", b"", attributes=0x10)))
add_case("directory_with_data", "although it is a directory", lambda: wheel(Entry("x/", b"x", 0o040755)))
add_case("directory_with_much_of_nothing", "although it is a directory",
         lambda: wheel(Entry("x/", b"", 0o040755, compressed_size=6)))
add_case("directory_with_an_empty_stream", "good", lambda: wheel(Entry("x/", b"", 0o040755)))


# Two entries for one path

add_case("duplicate", "two entries", lambda: wheel(Entry("demo/__init__.py", b"evil")))
add_case("below_a_file", "others are below it", lambda: wheel(Entry("demo/__init__.py/x", b"evil")))


@case("two entries")
def file_and_directory():
    return wheel(Entry("demo/x", b"x"), Entry("demo/x/", mode=0o40755, method=STORED))


@case("has the place of another one")
def two_names_for_one_entry():
    result = wheel()
    result.entries.insert(1, Entry("demo/alias.py", result.entries[0].data, absent=True, header=0))
    return result


@case("data that overlaps the next")
def overlapping():
    """One entry's data holds the next whole entry, as in the densest bombs."""
    result = wheel()
    inner = result.entries[1]
    hidden = inner.local_header() + inner.stored
    result.entries[0].fields.update(
        size=len(result.entries[0].stored) + len(hidden),
        compressed_size=len(result.entries[0].stored) + len(hidden),
        method=STORED,
    )
    return result


@case("belong to no entry")
def gap_between_entries():
    return changed(behind=b"hidden")


@case("belong to no entry")
def an_entry_that_is_not_listed():
    hidden = Entry("demo/hidden.py", b"evil")
    return changed(behind=hidden.local_header() + hidden.stored)


@case("no local header")
def header_elsewhere():
    return changed("demo-1.0.dist-info/METADATA", header=3)


# Local header and central directory disagree

for field, wrong in {
    "name": b"demo/__evil__.py",
    "crc": 1,
    "size": 10,
    "compressed_size": 10,
    "method": STORED,
    "flags": 2,
    "time": 1,
    "date": 1,
}.items():
    add_case(
        "local_" + field,
        "another name in its local" if field == "name" else "disagrees with the central directory",
        lambda field=field, wrong=wrong: changed(local={field: wrong}),
    )


# Contents that are not what is announced


def without_size(result):
    """RECORD need not say how large a file is."""
    rows = [row[:2] + [""] for row in rows_of(result.entries[:-1])]
    result.entries[-1] = record_entry(rows)
    return result


@case("wrong CRC")
def wrong_crc():
    return changed(crc=0x12345678)


@case("is longer than the central directory says")
def size_too_small():
    return without_size(changed(size=10))


@case("is shorter than the central directory says")
def size_too_large():
    return without_size(changed(size=1000))


@case("data that ends too early")
def deflated_data_cut_short():
    data = deflate(b"value = 42\n" * 20)[:-2]
    return changed(stored=data, compressed_size=len(data))


@case("bytes behind the end of its data")
def bytes_behind_deflated_data():
    data = deflate(b"value = 42\n" * 20) + b"hidden"
    return changed(stored=data, compressed_size=len(data))


@case("damaged data")
def damaged_data():
    return changed(stored=b"\xff" * 30, compressed_size=30)


@case("data that ends too early")
def no_deflated_data():
    return wheel(Entry("demo/x", b"", stored=b"", compressed_size=0))


@case("two sizes although it is not compressed")
def stored_with_two_sizes():
    return wheel(Entry("demo/x", b"xyz", method=STORED, size=5))


@case("no size before its data")
def stored_with_descriptor():
    return wheel(Entry("demo/x", b"xyz", method=STORED, flags=DESCRIPTOR))


@case("data descriptor that disagrees")
def descriptor_disagrees():
    result = described(False)
    result.entries[0].behind = struct.pack("<IIII", 0x08074B50, 1, 2, 3)
    return result


@case("data descriptor that disagrees")
def descriptor_without_signature():
    result = described(False)
    result.entries[0].behind = b"\0\0\0\0" + result.entries[0].behind[4:]
    return result


@case("a gap behind its data")
def descriptor_too_short():
    result = described(False)
    result.entries[0].behind = result.entries[0].behind[4:]
    return result


add_case("encrypted", "encrypted data", lambda: changed(flags=1))
add_case("strongly_encrypted", "flags that are not", lambda: changed(flags=0x40))
add_case("masked_headers", "flags that are not", lambda: changed(flags=0x2000))
for method in (1, 6, 9, 12, 14, 93, 95, 98, 99):
    add_case("method_%d" % method, "neither 'stored' nor", lambda method=method: changed(method=method))


# Bombs


@case("zip bomb")
def bomb():
    return wheel(Entry("demo/zeros", bytes(96 << 20)))


@case("zip bomb")
def bomb_that_is_announced():
    return wheel(*(Entry("demo/%d" % n, b"x", size=64 << 20) for n in range(4)))


@case("more than 32 GiB")
def larger_than_allowed():
    return wheel(*(Entry("demo/%d" % n, b"x", size=0xF0000000) for n in range(10)))


@case("is longer than the central directory says")
def bomb_in_disguise():
    data = deflate(bytes(64 << 20))
    return wheel(Entry("demo/x", b"x", stored=data, compressed_size=len(data)))


# Extra fields

EXTRAS = {
    "zip64_missing": (dict(size=SENTINEL), "wrong zip64 field"),
    "zip64_too_short": (dict(size=SENTINEL, extra=extra(1, b"\0" * 4)), "wrong zip64 field"),
    "zip64_empty": (dict(extra=extra(1, b"")), "wrong zip64 field"),
    "zip64_too_long": (dict(size=SENTINEL, extra=extra(1, b"\0" * 16)), "wrong zip64 field"),
    "zip64_for_nothing": (dict(extra=extra(1, b"\0" * 8)), "wrong zip64 field"),
    "zip64_twice": (dict(size=SENTINEL, extra=extra(1, b"\0" * 8) * 2), "wrong zip64 field"),
    "other_name": (dict(extra=extra(0x7075, b"\1\0\0\0\0evil.py")), "a second name"),
    "damaged_extra": (dict(extra=b"\1\0\377\0"), "damaged extra field"),
    "odd_extra": (dict(extra=b"\0"), "damaged extra field"),
    "on_another_disk": (dict(disk=1), "a place on another disk"),
}
for title, (fields, why) in EXTRAS.items():
    add_case(title, why, lambda fields=fields: changed(central=fields))


@case("wrong zip64 field")
def zip64_disagrees():
    return changed(local={"extra": header64(1, 2)})


@case("a second name")
def other_name_in_local_header():
    return changed(local={"extra": extra(0x7075, b"\1\0\0\0\0evil.py")})


@case("more than 32 GiB")
def zip64_sizes_that_overflow():
    return changed(central={"size": SENTINEL, "extra": extra(1, struct.pack("<Q", 2**64 - 1))})


@case("a place behind the last one")
def zip64_header_beyond_the_end():
    return changed(
        "demo-1.0.dist-info/RECORD",
        header=SENTINEL,
        central={"extra": extra(1, struct.pack("<Q", 2**63))},
    )


# File names and dist-info

add_case("no_wheel_name", "not the file name of a wheel", wheel, "demo-1.0.zip")
add_case("no_tags", "not the file name of a wheel", wheel, "demo-1.0.whl")
add_case("wrong_tag", "its tags are wrong", wheel, "demo-1.0-py3-none-a+b.whl")
add_case("wrong_version", "its version is wrong", wheel, "demo-one-py3-none-any.whl")
add_case("other_name_outside", "of another project or version", wheel, "other-1.0-py3-none-any.whl")
add_case("other_version_outside", "of another project or version", wheel, "demo-2.0-py3-none-any.whl")
add_case("two_dist_infos", "two dist-info", lambda: wheel(Entry("x-1.0.dist-info/METADATA", b"")))
add_case("no_dist_info", "no dist-info", lambda: Zip([Entry("demo.py", b"")]))
add_case("no_metadata", "has no 'demo-1.0.dist-info/METADATA'", lambda: wheel(metadata=None))
add_case("no_wheel", "has no 'demo-1.0.dist-info/WHEEL'", lambda: wheel(wheel=None))
add_case("no_record", "has no 'demo-1.0.dist-info/RECORD'", lambda: Zip(wheel().entries[:-1]))

for title, text, why in (
    ("wheel_version_2", WHEEL.replace("1.0", "2.0"), "only version 1 is understood"),
    ("wheel_version_10", WHEEL.replace("1.0", "10.0"), "only version 1 is understood"),
    ("wheel_version_odd", WHEEL.replace("1.0", "one"), "wrong Wheel-Version"),
    ("wheel_version_missing", "Root-Is-Purelib: true\n", "no Wheel-Version"),
    ("wheel_version_twice", WHEEL + "wheel-version: 1.0\n", "same field twice"),
    ("purelib_odd", WHEEL.replace("true", "perhaps"), "wrong Root-Is-Purelib"),
):
    add_case(title, why, lambda text=text: wheel(wheel=text))

for title, text, why in (
    ("metadata_other_name", METADATA.replace("demo", "evil"), "names the project 'evil'"),
    ("metadata_other_version", METADATA.replace(": 1.0", ": 1.1"), "has the version 1.1"),
    ("metadata_version_3", METADATA.replace("2.1", "3.0"), "not known here"),
    ("metadata_without_name", METADATA.replace("Name", "Nam"), "no field 'Name'"),
    ("metadata_empty", "", "no field 'Metadata-Version'"),
    ("metadata_in_the_body", "\n" + METADATA, "no field 'Metadata-Version'"),
    ("metadata_two_names", METADATA + "Name: evil\n", "two fields 'Name'"),
    ("metadata_two_versions", METADATA + "Version: 1.0\n", "two fields 'Version'"),
    ("metadata_odd_name", METADATA.replace("demo", "../demo"), "no name of a project"),
    ("metadata_odd_version", METADATA.replace(": 1.0", ": one"), "no version"),
    ("metadata_odd_requirement", METADATA + "Requires-Dist: six >> 1\n", "'>> 1' is not a version"),
    ("metadata_odd_extra", METADATA + "Requires-Dist: six[a b]\n", "the requirement '"),
    ("metadata_odd_marker", METADATA + "Requires-Dist: six; rm -rf /\n", "the marker '"),
):
    add_case(title, why, lambda text=text: wheel(metadata=text))


# RECORD


def record_case(title, why, change):
    add_case(title, why, lambda: wheel(change=change))


def set_field(field, value):
    def change(rows):
        rows[0][field] = value

    return change


record_case("record_other_hash", "its hash is another", set_field(1, hash_of(b"evil")))
record_case("record_other_hash_512", "its hash is another", set_field(1, hash_of(b"evil", "sha512")))
record_case("record_other_size", "its size is another", set_field(2, "7"))
record_case("record_odd_size", "a size that is no number", set_field(2, "-1"))
record_case("record_huge_size", "a size that is no number", set_field(2, "9" * 40))
record_case("record_no_hash", "has no hash of 'demo/__init__.py'", set_field(1, ""))
record_case("record_md5", "no hash that is known", set_field(1, hash_of(b"", "md5")))
record_case("record_sha1", "no hash that is known", set_field(1, hash_of(b"", "sha1")))
record_case("record_hex", "no hash that is known", set_field(1, "sha256=" + "0" * 64))
record_case("record_padded", "no hash that is known", set_field(1, hash_of(b"") + "="))
record_case("record_unlisted", "does not list 'demo/__init__.py'", lambda rows: rows[1:])
record_case("record_absent", "'demo/absent.py', which is not", lambda rows: rows + [["demo/absent.py", hash_of(b""), "0"]])
record_case("record_traversal", "'../../evil', which is not", lambda rows: rows + [["../../evil", hash_of(b""), "0"]])
record_case("record_twice", "twice, differently", lambda rows: rows + [[rows[0][0], hash_of(b"evil"), "4"]])
record_case("record_four_fields", "more than path, hash and size", lambda rows: [rows[0] + ["x"]] + rows[1:])
record_case("record_two_fields", "is no path, hash and size", lambda rows: [rows[0][:2]] + rows[1:])
record_case("record_without_path", "has no path", set_field(0, ""))


def record_text(text):
    result = wheel()
    result.entries[-1] = Entry(INFO + "RECORD", text)
    return result


add_case("record_empty", "RECORD does not list", lambda: record_text(b""))
add_case("record_with_nul", "RECORD holds a NUL", lambda: record_text(b"demo\0,,\n"))
add_case("record_open_quote", "is no path, hash and size", lambda: record_text(b'"demo,,\n'))
add_case("record_quote_inside", "is no path, hash and size", lambda: record_text(b'de"mo,,\n'))
add_case("record_binary", "is no path, hash and size", lambda: record_text(bytes(range(1, 256))))

# The files that RECORD is read with are checked as well.


@case("'demo-1.0.dist-info/METADATA' is not what RECORD says")
def record_other_metadata():
    def change(rows):
        rows[1][1] = hash_of(b"evil")

    return wheel(change=change)


# Entry points

for title, line, why in (
    ("shell", "demo = demo:main; rm -rf /", "Python identifiers"),
    ("shell_substitution", "demo = $(reboot):main", "Python identifiers"),
    ("shell_in_name", "demo; reboot = demo:main", "other characters than letters"),
    ("shell_in_extras", "demo = demo:main [a]; reboot", "extras that are not closed"),
    ("call", "demo = os:system('reboot')", "Python identifiers"),
    ("code", "demo = demo:main()\\nimport os", "Python identifiers"),
    ("quote", "demo = demo:'main", "Python identifiers"),
    ("no_object", "demo = demo", "names no object"),
    ("no_value", "demo =", "names no object"),
    ("no_equals", "demo: demo:main", "neither a group nor"),
    ("two_dots", "demo = demo..cli:main", "Python identifiers"),
    ("digit", "demo = 1demo:main", "Python identifiers"),
    ("not_ascii", "demo = d\u00e9mo:main", "Python identifiers"),
    ("slash", "../demo = demo:main", "other characters than letters"),
    ("deep_name", "sub/demo = demo:main", "other characters than letters"),
    ("escape_in_name", "de\x1bmo = demo:main", "other characters than letters"),
    ("nul_in_name", "de\0mo = demo:main", "other characters than letters"),
    ("space_in_name", "de mo = demo:main", "other characters than letters"),
    ("hidden_name", ".demo = demo:main", "begins with a '-' or a '.'"),
    ("option_name", "-demo = demo:main", "begins with a '-' or a '.'"),
    ("long_name_of_script", "x" * 256 + " = demo:main", "name that is too long"),
    ("python", "python = demo:main", "name of an interpreter"),
    ("python3", "python3 = demo:main", "name of an interpreter"),
    ("python3_13t", "Python3.13t = demo:main", "name of an interpreter"),
    ("pythonw", "pythonw = demo:main", "name of an interpreter"),
    ("twice", "demo = demo:main\ndemo = demo:other", "a name that another one has"),
    ("twice_in_groups", "demo = demo:main\n[gui_scripts]\ndemo = demo:x", "a name that another one has"),
    ("open_group", "[gui_scripts", "is no group"),
):
    text = "[console_scripts]\n%s\n" % line
    add_case("entry_point_" + title, why, lambda text=text: wheel(entry_points=text))


# Places

for title, path, why in (
    ("script_python", "scripts/python", "place of the interpreter"),
    ("script_python3", "scripts/python3", "place of the interpreter"),
    ("script_python3_12", "scripts/python3.12", "place of the interpreter"),
    ("data_bin_python", "data/bin/python3", "place of the interpreter"),
    ("script_below_python3", "scripts/python3/x", "place of the interpreter"),
    ("data_below_python3", "data/bin/python3/x", "place of the interpreter"),
    ("data_bin", "data/bin", "place of the environment's own"),
    ("data_lib", "data/lib", "place of the environment's own"),
    ("data_pyvenv", "data/pyvenv.cfg", "place of the environment's own"),
    ("data_venvfs", "data/.venvfs/control", "place of the environment's own"),
    ("data_lib64", "data/lib64/x", "place of the environment's own"),
    ("data_unknown", "stdlib/os.py", "no known directory"),
    ("data_file", "scripts", "no known directory"),
    ("data_other_dist_info", "purelib/pip-1.0.dist-info/METADATA", "dist-info of another project"),
    ("data_over_purelib", "purelib/demo/__init__.py", "to the same place"),
    ("data_over_platlib", "platlib/demo/__init__.py", "to the same place"),
):
    add_case(title, why, lambda path=path: wheel(Entry(DATA + path, b"evil", 0o100755)))

add_case("data_of_another", "'.data' of another project", lambda: wheel(Entry("x-1.data/data/x", b"")))
add_case("data_that_is_a_file", "is no directory", lambda: wheel(Entry("demo-1.0.data", b"")))


@case("to the same place")
def script_over_data():
    return wheel(Entry(DATA + "scripts/tool", b"1"), Entry(DATA + "data/bin/tool", b"2"))


@case("to the same place")
def file_over_directory():
    return wheel(Entry(DATA + "purelib/x", b"1"), Entry(DATA + "platlib/x/y", b"2"))


@case("to the same place")
def entry_point_over_data():
    return wheel(Entry(DATA + "data/bin/demo", b""), entry_points="[console_scripts]\ndemo=demo:main\n")


def main(directory):
    with open(os.path.join(directory, "manifest"), "w") as manifest:
        for name, file_name, reason, function in CASES:
            made = function()
            os.mkdir(os.path.join(directory, name))
            path = os.path.join(name, file_name)
            with open(os.path.join(directory, path), "wb") as file:
                file.write(made if isinstance(made, bytes) else made.build())
            manifest.write("%s\t%s\n" % (path, reason))


if __name__ == "__main__":
    main(*sys.argv[1:])
