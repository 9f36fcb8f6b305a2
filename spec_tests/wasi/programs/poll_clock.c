/* Waiting for times. */
#include "wasi.h"

static subscription clock_at(u64 userdata, u32 id, u64 timeout, u16 flags) {
  subscription one = {userdata, CLOCK};
  one.clock.id = id, one.clock.timeout = timeout, one.clock.flags = flags;
  return one;
}

static u64 now(u32 clock) {
  u64 time = 0;
  clock_time_get(clock, 1, &time);
  return time;
}

int main(void) {
  event events[4];
  u32 stored = 99;
  u64 begun = now(MONOTONIC);
  subscription one = clock_at(17, MONOTONIC, 30000000, 0);
  memset(events, 0xaa, sizeof events);
  say("30 ms", poll_oneoff(&one, events, 1, &stored));
  u64 took = now(MONOTONIC) - begun;
  check("it took as long", took >= 30000000 && took < 5000000000);
  show("events", stored);
  show("userdata", events[0].userdata);
  say("error", events[0].error);
  show("type", events[0].type);

  one = clock_at(1, REALTIME, 10000000, 0);
  say("10 ms of the realtime clock", poll_oneoff(&one, events, 1, &stored));
  show("events", stored);

  begun = now(MONOTONIC);
  one = clock_at(2, MONOTONIC, begun + 20000000, ABSOLUTE);
  say("until in 20 ms", poll_oneoff(&one, events, 1, &stored));
  took = now(MONOTONIC) - begun;
  check("it took as long", took >= 20000000 && took < 5000000000);
  one = clock_at(3, MONOTONIC, begun, ABSOLUTE);
  say("until what is past", poll_oneoff(&one, events, 1, &stored));
  show("events", stored);
  one = clock_at(4, REALTIME, now(REALTIME) + 20000000, ABSOLUTE);
  say("until in 20 ms of the realtime clock", poll_oneoff(&one, events, 1, &stored));
  show("events", stored);

  subscription two[] = {clock_at(5, MONOTONIC, 10000000000, 0), clock_at(6, MONOTONIC, 10000000, 0)};
  say("the first of two", poll_oneoff(two, events, 2, &stored));
  show("events", stored);
  show("userdata", events[0].userdata);
  subscription zero[] = {clock_at(7, MONOTONIC, 0, 0), clock_at(8, MONOTONIC, 0, 0)};
  say("no time", poll_oneoff(zero, events, 2, &stored));
  show("events", stored);
  say("nothing", poll_oneoff(zero, events, 0, &stored));
  one = clock_at(9, 2, 0, 0);
  say("CPU time", poll_oneoff(&one, events, 1, &stored));
  return 0;
}
