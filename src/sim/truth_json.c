/*
 * Writing truth.json. Everything is derived from the two maps of truth.c by adding up, in an order
 * that depends on names only.
 */
#include "sim/truth_internal.h"

#include "base/clock.h"
#include "base/io.h"
#include "codec/jsonw.h"

#include <stdio.h>
#include <stdlib.h>

/* A tally with the texts it is sorted and shown by. */
struct row {
    struct str name[2];
    struct tally tally;
    uint64_t key;
};

static void put_tally(struct jsonw *w, const struct tally *t)
{
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        {"invocations", t->invocations},
        {"errors", t->errors},
        {"no_counts", t->no_counts},
        {"billed", t->billed},
        {"input", t->input},
        {"output", t->output},
        {"cache_read", t->cache_read},
        {"cache_write_5m", t->write_5m},
        {"cache_write_1h", t->write_1h},
        {"cache_write_unknown", t->write_unknown},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        jsonw_key(w, str_from(fields[i].name));
        jsonw_i64(w, fields[i].value);
    }
}

static void put_text(struct jsonw *w, const char *key, struct str text)
{
    jsonw_key(w, str_from(key));
    jsonw_str(w, text);
}

static void put_number(struct jsonw *w, const char *key, int64_t value)
{
    jsonw_key(w, str_from(key));
    jsonw_i64(w, value);
}

static void day_text(int64_t day, char out[TIME_TEXT])
{
    time_format(out, day * US_PER_DAY);
    out[10] = 0;
}

static int by_names(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = str_cmp(x->name[0], y->name[0]);
    if (order == 0)
        order = str_cmp(x->name[1], y->name[1]);
    return order ? order : x->key < y->key ? -1 : x->key > y->key;
}

/* Sorts, joins rows of one name pair, returns how many are left. */
static size_t sort_and_join(struct row *rows, size_t n)
{
    if (n == 0)
        return 0;
    qsort(rows, n, sizeof *rows, by_names);
    size_t to = 0;
    for (size_t i = 1; i < n; i++) {
        if (str_eq(rows[to].name[0], rows[i].name[0]) && str_eq(rows[to].name[1], rows[i].name[1]))
            tally_join(&rows[to].tally, &rows[i].tally);
        else
            rows[++to] = rows[i];
    }
    return to + 1;
}

static struct row *rows_of(const struct tally_map *m, size_t *n)
{
    struct row *rows = calloc((size_t)m->n + 1, sizeof *rows);
    *n = 0;
    for (uint32_t i = 0; rows && i < m->cap; i++)
        if (m->slot[i].key)
            rows[(*n)++] = (struct row){.key = m->slot[i].key - 1, .tally = m->slot[i].tally};
    return rows;
}

typedef struct str (*name_function)(const struct truth *t, uint64_t key);

static const struct caller *caller_of(const struct truth *t, uint64_t key)
{
    return &t->org->callers[key >> 24];
}

static struct str name_user(const struct truth *t, uint64_t key)
{
    return caller_of(t, key)->arn;
}

static struct str name_person(const struct truth *t, uint64_t key)
{
    return caller_of(t, key)->person;
}

static struct str name_team(const struct truth *t, uint64_t key)
{
    const struct caller *c = caller_of(t, key);
    return c->match.n ? str_from(org_team(c->team)) : STR("");
}

static struct str name_model(const struct truth *t, uint64_t key)
{
    return t->org->models[key & 0xffffff].id;
}

static struct str name_account(const struct truth *t, uint64_t key)
{
    return str_from(t->org->account[cell_unpack(key).account]);
}

static struct str name_region(const struct truth *t, uint64_t key)
{
    (void)t;
    return str_from(REGIONS[cell_unpack(key).region].name);
}

