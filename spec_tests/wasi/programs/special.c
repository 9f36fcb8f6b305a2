/* What else there is in a directory: a FIFO, as any name, can be told of, moved, linked and removed.
   @fifo pipe
   @mkdir dir */
#include "wasi.h"

static u8 entries[256];

int main(void) {
  u32 used;
  filestat stat;
  say("stat", path_filestat_get(ROOT, 0, P("pipe"), &stat));
  show("type", stat.type);
  say("readdir", fd_readdir(ROOT, entries, sizeof entries, 0, &used));
  say("set times", path_filestat_set_times(ROOT, 0, P("pipe"), 5, 5, ATIM | MTIM));
  say("link", path_link(ROOT, 0, P("pipe"), ROOT, P("second")));
  say("rename", path_rename(ROOT, P("pipe"), ROOT, P("dir/pipe")));
  say("open beneath it", path_filestat_get(ROOT, 0, P("dir/pipe/x"), &stat));
  say("open as a directory", path_filestat_get(ROOT, 0, P("dir/pipe/"), &stat));
  say("make it a directory", path_create_directory(ROOT, P("second")));
  try_open("create exclusively", ROOT, 0, "second", CREAT | EXCL, READ_WRITE);
  say("unlink", path_unlink_file(ROOT, P("second")));
  return 0;
}
