/* store/: duplicates, batches, files, and everything that can be wrong with a store's file. */
#include "store_fixture.h"

#include "store/upkeep.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { N = 300 };

static void some(struct fixture *f, struct invocation *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = fixture_invocation(f, 3);
}

static void the_same_batch_twice_changes_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[N];
    fixture_open(&f, 1);
    some(&f, v, N);
    fixture_put(&f, v, N);
    fixture_agrees(&f);
    fixture_put(&f, v, N);
    fixture_agrees(&f);
    fixture_reopen(&f);
    fixture_put(&f, v + 50, N - 100);
    assert_int_equal(f.kept_n, N);
    fixture_agrees(&f);
    fixture_close(&f);
}

static void of_two_records_the_larger_stays_in_any_order(void **state)
{
    (void)state;
    for (int order = 0; order < 8; order++) {
        struct fixture f;
        fixture_open(&f, 2);
        struct invocation v[2] = {fixture_invocation(&f, 1)};
        v[1] = v[0];
        struct invocation *zeros = &v[order & 1], *full = &v[!(order & 1)];
        memset(zeros->tokens, 0, sizeof zeros->tokens);
        memset(zeros->cost, 0, sizeof zeros->cost);
        full->tokens[TOKENS_OUTPUT] += 5;
        if (order & 2) { /* another hour, another series */
            zeros->time_us += 2 * US_PER_HOUR;
            zeros->series = (zeros->series + 1) % FIXTURE_SERIES;
        }
        if (order & 4) {
            fixture_put(&f, v, 2);
        } else {
            fixture_put(&f, v, 1);
            fixture_put(&f, v + 1, 1);
        }
        assert_int_equal(f.kept_n, 1);
        assert_int_equal(f.kept[0].tokens[TOKENS_OUTPUT], full->tokens[TOKENS_OUTPUT]);
        fixture_agrees(&f);
        fixture_close(&f);
    }
}

static void one_request_id_in_another_account_or_region_is_another_invocation(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 3);
    static const char *const who[] = {"111122223333|us-east-1|id", "111122223334|us-east-1|id",
                                      "111122223333|us-east-2|id"};
    struct invocation v[3];
    some(&f, v, 1);
    v[2] = v[1] = v[0];
    for (int i = 0; i < 3; i++)
        v[i].key = hash128(store_hash_key(f.store), who[i], strlen(who[i]));
    fixture_put(&f, v, 3);
    assert_int_equal(f.kept_n, 3);
    fixture_agrees(&f);
    /* The key of the store outlives it, or the next run would take them for new. */
    fixture_reopen(&f);
    struct hash128 again = hash128(store_hash_key(f.store), who[0], strlen(who[0]));
    assert_true(hash128_eq(again, v[0].key));
    fixture_close(&f);
}

static void keys_that_share_64_bits_stay_apart(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[40];
    fixture_open(&f, 4);
    some(&f, v, 40);
    for (int i = 0; i < 40; i++) {
        /* Slots run over the end of the numbers, and into keys that want the next slots. */
        v[i].key.hi = i < 20 ? UINT64_MAX : (uint64_t)(i - 20) / 4;
        v[i].key.lo = (uint64_t)i % 20 < 10 ? (uint64_t)i << 24 : (uint64_t)i;
        v[i].time_us = FIXTURE_START; /* and ids of facts collide too */
    }
    fixture_put(&f, v, 15);
    fixture_put(&f, v + 10, 30);
    fixture_agrees(&f);
    for (int i = 0; i < 40; i++)
        v[i].tokens[TOKENS_INPUT] += i % 3;
    fixture_put(&f, v, 40);
    assert_int_equal(f.kept_n, 40);
    fixture_agrees(&f);
    fixture_close(&f);
}

/* `recent` is folded into `seen` past 300,000 keys: some are new, then some have moved to another
 * fact, then the moved ones are folded, too. */
