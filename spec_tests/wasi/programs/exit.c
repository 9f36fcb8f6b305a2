/* The guest's exit code, from within a call; nothing of the guest runs after it. */
#include "wasi.h"

static void __attribute__((noinline)) leave(u32 depth) {
  if (depth == 0)
    proc_exit(7);
  else
    leave(depth - 1);
  text("after", P("this is not reached"));
}

int main(void) {
  text("before", P("leaving"));
  leave(100);
  text("after", P("this is not reached"));
  return 1;
}
