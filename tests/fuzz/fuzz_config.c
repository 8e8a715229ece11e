/*
 * assay.yaml: a file is refused with whole lines that name it, or every field is within its range;
 * then what `config show` prints is read again and comes to the same.
 */
#include "cli/config.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char path[] = "/etc/assay/assay.yaml";
static const int64_t now_us = INT64_C(1795000000) * US_PER_SECOND;

static void look_at_lines(const struct buf *lines, int n)
{
    struct str rest = buf_view(lines);
    int found = 0;
    while (rest.n > 0) {
        struct str line = str_cut(&rest, '\n');
        assert(rest.p && str_has_prefix(line, STR("/etc/assay/assay.yaml:")));
        for (size_t i = 0; i < line.n; i++)
            assert((unsigned char)line.p[i] >= 0x20);
        found++;
    }
    assert(found == (n <= CONFIG_MISTAKES_SHOWN ? n : CONFIG_MISTAKES_SHOWN + 1));
}

static void look_at(const struct config *c)
{
    assert(c->store && c->level && c->threads >= 1 && c->threads <= 64);
    assert(c->sources_n >= 1 && c->sources_n <= CONFIG_SOURCES_MAX);
    for (int i = 0; i < c->sources_n; i++) {
        const struct config_source *s = &c->sources[i];
        assert(s->kind < CONFIG_KINDS && s->name && str_is_plain(str_from(s->name)));
        assert((s->kind == CONFIG_PUSH) == (s->listen != NULL));
        assert((s->kind == CONFIG_PUSH) == (s->url == NULL));
        assert(s->poll_s >= 0 && s->window_s >= 0 && s->overlap_s >= 0);
    }
}

static void read_again(const struct config *c)
{
    struct buf first, second;
    struct config_findings f;
    struct config *again = NULL;
    buf_init(&first, 1 << 24);
    buf_init(&second, 1 << 24);
    config_findings_init(&f);
    config_write(c, &first);
    /* What is shown may be longer than what was read: defaults and whole paths. */
    if (first.n < CONFIG_FILE_MAX) {
        enum status status =
            config_read_text(buf_view(&first), path, false, now_us, &again, &f, NULL);
        assert(status == OK);
        config_write(again, &second);
        assert(str_eq(buf_view(&first), buf_view(&second)));
    }
    config_close(again);
    config_findings_fini(&f);
    buf_fini(&second);
    buf_fini(&first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *c = NULL;
    struct config_findings f;
    struct err err = {0};
    config_findings_init(&f);
    struct str text = str_of((const char *)data, size);
    enum status status = config_read_text(text, path, false, now_us, &c, &f, &err);
    assert(status == OK || (status == ERR_PARSE && err.text[0] && f.mistakes_n > 0));
    look_at_lines(&f.mistakes, f.mistakes_n);
    look_at_lines(&f.warnings, f.warnings_n);
    if (status == OK) {
        look_at(c);
        read_again(c);
    }
    config_close(c);
    config_findings_fini(&f);
    return 0;
}
