/* What a request offers, as text: see offer.h. */
#include "model/offer.h"

#include <stdlib.h>

static const char marks[] = {[OFFER_SERVER] = 'm', [OFFER_SKILL] = 's', [OFFER_AGENT] = 'a'};

static int compare(const void *a, const void *b)
{
    const struct offer_item *x = a, *y = b;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return str_cmp(x->name, y->name);
}

static void write_item(const struct offer_item *item, struct buf *out)
{
    buf_printf(out, "%c\t%.*s", marks[item->kind], STR_ARG(item->name));
    if (item->kind == OFFER_SERVER)
        buf_printf(out, "\t%u\t%u\t%u\t%u\t%u", item->tools, item->deferred, item->schema_bytes,
                   item->name_bytes, item->note_bytes);
    buf_char(out, '\n');
}

void offer_write(struct offer_item *items, size_t n, struct buf *out)
{
    if (n == 0)
        return;
    qsort(items, n, sizeof *items, compare);
    struct offer_item sum = items[0];
    for (size_t i = 1; i < n; i++) {
        if (compare(&sum, &items[i]) != 0) {
            write_item(&sum, out);
            sum = items[i];
            continue;
        }
        sum.tools += items[i].tools;
        sum.deferred += items[i].deferred;
        sum.schema_bytes += items[i].schema_bytes;
        sum.name_bytes += items[i].name_bytes;
        sum.note_bytes += items[i].note_bytes;
    }
    write_item(&sum, out);
}

static bool take_number(struct str *line, uint32_t *n)
{
    int64_t value;
    struct str digits = str_cut(line, '\t');
    if (!str_to_i64(digits, &value) || value < 0 || value > UINT32_MAX)
        return false;
    *n = (uint32_t)value;
    return true;
}

bool offer_next(struct str *text, struct offer_item *item)
{
    if (text->n == 0)
        return false;
    struct str line = str_cut(text, '\n');
    struct str mark = str_cut(&line, '\t');
    *item = (struct offer_item){0};
    if (mark.n != 1 || !line.p)
        return false;
    item->name = str_cut(&line, '\t');
    switch (mark.p[0]) {
    case 'm':
        item->kind = OFFER_SERVER;
        return take_number(&line, &item->tools) && take_number(&line, &item->deferred) &&
               take_number(&line, &item->schema_bytes) && take_number(&line, &item->name_bytes) &&
               take_number(&line, &item->note_bytes);
    case 's':
        item->kind = OFFER_SKILL;
        return true;
    case 'a':
        item->kind = OFFER_AGENT;
        return true;
    default:
        return false;
    }
}