static void keys_are_found_after_they_were_folded(void **state)
{
    (void)state;
    enum { MANY = 310000, AGAIN = 20000, MORE = 300000, CHUNK = 10000 };
    struct fixture f;
    fixture_open(&f, 5);
    struct invocation *v = calloc(CHUNK, sizeof *v);
    for (int i = 0; i < MANY + AGAIN + MORE; i += CHUNK) {
        bool again = i >= MANY && i < MANY + AGAIN;
        for (int j = 0; j < CHUNK; j++) {
            int n = again ? i + j - MANY : i < MANY ? i + j : i + j - AGAIN;
            v[j] = (struct invocation){
                .time_us = FIXTURE_START + (int64_t)n * US_PER_SECOND / 4 + again * US_PER_DAY,
                .key = {(uint64_t)n * 0x9E3779B97F4A7C15u, 7},
                .tokens = {1 + again}, /* the later record beats */
            };
        }
        if (i == 0 || i == MANY || i == MANY + AGAIN) {
            if (i > 0)
                GOOD(store_commit(f.store, &failure));
            GOOD(store_begin(f.store, &failure));
        }
        GOOD(store_put(f.store, f.series, v, CHUNK, &failure));
    }
    GOOD(store_commit(f.store, &failure));
    GOOD(store_check(f.store, &failure));
    fixture_reopen(&f);
    GOOD(store_begin(f.store, &failure));
    for (int j = 0; j < CHUNK; j++) {
        v[j].time_us = FIXTURE_START;
        v[j].tokens[0] = 1 - j % 2; /* an equal one and an earlier, and a smaller one */
        v[j].key.hi = (uint64_t)(j * 60) * 0x9E3779B97F4A7C15u;
    }
    GOOD(store_put(f.store, f.series, v, CHUNK, &failure));
    GOOD(store_commit(f.store, &failure));
    free(v);
    struct told t;
    fixture_ask(&f, f.store, &everything, &t);
    assert_int_equal(t.answer->total.sums.count[COUNT_INVOCATIONS], MANY + MORE);
    assert_int_equal(t.answer->total.sums.count[COUNT_INPUT], MANY + MORE + AGAIN);
    fixture_forget(&t);
    fixture_close(&f);
}

static void a_failed_batch_leaves_the_store_as_it_was(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[N];
    fixture_open(&f, 6);
    some(&f, v, N);
    fixture_put(&f, v, 100);
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put(f.store, f.series, v + 100, 50, &failure));
    store_rollback(f.store);
    fixture_agrees(&f);
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put(f.store, f.series, v + 100, 50, &failure));
    struct invocation late = v[0];
    late.time_us = INT64_MAX;
    assert_int_equal(store_put(f.store, f.series, &late, 1, &failure), ERR_RANGE);
    assert_int_equal(store_commit(f.store, &failure), ERR_USAGE);
    assert_int_equal(store_put(f.store, f.series, v, 1, &failure), ERR_USAGE);
    fixture_agrees(&f);
    fixture_put(&f, v, N);
    fixture_agrees(&f);
    fixture_close(&f);
}

static void a_full_disk_is_reported_and_survived(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[N];
    fixture_open(&f, 7);
    some(&f, v, N);
    fixture_put(&f, v, 100);
    struct rlimit limit, small;
    getrlimit(RLIMIT_FSIZE, &limit);
    signal(SIGXFSZ, SIG_IGN);
    small = limit;
    small.rlim_cur = 100000;
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put(f.store, f.series, v + 100, 200, &failure));
    setrlimit(RLIMIT_FSIZE, &small);
    enum status status = store_commit(f.store, &failure);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(status, ERR_FULL);
    fixture_agrees(&f);
    fixture_put(&f, v, N);
    fixture_agrees(&f);
    fixture_close(&f);
}

static void a_reader_sees_one_state(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[N];
    fixture_open(&f, 8);
    some(&f, v, N);
    fixture_put(&f, v, 100);
    struct store *reader;
    GOOD(store_open(f.path, STORE_READ, &reader, &failure));
    struct symbols *symbols;
    struct series *series;
    GOOD(symbols_new(&symbols, &failure));
    GOOD(series_new(symbols, &series, &failure));
    GOOD(store_load_series(reader, series, &failure));
    fixture_put(&f, v + 100, 200);
    struct about about;
    GOOD(store_about(reader, &about, &failure));
    assert_int_equal(about.invocations, 100);
    GOOD(store_load_series(reader, series, &failure));
    GOOD(store_about(reader, &about, &failure));
    assert_int_equal(about.invocations, N);
    assert_int_equal(store_begin(reader, &failure), ERR_USAGE);
    series_free(series);
    symbols_free(symbols);
    fixture_same_answer(&f, reader, &everything);
    GOOD(store_check(reader, &failure));
    store_close(reader);
    fixture_close(&f);
}

