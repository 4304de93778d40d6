/* Prints what getaddrinfo(3) of this machine's C library answers.
 *
 * Usage: addrinfo [NODE SERVICE FAMILY SOCKTYPE FLAGS]...
 *
 * NODE and SERVICE are "=text", or "-" for NULL; FAMILY is 4, 6 or 0; SOCKTYPE is "stream", "dgram" or "";
 * FLAGS is "passive" or "". For each five arguments there is a line: the addresses, as "tcp 127.0.0.1 80" with
 * ", " between them, or the error's code. Entries for SOCK_RAW are left out.
 */

#define _GNU_SOURCE /* EAI_ADDRFAMILY */
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static const char *code_of(int error)
{
    switch (error) {
    case EAI_ADDRFAMILY: return "EAI_ADDRFAMILY";
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    case EAI_NODATA: return "EAI_NODATA";
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_SERVICE: return "EAI_SERVICE";
    default: return gai_strerror(error);
    }
}

static const char *text_of(const char *argument)
{
    return argument[0] == '=' ? argument + 1 : NULL;
}

int main(int argc, char *argv[])
{
    for (int i = 1; i + 4 < argc; i += 5) {
        struct addrinfo hints, *found;
        memset(&hints, 0, sizeof hints);
        hints.ai_family = argv[i + 2][0] == '4' ? AF_INET : argv[i + 2][0] == '6' ? AF_INET6 : AF_UNSPEC;
        hints.ai_socktype = argv[i + 3][0] == 's' ? SOCK_STREAM : argv[i + 3][0] == 'd' ? SOCK_DGRAM : 0;
        hints.ai_flags = argv[i + 4][0] == 'p' ? AI_PASSIVE : 0;
        int error = getaddrinfo(text_of(argv[i]), text_of(argv[i + 1]), &hints, &found);
        if (error != 0) {
            puts(code_of(error));
            continue;
        }
        const char *separator = "";
        for (struct addrinfo *p = found; p != NULL; p = p->ai_next) {
            char host[NI_MAXHOST], port[NI_MAXSERV];
            if (p->ai_socktype != SOCK_STREAM && p->ai_socktype != SOCK_DGRAM) continue;
            getnameinfo(p->ai_addr, p->ai_addrlen, host, sizeof host, port, sizeof port,
                        NI_NUMERICHOST | NI_NUMERICSERV);
            printf("%s%s %s %s", separator, p->ai_socktype == SOCK_STREAM ? "tcp" : "udp", host, port);
            separator = ", ";
        }
        putchar('\n');
        freeaddrinfo(found);
    }
    return 0;
}
