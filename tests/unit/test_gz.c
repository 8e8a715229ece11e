/* codec/gz: members, splits, damage, limits. */
#include "codec/gz.h"
#include "codec/gz_whole.h"
#include "unit.h"

#include <stdlib.h>

struct outcome {
    enum status status;
    enum gz_state state;
    bool truncated;
    uint64_t total_in, total_out;
    size_t left; /* input not taken */
};

/* Feeds the stream in pieces of in_step bytes into rooms of out_step bytes. */
static struct outcome inflate(struct str stream, size_t in_step, size_t out_step,
                              struct gz_limits limits, struct buf *out)
{
    struct gz *z;
    assert_int_equal(gz_new(&z, NULL), OK);
    gz_start(z, limits);
    struct outcome o = {.state = GZ_BOUNDARY};
    struct str piece = STR_NONE;
    size_t fed = 0, n = 0;
    buf_reset(out);
    do {
        if (piece.n == 0 && fed < stream.n) {
            size_t step = in_step < stream.n - fed ? in_step : stream.n - fed;
            piece = str_of(stream.p + fed, step);
            fed += step;
        }
        assert_true(buf_reserve(out, out_step));
        o.status = gz_inflate(z, &piece, out->p + out->n, out_step, &n, &o.state, NULL);
        assert_true(n <= out_step);
        out->n += n;
    } while (o.status == OK && o.state != GZ_GARBAGE &&
             (fed < stream.n || piece.n > 0 || n == out_step));
    o.truncated = gz_truncated(z);
    o.total_in = gz_total_in(z);
    o.total_out = gz_total_out(z);
    o.left = piece.n + (stream.n - fed);
    assert_int_equal(o.total_out, out->n);
    gz_free(z);
    return o;
}

static struct outcome inflate_whole(struct str stream, struct buf *out)
{
    return inflate(stream, stream.n + 1, 1 << 20, (struct gz_limits){0}, out);
}

/* Text with repetitions near and far and parts that do not compress. */
static void make_text(struct buf *out, size_t n)
{
    uint32_t seed = 1;
    size_t start = out->n;
    while (out->n - start < n) {
        seed = seed * 1664525 + 1013904223;
        if (seed >> 30 == 0)
            for (int i = 0; i < 40; i++)
                buf_char(out, (char)((seed = seed * 1664525 + 1013904223) >> 24));
        else
            buf_printf(out, "{\"requestId\":\"%u\",\"tokens\":%u}\n", seed, seed >> 28);
    }
    out->n = start + n;
}

enum { WITH_EXTRA = 4, WITH_NAME = 8, WITH_COMMENT = 16, WITH_CRC = 2 };

static uint32_t crc32_slow(struct str s)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < s.n; i++) {
        crc ^= (uint8_t)s.p[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* A member whose header has the optional fields of `flags`. */
static void add_member(struct buf *out, struct str text, int level, int flags)
{
    struct buf plain;
    buf_init(&plain, 64 << 20);
    assert_int_equal(gz_deflate(text, level, &plain, NULL), OK);
    size_t start = out->n;
    buf_append(out, plain.p, 10);
    out->p[start + 3] = (char)flags;
    if (flags & WITH_EXTRA)
        buf_str(out, STR("\x05\x00"
                         "extra"));
    if (flags & WITH_NAME)
        buf_append(out, "some.json", 10);
    if (flags & WITH_COMMENT)
        buf_append(out, "no comment", 11);
    if (flags & WITH_CRC) {
        uint32_t crc = crc32_slow(str_of(out->p + start, out->n - start));
        buf_char(out, (char)crc);
        buf_char(out, (char)(crc >> 8));
    }
    buf_append(out, plain.p + 10, plain.n - 10);
    buf_fini(&plain);
}

static void setup(struct buf *text, struct buf *stream, struct buf *out)
{
    buf_init(text, 64 << 20);
    buf_init(stream, 64 << 20);
    buf_init(out, 64 << 20);
}

static void teardown(struct buf *text, struct buf *stream, struct buf *out)
{
    buf_fini(text);
    buf_fini(stream);
    buf_fini(out);
}

static void any_split_of_input_and_output_gives_the_same_bytes(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 16 * 5000);
    for (int flags = 0, at = 0; flags < 32; flags += 2, at += 5000) {
        add_member(&stream, str_of(text.p + at, 5000), flags % 3, flags);
        add_member(&stream, STR_NONE, flags % 3, 31 - 1 - flags);
        buf_fill(&stream, '\0', (size_t)flags % 5);
    }
    add_member(&stream, buf_view(&text), 1, 0); /* longer than the window of 32 KiB */
    static const size_t steps[] = {1, 2, 7, 8, 9, 64, 4096, 65537, 1 << 20};
    const size_t n = sizeof steps / sizeof steps[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            struct outcome o =
                inflate(buf_view(&stream), steps[i], steps[k], (struct gz_limits){0}, &out);
            assert_int_equal(o.status, OK);
            assert_int_equal(o.state, GZ_BOUNDARY);
            assert_false(o.truncated);
            assert_int_equal(o.total_in, stream.n);
            assert_int_equal(out.n, 2 * text.n);
            assert_memory_equal(out.p, text.p, text.n);
            assert_memory_equal(out.p + text.n, text.p, text.n);
        }
    }
    teardown(&text, &stream, &out);
}

