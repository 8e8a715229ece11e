/*
 * Named texts out of a small answer, in JSON or XML: keys, tokens, error codes. The answers in
 * question are small and flat, and nearly all hold secrets, so there is one way for all of them:
 * the caller lists the names, the values come decoded into one buffer that is wiped in the end.
 *
 *     struct field f[] = {{.name = "AccessKeyId"}, {.name = "Expiration"}};
 *     struct buf room;
 *     buf_init(&room, FIELDS_MAX);
 *     status = fields_of_json(body, "roleCredentials", f, 2, &room, &err);
 *     … f[0].value …
 *     fields_wipe(&room);
 */
#ifndef ASSAY_AWS_FIELDS_H
#define ASSAY_AWS_FIELDS_H

#include "base/buf.h"
#include "base/err.h"

/* The longest text that is read. */
#define FIELDS_MAX ((size_t)256 << 10)

struct field {
    const char *name;
    struct str
        value; /* in room; p is NULL when it is not there. Also a number or true as written */
};

/* The members of the object, or of the object that is its member `inside` (NULL: none); of one that
 * comes twice the last. ERR_PARSE when it is no JSON object; err never shows what it is. */
enum status fields_of_json(struct str json, const char *inside, struct field *f, size_t n,
                           struct buf *room, struct err *err) MUST_USE;
/* The texts of the elements of these names, at any depth; of several the first. */
enum status fields_of_xml(struct str xml, struct field *f, size_t n, struct buf *room,
                          struct err *err) MUST_USE;
/* Wipes and frees. */
void fields_wipe(struct buf *room);
/* A zero-terminated copy on the heap of a value, "" of none; NULL when memory is short. */
char *field_copy(const struct field *f);

#endif
