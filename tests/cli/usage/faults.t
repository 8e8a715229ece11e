What the system refuses: one line, and exit code 3.

  $ assay report "$DATA/calls.jsonl" --quiet >/dev/full
  2> assay: cannot write the output: No space left on device
  [3]

A reader that goes away ends quietly.

  $ assay report "$DATA/calls.jsonl" --quiet | head -n 1
  Spend over time · all data, 2026-10-01 – 2026-10-03, UTC
