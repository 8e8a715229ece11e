Broken input is counted and described, never fatal, and its text is not shown.

  $ assay report "$DATA/calls.jsonl" --by status --metrics invocations --format csv --quarantine -
  status,invocations
  ok,5
  error,1
  2> $ROOT/tests/cli/data/calls.jsonl:3983: the record ends too early

A truncated gzip file: whole records count, the rest is quarantined.

  $ seq 400 | while read -r i; do sed "s/00000000-0000/$(printf %08d $i)-0000/" "$DATA/calls.jsonl" | head -n 2; done | gzip >whole.gz
  > head -c $(($(wc -c <whole.gz) / 2)) whole.gz >cut.gz
  > assay report whole.gz --by status --metrics invocations --format csv
  status,invocations
  ok,800

  $ assay report cut.gz --by status --metrics invocations --format csv
  status,invocations
  ok,333
  2> assay: cut.gz:250021: the record ends too early
  2> assay: cut.gz:249000: the gzip file ends too early
  [1]

Garbage, an empty file, a file that is not there, a directory without logs.

  $ printf '\037\213\010garbage' >bad.gz; assay report bad.gz --metrics invocations --format csv
  invocations
  2> assay: bad.gz:0: the gzip file is damaged
  [1]

  $ : >empty; assay report empty --metrics invocations --format csv
  invocations

  $ assay report not-there "$DATA/calls.jsonl" --metrics invocations --format csv 2>err
  > echo "exit $?"; sort err >&2
  invocations
  6
  exit 1
  2> assay: $ROOT/tests/cli/data/calls.jsonl:3983: the record ends too early
  2> assay: not-there: No such file or directory

  $ mkdir nothing; assay report nothing --metrics invocations --format csv
  invocations

Limits: a long line, a deep one, a file that grows too much.

  $ (head -n 1 "$DATA/calls.jsonl"; printf '{"modelId":"'; head -c 5000000 /dev/zero | tr '\0' x; printf '"}\n'; sed -n 2p "$DATA/calls.jsonl") >long
  > assay report long --metrics invocations --format csv --max-line 1M
  invocations
  2
  2> assay: long:1021: the record is longer than the limit (--max-line)

  $ (head -c 600 /dev/zero | tr '\0' '['; echo; head -n 1 "$DATA/calls.jsonl") >deep
  > assay report deep --metrics invocations --format csv
  invocations
  1

  $ head -c 30000000 /dev/zero | gzip >bomb.gz; assay report bomb.gz --metrics invocations --format csv --max-ratio 100
  invocations
  2> assay: bomb.gz:0: the gzip file inflates beyond the limits
  [1]

Invalid UTF-8 in one record leaves the others.

  $ (head -n 1 "$DATA/calls.jsonl"; printf '{"modelId":"\377","requestId":"r"}\n'; sed -n 2p "$DATA/calls.jsonl") >utf8
  > assay report utf8 --metrics invocations --format csv
  invocations
  2
  2> assay: utf8:1021: invalid UTF-8 or control characters
