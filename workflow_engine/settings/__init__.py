"""Every setting of a server: one frozen value, read once at the edge and handed down in plain parameters."""

from workflow_engine.settings.environment import CREDENTIAL_PREFIX, InvalidSettings, load_settings, surroundings
from workflow_engine.settings.groups import Agents, Expressions, Limits, Outgoing, Rpc, Runtime, Settings, Storage
from workflow_engine.settings.listening import ListensWithoutKeys, check_listening, is_loopback
from workflow_engine.settings.listing import PREFIX, Setting, env_example, known_settings

__all__ = [
    "CREDENTIAL_PREFIX",
    "PREFIX",
    "Agents",
    "Expressions",
    "InvalidSettings",
    "Limits",
    "ListensWithoutKeys",
    "Outgoing",
    "Rpc",
    "Runtime",
    "Setting",
    "Settings",
    "Storage",
    "check_listening",
    "env_example",
    "is_loopback",
    "known_settings",
    "load_settings",
    "surroundings",
]
