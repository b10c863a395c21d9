"""The worker of eddy's adapter for Python: runs one WSGI application (PEP 3333) for a gateway.

Needs nothing but the standard library of Python 3.8 or later. The gateway starts it with a JSON object as its argument
(see `main`), and speaks to it over a Unix socket that the worker listens on: one connection for each of its threads, one
request at a time on each, further ones waiting in the socket.

A frame is `u32 (length | type << 24)`, little-endian, and so many bytes. From the gateway:

    REQUEST     u32 (length of the environ | streamed << 24), the environ as "name NUL value NUL ...", the body;
                streamed: the body, or the rest of it, follows in frames
    BODY        a piece of the body
    BODY_END    that was all of it
    BODY_LOST   there will be no more; why, as text

From the worker, HEAD, END and FAIL being bits of one type:

    HEAD        u16 length, "status NUL name NUL value ...", and what there is of the body
    END         the reply is complete with this piece
    FAIL        the request is over with an error: Python's traceback
    SKIP        the request was taken back before it was begun
    HELLO       u16: which part of the state file belongs to this connection
    LOG         u32: number of the request; what the application wrote to wsgi.errors

Requests have no number on the wire: both sides count them. The state file is shared memory, 64 KiB for each thread:
which request was begun last, which one has lost its client, which ones the gateway takes back, and replies that are
finished but not sent. So when a worker dies, only what it was doing is lost.
"""

import faulthandler
import fcntl
import gc
import importlib
import io
import json
import mmap
import os
import select
import signal
import socket
import struct
import sys
import threading
import traceback
from time import monotonic

REQUEST, BODY, BODY_END, BODY_LOST = 1, 2, 3, 4
HEAD, END, FAIL, SKIP, HELLO, LOG = 1, 2, 4, 8, 16, 32

STRIDE = 65536  # bytes of the state file for each thread
BEGUN, ABORTED, TAKEN_FROM, TAKEN_TO, HELD_FIRST, HELD_LENGTH = range(6)  # its words, u32
HELD_AT = 64  # where the held replies begin

CHUNK = 65536  # bytes read at once, and of a reply in one frame
MOST_HEAD = 65000  # bytes of a reply's head: its length has 16 bits, and Content-Length may still be added
MOST_HELD = 15  # replies, and seconds: half of what the gateway gives ahead, so that both sides have something to do
HOLD_SECONDS = 0.002
EXIT_SECONDS = 3  # for requests that still run when the gateway is gone

U16 = struct.Struct("<H")
U32 = struct.Struct("<I")
read_u32 = U32.unpack_from
FRAME_AND_HEAD = struct.Struct("<IH")

# Connection management is the gateway's (PEP 3333, "Other HTTP Features"; RFC 9110, section 7.6.1).
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    )
)


class ClientGone(OSError):
    """The client went away, or what it sends is no longer wanted. Raised by wsgi.input, write() and between chunks."""


class Interrupted(BaseException):
    """The client went away. Raised in the middle of the application, where the gateway is told to do so."""


class GatewayGone(BaseException):
    """The connection to the gateway has ended: no application should handle this as an error of its own."""


