/* codec/csv: reading and writing. */
#include "codec/csv.h"
#include "unit.h"

/* All records as one text: fields between | and records on lines of their own, with line numbers.
 */
static enum status read_all(struct str text, struct buf *out, struct err *err)
{
    struct arena arena;
    struct csv csv;
    arena_init(&arena);
    csv_open(&csv, text);
    buf_reset(out);
    enum status status;
    struct str fields[8];
    size_t n;
    while ((status = csv_next(&csv, &arena, fields, 8, &n, err)) == OK && n > 0) {
        buf_printf(out, "%d", (int)csv.line);
        for (size_t i = 0; i < n; i++) {
            buf_char(out, '|');
            buf_str(out, fields[i]);
        }
        buf_char(out, ';');
    }
    arena_fini(&arena);
    return status;
}

static void records_are_split_as_rfc_4180_says(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *records;
    } cases[] = {
        {{"", 0}, ""},
        {{"\n\r\n\n", 4}, ""},
        {{"a,b\nc,d\n", 8}, "1|a|b;2|c|d;"},
        {{"a,b\r\nc,d", 8}, "1|a|b;2|c|d;"},
        {{"\xEF\xBB\xBF"
          "a\n\nb",
          7},
         "1|a;3|b;"},
        {{",\n", 2}, "1||;"},
        {{"a,\n,b", 5}, "1|a|;2||b;"},
        {{"\"\"\n", 3}, "1|;"},
        {{"\"a,b\",\"c\nd\"\ne", 13}, "1|a,b|c\nd;3|e;"},
        {{"\"say \"\"hi\"\"\",x", 14}, "1|say \"hi\"|x;"},
        {{"\"\"\"\"", 4}, "1|\";"},
        {{"\"\"\"\"\"\"\r\n", 8}, "1|\"\";"},
        {{"a\"b,c", 5}, "1|a\"b|c;"},
        {{"a\rb\r\n", 5}, "1|a\rb;"},
        {{"a\r", 2}, "1|a;"},
        {{" a , b", 6}, "1| a | b;"},
    };
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_all(cases[i].text, &out, NULL), OK);
        buf_char(&out, '\0');
        assert_string_equal(out.p, cases[i].records);
    }
    buf_fini(&out);
}

static void broken_quotes_are_errors_that_name_the_line(void **state)
{
    (void)state;
    struct buf out;
    struct err err;
    buf_init(&out, 1000);
    assert_int_equal(read_all(STR("a\n\"x\ny\",\"open\n\n"), &out, &err), ERR_PARSE);
    assert_int_equal(err.offset, 3);
    assert_int_equal(read_all(STR("a\nb,\"x\ny\"z\n"), &out, &err), ERR_PARSE);
    assert_int_equal(err.offset, 3);
    assert_int_equal(read_all(STR("\"a\"\rb"), &out, &err), ERR_PARSE);
    assert_int_equal(read_all(STR("1,2,3,4,5,6,7,8,9"), &out, &err), ERR_LIMIT);
    assert_int_equal(err.offset, 1);
    buf_fini(&out);
}

static void a_bad_record_costs_no_other(void **state)
{
    (void)state;
    struct arena arena;
    struct csv csv;
    struct str fields[2];
    size_t n;
    arena_init(&arena);
    csv_open(&csv, STR("a,b,c\n\"x\"y,z\nd,e\n"));
    assert_int_equal(csv_next(&csv, &arena, fields, 2, &n, NULL), ERR_LIMIT);
    assert_int_equal(csv_next(&csv, &arena, fields, 2, &n, NULL), ERR_PARSE);
    assert_int_equal(csv_next(&csv, &arena, fields, 2, &n, NULL), OK);
    assert_int_equal(n, 2);
    assert_int_equal(csv.line, 3);
    assert_true(str_eq(fields[1], STR("e")));
    assert_int_equal(csv_next(&csv, &arena, fields, 2, &n, NULL), OK);
    assert_int_equal(n, 0);
    arena_fini(&arena);
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    static const char letters[] = "a,\"\n\r =-1";
    struct buf out;
    struct arena arena;
    buf_init(&out, 1000);
    arena_init(&arena);
    uint32_t seed = 7;
    for (int round = 0; round < 20000; round++) {
        char text[3][8];
        size_t len[3];
        buf_reset(&out);
        arena_reset(&arena);
        for (int k = 0; k < 3; k++) {
            len[k] = (seed = seed * 1664525 + 1013904223) >> 29;
            for (size_t i = 0; i < len[k]; i++)
                text[k][i] = letters[((seed = seed * 1664525 + 1013904223) >> 16) % 9];
            if (k > 0)
                buf_char(&out, ',');
            csv_write(&out, str_of(text[k], len[k]));
        }
        struct csv csv;
        struct str fields[3];
        size_t n;
        csv_open(&csv, buf_view(&out));
        assert_int_equal(csv_next(&csv, &arena, fields, 3, &n, NULL), OK);
        assert_int_equal(n, 3);
        for (int k = 0; k < 3; k++) {
            if (fields[k].n == len[k] + 1 && fields[k].p[0] == '\'')
                fields[k] = str_skip(fields[k], 1);
            assert_true(str_eq(fields[k], str_of(text[k], len[k])));
        }
    }
    arena_fini(&arena);
    buf_fini(&out);
}

static void a_spreadsheet_sees_no_formula_and_numbers_stay_numbers(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"=1+1", "'=1+1"},
        {"@SUM(A1)", "'@SUM(A1)"},
        {"+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"},
        {"-2+3", "'-2+3"},
        {"-", "'-"},
        {"-12.50", "-12.50"},
        {"+7", "+7"},
        {"-1,234.5", "\"-1,234.5\""},
        {"=A1,B1", "\"'=A1,B1\""},
        {"\t=1", "'\t=1"},
        {"\r=1", "\"'\r=1\""},
        {"\xEF\xBC\x9D"
         "1+1",
         "'\xEF\xBC\x9D"
         "1+1"},
        {"\xEF\xBC\xA0"
         "A1",
         "'\xEF\xBC\xA0"
         "A1"},
        {"\xEF\xBC\xA1", "\xEF\xBC\xA1"},
        {"(none)", "(none)"},
        {"a=b", "a=b"},
        {"", ""},
        {"2026-04-14", "2026-04-14"},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
    };
    struct buf out;
    buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_reset(&out);
        csv_write(&out, str_from(cases[i][0]));
        buf_char(&out, '\0');
        assert_string_equal(out.p, cases[i][1]);
    }
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_split_as_rfc_4180_says),
        cmocka_unit_test(broken_quotes_are_errors_that_name_the_line),
        cmocka_unit_test(a_bad_record_costs_no_other),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_spreadsheet_sees_no_formula_and_numbers_stay_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
