/* store/: exchanges and what store_calls gives back. */
#include "store_fixture.h"

#include "model/offer.h"
#include "store/store_internal.h"

#include <fcntl.h>

enum { N = 400, MADE_MAX = 6 };

static uint32_t text_id(struct fixture *f, struct str text)
{
    uint32_t id;
    GOOD(symbols_intern(f->symbols, text, &id));
    return id;
}

static uint32_t offer_id(struct fixture *f, unsigned which)
{
    struct offer_item items[12];
    char names[12][16];
    for (unsigned i = 0; i < 12; i++) {
        int n = snprintf(names[i], sizeof names[i], "thing-%u", (which + i) % 40);
        items[i] = (struct offer_item){
            .kind = i % 3, .name = str_of(names[i], (size_t)n), .tools = which % 3};
    }
    struct buf text;
    buf_init(&text, 4096);
    offer_write(items, 12, &text);
    uint32_t id = text_id(f, buf_view(&text));
    buf_fini(&text);
    return id;
}

static struct tool_use random_use(struct fixture *f)
{
    uint8_t kind = (uint8_t)(fixture_random(f) % TOOL_COMMAND);
    return (struct tool_use){
        .id = fixture_random(f),
        .input = fixture_random(f),
        .server = kind == TOOL_MCP
                      ? fixture_label(f->series, "server-%u", (unsigned)(fixture_random(f) % 9))
                      : 0,
        .name = fixture_label(f->series, "tool-%u", (unsigned)(fixture_random(f) % 30)),
        .kind = kind,
        .answered = fixture_random(f) % 2,
        .error = fixture_random(f) % 2,
    };
}

static const struct tool_use *random_uses(struct fixture *f, struct arena *arena, uint32_t *n)
{
    *n = (uint32_t)(fixture_random(f) % MADE_MAX);
    struct tool_use *uses = *n ? arena_alloc(arena, *n * sizeof *uses) : NULL;
    for (uint32_t i = 0; i < *n; i++)
        uses[i] = random_use(f);
    return uses;
}

/* Gives *v an exchange that lives in the arena. */
static void talk(struct fixture *f, struct arena *arena, struct invocation *v)
{
    struct exchange *x = arena_alloc(arena, sizeof *x);
    uint32_t *commands = arena_alloc(arena, 2 * sizeof *commands);
    char session[64];
    int n = snprintf(session, sizeof session, "%08x-0000-4000-8000-%012x",
                     (unsigned)(fixture_random(f) % 7), 42u);
    if (fixture_random(f) % 4 == 0)
        n = snprintf(session, sizeof session, "of another program %u", v->series);
    *x = (struct exchange){
        .session = arena_str(arena, str_of(session, (size_t)n)),
        .kind = (uint8_t)(fixture_random(f) % CALL_KINDS),
        .flags = (uint32_t)(fixture_random(f) % EX_TOOLS_CUT),
        .purpose = fixture_random(f) % 2 ? fixture_label(f->series, "title") : 0,
        .repository = fixture_label(f->series, "repository-%u", (unsigned)(fixture_random(f) % 20)),
        .offer = fixture_random(f) % 3 ? offer_id(f, (unsigned)(fixture_random(f) % 90)) : 0,
        .messages = (uint32_t)(fixture_random(f) % 300),
        .tail = 1,
        .prompts = (uint32_t)(fixture_random(f) % 3),
        .history_prompts = (uint32_t)(fixture_random(f) % 30),
        .interrupts = (uint32_t)(fixture_random(f) % 2),
        .cut = (uint32_t)(fixture_random(f) % 2),
        .first = fixture_random(f),
        .opening = fixture_random(f),
        .system = fixture_random(f),
        .recent_n = (uint32_t)(fixture_random(f) % (EXCHANGE_RECENT + 1)),
        .commands = commands,
        .commands_n = (uint32_t)(fixture_random(f) % 3),
    };
    for (uint32_t i = 0; i < x->recent_n; i++)
        x->recent[i] = fixture_random(f);
    for (int i = 0; i < PARTS; i++)
        x->part[i] = (uint32_t)(fixture_random(f) % 60000);
    for (unsigned i = 0; i < 2; i++)
        commands[i] = fixture_label(f->series, "command-%u", i);
    x->made = random_uses(f, arena, &x->made_n);
    x->earlier = random_uses(f, arena, &x->earlier_n);
    v->exchange = x;
    v->session = fixture_random(f) | 1;
}

