// SPDX-License-Identifier: ISC
/*
 * Names of hosts and services: numbers, "localhost", /etc/hosts, then the name
 * servers (of the interface, or of /etc/resolv.conf).
 */
#include "unikernel-runtime/net/net.h"
#include "unikernel-runtime/net/resolve.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int h_errno;

#define ADDRESSES_MAX 16

struct address {
    int family;
    uint32_t scope;
    uint8_t bytes[16];
};

struct found {
    struct address list[ADDRESSES_MAX];
    int n;
};

static size_t address_len(int family)
{
    return family == AF_INET ? 4 : 16;
}

static void add(struct found *f, int family, const void *bytes, uint32_t scope)
{
    if (f->n == ADDRESSES_MAX)
        return;
    struct address *a = &f->list[f->n++];
    *a = (struct address){.family = family, .scope = scope};
    memcpy(a->bytes, bytes, address_len(family));
}

static int wants(int asked, int family)
{
    return asked == AF_UNSPEC || asked == family;
}

// -------------------------------------------------------- where names are

// 1 if the text is a number; added if it is of the family that is asked for.
static int find_number(const char *text, int family, struct found *f)
{
    uint8_t bytes[16];
    struct in_addr v4;
    if (inet_aton(text, &v4)) {
        if (wants(family, AF_INET))
            add(f, AF_INET, &v4, 0);
        return 1;
    }
    char bare[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "%");
    if (len >= sizeof bare)
        return 0;
    memcpy(bare, text, len);
    bare[len] = '\0';
    if (inet_pton(AF_INET6, bare, bytes) != 1)
        return 0;
    uint32_t scope = 0;
    if (text[len]) {
        char *end;
        scope = strtoul(text + len + 1, &end, 10);
        if (*end || end == text + len + 1)
            scope = if_nametoindex(text + len + 1);
    }
    if (wants(family, AF_INET6))
        add(f, AF_INET6, bytes, scope);
    return 1;
}

static int find_localhost(const char *name, int family, struct found *f)
{
    size_t len = strlen(name);
    if (strcasecmp(name, "localhost") &&
        (len < 10 || strcasecmp(name + len - 10, ".localhost")))
        return 0;
    struct in_addr v4 = {htonl(INADDR_LOOPBACK)};
    if (wants(family, AF_INET6))
        add(f, AF_INET6, &in6addr_loopback, 0);
    if (wants(family, AF_INET))
        add(f, AF_INET, &v4, 0);
    return 1;
}

// Calls `each` with the words of every line of a file, until it says 1.
static int file_look(const char *path, int (*each)(char **words, void *arg),
                     void *arg)
{
    char line[512], *words[16];
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    int r = 0;
    while (!r && fgets(line, sizeof line, file)) {
        char *rest = line, *word;
        int n = 0;
        line[strcspn(line, "#\n")] = '\0';
        while (n < 15 && (word = strtok_r(rest, " \t\r", &rest)))
            words[n++] = word;
        words[n] = NULL;
        r = n > 1 && each(words, arg);
    }
    fclose(file);
    return r;
}

struct hosts_query {
    const char *name;
    int family;
    struct found *found;
};

static int hosts_line(char **words, void *arg)
{
    struct hosts_query *q = arg;
    for (char **w = words + 1; *w; w++)
        if (!strcasecmp(*w, q->name))
            find_number(words[0], q->family, q->found);
    return 0;
}

static int find_in_hosts(const char *name, int family, struct found *f)
{
    struct hosts_query q = {name, family, f};
    int before = f->n;
    file_look("/etc/hosts", hosts_line, &q);
    return f->n > before;
}

static int resolv_line(char **words, void *unused)
{
    struct found f = {0};
    (void)unused;
    if (strcmp(words[0], "nameserver") ||
        !find_number(words[1], AF_UNSPEC, &f) || !f.n)
        return 0;
    struct name name = {0};
    if (f.list[0].family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET};
        memcpy(&in.sin_addr, f.list[0].bytes, 4);
        memcpy(&name.storage, &in, name.len = sizeof in);
    } else {
        struct sockaddr_in6 in = {.sin6_family = AF_INET6};
        memcpy(&in.sin6_addr, f.list[0].bytes, 16);
        memcpy(&name.storage, &in, name.len = sizeof in);
    }
    resolve_server_add(&name);
    return 0;
}

static void ask_one(const char *name, int family, struct found *f, int *error)
{
    struct name answer;
    int r = resolve_ask(name, family, &answer);
    if (r < 0) {
        if (*error != EAI_NONAME)
            *error = r == -EAGAIN ? EAI_AGAIN : EAI_NONAME;
    } else if (answer.any.sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &answer.storage, sizeof in);
        add(f, AF_INET, &in.sin_addr, 0);
    } else {
        struct sockaddr_in6 in;
        memcpy(&in, &answer.storage, sizeof in);
        add(f, AF_INET6, &in.sin6_addr, 0);
    }
}

