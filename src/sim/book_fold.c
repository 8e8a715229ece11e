/*
 * What a session amounts to: the definitions of truth.h, over what was written down, in the order
 * in which it happened.
 */
#include "sim/book_internal.h"

#include <stdlib.h>

enum {
    MINUTE = 60,
    IDLE_S = 300, /* a longer gap counts as so much */
    CACHE_5M_S = 300,
    CACHE_1H_S = 3600,
    CACHED_LEAST = 1024, /* tokens; less is no loss */
};

/* The prompts of one generation of the main thread: those that were counted, or those that stand
 * in its history, when some were not seen. */
static void add_prompts(struct note_sum *sum, int64_t counted, int64_t in_history)
{
    sum->prompts += counted > in_history ? counted : in_history;
}

static void count_calls(const struct note *n, struct note_sum *sum)
{
    const struct noted_call *calls = n->calls.v;
    int64_t counted = 0, in_history = 0;
    bool first = true, begun = false;
    for (uint32_t i = 0; i < n->calls.n; i++) {
        const struct noted_call *c = &calls[i];
        sum->cost += c->cost;
        sum->cost_kind[c->kind] += c->cost;
        sum->retries += c->in.retry;
        sum->cost_retries += c->in.retry ? c->cost : 0;
        sum->compactions += c->kind == CALL_COMPACTION && !c->in.retry;
        if (c->agents > sum->fan_out)
            sum->fan_out = c->agents;
        if (c->kind != CALL_MAIN)
            continue;
        if (c->context > sum->peak_context)
            sum->peak_context = c->context;
        bool whole = !c->in.history && !c->in.continued;
        if (!begun && whole && !c->error) {
            sum->seen_whole = true;
            sum->first_context = c->context;
        }
        begun = begun || !whole || !c->error;
        if (c->in.retry)
            continue;
        if (c->in.continued && !c->in.history && !first) {
            add_prompts(sum, counted, in_history);
            counted = in_history = 0;
            sum->generations++;
        }
        first = false;
        sum->turns++;
        sum->interrupts += c->in.interrupts;
        counted += c->in.prompts;
        if (c->in.history_prompts > in_history)
            in_history = c->in.history_prompts;
    }
    sum->generations += !first;
    add_prompts(sum, counted, in_history);
}

static void count_times(const struct note *n, struct note_sum *sum)
{
    const struct noted_call *calls = n->calls.v;
    for (uint32_t i = 0, from = 0; i < n->calls.n; i++) {
        if (i) {
            int64_t gap = calls[i].time_s - calls[i - 1].time_s;
            sum->active_s += gap < IDLE_S ? gap : IDLE_S;
        }
        while (calls[i].time_s - calls[from].time_s >= MINUTE)
            from++;
        if (i - from + 1 > sum->per_minute)
            sum->per_minute = i - from + 1;
    }
}

/* The call before in the thread that may have left something in the cache. */
static const struct noted_call *call_before(const struct note *n, uint32_t at, bool *one_hour)
{
    const struct noted_call *calls = n->calls.v, *before = NULL;
    *one_hour = false;
    for (uint32_t i = at; i-- > 0;) {
        bool skip = calls[i].in.thread != calls[at].in.thread || calls[i].in.retry;
        if (skip || (!before && calls[i].error))
            continue;
        if (!before)
            before = &calls[i];
        if (calls[i].written) { /* the latest write says how long it lasts */
            *one_hour = calls[i].written_1h > 0;
            break;
        }
    }
    return before;
}

static void count_cold(struct note *n, struct note_sum *sum)
{
    struct noted_call *calls = n->calls.v;
    for (uint32_t i = 0; i < n->calls.n; i++) {
        struct noted_call *c = &calls[i];
        bool one_hour;
        const struct noted_call *before = call_before(n, i, &one_hour);
        if (!before || before->cached < CACHED_LEAST ||
            c->time_s - before->time_s <= (one_hour ? CACHE_1H_S : CACHE_5M_S) ||
            2 * c->read >= before->cached || 2 * c->written < before->cached)
            continue;
        c->cold = true;
        c->cold_tokens = before->cached - c->read;
        if (c->cold_tokens > c->written)
            c->cold_tokens = c->written;
        sum->cold_restarts++;
        sum->cold_tokens += c->cold_tokens;
    }
}

static int64_t longest_run(const struct note *n, uint32_t thread)
{
    const struct noted_use *uses = n->uses.v, *before = NULL;
    int64_t run = 0, longest = 0;
    for (uint32_t i = 0; i < n->uses.n; i++) {
        const struct noted_use *u = &uses[i];
        if (u->thread != thread)
            continue;
        bool same = before && before->kind == u->kind && before->name == u->name &&
                    before->server == u->server && before->serial == u->serial;
        run = same ? run + 1 : 1;
        if (run > longest)
            longest = run;
        before = u;
    }
    return longest;
}

static void count_tools(const struct note *n, struct note_sum *sum)
{
    const struct noted_use *uses = n->uses.v;
    const struct noted_thread *threads = n->threads.v;
    sum->tool_calls = n->uses.n;
    sum->loop = 1;
    for (uint32_t i = 0; i < n->uses.n; i++) {
        sum->tool_errors += uses[i].error;
        sum->agents += uses[i].kind == TOOL_AGENT;
    }
    for (uint32_t i = 0; i < n->threads.n; i++) {
        int64_t run = longest_run(n, i);
        if (run > sum->loop)
            sum->loop = run;
        if (threads[i].kind == CALL_SUBAGENT && threads[i].calls && threads[i].depth > sum->depth)
            sum->depth = threads[i].depth;
    }
}

