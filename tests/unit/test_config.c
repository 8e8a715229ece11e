/* cli/config: every key, every mistake by name and line, and hostile YAML. */
#include "cli/config_internal.h"
#include "base/io.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char path[] = "/etc/assay/assay.yaml";
static const int64_t now_us = INT64_C(1795000000) * US_PER_SECOND; /* 2026-11-18 */

struct fixture {
    struct config *c;
    struct config_findings f;
    struct err err;
};

static enum status read_bytes(struct fixture *x, struct str text)
{
    *x = (struct fixture){0};
    config_findings_init(&x->f);
    return config_read_text(text, path, false, now_us, &x->c, &x->f, &x->err);
}

static enum status read_text(struct fixture *x, const char *text)
{
    return read_bytes(x, str_from(text));
}

static void done(struct fixture *x)
{
    config_close(x->c);
    config_findings_fini(&x->f);
}

/* All that was said, without the path in front. */
static void assert_said(struct fixture *x, const char *wanted)
{
    char said[1 << 15];
    size_t n = 0;
    struct str rest = buf_view(x->f.mistakes.n ? &x->f.mistakes : &x->f.warnings);
    while (rest.n > 0) {
        struct str line = str_cut(&rest, '\n');
        assert_true(str_has_prefix(line, str_from(path)));
        line = str_skip(line, sizeof path);
        assert_true(n + line.n + 2 < sizeof said);
        memcpy(said + n, line.p, line.n);
        n += line.n;
        said[n++] = '\n';
    }
    said[n] = '\0';
    assert_string_equal(said, wanted);
}

static void assert_mistakes(const char *text, const char *wanted)
{
    struct fixture x;
    assert_int_equal(read_text(&x, text), ERR_PARSE);
    assert_null(x.c);
    assert_true(x.err.text[0] && x.f.mistakes_n > 0);
    assert_said(&x, wanted);
    done(&x);
}

#define S3 "sources:\n  - url: s3://bedrock-logs\n"

static void a_source_is_enough_and_the_rest_has_defaults(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(read_text(&x, S3), OK);
    const struct config *c = x.c;
    assert_string_equal(c->level, "content");
    assert_string_equal(c->status_listen, "127.0.0.1:9464");
    assert_true(c->store && c->store_is_default);
    assert_null(c->prices);
    assert_int_equal(c->threads, 16);
    assert_int_equal(c->max_line, 64 << 20);
    assert_int_equal(c->max_inflated, INT64_C(16) << 30);
    assert_int_equal(c->keep_facts_days, 0);
    assert_int_equal(c->log, CONFIG_LOG_TEXT);
    assert_int_equal(c->log_level, CONFIG_INFO);
    assert_true(c->resolve_profiles && !c->repository_names);
    assert_int_equal(c->sources_n, 1);
    const struct config_source *s = c->sources;
    assert_int_equal(s->kind, CONFIG_S3);
    assert_string_equal(s->name, "bedrock-logs");
    assert_int_equal(s->poll_s, 60);
    assert_int_equal(s->window_s, 48 * 3600);
    assert_int_equal(s->overlap_s, 0);
    assert_int_equal(s->since_us, TIME_NONE);
    assert_int_equal(s->line, 2);
    done(&x);
}

