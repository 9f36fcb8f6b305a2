/* Hard links to what is outside, by every way a path can name it.
   @file file x
   @link out ../outside
   @link secret ../outside/secret */
#include "wasi.h"

int main(void) {
  say("by steps up", path_link(ROOT, 0, P("../outside/secret"), ROOT, P("taken")));
  say("through a link", path_link(ROOT, 0, P("out/secret"), ROOT, P("taken")));
  say("of a link, following", path_link(ROOT, 1, P("secret"), ROOT, P("taken")));
  say("absolute", path_link(ROOT, 0, P("/etc/passwd"), ROOT, P("taken")));
  say("to the outside", path_link(ROOT, 0, P("file"), ROOT, P("../outside/given")));
  say("to the outside through a link", path_link(ROOT, 0, P("file"), ROOT, P("out/given")));
  /* A hard link of a symbolic link is one, and as little of a way out. */
  say("of a link", path_link(ROOT, 0, P("secret"), ROOT, P("copy")));
  try_open("which leads out", ROOT, 1, "copy", 0, FD_READ);
  try_open("which leads out", ROOT, 0, "copy", 0, FD_READ);
  return 0;
}
