/*
 * Messages from anybody: what is taken for an event names objects that can be asked for, what is
 * not says why; and reading a message again gives the same.
 */
#include "source/sqs_event.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sqs_event *e)
{
    if (e->n > SQS_EVENT_OBJECTS_MAX)
        abort();
    for (size_t i = 0; i < e->n; i++) {
        const struct sqs_object *o = &e->objects[i];
        if (o->bucket.n == 0 || o->key.n == 0 || o->key.n > 1024 || o->size < -1)
            abort();
        if (memchr(o->key.p, 0, o->key.n) || memchr(o->bucket.p, 0, o->bucket.n))
            abort();
        if (o->event_us != TIME_NONE && (o->event_us < 0 || o->event_us >= TIME_END))
            abort();
        if (!o->etag.p || !o->version.p || !o->region.p)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sqs_event e;
    struct err err = {0};
    sqs_event_init(&e);
    struct str body = str_of((const char *)data, size);
    enum status first = sqs_event_read(&e, body, &err);
    size_t n = e.n, skipped = e.skipped;
    check(&e);
    if (first != OK && (e.n > 0 || err.status != first || err.text[0] == '\0'))
        abort();
    if (first != OK && first != ERR_PARSE && first != ERR_LIMIT)
        abort();
    if (sqs_event_read(&e, body, NULL) != first || e.n != n || e.skipped != skipped)
        abort();
    sqs_event_fini(&e);
    return 0;
}
