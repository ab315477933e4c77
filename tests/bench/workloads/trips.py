"""What one request costs: operations that the kernel must ask a daemon for, by one client and by
many at once. tests/bench/roundtrip.c does them; `make bench` builds it."""

import os

from context import BenchError, remove_tree
from measure import Subject
from workloads.install import empty_environments

OPERATIONS = {
    "absent": "stat of a name that is not there and was not asked for",
    "ioctl": "whether a file is a terminal",
    "create": "making a file and writing a few bytes",
    "stat": "stat of a file that was written to",
    "rename": "renaming it",
    "unlink": "removing it",
    "mkdir": "making a directory",
    "rmdir": "removing it",
}


def trips(program, world, env, clients):
    """Microseconds for each operation, of all clients together."""
    directory = os.path.join(env.root, "trips")
    os.makedirs(directory)
    try:
        count = max(world.profile.tree_files // 10 // clients, 10)
        said = world.context.run([program, directory, str(clients), "-1", str(count)]).output
    finally:
        remove_tree(directory)
    found = dict(line.split("\t")[:2] for line in said.splitlines())
    return [float(found[name]) * 1e-6 for name in OPERATIONS]


def run(world):
    program = os.environ.get("ROUNDTRIP")
    if not program or not os.access(program, os.X_OK):
        raise BenchError("ROUNDTRIP does not say where tests/bench/roundtrip is")
    environments = empty_environments(world)
    for clients in (1, 4, 16):
        who = "one client" if clients == 1 else "%d clients" % clients
        world.measure.compare(
            [("trips.%s_%d" % (name, clients), "%s; %s" % (title, who), "us")
             for name, title in OPERATIONS.items()],
            [Subject(env.name, lambda env=env: trips(program, world, env, clients),
                     every=env.every) for env in environments], 7, 25)
    for env in environments:
        env.detach()
