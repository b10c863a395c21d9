"""Says what stood in the file VERSION when it was imported. Each import is noted in the file `imports`.

"broken" cannot be imported, "endless" never is; the import of "parent" leaves a child, whose number is in the file `child`.
"""

import os

from operated import hang, leave_child

with open(os.path.join(os.environ["DESK"], "VERSION")) as file:
    version = file.read()
with open(os.path.join(os.environ["DESK"], "imports"), "a") as file:
    file.write("%d\n" % os.getpid())
if version == "broken":
    raise RuntimeError("on purpose")
if version == "endless":
    hang()
if version == "parent":
    leave_child()


def app(environ, start_response):
    if environ["PATH_INFO"] == "/exit":
        os._exit(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    answers = {"/pid": os.getpid(), "/parent": os.getppid()}
    return [str(answers.get(environ["PATH_INFO"], version)).encode()]
