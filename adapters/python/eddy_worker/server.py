"""Serves the application: one connection to the gateway in each thread."""

import io
import mmap
import os
from _thread import allocate_lock, get_ident
from io import open
from socket import AF_UNIX, socket
from time import sleep

from .errors import ClientGone, Forked, GatewayGone, Interrupted, format_error
from .fork import end_child
from .threads import start_thread
from .wire import CHUNK, REQUEST, SKIP, STRIDE, Connection, frame, read_u32
from .wsgi import Body, Errors, FileWrapper, Reply

EXIT_SECONDS = 3  # for requests that still run when the gateway is gone


def serve(app, config, control, ties):
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
    ties.callback(memory.close)
    servers = []

    def interrupt(line):
        slot, number = map(int, line.split())
        servers[slot].interrupter.interrupt(number)

    start_thread("eddy-control", follow_gateway, control, interrupt)
    for slot, sock in enumerate(accept_connections(threads, config["folder"], control, "wsgi")):
        servers.append(Server(Connection(sock, slot, memory), app, environ, config["interrupt"]))
        ties.callback(servers[slot].leave)
    others = [start_thread("wsgi-%d" % slot, servers[slot].run) for slot in range(1, threads)]
    control.sendall(b"ready\n")
    servers[0].run()
    for running in others:
        running.acquire()


def accept_connections(count, folder, control, interface):
    """So many connections, which the gateway makes when it knows the interface."""
    with socket(AF_UNIX) as listener:
        listener.bind(os.path.join(folder, "socket"))
        listener.listen(count)
        control.sendall(b"listening %s\n" % interface.encode())
        # accept() would make what the application has put in the place of sockets
        return [socket(fileno=listener._accept()[0]) for _ in range(count)]


def follow_gateway(control, hear):
    """Gives `hear` each line of what it says: what no thread that serves would read in time.

    Ends the process some time after the gateway has gone.
    """
    try:
        for line in open(control.fileno(), closefd=False):
            hear(line)
    except OSError:
        pass
    exit_soon()


def exit_soon():
    sleep(EXIT_SECONDS)
    os._exit(1)


class Server:
    """Serves what comes on one connection, in its thread."""

    interrupter = None

    def __init__(self, connection, app, environ, can_be_interrupted):
        self.connection = connection
        self.app = app
        self.errors = Errors(connection)
        self.can_be_interrupted = can_be_interrupted
        self.environ = {**environ, "wsgi.errors": self.errors, "eddy.disconnected": connection.disconnected}

    def leave(self):
        """In a child of the process: see `fork.py`."""
        self.connection.leave()
        self.errors.leave()
        if self.interrupter is not None:
            self.interrupter.lock = allocate_lock()  # a thread that the child does not have may hold the other one

    def run(self):
        self.errors.owner = get_ident()
        if self.can_be_interrupted:
            self.interrupter = Interrupter()
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
        except Forked as error:
            end_child(error)
        except GatewayGone:
            pass
        finally:
            connection.sock.close()  # so the gateway notices, whatever has ended this

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
            if self.connection.inherited:
                end_child(error)
            if not reply.ended:
                reply.fail(format_error(error).encode("utf-8", "backslashreplace")[-CHUNK:])
            elif not isinstance(error, (ClientGone, Interrupted)):
                self.errors.write("after the reply: " + format_error(error))
        if self.errors.text:
            self.errors.flush()
        if body is not None:
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
                else:
                    reply.check_client()
                if reply.ended:
                    break
            if not reply.ended:
                reply.send(b"", True)
        finally:
            if hasattr(result, "close"):
                result.close()


class Interrupter:
    """Raises Interrupted in a thread, and only while it is in the application."""

    def __init__(self):
        import ctypes

        self.raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        self.thread = ctypes.c_ulong(get_ident())
        self.exception = ctypes.py_object(Interrupted)
        self.lock = allocate_lock()
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
