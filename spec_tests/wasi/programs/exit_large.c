/* An exit code above 125 is as good as any other to WASI. */
#include "wasi.h"

int main(void) {
  proc_exit(200);
  return 1;
}
