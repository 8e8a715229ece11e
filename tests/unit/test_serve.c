/* cli/serve_watch, serve_state, status_read and report/standing: what a daemon says of itself. */
#include <stdio.h>

#include "client.h"

#include "base/io.h"
#include "cli/serve.h"
#include "codec/json.h"
#include "report/standing.h"
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static struct serve_watch w;
static const struct config_source sources[] = {
    {.name = "prod", .kind = CONFIG_S3, .url = "s3://b"},
    {.name = "push", .kind = CONFIG_PUSH, .listen = "127.0.0.1:80"}};

/* What is written to a journal goes through a pipe. */
struct listener {
    int fd[2];
    struct journal journal;
    char text[8192];
};

static void listen_to(struct listener *l, bool json)
{
    assert_int_equal(pipe2(l->fd, O_NONBLOCK | O_CLOEXEC), 0);
    l->journal = (struct journal){.fd = l->fd[1], .json = json, .level = JOURNAL_INFO};
}

/* Without the instants at the beginnings of lines, for text. */
static const char *heard(struct listener *l)
{
    ssize_t n = read(l->fd[0], l->text, sizeof l->text - 1);
    l->text[n > 0 ? n : 0] = '\0';
    char *out = l->text;
    if (l->journal.json)
        return l->text;
    for (const char *line = l->text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const char *rest = strchr(line, ' ') + 1;
        size_t size = (size_t)(end + 1 - rest);
        memmove(out, rest, size);
        out += size;
    }
    *out = '\0';
    return l->text;
}

static void stop_listening(struct listener *l)
{
    close(l->fd[0]);
    close(l->fd[1]);
}

static void tick(struct listener *l, int64_t s, int64_t items, int64_t records,
                 const struct source_state *states)
{
    const struct serve_counts c = {items, records, records, records * 100};
    serve_watch_tick(&w, &l->journal, s * US_PER_SECOND, &c, sources, states, 2);
}

static void a_source_is_told_of_once_per_change(void **state)
{
    (void)state;
    struct listener l;
    struct source_state s[2] = {{.failing = false}};
    listen_to(&l, false);
    serve_watch_init(&w, 0);
    tick(&l, 1, 0, 0, s);
    assert_string_equal(heard(&l), "");
    s[1].failing = true;
    strcpy(s[1].error, "no such queue");
    tick(&l, 2, 0, 0, s);
    assert_string_equal(heard(&l), "warning push: failing: no such queue\n");
    tick(&l, 3, 0, 0, s);
    assert_string_equal(heard(&l), "");
    assert_int_equal(w.failing, 1);
    /* Each answer of AWS has a number of its own. */
    strcpy(s[1].error, "no such queue; request 2");
    tick(&l, 3, 0, 0, s);
    assert_string_equal(heard(&l), "");
    assert_int_equal(w.failures, 1);
    strcpy(s[1].error, "access denied");
    tick(&l, 4, 0, 0, s);
    assert_int_equal(w.failures, 2);
    assert_int_equal(w.told[1].since_us, 2 * US_PER_SECOND);
    assert_string_equal(heard(&l), "warning push: failing: access denied\n");
    s[1].failing = false; /* the text stays, as states keep it */
    tick(&l, 5, 0, 0, s);
    assert_string_equal(heard(&l), "info    push: recovered\n");
    tick(&l, 6, 0, 0, s);
    assert_string_equal(heard(&l), "");
    assert_int_equal(w.failing, 0);
    stop_listening(&l);
}

static void every_ten_minutes_what_was_done_when_something_was(void **state)
{
    (void)state;
    struct listener l;
    const struct source_state s[2] = {{.failing = false}};
    listen_to(&l, false);
    serve_watch_init(&w, 0);
    for (int i = 1; i < 600; i++)
        tick(&l, i, i / 100, i, s);
    assert_string_equal(heard(&l), "");
    tick(&l, 600, 7, 1000, s);
    assert_string_equal(
        heard(&l),
        "info    in the last 10 minutes: 7 items with 1000 records, 1000 invocations kept\n");
    for (int i = 601; i <= 1800; i++)
        tick(&l, i, 7, 1000, s);
    assert_string_equal(heard(&l), "");
    tick(&l, 2400, 8, 1001, s);
    assert_string_equal(
        heard(&l), "info    in the last 10 minutes: 1 items with 1 records, 1 invocations kept\n");
    stop_listening(&l);
}

