What is no store, a store that is not there, a store of a newer assay, one that may not be written.

  $ assay report --store not-there.db
  2> assay: cannot open the store 'not-there.db': No such file or directory
  [3]

  $ echo text >text.db; assay report --store text.db
  2> assay: 'text.db' is not a store of assay; give the file that assay ingest made
  [2]

  $ echo text >text.db; assay ingest "$DATA/calls.jsonl" --store text.db --quiet; cat text.db
  text
  2> assay: 'text.db' is not a store of assay; give the file that assay ingest made

  $ : >empty.db; assay report --store empty.db
  2> assay: 'empty.db' is not a store of assay; give the file that assay ingest made
  [2]

  $ assay ingest "$DATA/calls.jsonl" --store no/such/folder/s.db --quiet
  2> assay: cannot write here: 'no/such/folder/s.db-lock': No such file or directory
  [3]

  $ assay ingest "$DATA/calls.jsonl" --store s.db --quiet >out; python3 - <<'END'
  > import sqlite3
  > db = sqlite3.connect("s.db")
  > db.execute("pragma user_version = 99999")
  > db.commit()
  > END
  > assay report --store s.db
  2> assay: store 's.db' has version 99999, this assay knows 5; use the assay that made it or make a new store from the logs
  [3]
