/*
 * YAML rows: see yaml.h. libcyaml wants a schema; it is built from the columns: a sequence of
 * mappings in which each column is an optional string. What went wrong, and in which line, libcyaml
 * says in its log only, so the log callback picks the facts out of the messages.
 *
 * Aliases are refused: a short text could otherwise grow without bound.
 */
#include "codec/yaml.h"

#include <cyaml/cyaml.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct entry {
    char *v[TABLE_COLUMNS];
};

struct schema {
    struct cyaml_schema_field fields[TABLE_COLUMNS + 1];
    struct cyaml_schema_value mapping, sequence;
};

struct log {
    struct yaml_fault *fault;
    bool second_document, no_memory;
};

/* The rest of a message behind a prefix, without the line end; false when it begins otherwise. */
static bool message_after(struct str message, struct str prefix, struct str *rest)
{
    if (!str_has_prefix(message, prefix))
        return false;
    *rest = str_trim(str_skip(message, prefix.n));
    return true;
}

/* Messages of libcyaml 1.3 and 1.4 (src/load.c). One that is worded otherwise in another version
 * costs precision, not correctness: the status alone decides. */
PRINTF_LIKE(3, 0)
static void on_log(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
    (void)level;
    struct log *log = ctx;
    struct yaml_fault *fault = log->fault;
    char text[256];
    int n = vsnprintf(text, sizeof text, fmt, args);
    if (n < 0)
        return;
    struct str message = str_from(text), rest;
    if (message_after(message, STR("Load: Unexpected key: "), &rest))
        snprintf(fault->unknown, sizeof fault->unknown, "%.*s", STR_ARG(rest));
    else if (message_after(message, STR("Load: Mapping field already seen: "), &rest))
        snprintf(fault->text, sizeof fault->text, "'%.*s' stands twice in one entry",
                 STR_ARG(rest));
    else if (message_after(message, STR("Load: libyaml: "), &rest) && str_eq(rest, STR("(null)")))
        log->no_memory = true; /* the one failure that libyaml has no text for */
    else if (message_after(message, STR("Load: libyaml: "), &rest))
        snprintf(fault->text, sizeof fault->text, "%.*s", STR_ARG(rest));
    else if (str_has_prefix(message, STR("Ignoring documents")))
        log->second_document = true;
    /* The trace begins with the innermost place. */
    ptrdiff_t at = str_find(message, STR("(line: "));
    if (at >= 0 && fault->line == 0 && str_has_prefix(message, STR("  in ")))
        fault->line = strtoll(text + at + strlen("(line: "), NULL, 10);
}

/* The array of entries, which libcyaml makes longer by one at a time. */
struct memory {
    void *large;
    size_t cap;
};

/* Doubles what grows: without that an allocator that copies makes a long list quadratic. */
static void *allocate(void *ctx, void *p, size_t size)
{
    enum { LARGE = 4096 };
    struct memory *m = ctx;
    bool known = p && p == m->large;
    if (size == 0) {
        if (known)
            *m = (struct memory){0};
        free(p);
        return NULL;
    }
    if (known && size <= m->cap)
        return p;
    if (!p || size < LARGE || size > SIZE_MAX / 2)
        return realloc(p, size);
    void *grown = realloc(p, size * 2);
    if (grown)
        *m = (struct memory){grown, size * 2};
    return grown;
}

static void build_schema(const struct table_spec *spec, size_t max, struct schema *s)
{
    *s = (struct schema){0};
    for (int i = 0; i < spec->columns_n; i++)
        s->fields[i] = (struct cyaml_schema_field){
            .key = spec->columns[i],
            .data_offset = (uint32_t)(offsetof(struct entry, v) + (size_t)i * sizeof(char *)),
            .value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER_NULL_STR | CYAML_FLAG_OPTIONAL, char *,
                                         0, CYAML_UNLIMITED)},
        };
    s->mapping = (struct cyaml_schema_value){
        CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct entry, s->fields)};
    s->sequence = (struct cyaml_schema_value){
        CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER, struct entry, &s->mapping, 0, (uint32_t)max)};
}