class Connection:
    """One thread's connection to the gateway, and its part of the state file."""

    def __init__(self, sock, slot, memory):
        self.sock = sock
        self.memory = memory
        self.words = memoryview(memory)[slot * STRIDE : slot * STRIDE + HELD_AT].cast("I")
        self.held_at = slot * STRIDE + HELD_AT
        self.held = self.held_count = 0  # bytes and replies
        self.held_since = 0.0
        self.number = 0  # of the request that was begun last
        self.buffer = b""
        self.at = 0  # what was read of the buffer
        self.barrier = threading.Lock()

    def need(self, length):
        """Has so many bytes in the buffer."""
        while len(self.buffer) - self.at < length:
            if self.held:
                self.send(b"")
            try:
                data = self.sock.recv(CHUNK)
            except OSError:
                data = b""
            if not data:
                raise GatewayGone
            self.buffer = self.buffer[self.at :] + data if self.at < len(self.buffer) else data
            self.at = 0

    def whole_frame(self):
        """The next frame's type and payload. Most are here already, and then this takes one look at the buffer."""
        buffer = self.buffer
        at = self.at + 4
        if at <= len(buffer):
            (word,) = read_u32(buffer, at - 4)
            end = at + (word & 0xFFFFFF)
            if end <= len(buffer):
                self.at = end
                return word >> 24, buffer[at:end]
        length, kind = self.frame()
        return kind, self.take(length)

    def frame(self):
        """The next frame's length and type."""
        self.need(4)
        (word,) = read_u32(self.buffer, self.at)
        self.at += 4
        return word & 0xFFFFFF, word >> 24

    def take(self, length):
        self.need(length)
        self.at += length
        return self.buffer[self.at - length : self.at]

    def read_into(self, view):
        """Fills some of `view` with what comes next."""
        waiting = len(self.buffer) - self.at
        if waiting:
            count = min(waiting, len(view))
            view[:count] = self.buffer[self.at : self.at + count]
            self.at += count
            return count
        try:
            count = self.sock.recv_into(view)
        except OSError:
            count = 0
        if not count:
            raise GatewayGone
        return count

    def begin(self):
        """Announces the next request. False: the gateway has taken it back.

        Both sides write first and look then, with a barrier between: at least one of them sees the other. If both do,
        nobody runs it, and the gateway gives it out again.
        """
        self.number = number = (self.number + 1) & 0xFFFFFFFF
        words = self.words
        words[BEGUN] = number
        with self.barrier:
            pass
        return not words[TAKEN_FROM] <= number <= words[TAKEN_TO]

    def disconnected(self):
        """True when the client of the running request went away: `environ["eddy.disconnected"]`."""
        return self.words[ABORTED] == self.number

    def send(self, data):
        if self.held:
            data = self.memory[self.held_at : self.held_at + self.held] + data
        try:
            self.sock.sendall(data)
        except OSError:
            raise GatewayGone from None
        if self.held:
            self.words[HELD_LENGTH] = self.held = self.held_count = 0

    def send_whole(self, reply):
        """A complete reply waits for the next one, if that request is already here: one wake-up for several."""
        held = self.held
        end = held + len(reply)
        if self.held_count >= MOST_HELD or end > STRIDE - HELD_AT or not self.more_is_here():
            return self.send(reply)
        now = monotonic()
        if not held:
            self.held_since = now
            self.words[HELD_FIRST] = self.number
        elif now - self.held_since > HOLD_SECONDS:
            return self.send(reply)
        self.memory[self.held_at + held : self.held_at + end] = reply
        self.words[HELD_LENGTH] = self.held = end
        self.held_count += 1

    def more_is_here(self):
        """The next frame, all of it."""
        buffer = self.buffer
        at = self.at + 4
        return at < len(buffer) and at + (read_u32(buffer, at - 4)[0] & 0xFFFFFF) <= len(buffer)


class Body(io.RawIOBase):
    """The bytes behind wsgi.input, for a body that arrives while the application runs."""

    def __init__(self, connection, first):
        self.connection = connection
        self.first = memoryview(first)
        self.left = 0  # of the frame that is being read
        self.ended = False
        self.lost = None

    def readable(self):
        return True

    def readinto(self, target):
        view = memoryview(target)
        if self.first:
            count = min(len(self.first), len(view))
            view[:count] = self.first[:count]
            self.first = self.first[count:]
            return count
        while not self.left:
            if self.lost is not None:
                raise ClientGone(self.lost)
            if self.ended:
                return 0
            self.next_frame()
        count = self.connection.read_into(view[: min(self.left, len(view))])
        self.left -= count
        return count

    def next_frame(self):
        length, kind = self.connection.frame()
        if kind == BODY:
            self.left = length
            return
        self.ended = True
        if kind == BODY_LOST:
            self.lost = self.connection.take(length).decode()

    def finish(self):
        """Reads what the application has left, so that the next request is found."""
        rest = bytearray(CHUNK)
        self.first = memoryview(b"")
        try:
            while self.readinto(rest):
                pass
        except ClientGone:
            pass


