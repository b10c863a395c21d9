"""Serves an ASGI application: one event loop, and one connection to the gateway for all that runs at once.

What comes in one turn of the loop is read, becomes a task each, and what these say leaves in one write.
"""

import asyncio
import gc
import mmap
import os
import sys
from io import open
from os import getpid
from time import time
from urllib.parse import unquote

from .asgi_http import Exchange
from .asgi_socket import Socket
from .asgi_wire import (
    BODY, BODY_END, BUSY, CLOSED, DATA, DISCONNECT, DONE, IS_HEAD, OVERRUN, REQUEST, STREAMED, TAKEN, TEXT, WEBSOCKET,
    numbered, unpack_start,
)  # fmt: skip
from .errors import ClientGone, Forked, format_error
from .fork import end_child, end_with_frame
from .lifespan import Lifespan
from .server import accept_connections, exit_soon, follow_gateway
from .stall import StallWatch
from .tasks import tasks_by_place, where_they_wait
from .threads import get_ident, start_thread
from .wire import BEGUN, CHUNK, FAIL, HELD_AT, LOG, STRIDE, read_u32

MAX_TEMPLATES = 1000  # of scopes, by host: a client can make up any number of those
EXTENSIONS = {"http.response.trailers": {}, "http.response.early_hint": {}}  # where the client can get them
SOCKET_EXTENSIONS = {"websocket.http.response": {}}
ASGI = {"version": "3.0", "spec_version": "2.4"}


def serve_asgi(app, config, control, ties):
    """Serves the application until the gateway has closed its connection."""
    loop = new_event_loop(config["loop"])
    asyncio.set_event_loop(loop)
    with open(os.path.join(config["folder"], "state"), "r+b") as file:
        memory = mmap.mmap(file.fileno(), STRIDE)
    ties.callback(memory.close)
    gateways = []
    start_thread("eddy-control", follow_gateway, control, lambda line: gateways[0].watch.tell_greenlet())
    (sock,) = accept_connections(1, config["folder"], control, "asgi")
    gateway = Gateway(app, sock, memory, config, loop)
    ties.callback(gateway.leave)
    gateways.append(gateway)
    try:
        loop.run_until_complete(gateway.serve(control))
        start_thread("eddy-exit", exit_soon)  # even when the application has left threads behind
    except Forked as error:
        end_child(error)


def new_event_loop(name):
    """uvloop's where it is installed, unless another one is asked for."""
    if name != "asyncio":
        try:
            import uvloop

            return uvloop.new_event_loop()
        except ImportError:
            if name == "uvloop":
                raise
    return asyncio.new_event_loop()


