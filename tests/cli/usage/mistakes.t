A mistake on the command line is one line that names what is wrong and the nearest right word.

  $ assay reprot
  2> assay: unknown command 'reprot': did you mean 'report'?
  [2]

  $ assay report
  2> assay: nothing to read: give files or directories of logs, s3://bucket/prefix, cloudwatch:GROUP, - for standard input, or --store FILE
  [2]

  $ assay report --by usr x
  2> assay: unknown dimension 'usr'; did you mean user?
  [2]

  $ assay report --metrics csot x
  2> assay: unknown metric 'csot'; did you mean cost?
  [2]

  $ assay report --where usr=x x
  2> assay: unknown dimension 'usr'; did you mean user?
  [2]

  $ assay report --since yesterdy x
  2> assay: 'yesterdy' is no time; did you mean yesterday?
  [2]

  $ assay report --since 2026-02-30 x
  2> assay: '2026-02-30' is no time; give a date (2026-04-14, 2026-04), an instant (2026-04-14T08:30), a length (24h, 7d, 3mo) or a name (today, last-month)
  [2]

  $ assay report --since 2026-10-02 --until 2026-10-01 x
  2> assay: the period is empty: it begins at 2026-10-02T00:00:00Z and ends at 2026-10-02T00:00:00Z
  [2]

  $ assay report --bucket fortnight x
  2> assay: 'fortnight' is no bucket; there are hour, day, week, month and year
  [2]

  $ assay report --tz Mars/Olympus x
  2> assay: unknown time zone 'Mars/Olympus': give a name of the tz database, for example UTC or Europe/Berlin
  [2]

  $ assay report --order csot x
  2> assay: unknown metric 'csot'; did you mean cost?
  [2]

  $ assay report --limit many x
  2> assay: limit is a number of rows (0: all), not 'many'
  [2]

  $ assay report --format yaml x
  2> assay: --format is table, json, csv or md, not 'yaml'
  [2]

  $ assay report --color blue x
  2> assay: --color is auto, always or never, not 'blue'
  [2]

  $ assay report --level all x
  2> assay: --level is counts or content, not 'all'
  [2]

  $ assay report --formt json x
  2> assay: unknown option '--formt': did you mean '--format'?
  [2]

  $ assay report --threads -1 x
  2> assay: --threads wants a number (also with k, M or G), not '-1'
  [2]

  $ assay report --max-line 1 x
  2> assay: --max-line is from 1k to 2G
  [2]

  $ assay report --discount account x
  2> assay: discount "account": no percentage; wanted account:ID=PERCENT, provider:NAME=PERCENT or model:GLOB=PERCENT
  [2]

  $ assay report --discount provider:anthropic=101 x
  2> assay: discount "provider:anthropic": the percentage is not 0 to 100 with at most 4 decimals; wanted account:ID=PERCENT, provider:NAME=PERCENT or model:GLOB=PERCENT
  [2]

  $ assay report --store a.db x
  2> assay: give paths or --store, not both ('x'); to add logs to a store: assay ingest
  [2]

  $ assay report --directory not-there x
  2> assay: cannot open not-there: No such file or directory
  [2]

  $ printf 'match,persn\n*,A\n' >d.csv; assay report --directory d.csv x
  2> assay: d.csv, line 1: there is no column "persn"; did you mean 'person'?
  [2]

  $ printf -- '- arn: a\n  modle: b\n' >p.yaml; assay report --profiles p.yaml x
  2> assay: p.yaml, line 2: there is no column "modle"; did you mean 'model'?
  [2]

  $ assay ingest x
  2> assay: which store? Give --store FILE; it is made when new
  [2]

  $ assay ingest --store s.db
  2> assay: nothing to read: give files or directories of logs, s3://bucket/prefix, cloudwatch:GROUP, or - for standard input
  [2]

  $ assay simulate --users 2
  2> assay: simulate wants --out DIR and no other argument
  [2]

  $ assay price shwo
  2> assay: price: wanted list, show MODEL or check [FILE], not "shwo"
  [2]

  $ assay report peopel logs
  2> assay: there is no report 'peopel'; did you mean people?
  [2]