static void two_writers_exclude_each_other(void **state)
{
    (void)state;
    struct fixture f;
    struct store *second;
    fixture_open(&f, 9);
    assert_int_equal(store_open(f.path, STORE_WRITE, &second, &failure), ERR_CONFLICT);
    store_close(f.store);
    f.store = NULL;
    GOOD(store_open(f.path, STORE_WRITE, &second, &failure));
    store_close(second);
    fixture_close(&f);
}

static void what_a_killed_writer_committed_is_there(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[N];
    fixture_open(&f, 10);
    some(&f, v, N);
    store_close(f.store);
    f.store = NULL;
    pid_t child = fork();
    if (child == 0) {
        GOOD(store_open(f.path, STORE_WRITE, &f.store, &failure));
        fixture_put(&f, v, 200);
        GOOD(store_begin(f.store, &failure));
        GOOD(store_put(f.store, f.series, v + 200, 100, &failure));
        raise(SIGKILL);
    }
    int how;
    waitpid(child, &how, 0);
    assert_true(WIFSIGNALED(how));
    GOOD(store_open(f.path, STORE_WRITE, &f.store, &failure));
    for (int i = 0; i < 200; i++)
        fixture_expect(&f, &v[i]);
    fixture_agrees(&f);
    fixture_put(&f, v, N);
    fixture_agrees(&f);
    fixture_close(&f);
}

static void write_at(const char *path, off_t at, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, n, at), n);
    close(fd);
}

static size_t read_whole(const char *path, char *out, size_t cap)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, out, cap);
    close(fd);
    assert_true(n >= 0);
    return (size_t)n;
}

static void refused(const char *path, enum status expected)
{
    static char before[1 << 20], after[1 << 20];
    size_t n = read_whole(path, before, sizeof before);
    for (int mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        struct store *s;
        assert_int_equal(store_open(path, (enum store_mode)mode, &s, &failure), expected);
        assert_non_null(strstr(failure.text, path));
        /* What is not ours stays as it is. */
        assert_int_equal(read_whole(path, after, sizeof after), n);
        assert_memory_equal(before, after, n);
    }
}

static void newer_foreign_and_broken_files_are_refused_and_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 11);
    store_close(f.store);
    f.store = NULL;
    /* SQLite's header: user_version at 60, application_id at 68, big-endian. */
    char version[4];
    int fd = open(f.path, O_RDONLY);
    assert_int_equal(pread(fd, version, 4, 60), 4);
    close(fd);
    write_at(f.path, 60, "\0\0\0\177", 4);
    refused(f.path, ERR_VERSION);
    write_at(f.path, 60, "\0\0\0\1", 4);
    refused(f.path, ERR_VERSION);
    write_at(f.path, 60, "\0\0\0\2", 4);
    refused(f.path, ERR_VERSION);
    write_at(f.path, 60, version, 4);
    write_at(f.path, 68, "OTHR", 4);
    refused(f.path, ERR_PARSE);
    write_at(f.path, 0, "This is no database.", 20);
    refused(f.path, ERR_PARSE);
    struct store *s;
    assert_int_equal(truncate(f.path, 0), 0);
    assert_int_equal(store_open(f.path, STORE_READ, &s, &failure), ERR_PARSE);
    assert_int_equal(store_open(f.folder, STORE_READ, &s, &failure), ERR_PARSE);
    GOOD(store_open(f.path, STORE_WRITE, &f.store, &failure)); /* a start that was cut short */
    store_close(f.store);
    f.store = NULL;
    unlink(f.path);
    assert_int_equal(store_open(f.path, STORE_READ, &s, &failure), ERR_NOT_FOUND);
    char deep[128];
    snprintf(deep, sizeof deep, "%s/no/such/folder.db", f.folder);
    assert_int_equal(store_open(deep, STORE_WRITE, &s, &failure), ERR_NOT_FOUND);
    fixture_close(&f);
}

