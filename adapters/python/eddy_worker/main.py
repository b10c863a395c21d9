"""A worker from its start: imports the application, and serves it or has it served by forks."""

import faulthandler
import fcntl
import importlib
import json
import os
import select
import signal
import socket
import sys

from .server import format_error, serve
from .zygote import Zygote


def main():
    """The argument is {"app", "folder", "threads", "multiprocess", "interrupt"}, or {"app", "zygote": true}.

    Says "ready" on descriptor 3, which is the control channel.
    """
    config = json.loads(sys.argv[1])
    del sys.argv[1:]
    sys.path[0] = os.getcwd()
    control = socket.socket(fileno=3)
    control.set_inheritable(False)
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda *_: None)  # the gateway decides; the terminal and systemd send these to everybody
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    die_with_gateway(control, True)
    try:
        app = load(config["app"])
    except BaseException as error:
        sys.stderr.write(format_error(error))
        sys.stderr.flush()
        os._exit(1)  # even when the import has left threads behind
    die_with_gateway(control, False)
    if config.get("zygote"):
        config, control = Zygote(control).run()
    serve(app, config, control)


def load(spec):
    """The application called "module:attribute", "module:factory()", or "module" for its `application` or `app`."""
    name, _, path = spec.partition(":")
    module = importlib.import_module(name)
    if not path:
        path = "application" if hasattr(module, "application") else "app"
    is_factory = path.endswith("()")
    app = module
    for part in (path[:-2] if is_factory else path).split("."):
        if not hasattr(app, part):
            names = [key for key in getattr(app, "__dict__", ()) if not key.startswith("_")]
            where = getattr(module, "__file__", name)
            raise AttributeError("%s has no %r; it has %s" % (where, path, ", ".join(names) or "nothing"))
        app = getattr(app, part)
    if is_factory:
        app = app()
    if not callable(app):
        raise TypeError("%s is not callable, so it is not a WSGI application but %r" % (spec, app))
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
