# Unpacks a pip wheel into an empty directory, laid out like an environment, and compiles it.
# Arguments: the wheel, the directory, and the path of site-packages below the directory.
# What is wrong with the wheel is said in one line on stderr, with status 1.
#
# The result is what pip itself leaves behind, but for three things: times are the wheel's own, so
# that they never change; the scripts of bin/ are listed in RECORD, without hash and size, and not
# made, because they name the environment that they are in; bytecode is read-only.
import sys

sys.path = [entry for entry in sys.path if entry]  # import nothing from where we stand

import base64
import calendar
import csv
import hashlib
import io
import os
import py_compile
import stat
import zipfile

MAX_FILES = 10000
MAX_BYTES = 256 << 20
EARLIEST = calendar.timegm((1980, 1, 2, 0, 0, 0))  # what tools that write zips still accept


def check_name(name, tops):
    parts = name.split("/")
    if (
        parts[0] not in tops
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(c) < 32 or c in "\\\x7f" for c in name)
    ):
        sys.exit("it holds a file of a wrong name: %r" % name)


def check_entries(entries, tops):
    """Refuses whatever is not a plain file below @tops, once, and of a sane size."""
    seen = set()
    for entry in entries:
        name, mode = entry.filename, entry.external_attr >> 16
        check_name(name, tops)
        if name in seen:
            sys.exit("it holds %r twice" % name)
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            sys.exit("%r in it is not a regular file" % name)
        seen.add(name)
    if len(seen) > MAX_FILES or sum(entry.file_size for entry in entries) > MAX_BYTES:
        sys.exit("it is too large to be pip")


def digest(data):
    hashed = hashlib.sha256(data).digest()
    return "sha256=" + base64.urlsafe_b64encode(hashed).decode().rstrip("=")


def write_file(name, data, mode, mtime):
    os.makedirs(os.path.dirname(name), exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(name, flags, mode), "wb") as file:
        file.write(data)
    os.utime(name, (mtime, mtime))


def entry_time(entry):
    return max(calendar.timegm(entry.date_time + (0, 0, 0)), EARLIEST)


def unpack(wheel, info):
    """Writes the wheel's files, checked against its RECORD; returns rows for the new RECORD."""
    record = info + "/RECORD"
    entries = [entry for entry in wheel.infolist() if not entry.filename.endswith("/")]
    check_entries(entries, ("pip", info))
    listed = {row[0]: row[1] for row in csv.reader(io.StringIO(wheel.read(record).decode())) if row}
    rows = []
    for entry in entries:
        if entry.filename == record:
            continue
        data = wheel.read(entry)
        if listed.get(entry.filename) != digest(data):
            sys.exit("%r in it is not what its RECORD says" % entry.filename)
        mode = 0o755 if entry.external_attr >> 16 & 0o111 else 0o644
        write_file(entry.filename, data, mode, entry_time(entry))
        rows.append((entry.filename, digest(data), str(len(data))))
    return rows, max(entry_time(entry) for entry in entries)


def bytecode_name(source):
    directory, name = os.path.split(source)
    return "%s/__pycache__/%s.%s.pyc" % (directory, name[:-3], sys.implementation.cache_tag)


def compile_some(sources):
    for source in sources:
        bytecode = bytecode_name(source)
        try:
            # Timestamps, whatever SOURCE_DATE_EPOCH would make of it.
            mode = py_compile.PycInvalidationMode.TIMESTAMP
            py_compile.compile(source, bytecode, doraise=True, invalidation_mode=mode)
        except py_compile.PyCompileError:
            continue  # as pip does: a file for other Pythons than this one
        os.chmod(bytecode, 0o444)


def compile_all(sources):
    """Compiles in as many processes as there are processors; returns the files made."""
    count = len(os.sched_getaffinity(0))
    children = []
    for share in (sources[n::count] for n in range(count)):
        child = os.fork()
        if child == 0:
            try:
                compile_some(share)
            except BaseException as problem:
                print(problem, file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        children.append(child)
    if any([os.waitpid(child, 0)[1] for child in children]):
        sys.exit("it could not be compiled")
    return [name for name in map(bytecode_name, sources) if os.path.exists(name)]


def main(path, directory, site_packages):
    os.umask(0o022)
    with zipfile.ZipFile(path) as wheel:
        info = "-".join(os.path.basename(path).split("-")[:2]) + ".dist-info"
        site_packages = os.path.join(directory, site_packages)
        os.makedirs(site_packages)
        os.chdir(site_packages)
        rows, mtime = unpack(wheel, info)
    for name, data in ((info + "/INSTALLER", b"pip\n"), (info + "/REQUESTED", b"")):
        write_file(name, data, 0o644, mtime)
        rows.append((name, digest(data), str(len(data))))
    sources = [name for name, _, _ in rows if name.endswith(".py")]
    unhashed = compile_all(sources) + [info + "/RECORD"]
    scripts = ("pip", "pip3", "pip%d.%d" % sys.version_info[:2])
    unhashed += ["../../../bin/" + name for name in scripts]
    rows += [(name, "", "") for name in unhashed]
    record = io.StringIO(newline="")
    csv.writer(record).writerows(sorted(rows))
    write_file(info + "/RECORD", record.getvalue().encode(), 0o644, mtime)


try:
    main(*sys.argv[1:])
except Exception as problem:
    sys.exit("%s: %s" % (type(problem).__name__, problem))
