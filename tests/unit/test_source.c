/* source/source, source/several: several sources as one, with real files and with a source that
 * waits, fails or never ends. */
#include "source/source_internal.h"
#include "source/state.h"
#include "unit.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 50 };

/* Names "slow-0", "slow-1" …; before each item it has nothing for a while, and in the end it stops,
 * fails, or goes on for ever with nothing. */
struct slow {
    struct source base;
    int n, items, silent;
    enum status end;
    bool endless;
    char name[32];
    _Atomic int kept, again, failed, waits;
    _Atomic bool stopped, closed;
};

static enum status slow_begin(struct source *s, const struct source_watch *watch, struct err *err)
{
    (void)s;
    (void)watch;
    (void)err;
    return OK;
}

static enum status slow_next(struct source *base, struct source_item *item, bool *more,
                             struct err *err)
{
    struct slow *s = (struct slow *)base;
    *item = (struct source_item){.name = NULL};
    *more = !s->stopped;
    if (s->stopped || s->silent++ % 3 != 0)
        return OK;
    if (s->n == s->items) {
        *more = s->endless;
        return s->end == OK ? OK : err_set(err, s->end, "on purpose");
    }
    snprintf(s->name, sizeof s->name, "slow-%d", s->n++);
    item->name = s->name;
    item->ticket = s;
    return OK;
}

static int64_t slow_position(struct source *base, bool *estimated, int64_t *bytes)
{
    struct slow *s = (struct slow *)base;
    *estimated = true;
    *bytes = 0;
    return s->items ? s->n * INT64_C(1000000) / s->items : 0;
}

static void slow_wait(struct source *base, int64_t ms)
{
    assert_true(ms > 0);
    ((struct slow *)base)->waits++;
    usleep(100);
}

static void slow_stop(struct source *base)
{
    ((struct slow *)base)->stopped = true;
}

static void slow_done(struct source *base, void *ticket, enum source_outcome outcome)
{
    struct slow *s = (struct slow *)base;
    assert_ptr_equal(ticket, s);
    atomic_fetch_add(outcome == SOURCE_KEPT    ? &s->kept
                     : outcome == SOURCE_AGAIN ? &s->again
                                               : &s->failed,
                     1);
}

static void slow_close(struct source *base)
{
    ((struct slow *)base)->closed = true;
}

static const struct source_ops slow_ops = {
    .begin = slow_begin,
    .next = slow_next,
    .position = slow_position,
    .wait = slow_wait,
    .stop = slow_stop,
    .done = slow_done,
    .close = slow_close,
};

static void watch_problem(void *ctx, const char *name, const char *reason)
{
    (void)ctx;
    fail_msg("%s: %s", name, reason);
}

static const struct source_watch watch = {.problem = watch_problem};

static void write_files(char *dir, int n)
{
    char path[128];
    for (int i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%d.json", dir, i);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs("{}", file);
        fclose(file);
    }
}

static void all_items_of_all_sources_come_once_with_their_own_source(void **state)
{
    (void)state;
    char one[] = "/tmp/assay-test-XXXXXX", two[] = "/tmp/assay-test-XXXXXX";
    assert_non_null(mkdtemp(one));
    assert_non_null(mkdtemp(two));
    write_files(one, FILES);
    write_files(two, FILES);
    char *operands[] = {one, two};
    struct slow slow = {.base = {&slow_ops}, .items = FILES};
    struct source *parts[3], *all;
    assert_int_equal(source_local_new(&operands[0], 1, &parts[0], NULL), OK);
    assert_int_equal(source_local_new(&operands[1], 1, &parts[1], NULL), OK);
    parts[2] = &slow.base;
    /* A ring smaller than what is named: the naming has to wait. */
    assert_int_equal(source_several_new(parts, 3, 4, &all, NULL), OK);
    assert_int_equal(source_begin(all, &watch, NULL), OK);
    struct source_item item;
    bool more = true, seen[3][FILES] = {{false}};
    int n = 0;
    while (assert_int_equal(source_next(all, &item, &more, NULL), OK), more) {
        if (!item.name) {
            source_wait(all, 50);
            continue;
        }
        int of = item.source == parts[0] ? 0 : item.source == parts[1] ? 1 : 2, at;
        assert_ptr_equal(item.source, parts[of]);
        const char *last = of == 2 ? item.name + 5 : strrchr(item.name, '/') + 1;
        at = atoi(last);
        assert_false(seen[of][at]);
        seen[of][at] = true;
        source_done(item.source, item.ticket, at % 2 ? SOURCE_KEPT : SOURCE_AGAIN);
        n++;
    }
    bool estimated;
    int64_t bytes;
    assert_int_equal(n, 3 * FILES);
    assert_int_equal(source_position(all, &estimated, &bytes), 1000000);
    assert_int_equal(slow.kept, FILES / 2);
    assert_int_equal(slow.again, FILES / 2);
    assert_true(slow.waits > 0);
    source_close(all);
    assert_true(slow.closed);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s %s", one, two);
    assert_int_equal(system(command), 0);
}

static void a_failure_ends_the_naming_after_what_was_named(void **state)
{
    (void)state;
    struct slow slow = {.base = {&slow_ops}, .items = 5, .end = ERR_FULL};
    struct source *part = &slow.base, *all;
    assert_int_equal(source_several_new(&part, 1, 16, &all, NULL), OK);
    assert_int_equal(source_begin(all, &watch, NULL), OK);
    struct source_item item;
    struct err err = {0};
    bool more = true;
    int n = 0;
    enum status status;
    while ((status = source_next(all, &item, &more, &err)) == OK && more) {
        n += item.name != NULL;
        if (!item.name)
            source_wait(all, 50);
    }
    assert_int_equal(n, 5);
    assert_int_equal(status, ERR_FULL);
    assert_string_equal(err.text, "on purpose");
    source_close(all);
}

