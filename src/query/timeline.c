/* One session in the order of its calls: see timeline.h. */
#include "query/timeline.h"

#include "query/metric.h"
#include "query/plan_internal.h"

#include <stdlib.h>

struct timeline_finder {
    struct timeline_options o;
    struct symbols *symbols;
    struct arena scratch;
    struct timeline exact, begins; /* the last one with this very id, that only begins so */
    size_t exact_n;
    struct timeline *open; /* made of the last session, of which more may come; NULL */
    struct timeline_match matches[TIMELINE_MATCHES + 1];
    size_t matches_n, total;
    struct arena texts; /* of matches */
};

enum status timeline_finder_new(const struct timeline_options *o, struct timeline_finder **out,
                                struct err *err)
{
    struct timeline_finder *f = calloc(1, sizeof *f);
    if (!f)
        return err_nomem(err);
    f->o = *o;
    f->symbols = series_symbols(o->series);
    arena_init(&f->scratch);
    arena_init(&f->texts);
    arena_init(&f->exact.arena);
    arena_init(&f->begins.arena);
    *out = f;
    return OK;
}

void timeline_finder_free(struct timeline_finder *f)
{
    if (!f)
        return;
    arena_fini(&f->scratch);
    arena_fini(&f->texts);
    arena_fini(&f->exact.arena);
    arena_fini(&f->begins.arena);
    free(f);
}

struct builder {
    struct timeline_finder *f;
    const struct session *s;
    struct timeline *t;
    size_t use; /* the next one */
    bool failed;
};

static struct str keep(struct builder *b, struct str text)
{
    struct str copy = arena_str(&b->t->arena, text);
    b->failed = b->failed || !copy.p;
    return copy.p ? copy : STR("");
}

static struct str symbol(struct builder *b, uint32_t id)
{
    return keep(b, symbols_text(b->f->symbols, id));
}

static struct str dimension(struct builder *b, uint32_t series, enum dimension dim)
{
    arena_reset(&b->f->scratch);
    struct series_view v = {.series = b->f->o.series,
                            .directory = b->f->o.directory,
                            .scratch = &b->f->scratch,
                            .id = series};
    struct str text = series_dimension(&v, dim);
    b->failed = b->failed || !text.p;
    return keep(b, text.p ? text : STR(""));
}

static bool same_use(const struct timeline_use *t, const struct session_use *u,
                     const struct symbols *symbols)
{
    return t->kind == u->kind && str_eq(t->name, symbols_text(symbols, u->name)) &&
           str_eq(t->server, symbols_text(symbols, u->server));
}

static void add_use(struct builder *b, struct timeline_use *uses, size_t *n,
                    const struct session_use *u)
{
    size_t at = 0;
    while (at < *n && !same_use(&uses[at], u, b->f->symbols))
        at++;
    if (at == *n)
        uses[(*n)++] = (struct timeline_use){
            .kind = u->kind, .server = symbol(b, u->server), .name = symbol(b, u->name)};
    uses[at].n++;
    uses[at].errors += u->error;
}

/* The uses of one call stand together. */
static void add_uses(struct builder *b, size_t call, struct timeline_call *c)
{
    size_t from = b->use;
    while (b->use < b->s->uses_n && b->s->uses[b->use].call == call)
        b->use++;
    if (b->use == from)
        return;
    struct timeline_use *uses = arena_alloc(&b->t->arena, (b->use - from) * sizeof *uses);
    b->failed = b->failed || !uses;
    for (size_t i = from; uses && i < b->use; i++)
        add_use(b, uses, &c->uses_n, &b->s->uses[i]);
    c->uses = uses;
}

static void add_call(struct builder *b, size_t i)
{
    const struct session_call *from = &b->s->calls[i];
    const struct invocation *v = &from->v;
    struct timeline_call *c = &b->t->calls[i];
    *c = (struct timeline_call){
        .time_us = v->time_us,
        .thread = from->thread,
        .kind = from->kind,
        .flags = from->flags,
        .prompts = from->prompts,
        .purpose = symbol(b, v->exchange->purpose),
        .model = dimension(b, v->series, DIM_MODEL),
        .error = dimension(b, v->series, DIM_ERROR),
        .context = from->context,
        .input = v->tokens[TOKENS_INPUT],
        .cache_read = v->tokens[TOKENS_CACHE_READ],
        .cache_write = v->tokens[TOKENS_CACHE_WRITE_5M] + v->tokens[TOKENS_CACHE_WRITE_1H] +
                       v->tokens[TOKENS_CACHE_WRITE_UNKNOWN],
        .output = v->tokens[TOKENS_OUTPUT],
        .idle_us = from->idle_us,
        .cold_tokens = from->cold_tokens,
        .cold_excess = from->cold_excess,
    };
    for (int k = 0; k < TOKEN_CLASSES; k++)
        c->cost += v->cost[k];
    struct sums sums = {0};
    sums_add(&sums, v, 1);
    c->priced = metric_has_amount(&sums);
    b->t->seen += (v->flags & INV_INPUT_BODY) != 0;
    b->t->has_main = b->t->has_main || c->kind == CALL_MAIN || c->kind == CALL_UNKNOWN;
    if (c->kind != CALL_COMPACTION)
        b->t->threads[c->thread].peaked = true;
    b->t->names_cut += v->exchange->cut;
    add_uses(b, i, c);
}

