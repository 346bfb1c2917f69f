"""A program that stands where the agent worker stands, for tests of what watches over it; says what it is made to."""

import json
import os
import signal
import sys
import time


def note(path: str, **facts: object) -> None:
    with open(path, "a") as file:
        file.write(json.dumps({"pid": os.getpid(), **facts}) + "\n")


def main() -> int:
    behaviour, notes = sys.argv[1], sys.argv[2]
    note(notes, began=time.monotonic(), key=os.environ.get("WORKFLOW_ENGINE_API_KEY"))
    if behaviour == "fail":
        sys.stderr.write(f"it cannot be, with {os.environ['WORKFLOW_ENGINE_API_KEY']}\n")
        return 3
    if behaviour == "log":
        said = {"event": "Serving", "level": "warning", "logger": "w", "key": os.environ["A_SECRET"]}
        sys.stdout.write(json.dumps(said) + "\n")
    if behaviour == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        note(notes, stubborn=True)
    if behaviour == "drain":

        def drained(_number: int, _frame: object) -> None:
            note(notes, drained=True)
            sys.exit(0)

        signal.signal(signal.SIGTERM, drained)
        note(notes, ready=True)
    if behaviour == "parent":
        child = os.fork()
        if child == 0:
            time.sleep(60)
        note(notes, grandchild=child)
    sys.stdout.flush()
    sys.stdin.buffer.read()  # until whoever started this is gone
    note(notes, orphaned=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