static bool put_group(struct jsonw *w, const struct truth *t, const char *key,
                      const struct tally_map *map, name_function naming)
{
    size_t n;
    struct row *rows = rows_of(map, &n);
    if (!rows)
        return false;
    for (size_t i = 0; i < n; i++)
        rows[i] = (struct row){.name = {naming(t, rows[i].key), STR("")}, .tally = rows[i].tally};
    n = sort_and_join(rows, n);
    jsonw_key(w, str_from(key));
    jsonw_object(w);
    for (size_t i = 0; i < n; i++) {
        jsonw_key(w, rows[i].name[0]);
        jsonw_object_inline(w);
        put_tally(w, &rows[i].tally);
        jsonw_end(w);
    }
    jsonw_end(w);
    free(rows);
    return true;
}

static bool put_days(struct jsonw *w, const struct truth *t, int64_t days)
{
    struct tally *by_day = calloc((size_t)days + 1, sizeof *by_day);
    if (!by_day)
        return false;
    for (uint32_t i = 0; i < t->cells.cap; i++)
        if (t->cells.slot[i].key)
            tally_join(&by_day[cell_unpack(t->cells.slot[i].key - 1).day], &t->cells.slot[i].tally);
    jsonw_key(w, STR("by_day"));
    jsonw_object(w);
    for (int64_t d = 0; d <= days; d++) {
        char day[TIME_TEXT];
        if (!by_day[d].invocations)
            continue;
        day_text(t->start_day + d, day);
        jsonw_key(w, str_from(day));
        jsonw_object_inline(w);
        put_tally(w, &by_day[d]);
        jsonw_end(w);
    }
    jsonw_end(w);
    free(by_day);
    return true;
}

static void put_operations_and_errors(struct jsonw *w, const struct truth *t)
{
    jsonw_key(w, STR("by_operation"));
    jsonw_object(w);
    for (int op = 0; op < SIM_OPERATIONS; op++) {
        if (!t->by_operation[op].invocations)
            continue;
        jsonw_key(w, str_from(sim_operation_name((enum sim_operation)op)));
        jsonw_object_inline(w);
        put_tally(w, &t->by_operation[op]);
        jsonw_end(w);
    }
    jsonw_end(w);
    jsonw_key(w, STR("by_error"));
    jsonw_object(w);
    for (int e = FAIL_NOT + 1; e < SIM_ERRORS; e++)
        if (t->by_error[e])
            put_number(w, sim_error_name((enum sim_error)e), t->by_error[e]);
    jsonw_end(w);
}

static bool put_user_models(struct jsonw *w, const struct truth *t)
{
    size_t n;
    struct row *rows = rows_of(&t->by_user_model, &n);
    if (!rows)
        return false;
    for (size_t i = 0; i < n; i++) {
        rows[i].name[0] = name_user(t, rows[i].key);
        rows[i].name[1] = name_model(t, rows[i].key);
    }
    n = sort_and_join(rows, n);
    jsonw_key(w, STR("by_user_model"));
    jsonw_array(w);
    for (size_t i = 0; i < n; i++) {
        jsonw_object_inline(w);
        put_text(w, "user", rows[i].name[0]);
        put_text(w, "model_id", rows[i].name[1]);
        put_tally(w, &rows[i].tally);
        jsonw_end(w);
    }
    jsonw_end(w);
    free(rows);
    return true;
}

static void put_cell(struct jsonw *w, const struct truth *t, const struct row *row)
{
    static const char *const how[] = {"id", "profile", "unresolved", "unknown"};
    struct cell c = cell_unpack(row->key);
    const struct model *m = &t->org->models[c.model];
    char day[TIME_TEXT];
    day_text(t->start_day + c.day, day);
    jsonw_object_inline(w);
    put_text(w, "account", str_from(t->org->account[c.account]));
    put_text(w, "region", str_from(REGIONS[c.region].name));
    put_text(w, "day", str_from(day));
    put_text(w, "model_id", m->id);
    put_text(w, "base_model", m->base);
    put_text(w, "scope", str_from(m->scope));
    put_text(w, "resolved_by", str_from(how[m->how]));
    if (m->how == BY_BODY) {
        put_text(w, "body_model", c.body_named ? m->body_name : STR(""));
        put_text(w, "inference_region", str_from(c.inference ? REGIONS[c.inference - 1].name : ""));
    }
    put_number(w, "context_above", CONTEXT_ABOVE[c.context]);
    jsonw_key(w, STR("cached"));
    jsonw_bool(w, c.cached);
    put_text(w, "error",
             c.error == FAIL_NOT ? STR("") : str_from(sim_error_name((enum sim_error)c.error)));
    put_tally(w, &row->tally);
    jsonw_end(w);
}

