"""Its import does not end."""

import time


def wait():
    while True:
        time.sleep(0.01)


wait()