static void every_value_arrives(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(
        read_text(&x, "store: state/a.db\nlevel: counts\nprofiles: /p.yaml\nthreads: '3'\n"
                      "discounts: [provider:anthropic=7.5, \"account:111122223333=10\"]\n"
                      "max_line: 1M\nkeep_facts: 400d\nkeep_rollups: forever\nprofile: top\n"
                      "region: eu-west-1\nstatus_listen: off\nlog: json\nlog_level: debug\n"
                      "prices:\nharness_rules: ~\n"
                      "sources:\n"
                      "- url: s3://abc/d e/é\n  poll: 5m\n  window: 2h\n  since: 2026-01-02\n"
                      "  requester_pays: yes\n  rate: 7\n  body_buckets: [b-1, b.2]\n"
                      "- url: cloudwatch:/a/b#c\n  overlap: 30s\n  since: 90d\n"
                      "  region: us-east-1\n  profile: own\n"
                      "- url: https://sqs.us-east-1.amazonaws.com/111122223333/q-1\n"
                      "  role_arn: arn:aws-us-gov:iam::111122223333:role/a/b\n"
                      "  external_id: x\n"
                      "- {listen: '[::]:1', certificate: c, key: k, access_key_file: a, name: in}"),
        OK);
    const struct config *c = x.c;
    assert_string_equal(c->store, "/etc/assay/state/a.db");
    assert_string_equal(c->profiles, "/p.yaml");
    assert_int_equal(c->threads, 3);
    assert_int_equal(c->discounts.n, 2);
    assert_string_equal(c->discounts.v[1], "account:111122223333=10");
    assert_int_equal(c->max_line, 1 << 20);
    assert_int_equal(c->keep_facts_days, 400);
    assert_null(c->status_listen);
    assert_null(c->prices);
    assert_null(c->harness_rules);
    assert_int_equal(c->log, CONFIG_LOG_JSON);
    assert_int_equal(c->log_level, CONFIG_DEBUG);
    const struct config_source *s = c->sources;
    assert_string_equal(s[0].name, "abc/d_e/__");
    assert_string_equal(s[0].profile, "top");
    assert_string_equal(s[0].region, "eu-west-1");
    assert_true(s[0].requester_pays);
    assert_int_equal(s[0].poll_s, 300);
    assert_int_equal(s[0].rate, 7);
    assert_string_equal(s[0].body_buckets.v[1], "b.2");
    int64_t day;
    assert_true(time_parse(STR("2026-01-02"), &day) || time_parse(STR("2026-01-02T00:00"), &day) ||
                time_parse(STR("2026-01-02T00:00:00Z"), &day));
    assert_int_equal(s[0].since_us, day);
    assert_string_equal(s[1].name, "/a/b_c");
    assert_int_equal(s[1].since_us, now_us - 90 * US_PER_DAY);
    assert_string_equal(s[1].profile, "own");
    assert_string_equal(s[1].region, "us-east-1");
    assert_int_equal(s[2].kind, CONFIG_SQS);
    assert_string_equal(s[2].name, "q-1");
    assert_int_equal(s[2].poll_s, 0);
    assert_int_equal(s[3].kind, CONFIG_PUSH);
    assert_string_equal(s[3].access_key_file, "/etc/assay/a");
    assert_int_equal(s[2].max_body, 0);
    assert_int_equal(s[3].max_body, 24 << 20);
    assert_string_equal(s[3].name, "in");
    done(&x);
}

static void mistakes_have_file_line_key_and_the_nearest_one(void **state)
{
    (void)state;
    assert_mistakes("levle: content\n\n# here\nthreds: 1\n" S3 "    pol: 5m\n",
                    "1: levle: unknown key; did you mean level?\n"
                    "4: threds: unknown key; did you mean threads?\n"
                    "7: sources[0].pol: unknown key; did you mean poll?\n");
    assert_mistakes("zzzzzzzzzzzz: 1\n" S3,
                    "1: zzzzzzzzzzzz: unknown key; `assay config example` shows all\n");
    assert_mistakes("level: content\n" S3 "level: content\n    \n",
                    "4: level: stands twice, also in line 1\n");
    assert_mistakes("poll: 5m\n" S3 "    store: x\n    overlap: 5m\n",
                    "1: poll: belongs to an entry of sources, not to the top\n"
                    "4: sources[0].store: belongs to the top of the file, not to a source\n"
                    "5: sources[0].overlap: not of a source of kind s3, only of: cloudwatch\n");
}