class Errors(io.TextIOBase):
    """wsgi.errors: goes to the gateway's log, with the id of the request that its thread is in."""

    def __init__(self, connection):
        self.connection = connection
        self.owner = None  # the thread, while it is in a request
        self.text = ""

    def writable(self):
        return True

    def write(self, text):
        if self.owner != threading.get_ident():
            return sys.stderr.write(text)  # of a thread of the application's own, or after the request
        self.text += text
        if "\n" in text:
            self.flush()
        return len(text)

    def flush(self):
        if self.owner != threading.get_ident() or not self.text:
            return
        data = self.text.rstrip("\n").encode("utf-8", "backslashreplace")
        self.text = ""
        for at in range(0, len(data), CHUNK):
            piece = data[at : at + CHUNK]
            number = U32.pack(self.connection.number)
            self.connection.send(U32.pack(len(piece) + 4 | LOG << 24) + number + piece)


class FileWrapper:
    """wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling"): a file in pieces."""

    def __init__(self, file, block_size=CHUNK):
        self.read = file.read
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self):
        return iter(lambda: self.read(self.block_size), b"")


class Reply:
    """One reply; called, it is start_response."""

    head = None
    begun = ended = no_body = False
    length = None  # as the application announced it
    sent = 0

    def __init__(self, connection, is_head):
        self.connection = connection
        self.is_head = is_head

    def __call__(self, status, headers, exc_info=None):
        if exc_info:
            try:
                if self.begun:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self.head is not None:
            raise AssertionError("start_response was called a second time without exc_info")
        if status[3:4] != " " or not status[:3].isdigit():
            raise ValueError("status %r is not of the form '200 OK'" % (status,))
        self.length = None
        fields = [status]
        for name, value in headers:
            lower = name.lower()
            if lower in HOP_BY_HOP:
                continue
            if lower == "content-length":
                self.length = int(value)
            fields += name, value
        text = "\0".join(fields)
        if text.count("\0") != len(fields) - 1 or "\n" in text or "\r" in text:
            raise ValueError("a control character in the status or the headers: %r" % (fields,))
        head = text.encode("latin-1")
        if len(head) > MOST_HEAD:
            raise ValueError("the status and the headers have %d bytes together, and %d is the most" % (len(head), MOST_HEAD))
        self.no_body = self.is_head or status[:3] in ("204", "304")
        self.head = head
        return self.write

    def write(self, data):
        """What start_response returns (PEP 3333, "The write() Callable"): sends at once."""
        if data:
            self.send(data)

    def send(self, data, last=False):
        """Sends a piece. The reply is complete as soon as it has the announced length: close() need not be waited for."""
        if self.head is None:
            raise AssertionError("the application gave a body before it called start_response")
        if type(data) is not bytes:
            data = bytes(memoryview(data))
        if self.begun:
            if self.connection.disconnected():
                raise ClientGone("the client went away")
            if self.ended or not (data or last):
                return
        if self.length is not None and self.sent + len(data) > self.length and not self.no_body:
            data = data[: self.length - self.sent]  # as every server does; more would be the next reply's beginning
        self.sent += len(data)
        last = last or self.no_body or self.sent == self.length
        if len(data) > CHUNK:
            return self.send_pieces(data, last)
        self.send_piece(data, END if last else 0)

    def send_pieces(self, data, last):
        if last and not self.begun and self.length is None:
            self.head += b"\0Content-Length\0%d" % len(data)
        view = memoryview(data)
        for at in range(0, len(data), CHUNK):
            if at and self.connection.disconnected():
                raise ClientGone("the client went away")
            is_end = last and at + CHUNK >= len(data)
            self.send_piece(bytes(view[at : at + CHUNK]), END if is_end else 0)

    def send_piece(self, data, flags):
        """The end counts as sent from here on: whatever interrupts it, the gateway must not hear of two."""
        self.ended = bool(flags & END)
        if self.begun:
            return self.connection.send(U32.pack(len(data) | flags << 24) + data)
        self.begun = True
        head = self.head
        length = 2 + len(head) + len(data)
        frame = FRAME_AND_HEAD.pack(length | (HEAD | flags) << 24, len(head)) + head + data
        if flags & END:
            self.connection.send_whole(frame)
        else:
            self.connection.send(frame)


