The price book.

  $ assay price check
  built-in prices: 439 rows, all consistent

  $ assay price list 'anthropic.claude-opus-4-8*'
  pattern                              scope      from           input    output      read  write 5m  write 1h
  anthropic.claude-opus-4-8*           global     2026-05-28         5        25       0.5      6.25        10
  anthropic.claude-opus-4-8*           geo        2026-05-28       5.5      27.5      0.55     6.875        11
  anthropic.claude-opus-4-8*           in-region  2026-05-28       5.5      27.5      0.55     6.875        11
  us-gov-*/anthropic.claude-opus-4-8*  *          2026-07-03         6        30       0.6       7.5        12
  4 of 439 rows, USD per million tokens; newest price of 2026-10-07

  $ assay price show us.anthropic.claude-opus-4-8 --at 2026-10-01 --tokens 1000,200,50000,3000,1000
  model id    us.anthropic.claude-opus-4-8
  base model  anthropic.claude-opus-4-8 (Claude Opus 4.8)
  family      claude-opus of anthropic
  scope       geo (us)
  Region      us-east-1
  at          2026-10-01T00:00:00Z; the same from 2026-05-28T00:00:00Z until further notice
  
  USD per million tokens     input    output      read  write 5m  write 1h
  geo                          5.5      27.5      0.55     6.875        11
  
  rows of this model
    for another scope            built-in prices:35  anthropic.claude-opus-4-8*  global  2026-05-28
    taken                        built-in prices:36  anthropic.claude-opus-4-8*  geo  2026-05-28
    for another scope            built-in prices:37  anthropic.claude-opus-4-8*  in-region  2026-05-28
    for another Region           built-in prices:38  us-gov-*/anthropic.claude-opus-4-8*  *  2026-07-03
  
  sources
    AWS Bedrock pricing page 2026-07-24
    AWS Price List 2026-08-20
    BerriAI/litellm model_prices 2026-08-01
  
  uncached input                       1000 tokens           0.005500000000 USD
  output                                200 tokens           0.005500000000 USD
  cache read                          50000 tokens           0.027500000000 USD
  cache write, 5 minutes               3000 tokens           0.020625000000 USD
  cache write, 1 hour                  1000 tokens           0.011000000000 USD
  cost                                                       0.070125000000 USD  priced

  $ assay price show arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc --at 2026-10-01
  model id    arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc
  Region      us-east-1
  at          2026-10-01T00:00:00Z; the same from the beginning until further notice
  
  unpriced: provisioned throughput is billed by the hour

  $ assay price show nobody.secret-model-1 --at 2026-10-01
  model id    nobody.secret-model-1
  base model  nobody.secret-model-1
  family      secret-model of nobody
  scope       in-region
  Region      us-east-1
  at          2026-10-01T00:00:00Z; the same from the beginning until further notice
  
  unpriced: unknown model

What list prints, --prices reads.

  $ assay price list --format csv >all.csv; assay price check all.csv
  all.csv: 439 rows, all consistent

  $ printf 'model_id_pattern,provider\nx,y\n' >bad.csv; assay price check bad.csv
  2> assay: bad.csv: column "region_scope" is missing from the header
  [2]
