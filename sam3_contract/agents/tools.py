"""The tools: what an agent may do, in words that a model reads."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, Literal, ParamSpec, TypeVar

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from mock_server.faults import FAULTS
from sam3_contract.agents.desk import API_KEY, Asked, Desk
from sam3_contract.agents.explaining import explained
from sam3_contract.auditing import audit
from sam3_contract.errors import BROKEN, HELD, Sam3ContractError, UsageError
from sam3_contract.exchanges.drawing import draw_masks, enlargement, layers_of, open_photograph
from sam3_contract.exchanges.exchange import Photograph, as_base64
from sam3_contract.files.bounded import read_bounded
from sam3_contract.images import read_header
from sam3_contract.installed import __version__
from sam3_contract.mask_files.judging import LocatedFinding
from sam3_contract.masks import find_defects
from sam3_contract.report.words import clean, extent, headline, safe
from sam3_contract.suggestions import unknown
from sam3_contract.verification.causes import causes_of
from sam3_contract.verifying import Verification, verify

P = ParamSpec("P")
T = TypeVar("T")

_INSTRUCTIONS: Final = (
    "Contract tests and a mock of Roboflow's hosted SAM 3 API. start_mock, then point the client under test at its "
    "URL, or ask it. set_faults breaks the mock, to see what a client makes of it. verify holds a server to the "
    "contract: the mock and servers of this machine freely, a live one only if whoever started this server allowed it. "
    "Masks of the mock are made up: they keep the contract, and show nothing of a picture."
)
_LOOKS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_CHANGES: Final = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
_SENDS: Final = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)
_MOST_BYTES: Final = 2**26
_MOST_CHARACTERS: Final = 20_000  # of an answer that is told
_MOST_FINDINGS: Final = 50
_MOST_CAUSES: Final = 10
_LONGEST_TEXT: Final = 80
_LONGEST_LIST: Final = 12
_MOST_CALLS: Final = 400
_MOST_PIXELS: Final = 2**25  # of a photograph that is drawn: some 600 MB while it is
_WIDEST: Final = 2048  # pixels of a picture that is shown
_LONGEST_SIDE: Final = 2**29


def make_server(desk: Desk) -> MCPServer[Any]:
    """Make the server with all tools.

    Args:
        desk: What they work with.
    """
    server = _Server("sam3-contract", version=__version__, instructions=_INSTRUCTIONS)
    _add_mock_tools(server, desk)
    _add_judging_tools(server, desk)
    return server


class _Server(MCPServer[Any]):
    """Refuses arguments that a tool does not have: the SDK would take a misspelt one for one that was left out."""

    async def call_tool(self, name: str, arguments: dict[str, Any], context: Any = None) -> Any:
        """Call a tool by its name."""
        takes = {tool.name: list(tool.input_schema["properties"]) for tool in await self.list_tools()}
        for argument in arguments if name in takes else ():
            if argument not in takes[name]:
                raise ToolError(f"{name}: {unknown('argument', argument, takes[name])}")
        return await super().call_tool(name, arguments, context)


def _told(tool: Callable[P, T]) -> Callable[P, T]:
    """Tell mistakes in words of ours; the SDK would hide them."""

    @wraps(tool)
    def telling(*arguments: P.args, **named: P.kwargs) -> T:
        try:
            return tool(*arguments, **named)
        except (Sam3ContractError, OSError) as error:
            raise ToolError(str(error)) from error

    return telling


def _add_mock_tools(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(annotations=_CHANGES)
    @_told
    def start_mock(
        profile: Literal["documented", "observed"] = "documented",
        engine: Literal["synthetic", "pixels"] = "synthetic",
        seed: int = 0,
        faults: list[str] | None = None,
    ) -> dict[str, Any]:
        """Start a mock of the SAM 3 API on a port of this machine, in the place of the one before.

        profile: documented, or observed for what the open-source server does. engine: synthetic masks, or pixels for
        masks that follow colours and edges of the picture. The client under test takes the URL in place of
        https://serverless.roboflow.com, and any API key.
        """
        url = desk.start(profile=profile, engine=engine, seed=seed, faults=tuple(faults or ()))
        return {"url": url, "api_key": API_KEY, "faults": list(desk.mock.faults)}

    @server.tool(annotations=_CHANGES)
    @_told
    def ask(
        operation: Literal["concept_segment", "visual_segment", "embed_image"],
        body: dict[str, Any],
        image_path: str | None = None,
    ) -> dict[str, Any]:
        """Ask the mock something; show_picture draws the answer.

        body: the JSON body, such as {"prompts": [{"text": "dog"}], "format": "rle"}. image_path: a photograph on this
        machine to send as its image; else the body has {"image": {"type": "url", "value": "https://..."}}.
        """
        content = _file(image_path) if image_path is not None else None
        if content is not None and image_path is not None:
            body = {**body, "image": as_base64(Photograph(image_path, content, read_header(content)))}
        return _answer(desk.ask(operation, body, image=content))

    @server.tool(annotations=_CHANGES)
    @_told
    def set_faults(faults: list[str]) -> dict[str, Any]:
        """Let the mock break the contract in these ways, for every request from now on; an empty list mends it.

        Each is NAME or NAME:PARAMETER, such as status:503:2, which refuses the first two requests; list_faults has
        the names.
        """
        desk.mock.faults = faults
        return {"faults": list(desk.mock.faults)}

    @server.tool(annotations=_LOOKS)
    @_told
    def list_faults(containing: str = "") -> dict[str, str]:
        """List the faults whose name or description contains a text: by name, what a client sees."""
        wanted = containing.lower()
        return {name: one.breaks for name, one in FAULTS.items() if wanted in f"{name} {one.breaks}".lower()}

    @server.tool(annotations=_LOOKS)
    @_told
    def requests_seen() -> dict[str, Any]:
        """List the requests that the mock saw, the last 50: what the client under test really asked."""
        return {"requests": [entry.as_json() for entry in desk.mock.requests[-_MOST_FINDINGS:]]}


def _add_judging_tools(server: MCPServer[Any], desk: Desk) -> None:
    @server.tool(name="verify", annotations=_SENDS)
    @_told
    def verify_target(target: str = "mock", max_calls: int = 20, select: list[str] | None = None) -> dict[str, Any]:
        """Hold a server to the contract, and tell the causes of what is broken, the worst first.

        target: mock for the one that was started, or a URL. select: only these checks, by code, prefix or name.
        """
        if not 1 <= max_calls <= _MOST_CALLS:
            raise UsageError(f"max_calls is {max_calls}, expected 1 to {_MOST_CALLS}")
        run = verify(desk.target_of(target, max_calls), max_calls=max_calls, select=select or ())
        return _outcome(run)

    @server.tool(annotations=_LOOKS)
    @_told
    def explain(name: str) -> dict[str, Any]:
        """Explain a code or a name: a check (M03), a fault (slow), a defect of a mask (RLE04), a known deviation."""
        return explained(name)

    @server.tool(annotations=_LOOKS)
    @_told
    def check_masks(masks: list[Any], height: int | None = None, width: int | None = None) -> dict[str, Any]:
        """Find what is wrong with masks: RLE objects {"size": [height, width], "counts": "..."}, or lists of rings.

        height and width: those of the image, in pixels, after EXIF orientation; both or neither.
        """
        if (height is None) is not (width is None):
            raise UsageError("height and width go together")
        if not all(side is None or 0 < side <= _LONGEST_SIDE for side in (height, width)):
            raise UsageError(f"height and width are {height} and {width}, expected pixels, 1 to {_LONGEST_SIDE}")
        size = (height, width) if height is not None and width is not None else None
        found = [
            str(finding)
            for index, mask in enumerate(masks)
            for finding in find_defects(mask, image_size=size, path=f"$[{index}]")
        ]
        return {"masks": len(masks), "sound": not found, "findings": found[:_MOST_FINDINGS], "of": len(found)}

    @server.tool(annotations=_LOOKS)
    @_told
    def check_file(path: str) -> dict[str, Any]:
        """Find what is wrong with the masks in a file: an answer, COCO annotations, JSON Lines, npz, also gzipped."""
        told: list[str] = []

        def tell(_: str, one: LocatedFinding) -> None:
            if len(told) < _MOST_FINDINGS:
                told.append(_of_line(one))

        summary = audit([_file_here(path)], found=tell)
        return {
            "masks": summary.n_masks,
            "faulty": summary.n_faulty,
            "defects": dict(summary.defects),
            "findings": told,
            "unread": list(summary.unread),
        }

    @server.tool(annotations=_LOOKS)
    @_told
    def show_picture(image_path: str | None = None, answer: dict[str, Any] | None = None) -> Image:
        """Draw masks over their photograph, at most 2048 pixels wide and high.

        Without arguments: the last answer of ask, over the photograph that was sent. answer: another answer of
        concept_segment or visual_segment, whole.
        """
        return Image(data=_picture(desk.last, image_path, answer), format="png")


def _of_line(found: LocatedFinding) -> str:
    return str(found.finding) if found.line is None else f"line {found.line}: {found.finding}"


def _file_here(path: str) -> Path:
    """Take a name for that of a file of this machine: no URL, no folder, and not standard input.

    Raises:
        UsageError: If there is no such file.
    """
    file = Path(path).absolute()
    try:
        is_there = file.is_file()
    except OSError:  # a name that no file can have
        is_there = False
    if not is_there:
        raise UsageError(f"{path[:_LONGEST_TEXT]!r} is no file of this machine")
    return file


def _file(path: str) -> bytes:
    try:
        return read_bounded(Path(path), most=_MOST_BYTES)
    except OSError as error:
        raise UsageError(f"{path[:_LONGEST_TEXT]!r} cannot be read: {error.strerror or error}") from error


def _answer(asked: Asked) -> dict[str, Any]:
    answer = asked.json
    if answer is None:
        told: Any = f"{len(asked.content)} bytes of {asked.media_type}"
    else:
        told = answer if len(asked.content) <= _MOST_CHARACTERS else _shortened(answer)
    return {"status": asked.status, "answer": told}


def _shortened(value: Any) -> Any:
    """Cut what is long in an answer: a model has little use for a million numbers."""
    if isinstance(value, dict):
        return {name: _shortened(entry) for name, entry in value.items()}
    if isinstance(value, list):
        rest = len(value) - _LONGEST_LIST
        return [*map(_shortened, value[:_LONGEST_LIST]), *([f"and {rest} more"] if rest > 0 else [])]
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]}... ({len(value)} characters)"
    return value


def _outcome(run: Verification) -> dict[str, Any]:
    broken = causes_of(run.outcomes, run.exchanges)
    causes = [
        {
            "check": cause.check.code,
            "law": cause.check.law,
            "what": headline(cause),
            "extent": extent(cause),
            "found": safe(cause.violations[0].breach.found, cause.violations[0].exchange),
            "expected": safe(cause.violations[0].breach.expected, cause.violations[0].exchange),
            "mend": cause.check.mend,
        }
        for cause in broken[:_MOST_CAUSES]
    ]
    words = {HELD: "held", BROKEN: "broken"}
    return {
        "target": clean(run.target, run),
        "verdict": words.get(run.exit_status, "could not be judged"),
        "calls": len(run.exchanges),
        "causes": causes,
        "further_causes": max(len(broken) - _MOST_CAUSES, 0),
        "deviations_seen": list(run.deviations_seen),
        "unanswered": clean(run.unanswered, run),
    }


def _picture(last: Asked | None, image_path: str | None, answer: dict[str, Any] | None) -> bytes:
    content = _file(image_path) if image_path is not None else last.image if last is not None else None
    shown = answer if answer is not None else last.json if last is not None else None
    if content is None:
        raise UsageError("there is no photograph: name image_path, here or in ask")
    if not isinstance(shown, dict):
        raise UsageError("there is no answer to show: ask something, or give answer")
    header = read_header(content)
    if header.width * header.height > _MOST_PIXELS:
        raise UsageError(f"the photograph has {header.width} x {header.height} pixels, and {_MOST_PIXELS} can be drawn")
    photograph = open_photograph(content)
    try:
        layers = list(layers_of(shown, size=(photograph.height, photograph.width)))
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # of a value that is no answer at all
        raise UsageError(
            f"this is no whole answer of concept_segment or visual_segment ({type(error).__name__}: {error}); "
            "ask gets one, check_file says what is wrong with one in a file"
        ) from error
    picture = draw_masks(photograph, layers, times=enlargement(photograph))
    picture.thumbnail((_WIDEST, _WIDEST))  # more is lost on whoever looks, and costs as much as a book
    drawn = io.BytesIO()
    picture.save(drawn, "PNG")
    return drawn.getvalue()
