"""``sam3-contract masks merge``."""

from __future__ import annotations

from pathlib import Path

import click

from sam3_contract.auditing.findings_file import FindingsFile
from sam3_contract.auditing.parts import parts_of_files
from sam3_contract.cli.masks.audit_report import AuditReport, findings_option, max_findings_option
from sam3_contract.cli.options import format_option

__all__ = ["merge"]


@click.command()
@click.argument("parts", nargs=-1, required=True, metavar="PART...")
@max_findings_option
@format_option
@findings_option
@click.pass_context
def merge(
    context: click.Context, parts: tuple[str, ...], *, max_findings: int, output_format: str, findings: str | None
) -> None:
    """Put together what the shards of an audit found.

    A PART is what `masks check --shard i/n --part PART` writes. What comes out is what one `masks check` of all files
    shows. Shards that are missing, and units that a shard did not come to, are named; a shard judged twice counts once.

    \b
      sam3-contract masks check big/*.tar --shard 1/2 --part parts/1
      sam3-contract masks check big/*.tar --shard 2/2 --part parts/2
      sam3-contract masks merge parts/*

    \b
    Exit status: as of `masks check`; 3 also if something is missing.
    """  # noqa: D301 - click wants the character itself to leave a paragraph as it is
    audit = parts_of_files(parts)
    report = AuditReport(
        audit.files,
        audit.terms,
        output_format=output_format,
        max_findings=max_findings,
        findings=None if findings is None else FindingsFile(Path(findings), sources=parts),
        unread=[audit.missing] if audit.missing else [],
    )
    context.exit(report.run(audit.outcomes))
