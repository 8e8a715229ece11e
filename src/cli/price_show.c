/*
 * assay price show: one model id taken apart, the rows that were considered and why one of them was
 * taken, its rates and sources, and what some tokens cost, to all twelve decimals.
 */
#include "cli/price_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { OUTPUT_MAX = 1 << 20 };

int price_refuse(const char *what, const char *typed)
{
    struct err err;
    err_set(&err, ERR_USAGE, "%s, not \"%.80s\"", what, typed);
    return cli_fail(&err);
}

/* "2026-10-01", or an instant. */
bool price_parse_time(const char *text, int64_t *time_us)
{
    char day[TIME_TEXT];
    if (strlen(text) != 10)
        return time_parse(str_from(text), time_us);
    snprintf(day, sizeof day, "%sT00:00:00Z", text);
    return time_parse(str_from(day), time_us);
}

struct str price_scope_text(const struct price_row *row)
{
    return row->any_scope ? STR("*") : model_scope_name(row->scope);
}

void price_print_rates(struct buf *out, const struct rates *rates)
{
    for (int c = 0; c <= TOKENS_CACHE_WRITE_1H; c++) {
        char text[MONEY_TEXT];
        price_rate_text(text, rates->v[c]);
        buf_printf(out, " %9s", text[0] ? text : "-");
    }
}

void price_day_text(char out[TIME_TEXT], int64_t day)
{
    out[0] = '\0';
    if (day == DAY_NONE || day == DAY_EVER)
        return;
    time_format(out, day * US_PER_DAY);
    out[10] = '\0';
}

struct question {
    struct price_key key;
    struct price_match match;
    struct invocation call;
};

static bool parse_tokens(const char *text, struct invocation *v)
{
    struct str rest = str_from(text);
    for (int c = 0; c < TOKEN_CLASSES && rest.p; c++)
        if (!str_to_i64(str_trim(str_cut(&rest, ',')), &v->tokens[c]))
            return false;
    return !rest.p;
}

static void show_model(struct buf *out, const struct question *q, const struct price_book *b)
{
    const struct price_match *m = &q->match;
    char from[TIME_TEXT] = "the beginning", until[TIME_TEXT] = "further notice", at[TIME_TEXT];
    time_format(at, q->key.time_us);
    if (m->from_us != INT64_MIN)
        time_format(from, m->from_us);
    if (m->until_us != INT64_MAX)
        time_format(until, m->until_us);
    buf_printf(out, "model id    %.*s\n", STR_ARG(q->key.model_id));
    if (m->profile.n)
        buf_printf(out, "profile     %.*s\n", STR_ARG(m->profile));
    if (m->model.n) {
        buf_printf(out, "base model  %.*s", STR_ARG(m->model));
        if (m->rows)
            buf_printf(out, " (%.*s)", STR_ARG(b->rows[m->row[0].row].name));
        buf_printf(out, "\nfamily      %.*s of %.*s\n", STR_ARG(model_family(m->model)),
                   STR_ARG(model_provider(m->model)));
        buf_printf(out, "scope       %.*s", STR_ARG(m->scope.n ? m->scope : STR("not known")));
        if (m->geo.n && !str_eq(m->geo, m->scope))
            buf_printf(out, " (%.*s)", STR_ARG(m->geo));
        buf_str(out, m->unknown_prefix ? STR(", an undocumented geography\n") : STR("\n"));
    }
    buf_printf(out, "Region      %.*s\n", STR_ARG(q->key.region));
    buf_printf(out, "at          %s; the same from %s until %s\n", at, from, until);
}

static void show_rates(struct buf *out, const struct price_match *m, const struct price_book *b)
{
    buf_printf(out, "\nUSD per million tokens %9s %9s %9s %9s %9s\n", "input", "output", "read",
               "write 5m", "write 1h");
    for (int i = 0; i < m->rows; i++) {
        const struct price_row *row = &b->rows[m->row[i].row];
        buf_printf(out, "%-22.*s", STR_ARG(price_scope_text(row)));
        price_print_rates(out, &row->base);
        buf_str(out, row->one_hour_not_sold ? STR("  1 hour is not sold\n") : STR("\n"));
        if (row->threshold) {
            buf_printf(out, "  over %-15" PRId64, row->threshold);
            price_print_rates(out, &row->over);
            buf_char(out, '\n');
        }
        if (row->batch_input != RATE_NONE || row->batch_output != RATE_NONE) {
            struct rates batch = {
                {row->batch_input, row->batch_output, RATE_NONE, RATE_NONE, RATE_NONE, RATE_NONE}};
            buf_printf(out, "  %-20s", "batch");
            price_print_rates(out, &batch);
            buf_char(out, '\n');
        }
    }
}

