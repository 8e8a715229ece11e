The example is right as it is: only its sources are made up.

  $ export XDG_STATE_HOME=/state ; assay config example >assay.yaml
  > assay config check -c assay.yaml | sed 's|/var/lib/assay/|/state/assay/|'
  assay.yaml is right. It would run:
    store       /state/assay/assay.db, invocations for ever, sums for ever
    reading     counts and bodies, 16 at a time
    s3          s3://bedrock-logs/prefix, every 60s, the last 48h again
    sqs         https://sqs.eu-west-1.amazonaws.com/111122223333/bedrock-logs
    cloudwatch  cloudwatch:/aws/bedrock/modelinvocations, every 60s, the last 5m again
    push        push: http://127.0.0.1:8443, without an access key
    status      http://127.0.0.1:9464

Without -c the file is looked for: in the variable, among the user's files, in the system.

  $ mkdir -p .config/assay other/assay
  > echo 'sources: [{url: "s3://from-home"}]' >.config/assay/assay.yaml
  > echo 'sources: [{url: "s3://from-xdg"}]' >other/assay/assay.yaml
  > echo 'sources: [{url: "s3://from-variable"}]' >variable.yaml
  > names() { assay config show | grep name:; }
  > names; XDG_CONFIG_HOME=$PWD/other names; ASSAY_CONFIG=variable.yaml names
    - name: from-home
    - name: from-xdg
    - name: from-variable
  $ assay config show --config variable.yaml | tail -n 6
    - name: from-variable
      url: s3://from-variable
      requester_pays: false
      poll: 60s
      window: 48h
      rate: 0

A file that is not there, and one that is no file.

  $ assay config check -c nowhere.yaml
  2> assay: nowhere.yaml: there is no such file
  [2]
  $ assay config check -c .config
  2> assay: cannot read .config: Is a directory
  [3]
  $ [ -e /etc/assay/assay.yaml ] || HOME=$PWD/nobody assay config check
  2> assay: no configuration: give -c FILE, or write $TMP/nobody/.config/assay/assay.yaml or /etc/assay/assay.yaml (`assay config example` prints one)
  [2]

Paths are relative to the file, ~/ is the home directory; what sources take from the top stands in
them.

  $ mkdir -p conf && cat >conf/assay.yaml <<END
  > store: usage.db
  > profiles: ~/profiles.yaml
  > region: eu-west-1
  > keep_facts: 400d
  > keep_rollups: 800d
  > status_listen: 0.0.0.0:9464
  > sources:
  >   - url: cloudwatch:/aws/bedrock/modelinvocations
  >     role_arn: arn:aws:iam::111122223333:role/assay
  >   - listen: 0.0.0.0:8443
  >     certificate: push.crt
  >     key: push.key
  >     access_key_file: push-access-key
  > END
  > assay config check -c conf/assay.yaml
  2> conf/assay.yaml:2: profiles: there is no such file: $TMP/profiles.yaml
  2> conf/assay.yaml:11: sources[1].certificate: there is no such file: $TMP/conf/push.crt
  2> conf/assay.yaml:12: sources[1].key: there is no such file
  2> conf/assay.yaml:13: sources[1].access_key_file: there is no such file
  [2]

All mistakes are told. With the files there, and closed to others, it is right.

  $ touch conf/push.crt conf/push.key conf/push-access-key; : >profiles.yaml
  > chmod 644 conf/push.key conf/push-access-key
  > assay config check -c conf/assay.yaml
  conf/assay.yaml is right. It would run:
    store       $TMP/conf/usage.db, invocations for 400 days, sums for 800 days
    reading     counts and bodies, 16 at a time
    cloudwatch  cloudwatch:/aws/bedrock/modelinvocations, every 60s, the last 5m again, as arn:aws:iam::111122223333:role/assay
    push        push: https://0.0.0.0:8443
    status      http://0.0.0.0:9464, for all who can reach it
  2> conf/assay.yaml:12: warning: sources[1].key: readable by others than its owner and group (mode 644); chmod o-rwx
  2> conf/assay.yaml:13: warning: sources[1].access_key_file: readable by others than its owner (mode 644); chmod 600
  $ chmod 600 conf/push.key conf/push-access-key
  > assay config check -c conf/assay.yaml
  conf/assay.yaml is right. It would run:
    store       $TMP/conf/usage.db, invocations for 400 days, sums for 800 days
    reading     counts and bodies, 16 at a time
    cloudwatch  cloudwatch:/aws/bedrock/modelinvocations, every 60s, the last 5m again, as arn:aws:iam::111122223333:role/assay
    push        push: https://0.0.0.0:8443
    status      http://0.0.0.0:9464, for all who can reach it
  $ assay config show -c conf/assay.yaml
  store: $TMP/conf/usage.db
  level: content
  profiles: $TMP/profiles.yaml
  resolve_profiles: true
  repository_names: false
  threads: 16
  max_line: 64M
  max_inflated: 16G
  max_ratio: 1100
  keep_facts: 400d
  keep_rollups: 800d
  region: eu-west-1
  status_listen: 0.0.0.0:9464
  log: text
  log_level: info
  sources:
    - name: /aws/bedrock/modelinvocations
      url: cloudwatch:/aws/bedrock/modelinvocations
      region: eu-west-1
      role_arn: arn:aws:iam::111122223333:role/assay
      poll: 60s
      overlap: 5m
      rate: 0
    - name: push
      region: eu-west-1
      listen: "0.0.0.0:8443"
      certificate: $TMP/conf/push.crt
      key: $TMP/conf/push.key
      access_key_file: $TMP/conf/push-access-key
      max_body: 24M

