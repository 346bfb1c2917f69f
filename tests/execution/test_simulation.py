"""Random definitions in a random world, with a crash after every turn.

`pytest --hypothesis-profile=deep tests/execution/test_simulation.py` looks much longer.
"""

import asyncio

from hypothesis import HealthCheck, Phase, given, settings

from tests.execution.worlds import SEEDS, World, documents
from workflow_engine.jsontext import JsonObject

WORLDS = 20_000 if settings.get_current_profile_name() == "deep" else 1_500


@settings(
    max_examples=WORLDS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(documents(), SEEDS)
def test_whatever_happens_what_is_stored_is_all_there_is_and_it_comes_to_an_end(
    document: JsonObject, seed: bytes
) -> None:
    asyncio.run(World(document, seed).run())
