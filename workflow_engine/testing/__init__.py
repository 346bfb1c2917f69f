"""The worker-protocol conformance kit: plays worker and caller against any server, over every transport.

`python -m workflow_engine.testing --grpc HOST:PORT --rest URL`, or `run` from a test of your own.
"""

from workflow_engine.testing.control import ServerControl
from workflow_engine.testing.report import Outcome, Report, Verdict
from workflow_engine.testing.runner import run
from workflow_engine.testing.scenarios import SCENARIOS
from workflow_engine.testing.scenarios.scenario import Scenario
from workflow_engine.testing.target import Target

__all__ = ["SCENARIOS", "Outcome", "Report", "Scenario", "ServerControl", "Target", "Verdict", "run"]