static int find_by_servers(const char *name, int family, struct found *f)
{
    int error = EAI_AGAIN;
    if (net_start() < 0)
        return EAI_MEMORY;
    if (!resolve_servers())
        file_look("/etc/resolv.conf", resolv_line, NULL);
    if (!resolve_servers())
        return EAI_AGAIN;
    if (wants(family, AF_INET))
        ask_one(name, AF_INET, f, &error);
    if (wants(family, AF_INET6))
        ask_one(name, AF_INET6, f, &error);
    return f->n ? 0 : error;
}

static int find(const char *name, int family, int flags, struct found *f)
{
    if (!*name)
        return EAI_NONAME;
    if (find_number(name, family, f))
        return f->n ? 0 : EAI_NONAME;
    if (flags & AI_NUMERICHOST)
        return EAI_NONAME;
    if (find_localhost(name, family, f) || find_in_hosts(name, family, f))
        return f->n ? 0 : EAI_NONAME;
    return find_by_servers(name, family, f);
}

// ---------------------------------------------------------------- services

static const struct service {
    const char *name;
    uint16_t port;
} services[] = {
    {"ftp", 21},     {"ssh", 22},        {"telnet", 23},
    {"smtp", 25},    {"domain", 53},     {"http", 80},
    {"pop3", 110},   {"ntp", 123},       {"imap2", 143},
    {"imap", 143},   {"https", 443},     {"submission", 587},
    {"imaps", 993},  {"mqtt", 1883},     {"postgresql", 5432},
    {"redis", 6379}, {"http-alt", 8080},
};
#define SERVICES (sizeof services / sizeof *services)

static int port_of(const char *service, int flags, uint16_t *port)
{
    char *end;
    unsigned long n = strtoul(service, &end, 10);
    if (!*end && end != service && n <= 65535) {
        *port = n;
        return 0;
    }
    for (size_t i = 0; i < SERVICES && !(flags & AI_NUMERICSERV); i++)
        if (!strcmp(service, services[i].name)) {
            *port = services[i].port;
            return 0;
        }
    return flags & AI_NUMERICSERV ? EAI_NONAME : EAI_SERVICE;
}

static const char *service_of(uint16_t port)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (services[i].port == port)
            return services[i].name;
    return NULL;
}

struct servent *getservbyname(const char *name, const char *protocol)
{
    static struct servent s;
    static char *none[1];
    for (size_t i = 0; i < SERVICES; i++)
        if (!strcmp(name, services[i].name)) {
            s = (struct servent){(char *)services[i].name, none,
                                 htons(services[i].port),
                                 (char *)(protocol ? protocol : "tcp")};
            return &s;
        }
    return NULL;
}

struct servent *getservbyport(int port, const char *protocol)
{
    const char *name = service_of(ntohs(port));
    return name ? getservbyname(name, protocol) : NULL;
}

static struct protoent protocols[] = {
    {.p_name = "ip", .p_proto = IPPROTO_IP},
    {.p_name = "icmp", .p_proto = IPPROTO_ICMP},
    {.p_name = "tcp", .p_proto = IPPROTO_TCP},
    {.p_name = "udp", .p_proto = IPPROTO_UDP},
    {.p_name = "ipv6", .p_proto = IPPROTO_IPV6},
    {.p_name = "ipv6-icmp", .p_proto = IPPROTO_ICMPV6}};
#define PROTOCOLS (sizeof protocols / sizeof *protocols)

static struct protoent *protocol(size_t i)
{
    static char *none[1];
    protocols[i].p_aliases = none;
    return &protocols[i];
}

struct protoent *getprotobyname(const char *name)
{
    for (size_t i = 0; i < PROTOCOLS; i++)
        if (!strcmp(name, protocols[i].p_name))
            return protocol(i);
    return NULL;
}

struct protoent *getprotobynumber(int number)
{
    for (size_t i = 0; i < PROTOCOLS; i++)
        if (number == protocols[i].p_proto)
            return protocol(i);
    return NULL;
}

// -------------------------------------------------------------- getaddrinfo

static const struct {
    int type, protocol;
} transports[] = {
    {SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_RAW, 0}};

// An entry and all that it points to.
struct entry {
    struct addrinfo info;
    struct sockaddr_storage name;
    char canonical[];
};

