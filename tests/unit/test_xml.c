/* codec/xml: what AWS answers is understood, what tries tricks is refused as a whole. */
#include "codec/xml.h"
#include "unit.h"

#include "base/buf.h"

#include <stdio.h>

/* What a visitor sees, as one text: <name for each opening, >name=text for each closing. */
struct seen {
    struct buf b;
    enum status stop; /* at the element "stop" */
};

static enum status on_open(void *ctx, struct str name, struct err *err)
{
    struct seen *s = ctx;
    buf_printf(&s->b, "<%.*s ", STR_ARG(name));
    if (s->stop != OK && str_eq(name, STR("stop")))
        return err_set(err, s->stop, "enough");
    return OK;
}

static enum status on_close(void *ctx, struct str name, struct str text, struct err *err)
{
    struct seen *s = ctx;
    buf_printf(&s->b, ">%.*s=%.*s ", STR_ARG(name), STR_ARG(text));
    if (s->stop != OK && str_eq(name, STR("stop-here")))
        return err_set(err, s->stop, "enough");
    return OK;
}

static enum status read_as(struct seen *s, struct str xml, struct err *err)
{
    const struct xml_visitor v = {s, on_open, on_close};
    buf_init(&s->b, 16 << 20);
    *err = (struct err){.offset = -2};
    return xml_read(xml, &v, err);
}

static void assert_seen(const char *xml, const char *wanted)
{
    struct seen s = {.stop = OK};
    struct err err;
    if (read_as(&s, str_from(xml), &err) != OK)
        fail_msg("%s: %s", xml, err.text);
    if (!str_eq(buf_view(&s.b), str_from(wanted)))
        fail_msg("%s\nwanted: %s\ngot:    %.*s", xml, wanted, STR_ARG(buf_view(&s.b)));
    buf_fini(&s.b);
}

static void a_listing_of_s3_is_walked(void **state)
{
    (void)state;
    assert_seen("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                "<Name>logs</Name><KeyCount>1</KeyCount>"
                "<Contents><Key>AWSLogs/a%3Db.gz</Key><ETag>&quot;d41d&quot;</ETag>"
                "<Size>7</Size></Contents><StartAfter/></ListBucketResult>",
                "<ListBucketResult <Name >Name=logs <KeyCount >KeyCount=1 <Contents "
                "<Key >Key=AWSLogs/a%3Db.gz <ETag >ETag=\"d41d\" <Size >Size=7 >Contents= "
                "<StartAfter >StartAfter= >ListBucketResult= ");
}

static void text_belongs_to_the_element_it_stands_in_directly(void **state)
{
    (void)state;
    assert_seen("<a>x<b>y<c>z</c>w</b>u<d/>v</a>", "<a <b <c >c=z >b=yw <d >d= >a=xuv ");
    assert_seen("<a> \n <b> t </b>\t</a>", "<a <b >b= t  >a= \n \t ");
}

static void entities_cdata_comments_and_prefixes_are_resolved(void **state)
{
    (void)state;
    assert_seen("<a>&lt;&amp;&gt;&apos;&quot;&#65;&#x20AC;</a>", "<a >a=<&>'\"A\xe2\x82\xac ");
    assert_seen("<a><![CDATA[<b>&amp;]]>c<!-- d --><?e f?></a>", "<a >a=<b>&amp;c ");
    assert_seen("<s:a xmlns:s='u'><s:b c='d'>e</s:b></s:a>", "<a <b >b=e >a= ");
    assert_seen("\xef\xbb\xbf<a>\xc3\xbc</a>", "<a >a=\xc3\xbc ");
    assert_seen("<a>1\r\n2\r3</a>", "<a >a=1\n2\n3 ");
}

static void assert_refused(struct str xml, enum status wanted, const char *secret)
{
    struct seen s = {.stop = OK};
    struct err err;
    enum status status = read_as(&s, xml, &err);
    if (status != wanted || err.status != wanted)
        fail_msg("%.*s: %s, wanted %s", (int)(xml.n < 80 ? xml.n : 80), xml.p, status_text(status),
                 status_text(wanted));
    assert_true(err.text[0] != '\0');
    assert_true(err.offset >= -1 && err.offset <= (int64_t)xml.n);
    if (secret && (strstr(err.text, secret) || str_find(buf_view(&s.b), str_from(secret)) >= 0))
        fail_msg("tells: %s", err.text);
    buf_fini(&s.b);
}

static void every_doctype_is_refused_before_anything_is_expanded(void **state)
{
    (void)state;
    static const char *const tricks[] = {
        "<!DOCTYPE a><a/>",
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1/secret'><a/>",
        "<!DOCTYPE a PUBLIC 'x' 'file:///etc/secret'><a/>",
        "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/secret'>]><a>&e;</a>",
        "<!DOCTYPE a [<!ENTITY e 'secret'>]><a>&e;</a>",
        ("<!DOCTYPE a [<!ENTITY e 'secret'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>"
         "<!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'>]><a>&g;</a>"),
        "<!DOCTYPE a [<!ENTITY % p SYSTEM 'secret.dtd'> %p;]><a/>",
        "<!DOCTYPE a [<!ENTITY a '&b;'><!ENTITY b '&a;'>]><a>&a;</a>",
        "<!DOCTYPE a [<!ATTLIST a b CDATA 'secret'>]><a/>",
    };
    for (size_t i = 0; i < sizeof tricks / sizeof tricks[0]; i++)
        assert_refused(str_from(tricks[i]), ERR_PARSE, "secret");
}

