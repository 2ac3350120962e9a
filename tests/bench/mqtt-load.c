/* mqtt-load: a raw MQTT 3.1.1 publisher that is much cheaper than the broker it loads.
 *
 *   cc -O2 -o mqtt-load mqtt-load.c
 *   ./mqtt-load -P 1883 -c 100 -q 1 -w 20 -d 5 -W 2 -p BROKER_PID [-U tokens.txt] [-t v1/devices/me/telemetry]
 *
 * -h host  -P port  -c connections  -q qos 0|1  -w in-flight window per connection
 * -d seconds measured  -W seconds of warm-up  -n stop after n messages
 * -r messages/s in all (0 = as fast as acknowledged). Each message is then due at its own moment: its latency and its time stamp count from
 *    there, however late the server lets it out, so what a slow server delays is not left out of the figures
 * -t topic (one %d is replaced by the connection's number)  -U file of user names (tokens), one a line, one a connection
 * -x password  -m pub|idle (idle: connect, hold -H seconds, report memory)  -p pid[,pid] processes to account
 * -A file: append "connection sequence" for each PUBACK, for crash tests
 * -T time stamp of each connection's first message in ms (0 = now)  -s from one message of a connection to the next, in ms
 *
 * Prints one JSON line. QoS 0 is fenced by a PINGREQ per window, so its rate is what the broker has read, not what was sent.
 * A generator near 1.0 core ("gen_cores") means the broker's figure is a lower bound.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WINDOW = 64, MAX_PIDS = 4, FRAME_MAX = 640 };
enum { CONNECTING, READY, DEAD };

typedef struct {
  int fd, state, number, in_flight, out_len, out_pos, head_len;
  unsigned short message_id;
  long sequence, acked_sequence, last_ts;
  unsigned char head[8];              /* the packet being read: acknowledgements are 2 to 4 bytes */
  double sent_at[MAX_WINDOW];
  unsigned sent_head, sent_tail;
  char *out;
} Connection;

static const char *host = "127.0.0.1", *topic = "v1/devices/me/telemetry", *mode = "pub", *password = "";
static int port = 1883, count = 100, qos = 1, window = 20, hold_s = 5, epoll_fd;
static double measure_s = 5, warmup_s = 2;
static long rate, limit, sent, acked, start_ms, step_ms = 1000;
static char **tokens; static int token_count;
static int pids[MAX_PIDS], pid_count;
static FILE *ack_log;
static Connection *connections;
static int ready, dead;
static long due, wall_began;           /* with -r: messages let out so far; when the first was due */
static double began, slowest;
static long latency_buckets[31 * 8];

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec * 1e-9; }
static long wall_ms(void) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); return t.tv_sec * 1000L + t.tv_nsec / 1000000; }

static double cpu_s(int pid) {
  char path[64], text[1024]; unsigned long user = 0, kernel = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY); if (fd < 0) return 0;
  ssize_t n = read(fd, text, sizeof text - 1); close(fd); if (n <= 0) return 0; text[n] = 0;
  char *after_name = strrchr(text, ')'); if (!after_name) return 0;
  sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
  return (user + kernel) / (double)sysconf(_SC_CLK_TCK);
}
static long rss_kb(int pid) {
  char path[64], line[256]; long kb = 0;
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE *f = fopen(path, "r"); if (!f) return 0;
  while (fgets(line, sizeof line, f)) if (sscanf(line, "VmRSS: %ld", &kb) == 1) break;
  fclose(f); return kb;
}

static void add_latency(double seconds) {
  if (seconds > slowest) slowest = seconds;
  double us = seconds * 1e6; int power = 0;
  while (us >= 2 && power < 30) { us /= 2; power++; }
  int eighth = (int)((us - 1) * 8); if (eighth < 0) eighth = 0; if (eighth > 7) eighth = 7;
  latency_buckets[power * 8 + eighth]++;
}
static double latency_ms(double quantile) {
  long total = 0, seen = 0;
  for (int i = 0; i < 31 * 8; i++) total += latency_buckets[i];
  for (int i = 0; i < 31 * 8; i++) { seen += latency_buckets[i]; if (total && seen >= total * quantile) return (1L << (i / 8)) * (1 + (i % 8 + 1) / 8.0) / 1000.0; }
  return 0;
}

