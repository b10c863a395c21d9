"""Where the gateway starts a worker."""

import os
import sys

if __name__ == "__main__":  # the children of `multiprocessing` import this file as well
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    from eddy_worker.main import main

    main()