static void some(struct fixture *f, struct arena *arena, struct invocation *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = fixture_invocation(f, 3);
        if (i % 5)
            talk(f, arena, &v[i]);
    }
}

/* What store_calls tells is compared with the oracle. */
struct hearing {
    struct fixture *f;
    struct series *series;
    int64_t since_us, until_us, last_second;
    size_t heard, bare;
};

static void same_text(const struct hearing *h, uint32_t told, uint32_t expected)
{
    struct str a = symbols_text(series_symbols(h->series), told);
    assert_true(str_eq(a, symbols_text(h->f->symbols, expected)));
}

static void same_uses(const struct hearing *h, const struct tool_use *a, uint32_t n,
                      const struct tool_use *b, uint32_t m)
{
    assert_int_equal(n, m);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(a[i].id, b[i].id);
        assert_int_equal(a[i].input, b[i].input);
        assert_int_equal(a[i].kind, b[i].kind);
        assert_int_equal(a[i].answered, b[i].answered);
        assert_int_equal(a[i].error, b[i].error);
        same_text(h, a[i].server, b[i].server);
        same_text(h, a[i].name, b[i].name);
    }
}

static void same_exchange(const struct hearing *h, const struct exchange *a,
                          const struct exchange *b)
{
    assert_true(str_eq(a->session, b->session));
    const uint64_t told[] = {a->kind,    a->flags,           a->messages,   a->tail,
                             a->prompts, a->history_prompts, a->interrupts, a->cut,
                             a->first,   a->opening,         a->system,     a->recent_n};
    const uint64_t expected[] = {b->kind,    b->flags,           b->messages,   b->tail,
                                 b->prompts, b->history_prompts, b->interrupts, b->cut,
                                 b->first,   b->opening,         b->system,     b->recent_n};
    assert_memory_equal(told, expected, sizeof told);
    assert_memory_equal(a->recent, b->recent, sizeof a->recent);
    assert_memory_equal(a->part, b->part, sizeof a->part);
    same_text(h, a->purpose, b->purpose);
    same_text(h, a->repository, b->repository);
    same_text(h, a->offer, b->offer);
    same_uses(h, a->made, a->made_n, b->made, b->made_n);
    same_uses(h, a->earlier, a->earlier_n, b->earlier, b->earlier_n);
    assert_int_equal(a->commands_n, b->commands_n);
    for (uint32_t i = 0; i < a->commands_n; i++)
        same_text(h, a->commands[i], b->commands[i]);
}

/* The labels, counts and costs of a call, and when it is told. */
static const struct invocation *same_call(struct hearing *h, const struct invocation *v)
{
    const struct invocation *expected = NULL;
    for (size_t i = 0; !expected && i < h->f->kept_n; i++)
        if (hash128_eq(h->f->kept[i].key, v->key))
            expected = &h->f->kept[i];
    assert_non_null(expected);
    assert_true(v->time_us >= h->since_us && v->time_us < h->until_us);
    assert_true(v->time_us / US_PER_SECOND >= h->last_second);
    h->last_second = v->time_us / US_PER_SECOND;
    assert_int_equal(v->time_us, expected->time_us);
    assert_int_equal(v->list_cost, expected->list_cost);
    assert_int_equal(v->outcome, expected->outcome);
    assert_int_equal(v->cost_span, expected->cost_span);
    assert_memory_equal(v->tokens, expected->tokens, sizeof v->tokens);
    for (int i = 0; i < LABELS; i++)
        same_text(h, series_labels(h->series, v->series)->v[i],
                  series_labels(h->f->series, expected->series)->v[i]);
    return expected;
}

