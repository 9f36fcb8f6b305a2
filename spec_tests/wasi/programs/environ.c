/* The environment: only what was granted, sizes count the NULs.
   @env NAME=value
   @env EMPTY=
   @env EQUALS=a=b */
#include "wasi.h"

int main(void) {
  u32 count, size;
  static char *variables[16];
  static char buffer[256];
  say("sizes", environ_sizes_get(&count, &size));
  show("count", count);
  show("size", size);
  say("get", environ_get(variables, buffer));
  for (u32 i = 0; i < count; i++)
    text("variable", variables[i], strlen(variables[i]));
  return 0;
}