static void lines_are_json_whatever_names_hold(void **state)
{
    (void)state;
    static const char odd[] = "a \"quote\", a \\, \x01 \x7f \xff and\na line";
    struct listener l;
    struct json *j;
    struct json_text text;
    struct json_cursor c;
    listen_to(&l, true);
    journal_line(&l.journal, JOURNAL_WARNING, odd, "%s", odd);
    size_t n = strlen(heard(&l));
    assert_ptr_equal(strchr(l.text, '\n'), l.text + n - 1);
    assert_int_equal(json_new(&j, NULL), OK);
    assert_int_equal(json_index(j, l.text, n, &text, NULL), OK);
    assert_int_equal(json_check(&text, NULL), OK);
    c = json_begin(&text);
    assert_true(json_enter_object(&c));
    const char *const keys[] = {"time", "level", "source", "message"};
    struct str key;
    for (int i = 0; i < 4; i++) {
        assert_true(json_next_key(&c, &key));
        assert_true(str_eq(key, str_from(keys[i])));
        json_skip(&c);
    }
    assert_false(json_next_key(&c, &key));
    json_free(j);
    stop_listening(&l);
}

static void the_last_minute_is_a_minute(void **state)
{
    (void)state;
    struct listener l;
    int64_t span_us;
    const struct source_state s[2] = {{.failing = false}};
    listen_to(&l, false);
    serve_watch_init(&w, 0);
    assert_int_equal(serve_watch_minute(&w, &span_us).records, 0);
    assert_int_equal(span_us, 0);
    for (int i = 1; i <= 10; i++)
        tick(&l, i, 0, 5 * i, s);
    assert_int_equal(serve_watch_minute(&w, &span_us).records, 50);
    assert_int_equal(span_us, 10 * US_PER_SECOND);
    for (int i = 11; i <= 500; i++)
        tick(&l, i, 0, 5 * i, s);
    assert_int_equal(serve_watch_minute(&w, &span_us).records, 300);
    assert_int_equal(span_us, 60 * US_PER_SECOND);
    /* The machine slept. */
    tick(&l, 100000, 0, 9999, s);
    assert_int_equal(serve_watch_minute(&w, &span_us).records, 0);
    stop_listening(&l);
}

static int64_t at(const char *text)
{
    int64_t us = 0;
    assert_true(time_parse(str_from(text), &us));
    return us;
}

static const struct source_state states[] = {
    {.name = "s3://b/\xC3\xA4\"x",
     .named = 26,
     .open = 5,
     .kept = 10,
     .known = 9,
     .refused = 3,
     .skipped = 4,
     .passes = 1,
     .oldest_us = 1791998000000000,
     .again = 1,
     .failed = 2,
     .bytes = 1234567,
     .success_us = 1792000000000000,
     .error_us = 1791999990000000,
     .error = "503 \"slow\" \\ down",
     .up_to_us = 1791999000000000,
     .waiting = -1},
    {.name = "push:push",
     .success_us = TIME_NONE,
     .oldest_us = TIME_NONE,
     .passes = -1,
     .error_us = 1792000000000000,
     .error = "the port is taken",
     .up_to_us = TIME_NONE,
     .waiting = 7,
     .failing = true},
};