static enum status hear(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    struct hearing *h = ctx;
    const struct invocation *expected = same_call(h, v);
    assert_non_null(expected->exchange);
    assert_int_equal(v->session, expected->session);
    same_exchange(h, v->exchange, expected->exchange);
    h->heard++;
    return OK;
}

static enum status hear_bare(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    struct hearing *h = ctx;
    assert_null(same_call(h, v)->exchange);
    assert_null(v->exchange);
    assert_int_equal(v->session, 0);
    h->bare++;
    return OK;
}

static void agrees_between(struct fixture *f, struct store *store, int64_t since_us,
                           int64_t until_us)
{
    struct symbols *symbols;
    struct hearing h = {.f = f, .since_us = since_us, .until_us = until_us};
    GOOD(symbols_new(&symbols, &failure));
    GOOD(series_new(symbols, &h.series, &failure));
    /* Ids of the caller are not those of the store. */
    for (unsigned i = 0; i < 9; i++)
        fixture_label(h.series, "tool-%u", 9 - i);
    GOOD(store_load_series(store, h.series, &failure));
    size_t with = 0, without = 0;
    for (size_t i = 0; i < f->kept_n; i++) {
        const struct invocation *v = &f->kept[i];
        if (v->time_us < since_us || v->time_us >= until_us)
            continue;
        with += v->exchange != NULL;
        without += v->exchange == NULL;
    }
    GOOD(store_calls(store, since_us, until_us, hear, hear_bare, &h, &failure));
    assert_int_equal(h.heard, with);
    assert_int_equal(h.bare, without);
    h.heard = 0;
    h.last_second = 0;
    GOOD(store_calls(store, since_us, until_us, hear, NULL, &h, &failure));
    assert_int_equal(h.heard, with);
    series_free(h.series);
    symbols_free(symbols);
}

static void agrees(struct fixture *f)
{
    fixture_agrees(f);
    agrees_between(f, f->store, INT64_MIN, INT64_MAX);
}

static void exchanges_come_back_as_they_were_put(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena;
    struct invocation v[N];
    arena_init(&arena);
    fixture_open(&f, 31);
    some(&f, &arena, v, N);
    fixture_put(&f, v, N);
    agrees(&f);
    fixture_reopen(&f);
    agrees(&f);
    some(&f, &arena, v, N); /* more names into the blocks of before */
    fixture_put(&f, v, N);
    agrees(&f);
    struct store *reader;
    GOOD(store_open(f.path, STORE_READ, &reader, &failure));
    agrees_between(&f, reader, INT64_MIN, INT64_MAX);
    some(&f, &arena, v, N); /* the reader sees what came since */
    fixture_put(&f, v, N);
    agrees_between(&f, reader, INT64_MIN, INT64_MAX);
    store_close(reader);
    fixture_close(&f);
    arena_fini(&arena);
}

static void calls_of_a_period_are_those_within_it(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena;
    struct invocation v[N];
    arena_init(&arena);
    fixture_open(&f, 32);
    some(&f, &arena, v, N);
    for (int i = 0; i < 20; i++) /* many in one second, at its edges */
        v[i].time_us = FIXTURE_START + US_PER_DAY + i % 4 * (US_PER_SECOND / 2);
    fixture_put(&f, v, N);
    for (int64_t since = -1; since <= 1; since++)
        for (int64_t until = -1; until <= 1; until++)
            agrees_between(&f, f.store, FIXTURE_START + US_PER_DAY + since,
                           FIXTURE_START + US_PER_DAY + US_PER_SECOND + until);
    agrees_between(&f, f.store, FIXTURE_START, FIXTURE_START);
    agrees_between(&f, f.store, FIXTURE_START + 12345, FIXTURE_START + US_PER_DAY / 3);
    agrees_between(&f, f.store, 0, FIXTURE_START);
    fixture_close(&f);
    arena_fini(&arena);
}

