"""What the kernel asks the daemon, by opcode: exact counts, no times."""

import machine
from context import BenchError

AHEAD_SECONDS = 20

# What nobody waits for, and the kernel sends when it likes.
UNASKED = ("FORGET", "BATCH_FORGET")


def asked(world, env, command):
    """{opcode: count} for one run of @command, without what looking at the counts costs."""
    env.requests()
    before = env.requests()
    own = env.requests()
    cost = {name: own[name] - before.get(name, 0) for name in own}
    before = own
    world.context.run(command, capture=False)
    after = env.requests()
    return {name: count for name, count in
            ((name, after[name] - before.get(name, 0) - cost.get(name, 0)) for name in after)
            if count > 0 and name not in UNASKED}


def least(world, env, command):
    """As asked(), the least of three: what the kernel has let go for want of memory in between, it
    asks for again."""
    return min((asked(world, env, command) for _ in range(3)),
               key=lambda counts: sum(counts.values()))


def fetched(env):
    """Waits until nothing is fetched ahead any more: what that asks is not Python's."""
    machine.wait_until(lambda: env.status().get("ahead") != "running", AHEAD_SECONDS)


def find(world, env):
    """What `find` asks the first, the second and the third time."""
    command = ["find", env.root, "-name", ".venvfs", "-prune", "-o", "-print"]
    env.again(forget=True)
    for word in ("first", "second", "third"):
        put(world, "find_" + word, "`find`, %s time" % word, env.name, asked(world, env, command))


def put(world, phase, title, subject, counts):
    for name, count in sorted(counts.items()):
        world.measure.value("requests.%s_%s" % (phase, name), "%s: %s" % (title, name), subject,
                            count)
    world.measure.value("requests.%s" % phase, "%s: all" % title, subject, sum(counts.values()))
    world.measure.value("requests.%s_but_ioctl" % phase, "%s: all but IOCTL" % title, subject,
                        sum(count for name, count in counts.items() if name != "IOCTL"))


def run(world):
    statement = world.profile.data_imports
    for name, options in world.build.variants(("link", "bytecode", "cache")):
        env = world.venvfs(name, options)
        importing = [env.python, "-c", statement]
        try:
            env.again(forget=True)
            put(world, "first", "first mount, first import", name, asked(world, env, importing))
            env.again()
            fetched(env)
            put(world, "second", "second mount, first import after all was fetched ahead", name,
                asked(world, env, importing))
            world.context.run(importing)
            put(world, "warm", "warm import", name, least(world, env, importing))
            put(world, "start", "warm `python -c ''`", name,
                least(world, env, [env.python, "-c", ""]))
            if name == "venvfs":
                find(world, env)
        except BenchError as error:
            world.measure.skip(world.measure.case("requests.warm", "warm import: all", "count"),
                               name, error)
        env.detach()
