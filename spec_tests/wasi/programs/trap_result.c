/* A result behind memory: nothing is created for it. */
#include "wasi.h"

int main(void) {
  text("before", P("still there"));
  say("open", path_open(ROOT, 0, P("made"), CREAT, READ_WRITE, 0, 0, (int *)0xfffffffcu));
  text("after", P("this is not reached"));
  return 0;
}