/* Every row of the model, and why it was taken or not. */
static void show_candidates(struct buf *out, const struct question *q, const struct price_book *b)
{
    const struct price_match *m = &q->match;
    bool gov = str_has_prefix(q->key.region, STR("us-gov-"));
    struct price_query query = {.id = m->model,
                                .region = q->key.region,
                                .gov = gov || str_eq(m->geo, STR("us-gov")),
                                .scope = model_scope_from(m->scope),
                                .day = q->key.time_us / US_PER_DAY};
    struct price_candidates c;
    price_candidates_find(b, &query, &c);
    buf_str(out, STR("\nrows of this model\n"));
    for (uint32_t i; (i = price_candidates_next(b, &c)) != ROW_NONE;) {
        const struct price_row *row = &b->rows[i];
        enum row_fate fate = price_row_fate(row, &query);
        const char *why = row_fate_text(fate);
        const struct price_row *winner = m->rows ? &b->rows[m->row[0].row] : NULL;
        if (winner == row || (m->rows == 2 && i == m->row[1].row))
            why = "taken";
        else if (fate == ROW_APPLIES && winner && price_row_beats(winner, row))
            why = price_row_beats(winner, row);
        char from[TIME_TEXT];
        price_day_text(from, row->from_day);
        buf_printf(out, "  %-28s %.*s:%" PRId64 "  %.*s  %.*s  %s\n", why, STR_ARG(row->file),
                   row->line, STR_ARG(row->pattern), STR_ARG(price_scope_text(row)), from);
    }
}

static void show_sources(struct buf *out, const struct price_match *m, const struct price_book *b)
{
    for (int i = 0; i < m->rows; i++) {
        buf_printf(out, "%ssources\n", i ? "" : "\n");
        struct str rest = b->rows[m->row[i].row].source;
        while (rest.p) {
            struct str one = str_trim(str_cut(&rest, ';'));
            buf_printf(out, "  %.*s\n", STR_ARG(one));
        }
    }
    if (m->flagged)
        buf_str(out, STR("A source is unconfirmed, or another says something else.\n"));
    if (m->reason.n)
        buf_printf(out, "\n%s: %.*s\n", m->rows ? "estimate" : "unpriced", STR_ARG(m->reason));
}

static void show_cost(struct buf *out, struct question *q)
{
    static const char *const names[] = {
#define NAME(id, name, text) text,
        TOKEN_MAP(NAME)
#undef NAME
    };
    struct str reason = pricing_apply(&q->match, &q->call);
    const struct invocation *v = &q->call;
    money_sum total = 0;
    char text[MONEY_TEXT];
    buf_char(out, '\n');
    for (int c = 0; c < TOKEN_CLASSES; c++) {
        total += v->cost[c];
        if (v->tokens[c] == 0)
            continue;
        money_format(text, v->cost[c], 12, 0);
        if (v->cost[c] == 0 && v->unpriced_tokens)
            snprintf(text, sizeof text, "-");
        buf_printf(out, "%-24s %16" PRId64 " tokens %24s USD\n", names[c], v->tokens[c], text);
    }
    money_format(text, total, 12, 0);
    if (v->outcome == OUTCOME_UNPRICED)
        snprintf(text, sizeof text, "-");
    buf_printf(out, "%-48s %24s USD  %s%s%.*s\n", "cost", text, outcome_name(v->outcome),
               reason.n ? ": " : "", STR_ARG(reason));
    money_format(text, total + v->cost_span, 12, 0);
    if (v->cost_span)
        buf_printf(out, "%-48s %24s USD\n", "at most", text);
    money_format(text, v->list_cost, 12, 0);
    if (q->match.remaining != DISCOUNT_ALL)
        buf_printf(out, "%-48s %24s USD\n", "before discounts", text);
    if (v->unpriced_tokens)
        buf_printf(out, "%-24s %16" PRId64 " tokens\n", "without a price", v->unpriced_tokens);
}

int price_show(const struct pricing *p, const struct price_settings *s, const char *model)
{
    struct question q = {.key = {.account = str_from(s->account),
                                 .region = str_from(s->region),
                                 .model_id = str_from(model),
                                 .body_model = STR(""),
                                 .inference_region = STR(""),
                                 .tier = STR(""),
                                 .time_us = clock_now_us() / US_PER_SECOND * US_PER_SECOND}};
    if (s->at && !price_parse_time(s->at, &q.key.time_us))
        return price_refuse("--at: wanted a day or an instant as 2026-01-31T12:00:00Z", s->at);
    if (s->tokens && !parse_tokens(s->tokens, &q.call))
        return price_refuse("--tokens: wanted input,output,read,write 5m,write 1h as numbers",
                            s->tokens);
    struct model_id id = model_id_parse(q.key.model_id);
    if (q.key.region.n == 0)
        q.key.region = id.arn_region;
    if (q.key.region.n == 0)
        q.key.region = str_eq(id.geo, STR("us-gov")) ? STR("us-gov-west-1") : STR("us-east-1");
    pricing_find(p, &q.key, &q.match);
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    show_model(&out, &q, pricing_book(p));
    if (q.match.rows)
        show_rates(&out, &q.match, pricing_book(p));
    if (q.match.model.n && !str_eq(q.match.reason, STR("unknown model")))
        show_candidates(&out, &q, pricing_book(p));
    show_sources(&out, &q.match, pricing_book(p));
    if (s->tokens)
        show_cost(&out, &q);
    int code = cli_write(&out);
    buf_fini(&out);
    return code;
}
