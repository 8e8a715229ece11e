/*
 * Reads bytes as `assay report` does and keeps the invocations: what the tests of ingest/ stand on.
 * Everything is leaked on purpose at the end of a test program but for what a test frees itself.
 */
#ifndef ASSAY_TESTS_INTAKE_FIXTURE_H
#define ASSAY_TESTS_INTAKE_FIXTURE_H

#include "ingest/intake.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIXTURE_MAX = 8192, TROUBLE_MAX = 256 };

struct fixture {
    struct pricing *pricing;
    struct symbols *symbols;
    struct series *series;
    struct harness_rules *rules; /* NULL: exchanges are not read */
    struct intake_env env;
    struct intake *intake;
    struct source *files; /* of bodies that lie outside */
    struct source_reader *bodies;
    struct reader *reader;
    struct about about;
    struct origin from;
    struct invocation v[FIXTURE_MAX];
    size_t n;
    struct {
        int64_t offset;
        const char *reason;
    } trouble[TROUBLE_MAX];
    size_t troubles;
};

static enum status fixture_record(void *ctx, struct record *r, const struct origin *from,
                                  struct err *err)
{
    struct fixture *f = ctx;
    assert_true(f->n < FIXTURE_MAX);
    TRY(intake_record(f->intake, r, from, &f->v[f->n], err));
    f->n++;
    return OK;
}

static void fixture_quarantine(void *ctx, const struct origin *from, const char *reason)
{
    struct fixture *f = ctx;
    if (f->troubles < TROUBLE_MAX) {
        f->trouble[f->troubles].offset = from->offset;
        f->trouble[f->troubles].reason = reason;
    }
    f->troubles++;
}

static inline struct fixture *fixture_env(struct reader_limits limits, enum level_of_detail detail,
                                          bool exchange)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(pricing_new(&f->pricing, NULL), OK);
    assert_int_equal(symbols_new(&f->symbols, NULL), OK);
    assert_int_equal(series_new(f->symbols, &f->series, NULL), OK);
    f->env = (struct intake_env){.series = f->series,
                                 .pricing = f->pricing,
                                 .key = {1, 2},
                                 .detail = detail,
                                 .limits = limits,
                                 .exchange = exchange};
    if (exchange) {
        assert_int_equal(harness_rules_new(STR(""), "", &f->rules, NULL), OK);
        f->env.rules = f->rules;
    }
    assert_int_equal(intake_new(&f->env, &f->intake, NULL), OK);
    assert_int_equal(source_local_new(NULL, 0, &f->files, NULL), OK);
    assert_int_equal(source_reader_new(f->files, NULL, &f->bodies, NULL), OK);
    intake_from(f->intake, f->bodies);
    assert_int_equal(reader_new(limits, &f->reader, NULL), OK);
    f->from = (struct origin){.name = "test", .delivery_us = TIME_NONE};
    return f;
}

static inline struct fixture *fixture_with(struct reader_limits limits, enum level_of_detail detail)
{
    return fixture_env(limits, detail, false);
}

static inline struct fixture *fixture_new(void)
{
    return fixture_with((struct reader_limits){0}, DETAIL_CONTENT);
}

static inline void fixture_free(struct fixture *f)
{
    intake_free(f->intake);
    source_reader_free(f->bodies);
    source_close(f->files);
    reader_free(f->reader);
    series_free(f->series);
    symbols_free(f->symbols);
    pricing_free(f->pricing);
    harness_rules_free(f->rules);
    free(f);
}

/* Forgets what was read and reads these bytes. */
static inline void fixture_read(struct fixture *f, const void *bytes, size_t n)
{
    struct reader_sink sink = {f, fixture_record, fixture_quarantine, NULL};
    f->n = f->troubles = 0;
    about_init(&f->about);
    struct err err = {0};
    enum status status =
        reader_bytes(f->reader, str_of(bytes, n), &f->from, &sink, &f->about, &err);
    if (status != OK)
        fail_msg("reading failed: %s", err.text);
}

static inline void fixture_text(struct fixture *f, const char *text)
{
    fixture_read(f, text, strlen(text));
}

static inline bool fixture_file(struct fixture *f, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    static char bytes[1 << 20];
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    fixture_read(f, bytes, n);
    return true;
}

static inline void assert_label(struct fixture *f, size_t i, enum label label, const char *expect)
{
    struct str text = series_text(f->series, f->v[i].series, label);
    if (!str_eq(text, str_from(expect)))
        fail_msg("%s is '%.*s', not '%s'", label_name(label), STR_ARG(text), expect);
}

#endif
