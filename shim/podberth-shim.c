/*
 * The CNI plugin that a container runtime execs where podberth's agent runs. It carries one call to the agent and the
 * answer back, and understands neither: what is in them is Python's business (src/podberth/agent/frame.py is the wire
 * format). One file, hard-linked under the name of each plugin type.
 *
 *   connect       nobody there -> the plugin that starts by itself, if one is installed beside this file
 *   read stdin    all of it, before anything is sent
 *   send          one frame: type, CNI_*, TRACEPARENT and TRACESTATE, stdin; with it a descriptor of the network namespace
 *                 (for STATUS: of the folder of namespaces, which the agent has to see too)
 *   receive       one frame: exit code, stdout; whatever goes wrong from here on is code 11, never a second run
 *                 (STATUS passes where another call is answered 11: an agent that is away is no broken node)
 *   print, exit
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "version.h"

#define SOCKET_PATH "/run/podberth/agent.sock" /* unless PODBERTH_SOCKET says otherwise */
#define FALLBACK "/.podberth/bin/"             /* beside this file: plugins of the same names that need no agent */
#define CALL_LIMIT (1u << 20)                  /* bytes of a call after its header, as the agent has it */
#define ANSWER_LIMIT (16u << 20)               /* far more than a result has */
#define CONNECT_SECONDS 5                      /* how long a full backlog may hold a call */
#define STDIN_MILLISECONDS 1000                /* how long an error waits for the version that the caller speaks */
#define NETNS_FOLDER "/run/netns"              /* of the namespaces of pods, as runtimes have it */
#ifndef ANSWER_SECONDS                         /* tests don't wait that long */
#define ANSWER_SECONDS 100                     /* for sending and the answer; kubelet gives a sandbox 120 */
#endif

enum { OK = 0, CODE_ENVIRONMENT = 4, CODE_IO = 5, CODE_CONFIG = 7, CODE_AGAIN = 11 }; /* CNI SPEC.md, section 5 */

struct header {
    char magic[4];
    uint8_t length[4];
};
struct answer {
    char magic[4];
    uint8_t code[4];
    uint8_t length[4];
};

static uint8_t call[sizeof(struct header) + CALL_LIMIT]; /* in .bss: untouched pages cost nothing */
static size_t filled = sizeof(struct header);
static size_t stdin_begins; /* in `call`, once stdin is read; 0 before */

/* Numbers are little-endian on the wire, whatever the machine. */
static void put32(uint8_t at[4], uint32_t number) {
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(number >> 8 * i);
}

static uint32_t get32(const uint8_t at[4]) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Write all of it; false if the other side will have no more. */
static bool put(int to, const void *from, size_t length) {
    const uint8_t *at = from;
    while (length > 0) {
        ssize_t written = write(to, at, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        length -= (size_t)written;
    }
    return true;
}

/* Append to a text, as far as it has room; always terminated. */
static void append(char *to, size_t room, const char *text) {
    size_t used = strlen(to), more = strlen(text);
    if (more > room - used - 1)
        more = room - used - 1;
    memcpy(to + used, text, more);
    to[used + more] = '\0';
}

/*
 * Read stdin behind what there is of the call, as far as it has room; false if that failed, or more has come, or nothing
 * for so many milliseconds (-1: for ever).
 */
static bool take_stdin(int patience) {
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    stdin_begins = filled;
    for (;;) {
        uint8_t surplus;
        if (patience >= 0 && poll(&ready, 1, patience) <= 0)
            return false;
        bool full = filled == sizeof call;
        ssize_t got = read(STDIN_FILENO, full ? &surplus : call + filled, full ? 1 : sizeof call - filled);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || full)
            return got == 0;
        filled += (size_t)got;
    }
}

/* Return the version that the caller speaks; stdin is read for it if it was not yet: nothing else is left to do. */
static const char *spoken(void) {
    if (!stdin_begins) {
        filled = sizeof(struct header);
        take_stdin(STDIN_MILLISECONDS);
    }
    return version_in(call + stdin_begins, call + filled);
}

static bool is_status(void) {
    const char *verb = getenv("CNI_COMMAND");
    return verb && !strcmp(verb, "STATUS");
}