static void overlapping_batches_count_once(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena;
    struct invocation v[N];
    arena_init(&arena);
    fixture_open(&f, 33);
    some(&f, &arena, v, N);
    fixture_put(&f, v, N / 2);
    fixture_put(&f, v + N / 4, N / 2);
    fixture_put(&f, v, N);
    fixture_reopen(&f);
    fixture_put(&f, v, N);
    assert_int_equal(f.kept_n, N);
    agrees(&f);
    fixture_close(&f);
    arena_fini(&arena);
}

/* The larger record brings its exchange, or none, in any order, at once or one after the other. */
static void a_larger_record_replaces_the_exchange_too(void **state)
{
    (void)state;
    for (int order = 0; order < 32; order++) {
        struct fixture f;
        struct arena arena;
        struct invocation v[2];
        arena_init(&arena);
        fixture_open(&f, 34);
        v[0] = v[1] = fixture_invocation(&f, 1);
        struct invocation *small = &v[order & 1], *large = &v[!(order & 1)];
        large->tokens[TOKENS_OUTPUT] += 5;
        if (order & 2)
            small->time_us += 2 * US_PER_HOUR;
        if (order & 4)
            talk(&f, &arena, small);
        if (order & 8)
            talk(&f, &arena, large);
        if (order & 16) {
            fixture_put(&f, v, 2);
        } else {
            fixture_put(&f, v, 1);
            fixture_put(&f, v + 1, 1);
        }
        assert_int_equal(f.kept_n, 1);
        assert_ptr_equal(f.kept[0].exchange, large->exchange);
        agrees(&f);
        fixture_close(&f);
        arena_fini(&arena);
    }
}

/* The first time its bodies were not opened, or the other way round. */
static void the_same_record_with_its_bodies_adds_the_exchange(void **state)
{
    (void)state;
    for (int order = 0; order < 4; order++) {
        struct fixture f;
        struct arena arena;
        struct invocation v[2];
        arena_init(&arena);
        fixture_open(&f, 35);
        v[0] = v[1] = fixture_invocation(&f, 1);
        talk(&f, &arena, &v[order & 1]);
        if (order & 2) {
            fixture_put(&f, v, 2);
        } else {
            fixture_put(&f, v, 1);
            fixture_put(&f, v + 1, 1);
        }
        f.kept[0] = v[order & 1];
        agrees(&f);
        fixture_close(&f);
        arena_fini(&arena);
    }
}

static void ids_that_collide_keep_their_exchanges(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena;
    struct invocation v[60];
    arena_init(&arena);
    fixture_open(&f, 36);
    some(&f, &arena, v, 60);
    for (int i = 0; i < 60; i++) {
        v[i].key.lo = (uint64_t)(i % 3);
        v[i].time_us = FIXTURE_START;
    }
    fixture_put(&f, v, 40);
    fixture_put(&f, v + 20, 40);
    for (int i = 0; i < 60; i += 2)
        v[i].tokens[TOKENS_INPUT]++;
    fixture_put(&f, v, 60);
    assert_int_equal(f.kept_n, 60);
    agrees(&f);
    fixture_close(&f);
    arena_fini(&arena);
}

static void a_rolled_back_batch_leaves_no_exchange(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena;
    struct invocation v[N];
    arena_init(&arena);
    fixture_open(&f, 37);
    some(&f, &arena, v, N);
    GOOD(store_begin(f.store, &failure));
    GOOD(store_put(f.store, f.series, v, N, &failure));
    store_rollback(f.store);
    agrees(&f);
    fixture_put(&f, v + N / 2, N / 2);
    agrees(&f);
    fixture_reopen(&f);
    agrees(&f);
    fixture_close(&f);
    arena_fini(&arena);
}

