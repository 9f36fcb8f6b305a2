/* Renumbering: the target has to be open and is closed, be it a preopened directory.
   @file one first
   @file two second */
#include "wasi.h"

int main(void) {
  prestat stat;
  int one = must_open("one", 0, READ_WRITE), two = must_open("two", 0, READ_WRITE);
  say("to what is not open", fd_renumber(one, 99));
  say("of what is not open", fd_renumber(99, two));
  say("to no descriptor", fd_renumber(one, -1));
  say("onto itself", fd_renumber(one, one));
  say("renumber", fd_renumber(one, two));
  say("the source is closed", fd_close(one));
  show_rest("the target", two);
  say("onto the preopened directory", fd_renumber(two, ROOT));
  say("which is none any more", fd_prestat_get(ROOT, &stat));
  try_open("nothing can be opened", ROOT, 0, "one", 0, FD_READ);
  say("what is there now is a file", write_text(ROOT, "!"));
  say("close it", fd_close(ROOT));
  say("close it again", fd_close(ROOT));
  return 0;
}
