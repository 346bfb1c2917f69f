"""The documentation says what the code says: generated blocks are current, links lead somewhere, examples are real."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from fastapi.routing import APIRoute

from docs.generate import BLOCKS, blocks_in, pages, renewed
from docs.tables.lifecycle import DERIVED, EXECUTION_EVENTS, MEANINGS, STEP_EVENTS
from docs.tables.routes import document
from workflow_engine import LOCAL, Engine
from workflow_engine.definition.model import StepDefinition, WorkflowDefinition
from workflow_engine.engine import explanation
from workflow_engine.engine.metrics import Metrics
from workflow_engine.history.events import EVENT_TYPES
from workflow_engine.history.statuses import EXECUTION_MOVES, STEP_MOVES
from workflow_engine.jsontext import JsonObject
from workflow_engine.rest.app import ROUTERS
from workflow_engine.settings import Settings

CHECKOUT: Final = Path(__file__).parents[1]
PAGES: Final = pages()
PLACES: Final = ("*.md", "clients/*/*.md", "examples/*.md", "examples/*/*.md", "examples/*/*/*.md")
EVERYWHERE: Final = [*PAGES, *sorted(found for place in PLACES for found in CHECKOUT.glob(place))]
_MARK: Final = re.compile(r"<!-- (?:generated: |end of )([^>]*?) -->")
_LINK: Final = re.compile(r"\[[^\]\n]+\]\(([^)\s]+)\)")
_FENCE: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_HEADING: Final = re.compile(r"^#{1,6} +(.+)$", re.M)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def prose(page: Path) -> str:
    """A page without its examples, where a bracket is no link and a number sign no heading."""
    return _FENCE.sub("", page.read_text())


def fenced(page: Path, language: str) -> list[str]:
    return [body for found, body in _FENCE.findall(page.read_text()) if found == language]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(page)))
    return {heading.replace(" ", "-") for heading in headings}


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Path and anchor of every link that stays in the repository."""
    for target in _LINK.findall(prose(page)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def column(page: str, heading: str) -> set[str]:
    """The names in the first column of the table under a heading."""
    section = re.split(r"^#+ ", (CHECKOUT / "docs" / page).read_text().split(f"## {heading}\n")[1], flags=re.M)[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")][2:]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


# --- generated blocks


@every_page
def test_the_generated_blocks_of_a_page_are_what_the_code_says_today(page: Path) -> None:
    assert page.read_text() == renewed(page.read_text()), "run `uv run python docs/generate.py`"


@every_page
def test_every_mark_of_a_page_belongs_to_a_block(page: Path) -> None:
    marks = [name for name in _MARK.findall(page.read_text()) if name in BLOCKS]
    assert sorted(marks) == sorted(2 * blocks_in(page.read_text()))


def test_every_block_stands_on_one_page() -> None:
    assert sorted(name for page in PAGES for name in blocks_in(page.read_text())) == sorted(BLOCKS)


def test_a_block_that_is_out_of_date_is_noticed() -> None:
    old = "<!-- generated: settings -->\nOutdated\n<!-- end of settings -->\n"
    assert "Outdated" not in renewed(old)
    assert "WORKFLOW_ENGINE_PORT" in renewed(old)


def test_the_generator_renews_the_pages_beside_it(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(CHECKOUT / "docs", docs, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(CHECKOUT / "protos", tmp_path / "protos")
    page = docs / "settings.md"
    current = page.read_text()
    page.write_text(current.replace("8006", "1234"))
    ran = subprocess.run([sys.executable, docs / "generate.py"], cwd=tmp_path, capture_output=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert page.read_text() == current


# --- what the blocks are made from


def test_every_event_has_a_meaning_and_nothing_else_has_one() -> None:
    assert set(MEANINGS) == set(EVENT_TYPES)


def test_every_move_of_a_step_is_made_by_an_event_and_every_event_makes_a_legal_move() -> None:
    drawn = {(source, target) for sources, target in STEP_EVENTS.values() for source in sources}
    assert drawn == {(source, target) for source, targets in STEP_MOVES.items() for target in targets}


def test_every_move_of_an_execution_is_made_by_an_event_or_follows_from_the_steps() -> None:
    made = {(source, target) for sources, target in EXECUTION_EVENTS.values() for source in sources}
    legal = {(source, target) for source, targets in EXECUTION_MOVES.items() for target in targets}
    assert made | set(DERIVED) == legal


def test_every_public_route_is_in_the_table_of_routes() -> None:
    listed = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    served = {
        (method, re.sub(r":\w+}", "}", route.path))
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and route.include_in_schema
        for method in route.methods or ()
    }
    assert served == listed
    rest = (CHECKOUT / "docs" / "rest.md").read_text()
    assert not [path for method, path in served if f"| `{method}` | `{path}` |" not in rest]


# --- pages


@pytest.mark.parametrize("page", EVERYWHERE, ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for path, anchor in links(page):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def test_every_page_is_reached_from_the_index() -> None:
    linked = {path for path, _ in links(CHECKOUT / "docs" / "index.md")}
    assert {page.name for page in PAGES} - {"index.md"} <= linked


@every_page
def test_the_json_of_a_page_parses(page: Path) -> None:
    for text in fenced(page, "json"):
        json.loads(text)


def shown_documents() -> list[JsonObject]:
    shown: list[Any] = [json.loads(text) for page in PAGES for text in fenced(page, "json")]
    documents = [each.get("workflow_config", each) for each in shown if isinstance(each, dict)]
    return [document for document in documents if "steps" in document]


async def test_the_documents_that_are_shown_run_to_their_end() -> None:
    assert len(shown_documents()) >= 3
    async with Engine.open("memory://") as engine:
        for shown in shown_documents():
            run: JsonObject = {"workflow_config": shown, "input_data": {"who": "Ada", "score": 5}}
            started = await engine.executions.start(LOCAL, run)
            results = await engine.executions.wait(LOCAL, started.execution_id, 10)
            assert results.status == "completed", shown["name"]


def test_the_page_of_workflows_explains_every_field() -> None:
    assert column("workflows.md", "The document") == set(WorkflowDefinition.model_fields)
    assert column("workflows.md", "A step") == set(StepDefinition.model_fields)


async def test_every_figure_has_a_row_and_nothing_else_has_one() -> None:
    metrics = Metrics()
    async with Engine.open("memory://", observers=[metrics.observe]) as engine:
        metrics.attach(engine.face)
        kinds = [(family.name, family.type) for family in metrics.families()]
    assert column("rest.md", "Figures") == {f"{name}_total" if kind == "counter" else name for name, kind in kinds}


def test_every_reason_of_explain_has_a_row_and_nothing_else_has_one() -> None:
    told = re.findall(r'path, "([A-Z_]+)"', Path(explanation.__file__).read_text())
    assert len(told) > 5
    assert column("lifecycle.md", "Why it does not go on") == set(told)


def test_the_program_of_the_embedding_page_prints_what_the_page_says() -> None:
    (program,) = fenced(CHECKOUT / "docs" / "embedding.md", "python")
    ran = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert f"`{ran.stdout.strip()}`" in (CHECKOUT / "docs" / "embedding.md").read_text()


async def test_the_plugin_of_the_plugins_page_loads_and_works(tmp_path: Path) -> None:
    (plugin,) = fenced(CHECKOUT / "docs" / "plugins.md", "python")
    await asyncio.to_thread((tmp_path / "words.py").write_text, plugin)
    step: JsonObject = {"step_id": "count", "step_type": "text.words", "input_mapping": {"text": "input.text"}}
    async with Engine.open("memory://", settings=Settings(plugin_folder=tmp_path)) as engine:
        counting: JsonObject = {"steps": [step], "output": "${steps.count.output.words}"}
        run: JsonObject = {"workflow_config": counting, "input_data": {"text": "one two"}}
        started = await engine.executions.start(LOCAL, run)
        results = await engine.executions.wait(LOCAL, started.execution_id, 10)
    assert (results.status, results.output) == ("completed", 2)