static int put_length(char *out, int length) { int n = 0; do { int b = length & 127; length >>= 7; out[n++] = b | (length ? 128 : 0); } while (length); return n; }
static int put_string(char *out, const char *text, int length) { out[0] = length >> 8; out[1] = length & 255; memcpy(out + 2, text, length); return length + 2; }

static int publish_frame(char *out, Connection *c) {
  char name[256], payload[400];
  int name_length = snprintf(name, sizeof name, topic, c->number);
  long s = c->sequence++, ts = start_ms ? start_ms + s * step_ms : rate ? wall_began + due * 1000 / rate : wall_ms();
  if (rate && ts <= c->last_ts) ts = c->last_ts + 1;   /* no two readings of one device at one moment */
  c->last_ts = ts;
  int payload_length = snprintf(payload, sizeof payload,
    "{\"ts\":%ld,\"values\":{\"temperature_c\":%.2f,\"humidity_pct\":%.1f,\"pm25_ugm3\":%.1f,\"level_m\":%.3f,\"battery_v\":%.3f,\"rssi_dbm\":%d},\"seq\":%ld}",
    ts, 20 + (s * 7919 % 2000) / 100.0, 40 + (s % 300) / 10.0, 5 + (s % 400) / 10.0, 2 + (s % 1000) / 1000.0, 3.2 + (s % 100) / 1000.0, -40 - (int)(s % 50), s);
  int n = 0;
  out[n++] = 0x30 | qos << 1;
  n += put_length(out + n, 2 + name_length + (qos ? 2 : 0) + payload_length);
  n += put_string(out + n, name, name_length);
  if (qos) { if (!++c->message_id) c->message_id = 1; out[n++] = c->message_id >> 8; out[n++] = c->message_id & 255; }
  memcpy(out + n, payload, payload_length);
  return n + payload_length;
}

static void watch(Connection *c, unsigned events, int op) { struct epoll_event e = { events, { .ptr = c } }; epoll_ctl(epoll_fd, op, c->fd, &e); }
static void lose(Connection *c) { if (c->state == DEAD) return; c->state = DEAD; dead++; epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, 0); close(c->fd); }

static void push(Connection *c) {
  while (c->out_pos < c->out_len) {
    ssize_t n = send(c->fd, c->out + c->out_pos, c->out_len - c->out_pos, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) { watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD); return; }
    if (n < 0) { lose(c); return; }
    c->out_pos += n;
  }
  if (c->out_len) watch(c, EPOLLIN, EPOLL_CTL_MOD);
  c->out_len = c->out_pos = 0;
}

static void fill(Connection *c) {
  if (c->state != READY || c->out_len || (!qos && c->in_flight)) return;
  int room = qos ? window - c->in_flight : window;
  if (rate && room > 1) room = 1;
  if (limit && sent + room > limit) room = (int)(limit - sent);
  if (room <= 0) return;
  double at = rate ? began + (double)due / rate : now(); int n = 0;
  for (int i = 0; i < room; i++) { n += publish_frame(c->out + n, c); if (qos) c->sent_at[c->sent_head++ % MAX_WINDOW] = at; }
  if (!qos) { c->out[n++] = (char)0xC0; c->out[n++] = 0; c->sent_at[0] = at; }
  c->in_flight += room; sent += room; due += room; c->out_len = n;
  push(c);
}

static void on_packet(Connection *c, double at) {
  switch (c->head[0] >> 4) {
    case 2: if (c->head[3]) { fprintf(stderr, "connection %d refused: CONNACK %d\n", c->number, c->head[3]); lose(c); } else { c->state = READY; ready++; } break;
    case 4: c->in_flight--; acked++; add_latency(at - c->sent_at[c->sent_tail++ % MAX_WINDOW]);
            if (ack_log) { fprintf(ack_log, "%d %ld\n", c->number, c->acked_sequence); }
            c->acked_sequence++; break;
    case 13: acked += c->in_flight; c->in_flight = 0; add_latency(at - c->sent_at[0]); break;
    default: fprintf(stderr, "unexpected packet %02x\n", c->head[0]); exit(3);
  }
}
static void pull(Connection *c) {
  unsigned char bytes[65536];
  for (;;) {
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) { lose(c); return; }
    double at = now();
    for (ssize_t i = 0; i < n && c->state != DEAD; i++) {
      c->head[c->head_len++] = bytes[i];
      if (c->head_len >= 2 && c->head_len == 2 + c->head[1]) { on_packet(c, at); c->head_len = 0; }
      else if (c->head_len == sizeof c->head) { fprintf(stderr, "unexpected packet %02x\n", c->head[0]); exit(3); }
    }
    if (c->state == DEAD || n < (ssize_t)sizeof bytes) return;
  }
}

