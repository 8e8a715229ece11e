/* sim/: the logs that assay simulate writes, and the truth about them. */
#include "base/buf.h"
#include "base/hash.h"
#include "base/io.h"
#include "codec/gz.h"
#include "codec/json.h"
#include "sim/rand.h"
#include "sim/sim.h"
#include "unit.h"

#include <fts.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILE = 256 << 20 };

static struct sim_options small(const char *dir)
{
    /* 2026-10-06 and -07: working days on both sides of a price change. */
    return (struct sim_options){.dir = dir,
                                .users = 3,
                                .days = 2,
                                .seed = 7,
                                .start_day = 20732,
                                .body_scale = 20,
                                .bodies = SIM_INLINE};
}

static char *new_dir(void)
{
    char path[] = "/tmp/assay-test-sim-XXXXXX";
    assert_non_null(mkdtemp(path));
    return strdup(path);
}

static FTS *walk(char *dir)
{
    char *paths[] = {dir, NULL};
    FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    assert_non_null(fts);
    return fts;
}

static void remove_dir(char *dir)
{
    FTS *fts = walk(dir);
    for (FTSENT *e; (e = fts_read(fts));)
        if (e->fts_info != FTS_D)
            remove(e->fts_accpath);
    fts_close(fts);
    free(dir);
}

static struct sim_report simulate(const struct sim_options *options)
{
    struct sim_report report;
    struct err err = {0};
    if (sim_run(options, &report, &err) != OK)
        fail_msg("%s", err.text);
    return report;
}

static void read_file(const char *path, struct buf *out)
{
    struct err err = {0};
    buf_init(out, MAX_FILE);
    if (io_read_file(path, out, &err) != OK)
        fail_msg("%s", err.text);
}

/* Names and contents of all files; independent of the order of the walk. */
static uint64_t tree_hash(char *dir, int *files)
{
    const struct hash_key key = {1, 2};
    uint64_t sum = 0;
    *files = 0;
    FTS *fts = walk(dir);
    for (FTSENT *e; (e = fts_read(fts));) {
        if (e->fts_info != FTS_F)
            continue;
        struct buf b;
        read_file(e->fts_path, &b);
        const char *name = e->fts_path + strlen(dir);
        sum += hash64(key, name, strlen(name)) * 31 + hash64(key, b.p ? b.p : "", b.n);
        buf_fini(&b);
        ++*files;
    }
    fts_close(fts);
    return sum;
}

static void the_generator_gives_the_same_numbers_for_ever(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 1, 2);
    uint64_t first = rng_u64(&r), second = rng_u64(&r);
    assert_true(first == UINT64_C(0x5f147c977b052899));
    assert_true(second == UINT64_C(0x3beb7d2db94e1f5d));
    for (int i = 0; i < 10000; i++) {
        assert_in_range(rng_between(&r, 3, 5), 3, 5);
        assert_in_range(rng_skewed(&r, 10, 20), 10, 20);
        assert_true(rng_below(&r, 1) == 0);
    }
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    static const enum sim_bodies all[] = {SIM_INLINE, SIM_S3, SIM_NONE};
    for (int i = 0; i < 3; i++) {
        uint64_t hash[3];
        int files[3];
        for (int k = 0; k < 3; k++) {
            char *dir = new_dir();
            struct sim_options o = small(dir);
            o.bodies = all[i];
            o.seed += k == 2;
            simulate(&o);
            hash[k] = tree_hash(dir, &files[k]);
            remove_dir(dir);
        }
        assert_true(files[0] > 20);
        assert_int_equal(files[0], files[1]);
        assert_true(hash[0] == hash[1]);
        assert_true(hash[0] != hash[2]);
    }
}

static void inflate(struct str in, struct buf *out)
{
    struct gz *z;
    assert_int_equal(gz_new(&z, NULL), OK);
    gz_start(z, (struct gz_limits){0});
    enum gz_state state = GZ_MORE;
    size_t n = 1;
    while (in.n || n) {
        assert_true(buf_reserve(out, 1 << 20));
        assert_int_equal(gz_inflate(z, &in, out->p + out->n, 1 << 20, &n, &state, NULL), OK);
        out->n += n;
    }
    assert_int_equal(state, GZ_BOUNDARY);
    gz_free(z);
}

/* Checks every line of a file; returns how many. */
static int64_t check_lines(struct json *j, const char *path)
{
    struct buf b, text;
    int64_t lines = 0;
    read_file(path, &b);
    buf_init(&text, MAX_FILE);
    inflate(buf_view(&b), &text);
    assert_true(buf_reserve(&text, JSON_PADDING));
    memset(text.p + text.n, 0, JSON_PADDING);
    for (struct str rest = buf_view(&text); rest.p && rest.n; lines++) {
        struct str line = str_cut(&rest, '\n');
        struct json_text t;
        struct err err = {0};
        if (json_index(j, line.p, line.n, &t, &err) != OK || json_check(&t, &err) != OK)
            fail_msg("%s, line %lld: %s", path, (long long)lines + 1, err.text);
    }
    buf_fini(&b);
    buf_fini(&text);
    return lines;
}