static void a_state_is_read_as_it_was_written(void **state)
{
    (void)state;
    char path[] = "/tmp/assay-state-XXXXXX";
    struct config config = {.path = "/etc/a.yaml", .store = "/var/a.db"};
    struct config_source of[2] = {sources[0], sources[1]};
    config.sources = of;
    config.sources_n = 2;
    const struct serve_state s = {
        .config = &config,
        .states = states,
        .states_n = 2,
        .now_us = at("2026-10-14T18:13:20Z"),
        .started_us = at("2026-10-14T17:00:00Z"),
        .loaded_us = at("2026-10-14T18:00:00Z"),
        .committed_us = TIME_NONE,
        .counts = {1, 2, 3, 4},
        .minute = {5, 6, 7, 8},
        .minute_us = 59000000,
        .problems = 9,
        .quarantined = 10,
        .problem = "s3://b/k: it is gone",
        .problem_us = at("2026-10-14T18:13:19Z"),
        .memory = 11,
        .memory_peak = 12,
        .running = true,
        .error = "disk full",
    };
    struct buf out;
    struct arena arena;
    struct standing read = {0};
    buf_init(&out, 1 << 20);
    arena_init(&arena);
    serve_state_put(&out, &s);
    assert_int_equal(buf_status(&out), OK);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(io_write_all(fd, out.p, out.n, path, NULL), OK);
    close(fd);
    assert_int_equal(status_read(path, &arena, &read, NULL), OK);
    assert_int_equal(read.process, getpid());
    assert_true(read.process_began > 0 && read.process_began == serve_process_began(getpid()));
    assert_true(str_eq(read.problem, STR("s3://b/k: it is gone")));
    assert_int_equal(read.problem_us, s.problem_us);
    assert_int_equal(read.time_us, s.now_us);
    assert_int_equal(read.started_us, s.started_us);
    assert_int_equal(read.loaded_us, s.loaded_us);
    assert_true(read.committed_us == TIME_NONE);
    assert_true(str_eq(read.configuration, STR("/etc/a.yaml")));
    assert_true(str_eq(read.error, STR("disk full")));
    assert_int_equal(read.counts.items, 1);
    assert_int_equal(read.counts.records, 2);
    assert_int_equal(read.minute.records, 6);
    assert_int_equal(read.minute_ms, 59000);
    assert_int_equal(read.problems, 9);
    assert_int_equal(read.quarantined, 10);
    assert_int_equal(read.memory_peak, 12);
    assert_int_equal(read.sources_n, 2);
    for (int i = 0; i < 2; i++) {
        const struct standing_source *t = &read.sources[i];
        assert_true(str_eq(t->name, str_from(of[i].name)));
        /* Of what is listened to there is only one address: the configured one. */
        assert_true(str_eq(t->address, i == 0 ? str_from(states[0].name) : STR("127.0.0.1:80")));
        assert_true(str_eq(t->error, str_from(states[i].error)));
        assert_int_equal(t->kept, states[i].kept);
        assert_int_equal(t->known, states[i].known);
        assert_int_equal(t->open, states[i].open);
        assert_int_equal(t->refused, states[i].refused);
        assert_int_equal(t->skipped, states[i].skipped);
        assert_int_equal(t->passes, states[i].passes);
        assert_true(t->oldest_us == states[i].oldest_us);
        assert_int_equal(t->waiting, states[i].waiting);
        assert_true(t->up_to_us == states[i].up_to_us);
        assert_true(t->success_us == states[i].success_us);
        assert_int_equal(t->failing, states[i].failing);
    }
    unlink(path);
    buf_fini(&out);
    arena_fini(&arena);
}

static void what_is_no_state_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"time\": 3}",
        "{\"time\": \"2026-10-14T18:13:20Z\"",
        "{\"time\": \"2026-10-14T18:13:20Z\", \"sources\": [}",
        "\"\xff\"",
    };
    /* Of wrong types nothing is taken. */
    static const char odd[] = "{\"time\": \"2026-10-14T18:13:20Z\", \"sources\": 3, \"minute\": [],"
                              " \"process\": \"x\", \"error\": {}, \"started\": \"soon\"}";
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i <= sizeof texts / sizeof texts[0]; i++) {
        bool last = i == sizeof texts / sizeof texts[0];
        const char *text = last ? odd : texts[i];
        char path[] = "/tmp/assay-state-XXXXXX";
        struct standing read = {0};
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(io_write_all(fd, text, strlen(text), path, NULL), OK);
        close(fd);
        assert_int_equal(status_read(path, &arena, &read, NULL), last ? OK : ERR_PARSE);
        unlink(path);
    }
    struct standing read = {0};
    assert_int_equal(status_read("/nowhere/at/all", &arena, &read, NULL), ERR_NOT_FOUND);
    arena_fini(&arena);
}

