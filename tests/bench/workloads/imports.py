"""Importing: warm, the first time after mounting, and with the kernel's caches dropped."""

import machine
from measure import Subject


def statement_of(world):
    return world.profile.data_imports


def warm(world, environments):
    """All of them mounted, and imported from before. `bytecode` is asked here alone: what comes
    before is the same as for `link`."""
    statement = statement_of(world)

    def importer(env):
        return Subject(env.name, lambda: world.context.time([env.python, "-c", statement]),
                       every=env.every)
    world.measure.compare([("import.warm", "warm: `%s`" % statement, "s")],
                          [importer(env) for env in environments], 24, 90, warmup=2)


class AfterMounting:
    """Mounts an environment anew, then imports for the first time."""

    def __init__(self, world, env, name, options=None, before=False, drop=False):
        """@before: an earlier mount has imported the same, else it is the first mount ever. @drop:
        the kernel's caches are dropped before mounting."""
        self.world = world
        self.env = env
        self.options = options
        self.usual = None  # the environment's own options
        self.before = before
        self.drop = drop
        self.subject = Subject(name, self.run, self.prepare, env.every)

    def time(self):
        return self.world.context.time([self.env.python, "-c", statement_of(self.world)])

    def prepare(self):
        env = self.env
        env.detach()
        if self.options is not None:
            self.usual, env.options = env.options, self.options
        if self.before:
            # Whoever measured last may have had it forgotten.
            env.attach()
            self.time()
            env.detach()
        else:
            env.forget()
        if self.drop:
            machine.drop_caches()
        env.attach()

    def run(self):
        seconds = self.time()
        # Or what is fetched ahead would go on while the next is measured.
        self.env.detach()
        if self.options is not None:
            self.env.options = self.usual
        return seconds


def after_mounting(world, environments, drop):
    """Native, the first mount of each environment, and of venvfs, which remembers, a later one too:
    of the default also without fetching ahead."""
    subjects = []
    for env in environments:
        if not env.name.startswith("venvfs"):
            subjects.append(AfterMounting(world, env, env.name, drop=drop))
            continue
        options = env.options
        subjects.append(AfterMounting(world, env, env.name, options, drop=drop))
        subjects.append(AfterMounting(world, env, env.name + ", mounted before", options, True, drop))
        if env.name == "venvfs":
            subjects.append(AfterMounting(world, env, "venvfs, mounted before, ahead=no",
                                          "ahead=no", True, drop))
    return [one.subject for one in subjects]


def run(world):
    environments = world.environments(shares=("link", "bytecode", "cache"))
    warm(world, environments)
    world.detach_all()
    environments = [env for env in environments if env.name != "venvfs bytecode"]
    title = "first after mounting, page cache warm"
    if world.build.bytecode:
        title += " (this build compiles on a first mount)"
    world.measure.compare([("import.first", title, "s")],
                          after_mounting(world, environments, False), 10, 140)
    reason = machine.caches_reason()
    if reason:
        world.measure.skip(world.measure.case("import.cold", "caches dropped, right after mounting"),
                           "all", reason)
        return
    world.measure.compare([("import.cold", "caches dropped, right after mounting", "s")],
                          after_mounting(world, environments, True), 7, 170, warmup=0)
