"""The lifespan of an ASGI application: what it does before it serves, and when it has."""

import asyncio
import sys

from .errors import format_error

STARTUP, SHUTDOWN = "lifespan.startup", "lifespan.shutdown"


class LifespanFailed(Exception):
    """The application has said that it cannot start."""


class Lifespan:
    """Runs the application with the lifespan scope. One that raises before it asks for an event has none."""

    def __init__(self, app, state):
        self.app = app
        self.state = state
        self.events = asyncio.Queue()
        self.asked = False  # for the first event
        self.answer = None
        self.error = None

    async def startup(self):
        self.task = asyncio.ensure_future(self.run())
        await self.tell(STARTUP)
        if self.answer is None and self.asked and self.error is not None:
            raise self.error
        if self.answer is not None and self.answer["type"] == STARTUP + ".failed":
            raise LifespanFailed(self.answer.get("message", "") or "lifespan.startup.failed, without a message")

    async def shutdown(self):
        if self.task.done():
            return
        await self.tell(SHUTDOWN)
        if self.answer is not None and self.answer["type"] == SHUTDOWN + ".failed":
            print("lifespan.shutdown.failed:", self.answer.get("message", ""), file=sys.stderr)
        elif self.error is not None:
            sys.stderr.write(format_error(self.error))

    async def tell(self, event):
        self.answer, self.answered = None, asyncio.Event()
        self.events.put_nowait({"type": event})
        waits = asyncio.ensure_future(self.answered.wait())
        await asyncio.wait([waits, self.task], return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()

    async def run(self):
        try:
            scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
            await self.app(scope, self.receive, self.send)
        except BaseException as error:  # told by whoever waits
            self.error = error

    async def receive(self):
        self.asked = True
        return await self.events.get()

    async def send(self, message):
        kind = message["type"]
        if not kind.startswith((STARTUP, SHUTDOWN)):
            self.asked = False  # it takes this for a request
            raise RuntimeError("lifespan has no message %r" % (kind,))
        self.answer = message
        self.answered.set()
