/*
 * Answers of AWS that are errors: the input is the head of the answer, and behind an empty line its
 * body. Whatever stands there, what is shown of it is printable, cut and in one line.
 */
#include "aws/call_internal.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void printable(const char *text, size_t room)
{
    assert(strlen(text) < room);
    for (; *text; text++)
        assert(*text >= ' ' && *text <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size), body = STR("");
    struct aws_answer a;
    struct aws_call call = {.service = "s3", .action = "s3:GetObject", .subject = STR("bucket")};
    struct err err = {0};
    int64_t time_us;
    ptrdiff_t at = str_find(text, STR("\n\n"));
    if (at >= 0) {
        body = str_skip(text, (size_t)at + 2);
        text.n = (size_t)at + 1;
    }
    aws_answer_init(&a);
    buf_init(&a.http.headers, 1 << 20);
    buf_init(&a.http.body, 1 << 20);
    buf_str(&a.http.headers, text);
    buf_str(&a.http.body, body);
    a.http.status = 400;
    /* What was sent may come back: then it is not shown. */
    call.unsigned_call = size % 2;
    call.body = STR("token=abcdefghijklmnopqrstuvwxyz&x=y");
    answer_read(&a, NULL, &call, STR("Authorization: ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    if (call.unsigned_call) {
        assert(!strstr(a.message, "abcdefghijklmnopqrstuvwxyz"));
        assert(!strstr(a.message, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));
    }
    printable(a.code, sizeof a.code);
    printable(a.message, sizeof a.message);
    printable(a.request_id, sizeof a.request_id);
    assert(a.region[0] == '\0' || endpoint_is_region(str_from(a.region)));
    assert(answer_refused(&a, &call, "eu-west-1", "me", &err) != OK);
    printable(err.text, sizeof err.text);
    if (answer_date(&a, &time_us))
        assert(time_us >= 0 && time_us < TIME_END);
    aws_answer_fini(&a);
    return 0;
}
