/* Random numbers fill the buffer and nothing else. */
#include "wasi.h"

static u8 buffer[0x20010];

int main(void) {
  u8 first[32], second[32];
  say("nothing", random_get(0, 0));
  say("some", random_get(first, 32));
  say("more", random_get(second, 32));
  check("they differ", memcmp(first, second, 32) != 0);
  say("many", random_get(buffer, 0x20000));
  int zeros = 0;
  for (u32 i = 0x1fff0; i < 0x20000; i++)
    zeros += buffer[i] == 0;
  check("to the end", zeros < 8);
  for (u32 i = 0x20000; i < sizeof buffer; i++)
    zeros += buffer[i] != 0;
  check("and no further", zeros < 8);
  return 0;
}
