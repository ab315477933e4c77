"""Activates this environment in a Python that already runs, an embedded one for example:

import runpy
runpy.run_path(path_of_this_file)

or, as it was done before there was runpy:

exec(open(path_of_this_file).read(), {"__file__": path_of_this_file})
"""
import os
import site
import sys

if "__file__" not in globals():
    raise AssertionError('use exec(open(this_file).read(), {"__file__": this_file})')

env_dir = @VIRTUAL_ENV@
bin_dir = env_dir + "/bin"

os.environ["VIRTUAL_ENV"] = env_dir
os.environ["VIRTUAL_ENV_PROMPT"] = @PROMPT@
# For the programs that this one starts; an empty name on PATH would be the current directory.
os.environ.pop("PYTHONHOME", None)
os.environ["PATH"] = os.pathsep.join(filter(None, [bin_dir, os.environ.get("PATH")]))

# What the directory and its .pth files add comes first, in the same order.
length = len(sys.path)
site.addsitedir(os.path.join(env_dir, @SITE_PACKAGES@))
sys.path[:] = sys.path[length:] + sys.path[:length]

# By this name virtualenv's users tell that an environment is active.
if not hasattr(sys, "real_prefix"):
    sys.real_prefix = sys.prefix
sys.prefix = sys.exec_prefix = env_dir
