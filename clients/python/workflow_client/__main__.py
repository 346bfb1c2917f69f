import sys

from workflow_client.cli import main

sys.exit(main())
