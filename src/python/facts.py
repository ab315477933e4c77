# Says on stdout, as one line of JSON, what decides which packages this interpreter takes: the values
# of environment markers (PEP 508), and the wheel tags that it supports (PEP 425, 600), best first.
# Argument: the pip wheel that has the code for it, which runs from there. target.c reads it.
import sys

sys.path = [sys.argv[1]] + [entry for entry in sys.path if entry]  # nothing from where we stand

import json

from pip._vendor.packaging import markers, tags

try:
    # Up to pip 23, its packaging has not all that pip takes: cp311-none-any.
    from pip._internal.utils.compatibility_tags import get_supported
except ImportError:
    get_supported = tags.sys_tags

supported = " ".join(map(str, get_supported()))
print(json.dumps({"markers": markers.default_environment(), "tags": supported}))