static void what_never_ends_is_stopped(void **state)
{
    (void)state;
    struct slow slow = {.base = {&slow_ops}, .items = 100, .endless = true};
    struct source *part = &slow.base, *all;
    /* Once with a full ring, behind which the naming waits. */
    for (int cap = 1; cap <= 256; cap += 255) {
        slow.n = 0;
        slow.stopped = false;
        assert_int_equal(source_several_new(&part, 1, (size_t)cap, &all, NULL), OK);
        assert_int_equal(source_begin(all, &watch, NULL), OK);
        struct source_item item;
        bool more = true;
        for (int n = 0; n < 10;) {
            assert_int_equal(source_next(all, &item, &more, NULL), OK);
            assert_true(more);
            n += item.name != NULL;
        }
        source_stop(all);
        assert_true(slow.stopped);
        assert_int_equal(source_next(all, &item, &more, NULL), OK);
        assert_false(more);
        source_close(all);
    }
}

static struct source_gauge gauge;

static void gauge_state(struct source *s, struct source_state *out)
{
    (void)s;
    gauge_get(&gauge, out);
}

static void the_state_tells_what_became_of_items_and_of_failures(void **state)
{
    (void)state;
    struct source_ops with_state = slow_ops;
    with_state.state = gauge_state;
    struct slow plain = {.base = {&slow_ops}}, told = {.base = {&with_state}};
    struct source *parts[] = {&plain.base, &told.base}, *all;
    struct source_state seen;
    assert_int_equal(source_several_new(parts, 2, 4, &all, NULL), OK);
    assert_ptr_equal(source_part(all, 1), &told.base);
    assert_null(source_part(all, 2));
    assert_ptr_equal(source_part(&told.base, 0), &told.base);
    assert_null(source_part(&told.base, 1));
    source_state_get(source_part(all, 0), &seen);
    assert_string_equal(seen.name, "");
    assert_true(seen.success_us == TIME_NONE && seen.waiting == -1);

    gauge_init(&gauge, STR("s3://logs/"));
    for (int i = 0; i < 5; i++)
        gauge_named(&gauge);
    gauge_done(&gauge, SOURCE_KNOWN, 50, 6000); /* not read, so none of its bytes */
    gauge_done(&gauge, SOURCE_KEPT, 100, 7000);
    gauge_done(&gauge, SOURCE_AGAIN, 10, 5000);
    gauge_done(&gauge, SOURCE_FAILED, 1000, 9000);
    /* Told once per failure that goes on, and again after it went well meanwhile. */
    assert_true(gauge_failure(&gauge, "no"));
    assert_false(gauge_failure(&gauge, "no"));
    assert_true(gauge_failure(&gauge, "not that either"));
    gauge_success(&gauge);
    assert_true(gauge_failure(&gauge, "not that either"));
    gauge_heard(&gauge); /* something else went well */
    source_state_get(source_part(all, 1), &seen);
    assert_true(seen.failing && seen.success_us >= seen.error_us);
    assert_false(gauge_failure(&gauge, "not that either"));
    gauge_success(&gauge);
    source_state_get(source_part(all, 1), &seen);
    assert_string_equal(seen.name, "s3://logs/");
    assert_true(seen.named == 5 && seen.kept == 2 && seen.again == 1 && seen.failed == 1);
    assert_true(seen.known == 1 && seen.open == 1 && seen.passes == -1);
    assert_true(seen.bytes == 110 && seen.up_to_us == 7000);
    assert_string_equal(seen.error, "not that either");
    assert_true(!seen.failing && seen.success_us >= seen.error_us);
    gauge_fini(&gauge);
    source_close(all);
}

static void rule_51_a_body_lies_below_its_prefix_without_a_way_out(void **state)
{
    (void)state;
    const struct str p = STR("bodies/");
    assert_true(source_body_is_below(p, STR("bodies/AWSLogs/1/data/r_input.json.gz")));
    assert_true(source_body_is_below(STR(""), STR("AWSLogs/1/data/r_input.json.gz")));
    static const char *const bad[] = {
        "other/AWSLogs/1",  "bodies-2/AWSLogs/1", "bodies/../x/AWSLogs",
        "bodies/./AWSLogs", "bodies//AWSLogs",    "bodies/%2e%2e/AWSLogs",
        "bodies/"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (source_body_is_below(p, str_from(bad[i])))
            fail_msg("taken: %s", bad[i]);
}

static void rule_44_bodies_are_asked_for_again_for_two_days(void **state)
{
    (void)state;
    const int64_t written = 1000 * US_PER_SECOND, after_48_h = written + 2 * US_PER_DAY;
    int64_t now = written, times = 0;
    assert_int_equal(source_body_due(written, now), written + 5 * US_PER_SECOND);
    assert_int_equal(source_body_due(written, written + 60 * US_PER_SECOND), TIME_NONE);
    for (int64_t due; (due = source_body_due_long(written, now)) != TIME_NONE; now = due, times++) {
        assert_true(due > now && due <= after_48_h);
        int64_t soon = source_body_due(written, now);
        if (soon != TIME_NONE)
            assert_int_equal(due, soon);
    }
    assert_int_equal(now, after_48_h);
    assert_true(times < 20); /* reading costs requests */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_items_of_all_sources_come_once_with_their_own_source),
        cmocka_unit_test(a_failure_ends_the_naming_after_what_was_named),
        cmocka_unit_test(what_never_ends_is_stopped),
        cmocka_unit_test(the_state_tells_what_became_of_items_and_of_failures),
        cmocka_unit_test(rule_44_bodies_are_asked_for_again_for_two_days),
        cmocka_unit_test(rule_51_a_body_lies_below_its_prefix_without_a_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
