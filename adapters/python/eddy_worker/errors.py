"""What is raised here, and how an error is shown."""

import importlib
import os
import traceback

OWN_FILES = (os.path.join(os.path.dirname(__file__), ""), "<frozen importlib", importlib.__file__)


class ClientGone(OSError):
    """The client went away, or what it sends is no longer wanted. Raised by wsgi.input, write() and between chunks."""


class Interrupted(BaseException):
    """The client went away. Raised in the middle of the application, where the gateway is told to do so."""


class GatewayGone(BaseException):
    """The connection to the gateway has ended: no application should handle this as an error of its own."""


class Forked(GatewayGone):
    """A child of the application's (fork) is about to go on as if it were the process that serves."""


def format_error(error):
    """The traceback, from the application's first frame on."""
    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith(OWN_FILES):
            trace = trace.tb_next
        return "".join(traceback.format_exception(type(error), error, trace))
    except BaseException as second:  # one of its properties
        return "%s, which cannot be shown because of %s" % (name_of(error), name_of(second))


def name_of(error):
    """The name of its class, whatever that has to say."""
    return type.__dict__["__name__"].__get__(type(error))