static void values_say_what_was_wanted(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"level: contents", "level: wanted counts or content, not \"contents\""},
        {"log_level: all", "log_level: wanted error, warning, info or debug, not \"all\""},
        {"threads: 65", "threads: wanted from 1 to 64, not \"65\""},
        {"threads: -1", "threads: wanted a number, not \"-1\""},
        {"threads: 99999999999999999999", "threads: wanted a number, not \"99999999999999999999\""},
        {"max_line: 3G", "max_line: wanted from 1k to 2G, not \"3G\""},
        {"max_line: 64MB", "max_line: wanted a size such as 64M (k, M or G), not \"64MB\""},
        {"keep_facts: 400", "keep_facts: wanted whole days such as 400d, or forever, not \"400\""},
        {"keep_facts: 36h", "keep_facts: wanted whole days such as 400d, or forever, not \"36h\""},
        {"keep_facts: 0d", "keep_facts: wanted from 1d to 36500d, not \"0d\""},
        {"keep_rollups: 5d",
         "keep_rollups: shorter than keep_facts; sums are kept at least as long"},
        {"repository_names: maybe", "repository_names: wanted true or false, not \"maybe\""},
        {"region: eu west", "region: wanted a Region such as eu-west-1, not a text of 7 bytes"},
        {"prices: [x]", "prices: wanted the name of a file, found a list"},
        {"store: {a: b}", "store: wanted the name of a file, found a mapping"},
        {"store: ''", "store: must not be empty"},
        {"store: \"a\\nb\"", "store: holds a line end or another control character"},
        {"discounts: x", "discounts: wanted a list of account:ID=PERCENT, provider:NAME=PERCENT or "
                         "model:PATTERN=PERCENT, found a single text"},
        {"discounts: [model:x]",
         "discounts: discount \"model:x\": no percentage; wanted account:ID=PERCENT, "
         "provider:NAME=PERCENT or model:GLOB=PERCENT"},
        {"discounts: [model:x=1, model:X=2]",
         "discounts: discount \"model:X\": given before; wanted account:ID=PERCENT, "
         "provider:NAME=PERCENT or model:GLOB=PERCENT"},
        {"status_listen: 127.0.0.1", "status_listen: wanted HOST:PORT such as 127.0.0.1:9464, or "
                                     "off, not \"127.0.0.1\""},
        {"status_listen: 127.0.0.1:65536",
         "status_listen: wanted HOST:PORT such as 127.0.0.1:9464, or off, not "
         "\"127.0.0.1:65536\""},
        {"status_listen: '[::1]'", "status_listen: wanted HOST:PORT such as 127.0.0.1:9464, or "
                                   "off, not a text of 5 bytes"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256], wanted[512];
        snprintf(text, sizeof text, "%s\n" S3, cases[i][0]);
        snprintf(wanted, sizeof wanted, "1:%c%s\n", ' ', cases[i][1]);
        assert_mistakes(text, wanted);
    }
}

