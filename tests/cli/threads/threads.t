The answer does not depend on the number of threads, in a report and in a store.

  $ assay simulate --users 4 --days 3 --seed 11 --body-scale 1 --out logs >/dev/null
  > for n in 1 2 3 8; do
  >   assay report people logs/AWSLogs --quiet --profiles logs/profiles.yaml --threads $n --format json >$n.json || echo failed
  >   assay ingest logs/AWSLogs --quiet --profiles logs/profiles.yaml --threads $n --store $n.db >/dev/null || echo failed
  >   assay report people --store $n.db --format json >$n.store.json || echo failed
  >   cmp 1.json $n.json && cmp 1.json $n.store.json && echo "$n: same"
  > done
  1: same
  2: same
  3: same
  8: same

Duplicates that do not fit into memory go to a file; the answer is the same.

  $ assay simulate --users 4 --days 3 --seed 11 --bodies none --out more >/dev/null
  > assay report people more/AWSLogs --quiet --threads 4 --format json >all.json
  > assay report people more/AWSLogs --quiet --threads 4 --dedupe-memory 64k --format json >little.json
  > cmp all.json little.json && echo same
  same
