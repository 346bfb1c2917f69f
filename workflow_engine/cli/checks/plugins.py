"""The plugins a server would load, each of them loaded."""

from collections.abc import Iterator

from workflow_engine.cli.checks.finding import Finding, fail, ok, warn
from workflow_engine.layout import plugins_folder
from workflow_engine.settings import Settings
from workflow_engine.steps.plugins import load_plugins


def check_plugins(settings: Settings) -> Iterator[Finding]:
    loaded = load_plugins(plugins_folder(), settings.plugins, skip_broken=True, further=settings.plugin_folder)
    yield ok("plugins", f"{len(loaded.steps)} step types of {', '.join(loaded.names)}")
    for broken in loaded.broken:
        if settings.skip_broken_plugins:
            yield warn("plugins", str(broken), "mend or remove it; a server starts without it")
        else:
            yield fail("plugins", str(broken), "mend or remove it, or start with --skip-broken-plugins")
