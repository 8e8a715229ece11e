/* assay store, in two files: cmd_store.c looks after a store, store_show.c says what is in it. */
#ifndef ASSAY_CLI_STORE_SHOW_H
#define ASSAY_CLI_STORE_SHOW_H

#include "base/buf.h"
#include "store/upkeep.h"

void store_show_table(const struct store_stats *s, const char *path, struct buf *out);
void store_show_json(const struct store_stats *s, const char *path, struct buf *out);
/* "1,234,567" */
void store_show_count(struct buf *out, int64_t n);

#endif
