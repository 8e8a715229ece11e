/* Which program made a call, by rules that are data: see harness.h. */
#include "model/harness.h"

#include "base/hash.h"
#include "codec/table.h"

#include <inttypes.h>
#include <stdlib.h>

/* Made of data/harnesses.csv. */
extern const char harnesses_csv[];
extern const size_t harnesses_csv_n;

enum match { MATCH_PREFIX, MATCH_CONTAINS, MATCH_EXACT, MATCHES };

struct rule {
    struct harness_hit says;
    uint8_t where, match;
};

struct place {
    const struct rule *rules;
    size_t n;
    bool starts[256]; /* first bytes of texts that can match at all */
};

struct harness_rules {
    struct arena arena;
    struct rule *rules; /* by where; within, as they were read */
    size_t n;
    struct place place[HARNESS_WHERES];
    uint64_t fingerprint;
};

static const struct {
    struct str name;
    enum harness_kinds kinds;
} wheres[HARNESS_WHERES] = {
#define WHERE(id, name, kinds) [id] = {{name, sizeof(name) - 1}, kinds},
    HARNESS_WHERE_MAP(WHERE)
#undef WHERE
};

static const struct {
    enum harness_kinds group;
    struct str text;
} marks[] = {
#define MARK(id, group, text) [id] = {group, {text, sizeof(text) - 1}},
    HARNESS_KIND_MAP(MARK)
#undef MARK
};
enum { MARKS = sizeof marks / sizeof marks[0] };

static const struct str matches[MATCHES] = {{"prefix", 6}, {"contains", 8}, {"exact", 5}};

enum { WHERE, MATCH, TEXT, HARNESS, KIND, PURPOSE, NOTE, COLUMNS };
static const char *const columns[COLUMNS] = {"where", "match",   "text", "harness",
                                             "kind",  "purpose", "note"};

struct loading {
    const char *file;
    int64_t line;
    struct err *err;
};

static void list_words(struct buf *out, struct str word)
{
    if (out->n)
        buf_append(out, ", ", 2);
    buf_str(out, word);
}

static enum status bad_cell(const struct loading *l, int column, struct buf *expected,
                            struct str cell)
{
    size_t shown = cell.n > 40 ? 40 : cell.n;
    enum status status =
        err_set(l->err, ERR_PARSE, "%.100s:%" PRId64 ": %s: one of %.*s, not \"%.*s\"", l->file,
                l->line, columns[column], (int)(expected->n > 160 ? 160 : expected->n),
                expected->p ? expected->p : "", (int)shown, cell.p ? cell.p : "");
    buf_fini(expected);
    return status;
}

static enum status parse_where(const struct loading *l, struct str cell, uint8_t *where)
{
    for (int i = 0; i < HARNESS_WHERES; i++)
        if (str_eq(cell, wheres[i].name)) {
            *where = (uint8_t)i;
            return OK;
        }
    struct buf words;
    buf_init(&words, 1024);
    for (int i = 0; i < HARNESS_WHERES; i++)
        list_words(&words, wheres[i].name);
    return bad_cell(l, WHERE, &words, cell);
}

static enum status parse_match(const struct loading *l, struct str cell, uint8_t *match)
{
    for (int i = 0; i < MATCHES; i++)
        if (str_eq(cell, matches[i])) {
            *match = (uint8_t)i;
            return OK;
        }
    struct buf words;
    buf_init(&words, 1024);
    for (int i = 0; i < MATCHES; i++)
        list_words(&words, matches[i]);
    return bad_cell(l, MATCH, &words, cell);
}

static enum status parse_kind(const struct loading *l, uint8_t where, struct str cell,
                              enum harness_mark *mark)
{
    struct buf words;
    *mark = MARK_NONE;
    if (cell.n == 0)
        return OK;
    buf_init(&words, 1024);
    for (int i = MARK_NONE + 1; i < MARKS; i++) {
        if (marks[i].group != wheres[where].kinds)
            continue;
        if (str_eq(cell, marks[i].text)) {
            *mark = (enum harness_mark)i;
            buf_fini(&words);
            return OK;
        }
        list_words(&words, marks[i].text);
    }
    list_words(&words, STR("nothing"));
    return bad_cell(l, KIND, &words, cell);
}

