"""Workers that are forked from one process: `lazyApps: false`."""

import gc
import json
import os
import sys
import threading
from os import fork, read, waitpid
from select import select
from signal import SIGCHLD, Signals, set_wakeup_fd
from socket import AF_UNIX, socket

from .server import exit_soon
from .threads import start_thread
from .wire import CHUNK


class Zygote:
    """Imports the application, serves nothing, and forks each worker.

    It runs nothing but this loop, so in a fork nobody else holds a lock or reads a socket, unless the import has
    started threads: a fork does not have those.

    The gateway sends lines of JSON. The argument of a worker, which connects to the socket "channels" in its folder, is
    answered by "forked <pid>" or "unforked <why>"; {"kill": pid, "signal": name} is not. Of each worker that ends
    the gateway is told "exit <pid> <how>".
    """

    def __init__(self, control, ties):
        self.control = control
        self.ties = ties
        self.workers = set()
        self.buffer = b""
        self.ended = False  # the gateway wants no more workers, or is gone
        self.woken, waker = os.pipe()
        os.set_blocking(waker, False)
        for end in (self.woken, waker):
            ties.callback(os.close, end)
        ties.callback(set_wakeup_fd, set_wakeup_fd(waker, warn_on_full_buffer=False))
        ties.ignore(SIGCHLD)

    def run(self):
        """Returns in the forks only: the argument and the control channel of a worker."""
        gc.freeze()  # the collector would write to memory that is shared
        threads = ", ".join(one.name for one in threading.enumerate() if one is not threading.main_thread())
        if threads:
            message = "the import has started threads, which the workers will not have (lazyApps): "
            print(message + threads, file=sys.stderr)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()  # or each fork would print it again
        self.send("ready")
        while self.workers or not self.ended:
            readable, _, _ = select([self.woken] if self.ended else [self.woken, self.control], [], [])
            if self.woken in readable:
                read(self.woken, 4096)
                self.reap()
            if self.control in readable:
                for order in self.receive():
                    config = self.execute(order)
                    if config is not None:
                        return config, self.become_worker(config)
        start_thread("eddy-exit", exit_soon)  # even when the import has left threads behind
        sys.exit(0)

    def send(self, text):
        try:
            self.control.sendall(text.encode() + b"\n")
        except OSError:
            pass  # the gateway is gone, as `receive` will find out

    def receive(self):
        try:
            data = self.control.recv(CHUNK)
        except OSError:
            data = b""
        self.ended = not data
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def execute(self, order):
        """Gives the argument of a worker in the fork for it, else None."""
        if "kill" in order:
            if order["kill"] in self.workers:  # not reaped, so the number is still its own
                os.kill(order["kill"], Signals[order["signal"]])
            return None
        try:
            pid = fork()
        except OSError as error:
            return self.send("unforked %s" % error)
        if not pid:
            return order
        self.workers.add(pid)
        self.send("forked %d" % pid)
        return None

    def reap(self):
        while self.workers:
            pid, status = waitpid(-1, os.WNOHANG)
            if not pid:
                return
            if pid in self.workers:
                self.workers.remove(pid)
                self.send("exit %d %s" % (pid, describe(status)))

    def become_worker(self, config):
        """In the fork, which has left all that the zygote has: connects its control channel, its output and errors."""
        self.ties.take_signals()
        control, out, err = sockets = [socket(AF_UNIX) for _ in range(3)]
        for sock in sockets:
            sock.connect(os.path.join(config["folder"], "channels"))
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        self.ties.callback(control.close)
        return control


def describe(status):
    names = {one.value: one.name for one in Signals}
    number = os.WTERMSIG(status)
    return names.get(number, "signal %d" % number) if number else "exit code %d" % os.WEXITSTATUS(status)