/* Print a CNI error object and end. `about` is somebody else's text: what JSON can't carry as it is becomes '?'. */
static _Noreturn void fail(int code, const char *message, const char *about, const char *details) {
    signal(SIGPIPE, SIG_IGN); /* nobody may be reading: that is exit status 1 too, and no signal */
    if (code == CODE_AGAIN && is_status()) {
        /* Any error of STATUS is a node without a network to kubelet, and takes pods that run from it. */
        put(STDERR_FILENO, message, strlen(message));
        put(STDERR_FILENO, about, strlen(about));
        put(STDERR_FILENO, "\n", 1);
        _exit(OK);
    }
    char safe[256] = "", object[1024] = "{\"cniVersion\": \"";
    char digits[3] = {(char)('0' + code / 10), (char)('0' + code % 10), '\0'};
    append(safe, sizeof safe, about);
    for (char *c = safe; *c; c++)
        if (*c < ' ' || *c > '~' || *c == '"' || *c == '\\')
            *c = '?';
    append(object, sizeof object, spoken());
    append(object, sizeof object, "\", \"code\": ");
    append(object, sizeof object, code < 10 ? digits + 1 : digits);
    append(object, sizeof object, ", \"msg\": \"");
    append(object, sizeof object, message);
    append(object, sizeof object, safe);
    append(object, sizeof object, "\", \"details\": \"");
    append(object, sizeof object, details);
    append(object, sizeof object, "\"}\n");
    put(STDOUT_FILENO, object, strlen(object));
    _exit(1);
}

static _Noreturn void lost(const char *how) {
    fail(CODE_AGAIN, "the podberth agent ", how, "the call may have been begun; it can be repeated");
}

/* Split this program's own path into its folder and its name, which is the plugin's type; argv[0] without /proc. */
static void find_self(const char *argv0, char folder[PATH_MAX], const char **type) {
    static const char deleted[] = " (deleted)"; /* appended while an upgrade takes the file away */
    ssize_t length = readlink("/proc/self/exe", folder, PATH_MAX - 1);
    folder[length > 0 ? length : 0] = '\0';
    if (length <= 0 && argv0)
        append(folder, PATH_MAX, argv0);
    size_t used = strlen(folder), tail = sizeof deleted - 1;
    if (used > tail && !strcmp(folder + used - tail, deleted))
        folder[used - tail] = '\0';
    char *slash = strrchr(folder, '/');
    *type = slash ? slash + 1 : folder;
    if (slash)
        *slash = '\0'; /* `type` stays whole behind it */
}

/* Become the plugin that needs no agent, with stdin unread; return if none is installed. */
static void fall_back(const char *folder, const char *type, char **argv, char **variables) {
    char path[PATH_MAX] = "";
    if (strlen(folder) + strlen(FALLBACK) + strlen(type) >= sizeof path)
        return;
    append(path, sizeof path, folder);
    append(path, sizeof path, FALLBACK);
    append(path, sizeof path, type);
    execve(path, argv, variables);
}

static int connect_to(const char *path) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = CONNECT_SECONDS};
    if (strlen(path) >= sizeof at.sun_path)
        fail(CODE_ENVIRONMENT, "PODBERTH_SOCKET: too long for a socket's path: ", path, "107 bytes are the most");
    memcpy(at.sun_path, path, strlen(path));
    int made = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A runtime may have closed stdin or stdout: the agent must not be taken for either. */
    int agent = made < 0 || made > STDERR_FILENO ? made : fcntl(made, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (agent < 0)
        return -1;
    if (agent != made)
        close(made);
    /* The time limit holds for connect too, which waits while the backlog is full (unix(7)). */
    setsockopt(agent, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(agent, (struct sockaddr *)&at, sizeof at) == 0)
        return agent;
    if (errno == EAGAIN || errno == EINTR)
        fail(CODE_AGAIN, "the podberth agent has more calls waiting than it takes: ", path, "repeat the call later");
    close(agent);
    return -1;
}

static _Noreturn void refuse_size(void) {
    fail(CODE_CONFIG, "the network configuration and CNI_* variables are over 1 MiB", "", "see what makes them so");
}

/* Add to the frame; a call that is too large is refused before any of it is sent. */
static void fill(const void *from, size_t length) {
    if (length > sizeof call - filled)
        refuse_size();
    memcpy(call + filled, from, length);
    filled += length;
}

/*
 * Whether it is one of those that are sent. exec takes any strings: one may have no '=', or a name may come twice, and
 * then the first counts, as with getenv(3).
 */
static bool is_said(char **variables, char **variable) {
    size_t name = strcspn(*variable, "=") + 1;
    if (strncmp(*variable, "CNI_", 4) != 0 && strncmp(*variable, "TRACEPARENT=", 12) != 0 &&
        strncmp(*variable, "TRACESTATE=", 11) != 0)
        return false;
    for (char **earlier = variables; earlier < variable; earlier++)
        if (!strncmp(*earlier, *variable, name))
            return false;
    return (*variable)[name - 1] == '=';
}

