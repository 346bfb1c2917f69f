"""The front door of a checkout: hands its arguments to the command line; without any it serves."""

import sys

from workflow_engine.cli.app import main

if __name__ == "__main__":
    main(sys.argv[1:] or ["serve"])