static void all_records_and_bodies_are_json(void **state)
{
    (void)state;
    char *dir = new_dir();
    struct sim_options o = small(dir);
    o.bodies = SIM_S3;
    struct sim_report report = simulate(&o);
    struct json *j;
    assert_int_equal(json_new(&j, NULL), OK);
    int64_t records = 0, objects = 0;
    FTS *fts = walk(dir);
    for (FTSENT *e; (e = fts_read(fts));) {
        if (e->fts_info != FTS_F || !str_has_suffix(str_from(e->fts_name), STR(".json.gz")))
            continue;
        int64_t lines = check_lines(j, e->fts_path);
        if (strstr(e->fts_path, "/data/")) {
            assert_int_equal(lines, 1);
            objects++;
        } else {
            records += lines;
        }
    }
    fts_close(fts);
    json_free(j);
    assert_int_equal(records, report.records);
    assert_true(objects > 20);
    remove_dir(dir);
}

struct counts {
    int64_t invocations, errors, input, output, read, w5, w1, unknown;
};

static struct counts read_counts(struct json_cursor *c)
{
    struct counts n = {0};
    struct {
        const char *name;
        int64_t *to;
    } fields[] = {{"invocations", &n.invocations},
                  {"errors", &n.errors},
                  {"input", &n.input},
                  {"output", &n.output},
                  {"cache_read", &n.read},
                  {"cache_write_5m", &n.w5},
                  {"cache_write_1h", &n.w1},
                  {"cache_write_unknown", &n.unknown}};
    assert_true(json_enter_object(c));
    for (struct str key; json_next_key(c, &key);) {
        bool known = false;
        for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !known; i++)
            if ((known = str_eq(key, str_from(fields[i].name))))
                assert_true(json_i64(c, fields[i].to));
        if (!known)
            json_skip(c);
    }
    return n;
}

static void add_counts(struct counts *into, struct counts n)
{
    into->invocations += n.invocations;
    into->errors += n.errors;
    into->input += n.input;
    into->output += n.output;
    into->read += n.read;
    into->w5 += n.w5;
    into->w1 += n.w1;
    into->unknown += n.unknown;
}

/* The truth with room behind it for the reader of JSON. */
static struct json_text load_truth(struct json *j, const char *dir, struct buf *b)
{
    char path[256];
    struct json_text t;
    snprintf(path, sizeof path, "%s/truth.json", dir);
    read_file(path, b);
    assert_true(buf_reserve(b, JSON_PADDING));
    memset(b->p + b->n, 0, JSON_PADDING);
    assert_int_equal(json_index(j, b->p, b->n, &t, NULL), OK);
    return t;
}

/* Fails unless every grouping of truth.json adds up to its total, which is returned. */
static struct counts check_truth(const char *dir)
{
    struct buf b;
    struct json *j;
    assert_int_equal(json_new(&j, NULL), OK);
    struct json_text t = load_truth(j, dir, &b);
    assert_int_equal(json_check(&t, NULL), OK);
    struct json_cursor c = json_begin(&t);
    struct counts total = {0}, sum;
    int groups = 0;
    assert_true(json_enter_object(&c));
    for (struct str key, name; json_next_key(&c, &key);) {
        memset(&sum, 0, sizeof sum);
        if (str_eq(key, STR("total"))) {
            total = read_counts(&c);
            continue;
        }
        bool objects = str_has_prefix(key, STR("by_")) && !str_eq(key, STR("by_error"));
        if (objects && json_enter_object(&c)) {
            while (json_next_key(&c, &name))
                add_counts(&sum, read_counts(&c));
        } else if ((objects || str_eq(key, STR("cells"))) && json_enter_array(&c)) {
            while (json_next_item(&c))
                add_counts(&sum, read_counts(&c));
        } else {
            json_skip(&c);
            continue;
        }
        if (memcmp(&sum, &total, sizeof sum) != 0)
            fail_msg("%.*s does not add up to the total", STR_ARG(key));
        groups++;
    }
    assert_int_equal(groups, 10);
    json_free(j);
    buf_fini(&b);
    return total;
}