static void dial(Connection *c, struct sockaddr_in *to) {
  int one = 1, n = 0; char frame[1024], body[900], id[48];
  const char *user = token_count ? tokens[c->number % token_count] : NULL;
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(c->fd, (void *)to, sizeof *to)) { perror("connect"); c->state = DEAD; dead++; return; }
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  memcpy(body, "\0\4MQTT\4", 7); n = 7;
  body[n++] = 0x02 | (user ? 0xC0 : 0); body[n++] = 0; body[n++] = 120;   /* clean session, keep-alive 120 s */
  n += put_string(body + n, id, snprintf(id, sizeof id, "load-%d-%d", getpid(), c->number));
  if (user) { n += put_string(body + n, user, strlen(user)); n += put_string(body + n, password, strlen(password)); }
  frame[0] = 0x10; int head = 1 + put_length(frame + 1, n); memcpy(frame + head, body, n);
  if (send(c->fd, frame, head + n, MSG_NOSIGNAL) < 0) { c->state = DEAD; dead++; close(c->fd); return; }
  c->out = malloc(MAX_WINDOW * FRAME_MAX + 8);
  watch(c, EPOLLIN, EPOLL_CTL_ADD);
}

static void read_tokens(const char *path) {
  char line[512]; FILE *f = fopen(path, "r"); if (!f) { perror(path); exit(2); }
  while (fgets(line, sizeof line, f)) { line[strcspn(line, "\r\n")] = 0; if (!*line) continue; tokens = realloc(tokens, (token_count + 1) * sizeof *tokens); tokens[token_count++] = strdup(line); }
  fclose(f);
}
static void options(int argc, char **argv) {
  for (int o; (o = getopt(argc, argv, "h:P:c:q:w:d:W:r:n:t:U:x:m:H:p:A:T:s:")) > 0;) switch (o) {
    case 'h': host = optarg; break;        case 'P': port = atoi(optarg); break;     case 'c': count = atoi(optarg); break;
    case 'q': qos = atoi(optarg); break;   case 'w': window = atoi(optarg); break;   case 'd': measure_s = atof(optarg); break;
    case 'W': warmup_s = atof(optarg); break; case 'r': rate = atol(optarg); break;  case 'n': limit = atol(optarg); break;
    case 't': topic = optarg; break;       case 'U': read_tokens(optarg); break;     case 'x': password = optarg; break;
    case 'm': mode = optarg; break;        case 'H': hold_s = atoi(optarg); break;   case 'T': start_ms = atol(optarg); break;
    case 's': step_ms = atol(optarg); break;
    case 'A': ack_log = fopen(optarg, "a"); setvbuf(ack_log, NULL, _IOLBF, 0); break;
    case 'p': for (char *t = strtok(strdup(optarg), ","); t && pid_count < MAX_PIDS; t = strtok(0, ",")) pids[pid_count++] = atoi(t); break;
    default: exit(2);
  }
  if (qos < 0 || qos > 1 || window < 1 || window > MAX_WINDOW) { fprintf(stderr, "qos is 0 or 1, the window 1 to %d\n", MAX_WINDOW); exit(2); }
}

