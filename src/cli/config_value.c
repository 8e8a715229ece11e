/*
 * Single values of assay.yaml: from text to a field and back. What is wrong with one is told where
 * it stands; what several of them must agree on is config_check.c's.
 */
#include "cli/config_internal.h"

#include "aws/endpoint.h"
#include "cli/cli.h"
#include "codec/uri.h"
#include "model/discounts.h"
#include "query/question.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

enum { TEXT_MAX = 1024, NAME_MAX_LENGTH = 128 };

static const char *const wanted[] = {
    [TYPE_TEXT] = "a text",
    [TYPE_NAME] = "a name of letters, digits and ._:/-, at most 128",
    [TYPE_URL] = "s3://BUCKET/PREFIX, https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE or "
                 "cloudwatch:GROUP",
    [TYPE_PATH] = "the name of a file",
    [TYPE_SECRET] = "the name of a file",
    [TYPE_REGION] = "a Region such as eu-west-1",
    [TYPE_ROLE] = "an ARN such as arn:aws:iam::111122223333:role/NAME",
    [TYPE_ADDRESS] = "HOST:PORT such as 127.0.0.1:8443",
    [TYPE_SWITCHED_ADDRESS] = "HOST:PORT such as 127.0.0.1:9464, or off",
    [TYPE_WORD] = "one of these words",
    [TYPE_CHOICE] = "one of these words",
    [TYPE_FLAG] = "true or false",
    [TYPE_COUNT] = "a number",
    [TYPE_SIZE] = "a size such as 64M (k, M or G)",
    [TYPE_DURATION] = "a time with its unit such as 30s, 5m, 48h or 7d",
    [TYPE_DAYS] = "whole days such as 400d, or forever",
    [TYPE_TIME] = "a day (2026-01-31), an instant (2026-01-31T08:30Z) or so long ago (90d)",
    [TYPE_BUCKETS] = "a list of names of buckets, without s3://",
    [TYPE_DISCOUNTS] = "a list of account:ID=PERCENT, provider:NAME=PERCENT or "
                       "model:PATTERN=PERCENT",
    [TYPE_SOURCES] = "a list of sources, each beginning with `- url:` or `- listen:`",
};

const char *config_wanted(enum config_type type)
{
    return wanted[type];
}

const char *config_keep(struct config_reading *r, struct str text)
{
    struct str kept = arena_str(&r->c->arena, text);
    r->no_memory |= !kept.p;
    return kept.p ? kept.p : "";
}

static void *field(const struct config_spot *s)
{
    return (char *)s->base + s->key->offset;
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool has_only(struct str s, const char *others)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_lower_or_digit(s.p[i]) && !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
            !(s.p[i] && strchr(others, s.p[i])))
            return false;
    return true;
}

static bool has_digits(struct str s, size_t n)
{
    int64_t ignored;
    return s.n == n && str_to_i64(s, &ignored);
}

/* S3 user guide, "General purpose bucket naming rules" (read 2026-11). */
bool config_bucket_is_name(struct str name)
{
    if (name.n < 3 || name.n > 63 || !is_lower_or_digit(name.p[0]) ||
        !is_lower_or_digit(name.p[name.n - 1]) || str_find(name, STR("..")) >= 0)
        return false;
    bool letter = false;
    for (size_t i = 0; i < name.n; i++) {
        if (!is_lower_or_digit(name.p[i]) && name.p[i] != '.' && name.p[i] != '-')
            return false;
        letter |= name.p[i] != '.' && !(name.p[i] >= '0' && name.p[i] <= '9');
    }
    return letter; /* otherwise it looks like an IP address */
}

enum config_kind config_url_kind(struct str url)
{
    if (str_has_prefix(url, STR("s3://")))
        return CONFIG_S3;
    if (str_has_prefix(url, STR("https://")) || str_has_prefix(url, STR("http://")))
        return CONFIG_SQS;
    return str_has_prefix(url, STR("cloudwatch:")) ? CONFIG_CLOUDWATCH : CONFIG_KINDS;
}

/* https://HOST/ACCOUNT/QUEUE. Names: SQS developer guide, "Queue and message identifiers". */
static const char *queue_fault(struct str url)
{
    struct uri uri;
    struct str rest;
    if (!uri_parse(url, &uri) || uri.query.n)
        return wanted[TYPE_URL];
    rest = str_skip(uri.path, 1);
    struct str account = str_cut(&rest, '/');
    if (!has_digits(account, 12) || rest.n == 0 || rest.n > 80 || !has_only(rest, "-_."))
        return "a queue's address as SQS shows it: https://HOST/ACCOUNT/QUEUE";
    return NULL;
}

