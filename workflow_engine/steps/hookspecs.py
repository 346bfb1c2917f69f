"""The hooks of a plugin, all of them, on one page.

A plugin is a Python module: a file in the plugins folder, or an entry point in the group `workflow_engine`. Any
function in it that bears the name of a hook is one; there is nothing to import, decorate or register. A hook takes
only the arguments it names. Any other function whose name begins with `workflow_engine_` is refused as a misspelt
hook. Hooks run once, while the engine starts; a hook that raises makes its plugin a broken one.
"""

from collections.abc import Mapping, Sequence

from workflow_engine.steps.contract import OfferedStep, StepFunction
from workflow_engine.steps.services import Services


def workflow_engine_step_types(services: Services) -> Sequence[OfferedStep]:
    """Offer step types, each a contract together with the function that does its work.

    A plugin may offer several versions of one type; a name belongs to one plugin. Work that needs a service closes
    over it:

        def workflow_engine_step_types(services):
            async def fetch(request):
                return (await services.http.send(HttpRequest("GET", request.config["url"]))).status

            return [OfferedStep(StepType("fetch"), fetch)]
    """
    raise NotImplementedError


def workflow_engine_functions(services: Services) -> Mapping[str, StepFunction]:
    """Offer functions by name to step types that are registered later with `execution_type: local`.

    Such a registration names one as its `function_reference`: it brings the contract, the plugin the code, so that
    nobody can make the server import anything.
    """
    raise NotImplementedError
