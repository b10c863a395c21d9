"""An application whose threads, sockets and locks are those of the library that GREEN names."""

import os

if os.environ["GREEN"] == "gevent":
    from gevent import monkey, spawn

    monkey.patch_all()
else:
    from eventlet import monkey_patch, spawn

    monkey_patch()

import queue
import socket
import subprocess
import sys
import threading
import time


def app(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ, start_response)


def answer(start_response, text):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(text).encode()]


def pid(environ, start_response):
    return answer(start_response, os.getpid())


def greenlets(environ, start_response):
    """Two that take turns, and a connection that both sides of which are here."""
    seen = queue.Queue()

    def work(name):
        for _ in range(2):
            seen.put(name)
            time.sleep(0.01)

    workers = [spawn(work, name) for name in "ab"]
    near, far = socket.socketpair()
    workers.append(spawn(near.sendall, b"c"))
    seen.put(far.recv(1).decode())
    for worker in workers:
        getattr(worker, "join", getattr(worker, "wait", None))()
    return answer(start_response, "".join(sorted(seen.get() for _ in range(5))))


def sleeps(environ, start_response):
    """Meets another request, which has to run in another thread."""
    time.sleep(0.3)
    return answer(start_response, threading.current_thread().name)


def child(environ, start_response):
    child = os.fork()
    if child == 0:
        raise RuntimeError("by the child")
    return answer(start_response, os.WEXITSTATUS(os.waitpid(child, 0)[1]))


def program(environ, start_response):
    return answer(start_response, subprocess.check_output(["echo", "-n", "said"], text=True))


def length(environ, start_response):
    """Of a body, which it sends back, too."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    while True:
        piece = environ["wsgi.input"].read(65536)
        if not piece:
            break
        time.sleep(0)
        yield piece


def fails(environ, start_response):
    environ["wsgi.errors"].write("wsgi.errors of it\n")
    print("printed by it", file=sys.stderr)
    raise ValueError("on purpose")


def hangs(environ, start_response):
    while True:
        time.sleep(0.01)
