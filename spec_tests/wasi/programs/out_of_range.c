/* Flags and numbers that there are not.
   @file file hello
   @wasmtime no: it traps on the first of them */
#include "wasi.h"

int main(void) {
  u64 time = 77, position = 0;
  filestat stat;
  int opened;
  u16 out;
  u32 size;
  int fd = must_open("file", 0, READ_WRITE);
  say("clock", clock_time_get(4, 1, &time));
  say("clock", clock_time_get(0xffffffff, 1, &time));
  say("its resolution", clock_res_get(4, &time));
  show("nothing was written", time);
  say("whence", fd_seek(fd, 0, 3, &position));
  say("whence", fd_seek(fd, 0, 256, &position));
  say("advice", fd_advise(fd, 0, 5, 6));
  say("fdflags", fd_fdstat_set_flags(fd, 32));
  say("fstflags", fd_filestat_set_times(fd, 0, 0, 16));
  say("fstflags by path", path_filestat_set_times(ROOT, 0, P("file"), 0, 0, 16));
  say("lookup", path_filestat_get(ROOT, 2, P("file"), &stat));
  say("lookup", path_filestat_set_times(ROOT, 2, P("file"), 0, 0, ATIM));
  say("lookup", path_open(ROOT, 2, P("file"), 0, FD_READ, 0, 0, &opened));
  say("oflags", path_open(ROOT, 0, P("file"), 16, FD_READ, 0, 0, &opened));
  say("fdflags", path_open(ROOT, 0, P("file"), 0, FD_READ, 0, 32, &opened));
  say("rights", path_open(ROOT, 0, P("file"), 0, ~0ull, ~0ull, 0, &opened));
  say("rights", fd_fdstat_set_rights(fd, ~0ull, ~0ull));
  say("signal", proc_raise(31));
  iovec one = {&time, 8};
  say("how", sock_shutdown(fd, 4));
  say("riflags", sock_recv(fd, &one, 1, 4, &size, &out));
  return 0;
}
