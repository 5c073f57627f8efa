"""``sam3-contract snapshot take``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from sam3_contract import cases
from sam3_contract.cli.concepts import check_concepts
from sam3_contract.cli.options import api_key_env_option, timeout_option
from sam3_contract.cli.snapshot.requests import (
    NamedCase,
    cases_from_file,
    cases_of_options,
    point_from_text,
)
from sam3_contract.errors import HELD, UNJUDGED, SnapshotError, TransportError, UsageError
from sam3_contract.exchanges.exchange import Case
from sam3_contract.files.atomic import check_output_folder, remove_leftovers
from sam3_contract.snapshots import (
    Snapshot,
    case_from_request,
    read_snapshot,
    safe_stem,
    snapshot_files,
    snapshot_of,
    write_snapshot,
)
from sam3_contract.snapshots.folder import drop_images_but, keep_image, read_image
from sam3_contract.snapshots.requests import image_of
from sam3_contract.spec import Contract, load
from sam3_contract.targets import transport_to
from sam3_contract.terminal import say
from sam3_contract.transport import Transport


@click.command(short_help="Keep answers, one file for each request.")
@click.argument("target", metavar="BASE_URL|mock")
@click.option("-o", "--output", required=True, type=click.Path(), metavar="DIR", help="Folder of the snapshots.")
@click.option(
    "--image", "images", metavar="FILE", multiple=True, type=click.Path(), help="Send this photograph; repeatable."
)
@click.option("--text", "texts", multiple=True, metavar="CONCEPT", help="Ask for this concept; repeatable, up to 16.")
@click.option("--point", "points", multiple=True, metavar="X,Y", help="Click here, in pixels; repeatable.")
@click.option("--request", "requests", multiple=True, type=click.Path(), metavar="FILE.json", help="Ask this too.")
@click.option("--again", is_flag=True, help="Ask what DIR keeps already, and keep the new answers.")
@api_key_env_option
@timeout_option
@click.pass_context
def take(
    context: click.Context,
    target: str,
    *,
    output: str,
    images: tuple[str, ...],
    texts: tuple[str, ...],
    points: tuple[str, ...],
    requests: tuple[str, ...],
    again: bool,
    api_key_env: str | None,
    timeout: float,
) -> None:
    """Keep answers, one file for each request, for `snapshot compare` to compare later ones with.

    Each image is sent once with all concepts and once with all clicks, a prompt each. Without --text, --point and
    --request, it is sent with the concepts that `verify` asks for and with a click in the middle; without --image, the
    built-in images are taken. A FILE.json holds an operation and a body, such as {"operation": "concept_segment",
    "body": {"prompts": [{"text": "dog"}], "format": "rle"}}; a body without image is sent with each image. The images
    go to DIR/images, so that DIR needs nothing else. No key is kept.

    The live service charges for every request.

    \b
      sam3-contract snapshot take https://serverless.roboflow.com -o kept --image bus.jpg --text bus
      sam3-contract snapshot take mock -o kept

    \b
    Exit status: 0 all kept, 2 usage, 3 an answer did not come or could not be kept.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are
    folder, contract = Path(output), load()
    if again:
        if images or texts or points or requests:
            raise UsageError("--again asks what the folder keeps; it goes with no --image, --text, --point, --request")
        named = [_kept(path) for path in snapshot_files(folder)]
    else:
        named = _unique(_cases_of_options(images, texts, points, requests, contract))
    check_output_folder(folder)
    transport = transport_to(target, contract, variable=api_key_env, timeout=timeout)
    complete = _take(transport, named, folder, contract)
    remove_leftovers(folder)
    _tidy(folder, {f"{safe_stem(case.id)}.json" for case, _ in named})
    context.exit(HELD if complete else UNJUDGED)


def _cases_of_options(
    images: Sequence[str], texts: Sequence[str], points: Sequence[str], requests: Sequence[str], contract: Contract
) -> Iterator[NamedCase]:
    check_concepts(texts)
    photographs = tuple(map(cases.photograph_from_file, images)) or cases.built_in_images()
    clicks = [point_from_text(text) for text in points]
    if not (texts or points or requests):
        for photograph in photographs:
            middle = [{"x": photograph.header.width // 2, "y": photograph.header.height // 2, "positive": True}]
            yield from cases_of_options([photograph], texts=cases.DEFAULT_TEXTS, points=middle)
    yield from cases_of_options(photographs, texts=texts, points=clicks)
    for path in requests:
        yield from cases_from_file(path, photographs, contract)


def _unique(named: Iterator[NamedCase]) -> list[NamedCase]:
    """Give requests of one name a number each: names become files."""
    found: list[NamedCase] = []
    names: dict[str, int] = {}
    for case, image_name in named:
        number = names[case.id] = names.get(case.id, 0) + 1
        name = case.id if number == 1 else f"{case.id}-{number}"
        found.append((Case(name, case.operation, case.asks, case.body, image=case.image), image_name))
    return found


def _kept(path: Path) -> NamedCase:
    snapshot = read_snapshot(path)
    image = snapshot.request.image
    content = None if image is None else read_image(path.parent, image)
    return case_from_request(snapshot.name, snapshot.request, content=content), image.name if image else "image"


def _take(transport: Transport, named: Sequence[NamedCase], folder: Path, contract: Contract) -> bool:
    """Ask and keep; tell whether all was kept."""
    complete = True
    for number, (case, image_name) in enumerate(named):
        try:
            taken = snapshot_of(transport.send(case), contract, image_name=image_name)
        except TransportError as error:
            rest = len(named) - number
            say(f"sam3-contract: {error}; {rest} request{'s' * (rest != 1)} not asked", err=True)
            return False
        except SnapshotError as error:
            say(f"sam3-contract: {case.id} is not kept: {error}", err=True)
            complete = False
            continue
        _keep(taken, case, folder)
    return complete


def _keep(taken: Snapshot, case: Case, folder: Path) -> None:
    """Keep the image before the snapshot that refers to it."""
    content = image_of(case.sent)
    if taken.request.image is not None and content is not None:
        keep_image(folder, taken.request.image, content)
    path = folder / f"{safe_stem(case.id)}.json"
    written = write_snapshot(path, taken)
    n_instances = taken.answer.n_instances
    found = f"{n_instances} instance{'s' * (n_instances != 1)}" if taken.status == 200 else f"status {taken.status}"
    say(f"{'written' if written else 'as it was':9}  {path}  {found}")


def _tidy(folder: Path, names: set[str]) -> None:
    """Remove images that nothing refers to, and name snapshots of requests that were not sent."""
    if not folder.is_dir():
        return
    kept = []
    others = 0
    for path in folder.glob("*.json"):
        others += path.name not in names
        try:
            kept.append(read_snapshot(path).request.image)
        except SnapshotError as error:
            say(f"sam3-contract: {error}", err=True)
            return  # what it refers to is not known
    drop_images_but(folder, [image for image in kept if image is not None])
    if others:
        stay = "1 snapshot of another request stays" if others == 1 else f"{others} snapshots of other requests stay"
        say(f"sam3-contract: {stay} in {folder}", err=True)