/* libcyaml places an unknown key at the field before it; looks from there for the key itself. */
static int64_t line_of_key(struct str text, const char *key, int64_t line)
{
    for (int64_t i = 1; i < line && text.p; i++)
        str_cut(&text, '\n');
    for (int64_t i = line; text.p; i++) {
        struct str rest = str_cut(&text, '\n');
        for (ptrdiff_t at; (at = str_find(rest, str_from(key))) >= 0;) {
            rest = str_skip(rest, (size_t)at + strlen(key));
            struct str behind = rest;
            while (behind.n && (behind.p[0] == '"' || behind.p[0] == '\'' || behind.p[0] == ' '))
                behind = str_skip(behind, 1);
            if (behind.n && behind.p[0] == ':')
                return i;
        }
    }
    return line;
}

static enum status status_of(cyaml_err_t code)
{
    switch (code) {
    case CYAML_OK:
        return OK;
    case CYAML_ERR_OOM:
    case CYAML_ERR_LIBYAML_PARSER_INIT: /* that only takes memory */
        return ERR_NOMEM;
    case CYAML_ERR_SEQUENCE_ENTRIES_MAX:
        return ERR_LIMIT;
    default:
        return ERR_PARSE;
    }
}

static void describe(cyaml_err_t code, struct str text, struct yaml_fault *fault)
{
    if (fault->unknown[0]) {
        fault->line = line_of_key(text, fault->unknown, fault->line);
        return;
    }
    if (fault->text[0])
        return;
    const char *what = "wanted a list of entries, each of them `column: text`";
    if (code == CYAML_ERR_ALIAS)
        what = "aliases (*name) are not allowed here";
    else if (code == CYAML_ERR_SEQUENCE_ENTRIES_MAX)
        what = "too many entries";
    snprintf(fault->text, sizeof fault->text, "%s", what);
}

static enum status copy_rows(const struct entry *entries, size_t n, int columns,
                             struct arena *arena, struct table_row **rows)
{
    struct table_row *copy = arena_alloc(arena, n * sizeof *copy);
    if (!copy)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        copy[i] = (struct table_row){0};
        for (int k = 0; k < columns; k++) {
            const char *value = entries[i].v[k];
            copy[i].v[k] = value ? arena_str(arena, str_from(value)) : STR("");
            if (!copy[i].v[k].p)
                return ERR_NOMEM;
        }
    }
    *rows = copy;
    return OK;
}

enum status yaml_read(struct str text, const struct table_spec *spec, struct arena *arena,
                      size_t max, struct table_row **rows, size_t *rows_n, struct yaml_fault *fault)
{
    assert(spec->columns_n <= TABLE_COLUMNS);
    *fault = (struct yaml_fault){0};
    struct schema schema;
    build_schema(spec, max, &schema);
    struct log log = {.fault = fault};
    struct memory memory = {0};
    const cyaml_config_t config = {
        .log_fn = on_log,
        .log_ctx = &log,
        .mem_fn = allocate,
        .mem_ctx = &memory,
        .log_level = CYAML_LOG_WARNING,
        .flags = CYAML_CFG_NO_ALIAS,
    };
    cyaml_data_t *data = NULL;
    unsigned n = 0;
    cyaml_err_t code =
        cyaml_load_data((const uint8_t *)text.p, text.n, &config, &schema.sequence, &data, &n);
    enum status status = log.no_memory ? ERR_NOMEM : status_of(code);
    if (status != OK) {
        describe(code, text, fault);
        return status;
    }
    if (log.second_document) {
        snprintf(fault->text, sizeof fault->text, "a second document begins (---); one is allowed");
        status = ERR_PARSE;
    } else {
        status = copy_rows(data, n, spec->columns_n, arena, rows);
    }
    if (status == OK)
        *rows_n = n;
    cyaml_free(&config, &schema.sequence, data, n);
    return status;
}