class Server:
    """Serves what comes on one connection, in its thread."""

    def __init__(self, connection, app, environ, guard):
        self.connection = connection
        self.app = app
        self.errors = Errors(connection)
        self.guard = guard
        self.environ = dict(environ)
        self.environ["wsgi.errors"] = self.errors
        self.environ["eddy.disconnected"] = connection.disconnected

    def run(self):
        self.errors.owner = threading.get_ident()
        connection = self.connection
        try:
            while True:
                kind, data = connection.whole_frame()
                if kind != REQUEST:
                    continue  # the end of a body that nobody waits for
                if connection.begin():
                    self.serve(data)
                else:
                    connection.send_whole(U32.pack(SKIP << 24))
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
        except (ClientGone, Interrupted) as error:
            if not reply.ended:
                self.fail(error)
        except BaseException as error:  # sys.exit() ends a request, not the worker
            if reply.ended:
                self.errors.write("after the reply: " + explain(error))
            else:
                self.fail(error)
        if self.errors.text:
            self.errors.flush()
        if body is not None and not body.ended:
            body.finish()

    def call(self, environ, reply):
        if self.guard is None:
            return self.respond(environ, reply)
        self.guard.enter(self.connection.number)
        try:
            self.respond(environ, reply)
        finally:
            self.guard.leave()

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
        text = explain(error).encode("utf-8", "backslashreplace")[-CHUNK:]
        self.connection.send(U32.pack(len(text) | FAIL << 24) + text)


class Guard:
    """Raises Interrupted in a thread, and only while it is in the application."""

    def __init__(self):
        import ctypes

        self.raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
        self.thread = ctypes.c_ulong(threading.get_ident())
        self.exception = ctypes.py_object(Interrupted)
        self.lock = threading.Lock()
        self.number = 0

    def enter(self, number):
        self.number = number

    def leave(self):
        """Whatever arrives late is taken back here, and never gets out."""
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


def explain(error):
    """The traceback, without the frames that are not the application's."""
    trace = error.__traceback__
    while trace is not None and is_own(trace.tb_frame.f_code.co_filename):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace))


def is_own(file):
    return file == __file__ or file == importlib.__file__ or file.startswith("<frozen importlib")


def load(spec):
    """The application by its name: "module:attribute", "module:factory()", or "module" for its `application` or `app`."""
    name, _, path = spec.partition(":")
    module = importlib.import_module(name)
    if not path:
        path = "application" if hasattr(module, "application") else "app"
    is_factory = path.endswith("()")
    app = module
    for part in (path[:-2] if is_factory else path).split("."):
        if not hasattr(app, part):
            there = ", ".join(key for key in vars(app) if not key.startswith("_")) if hasattr(app, "__dict__") else ""
            where = getattr(module, "__file__", name)
            raise AttributeError("%s has no %r; it has %s" % (where, path, there or "nothing"))
        app = getattr(app, part)
    if is_factory:
        app = app()
    if not callable(app):
        raise TypeError("%s is not callable, so it is no WSGI application but %r" % (spec, app))
    return app


def listen_to_gateway(control, guards):
    """In a thread of its own: who is to be interrupted. When the gateway is gone, so is the worker, after a while."""
    orders = control.makefile("r")
    try:
        for line in orders:
            slot, number = map(int, line.split())
            if slot in guards:
                guards[slot].interrupt(number)
    except OSError:
        pass
    exit_soon()


def exit_soon():
    threading.Event().wait(EXIT_SECONDS)
    os._exit(1)


def accept_all(path, threads):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(threads)
    return listener


def serve_slot(listener, slot, memory, app, environ, guards):
    sock, _ = listener.accept()
    guard = None
    if guards is not None:
        guard = guards[slot] = Guard()
    sock.sendall(FRAME_AND_HEAD.pack(2 | HELLO << 24, slot))
    Server(Connection(sock, slot, memory), app, environ, guard).run()