What it shows can be read again and comes to the same.

  $ assay config show -c conf/assay.yaml >shown.yaml; assay config show -c shown.yaml | cmp - shown.yaml

The contents of prices, profiles and rules are checked, too.

  $ echo '- arnn: x' >profiles.yaml; assay config check -c conf/assay.yaml
  2> assay: $TMP/profiles.yaml, line 1: there is no column "arnn"; did you mean 'arn'?
  [2]

A store needs its directory; a key may be misspelt; values and places may be wrong.

  $ cat >bad.yaml <<END
  > store: nowhere/at-all/usage.db
  > levle: counts
  > threads: many
  > prices: prices.csv
  > sources:
  >   - url: s3://bedrock-logs
  >     pol: 5m
  >     poll: 5
  >   - url: s3://bedrock-logs
  >   - listen: 0.0.0.0:8443
  >     access_key_file: AKNOBODYSHOULDSEETHIS
  >     window: 48h
  > END
  > assay config check -c bad.yaml
  2> bad.yaml:1: store: there is no directory $TMP/nowhere/at-all/ to make it in
  2> bad.yaml:2: levle: unknown key; did you mean level?
  2> bad.yaml:3: threads: wanted a number, not "many"
  2> bad.yaml:4: prices: there is no such file: $TMP/prices.csv
  2> bad.yaml:7: sources[0].pol: unknown key; did you mean poll?
  2> bad.yaml:8: sources[0].poll: wanted a time with its unit such as 30s, 5m, 48h or 7d, not "5"
  2> bad.yaml:9: sources[1].name: sources[0] has the same name; give one of them another
  2> bad.yaml:10: sources[2].certificate: wanted where others than this machine can connect; or listen on 127.0.0.1 behind a proxy
  2> bad.yaml:10: sources[2].key: wanted where others than this machine can connect; or listen on 127.0.0.1 behind a proxy
  2> bad.yaml:11: sources[2].access_key_file: there is no such file
  2> bad.yaml:12: sources[2].window: not of a source of kind push, only of: s3
  [2]

A file given by mistake does not come back in messages.

  $ printf 'Dear model: please look at my diary\nand: this\n' >prompt.txt; assay config check -c prompt.txt
  2> prompt.txt: sources: nothing to read; wanted a list with at least one `- url: s3://…`
  2> prompt.txt:1: (a key of 10 bytes): unknown key; `assay config example` shows all
  2> prompt.txt:2: and: unknown key; `assay config example` shows all
  [2]
  $ printf 'dear model\tI have a secret: yes\n- x' >prompt.txt; assay config check -c prompt.txt
  2> prompt.txt:2: not YAML: did not find expected key (while parsing a block mapping that begins in line 1)
  [2]
  $ truncate -s 100M large.yaml; assay config check -c large.yaml
  2> assay: large.yaml: larger than 1 MiB; that is no configuration
  [2]
  $ printf 'sources:\n  - &a {url: s3://abc}\n  - *a\n' >bomb.yaml; assay config show -c bomb.yaml
  2> bomb.yaml:2: anchors (&name) are not allowed here
  [2]

Words of the command line.

  $ assay config
  2> assay: config: wanted check, example or show
  [2]
  $ assay config chekc
  2> assay: config: wanted check, example or show, not 'chekc': did you mean 'check'?
  [2]
  $ assay config check assay.yaml
  2> assay: config check takes no operand ('assay.yaml'); the file is given with -c
  [2]
  $ assay config check -x assay.yaml
  2> assay: unknown option '--x'; --help lists them
  [2]
  $ assay config check -c
  2> assay: -c wants FILE
  [2]
  $ assay config --help
  usage: assay config check | example | show [-c FILE]
  
    -c FILE                    the configuration; default: see assay.yaml(5)
    --config FILE              the same
    --help                     this text
