"""Writing: pip install and uninstall, removing a layer's package, a tree of many files, a large
file. Into native environments with pip and nothing else, and venvfs's of the same."""

import os
import shutil

import probes
from context import BenchError, remove_tree
from envs import Environment, VenvfsEnvironment
from measure import Subject, say
from peers import PeerEnvironment
from workloads.files import probe


def empty_environments(world):
    """One with pip in it of each kind that can be written to, mounted."""
    context = world.context
    native = Environment("native", context.path("empty-native"))
    if world.profile.name == "smoke":
        shutil.copytree(world.native.root, native.root, symlinks=True)
    else:
        context.run([world.python, "-m", "venv", native.root])
    found = [native, VenvfsEnvironment(world.build, "venvfs", world.build.empty_spec("writes"))]
    for peer in world.usable_peers:
        if peer.writable:
            lower = context.fresh("lower")
            shutil.copytree(native.root, lower, symlinks=True)
            found.append(PeerEnvironment(context, peer, lower))
    for env in list(found):
        try:
            env.again()
        except BenchError as error:
            if not isinstance(env, PeerEnvironment):
                raise
            say("    %s: %s" % (env.name, error))
            found.remove(env)
    return found


def pip(world, environments, project):
    wheel = world.wheels.file_of(project)

    def subject(env):
        base = [env.python, "-m", "pip"]

        def prepare():
            world.context.run([*base, "uninstall", "-q", "-y", project], check=False)
            os.sync()  # what others have written is not written out meanwhile

        def run():
            install = world.context.time([*base, "install", "-q", "--no-deps", wheel])
            return [install, world.context.time([*base, "uninstall", "-q", "-y", project])]
        return Subject(env.name, run, prepare, env.every)
    world.measure.compare([("install.pip_%s" % project, "pip install of %s" % project, "s"),
                           ("install.pip_un_%s" % project, "pip uninstall of it", "s")],
                          [subject(env) for env in environments], 6, 65)


def uv(world, environments, project):
    name, title = "install.uv_%s" % project, "uv pip install of %s, warm cache" % project
    if not world.uv:
        world.measure.skip(world.measure.case(name, title), "all", world.peers["uv"]["reason"])
        return
    wheel = world.wheels.file_of(project)

    def subject(env):
        def prepare():
            world.context.run([world.uv, "pip", "uninstall", "-q", "--python", env.python, project],
                              check=False)
            os.sync()

        def run():
            # The links of uv's default cannot leave a file system; copies can go anywhere.
            return world.context.time([world.uv, "pip", "install", "-q", "--no-deps", "--link-mode",
                                       "copy", "--python", env.python, wheel])
        return Subject(env.name, run, prepare, env.every)
    world.measure.compare([(name, title + " (copies)", "s")],
                          [subject(env) for env in environments], 6, 25)


def copied(env, project):
    """Bytes of the package's files that are in the environment's upper and are no marks. pip renames
    what it removes, by its first letter."""
    total = 0
    for directory, _, names in os.walk(os.path.join(env.store, "upper")):
        if project[1:] not in directory.lower():
            continue
        for name in names:
            path = os.path.join(directory, name)
            if not name.startswith(".wh.") and not os.path.islink(path):
                total += os.path.getsize(path)
    return total


def layer(world):
    """Uninstalling a package that is a layer's: marks, and no copies."""
    project = world.profile.uninstall
    env = world.venvfs()
    native = Environment("native", world.context.path("uninstalled"))
    say("  copying the native environment")
    world.context.run(["cp", "-a", world.native.root, native.root], timeout=300)
    total = []

    def command(one):
        return [one.python, "-m", "pip", "uninstall", "-q", "-y", project]

    def prepare_native():
        target, source = native.site_packages(), world.native.site_packages()
        for name in os.listdir(source):
            if project in name.lower() and not os.path.exists(os.path.join(target, name)):
                world.context.run(["cp", "-a", os.path.join(source, name), target])
        os.sync()

    def run_venvfs():
        seconds = world.context.time(command(env))
        total.append(copied(env, project))
        return seconds
    world.measure.compare(
        [("install.layer_uninstall", "pip uninstall of %s, which a layer has" % project, "s")],
        [Subject("native", lambda: world.context.time(command(native)), prepare_native),
         Subject("venvfs", run_venvfs, lambda: env.again(forget=True))], 5, 30)
    if total:
        world.measure.value("install.layer_copied", "bytes of its files that were copied", "venvfs",
                            max(total), "B")
    env.again(forget=True)
    remove_tree(native.root)


def tree(world, environments):
    """rm -rf of many files that were written into the environment."""
    count = world.profile.tree_files

    def subject(env):
        top = os.path.join(env.root, "many")

        def run():
            make = world.context.time([world.python, probes.__file__, "make_tree", top, str(count)])
            os.sync()
            return [make, world.context.time(["rm", "-rf", top])]
        return Subject(env.name, run, os.sync, env.every)
    world.measure.compare([("install.tree_make", "writing %d small files" % count, "s"),
                           ("install.tree_remove", "rm -rf of them", "s")],
                          [subject(env) for env in environments], 6, 40, warmup=0)


def big(world, environments):
    size = world.profile.big_file

    def subject(env):
        path = os.path.join(env.root, "big")

        def run():
            seconds = probe(world, "write", path, size)
            os.unlink(path)
            return seconds
        return Subject(env.name, run, os.sync, env.every)
    world.measure.compare([("install.big", "writing a file of %d MiB, with fsync" % (size >> 20),
                            "s")], [subject(env) for env in environments], 6, 20)


def run(world):
    environments = empty_environments(world)
    try:
        for project in world.profile.install:
            pip(world, environments, project)
        uv(world, environments, world.profile.install[0])
        layer(world)
        tree(world, environments)
        big(world, environments)
    finally:
        for env in environments:
            env.detach()
            if env.root != world.native.root:
                remove_tree(env.root)
