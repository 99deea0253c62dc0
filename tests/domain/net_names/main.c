// SPDX-License-Identifier: ISC
// Addresses as text, names of hosts, services and interfaces.
#include "tests/domain/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

static void text(void)
{
    static const struct {
        const char *in, *out;
    } good[] = {{"::", "::"},
                {"::1", "::1"},
                {"1::", "1::"},
                {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
                {"2001:0DB8::00ff", "2001:db8::ff"},
                {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
                {"1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"},
                {"::ffff:1.2.3.4", "::ffff:1.2.3.4"},
                {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"},
                {"fe80::", "fe80::"}};
    static const char *const bad[] = {"",
                                      ":",
                                      ":::",
                                      "1",
                                      "1:2:3:4:5:6:7",
                                      "1::2::3",
                                      "12345::",
                                      "1:2:3:4:5:6:7:8:9",
                                      "::1.2.3",
                                      "::1.2.3.256",
                                      ":1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "::g"};
    uint8_t a[16];
    char out[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(inet_pton(AF_INET6, good[i].in, a) == 1);
        CHECK(inet_ntop(AF_INET6, a, out, sizeof out) &&
              !strcmp(out, good[i].out));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (inet_pton(AF_INET6, bad[i], a) != 0) {
            printf("\"%s\" was taken\n", bad[i]);
            exit(1);
        }
    CHECK(inet_pton(AF_INET, "1.2.3.4", a) == 1 && a[3] == 4);
    CHECK(inet_pton(AF_INET, "1.2.3", a) == 0);
    CHECK(inet_pton(AF_INET, "01.2.3.4", a) == 0);
    CHECK(inet_pton(AF_INET, "1.2.3.4 ", a) == 0);
    CHECK(inet_pton(99, "1.2.3.4", a) == -1 && errno == EAFNOSUPPORT);
    CHECK(!inet_ntop(AF_INET, a, out, 4) && errno == ENOSPC);
    CHECK(inet_addr("127.1") == htonl(INADDR_LOOPBACK));
    CHECK(inet_addr("0x7f.0.0.01") == htonl(INADDR_LOOPBACK));
    CHECK(inet_addr("256.1.1.1") == INADDR_NONE);
    CHECK(inet_addr("1.2.3.4.5") == INADDR_NONE);
    struct in_addr in = {htonl(0x0a010203)};
    CHECK(!strcmp(inet_ntoa(in), "10.1.2.3"));
    CHECK(inet_netof(in) == 10 && inet_lnaof(in) == 0x010203);
}

static void names(void)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *l;
    CHECK(getaddrinfo("127.0.0.1", "http", &hints, &l) == 0);
    CHECK(!l->ai_next && l->ai_family == AF_INET &&
          l->ai_protocol == IPPROTO_TCP);
    CHECK(((struct sockaddr_in *)l->ai_addr)->sin_port == htons(80));
    freeaddrinfo(l);
    CHECK(getaddrinfo("localhost", "8080", &hints, &l) == 0);
    CHECK(l->ai_family == AF_INET6 && l->ai_next->ai_family == AF_INET);
    freeaddrinfo(l);
    CHECK(getaddrinfo("printer", NULL, &hints, &l) == 0);
    CHECK(l->ai_family == AF_INET && l->ai_next->ai_family == AF_INET6);
    freeaddrinfo(l);
    hints.ai_flags = AI_PASSIVE;
    CHECK(getaddrinfo(NULL, "1234", &hints, &l) == 0);
    CHECK(((struct sockaddr_in *)l->ai_addr)->sin_addr.s_addr == INADDR_ANY);
    freeaddrinfo(l);
    hints.ai_flags = AI_NUMERICHOST;
    CHECK(getaddrinfo("printer", NULL, &hints, &l) == EAI_NONAME);
    hints.ai_flags = 0;
    CHECK(getaddrinfo("127.0.0.1", "nosuch", &hints, &l) == EAI_SERVICE);
    CHECK(getaddrinfo(NULL, NULL, &hints, &l) == EAI_NONAME);
    hints.ai_family = 77;
    CHECK(getaddrinfo("localhost", NULL, &hints, &l) == EAI_FAMILY);
    hints.ai_family = AF_UNSPEC;
    // There is no name server to ask.
    CHECK(getaddrinfo("nowhere.example", NULL, &hints, &l) == EAI_AGAIN);

    struct hostent *h = gethostbyname("printer.example");
    CHECK(h && h->h_length == 4 && h->h_addr_list[0] && !h->h_addr_list[1]);
    CHECK(!gethostbyname("nowhere") && h_errno == TRY_AGAIN);
    struct in_addr in = {inet_addr("192.0.2.7")};
    h = gethostbyaddr(&in, sizeof in, AF_INET);
    CHECK(h && !strcmp(h->h_name, "printer"));

    char node[64], service[16];
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(80), .sin_addr = in};
    CHECK(getnameinfo((struct sockaddr *)&a, sizeof a, node, sizeof node,
                      service, sizeof service, 0) == 0);
    CHECK(!strcmp(node, "printer") && !strcmp(service, "http"));
    CHECK(getnameinfo((struct sockaddr *)&a, sizeof a, node, sizeof node,
                      service, sizeof service,
                      NI_NUMERICHOST | NI_NUMERICSERV) == 0);
    CHECK(!strcmp(node, "192.0.2.7") && !strcmp(service, "80"));
    CHECK(getnameinfo((struct sockaddr *)&a, sizeof a, node, 3, NULL, 0, 0) ==
          EAI_OVERFLOW);
    struct servent *s = getservbyname("https", "tcp");
    CHECK(s && s->s_port == htons(443));
    CHECK(getprotobyname("udp")->p_proto == IPPROTO_UDP);
}

static void interfaces(void)
{
    char name[IF_NAMESIZE];
    CHECK(if_nametoindex("lo") == 1);
    CHECK(if_nametoindex("eth9") == 0 && errno == ENODEV);
    CHECK(if_indextoname(1, name) && !strcmp(name, "lo"));
    struct if_nameindex *l = if_nameindex();
    CHECK(l && l[0].if_index == 1 && !strcmp(l[0].if_name, "lo") &&
          !l[1].if_index);
    if_freenameindex(l);
    struct ifaddrs *a;
    int seen = 0;
    CHECK(getifaddrs(&a) == 0);
    for (struct ifaddrs *i = a; i; i = i->ifa_next) {
        CHECK(!strcmp(i->ifa_name, "lo") && i->ifa_flags & IFF_LOOPBACK);
        seen |= i->ifa_addr->sa_family == AF_INET ? 1 : 2;
    }
    CHECK(seen == 3);
    freeifaddrs(a);
}

int main(void)
{
    text();
    names();
    interfaces();
    return 0;
}
