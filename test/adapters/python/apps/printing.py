"""Prints what the query says: lines of each kind, and one of so many bytes."""

import os
import sys
import traceback

print("at the import", file=sys.stderr)


def app(environ, start_response):
    query = environ["QUERY_STRING"]
    start_response("200 OK", [("Content-Type", "text/plain")])
    if query.isdigit():
        os.write(2, b"x" * int(query) + b"\n")
    else:
        say()
    return [b"said"]


def say():
    print("a line")
    print("a warning", file=sys.stderr)
    try:
        raise ValueError("on purpose")
    except ValueError:
        traceback.print_exc()
    print("the end", file=sys.stderr)
