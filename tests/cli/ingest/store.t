A store answers as the logs do, byte by byte, whatever was read before and how often.

  $ assay ingest "$DATA/calls.jsonl" --store s.db --quiet
  read 1 file (0 known already), 7 records, 1 quarantined
  the store holds 6 invocations, data up to 2026-10-03T10:05:00Z

  $ for q in overview people teams models regions profiles errors unpriced; do
  >   assay report $q "$DATA/calls.jsonl" --quiet --directory "$DATA/directory.csv" --format json >logs.json
  >   assay report $q --store s.db --directory "$DATA/directory.csv" --format json >store.json
  >   cmp logs.json store.json && echo "$q: same"
  > done
  overview: same
  people: same
  teams: same
  models: same
  regions: same
  profiles: same
  errors: same
  unpriced: same

A second time nothing changes, and the file is not opened.

  $ assay ingest "$DATA/calls.jsonl" --store s.db --quiet
  read 0 files (1 known already), 0 records
  the store holds 6 invocations, data up to 2026-10-03T10:05:00Z

The same records in another file are known too.

  $ gzip -c "$DATA/calls.jsonl" >again.gz; assay ingest again.gz --store s.db --quiet
  > assay report --store s.db --by user --metrics invocations,cost --format csv
  read 1 file (0 known already), 7 records, 1 quarantined
  the store holds 6 invocations, data up to 2026-10-03T10:05:00Z
  user,invocations,cost_nusd,cost_usd,unpriced,cost_reason
  ann@example.com,2,112075000,0.112075,0,cache TTL not known
  bob,2,17985000,0.017985,0,
  ci-runner/i-0123456789abcdef0,2,,,1,unknown model

What could not be read is kept with the file and listed as a report of the logs lists it.

  $ assay report "$DATA/calls.jsonl" --quarantine logs.txt >/dev/null
  > assay ingest "$DATA/calls.jsonl" --store list.db --quiet >/dev/null
  > assay report --store list.db --quarantine store.txt >/dev/null
  > cmp logs.txt store.txt && cat store.txt
  $ROOT/tests/cli/data/calls.jsonl:3983: the record ends too early
