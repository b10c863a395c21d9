"""An application that forks. What a child is to wait for, and what it notes, are files in the folder that DESK names.

Each path is the name of a function below, which a request calls: what the parent returns is the number of its child,
and `/wait?pid` tells how that has ended.
"""

import ctypes
import multiprocessing
import os
import signal
import subprocess
import sys
import time

DESK = os.environ.get("DESK", "")
START = ("200 OK", [("Content-Type", "text/plain")])
FORKING = multiprocessing.get_context("fork")


def interrupted(*_):
    sys.exit(9)


signal.signal(signal.SIGINT, interrupted)


def app(environ, start_response):
    return globals()[environ["PATH_INFO"][1:]](environ, start_response)


def answer(start_response, text):
    start_response(*START)
    return [str(text).encode()]


def note(name, text):
    with open(os.path.join(DESK, name + ".new"), "w") as file:
        file.write(str(text))
    os.rename(file.name, os.path.join(DESK, name))


def wait_for(name):
    while not os.path.exists(os.path.join(DESK, name)):
        time.sleep(0.005)


def how(status):
    return "signal %d" % os.WTERMSIG(status) if os.WIFSIGNALED(status) else "exit %d" % os.WEXITSTATUS(status)


def child_waits_for(name):
    signal.alarm(30)  # at the latest
    wait_for(name)


def pid(environ, start_response):
    return answer(start_response, os.getpid())


def wait(environ, start_response):
    note("waiting", "")
    return answer(start_response, how(os.waitpid(int(environ["QUERY_STRING"]), 0)[1]))


def secret(environ, start_response, fork=os.fork):
    """The child fails while the next client is served."""
    child = fork()
    if child == 0:
        child_waits_for("waiting")
        raise RuntimeError("secret of " + environ["QUERY_STRING"])
    return answer(start_response, child)


def page(environ, start_response):
    """Shows the error, as frameworks do for those who develop."""
    try:
        return secret(environ, start_response)
    except RuntimeError as error:
        start_response("500 Internal Server Error", START[1])
        return ["{0} {0!r}".format(error).encode()]


def unseen(environ, start_response):
    """As `secret`, by a fork that Python does not know of."""
    return secret(environ, start_response, ctypes.PyDLL(None).fork)


def unseen_reply(environ, start_response):
    child = ctypes.PyDLL(None).fork()
    return answer(start_response, child or "by the child")


def exits(environ, start_response):
    child = os.fork()
    if child == 0:
        file = open(os.path.join(DESK, "work"), "w")
        file.write("done")  # and it is closed by nobody
        sys.exit(int(environ["QUERY_STRING"]))
    return answer(start_response, child)


def daemon(environ, start_response):
    """The classic double fork. The child tells of the grandchild by its exit."""
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() > 0:
            sys.exit(0)
        child_waits_for("waiting")
        note("daemon", os.getsid(0))
        sys.exit(0)
    return answer(start_response, child)


def returns(environ, start_response):
    child = os.fork()
    if child == 0:
        child_waits_for("waiting")
    return answer(start_response, child or "by the child")


def writes(environ, start_response):
    child = os.fork()
    if child == 0:
        child_waits_for("waiting")
    write = start_response(*START)
    write(str(child or "by the child").encode())
    return []


def yields(environ, start_response):
    """In the middle of its reply."""
    start_response(*START)
    yield b"> "
    child = os.fork()
    if child == 0:
        child_waits_for("waiting")
        yield b"by the child"
    yield str(child).encode()


def closes(environ, start_response):
    """Behind its reply."""
    start_response(START[0], START[1] + [("Content-Length", "6")])
    return Closing()


class Closing:
    def __iter__(self):
        yield b"closed"

    def close(self):
        child = os.fork()
        if child:
            note("closed", child)


def reads(environ, start_response):
    """Both read what is left of a long body. What the parent has read is its reply."""
    length = len(environ["wsgi.input"].read(100_000))
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    while True:
        piece = environ["wsgi.input"].read(65536)
        if not piece:
            break
        length += len(piece)
    return answer(start_response, length)


def logs(environ, start_response):
    child = os.fork()
    if child == 0:
        environ["wsgi.errors"].write("wsgi.errors of the child\n")
        print("printed by the child, left: %s" % environ["eddy.disconnected"]())
        sys.exit(0)
    return answer(start_response, child)


def sockets(environ, start_response):
    """Those that the child has, but for its output and errors, and the shared memory."""
    child = os.fork()
    if child == 0:
        links = {fd: link(fd) for fd in map(int, os.listdir("/proc/self/fd"))}
        with open("/proc/self/maps") as maps:
            shared = [line for line in maps if "eddy-" in line]
        files = [name for fd, name in links.items() if fd > 2 and ("socket:" in name or "eddy-" in name)]
        note("sockets", files + shared)
        sys.exit(0)
    return answer(start_response, child)


def link(fd):
    try:
        return os.readlink("/proc/self/fd/%d" % fd)
    except OSError:
        return ""  # of the listing itself


def handlers(environ, start_response):
    return answer(start_response, signal.getsignal(signal.SIGINT) is interrupted)


def waits(environ, start_response):
    """The child waits for a signal."""
    child = os.fork()
    if child == 0:
        note("waits", "")
        signal.alarm(30)  # at the latest
        while True:
            signal.pause()
    wait_for("waits")
    return answer(start_response, child)


def multiprocess(environ, start_response):
    """What a process computes, and how one ends that is told to."""
    results = FORKING.SimpleQueue()
    first = FORKING.Process(target=results.put, args=(6 * 7,))
    first.start()
    result = results.get()
    first.join()
    second = FORKING.Process(target=time.sleep, args=(60,))
    second.start()
    second.terminate()
    second.join()
    with FORKING.Pool(2) as pool:
        sums = pool.map(sum, [[1, 2], [3, 4]])
    return answer(start_response, "%s %s %s %s" % (result, first.exitcode, second.exitcode, sums))


def each(environ, start_response):
    """A child for each request, whose number it has; they end in different ways, all while others are served."""
    number = environ["QUERY_STRING"]
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return answer(start_response, number)
    text = "child of %s" % number
    how = int(number) % 4
    if how == 0:
        raise RuntimeError(text)
    if how == 1:
        sys.exit(text)
    if how == 2:
        start_response(*START)(text.encode())
    return answer(start_response, text)


def commands(environ, start_response):
    """Programs, with and without what is to be called in the child before."""
    said = subprocess.check_output(["echo", "one"], text=True)
    said += subprocess.check_output(["echo", "two"], text=True, preexec_fn=os.setsid)
    ended = subprocess.run(["sh", "-c", "kill -TERM $$"]).returncode
    return answer(start_response, said.replace("\n", " ") + str(ended))
