"""The command line. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Final, NoReturn

import click

from sam3_contract.cli.lazy import LazyGroup
from sam3_contract.cli.termination import Terminated, end_as_terminated, interrupt_when_terminated
from sam3_contract.errors import HELD, UNJUDGED, USAGE, Sam3ContractError
from sam3_contract.terminal import say

__all__ = ["commands", "main"]

# Python looks for garbage after every 700 objects, which takes a tenth of the time of a command that imports much and
# measures much; nearly all that it makes is either kept or gone at once.
_OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
# What writing to a stream fails with, where no file is named.
_OF_WRITING: Final = {errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EAGAIN}
# What each is about, told without importing it.
_ABOUT: Final = {
    "serve": "Serve a fake SAM 3 API.",
    "playground": "Open a page to click in, and see the masks that come.",
    "verify": "Hold a server to the contract.",
    "snapshot": "Keep answers, and see later what has become of them.",
    "watch": "Tell what has drifted about a server, for a run each night.",
    "masks": "Masks in files: find their defects, convert them, draw them.",
    "checks": "The laws that answers are held to.",
    "faults": "The ways in which the mock breaks the contract.",
    "probe": "Try what a function of yours does when the service breaks.",
    "spec": "The OpenAPI document, the one source of what is on the wire.",
    "schema": "Print the JSON Schema of files of scenarios or options.",
    "mcp": "Serve the toolkit to an agent (Model Context Protocol).",
    "doctor": "Look whether packages, key, proxy and all are in place.",
}


@click.group(
    cls=LazyGroup,
    home="sam3_contract.cli",
    about=_ABOUT,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="sam3-contract", prog_name="sam3-contract")
def commands() -> None:
    """Contract tests and a mock server for Roboflow's hosted SAM 3 API.

    \b
    Develop against a fake service, then hold it, or the live one, to the contract:
      sam3-contract serve
      sam3-contract verify http://127.0.0.1:9001
      sam3-contract verify https://serverless.roboflow.com --dry-run

    \b
    Look at masks in files, and at what a code says:
      sam3-contract masks check answer.json --image photo.jpg
      sam3-contract checks explain M03

    Exit status: 0 all held, 1 the contract was broken, 2 usage, 3 could not judge.
    """  # noqa: D301 - click reads the backspace: keep these lines as they are


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit; errors of ours become one line on stderr.

    Args:
        arguments: What follows the name of the program; those of the process by default.
    """
    if sys.stdout is None or sys.stderr is None:  # one was closed, by `>&-` or as under pythonw
        with (
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            redirect_stdout(sys.stdout or nowhere),
            redirect_stderr(sys.stderr or nowhere),
        ):
            main(arguments)
    if arguments is None:  # else somebody else's process goes on after it
        gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
        atexit.register(gc.freeze)  # else the interpreter ends with a look for garbage at all there is
        interrupt_when_terminated()
    stdout = sys.stdout
    try:
        # What a command leaves with context.exit() is returned here, not raised.
        status = commands(arguments, standalone_mode=False)
        sys.stdout.flush()  # at the end of the interpreter nobody could say any more what failed
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        sys.exit(USAGE)
    except (click.Abort, KeyboardInterrupt) as error:
        _tell("stopped")
        if isinstance(error, Terminated) or isinstance(error.__cause__, Terminated):
            end_as_terminated()
            sys.exit(_TERMINATED)
        sys.exit(_INTERRUPTED)
    except Sam3ContractError as error:
        _tell(f"sam3-contract: {error}")
        sys.exit(error.exit_status)
    except OSError as error:
        if error.filename is not None or error.errno not in _OF_WRITING:
            raise
        _leave_stdout(error)
    except SystemExit:
        if sys.stdout is not stdout:  # so click ends after a broken pipe: with another stream, and 1
            _leave_stdout(BrokenPipeError())
        raise
    sys.exit(status if isinstance(status, int) else HELD)


def _tell(line: str) -> None:
    with suppress(OSError):  # where nobody can be told, the exit status has to do
        say(line, err=True)


def _leave_stdout(error: OSError) -> NoReturn:
    """End after standard output could not be written: quietly if its reader had enough, as of `| head -1`."""
    sys.stdout = io.StringIO()  # what is left in the buffer would raise again when the interpreter ends
    if not isinstance(error, BrokenPipeError):
        _tell(f"sam3-contract: standard output cannot be written: {error.strerror or error}")
    sys.exit(UNJUDGED)
