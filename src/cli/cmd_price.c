/*
 * assay price: what the price book holds, how one model id is understood and priced, and whether a
 * file of prices is right. For the moment when somebody asks "why did this cost that?".
 */
#include "cli/cli.h"

#include "base/io.h"
#include "cli/price_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { FILE_MAX = 16 << 20, OUTPUT_MAX = 64 << 20 };

typedef enum status (*take_file)(struct pricing *p, struct str text, const char *name,
                                 struct err *err);

static enum status with_file(struct pricing *p, const char *path, take_file take, struct err *err)
{
    if (!path)
        return OK;
    struct buf text;
    buf_init(&text, FILE_MAX);
    enum status status = io_read_file(path, &text, err);
    if (status == OK)
        status = take(p, buf_view(&text), path, err);
    buf_fini(&text);
    return status;
}

static enum status open_pricing(const struct price_settings *s, struct pricing **out,
                                struct err *err)
{
    struct pricing *p;
    TRY(pricing_new(&p, err));
    enum status status = with_file(p, s->prices, pricing_override, err);
    if (status == OK)
        status = with_file(p, s->profiles, pricing_profiles, err);
    for (int i = 0; i < s->discounts.n && status == OK; i++)
        status = pricing_discount(p, str_from(s->discounts.v[i]), err);
    if (status != OK) {
        pricing_free(p);
        return status;
    }
    *out = p;
    return OK;
}

/* With a date: the row is in force, and no newer one of its pattern and scope is. */
static bool in_force(const struct price_book *b, const struct price_row *row, int64_t day)
{
    if (row->from_day > day)
        return false;
    for (uint32_t i = 0; i < b->rows_n; i++) {
        const struct price_row *other = &b->rows[i];
        if (other->from_day > row->from_day && other->from_day <= day &&
            other->any_scope == row->any_scope && other->scope == row->scope &&
            str_eq(other->pattern, row->pattern))
            return false;
    }
    return true;
}

static bool is_listed(const struct price_book *b, const struct price_row *row,
                      const struct price_settings *s, int64_t day)
{
    ptrdiff_t slash = str_find_char(row->pattern, '/');
    struct str id = str_skip(row->pattern, (size_t)(slash + 1));
    struct str filter = str_from(s->filter), region = str_from(s->region);
    if (filter.n && !str_glob_nocase(filter, id) && !str_glob_nocase(filter, row->name))
        return false;
    if (region.n && !price_row_in_region(row, region, str_has_prefix(region, STR("us-gov-"))))
        return false;
    return day == DAY_EVER || in_force(b, row, day);
}

static void list_row(struct buf *out, const struct price_row *row, int width)
{
    char from[TIME_TEXT];
    price_day_text(from, row->from_day);
    buf_printf(out, "%-*.*s  %-9.*s  %-10s", width, STR_ARG(row->pattern),
               STR_ARG(price_scope_text(row)), from);
    price_print_rates(out, &row->base);
    if (row->threshold)
        buf_printf(out, "  long over %" PRId64, row->threshold);
    if (row->speech)
        buf_str(out, STR("  text tokens only"));
    if (str_find(row->source, STR("unconfirmed")) >= 0)
        buf_str(out, STR("  unconfirmed"));
    if (str_find(row->source, STR("differs:")) >= 0)
        buf_str(out, STR("  disputed"));
    buf_char(out, '\n');
}

static void list_table(struct buf *out, const struct pricing *p, const struct price_settings *s,
                       int64_t day)
{
    const struct price_book *b = pricing_book(p);
    int width = 7;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->rows_n; i++)
        if (is_listed(b, &b->rows[i], s, day)) {
            n++;
            if ((int)b->rows[i].pattern.n > width && b->rows[i].pattern.n <= 60)
                width = (int)b->rows[i].pattern.n;
        }
    buf_printf(out, "%-*s  %-9s  %-10s %9s %9s %9s %9s %9s\n", width, "pattern", "scope", "from",
               "input", "output", "read", "write 5m", "write 1h");
    for (uint32_t i = 0; i < b->rows_n; i++)
        if (is_listed(b, &b->rows[i], s, day))
            list_row(out, &b->rows[i], width);
    buf_printf(out, "%u of %u rows, USD per million tokens; newest price of %.*s\n", n, b->rows_n,
               STR_ARG(pricing_date(p)));
}