static const char *url_fault(struct str url)
{
    struct str rest = url;
    switch (config_url_kind(url)) {
    case CONFIG_S3:
        rest = str_skip(url, strlen("s3://"));
        return config_bucket_is_name(str_cut(&rest, '/'))
                   ? NULL
                   : "s3://BUCKET or s3://BUCKET/PREFIX with the name of a bucket (3 to 63 "
                     "small letters, digits, dots and hyphens)";
    case CONFIG_SQS:
        return queue_fault(url);
    case CONFIG_CLOUDWATCH:
        /* CreateLogGroup: 1 to 512 of a-zA-Z0-9_-/.# */
        rest = str_skip(url, strlen("cloudwatch:"));
        return rest.n > 0 && rest.n <= 512 && has_only(rest, "_-/.#")
                   ? NULL
                   : "cloudwatch:GROUP with the name of a log group; its Region is the key region";
    default:
        return wanted[TYPE_URL];
    }
}

/* arn:PARTITION:iam::ACCOUNT:role/NAME */
static bool is_role(struct str arn)
{
    struct str partition, service, region, account;
    if (!str_eq(str_cut(&arn, ':'), STR("arn")))
        return false;
    partition = str_cut(&arn, ':');
    service = str_cut(&arn, ':');
    region = str_cut(&arn, ':');
    account = str_cut(&arn, ':');
    return str_has_prefix(partition, STR("aws")) && has_only(partition, "-") &&
           str_eq(service, STR("iam")) && region.n == 0 && has_digits(account, 12) &&
           str_has_prefix(arn, STR("role/")) && arn.n > 5 && has_only(arn, "/+=,.@_-");
}

static bool is_address(struct str text)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    int64_t port;
    if (colon < 2 || !str_to_i64(str_skip(text, colon), &port) || port < 1 || port > 65535)
        return false;
    struct str host = str_of(text.p, colon - 1);
    if (host.p[0] != '[')
        return has_only(host, ".-");
    return host.n > 3 && host.p[host.n - 1] == ']' &&
           has_only(str_of(host.p + 1, host.n - 2), ":.%");
}

bool config_is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0 ||
           strncmp(listen, "localhost:", 10) == 0;
}

static bool parse_flag(struct str text, bool *out)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (str_eq_nocase(text, str_from(yes[i])) || str_eq_nocase(text, str_from(no[i]))) {
            *out = str_eq_nocase(text, str_from(yes[i]));
            return true;
        }
    return false;
}

/* From so many on a unit is said: 60s and 48h are, as people say them. */
static const struct {
    char unit;
    int64_t seconds, least;
} units[] = {{'d', 86400, 7}, {'h', 3600, 2}, {'m', 60, 2}, {'s', 1, 0}};

static bool parse_duration(struct str text, int64_t *out)
{
    int64_t n;
    if (text.n < 2 || !str_to_i64(str_of(text.p, text.n - 1), &n))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (text.p[text.n - 1] == units[i].unit)
            return !__builtin_mul_overflow(n, units[i].seconds, out);
    return false;
}

void config_put_duration(struct buf *out, int64_t s)
{
    size_t i = 0;
    while (s % units[i].seconds != 0 || s < units[i].seconds * units[i].least)
        i++;
    buf_printf(out, "%" PRId64 "%c", s / units[i].seconds, units[i].unit);
}

static void put_size(struct buf *out, int64_t n)
{
    static const char letters[] = "GMk";
    for (int i = 0; n && i < 3; i++)
        if (n % (INT64_C(1) << (30 - 10 * i)) == 0) {
            buf_printf(out, "%" PRId64 "%c", n >> (30 - 10 * i), letters[i]);
            return;
        }
    buf_printf(out, "%" PRId64, n);
}

/* The number of a word among "a|b|c"; -1. */
static int word_index(const char *words, struct str text)
{
    struct str rest = str_from(words);
    for (int i = 0; rest.p; i++)
        if (str_eq_nocase(str_cut(&rest, '|'), text))
            return i;
    return -1;
}

static struct str word_at(const char *words, int i)
{
    struct str rest = str_from(words), word = str_cut(&rest, '|');
    while (i-- > 0)
        word = str_cut(&rest, '|');
    return word;
}

static void put_number(struct buf *out, enum config_type type, int64_t n)
{
    if (type == TYPE_DURATION)
        config_put_duration(out, n);
    else if (type == TYPE_SIZE)
        put_size(out, n);
    else
        buf_printf(out, "%" PRId64 "%s", n, type == TYPE_DAYS ? "d" : "");
}

bool config_range_text(const struct config_key *key, struct buf *out)
{
    if (key->least == key->most)
        return false;
    buf_str(out, STR("from "));
    put_number(out, key->type, key->least);
    buf_str(out, STR(" to "));
    put_number(out, key->type, key->most);
    return true;
}

