/* Random numbers, and lines of words. */

#include "../programs/wasi.h"

enum { STEPS = 300 };

static u64 state;

/* From 0 to below the limit. */
static u32 below(u32 limit) {
  state = state * 6364136223846793005ull + 1442695040888963407ull;
  return (u32)(state >> 33) % limit;
}

static char line[512];
static u32 used;

static void put(const char *word) {
  u32 size = strlen(word);
  if (used)
    line[used++] = ' ';
  memcpy(line + used, word, size);
  used += size;
}

static void number(u64 value) {
  char digits[21];
  u32 at = sizeof digits - 1;
  digits[at] = 0;
  do
    digits[--at] = '0' + value % 10;
  while (value /= 10);
  put(digits + at);
}

static void end_line(void) {
  line[used++] = '\n';
  iovec one = {line, used};
  u32 written;
  fd_write(1, &one, 1, &written);
}

/* Takes the seed from the arguments, and then the steps. */
static int walk(void step(void)) {
  char *argv[8], buffer[64];
  u32 count, size;
  args_sizes_get(&count, &size);
  args_get(argv, buffer);
  for (const char *digit = argv[1]; *digit; digit++)
    state = state * 10 + *digit - '0';
  for (int i = 0; i < STEPS; i++)
    step();
  return 0;
}
