"""Looking at files: find, stat, small reads."""

import json

import machine
import probes
from context import BenchError
from measure import Subject


def probe(world, *words):
    """What a loop of probes.py says."""
    command = [world.python, probes.__file__, *[str(word) for word in words]]
    result = world.context.run(command)
    try:
        return json.loads(result.output)
    except ValueError:
        raise BenchError("a probe failed: " + result.output[-200:]) from None


def finding(world, env, times):
    command = ["find", env.root, "-name", ".venvfs", "-prune", "-o", "-print"]
    return [world.context.time(command) for _ in range(times)]


def find(world, environments):
    """The first mount each time, so that nothing is fetched ahead meanwhile. Natively every `find`
    is a second one, of names that the kernel knows: what it takes where it knows none is
    find_cold."""
    def subject(env):
        return Subject(env.name, lambda: finding(world, env, 3), lambda: env.again(forget=True),
                       every=env.every)
    world.measure.compare([("files.find_first", "`find`, first after mounting", "s"),
                           ("files.find_second", "`find`, second", "s"),
                           ("files.find_third", "`find`, third", "s")],
                          [subject(env) for env in environments], 12, 40)


def find_cold(world, environments):
    case = ("files.find_cold", "`find`, right after mounting, caches dropped", "s")
    reason = machine.caches_reason()
    if reason:
        world.measure.skip(world.measure.case(*case), "all", reason)
        return

    def subject(env):
        def prepare():
            env.detach()
            env.forget()
            machine.drop_caches()
            env.attach()
        return Subject(env.name, lambda: finding(world, env, 1), prepare, env.every)
    world.measure.compare([case], [subject(env) for env in environments], 6, 40, warmup=0)


def stat(world, environments):
    def subject(env):
        return Subject(env.name, lambda: [value * 1e-9 for value in probe(
            world, "stat", env.site_packages(), 20000)], every=env.every)
    world.measure.compare([("files.stat", "stat of a name that is there, warm", "us"),
                           ("files.absent", "stat of a name that is not, warm", "us")],
                          [subject(env) for env in environments], 9, 35)


def read(world, environments):
    def subject(env):
        return Subject(env.name, lambda: [value * 1e-9 for value in probe(
            world, "read", env.site_packages(), 10000)], lambda: env.again(forget=True), env.every)
    world.measure.compare([("files.read_first", "open, fstat, read, close of a .py, first after "
                            "mounting", "us"),
                           ("files.read_second", "the same, second time", "us")],
                          [subject(env) for env in environments], 9, 55)


def run(world):
    environments = world.environments()
    find(world, environments)
    find_cold(world, environments)
    stat(world, environments)
    read(world, environments)
