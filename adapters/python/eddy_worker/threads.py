"""Threads of the system, whatever the application makes of those of `threading`.

gevent.monkey.patch_all() and eventlet.monkey_patch() put greenlets, and sockets and locks for greenlets, in the place
of what the modules of Python had. The worker needs the real ones, which is why it imports all that it uses of those
modules by name: that is done before the application is imported. What is imported behind it takes them from here.
"""

import threading
from _thread import allocate_lock, get_ident, start_new_thread
from threading import Thread
from time import monotonic, sleep  # noqa: F401


def start_thread(name, target, *args):
    """Returns a lock that is let go when the thread has ended."""
    running = allocate_lock()
    running.acquire()

    def run():
        try:
            target(*args)
        finally:
            running.release()

    if threading.get_ident is get_ident:
        Thread(target=run, name=name, daemon=True).start()
    else:
        start_new_thread(run, ())  # `Thread` makes greenlets
    return running
