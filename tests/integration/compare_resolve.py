"""Compares what venvfs makes of requirements with what pip makes of them.

Usage: compare_resolve.py VENVFS PYTHON PIP_WHEEL DIRECTORY [few]

For each case the same requirements go to `venvfs lock`, in an environment in which pip cannot run,
and to `pip install --dry-run --report`. Prints a line of TAP without a number for each.
"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import urllib.parse
import zipfile

VENVFS, PYTHON, PIP, ROOT = sys.argv[1:5]
WHEELS = os.path.join(ROOT, "wheels")
THIS = subprocess.check_output(
    [PYTHON, "-c", "import sys; print('cp%d%d' % sys.version_info[:2])"], text=True).strip()

MACHINE = "linux_" + os.uname().machine


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def make(name, version, *requires, tag="py3-none-any", build=None, python=None, extras=()):
    info = "%s-%s.dist-info" % (name, version)
    metadata = "Metadata-Version: 2.1\nName: %s\nVersion: %s\n" % (name, version)
    metadata += "".join("Provides-Extra: %s\n" % extra for extra in extras)
    metadata += "".join("Requires-Dist: %s\n" % other for other in requires)
    metadata += "Requires-Python: %s\n" % python if python else ""
    files = {
        name + ".py": "VERSION = %r\nTAG = %r\nBUILD = %r\n" % (version, tag, build),
        info + "/METADATA": metadata,
        info + "/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                         "Tag: %s\n" % tag,
    }
    rows = ["%s,sha256=%s,%d" % (path, digest(text.encode()), len(text))
            for path, text in files.items()]
    files[info + "/RECORD"] = "\n".join(rows + [info + "/RECORD,,"]) + "\n"
    path = os.path.join(WHEELS, "-".join(filter(None, (name, version, build, tag))) + ".whl")
    with zipfile.ZipFile(path, "w") as wheel:
        for entry, text in files.items():
            wheel.writestr(zipfile.ZipInfo(entry), text)
    return path


def make_all():
    for version in ("1.0", "1.5", "2.0", "3.0rc1", "3.0.dev1"):
        make("plain", version)
    make("onlypre", "1.0a1")
    make("onlypre", "1.0b2")
    make("local", "1.0")
    make("local", "1.0+cpu")
    make("posted", "1.0")
    make("posted", "1.0.post1")
    make("epoch", "1!0.5")
    make("epoch", "9.0")
    make("needs", "1.0", "plain<2")
    make("needs", "2.0", "plain>=2", "deep.er ; python_version >= '3'")
    make("deep_er", "1.0", "never ; python_version < '3'", "plain")
    make("exact", "1.0", "plain==1.5")
    make("broken", "1.0", "absent>=1")
    make("extra", "1.0", "plain ; extra == 'a'", "deep-er ; extra == 'b-c'", "extra[a,b-c] ; "
         "extra == 'all'", "local ; extra == 'a' and sys_platform == 'win32'", extras=(
             "a", "b-c", "all"))
    make("indirect", "1.0", "extra[b-c]")
    make("cycle_a", "1.0", "cycle-b")
    make("cycle_b", "1.0", "cycle_a")
    make("future", "1.0")
    make("future", "2.0", python=">=3.99")
    make("future_only", "1.0", python=">=3.99")
    make("tagged", "1.0")
    make("tagged", "1.0", tag="%s-none-any" % THIS)
    make("tagged", "1.0", tag="py2.py3-none-any")
    make("tagged", "1.1", tag="cp27-cp27mu-manylinux1_x86_64")
    make("abi", "1.0", tag="cp32-abi3-" + MACHINE)
    make("abi", "1.0", tag="%s-abi3-%s" % (THIS, MACHINE))
    make("abi", "1.0", tag="cp3999-abi3-" + MACHINE)
    make("many", "1.0", tag="py3-none-manylinux_2_5_{0}.manylinux1_{0}".format(os.uname().machine))
    make("many", "1.0", tag="py3-none-manylinux_2_17_" + os.uname().machine)
    make("many", "1.0", tag="py3-none-manylinux_2_99_" + os.uname().machine)
    make("foreign", "1.0", tag="cp27-cp27mu-win32")
    for build in (None, "2", "10", "10b", "9z"):
        make("built", "1.0", build=build)
    make("mixed", "1.0", build="5")
    make("mixed", "1.0", tag="%s-none-any" % THIS)


def sha(name):
    with open(os.path.join(WHEELS, name), "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


# The name of a case, its requirements, and further files. FEW are for all Pythons.
CASES = [
    ("a pin", ["plain==1.0"]),
    ("a pin with zeros", ["plain==1.0.0"]),
    ("an arbitrary pin", ["plain===1.5"]),
    ("a pin and a range", ["plain==1.5", "plain>1"]),
    ("a pinned pre-release", ["plain==3.0rc1"]),
    ("a pin of what there is not", ["plain==7"]),
    ("two pins", ["plain==1.0", "plain==2.0"]),
    ("a pin out of its range", ["plain==1.0,>1.2"]),
    ("a wildcard", ["plain==1.*"]),
    ("the newest", ["plain"]),
    ("a range", ["plain>=1,<2"]),
    ("a compatible release", ["plain~=1.0"]),
    ("an exclusion", ["plain!=2.0"]),
    ("pre-releases by --pre", ["--pre", "plain"]),
    ("pre-releases by a specifier", ["plain>=3.0.dev0"]),
    ("pre-releases where nothing else is", ["onlypre"]),
    ("a local version is newer", ["local==1.0"]),
    ("a local version by name", ["local==1.0+cpu"]),
    ("a local version is not another", ["local==1.0+gpu"]),
    ("post-releases", ["posted>=1.0"]),
    ("post-releases are not greater", ["posted>1.0"]),
    ("epochs", ["epoch"]),
    ("an epoch that is not named", ["epoch==0.5"]),
    ("names in any spelling", ["Deep.ER==1.0", "PLAIN==2.0"]),
    ("a requirement of a requirement", ["needs==1.0"]),
    ("pins of all", ["needs==2.0", "plain==2.0", "deep_er==1.0"]),
    ("a pin that a requirement contradicts", ["needs==2.0", "plain==1.0", "deep_er==1.0"]),
    ("a pin by a requirement", ["exact==1.0"]),
    ("a pin by a requirement, contradicted", ["exact==1.0", "plain==1.0"]),
    ("a requirement that is not to be had", ["broken==1.0"]),
    ("a marker that holds", ["plain==1.0 ; python_version >= '3.8'"]),
    ("a marker that does not", ["plain==1.0 ; sys_platform == 'win32'", "local==1.0"]),
    ("one of two by markers", ["plain==1.0 ; os_name == 'nt'", "plain==2.0 ; os_name != 'nt'"]),
    ("nested markers", ["plain==1.0 ; (os_name == 'nt' or sys_platform == 'linux') and "
                        "implementation_name == 'cpython'"]),
    ("an extra", ["extra[a]==1.0"]),
    ("no extra", ["extra==1.0"]),
    ("extras", ["extra[a,b-c]==1.0", "plain==1.0"]),
    ("an extra of itself", ["extra[all]==1.0"]),
    ("an extra that there is not", ["extra[zzz]==1.0"]),
    ("an extra by a requirement", ["extra==1.0", "indirect==1.0"]),
    ("a cycle", ["cycle-a==1.0"]),
    ("a constraint", ["-c c.txt", "plain"], {"c.txt": "plain<2\n"}),
    ("a constraint that pins", ["-c c.txt", "needs"], {"c.txt": "plain==1.5\nneeds==1.0\n"}),
    ("a constraint of what nobody wants", ["-c c.txt", "local==1.0"], {"c.txt": "absent==1\n"}),
    ("a constraint with a marker", ["-c c.txt", "plain"],
     {"c.txt": "plain==1.0 ; os_name == 'nt'\n"}),
    ("a constraint in conflict", ["-c c.txt", "plain==2.0"], {"c.txt": "plain<2\n"}),
    ("an included file", ["-r d/more.txt"], {"d/more.txt": "plain==1.0\n-r again.txt\n",
                                             "d/again.txt": "local\n"}),
    ("Requires-Python, unpinned", ["future"]),
    ("Requires-Python, pinned", ["future==2.0"]),
    ("Requires-Python, nothing else", ["future_only"]),
    ("the best tag", ["tagged==1.0"]),
    ("tags before versions", ["tagged"]),
    ("a version with foreign tags", ["tagged==1.1"]),
    ("abi3", ["abi==1.0"]),
    ("manylinux", ["many==1.0"]),
    ("nothing but foreign tags", ["foreign"]),
    ("build numbers", ["built==1.0"]),
    ("tags before build numbers", ["mixed==1.0"]),
    ("a wheel by path", ["./wheels/plain-1.0-py3-none-any.whl"]),
    ("a wheel by path, with an extra", ["./wheels/extra-1.0-py3-none-any.whl[a]"]),
    ("a wheel by URL", ["plain @ file://" + WHEELS + "/plain-3.0rc1-py3-none-any.whl"]),
    ("a wheel by path that is absent", ["./wheels/plain-8-py3-none-any.whl"]),
    ("a wheel by path with foreign tags", ["./wheels/foreign-1.0-cp27-cp27mu-win32.whl"]),
    ("a wheel by path, and another pin", ["./wheels/plain-1.0-py3-none-any.whl", "plain==2.0"]),
    ("a wheel by path for a requirement", ["./wheels/plain-1.5-py3-none-any.whl", "needs==1.0"]),
    ("a right hash", ["plain==1.0 --hash=sha256:{plain-1.0-py3-none-any.whl}"]),
    ("one of two hashes", ["plain==1.0 --hash=sha256:" + "0" * 64 +
                           " --hash=sha256:{plain-1.0-py3-none-any.whl}"]),
    ("a wrong hash", ["plain==1.0 --hash=sha256:" + "0" * 64]),
    ("a hash missing", ["plain==1.0 --hash=sha256:{plain-1.0-py3-none-any.whl}", "local==1.0"]),
    ("a hash missing for a requirement",
     ["exact==1.0 --hash=sha256:{exact-1.0-py3-none-any.whl}"]),
    ("a hash without a pin", ["plain<2 --hash=sha256:{plain-1.5-py3-none-any.whl}"]),
]
FEW = {"pins of all", "extras", "Requires-Python, unpinned", "the best tag", "abi3", "build numbers",
       "a right hash"}
# PEP 440 has them taken; only the newest pips do.
PIP_REFUSES = {"pre-releases where nothing else is": None}


def write_case(directory, lines, files):
    for name, text in {**files, "r.txt": "--no-index\n" + "\n".join(lines) + "\n"}.items():
        for wheel in sorted(os.listdir(WHEELS)):
            if "{%s}" % wheel in text:
                text = text.replace("{%s}" % wheel, sha(wheel))
        path = os.path.join(directory, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    with open(os.path.join(directory, "p.cfg"), "w") as file:
        file.write("[base-executable]\nexecutable = %s\n[packages]\npip = no\nfind-links = wheels\n"
                   "requirements = r.txt\n" % PYTHON)


def by_venvfs(directory):
    broken = os.path.join(ROOT, "no-pip.conf")
    with open(broken, "w") as file:
        file.write("pip cannot run with this\n")
    lock = os.path.join(directory, "p.lock")
    if os.path.exists(lock):
        os.remove(lock)
    done = subprocess.run([VENVFS, "lock", os.path.join(directory, "p.cfg")], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "PIP_CONFIG_FILE": broken})
    if "pip was asked" in done.stdout or "pip:" in done.stdout:
        return None, "pip was run: " + done.stdout
    if done.returncode != 0:
        problem = "" if done.returncode == 1 and not os.path.exists(lock) else "; and a lock"
        return None, done.stdout + problem
    with open(lock) as file:
        return sorted(row["file"] for row in json.load(file)["packages"]), done.stdout


# Imports pip once, which is slow from a wheel, and forks for each line of arguments. Nothing but the
# import is shared: pip's command line is called as `python -m pip` calls it.
SERVE_PIP = """
import json, os, sys
import pip._internal.cli.main as cli, pip._internal.commands.install
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        said = os.open("said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(said, 1)
        os.dup2(said, 2)
        status = cli.main(json.loads(line))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    print(os.waitpid(pid, 0)[1], flush=True)
"""


def start_pip():
    return subprocess.Popen([PYTHON, "-c", SERVE_PIP], cwd=ROOT, text=True, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": PIP})


def by_pip(server, directory):
    report = os.path.join(ROOT, "report.json")
    server.stdin.write(json.dumps(
        ["install", "-q", "--dry-run", "--ignore-installed", "--find-links", WHEELS, "--report",
         report, "-r", "r.txt"]) + "\n")
    server.stdin.flush()
    status = int(server.stdout.readline())
    with open(os.path.join(directory, "said"), errors="replace") as file:
        said = file.read()
    if status != 0:
        return None, said
    with open(report) as file:
        return sorted(urllib.parse.unquote(os.path.basename(item["download_info"]["url"]))
                      for item in json.load(file)["install"]), said


def compare(pip, name, lines, files):
    """Prints a line of TAP."""
    write_case(ROOT, lines, files)
    ours, said = by_venvfs(ROOT)
    theirs, pip_said = by_pip(pip, ROOT)
    good = ours == theirs and "pip was run" not in said and "and a lock" not in said
    if name in PIP_REFUSES and theirs is None:
        good = ours is not None
    print("%s - %s%s" % ("ok" if good else "not ok", name, "" if ours else ": refused"))
    if not good:
        for line in ("venvfs: %s %s" % (ours, said), "pip: %s %s" % (theirs, pip_said)):
            print("# " + line.strip().replace("\n", "\n# "))


def main():
    os.makedirs(WHEELS)
    make_all()
    with start_pip() as pip:
        for name, lines, *files in CASES:
            if "few" not in sys.argv or name in FEW:
                compare(pip, name, lines, files[0] if files else {})


main()
