/*
 * XML by expat: see xml.h. Text is kept in one buffer as a stack: each open element knows where its
 * own begins, and what stood inside an element is cut off when that closes.
 */
#include "codec/xml.h"

#include "base/buf.h"

#include <expat.h>

#include <stdlib.h>

struct reader {
    const struct xml_visitor *v;
    XML_Parser parser;
    struct buf text;
    size_t begins[XML_DEPTH_MAX]; /* of each open element's text */
    size_t depth;
    enum status status; /* why it was stopped */
    struct err *err;
};

/* Expat may call one or two handlers more after this; each looks at the status first. */
static void stop(struct reader *r, enum status status)
{
    r->status = status;
    XML_StopParser(r->parser, XML_FALSE);
}

static void refuse(struct reader *r, enum status status, const char *what)
{
    err_set(r->err, status, "XML: %s", what);
    if (r->err)
        r->err->offset = XML_GetCurrentByteIndex(r->parser);
    stop(r, status);
}

static struct str local_name(const XML_Char *name)
{
    struct str whole = str_from(name), rest = whole;
    str_cut(&rest, ':');
    return rest.n > 0 ? rest : whole;
}

static void XMLCALL on_open(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
    (void)attributes;
    struct reader *r = ctx;
    if (r->status != OK)
        return;
    if (r->depth == XML_DEPTH_MAX) {
        refuse(r, ERR_LIMIT, "elements lie too deep inside one another");
        return;
    }
    r->begins[r->depth++] = r->text.n;
    enum status status = r->v->open ? r->v->open(r->v->ctx, local_name(name), r->err) : OK;
    if (status != OK)
        stop(r, status);
}

static void XMLCALL on_close(void *ctx, const XML_Char *name)
{
    struct reader *r = ctx;
    if (r->status != OK)
        return;
    size_t begin = r->begins[--r->depth];
    struct str text = STR("");
    if (r->text.n > begin)
        text = str_of(r->text.p + begin, r->text.n - begin);
    enum status status = r->v->close ? r->v->close(r->v->ctx, local_name(name), text, r->err) : OK;
    r->text.n = begin;
    if (status != OK)
        stop(r, status);
}

static void XMLCALL on_text(void *ctx, const XML_Char *bytes, int n)
{
    struct reader *r = ctx;
    if (r->status != OK || n <= 0)
        return;
    buf_append(&r->text, bytes, (size_t)n);
    if (r->text.status == ERR_NOMEM)
        stop(r, err_nomem(r->err));
    else if (r->text.status != OK)
        refuse(r, ERR_LIMIT, "a text is too long");
}

static void XMLCALL on_doctype(void *ctx, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int internal)
{
    (void)name;
    (void)system;
    (void)public;
    (void)internal;
    struct reader *r = ctx;
    if (r->status == OK)
        refuse(r, ERR_PARSE, "a DOCTYPE, which no service sends; it is refused");
}

static enum status parse(struct reader *r, struct str bytes)
{
    if (XML_Parse(r->parser, bytes.p ? bytes.p : "", (int)bytes.n, XML_TRUE) == XML_STATUS_OK)
        return r->status;
    if (r->status != OK)
        return r->status;
    enum XML_Error code = XML_GetErrorCode(r->parser);
    if (code == XML_ERROR_NO_MEMORY)
        return err_nomem(r->err);
    err_set(r->err, ERR_PARSE, "XML: %s in line %lu", XML_ErrorString(code),
            (unsigned long)XML_GetCurrentLineNumber(r->parser));
    if (r->err) {
        r->err->native = (int)code;
        r->err->offset = XML_GetCurrentByteIndex(r->parser);
    }
    return ERR_PARSE;
}

enum status xml_read(struct str bytes, const struct xml_visitor *v, struct err *err)
{
    static const XML_Memory_Handling_Suite memory = {malloc, realloc, free};
    if (bytes.n > XML_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "XML: %zu bytes are more than the %d that are read", bytes.n,
                       XML_BYTES_MAX);
    struct reader r = {.v = v, .err = err, .status = OK};
    r.parser = XML_ParserCreate_MM("UTF-8", &memory, NULL);
    if (!r.parser)
        return err_nomem(err);
    buf_init(&r.text, XML_TEXT_MAX);
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_open, on_close);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
    enum status status = parse(&r, bytes);
    buf_fini(&r.text);
    XML_ParserFree(r.parser);
    return status;
}