static struct entry *entry_new(const struct address *a, uint16_t port,
                               int transport, const struct addrinfo *hints,
                               const char *canonical)
{
    size_t len = canonical ? strlen(canonical) + 1 : 0;
    struct entry *e = calloc(1, sizeof *e + len);
    if (!e)
        return NULL;
    if (canonical)
        memcpy(e->canonical, canonical, len);
    if (a->family == AF_INET) {
        struct sockaddr_in in = {.sin_family = AF_INET,
                                 .sin_port = htons(port)};
        memcpy(&in.sin_addr, a->bytes, 4);
        memcpy(&e->name, &in, sizeof in);
    } else {
        struct sockaddr_in6 in = {.sin6_family = AF_INET6,
                                  .sin6_port = htons(port),
                                  .sin6_scope_id = a->scope};
        memcpy(&in.sin6_addr, a->bytes, 16);
        memcpy(&e->name, &in, sizeof in);
    }
    int type = transports[transport].type,
        number = transports[transport].protocol;
    e->info = (struct addrinfo){
        .ai_flags = hints->ai_flags,
        .ai_family = a->family,
        .ai_socktype = type,
        .ai_protocol = hints->ai_protocol ? hints->ai_protocol : number,
        .ai_addrlen = a->family == AF_INET ? sizeof(struct sockaddr_in)
                                           : sizeof(struct sockaddr_in6),
        .ai_addr = (struct sockaddr *)&e->name,
        .ai_canonname = canonical ? e->canonical : NULL};
    return e;
}

// Without a node: this machine's, as a server or as a client sees it.
static void find_own(const struct addrinfo *hints, struct found *f)
{
    int passive = hints->ai_flags & AI_PASSIVE;
    struct in_addr v4 = {htonl(passive ? INADDR_ANY : INADDR_LOOPBACK)};
    // IPv4 first: who opens only the first entry reaches most.
    if (wants(hints->ai_family, AF_INET))
        add(f, AF_INET, &v4, 0);
    if (wants(hints->ai_family, AF_INET6))
        add(f, AF_INET6, passive ? &in6addr_any : &in6addr_loopback, 0);
}

static int hints_check(const struct addrinfo *h)
{
    const int known = AI_PASSIVE | AI_CANONNAME | AI_NUMERICHOST | AI_V4MAPPED |
                      AI_ALL | AI_ADDRCONFIG | AI_NUMERICSERV;
    if (h->ai_flags & ~known)
        return EAI_BADFLAGS;
    if (h->ai_family != AF_UNSPEC && h->ai_family != AF_INET &&
        h->ai_family != AF_INET6)
        return EAI_FAMILY;
    if (h->ai_socktype && h->ai_socktype != SOCK_STREAM &&
        h->ai_socktype != SOCK_DGRAM && h->ai_socktype != SOCK_RAW)
        return EAI_SOCKTYPE;
    return 0;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints,
                struct addrinfo **restrict out)
{
    static const struct addrinfo no_hints = {.ai_family = AF_UNSPEC};
    const struct addrinfo *h = hints ? hints : &no_hints;
    struct found f = {.n = 0};
    uint16_t port = 0;
    *out = NULL;
    if (!node && !service)
        return EAI_NONAME;
    int r = hints_check(h);
    if (!r && service)
        r = port_of(service, h->ai_flags, &port);
    if (r)
        return r;
    if (node)
        r = find(node, h->ai_family, h->ai_flags, &f);
    else
        find_own(h, &f);
    if (r)
        return r;

    const char *canonical = h->ai_flags & AI_CANONNAME ? node : NULL;
    struct addrinfo **link = out;
    for (int i = 0; i < f.n; i++)
        for (size_t t = 0; t < sizeof transports / sizeof *transports; t++) {
            if (h->ai_socktype && h->ai_socktype != transports[t].type)
                continue;
            if (h->ai_protocol && transports[t].protocol &&
                h->ai_protocol != transports[t].protocol)
                continue;
            struct entry *e = entry_new(&f.list[i], port, t, h,
                                        link == out ? canonical : NULL);
            if (!e) {
                freeaddrinfo(*out);
                *out = NULL;
                return EAI_MEMORY;
            }
            *link = &e->info;
            link = &e->info.ai_next;
        }
    return *out ? 0 : EAI_SOCKTYPE;
}

void freeaddrinfo(struct addrinfo *list)
{
    for (struct addrinfo *next; list; list = next) {
        next = list->ai_next;
        free(list);
    }
}

const char *gai_strerror(int error)
{
    switch (error) {
    case 0:
        return "success";
    case EAI_BADFLAGS:
        return "unknown flags";
    case EAI_NONAME:
        return "name or service not known";
    case EAI_AGAIN:
        return "no name server answered";
    case EAI_FAIL:
        return "name server failed";
    case EAI_FAMILY:
        return "unknown family of addresses";
    case EAI_SOCKTYPE:
        return "unknown kind of socket";
    case EAI_SERVICE:
        return "unknown service";
    case EAI_MEMORY:
        return "out of memory";
    case EAI_SYSTEM:
        return "system error";
    case EAI_OVERFLOW:
        return "buffer too small";
    default:
        return "unknown error";
    }
}

