/* Findings in words, in order: see savings.h. */
#include "query/savings_internal.h"
#include "query/tally.h"

#include <stdlib.h>

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof literal - 1                                                                \
    }

static const struct {
    struct str key, heading, advice, assumes;
    bool needs_content;
} kinds[SAVING_KINDS] = {
#define SAVING_ROW(id, key, heading, advice, assumes, needs_content)                               \
    [id] = {TEXT(key), TEXT(heading), TEXT(advice), TEXT(assumes), needs_content},
    SAVING_MAP(SAVING_ROW)
#undef SAVING_ROW
};

struct str saving_key(enum saving_kind kind)
{
    return kinds[kind].key;
}

struct str saving_heading(enum saving_kind kind)
{
    return kinds[kind].heading;
}

struct str saving_advice(enum saving_kind kind)
{
    return kinds[kind].advice;
}

struct str saving_assumes(enum saving_kind kind)
{
    return kinds[kind].assumes;
}

bool saving_needs_content(enum saving_kind kind)
{
    return kinds[kind].needs_content;
}

static int compare_savings(const void *pa, const void *pb)
{
    const struct saving *a = pa, *b = pb;
    if (a->saved != b->saved)
        return a->saved > b->saved ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    int order = str_cmp(a->subject, b->subject);
    return order ? order : str_cmp(a->evidence, b->evidence);
}

static void put_count(struct buf *out, int64_t n, const char *one, const char *many)
{
    char text[MONEY_TEXT];
    money_format(text, (money_sum)n * PICO_PER_USD, 0, ',');
    buf_printf(out, "%s %s", text, n == 1 ? one : many);
}

#define CALLS "call", "calls"
#define TOKENS "token", "tokens"

static void tell_server(const struct ledger *l, struct buf *out)
{
    buf_str(out, STR("installed by "));
    put_count(out, l->users, "user", "users");
    buf_str(out, STR(", called by none; it puts "));
    put_count(out, l->tokens / (l->calls ? l->calls : 1), TOKENS);
    buf_str(out, STR(" into each of "));
    put_count(out, l->calls, CALLS);
    buf_str(out, STR(" ("));
    put_count(out, l->most, "tool)", "tools)");
}

static void tell_calls(const struct ledger *l, struct buf *out)
{
    put_count(out, l->calls, CALLS);
    if (l->loose > 0 && l->sessions > 0) {
        buf_str(out, STR(" ("));
        put_count(out, l->loose, "of no session)", "of no session)");
    }
    buf_str(out, STR(" with "));
    put_count(out, l->tokens, TOKENS);
}

static void tell_evidence(const struct savings_engine *e, const struct ledger *l, struct buf *out)
{
    struct str other = symbols_text(e->texts, l->other);
    switch (l->kind) {
    case SAVING_UNUSED_MCP:
        tell_server(l, out);
        break;
    case SAVING_COLD_CACHE:
        put_count(out, l->events, "restart", "restarts");
        buf_str(out, STR(" after 5 to 60 minutes wrote "));
        put_count(out, l->tokens, TOKENS);
        buf_str(out, STR(" again"));
        break;
    case SAVING_LONG_SESSION:
        put_count(out, l->calls, CALLS);
        buf_str(out, STR(" above "));
        put_count(out, e->limits.v[SAVINGS_CONTEXT], TOKENS);
        buf_str(out, STR(" of context, up to "));
        put_count(out, l->most, TOKENS);
        break;
    case SAVING_FIRST_MESSAGE:
        put_count(out, l->calls, "session begins", "sessions begin");
        buf_str(out, STR(" with up to "));
        put_count(out, l->most, TOKENS);
        buf_printf(out, "; the median of %.*s is ", STR_ARG(other));
        put_count(out, l->events, TOKENS);
        break;
    default:
        tell_calls(l, out);
    }
    if (l->kind == SAVING_BACKGROUND || l->kind == SAVING_SUPERSEDED)
        buf_printf(out, "; %.*s would have done", STR_ARG(other));
    if (l->bounded > 0) {
        buf_str(out, STR("; at least, because the TTL of cache writes is not known of "));
        put_count(out, l->bounded, CALLS);
    }
}

static enum status tell(const struct savings_engine *e, struct savings *s, const struct ledger *l)
{
    struct tally_scale scale = tally_scale_of(s->question, &s->about);
    struct buf text;
    buf_init(&text, 1 << 14);
    tell_evidence(e, l, &text);
    struct saving *v = &s->v[s->n++];
    *v = (struct saving){
        .kind = l->kind,
        .subject = arena_str(&s->arena, symbols_text(e->texts, l->subject)),
        .evidence = arena_str(&s->arena, buf_view(&text)),
        .sessions = l->loose > 0 && l->sessions == 0 ? SAVING_NO_SESSIONS : l->sessions,
        .cost = l->cost,
        .saved = l->saved,
        .month = tally_month(l->saved, &scale),
    };
    enum status status = buf_status(&text);
    buf_fini(&text);
    return status != OK ? status : v->subject.p && v->evidence.p ? OK : ERR_NOMEM;
}

static enum status tell_all(struct savings_engine *e, struct savings *s)
{
    TRY(savings_join(e));
    TRY(savings_judge_firsts(e));
    s->v = arena_alloc(&s->arena, (e->ledgers_n + 1) * sizeof *s->v);
    if (!s->v || !s->prices_date.p)
        return ERR_NOMEM;
    for (size_t i = 0; i < e->ledgers_n; i++)
        if (e->ledgers[i].saved > 0 && !e->ledgers[i].used)
            TRY(tell(e, s, &e->ledgers[i]));
    qsort(s->v, s->n, sizeof *s->v, compare_savings);
    int64_t limit = s->question->limit;
    if (limit > 0 && (uint64_t)limit < s->n) {
        s->cut = s->n - (size_t)limit;
        s->n = (size_t)limit;
    }
    return OK;
}

enum status savings_finish(struct savings_engine *e, const struct about *about,
                           struct str prices_date, struct savings **out, struct err *err)
{
    struct savings *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    arena_init(&s->arena);
    s->question = plan_question(e->plan);
    s->about = *about;
    s->sessions = e->about;
    /* What has no messages (an embedding) was seen too, but where no request at all tells of a
     * session, bodies were not looked into. */
    s->seen = e->seen > 0 ? e->about.requests : 0;
    s->prices_date = arena_str(&s->arena, prices_date);
    if (tell_all(e, s) != OK) {
        savings_free(s);
        return err_nomem(err);
    }
    *out = s;
    return OK;
}

void savings_free(struct savings *s)
{
    if (!s)
        return;
    arena_fini(&s->arena);
    free(s);
}
