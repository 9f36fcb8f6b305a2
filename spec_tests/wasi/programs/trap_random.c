/* More random bytes than there is memory. */
#include "wasi.h"

int main(void) {
  text("before", P("still there"));
  say("random", random_get((void *)16, 0xfffffff0u));
  text("after", P("this is not reached"));
  return 0;
}
