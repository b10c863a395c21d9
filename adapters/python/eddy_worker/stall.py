"""Finds out when the event loop stands still: a call that blocks, in code that should wait."""

import sys
import traceback
from asyncio import current_task
from itertools import dropwhile

from .fork import BELOW
from .tasks import place_of
from .threads import monotonic, sleep, start_thread

LIMIT_SECONDS = 1.0
LOOK_SECONDS = 0.2


class StallWatch:
    """Asks the loop for a sign of life while it has requests. Made in the loop's thread."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.greenlet = current_greenlet()
        self.beats = 0

    def start(self):
        start_thread("eddy-stall", self.run)

    def run(self):
        while not self.gateway.closed.done():
            sleep(LOOK_SECONDS)
            if not self.gateway.exchanges:
                continue
            asked, beats = monotonic(), self.beats
            try:
                self.gateway.loop.call_soon_threadsafe(self.beat)
            except RuntimeError:  # it is closed
                return
            while self.beats == beats and monotonic() - asked < LIMIT_SECONDS:
                sleep(LOOK_SECONDS)
            if self.beats == beats:
                self.tell()
                while self.beats == beats:
                    sleep(LOOK_SECONDS)
                print("the event loop goes on after %.1f s" % (monotonic() - asked), file=sys.stderr)

    def beat(self):
        self.beats += 1

    def tell(self):
        stack = self.stack()
        who = self.who()
        sys.stderr.write(
            "Traceback (most recent call last):\n"
            + "".join(traceback.format_list(from_application(stack)))
            + "the event loop has stood still for %g s, and all requests of this process with it: %s blocks here\n"
            % (LIMIT_SECONDS, who)
        )

    def tell_greenlet(self):
        """The gateway is about to end the process. Python has shown its threads, but no greenlets that wait."""
        stack = self.waiting_stack()
        if stack:
            text = "".join(traceback.format_list(from_application(stack)))
            sys.stderr.write("Traceback (most recent call last):\n%sthe event loop waits here\n" % text)

    def stack(self):
        """That of the loop's thread; of both greenlets, where that of the loop waits for another one."""
        return [*self.waiting_stack(), *traceback.extract_stack(sys._current_frames()[self.gateway.thread])]

    def waiting_stack(self):
        frame = getattr(self.greenlet, "gr_frame", None)  # none of one that runs
        return [] if frame is None else traceback.extract_stack(frame)

    def who(self):
        task = current_task(self.gateway.loop)
        if task is None:
            return "a callback"
        place = place_of(task)
        for exchange in list(self.gateway.exchanges.values()):
            if exchange.place == place:
                return "%s %s" % (exchange.scope.get("method", "WEBSOCKET"), exchange.scope["path"])
        return "the task %s" % task.get_name()


def current_greenlet():
    """None unless the application has some, such as those that gevent and eventlet put in the place of threads."""
    library = sys.modules.get("greenlet")
    return None if library is None else library.getcurrent()


def from_application(stack):
    """Without the frames that call the application."""
    names = [one.name for one in stack]
    start = names.index("serve_asgi") + 1 if "serve_asgi" in names else 0
    return list(dropwhile(lambda one: one.filename.startswith(BELOW), stack[start:])) or stack
