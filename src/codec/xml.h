/*
 * Reading XML as AWS services answer it (S3 listings, STS, errors), over expat: elements come to a
 * visitor one after another, nothing is built. Attributes, comments and processing instructions are
 * passed over; namespaces are not looked at beyond cutting off the prefix.
 *
 *     static enum status on_close(void *ctx, struct str name, struct str text, struct err *err)
 *     {
 *         struct listing *l = ctx;
 *         return str_eq(name, STR("Key")) ? add_key(l, text, err) : OK;
 *     }
 *     const struct xml_visitor v = {.ctx = &listing, .close = on_close};
 *     TRY(xml_read(bytes, &v, err));
 *
 * What could blow up or reach out is refused as a whole: any DOCTYPE, and with it all entities but
 * the five of XML itself and character references. XML 1.0 has no way to write most control
 * characters; listings are therefore asked for with encoding-type=url.
 */
#ifndef ASSAY_CODEC_XML_H
#define ASSAY_CODEC_XML_H

#include "base/err.h"
#include "base/str.h"

enum {
    XML_DEPTH_MAX = 32,        /* elements inside one another */
    XML_TEXT_MAX = 4 << 20,    /* bytes of text that are held at one time */
    XML_BYTES_MAX = 256 << 20, /* bytes of a document */
};

/* Either function may be NULL. Names and texts are UTF-8 and good for the call only. Another status
 * than OK ends the reading, and xml_read returns it. */
struct xml_visitor {
    void *ctx;
    /* Local name, without the prefix of a namespace. */
    enum status (*open)(void *ctx, struct str name, struct err *err);
    /* The text directly inside this element, not that of elements inside it, entities resolved,
     * white space as it stands. */
    enum status (*close)(void *ctx, struct str name, struct str text, struct err *err);
};

/*
 * One whole document. The encoding is UTF-8, whatever the document says of itself, or UTF-16 when
 * it begins with a byte order mark (expat looks at that first). ERR_PARSE with err->offset: not
 * well-formed, or a DOCTYPE; ERR_LIMIT: one of the maxima above; ERR_NOMEM; or what the visitor
 * returned. Elements before the fault were reported by then. Messages never hold text of the
 * document.
 */
enum status xml_read(struct str bytes, const struct xml_visitor *v, struct err *err) MUST_USE;

#endif
