# Runs pip from its wheel, as ensurepip does: Python imports from zip files. Arguments: the wheel, and
# pip's own as a JSON list.
#
# What pip says on its way is kept back. Of a conflict it tells the reason there, and only that it
# failed on stderr. Of what fails before wheels are built, the last "Collecting NAME (from -r FILE
# (line N))" there says what it is about. What pip takes out of the wheel to a temporary file (the
# certificates), and does not remove, goes to a directory that is; so do the pips that it runs to
# build something.
import io
import json
import os
import re
import runpy
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
sys.argv = ["pip"] + json.loads(sys.argv[2])
sys.stdout = io.StringIO()
with tempfile.TemporaryDirectory(prefix="venvfs-pip-") as directory:
    os.environ["TMPDIR"] = tempfile.tempdir = directory
    try:
        runpy.run_module("pip", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        said = sys.stdout.getvalue()
        told = said.partition("\nThe conflict is caused by:\n")[2].partition("\n\n")[0]
        if end.code and told:
            sys.stderr.write("conflict: %s\n" % ", ".join(map(str.strip, told.splitlines())))
        begun = re.findall(r"^ *(?:Collecting|Processing|Obtaining) (.+)", said, re.MULTILINE)
        if end.code and "\nBuilding wheels for collected packages: " not in said and begun:
            sys.stderr.write("begun: %s\n" % begun[-1])
        raise
