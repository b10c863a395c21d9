"""Where the gateway starts a worker."""

import os
import sys

if __name__ == "__main__":  # the children of `multiprocessing` import this file as well
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    is_set, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # what is installed stays as it is
    from eddy_worker.main import main

    sys.dont_write_bytecode = is_set
    main()
