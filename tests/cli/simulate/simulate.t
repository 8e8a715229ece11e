Sample logs: the same seed gives the same records; the report of them is the truth beside them.

  $ assay simulate --users 3 --days 2 --seed 5 --body-scale 1 --out a >/dev/null
  > assay simulate --users 3 --days 2 --seed 5 --body-scale 1 --out b >/dev/null
  > diff -r a b && echo same
  same

  $ assay simulate --users 3 --days 2 --seed 5 --body-scale 1 --out a
  2> assay: the directory a is not empty: choose another one, or --force to write into it
  [2]

  $ assay simulate --users 3 --days 2 --seed 7 --out c >/dev/null
  > assay report c/AWSLogs --quiet --profiles c/profiles.yaml --format json --metrics invocations,errors,input,output,cache_read,cache_write_5m,cache_write_1h,cache_write_unknown >r.json
  > python3 - <<'END'
  > import json
  > truth, report = json.load(open("c/truth.json")), json.load(open("r.json"))
  > total, about = report["total"], report["about"]
  > print([k for k in total if k in truth["total"] and total[k] != truth["total"][k]])
  > print(about["records"] == truth["total"]["records"], about["duplicates"] == truth["total"]["duplicates"])
  > END
  []
  True True