static void fill_variables(char **variables) {
    for (char **variable = variables; *variable; variable++)
        if (is_said(variables, variable))
            fill(*variable, strlen(*variable) + 1);
    fill("", 1);
}

static void fill_stdin(void) {
    errno = 0;
    if (take_stdin(-1))
        return;
    if (filled == sizeof call)
        refuse_size();
    fail(CODE_IO, "stdin can't be read: ", strerror(errno), "the network configuration is expected there");
}

/* Send the frame, and with its first byte a descriptor of the network namespace, if it can be opened. */
static void send_call(int agent) {
    const char *netns = is_status() ? NETNS_FOLDER : getenv("CNI_NETNS");
    /* A runtime may name anything: a pipe must not hold us, nor a terminal become ours. */
    int held = netns && *netns ? open(netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec whole = {.iov_base = call, .iov_len = filled};
    struct msghdr message = {.msg_iov = &whole, .msg_iovlen = 1};
    if (held >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(rights), &held, sizeof held);
    }
    while (whole.iov_len > 0) {
        ssize_t sent = sendmsg(agent, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            lost("was lost while it took the call");
        whole.iov_base = (uint8_t *)whole.iov_base + sent;
        whole.iov_len -= (size_t)sent;
        message.msg_control = NULL;
        message.msg_controllen = 0;
    }
    if (held >= 0)
        close(held);
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Read exactly so many bytes of the answer. */
static void receive(int agent, void *to, size_t length, int64_t end) {
    uint8_t *at = to;
    while (length > 0) {
        struct pollfd ready = {.fd = agent, .events = POLLIN};
        int64_t left = end - milliseconds();
        int answered = left > 0 ? poll(&ready, 1, (int)left) : 0;
        if (answered < 0 && errno == EINTR)
            continue;
        if (answered <= 0)
            lost("did not answer in time");
        ssize_t got = recv(agent, at, length, 0);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got <= 0)
            lost("was lost before it had answered");
        at += got;
        length -= (size_t)got;
    }
}

/* Print the answer; return the exit status that it asks for. */
static int pass_on(int agent, int64_t end) {
    struct answer answer;
    receive(agent, &answer, sizeof answer, end);
    uint32_t length = get32(answer.length), code = get32(answer.code);
    if (memcmp(answer.magic, "pbA1", 4) != 0 || length > ANSWER_LIMIT || code > 255)
        lost("answered what is no answer");
    uint8_t *body = malloc((size_t)length + 1); /* never of no size */
    if (!body)
        lost("answered more than there is memory for");
    receive(agent, body, length, end);
    /* More than it announced is no answer. Its end is not waited for: the agent may have better to do than to close. */
    uint8_t surplus;
    if (recv(agent, &surplus, sizeof surplus, MSG_DONTWAIT) > 0)
        lost("answered what is no answer");
    bool printed = put(STDOUT_FILENO, body, length);
    free(body);
    return printed ? (int)code : 1;
}

int main(int argc, char **argv, char **variables) {
    static char folder[PATH_MAX];
    const char *type;
    find_self(argv[0], folder, &type);
    const char *path = getenv("PODBERTH_SOCKET");
    path = path && *path ? path : SOCKET_PATH;
    if (argc > 1) { /* `dhcp daemon`: no call, and nothing for the agent */
        static const char why[] = "podberth: only the plugins that need no agent take arguments, and none is beside this "
                                  "file; `podberth dhcp` is the daemon of `dhcp`.\n";
        fall_back(folder, type, argv, variables);
        put(STDERR_FILENO, why, sizeof why - 1);
        return CODE_ENVIRONMENT;
    }
    if (!getenv("CNI_COMMAND")) {
        static const char about[] = "podberth: a CNI plugin, called by a container runtime with CNI_COMMAND and the "
                                    "like in its environment; people use `podberth --help`.\n";
        fall_back(folder, type, argv, variables);
        put(STDERR_FILENO, about, sizeof about - 1);
        return OK;
    }
    int agent = connect_to(path);
    if (agent < 0) {
        fall_back(folder, type, argv, variables);
        fail(CODE_AGAIN, "the podberth agent can't be reached at ", path, "start it with `podberth agent`");
    }
    /* Writing to a runtime that has gone must not kill. Only from here on: what is ignored stays so through exec. */
    signal(SIGPIPE, SIG_IGN);
    fill(type, strlen(type) + 1);
    fill_variables(variables);
    fill_stdin();
    memcpy(((struct header *)call)->magic, "pbC1", 4);
    put32(((struct header *)call)->length, (uint32_t)(filled - sizeof(struct header)));
    int64_t end = milliseconds() + ANSWER_SECONDS * 1000;
    send_call(agent);
    return pass_on(agent, end);
}
