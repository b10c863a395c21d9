"""Forks while it is imported. CHILD says what the child does; the parent waits for it, and answers how it has ended."""

import os
import sys

child = os.fork()
if child == 0:
    if os.environ["CHILD"] == "raises":
        raise RuntimeError("on purpose")
    if os.environ["CHILD"] == "exits":
        sys.exit(7)
else:
    status = os.waitpid(child, 0)[1]


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"exit %d" % os.WEXITSTATUS(status)]