static enum status parse_rule(const struct loading *l, const struct table_row *row,
                              struct rule *out)
{
    struct str text = row->v[TEXT];
    *out = (struct rule){.says = {.text = text,
                                  .harness = row->v[HARNESS].p ? row->v[HARNESS] : STR(""),
                                  .purpose = row->v[PURPOSE].p ? row->v[PURPOSE] : STR("")}};
    TRY(parse_where(l, row->v[WHERE], &out->where));
    TRY(parse_match(l, row->v[MATCH], &out->match));
    TRY(parse_kind(l, out->where, row->v[KIND], &out->says.mark));
    if (text.n > HARNESS_LOOK)
        return err_set(l->err, ERR_PARSE, "%.100s:%" PRId64 ": text: at most %d bytes, not %zu",
                       l->file, l->line, HARNESS_LOOK, text.n);
    return OK;
}

/* Appends the rules of one file to r->rules. */
static enum status load(struct harness_rules *r, struct str text, const char *name, struct err *err)
{
    static const struct table_spec spec = {columns, COLUMNS, TEXT + 1};
    struct table_row *rows;
    size_t n;
    struct str kept = arena_str(&r->arena, text);
    if (!kept.p)
        return err_nomem(err);
    TRY(table_read(kept, name, &spec, &r->arena, &rows, &n, err));
    struct rule *grown = realloc(r->rules, (r->n + n + 1) * sizeof *grown);
    if (!grown)
        return err_nomem(err);
    r->rules = grown;
    for (size_t i = 0; i < n; i++) {
        const struct loading l = {name, rows[i].line, err};
        TRY(parse_rule(&l, &rows[i], &grown[r->n + i]));
    }
    r->n += n;
    r->fingerprint = hash64((struct hash_key){r->fingerprint, n}, text.p, text.n);
    return OK;
}

/* Puts the rules of each place together, in the order in which they were read. */
static enum status arrange(struct harness_rules *r, struct err *err)
{
    struct rule *sorted = malloc((r->n + 1) * sizeof *sorted);
    if (!sorted)
        return err_nomem(err);
    size_t used = 0;
    for (int where = 0; where < HARNESS_WHERES; where++) {
        struct place *p = &r->place[where];
        p->rules = sorted + used;
        for (size_t i = 0; i < r->n; i++) {
            if (r->rules[i].where != where)
                continue;
            const struct rule *rule = &r->rules[i];
            sorted[used++] = *rule;
            p->n++;
            for (int c = 0; c < 256; c++)
                p->starts[c] |=
                    rule->match == MATCH_CONTAINS || (unsigned char)rule->says.text.p[0] == c;
        }
    }
    free(r->rules);
    r->rules = sorted;
    return OK;
}

enum status harness_rules_new(struct str text, const char *name, struct harness_rules **out,
                              struct err *err)
{
    struct harness_rules *r = calloc(1, sizeof *r);
    if (!r)
        return err_nomem(err);
    arena_init(&r->arena);
    enum status status = text.n ? load(r, text, name, err) : OK;
    if (status == OK)
        status = load(r, str_of(harnesses_csv, harnesses_csv_n), "built-in harnesses", err);
    if (status == OK)
        status = arrange(r, err);
    if (status != OK) {
        harness_rules_free(r);
        return status;
    }
    *out = r;
    return OK;
}

void harness_rules_free(struct harness_rules *r)
{
    if (!r)
        return;
    arena_fini(&r->arena);
    free(r->rules);
    free(r);
}

uint64_t harness_rules_fingerprint(const struct harness_rules *r)
{
    return r->fingerprint;
}

/* What is looked at: from the first byte that is no white space. */
static struct str looked_at(struct str text)
{
    size_t i = 0;
    while (i < text.n && (text.p[i] == ' ' || (text.p[i] >= '\t' && text.p[i] <= '\r')))
        i++;
    struct str s = str_skip(text, i);
    if (s.n > HARNESS_LOOK)
        s.n = HARNESS_LOOK;
    return s;
}

