Mistakes on the command line are told in one line.

  $ assay store
  2> assay: what with the store? backup, check, stats, migrate or retain
  [2]

  $ assay store chekc --store s.db
  2> assay: assay store has no 'chekc': did you mean 'check'?
  [2]

  $ assay store frobnicate --store s.db
  2> assay: assay store has no 'frobnicate'; --help lists what it can do
  [2]

  $ assay store check
  2> assay: which store? Give --store FILE
  [2]

  $ assay store check s.db
  2> assay: what is 's.db'? The store is given with --store FILE
  [2]

  $ assay store backup --store s.db
  2> assay: where to? assay store backup FILE --store STORE
  [2]

  $ assay store stats --store s.db --format csv
  2> assay: --format is table or json, not 'csv'
  [2]

  $ assay store check --store s.db
  2> assay: cannot open the store 's.db': No such file or directory
  [3]

  $ echo text >text.db; assay store check --store text.db
  2> assay: 'text.db' is not a store of assay; give the file that assay ingest made
  [2]

Damage is found.

  $ assay ingest "$DATA/calls.jsonl" --store s.db --quiet >/dev/null; python3 -c '
  > import sqlite3; db = sqlite3.connect("s.db"); db.execute("DELETE FROM total WHERE id=(SELECT max(id) FROM total)"); db.commit()'
  > assay store check --store s.db
  2> assay: store 's.db': damaged: a total is not the sum of its facts; make a new store from the logs
  [2]