static void damage_anywhere_is_an_error_and_never_a_crash(void **state)
{
    (void)state;
    struct fixture f;
    static struct invocation v[2000];
    fixture_open(&f, 12);
    some(&f, v, 2000);
    fixture_put(&f, v, 2000);
    store_close(f.store);
    f.store = NULL;
    static char good[1 << 20];
    size_t n = read_whole(f.path, good, sizeof good);
    assert_true(n < sizeof good);
    for (int round = 0; round < 150; round++) {
        write_at(f.path, 0, good, n);
        for (int i = 0; i < 1 + round % 20; i++) {
            char byte = (char)fixture_random(&f);
            /* Not the header: what is no database at all has a test of its own. */
            write_at(f.path, (off_t)(100 + fixture_random(&f) % (n - 100)), &byte, 1);
        }
        struct store *s;
        if (store_open(f.path, round % 2 ? STORE_WRITE : STORE_READ, &s, &failure) != OK)
            continue;
        enum status status = store_check(s, &failure);
        assert_true(status == OK || failure.text[0]);
        struct symbols *symbols;
        struct series *series;
        GOOD(symbols_new(&symbols, &failure));
        GOOD(series_new(symbols, &series, &failure));
        struct told t = {0};
        struct about about;
        fixture_question(&everything, &t.q);
        if (store_load_series(s, series, &failure) == OK) {
            GOOD(plan_new(&t.q, series, NULL, &t.plan, &failure));
            GOOD(plan_view_new(t.plan, &t.view, &failure));
            GOOD(cube_new(&t.cube, &failure));
            status = store_fill(s, t.plan, t.view, t.cube, &failure);
            assert_true(status == OK || failure.text[0]);
            status = store_about(s, &about, &failure);
            assert_true(status == OK || failure.text[0]);
        }
        if (round % 2 && store_begin(s, &failure) == OK &&
            store_put(s, f.series, v, 2000, &failure) == OK)
            status = store_commit(s, &failure);
        t.series = series;
        t.symbols = symbols;
        fixture_forget(&t);
        store_close(s);
    }
    write_at(f.path, 0, good, n);
    assert_int_equal(truncate(f.path, (off_t)n), 0);
    GOOD(store_open(f.path, STORE_WRITE, &f.store, &failure));
    fixture_agrees(&f);
    fixture_close(&f);
}

static void a_store_that_cannot_be_written_can_be_read(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[N];
    fixture_open(&f, 13);
    some(&f, v, N);
    fixture_put(&f, v, N);
    store_close(f.store);
    f.store = NULL;
    chmod(f.path, 0444);
    chmod(f.folder, 0555);
    uid_t me = geteuid();
    if (me == 0) /* nothing is read-only to root */
        assert_int_equal(seteuid(65534), 0);
    struct store *s;
    enum status written = store_open(f.path, STORE_WRITE, &s, &failure);
    enum status read = store_open(f.path, STORE_READ, &s, &failure);
    if (read == OK) {
        fixture_same_answer(&f, s, &everything);
        store_close(s);
    }
    if (me == 0)
        assert_int_equal(seteuid(me), 0);
    chmod(f.folder, 0700);
    assert_int_equal(written, ERR_ACCESS);
    assert_int_equal(read, OK);
    fixture_close(&f);
}

