"""What every part of the benchmark works in: a scratch directory, a clean environment, programs that
are timed and cannot hang, and the certainty that nothing of it stays."""

import contextlib
import fcntl
import os
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time


class BenchError(Exception):
    """One measurement, or a peer, cannot be had; the text says why."""


class Interrupted(BaseException):
    """A signal asked the benchmark to end."""


def cache_directory():
    base = os.environ.get("BENCH_CACHE")
    if not base:
        xdg = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        base = os.path.join(xdg, "venvfs-bench")
    os.makedirs(base, exist_ok=True)
    return os.path.realpath(base)


def mounts_below(directory):
    """The mount points at and below @directory, the topmost last."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            point = line.split(" ")[4].encode("utf-8", "surrogateescape")
            point = point.decode("unicode_escape")
            if point == directory or point.startswith(directory + "/"):
                found.append(point)
    return found[::-1]


def unmount(directory):
    """Whatever is mounted there: the kernel's, or FUSE's by an ordinary user."""
    for command in (["umount", directory], ["fusermount3", "-u", directory],
                    ["umount", "-l", directory], ["fusermount3", "-uz", directory]):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=30).returncode == 0:
                return


def remove_tree(directory):
    """A tree of which parts may be read-only, or immutable where root imported wheels."""
    if not os.path.lexists(directory):
        return
    for point in mounts_below(os.path.realpath(directory)):
        unmount(point)
    if subprocess.run(["rm", "-rf", "--one-file-system", directory],
                      stderr=subprocess.DEVNULL).returncode == 0:
        return
    if os.geteuid() == 0 and shutil.which("chattr"):
        subprocess.run(["chattr", "-R", "-f", "-i", directory], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    subprocess.run(["find", directory, "-xdev", "-type", "d", "!", "-perm", "-u=w", "-exec",
                    "chmod", "u+w", "{}", "+"], stderr=subprocess.DEVNULL)
    subprocess.run(["rm", "-rf", "--one-file-system", directory], stderr=subprocess.DEVNULL)


class Run:
    """What a program did: seconds, CPU seconds of it and its children, its output."""

    def __init__(self, seconds, usage, status, output):
        self.seconds = seconds
        self.cpu = usage.ru_utime + usage.ru_stime
        self.status = status
        self.output = output


def wait_for(child, timeout):
    """As child.wait(timeout), which looks only now and then, up to every 50 ms: too seldom for what
    takes tens of them."""
    descriptor = os.pidfd_open(child.pid)
    try:
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        if not poll.poll(timeout * 1000):
            raise subprocess.TimeoutExpired(child.args, timeout)
    finally:
        os.close(descriptor)
    child.wait()


class Context:
    def __init__(self, venvfs, verbose=False):
        self.venvfs = os.path.realpath(venvfs)
        self.verbose = verbose
        self.cache = cache_directory()
        self.remove_leftovers()
        self.work = tempfile.mkdtemp(prefix="work.", dir=self.cache)
        self.lock = os.open(os.path.join(self.work, ".owner"), os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.children = []
        self.counter = 0
        self.end = None   # when the run must be over, whatever it waits for then
        self.env = self.clean_environment()
        for name in ("home", "tmp", "data", "cache"):
            os.mkdir(self.path(name))

    # Places

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def fresh(self, name):
        """A path below the scratch directory that nothing has used."""
        self.counter += 1
        return self.path("%s.%d" % (name, self.counter))

    def directory(self, name):
        path = self.fresh(name)
        os.mkdir(path)
        return path

    def remove_leftovers(self):
        """Scratch directories of runs that were killed: nobody holds their lock."""
        for name in os.listdir(self.cache):
            directory = os.path.join(self.cache, name)
            if not name.startswith("work."):
                continue
            with contextlib.suppress(OSError):
                owner = os.open(os.path.join(directory, ".owner"), os.O_RDWR)
                try:
                    fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove_tree(directory)
                finally:
                    os.close(owner)

    def clean_environment(self):
        """No setting of the caller's Python, pip or uv, and above all no PYTHONDONTWRITEBYTECODE,
        which makes every import compile."""
        kept = ("PATH", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "LD_LIBRARY_PATH", "USER",
                "ASAN_OPTIONS", "UBSAN_OPTIONS")
        env = {name: os.environ[name] for name in kept if name in os.environ}
        env.update(
            HOME=self.path("home"), TMPDIR=self.path("tmp"), LANG="C.UTF-8",
            XDG_DATA_HOME=self.path("data"), XDG_CACHE_HOME=self.path("cache"),
            PIP_CONFIG_FILE="/dev/null", PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1",
            PIP_ROOT_USER_ACTION="ignore", PIP_NO_INPUT="1", UV_NO_CONFIG="1", UV_OFFLINE="1",
            UV_CACHE_DIR=self.path("cache", "uv"), UV_PYTHON_DOWNLOADS="never",
            MPLBACKEND="Agg", VIRTUALENV_NO_PERIODIC_UPDATE="1")
        return env

    # Programs

    def run(self, command, timeout=600, check=True, env=None, capture=True, cwd=None):
        """Runs @command to its end and times it; the whole group is killed after @timeout. Without
        @capture, what it prints is thrown away, and what it complains of kept for the error."""
        if self.end:
            timeout = max(1, min(timeout, self.end - time.monotonic()))
        complaints = open(self.path("complaints"), "w+b")
        merged = dict(self.env, **env) if env else self.env
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE if capture else subprocess.DEVNULL,
                                     stderr=subprocess.STDOUT if capture else complaints,
                                     env=merged, cwd=cwd or self.work, start_new_session=True)
        except OSError as error:
            complaints.close()
            raise BenchError("%s: %s" % (command[0], error.strerror)) from error
        self.children.append(child)
        try:
            # A daemon that keeps the pipe open must not be waited for: its output goes to its log.
            text = child.communicate(timeout=timeout)[0] if capture else b""
            if child.returncode is None:
                wait_for(child, timeout)
            seconds = time.perf_counter() - begin
        except subprocess.TimeoutExpired:
            raise BenchError("%s: not done after %d s" % (name_of(command), timeout)) from None
        finally:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            self.children.remove(child)
            if not capture:
                complaints.seek(0)
                text = complaints.read(65536)
            complaints.close()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        usage = resource.struct_rusage([b - a for a, b in zip(before, after)])
        text = (text or b"").decode("utf-8", "replace")
        if check and child.returncode != 0:
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            told = " / ".join(dict.fromkeys(lines[:1] + lines[-2:]))
            raise BenchError("%s: status %d: %s" % (name_of(command), child.returncode, told[:400]))
        return Run(seconds, usage, child.returncode, text)

    def time(self, command, **options):
        """Seconds that @command takes; its output is thrown away."""
        return self.run(command, capture=False, **options).seconds

    def start(self, command, **options):
        """A program in the background, ended by stop() or with the benchmark."""
        if shutil.which("setpriv"):
            # So that it does not outlive the benchmark, however that ends.
            command = ["setpriv", "--pdeathsig", "TERM", "--"] + command
        child = subprocess.Popen(command, env=self.env, start_new_session=True, cwd=self.work,
                                 **options)
        self.children.append(child)
        return child

    def stop(self, child):
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream:
                with contextlib.suppress(OSError):
                    stream.close()
        if child in self.children:
            self.children.remove(child)

    def end_users(self, directory):
        """Ends what has a file below @directory open: work in the background of a program that has
        ended itself."""
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == os.getpid():
                continue
            with contextlib.suppress(OSError):
                for fd in os.listdir("/proc/%s/fd" % name):
                    if os.readlink("/proc/%s/fd/%s" % (name, fd)).startswith(directory + "/"):
                        os.kill(int(name), signal.SIGKILL)
                        break

    # The end

    def close(self):
        """Nothing stays: no process, no mount, no file."""
        for child in list(self.children):
            self.stop(child)
        for point in mounts_below(self.work):
            unmount(point)
        remove_tree(self.work)
        os.close(self.lock)

    def hide(self, text):
        """@text without the paths of this machine, for the results."""
        for path, word in ((self.work, "WORK"), (self.cache, "CACHE"),
                           (os.path.dirname(self.venvfs), "BUILD"),
                           (os.path.expanduser("~"), "~")):
            if len(path) > 1:
                text = text.replace(path, word)
        return text


def name_of(command):
    return " ".join([os.path.basename(command[0])] + list(command[1:3]))[:60]


def catch_signals():
    """^C and kill end the run by an exception, so that everything is cleaned up; a second one, while
    that is done, changes nothing."""
    def interrupt(number, _frame):
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        raise Interrupted(signal.Signals(number).name)
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, interrupt)
