"""All nouns of an engine together: what a face is given, and the only thing it is given."""

from dataclasses import dataclass

from workflow_engine.engine.agents import Agents
from workflow_engine.engine.executions import Executions
from workflow_engine.engine.hosts import Hosts
from workflow_engine.engine.keys import Keys
from workflow_engine.engine.providers import Providers
from workflow_engine.engine.steps import Steps
from workflow_engine.engine.usage import Usage
from workflow_engine.engine.vitals import Vitals
from workflow_engine.engine.workers import Workers
from workflow_engine.engine.workflows import Workflows


@dataclass(frozen=True, slots=True)
class Face:
    workflows: Workflows
    executions: Executions
    steps: Steps
    workers: Workers
    hosts: Hosts
    keys: Keys
    agents: Agents
    usage: Usage
    providers: Providers
    vitals: Vitals
