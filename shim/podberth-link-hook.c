/*
 * The OCI hook of a resource claim: fails unless a container's network namespace has the claim's link. A runtime execs it
 * before a container starts (runtime-spec, config.md, "createRuntime hooks"), whether or not podberth's agent is alive.
 *
 *   podberth-link-hook IFNAME MAC     with the container's state as JSON on stdin
 *
 * Of the state it needs one number, "pid": the process whose namespace it looks into. Without a MAC any will do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_LIMIT (1u << 20) /* bytes of a state: its annotations are a pod's own words */
#define MAC_LENGTH 6

static char state[STATE_LIMIT + 1];

static int refuse(const char *ifname, const char *why) {
    dprintf(STDERR_FILENO,
            "podberth: the pod has no link %s of its resource claim: %s. The node's podberth agent brings it; "
            "see its log, and `kubectl describe resourceclaim`\n",
            ifname, why);
    return 1;
}

static size_t read_state(void) {
    size_t filled = 0;
    while (filled < STATE_LIMIT) {
        ssize_t got = read(STDIN_FILENO, state + filled, STATE_LIMIT - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        filled += (size_t)got;
    }
    state[filled] = '\0';
    return filled;
}

/* Return the place behind a string that begins at `at`, with its quotation mark; NULL if it has no end. */
static const char *behind_string(const char *at) {
    for (at++; *at != '\0'; at++) {
        if (*at == '\\' && at[1] != '\0')
            at++;
        else if (*at == '"')
            return at + 1;
    }
    return NULL;
}

/* Return the number of the member "pid" of the outermost object; 0 if there is none. Annotations are strings below. */
static long pid_of(const char *at) {
    int depth = 0;
    while (*at != '\0') {
        if (*at == '"') {
            const char *end = behind_string(at);
            if (end == NULL)
                return 0;
            bool is_pid = depth == 1 && end - at == 5 && memcmp(at, "\"pid\"", 5) == 0;
            at = end;
            if (!is_pid)
                continue;
            at += strspn(at, " \t\r\n");
            if (*at != ':')
                continue; /* a text that is "pid", as the value of another member */
            at++;
            at += strspn(at, " \t\r\n");
            return *at >= '1' && *at <= '9' ? strtol(at, NULL, 10) : 0;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if (*at == '}' || *at == ']')
            depth--;
        at++;
    }
    return 0;
}

static bool parse_mac(const char *text, uint8_t mac[MAC_LENGTH]) {
    unsigned int part[MAC_LENGTH];
    char rest;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &part[0], &part[1], &part[2], &part[3], &part[4], &part[5], &rest) !=
        MAC_LENGTH)
        return false;
    for (int i = 0; i < MAC_LENGTH; i++)
        mac[i] = (uint8_t)part[i];
    return true;
}

int main(int argc, char **argv) {
    if (argc != 3 || strlen(argv[1]) == 0 || strlen(argv[1]) >= IFNAMSIZ) {
        dprintf(STDERR_FILENO, "usage: podberth-link-hook IFNAME MAC < state.json\n");
        return 2;
    }
    const char *ifname = argv[1];
    uint8_t wanted[MAC_LENGTH];
    if (argv[2][0] != '\0' && !parse_mac(argv[2], wanted))
        return refuse(ifname, "the MAC that is to be looked for is none");
    long pid = read_state() > 0 ? pid_of(state) : 0;
    if (pid <= 0)
        return refuse(ifname, "the runtime names no process on stdin");
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/ns/net", pid);
    int netns = open(path, O_RDONLY | O_CLOEXEC);
    if (netns < 0 || setns(netns, CLONE_NEWNET) != 0)
        return refuse(ifname, strerror(errno));
    int any = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0)
        return refuse(ifname, strerror(errno));
    struct ifreq asked = {0};
    memcpy(asked.ifr_name, ifname, strlen(ifname));
    if (ioctl(any, SIOCGIFHWADDR, &asked) != 0)
        return refuse(ifname, strerror(errno));
    if (argv[2][0] != '\0' && memcmp(asked.ifr_hwaddr.sa_data, wanted, MAC_LENGTH) != 0)
        return refuse(ifname, "another link has its name");
    return 0;
}
