/* codec/table: CSV and YAML give the same rows; messages help. */
#include "codec/table.h"
#include "unit.h"

#include <stdlib.h>

static const char *const columns[] = {"match", "person", "team", "cost_centre"};
static const struct table_spec spec = {columns, 4, 1};

struct fixture {
    struct arena arena;
    struct table_row *rows;
    size_t n;
    struct err err;
};

static enum status read_table(struct fixture *f, const char *text)
{
    f->rows = NULL;
    f->n = 0;
    arena_reset(&f->arena);
    /* A copy of its own, gone before the rows are looked at: they must not borrow from it. */
    struct str s = str_from(text);
    char *copy = malloc(s.n + 1);
    memcpy(copy, text, s.n);
    enum status status =
        table_read(str_of(copy, s.n), "people.csv", &spec, &f->arena, &f->rows, &f->n, &f->err);
    free(copy);
    return status;
}

static void assert_row(const struct table_row *row, const char *a, const char *b, const char *c,
                       const char *d)
{
    const char *const want[] = {a, b, c, d};
    for (int i = 0; i < 4; i++)
        assert_true(str_eq(row->v[i], str_from(want[i])));
}

static void csv_and_yaml_give_the_same_rows(void **state)
{
    (void)state;
    static const char *const same[] = {
        "match,person,team,cost_centre\n*@a,Ann,,4100\nci-*,,\"Build, Test\",\n",
        "\n team , match,cost_centre\r\n,*@a, 4100\r\n,,\r\n\"Build, Test\",ci-*\r\n",
        "\"team\",\"match\"\nx,*@a\n\"Build, Test\",ci-*\n",
        "- match: \"*@a\"\n  person: Ann\n  team:\n  cost_centre: 4100\n"
        "- {match: ci-*, team: 'Build, Test'}\n",
        "# people\n---\n- person: ~\n  match: '*@a'\n  team: null\n- match: ci-*\n"
        "  team: >-\n    Build,\n    Test\n",
    };
    struct fixture f = {0};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        assert_int_equal(read_table(&f, same[i]), OK);
        assert_int_equal(f.n, 2);
        assert_row(&f.rows[0], "*@a", i == 0 || i == 3 ? "Ann" : "", i == 2 ? "x" : "",
                   i == 2 || i == 4 ? "" : "4100");
        assert_row(&f.rows[1], "ci-*", "", "Build, Test", "");
        assert_int_equal(f.rows[1].line, i == 1 ? 5 : i < 3 ? 3 : 0);
    }
    arena_fini(&f.arena);
}

static void a_table_may_be_empty(void **state)
{
    (void)state;
    static const char *const empty[] = {"", "# nothing yet\n", "[]", "match,team\n", "match"};
    struct fixture f = {0};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        assert_int_equal(read_table(&f, empty[i]), OK);
        assert_int_equal(f.n, 0);
    }
    arena_fini(&f.arena);
}

static void messages_name_file_line_and_nearest_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"match,taem\nx,y\n",
         "people.csv, line 1: there is no column \"taem\"; did you mean 'team'?"},
        {"- match: x\n  person: y\n\n  # or centre?\n  cost_center: 1\n",
         "people.csv, line 5: there is no column \"cost_center\"; did you mean 'cost_centre'?"},
        {"- match: x\n- {\"persn\": y}\n",
         "people.csv, line 2: there is no column \"persn\"; did you mean 'person'?"},
        {"match,zzzzzzzz\n", "people.csv, line 1: there is no column \"zzzzzzzz\""},
        {"match,team,match\n", "people.csv, line 1: column 'match' stands twice"},
        {"match,team\n\nx,y\n ,z\n", "people.csv, line 4: column 'match' must not be empty"},
        {"- match: x\n- team: y\n", "people.csv, entry 2: column 'match' must not be empty"},
        {"match,team\nx,\"y\n", "people.csv, line 2: a quote opens here and is never closed"},
        {"match,team\nx,y,z\n", "people.csv, line 2: more fields than expected"},
        {"- match: x\n  match: y\n",
         "people.csv, at or behind line 1: 'match' stands twice in one entry"},
        {"- match: [x]\n",
         "people.csv, at or behind line 1: wanted a list of entries, each of them `column: text`"},
        {"- x\n", "people.csv, at or behind line 1: wanted a list of entries, each of them "
                  "`column: text`"},
        {"person,team\nx,y\n", "people.csv: wanted a list of entries, each of them `column: text`,"
                               " or CSV with a column 'match' in its first line"},
        {"- match: &a x\n- match: *a\n",
         "people.csv, at or behind line 2: aliases (*name) are not allowed here"},
        {"- match: x\n---\n- match: y\n",
         "people.csv: a second document begins (---); one is allowed, or CSV with a column 'match'"
         " in its first line"},
        {"- match: x\n  team: \"open\n", "people.csv, at or behind line 2: found unexpected end of "
                                         "stream"},
    };
    struct fixture f = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = read_table(&f, cases[i].text);
        assert_string_equal(f.err.text, cases[i].message);
        assert_int_equal(status, strstr(f.err.text, "more fields") ? ERR_LIMIT : ERR_PARSE);
        assert_null(f.rows);
        assert_int_equal(f.n, 0);
    }
    arena_fini(&f.arena);
}

static void a_table_beyond_16_mib_is_refused(void **state)
{
    (void)state;
    struct fixture f = {0};
    size_t n = ((size_t)16 << 20) + 1;
    char *text = malloc(n);
    memset(text, '\n', n);
    assert_int_equal(table_read(str_of(text, n), "t", &spec, &f.arena, &f.rows, &f.n, &f.err),
                     ERR_LIMIT);
    assert_int_equal(table_read(str_of(text, n - 1), "t", &spec, &f.arena, &f.rows, &f.n, &f.err),
                     OK);
    free(text);
    arena_fini(&f.arena);
}

static void more_rows_than_a_table_has_are_refused(void **state)
{
    (void)state;
    struct fixture f = {0};
    for (int yaml = 0; yaml < 2; yaml++) {
        const struct str head = yaml ? STR("[") : STR("match\n");
        const struct str row = yaml ? STR("{},") : STR("a\n");
        size_t n = head.n + row.n * (TABLE_ROWS + 1);
        char *text = malloc(n);
        memcpy(text, head.p, head.n);
        for (size_t at = head.n; at < n; at += row.n)
            memcpy(text + at, row.p, row.n);
        assert_int_equal(table_read(str_of(text, n), "t", &spec, &f.arena, &f.rows, &f.n, &f.err),
                         ERR_LIMIT);
        free(text);
    }
    arena_fini(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_and_yaml_give_the_same_rows),
        cmocka_unit_test(a_table_may_be_empty),
        cmocka_unit_test(messages_name_file_line_and_nearest_column),
        cmocka_unit_test(a_table_beyond_16_mib_is_refused),
        cmocka_unit_test(more_rows_than_a_table_has_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
