"""Looking at files: find, stat, small reads."""

import json

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


def find(world, environments):
    def subject(env):
        def run():
            command = ["find", env.root, "-name", ".venvfs", "-prune", "-o", "-print"]
            return [world.context.time(command), world.context.time(command)]
        return Subject(env.name, run, env.again)
    world.measure.compare([("files.find_first", "`find`, first after mounting", "s"),
                           ("files.find_second", "`find`, second", "s")],
                          [subject(env) for env in environments], 9, 70)


def stat(world, environments):
    def subject(env):
        return Subject(env.name, lambda: [value * 1e-9 for value in probe(
            world, "stat", env.site_packages(), 20000)])
    world.measure.compare([("files.stat", "stat of a name that is there, warm", "us"),
                           ("files.absent", "stat of a name that is not, warm", "us")],
                          [subject(env) for env in environments], 9, 60)


def read(world, environments):
    def subject(env):
        return Subject(env.name, lambda: [value * 1e-9 for value in probe(
            world, "read", env.site_packages(), 10000)], env.again)
    world.measure.compare([("files.read_first", "open, fstat, read, close of a .py, first after "
                            "mounting", "us"),
                           ("files.read_second", "the same, second time", "us")],
                          [subject(env) for env in environments], 7, 70)


def run(world):
    environments = world.environments()
    find(world, environments)
    stat(world, environments)
    read(world, environments)