static void a_new_store_is_readable_to_its_owner_alone(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[1];
    mode_t mask = umask(0);
    fixture_open(&f, 14);
    some(&f, v, 1);
    fixture_put(&f, v, 1);
    umask(mask);
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    for (int i = 0; i < 4; i++) {
        char path[112];
        struct stat st;
        snprintf(path, sizeof path, "%s%s", f.path, ends[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    fixture_close(&f);
}

static void a_path_may_hold_any_character(void **state)
{
    (void)state;
    struct fixture f;
    struct invocation v[1];
    fixture_open(&f, 15);
    store_close(f.store);
    unlink(f.path);
    snprintf(f.path, sizeof f.path, "%s/a?mode=memory&b#c%%20 d\xc3\xa4:.db", f.folder);
    GOOD(store_open(f.path, STORE_WRITE, &f.store, &failure));
    some(&f, v, 1);
    fixture_put(&f, v, 1);
    assert_int_equal(access(f.path, R_OK), 0);
    fixture_agrees(&f);
    fixture_close(&f);
}

static void files_are_known_until_they_change_and_counted_once(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 16);
    struct store_file file = {
        .path = STR("s3://bucket/a.json.gz"),
        .size = 10,
        .mtime_ns = 20,
        .options = 1,
        .about = {.n = {1, 1000, 50, 2, 1, 0}, .since_us = TIME_NONE, .up_to_us = TIME_NONE}};
    struct store_quarantine q[] = {{file.path, 7, STR("truncated")}, {file.path, 9, STR_NONE}};
    bool done = true;
    GOOD(store_file_done(f.store, &file, &done, &failure));
    assert_false(done);
    assert_int_equal(store_put_file(f.store, &file, q, 2, &failure), ERR_USAGE);
    for (int i = 0; i < 3; i++) {
        GOOD(store_begin(f.store, &failure));
        file.about.n[ABOUT_RECORDS] = 50 + i;
        GOOD(store_put_file(f.store, &file, q, 2, &failure));
        if (i == 1)
            store_rollback(f.store);
        else
            GOOD(store_commit(f.store, &failure));
    }
    struct store_file other = file;
    other.path = STR("other");
    other.about.since_us = 5;
    other.about.up_to_us = 7;
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put_file(f.store, &other, NULL, 0, &failure));
    GOOD(store_commit(f.store, &failure));
    struct about about;
    GOOD(store_about(f.store, &about, &failure));
    assert_int_equal(about.n[ABOUT_FILES], 2);
    assert_int_equal(about.n[ABOUT_RECORDS], 104);
    assert_int_equal(about.invocations, 0);
    assert_int_equal(about.since_us, 5);
    assert_int_equal(about.up_to_us, 7);
    GOOD(store_file_done(f.store, &file, &done, &failure));
    assert_true(done);
    struct store_file changed[] = {file, file, file};
    changed[0].size++;
    changed[1].mtime_ns++;
    changed[2].options++;
    for (int i = 0; i < 3; i++) {
        GOOD(store_file_done(f.store, &changed[i], &done, &failure));
        assert_false(done);
    }
    fixture_close(&f);
}

struct listed {
    int n;
    char text[256];
};

static enum status list_entry(void *ctx, const struct store_quarantine *q, struct err *err)
{
    struct listed *l = ctx;
    size_t at = strlen(l->text);
    snprintf(l->text + at, sizeof l->text - at, "%.*s:%lld: %.*s\n", STR_ARG(q->path),
             (long long)q->offset, STR_ARG(q->reason));
    if (++l->n == 100)
        return err_set(err, ERR_LIMIT, "enough");
    return OK;
}

static void quarantine_is_listed_by_path_and_place(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 17);
    struct store_file b = {.path = STR("b"), .about = {.since_us = TIME_NONE}}, a = b;
    a.path = STR("a");
    struct store_quarantine of_b[] = {{b.path, 9, STR("cut")}, {b.path, 7, STR("deep")}},
                            of_a[] = {{a.path, -1, STR("not readable")}};
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put_file(f.store, &b, of_b, 2, &failure));
    GOOD(store_put_file(f.store, &a, of_a, 1, &failure));
    GOOD(store_commit(f.store, &failure));
    struct listed l = {0};
    GOOD(store_quarantine(f.store, list_entry, &l, &failure));
    assert_string_equal(l.text, "a:-1: not readable\nb:7: deep\nb:9: cut\n");
    l = (struct listed){.n = 98}; /* the callback refuses the second */
    assert_int_equal(store_quarantine(f.store, list_entry, &l, &failure), ERR_LIMIT);
    assert_string_equal(l.text, "a:-1: not readable\nb:7: deep\n");
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put_file(f.store, &b, NULL, 0, &failure));
    GOOD(store_commit(f.store, &failure));
    l = (struct listed){0};
    GOOD(store_quarantine(f.store, list_entry, &l, &failure));
    assert_string_equal(l.text, "a:-1: not readable\n");
    fixture_close(&f);
}

