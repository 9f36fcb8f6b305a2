/* A tree of directories deeper than anybody needs. */
#include "wasi.h"

static char path[1000];

int main(void) {
  int made = 0, error = 0, removed = 0;
  for (; made < 200; made++) {
    memcpy(path + 2 * made, "d/", 2);
    if ((error = path_create_directory(ROOT, path, 2 * made + 1)))
      break;
  }
  show("made", made);
  say("the last", error);
  memcpy(path + 2 * made, "file", 4);
  int fd = -1;
  say("a file at its end", path_open(ROOT, 0, path, 2 * made + 4, CREAT, READ_WRITE, 0, 0, &fd));
  say("write", write_text(fd, "deep"));
  say("unlink", path_unlink_file(ROOT, path, 2 * made + 4));
  for (int depth = made; depth > 0; depth--)
    removed += path_remove_directory(ROOT, path, 2 * depth - 1) == 0;
  show("removed", removed);
  return 0;
}
