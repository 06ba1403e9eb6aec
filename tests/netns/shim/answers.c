/*
 * The shim's reader of answers, in one process and thousands of times a second: `answers SEED SECONDS`. Each answer is
 * made well, often damaged, and handed over a socket pair in pieces; what the shim makes of it is compared with what a
 * second reading of the frame says. Ends with 0 and the number of answers on stdout; otherwise it aborts.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static jmp_buf ended;
static void *kept; /* what a process that ends need not free */

static _Noreturn void leave(int status) {
    longjmp(ended, status + 1);
}

static void *hold(size_t length) {
    return kept = malloc(length);
}

static void let_go(void *body) {
    free(body);
    kept = NULL;
}

#define _exit leave
#define malloc hold
#define free let_go
#define main shim_main
#include "podberth-shim.c"
#undef main

enum { HEADER = sizeof(struct answer), LARGEST = 64 << 10 /* a socket's buffer takes it whole */ };

static uint64_t state;

static uint32_t chance(uint32_t below) { /* xorshift64* */
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (uint32_t)((state * 0x2545F4914F6CDD1D) >> 32) % below;
}

/* Make an answer; return its length. */
static size_t make(uint8_t *at) {
    static const uint32_t sizes[] = {0, 1, 11, 12, 13, 4096, LARGEST - 64};
    uint32_t body = sizes[chance(sizeof sizes / sizeof *sizes)];
    size_t whole = HEADER + body;
    struct answer header = {.magic = {'p', 'b', 'A', '1'}};
    put32(header.code, chance(256));
    put32(header.length, body);
    memcpy(at, &header, HEADER);
    for (size_t i = HEADER; i < whole; i++)
        at[i] = (uint8_t)(i * 31 + body);
    switch (chance(5)) {
    case 0: /* cut short */
        return chance((uint32_t)whole + 1);
    case 1: /* more than announced */
        memset(at + whole, 'x', 50);
        return whole + 1 + chance(50);
    case 2: /* a bit of the header changed */
        at[chance(HEADER)] ^= (uint8_t)(1 << chance(8));
        return whole;
    case 3: /* a code or a length of any size */
        put32(at + (chance(2) ? 4 : 8), chance(UINT32_MAX) >> chance(32));
        return whole;
    default:
        return whole;
    }
}

/* What the shim's exit status has to be, or -1 for an error object. */
static int expected(const uint8_t *answer, size_t length) {
    if (length < HEADER || memcmp(answer, "pbA1", 4) != 0)
        return -1;
    if (get32(answer + 4) > 255 || length - HEADER != get32(answer + 8))
        return -1;
    return (int)get32(answer + 4);
}

static void require(bool fact, const char *what, unsigned long run) {
    if (!fact) {
        fprintf(stderr, "answer %lu: %s\n", run, what);
        abort();
    }
}

static void try(const uint8_t *answer, size_t length, int printed, unsigned long run) {
    static uint8_t shown[LARGEST + 1024];
    int pair[2];
    require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair", run);
    for (size_t done = 0, piece; done < length; done += piece) {
        piece = chance(4) ? length - done : 1 + chance((uint32_t)(length - done));
        require(send(pair[1], answer + done, piece, MSG_DONTWAIT) == (ssize_t)piece, "send", run);
    }
    close(pair[1]);
    require(ftruncate(printed, 0) == 0 && lseek(printed, 0, SEEK_SET) == 0, "rewind", run);
    volatile int status = -1;
    switch (setjmp(ended)) {
    case 0:
        status = pass_on(pair[0], milliseconds() + 60000);
        break;
    case 2:
        status = 1;
    }
    let_go(kept);
    close(pair[0]);
    ssize_t got = pread(printed, shown, sizeof shown, 0);
    require(got >= 0, "pread", run);
    int wanted = expected(answer, length);
    if (wanted < 0) {
        static const char start[] = "{\"cniVersion\": \"0.4.0\", \"code\": 11, ";
        require(status == 1, "an error's status", run);
        require((size_t)got > sizeof start && !memcmp(shown, start, sizeof start - 1), "an error object", run);
    } else {
        require(status == wanted, "the answer's status", run);
        require((size_t)got == length - HEADER && !memcmp(shown, answer + HEADER, (size_t)got), "its body", run);
    }
}

/* Ask for the version of a configuration that has the key in many places, whole and with a byte of it changed. */
static void try_version(unsigned long run) {
    static const char *const parts[] = {
        "\"a\":{\"cniVersion\":\"0.3.0\"},", "\"b\":[\"cniVersion\",\"0.3.0\",[{}]],",
        "\"c\":\"\\\"cniVersion\\\":\\\"0.3.0\\\",{[\",", "\"cniVersions\":[\"0.3.0\"],", "\"d\":\"cniVersion\",", " \n\t",
    };
    static const char *const spaces[] = {"", " ", "\n\t "};
    char text[512] = "{";
    for (uint32_t left = chance(6); left > 0; left--)
        append(text, sizeof text, parts[chance(sizeof parts / sizeof *parts)]);
    const char *wanted = VERSIONS[chance(sizeof VERSIONS / sizeof *VERSIONS)];
    const char *more[] = {"\"cniVersion\"", spaces[chance(3)], ":", spaces[chance(3)], "\"", wanted, "\",\"e\":{}}"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        append(text, sizeof text, more[i]);
    size_t length = strlen(text);
    uint8_t *exactly = hold(length); /* a byte read behind its end is reported */
    memcpy(exactly, text, length);
    require(!strcmp(version_in(exactly, exactly + length), wanted), "the version", run);
    exactly[chance((uint32_t)length)] = (uint8_t)chance(256);
    require(version_in(exactly, exactly + length)[0] != '\0', "a version of damaged JSON", run);
    require(version_in(exactly, exactly + chance((uint32_t)length))[0] != '\0', "a version of half of it", run);
    let_go(exactly);
}

int main(int argc, char **argv) {
    static uint8_t answer[LARGEST];
    static const char spoke[] = "{\"cniVersion\":\"0.4.0\"}";
    stdin_begins = filled;
    memcpy(call + filled, spoke, sizeof spoke - 1);
    filled += sizeof spoke - 1;
    require(argc == 3, "usage: answers SEED SECONDS", 0);
    state = strtoull(argv[1], NULL, 10) | 1;
    int64_t end = milliseconds() + strtol(argv[2], NULL, 10) * 1000;
    int told = dup(STDOUT_FILENO), printed = memfd_create("stdout", 0);
    require(dup2(printed, STDOUT_FILENO) == STDOUT_FILENO, "dup2", 0);
    unsigned long runs = 0;
    while (milliseconds() < end)
        try(answer, make(answer), printed, runs), try_version(runs++);
    dprintf(told, "%lu\n", runs);
    return 0;
}
