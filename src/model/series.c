/* Labels and series: see series.h. A tuple is interned as the text of its bytes, so that the table
 * of base/symbols.h serves both. */
#include "model/series.h"

#include <stdlib.h>

struct series {
    struct symbols *symbols; /* of the labels; borrowed */
    struct symbols *tuples;  /* the empty text is its id 0, so series n is text n + 1 */
};

const char *label_name(enum label label)
{
    static const char *const names[] = {
#define LABEL_NAME(id, name) [id] = name,
        LABEL_MAP(LABEL_NAME)
#undef LABEL_NAME
    };
    return names[label];
}

const struct labels *series_labels(const struct series *s, uint32_t id)
{
    /* Symbols lie aligned for any type (base/arena.h). */
    return (const void *)symbols_text(s->tuples, id + 1).p;
}

struct str series_text(const struct series *s, uint32_t id, enum label label)
{
    return symbols_text(s->symbols, series_labels(s, id)->v[label]);
}

uint32_t series_count(const struct series *s)
{
    return symbols_count(s->tuples) - 1;
}

struct symbols *series_symbols(const struct series *s)
{
    return s->symbols;
}

enum status series_intern(struct series *s, const struct labels *labels, uint32_t *id)
{
    uint32_t text;
    TRY(symbols_intern(s->tuples, str_of((const char *)labels, sizeof *labels), &text));
    *id = text - 1;
    return OK;
}

enum status series_new(struct symbols *symbols, struct series **out, struct err *err)
{
    struct series *s = calloc(1, sizeof *s);
    if (!s)
        return err_nomem(err);
    s->symbols = symbols;
    enum status status = symbols_new(&s->tuples, err);
    if (status != OK) {
        series_free(s);
        return status;
    }
    *out = s;
    return OK;
}

void series_free(struct series *s)
{
    if (!s)
        return;
    symbols_free(s->tuples);
    free(s);
}