class Gateway(asyncio.Protocol):
    """The connection to the gateway."""

    def __init__(self, app, sock, memory, config, loop):
        self.app = app
        self.sock = sock
        self.pid = getpid()
        self.thread = get_ident()
        self.words = memoryview(memory)[:HELD_AT].cast("I")
        self.loop = loop
        self.watch = StallWatch(self)
        self.interrupt = config["interrupt"]
        self.grace_seconds = config["abortGrace"]
        self.begun = 0  # requests
        self.exchanges = {}  # by number: those that run
        self.templates = {}  # of scopes
        self.state = {}  # what lifespan has put there
        self.overrun = []  # those that take too long, in this turn
        self.rest = b""  # a frame that is not complete
        self.out = []  # what leaves in this turn
        self.touched = []  # whose replies have begun or ended in this turn
        self.flushes = False  # at the end of this turn
        self.closed = loop.create_future()

    async def serve(self, control):
        lifespan = Lifespan(self.app, self.state)
        await lifespan.startup()
        await self.loop.create_connection(lambda: self, sock=self.sock)
        self.watch.start()
        gc.collect()
        gc.freeze()  # what was imported is never garbage
        control.sendall(b"ready\n")
        await self.closed
        for exchange in self.exchanges.values():
            if exchange.gone:
                exchange.task.cancel()
        while self.exchanges:
            await asyncio.wait([one.task for one in self.exchanges.values()])
        self.flush()
        await lifespan.shutdown()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self.loop.shutdown_asyncgens()
        self.transport.close()

    def leave(self):
        """In a child of the process: see `fork.py`. The loop is the parent's, so the child must not get back there."""
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, self.sock.fileno(), False)
        os.close(null)
        words, self.words = self.words, [0]
        words.release()
        self.out.clear()
        end_with_frame(Exchange.run.__code__)

    def refuse(self):
        raise Forked("the request is for the parent of this process to answer; a child ends by os._exit()")

    def connection_made(self, transport):
        self.transport = transport

    def connection_lost(self, error):
        self.end()
        for exchange in self.exchanges.values():
            exchange.disconnect()

    def eof_received(self):
        """The gateway has nothing more to do for us. It still hears what becomes of that which goes on."""
        self.end()
        return True

    def end(self):
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data):
        if self.rest:
            data = self.rest + data
        at, end = 0, len(data)
        while end - at >= 8:
            word, number = unpack_start(data, at)
            stop = at + 4 + (word & 0xFFFFFF)
            if stop > end:
                break
            kind = word >> 24
            if kind == REQUEST:
                self.begin(number, data, at + 8, stop)
            else:
                exchange = self.exchanges.get(number)
                if exchange is not None:
                    self.hear(exchange, kind, data, at + 8, stop)
            at = stop
        self.rest = data[at:] if at < end else b""

    def begin(self, number, data, at, stop):
        self.begun += 1
        self.words[BEGUN] = self.begun & 0xFFFFFFFF
        (word,) = read_u32(data, at)
        flags = word >> 24
        at += 4
        end = at + (word & 0xFFFFFF)
        parts = data[at:end].split(b"\0")
        scope = self.make_scope(parts)
        if flags & WEBSOCKET:
            scope["subprotocols"] = parts[1].decode("latin-1").split(",") if parts[1] else []
            exchange = Socket(self, number, scope)
        else:
            scope["method"] = parts[1].decode("latin-1")
            exchange = Exchange(self, number, scope, data[end:stop], flags & STREAMED > 0, flags & IS_HEAD > 0)
        scope["eddy.disconnected"] = exchange.disconnected
        self.exchanges[number] = exchange
        exchange.task = self.loop.create_task(exchange.run())

    def make_scope(self, parts):
        """The head: what most requests have in common; method or subprotocols; path; query; client; deadline; fields."""
        template = self.templates.get(parts[0])
        if template is None:
            template = self.make_template(parts[0])
        scope = template.copy()
        raw_path = parts[2]
        path = raw_path.decode("utf-8", "replace")
        scope["path"] = unquote(path) if "%" in path else path
        scope["raw_path"] = raw_path
        scope["query_string"] = parts[3]
        if parts[4]:
            scope["client"] = (parts[4].decode(), 0)
        if parts[5]:
            scope["eddy.deadline"] = float(parts[5])
        scope["headers"] = list(zip(parts[6::2], parts[7::2]))
        scope["state"] = self.state.copy()
        scope["extensions"] = template["extensions"].copy()
        return scope

    def make_template(self, common):
        kind, version, scheme, host, port, extras, root_path = common.decode("utf-8", "replace").split("\n", 6)
        extensions = SOCKET_EXTENSIONS
        if kind == "http":
            extensions = EXTENSIONS if extras else {}
        template = {
            "type": kind,
            "asgi": ASGI,
            "http_version": version,
            "scheme": scheme,
            "server": (host, int(port)),
            "client": None,
            "root_path": root_path,
            "extensions": extensions,
        }
        if len(self.templates) < MAX_TEMPLATES:
            self.templates[common] = template
        return template

    def hear(self, exchange, kind, data, at, stop):
        if kind == BODY:
            exchange.push(data[at:stop])
        elif kind == BODY_END:
            exchange.push_end()
        elif kind == TAKEN:
            exchange.taken(read_u32(data, at)[0])
        elif kind == TEXT:
            exchange.receive_message({"type": "websocket.receive", "text": data[at:stop].decode()}, stop - at)
        elif kind == DATA:
            exchange.receive_message({"type": "websocket.receive", "bytes": data[at:stop]}, stop - at)
        elif kind == CLOSED:
            exchange.close(int.from_bytes(data[at : at + 2], "little"), data[at + 2 : stop].decode())
        elif kind == DISCONNECT:
            exchange.disconnect()
            self.cancel_in(exchange, 0 if self.interrupt else self.grace_seconds)
        elif kind == OVERRUN:
            if not self.overrun:
                self.loop.call_soon(self.cancel_overrun)
            self.overrun.append(exchange)

    def cancel_overrun(self):
        """All that have come in one turn: there may be a thousand, and to find their tasks takes all of the loop's."""
        tasks = tasks_by_place(self.loop)
        for exchange in self.overrun:
            if not exchange.task.done():
                where = where_they_wait(exchange.task, tasks.get(exchange.place, ()))
                self.log(exchange.number, "it waits here, and is cancelled:\n" + where)
                exchange.disconnect()
                exchange.task.cancel()
        self.overrun.clear()

    def cancel_in(self, exchange, seconds):
        if seconds is not None and exchange.grace is None:
            exchange.grace = self.loop.call_later(seconds, exchange.task.cancel)

    # What leaves.

    def write(self, frame):
        self.out.append(frame)
        if not self.flushes:
            self.flushes = True
            self.loop.call_soon(self.flush)

    def touch(self, exchange):
        """Its reply begins or ends, and it is looked at when the turn is over."""
        exchange.is_touched = True
        self.touched.append(exchange)
        if not self.flushes:
            self.flushes = True
            self.loop.call_soon(self.flush)

    def flush(self):
        self.flushes = False
        if self.touched:
            for exchange in self.touched:
                exchange.is_touched = False
                if exchange.number in self.exchanges:
                    exchange.settle()
                    if exchange.ended:
                        self.out.append(numbered(BUSY, exchange.number))
            self.touched.clear()
        if self.out:
            if getpid() != self.pid:
                self.refuse()
            self.transport.write(b"".join(self.out) if len(self.out) > 1 else self.out[0])
            self.out.clear()

    def finished(self, exchange):
        """Its task has ended. In the turn of its reply that goes without saying."""
        if exchange.gone or not exchange.is_touched:
            self.write(numbered(DONE, exchange.number))
        if not self.exchanges and self.out:
            self.flush()

    def fail(self, exchange, error):
        if getpid() != self.pid:
            end_child(error)
        is_ours = exchange.gone and isinstance(error, (ClientGone, asyncio.CancelledError))
        if exchange.ended:
            if not is_ours:
                self.log(exchange.number, "after the reply: " + format_error(error))
        elif is_ours and isinstance(exchange, Socket):
            exchange.ended = True  # its connection is over
        else:
            exchange.ended = True
            text = "" if is_ours else format_error(error)
            self.write(numbered(FAIL, exchange.number, text.encode("utf-8", "backslashreplace")[-CHUNK:]))

    def log(self, number, text):
        self.write(numbered(LOG, number, text.encode("utf-8", "backslashreplace")[-CHUNK:]))
