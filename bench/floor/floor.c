/*
 * The floor: the least that the kernel has to do for a pod's interface, by raw rtnetlink and nothing else. No ledger,
 * no look-ups, no undo. What a plugin takes is measured against it, in the same run.
 *
 *   floor add bridge|masquerade|macvlan PARENT NETNS ADDRESS/LENGTH GATEWAY NAME   prints the microseconds it took
 *   floor del bridge|masquerade|macvlan PARENT NETNS ADDRESS/LENGTH NAME
 *
 * With masquerade an address is put into a set of nf_tables besides; the set is there before, with no rule: adding to it
 * is what a pod's ADD does. NAME is the link's name on the node; in the pod it is eth0. Making the process is not counted, opening sockets is.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static char buffer[8192];
static struct nlmsghdr *const message = (struct nlmsghdr *)buffer;

static _Noreturn void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_netlink(int protocol) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    if (fd < 0)
        fail("socket");
    return fd;
}

static int open_rtnetlink(void) {
    return open_netlink(NETLINK_ROUTE);
}

static void begin(uint16_t type, uint16_t flags, const void *header, size_t length) {
    memset(buffer, 0, 256);
    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    message->nlmsg_len = NLMSG_LENGTH(length);
    memcpy(NLMSG_DATA(message), header, length);
}

static struct rtattr *put(uint16_t type, const void *content, size_t length) {
    struct rtattr *at = (struct rtattr *)(buffer + NLMSG_ALIGN(message->nlmsg_len));
    at->rta_type = type;
    at->rta_len = RTA_LENGTH(length);
    if (length > 0)
        memcpy(RTA_DATA(at), content, length);
    message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + RTA_ALIGN(at->rta_len);
    return at;
}

static void end(struct rtattr *nest) {
    nest->rta_len = (uint16_t)(buffer + message->nlmsg_len - (char *)nest);
}

static void put_text(uint16_t type, const char *text) {
    put(type, text, strlen(text) + 1);
}

static void talk(int fd, const char *what) {
    if (send(fd, buffer, message->nlmsg_len, 0) < 0)
        fail(what);
    char answer[4096];
    if (recv(fd, answer, sizeof answer, 0) < 0)
        fail(what);
    struct nlmsgerr *error = NLMSG_DATA((struct nlmsghdr *)answer);
    if (((struct nlmsghdr *)answer)->nlmsg_type == NLMSG_ERROR && error->error != 0) {
        errno = -error->error;
        fail(what);
    }
}

static int index_of(int fd, const char *name, uint8_t mac[6]) {
    struct ifinfomsg link = {0};
    begin(RTM_GETLINK, 0, &link, sizeof link);
    message->nlmsg_flags = NLM_F_REQUEST;
    put_text(IFLA_IFNAME, name);
    if (send(fd, buffer, message->nlmsg_len, 0) < 0)
        fail(name);
    char answer[16384];
    ssize_t got = recv(fd, answer, sizeof answer, 0);
    struct nlmsghdr *head = (struct nlmsghdr *)answer;
    if (got < 0 || head->nlmsg_type != RTM_NEWLINK)
        fail(name);
    struct ifinfomsg *found = NLMSG_DATA(head);
    int left = (int)IFLA_PAYLOAD(head);
    for (struct rtattr *at = IFLA_RTA(found); RTA_OK(at, left); at = RTA_NEXT(at, left))
        if (at->rta_type == IFLA_ADDRESS)
            memcpy(mac, RTA_DATA(at), 6);
    return found->ifi_index;
}

static void make_veth(int fd, const char *name, int netns) {
    struct ifinfomsg link = {0};
    begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    put_text(IFLA_IFNAME, name);
    struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
    put_text(IFLA_INFO_KIND, "veth");
    struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = put(VETH_INFO_PEER, &link, sizeof link);
    put_text(IFLA_IFNAME, "eth0");
    put(IFLA_NET_NS_FD, &netns, 4);
    end(peer), end(data), end(info);
    talk(fd, "veth");
}

static void make_macvlan(int fd, int parent, int netns) {
    struct ifinfomsg link = {0};
    uint32_t mode = MACVLAN_MODE_BRIDGE;
    begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &link, sizeof link);
    put_text(IFLA_IFNAME, "eth0");
    put(IFLA_LINK, &parent, 4);
    put(IFLA_NET_NS_FD, &netns, 4);
    struct rtattr *info = put(IFLA_LINKINFO, NULL, 0);
    put_text(IFLA_INFO_KIND, "macvlan");
    struct rtattr *data = put(IFLA_INFO_DATA, NULL, 0);
    put(IFLA_MACVLAN_MODE, &mode, 4);
    end(data), end(info);
    talk(fd, "macvlan");
}

static void set_link(int fd, int index, unsigned flags, int master, const uint8_t *mac) {
    struct ifinfomsg link = {.ifi_index = index, .ifi_flags = flags, .ifi_change = flags};
    begin(RTM_NEWLINK, 0, &link, sizeof link);
    if (master)
        put(IFLA_MASTER, &master, 4);
    if (mac)
        put(IFLA_ADDRESS, mac, 6);
    talk(fd, "set link");
}

static struct in_addr number_of(const char *text, unsigned *length) {
    char address[64];
    struct in_addr number;
    if (sscanf(text, "%63[^/]/%u", address, length) != 2 || inet_pton(AF_INET, address, &number) != 1)
        fail(text);
    return number;
}

static void add_address(int fd, int index, const char *text) {
    unsigned length = 0;
    struct in_addr number = number_of(text, &length);
    struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_prefixlen = (uint8_t)length, .ifa_index = (unsigned)index};
    begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    put(IFA_LOCAL, &number, 4);
    put(IFA_ADDRESS, &number, 4);
    talk(fd, "address");
}

static void add_default_route(int fd, int index, const char *gateway) {
    struct in_addr number;
    if (inet_pton(AF_INET, gateway, &number) != 1)
        fail(gateway);
    struct rtmsg header = {.rtm_family = AF_INET,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_protocol = RTPROT_BOOT,
                           .rtm_scope = RT_SCOPE_UNIVERSE,
                           .rtm_type = RTN_UNICAST};
    begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &header, sizeof header);
    put(RTA_GATEWAY, &number, 4);
    put(RTA_OIF, &index, 4);
    talk(fd, "route");
}

/* arp_notify by rtnetlink, then the MAC it has already: the kernel announces the addresses. */
static void announce(int fd, int index, const uint8_t mac[6]) {
    struct ifinfomsg link = {.ifi_index = index};
    uint32_t on = 1;
    begin(RTM_SETLINK, 0, &link, sizeof link);
    struct rtattr *families = put(IFLA_AF_SPEC, NULL, 0);
    struct rtattr *inet = put(AF_INET, NULL, 0);
    struct rtattr *conf = put(IFLA_INET_CONF, NULL, 0);
    put(22 /* IPV4_DEVCONF_ARP_NOTIFY */, &on, 4);
    end(conf), end(inet), end(families);
    talk(fd, "arp_notify");
    set_link(fd, index, 0, 0, mac);
}

