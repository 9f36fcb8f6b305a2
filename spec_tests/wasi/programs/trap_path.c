/* A path that ends behind memory. */
#include "wasi.h"

int main(void) {
  text("before", P("still there"));
  say("create", path_create_directory(ROOT, (const char *)0xfffffff0u, 0x20));
  text("after", P("this is not reached"));
  return 0;
}