int main(int argc, char **argv) {
  options(argc, argv);
  struct rlimit files = { 100000, 100000 }; if (setrlimit(RLIMIT_NOFILE, &files)) { getrlimit(RLIMIT_NOFILE, &files); files.rlim_cur = files.rlim_max; setrlimit(RLIMIT_NOFILE, &files); }
  signal(SIGPIPE, SIG_IGN);
  connections = calloc(count, sizeof *connections); epoll_fd = epoll_create1(0);
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) }; inet_pton(AF_INET, host, &to.sin_addr);
  struct epoll_event events[1024];

  long rss_before = pid_count ? rss_kb(pids[0]) : 0; double t0 = now(); int dialled = 0;
  while (ready + dead < count && now() - t0 < 120) {
    while (dialled < count && dialled - ready - dead < 128) { connections[dialled].number = dialled; dial(&connections[dialled], &to); dialled++; }
    int n = epoll_wait(epoll_fd, events, 1024, 1000);
    for (int i = 0; i < n; i++) pull(events[i].data.ptr);
  }
  double connect_s = now() - t0;
  if (!strcmp(mode, "idle")) {
    sleep(hold_s); long after = pid_count ? rss_kb(pids[0]) : 0;
    printf("{\"mode\":\"idle\",\"connections\":%d,\"dead\":%d,\"connects_per_s\":%.0f,\"rss_kb_before\":%ld,\"rss_kb\":%ld,\"kb_per_connection\":%.2f}\n",
           ready, dead, ready / connect_s, rss_before, after, ready ? (after - rss_before) / (double)ready : 0);
    return 0;
  }

  double begin = now(), end = begin + warmup_s + measure_s, from = 0, cpu_from[MAX_PIDS] = { 0 }, own_from = 0;
  long acked_from = 0; int measuring = 0, next = 0;
  began = begin; wall_began = wall_ms();
  if (!rate) for (int i = 0; i < count; i++) fill(&connections[i]);
  for (;;) {
    double t = now();
    if (!measuring && t >= begin + warmup_s) {
      measuring = 1; from = t; acked_from = acked; memset(latency_buckets, 0, sizeof latency_buckets); slowest = 0;
      for (int i = 0; i < pid_count; i++) cpu_from[i] = cpu_s(pids[i]);
      own_from = cpu_s(getpid());
    }
    if (dead >= count || t >= end || (limit && acked >= limit)) break;
    if (rate) {
      /* In turns; a connection that is full is passed over, and when all are, the messages that are due wait. */
      for (int full = 0; full < count && due <= (t - begin) * rate;) {
        long before = due; fill(&connections[next]); next = (next + 1) % count;
        full = due == before ? full + 1 : 0;
      }
    }
    int n = epoll_wait(epoll_fd, events, 1024, rate ? 1 : 100);
    for (int i = 0; i < n; i++) {
      Connection *c = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) push(c);
      if (c->state != DEAD && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
      if (!rate && c->state != DEAD) fill(c);
    }
  }
  double seconds = measuring ? now() - from : 0, messages = measuring ? acked - acked_from : 0, p50 = latency_ms(0.5), p99 = latency_ms(0.99), max = slowest * 1000;
  double own_used = cpu_s(getpid()) - own_from, used[MAX_PIDS];
  for (int i = 0; i < pid_count; i++) used[i] = cpu_s(pids[i]) - cpu_from[i];
  /* What is in flight is waited for, so that whoever counts what the broker kept knows exactly how many there must be. */
  while (acked < sent && !dead && now() < end + 30) {
    int n = epoll_wait(epoll_fd, events, 1024, 100);
    for (int i = 0; i < n; i++) {
      Connection *c = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) push(c);
      if (c->state != DEAD && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) pull(c);
    }
  }
  printf("{\"mode\":\"pub\",\"qos\":%d,\"connections\":%d,\"dead\":%d,\"window\":%d,\"seconds\":%.2f,\"messages_per_s\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f,\"sent\":%ld,\"acked\":%ld,\"gen_cores\":%.2f",
         qos, ready, dead, window, seconds, seconds ? messages / seconds : 0, p50, p99, max, sent, acked, seconds ? own_used / seconds : 0);
  for (int i = 0; i < pid_count; i++)
    printf(",\"pid%d\":{\"cores\":%.2f,\"cpu_s_per_million\":%.2f,\"rss_mb\":%ld}", i, seconds ? used[i] / seconds : 0, messages ? used[i] * 1e6 / messages : 0, rss_kb(pids[i]) / 1024);
  puts("}");
  return dead > 0 || acked < sent;
}
