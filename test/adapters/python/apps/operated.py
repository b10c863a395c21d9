"""Applications that die, hang, wait and are replaced. `begun` and `seen` are files in the folder that DESK names."""

import os
import signal
import threading
import time

TEXT = ("Content-Type", "text/plain")
DESK = os.environ.get("DESK", "")
PIECE = b"x" * 65536

pieces_sent = 0


def note(name, text):
    with open(os.path.join(DESK, name), "a") as file:
        file.write(text + "\n")


def answer(start_response, text):
    start_response("200 OK", [TEXT])
    return [text.encode()]


def pid(environ, start_response):
    return answer(start_response, "%d" % os.getpid())


def dies(environ, start_response):
    """/kill: by a signal; /exit: by itself; /cut: behind the head; /parent: a child stays, which has all open that it had.

    /flood: sends without an end; /sent: how many pieces went out. Everybody else gets the number of the process.
    """
    path = environ["PATH_INFO"]
    if path == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if path == "/exit":
        os._exit(7)
    if path == "/cut":
        start_response("200 OK", [TEXT])("begun\n".encode())
        os._exit(7)
    if path == "/parent":
        leave_child()
        os._exit(7)
    if path == "/flood":
        start_response("200 OK", [TEXT])
        return flood()
    if path == "/sent":
        return answer(start_response, "%d" % pieces_sent)
    if path == "/once":
        note("once", environ["QUERY_STRING"])
    return pid(environ, start_response)


def leave_child():
    child = os.fork()
    if child:
        return note("child", "%d" % child)
    signal.alarm(30)  # at the latest
    while True:
        signal.pause()


def flood():
    global pieces_sent
    while True:
        yield PIECE
        pieces_sent += 1


def sleeps(environ, start_response):
    """/sleep: until it is killed. /wait: until there is a file "go", or one that the query names."""
    path = environ["PATH_INFO"]
    if path == "/sleep":
        note("begun", "sleep")
        hang()
    sign = os.path.join(DESK, environ["QUERY_STRING"] or "go")
    while path == "/wait" and not os.path.exists(sign):
        time.sleep(0.005)
    return pid(environ, start_response)


def lingers(environ, start_response):
    """Starts a thread that Python would wait for before it exits."""
    threading.Thread(target=hang).start()
    return pid(environ, start_response)


def slow_reader(environ, start_response):
    """Takes its body in pieces, and its time with each. /pid: says who it is."""
    if environ["PATH_INFO"] == "/pid":
        return pid(environ, start_response)
    count = 0
    while True:
        piece = environ["wsgi.input"].read(65536)
        if not piece:
            return answer(start_response, "%d" % count)
        count += len(piece)
        time.sleep(0.03)


def hang():
    while True:
        time.sleep(0.01)


def interrupted(environ, start_response):
    """/loop: computes without an end, and notes what ends it."""
    if environ["PATH_INFO"] != "/loop":
        return pid(environ, start_response)
    note("begun", "loop")
    try:
        while True:
            sum(range(100))
    except Exception:
        note("ended", "by an Exception")
        raise
    finally:
        note("ended", "cleaned up")


def asks(environ, start_response):
    """Waits until its client has left, and notes it."""
    if environ["PATH_INFO"] != "/ask":
        return pid(environ, start_response)
    gone = environ["eddy.disconnected"]
    note("begun", "%s" % gone())
    while not gone():
        time.sleep(0.005)
    note("ended", "%s" % gone())
    return answer(start_response, "nobody reads this")
