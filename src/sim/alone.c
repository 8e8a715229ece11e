/* Calls outside the threads of a session: is the model there, titles, safety. */
#include "sim/dev_internal.h"

/* One output token on the default model of each family, to see what is there. */
enum status alone_probe(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    const struct desk *desk = &s->org.desk[s->org.callers[d->as].desk];
    const uint32_t models[] = {dev_small_model(s, d, now_ms / 1000), desk->sonnet, desk->opus};
    struct call c = dev_call(s, d, now_ms, models[--d->probes_left]);
    c.op = OP_INVOKE;
    c.split_in_body = c.model_in_body = true;
    c.input = 8;
    c.output = 1;
    bool refused = rng_one_in(&d->rng, 12);
    c.body = !refused && !s->org.callers[d->as].no_bodies;
    c.kind = c.body ? CALL_PROBE : CALL_UNKNOWN;
    if (refused) {
        c.error = FAIL_ACCESS;
        c.no_counts = true;
    } else if (s->text) {
        c.in[c.in_n++] = STR("{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":1,"
                             "\"messages\":[{\"role\":\"user\",\"content\":\".\"}]}");
        answer_begin(&s->answer, &d->words, &c, s->org.models[c.model].body_name);
        answer_literal(&s->answer, STR("Hi"));
        answer_end(&s->answer, &c, "max_tokens", -1);
        c.out = buf_view(&s->answer.out);
    }
    *gap_ms = 40;
    if (d->probes_left == 0) {
        d->phase = d->titled ? PHASE_MAIN : PHASE_TITLE;
        *gap_ms = rng_between(&d->rng, 900, 9000);
    }
    return sim_emit(s, &c);
}

/* Request and answer of a call outside the threads. */
static void write_alone(struct sim *s, struct dev *d, struct call *c, size_t bytes)
{
    c->in_n = talk_request(&d->side, c->in);
    answer_begin(&s->answer, &d->words, c, s->org.models[c->model].body_name);
    answer_text(&s->answer, bytes);
    answer_end(&s->answer, c, "end_turn", -1);
    c->out = buf_view(&s->answer.out);
}

enum status alone_title(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    struct call c = dev_call(s, d, now_ms, d->model);
    c.op = OP_INVOKE_STREAM;
    c.split_in_body = c.model_in_body = true;
    c.input = 380 + rng_skewed(&d->rng, 10, 300);
    c.output = rng_between(&d->rng, 8, 24);
    if (s->text) {
        struct talk *t = &d->side;
        talk_clear(t);
        claude_head(s, t, &d->words, &d->setup, THREAD_TITLE, 0, d->session);
        talk_open_text(t);
        buf_printf(&t->last, "<session>\\n%llu ", (unsigned long long)++d->serial);
        sim_text(s, &d->words, TEXT_PROSE, 60, &t->last);
        buf_str(&t->last, STR("\\n</session>"));
        talk_close_text(t, PART_USER);
        write_alone(s, d, &c, 60);
    }
    d->phase = PHASE_MAIN;
    *gap_ms = 150;
    return dev_emit_alone(s, d, "title", &c);
}

/* Is this command line safe: asked by older clients, of the small model. */
enum status alone_safety(struct sim *s, struct dev *d, int64_t now_ms, int64_t *gap_ms)
{
    struct call c = dev_call(s, d, now_ms, dev_small_model(s, d, now_ms / 1000));
    c.op = OP_INVOKE_STREAM;
    c.split_in_body = c.model_in_body = true;
    c.input = 900 + rng_skewed(&d->rng, 10, 200);
    c.output = rng_between(&d->rng, 4, 12);
    if (s->text) {
        struct talk *t = &d->side;
        talk_clear(t);
        claude_head(s, t, &d->words, &d->setup, THREAD_SAFETY, 0, d->session);
        talk_open_text(t);
        buf_printf(&t->last, "Command %llu: ", (unsigned long long)++d->serial);
        sim_text(s, &d->words, TEXT_CODE, 30, &t->last);
        talk_close_text(t, PART_USER);
        write_alone(s, d, &c, 20);
    }
    d->phase = PHASE_MAIN;
    *gap_ms = 700;
    return dev_emit_alone(s, d, "bash", &c);
}
