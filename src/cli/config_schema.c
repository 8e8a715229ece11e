/*
 * The keys of assay.yaml: the one table from which the file is parsed, mistakes are told, the
 * example and `config show` are written, and with which assay.yaml(5) is compared. A new key is a
 * row here, a field in config.h, and CONFIG_KEYS one higher.
 */
#include "cli/config_internal.h"

#define TOP(field) OF_TOP, offsetof(struct config, field)
#define SOURCE(kinds, field) kinds, offsetof(struct config_source, field)

enum { MINUTE = 60, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
static const int64_t least_body = INT64_C(1) << 20, most_body = INT64_C(1) << 28;
static const int64_t most_inflated = INT64_C(1) << 40, most_line = INT64_C(1) << 31;

/* clang-format off */
const struct config_key config_keys[] = {
    {"store", TYPE_PATH, TOP(store), NULL, 0, 0, NULL, "/var/lib/assay/assay.db",
     "The store: a single file, made when it is not there"},
    {"level", TYPE_WORD, TOP(level), "content", 0, 0, "counts|content", NULL,
     "Whether bodies are looked into, or not even opened"},
    {"profiles", TYPE_PATH, TOP(profiles), NULL, 0, 0, NULL, "profiles.yaml",
     "Application inference profiles: ARN, model, scope, name"},
    {"resolve_profiles", TYPE_FLAG, TOP(resolve_profiles), "true", 0, 0, NULL, NULL,
     "Ask Bedrock about application inference profiles that no file names"},
    {"prices", TYPE_PATH, TOP(prices), NULL, 0, 0, NULL, "prices.csv",
     "Prices that replace built-in ones, as `assay price list --format csv` prints them"},
    {"discounts", TYPE_DISCOUNTS, TOP(discounts), NULL, 0, 0, NULL, "provider:anthropic=7.5",
     "Per cent off: account:ID=N, provider:NAME=N or model:PATTERN=N"},
    {"harness_rules", TYPE_PATH, TOP(harness_rules), NULL, 0, 0, NULL, "harnesses.csv",
     "How programs are recognised, before the built-in rules"},
    {"repository_names", TYPE_FLAG, TOP(repository_names), "false", 0, 0, NULL, NULL,
     "Keep the last part of working directories rather than a hash"},
    {"threads", TYPE_COUNT, TOP(threads), "16", 1, 64, NULL, NULL,
     "Objects that are read at the same time"},
    {"max_line", TYPE_SIZE, TOP(max_line), "64M", 1024, most_line, NULL, NULL,
     "Largest record; a longer one is put into quarantine"},
    {"max_inflated", TYPE_SIZE, TOP(max_inflated), "16G", 1024, most_inflated, NULL, NULL,
     "Largest object after decompression"},
    {"max_ratio", TYPE_COUNT, TOP(max_ratio), "1100", 1, UINT32_MAX, NULL, NULL,
     "Largest inflated : compressed; the format itself ends at 1032"},
    {"keep_facts", TYPE_DAYS, TOP(keep_facts_days), "forever", 1, 36500, NULL, NULL,
     "How long single invocations are kept"},
    {"keep_rollups", TYPE_DAYS, TOP(keep_rollups_days), "forever", 1, 36500, NULL, NULL,
     "How long sums by the hour are kept; not shorter than keep_facts"},
    {"profile", TYPE_TEXT, TOP(profile), NULL, 0, 0, NULL, "bedrock-logs",
     "Profile of the AWS configuration, for sources that do not say their own"},
    {"region", TYPE_REGION, TOP(region), NULL, 0, 0, NULL, "eu-west-1",
     "Region, for sources that do not say their own"},
    {"status_listen", TYPE_SWITCHED_ADDRESS, TOP(status_listen), "127.0.0.1:9464", 0, 0, NULL, NULL,
     "Where state and metrics are served (plain HTTP); off: nowhere"},
    {"log", TYPE_CHOICE, TOP(log), "text", 0, 0, "text|json", NULL,
     "Form of the log on standard error"},
    {"log_level", TYPE_CHOICE, TOP(log_level), "info", 0, 0, "error|warning|info|debug", NULL,
     "The least that is logged"},
    {"sources", TYPE_SOURCES, TOP(sources), NULL, 0, 0, NULL, NULL,
     "What is read, one entry each"},

    {"name", TYPE_NAME, SOURCE(OF_SOURCES, name), NULL, 0, 0, NULL, "logs",
     "Its name in the log, in `assay status` and in metrics; default: made from url"},
    {"url", TYPE_URL, SOURCE(OF_S3 | OF_SQS | OF_CLOUDWATCH, url), NULL, 0, 0, NULL, NULL,
     "s3://BUCKET/PREFIX, an SQS queue (https://...) or cloudwatch:GROUP"},
    {"profile", TYPE_TEXT, SOURCE(OF_SOURCES, profile), NULL, 0, 0, NULL, "bedrock-logs",
     "Profile of the AWS configuration"},
    {"region", TYPE_REGION, SOURCE(OF_SOURCES, region), NULL, 0, 0, NULL, "eu-west-1",
     "Region of the bucket, queue or group"},
    {"role_arn", TYPE_ROLE, SOURCE(OF_SOURCES, role_arn), NULL, 0, 0, NULL,
     "arn:aws:iam::111122223333:role/assay", "Role to assume"},
    {"external_id", TYPE_TEXT, SOURCE(OF_SOURCES, external_id), NULL, 0, 0, NULL, "usage-reports",
     "External ID that the role asks for"},
    {"body_buckets", TYPE_BUCKETS, SOURCE(OF_SOURCES, body_buckets), NULL, 0, 0, NULL,
     "bedrock-large-bodies", "Other buckets that records may point to for large bodies"},
    {"buckets", TYPE_BUCKETS, SOURCE(OF_SQS, buckets), NULL, 0, 0, NULL, "bedrock-logs",
     "The only buckets of which messages are heeded; default: those of the sources of kind s3 and "
     "body_buckets; without a source of kind s3, any that the keys may read"},
    {"requester_pays", TYPE_FLAG, SOURCE(OF_S3 | OF_SQS, requester_pays), "false", 0, 0, NULL, NULL,
     "Agree to pay for requests to a bucket that asks for it"},
    {"poll", TYPE_DURATION, SOURCE(OF_S3 | OF_CLOUDWATCH, poll_s), "60s", 1, DAY, NULL, NULL,
     "Pause between two looks for what is new"},
    {"window", TYPE_DURATION, SOURCE(OF_S3, window_s), "48h", HOUR, 366 * DAY, NULL, NULL,
     "How far back hours are listed again, for objects that come late"},
    {"overlap", TYPE_DURATION, SOURCE(OF_CLOUDWATCH, overlap_s), "5m", 0, 7 * DAY, NULL, NULL,
     "How far back events are asked for again, for those that come late"},
    {"since", TYPE_TIME, SOURCE(OF_S3 | OF_CLOUDWATCH, since_us), NULL, 0, 0, NULL, "2026-01-01",
     "Nothing from before: a day, an instant, or so long ago (90d); default: from the beginning"},
    {"rate", TYPE_COUNT, SOURCE(OF_S3 | OF_CLOUDWATCH, rate), "0", 0, 10000, NULL, NULL,
     "Requests per second at most; 0: the source's own choice"},
    {"listen", TYPE_ADDRESS, SOURCE(OF_PUSH, listen), NULL, 0, 0, NULL, NULL,
     "HOST:PORT on which Amazon Data Firehose delivers, to port 443 only; makes it a push source"},
    {"certificate", TYPE_PATH, SOURCE(OF_PUSH, certificate), NULL, 0, 0, NULL, "push.crt",
     "Certificate with its chain (PEM); may be left out on a loopback address"},
    {"key", TYPE_PATH, SOURCE(OF_PUSH, key), NULL, 0, 0, NULL, "push.key",
     "Private key of the certificate (PEM)"},
    {"access_key_file", TYPE_SECRET, SOURCE(OF_PUSH, access_key_file), NULL, 0, 0, NULL,
     "push-access-key", "File with the access key that Firehose sends; only its owner may read it"},
    {"max_body", TYPE_SIZE, SOURCE(OF_PUSH, max_body), "24M", least_body, most_body, NULL, NULL,
     "Largest delivery, also after decompression; the buffer of Firehose has to fit"},
};
/* clang-format on */

_Static_assert(sizeof config_keys / sizeof config_keys[0] == CONFIG_KEYS,
               "CONFIG_KEYS is the number of rows");

const struct config_key *config_key_find(struct str name, unsigned of)
{
    for (int i = 0; i < CONFIG_KEYS; i++)
        if ((config_keys[i].of & of) && str_eq(str_from(config_keys[i].name), name))
            return &config_keys[i];
    return NULL;
}
