"""A worker from its start: imports the application, and serves it or has it served by forks."""

import fcntl
import json
import os
import select
import sys
from socket import socket

from .errors import Forked, format_error
from .files import Files
from .fork import Ties, end_child
from .interface import ASGI, find_interface
from .name import import_named, split_call
from .server import serve
from .zygote import Zygote


def main():
    """The argument is {"app", "watched", "zygote": true}, or that of a worker.

    {"app", "watched", "interface", "folder", "threads", "multiprocess", "interrupt", "loop", "abortGrace"}.
    Descriptor 3 is the control channel. On it the process says "listening wsgi" or "listening asgi", upon which the
    gateway connects, and "ready" when it serves, or when the zygote can fork. The gateway says "<slot> <number>" of a
    request that is to be interrupted, or, with ASGI, "where" before it ends a process that hangs.
    """
    config = json.loads(sys.argv[1])
    del sys.argv[1:]
    sys.path[0] = os.getcwd()
    control = socket(fileno=3)
    control.set_inheritable(False)
    ties = Ties()
    ties.callback(control.close)
    ties.take_signals()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    die_with_gateway(control, True)
    os.environ.setdefault("SERVER_SOFTWARE", "eddy")  # by which frameworks know that a server has started them
    files = Files(control) if config["watched"] else None
    app = load_or_exit(config["app"], files)
    die_with_gateway(control, False)
    if config.get("zygote"):
        config, control = Zygote(control, ties).run()
        if files:
            files.control = control
    app, interface = find_interface(app, config["interface"])
    if interface == ASGI:
        from .asgi import serve_asgi

        try:
            serve_asgi(app, config, control, ties)
        except BaseException as error:
            exit_with(error)
    else:
        serve(app, config, control, ties)


def load_or_exit(spec, files):
    pid = os.getpid()
    try:
        app = load(spec)
        if os.getpid() != pid:
            raise Forked("the application is imported by the parent of this process; a child ends by os._exit()")
        return app
    except BaseException as error:
        if os.getpid() != pid:
            end_child(error)
        if files:
            files.tell_missing(error)
        exit_with(error)


def exit_with(error):
    sys.stderr.write(format_error(error))
    sys.stderr.flush()
    os._exit(1)  # even when the import has left threads behind


def load(spec):
    """The application called "module:attribute", "module:factory(x=2)", or "module" for its `application` or `app`."""
    name, _, expression = spec.partition(":")
    module = import_named(name)
    path, positional, named = split_call(expression)
    if not path:
        path = "application" if hasattr(module, "application") else "app"
    app = module
    for part in path.split("."):
        if not hasattr(app, part):
            names = [key for key in getattr(app, "__dict__", ()) if not key.startswith("_")]
            where = getattr(module, "__file__", name)
            raise AttributeError("%s has no %r; it has %s" % (where, path, ", ".join(names) or "nothing"))
        app = getattr(app, part)
    if named is not None:
        app = app(*positional, **named)
    if not callable(app):
        raise TypeError("%s is not callable, so it is not an application but %r" % (spec, app))
    return app


def die_with_gateway(control, enabled):
    """While the import runs, which may never end, nobody reads the control channel.

    All that can come there is its end. The kernel then sends SIGIO, which ends a process that has no handler for it.
    """
    if enabled:
        fcntl.fcntl(control, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(control, fcntl.F_GETFL)
    fcntl.fcntl(control, fcntl.F_SETFL, flags | os.O_ASYNC if enabled else flags & ~os.O_ASYNC)
    if enabled and select.select([control], [], [], 0)[0]:
        os._exit(1)  # it had ended before
