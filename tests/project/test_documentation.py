"""The sources of the site: complete, made from the code, every link to a page that there is. It is not built here."""

from __future__ import annotations

import doctest
import importlib
import re
import tomllib
from pathlib import Path, PurePosixPath

import click
import pytest

import sam3_contract
from documentation import assemble, page
from documentation.page import Page, fenced, table
from documentation.reference import reference_pages
from documentation.reference.api import modules_shown
from documentation.reference.commands import example_of, leaves
from documentation.sections import with_sections
from mock_server.faults import FAULTS
from sam3_contract.cases import built_in_images, plan
from sam3_contract.checks import CHECKS
from sam3_contract.cli.masks.check import selected_codes
from sam3_contract.cli.masks.explain import explained
from sam3_contract.masks.catalogue.lookup import DEFECTS
from sam3_contract.spec import load
from tests.servers import ROOT

PAGES = {page.path: page.text for page in [*assemble.written_pages(), *reference_pages()]}


def in_folder(name: str) -> set[str]:
    return {PurePosixPath(path).stem for path in PAGES if path.startswith(f"reference/{name}/")} - {"index"}


def test_every_check_has_a_page_with_its_law_and_examples() -> None:
    assert in_folder("checks") == {check.code for check in CHECKS}
    for check in CHECKS:
        text = PAGES[f"reference/checks/{check.code}.md"]
        assert check.law in text
        assert check.mend in text
        assert "## An exchange that keeps it\n\n```text\n" in text
        assert "## One that breaks it\n\n```text\n" in text
        assert f"[{check.code}]({check.code}.md) | `{check.name}`" in PAGES["reference/checks/index.md"]


def test_every_fault_has_a_page_that_says_how_it_is_switched_on() -> None:
    assert in_folder("faults") == set(FAULTS)
    for name, fault in FAULTS.items():
        text = PAGES[f"reference/faults/{name}.md"]
        assert fault.breaks in text
        assert f"X-Mock-Fault: {name}" in text
        assert f"[`{name}`]({name}.md)" in PAGES["reference/faults/index.md"]


def test_every_defect_has_a_page_with_its_example() -> None:
    assert in_folder("codes") == {defect.code for defect in DEFECTS}
    for defect in DEFECTS:
        text = PAGES[f"reference/codes/{defect.code}.md"]
        assert " ".join(defect.mend.split()) in text
        example = [line for line in explained(defect) if line.startswith("  example")]
        assert all(line.removeprefix("  example   ") in text for line in example)


def test_every_command_has_a_page_with_every_option() -> None:
    commands = dict(leaves())

    assert len(in_folder("commands")) == len(commands)
    for name, command in commands.items():
        text = PAGES[f"reference/commands/{'-'.join(name.split()[1:])}.md".replace("contract-", "")]
        for option in command.params:
            if isinstance(option, click.Option):
                assert f"### {max(option.opts, key=len)}\n" in text, (name, option.name)


def test_examples_of_options_are_values_that_they_take() -> None:
    for _, command in leaves():
        context = click.Context(command)
        for option in command.params:
            if isinstance(option, click.Option) and not option.is_flag:
                value = example_of(option)[-1]
                option.type_cast_value(context, [value] if option.multiple else value)


def test_what_is_chosen_in_an_example_is_there_to_choose() -> None:
    chosen = {
        (name, example_of(option)[0]): example_of(option)[-1] for name, one in leaves() for option in _options(one)
    }

    assert set(selected_codes(chosen["sam3-contract masks check", "--select"].split(","))) < {
        one.code for one in DEFECTS
    }
    assert chosen["sam3-contract verify", "--case"] in {one.id for one in plan(built_in_images()).entries}
    assert {chosen["sam3-contract spec diff", "--operation"]} < {one.id for one in load().operations}


def _options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option) and not one.is_flag]


def test_tables_of_a_help_keep_their_lines() -> None:
    assert "```text\n--format json writes one object per line" in PAGES["reference/commands/masks-check.md"]


def test_every_deviation_is_told_with_its_days() -> None:
    for deviation in load().deviations:
        assert f"## {deviation.id}\n" in PAGES["reference/deviations.md"]
        assert f"{deviation.since} to {deviation.until}" in PAGES["reference/deviations.md"]


