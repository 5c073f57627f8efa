"""What `verify` finds of the mock's faults, beside schemathesis alone with as many calls; false alarms; seconds.

    python -m benchmarks.verify [--faults NAME[:PARAMETER] ...] [--seed N] [--seeds N] [--profile NAME] [--json FILE]
    python -m benchmarks.verify --mutants [NAME ...]
    python -m benchmarks.verify --causes [FAULT ...]

A mock in this process has one fault on for every request. `verify` sends its default plan, schemathesis requests of its
own, each at most 60, counted where they arrive. Column "at" is the number of the answer that completed the first
finding, "calls" how many were sent: what 60 do not find is looked for with 150 and with 400. Of faults that need
something else to show, `SHOWN` of faults.py says what and why.

`--mutants` tries `benchmarks.mutants`: servers with a conditional or partial defect each, of which none is in the
catalogue.

`--causes` looks at what the first screen says: whether its first cause is the law that the fault breaks, as
tests/contract/test_contract.py has it, or one by which faults of the same chapter (a module of
`mock_server.faults.chapters`) are found, and how many lines the terminal shows.

"schemathesis alone" means its own checks on the same document, without `sam3_contract.schemathesis_hooks`. The only
help it gets are the strategies of the three string formats: without them hardly a request would hold an image. It sends
the document's examples with the key as Bearer, then in turns what it makes for its phases coverage (one case of each
scenario) and fuzzing (allowed and not allowed), operation by operation, with the key in the query. Its check of
authentication sends requests of its own, which count; as in its own runner it rests once an operation has passed it. A
failure that the faultless mock has with the same request is a false alarm and finds nothing.

Requests and masks follow from seeds. Exit status 1 if a target is missed.
"""
