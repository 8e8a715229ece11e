/* Printing an answer: see render.h. */
#include "report/render.h"

#include "report/render_internal.h"

bool report_format_find(struct str name, enum report_format *format)
{
    static const char *const names[] = {
#define REPORT_NAME(id, name) [id] = name,
        REPORT_FORMAT_MAP(REPORT_NAME)
#undef REPORT_NAME
    };
    for (int i = 0; i < REPORT_FORMATS; i++)
        if (str_eq(name, str_from(names[i]))) {
            *format = (enum report_format)i;
            return true;
        }
    return false;
}

enum status report_render(const struct answer *a, const struct report_options *o, struct buf *out,
                          struct err *err)
{
    enum status status = OK;
    switch (o->format) {
    case REPORT_JSON:
        status = render_json(a, out);
        break;
    case REPORT_CSV:
        status = render_csv(a, out);
        break;
    case REPORT_MD:
        status = render_md(a, out, err);
        break;
    default:
        status = render_table(a, o, out, err);
    }
    if (status == OK)
        status = buf_status(out);
    return status == OK ? OK : err_set(err, status, "the report needs more memory than there is");
}
