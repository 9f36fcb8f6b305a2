/* abort() is a trap; what was written before has gone out.
   @unstable no: the C library imports the second snapshot */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  puts("before");
  fflush(stdout);
  abort();
}
