"""What has changed between two OpenAPI documents that clients of some operations can feel.

``compare`` takes two documents and yields differences; ``RULES`` has all kinds and what each means for clients. Both
documents are brought to one normal form first, so that two spellings of one meaning do not differ; nothing is taken
for granted of either.

In a request, whatever the first document allowed must still be accepted, and nothing new be demanded; in an answer,
whatever the second document may send must be what the first one promised. What a document is silent about is no
statement: it is unclear where it could hurt. In particular:

* A request's field that is no longer declared is refused by a closed object (breaking) and silently ignored by an open
  one (unclear).
* A new value of an answer's list of values breaks clients that know them all; a list no longer given is unclear.
* An answer's field that is not listed as required, but has a default or may be null, is unclear: FastAPI sends such
  fields always, and does not publish defaults of null.

Compared are where an operation is, credentials, parameters, what is sent, and what a success answers. Not compared is
what no client can feel: prose, formats, styles of parameters, headers, what an error's body says, further statuses of
errors, what maps hold.
"""

from __future__ import annotations

from sam3_contract.spec_diff.compare import compare
from sam3_contract.spec_diff.differences import EFFECTS, RULES, Comparison, Difference, Effect, Rule, Side, Target

__all__ = ["EFFECTS", "RULES", "Comparison", "Difference", "Effect", "Rule", "Side", "Target", "compare"]
