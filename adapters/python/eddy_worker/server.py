"""Serves the application: one connection to the gateway in each thread."""

import importlib
import io
import mmap
import os
import socket
import threading
import traceback

from .wire import CHUNK, FAIL, REQUEST, SKIP, STRIDE, ClientGone, Connection, GatewayGone, frame, read_u32
from .wsgi import Body, Errors, FileWrapper, Reply

EXIT_SECONDS = 3  # for requests that still run when the gateway is gone

OWN_FILES = (os.path.join(os.path.dirname(__file__), ""), "<frozen importlib", importlib.__file__)


class Interrupted(BaseException):
    """The client went away. Raised in the middle of the application, where the gateway is told to do so."""


def serve(app, config, control):
    """Serves the application in threads, of which this is the first, until the gateway has closed its connections."""
    threads = config["threads"]
    environ = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": threads > 1,
        "wsgi.multiprocess": config["multiprocess"],
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "wsgi.file_wrapper": FileWrapper,
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_SOFTWARE": "eddy",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    with open(os.path.join(config["folder"], "state"), "r+b") as file:
        memory = mmap.mmap(file.fileno(), STRIDE * threads)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.join(config["folder"], "socket"))
    listener.listen(threads)
    interrupters = {}  # by slot

    def serve_slot(slot, sock):
        if config["interrupt"]:
            interrupters[slot] = Interrupter()
        Server(Connection(sock, slot, memory), app, environ, interrupters.get(slot)).run()

    control.sendall(b"ready\n")
    start_thread("eddy-control", follow_gateway, control, interrupters)
    first, *rest = [listener.accept()[0] for _ in range(threads)]
    others = [start_thread("wsgi-%d" % slot, serve_slot, slot, sock) for slot, sock in enumerate(rest, 1)]
    serve_slot(0, first)
    for thread in others:
        thread.join()


def start_thread(name, target, *args):
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    thread.start()
    return thread


def follow_gateway(control, interrupters):
    """Hears which requests to interrupt, and ends the process some time after the gateway has gone."""
    try:
        for line in control.makefile("r"):
            slot, number = map(int, line.split())
            if slot in interrupters:
                interrupters[slot].interrupt(number)
    except OSError:
        pass
    exit_soon()


def exit_soon():
    threading.Event().wait(EXIT_SECONDS)
    os._exit(1)


class Server:
    """Serves what comes on one connection, in its thread."""

    def __init__(self, connection, app, environ, interrupter):
        self.connection = connection
        self.app = app
        self.errors = Errors(connection)
        self.interrupter = interrupter
        self.environ = {**environ, "wsgi.errors": self.errors, "eddy.disconnected": connection.disconnected}

    def run(self):
        self.errors.owner = threading.get_ident()
        connection = self.connection
        try:
            while True:
                kind, data = connection.read_frame()
                if kind != REQUEST:
                    continue  # what is left of a body that nobody reads any more
                if connection.begin():
                    self.serve(data)
                else:
                    connection.send_whole(frame(SKIP, b""))
        except GatewayGone:
            pass

    def serve(self, data):
        (word,) = read_u32(data)
        end = 4 + (word & 0xFFFFFF)
        variables = iter(data[4:end].decode("latin-1").split("\0"))
        environ = self.environ.copy()
        environ.update(zip(variables, variables))
        if "eddy.deadline" in environ:
            environ["eddy.deadline"] = float(environ["eddy.deadline"])
        body = None
        if word >> 24:
            body = Body(self.connection, data[end:])
            environ["wsgi.input"] = io.BufferedReader(body, CHUNK)
        else:
            environ["wsgi.input"] = io.BytesIO(data[end:])
        reply = Reply(self.connection, environ["REQUEST_METHOD"] == "HEAD")
        try:
            self.call(environ, reply)
        except GatewayGone:
            raise
        except BaseException as error:  # sys.exit() ends a request, not the worker
            if not reply.ended:
                self.fail(error)
            elif not isinstance(error, (ClientGone, Interrupted)):
                self.errors.write("after the reply: " + format_error(error))
        if self.errors.text:
            self.errors.flush()
        if body is not None and not body.ended:
            body.discard()

    def call(self, environ, reply):
        if self.interrupter is None:
            return self.respond(environ, reply)
        self.interrupter.number = self.connection.number
        try:
            self.respond(environ, reply)
        finally:
            self.interrupter.leave()

    def respond(self, environ, reply):
        result = self.app(environ, reply)
        try:
            kind = type(result)
            if (kind is list or kind is tuple) and not reply.begun:
                reply.send(result[0] if len(result) == 1 else b"".join(result), True)
                return
            for data in result:
                if data or reply.no_body:
                    reply.send(data)
                if reply.ended:
                    break
            if not reply.ended:
                reply.send(b"", True)
        finally:
            if hasattr(result, "close"):
                result.close()

    def fail(self, error):
        text = format_error(error).encode("utf-8", "backslashreplace")[-CHUNK:]
        self.connection.send(frame(FAIL, text))


class Interrupter:
    """Raises Interrupted in a thread, and only while it is in the application."""

    def __init__(self):
        import ctypes

        self.raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        self.thread = ctypes.c_ulong(threading.get_ident())
        self.exception = ctypes.py_object(Interrupted)
        self.lock = threading.Lock()
        self.number = 0  # of the request that the application works on

    def leave(self):
        """An interrupt that arrives late ends here."""
        while True:
            try:
                with self.lock:
                    self.number = 0
                    self.raise_in(self.thread, None)
                return
            except Interrupted:
                continue

    def interrupt(self, number):
        with self.lock:
            if self.number == number:
                self.raise_in(self.thread, self.exception)


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
