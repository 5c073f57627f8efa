"""Every code block of README.md and docs/ is run, or held to what it is of; none is passed over in silence."""

from __future__ import annotations

import webbrowser
from collections.abc import Iterator
from contextlib import ExitStack, chdir
from typing import Any, Final

import click
import fsspec
import pytest

from documentation.reference import reference_pages
from mock_server import Settings, create_app
from mock_server.serving import server
from sam3_contract.cases import built_in_images
from tests.documents.blocks import Block, blocks_of, commands_of
from tests.documents.pages import BLOCKS, PAGES
from tests.documents.running import MOCK, ONLY_READ, Stage, read_ours, run_block
from tests.documents.stage import make_stage
from tests.faults import KEY
from tests.servers import ROOT, serving

SHELL: Final = [block for block in BLOCKS if block.language == ""]
MADE: Final = [block for page in reference_pages() for block in blocks_of(page.path, page.text)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        mock = stack.enter_context(serving(create_app()))
        live = stack.enter_context(serving(create_app(Settings(profile="observed", api_keys=frozenset({KEY})))))
        folder = tmp_path_factory.mktemp("stage")
        make_stage(folder, built_in_images()[0].content)
        fsspec.filesystem("memory").pipe("/bucket/masks/one.parquet", (folder / "one.parquet").read_bytes())
        yield Stage(folder=folder, mock=mock, live=live)


@pytest.fixture
def stage(shared: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """The stage, where what would serve until it is stopped answers one request instead."""

    def serve_once(settings: Settings, *, ready: Any, **_: Any) -> None:
        app = create_app(settings)
        assert app.test_client().get("/healthz").status_code == 200
        ready(MOCK)

    monkeypatch.setattr(server, "serve", serve_once)
    monkeypatch.setattr(webbrowser, "open", lambda _: True)
    monkeypatch.setattr("mcp.server.MCPServer.run", lambda *_: None)
    with chdir(shared.folder):
        yield shared


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.id)
def test_commands_of_a_block_do_what_they_say(block: Block, stage: Stage) -> None:
    run_block(block.text, stage)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sam3-contract serv", "there is no command serv|no command named 'serv'; did you mean 'serve'"),
        ("sam3-contract verify mock --max-call 3", "No such option"),
        ("sam3-contract masks check no-such-file.json", "no-such-file.json"),
        ("sam3-contract serve --fault no_such_fault", "no_such_fault"),
        ("sam3-contract serve --scenario photo.jpg", "photo.jpg"),
        ("$ sam3-contract verify mock --fault size_swapped\nM03 rle_size_is_the_image", "M03 rle_size_is_the_images"),
        ("sam3-contract serve --workers 2 --stor redis://store.internal:6379", "No such option"),
        ('curl http://127.0.0.1:9001/sam3/embed_image -d "{}"', "Method Not Allowed|api_key|image"),
        ("curl --silent http://127.0.0.1:9001/healthz", "unrecognized arguments: --silent"),
        ("docker run --rm --publish 9001:9002 sam3-mock", "9002"),
        ("docker run --rm --publish 9001:9001 sam3-mock --profil observed", "No such option"),
        ("docker run --mount a sam3-mock", "unrecognized arguments: --mount"),
        ("make everything", "no target everything"),
        ("pip install 'path/to/sam3-contract[everything]'", "no extra of that name"),
        ("pip install sam3-contracts", "sam3-contracts"),
        ("pytest --sam3-mutate-everything", "unrecognized arguments: --sam3-mutate-everything"),
        ("cd examples/nowhere && pytest --sam3-mutate", "no folder examples/nowhere"),
        (".venv/bin/ruff check --quiet .", "the Makefile does not do"),
        ("locust -f examples/nowhere.py", "there is no examples/nowhere.py"),
        ("wget http://127.0.0.1:9001/", "nothing is known of wget"),
        ("sam3-contract serve | tee log", "more of a shell"),
    ],
)
def test_block_that_is_wrong_is_found(text: str, says: str, stage: Stage) -> None:
    with pytest.raises((AssertionError, ValueError, click.UsageError), match=says):
        run_block(text, stage)


def test_every_block_is_looked_at() -> None:
    languages = {block.language for block in BLOCKS}

    assert languages <= {"", "python", "yaml", "json"}, "blocks of another language want a test of their own"
    fences = [line for text in PAGES.values() for line in text.splitlines() if "```" in line]
    assert len(fences) == 2 * len(BLOCKS), "a fence that is indented, or not closed, is no block"


def test_every_excuse_is_needed() -> None:
    words = {word for block in SHELL for command in commands_of(block.text) for word in command.words}

    assert set(ONLY_READ) <= words
    assert all(list(ROOT.glob(f"{reason.split('; ')[1].split()[0]}*")) for reason in ONLY_READ.values())


@pytest.mark.parametrize("folder", ["checks", "codes", "commands", "faults"])
def test_commands_of_pages_made_from_the_code_are_taken(folder: str) -> None:
    texts = [block.text for block in MADE if block.page.split("/")[1] == folder and block.language == ""]
    ours = [line for text in texts for line in text.splitlines() if line.startswith("sam3-contract ")]
    others = [text for text in texts if text.startswith("curl ")]
    lines = {str(command): command for text in (*ours, *others) for command in commands_of(text)}

    assert len(lines) > 15
    for command in lines.values():
        if command.program == "sam3-contract":
            read_ours(command.words[1:])
        else:
            assert command.program == "curl"
            assert "-H" in command.words
