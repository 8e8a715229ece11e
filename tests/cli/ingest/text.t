No text of a body reaches the store, a report, the quarantine or a message.

  $ grep -c CANARY "$DATA/calls.jsonl"
  1

  $ assay ingest "$DATA/calls.jsonl" --store s.db --quarantine q.txt >out 2>&1
  > for q in overview people models errors unpriced; do assay report $q --store s.db; assay report $q "$DATA/calls.jsonl" --format json; done >>out 2>&1
  > cat s.db s.db-wal q.txt out 2>/dev/null | grep -c CANARY
  0
  [1]
