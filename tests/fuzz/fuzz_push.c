/*
 * Bodies that are pushed: the first byte says how (Firehose or plain, with or without gzip). What
 * is taken of a Firehose request must be JSON values, one record each, and no more of them than the
 * limit lets in; what is refused must say why.
 */
#include "codec/json.h"
#include "source/push_internal.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT = 1 << 16 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Each line that begins like a record made of base64 is one object by itself. */
static void check_lines(struct str lines)
{
    struct json *j;
    struct buf line;
    if (json_new(&j, NULL) != OK)
        return;
    buf_init(&line, lines.n + JSON_PADDING + 1);
    while (lines.n > 0) {
        struct json_text text;
        struct str one = str_cut(&lines, '\n');
        if (!str_has_prefix(one, STR("{\"records\":[{\"data\":\"")))
            continue;
        buf_reset(&line);
        buf_str(&line, one);
        check(buf_reserve(&line, JSON_PADDING));
        check(json_index(j, line.p, line.n, &text, NULL) == OK && json_check(&text, NULL) == OK);
    }
    buf_fini(&line);
    json_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf body;
    struct err err = {0};
    if (size == 0)
        return 0;
    enum push_coding coding = data[0] & 1 ? PUSH_GZIP : PUSH_IDENTITY;
    bool firehose = data[0] & 2;
    buf_init(&body, size);
    buf_append(&body, data + 1, size - 1);
    enum status status = firehose ? push_firehose(&body, coding, STR("id"), LIMIT, &err)
                                  : push_plain(&body, coding, &err);
    check(status == OK || status == ERR_PARSE || status == ERR_LIMIT || status == ERR_NOMEM);
    check(status == OK || err.text[0]);
    if (status == OK && firehose) {
        check(coding == PUSH_IDENTITY || body.n <= 3 * (size_t)LIMIT);
        check_lines(buf_view(&body));
    }
    push_coding_of(str_of((const char *)data, size));
    buf_fini(&body);
    return 0;
}
