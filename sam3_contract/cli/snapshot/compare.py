"""``sam3-contract snapshot compare``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import click
import orjson

from sam3_contract.cli.options import FiniteRange, api_key_env_option, format_option, timeout_option
from sam3_contract.errors import HELD, UNJUDGED, SnapshotError, TransportError
from sam3_contract.snapshots import (
    RequestChange,
    Snapshot,
    Tolerances,
    Verdict,
    as_json,
    case_from_request,
    compare_reading,
    lines_of,
    read_exchange,
    read_snapshot,
    snapshot_files,
    write_picture,
)
from sam3_contract.snapshots.folder import picture_file, read_image
from sam3_contract.spec import Contract, load
from sam3_contract.targets import transport_to
from sam3_contract.terminal import say
from sam3_contract.transport import Transport

CHANGED: Final = 1

_SHARE = FiniteRange(0, 1)


@dataclass(frozen=True, slots=True)
class Compared:
    """A snapshot's file, what was found, and where the picture of it is, if there is one."""

    path: Path
    change: RequestChange
    picture: str = ""


@click.command(short_help="Ask again what DIR keeps, and tell what has changed.")
@click.argument("target", metavar="BASE_URL|mock")
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--iou", metavar="IOU", type=_SHARE, default=0.9, show_default=True, help="Least overlap of an instance's masks."
)
@click.option(
    "--confidence",
    metavar="DIFFERENCE",
    type=_SHARE,
    default=0.05,
    show_default=True,
    help="Largest difference of confidences.",
)
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="How many instances of a prompt may appear, and how many vanish.",
)
@format_option
@api_key_env_option
@timeout_option
@click.pass_context
def compare(
    context: click.Context,
    target: str,
    folder: str,
    *,
    iou: float,
    confidence: float,
    count: int,
    output_format: str,
    api_key_env: str | None,
    timeout: float,
) -> None:
    """Ask again what the snapshots in DIR keep, and tell what has become of the answers.

    Instances are matched one to one by overlap, prompt by prompt. A picture of each request whose masks changed goes
    to DIR/_differences: kept masks grey, vanished ones blue, appeared ones orange.

    Three things are told apart: the schema changed (a client that read the old answer trips over the new one), the
    model changed (masks moved, appeared, vanished, or are more or less confident), and there was nothing to look at.

    The live service charges for every request.

    \b
      sam3-contract snapshot compare https://serverless.roboflow.com kept
      sam3-contract snapshot compare mock kept --iou 0.95 --format json

    \b
    Exit status: 0 all the same within the tolerances, 1 something changed,
    2 usage, 3 nothing changed, but an answer or a snapshot could not be looked at.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    contract = load()
    tolerances = Tolerances(iou, confidence, count)
    files = snapshot_files(Path(folder))
    transport = transport_to(target, contract, variable=api_key_env, timeout=timeout)
    compared = list(compare_all(transport, files, contract, tolerances))
    status = _status(compared)
    if output_format == "json":
        whole = _whole(compared, target=transport.target, folder=folder, tolerances=tolerances, status=status)
        say(orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode())
    else:
        for one in compared:
            say("\n".join(lines_of(one.change, picture=one.picture)))
        say(f"\n{_summary(compared)}")
    context.exit(status)


def compare_all(
    transport: Transport, files: Sequence[Path], contract: Contract, tolerances: Tolerances
) -> Iterator[Compared]:
    """Ask again what each file keeps, as long as the server can be reached; a change for each file."""
    unreached = ""
    for path in files:
        try:
            snapshot = read_snapshot(path)
            content = _image(path.parent, snapshot)
            case = case_from_request(snapshot.name, snapshot.request, content=content)
            if unreached:
                yield Compared(path, RequestChange(snapshot.name, not_compared=f"not asked: {unreached}"))
                continue
            reading = read_exchange(transport.send(case), contract)
        except TransportError as error:
            unreached = str(error)
            yield Compared(path, RequestChange(path.stem, not_compared=unreached))
            continue
        except SnapshotError as error:
            yield Compared(path, RequestChange(path.stem, not_compared=str(error)))
            continue
        change = compare_reading(snapshot, reading, tolerances=tolerances)
        yield Compared(path, change, _picture(path, change, content))


def _image(folder: Path, snapshot: Snapshot) -> bytes | None:
    return None if snapshot.request.image is None else read_image(folder, snapshot.request.image)


def _picture(path: Path, change: RequestChange, content: bytes | None) -> str:
    """Draw what changed; remove a picture of an earlier change."""
    if not change.model_changed:
        return ""
    try:
        picture = picture_file(path.parent, path.stem)
        return str(picture) if write_picture(change, photograph=content, path=picture) else ""
    except SnapshotError as error:
        say(f"sam3-contract: {error}", err=True)
        return ""


def _status(compared: Sequence[Compared]) -> int:
    verdicts = {one.change.verdict for one in compared}
    if verdicts & {Verdict.SCHEMA, Verdict.MODEL}:
        return CHANGED
    return UNJUDGED if Verdict.NOT_COMPARED in verdicts else HELD


def _summary(compared: Sequence[Compared]) -> str:
    numbers = (
        (Verdict.SAME, sum(one.change.verdict == Verdict.SAME for one in compared)),
        (Verdict.SCHEMA, sum(bool(one.change.schema) for one in compared)),
        (Verdict.MODEL, sum(one.change.model_changed for one in compared)),
        (Verdict.NOT_COMPARED, sum(one.change.verdict == Verdict.NOT_COMPARED for one in compared)),
    )
    told = ", ".join(f"{verdict} in {number}" for verdict, number in numbers if number)
    return f"{len(compared)} request{'s' * (len(compared) != 1)}: {told}"


def _whole(
    compared: Sequence[Compared], *, target: str, folder: str, tolerances: Tolerances, status: int
) -> dict[str, Any]:
    return {
        "target": target,
        "folder": folder,
        "tolerances": asdict(tolerances),
        "exit_status": status,
        "requests": [as_json(one.change, file=str(one.path), picture=one.picture) for one in compared],
    }