static void sources_say_what_was_wanted(void **state)
{
    (void)state;
    static const char queue[] = "a queue's address as SQS shows it: https://HOST/ACCOUNT/QUEUE";
    static const char bucket[] =
        "s3://BUCKET or s3://BUCKET/PREFIX with the name of a bucket (3 to "
        "63 small letters, digits, dots and hyphens)";
    static const char group[] =
        "cloudwatch:GROUP with the name of a log group; its Region is the key region";
    const char *const cases[][3] = {
        {"s3://My_Bucket", bucket, "\"s3://My_Bucket\""},
        {"s3://ab", bucket, "\"s3://ab\""},
        {"s3://192.168.5.4/x", bucket, "\"s3://192.168.5.4/x\""},
        {"s3://a..b/x", bucket, "\"s3://a..b/x\""},
        {"s3://-abc", bucket, "\"s3://-abc\""},
        {"https://sqs/1/q", queue, "\"https://sqs/1/q\""},
        {"https://sqs.x/111122223333", queue, "a text of 26 bytes"},
        {"https://sqs.x/111122223333/a/b", queue, "a text of 30 bytes"},
        {"cloudwatch:", group, "\"cloudwatch:\""},
        {"cloudwatch:eu-west-1:a", group, "\"cloudwatch:eu-west-1:a\""},
        {"ftp://x", config_wanted(TYPE_URL), "\"ftp://x\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256], wanted[512];
        snprintf(text, sizeof text, "sources:\n- url: '%s'\n", cases[i][0]);
        snprintf(wanted, sizeof wanted, "2: sources[0].url: wanted %s, not %s\n", cases[i][1],
                 cases[i][2]);
        assert_mistakes(text, wanted);
    }
    assert_mistakes("sources:\n- url: s3://abc\n  body_buckets: [s3://x]\n",
                    "3: sources[0].body_buckets: wanted the name of a bucket, without s3://, not "
                    "\"s3://x\"\n");
    assert_mistakes("sources:\n- url: s3://abc\n  role_arn: arn:aws:iam::1:role/x\n",
                    "3: sources[0].role_arn: wanted an ARN such as "
                    "arn:aws:iam::111122223333:role/NAME, not \"arn:aws:iam::1:role/x\"\n");
    assert_mistakes("sources:\n- url: s3://abc\n  since: someday\n",
                    "3: sources[0].since: wanted a day (2026-01-31), an instant "
                    "(2026-01-31T08:30Z) or so long ago (90d), not \"someday\"\n");
    assert_mistakes("sources:\n- url: s3://abc\n  name: a b\n",
                    "3: sources[0].name: wanted a name of letters, digits and ._:/-, at most 128, "
                    "not a text of 3 bytes\n");
}

static void sources_must_be_there(void **state)
{
    (void)state;
    static const char nothing[] =
        "nothing to read; wanted a list with at least one `- url: s3://…`\n";
    char wanted[160];
    snprintf(wanted, sizeof wanted, " sources: %s", nothing);
    assert_mistakes("", wanted);
    assert_mistakes("level: counts\n", wanted);
    assert_mistakes("sources:\n", wanted);
    snprintf(wanted, sizeof wanted, "1: sources: %s", nothing);
    assert_mistakes("sources: []\n", wanted);
    assert_mistakes("- a\n", "1: file: wanted keys and values; `assay config example` shows "
                             "them\n");
    assert_mistakes("sources: s3://abc\n", "1: sources: wanted a list of sources, each beginning "
                                           "with `- url:` or `- listen:`\n");
    assert_mistakes("sources:\n- s3://abc\n", "2: sources[0]: wanted keys and values, beginning "
                                              "with url or listen\n");
    assert_mistakes("sources:\n- name: x\n",
                    "2: sources[0]: nothing to read; wanted url (s3://BUCKET/PREFIX, "
                    "https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE or cloudwatch:GROUP) or "
                    "listen\n");
    assert_mistakes("sources:\n- url: s3://abc\n  listen: 127.0.0.1:1\n",
                    "3: sources[0].listen: a source has url or listen, not both\n");
}

static void sources_must_agree(void **state)
{
    (void)state;
    assert_mistakes(S3 "  - url: s3://bedrock-logs\n",
                    "3: sources[1].name: sources[0] has the same name; give one of them another\n");
    assert_mistakes(S3 "    external_id: x\n",
                    "3: sources[0].external_id: needs role_arn, the role that asks for it\n");
    assert_mistakes("status_listen: 127.0.0.1:1\nsources:\n- listen: 127.0.0.1:1\n",
                    "3: sources[0].listen: the same address as another source's or as "
                    "status_listen\n");
}

static void a_door_to_the_network_is_locked(void **state)
{
    (void)state;
    struct fixture x;
    static const char *const near[] = {"127.0.0.1:1", "127.8.0.1:1", "'[::1]:1'", "localhost:1"};
    for (size_t i = 0; i < sizeof near / sizeof near[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "sources:\n- listen: %s\n", near[i]);
        assert_int_equal(read_text(&x, text), OK);
        done(&x);
    }
    assert_mistakes(
        "sources:\n- listen: 0.0.0.0:1\n",
        "2: sources[0].certificate: wanted where others than this machine can connect; or listen "
        "on 127.0.0.1 behind a proxy\n"
        "2: sources[0].key: wanted where others than this machine can connect; or listen on "
        "127.0.0.1 behind a proxy\n"
        "2: sources[0].access_key_file: wanted where others than this machine can connect; "
        "otherwise anybody could deliver records\n");
    assert_mistakes("sources:\n- listen: 127.0.0.1:1\n  key: x\n",
                    "2: sources[0].certificate: wanted, too: certificate and key belong "
                    "together\n");
    /* Names that only begin like this machine. */
    assert_false(config_is_loopback("127.example.com:1"));
    assert_false(config_is_loopback("localhost.example.com:1"));
    assert_false(config_is_loopback("[::10]:1"));
}

static void a_name_is_made_of_the_url(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"s3://abc/", "abc"},
        {"s3://abc/d//", "abc/d"},
        {"s3://abc/d e#f", "abc/d_e_f"},
        {"cloudwatch:/", "cloudwatch"},
        {"cloudwatch:/aws/b#c", "/aws/b_c"},
        {"https://sqs.us-east-1.amazonaws.com/111122223333/logs.fifo", "logs.fifo"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[160];
        struct fixture x;
        snprintf(text, sizeof text, "sources:\n- url: '%s'\n", cases[i][0]);
        assert_int_equal(read_text(&x, text), OK);
        assert_string_equal(x.c->sources[0].name, cases[i][1]);
        done(&x);
    }
}