static bool put_cells(struct jsonw *w, const struct truth *t)
{
    size_t n;
    struct row *rows = rows_of(&t->cells, &n);
    if (!rows)
        return false;
    qsort(rows, n, sizeof *rows, by_names); /* names are empty: by key */
    jsonw_key(w, STR("cells"));
    jsonw_array(w);
    for (size_t i = 0; i < n; i++)
        put_cell(w, t, &rows[i]);
    jsonw_end(w);
    free(rows);
    return true;
}

static void put_total(struct jsonw *w, const struct truth *t)
{
    struct tally total = {0};
    for (int op = 0; op < SIM_OPERATIONS; op++)
        tally_join(&total, &t->by_operation[op]);
    jsonw_key(w, STR("total"));
    jsonw_object(w);
    put_number(w, "records", t->records);
    put_number(w, "duplicates", t->duplicates);
    put_tally(w, &total);
    jsonw_end(w);
    jsonw_key(w, STR("bodies"));
    jsonw_object(w);
    put_number(w, "input_inline", t->in_inline);
    put_number(w, "input_offloaded", t->in_offloaded);
    put_number(w, "input_missing", t->in_missing);
    put_number(w, "output_inline", t->out_inline);
    put_number(w, "output_offloaded", t->out_offloaded);
    put_number(w, "output_missing", t->out_missing);
    jsonw_end(w);
}

static void put_about(struct jsonw *w, const struct truth *t, const struct truth_about *about)
{
    char day[TIME_TEXT];
    day_text(t->start_day, day);
    put_number(w, "assay_truth", 1);
    jsonw_key(w, STR("about"));
    jsonw_object(w);
    jsonw_key(w, STR("seed"));
    char seed[24];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)about->seed);
    jsonw_raw(w, str_from(seed));
    put_number(w, "users", about->users);
    put_number(w, "days", about->days);
    put_text(w, "start", str_from(day));
    put_text(w, "bodies", str_from(about->bodies));
    put_number(w, "files", about->files);
    put_number(w, "json_bytes", about->json_bytes);
    put_number(w, "gzip_bytes", about->gzip_bytes);
    put_number(w, "sessions", about->sessions);
    put_number(w, "prompts", about->prompts);
    jsonw_end(w);
}

enum status truth_write(const struct truth *t, const struct truth_about *about, const char *path,
                        struct err *err)
{
    struct buf b;
    buf_init(&b, (size_t)2 << 30);
    struct jsonw w = jsonw_start(&b, 1);
    jsonw_object(&w);
    put_about(&w, t, about);
    put_total(&w, t);
    put_operations_and_errors(&w, t);
    bool ok = put_group(&w, t, "by_account", &t->cells, name_account) &&
              put_group(&w, t, "by_region", &t->cells, name_region) &&
              put_days(&w, t, about->days) &&
              put_group(&w, t, "by_model", &t->by_user_model, name_model) &&
              put_group(&w, t, "by_team", &t->by_user_model, name_team) &&
              put_group(&w, t, "by_person", &t->by_user_model, name_person) &&
              put_group(&w, t, "by_user", &t->by_user_model, name_user) && put_user_models(&w, t) &&
              put_cells(&w, t);
    ok = ok && book_write(about->book, &w);
    jsonw_end(&w);
    buf_char(&b, '\n');
    enum status status = OK;
    if (!ok || buf_status(&b) != OK)
        status = err_nomem(err);
    else
        status = io_write_file(path, buf_view(&b), err);
    buf_fini(&b);
    return status;
}
