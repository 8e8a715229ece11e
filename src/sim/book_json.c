/* The sections of truth.json about sessions and what happens in them: see truth.h. */
#include "sim/book_internal.h"

#include "base/clock.h"

#include <stdlib.h>

static void put_number(struct jsonw *w, const char *key, int64_t value)
{
    jsonw_key(w, str_from(key));
    jsonw_i64(w, value);
}

static void put_text(struct jsonw *w, const char *key, struct str text)
{
    jsonw_key(w, str_from(key));
    jsonw_str(w, text);
}

static void put_money(struct jsonw *w, const char *key, money_sum pico)
{
    char text[MONEY_TEXT];
    size_t n = money_format_int(text, pico);
    jsonw_key(w, str_from(key));
    jsonw_raw(w, str_of(text, n));
}

static void put_flag(struct jsonw *w, const char *key, bool value)
{
    jsonw_key(w, str_from(key));
    jsonw_bool(w, value);
}

static void put_parts(struct jsonw *w, const struct note *n)
{
    static const char *const names[] = {
#define NAME(id, name, heading) name,
        PART_MAP(NAME)
#undef NAME
    };
    jsonw_key(w, STR("first_bytes"));
    jsonw_object(w);
    for (int i = 0; i < PART_RESULTS; i++)
        put_number(w, names[i], n->first_part[i]);
    jsonw_end(w);
}

static void put_costs(struct jsonw *w, const struct note_sum *sum)
{
    put_money(w, "cost_pico", sum->cost);
    put_money(w, "retry_cost_pico", sum->cost_retries);
    jsonw_key(w, STR("cost_by_kind_pico"));
    jsonw_object(w);
    for (int i = CALL_MAIN; i < CALL_PROBE; i++)
        put_money(w, call_kind_text((enum call_kind)i).p, sum->cost_kind[i]);
    jsonw_end(w);
}

