/*
 * The one C++ file: simdjson's first stage for json.c. It validates UTF-8, finds the structural
 * characters outside strings and the first byte of every scalar, with the widest instructions that
 * the processor has (chosen at run time).
 *
 * Why the first stage and not the On Demand front end: the index is a plain array, so that the walk
 * over it is C, can be copied as a value, may visit an object twice, and covers many records with
 * one call (records without bodies are some hundred bytes long).
 */
#include "codec/json_scan.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>

#include <simdjson.h>

/*
 * On first use simdjson asks which instructions the processor has, and makes some strings for that
 * with the `new` that throws, in functions that must not throw: without memory it would end the
 * process. Those few hundred bytes are set aside here. Everything else takes its memory with the
 * `new` that answers NULL.
 */
alignas(std::max_align_t) static char reserve[4096];
static std::atomic<size_t> reserve_used;

static void *take_reserve(size_t n)
{
    const size_t align = alignof(std::max_align_t);
    const size_t size = (n + align - 1) / align * align;
    const size_t at = reserve_used.fetch_add(size);
    return size >= n && at + size <= sizeof reserve ? reserve + at : nullptr;
}

static void give_back(void *p)
{
    const char *c = static_cast<char *>(p);
    if (c < reserve || c >= reserve + sizeof reserve)
        std::free(p);
}

void *operator new(size_t n)
{
    void *p = std::malloc(n ? n : 1);
    if (!p)
        p = take_reserve(n);
    if (!p)
        __builtin_trap(); /* as the library would end, but for much less */
    return p;
}

void *operator new(size_t n, const std::nothrow_t &) noexcept
{
    return std::malloc(n ? n : 1);
}

void *operator new[](size_t n, const std::nothrow_t &) noexcept
{
    return std::malloc(n ? n : 1);
}

void operator delete(void *p) noexcept
{
    give_back(p);
}

void operator delete(void *p, size_t) noexcept
{
    give_back(p);
}

void operator delete(void *p, const std::nothrow_t &) noexcept
{
    give_back(p);
}

/* All forms: a library loaded before libstdc++ (a sanitizer's) would take those left out. */
void *operator new[](size_t n)
{
    return operator new(n);
}

void operator delete[](void *p) noexcept
{
    give_back(p);
}

void operator delete[](void *p, size_t) noexcept
{
    give_back(p);
}

void operator delete[](void *p, const std::nothrow_t &) noexcept
{
    give_back(p);
}

struct json_scan {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
    size_t capacity = 0;
};

extern "C" json_scan *json_scan_new(void)
{
    return new (std::nothrow) json_scan;
}

extern "C" void json_scan_free(json_scan *s)
{
    delete s;
}

extern "C" int json_scan_reserve(json_scan *s, size_t n)
{
    if (s->stage && n <= s->capacity)
        return 0;
    /* The depth sizes the buffers of the second stage, which is never run. */
    if (s->stage) {
        if (s->stage->set_capacity(n) != simdjson::SUCCESS) {
            s->capacity = 0;
            return -1;
        }
    } else if (simdjson::get_active_implementation()->create_dom_parser_implementation(
                   n, 1, s->stage) != simdjson::SUCCESS) {
        s->stage.reset();
        return -1;
    }
    s->capacity = n;
    return 0;
}

extern "C" json_scan_result json_scan_run(json_scan *s, const char *p, size_t n,
                                          const uint32_t **at, size_t *at_n)
{
    const auto *bytes = reinterpret_cast<const uint8_t *>(p);
    simdjson::error_code code = s->stage->stage1(bytes, n, simdjson::stage1_mode::regular);
    *at = s->stage->structural_indexes.get();
    *at_n = s->stage->n_structural_indexes;
    switch (code) {
    case simdjson::SUCCESS:
        return SCAN_OK;
    case simdjson::EMPTY: /* white space only */
        *at_n = 0;
        return SCAN_OK;
    case simdjson::UTF8_ERROR:
        return SCAN_UTF8;
    case simdjson::UNESCAPED_CHARS:
        return SCAN_CONTROL;
    case simdjson::UNCLOSED_STRING:
        return SCAN_OPEN_STRING;
    case simdjson::MEMALLOC:
        return SCAN_NOMEM;
    default:
        return SCAN_OTHER;
    }
}
