/* assay.yaml as text: the commented example and the effective values. See config.h. */
#include "cli/config_internal.h"

#include <inttypes.h>

static const char *const sample_urls[CONFIG_KINDS] = {
    "s3://bedrock-logs/prefix",
    "https://sqs.eu-west-1.amazonaws.com/111122223333/bedrock-logs",
    "cloudwatch:/aws/bedrock/modelinvocations",
    "127.0.0.1:8443",
};

static const char *const sample_titles[CONFIG_KINDS] = {
    "A bucket, listed again and again",
    "The same with a queue that S3 tells of each new object: sooner, and without listing",
    "A log group of CloudWatch Logs",
    ("Delivered by Amazon Data Firehose to an HTTP endpoint. It connects to port 443 and to no\n"
     "  # other: 0.0.0.0:443, or an address that a load balancer with that port hands on to"),
};

/* Text that is the same plain as in quotes, however YAML is read. */
static bool is_plain_yaml(struct str text)
{
    static const char *const others[] = {"null", "true", "false", "yes", "no", "on", "off"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (str_eq_nocase(text, str_from(others[i])))
            return false;
    char first = text.n ? text.p[0] : ' ', last = text.n ? text.p[text.n - 1] : ' ';
    bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    return (letter || first == '/') && str_is_plain(text) && last != ':';
}

static void put_quoted(struct buf *out, struct str text)
{
    buf_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_char(out, '\\');
        buf_char(out, text.p[i]);
    }
    buf_char(out, '"');
}

static void put_text(struct buf *out, struct str text)
{
    if (is_plain_yaml(text))
        buf_str(out, text);
    else
        put_quoted(out, text);
}

/* Numbers and words of the table need no quotes; what somebody typed may. */
static bool is_typed(enum config_type type)
{
    return type <= TYPE_ADDRESS;
}

/* "  # help (from 1s to 1d; default 60s)" in lines of at most 100 columns. */
static void put_help(struct buf *out, const struct config_key *key, const char *indent)
{
    buf_printf(out, "%s# %s", indent, key->help);
    size_t before = out->n;
    if (key->words)
        buf_printf(out, " (%s", key->words);
    if (key->least != key->most) {
        buf_str(out, STR(" ("));
        config_range_text(key, out);
        if (key->type == TYPE_DAYS)
            buf_str(out, STR(", or forever"));
    }
    buf_printf(out, "%s\n", out->n > before ? ")" : "");
}

/* A key with its default, or as a comment with a sample. */
static void put_sample(struct buf *out, const struct config_key *key, const char *indent)
{
    put_help(out, key, indent);
    const char *value = key->fallback ? key->fallback : key->sample;
    const char *mark = key->fallback ? "" : "# ";
    if (config_is_list(key->type))
        buf_printf(out, "%s%s%s: [\"%s\"]\n", indent, mark, key->name, value);
    else
        buf_printf(out, "%s%s%s: %s\n", indent, mark, key->name, value);
}

static void put_sample_source(struct buf *out, int kind, bool *told)
{
    buf_printf(out, "\n  # %s.\n", sample_titles[kind]);
    const char *way = kind == CONFIG_PUSH ? "listen" : "url";
    const struct config_key *first = config_key_find(str_from(way), 1U << kind);
    if (!told[first - config_keys])
        put_help(out, first, "  ");
    told[first - config_keys] = true;
    buf_printf(out, "  - %s: %s\n", way, sample_urls[kind]);
    for (int i = 0; i < CONFIG_KEYS; i++) {
        const struct config_key *key = &config_keys[i];
        if (!(key->of & 1U << kind) || told[i])
            continue;
        put_sample(out, key, "    ");
        told[i] = true;
    }
}

void config_write_example(struct buf *out)
{
    buf_str(out, STR("# assay.yaml: what `assay serve` reads, keeps and shows. See assay.yaml(5).\n"
                     "#\n"
                     "# Every key is here. What stands as a comment has no default, the rest shows "
                     "its default.\n"
                     "# Paths are relative to this file; ~/ is the home directory. ${VARIABLES} "
                     "are not replaced.\n"
                     "# Secrets never stand here: there are only names of files, and AWS's own "
                     "configuration.\n"
                     "# `assay config check` says whether all is right.\n"));
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (config_keys[i].of == OF_TOP && config_keys[i].type != TYPE_SOURCES) {
            buf_char(out, '\n');
            put_sample(out, &config_keys[i], "");
        }
    const struct config_key *sources = config_key_find(STR("sources"), OF_TOP);
    buf_printf(out,
               "\n# %s. Keys of the first that others also have are not\n"
               "# explained again: name, profile, region, role_arn, external_id, body_buckets "
               "go with all,\n"
               "# requester_pays with s3 and sqs, poll, since and rate with s3 and "
               "cloudwatch.\nsources:",
               sources->help);
    bool told[CONFIG_KEYS] = {false};
    for (int k = 0; k < CONFIG_KINDS; k++)
        put_sample_source(out, k, told);
}

static void put_list(struct buf *out, const struct config_key *key, const struct config_list *list,
                     const char *indent)
{
    if (list->n == 0)
        return;
    buf_printf(out, "%s%s:\n", indent, key->name);
    for (int i = 0; i < list->n; i++) {
        buf_printf(out, "%s  - ", indent);
        put_text(out, str_from(list->v[i]));
        buf_char(out, '\n');
    }
}

/* A key that says nothing is left out. */
static void put_key(struct buf *out, const struct config_key *key, const void *base,
                    const char *indent)
{
    if (config_is_list(key->type)) {
        put_list(out, key, (const void *)((const char *)base + key->offset), indent);
        return;
    }
    char room[8192];
    struct buf value;
    buf_on(&value, room, sizeof room);
    if (!config_value_text(key, base, &value))
        return;
    if (buf_status(&value) != OK)
        out->status = buf_status(&value);
    buf_printf(out, "%s%s: ", indent, key->name);
    if (is_typed(key->type))
        put_text(out, buf_view(&value));
    else
        buf_str(out, buf_view(&value));
    buf_char(out, '\n');
}

void config_write(const struct config *c, struct buf *out)
{
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (config_keys[i].of == OF_TOP && config_keys[i].type != TYPE_SOURCES)
            put_key(out, &config_keys[i], c, "");
    buf_str(out, STR("sources:\n"));
    for (int s = 0; s < c->sources_n; s++) {
        const char *indent = "  - ";
        for (int i = 0; i < CONFIG_KEYS; i++)
            if (config_keys[i].of & 1U << c->sources[s].kind) {
                size_t before = out->n;
                put_key(out, &config_keys[i], &c->sources[s], indent);
                if (out->n > before)
                    indent = "    ";
            }
    }
}