static bool rule_matches(const struct rule *rule, struct str s, bool whole)
{
    struct str t = rule->says.text;
    if (rule->match != MATCH_CONTAINS && t.p[0] != s.p[0])
        return false;
    switch ((enum match)rule->match) {
    case MATCH_PREFIX:
        return str_has_prefix(s, t);
    case MATCH_CONTAINS:
        return str_find(s, t) >= 0;
    default:
        return whole && str_eq(s, t);
    }
}

static bool can_match(const struct place *p, struct str s)
{
    return s.n > 0 && p->n > 0 && p->starts[(unsigned char)s.p[0]];
}

bool harness_find(const struct harness_rules *r, enum harness_where where, struct str text,
                  struct harness_hit *hit)
{
    const struct place *p = &r->place[where];
    struct str s = looked_at(text);
    const struct rule *best = NULL;
    if (!can_match(p, s))
        return false;
    for (size_t i = 0; i < p->n; i++) {
        const struct rule *rule = &p->rules[i];
        if ((!best || rule->says.text.n > best->says.text.n) &&
            rule_matches(rule, s, text.n <= HARNESS_LOOK))
            best = rule;
    }
    if (best)
        *hit = best->says;
    return best;
}

static void take_tool(struct str harness, struct harness_verdict *v)
{
    int i = 0;
    while (i < HARNESS_CANDIDATES && v->by_tools[i].names > 0 &&
           !str_eq(v->by_tools[i].harness, harness))
        i++;
    if (i == HARNESS_CANDIDATES)
        return;
    v->by_tools[i].harness = harness;
    v->by_tools[i].names++;
}

void harness_look(const struct harness_rules *r, enum harness_where where, struct str text,
                  struct harness_verdict *v)
{
    const struct place *p = &r->place[where];
    struct str s = looked_at(text);
    if (!can_match(p, s))
        return;
    for (size_t i = 0; i < p->n; i++) {
        const struct rule *rule = &p->rules[i];
        const struct harness_hit *says = &rule->says;
        bool names = says->harness.n && (where == HARNESS_TOOL || says->text.n > v->harness_length);
        bool tells = says->mark != MARK_NONE && says->text.n > v->kind_length;
        if ((!names && !tells) || !rule_matches(rule, s, text.n <= HARNESS_LOOK))
            continue;
        if (where == HARNESS_TOOL) {
            take_tool(says->harness, v);
            continue;
        }
        if (names) {
            v->harness = says->harness;
            v->harness_length = says->text.n;
        }
        if (tells) {
            v->kind = (enum call_kind)says->mark;
            v->kind_length = says->text.n;
            v->purpose = says->purpose;
        }
    }
}

bool harness_may_match(const struct harness_rules *r, enum harness_where where, char first)
{
    return r->place[where].starts[(unsigned char)first];
}

struct str harness_separator(const struct harness_rules *r, struct str harness)
{
    const struct place *p = &r->place[HARNESS_EXTENSION];
    for (size_t i = 0; harness.n && i < p->n; i++)
        if (str_eq(p->rules[i].says.harness, harness))
            return p->rules[i].says.text;
    return STR("");
}

struct str harness_of(const struct harness_verdict *v)
{
    if (v->harness.n)
        return v->harness;
    enum { NAMES_NEEDED = 3 };
    struct str best = STR("");
    int names = NAMES_NEEDED - 1;
    for (int i = 0; i < HARNESS_CANDIDATES && v->by_tools[i].names > 0; i++) {
        struct str harness = v->by_tools[i].harness;
        if (v->by_tools[i].names > names ||
            (v->by_tools[i].names == names && best.n && str_cmp(harness, best) < 0)) {
            best = harness;
            names = v->by_tools[i].names;
        }
    }
    return best;
}

_Static_assert((int)MARK_MAIN == (int)CALL_MAIN && (int)MARK_PROBE == (int)CALL_PROBE,
               "kinds of calls have the numbers of enum call_kind");
