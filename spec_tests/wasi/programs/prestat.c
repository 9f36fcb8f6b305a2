/* Preopened directories: how a guest learns of them.
   @dirs two
   @mkdir dir */
#include "wasi.h"

int main(void) {
  char name[16] = "xxxxxxxxxxxxxxx";
  prestat stat = {9, 99};
  for (int fd = 3; fd < 6; fd++) {
    int error = fd_prestat_get(fd, &stat);
    say("prestat", error);
    if (error)
      break;
    show("tag", stat.tag);
    show("size", stat.name_size);
    say("name", fd_prestat_dir_name(fd, name, stat.name_size));
    text("name", name, stat.name_size + 1);
  }
  say("a short buffer", fd_prestat_dir_name(OTHER, name, 5));
  say("no buffer", fd_prestat_dir_name(OTHER, name, 0));
  memset(name, 'x', sizeof name);
  say("a longer buffer", fd_prestat_dir_name(OTHER, name, 12));
  text("name", name, 12);
  int dir = must_open("dir", DIRECTORY, 0);
  say("what was opened", fd_prestat_get(dir, &stat));
  say("its name", fd_prestat_dir_name(dir, name, 12));
  say("standard input", fd_prestat_get(0, &stat));
  say("its name", fd_prestat_dir_name(0, name, 12));
  say("nothing open", fd_prestat_dir_name(99, name, 12));
  return 0;
}