static const struct standing_source two[] = {
    {.name = {"prod", 4},
     .kind = {"s3", 2},
     .address =
         {"s3://bedrock-logs-of-a-company-with-a-long-name/and/a/prefix/that/is/longer/still", 81},
     .named = 1654,
     .kept = 1650,
     .known = 1200,
     .failed = 4,
     .again = 1,
     .refused = 2,
     .bytes = 12900000,
     .waiting = -1,
     .passes = 1,
     .up_to_us = 1791999940000000,
     .success_us = 1791999997000000,
     .error = {"AccessDenied", 12},
     .error_us = 1791999000000000},
    {.name = {"push\x1b[31m", 9},
     .kind = {"push", 4},
     .address = {"0.0.0.0:8443", 12},
     .error = {"the certificate has expired", 27},
     .waiting = 3,
     .passes = -1,
     .up_to_us = TIME_NONE,
     .success_us = TIME_NONE,
     .error_us = 1791999999000000,
     .failing = true},
};

static struct standing running(void)
{
    return (struct standing){
        .now_us = 1792000000000000,
        .state = STANDING_RUNNING,
        .store = STR("/var/lib/assay/assay.db"),
        .configuration = STR("/etc/assay/assay.yaml"),
        .process = 4711,
        .time_us = 1791999999500000,
        .started_us = 1791990000000000,
        .loaded_us = 1791999000000000,
        .committed_us = 1791999998000000,
        .counts = {1650, 53120, 52791, 0},
        .minute = {12, 745, 740, 0},
        .minute_ms = 60000,
        .quarantined = 1,
        .problem = STR("s3://b/k.json.gz: it is gone"),
        .problem_us = 1791999880000000,
        .memory = 47395635,
        .memory_peak = 1023,
        .sources = two,
        .sources_n = 2,
        .store_bytes = 12345678,
        .kept_error = STR("it cannot be read"),
    };
}

static void the_page_is_calm_and_narrow(void **state)
{
    (void)state;
    static const char wanted[] =
        "assay serve runs: process 4711, for 2h 46m\n"
        "\n"
        "store          /var/lib/assay/assay.db, 11.7 MiB\n"
        "               it cannot be read\n"
        "last commit    2s ago\n"
        "last minute    12.4 records/s, 0.2 items/s\n"
        "since start    53,120 records, 1,650 items, 1 record in quarantine\n"
        "last problem   2m 00s ago: s3://b/k.json.gz: it is gone\n"
        "memory         45.1 MiB, at most 1023 B\n"
        "configuration  /etc/assay/assay.yaml, read 16m 40s ago\n"
        "\n"
        "source         prod (s3), s3://bedrock-logs-of-a-company-with-a-long-name/and/a/\n"
        "               prefix/that/is/longer/still\n"
        "               1,650 items read, 1,200 known before, 2 refused, 4 failed\n"
        "               attempts, 1 time bodies were missing, 12.3 MiB\n"
        "               caught up, newest data 1m 00s ago, last answer 3s ago\n"
        "               last error 16m 40s ago: AccessDenied\n"
        "\n"
        "source         push\\x1b[31m (push), 0.0.0.0:8443\n"
        "               failing: the certificate has expired\n"
        "               0 items read, 3 wait, 0 B\n"
        "               no answer yet\n";
    struct standing s = running();
    struct report_options o = {.format = REPORT_TABLE};
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(report_standing(&s, &o, &out, NULL), OK);
    buf_char(&out, '\0');
    assert_string_equal(out.p, wanted);
    for (const char *line = out.p; *line; line = strchr(line, '\n') + 1)
        assert_true(strchr(line, '\n') - line <= 80);
    buf_reset(&out);
    o.color = true;
    assert_int_equal(report_standing(&s, &o, &out, NULL), OK);
    buf_char(&out, '\0');
    assert_non_null(strstr(out.p, "\x1b[31mfailing: the certificate has expired\x1b[0m"));
    buf_fini(&out);
}