static void three_members_one_of_them_empty_are_one_text(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    add_member(&stream, STR("ab"), 0, 0);
    add_member(&stream, STR(""), 0, 0);
    add_member(&stream, STR("cd"), 0, 0);
    struct outcome o = inflate_whole(buf_view(&stream), &out);
    assert_int_equal(o.status, OK);
    assert_int_equal(o.state, GZ_BOUNDARY);
    assert_int_equal(out.n, 4);
    assert_memory_equal(out.p, "abcd", 4);
    teardown(&text, &stream, &out);
}

static void nothing_is_a_whole_stream_of_nothing(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    struct outcome o = inflate_whole(STR_NONE, &out);
    assert_int_equal(o.status, OK);
    assert_int_equal(o.state, GZ_BOUNDARY);
    assert_false(o.truncated);
    assert_false(gz_is_gzip(STR("\x1f\x8b")));
    assert_true(gz_is_gzip(STR("\x1f\x8b\x08")));
    teardown(&text, &stream, &out);
}

static void stored_and_static_blocks_of_zlib_are_read(void **state)
{
    (void)state;
    static const char stored[] = "\x1f\x8b\x08\0\0\0\0\0\x04\xff\x01\x12\0\xed\xff"
                                 "hello hello hello\n"
                                 "\x3b\x7c\x8a\xdf\x12\0\0";
    static const char fixed[] = "\x1f\x8b\x08\0\0\0\0\0\x02\xff\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x90"
                                "\x5c\0\x3b\x7c\x8a\xdf\x12\0\0";
    struct buf out;
    buf_init(&out, 1 << 21);
    const struct str streams[] = {{stored, sizeof stored}, {fixed, sizeof fixed}};
    for (size_t i = 0; i < 2; i++) {
        for (size_t step = 1; step < 50; step++) {
            struct outcome o = inflate(streams[i], step, 3, (struct gz_limits){0}, &out);
            assert_int_equal(o.status, OK);
            assert_int_equal(o.state, GZ_BOUNDARY);
            assert_int_equal(out.n, 18);
            assert_memory_equal(out.p, "hello hello hello\n", 18);
        }
    }
    buf_fini(&out);
}

static void every_truncation_is_told_from_an_end(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 3000);
    add_member(&stream, buf_view(&text), 1, 30);
    size_t boundary = stream.n;
    add_member(&stream, STR_NONE, 0, 30);
    for (size_t n = 0; n < stream.n; n++) {
        for (size_t step = 1; step <= stream.n; step += stream.n - 1) {
            struct outcome o =
                inflate(str_of(stream.p, n), step, 1 << 20, (struct gz_limits){0}, &out);
            assert_int_equal(o.status, OK);
            assert_int_equal(o.truncated, n != 0 && n != boundary);
            assert_int_equal(o.state, o.truncated ? GZ_MORE : GZ_BOUNDARY);
            assert_memory_equal(out.p, text.p, out.n);
        }
    }
    teardown(&text, &stream, &out);
}

static void a_wrong_crc_or_length_is_an_error_and_the_data_is_given(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 1000);
    add_member(&stream, buf_view(&text), 1, 0);
    for (size_t bit = 0; bit < 64; bit++) {
        char *byte = &stream.p[stream.n - 8 + bit / 8];
        *byte = (char)(*byte ^ 1 << bit % 8);
        for (size_t step = 1; step <= stream.n; step++) {
            struct outcome o =
                inflate(buf_view(&stream), step, 1 << 20, (struct gz_limits){0}, &out);
            assert_int_equal(o.status, ERR_PARSE);
            assert_int_equal(out.n, text.n);
        }
        *byte = (char)(*byte ^ 1 << bit % 8);
    }
    teardown(&text, &stream, &out);
}

