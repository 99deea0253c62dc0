// SPDX-License-Identifier: ISC
/*
 * Registers as gdb has them; see gdb_target.h. The order of the table is the
 * order of gdb's numbers: it follows the description, which names each.
 */
#include "hypervisor/monitor/gdb_target.h"

#include <stdio.h>
#include <string.h>

#define FX_MXCSR    24
#define FX_ST       32
#define FX_XMM      160
#define XSTATE_XCR0 464 // where gdb looks for it in a core
#define XSTATE      512 // XSAVE's header

enum where { GENERAL, FLAGS, SELECTOR, X87, CONTROL, XMM, MXCSR, BASE, STATE };

// `count` registers of `len` bytes: names are the prefix and a number, or
// those of a list.
static const struct group {
    const char *feature; // a new one begins
    const char *names;   // a list, or a prefix that ends in %
    const char *type;
    enum where where;
    unsigned count, len;
    unsigned component;  // of XSAVE's, for STATE
    unsigned at, stride; // in it
} groups[] = {
    {"org.gnu.gdb.i386.core",
     "rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip",
     "int64", GENERAL, 17, 8, 0, 0, 0},
    {NULL, "eflags", "i386_eflags", FLAGS, 1, 4, 0, 0, 0},
    {NULL, "cs ss ds es fs gs", "int32", SELECTOR, 6, 4, 0, 0, 0},
    {NULL, "st%", "i387_ext", X87, 8, 10, 0, 0, 0},
    {NULL, "fctrl fstat ftag fiseg fioff foseg fooff fop", "int32", CONTROL, 8,
     4, 0, 0, 0},
    {"org.gnu.gdb.i386.sse", "xmm%", "vec128", XMM, 16, 16, 0, 0, 0},
    {NULL, "mxcsr", "i386_mxcsr", MXCSR, 1, 4, 0, 0, 0},
    {"org.gnu.gdb.i386.segments", "fs_base gs_base", "int64", BASE, 2, 8, 0, 0,
     0},
    {"org.gnu.gdb.i386.avx", "ymm%h", "uint128", STATE, 16, 16, 2, 0, 16},
    {"org.gnu.gdb.i386.avx512", "k%", "uint64", STATE, 8, 8, 5, 0, 8},
    {NULL, "zmm%h", "v2ui128", STATE, 16, 32, 6, 0, 32},
    {NULL, "ymm+16h", "uint128", STATE, 16, 16, 7, 16, 64},
    {NULL, "xmm+16", "vec128", STATE, 16, 16, 7, 0, 64},
    {NULL, "zmm+16h", "v2ui128", STATE, 16, 32, 7, 32, 64},
};
#define NGROUPS (sizeof(groups) / sizeof(groups[0]))

// gdb takes all of AVX-512 or nothing.
static size_t groups_of(const struct hv_cpu *c)
{
    if ((c->xcr0 & 0xe4) == 0xe4)
        return NGROUPS;
    return c->xcr0 & 4 ? 9 : 8;
}

unsigned gdb_registers(const struct hv_cpu *c)
{
    unsigned n = 0;

    for (size_t i = 0; i < groups_of(c); i++)
        n += groups[i].count;
    return n;
}

static const struct group *group_of(unsigned *n)
{
    const struct group *g = groups;

    while (*n >= g->count)
        *n -= g++->count;
    return g;
}

size_t gdb_register_len(unsigned n)
{
    return group_of(&n)->len;
}

// -------------------------------------------------------------- components

// Where the processor has a state component in XSAVE's standard format.
static void component(unsigned i, uint32_t *at, uint32_t *len)
{
    uint32_t c, d;

    __asm__("cpuid"
            : "=a"(*len), "=b"(*at), "=c"(c), "=d"(d)
            : "a"(13), "c"(i));
}

static bool component_in(const struct hv_cpu *c, unsigned i, uint32_t *at)
{
    uint32_t len;

    component(i, at, &len);
    return len && *at <= c->xsave_len && len <= c->xsave_len - *at;
}

void gdb_plain(struct hv_cpu *c)
{
    uint64_t has;
    uint32_t at, len;

    memcpy(&has, c->xsave + XSTATE, sizeof(has));
    if (!(has & 1)) {
        memset(c->xsave, 0, FX_MXCSR);
        memset(c->xsave + FX_ST, 0, FX_XMM - FX_ST);
        c->xsave[0] = 0x7f; // the control word as after FNINIT
        c->xsave[1] = 3;
    }
    if (!(has & 2)) {
        const uint32_t mxcsr = 0x1f80;

        memset(c->xsave + FX_XMM, 0, 256);
        // Loaded with SSE or AVX whether this one is initial or not.
        if (!(has & 4))
            memcpy(c->xsave + FX_MXCSR, &mxcsr, sizeof(mxcsr));
    }
    has |= 3;
    for (unsigned i = 2; i < 8; i++) {
        if (!(c->xcr0 >> i & 1) || !component_in(c, i, &at))
            continue;
        component(i, &at, &len);
        if (!(has >> i & 1))
            memset(c->xsave + at, 0, len);
        has |= 1u << i;
    }
    memcpy(c->xsave + XSTATE, &has, sizeof(has));
}

