/* Standard output becomes a file, and the other way round. */
#include "wasi.h"

int main(void) {
  int fd = must_open("log", CREAT, READ_WRITE);
  text("before", P("to the terminal"));
  int error = fd_renumber(fd, 1);
  write_text(1, "to the file\n");
  say("renumbered", error);
  say("its old number", fd_close(fd));
  say("error output onto output", fd_renumber(2, 1));
  text("after", P("to error output"));
  return 0;
}