static void what_is_not_well_formed_is_refused_without_its_text(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        " ",
        "secret",
        "<secret",
        "<a>secret",
        "<a>secret</b>",
        "<a>&secret;</a>",
        "<a secret></a>",
        "<a/>secret",
        "<a/><a/>",
        "<a b='1' b='2'/>",
        "<a>&#0;</a>",
        "<a>&#x1;</a>",
        "<a>\x01</a>",
        "<a>\xff\xfe</a>",
        "<a>\xc3</a>",
        "<a>\xed\xa0\x80</a>",
        "<a><![CDATA[secret</a>",
        "<!-- -- --><a/>",
        "<1a/>",
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_refused(str_from(broken[i]), ERR_PARSE, NULL);
    struct err err;
    struct seen s = {.stop = OK};
    assert_int_equal(read_as(&s, STR("<a>\n<b>\nsecret</c>"), &err), ERR_PARSE);
    assert_null(strstr(err.text, "secret"));
    assert_non_null(strstr(err.text, "line 3"));
    buf_fini(&s.b);
    assert_refused(STR("<a>b\0c</a>"), ERR_PARSE, NULL);
    assert_refused(STR_NONE, ERR_PARSE, NULL);
}

static void an_encoding_that_the_document_claims_does_not_count(void **state)
{
    (void)state;
    assert_seen("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xc3\xbc</a>", "<a >a=\xc3\xbc ");
    struct seen s = {.stop = OK};
    struct err err;
    assert_int_equal(read_as(&s, STR("\xff\xfe<\0a\0>\0\xfc\0<\0/\0a\0>\0"), &err), OK);
    assert_true(str_eq(buf_view(&s.b), STR("<a >a=\xc3\xbc ")));
    buf_fini(&s.b);
    assert_refused(STR("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xfc</a>"), ERR_PARSE, NULL);
}

static void nested(struct buf *b, int depth)
{
    buf_init(b, 64 << 20);
    for (int i = 0; i < depth; i++)
        buf_str(b, STR("<a>"));
    for (int i = 0; i < depth; i++)
        buf_str(b, STR("</a>"));
}

static void elements_lie_32_deep_and_not_one_more(void **state)
{
    (void)state;
    static const struct {
        int depth;
        enum status status;
    } tries[] = {{XML_DEPTH_MAX, OK}, {XML_DEPTH_MAX + 1, ERR_LIMIT}, {1000000, ERR_LIMIT}};
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct buf b;
        struct seen s = {.stop = OK};
        struct err err;
        nested(&b, tries[i].depth);
        assert_int_equal(read_as(&s, buf_view(&b), &err), tries[i].status);
        buf_fini(&s.b);
        buf_fini(&b);
    }
}

/* Side by side they do not add up, and what lies around an element counts. */
static void a_text_may_be_as_long_as_the_limit(void **state)
{
    (void)state;
    static const struct {
        size_t before, n;
        int times;
        enum status status;
    } tries[] = {{0, XML_TEXT_MAX, 2, OK},
                 {0, XML_TEXT_MAX + 1, 1, ERR_LIMIT},
                 {1, XML_TEXT_MAX, 1, ERR_LIMIT},
                 {1, XML_TEXT_MAX - 1, 2, OK}};
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        struct buf b;
        const struct xml_visitor nobody = {NULL, NULL, NULL};
        buf_init(&b, 64 << 20);
        buf_str(&b, STR("<a>"));
        buf_fill(&b, 'x', tries[i].before);
        for (int k = 0; k < tries[i].times; k++) {
            buf_str(&b, STR("<b>"));
            buf_fill(&b, 'x', tries[i].n);
            buf_str(&b, STR("</b>"));
        }
        buf_str(&b, STR("</a>"));
        assert_int_equal(xml_read(buf_view(&b), &nobody, NULL), tries[i].status);
        buf_fini(&b);
    }
    assert_int_equal(
        xml_read(str_of("<a/>", (size_t)XML_BYTES_MAX + 1), &(struct xml_visitor){0}, NULL),
        ERR_LIMIT);
}

static void a_visitor_ends_the_reading_with_its_own_error(void **state)
{
    (void)state;
    static const char *const documents[][2] = {
        {"<a><b/><stop><c/></stop><d/></a>", "<a <b >b= <stop "},
        {"<a><stop/></a>", "<a <stop "},
        {"<a><stop-here>x</stop-here><c/></a>", "<a <stop-here >stop-here=x "},
        {"<stop-here/>", "<stop-here >stop-here= "},
    };
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        struct seen s = {.stop = ERR_FULL};
        struct err err;
        assert_int_equal(read_as(&s, str_from(documents[i][0]), &err), ERR_FULL);
        assert_string_equal(err.text, "enough");
        assert_true(str_eq(buf_view(&s.b), str_from(documents[i][1])));
        buf_fini(&s.b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_of_s3_is_walked),
        cmocka_unit_test(text_belongs_to_the_element_it_stands_in_directly),
        cmocka_unit_test(entities_cdata_comments_and_prefixes_are_resolved),
        cmocka_unit_test(every_doctype_is_refused_before_anything_is_expanded),
        cmocka_unit_test(what_is_not_well_formed_is_refused_without_its_text),
        cmocka_unit_test(an_encoding_that_the_document_claims_does_not_count),
        cmocka_unit_test(elements_lie_32_deep_and_not_one_more),
        cmocka_unit_test(a_text_may_be_as_long_as_the_limit),
        cmocka_unit_test(a_visitor_ends_the_reading_with_its_own_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