/* Calls without a session are no calls of one. */
static void without_a_session_there_is_no_exchange(void **state)
{
    (void)state;
    struct fixture f;
    struct arena arena;
    struct invocation v = {0};
    arena_init(&arena);
    fixture_open(&f, 38);
    v = fixture_invocation(&f, 1);
    talk(&f, &arena, &v);
    v.session = 0;
    fixture_put(&f, &v, 1);
    f.kept[0].exchange = NULL;
    agrees(&f);
    fixture_close(&f);
    arena_fini(&arena);
}

struct sums_of_cut {
    struct series *series;
    int64_t calls, cut, offers_cut, named;
};

static enum status add_cut(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    struct sums_of_cut *sum = ctx;
    sum->calls++;
    sum->cut += v->exchange->cut;
    sum->offers_cut += (v->exchange->flags & EX_TOOLS_CUT) != 0;
    for (uint32_t i = 0; i < v->exchange->made_n; i++)
        sum->named += v->exchange->made[i].name != 0;
    return OK;
}

static void cuts(struct fixture *f, struct sums_of_cut *sum)
{
    struct symbols *symbols;
    *sum = (struct sums_of_cut){0};
    GOOD(symbols_new(&symbols, &failure));
    GOOD(series_new(symbols, &sum->series, &failure));
    GOOD(store_load_series(f->store, sum->series, &failure));
    GOOD(store_calls(f->store, 0, INT64_MAX, add_cut, NULL, sum, &failure));
    series_free(sum->series);
    symbols_free(symbols);
}

/* A client that sends other names and offers with each call. */
static void names_without_end_are_cut_and_counted(void **state)
{
    (void)state;
    enum { CALLS = 1200, OFFERS = 400, USES = EXCHANGE_USES };
    struct fixture f;
    struct tool_use uses[USES] = {0};
    static char offer[200 * 1000];
    fixture_open(&f, 39);
    memset(offer, 'x', sizeof offer);
    for (unsigned i = 0; i < CALLS; i++) {
        struct exchange x = {.session = STR("s"), .made = uses, .made_n = USES};
        struct invocation v = fixture_invocation(&f, 3);
        for (unsigned j = 0; j < USES; j++) {
            char name[EXCHANGE_NAME_MAX];
            memset(name, 'n', sizeof name);
            snprintf(name, 20, "%u-%u", i, j);
            uses[j].name = text_id(&f, str_of(name, sizeof name));
        }
        for (size_t j = 0; j < sizeof offer; j += 500) {
            snprintf(offer + j, 20, "s\t%zu.%u", j, j > 0 ? 0 : i % OFFERS);
            offer[j + 499] = '\n';
        }
        x.offer = text_id(&f, str_of(offer, sizeof offer));
        v.exchange = &x;
        v.session = 1;
        GOOD(store_begin(f.store, &failure));
        GOOD(store_put(f.store, f.series, &v, 1, &failure));
        GOOD(store_commit(f.store, &failure));
    }
    struct sums_of_cut sum, again;
    cuts(&f, &sum);
    assert_int_equal(sum.calls, CALLS);
    assert_int_equal(sum.named + sum.cut, CALLS * USES);
    assert_in_range(sum.cut, CALLS * USES / 20, CALLS * USES / 2);
    assert_in_range(sum.offers_cut, CALLS / 20, CALLS / 2);
    /* And so it is after the store was opened again. */
    fixture_reopen(&f);
    cuts(&f, &again);
    assert_int_equal(again.cut, sum.cut);
    assert_int_equal(again.offers_cut, sum.offers_cut);
    GOOD(store_check(f.store, &failure));
    fixture_close(&f);
}

static size_t read_whole(const char *path, char *bytes, size_t cap)
{
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, cap);
    close(fd);
    assert_in_range(n, 1, cap - 1);
    return (size_t)n;
}

