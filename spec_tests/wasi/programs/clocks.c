/* Clocks: realtime and monotonic, no others. */
#include "wasi.h"

int main(void) {
  u64 time = 0, later = 0, resolution = 0;
  say("realtime", clock_time_get(REALTIME, 1, &time));
  check("after 2020", time > 1577836800000000000ull);
  check("before 2200", time < 7258118400000000000ull);
  say("monotonic", clock_time_get(MONOTONIC, 1, &time));
  say("monotonic again", clock_time_get(MONOTONIC, 1000000, &later));
  check("does not go back", later >= time);
  for (u32 clock = 0; clock < 2; clock++) {
    say("resolution", clock_res_get(clock, &resolution));
    check("at least a nanosecond, at most a second", resolution >= 1 && resolution <= 1000000000);
  }
  time = 77;
  say("CPU time of the process", clock_time_get(2, 1, &time));
  say("CPU time of the thread", clock_time_get(3, 1, &time));
  say("its resolution", clock_res_get(2, &time));
  say("its resolution", clock_res_get(3, &time));
  check("nothing was written", time == 77);
  return 0;
}