static void refuse(struct config_reading *r, const struct config_spot *s, struct str text,
                   const char *what)
{
    char found[STR_FOUND];
    if (s->key->type == TYPE_SECRET)
        config_mistake(r, s->line, s->place, "wanted %s", what);
    else
        config_mistake(r, s->line, s->place, "wanted %s, not %s", what, str_found(found, text));
}

static bool parse_number(const struct config_key *key, struct str text, int64_t *n)
{
    switch (key->type) {
    case TYPE_COUNT:
        return str_to_i64(text, n);
    case TYPE_SIZE:
        return cli_count(text, n);
    case TYPE_DURATION:
        return parse_duration(text, n);
    default:
        if (str_eq_nocase(text, STR("forever"))) {
            *n = 0;
            return true;
        }
        if (!parse_duration(text, n) || *n % 86400 != 0)
            return false;
        *n = *n ? *n / 86400 : -1;
        return true;
    }
}

static void read_number(struct config_reading *r, const struct config_spot *s, struct str text)
{
    int64_t n;
    if (!parse_number(s->key, text, &n)) {
        refuse(r, s, text, wanted[s->key->type]);
        return;
    }
    bool forever = s->key->type == TYPE_DAYS && n == 0;
    if (!forever && (n < s->key->least || n > s->key->most)) {
        char room[64] = "";
        struct buf range;
        buf_on(&range, room, sizeof room - 1);
        config_range_text(s->key, &range);
        room[range.n] = '\0';
        refuse(r, s, text, room);
        return;
    }
    *(int64_t *)field(s) = n;
}

static void read_word(struct config_reading *r, const struct config_spot *s, struct str text)
{
    int i = word_index(s->key->words, text);
    if (i < 0) {
        char words[64];
        size_t n = 0;
        for (const char *p = s->key->words; *p && n + 5 < sizeof words; p++) {
            bool last = *p == '|' && !strchr(p + 1, '|');
            const char *put = last ? " or " : *p == '|' ? ", " : NULL;
            for (; put && *put; put++)
                words[n++] = *put;
            if (*p != '|')
                words[n++] = *p;
        }
        words[n] = '\0';
        refuse(r, s, text, words);
    } else if (s->key->type == TYPE_WORD) {
        *(const char **)field(s) = config_keep(r, word_at(s->key->words, i));
    } else {
        *(int *)field(s) = i;
    }
}

/* Relative to the directory of the file; ~/ is the home directory. */
static void read_path(struct config_reading *r, const struct config_spot *s, struct str text)
{
    static const struct aws_machine here;
    struct buf path;
    struct err err = {0};
    buf_init(&path, (size_t)4 * TEXT_MAX);
    const char *given = config_keep(r, text);
    if (machine_path(&here, given, &path, &err) != OK)
        config_mistake(r, s->line, s->place, "%s", err.text);
    else if (path.p[0] == '/')
        *(const char **)field(s) = config_keep(r, buf_view(&path));
    else {
        buf_reset(&path);
        buf_printf(&path, "%s/%s", r->directory, given);
        *(const char **)field(s) = config_keep(r, buf_view(&path));
        if (buf_status(&path) != OK)
            refuse(r, s, text, "a shorter path");
    }
    buf_fini(&path);
}

static void read_time(struct config_reading *r, const struct config_spot *s, struct str text)
{
    int64_t t;
    if (period_parse(text, false, r->now_us, &t, NULL) == OK)
        *(int64_t *)field(s) = t;
    else
        refuse(r, s, text, wanted[TYPE_TIME]);
}

static void read_address(struct config_reading *r, const struct config_spot *s, struct str text)
{
    bool on;
    if (s->key->type == TYPE_SWITCHED_ADDRESS && parse_flag(text, &on) && !on)
        *(const char **)field(s) = NULL;
    else if (is_address(text))
        *(const char **)field(s) = config_keep(r, text);
    else
        refuse(r, s, text, wanted[s->key->type]);
}

/* What a plain text of that type should be; NULL when it is. */
static const char *text_fault(enum config_type type, struct str text)
{
    switch (type) {
    case TYPE_NAME:
        return str_is_plain(text) && text.n <= NAME_MAX_LENGTH ? NULL : wanted[type];
    case TYPE_URL:
        return url_fault(text);
    case TYPE_REGION:
        return endpoint_is_region(text) ? NULL : wanted[type];
    case TYPE_ROLE:
        return is_role(text) ? NULL : wanted[type];
    default:
        return NULL;
    }
}