static void write_whole(const char *path, const char *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

static enum status ignore(void *ctx, const struct invocation *v, struct err *err)
{
    (void)err;
    *(uint64_t *)ctx += (uint64_t)exchange_bytes(v->exchange);
    return OK;
}

/* Reads all that the file says, whatever it is. */
static enum status read_all(const char *path)
{
    struct store *s;
    struct symbols *symbols;
    struct series *series;
    uint64_t sum = 0;
    TRY(store_open(path, STORE_READ, &s, &failure));
    GOOD(symbols_new(&symbols, &failure));
    GOOD(series_new(symbols, &series, &failure));
    enum status status = store_load_series(s, series, &failure);
    if (status == OK)
        status = store_calls(s, 0, INT64_MAX, ignore, NULL, &sum, &failure);
    enum status checked = store_check(s, &failure);
    store_close(s);
    series_free(series);
    symbols_free(symbols);
    return checked != OK ? checked : status;
}

static void damage_of_exchanges_is_an_error_and_never_a_crash(void **state)
{
    (void)state;
    static char good[1 << 20], bad[1 << 20];
    struct fixture f;
    struct arena arena;
    struct invocation v[60];
    arena_init(&arena);
    fixture_open(&f, 40);
    some(&f, &arena, v, 60);
    fixture_put(&f, v, 60);
    store_close(f.store);
    f.store = NULL;
    size_t n = read_whole(f.path, good, sizeof good);
    GOOD(read_all(f.path));
    int found = 0;
    for (int i = 0; i < 300; i++) {
        memcpy(bad, good, n);
        for (unsigned j = 0; j <= fixture_random(&f) % 3; j++)
            bad[4096 + fixture_random(&f) % (n - 4096)] ^= (char)(1 << fixture_random(&f) % 8);
        write_whole(f.path, bad, n);
        found += read_all(f.path) != OK;
    }
    assert_in_range(found, 1, 300);
    write_whole(f.path, good, n);
    GOOD(read_all(f.path));
    GOOD(store_open(f.path, STORE_WRITE, &f.store, &failure));
    agrees(&f);
    fixture_close(&f);
    arena_fini(&arena);
}

static void run_sql(struct fixture *f, const char *sql)
{
    assert_int_equal(sqlite3_exec(f->store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* What is wrong with exchanges alone: facts and rollups are as they were. */
static void a_check_reads_exchanges(void **state)
{
    (void)state;
    static const char *const harm[] = {
        "DELETE FROM name",
        "DELETE FROM offer",
        "UPDATE exchange SET v = substr(v, 1, length(v) - 1)",
        "UPDATE exchange SET id = id + 1",
        "UPDATE exchange SET v = x'0009000000000000000000'",
        "UPDATE name SET names = substr(names, 1, length(names) - 1)",
        "UPDATE offer SET names = x'020002FF7F'", /* a line that is no name */
        "UPDATE offer SET block = 7",
    };
    for (size_t i = 0; i < sizeof harm / sizeof harm[0]; i++) {
        struct fixture f;
        struct arena arena;
        struct invocation v[60];
        arena_init(&arena);
        fixture_open(&f, 41);
        some(&f, &arena, v, 60);
        fixture_put(&f, v, 60);
        GOOD(store_check(f.store, &failure));
        run_sql(&f, harm[i]);
        store_close(f.store);
        f.store = NULL;
        assert_int_equal(read_all(f.path), ERR_PARSE);
        assert_non_null(strstr(failure.text, "make a new store from the logs"));
        fixture_close(&f);
        arena_fini(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exchanges_come_back_as_they_were_put),
        cmocka_unit_test(calls_of_a_period_are_those_within_it),
        cmocka_unit_test(overlapping_batches_count_once),
        cmocka_unit_test(a_larger_record_replaces_the_exchange_too),
        cmocka_unit_test(the_same_record_with_its_bodies_adds_the_exchange),
        cmocka_unit_test(ids_that_collide_keep_their_exchanges),
        cmocka_unit_test(a_rolled_back_batch_leaves_no_exchange),
        cmocka_unit_test(without_a_session_there_is_no_exchange),
        cmocka_unit_test(names_without_end_are_cut_and_counted),
        cmocka_unit_test(a_check_reads_exchanges),
        cmocka_unit_test(damage_of_exchanges_is_an_error_and_never_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
