/*
 * YAML as a tree: see yaml_tree.h. libyaml gives events; they are put together with a stack of
 * fixed height, so neither it nor this can be led deep or made to grow by a short text.
 */
#include "codec/yaml_tree.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

/* A mapping or a list that is open. */
struct level {
    struct yaml_node *node, *last;
    struct str key; /* of a mapping, read and still without its value; p NULL otherwise */
    int64_t key_line;
};

struct tree {
    yaml_parser_t parser;
    struct str text;
    const char *name;
    struct arena *arena;
    struct yaml_node *root;
    struct level levels[YAML_DEPTH];
    int depth, nodes;
    struct err *err;
};

PRINTF_LIKE(3, 4)
static enum status refuse(struct tree *t, int64_t line, const char *fmt, ...)
{
    char what[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return err_set(t->err, ERR_PARSE, "%.180s:%" PRId64 ": %s", t->name, line, what);
}

/* The line of a byte. */
static int64_t line_at(struct str text, size_t offset)
{
    int64_t line = 1;
    for (size_t i = 0; i < offset && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

/* Whether a line begins with blanks of which one is a tab. */
static bool is_tabbed(struct str text, int64_t line)
{
    for (int64_t i = 1; i < line && text.p; i++)
        str_cut(&text, '\n');
    for (size_t i = 0; i < text.n && (text.p[i] == ' ' || text.p[i] == '\t'); i++)
        if (text.p[i] == '\t')
            return true;
    return false;
}

/* Why libyaml stopped. Its texts are fixed ones: they never hold a part of the input. */
static enum status parser_failed(struct tree *t)
{
    const yaml_parser_t *p = &t->parser;
    const char *problem = p->problem ? p->problem : "this is not YAML";
    if (p->error == YAML_MEMORY_ERROR || (p->error != YAML_READER_ERROR && !p->problem))
        return err_nomem(t->err);
    if (p->error == YAML_READER_ERROR) {
        bool control = strstr(problem, "control characters") != NULL;
        return refuse(t, line_at(t->text, p->problem_offset), "%s",
                      control ? "a control character or a zero byte; this is not a text file"
                              : "this is not UTF-8");
    }
    int64_t line = (int64_t)p->problem_mark.line + 1;
    if (is_tabbed(t->text, line))
        return refuse(t, line, "a tab before the first word; YAML is indented with blanks only");
    if (p->context)
        return refuse(t, line, "not YAML: %s (%s that begins in line %" PRId64 ")", problem,
                      p->context, (int64_t)p->context_mark.line + 1);
    return refuse(t, line, "not YAML: %s", problem);
}

static bool is_null(struct str text)
{
    return text.n == 0 || str_eq(text, STR("~")) || str_eq(text, STR("null")) ||
           str_eq(text, STR("Null")) || str_eq(text, STR("NULL"));
}

/* A node below the innermost open one, or the root. */
static enum status add(struct tree *t, enum yaml_kind kind, int64_t line, struct yaml_node **out)
{
    if (++t->nodes > YAML_NODES)
        return refuse(t, line, "more than %d entries", YAML_NODES);
    struct yaml_node *node = arena_alloc(t->arena, sizeof *node);
    if (!node)
        return err_nomem(t->err);
    *node = (struct yaml_node){.kind = kind, .line = line, .key = STR_NONE};
    if (t->depth == 0) {
        t->root = node;
    } else {
        struct level *top = &t->levels[t->depth - 1];
        if (top->node->kind == YAML_MAPPING) {
            node->key = top->key;
            node->line = top->key_line;
            top->key = STR_NONE;
        }
        if (top->last)
            top->last->next = node;
        else
            top->node->first = node;
        top->last = node;
        top->node->n++;
    }
    *out = node;
    return OK;
}

static bool wants_key(const struct tree *t)
{
    return t->depth > 0 && t->levels[t->depth - 1].node->kind == YAML_MAPPING &&
           !t->levels[t->depth - 1].key.p;
}

static enum status on_scalar(struct tree *t, const yaml_event_t *event, int64_t line)
{
    struct str found = str_of((const char *)event->data.scalar.value, event->data.scalar.length);
    if (found.n && memchr(found.p, '\0', found.n))
        return refuse(t, line, "a text with a zero byte");
    struct str text = arena_str(t->arena, found);
    if (!text.p)
        return err_nomem(t->err);
    if (wants_key(t)) {
        t->levels[t->depth - 1].key = text;
        t->levels[t->depth - 1].key_line = line;
        return OK;
    }
    struct yaml_node *node = NULL;
    TRY(add(t, YAML_TEXT, line, &node));
    node->null = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null(text);
    node->text = node->null ? STR("") : text;
    return OK;
}

static enum status on_start(struct tree *t, enum yaml_kind kind, int64_t line)
{
    if (wants_key(t))
        return refuse(t, line, "a key must be a word, not a list or a mapping");
    if (t->depth == YAML_DEPTH)
        return refuse(t, line, "lists and mappings inside each other, more than %d deep",
                      YAML_DEPTH);
    struct yaml_node *node = NULL;
    TRY(add(t, kind, line, &node));
    t->levels[t->depth++] = (struct level){.node = node, .key = STR_NONE};
    return OK;
}

static enum status refuse_names(struct tree *t, const yaml_char_t *anchor, const yaml_char_t *tag,
                                int64_t line)
{
    if (anchor)
        return refuse(t, line, "anchors (&name) are not allowed here");
    return tag ? refuse(t, line, "tags (!name) are not allowed here") : OK;
}

static enum status on_event(struct tree *t, const yaml_event_t *event, bool *more)
{
    int64_t line = (int64_t)event->start_mark.line + 1;
    switch (event->type) {
    case YAML_STREAM_END_EVENT:
        *more = false;
        return OK;
    case YAML_DOCUMENT_START_EVENT:
        return t->root ? refuse(t, line, "a second document begins (---); one is allowed") : OK;
    case YAML_ALIAS_EVENT:
        return refuse(t, line, "aliases (*name) are not allowed here");
    case YAML_SCALAR_EVENT:
        TRY(refuse_names(t, event->data.scalar.anchor, event->data.scalar.tag, line));
        return on_scalar(t, event, line);
    case YAML_SEQUENCE_START_EVENT:
        TRY(refuse_names(t, event->data.sequence_start.anchor, event->data.sequence_start.tag,
                         line));
        return on_start(t, YAML_LIST, line);
    case YAML_MAPPING_START_EVENT:
        TRY(refuse_names(t, event->data.mapping_start.anchor, event->data.mapping_start.tag, line));
        return on_start(t, YAML_MAPPING, line);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(t->depth > 0);
        t->depth--;
        return OK;
    default:
        return OK;
    }
}

static enum status read_events(struct tree *t)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&t->parser, &event))
            return parser_failed(t);
        enum status status = on_event(t, &event, &more);
        yaml_event_delete(&event);
        TRY(status);
    }
    if (!t->root) {
        TRY(add(t, YAML_TEXT, 1, &t->root));
        t->root->text = STR("");
        t->root->null = true;
    }
    return OK;
}

enum status yaml_tree_read(struct str text, const char *name, struct arena *arena,
                           struct yaml_node **root, struct err *err)
{
    struct tree t = {.text = text, .name = name, .arena = arena, .err = err};
    if (!yaml_parser_initialize(&t.parser))
        return err_nomem(err); /* it only takes memory */
    yaml_parser_set_encoding(&t.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&t.parser, (const unsigned char *)(text.p ? text.p : ""), text.n);
    enum status status = read_events(&t);
    yaml_parser_delete(&t.parser);
    if (status == OK)
        *root = t.root;
    return status;
}
