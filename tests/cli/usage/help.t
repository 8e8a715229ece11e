Without arguments: help, and an exit code that says so.

  $ assay
  2> usage: assay COMMAND [ARGUMENT…]
  2> 
  2>   report     answer a question about logs or a store
  2>   session    show one session, call by call
  2>   ingest     read logs into a store
  2>   serve      follow logs in AWS as they arrive
  2>   status     say how a daemon and its store stand
  2>   config     check, explain and show assay.yaml
  2>   store      copy, check, measure and trim a store
  2>   price      show and check the price book
  2>   simulate   write realistic logs, with their truth
  2> 
  2>   assay report LOGS          what was spent, day by day
  2>   assay report people LOGS   by whom
  2>   assay report savings LOGS  what could be saved
  2>   assay COMMAND --help       the options of a command
  2>   man assay                  the manual
  [2]

  $ assay --version
  ~

Mask: assay \d+\.\d+\.\d+

  $ assay report --help
  usage: assay report [NAME] [PATH…] [option…]
  
  NAME is overview, people, teams, models, regions, profiles, errors, unpriced, or,
  from what was logged of requests, sessions, tools, mcp, skills, agents, context,
  harnesses, runaway or savings.
  PATH is a file, a directory, a quoted glob, s3://bucket/prefix, cloudwatch:GROUP, or -
  for standard input.
  
    --by DIM,…                 dimensions: user, team, model, account, region …
    --metrics NAME,…           columns: invocations, input, cost …
    --where DIM=GLOB,…         filter, also !=; may be repeated
    --since TIME               2026-10-01, 7d, this-month, yesterday …
    --until TIME               end of the period, inclusive for days
    --bucket SIZE              steps of time: hour, day, week, month, year
    --order NAME[:asc]         metric or dimension to sort by
    --limit N                  at most N rows; the total covers all
    --runaway                  of sessions those that look like runaways
    --runaway-limits KEY=N,…   thresholds: prompts, rate, fan-out, loop, cost …
    --savings-limits KEY=N,…   of savings: context, first-message, first-percentile
    --tz ZONE                  time zone of days and months (default UTC)
    --format FORM              table, json, csv or md
    --color WHEN               auto, always or never
    --store FILE               ask a store made by assay ingest
    --directory FILE           who belongs to which team
    --dedupe-memory SIZE       memory for recognising duplicates (default 1G)
    --session-memory SIZE      memory for gathering sessions (default 32M)
    --level counts|content     whether bodies are looked into (default content)
    --profiles FILE            application inference profiles: ARN, model, scope, name, tags
    --prices FILE              prices that replace built-in ones
    --discount WHAT=PERCENT    account:ID, provider:NAME or model:PATTERN; may be repeated
    --harness-rules FILE       how programs are recognised, before the built-in rules
    --repository-names         keep the last part of working directories, not a hash
    --quarantine FILE          list what could not be read: file, offset, reason ('-': stderr)
    --threads N                default: as many as processors; from AWS 16
    --max-line SIZE            largest record (default 64M)
    --max-inflated SIZE        largest file after decompression (default 16G)
    --max-ratio N              largest inflated : compressed (default 1100)
    --profile NAME             profile of the AWS configuration files
    --region NAME              AWS Region to ask
    --role-arn ARN             role to assume for reading
    --external-id ID           for that role, where it wants one
    --body-bucket NAME[/PREFIX]
                               further bucket that bodies may be read from; may be repeated
    --requester-pays           agree to pay for requests to the bucket
    --all-streams              of log groups, not only the stream that Bedrock writes to
    --max-requests N           per second (default: to S3 no limit, to CloudWatch Logs 5 per Region)
    --quiet                    no progress and no notes on standard error
    --help                     this text

  $ assay ingest --help
  usage: assay ingest PATH… --store FILE [option…]
  
    --store FILE               the store; made when it is not there
    --resolve-profiles         ask AWS what application profiles are (default: when logs come from AWS)
    --no-resolve-profiles      do not ask AWS
    --since TIME               of s3://: only hours from then on, in UTC
    --until TIME               of s3://: only hours before the end of that
    --level counts|content     whether bodies are looked into (default content)
    --profiles FILE            application inference profiles: ARN, model, scope, name, tags
    --prices FILE              prices that replace built-in ones
    --discount WHAT=PERCENT    account:ID, provider:NAME or model:PATTERN; may be repeated
    --harness-rules FILE       how programs are recognised, before the built-in rules
    --repository-names         keep the last part of working directories, not a hash
    --quarantine FILE          list what could not be read: file, offset, reason ('-': stderr)
    --threads N                default: as many as processors; from AWS 16
    --max-line SIZE            largest record (default 64M)
    --max-inflated SIZE        largest file after decompression (default 16G)
    --max-ratio N              largest inflated : compressed (default 1100)
    --profile NAME             profile of the AWS configuration files
    --region NAME              AWS Region to ask
    --role-arn ARN             role to assume for reading
    --external-id ID           for that role, where it wants one
    --body-bucket NAME[/PREFIX]
                               further bucket that bodies may be read from; may be repeated
    --requester-pays           agree to pay for requests to the bucket
    --all-streams              of log groups, not only the stream that Bedrock writes to
    --max-requests N           per second (default: to S3 no limit, to CloudWatch Logs 5 per Region)
    --quiet                    no progress and no notes on standard error
    --help                     this text

  $ assay price --help
  usage: assay price list [PATTERN] | show MODEL | check [FILE]
  
    --filter GLOB              list: models or names to show
    --region REGION            source Region (show: us-east-1)
    --date DAY                 list: only what was in force on that day
    --format table|json|csv    list: csv is what --prices reads
    --at TIME                  show: time of the call (now)
    --tokens IN,OUT,READ,W5M,W1H
                               show: what so many cost
    --account ID               show: account of the call, for discounts
    --prices FILE              prices that replace built-in ones
    --profiles FILE            application inference profiles
    --discount WHAT=PERCENT    account:ID, provider:NAME or model:PATTERN; may be repeated
    --help                     this text

  $ assay simulate --help
  usage: assay simulate --out DIR [--users N] [--days N] [--seed S] [--bodies HOW]
  
    --users N                  people, besides services (20)
    --days N                   days from the start on (30)
    --seed S                   the same seed gives the same logs (1)
    --out DIR                  where to write; must be empty or missing
    --bodies HOW               inline, s3 (large ones under data/) or none (inline)
    --start DATE               the first day (2026-10-01)
    --records N                stop after about so many records
    --body-scale PERCENT       size of generated texts, 1 to 400 (100)
    --force                    write into a directory that is not empty
    --help                     this text