static void delete_link(int fd, int index) {
    struct ifinfomsg link = {.ifi_index = index};
    begin(RTM_DELLINK, 0, &link, sizeof link);
    talk(fd, "delete");
}

/* A socket inside, by entering and coming back: this process has one thread and nothing else to lose. */
static int inside(int netns) {
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(netns, CLONE_NEWNET) != 0)
        fail("setns");
    int fd = open_rtnetlink();
    if (setns(own, CLONE_NEWNET) != 0)
        fail("setns");
    close(own);
    return fd;
}

/* A transaction of one message, which the calls between `begin_rules` and `commit` put into the buffer. */
static struct nlmsghdr *begin_rules(uint16_t type, uint16_t flags, const char *set) {
    struct nfgenmsg batch = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    struct nfgenmsg inet = {.nfgen_family = NFPROTO_INET};
    begin(NFNL_MSG_BATCH_BEGIN, 0, &batch, sizeof batch);
    message->nlmsg_flags = NLM_F_REQUEST;
    memset(buffer + message->nlmsg_len, 0, 512);
    struct nlmsghdr *inner = (struct nlmsghdr *)(buffer + message->nlmsg_len);
    inner->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
    inner->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
    memcpy(NLMSG_DATA(inner), &inet, sizeof inet);
    message->nlmsg_len += NLMSG_LENGTH(sizeof inet);
    put_text(NFTA_TABLE_NAME, "floor");
    if (set)
        put_text(NFTA_SET_NAME, set);
    return inner;
}

