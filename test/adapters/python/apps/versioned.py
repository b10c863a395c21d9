"""Says what stood in the file VERSION when it was imported."""

import os

with open(os.path.join(os.environ["DESK"], "VERSION")) as file:
    version = file.read()
if version == "broken":
    raise RuntimeError("on purpose")


def app(environ, start_response):
    if environ["PATH_INFO"] == "/exit":
        os._exit(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d" % os.getpid() if environ["PATH_INFO"] == "/pid" else version.encode()]