static void odd_but_right_is_a_warning(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(read_text(&x, "level: counts\n" S3 "    body_buckets: [abc]\n"
                                   "  - url: http://127.0.0.1:4566/000000000000/q\n"),
                     OK);
    assert_int_equal(x.f.warnings_n, 2);
    assert_said(&x, "4: warning: sources[0].body_buckets: of no use with level: counts, which "
                    "opens no bodies\n"
                    "5: warning: sources[1].url: not encrypted; AWS itself wants https://\n");
    done(&x);
}

/* Who may write to a queue must not make us read what we may: a queue heeds the buckets that the
 * configuration names. */
static void a_queue_heeds_the_buckets_of_the_configuration(void **state)
{
    (void)state;
    struct fixture x;
    assert_int_equal(read_text(&x, "sources:\n"
                                   "  - url: https://sqs.eu-west-1.amazonaws.com/111122223333/q\n"
                                   "    body_buckets: [large, abc]\n"
                                   "  - url: s3://abc/x/\n"
                                   "  - url: s3://abc/y\n"
                                   "  - url: s3://other\n"
                                   "  - url: https://sqs.eu-west-1.amazonaws.com/111122223333/r\n"
                                   "    buckets: [own]\n"),
                     OK);
    assert_int_equal(x.f.warnings_n, 0);
    const struct config_list *b = &x.c->sources[0].buckets;
    assert_int_equal(b->n, 3);
    assert_string_equal(b->v[0], "abc");
    assert_string_equal(b->v[1], "other");
    assert_string_equal(b->v[2], "large");
    assert_int_equal(x.c->sources[4].buckets.n, 1);
    done(&x);
    assert_int_equal(read_text(&x, "sources:\n"
                                   "  - url: https://sqs.eu-west-1.amazonaws.com/111122223333/q\n"
                                   "    body_buckets: [large]\n"),
                     OK);
    assert_int_equal(x.c->sources[0].buckets.n, 0);
    assert_int_equal(x.f.warnings_n, 1);
    assert_said(&x, "2: warning: sources[0].buckets: not given, and there is no bucket as a "
                    "source: whoever may write to the queue can have objects of any bucket "
                    "counted that the keys may read\n");
    done(&x);
}

static void the_twenty_first_mistake_is_only_counted(void **state)
{
    (void)state;
    char text[4096] = S3;
    for (int i = 0; i < 24; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "threds: %d\n", i);
    struct fixture x;
    assert_int_equal(read_text(&x, text), ERR_PARSE);
    assert_int_equal(x.f.mistakes_n, 24);
    struct str rest = buf_view(&x.f.mistakes);
    int lines = 0;
    while (rest.n > 0 && ++lines <= 20)
        assert_true(str_find(str_cut(&rest, '\n'), STR("threds: unknown key")) > 0);
    assert_true(str_eq(rest, STR("/etc/assay/assay.yaml: … and 4 more\n")));
    done(&x);
}

static void hostile_yaml_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *wanted;
    } cases[] = {
#define CASE(text, wanted) {(text), sizeof(text) - 1, (wanted)}
        CASE("a: &a [x]\n", "1: anchors (&name) are not allowed here\n"),
        CASE("b: 1\na: *a\n", "2: aliases (*name) are not allowed here\n"),
        CASE("a: !!int 5\n", "1: tags (!name) are not allowed here\n"),
        CASE("a: [[[[[[[[[[[[[[[[[[", "1: lists and mappings inside each other, more than 16 "
                                      "deep\n"),
        CASE("? [a]\n: b\n", "1: a key must be a word, not a list or a mapping\n"),
        CASE("a: 1\n---\nb: 1\n", "2: a second document begins (---); one is allowed\n"),
        CASE("sources:\n\t- url: x\n", "2: a tab before the first word; YAML is indented with "
                                       "blanks only\n"),
        CASE("a: b\nc: x\0y\n", "2: a control character or a zero byte; this is not a text file\n"),
        CASE("a: \"x\\0y\"\n", "1: a text with a zero byte\n"),
        CASE("a: b\nc: \xff\xfe\n", "2: this is not UTF-8\n"),
        CASE("\xff\xfe\x61\x00", "1: this is not UTF-8\n"),
        CASE("a: b\n c: d\n", "2: not YAML: mapping values are not allowed in this context\n"),
        CASE("a: \"x\n", "2: not YAML: found unexpected end of stream (while scanning a quoted "
                         "scalar that begins in line 1)\n"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture x;
        assert_int_equal(read_bytes(&x, str_of(cases[i].text, cases[i].n)), ERR_PARSE);
        assert_said(&x, cases[i].wanted);
        done(&x);
    }
}

