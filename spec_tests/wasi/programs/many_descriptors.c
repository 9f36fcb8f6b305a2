/* Descriptors run out, and come back. */
#include "wasi.h"

int main(void) {
  static int fds[200];
  int opened = 0;
  must_open("file", CREAT, FD_WRITE);
  for (; opened < 200; opened++) {
    fds[opened] = open_at(ROOT, 0, "file", 0, FD_READ, 0);
    if (fds[opened] < 0)
      break;
  }
  show("opened", opened);
  for (int i = 1; i < opened; i++)
    if (fds[i] != fds[i - 1] + 1)
      show("out of order", i);
  for (int i = 0; i < opened; i++)
    if (fd_close(fds[i]))
      show("not closed", i);
  try_open("again", ROOT, 0, "file", 0, FD_READ);
  return 0;
}
