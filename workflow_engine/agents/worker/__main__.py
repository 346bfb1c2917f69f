"""`python -m workflow_engine.agents.worker --server HOST:PORT`: finds the worker protocol's client, then serves."""

import sys
from importlib.util import find_spec

from workflow_engine.layout import client_folder


def _main() -> int:
    if find_spec("workflow_client") is None:
        sys.path.append(str(client_folder()))
    from workflow_engine.agents.worker.process import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(_main())