static void add_thread(struct builder *b, size_t i)
{
    const struct session_thread *from = &b->s->threads[i];
    b->t->threads[i] = (struct timeline_thread){
        .kind = from->kind,
        .parent = from->parent,
        .depth = from->depth,
        .calls = from->calls,
        .turns = from->turns,
        .generations = from->generations,
        .name = symbol(b, from->name),
        .peak_context = from->peak_context,
        .cost = from->cost,
    };
}

static void add_head(struct builder *b)
{
    struct timeline *t = b->t;
    size_t main = 0;
    while (main + 1 < b->s->calls_n && b->s->calls[main].kind != CALL_MAIN)
        main++;
    if (b->s->calls[main].kind != CALL_MAIN)
        main = 0;
    uint32_t series = b->s->calls[main].v.series;
    t->user = dimension(b, series, DIM_USER);
    t->harness = dimension(b, series, DIM_HARNESS);
    t->version = dimension(b, series, DIM_VERSION);
    t->entrypoint = dimension(b, series, DIM_ENTRYPOINT);
    t->repository = STR("");
    for (size_t i = 0; i < b->s->calls_n && t->repository.n == 0; i++)
        if (b->s->calls[i].kind != CALL_BACKGROUND)
            t->repository = symbol(b, b->s->calls[i].v.exchange->repository);
    t->runaway = runaway_of(b->s, &b->f->o.limits);
    struct buf text;
    buf_init(&text, 1 << 12);
    runaway_text(&t->runaway, &text);
    b->failed = b->failed || buf_status(&text) != OK;
    t->signals = keep(b, buf_view(&text));
    buf_fini(&text);
}

static enum status build(struct timeline_finder *f, const struct session *s, struct timeline *t)
{
    struct builder b = {.f = f, .s = s, .t = t};
    arena_reset(&t->arena);
    struct arena arena = t->arena;
    *t = (struct timeline){.arena = arena, .s = *s};
    t->s.calls = NULL;
    t->s.threads = NULL;
    t->s.uses = NULL;
    t->id = t->s.id = keep(&b, s->id);
    t->requests = (int64_t)s->calls_n;
    t->calls = arena_alloc(&t->arena, s->calls_n * sizeof *t->calls);
    t->threads = arena_alloc(&t->arena, (s->threads_n + 1) * sizeof *t->threads);
    if (!t->calls || !t->threads)
        return ERR_NOMEM;
    t->calls_n = s->calls_n;
    t->threads_n = s->threads_n;
    add_head(&b);
    for (size_t i = 0; i < s->threads_n; i++)
        add_thread(&b, i);
    for (size_t i = 0; i < s->calls_n; i++)
        add_call(&b, i);
    return b.failed ? ERR_NOMEM : OK;
}

static int compare_matches(const void *pa, const void *pb)
{
    const struct timeline_match *a = pa, *b = pb;
    int order = str_cmp(a->id, b->id);
    if (order)
        return order;
    if (a->first_us != b->first_us)
        return a->first_us < b->first_us ? -1 : 1;
    return str_cmp(a->user, b->user);
}

static enum status add_match(struct timeline_finder *f, const struct timeline *t)
{
    struct timeline_match *m = &f->matches[f->matches_n++];
    *m = (struct timeline_match){.id = arena_str(&f->texts, t->id),
                                 .user = arena_str(&f->texts, t->user),
                                 .first_us = t->s.first_us,
                                 .requests = t->requests,
                                 .cost = t->s.cost};
    if (!m->id.p || !m->user.p)
        return ERR_NOMEM;
    qsort(f->matches, f->matches_n, sizeof *f->matches, compare_matches);
    if (f->matches_n > TIMELINE_MATCHES)
        f->matches_n = TIMELINE_MATCHES;
    f->total++;
    return OK;
}

/* A later piece of a session that was too long: only counted. */
static void go_on(struct timeline_finder *f, const struct session *s)
{
    struct timeline *t = f->open;
    t->unshown += (int64_t)s->calls_n;
    for (size_t i = 0; i < f->matches_n; i++) {
        struct timeline_match *m = &f->matches[i];
        if (m->first_us != t->s.first_us || !str_eq(m->id, t->id) || !str_eq(m->user, t->user))
            continue;
        m->requests += (int64_t)s->calls_n;
        m->cost += s->cost;
    }
}

enum status timeline_session(void *ctx, const struct session *s)
{
    struct timeline_finder *f = ctx;
    if (s->continued) {
        if (f->open)
            go_on(f, s);
        return OK;
    }
    f->open = NULL;
    if (s->calls_n == 0 || !str_has_prefix(s->id, f->o.id))
        return OK;
    bool exact = str_eq(s->id, f->o.id);
    struct timeline *t = exact ? &f->exact : &f->begins;
    TRY(build(f, s, t));
    f->exact_n += exact;
    f->open = t;
    return add_match(f, t);
}

struct timeline *timeline_found(struct timeline_finder *f)
{
    if (f->exact_n > 0)
        return f->exact_n == 1 ? &f->exact : NULL;
    return f->total == 1 ? &f->begins : NULL;
}

const struct timeline_match *timeline_matches(struct timeline_finder *f, size_t *n, size_t *total)
{
    *n = f->matches_n;
    *total = f->total;
    return f->matches;
}
