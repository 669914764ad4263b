/*
 * Load for RTP relays: 2 x CALLS telephones on loopback, each sends 50 packets of G.711 a second to the relay's port for
 * it and hears the other one of its call. Packets carry their time, so what arrives tells loss and delay. The first two
 * seconds are not counted.
 *
 *   cc -O2 rtp-load.c -o rtp-load
 *   rtp-load CALLS SECONDS FIRST_PORT        the relay's ports on standard input, one a line; telephone i is at
 *                                            FIRST_PORT + 2i and speaks to telephone i^1
 *
 * Prints one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

enum { packet_bytes = 172, batch = 64, slots = 4000, slot_us = 25 };

static const uint64_t second = 1000000000ull;
static const uint64_t warm_up = 2 * 1000000000ull;
static const uint64_t drain = 500000000ull;
static const uint64_t late = 20000000ull;

struct telephone {
  int fd;
  struct sockaddr_in relay;
  uint16_t sequence;
};

struct figures {
  uint64_t sent, received, wrong, late, slowest_ns, generator_late_ns;
  uint32_t histogram[slots];
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * second + (uint64_t)time.tv_nsec;
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int open_telephone(struct telephone *phone, int port, int relay_port, int epoll, uint32_t index) {
  int buffer = 1 << 20;
  struct sockaddr_in own = loopback(port);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  phone->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  phone->relay = loopback(relay_port);
  setsockopt(phone->fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (bind(phone->fd, (struct sockaddr *)&own, sizeof own) != 0) return -1;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, phone->fd, &event);
}

static int speak(struct telephone *phone, uint32_t index) {
  unsigned char bytes[packet_bytes];
  uint32_t timestamp = htonl(phone->sequence * 160u), ssrc = htonl(0x1000 + index);
  uint64_t time = now();
  memset(bytes, 0xd5, sizeof bytes);
  bytes[0] = 0x80;
  bytes[1] = 8;
  bytes[2] = (unsigned char)(phone->sequence >> 8);
  bytes[3] = (unsigned char)phone->sequence;
  memcpy(bytes + 4, &timestamp, 4);
  memcpy(bytes + 8, &ssrc, 4);
  memcpy(bytes + 12, &time, 8);
  memcpy(bytes + 20, &index, 4);
  phone->sequence++;
  return sendto(phone->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&phone->relay, sizeof phone->relay) == packet_bytes;
}

static void hear(const struct telephone *phone, uint32_t index, uint64_t from, uint64_t to, struct figures *figures) {
  unsigned char bytes[2048];
  for (;;) {
    uint64_t sent_at, at;
    uint32_t source;
    ssize_t length = recv(phone->fd, bytes, sizeof bytes, 0);
    if (length < 0) return;
    if (length != packet_bytes) continue;
    memcpy(&sent_at, bytes + 12, 8);
    memcpy(&source, bytes + 20, 4);
    at = now();
    if (sent_at == 0xd5d5d5d5d5d5d5d5ull) continue; /* the relay's own: it spoke first */
    if (source != (index ^ 1) || sent_at > at) {
      figures->wrong++;
      continue;
    }
    if (sent_at <= from || sent_at > to) continue;
    uint64_t delay = at - sent_at, slot = delay / (slot_us * 1000);
    figures->received++;
    if (delay > late) figures->late++;
    if (delay > figures->slowest_ns) figures->slowest_ns = delay;
    figures->histogram[slot < slots ? slot : slots - 1]++;
  }
}

static double percentile(const struct figures *figures, double share) {
  uint64_t sum = 0;
  for (int i = 0; i < slots; i++) {
    sum += figures->histogram[i];
    if ((double)sum >= share * (double)figures->received) return i * slot_us / 1000.0;
  }
  return slots * slot_us / 1000.0;
}

int main(int count, char **values) {
  if (count != 4) return 2;
  uint32_t phones = 2 * (uint32_t)atoi(values[1]), next_phone = 0;
  uint64_t span = (uint64_t)(atof(values[2]) * (double)second);
  int first_port = atoi(values[3]), epoll = epoll_create1(0);
  struct telephone *all = calloc(phones, sizeof *all);
  struct rlimit files = {65536, 65536};
  static struct figures figures;
  setrlimit(RLIMIT_NOFILE, &files);
  for (uint32_t i = 0; i < phones; i++) {
    int relay_port;
    if (scanf("%d", &relay_port) != 1) return 2;
    if (open_telephone(&all[i], first_port + 2 * (int)i, relay_port, epoll, i) != 0) return perror("telephone"), 1;
  }
  uint64_t start = now(), end = start + span, from = start + warm_up, step = second / 50 / phones, next = start;
  struct epoll_event events[256];
  while (now() < end + drain) {
    for (int k = 0; k < batch && next < end; k++) {
      uint64_t time = now();
      if (time < next) break;
      if (time > from && time - next > figures.generator_late_ns) figures.generator_late_ns = time - next;
      if (speak(&all[next_phone], next_phone) && time > from) figures.sent++;
      next_phone = (next_phone + 1) % phones;
      next += step;
    }
    int ready = epoll_wait(epoll, events, 256, 0);
    for (int i = 0; i < ready; i++) hear(&all[events[i].data.u32], events[i].data.u32, from, end, &figures);
    if (ready == 0 && next > now() + 50000) nanosleep(&(struct timespec){0, 30000}, NULL);
  }
  printf("{\"sent\":%lu,\"received\":%lu,\"wrong\":%lu,\"late\":%lu,\"p50Ms\":%.2f,\"p99Ms\":%.2f,\"maxMs\":%.1f,"
         "\"generatorLateMs\":%.1f}\n",
         figures.sent, figures.received, figures.wrong, figures.late, percentile(&figures, 0.5),
         percentile(&figures, 0.99), (double)figures.slowest_ns / 1e6, (double)figures.generator_late_ns / 1e6);
  return 0;
}
