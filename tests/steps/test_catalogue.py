"""What a name in a document means: which step type, which version, in whose namespace."""

from workflow_engine.steps.catalogue import Catalogue, CatalogueEntry
from workflow_engine.steps.contract import ExecutionType, OfferedStep, StepRequest, StepType


def work(request: StepRequest) -> int:
    return 1


def entry(name: str, version: str = "1.0.0", **more: object) -> CatalogueEntry:
    return CatalogueEntry(StepType(name, version=version, owner="ada", **more), f"id-{name}-{version}", 5.0)  # type: ignore[arg-type] # fields of StepType


def builtin(name: str, version: str = "1.0.0") -> OfferedStep:
    return OfferedStep(StepType(name, version=version), work)


def pins(catalogue: Catalogue, *references: str) -> list[str | None]:
    found = [catalogue.resolve("default", reference) for reference in references]
    return [step.pin if step else None for step in found]


def test_a_bare_name_is_the_latest_release() -> None:
    catalogue = Catalogue()
    for version in ("1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"):
        catalogue.add("default", entry("a", version))
    assert pins(catalogue, "a", "a@1.9", "a@^1.0", "a@2.0.0-rc.1", "a@<1.5") == [
        "a@1.10.0",
        "a@1.9.0",
        "a@1.10.0",
        "a@2.0.0-rc.1",
        "a@1.0.0",
    ]


def test_what_is_not_there_or_cannot_be_read_resolves_to_nothing() -> None:
    catalogue = Catalogue([builtin("b")])
    assert pins(catalogue, "ghost", "b@2", "b@", "b@nonsense", "", "@1") == [None] * 6


def test_a_built_in_type_is_there_for_every_namespace_and_a_registered_one_for_its_own() -> None:
    catalogue = Catalogue([builtin("b")])
    catalogue.add("one", entry("a"))
    assert catalogue.resolve("two", "b") is not None
    assert catalogue.resolve("one", "a") is not None
    assert catalogue.resolve("two", "a") is None
    assert catalogue.names("one") == ("b", "a")
    assert catalogue.names("two") == ("b",)


def test_no_namespace_can_hide_a_built_in_type() -> None:
    catalogue = Catalogue([builtin("b")])
    catalogue.add("default", entry("b", "9.0.0"))
    assert pins(catalogue, "b", "b@9") == ["b@1.0.0", None]


def test_a_removed_type_is_found_by_its_pin_alone() -> None:
    catalogue = Catalogue()
    catalogue.add("default", entry("a", "1.0.0"))
    catalogue.add("default", entry("a", "1.1.0"))
    assert catalogue.remove("default", "a", "1.1.0") == 1
    assert pins(catalogue, "a", "a@1.1") == ["a@1.0.0", None]
    pinned = catalogue.exact("default", "a@1.1.0")
    assert pinned is not None
    assert pinned.version == "1.1.0"
    assert [each.type.version for each in catalogue.versions("default", "a")] == ["1.0.0"]
    assert [each.type.version for each in catalogue.ever("default", "a")] == ["1.0.0", "1.1.0"]


def test_removing_a_name_removes_every_version_once() -> None:
    catalogue = Catalogue([builtin("b")])
    catalogue.add("default", entry("a", "1.0.0"))
    catalogue.add("default", entry("a", "2.0.0"))
    assert catalogue.remove("default", "a") == 2
    assert catalogue.remove("default", "a") == 0
    assert catalogue.remove("default", "b") == 0
    assert catalogue.names("default") == ("b",)


def test_a_removed_version_that_is_added_again_is_back() -> None:
    catalogue = Catalogue()
    catalogue.add("default", entry("a"))
    catalogue.remove("default", "a")
    catalogue.restore("default", catalogue.ever("default", "a")[0])
    assert pins(catalogue, "a") == [None]
    catalogue.add("default", catalogue.ever("default", "a")[0])
    assert pins(catalogue, "a") == ["a@1.0.0"]


def test_the_pin_of_a_registered_type_survives_a_plugin_that_takes_its_name() -> None:
    catalogue = Catalogue([builtin("a", "3.0.0")])
    catalogue.restore("default", entry("a", "1.4.0"))
    pinned = catalogue.exact("default", "a@1.4.0")
    assert pinned is not None
    assert pinned.owner == "ada"


def test_what_is_no_pin_is_not_found() -> None:
    catalogue = Catalogue([builtin("b")])
    for pin in ("b", "b@", "b@1", "b@^1.0.0", "ghost@1.0.0"):
        assert catalogue.exact("default", pin) is None


def test_an_entry_is_the_latest_that_was_not_removed() -> None:
    catalogue = Catalogue()
    for version in ("1.0.0", "1.1.0"):
        catalogue.add("default", entry("a", version))
    catalogue.remove("default", "a", "1.1.0")
    assert catalogue.entry("default", "a") == entry("a", "1.0.0")
    assert catalogue.entry("default", "ghost") is None


def test_the_listing_shows_the_latest_of_each_built_in_types_first() -> None:
    catalogue = Catalogue([builtin("z"), builtin("y")], since=3.0)
    for version in ("1.0.0", "1.1.0"):
        catalogue.add("default", entry("a", version))
    assert [each.type.pin for each in catalogue.listing("default")] == ["y@1.0.0", "z@1.0.0", "a@1.1.0"]
    first = catalogue.listing("default")[0]
    assert (first.step_id, first.registered_at) == ("builtin-y", 3.0)


def test_a_built_in_and_a_local_type_have_a_function_here_and_a_called_one_has_none() -> None:
    offered = builtin("b")
    catalogue = Catalogue([offered], {"shout": work})
    local = StepType("l", execution_type=ExecutionType.LOCAL, function_reference="shout", owner="ada")
    gone = StepType("g", execution_type=ExecutionType.LOCAL, function_reference="whisper", owner="ada")
    called = StepType("c", execution_type=ExecutionType.API, function_reference="shout", owner="ada")
    assert catalogue.function(offered.type) is work
    assert catalogue.function(local) is work
    assert catalogue.function(gone) is None
    assert catalogue.function(called) is None
    assert catalogue.offers("shout")
    assert not catalogue.offers("whisper")


def test_a_built_in_type_that_workers_serve_has_no_function_unless_one_is_offered_here() -> None:
    remote = StepType("r", execution_type=ExecutionType.GRPC)
    catalogue = Catalogue(by_workers=[remote])
    assert catalogue.is_builtin("r")
    assert catalogue.resolve("any", "r@1") is remote
    assert catalogue.function(remote) is None
    here = Catalogue([builtin("r")], by_workers=[remote])
    offered = here.resolve("any", "r")
    assert offered is not None
    assert here.function(offered) is work