static void the_truth_adds_up_and_bodies_change_only_what_is_seen(void **state)
{
    (void)state;
    struct counts n[3];
    for (int i = 0; i < 3; i++) {
        char *dir = new_dir();
        struct sim_options o = small(dir);
        o.bodies = (enum sim_bodies)i;
        struct sim_report report = simulate(&o);
        n[i] = check_truth(dir);
        assert_int_equal(n[i].invocations, report.invocations);
        assert_int_equal(n[i].input, n[0].input);
        assert_int_equal(n[i].output, n[0].output);
        assert_int_equal(n[i].read, n[0].read);
        assert_int_equal(n[i].errors, n[0].errors);
        assert_int_equal(n[i].w5 + n[i].w1 + n[i].unknown, n[0].w5 + n[0].w1 + n[0].unknown);
        remove_dir(dir);
    }
    assert_true(n[SIM_INLINE].w5 > 0 && n[SIM_INLINE].w1 > 0);
    assert_true(n[SIM_S3].unknown >= n[SIM_INLINE].unknown); /* lost objects */
    assert_int_equal(n[SIM_NONE].w5 + n[SIM_NONE].w1, 0);
}

/* What a corpus shows: the most of each figure of a session or row, and what was there at all. */
enum { FIGURES = 96 };
struct shown {
    struct {
        char name[40];
        int64_t most, rows;
    } figure[FIGURES];
    int n;
    uint64_t hash; /* of everything that does not depend on bodies */
};

static void show(struct shown *o, const char *section, struct str key, int64_t value)
{
    char name[40];
    snprintf(name, sizeof name, "%s.%.*s", section, STR_ARG(key));
    int i = 0;
    while (i < o->n && strcmp(o->figure[i].name, name) != 0)
        i++;
    assert_in_range(i, 0, FIGURES - 1);
    if (i == o->n)
        snprintf(o->figure[o->n++].name, sizeof name, "%s", name);
    o->figure[i].rows += value != 0;
    if (value > o->figure[i].most)
        o->figure[i].most = value;
}

static int64_t rows_of(const struct shown *o, const char *name)
{
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->figure[i].name, name) == 0)
            return o->figure[i].rows;
    fail_msg("no %s in the truth", name);
    return 0;
}

static int64_t most(const struct shown *o, const char *name)
{
    for (int i = 0; i < o->n; i++)
        if (strcmp(o->figure[i].name, name) == 0)
            return o->figure[i].most;
    fail_msg("no %s in the truth", name);
    return 0;
}

/* Sizes are not known without bodies, and prices depend on what is seen. */
static bool depends_on_bodies(struct str key)
{
    return str_find(key, STR("bytes")) >= 0 || str_find(key, STR("cost")) >= 0 ||
           str_find(key, STR("cold_tokens")) >= 0;
}

static void show_row(struct shown *o, struct json_cursor *c, const char *section)
{
    const struct hash_key key = {3, 4};
    assert_true(json_enter_object(c));
    for (struct str name, raw; json_next_key(c, &name);) {
        int64_t value = 0;
        bool flag = false;
        assert_true(json_raw(c, &raw));
        if (depends_on_bodies(name))
            continue;
        o->hash = o->hash * 31 + hash64(key, raw.p, raw.n);
        if (raw.p[0] == '"')
            continue;
        flag = str_eq(raw, STR("true"));
        if (!flag && !str_eq(raw, STR("false")))
            assert_true(str_to_i64(raw, &value));
        show(o, section, name, flag ? 1 : value);
    }
}

static void show_truth(const char *dir, struct shown *o)
{
    static const char *const sections[] = {"sessions", "tools",      "mcp",       "skills",
                                           "agents",   "call_kinds", "harnesses", "versions"};
    struct json *j;
    struct buf b;
    *o = (struct shown){0};
    assert_int_equal(json_new(&j, NULL), OK);
    struct json_text t = load_truth(j, dir, &b);
    struct json_cursor c = json_begin(&t);
    assert_true(json_enter_object(&c));
    for (struct str key; json_next_key(&c, &key);) {
        const char *section = NULL;
        for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
            if (str_eq(key, str_from(sections[i])))
                section = sections[i];
        if (section && json_enter_array(&c)) {
            int64_t rows = 0;
            for (; json_next_item(&c); rows++)
                show_row(o, &c, section);
            show(o, section, STR("rows"), rows);
        } else if (str_eq(key, STR("coverage"))) {
            show_row(o, &c, "coverage");
        } else {
            json_skip(&c);
        }
    }
    json_free(j);
    buf_fini(&b);
}

