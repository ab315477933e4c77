"""Importing: warm, the first time after mounting, and with the kernel's caches dropped."""

import machine
from measure import Subject


def importer(world, env, statement, again=None):
    """A subject that imports in @env, after @again has been done."""
    def run():
        return world.context.time([env.python, "-c", statement])
    return Subject(env.name, run, again)


def warm(world, environments):
    statement = world.profile.data_imports
    world.measure.compare([("import.warm", "warm: `%s`" % statement, "s")],
                          [importer(world, env, statement) for env in environments],
                          21, 150, warmup=2)


def mounted_before(world, env, forget, drop):
    """What comes before an import that is the first of a mount. With @forget it is the first mount
    ever; else the mount before it has imported the same."""
    statement = world.profile.data_imports

    def prepare():
        if forget:
            env.detach()
            env.forget()
        else:
            # Whoever measured before may have had it forgotten.
            env.again()
            world.context.time([env.python, "-c", statement])
            env.detach()
        if drop:
            machine.drop_caches()
        env.attach()
    return prepare


def renamed(subject, name):
    subject.name = name
    return subject


def after_mounting(world, environments, drop):
    """Subjects of the first import of a mount: of a first mount, and of venvfs, which remembers, of
    a later one too."""
    statement = world.profile.data_imports
    subjects = []
    for env in environments:
        native = env.name == "native"
        subjects.append(importer(world, env, statement,
                                 mounted_before(world, env, not native, drop)
                                 if drop or not native else None))
        if env.name.startswith("venvfs"):
            subjects.append(renamed(
                importer(world, env, statement, mounted_before(world, env, False, drop)),
                env.name + ", mounted before"))
    return subjects


def run(world):
    environments = world.environments()
    warm(world, environments)
    title = "first after mounting, page cache warm"
    if world.build.bytecode:
        title += " (this build compiles on a first mount)"
    world.measure.compare([("import.first", title, "s")],
                          after_mounting(world, environments, False), 7, 150)
    reason = machine.caches_reason()
    if reason:
        world.measure.skip(world.measure.case("import.cold", "caches dropped, right after mounting"),
                           "all", reason)
        return
    world.measure.compare([("import.cold", "caches dropped, right after mounting", "s")],
                          after_mounting(world, environments, True), 7, 200, warmup=0)
