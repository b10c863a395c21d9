"""The worker of eddy's adapter for Python: runs one WSGI application (PEP 3333) for a gateway.

Needs nothing but the standard library of Python 3.8 or later. The gateway starts `__main__.py` with a JSON object as
its argument (see `main.py`), and speaks to it over a Unix socket that the worker listens on: one connection for each of
its threads (see `wire.py`), one request at a time on each, further ones waiting in the socket.
"""
