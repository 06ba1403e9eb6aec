/*
 * Many calls of plugins, so many at a time, with as little around them as there can be: what is measured is the plugins.
 *
 *   crowd AT_ONCE VERB COUNT PREFIX BINARY CONF SOCKET      prints the milliseconds that all calls took
 *
 * Call number N is for the container and the network namespace PREFIXN; its stdin is the file CONF.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void start(char **argv, int number) {
    char container[64], id[96], netns[128], args[256], socket[256], verb[32];
    posix_spawn_file_actions_t files;
    snprintf(container, sizeof container, "%s%d", argv[4], number);
    snprintf(verb, sizeof verb, "CNI_COMMAND=%s", argv[2]);
    snprintf(id, sizeof id, "CNI_CONTAINERID=%s", container);
    snprintf(netns, sizeof netns, "CNI_NETNS=/run/netns/%s", container);
    snprintf(args, sizeof args, "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME=%s", container);
    snprintf(socket, sizeof socket, "PODBERTH_SOCKET=%s", argv[7]);
    char *env[] = {verb,   id, netns, "CNI_IFNAME=eth0", args, "CNI_PATH=/usr/lib/cni", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                   socket, NULL};
    char *command[] = {argv[5], NULL};
    pid_t process;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, argv[6], O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    errno = posix_spawn(&process, argv[5], &files, NULL, command, env);
    if (errno) {
        perror(argv[5]);
        exit(1);
    }
    posix_spawn_file_actions_destroy(&files);
}

static void end_one(void) {
    int status;
    if (wait(&status) < 0 || status != 0) {
        fprintf(stderr, "a call failed with status %d\n", status);
        exit(1);
    }
}

int main(int argc, char **argv) {
    if (argc != 8) {
        fputs("crowd AT_ONCE VERB COUNT PREFIX BINARY CONF SOCKET\n", stderr);
        return 2;
    }
    int at_once = atoi(argv[1]), count = atoi(argv[3]), running = 0;
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int number = 0; number < count; number++) {
        if (running == at_once) {
            end_one();
            running--;
        }
        start(argv, number);
        running++;
    }
    while (running-- > 0)
        end_one();
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.3f\n", (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) / 1e6);
    return 0;
}