size_t gdb_xstate(const struct hv_cpu *c, uint8_t out[GDB_XSTATE_MAX])
{
    static const struct {
        uint8_t i;
        uint16_t at, len;
    } known[] = {
        {2, 576, 256},   // the upper halves of ymm
        {5, 1088, 64},   // k0 to k7
        {6, 1152, 512},  // the upper halves of zmm0 to 15
        {7, 1664, 1024}, // zmm16 to 31
    };
    uint64_t has, xcr0 = c->xcr0 & 7;
    size_t len = 576;
    uint32_t at;

    memset(out, 0, GDB_XSTATE_MAX);
    memcpy(out, c->xsave, XSTATE + 64);
    if ((c->xcr0 & 0xe4) == 0xe4)
        xcr0 |= 0xe0;
    for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
        if (!(xcr0 >> known[k].i & 1))
            continue;
        len = known[k].at + known[k].len;
        if (component_in(c, known[k].i, &at) &&
            known[k].len <= c->xsave_len - at)
            memcpy(out + known[k].at, c->xsave + at, known[k].len);
    }
    memcpy(&has, c->xsave + XSTATE, sizeof(has));
    has &= xcr0;
    memcpy(out + XSTATE, &has, sizeof(has));
    memcpy(out + XSTATE_XCR0, &xcr0, sizeof(xcr0));
    return len;
}

// ----------------------------------------------------------------- registers

static uint64_t *general(struct hv_regs *r, unsigned n)
{
    uint64_t *const all[] = {&r->rax, &r->rbx, &r->rcx, &r->rdx, &r->rsi,
                             &r->rdi, &r->rbp, &r->rsp, &r->r8,  &r->r9,
                             &r->r10, &r->r11, &r->r12, &r->r13, &r->r14,
                             &r->r15, &r->rip};

    return all[n];
}

// The x87's control registers are 16 bits each but for two pointers.
static uint32_t control_get(const struct hv_cpu *c, unsigned n)
{
    static const uint8_t at[8] = {0, 2, 4, 12, 8, 20, 16, 6};
    uint16_t word, tags = 0;
    uint32_t offset;

    if (n == 2) { // one bit a register: is it in use
        for (unsigned i = 0; i < 8; i++)
            if (!(c->xsave[4] >> i & 1))
                tags |= 3u << 2 * i;
        return tags;
    }
    if (n == 4 || n == 6) {
        memcpy(&offset, c->xsave + at[n], sizeof(offset));
        return offset;
    }
    memcpy(&word, c->xsave + at[n], sizeof(word));
    return word;
}

static void control_set(struct hv_cpu *c, unsigned n, uint32_t value)
{
    static const uint8_t at[8] = {0, 2, 4, 12, 8, 20, 16, 6};

    if (n == 2) {
        c->xsave[4] = 0;
        for (unsigned i = 0; i < 8; i++)
            if ((value >> 2 * i & 3) != 3)
                c->xsave[4] |= (uint8_t)(1u << i);
    } else {
        memcpy(c->xsave + at[n], &value, n == 4 || n == 6 ? 4 : 2);
    }
}

// Where a register's bytes are, if they are plain bytes somewhere.
static void *place(struct hv_cpu *c, const struct group *g, unsigned n)
{
    uint32_t at;

    switch (g->where) {
    case GENERAL:
        return general(&c->regs, n);
    case FLAGS:
        return &c->regs.rflags;
    case X87:
        return c->xsave + FX_ST + 16 * n;
    case XMM:
        return c->xsave + FX_XMM + 16 * n;
    case MXCSR:
        return c->xsave + FX_MXCSR;
    case BASE:
        return n ? &c->gs_base : &c->fs_base;
    case STATE:
        if (!component_in(c, g->component, &at))
            return NULL;
        return c->xsave + at + g->at + g->stride * n;
    default:
        return NULL;
    }
}

void gdb_register_get(const struct hv_cpu *c, unsigned n, void *to)
{
    static const uint32_t selector[6] = {HV_CS, HV_SS, 0, 0, 0, 0};
    const struct group *g = group_of(&n);
    const void *from = place((struct hv_cpu *)c, g, n);
    uint32_t value;

    if (from) {
        memcpy(to, from, g->len);
        return;
    }
    memset(to, 0, g->len);
    if (g->where != SELECTOR && g->where != CONTROL)
        return;
    value = g->where == SELECTOR ? selector[n] : control_get(c, n);
    memcpy(to, &value, sizeof(value));
}

