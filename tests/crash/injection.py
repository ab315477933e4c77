"""Faults in the daemon's own system calls: strace(1) lets the Nth of a kind fail, or kills."""

import collections
import os
import re
import signal
import subprocess
import time

# What may change something on disk; the rest only looks.
CHANGING = {
    "copy_file_range", "fallocate", "fchmod", "fchmodat", "fchmodat2", "chmod", "fchown",
    "fchownat", "fdatasync", "fremovexattr", "fsetxattr", "fsync", "ftruncate", "ioctl", "linkat",
    "mkdirat", "mknodat", "openat", "pwrite64", "removexattr", "renameat", "renameat2", "sendfile",
    "setxattr", "symlinkat", "unlinkat", "utimensat", "write",
}
# What may find the disk full.
FILLING = {
    "copy_file_range", "fallocate", "fsetxattr", "fsync", "ftruncate", "linkat", "mkdirat",
    "mknodat", "openat", "pwrite64", "renameat", "renameat2", "setxattr", "symlinkat", "write",
}
# Of no consequence, or the answer to the kernel itself.
IGNORED = {"read", "writev", "close", "futex", "mmap", "munmap", "brk", "mprotect", "madvise",
           "setfsuid", "setfsgid", "gettid", "getpid", "clock_gettime", "restart_syscall",
           "exit", "fcntl"}
TIMEOUT = 20  # seconds

Call = collections.namedtuple("Call", "name number changes fills")


def serving_thread(pid):
    """The only thread that serves (-s): it waits in read(2) for the next request."""
    until = time.monotonic() + TIMEOUT
    while time.monotonic() < until:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/syscall", encoding="ascii") as file:
                words = file.read().split()
            if words[0] == "0":  # read
                file = os.readlink(f"/proc/{pid}/fd/{int(words[1], 16)}")
                if file == "/dev/fuse":
                    return int(thread)
        time.sleep(0.001)
    raise OSError("no thread waits for requests")


class Strace:
    """strace on one thread, from when the block is entered until it is left."""

    def __init__(self, thread, *options):
        self.command = ["strace", "-p", str(thread), *options]
        self.output = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        first = self.process.stderr.readline().decode()
        if "attached" not in first:
            self.process.kill()
            self.process.wait()
            raise OSError("strace: " + first.strip())
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        self.output = self.process.stderr.read().decode(errors="replace")
        self.process.stderr.close()
        self.process.wait()


def watch(thread, action):
    """The system calls that @action makes the thread do, in their order."""
    with Strace(thread) as strace:
        action()
    counts = collections.Counter()
    calls = []
    for line in strace.output.splitlines():
        match = re.match(r"(\w+)\((.*)", line)
        if not match or match[1] in IGNORED:
            continue
        name, arguments = match.groups()
        counts[name] += 1
        opens = name == "openat" and "O_CREAT" not in arguments and "O_TMPFILE" not in arguments
        calls.append(Call(name, counts[name], name in CHANGING and not opens,
                          name in FILLING and not opens))
    return calls


def fault(thread, call, what):
    """A context in which @call is hit by @what: "signal=KILL", "error=EIO" …"""
    return Strace(thread, "-e", f"trace={call.name}", "-e", "signal=none", "-e",
                  f"inject={call.name}:{what}:when={call.number}")
