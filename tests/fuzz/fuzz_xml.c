/*
 * XML from anybody: elements open and close in pairs, never more than 32 deep, their texts hold no
 * NUL, and whatever is refused says why.
 */
#include "codec/xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
    size_t depth, opened, closed;
};

static enum status on_open(void *ctx, struct str name, struct err *err)
{
    struct walk *w = ctx;
    (void)err;
    w->opened++;
    if (++w->depth > XML_DEPTH_MAX || name.n == 0)
        abort();
    return OK;
}

static enum status on_close(void *ctx, struct str name, struct str text, struct err *err)
{
    struct walk *w = ctx;
    w->closed++;
    if (w->depth-- == 0 || name.n == 0 || str_find_char(text, '\0') >= 0)
        abort();
    if (str_eq(text, STR("stop")))
        return err_set(err, ERR_FULL, "the visitor has enough");
    return OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct walk w = {0};
    const struct xml_visitor v = {&w, on_open, on_close};
    struct err err = {0};
    enum status status = xml_read(str_of((const char *)data, size), &v, &err);
    if (status == OK && (w.depth != 0 || w.opened != w.closed || w.opened == 0))
        abort();
    if (status != OK && (err.status != status || err.text[0] == '\0'))
        abort();
    if (status != OK && status != ERR_PARSE && status != ERR_LIMIT && status != ERR_FULL)
        abort();
    return 0;
}