// -------------------------------------------------------------- getnameinfo

static int put(char *out, socklen_t len, const char *text)
{
    if (strlen(text) >= len)
        return EAI_OVERFLOW;
    strcpy(out, text);
    return 0;
}

struct reverse_query {
    const char *text;
    char *node;
    socklen_t len;
    int r;
};

static int reverse_line(char **words, void *arg)
{
    struct reverse_query *q = arg;
    if (strcmp(words[0], q->text))
        return 0;
    q->r = put(q->node, q->len, words[1]);
    return 1;
}

static int node_name(const char *text, int loopback, char *node, socklen_t len,
                     int flags)
{
    struct reverse_query q = {text, node, len, 0};
    if (!(flags & NI_NUMERICHOST)) {
        if (loopback)
            return put(node, len, "localhost");
        if (file_look("/etc/hosts", reverse_line, &q))
            return q.r;
        if (flags & NI_NAMEREQD)
            return EAI_NONAME; // name servers are not asked for names
    }
    return put(node, len, text);
}

int getnameinfo(const struct sockaddr *restrict name, socklen_t len,
                char *restrict node, socklen_t node_len, char *restrict service,
                socklen_t service_len, int flags)
{
    char text[INET6_ADDRSTRLEN];
    uint16_t port;
    int loopback;
    if (name->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, name, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        port = ntohs(in.sin_port);
        loopback = ntohl(in.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    } else if (name->sa_family == AF_INET6 &&
               len >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in;
        memcpy(&in, name, sizeof in);
        inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
        port = ntohs(in.sin6_port);
        loopback = IN6_IS_ADDR_LOOPBACK(&in.sin6_addr);
    } else {
        return EAI_FAMILY;
    }
    int r = 0;
    if (node && node_len)
        r = node_name(text, loopback, node, node_len, flags);
    if (!r && service && service_len) {
        char number[6];
        const char *known = flags & NI_NUMERICSERV ? NULL : service_of(port);
        sprintf(number, "%u", port);
        r = put(service, service_len, known ? known : number);
    }
    return r;
}

// ------------------------------------------------------------ gethostbyname

static struct hostent *hostent_of(const char *name, const struct found *f,
                                  int family)
{
    static struct hostent h;
    static char text[NI_MAXHOST], *none[1], *list[ADDRESSES_MAX + 1];
    static struct found kept;
    kept = *f;
    int n = 0;
    for (int i = 0; i < kept.n; i++)
        if (kept.list[i].family == family)
            list[n++] = (char *)kept.list[i].bytes;
    list[n] = NULL;
    snprintf(text, sizeof text, "%s", name);
    h = (struct hostent){text, none, family, address_len(family), list};
    return &h;
}

struct hostent *gethostbyname2(const char *name, int family)
{
    struct found f = {.n = 0};
    int r = family == AF_INET || family == AF_INET6 ? find(name, family, 0, &f)
                                                    : EAI_FAMILY;
    if (r) {
        h_errno = r == EAI_AGAIN    ? TRY_AGAIN
                  : r == EAI_NONAME ? HOST_NOT_FOUND
                                    : NO_RECOVERY;
        return NULL;
    }
    return hostent_of(name, &f, family);
}

struct hostent *gethostbyname(const char *name)
{
    return gethostbyname2(name, AF_INET);
}

struct hostent *gethostbyaddr(const void *address, socklen_t len, int family)
{
    char text[INET6_ADDRSTRLEN], node[NI_MAXHOST];
    struct found f = {.n = 0};
    if ((family != AF_INET && family != AF_INET6) ||
        len < address_len(family)) {
        h_errno = NO_RECOVERY;
        return NULL;
    }
    static const struct in_addr home = {0x0100007f};
    int loopback = family == AF_INET ? !memcmp(address, &home, 4)
                                     : !memcmp(address, &in6addr_loopback, 16);
    inet_ntop(family, address, text, sizeof text);
    if (node_name(text, loopback, node, sizeof node, NI_NAMEREQD)) {
        h_errno = HOST_NOT_FOUND;
        return NULL;
    }
    add(&f, family, address, 0);
    return hostent_of(node, &f, family);
}

const char *hstrerror(int error)
{
    switch (error) {
    case HOST_NOT_FOUND:
        return "unknown host";
    case TRY_AGAIN:
        return "no name server answered";
    case NO_DATA:
        return "the name has no address";
    default:
        return "name server failed";
    }
}

void herror(const char *text)
{
    fprintf(stderr, "%s%s%s\n", text ? text : "", text ? ": " : "",
            hstrerror(h_errno));
}
