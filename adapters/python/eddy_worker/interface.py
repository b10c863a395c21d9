"""Which interface an application has: WSGI (PEP 3333) or ASGI."""

import inspect

WSGI, ASGI = "wsgi", "asgi"


def find_interface(app, wanted):
    """The application as it is called, and its interface: the one that is `wanted`, or what it looks like ("auto")."""
    if wanted == WSGI:
        return app, WSGI
    if is_asgi_2(app):
        return from_asgi_2(app), ASGI
    return app, ASGI if wanted == ASGI or is_asgi_3(app) else WSGI


def is_asgi_3(app):
    """A coroutine function, or whatever else is called with scope, receive and send."""
    return is_async(app) or len(required_parameters(app)) == 3


def is_asgi_2(app):
    """Called with the scope alone, which gives what is called with receive and send."""
    return not is_async(app) and len(required_parameters(app)) == 1


def is_async(app):
    return inspect.iscoroutinefunction(app) or (
        not inspect.isclass(app) and inspect.iscoroutinefunction(getattr(app, "__call__", None))
    )


def required_parameters(app):
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):  # it has none that can be told
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [one for one in parameters if one.kind in positional and one.default is inspect.Parameter.empty]


def from_asgi_2(app):
    async def asgi_3(scope, receive, send):
        await app(scope)(receive, send)

    return asgi_3
