/* Opening through symbolic links: in the last place only where that is asked for.
   @file file hello
   @mkdir dir
   @file dir/inner within
   @link link file
   @link dirlink dir
   @link chain link
   @link broken nowhere
   @link up dir/../file
   @link dir/back ../file
   @link slash dir/ */
#include "wasi.h"

static void both(const char *path, int oflags, u64 rights) {
  for (int lookup = 0; lookup < 2; lookup++) {
    int fd = open_at(ROOT, lookup, path, oflags, rights, 0);
    text(lookup ? "followed" : "not followed", path, strlen(path));
    if (fd < 0)
      say("  open", -1 - fd);
    else if (oflags & DIRECTORY)
      say("  open", 0);
    else
      show_rest("  content", fd);
    if (fd >= 0)
      fd_close(fd);
  }
}

int main(void) {
  both("link", 0, FD_READ);
  both("dirlink", DIRECTORY, 0);
  both("dirlink/inner", 0, FD_READ);
  both("chain", 0, FD_READ);
  both("broken", 0, FD_READ);
  both("up", 0, FD_READ);
  both("dir/back", 0, FD_READ);
  both("dirlink/back", 0, FD_READ);
  both("slash", DIRECTORY, 0);
  both("slash/inner", 0, FD_READ);
  both("link", CREAT | EXCL, READ_WRITE);
  both("broken", CREAT | EXCL, READ_WRITE);
  both("link", DIRECTORY, 0);
  return 0;
}
