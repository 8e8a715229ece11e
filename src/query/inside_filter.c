/* Which sessions, threads and uses of tools a question wants: filters that no label tells. */
#include "query/inside_internal.h"

struct atom walk_atom_of_use(const struct session_use *u)
{
    return (struct atom){.kind = u->kind, .server = u->server, .name = u->name, .error = u->error};
}

struct atom walk_atom_of_command(const struct walk *w, uint32_t name)
{
    return (struct atom){.kind = TOOL_COMMAND, .name = name, .is_skill = walk_is_skill(w, name)};
}

/* Commands of a request that is sent again, or that asks for a summary, were counted before. */
uint32_t walk_commands(const struct walk *w, size_t call)
{
    const struct exchange *x = exchange_of(w, call);
    const struct session_call *c = &w->s->calls[call];
    bool counts = c->kind == CALL_MAIN && !(c->flags & SC_RETRY);
    return counts ? x->commands_n : 0;
}

static bool names(const struct walk *w, const struct filter *f, const struct atom *a)
{
    return filter_names(f, inside_part_text(w->in, f->dim, atom_part(a, f->dim)));
}

bool walk_atom_passes(const struct walk *w, const struct atom *a)
{
    const struct question *q = w->in->question;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        if (dimension_of_use(f->dim) && names(w, f, a) != (f->op == FILTER_IS))
            return false;
    }
    return true;
}

struct verdict {
    bool wanted; /* a use passes all filters that want something */
    bool barred; /* a use is what some filter does not want */
};

static void judge(const struct walk *w, const struct atom *a, struct verdict *v)
{
    const struct question *q = w->in->question;
    bool all = true;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        if (!dimension_of_use(f->dim))
            continue;
        bool named = names(w, f, a);
        all = all && (f->op == FILTER_IS_NOT || named);
        v->barred = v->barred || (f->op == FILTER_IS_NOT && named);
    }
    v->wanted = v->wanted || all;
}

/* By call: a session passes for what its uses are. */
static bool uses_pass(const struct walk *w)
{
    const struct question *q = w->in->question;
    struct verdict v = {.wanted = true};
    for (int i = 0; i < q->filters_n; i++)
        if (dimension_of_use(q->filters[i].dim) && q->filters[i].op == FILTER_IS)
            v.wanted = false;
    for (size_t i = 0; i < w->s->uses_n; i++) {
        struct atom a = walk_atom_of_use(&w->s->uses[i]);
        judge(w, &a, &v);
    }
    for (size_t i = 0; i < w->s->calls_n; i++)
        for (uint32_t k = 0; k < walk_commands(w, i); k++) {
            struct atom a = walk_atom_of_command(w, exchange_of(w, i)->commands[k]);
            judge(w, &a, &v);
        }
    return v.wanted && !v.barred;
}

bool walk_session_passes(const struct walk *w)
{
    const struct question *q = w->in->question;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        struct str text;
        if (f->dim == DIM_SESSION)
            text = w->s->id;
        else if (f->dim == DIM_REPOSITORY)
            text = inside_part_text(w->in, f->dim, w->repository);
        else if (f->dim == DIM_SIGNALS)
            text = inside_part_text(w->in, f->dim, w->signals);
        else
            continue;
        if (filter_names(f, text) != (f->op == FILTER_IS))
            return false;
    }
    return w->in->by_use || !w->in->filters_uses || uses_pass(w);
}

/* ---- Threads. */

static void thread_name(const struct walk *w, int32_t thread, struct buf *out)
{
    const struct session_thread *t = &w->s->threads[thread];
    struct str kind = call_kind_text((enum call_kind)t->kind);
    struct str name = symbols_text(w->in->symbols, t->name);
    buf_str(out, kind.n ? kind : STR("unknown"));
    if (name.n) {
        buf_char(out, ' ');
        buf_str(out, name);
    }
}

enum status walk_thread_part(const struct walk *w, size_t call, bool numbered, uint32_t *part)
{
    struct buf text;
    int32_t thread = w->s->calls[call].thread;
    buf_init(&text, 1 << 12);
    if (numbered)
        buf_printf(&text, "%d ", (int)thread);
    thread_name(w, thread, &text);
    enum status status = buf_status(&text);
    if (status == OK)
        status = symbols_intern(w->in->texts, buf_view(&text), part);
    buf_fini(&text);
    return status;
}

enum status walk_thread_passes(const struct walk *w, size_t call, bool *pass)
{
    const struct question *q = w->in->question;
    *pass = true;
    for (int i = 0; i < q->filters_n; i++) {
        const struct filter *f = &q->filters[i];
        uint32_t part;
        if (f->dim != DIM_THREAD)
            continue;
        TRY(walk_thread_part(w, call, false, &part));
        if (filter_names(f, symbols_text(w->in->texts, part)) != (f->op == FILTER_IS))
            *pass = false;
    }
    return OK;
}
