"""What the benchmark runs on, described without names of hosts or paths, and what it can be asked:
its caches, the memory of processes, the pages of files."""

import contextlib
import ctypes
import mmap
import os
import platform
import time

from context import BenchError

DROP_CACHES = "/proc/sys/vm/drop_caches"


def file_system_of(path):
    """Type of the file system that @path is on."""
    path = os.path.realpath(path)
    best = ("", "unknown")
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            point = before.split(" ")[4]
            if (path + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best[0]):
                best = (point, after.split(" ")[0])
    return best[1]


def describe(context, python):
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    release = {}
    with contextlib.suppress(OSError), open("/etc/os-release", encoding="utf-8") as lines:
        release = dict(line.rstrip().split("=", 1) for line in lines if "=" in line)
    return {
        "kernel": platform.release().split("-")[0],
        "system": release.get("PRETTY_NAME", "unknown").strip('"'),
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": model,
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "file_system": file_system_of(context.work),
        "python": context.run([python, "-c", "import platform; print(platform.python_version())"])
                  .output.strip(),
        "root": os.geteuid() == 0,
        "load": [round(value, 2) for value in os.getloadavg()],
    }


# Caches

def caches_reason():
    """Why caches cannot be dropped; None when they can."""
    if os.geteuid() != 0:
        return "dropping the kernel's caches needs root"
    if not os.access(DROP_CACHES, os.W_OK):
        return "the kernel does not let its caches be dropped here"
    return None


def drop_caches():
    reason = caches_reason()
    if reason:
        raise BenchError(reason)
    os.sync()
    try:
        with open(DROP_CACHES, "w", encoding="ascii") as file:
            file.write("3")
    except OSError as error:
        raise BenchError("dropping caches: %s" % error.strerror) from error


# Memory

def memory_of(pid):
    """{"rss", "pss", "anonymous"} of a process, in bytes; PSS counts a page that several processes
    have mapped as that part of it."""
    names = {"Rss": "rss", "Pss": "pss", "Anonymous": "anonymous"}
    found = {}
    try:
        with open("/proc/%d/smaps_rollup" % pid, encoding="ascii", errors="replace") as lines:
            for line in lines:
                word, _, rest = line.partition(":")
                if word in names:
                    found[names[word]] = int(rest.split()[0]) * 1024
    except OSError as error:
        raise BenchError("memory of a process: %s" % error.strerror) from error
    return found


class PageCache:
    """How many pages of files are in memory, by mincore(2). A file is counted once, however many
    paths lead to it; the same bytes in two mounts are two files."""

    def __init__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.mmap.restype = ctypes.c_void_p
        self.libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                                   ctypes.c_int, ctypes.c_long]
        self.libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        self.libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]

    def of_file(self, path, seen):
        """Bytes of @path that are cached; 0 when its inode is in @seen already."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOATIME)
        except OSError:
            return 0
        try:
            about = os.fstat(fd)
            if (about.st_dev, about.st_ino) in seen or about.st_size == 0:
                return 0
            seen.add((about.st_dev, about.st_ino))
            address = self.libc.mmap(None, about.st_size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
            if address in (None, ctypes.c_void_p(-1).value):
                return 0
            pages = (about.st_size + mmap.PAGESIZE - 1) // mmap.PAGESIZE
            vector = ctypes.create_string_buffer(pages)
            self.libc.mincore(address, about.st_size, vector)
            self.libc.munmap(address, about.st_size)
            return sum(byte & 1 for byte in vector.raw) * mmap.PAGESIZE
        finally:
            os.close(fd)

    def of_trees(self, roots):
        """Bytes cached of all files below @roots, links to files elsewhere included."""
        seen = set()
        total = 0
        for root in roots:
            for directory, _, names in os.walk(root):
                for name in names:
                    path = os.path.join(directory, name)
                    if os.path.isfile(path):
                        total += self.of_file(path, seen)
        return total


def disk_of(root, seen):
    """(bytes, inodes) that the tree takes and no inode in @seen, which grows by it."""
    size = inodes = 0
    stack = [root]
    while stack:
        path = stack.pop()
        try:
            about = os.lstat(path)
        except OSError:
            continue
        if (about.st_dev, about.st_ino) not in seen:
            seen.add((about.st_dev, about.st_ino))
            size += about.st_blocks * 512
            inodes += 1
        if os.path.isdir(path) and not os.path.islink(path):
            stack.extend(entry.path for entry in os.scandir(path))
    return size, inodes


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
