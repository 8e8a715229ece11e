/* Claude Code's reminders in messages: see claude.h. */
#include "sim/claude.h"

#include "sim/words.h"

static const char OPEN[] = "<system-reminder>\\n";
static const char CLOSE[] = "</system-reminder>";

static const char *const builtin_deferred[] = {"CronCreate", "CronList", "NotebookEdit",
                                               "TaskCreate", "TaskGet",  "WebFetch"};

static void open_reminder(struct talk *t)
{
    talk_open_text(t);
    buf_printf(&t->last, "%s", OPEN);
}

static void close_reminder(struct talk *t, enum request_part part)
{
    buf_printf(&t->last, "%s", CLOSE);
    talk_close_text(t, part);
}

/* A line that names a server or one of its tools counts for the server, with its end. */
static void put_name(struct talk *t, uint32_t server, const char *name)
{
    buf_printf(&t->last, "%s\\n", name);
    t->of_last.server[server].name += (uint32_t)strlen(name) + 1;
}

static void put_tool_names(struct talk *t, const struct setup *u, uint32_t from, uint32_t to)
{
    char name[96];
    for (uint32_t i = from; i < to; i++)
        for (uint32_t tool = 0; tool < MCP_TOOLS; tool++) {
            claude_mcp_name(u->server[i], tool, name, sizeof name);
            put_name(t, i, name);
        }
}

/* The names count as what they name, the rest of the block as built-in tools. */
static void close_deferred(struct talk *t, const struct sizes *before)
{
    close_reminder(t, PART_TOOLS);
    for (int i = 0; i < SIZES_SERVERS; i++) {
        uint32_t names = t->of_last.server[i].name - before->server[i].name;
        t->of_last.part[PART_MCP] += names;
        t->of_last.part[PART_TOOLS] -= names;
    }
}

static void remind_deferred(struct talk *t, const struct setup *u, bool connected)
{
    struct sizes before = t->of_last;
    bool waiting = u->slow && u->servers_n && !connected;
    uint32_t known = u->servers_n - waiting;
    open_reminder(t);
    buf_str(&t->last, STR("The following deferred tools are now available (load one with "
                          "select:<name>):\\n"));
    for (size_t i = 0; i < sizeof builtin_deferred / sizeof builtin_deferred[0]; i++)
        buf_printf(&t->last, "%s\\n", builtin_deferred[i]);
    put_tool_names(t, u, 0, known);
    if (waiting) {
        buf_str(&t->last,
                STR("\\nThe following MCP servers are still connecting, their tools come later:"
                    "\\n"));
        put_name(t, known, words_at(&WORDS_MCP_SERVER, u->server[known]));
        buf_str(&t->last, STR("\\n"));
    }
    close_deferred(t, &before);
}

void claude_remind_late(struct talk *t, const struct setup *u)
{
    if (!t->text)
        return;
    struct sizes before = t->of_last;
    open_reminder(t);
    buf_str(&t->last, STR("The following deferred tools are now available (load one with "
                          "select:<name>):\\n"));
    put_tool_names(t, u, u->servers_n - 1, u->servers_n);
    close_deferred(t, &before);
}

static void remind_instructions(const struct sim *s, struct talk *t, const struct setup *u)
{
    struct rng r = claude_texts(s, u, 17);
    open_reminder(t);
    buf_str(&t->last, STR("# MCP Server Instructions\\n\\n"));
    for (uint32_t i = 0; i < u->servers_n; i++) {
        size_t from = t->last.n;
        buf_printf(&t->last, "## %s\\n", words_at(&WORDS_MCP_SERVER, u->server[i]));
        text_append(s->text, TEXT_PROSE, &r, rng_between(&r, 300, 1800), &t->last);
        buf_str(&t->last, STR("\\n\\n"));
        t->of_last.server[i].note += text_decoded(str_skip(buf_view(&t->last), from));
    }
    close_reminder(t, PART_MCP);
}

static void put_described(const struct sim *s, struct buf *b, struct rng *r, const char *name)
{
    buf_printf(b, "- %s: ", name);
    text_append(s->text, TEXT_PROSE, r, rng_between(r, 80, 400), b);
    buf_str(b, STR("\\n"));
}

static void remind_agents(const struct sim *s, struct talk *t, const struct setup *u)
{
    struct rng r = claude_texts(s, u, 18);
    open_reminder(t);
    buf_str(&t->last, STR("Available agent types for the Agent tool:\\n"));
    for (uint32_t i = 0; i < AGENT_TYPES; i++)
        put_described(s, &t->last, &r, claude_agent_type(i));
    close_reminder(t, PART_AGENTS);
}

static void remind_skills(const struct sim *s, struct talk *t, const struct setup *u)
{
    struct rng r = claude_texts(s, u, 19);
    open_reminder(t);
    buf_str(&t->last, STR("The following skills are available for use\\n\\n"));
    for (uint32_t i = 0; i < u->skills_n; i++)
        put_described(s, &t->last, &r, words_at(&WORDS_SKILL, u->skill + i));
    close_reminder(t, PART_SKILLS);
}

/* Memory is the section of the files; what is around it is the environment. */
static void remind_context(const struct sim *s, struct talk *t, const struct setup *u)
{
    struct rng r = claude_texts(s, u, 20);
    open_reminder(t);
    buf_str(&t->last, STR("As you answer the user's questions, use this context:\\n"));
    size_t from = t->last.n;
    buf_printf(&t->last,
               "# claudeMd\\nContents of /home/dev/src/%s/CLAUDE.md (project instructions):"
               "\\n\\n",
               u->repo);
    text_append(s->text, TEXT_PROSE, &r, 1500 * (size_t)s->options.body_scale / 100, &t->last);
    buf_str(&t->last, STR("\\n"));
    uint32_t memory = text_decoded(str_skip(buf_view(&t->last), from));
    buf_str(&t->last, STR("# currentDate\\nToday's date is in the log.\\n"));
    close_reminder(t, PART_ENVIRONMENT);
    t->of_last.part[PART_ENVIRONMENT] -= memory;
    t->of_last.part[PART_MEMORY] += memory;
}

void claude_reminders(const struct sim *s, struct talk *t, const struct setup *u,
                      enum thread_kind kind, bool connected)
{
    if (!t->text)
        return;
    if (u->deferred)
        remind_deferred(t, u, connected);
    if (u->servers_n)
        remind_instructions(s, t, u);
    if (kind == THREAD_MAIN)
        remind_agents(s, t, u);
    remind_skills(s, t, u);
    remind_context(s, t, u);
}