/* A megabyte of whatever costs at most some hundred bytes each, and little time. */
static void large_files_stay_small(void **state)
{
    (void)state;
    static const char *const pieces[] = {"[",      "{",    "- ",     "? ",  "a: 1\n", "- a\n",
                                         "[],",    "a: [", "&a *a ", "\t",  "\"",     "|\n ",
                                         "- - - ", "a:\n", "#\n",    "a: ", "{a: ",   "'\n"};
    struct rusage before, after;
    char *text = malloc(CONFIG_FILE_MAX);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct str piece = str_from(pieces[i]);
        for (size_t n = 0; n < CONFIG_FILE_MAX; n++)
            text[n] = piece.p[n % piece.n];
        struct fixture x;
        getrusage(RUSAGE_SELF, &before);
        assert_int_equal(read_bytes(&x, str_of(text, CONFIG_FILE_MAX)), ERR_PARSE);
        getrusage(RUSAGE_SELF, &after);
        assert_true(after.ru_utime.tv_sec - before.ru_utime.tv_sec < 10);
        done(&x);
    }
    free(text);
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss < 512 << 10);
}

/* Its comments that are keys, too. */
static void example_with_all(struct buf *out)
{
    struct buf example;
    buf_init(&example, 1 << 16);
    config_write_example(&example);
    struct str rest = buf_view(&example);
    while (rest.n > 0) {
        struct str line = str_cut(&rest, '\n'), words = str_trim(line);
        if (str_has_prefix(words, STR("# ")))
            words = str_skip(words, 2);
        size_t n = 0;
        while (n < words.n && ((words.p[n] >= 'a' && words.p[n] <= 'z') || words.p[n] == '_'))
            n++;
        bool is_key = n + 1 < words.n && words.p[n] == ':' && words.p[n + 1] == ' ' &&
                      config_key_find(str_of(words.p, n), OF_TOP | OF_SOURCES);
        if (is_key && words.p != str_trim(line).p)
            buf_printf(out, "%*s%.*s\n", (int)(str_trim(line).p - line.p), "", STR_ARG(words));
        else
            buf_printf(out, "%.*s\n", STR_ARG(line));
    }
    assert_int_equal(buf_status(out), OK);
    buf_fini(&example);
}

static void the_example_has_every_key_and_is_right(void **state)
{
    (void)state;
    struct buf example;
    struct fixture x;
    buf_init(&example, 1 << 16);
    config_write_example(&example);
    assert_int_equal(read_bytes(&x, buf_view(&example)), OK);
    assert_int_equal(x.f.warnings_n, 0);
    done(&x);
    buf_reset(&example);
    example_with_all(&example);
    assert_int_equal(read_bytes(&x, buf_view(&example)), OK);
    assert_int_equal(x.c->sources_n, CONFIG_KINDS);
    /* Each key is there for itself: the same with it misspelt is told. */
    for (int i = 0; i < CONFIG_KEYS; i++) {
        char mark[64];
        bool top = config_keys[i].of == OF_TOP;
        snprintf(mark, sizeof mark, "%s%s:", top ? "\n" : "  ", config_keys[i].name);
        bool first = !top && (str_eq(str_from(config_keys[i].name), STR("url")) ||
                              str_eq(str_from(config_keys[i].name), STR("listen")));
        if (first)
            snprintf(mark, sizeof mark, "- %s:", config_keys[i].name);
        if (str_find(buf_view(&example), str_from(mark)) < 0)
            fail_msg("the example lacks the key %s", config_keys[i].name);
    }
    done(&x);
    buf_fini(&example);
}