static void read_text(struct config_reading *r, const struct config_spot *s, struct str text)
{
    switch (s->key->type) {
    case TYPE_PATH:
    case TYPE_SECRET:
        read_path(r, s, text);
        return;
    case TYPE_ADDRESS:
    case TYPE_SWITCHED_ADDRESS:
        read_address(r, s, text);
        return;
    case TYPE_WORD:
    case TYPE_CHOICE:
        read_word(r, s, text);
        return;
    case TYPE_FLAG:
        if (!parse_flag(text, field(s)))
            refuse(r, s, text, wanted[TYPE_FLAG]);
        return;
    case TYPE_COUNT:
    case TYPE_SIZE:
    case TYPE_DURATION:
    case TYPE_DAYS:
        read_number(r, s, text);
        return;
    case TYPE_TIME:
        read_time(r, s, text);
        return;
    default:
        break;
    }
    const char *fault = text_fault(s->key->type, text);
    if (fault)
        refuse(r, s, text, fault);
    else
        *(const char **)field(s) = config_keep(r, text);
}

/* Empty, too long, or with what belongs into no line. */
static const char *form_fault(struct str text)
{
    if (text.n == 0)
        return "must not be empty";
    if (text.n > TEXT_MAX)
        return "longer than 1024 bytes";
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
            return "holds a line end or another control character";
    return NULL;
}

static void read_list(struct config_reading *r, const struct config_spot *s,
                      const struct yaml_node *node)
{
    struct config_list *list = field(s);
    struct discounts known = {.n = 0};
    int n = node->n < CONFIG_LIST_MAX ? node->n : CONFIG_LIST_MAX;
    if (node->n > CONFIG_LIST_MAX)
        config_mistake(r, s->line, s->place, "more than %d entries", CONFIG_LIST_MAX);
    const char **v = arena_alloc(&r->c->arena, (size_t)(n + 1) * sizeof *v);
    r->no_memory |= !v;
    const struct yaml_node *entry = node->first;
    for (int i = 0; i < n && v; i++, entry = entry->next) {
        struct err err = {0};
        struct str text = entry->text;
        const struct config_spot here = {s->key, s->base, entry->line, s->place};
        const char *fault = entry->kind != YAML_TEXT ? wanted[s->key->type] : form_fault(text);
        if (fault)
            config_mistake(r, entry->line, s->place, "%s%s",
                           entry->kind != YAML_TEXT ? "wanted " : "an entry ", fault);
        else if (s->key->type == TYPE_BUCKETS && !config_bucket_is_name(text))
            refuse(r, &here, text, "the name of a bucket, without s3://");
        else if (s->key->type == TYPE_DISCOUNTS && discounts_add(&known, text, &err) != OK)
            config_mistake(r, entry->line, s->place, "%s", err.text);
        v[i] = config_keep(r, text);
    }
    *list = (struct config_list){v, v ? n : 0};
}

void config_value(struct config_reading *r, const struct config_spot *s,
                  const struct yaml_node *node)
{
    bool list = config_is_list(s->key->type);
    if (node->kind == YAML_TEXT && node->null)
        return; /* "prices:" with nothing behind it is as if it was not there */
    if (node->kind != (list ? YAML_LIST : YAML_TEXT)) {
        static const char *const kinds[] = {"a single text", "a list", "a mapping"};
        config_mistake(r, s->line, s->place, "wanted %s, found %s", wanted[s->key->type],
                       kinds[node->kind]);
    } else if (list) {
        read_list(r, s, node);
    } else {
        const char *fault = form_fault(node->text);
        if (fault)
            config_mistake(r, s->line, s->place, "%s", fault);
        else
            read_text(r, s, node->text);
    }
}

void config_default(struct config_reading *r, const struct config_key *key, void *base)
{
    const struct config_spot s = {key, base, 0, key->name};
    if (key->type == TYPE_TIME)
        *(int64_t *)field(&s) = TIME_NONE;
    if (key->fallback)
        read_text(r, &s, str_from(key->fallback));
}

bool config_value_text(const struct config_key *key, const void *base, struct buf *out)
{
    const void *at = (const char *)base + key->offset;
    const char *text;
    char time[TIME_TEXT];
    switch (key->type) {
    case TYPE_FLAG:
        buf_str(out, *(const bool *)at ? STR("true") : STR("false"));
        return true;
    case TYPE_CHOICE:
        buf_str(out, word_at(key->words, *(const int *)at));
        return true;
    case TYPE_COUNT:
    case TYPE_SIZE:
    case TYPE_DURATION:
    case TYPE_DAYS:
        if (key->type == TYPE_DAYS && *(const int64_t *)at == 0)
            buf_str(out, STR("forever"));
        else
            put_number(out, key->type, *(const int64_t *)at);
        return true;
    case TYPE_TIME:
        if (*(const int64_t *)at == TIME_NONE)
            return false;
        buf_append(out, time, time_format(time, *(const int64_t *)at));
        return true;
    default:
        text = *(const char *const *)at;
        if (!text && key->type == TYPE_SWITCHED_ADDRESS)
            text = "off";
        buf_str(out, str_from(text));
        return text != NULL;
    }
}
