"""The profile for a long look: `pytest --hypothesis-profile=deep tests/execution/test_simulation.py`."""

from hypothesis import settings

settings.register_profile("deep", deadline=None)
