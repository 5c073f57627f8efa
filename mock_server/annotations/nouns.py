"""When two noun phrases mean the same concept: a simple rule that can be told in a sentence.

Case, punctuation, underscores and a leading article do not count, and the last word may be singular or plural:
"The Traffic-Lights" is a "traffic light". Nothing else is understood; "automobile" is no "car" unless the annotations
say so.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_WORD: Final = re.compile(r"[^\W_]+")
_IN_PARENTHESES: Final = re.compile(r"\([^()]*\)")
_ARTICLES: Final = frozenset({"a", "an", "the"})
_IRREGULAR: Final = {
    "people": "person",
    "children": "child",
    "feet": "foot",
    "teeth": "tooth",
    "geese": "goose",
    "mice": "mouse",
    "oxen": "ox",
    "dice": "die",
}


def forms_of(phrase: str) -> frozenset[str]:
    """List the forms of a noun phrase; two phrases mean the same if they share one.

    Args:
        phrase: As people or data sets write it; LVIS' ``bow_(weapon)`` is a "bow weapon" and a "bow".

    Returns:
        Words in lower case, joined by spaces, the last one as it is and as it would be in the singular. Empty if the
        phrase holds no letter or digit.

    Example:
        >>> sorted(forms_of("The Traffic-Lights"))
        ['traffic light', 'traffic lights']
        >>> bool(forms_of("buses") & forms_of("bus"))
        True
    """
    plain = unicodedata.normalize("NFKC", phrase).casefold()
    return frozenset(form for text in {plain, _IN_PARENTHESES.sub(" ", plain)} for form in _forms(text))


def _forms(text: str) -> Iterator[str]:
    words = _WORD.findall(text)
    if len(words) > 1 and words[0] in _ARTICLES:
        words = words[1:]
    if words:
        for last in _singulars(words[-1]):
            yield " ".join([*words[:-1], last])


def _singulars(word: str) -> Iterator[str]:
    """Yield a word and whatever it could be the plural of, real or not."""
    yield word
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    elif word.endswith("men"):
        yield f"{word[:-2]}an"
    elif len(word) > 2 and word.endswith("s") and not word.endswith("ss"):
        yield word[:-1]
        if word.endswith("es"):
            yield word[:-2]
        if word.endswith("ies"):
            yield f"{word[:-3]}y"
        if word.endswith("ves"):
            yield from (f"{word[:-3]}f", f"{word[:-3]}fe")
