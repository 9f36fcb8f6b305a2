/* Nothing is granted: neither variables nor directories, and the standard streams are there all the same.
   @dirs none */
#include "wasi.h"

int main(void) {
  u32 count = 9, size = 9;
  prestat stat;
  say("sizes", environ_sizes_get(&count, &size));
  show("count", count);
  show("size", size);
  say("get", environ_get(0, 0));
  say("prestat", fd_prestat_get(ROOT, &stat));
  try_open("open", ROOT, 0, "file", 0, FD_READ);
  show_rest("input", 0);
  say("close", fd_close(ROOT));
  return 0;
}
