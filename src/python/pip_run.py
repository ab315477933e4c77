# Runs pip from a directory. Arguments: that directory, and pip's own as a JSON list.
#
# What pip says on its way is kept back. Of a conflict it tells the reason there, and only that it
# failed on stderr.
import io
import json
import runpy
import sys

sys.path.insert(0, sys.argv[1])
sys.argv = ["pip"] + json.loads(sys.argv[2])
sys.stdout = io.StringIO()
try:
    runpy.run_module("pip", run_name="__main__", alter_sys=True)
except SystemExit as end:
    told = sys.stdout.getvalue().partition("\nThe conflict is caused by:\n")[2].partition("\n\n")[0]
    if end.code and told:
        sys.stderr.write("conflict: %s\n" % ", ".join(map(str.strip, told.splitlines())))
    raise