static void no_flipped_bit_changes_the_bytes_unnoticed(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 2000);
    add_member(&stream, buf_view(&text), 2, 30);
    for (size_t bit = 0; bit < stream.n * 8; bit++) {
        char *byte = &stream.p[bit / 8];
        *byte = (char)(*byte ^ 1 << bit % 8);
        struct outcome o = inflate(buf_view(&stream), 13, 100, (struct gz_limits){0}, &out);
        /* The padding behind the last block means nothing. */
        bool harmless = out.n == text.n && memcmp(out.p, text.p, out.n) == 0;
        assert_true(o.status == ERR_PARSE || o.truncated || harmless);
        *byte = (char)(*byte ^ 1 << bit % 8);
    }
    teardown(&text, &stream, &out);
}

/* Inflates with a state that has seen something else before. */
static enum status inflate_after(struct str before, struct str stream, struct buf *out)
{
    struct gz *z;
    struct buf ignored;
    enum status status = OK;
    assert_int_equal(gz_new(&z, NULL), OK);
    buf_init(&ignored, 1 << 20);
    const struct str streams[] = {before, stream};
    struct buf *const outs[] = {&ignored, out};
    for (int i = 0; i < 2; i++) {
        struct str in = streams[i];
        enum gz_state state = GZ_BOUNDARY;
        size_t n;
        gz_start(z, (struct gz_limits){0});
        buf_reset(outs[i]);
        do {
            assert_true(buf_reserve(outs[i], 1 << 16));
            status = gz_inflate(z, &in, outs[i]->p + outs[i]->n, 1 << 16, &n, &state, NULL);
            outs[i]->n += n;
        } while (status == OK && state != GZ_GARBAGE && in.n > 0);
    }
    buf_fini(&ignored);
    gz_free(z);
    return status;
}

static void damage_brings_nothing_of_an_earlier_file_to_light(void **state)
{
    (void)state;
    struct buf text, stream, out, other, before[2];
    setup(&text, &stream, &out);
    buf_init(&other, 1 << 20);
    for (int i = 0; i < 2; i++) {
        buf_init(&before[i], 1 << 20);
        buf_fill(&text, i ? '~' : '#', 200000);
        assert_int_equal(gz_deflate(buf_view(&text), 1, &before[i], NULL), OK);
        buf_reset(&text);
    }
    make_text(&text, 3000);
    assert_int_equal(gz_deflate(buf_view(&text), 1, &stream, NULL), OK);
    for (size_t at = 10; at < stream.n; at += 3) {
        for (int bit = 0; bit < 8; bit += 2) {
            stream.p[at] = (char)(stream.p[at] ^ 1 << bit);
            enum status a = inflate_after(buf_view(&before[0]), buf_view(&stream), &out);
            enum status b = inflate_after(buf_view(&before[1]), buf_view(&stream), &other);
            assert_int_equal(a, b);
            assert_int_equal(out.n, other.n);
            assert_memory_equal(out.p, other.p, out.n);
            stream.p[at] = (char)(stream.p[at] ^ 1 << bit);
        }
    }
    for (int i = 0; i < 2; i++)
        buf_fini(&before[i]);
    buf_fini(&other);
    teardown(&text, &stream, &out);
}

static void what_is_no_header_is_refused_at_the_beginning(void **state)
{
    (void)state;
    static const struct str bad[] = {
        {"{\"a\":1}", 7},    {"\0\x1f\x8b\x08", 4},   {"\x1f\x8c\x08", 3},
        {"\x1f\x8b\x07", 3}, {"\x1f\x8b\x08\x20", 4}, /* a reserved flag */
    };
    struct buf out;
    buf_init(&out, 1 << 21);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(inflate_whole(bad[i], &out).status, ERR_PARSE);
        assert_int_equal(inflate(bad[i], 1, 1, (struct gz_limits){0}, &out).status, ERR_PARSE);
    }
    buf_fini(&out);
}

