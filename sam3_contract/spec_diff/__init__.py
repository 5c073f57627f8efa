"""What has changed between two OpenAPI documents, and whether it breaks clients.

``compare`` takes two documents and yields differences. Both are brought to one normal form first (``shaping``), so that
two spellings of one meaning do not differ; nothing is taken for granted of either (``document``).

The rule behind the table: in a request, whatever the first document allowed must still be accepted, and nothing new be
demanded; in an answer, whatever the second document may send must be what the first one promised. Fields that an open
object does not list, and constraints that the other document is silent about, are no statement: a client cannot tell
from them, so they are unclear where they could hurt. In particular:

* A request's field that is no longer declared is refused by a closed object (breaking) and silently ignored by an open
  one (unclear).
* A new value of an answer's list of values breaks clients that know them all; a list no longer given is unclear.
* A bound of an answer that has moved outwards is breaking; one that is no longer given is unclear.
* An answer's field that is not listed as required, but has a default or may be null, is unclear: FastAPI sends such
  fields always, and does not publish defaults of null.
* A status that is not declared is harmless unless it is a success; headers likewise unless they were required.

========================  ========  ========
kind                      request   answer
========================  ========  ========
operation_removed         breaking  -
operation_moved           breaking  -
operation_prefixed        harmless  -
operation_added           harmless  -
operation_deprecated      harmless  -
credentials_refused       breaking  -
credentials_added         harmless  -
credentials_undeclared    harmless  -
parameter_added           harmless  -
required_parameter_added  breaking  -
parameter_undeclared      unclear   -
parameter_restyled        breaking  -
body_added                harmless  harmless
required_body_added       breaking  -
body_removed              breaking  breaking
body_undescribed          -         unclear
media_type_added          harmless  unclear
media_type_removed        breaking  breaking
error_media_type_removed  -         unclear
status_removed            -         breaking
status_undeclared         -         harmless
status_added              -         harmless
success_added             -         unclear
stock_validation_error    -         harmless
header_added              -         harmless
header_undeclared         -         harmless
header_removed            -         breaking
field_added               harmless  harmless
required_field_added      breaking  harmless
field_removed             breaking  breaking
field_undeclared          unclear   unclear
newly_required            breaking  harmless
no_longer_required        harmless  breaking
presence_unstated         -         unclear
opened                    harmless  harmless
closed                    breaking  harmless
retyped                   breaking  breaking
type_added                harmless  breaking
type_removed              breaking  harmless
null_added                harmless  breaking
null_removed              breaking  harmless
free_form                 harmless  unclear
free_form_ended           breaking  harmless
form_added                harmless  breaking
form_removed              breaking  harmless
enum_values_added         harmless  breaking
enum_values_removed       breaking  harmless
enum_lifted               harmless  unclear
enum_introduced           breaking  harmless
bound_tightened           breaking  harmless
bound_loosened            harmless  breaking
bound_lifted              harmless  unclear
pattern_introduced        breaking  harmless
pattern_lifted            harmless  unclear
pattern_changed           unclear   unclear
format_changed            unclear   unclear
rule_introduced           breaking  harmless
rule_lifted               harmless  unclear
rule_changed              unclear   unclear
default_changed           breaking  harmless
default_added             harmless  harmless
default_removed           unclear   harmless
unresolved                unclear   unclear
too_complex               unclear   unclear
========================  ========  ========

Not compared: titles, descriptions, examples, ``x-`` extensions, ``readOnly`` and ``writeOnly``, discriminators, content
encodings, formats that are somebody's own, links, callbacks. ``oneOf`` is read as ``anyOf``; alternatives that only
refine what stands beside them, conditions and the like are compared as a whole, as rules.
"""

from __future__ import annotations

from sam3_contract.spec_diff.compare import compare
from sam3_contract.spec_diff.differences import Comparison, Difference, Target
from sam3_contract.spec_diff.rules import EFFECTS, RULES, Effect, Rule, Side

__all__ = ["EFFECTS", "RULES", "Comparison", "Difference", "Effect", "Rule", "Side", "Target", "compare"]