static void what_show_prints_comes_to_the_same(void **state)
{
    (void)state;
    struct buf example, first, second;
    struct fixture x;
    buf_init(&example, 1 << 16);
    buf_init(&first, 1 << 16);
    buf_init(&second, 1 << 16);
    buf_str(&example, STR("store: 'a \"b\" \\ é: #'\n"));
    assert_int_equal(read_text(&x, "store: 'a \"b\" \\ é: #'\nprofile: 'on'\nregion: '12'\n" S3
                                   "    name: null-\n    since: 2026-01-31T08:30Z\n"),
                     OK);
    config_write(x.c, &first);
    done(&x);
    assert_int_equal(read_bytes(&x, buf_view(&first)), OK);
    assert_string_equal(x.c->store, "/etc/assay/a \"b\" \\ é: #");
    assert_string_equal(x.c->profile, "on");
    config_write(x.c, &second);
    assert_true(str_eq(buf_view(&first), buf_view(&second)));
    done(&x);
    buf_reset(&example);
    buf_reset(&first);
    buf_reset(&second);
    example_with_all(&example);
    assert_int_equal(read_bytes(&x, buf_view(&example)), OK);
    config_write(x.c, &first);
    done(&x);
    assert_int_equal(read_bytes(&x, buf_view(&first)), OK);
    config_write(x.c, &second);
    assert_true(str_eq(buf_view(&first), buf_view(&second)));
    done(&x);
    buf_fini(&second);
    buf_fini(&first);
    buf_fini(&example);
}

static void manual_key(struct buf *out, const struct config_key *key)
{
    buf_printf(out, ".It Cm %s\n%s.\n", key->name, key->help);
    const char *wanted = config_wanted(key->type);
    if (key->words) {
        struct str rest = str_from(key->words);
        buf_str(out, STR("One of:"));
        while (rest.p) {
            struct str word = str_cut(&rest, '|');
            buf_printf(out, " %.*s%s", STR_ARG(word), rest.p ? "," : "");
        }
    } else {
        buf_printf(out, "%c%s",
                   wanted[0] < 'a' || wanted[1] == '3' ? wanted[0] : wanted[0] - 'a' + 'A',
                   wanted + 1);
    }
    if (key->least != key->most) {
        buf_str(out, STR(", "));
        config_range_text(key, out);
    }
    buf_str(out, STR(".\n"));
    if (key->fallback)
        buf_printf(out, "Default: %s.\n", key->fallback);
    if (!(key->of & OF_TOP) && key->of != OF_SOURCES) {
        buf_str(out, STR("Only of sources of kind"));
        for (int k = 0; k < CONFIG_KINDS; k++)
            if (key->of & 1U << k)
                buf_printf(out, " %s%s", config_kind_name((enum config_kind)k),
                           key->of >> (k + 1) ? "," : "");
        buf_str(out, STR(".\n"));
    }
}

static void manual_section(struct buf *out)
{
    buf_str(out, STR(".Bl -tag -width \"repository_names\"\n"));
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (config_keys[i].of == OF_TOP)
            manual_key(out, &config_keys[i]);
    buf_str(out, STR(".El\n.Ss Keys of a source\n.Bl -tag -width \"repository_names\"\n"));
    for (int i = 0; i < CONFIG_KEYS; i++)
        if (config_keys[i].of != OF_TOP)
            manual_key(out, &config_keys[i]);
    buf_str(out, STR(".El\n"));
}

static void the_manual_has_every_key_as_the_table_has_it(void **state)
{
    (void)state;
    static const char page[] = "man/assay.yaml.5";
    static const char begin[] = "with ./dev test --rewrite config.\n", end[] = ".\\\" keys end\n";
    struct buf text, section, whole;
    buf_init(&text, 1 << 20);
    buf_init(&section, 1 << 20);
    buf_init(&whole, 1 << 20);
    assert_int_equal(io_read_file(page, &text, NULL), OK);
    manual_section(&section);
    ptrdiff_t from = str_find(buf_view(&text), STR(begin));
    ptrdiff_t to = str_find(buf_view(&text), STR(end));
    assert_true(from > 0 && to > from);
    size_t start = (size_t)from + sizeof begin - 1;
    struct str there = str_of(text.p + start, (size_t)to - start);
    if (getenv("REWRITE") && !str_eq(there, buf_view(&section))) {
        buf_append(&whole, text.p, start);
        buf_str(&whole, buf_view(&section));
        buf_append(&whole, text.p + to, text.n - (size_t)to);
        assert_int_equal(buf_status(&whole), OK);
        assert_int_equal(io_write_file(page, buf_view(&whole), NULL), OK);
    } else if (!str_eq(there, buf_view(&section))) {
        fail_msg("%s differs from the table of keys; ./dev test --rewrite config writes it", page);
    }
    buf_fini(&whole);
    buf_fini(&section);
    buf_fini(&text);
}

