# Says on stdout, as one line of JSON, what the interpreter that runs it is. interpreter_answer.c
# reads it. Runs isolated and without `site`, in which virtual environments up to 3.13 already look
# like their base; and in any Python since 2.7, so that an old one can be told from a broken one.
import sys

sys.path = [entry for entry in sys.path if entry]  # import nothing from where we stand

import json
import os
import platform


def image():
    """The file that really runs, as [device, inode]. A wrapper is another file than this."""
    try:
        status = os.stat("/proc/self/exe")
    except OSError:
        return None
    return [status.st_dev, status.st_ino]


def details():
    import sysconfig

    return {
        "cache_tag": sys.implementation.cache_tag,
        "abiflags": sys.abiflags,
        "soabi": sysconfig.get_config_var("SOABI"),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "base_prefix": sys.base_prefix,
        "stdlib": sysconfig.get_path("stdlib"),
        "include": sysconfig.get_path("include"),
        "platinclude": sysconfig.get_path("platinclude"),
        "wheel_dir": sysconfig.get_config_var("WHEEL_PKG_DIR"),
    }


answer = {
    "executable": sys.executable,
    "image": image(),
    "implementation": platform.python_implementation(),
    "version": platform.python_version(),
    "version_info": list(sys.version_info),
}
if sys.version_info >= (3, 8):
    answer.update(details())
print(json.dumps(answer))
