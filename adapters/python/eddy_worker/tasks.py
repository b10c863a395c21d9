"""Which request a task belongs to, and where it waits.

Applications start tasks of their own for a request: Starlette runs what is behind a middleware in one, Quart the whole
view, and `asyncio.gather` each of its arguments. Those inherit the context of the task that starts them, so a variable
there says whose they are. Their frames would not: the scope is in Starlette's, but not in Quart's, nor in a view's own.
It is a number, because a task may outlive its request by far, and would keep that in memory.
"""

import asyncio
import gc
import traceback
from contextvars import Context, ContextVar

from .errors import OWN_FILES

MAX_TASKS = 20  # of one request that are shown

PLACE = ContextVar("eddy.place", default=0)  # of the request among all that were begun, from 1 on


def place_of(task):
    context = context_of(task)
    return 0 if context is None else context.get(PLACE, 0)


def context_of(task):
    """Since Python 3.12 tasks tell it. Before that, those in C show it to the garbage collector, ahead of others."""
    if hasattr(task, "get_context"):
        return task.get_context()
    known = [getattr(task, "_context", None), *gc.get_referents(task)]
    return next((one for one in known if type(one) is Context), None)


def tasks_by_place(loop):
    found = {}
    for task in asyncio.all_tasks(loop):
        found.setdefault(place_of(task), []).append(task)
    return found


def where_they_wait(first, tasks):
    """The task of a request, and behind it those that this has started."""
    others = [task for task in tasks if task is not first][:MAX_TASKS]
    return "".join(where_it_waits(first)) + "".join(
        "a task that it has started waits here:\n" + "".join(where_it_waits(task)) for task in others
    )


def where_it_waits(task):
    """The frames of a task that waits, from the application's first on, as in a traceback; and what it waits for."""
    lines = []
    coroutine = task.get_coro()
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            break
        if not frame.f_code.co_filename.startswith(OWN_FILES):
            lines += traceback.format_list(
                [traceback.FrameSummary(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)]
            )
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
    if coroutine is not None:
        lines.append("  for %r\n" % (coroutine,))
    return lines
