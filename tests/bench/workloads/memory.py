"""What many environments at once cost: pages of files, memory of daemons, and time."""

import os
import subprocess

import machine
from context import BenchError
from envs import Environment, VenvfsEnvironment
from measure import Subject
from peers import Image, PeerEnvironment
from workloads.files import probe

HOLD = "; import sys; print('ready', flush=True); sys.stdin.read()"


def many(world, kind, options, count):
    """@count environments of one kind, mounted."""
    found = []
    for _ in range(count):
        if kind.startswith("venvfs"):
            env = VenvfsEnvironment(world.build, kind, world.build.locked_spec(world.wheels), options)
        else:
            peer = next(peer for peer in world.usable_peers if peer.name == kind)
            env = PeerEnvironment(world.context, peer, world.native.root)
        found.append(env)
        env.attach()
    return found


def copies(world, count):
    """Native ones with what is imported and no more: uv's copies, or pip's."""
    found = []
    statement = world.profile.one_import
    project = statement.split()[1].split(".")[0]
    for _ in range(count):
        env = Environment("native", world.context.fresh("copy"))
        world.context.run([world.python, "-m", "venv", "--without-pip", env.root])
        target = env.site_packages()
        source = world.native.site_packages()
        for name in os.listdir(source):
            if name in (project, project + ".libs"):
                world.context.run(["cp", "-a", os.path.join(source, name), target])
        found.append(env)
    return found


def cached(world, environments):
    """Bytes of page cache that the environments' files and what is below them take."""
    project = world.profile.one_import.split()[1].split(".")[0]
    roots = []
    for env in environments:
        site = env.site_packages()
        roots += [os.path.join(site, project), os.path.join(site, project + ".libs")]
        if isinstance(env, VenvfsEnvironment):
            roots.append(env.store)
    if isinstance(environments[0], VenvfsEnvironment):
        roots.append(world.build.store)
    pages = machine.PageCache()
    total = pages.of_trees(roots)
    if isinstance(environments[0], PeerEnvironment):
        return below(world, environments, pages, total, project)
    return total


def below(world, environments, pages, total, project):
    """As cached() for a peer, with what it shows: the native environment, or an image of it."""
    peer, lower = environments[0].peer, world.native.root
    if isinstance(peer, Image):
        return total + pages.of_file(peer.image(world.context, lower), set())
    site = world.native.site_packages()
    shown = pages.of_trees([os.path.join(site, name) for name in (project, project + ".libs")])
    # The kernel's overlay has no pages of its own: those are the lower's under another name.
    return shown if peer.name == "kernel overlayfs" else total + shown


def hold(world, environments):
    """(bytes of page cache, bytes of daemons) while each environment has one Python that has
    imported."""
    machine.drop_caches()
    holders = []
    try:
        for env in environments:
            holder = world.context.start([env.python, "-c", world.profile.one_import + HOLD],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            holders.append(holder)
            if holder.stdout.readline() != b"ready\n":
                raise BenchError("the import failed")
        pages = cached(world, environments)
        daemons = [env.daemon() for env in environments]
        return pages, sum(machine.memory_of(pid)["pss"] for pid in daemons if pid)
    finally:
        for holder in holders:
            world.context.stop(holder)


def held(world):
    kinds = [("native", "")] + world.build.variants() + [(peer.name, "")
                                                        for peer in world.usable_peers]
    for count in world.profile.held:
        case = ("memory.pages_%d" % count, "page cache with `%s` held in %d environment%s"
                % (world.profile.one_import, count, "s" if count > 1 else ""), "B")
        reason = machine.caches_reason()
        if reason:
            world.measure.skip(world.measure.case(*case), "all", reason)
            continue
        for kind, options in kinds:
            if world.measure.out_of_time():
                world.measure.skip(world.measure.case(*case), kind, "no time was left")
                continue
            made = []
            try:
                made = copies(world, count) if kind == "native" else \
                    many(world, kind, options, count)
                pages, daemons = hold(world, made)
                world.measure.value(*case[:2], kind, pages, "B")
                if made[0].daemon():
                    world.measure.value("memory.daemons_%d" % count, "daemons' memory (PSS) "
                                        "meanwhile", kind, daemons, "B")
            except BenchError as error:
                world.measure.skip(world.measure.case(*case), kind, error)
            finally:
                for env in made:
                    env.detach()


def daemon_after_find(world, environments):
    for env in environments:
        env.again()
        if not env.daemon():
            continue
        world.context.run(["find", env.root, "-size", "+1k"], capture=False, check=False)
        world.context.run(["find", env.root, "-size", "+1k"], capture=False, check=False)
        memory = machine.memory_of(env.daemon())
        world.measure.value("memory.daemon", "daemon's resident memory after two full `find -size`",
                            env.name, memory["rss"], "B")
        world.measure.value("memory.daemon_own", "of that its own: anonymous", env.name,
                            memory["anonymous"], "B")


def mounts(world):
    """Many at once: mounted one after the other, then a Python started in all of them together."""
    count = world.profile.mounts
    specs = [world.build.locked_spec(world.wheels) for _ in range(count)]
    found = [VenvfsEnvironment(world.build, "venvfs", spec) for spec in specs]
    try:
        begin = []
        for env in found:
            begin.append(world.context.time([world.build.program, "mount", env.spec, env.root]))
            env.pid = int(env.status()["pid"])
        script = "wait=; for p; do \"$p\" -c '' & done; wait"
        started = world.context.time(["sh", "-c", script, "sh", *[env.python for env in found]])
        # The native one, as often.
        native = world.context.time(["sh", "-c", script, "sh", *[world.native.python] * count])
        total = sum(machine.memory_of(env.pid)["pss"] for env in found)
    finally:
        for env in found:
            env.detach()
    world.measure.value("memory.mount_first", "`venvfs mount`: the first of %d" % count, "venvfs",
                        begin[0], "s")
    world.measure.value("memory.mount_last", "the last of them", "venvfs", begin[-1], "s")
    title = "`python -c ''` in all of them at once"
    world.measure.value("memory.mounts_start", title, "native", native, "s")
    world.measure.value("memory.mounts_start", title, "venvfs", started, "s")
    world.measure.value("memory.mounts_daemons", "memory (PSS) of their daemons", "venvfs", total, "B")


def parallel(world, environments):
    count = world.profile.parallel

    def subject(env, number):
        return Subject(env.name, lambda: probe(world, "parallel", env.python, number,
                                               world.profile.data_imports))
    # The last, without peers, as each takes many times what an import takes.
    world.measure.compare(
        [("memory.parallel", "%d processes import at once: `%s`"
          % (count, world.profile.data_imports), "s")],
        [subject(env, count) for env in environments], 3, 70)


def run(world):
    daemon_after_find(world, world.environments())
    world.detach_all()
    held(world)
    mounts(world)
    parallel(world, world.environments(peers=False))