static void parts_of_what_grows_are_added_up_and_its_position_never_goes_back(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, 18);
    struct store_file part = {
        .path = STR("cloudwatch:us-east-1:/bedrock"),
        .grows = true,
        .about = {.n = {1, 1000, 50, 2, 1, 0}, .since_us = TIME_NONE, .up_to_us = TIME_NONE}};
    struct store_quarantine q[] = {{part.path, 7, STR("cut")}};
    static const int64_t positions[] = {100, 300, 200};
    int64_t at = -1;
    GOOD(store_file_position(f.store, part.path, &at, &failure));
    assert_int_equal(at, 0);
    for (int i = 0; i < 3; i++) {
        part.mtime_ns = positions[i];
        GOOD(store_begin(f.store, &failure));
        GOOD(store_put_file(f.store, &part, q, 1, &failure));
        GOOD(store_commit(f.store, &failure));
    }
    GOOD(store_file_position(f.store, part.path, &at, &failure));
    assert_int_equal(at, 300);
    struct about about;
    GOOD(store_about(f.store, &about, &failure));
    assert_int_equal(about.n[ABOUT_FILES], 1);
    assert_int_equal(about.n[ABOUT_RECORDS], 150);
    assert_int_equal(about.n[ABOUT_BYTES], 3000);
    assert_int_equal(about.n[ABOUT_QUARANTINED], 3);
    struct listed l = {0};
    GOOD(store_quarantine(f.store, list_entry, &l, &failure));
    assert_int_equal(l.n, 3);
    fixture_close(&f);
}

static size_t listed_first, listed_n;

static enum status newest_entry(void *ctx, const struct store_quarantine *q, struct err *err)
{
    (void)ctx;
    (void)err;
    if (listed_n++ == 0)
        listed_first = (size_t)q->offset;
    return OK;
}

static void of_the_quarantine_of_what_grows_the_newest_entries_stay(void **state)
{
    (void)state;
    struct fixture f;
    static struct store_quarantine q[700];
    struct store_file part = {
        .path = STR("push:fh"),
        .grows = true,
        .about = {.n = {1, 1, 0, 0, 700, 0}, .since_us = TIME_NONE, .up_to_us = TIME_NONE}};
    fixture_open(&f, 19);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 700; i++)
            q[i] = (struct store_quarantine){part.path, round * 700 + i, STR("cut")};
        GOOD(store_begin(f.store, &failure));
        GOOD(store_put_file(f.store, &part, q, 700, &failure));
        GOOD(store_commit(f.store, &failure));
    }
    listed_n = 0;
    GOOD(store_quarantine(f.store, newest_entry, NULL, &failure));
    assert_int_equal(listed_n, 1000);
    assert_int_equal(listed_first, 3 * 700 - 1000);
    fixture_close(&f);
}

enum { SESSIONS = 36000, PART = 4000 };

/* Each part with tables of its own, as a daemon begins them anew. */
static void add_sessions(struct fixture *f, unsigned first, unsigned n, bool keep)
{
    struct symbols *symbols;
    struct series *series;
    GOOD(symbols_new(&symbols, &failure));
    GOOD(series_new(symbols, &series, &failure));
    GOOD(store_begin(f->store, &failure));
    for (unsigned i = first; i < first + n; i++) {
        struct labels l = {0};
        l.v[LABEL_ACCOUNT] = fixture_label(series, "111122223333");
        l.v[LABEL_PRINCIPAL] =
            fixture_label(series, "arn:aws:sts::111122223333:assumed-role/ci/run-%u", i);
        l.v[LABEL_OUTCOME] = fixture_label(series, "priced");
        struct invocation v = {.time_us = FIXTURE_START + (int64_t)i * US_PER_SECOND,
                               .key = {i * UINT64_C(0x9E3779B97F4A7C15), i},
                               .tokens = {1}};
        GOOD(series_intern(series, &l, &v.series));
        GOOD(store_put(f->store, series, &v, 1, &failure));
    }
    if (keep)
        GOOD(store_commit(f->store, &failure));
    else
        store_rollback(f->store);
    series_free(series);
    symbols_free(symbols);
}

