/* A directory is listed after it was removed, and while it is empty.
   @mkdir dir */
#include "wasi.h"

static u8 buffer[256];

int main(void) {
  u32 used = 0;
  int dir = must_open("dir", DIRECTORY, 0);
  say("empty", fd_readdir(dir, buffer, 256, 0, &used));
  show("used", used);
  say("remove", path_remove_directory(ROOT, P("dir")));
  try_open("create in it", dir, 0, "file", CREAT, FD_WRITE);
  say("create in it", path_create_directory(dir, P("sub")));
  try_open("open it", dir, 0, ".", DIRECTORY, 0);
  try_open("its parent", dir, 0, "..", DIRECTORY, 0);
  return 0;
}
