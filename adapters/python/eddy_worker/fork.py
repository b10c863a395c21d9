"""Children of the application (fork): they have no part in what their parent has with the gateway.

A child that nobody has told us of, as a library in C may make it, is found where it would write (see `Connection`).
"""

import faulthandler
import os
import sys
import traceback
from _thread import get_ident
from contextlib import ExitStack
from signal import SIG_BLOCK, SIG_DFL, SIG_IGN, SIG_SETMASK, SIGHUP, SIGINT, SIGTERM, SIGUSR1
from signal import default_int_handler, getsignal, pthread_sigmask, signal

from .errors import OWN_FILES, Forked, format_error

FROM_EVERYBODY = (SIGINT, SIGTERM, SIGHUP)  # the terminal and systemd send them to all processes
FROM_GATEWAY = SIGUSR1  # asks where each thread is
STANDARD = os.path.join(os.path.dirname(os.__file__), "")
BELOW = (*OWN_FILES, *(STANDARD + name for name in ("asyncio", "concurrent", "threading")))  # what calls applications
UNHANDLED = (SIG_DFL, SIG_IGN, default_int_handler)  # what is set unless the application has a handler


class Ties(ExitStack):
    """What binds this process to the gateway. In a child it is undone before anything else runs there.

    So a child can neither answer in place of its parent nor seem to be its parent still, and signals mean to it what
    they mean to other processes: also those that come while it is made, which have to wait.
    """

    def __init__(self):
        super().__init__()
        self.masks = {}  # of the threads that fork
        os.register_at_fork(before=self.hold_signals, after_in_parent=self.release_signals, after_in_child=self.undo)

    def hold_signals(self):
        self.masks[get_ident()] = pthread_sigmask(SIG_BLOCK, (*FROM_EVERYBODY, FROM_GATEWAY))

    def release_signals(self):
        pthread_sigmask(SIG_SETMASK, self.masks.pop(get_ident()))

    def undo(self):
        try:
            self.close()
        finally:
            self.release_signals()

    def take_signals(self):
        """It is the gateway that decides when a worker ends."""
        for signum in FROM_EVERYBODY:
            if getsignal(signum) in UNHANDLED:
                self.ignore(signum)
        if getsignal(FROM_GATEWAY) in UNHANDLED:
            faulthandler.register(FROM_GATEWAY, all_threads=True)
            self.callback(give_back, FROM_GATEWAY, SIG_DFL, faulthandler.unregister, FROM_GATEWAY)
        faulthandler.enable()

    def ignore(self, signum):
        """Does nothing when the signal comes. Programs that are started do as they would without us."""
        before = signal(signum, nothing) or SIG_DFL
        self.callback(give_back, signum, nothing, signal, signum, before)


def give_back(signum, ours, action, *args):
    """Does so unless the application has set another action by now."""
    if getsignal(signum) is ours:
        action(*args)


def nothing(*_):
    pass


def end_with_frame(code):
    """In a child: ends it when the frame of this code returns or waits, or else the application's first one.

    What is below is a loop or a thread of its parent's, in which the child would go on with other requests.
    """
    frame, last = sys._getframe(1), None
    while frame is not None and frame.f_code is not code:
        if not frame.f_code.co_filename.startswith(BELOW):
            last = frame
        frame = frame.f_back
    last = frame or last

    def watch(frame, event, _):
        if frame is last and event == "return":
            end_child(Forked("the request is for the parent of this process to answer; a child ends by os._exit()"))

    sys.setprofile(watch)


def end_child(error):
    """Ends a child that has come back from the application, by this error.

    It does not end as Python does: what is registered with `atexit` is for its parent to do.
    """
    status = 1
    try:
        if isinstance(error, SystemExit) and isinstance(error.code, (int, type(None))):
            status = error.code or 0
        else:
            message = "the child %d (fork) has come back from the application and ends here:\n"
            sys.stderr.write(message % os.getpid() + format_error(error))
        traceback.clear_frames(error.__traceback__)  # closes the files that nothing else has open
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status & 0xFF)