static void a_small_organization_shows_every_situation(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t at_least;
    } wanted[] = {
        {"sessions.prompts", 8},
        {"sessions.retries", 2},
        {"sessions.tool_errors", 30},
        {"sessions.agents", 16},
        {"sessions.fan_out", 8},
        {"sessions.depth", 2},
        {"sessions.compactions", 1},
        {"sessions.generations", 2},
        {"sessions.interrupts", 1},
        {"sessions.first_context", 50000},
        {"sessions.cold_restarts", 2},
        {"sessions.loop", 45},
        {"sessions.inferred", 1},
        {"sessions.requests_per_minute", 40},
        {"sessions.identical_agents", 1},
        {"mcp.errors", 1},
        {"mcp.offered_sessions", 5},
        {"skills.by_tool", 2},
        {"skills.by_command", 1},
        {"agents.threads", 5},
        {"call_kinds.rows", 6},
        {"harnesses.rows", 10},
        {"versions.rows", 13},
        {"tools.users", 4},
        {"coverage.with_request", 1000},
        {"coverage.sessions_of_one_call", 100},
    };
    for (int64_t seed = 1; seed <= 2; seed++) {
        char *dir = new_dir();
        struct sim_options o = small(dir);
        o.users = 6;
        o.days = 3;
        o.seed = seed;
        o.start_day -= 1;
        o.bodies = SIM_NONE;
        simulate(&o);
        struct shown shown;
        show_truth(dir, &shown);
        for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
            if (most(&shown, wanted[i].name) < wanted[i].at_least)
                fail_msg("seed %lld: %s is %lld at most", (long long)seed, wanted[i].name,
                         (long long)most(&shown, wanted[i].name));
        /* A server that is offered and never called; a session that began before the log. */
        assert_true(rows_of(&shown, "mcp.calls") < most(&shown, "mcp.rows"));
        assert_true(rows_of(&shown, "sessions.seen_whole") < rows_of(&shown, "sessions.turns"));
        remove_dir(dir);
    }
}

static void the_truth_about_sessions_is_the_same_with_any_bodies(void **state)
{
    (void)state;
    uint64_t hash[3];
    for (int i = 0; i < 3; i++) {
        char *dir = new_dir();
        struct sim_options o = small(dir);
        struct shown shown;
        o.bodies = (enum sim_bodies)i;
        simulate(&o);
        show_truth(dir, &shown);
        hash[i] = shown.hash;
        remove_dir(dir);
    }
    assert_true(hash[SIM_INLINE] == hash[SIM_S3]);
    assert_true(hash[SIM_INLINE] == hash[SIM_NONE]);
}

static void it_stops_after_about_so_many_records(void **state)
{
    (void)state;
    char *dir = new_dir();
    struct sim_options o = small(dir);
    o.bodies = SIM_NONE;
    o.records = 200;
    struct sim_report report = simulate(&o);
    assert_in_range(report.records, 200, 215);
    check_truth(dir);
    remove_dir(dir);
}

static void a_directory_that_is_not_empty_is_refused(void **state)
{
    (void)state;
    char *dir = new_dir();
    struct sim_options o = small(dir);
    o.bodies = SIM_NONE;
    o.records = 50;
    simulate(&o);
    struct sim_report report;
    struct err err = {0};
    assert_int_equal(sim_run(&o, &report, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "not empty"));
    o.force = true;
    assert_int_equal(sim_run(&o, &report, &err), OK);
    remove_dir(dir);
}

static void what_cannot_be_written_is_an_error_with_a_name(void **state)
{
    (void)state;
    struct sim_report report;
    struct err err = {0};
    struct sim_options o = small("/dev/null/logs");
    assert_int_not_equal(sim_run(&o, &report, &err), OK);
    assert_non_null(strstr(err.text, "/dev/null/logs"));

    char *dir = new_dir();
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 2048;
    signal(SIGXFSZ, SIG_IGN);
    o = small(dir);
    memset(&err, 0, sizeof err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    enum status status = sim_run(&o, &report, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_not_equal(status, OK);
    assert_non_null(strstr(err.text, dir));
    remove_dir(dir);
}

static bool stop_at_once(void)
{
    return true;
}

static void it_can_be_interrupted(void **state)
{
    (void)state;
    char *dir = new_dir();
    struct sim_options o = small(dir);
    struct sim_report report;
    o.stop = stop_at_once;
    assert_int_equal(sim_run(&o, &report, NULL), ERR_INTERRUPTED);
    remove_dir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_generator_gives_the_same_numbers_for_ever),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(all_records_and_bodies_are_json),
        cmocka_unit_test(the_truth_adds_up_and_bodies_change_only_what_is_seen),
        cmocka_unit_test(a_small_organization_shows_every_situation),
        cmocka_unit_test(the_truth_about_sessions_is_the_same_with_any_bodies),
        cmocka_unit_test(it_stops_after_about_so_many_records),
        cmocka_unit_test(a_directory_that_is_not_empty_is_refused),
        cmocka_unit_test(what_cannot_be_written_is_an_error_with_a_name),
        cmocka_unit_test(it_can_be_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
