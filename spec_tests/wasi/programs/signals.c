/* Signals cannot be sent. */
#include "wasi.h"

int main(void) {
  say("abort", proc_raise(6));
  say("none", proc_raise(0));
  say("kill", proc_raise(9));
  return 0;
}