static void put_sessions(struct fixture *f, unsigned first, unsigned n)
{
    add_sessions(f, first, n, true);
}

/* More names than a writer has at hand (naming.c), and than a row of a bucket has (rollup.c). */
static void names_without_end_are_found_again(void **state)
{
    (void)state;
    struct fixture f;
    struct store_stats stats;
    struct about about;
    fixture_open(&f, 20);
    for (unsigned i = 0; i < SESSIONS; i += PART)
        put_sessions(&f, i, PART);
    /* The first ones are not at hand any more, and after opening none is. */
    put_sessions(&f, 0, PART);
    fixture_reopen(&f);
    put_sessions(&f, PART, PART);
    put_sessions(&f, SESSIONS - PART, PART + 100);
    GOOD(store_check(f.store, &failure));
    GOOD(store_stats(f.path, &stats, &failure));
    assert_int_equal(stats.series, SESSIONS + 100);
    assert_int_equal(stats.symbols, SESSIONS + 100 + 3);
    GOOD(store_about(f.store, &about, &failure));
    assert_int_equal(about.invocations, SESSIONS + 100);
    fixture_close(&f);
}

/* Names of a batch that is rolled back, at hand or already written, leave no number behind: others
 * get it. */
static void what_is_rolled_back_names_nothing(void **state)
{
    (void)state;
    struct fixture f;
    struct store_stats stats;
    struct about about;
    fixture_open(&f, 21);
    put_sessions(&f, 0, PART);
    for (unsigned n = PART; n <= SESSIONS; n += SESSIONS - PART) {
        add_sessions(&f, SESSIONS, n, false);
        put_sessions(&f, PART / 2, PART);
        GOOD(store_check(f.store, &failure));
    }
    /* Nor does what comes after it: not all names are at hand then. */
    for (unsigned i = PART; i < SESSIONS; i += PART)
        put_sessions(&f, i, PART);
    add_sessions(&f, SESSIONS - PART, SESSIONS, false);
    put_sessions(&f, SESSIONS - 100, 200);
    GOOD(store_check(f.store, &failure));
    GOOD(store_stats(f.path, &stats, &failure));
    assert_int_equal(stats.series, SESSIONS + 100);
    GOOD(store_about(f.store, &about, &failure));
    assert_int_equal(about.invocations, SESSIONS + 100);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_batch_twice_changes_nothing),
        cmocka_unit_test(of_two_records_the_larger_stays_in_any_order),
        cmocka_unit_test(one_request_id_in_another_account_or_region_is_another_invocation),
        cmocka_unit_test(keys_that_share_64_bits_stay_apart),
        cmocka_unit_test(keys_are_found_after_they_were_folded),
        cmocka_unit_test(a_failed_batch_leaves_the_store_as_it_was),
        cmocka_unit_test(a_full_disk_is_reported_and_survived),
        cmocka_unit_test(a_reader_sees_one_state),
        cmocka_unit_test(two_writers_exclude_each_other),
        cmocka_unit_test(what_a_killed_writer_committed_is_there),
        cmocka_unit_test(newer_foreign_and_broken_files_are_refused_and_left_alone),
        cmocka_unit_test(damage_anywhere_is_an_error_and_never_a_crash),
        cmocka_unit_test(a_store_that_cannot_be_written_can_be_read),
        cmocka_unit_test(a_new_store_is_readable_to_its_owner_alone),
        cmocka_unit_test(a_path_may_hold_any_character),
        cmocka_unit_test(files_are_known_until_they_change_and_counted_once),
        cmocka_unit_test(quarantine_is_listed_by_path_and_place),
        cmocka_unit_test(parts_of_what_grows_are_added_up_and_its_position_never_goes_back),
        cmocka_unit_test(of_the_quarantine_of_what_grows_the_newest_entries_stay),
        cmocka_unit_test(names_without_end_are_found_again),
        cmocka_unit_test(what_is_rolled_back_names_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
