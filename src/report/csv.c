/* CSV: a head line and the rows, the columns of JSON's rows. A missing value is an empty field. The
 * total is left out: a sum over the column must not count it. */
#include "report/render_internal.h"

#include "codec/csv.h"

enum status render_csv(const struct answer *a, struct buf *out)
{
    struct field fields[FIELDS];
    int n = fields_of(a->question, fields);
    for (int i = 0; i < n; i++) {
        buf_str(out, i ? STR(",") : STR(""));
        buf_str(out, str_from(fields[i].name));
    }
    buf_char(out, '\n');
    struct buf clean;
    buf_init(&clean, SIZE_MAX / 2);
    enum status status = OK;
    for (size_t r = 0; r < a->rows_n && status == OK; r++) {
        for (int i = 0; i < n; i++) {
            char room[FIGURE_TEXT];
            struct str value = field_value(&fields[i], &a->rows[r], room);
            buf_str(out, i ? STR(",") : STR(""));
            buf_reset(&clean);
            if (value.p)
                text_clean(&clean, value, false);
            if (buf_status(&clean) != OK)
                status = buf_status(&clean);
            csv_write(out, buf_view(&clean));
        }
        buf_char(out, '\n');
    }
    buf_fini(&clean);
    return status;
}
