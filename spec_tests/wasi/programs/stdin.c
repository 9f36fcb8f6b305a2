/* Standard input is read to its end, in pieces.
   @stdin line one\nline two\n */
#include "wasi.h"

int main(void) {
  char a[8], b[8];
  u32 count = 0;
  iovec into[] = {{a, 4}, {b, 4}};
  say("read", read_some(0, a, 5, &count));
  text("piece", a, count);
  u32 total = count;
  say("nothing", read_some(0, a, 0, &count));
  show("count", count);
  while (!fd_read(0, into, 2, &count) && count)
    total += count;
  show("in all", total);
  say("at the end", read_some(0, a, 4, &count));
  show("count", count);
  return 0;
}
