"""What the kernel asks the daemon, by opcode: exact counts, no times."""

from context import BenchError


def asked(world, env, statement):
    """{opcode: count} for one import, without what looking at the counts costs."""
    env.requests()
    before = env.requests()
    own = env.requests()
    cost = {name: own[name] - before.get(name, 0) for name in own}
    before = own
    world.context.run([env.python, "-c", statement])
    after = env.requests()
    return {name: count for name, count in
            ((name, after[name] - before.get(name, 0) - cost.get(name, 0)) for name in after)
            if count > 0}


def put(world, phase, title, subject, counts):
    for name, count in sorted(counts.items()):
        world.measure.value("requests.%s_%s" % (phase, name), "%s: %s" % (title, name), subject,
                            count)
    world.measure.value("requests.%s" % phase, "%s: all" % title, subject, sum(counts.values()))
    world.measure.value("requests.%s_but_ioctl" % phase, "%s: all but IOCTL" % title, subject,
                        sum(count for name, count in counts.items() if name != "IOCTL"))


def run(world):
    statement = world.profile.data_imports
    for name, options in world.build.variants():
        env = world.venvfs(name, options)
        try:
            env.again(forget=True)
            put(world, "first", "first mount, first import", name, asked(world, env, statement))
            env.again()
            put(world, "second", "second mount, first import", name, asked(world, env, statement))
            world.context.run([env.python, "-c", statement])
            put(world, "warm", "warm import", name, asked(world, env, statement))
            put(world, "start", "warm `python -c ''`", name, asked(world, env, ""))
        except BenchError as error:
            world.measure.skip(world.measure.case("requests.warm", "warm import: all", "count"),
                               name, error)
        env.detach()