static void commit(int fd, struct nlmsghdr *inner, const char *what) {
    struct nfgenmsg batch = {.nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES)};
    unsigned whole = message->nlmsg_len;
    inner->nlmsg_len = (uint32_t)(buffer + whole - (char *)inner);
    struct nlmsghdr *last = (struct nlmsghdr *)(buffer + whole);
    memset(last, 0, NLMSG_LENGTH(sizeof batch));
    last->nlmsg_len = NLMSG_LENGTH(sizeof batch);
    last->nlmsg_type = NFNL_MSG_BATCH_END;
    last->nlmsg_flags = NLM_F_REQUEST;
    memcpy(NLMSG_DATA(last), &batch, sizeof batch);
    message->nlmsg_len = NLMSG_LENGTH(sizeof batch);
    size_t length = whole + last->nlmsg_len;
    if (send(fd, buffer, length, 0) < 0)
        fail(what);
    char answer[4096];
    if (recv(fd, answer, sizeof answer, 0) < 0)
        fail(what);
    struct nlmsgerr *error = NLMSG_DATA((struct nlmsghdr *)answer);
    if (error->error != 0) {
        errno = -error->error;
        fail(what);
    }
}

static void make_set(int fd) {
    uint32_t type = htonl(7 /* nft's ipv4_addr */), length = htonl(4), id = htonl(1);
    commit(fd, begin_rules(NFT_MSG_NEWTABLE, NLM_F_CREATE, NULL), "table");
    struct nlmsghdr *set = begin_rules(NFT_MSG_NEWSET, NLM_F_CREATE, "pods");
    put(NFTA_SET_KEY_TYPE, &type, 4);
    put(NFTA_SET_KEY_LEN, &length, 4);
    put(NFTA_SET_ID, &id, 4);
    commit(fd, set, "set");
}

static void change_element(uint16_t type, uint16_t flags, const char *text) {
    unsigned length;
    struct in_addr address = number_of(text, &length);
    int fd = open_netlink(NETLINK_NETFILTER);
    struct nlmsghdr *element = begin_rules(type, flags, "pods");
    struct rtattr *list = put(NLA_F_NESTED | NFTA_SET_ELEM_LIST_ELEMENTS, NULL, 0);
    struct rtattr *member = put(NLA_F_NESTED | NFTA_LIST_ELEM, NULL, 0);
    struct rtattr *key = put(NLA_F_NESTED | NFTA_SET_ELEM_KEY, NULL, 0);
    put(NFTA_DATA_VALUE, &address, 4);
    end(key), end(member), end(list);
    commit(fd, element, "element");
}

enum shape { BRIDGE, MASQUERADE, MACVLAN };

static void add(enum shape shape, char **argv) {
    int netns = open(argv[1], O_RDONLY | O_CLOEXEC), node = open_rtnetlink(), pod = inside(netns);
    uint8_t mac[6];
    int parent = index_of(node, argv[0], mac);
    if (shape == MASQUERADE)
        change_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, argv[2]);
    if (shape == MACVLAN) {
        make_macvlan(node, parent, netns);
    } else {
        make_veth(node, argv[4], netns);
        set_link(node, index_of(node, argv[4], mac), IFF_UP, parent, NULL);
    }
    int index = index_of(pod, "eth0", mac);
    set_link(pod, index, IFF_UP, 0, NULL);
    add_address(pod, index, argv[2]);
    add_default_route(pod, index, argv[3]);
    announce(pod, index, mac);
}

static void del(enum shape shape, char **argv) {
    uint8_t mac[6];
    int fd = shape == MACVLAN ? inside(open(argv[1], O_RDONLY | O_CLOEXEC)) : open_rtnetlink();
    delete_link(fd, index_of(fd, shape == MACVLAN ? "eth0" : argv[3], mac));
    if (shape == MASQUERADE)
        change_element(NFT_MSG_DELSETELEM, 0, argv[2]);
}

int main(int argc, char **argv) {
    int adding = argc > 1 && !strcmp(argv[1], "add");
    if (argc != (adding ? 8 : 7)) {
        fputs("floor add SHAPE PARENT NETNS ADDRESS/LENGTH GATEWAY NAME\n"
              "floor del SHAPE PARENT NETNS ADDRESS/LENGTH NAME\n",
              stderr);
        return 2;
    }
    struct timespec from, to;
    enum shape shape = !strcmp(argv[2], "bridge") ? BRIDGE : !strcmp(argv[2], "masquerade") ? MASQUERADE : MACVLAN;
    if (shape == MASQUERADE)
        make_set(open_netlink(NETLINK_NETFILTER));
    clock_gettime(CLOCK_MONOTONIC, &from);
    (adding ? add : del)(shape, argv + 3);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%ld\n", (to.tv_sec - from.tv_sec) * 1000000L + (to.tv_nsec - from.tv_nsec) / 1000);
    return 0;
}
