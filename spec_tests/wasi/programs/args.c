/* Arguments: sizes count the NULs, pointers lead into the buffer in order.
   @args one "two words" "" \u00e9 */
#include "wasi.h"

int main(void) {
  u32 count, size;
  static char *argv[16];
  static char buffer[256];
  say("sizes", args_sizes_get(&count, &size));
  show("count", count);
  show("size", size);
  memset(buffer, 'x', sizeof buffer);
  say("get", args_get(argv, buffer));
  for (u32 i = 0; i < count; i++)
    text("argument", argv[i], strlen(argv[i]));
  check("the first is at the beginning", argv[0] == buffer);
  check("nothing is behind the last", buffer[size] == 'x' && buffer[size - 1] == 0);
  return 0;
}
