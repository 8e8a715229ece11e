/* What the user of a coding assistant types: plain words, commands, shell lines, files, images. */
#include "sim/dev_internal.h"

#include "sim/words.h"

enum typed {
    TYPE_PLAIN,
    TYPE_SKILL,     /* a slash command that runs a skill */
    TYPE_LOCAL,     /* one that the client answers itself, then words */
    TYPE_SHELL,     /* a line with ! before it */
    TYPE_INTERRUPT, /* stops the model, then words */
    TYPE_FILE,      /* a file is put in by the client, then words */
    TYPE_IMAGE,     /* a picture without a word */
    TYPES,
};

enum {
    SKILL_TOKENS = 700,
    FILE_TOKENS = 2500,
    IMAGE_TOKENS = 1500,
    IMAGE_BYTES = 1500,
    OVERSIZED_TOKENS = 26000,
    EARLIER = 3
};

static enum typed draw_type(struct dev *d, bool first)
{
    uint32_t draw = rng_below(&d->rng, 140);
    if (d->harness != CLAUDE_CODE)
        return TYPE_PLAIN;
    if (dev_has(d, SCENE_COMMANDS) && d->typed < TYPES)
        return (enum typed)d->typed;
    if (draw < 10)
        return TYPE_SKILL;
    bool hand = strcmp(d->setup.entrypoint, "cli") == 0 && !first;
    return hand && draw < 10 + TYPES - TYPE_LOCAL ? (enum typed)(TYPE_LOCAL + draw - 10)
                                                  : TYPE_PLAIN;
}

static void type_words(struct sim *s, struct dev *d, uint32_t tokens)
{
    struct talk *t = &d->main.talk;
    talk_open_text(t);
    if (s->text)
        buf_printf(&t->last, "Question %llu: ", (unsigned long long)++d->serial);
    else
        d->serial++;
    sim_text(s, &d->words, TEXT_PROSE, tokens, &t->last);
    talk_close_text(t, PART_USER);
    d->main.history += tokens;
}

static void block(struct sim *s, struct dev *d, const char *before, uint32_t tokens,
                  const char *after, enum request_part part)
{
    struct talk *t = &d->main.talk;
    if (!s->text)
        return;
    talk_open_text(t);
    buf_printf(&t->last, "%s", before);
    sim_text(s, &d->words, TEXT_OUTPUT, tokens, &t->last);
    buf_printf(&t->last, "%s", after);
    talk_close_text(t, part);
}

static void add_command(struct dev *d, const char *name)
{
    if (d->main.commands_n < TAIL_COMMANDS)
        d->main.command[d->main.commands_n++] = name;
}

static void type_skill(struct sim *s, struct dev *d, uint32_t tokens)
{
    struct talk *t = &d->main.talk;
    uint32_t which = d->setup.skill + d->typed % d->setup.skills_n;
    const char *skill = words_at(&WORDS_SKILL, which);
    add_command(d, skill);
    d->main.history += tokens + SKILL_TOKENS;
    d->serial++;
    if (!s->text)
        return;
    talk_open_text(t);
    buf_printf(&t->last,
               "<command-message>%s is running</command-message>\\n<command-name>/%s"
               "</command-name>\\n<command-args>%llu ",
               skill, skill, (unsigned long long)d->serial);
    sim_text(s, &d->words, TEXT_PROSE, tokens, &t->last);
    buf_str(&t->last, STR("</command-args>"));
    talk_close_text(t, PART_USER);
    talk_open_text(t);
    buf_printf(&t->last, "Base directory for this skill: /home/dev/.claude/skills/%s\\n\\n", skill);
    sim_text(s, &d->words, TEXT_PROSE, SKILL_TOKENS, &t->last);
    buf_printf(&t->last, "\\n\\nARGUMENTS: %llu", (unsigned long long)d->serial);
    talk_close_text(t, PART_SKILLS);
}

static void type_image(struct sim *s, struct dev *d)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char base64[IMAGE_BYTES];
    d->main.history += IMAGE_TOKENS;
    if (!s->text)
        return;
    for (size_t i = 0; i < sizeof base64; i++)
        base64[i] = digits[rng_below(&d->words, 64)];
    talk_image(&d->main.talk, str_of(base64, sizeof base64));
}

static void type(struct sim *s, struct dev *d, enum typed what, uint32_t tokens)
{
    switch (what) {
    case TYPE_SKILL:
        type_skill(s, d, tokens);
        return;
    case TYPE_SHELL:
        block(s, d, "<bash-input>make ", 12, "</bash-input>", PART_USER);
        block(s, d, "<bash-stdout>", tokens, "</bash-stdout><bash-stderr></bash-stderr>",
              PART_REMINDERS);
        d->main.history += tokens + 12;
        return;
    case TYPE_IMAGE:
        type_image(s, d);
        return;
    case TYPE_LOCAL:
        add_command(d, "model");
        block(s, d, "<local-command-caveat>Caveat: ", 20, "</local-command-caveat>",
              PART_REMINDERS);
        block(s, d,
              "<command-name>/model</command-name>\\n            <command-message>model"
              "</command-message>\\n            <command-args>",
              0, "</command-args>", PART_REMINDERS);
        block(s, d, "<local-command-stdout>Set model ", 0, "</local-command-stdout>",
              PART_REMINDERS);
        break;
    case TYPE_INTERRUPT:
        d->main.interrupts++;
        block(s, d, "[Request interrupted by user]", 0, "", PART_REMINDERS);
        break;
    case TYPE_FILE:
        block(s, d,
              "<system-reminder>\\nCalled the Read tool with the following input: "
              "{\\\"file_path\\\":\\\"/home/dev/notes.md\\\"}",
              0, "\\n</system-reminder>", PART_REMINDERS);
        block(s, d, "<system-reminder>\\nResult of calling the Read tool: ", FILE_TOKENS,
              "\\n</system-reminder>", PART_REMINDERS);
        d->main.history += FILE_TOKENS;
        break;
    case TYPE_PLAIN:
    case TYPES:
        break;
    }
    type_words(s, d, tokens);
}

void dev_prompt(struct sim *s, struct dev *d)
{
    struct thread *th = &d->main;
    bool first = d->typed == 0;
    uint32_t tokens = rng_skewed(&d->rng, 8, 1200);
    if (first && dev_has(d, SCENE_OVERSIZED))
        tokens += OVERSIZED_TOKENS;
    s->prompts++;
    type(s, d, draw_type(d, first), tokens);
    th->prompts++;
    th->human++;
    d->typed++;
}

void dev_next_message(struct thread *th)
{
    th->prompts = th->interrupts = th->attempts = 0;
    th->results_n = th->commands_n = 0;
    th->answered = true;
}

void dev_earlier(struct sim *s, struct dev *d)
{
    struct thread *th = &d->main;
    for (int i = 0; i < EARLIER; i++) {
        struct call c = {.op = OP_INVOKE_STREAM};
        uint32_t tokens = rng_between(&d->rng, 200, 900);
        type_words(s, d, tokens);
        th->human++;
        answer_begin(&s->answer, &d->words, &c, STR(""));
        answer_text(&s->answer, sim_bytes(s, tokens));
        talk_answered(&th->talk, buf_view(&s->answer.blocks));
        th->history += tokens;
        dev_next_message(th);
    }
}