static void garbage_behind_the_last_member_is_left_to_the_caller(void **state)
{
    (void)state;
    static const struct str garbage[] = {
        {"garbage", 7}, {"\x1fgarbage", 8}, {"\x1f\x8bgarbage", 9}};
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    add_member(&stream, STR("ab"), 0, 0);
    buf_fill(&stream, '\0', 512);
    size_t end = stream.n;
    for (size_t i = 0; i < 3; i++) {
        stream.n = end;
        buf_str(&stream, garbage[i]);
        struct outcome o = inflate_whole(buf_view(&stream), &out);
        assert_int_equal(o.status, OK);
        assert_int_equal(o.state, GZ_GARBAGE);
        assert_false(o.truncated);
        assert_int_equal(o.left, garbage[i].n);
        assert_int_equal(o.total_in, end);
        assert_int_equal(out.n, 2);
        o = inflate(buf_view(&stream), 1, 1, (struct gz_limits){0}, &out);
        assert_int_equal(o.state, GZ_GARBAGE);
        assert_int_equal(out.n, 2);
    }
    teardown(&text, &stream, &out);
}

static void a_limit_lets_exactly_its_bytes_through(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 100000);
    add_member(&stream, str_of(text.p, 60000), 1, 0);
    add_member(&stream, str_of(text.p + 60000, 40000), 1, 0);
    static const size_t steps[] = {1, 1000, 60000, 1 << 20};
    for (size_t i = 0; i < 4; i++) {
        struct gz_limits limits = {.max_out = text.n};
        struct outcome o = inflate(buf_view(&stream), 1 << 20, steps[i], limits, &out);
        assert_int_equal(o.status, OK);
        assert_int_equal(o.state, GZ_BOUNDARY);
        limits.max_out--;
        o = inflate(buf_view(&stream), 1 << 20, steps[i], limits, &out);
        assert_int_equal(o.status, ERR_LIMIT);
        assert_int_equal(out.n, limits.max_out);
        assert_memory_equal(out.p, text.p, out.n);
    }
    teardown(&text, &stream, &out);
}

static void a_bomb_is_stopped_by_its_ratio_after_a_mebibyte(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    buf_fill(&text, 'a', 32 << 20);
    add_member(&stream, buf_view(&text), 1, 0);
    struct gz_limits limits = {.max_ratio = 100};
    struct outcome o = inflate(buf_view(&stream), 4096, 65536, limits, &out);
    assert_int_equal(o.status, ERR_LIMIT);
    assert_in_range(out.n, 1 << 20, (1 << 20) + 65536);
    limits.max_ratio = 2000; /* deflate ends at 1032 */
    assert_int_equal(inflate(buf_view(&stream), 4096, 65536, limits, &out).status, OK);
    assert_int_equal(out.n, text.n);
    stream.n = 0;
    limits.max_ratio = 100;
    add_member(&stream, str_of(text.p, 1000000), 1, 0);
    assert_int_equal(inflate(buf_view(&stream), 4096, 65536, limits, &out).status, OK);
    teardown(&text, &stream, &out);
}

static void an_error_says_where_and_a_new_start_forgets_it(void **state)
{
    (void)state;
    struct gz *z;
    struct err err = {0};
    enum gz_state at;
    char out[100];
    size_t n;
    assert_int_equal(gz_new(&z, NULL), OK);
    struct str in = STR("no gzip");
    assert_int_equal(gz_inflate(z, &in, out, sizeof out, &n, &at, &err), ERR_PARSE);
    assert_non_null(strstr(err.text, "no gzip header"));
    assert_int_equal(err.offset, 0);
    struct buf stream;
    buf_init(&stream, 1 << 20);
    add_member(&stream, STR("ab"), 0, 0);
    in = buf_view(&stream);
    gz_start(z, (struct gz_limits){0});
    assert_int_equal(gz_inflate(z, &in, out, sizeof out, &n, &at, &err), OK);
    assert_int_equal(at, GZ_BOUNDARY);
    assert_int_equal(n, 2);
    buf_fini(&stream);
    gz_free(z);
}

static void deflating_is_deterministic_and_is_undone(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 100, 65535, 65536, 65537, 3000000};
    struct buf text, stream, out, again;
    setup(&text, &stream, &out);
    buf_init(&again, 64 << 20);
    make_text(&text, 3000000);
    for (int level = 0; level <= 2; level++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct str part = str_of(text.p, sizes[i]);
            stream.n = again.n = 0;
            buf_fill(&again, 'x', 12345);
            assert_int_equal(gz_deflate(part, level, &stream, NULL), OK);
            assert_int_equal(gz_deflate(part, level, &again, NULL), OK);
            assert_int_equal(again.n - 12345, stream.n);
            assert_memory_equal(again.p + 12345, stream.p, stream.n);
            assert_memory_equal(stream.p + 4, "\0\0\0\0", 4); /* no time stamp */
            struct outcome o = inflate_whole(buf_view(&stream), &out);
            assert_int_equal(o.status, OK);
            assert_int_equal(out.n, part.n);
            assert_memory_equal(out.p, part.p, part.n);
        }
    }
    buf_fini(&again);
    teardown(&text, &stream, &out);
}