/* One session on one line. */
void note_write(const struct note *n, const struct note_sum *sum, struct buf *out)
{
    const struct noted_call *calls = n->calls.v;
    struct jsonw w = jsonw_start(out, 0);
    char time[TIME_TEXT];
    time_format(time, calls[0].time_s * US_PER_SECOND);
    jsonw_object(&w);
    put_text(&w, "id", str_from(n->id));
    put_flag(&w, "inferred", n->id[0] == 0);
    put_text(&w, "user", symbols_text(n->book->names, n->user));
    put_text(&w, "first", str_from(time));
    put_number(&w, "first_us", calls[0].time_s * US_PER_SECOND);
    put_number(&w, "last_us", calls[n->calls.n - 1].time_s * US_PER_SECOND);
    put_number(&w, "active_us", sum->active_s * US_PER_SECOND);
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {
        {"prompts", sum->prompts},
        {"turns", sum->turns},
        {"requests", n->calls.n},
        {"retries", sum->retries},
        {"tool_calls", sum->tool_calls},
        {"tool_errors", sum->tool_errors},
        {"agents", sum->agents},
        {"fan_out", sum->fan_out},
        {"depth", sum->depth},
        {"compactions", sum->compactions},
        {"generations", sum->generations},
        {"interrupts", sum->interrupts},
        {"peak_context", sum->peak_context},
        {"first_context", sum->first_context},
        {"cold_restarts", sum->cold_restarts},
        {"cold_tokens", sum->cold_tokens},
        {"requests_per_minute", sum->per_minute},
        {"loop", sum->loop},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        put_number(&w, fields[i].name, fields[i].value);
    put_flag(&w, "seen_whole", sum->seen_whole);
    put_flag(&w, "identical_agents", n->identical);
    if (sum->seen_whole && n->sized)
        put_parts(&w, n);
    put_costs(&w, sum);
    jsonw_end(&w);
    buf_char(out, '\n');
}

/* The rows of a section, sorted by their names. */
struct named_row {
    struct str kind, server, name;
    const struct book_row *row;
};

static int by_names(const void *a, const void *b)
{
    const struct named_row *x = a, *y = b;
    int order = str_cmp(x->kind, y->kind);
    if (order == 0)
        order = str_cmp(x->server, y->server);
    return order ? order : str_cmp(x->name, y->name);
}

typedef void (*put_function)(struct jsonw *w, const struct named_row *r);

static void put_called(struct jsonw *w, const struct named_row *r)
{
    put_number(w, "calls", r->row->calls);
    put_money(w, "cost_pico", r->row->cost);
}

static void put_harness(struct jsonw *w, const struct named_row *r)
{
    put_text(w, "harness", r->name);
    put_called(w, r);
}

static void put_version(struct jsonw *w, const struct named_row *r)
{
    put_text(w, "harness", r->name);
    put_text(w, "version", r->server);
    put_called(w, r);
}

static void put_kind(struct jsonw *w, const struct named_row *r)
{
    put_text(w, "kind", call_kind_text((enum call_kind)r->row->name));
    put_called(w, r);
}

static void put_tool(struct jsonw *w, const struct named_row *r)
{
    put_text(w, "kind", r->kind);
    put_text(w, "server", r->server);
    put_text(w, "name", r->name);
    put_number(w, "calls", r->row->calls);
    put_number(w, "errors", r->row->errors);
    put_number(w, "users", r->row->users);
    put_number(w, "sessions", r->row->sessions);
}

static void put_server(struct jsonw *w, const struct named_row *r)
{
    put_text(w, "server", r->name);
    put_number(w, "offered_sessions", r->row->offered);
    put_number(w, "used_sessions", r->row->sessions);
    put_number(w, "calls", r->row->calls);
    put_number(w, "errors", r->row->errors);
    put_number(w, "schema_bytes", r->row->schema);
    put_number(w, "name_bytes", r->row->names);
    put_number(w, "note_bytes", r->row->note);
}

static void put_skill(struct jsonw *w, const struct named_row *r)
{
    put_text(w, "skill", r->name);
    put_number(w, "installed_sessions", r->row->offered);
    put_number(w, "used_sessions", r->row->sessions);
    put_number(w, "by_tool", r->row->calls);
    put_number(w, "by_command", r->row->commands);
}

static void put_agent(struct jsonw *w, const struct named_row *r)
{
    put_text(w, "agent", r->name);
    put_number(w, "installed_sessions", r->row->offered);
    put_number(w, "used_sessions", r->row->sessions);
    put_number(w, "started", r->row->calls);
    put_number(w, "threads", r->row->threads);
}

static bool put_section(struct jsonw *w, const struct book *b, const char *key,
                        const struct book_table *t, put_function put)
{
    const struct book_row *rows = t->rows.v;
    struct named_row *sorted = calloc((size_t)t->rows.n + 1, sizeof *sorted);
    if (!sorted)
        return false;
    jsonw_key(w, str_from(key));
    jsonw_array(w);
    bool kinds = put == put_kind;
    for (uint32_t i = 0; i < t->rows.n; i++)
        sorted[i] = (struct named_row){
            .kind = tool_kind_text((enum tool_kind)rows[i].kind),
            .server = symbols_text(b->names, rows[i].server),
            .name = kinds ? call_kind_text((enum call_kind)rows[i].name)
                          : symbols_text(b->names, rows[i].name),
            .row = &rows[i],
        };
    qsort(sorted, t->rows.n, sizeof *sorted, by_names);
    for (uint32_t i = 0; i < t->rows.n; i++) {
        jsonw_object_inline(w);
        put(w, &sorted[i]);
        jsonw_end(w);
    }
    jsonw_end(w);
    free(sorted);
    return true;
}

bool book_write(const struct book *b, struct jsonw *w)
{
    jsonw_key(w, STR("coverage"));
    jsonw_object(w);
    put_number(w, "invocations", b->calls);
    put_number(w, "with_request", b->with_body);
    put_number(w, "recognised", b->recognised);
    put_number(w, "sessions", b->sessions);
    put_number(w, "sessions_inferred", b->inferred);
    put_number(w, "sessions_of_one_call", b->alone);
    put_number(w, "sessions_listed", b->listed);
    jsonw_end(w);
    bool ok = put_section(w, b, "harnesses", &b->harnesses, put_harness) &&
              put_section(w, b, "versions", &b->versions, put_version) &&
              put_section(w, b, "call_kinds", &b->kinds, put_kind) &&
              put_section(w, b, "tools", &b->tools, put_tool) &&
              put_section(w, b, "mcp", &b->servers, put_server) &&
              put_section(w, b, "skills", &b->skills, put_skill) &&
              put_section(w, b, "agents", &b->agents, put_agent);
    jsonw_key(w, STR("sessions"));
    jsonw_array(w);
    for (struct str rest = buf_view(&b->rows); rest.n;)
        jsonw_raw(w, str_cut(&rest, '\n'));
    jsonw_end(w);
    return ok && book_ok(b);
}
