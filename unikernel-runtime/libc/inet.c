// SPDX-License-Identifier: ISC
// Internet addresses as text.
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct in6_addr in6addr_any = IN6ADDR_ANY_INIT;
const struct in6_addr in6addr_loopback = IN6ADDR_LOOPBACK_INIT;

uint16_t(htons)(uint16_t x)
{
    return htons(x);
}

uint16_t(ntohs)(uint16_t x)
{
    return ntohs(x);
}

uint32_t(htonl)(uint32_t x)
{
    return htonl(x);
}

uint32_t(ntohl)(uint32_t x)
{
    return ntohl(x);
}

// One to four numbers of any base; the last fills what is left.
int inet_aton(const char *text, struct in_addr *address)
{
    uint32_t part[4];
    int n = 0;
    for (;;) {
        char *end;
        if (!isdigit((unsigned char)*text))
            return 0;
        unsigned long v = strtoul(text, &end, 0);
        if (v > 0xffffffff || end == text)
            return 0;
        part[n++] = v;
        text = end;
        if (*text != '.' || n == 4)
            break;
        text++;
    }
    if (*text && !isspace((unsigned char)*text))
        return 0;
    uint32_t all = part[n - 1];
    for (int i = 0; i < n - 1; i++) {
        if (part[i] > 255)
            return 0;
        all |= part[i] << (24 - 8 * i);
    }
    if (n > 1 && part[n - 1] >= 1ul << (8 * (5 - n)))
        return 0;
    if (address)
        address->s_addr = htonl(all);
    return 1;
}

in_addr_t inet_addr(const char *text)
{
    struct in_addr a;
    return inet_aton(text, &a) ? a.s_addr : INADDR_NONE;
}

in_addr_t inet_network(const char *text)
{
    struct in_addr a;
    return inet_aton(text, &a) ? ntohl(a.s_addr) : INADDR_NONE;
}

static int host_bits(in_addr_t a)
{
    return IN_CLASSA(a) ? 24 : IN_CLASSB(a) ? 16 : 8;
}

in_addr_t inet_netof(struct in_addr address)
{
    in_addr_t a = ntohl(address.s_addr);
    return a >> host_bits(a);
}

in_addr_t inet_lnaof(struct in_addr address)
{
    in_addr_t a = ntohl(address.s_addr);
    return a & ((1u << host_bits(a)) - 1);
}

struct in_addr inet_makeaddr(in_addr_t net, in_addr_t host)
{
    int bits = net < 0x80 ? 24 : net < 0x10000 ? 16 : 8;
    struct in_addr a = {htonl(net << bits | (host & ((1u << bits) - 1)))};
    return a;
}

char *inet_ntoa(struct in_addr address)
{
    static char text[INET_ADDRSTRLEN];
    return (char *)inet_ntop(AF_INET, &address, text, sizeof text);
}

// Exactly four numbers without leading zeros; returns where they end.
static const char *v4_read(const char *text, uint8_t *out)
{
    for (int i = 0; i < 4; i++) {
        unsigned v = 0;
        int digits = 0;
        if (i && *text++ != '.')
            return NULL;
        for (; isdigit((unsigned char)*text); text++, digits++)
            if ((digits && !v) || (v = v * 10 + (*text - '0')) > 255)
                return NULL;
        if (!digits)
            return NULL;
        out[i] = v;
    }
    return text;
}

static int v6_read(const char *text, uint8_t *out)
{
    uint8_t a[16] = {0};
    int at = 0, gap = -1;
    if (text[0] == ':' && text[1] != ':')
        return 0;
    if (text[0] == ':')
        text++;
    for (;;) {
        if (*text == ':') { // the second of two
            if (gap >= 0)
                return 0;
            gap = at;
            if (!*++text)
                break;
        }
        unsigned v = 0;
        int digits = 0;
        const char *group = text;
        for (; isxdigit((unsigned char)*text) && digits < 5; text++, digits++) {
            int c = tolower((unsigned char)*text);
            v = v << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
        }
        if (*text == '.' && at <= 12) {
            text = v4_read(group, a + at);
            at += 4;
            if (!text || *text)
                return 0;
            break;
        }
        if (!digits || digits > 4 || at > 14)
            return 0;
        a[at++] = v >> 8;
        a[at++] = v;
        if (!*text)
            break;
        if (*text++ != ':' || !*text)
            return 0;
    }
    if (gap < 0 ? at != 16 : at > 14)
        return 0;
    if (gap >= 0) {
        memmove(a + 16 - (at - gap), a + gap, at - gap);
        memset(a + gap, 0, 16 - at);
    }
    memcpy(out, a, sizeof a);
    return 1;
}

int inet_pton(int family, const char *restrict text, void *restrict address)
{
    if (family == AF_INET) {
        uint8_t a[4];
        const char *end = v4_read(text, a);
        if (!end || *end)
            return 0;
        memcpy(address, a, sizeof a);
        return 1;
    }
    if (family == AF_INET6)
        return v6_read(text, address);
    errno = EAFNOSUPPORT;
    return -1;
}

// RFC 5952: the longest run of zeros, the first of equals, becomes "::".
static void v6_write(const uint8_t *a, char *out)
{
    int best = -1, best_len = 1;
    for (int i = 0; i < 8; i++) {
        int len = 0;
        while (i + len < 8 && !a[2 * (i + len)] && !a[2 * (i + len) + 1])
            len++;
        if (len > best_len) {
            best = i;
            best_len = len;
        }
    }
    int mapped =
        best == 0 &&
        ((best_len == 5 && a[10] == 0xff && a[11] == 0xff) || best_len == 6);
    int end = mapped ? 6 : 8;
    *out = '\0';
    for (int i = 0; i < end; i++) {
        if (i == best) {
            out += sprintf(out, "::");
            i += best_len - 1;
            continue;
        }
        int first = i == 0 || i == best + best_len;
        out += sprintf(out,
                       first && best >= 0 ? "%x"
                       : i                ? ":%x"
                                          : "%x",
                       a[2 * i] << 8 | a[2 * i + 1]);
    }
    if (mapped)
        sprintf(out, best_len == 6 ? "%u.%u.%u.%u" : ":%u.%u.%u.%u", a[12],
                a[13], a[14], a[15]);
}

const char *inet_ntop(int family, const void *restrict address,
                      char *restrict text, socklen_t len)
{
    char all[INET6_ADDRSTRLEN + 8];
    const uint8_t *a = address;
    if (family == AF_INET)
        sprintf(all, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
    else if (family == AF_INET6)
        v6_write(a, all);
    else {
        errno = EAFNOSUPPORT;
        return NULL;
    }
    if (strlen(all) >= len) {
        errno = ENOSPC;
        return NULL;
    }
    return strcpy(text, all);
}