class Zygote:
    """A process that has imported the application, serves nothing, and is copied for each worker (os.fork).

    Nothing runs in it but this loop, so a copy has no lock that somebody holds, and no socket that somebody reads: unless
    the import has started threads, which copies do not have. The gateway sends lines of JSON: the argument of a worker, or
    {"kill": pid, "signal": number}; it is told "forked <pid>" or "unforked <why>" for each, and "exit <pid> <wait status>".
    """

    def __init__(self, control):
        self.control = control
        self.workers = set()
        self.buffer = b""
        self.ended = False  # the gateway wants no more workers, or is gone
        self.woken, self.waker = os.pipe()
        os.set_blocking(self.waker, False)
        self.imported = (  # what the import has set, and copies get back
            signal.signal(signal.SIGCHLD, lambda *_: None),
            signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False),
        )

    def run(self):
        """The argument and the control socket of a worker: it returns in the copies only."""
        gc.freeze()  # the collector would write to what is shared
        threads = [one.name for one in threading.enumerate() if one is not threading.main_thread()]
        if threads:
            print("the import has started threads, which the workers will not have (lazyApps): " + ", ".join(threads), file=sys.stderr)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # or each copy would say it again
        self.say("ready")
        while self.workers or not self.ended:
            readable, _, _ = select.select([self.woken] if self.ended else [self.woken, self.control], [], [])
            if self.woken in readable:
                os.read(self.woken, 4096)
                self.reap()
            if self.control in readable:
                for order in self.listen():
                    config = self.obey(order)
                    if config is not None:
                        return config, self.begin(config)
        threading.Thread(target=exit_soon, daemon=True).start()  # threads that the import has left do not keep it
        sys.exit(0)

    def say(self, text):
        try:
            self.control.sendall(text.encode() + b"\n")
        except OSError:
            pass  # the gateway is gone, which is heard

    def listen(self):
        try:
            data = self.control.recv(CHUNK)
        except OSError:
            data = b""
        self.ended = not data
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def obey(self, order):
        if "kill" in order:
            if order["kill"] in self.workers:  # and not reaped: the number is still its own
                os.kill(order["kill"], order["signal"])
            return None
        try:
            pid = os.fork()
        except OSError as error:
            return self.say("unforked %s" % error)
        if not pid:
            return order
        self.workers.add(pid)
        self.say("forked %d" % pid)
        return None

    def reap(self):
        while self.workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if pid in self.workers:
                self.workers.remove(pid)
                self.say("exit %d %d" % (pid, status))

    def begin(self, config):
        """In the copy: what it has of its own is a control socket, and where it prints."""
        handler, wakeup = self.imported
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGCHLD, handler or signal.SIG_DFL)
        self.control.close()
        os.close(self.woken)
        os.close(self.waker)
        control, out, err = [connect(config["birth"]) for _ in range(3)]
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        return control


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(path)
    return sock


def main():
    """The argument: {"app", "socket", "state", "threads", "multiprocess", "interrupt"}, or {"app", "zygote": true}. Says "ready" on descriptor 3."""
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
    depend_on(control, True)
    try:
        app = load(config["app"])
    except BaseException as error:
        sys.stderr.write(explain(error))
        sys.stderr.flush()
        os._exit(1)  # threads that the import has left do not keep it
    depend_on(control, False)
    if config.get("zygote"):
        config, control = Zygote(control).run()
    serve(app, config, control)


def depend_on(gateway, yes):
    """While the import runs, which may have no end, nobody here reads what the gateway says. It says nothing, either: what there
    can be is its end, and at that the kernel ends the process (SIGIO does, unless there is a handler)."""
    if yes:
        fcntl.fcntl(gateway, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(gateway, fcntl.F_GETFL)
    fcntl.fcntl(gateway, fcntl.F_SETFL, flags | os.O_ASYNC if yes else flags & ~os.O_ASYNC)
    if yes and select.select([gateway], [], [], 0)[0]:
        os._exit(1)  # it had ended before


def serve(app, config, control):
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
    with open(config["state"], "r+b") as file:
        memory = mmap.mmap(file.fileno(), STRIDE * threads)
    listener = accept_all(config["socket"], threads)
    guards = {} if config["interrupt"] else None
    slots = [
        threading.Thread(target=serve_slot, args=(listener, slot, memory, app, environ, guards), name="wsgi-%d" % slot, daemon=True)
        for slot in range(1, threads)
    ]
    for thread in slots:
        thread.start()
    control.sendall(b"ready\n")
    threading.Thread(target=listen_to_gateway, args=(control, {} if guards is None else guards), name="eddy-control", daemon=True).start()
    serve_slot(listener, 0, memory, app, environ, guards)
    for thread in slots:
        thread.join()


if __name__ == "__main__":
    main()
