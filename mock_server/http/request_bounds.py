"""How much a request may hold, whatever it is: what is decoded, validated and reported of it is bounded by these.

The service has no such bounds, so what lies beyond gets an answer that the service does not have. Bodies of images are
not meant: an image is one text, however long.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mock_server.http.refusals import no_answer

MOST_VALUES: Final = 2**18
"""Values of a body that are decoded: a body of 20 MB could hold ten million."""
MOST_WEIGHT: Final = 2**14
"""What the parts of a body weigh that is validated: 1 for each value, 3 for each object, as each may lack fields."""
MOST_CHARACTERS: Final = 1024 * 1024
"""Of all texts of a body that is validated, but that of the image."""
MOST_FINDINGS: Final = 1000
"""Findings of validation that are reported."""
LONGEST_ECHO: Final = 1000
"""Characters of a text that findings repeat, of bodies larger than :data:`ECHOED`."""
ECHOED: Final = 1024 * 1024
"""Bytes of a body that findings may repeat as a whole."""
_OBJECT: Final = 3
_PART: Final = 256 * 1024


def refuse_too_many_values(body: bytes) -> None:
    """Refuse a body that decodes to more values than there is room for; those in texts are counted as well.

    Raises:
        Refusal: 599.
    """
    if len(body) <= MOST_VALUES:
        return
    characters = np.frombuffer(body, np.uint8)  # counted by numpy in a tenth of the time that bytes take
    values = 0
    # Part by part: others wait while it counts, and most of what is too much shows at the beginning.
    for start in range(0, len(body), _PART):
        part = characters[start : start + _PART]
        values += sum(int(np.count_nonzero(part == sign)) for sign in b",{[")
        if values > MOST_VALUES:
            raise no_answer(f"a body of more than {MOST_VALUES} values")


def refuse_too_heavy(body: dict[str, Any]) -> None:
    """Refuse a body with more prompts, points and boxes than are validated, or with longer texts.

    Raises:
        Refusal: 599.
    """
    image = body.get("image")
    # What an image holds may be an array of its pixels: it is refused in one piece, or not looked at.
    without_pixels = {**body, "image": dict.fromkeys(image) if isinstance(image, dict) else None}
    left: list[Any] = [without_pixels]
    weight = characters = 0
    while left:
        value = left.pop()
        weight += len(value) + _OBJECT * isinstance(value, dict)
        if weight > MOST_WEIGHT:
            raise no_answer("a body of so many prompts, points and boxes; some thousands are the most")
        for one in value.values() if isinstance(value, dict) else value:
            if isinstance(one, str):
                characters += len(one)
            elif isinstance(one, dict | list):
                left.append(one)
        if characters > MOST_CHARACTERS:
            raise no_answer(f"texts of more than {MOST_CHARACTERS} characters in all")


def shortened(value: Any) -> Any:
    """Shorten the texts of a value."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST_ECHO else f"{value[:LONGEST_ECHO]}... ({len(value)} characters)"
    if isinstance(value, list):
        return list(map(shortened, value))
    return {name[:LONGEST_ECHO]: shortened(one) for name, one in value.items()} if isinstance(value, dict) else value
