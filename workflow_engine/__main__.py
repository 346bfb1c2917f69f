"""`python -m workflow_engine` is the command `workflow-engine`."""

from workflow_engine.cli.app import main

if __name__ == "__main__":
    main()
