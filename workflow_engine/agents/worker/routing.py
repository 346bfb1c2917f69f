"""Calls one model, or by litellm's Router a model and its fallbacks. Nobody retries here: attempts are the engine's."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from workflow_engine.agents.worker.asked import Model
from workflow_engine.agents.worker.library import Library
from workflow_engine.agents.worker.preparing import Prepared

NO_RETRIES = {"num_retries": 0, "max_retries": 0}


class Routing:
    """Keeps the Routers of the `most` lists of models that were used last."""

    def __init__(self, library: Library, most: int) -> None:
        self._library = library
        self._most = most
        self._routers: OrderedDict[tuple[Model, ...], Any] = OrderedDict()

    async def call(self, prepared: Sequence[Prepared], request: Mapping[str, Any]) -> Any:  # noqa: ANN401  # litellm's
        """A ModelResponse, or its stream. Raises what litellm raises."""
        if len(prepared) == 1:
            only = prepared[0]
            return await self._library.acompletion(
                model=only.spelling, **only.parameters, **request, **NO_RETRIES, drop_params=True
            )
        return await self._router(prepared).acompletion(model="0", **request, drop_params=True)

    def _router(self, prepared: Sequence[Prepared]) -> Any:  # noqa: ANN401  # litellm's Router
        key = tuple(one.model for one in prepared)
        router = self._routers.get(key)
        if router is None:
            router = self._routers[key] = self._made(prepared)
            if len(self._routers) > self._most:
                self._routers.popitem(last=False)
        self._routers.move_to_end(key)
        return router

    def _made(self, prepared: Sequence[Prepared]) -> Any:  # noqa: ANN401  # as above
        """Models are named by their places: the Router says by that name which one answered."""
        names = [str(number) for number in range(len(prepared))]
        router = self._library.Router(
            model_list=[
                {
                    "model_name": name,
                    "litellm_params": {"model": one.spelling, **one.parameters, "max_retries": 0},
                    "model_info": {"id": name},
                }
                for name, one in zip(names, prepared, strict=True)
            ],
            fallbacks=[{"0": names[1:]}],
            num_retries=0,
            max_fallbacks=len(names),
            disable_cooldowns=True,
        )
        router.discard()  # its callbacks only count for limits it does not have here, and would outlive it
        return router
