/*
 * Private to table: a YAML list of flat mappings, read by libcyaml into rows of text. Errors come
 * as a struct yaml_fault, from which table.c makes the message.
 */
#ifndef ASSAY_CODEC_YAML_H
#define ASSAY_CODEC_YAML_H

#include "codec/table.h"

struct yaml_fault {
    int64_t line;     /* where, as near as libcyaml tells; 0: not known */
    char unknown[64]; /* the key that is no column, cut to size; "": the fault is another one */
    char text[192];
};

/* At most max rows; their texts and *rows live in the arena. */
enum status yaml_read(struct str text, const struct table_spec *spec, struct arena *arena,
                      size_t max, struct table_row **rows, size_t *rows_n,
                      struct yaml_fault *fault) MUST_USE;

#endif