void note_fold(struct note *n, struct note_sum *sum)
{
    *sum = (struct note_sum){0};
    count_calls(n, sum);
    count_times(n, sum);
    count_cold(n, sum);
    count_tools(n, sum);
}

/* A tool's row gets the session, and the user when he is new to it. */
static void join_session(struct note *n, struct book_row *row)
{
    struct book *b = n->book;
    uint64_t at = (uint64_t)(row - (struct book_row *)b->tools.rows.v);
    struct book_row *user = book_row(b, &b->users, at << 32 | n->user);
    row->sessions++;
    if (user && user->calls++ == 0)
        row->users++;
}

/* `here` knows which tools were in this session before. */
static void join_use(struct note *n, struct book_table *here, const struct noted_use *u)
{
    struct book *b = n->book;
    uint64_t key = (uint64_t)u->kind << 60 | (uint64_t)u->server << 30 | u->name;
    struct book_row *row = book_row(b, &b->tools, key), *mine = book_row(b, here, key);
    if (!row || !mine)
        return;
    row->kind = u->kind;
    row->server = u->server;
    row->name = u->name;
    row->calls++;
    row->errors += u->error;
    if (mine->calls++ == 0)
        join_session(n, row);
}

static void join_uses(struct note *n)
{
    struct book_table here = {0};
    const struct noted_use *uses = n->uses.v;
    const struct noted_offer *commands = n->commands.v;
    for (uint32_t i = 0; i < n->uses.n; i++)
        join_use(n, &here, &uses[i]);
    for (uint32_t i = 0; i < n->commands.n; i++)
        join_use(n, &here, &(struct noted_use){.kind = TOOL_COMMAND, .name = commands[i].name});
    free(here.rows.v);
    free(here.key);
    free(here.at);
}

static bool is_offered(const struct note *n, enum tool_kind kind, uint32_t name)
{
    const struct noted_offer *offers = n->offers.v;
    for (uint32_t i = 0; i < n->offers.n; i++)
        if (offers[i].kind == kind && offers[i].name == name)
            return true;
    return false;
}

static void join_servers(struct note *n)
{
    struct book *b = n->book;
    const struct noted_use *uses = n->uses.v;
    for (uint32_t s = 0; s < SIZES_SERVERS; s++) {
        struct noted_server *server = &n->server[s];
        struct book_row *row = server->name ? book_row(b, &b->servers, server->name) : NULL;
        if (!row)
            continue;
        bool used = false;
        for (uint32_t i = 0; i < n->uses.n; i++) {
            bool mine = uses[i].kind == TOOL_MCP && uses[i].server == server->name;
            row->calls += mine;
            row->errors += mine && uses[i].error;
            used |= mine;
        }
        row->name = server->name;
        row->offered += is_offered(n, TOOL_MCP, server->name);
        row->sessions += used;
        row->schema += server->schema;
        row->names += server->names;
        row->note += server->note;
    }
}

static void join_offer(struct note *n, struct book_row *row, const struct noted_offer *offer)
{
    const struct noted_use *uses = n->uses.v;
    const struct noted_offer *commands = n->commands.v;
    const struct noted_thread *threads = n->threads.v;
    int64_t before = row->calls + row->commands;
    row->name = offer->name;
    row->offered++;
    for (uint32_t k = 0; k < n->uses.n; k++)
        row->calls += uses[k].kind == offer->kind && uses[k].name == row->name;
    for (uint32_t k = 0; offer->kind == TOOL_SKILL && k < n->commands.n; k++)
        row->commands += commands[k].name == row->name;
    for (uint32_t k = 0; offer->kind == TOOL_AGENT && k < n->threads.n; k++)
        row->threads +=
            threads[k].kind == CALL_SUBAGENT && threads[k].calls && threads[k].name == row->name;
    row->sessions += row->calls + row->commands > before;
}

static void join_offers(struct note *n)
{
    struct book *b = n->book;
    const struct noted_offer *offers = n->offers.v;
    for (uint32_t i = 0; i < n->offers.n; i++) {
        struct book_table *t = offers[i].kind == TOOL_SKILL   ? &b->skills
                               : offers[i].kind == TOOL_AGENT ? &b->agents
                                                              : NULL;
        struct book_row *row = t ? book_row(b, t, offers[i].name) : NULL;
        if (row)
            join_offer(n, row, &offers[i]);
    }
}

void note_end(struct note *n)
{
    if (!n)
        return;
    struct book *b = n->book;
    if (n->calls.n) {
        struct note_sum sum;
        note_fold(n, &sum);
        join_uses(n);
        join_servers(n);
        join_offers(n);
        b->sessions++;
        b->inferred += n->id[0] == 0;
        if (b->rows.n + 4096 < BOOK_ROWS_MAX) {
            note_write(n, &sum, &b->rows);
            b->listed++;
        }
    }
    free(n->calls.v);
    free(n->uses.v);
    free(n->threads.v);
    free(n->offers.v);
    free(n->commands.v);
    free(n);
}