def test_api_shows_the_modules_of_all_public_names() -> None:
    shown = set(modules_shown())
    homes = {name: getattr(getattr(sam3_contract, name), "__module__", "") for name in sam3_contract.__all__}

    missing = {
        name for name, home in homes.items() if name != "__version__" and not any(home.startswith(one) for one in shown)
    }
    assert missing == set()
    for module in shown:
        assert importlib.import_module(module).__doc__


def _leads_to(path: str, target: str) -> str:
    parts: list[str] = []
    for part in (PurePosixPath(path).parent / target).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


CODE = re.compile(r"^(`{3,}).*?^\1$|`[^`\n]*`", flags=re.MULTILINE | re.DOTALL)


def test_nothing_that_is_said_is_taken_for_a_tag() -> None:
    found = {path: re.findall(r"<[A-Za-z/!].{,30}", CODE.sub("", text)) for path, text in PAGES.items()}

    assert {path: tags for path, tags in found.items() if tags} == {}


def test_links_lead_to_pages_or_files() -> None:
    links = {
        (path, _leads_to(path, target))
        for path, text in PAGES.items()
        for target in re.findall(r"\]\(([^)#:\s]+)\)", CODE.sub("", text))
    }

    assert len(links) > 400
    assert {link for link in links if link[1] not in PAGES and not (ROOT / "docs" / link[1]).is_file()} == set()


def test_navigation_names_pages_that_there_are_and_every_guide() -> None:
    config = tomllib.loads((ROOT / "documentation" / "zensical.toml").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w/-]+\.md", str(config["project"]["nav"])))

    assert named <= set(PAGES)
    assert set(assemble.GUIDES) <= named
    assert {path for path in PAGES if "/" not in path} == set(assemble.GUIDES)


def test_assembled_folder_holds_pages_pictures_and_texts_for_programs(tmp_path: Path) -> None:
    old = tmp_path / "pages" / "old.md"
    old.parent.mkdir()
    old.write_text("gone", encoding="utf-8")

    pages = assemble.assemble(tmp_path)

    top = tmp_path / "pages"
    assert not old.exists()
    assert all((top / page.path).read_text(encoding="utf-8") == page.text for page in pages)
    assert (top / "playground.jpg").is_file()
    assert (top / "assets" / "iframe-worker.js").is_file()
    assert (tmp_path / "zensical.toml").is_file()
    assert (top / "llms.txt").read_text(encoding="utf-8").startswith("# sam3-contract\n\n> Contract tests")


def test_text_for_programs_names_every_guide_and_list() -> None:
    text = assemble.llms_text(Page(path, text) for path, text in PAGES.items())

    lists = [f"reference/{name}/index.md" for name in ("checks", "faults", "codes", "commands", "api")]
    for name in (*assemble.GUIDES, *lists):
        line = next(line for line in text.splitlines() if f"({name.removesuffix('.md')}.html)" in line)
        assert re.fullmatch(r"- \[[^]]+\]\(\S+\): \S.+\.", line), line
    assert len(re.findall(r"^- \[", text, re.MULTILINE)) == len(assemble.GUIDES) + len(lists) + 1
    assert "Known deviations" not in assemble.llms_full_text(Page(path, text) for path, text in PAGES.items())[:200]


def test_nothing_is_loaded_from_elsewhere() -> None:
    config = tomllib.loads((ROOT / "documentation" / "zensical.toml").read_text(encoding="utf-8"))["project"]

    assert config["theme"]["font"] is False
    assert [one["path"] for one in config["extra"]["polyfills"]] == ["assets/iframe-worker.js"]
    assert not [path for path, text in PAGES.items() if re.search(r"!\[[^]]*\]\(https?:|<(img|script)\b", text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Does.\n\nExample:\n    >>> 1\n    1\n", "Does.\n\nExamples:\n    >>> 1\n    1\n"),
        ("Does.\n\n    >>> 1\n    1\n", "Does.\n\nExamples:\n    >>> 1\n    1\n"),
        ("Does.\n\n>>> 1\n1\n", "Does.\n\nExamples:\n    >>> 1\n    1\n"),
        ("Does nothing.", "Does nothing."),
    ],
)
def test_examples_of_docstrings_are_brought_to_the_section_that_is_read(text: str, expected: str) -> None:
    assert with_sections(text) == expected


def test_cells_and_blocks_cannot_be_broken_out_of() -> None:
    assert table(["a"], [["x | y\nz"]]).endswith("| x \\| y z |")
    assert fenced("```") == "````\n```\n````"


def test_examples_of_the_generator_run() -> None:
    failures, attempted = doctest.testmod(page)

    assert attempted >= 3
    assert failures == 0