static int list(const struct pricing *p, const struct price_settings *s)
{
    int64_t time_us, day = DAY_EVER;
    const struct price_book *b = pricing_book(p);
    if (s->date && !price_parse_time(s->date, &time_us))
        return price_refuse("--date: wanted a day as 2026-01-31", s->date);
    if (s->date)
        day = time_us / US_PER_DAY;
    bool csv = strcmp(s->format, "csv") == 0, json = strcmp(s->format, "json") == 0;
    if (!csv && !json && strcmp(s->format, "table") != 0)
        return price_refuse("--format: wanted table, json or csv", s->format);
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    struct jsonw w = jsonw_start(&out, 2);
    if (csv)
        price_csv_header(&out);
    else if (json)
        jsonw_array(&w);
    else
        list_table(&out, p, s, day);
    for (uint32_t i = 0; (csv || json) && i < b->rows_n; i++) {
        if (!is_listed(b, &b->rows[i], s, day))
            continue;
        if (csv)
            price_row_csv(&out, &b->rows[i]);
        else
            price_row_json(&w, &b->rows[i]);
    }
    if (json) {
        jsonw_end(&w);
        buf_char(&out, '\n');
    }
    int code = cli_write(&out);
    buf_fini(&out);
    return code;
}

static int check(const struct pricing *p, const char *name)
{
    struct buf out;
    buf_init(&out, OUTPUT_MAX);
    size_t findings = price_book_check(pricing_book(p), &out);
    if (findings)
        buf_printf(&out, "%s: %zu findings\n", name, findings);
    else
        buf_printf(&out, "%s: %u rows, all consistent\n", name, pricing_book(p)->rows_n);
    int code = cli_write(&out);
    buf_fini(&out);
    return code == EXIT_DONE && findings ? EXIT_BAD_USAGE : code;
}

static int run(struct price_settings *s, char **operands, int n)
{
    const char *what = n ? operands[0] : "";
    bool listing = strcmp(what, "list") == 0, showing = strcmp(what, "show") == 0;
    bool checking = strcmp(what, "check") == 0;
    if (!listing && !showing && !checking)
        return price_refuse("price: wanted list, show MODEL or check [FILE]", what);
    if (n > 2 || (showing && n < 2))
        return price_refuse("price: wanted one operand", n > 2 ? operands[2] : "");
    const char *operand = n == 2 ? operands[1] : NULL;
    if (listing && operand)
        s->filter = operand;
    if (checking && operand)
        s->prices = operand;
    struct pricing *p;
    struct err err = {0};
    if (open_pricing(s, &p, &err) != OK)
        return cli_fail(&err);
    int code = listing   ? list(p, s)
               : showing ? price_show(p, s, operand)
                         : check(p, s->prices ? s->prices : "built-in prices");
    pricing_free(p);
    return code;
}

int cmd_price(int argc, char **argv)
{
    struct price_settings s = {.filter = "", .region = "", .format = "table", .account = ""};
    const struct option table[] = {
        {"filter", OPTION_TEXT, &s.filter, "GLOB", "list: models or names to show"},
        {"region", OPTION_TEXT, &s.region, "REGION", "source Region (show: us-east-1)"},
        {"date", OPTION_TEXT, &s.date, "DAY", "list: only what was in force on that day"},
        {"format", OPTION_TEXT, &s.format, "table|json|csv", "list: csv is what --prices reads"},
        {"at", OPTION_TEXT, &s.at, "TIME", "show: time of the call (now)"},
        {"tokens", OPTION_TEXT, &s.tokens, "IN,OUT,READ,W5M,W1H", "show: what so many cost"},
        {"account", OPTION_TEXT, &s.account, "ID", "show: account of the call, for discounts"},
        {"prices", OPTION_TEXT, &s.prices, "FILE", "prices that replace built-in ones"},
        {"profiles", OPTION_TEXT, &s.profiles, "FILE", "application inference profiles"},
        {"discount", OPTION_LIST, &s.discounts, "WHAT=PERCENT",
         "account:ID, provider:NAME or model:PATTERN; may be repeated"},
        {"help", OPTION_FLAG, &s.help, NULL, "this text"},
        {0}};
    char *operands[64];
    int n = 0;
    if (argc > 64)
        return price_refuse("price: wanted fewer arguments", argv[1]);
    if (!cli_options(argc, argv, table, operands, &n))
        return EXIT_BAD_USAGE;
    if (s.help) {
        cli_help("assay price list [PATTERN] | show MODEL | check [FILE]", table);
        return EXIT_DONE;
    }
    return run(&s, operands, n);
}
