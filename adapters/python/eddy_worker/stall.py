"""Finds out when the event loop stands still: a call that blocks, in code that should wait."""

import os
import sys
import traceback
from _thread import get_ident
from time import monotonic, sleep

from .threads import start_thread

LIMIT_SECONDS = 1.0


class StallWatch:
    """Asks the loop for a sign of life while it has requests."""

    def __init__(self, gateway):
        self.gateway = gateway
        self.beats = 0

    def start(self):
        start_thread("eddy-stall", self.run)

    def run(self):
        while not self.gateway.closed.done():
            sleep(LIMIT_SECONDS)
            if not self.gateway.exchanges:
                continue
            asked, beats = monotonic(), self.beats
            try:
                self.gateway.loop.call_soon_threadsafe(self.beat)
            except RuntimeError:  # it is closed
                return
            sleep(LIMIT_SECONDS)
            if self.beats == beats:
                self.tell()
                while self.beats == beats:
                    sleep(LIMIT_SECONDS / 10)
                print("the event loop goes on after %.1f s" % (monotonic() - asked), file=sys.stderr)

    def beat(self):
        self.beats += 1

    def tell(self):
        frame = sys._current_frames().get(self.gateway.thread)
        stack = traceback.extract_stack(frame)
        ours = os.path.dirname(__file__)
        first = next((i for i, one in enumerate(stack) if one.filename.startswith(ours) and one.name == "run"), -1)
        text = "".join(traceback.format_list(stack[first + 1 :] or stack))
        message = "the event loop has stood still for %g s, and all requests of this process with it: %s blocks here\n"
        sys.stderr.write(
            "Traceback (most recent call last):\n" + text + message % (LIMIT_SECONDS, line_of(frame) or "a callback")
        )


def line_of(frame):
    """The request that a frame belongs to."""
    while frame is not None:
        if frame.f_code.co_name == "run" and "gateway" in frame.f_locals and "self" in frame.f_locals:
            scope = frame.f_locals["self"].scope
            return "%s %s" % (scope.get("method", "WEBSOCKET"), scope["path"])
        frame = frame.f_back
    return None
