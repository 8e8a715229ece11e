/* assay price, in two files: cmd_price.c lists and checks, price_show.c explains one model. */
#ifndef ASSAY_CLI_PRICE_SHOW_H
#define ASSAY_CLI_PRICE_SHOW_H

#include "base/clock.h"
#include "cli/cli.h"
#include "model/prices.h"

struct price_settings {
    const char *filter, *region, *date, *format;
    const char *at, *tokens, *profiles, *prices, *account;
    struct option_list discounts;
    bool help;
};

/* Prints how a model id is understood and priced. Returns the exit code. */
int price_show(const struct pricing *p, const struct price_settings *s, const char *model);

/* "…, not "TYPED"": prints it, returns the exit code of wrong usage. */
int price_refuse(const char *what, const char *typed);
/* "2026-10-01" or an instant. */
bool price_parse_time(const char *text, int64_t *time_us);
struct str price_scope_text(const struct price_row *row);
/* "2026-10-01", "" for no day. */
void price_day_text(char out[TIME_TEXT], int64_t day);
/* Five columns of ten, "-" for no rate. */
void price_print_rates(struct buf *out, const struct rates *rates);

#endif
