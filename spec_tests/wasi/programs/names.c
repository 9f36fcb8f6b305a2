/* Names in a directory that are no UTF-8, which a guest cannot be told.
   @file \udcff x
   @link to-it \udcff
   @file good hello */
#include "wasi.h"

static u8 entries[256];

int main(void) {
  char buffer[8];
  u32 used;
  filestat stat;
  say("readdir", fd_readdir(ROOT, entries, sizeof entries, 0, &used));
  say("open", path_open(ROOT, 0, "\xff", 1, 0, FD_READ, 0, 0, (int *)&used));
  say("readlink", path_readlink(ROOT, P("to-it"), buffer, sizeof buffer, &used));
  say("stat", path_filestat_get(ROOT, SYMLINK_FOLLOW, P("to-it"), &stat));
  show_rest("another", must_open("good", 0, FD_READ));
  return 0;
}