/* What a text with this store is told; "" when it is right. */
static void told_of_store(const char *store, char out[512])
{
    struct config *c = NULL;
    struct config_findings f;
    struct err err = {0};
    char text[512];
    int n = snprintf(text, sizeof text, "store: %s\nsources: [{url: \"s3://logs\"}]\n", store);
    config_findings_init(&f);
    (void)!config_read_text(str_of(text, (size_t)n), "a.yaml", true, 0, &c, &f, &err);
    snprintf(out, 512, "%.*s", STR_ARG(buf_view(&f.mistakes)));
    config_findings_fini(&f);
    config_close(c);
}

static void one_directory_is_made_for_a_store_more_are_a_mistake(void **state)
{
    (void)state;
    char home[] = "/tmp/assay-config-XXXXXX", where[128], told[512];
    assert_non_null(mkdtemp(home));
    snprintf(where, sizeof where, "%s/a.db", home);
    told_of_store(where, told);
    assert_string_equal(told, "");
    snprintf(where, sizeof where, "%s/assay/a.db", home);
    told_of_store(where, told);
    assert_string_equal(told, "");
    snprintf(where, sizeof where, "%s/assay//a.db", home);
    told_of_store(where, told);
    assert_string_equal(told, "");
    snprintf(where, sizeof where, "%s/asay/assay/a.db", home);
    told_of_store(where, told);
    assert_non_null(strstr(told, "store: there is no directory /tmp/assay-config-"));
    told_of_store("/etc/passwd/a.db", told);
    assert_non_null(strstr(told, "there is no directory /etc/passwd/ to make it in"));
    rmdir(home);
}

static void a_store_gets_its_directory(void **state)
{
    (void)state;
    char home[] = "/tmp/assay-config-XXXXXX", store[128];
    assert_non_null(mkdtemp(home));
    snprintf(store, sizeof store, "%s/a/b/assay.db", home);
    struct config c = {.store = store};
    struct stat st;
    struct err err = {0};
    assert_int_equal(config_make_state(&c, &err), OK);
    assert_int_equal(config_make_state(&c, &err), OK);
    snprintf(store, sizeof store, "%s/a/b", home);
    assert_int_equal(stat(store, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    rmdir(store);
    snprintf(store, sizeof store, "%s/a", home);
    rmdir(store);
    rmdir(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_enough_and_the_rest_has_defaults),
        cmocka_unit_test(every_value_arrives),
        cmocka_unit_test(mistakes_have_file_line_key_and_the_nearest_one),
        cmocka_unit_test(values_say_what_was_wanted),
        cmocka_unit_test(sources_say_what_was_wanted),
        cmocka_unit_test(sources_must_be_there),
        cmocka_unit_test(sources_must_agree),
        cmocka_unit_test(a_door_to_the_network_is_locked),
        cmocka_unit_test(a_name_is_made_of_the_url),
        cmocka_unit_test(odd_but_right_is_a_warning),
        cmocka_unit_test(a_queue_heeds_the_buckets_of_the_configuration),
        cmocka_unit_test(the_twenty_first_mistake_is_only_counted),
        cmocka_unit_test(hostile_yaml_is_refused_with_its_line),
        cmocka_unit_test(large_files_stay_small),
        cmocka_unit_test(the_example_has_every_key_and_is_right),
        cmocka_unit_test(what_show_prints_comes_to_the_same),
        cmocka_unit_test(the_manual_has_every_key_as_the_table_has_it),
        cmocka_unit_test(a_store_gets_its_directory),
        cmocka_unit_test(one_directory_is_made_for_a_store_more_are_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
