/* A pointer that is not aligned as its type asks for. */
#include "wasi.h"

static u64 room[2];

int main(void) {
  text("before", P("still there"));
  say("time", clock_time_get(REALTIME, 1, (u64 *)((char *)room + 4)));
  text("after", P("this is not reached"));
  return 0;
}