static void deflating_beyond_the_ceiling_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 200000);
    struct buf small;
    buf_init(&small, 1000);
    buf_char(&small, 'x');
    assert_int_equal(gz_deflate(buf_view(&text), 1, &small, NULL), ERR_LIMIT);
    assert_int_equal(small.n, 1);
    buf_reset(&small);
    assert_int_equal(gz_deflate(STR("short"), 1, &small, NULL), OK);
    buf_fini(&small);
    teardown(&text, &stream, &out);
}

/* What gz_whole makes of a stream, in exactly so much room. */
static bool in_one_go(struct str stream, size_t room, struct buf *out)
{
    struct gz_whole *z;
    assert_int_equal(gz_whole_new(&z, NULL), OK);
    buf_reset(out);
    assert_true(buf_reserve(out, room + 1));
    bool good = gz_whole_inflate(z, stream, out->p, room, &out->n);
    gz_whole_free(z);
    return good;
}

static void in_one_go_gives_what_the_stream_gives(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 300000);
    add_member(&stream, str_of(text.p, 100000), 1, WITH_NAME | WITH_EXTRA);
    add_member(&stream, STR(""), 1, 0);
    add_member(&stream, str_of(text.p + 100000, 200000), 2, WITH_COMMENT);
    assert_int_equal(gz_whole_hint(buf_view(&stream)), 200000);
    assert_true(in_one_go(buf_view(&stream), text.n, &out));
    assert_int_equal(out.n, text.n);
    assert_memory_equal(out.p, text.p, text.n);
    assert_false(in_one_go(buf_view(&stream), text.n - 1, &out));
    teardown(&text, &stream, &out);
}

static void what_is_not_whole_members_is_left_to_the_stream(void **state)
{
    (void)state;
    struct buf text, stream, out;
    setup(&text, &stream, &out);
    make_text(&text, 3000);
    add_member(&stream, buf_view(&text), 1, 0);
    for (size_t cut = 0; cut < stream.n; cut++)
        assert_false(in_one_go(str_of(stream.p, cut), text.n, &out));
    size_t whole = stream.n;
    buf_fill(&stream, '\0', 40);
    assert_false(in_one_go(buf_view(&stream), text.n, &out));
    stream.n = whole;
    for (size_t i = 1; i <= 8; i++) {
        stream.p[whole - i] ^= 1;
        assert_false(in_one_go(buf_view(&stream), text.n + 1, &out));
        stream.p[whole - i] ^= 1;
    }
    buf_reset(&stream);
    add_member(&stream, buf_view(&text), 1, WITH_CRC);
    assert_false(in_one_go(buf_view(&stream), text.n, &out));
    assert_int_equal(gz_whole_hint(STR("short")), 0);
    teardown(&text, &stream, &out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_of_input_and_output_gives_the_same_bytes),
        cmocka_unit_test(three_members_one_of_them_empty_are_one_text),
        cmocka_unit_test(nothing_is_a_whole_stream_of_nothing),
        cmocka_unit_test(stored_and_static_blocks_of_zlib_are_read),
        cmocka_unit_test(every_truncation_is_told_from_an_end),
        cmocka_unit_test(a_wrong_crc_or_length_is_an_error_and_the_data_is_given),
        cmocka_unit_test(no_flipped_bit_changes_the_bytes_unnoticed),
        cmocka_unit_test(damage_brings_nothing_of_an_earlier_file_to_light),
        cmocka_unit_test(what_is_no_header_is_refused_at_the_beginning),
        cmocka_unit_test(garbage_behind_the_last_member_is_left_to_the_caller),
        cmocka_unit_test(a_limit_lets_exactly_its_bytes_through),
        cmocka_unit_test(a_bomb_is_stopped_by_its_ratio_after_a_mebibyte),
        cmocka_unit_test(an_error_says_where_and_a_new_start_forgets_it),
        cmocka_unit_test(in_one_go_gives_what_the_stream_gives),
        cmocka_unit_test(what_is_not_whole_members_is_left_to_the_stream),
        cmocka_unit_test(deflating_is_deterministic_and_is_undone),
        cmocka_unit_test(deflating_beyond_the_ceiling_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