static void it_is_well_only_when_all_is(void **state)
{
    (void)state;
    static const struct answer answer;
    struct standing s = running();
    assert_false(standing_is_well(&s));
    s.sources_n = 1;
    assert_false(standing_is_well(&s));
    s.kept = &answer;
    assert_true(standing_is_well(&s));
    s.error = STR("disk full");
    assert_false(standing_is_well(&s));
    s.error = STR("");
    s.state = STANDING_GONE;
    assert_false(standing_is_well(&s));
}

static void lag_is_of_the_answer_once_caught_up(void **state)
{
    (void)state;
    struct standing s = running();
    struct standing_source t = two[0];
    assert_true(standing_caught_up(&t));
    assert_int_equal(standing_lag_us(&s, &t), 3 * US_PER_SECOND);
    t.passes = 0; /* it still looks what there is */
    assert_false(standing_caught_up(&t));
    t.passes = 1;
    t.open++; /* one is being read */
    assert_false(standing_caught_up(&t));
    assert_int_equal(standing_lag_us(&s, &t), 60 * US_PER_SECOND);
    t.up_to_us = TIME_NONE;
    assert_int_equal(standing_lag_us(&s, &t), -1);
    assert_int_equal(standing_lag_us(&s, &two[1]), -1);
}

static void a_state_is_left_also_on_a_full_disk(void **state)
{
    (void)state;
    char folder[] = "/tmp/assay-state-XXXXXX", store[64], path[96];
    assert_non_null(mkdtemp(folder));
    snprintf(store, sizeof store, "%s/a.db", folder);
    snprintf(path, sizeof path, "%s-status.json", store);
    struct config config = {.path = "a.yaml", .store = store};
    struct serve_state s = {
        .config = &config, .now_us = at("2026-10-14T18:13:20Z"), .error = "", .running = true};
    struct stat st;
    int fd = open(store, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(chmod(store, 0640), 0);
    assert_int_equal(serve_state_leave(&s, NULL), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640); /* for those that may read the store */
    off_t size = st.st_size;
    ino_t number = st.st_ino;
    assert_int_equal(size % 4096, 0);
    /* A message more takes no more room. */
    s.error = "cannot write the store: database or disk is full";
    assert_int_equal(serve_state_leave(&s, NULL), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, size);
    assert_int_not_equal(st.st_ino, number);
    /* No other file can be made: a directory stands where it would. */
    char other[128];
    snprintf(other, sizeof other, "%s.new", path);
    assert_int_equal(mkdir(other, 0700), 0);
    number = st.st_ino;
    s.error = "still full";
    assert_int_equal(serve_state_leave(&s, NULL), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_ino, number);
    struct arena arena;
    struct standing read = {0};
    arena_init(&arena);
    assert_int_equal(status_read(path, &arena, &read, NULL), OK);
    assert_true(str_eq(read.error, STR("still full")));
    assert_int_equal(read.configuration.p[0], '/'); /* whoever reads it stands elsewhere */
    arena_fini(&arena);
    rmdir(other);
    unlink(path);
    unlink(store);
    rmdir(folder);
}

static void counters_go_on_after_another_life(void **state)
{
    (void)state;
    static struct serve_sums sums;
    struct source_state s = {.named = 3, .kept = 2, .known = 1, .bytes = 10, .up_to_us = TIME_NONE};
    struct source_state last[2] = {{.named = 5, .kept = 4, .bytes = 40, .up_to_us = 7},
                                   {.named = 9}};
    serve_sums_add(&sums, "prod", &s);
    assert_int_equal(s.named, 3);
    serve_sums_keep(&sums, sources, last, 2);
    serve_sums_add(&sums, "prod", &s);
    assert_true(s.named == 8 && s.kept == 6 && s.known == 1 && s.bytes == 50 && s.up_to_us == 7);
    serve_sums_add(&sums, "another", &s);
    assert_int_equal(s.named, 8);
}

static void the_page_outlives_lives_and_tells_who_fails(void **state)
{
    (void)state;
    static struct serve s;
    static char out[65536];
    struct config_source of[2] = {sources[0], sources[1]};
    struct config config = {.path = "a.yaml",
                            .store = "/nowhere/a.db",
                            .status_listen = "127.0.0.1:0",
                            .sources = of,
                            .sources_n = 2};
    struct listener l;
    listen_to(&l, false);
    of[0].poll_s = 200;
    assert_int_equal(serve_patience_us(&of[0]), 600 * US_PER_SECOND);
    assert_int_equal(serve_patience_us(&of[1]), 300 * US_PER_SECOND);
    s.states_n = 2;
    s.items = 77;
    s.states[1].failing = true;
    s.states[1].error_us = clock_now_us();
    strcpy(s.states[1].error, "no certificate");
    serve_watch_init(&s.watch, 0);
    assert_int_equal(serve_page_open(&s, &config, NULL), OK);
    int port = serve_page_port(&s);
    /* It begins to fail: nobody needs to get up for that yet. */
    const struct serve_counts none = {0};
    int64_t now = clock_monotonic_us();
    serve_watch_tick(&s.watch, &l.journal, now, &none, of, s.states, 2);
    serve_page_show(&s, &config);
    client_ask(port, "GET /healthz", "", "", out, sizeof out);
    assert_non_null(strstr(out, "\r\n\r\nok\n"));
    /* Six minutes later. */
    s.watch.told[1].since_us = now - 360 * US_PER_SECOND;
    serve_page_show(&s, &config);
    client_ask(port, "GET /healthz", "", "", out, sizeof out);
    assert_non_null(strstr(out, "HTTP/1.1 503 "));
    assert_non_null(strstr(out, "\r\n\r\npush: failing for more than 300 s: no certificate\n"));
    client_ask(port, "GET /metrics", "", "", out, sizeof out);
    assert_non_null(strstr(out, "\nassay_healthy 0\n"));
    assert_non_null(strstr(out, "\nassay_items_read_total 77\n"));
    assert_non_null(strstr(out, "\nassay_problems_total 1\n"));
    /* Why nothing can be written, once, and on the page of before. */
    strcpy(s.failure, "no space left");
    s.states_n = 0;
    assert_int_equal(serve_page_open(&s, &config, NULL), OK);
    serve_page_show(&s, &config);
    assert_int_equal(serve_page_port(&s), port);
    client_ask(port, "GET /healthz", "", "", out, sizeof out);
    assert_non_null(strstr(out, "\r\n\r\nthe store is not written: no space left\n"));
    config.status_listen = NULL;
    serve_page_leave(&s, &config);
    assert_null(s.page);
    stop_listening(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_told_of_once_per_change),
        cmocka_unit_test(every_ten_minutes_what_was_done_when_something_was),
        cmocka_unit_test(lines_are_json_whatever_names_hold),
        cmocka_unit_test(the_last_minute_is_a_minute),
        cmocka_unit_test(a_state_is_read_as_it_was_written),
        cmocka_unit_test(what_is_no_state_is_refused),
        cmocka_unit_test(a_state_is_left_also_on_a_full_disk),
        cmocka_unit_test(counters_go_on_after_another_life),
        cmocka_unit_test(the_page_outlives_lives_and_tells_who_fails),
        cmocka_unit_test(the_page_is_calm_and_narrow),
        cmocka_unit_test(it_is_well_only_when_all_is),
        cmocka_unit_test(lag_is_of_the_answer_once_caught_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