void gdb_register_set(struct hv_cpu *c, unsigned n, const void *from)
{
    const struct group *g = group_of(&n);
    void *to = place(c, g, n);
    uint32_t value;

    if (to) {
        memcpy(to, from, g->len);
    } else if (g->where == CONTROL) {
        memcpy(&value, from, sizeof(value));
        control_set(c, n, value);
    }
    // Selectors are what they are.
}

// -------------------------------------------------------------- description

struct text {
    char *at;
    size_t left, len;
};

static void add(struct text *t, const char *a, const char *b, const char *c)
{
    int n = snprintf(t->at, t->left, "%s%s%s", a, b, c);

    if (n < 0 || (size_t)n >= t->left)
        return;
    t->at += n;
    t->left -= (size_t)n;
    t->len += (size_t)n;
}

static void add_register(struct text *t, const struct group *g,
                         const char *name)
{
    char rest[96];

    snprintf(rest, sizeof(rest), "\" bitsize=\"%u\" type=\"%s\"/>", 8 * g->len,
             g->type);
    add(t, "<reg name=\"", name, rest);
}

static void add_group(struct text *t, const struct group *g)
{
    const size_t prefix = strcspn(g->names, "%+");
    const char *rest = g->names + prefix;
    unsigned from = *rest == '+' ? 16 : 0;
    char name[16];

    if (*rest) {
        rest += *rest == '+' ? 3 : 1;
        for (unsigned i = 0; i < g->count; i++) {
            snprintf(name, sizeof(name), "%.*s%u%s", (int)prefix, g->names,
                     from + i, rest);
            add_register(t, g, name);
        }
        return;
    }
    for (const char *at = g->names; *at;) {
        size_t len = strcspn(at, " ");

        snprintf(name, sizeof(name), "%.*s", (int)len, at);
        add_register(t, g, name);
        at += len + (at[len] == ' ');
    }
}

// Types that a feature's registers name.
static const char *types_of(const char *feature)
{
    static const char flags[] =
        "<flags id=\"i386_eflags\" size=\"4\">"
        "<field name=\"CF\" start=\"0\" end=\"0\"/>"
        "<field name=\"PF\" start=\"2\" end=\"2\"/>"
        "<field name=\"AF\" start=\"4\" end=\"4\"/>"
        "<field name=\"ZF\" start=\"6\" end=\"6\"/>"
        "<field name=\"SF\" start=\"7\" end=\"7\"/>"
        "<field name=\"TF\" start=\"8\" end=\"8\"/>"
        "<field name=\"IF\" start=\"9\" end=\"9\"/>"
        "<field name=\"DF\" start=\"10\" end=\"10\"/>"
        "<field name=\"OF\" start=\"11\" end=\"11\"/></flags>";
    static const char vectors[] =
        "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
        "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
        "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
        "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
        "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
        "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
        "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
        "<field name=\"v2_double\" type=\"v2d\"/>"
        "<field name=\"v16_int8\" type=\"v16i8\"/>"
        "<field name=\"v8_int16\" type=\"v8i16\"/>"
        "<field name=\"v4_int32\" type=\"v4i32\"/>"
        "<field name=\"v2_int64\" type=\"v2i64\"/>"
        "<field name=\"uint128\" type=\"uint128\"/></union>";
    static const char mxcsr[] =
        "<flags id=\"i386_mxcsr\" size=\"4\">"
        "<field name=\"IE\" start=\"0\" end=\"0\"/>"
        "<field name=\"DE\" start=\"1\" end=\"1\"/>"
        "<field name=\"ZE\" start=\"2\" end=\"2\"/>"
        "<field name=\"OE\" start=\"3\" end=\"3\"/>"
        "<field name=\"UE\" start=\"4\" end=\"4\"/>"
        "<field name=\"PE\" start=\"5\" end=\"5\"/></flags>";
    static char sse[sizeof(vectors) + sizeof(mxcsr)];

    if (strstr(feature, ".core"))
        return flags;
    if (strstr(feature, ".sse")) {
        snprintf(sse, sizeof(sse), "%s%s", vectors, mxcsr);
        return sse;
    }
    if (strstr(feature, ".avx512")) {
        snprintf(sse, sizeof(sse), "%s%s", vectors,
                 "<vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>");
        return sse;
    }
    return "";
}

size_t gdb_description(const struct hv_cpu *c, char *to, size_t max)
{
    struct text t = {to, max, 0};
    bool open = false;

    add(&t,
        "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
        "<target><architecture>i386:x86-64</architecture>",
        "", "");
    for (size_t i = 0; i < groups_of(c); i++) {
        const struct group *g = &groups[i];

        if (g->feature) {
            add(&t, open ? "</feature>" : "", "<feature name=\"", g->feature);
            add(&t, "\">", types_of(g->feature), "");
            open = true;
        }
        add_group(&t, g);
    }
    add(&t, "</feature></target>", "", "");
    return t.len;
}
