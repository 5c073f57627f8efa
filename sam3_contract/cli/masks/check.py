"""``sam3-contract masks check``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click

from sam3_contract.auditing.auditing import outcomes_of
from sam3_contract.auditing.cluster import outcomes_on_cluster
from sam3_contract.auditing.findings_file import FindingsFile
from sam3_contract.auditing.names import files_of
from sam3_contract.auditing.parts import written_to_part
from sam3_contract.auditing.units import Shard, Terms, units_of
from sam3_contract.cli.codes import select_and_ignore
from sam3_contract.cli.masks.audit_report import AuditReport, findings_option, max_findings_option
from sam3_contract.cli.options import format_option
from sam3_contract.errors import UsageError
from sam3_contract.mask_files.opening import image_size_from_options
from sam3_contract.mask_files.urls import shown
from sam3_contract.masks import DEFECTS, defect_named

__all__ = ["check", "selected_codes"]

_SHARD: Final = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...|-")
@click.option("--image-size", metavar="WxH", help="Width and height of the masks' image in pixels, such as 640x480.")
@click.option("--image", metavar="FILE", type=click.Path(), help="Take the size from this image file.")
@click.option("--lines", "as_lines", is_flag=True, help="Take every file for JSON Lines, whatever its first line is.")
@click.option("--column", metavar="NAME", help="Column of masks in Parquet; found by its name if it has a common one.")
@select_and_ignore("DEFECTS", what="defects")
@max_findings_option
@click.option(
    "--jobs", metavar="N", type=click.IntRange(1, 256), default=1, show_default=True, help="Processes that judge."
)
@click.option("--cluster", metavar="ADDRESS", help="Judge on a cluster of Dask, such as tcp://scheduler:8786.")
@click.option("--shard", metavar="I/N", help="Judge only this share of the work, for `masks merge`; takes --part.")
@click.option("--part", metavar="FILE", help="Where a shard writes what it found.")
@format_option
@findings_option
@click.option("--pictures", metavar="DIR", help="Draw the worst there: a mask of each kind of defect, up to 12.")
@click.pass_context
def check(
    context: click.Context,
    files: tuple[str, ...],
    *,
    image_size: str | None,
    image: str | None,
    as_lines: bool,
    column: str | None,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    max_findings: int,
    jobs: int,
    cluster: str | None,
    shard: str | None,
    part: str | None,
    output_format: str,
    findings: str | None,
    pictures: str | None,
) -> None:
    """Find what is wrong with masks, and say what to do about it.

    A FILE is an answer of concept_segment or visual_segment, a list of predictions, a COCO file or list of results,
    a bare mask, JSON Lines of any of these, an npz of visual_segment, a tar of such files, or Parquet. All but Parquet
    may be packed by gzip or zstd, and each be named by URL. Of a folder, all below it that is named as such is taken;
    patterns may be quoted. `-` is standard input.
    Files may be larger than memory. The size of an image counts where it is known: from the options; from a COCO
    file's `images`, which in files above 8 MB must come before its `annotations`; from an `image` with `height` and
    `width` beside the masks.

    \b
    --format json writes one object per line: for each finding
      {"file", "member" (of a tar; absent otherwise), "line" (null if not
       JSON Lines), "path", "code", "name", "severity", "found", "expected",
       "diagnosis"}
    and at the end
      {"totals": {"files", "masks", "masks_with_findings", "errors",
       "warnings", "notes", "defects": {code: number}, "only_counted" (findings
       beyond the first 20,000 of a unit of work), "unread": [reason],
       "exit_status"}}

    \b
      sam3-contract masks check answer.json --image photo.jpg
      sam3-contract masks check annotations.json --ignore POL
      sam3-contract masks check masks/ 'more/*.tar' --jobs 8 --findings findings.json

    \b
    Exit status:
      0  no defect that is an error
      1  some; also if other files could not be read
      2  usage
      3  no such defect, but a file cannot be read, or holds no mask at all
    """  # noqa: D301 - click wants the character itself to leave a paragraph as it is
    if cluster is not None and jobs > 1:
        raise UsageError("--jobs and --cluster are both given; a cluster has its own processes")
    if (shard is None) != (part is None):
        raise UsageError("--shard and --part go together: a share of the work, and the file for what it found")
    if shard is not None and (findings is not None or pictures is not None):
        raise UsageError("--findings and --pictures are of all shards: pass --findings to `masks merge`")
    codes = selected_codes(select, ignore)
    size = image_size_from_options(image_size, image)
    paths = files_of(files)
    terms = Terms(size, codes, as_lines, column)
    report = AuditReport(
        paths,
        terms,
        output_format=output_format,
        max_findings=max_findings,
        findings=None if findings is None else FindingsFile(Path(findings), sources=paths),
        pictures=None if pictures is None else Path(pictures),
    )
    share = _shard(shard)
    units = units_of(paths, terms, shard=share)
    outcomes = outcomes_on_cluster(cluster, units, terms) if cluster else outcomes_of(units, terms, jobs=jobs)
    if share is None or part is None:
        context.exit(report.run(outcomes))
    files_shown = [shown(path) for path in paths]
    context.exit(report.run_share(written_to_part(outcomes, Path(part), files=files_shown, terms=terms, shard=share)))


def _shard(text: str | None) -> Shard | None:
    """Read which share of the work is asked for."""
    if text is None:
        return None
    found = _SHARD.fullmatch(text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard is {text!r}, expected I/N such as 1/8, counted from 1")
    return Shard(int(found[1]), int(found[2]))


def selected_codes(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> frozenset[str] | None:
    """Choose defects by code, prefix of a code, or name.

    Args:
        select: What to keep; everything if empty.
        ignore: What to leave out of that.

    Returns:
        Their codes; None for all.

    Raises:
        UsageError: If an entry fits no defect, or nothing is left.

    Example:
        >>> sorted(selected_codes(["TXT", "ring_closed"], ["txt01", "TXT02"]))
        ['POL18', 'TXT03', 'TXT04', 'TXT05']
    """
    wanted, unwanted = _codes(select), _codes(ignore)
    if not wanted and not unwanted:
        return None
    chosen = (wanted or {defect.code for defect in DEFECTS}) - unwanted
    if not chosen:
        raise UsageError("no mask defect is left: what is selected is ignored as well")
    return frozenset(chosen)


def _codes(patterns: Iterable[str]) -> set[str]:
    codes: set[str] = set()
    for pattern in patterns:
        by_prefix = {defect.code for defect in DEFECTS if defect.code.startswith(pattern.upper())}
        codes |= by_prefix or {defect_named(pattern).code}
    return codes
