"""How much is measured: a full run, a quick one, and the smoke test's."""

import os


class Profile:
    """@seconds bounds the whole run, what is made for it included; what a workload asks for is scaled
    by it. BENCH_TIME, a factor, gives a slow or busy machine more."""

    name = "full"
    seconds = 32 * 60
    data_imports = "import numpy, pandas, scipy.stats, sklearn, matplotlib.pyplot"
    one_import = "import numpy"
    framework = "from django.conf import settings; settings.configure(); import django; " \
                "django.setup()"
    install = ("django", "numpy")     # what pip installs and removes
    uninstall = "pandas"              # a layer's package that is removed
    tree_files = 25000
    tests = 1000
    big_file = 512 << 20
    environments = 100                # of which disk is counted
    held = (1, 10)                    # environments that hold an import at once
    mounts = 50
    parallel = 16
    latency = 0.001                   # seconds that a round trip to the slow store takes longer
    slow_shares = ("link", "cache")   # ways to share that are asked there
    pip_native = True                 # the native environment is pip's own work
    torch = True
    compiles = True                   # the store is filled with bytecode as well
    online = True
    plots = True
    peers = None                      # names; all
    # Seconds for each theme. What all need is made before, in a minute and a half, and it takes about
    # as long to remove everything.
    themes = {"create": 130, "import": 400, "startup": 160, "files": 170, "install": 230,
              "store": 260, "memory": 150, "requests": 40, "trips": 70,
              "slow": 110, "torch": 100}

    def __init__(self):
        factor = float(os.environ.get("BENCH_TIME") or 1)
        self.seconds *= factor
        self.themes = {theme: seconds * factor for theme, seconds in self.themes.items()}
        self.factor = factor

    def rounds(self, wanted):
        return wanted

    def warmup(self, wanted):
        return wanted

    def limit(self, seconds):
        """What one comparison may take, about: its first round is made in any case."""
        return seconds * self.factor


class Quick(Profile):
    name = "quick"
    seconds = 320
    tree_files = 2500
    tests = 200
    big_file = 64 << 20
    environments = 5
    held = (4,)
    mounts = 10
    parallel = 4
    peers = ("kernel overlayfs", "squashfuse_ll", "fuse-overlayfs")
    install = ("numpy",)
    slow_shares = ()
    pip_native = False
    torch = False
    compiles = False
    themes = {"create": 20, "import": 60, "startup": 30, "files": 30, "install": 35,
              "store": 25, "memory": 30, "requests": 20, "trips": 15, "slow": 40, "torch": 1}

    def rounds(self, wanted):
        return max(1, min(3, wanted // 3))

    def warmup(self, wanted):
        return max(0, wanted - 1)

    def limit(self, seconds):
        return max(4, seconds / 8) * self.factor


class Smoke(Quick):
    """On wheels that the test makes itself, without a network: that every part of the frame runs."""
    name = "smoke"
    seconds = 600
    data_imports = "import sample, many.part0.module0"
    one_import = "import sample.main"
    framework = "import many.part1.module1"
    install = ("sample",)
    uninstall = "many"
    tree_files = 100
    tests = 20
    big_file = 1 << 20
    environments = 2
    held = (1,)
    mounts = 2
    parallel = 2
    online = False
    plots = False
    compiles = True
    peers = ("fuse-overlayfs", "squashfuse_ll")
    themes = {theme: 600 for theme in Profile.themes}

    def rounds(self, wanted):
        return 1

    def warmup(self, wanted):
        return 0

    def limit(self, seconds):
        return 600
