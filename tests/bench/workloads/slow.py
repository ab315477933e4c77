"""A store that is far away: the wheel store behind sshfs with some latency, beside a native
environment behind the same. The environment's own store stays local, as it would."""

import json
import shutil
import subprocess

import sftp_delay
from context import BenchError, mounts_below, unmount
from envs import Environment
from measure import Subject
from workloads.create import mount_words


class Remote:
    """A directory seen through sshfs, whose own cache begins empty with each mount."""

    def __init__(self, world, directory, name):
        self.world = world
        self.directory = directory
        self.root = world.context.directory("remote-" + name)
        self.server = world.context.start(
            [world.python, sftp_delay.__file__, str(world.profile.latency)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self.server.stdout.readline() or 0)

    def requests(self):
        """{name: count} since the last time."""
        self.server.stdin.write(b"counts\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline() or "{}")

    def again(self):
        self.detach()
        # Nobody else writes there, so that sshfs may remember all it can: it is fair to native.
        # An environment's link to its interpreter leaves the mount, which newer versions forbid.
        known = self.world.context.run(["sshfs", "--help"], check=False).output
        links = ",no_contain_symlinks" if "no_contain_symlinks" in known else ""
        self.world.context.run(
            ["sshfs", "localhost:" + self.directory, self.root, "-o",
             "directport=%d,ro,dcache_timeout=86400,dcache_stat_timeout=86400,"
             "dcache_link_timeout=86400,dcache_dir_timeout=86400,dcache_max_size=200000,"
             "entry_timeout=86400,attr_timeout=86400,negative_timeout=86400,auto_cache,"
             "kernel_cache%s" % (self.port, links)], capture=False, timeout=30)
        if not mounts_below(self.root):
            raise BenchError("sshfs did not mount")
        self.requests()

    def detach(self):
        for point in mounts_below(self.root):
            unmount(point)

    def close(self):
        self.detach()
        self.world.context.stop(self.server)


def missing():
    if not shutil.which("sshfs"):
        return "sshfs is not installed"
    if not sftp_delay.find_server():
        return "sftp-server is not installed (openssh-sftp-server)"
    return None


def run(world):
    cases = [("slow.mount", "`venvfs mount`, store %g ms away" % (world.profile.latency * 1000), "s"),
             ("slow.import", "mounting, and `%s`" % world.profile.data_imports, "s"),
             ("slow.import_calls", "requests to the file server meanwhile", "count"),
             ("slow.import_names", "of these, all that read no bytes of files", "count"),
             ("slow.pip_list", "`pip list`, the first after that", "s"),
             ("slow.pip_list_calls", "requests to the file server meanwhile", "count")]
    reason = missing()
    if reason:
        for case in cases:
            world.measure.skip(world.measure.case(*case), "all", reason)
        return
    build = world.build
    build.import_wheels(world.wheels)
    remotes, environments = [], []
    try:
        native = Remote(world, world.native.root, "native")
        remotes.append(native)
        subjects = [measured(world, Environment("native", native.root), native, "native", None)]
        for name, options in build.variants(world.profile.slow_shares):
            remote = Remote(world, build.store, "store")
            remotes.append(remote)
            remote.again()
            # Locked through the far store, once; Python 3.11 compiles into the local store, where
            # layers have no bytecode.
            env = build.environment(world.wheels, name, options, store=remote.root)
            environments.append(env)
            for again, word in ((False, ""), (True, ", mounted before")):
                subjects.append(measured(world, env, remote, name + word, again))
        world.measure.compare(cases, subjects, 5, 100, warmup=0)
    finally:
        for env in environments:
            env.detach()
        for remote in remotes:
            remote.close()


def measured(world, env, remote, name, before):
    """@before: None for a native one; whether an earlier mount has imported the same."""
    statement = world.profile.data_imports

    def prepare():
        env.detach()
        remote.again()
        if before is not None:
            if not before:
                env.forget()
            else:
                env.attach()
                world.context.run([env.python, "-c", statement])
                env.detach()
                remote.again()
        remote.requests()

    def run_both():
        mounting = None if before is None else world.context.time(mount_words(env), timeout=300)
        seconds = (mounting or 0) + world.context.time([env.python, "-c", statement], timeout=300)
        calls = remote.requests()
        names = sum(count for name, count in calls.items() if name != "READ")
        listing = world.context.time([env.python, "-m", "pip", "list"], timeout=300)
        found = [mounting, seconds, sum(calls.values()), names, listing,
                 sum(remote.requests().values())]
        env.detach()
        return found
    return Subject(name, run_both, prepare)
