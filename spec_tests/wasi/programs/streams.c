/* The standard streams, as descriptors. */
#include "wasi.h"

int main(void) {
  for (int fd = 0; fd < 3; fd++) {
    fdstat stat = {0};
    filestat attributes;
    say("fdstat", fd_fdstat_get(fd, &stat));
    check("may be read", (stat.base & FD_READ) != 0);
    check("may be written", (stat.base & FD_WRITE) != 0);
    say("filestat", fd_filestat_get(fd, &attributes));
    say("set times", fd_filestat_set_times(fd, 0, 0, ATIM));
  }
  say("error output", write_text(2, "to error output\n"));
  return 0;
}
